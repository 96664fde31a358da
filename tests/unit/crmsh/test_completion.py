"""What Tab offers."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from crmsh.backend import FileBackend
from crmsh.completion import complete_line
from crmsh.levels.framework import Session
from crmsh.levels.root import LEVEL
from tests.unit.crmsh.samples import TWO_NODES


@pytest.fixture
def session(tmp_path: Path) -> Session:
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES)
    session = Session(FileBackend(str(path)), out_stream=io.StringIO(), err_stream=io.StringIO())
    session.path = [LEVEL]
    return session


def offered(session: Session, line: str) -> list[str]:
    return [candidate.text for candidate in complete_line(session, line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("conf", ["configure"]),
        ("configure prim", ["primitive"]),
        ("resource stop v", ["vip"]),
        ("resource move db ", ["alpha", "beta"]),
        ("resource meta db s", ["set", "show"]),
        ("node standby a", ["alpha"]),
        ("configure modgroup ", ["site"]),
        ("configure modgroup site ", ["add", "remove"]),
        ("configure show type:lo", ["type:location"]),
        ("configure order o Man", ["Mandatory:"]),
        ("configure order o Mandatory: db:st", ["db:start", "db:stop"]),
        ("configure colocation c inf: db:Pro", ["db:Promoted"]),
        ("configure location l db 10: ", ["alpha", "beta"]),
        ("configure location l d", ["db"]),
        ("configure group g ", ["db"]),
        ("configure primitive p Dummy op mon", ["monitor"]),
        ("configure primitive p Dummy meta target-role=St", ["target-role=Started", "target-role=Stopped"]),
        ("configure primitive p Dummy op monitor inter", ["interval-origin=", "interval="]),
        ("configure property no-quorum-policy=s", ["no-quorum-policy=stop", "no-quorum-policy=suicide"]),
        ("configure property stonith-en", ["stonith-enabled="]),
        ("status full", ["full"]),
        ("configure frob x ", []),
        ("nonsense ", []),
    ],
)
def test_what_can_stand_at_the_end_of_the_line_is_offered(session: Session, line: str, expected: list[str]) -> None:
    assert sorted(offered(session, line)) == sorted(expected)


def test_parameters_that_an_agent_requires_come_first(session: Session) -> None:
    assert offered(session, "configure primitive p Filesystem params ")[:3] == ["device=", "directory=", "fstype="]


def test_an_open_quotation_and_an_empty_line_are_no_trouble(session: Session) -> None:
    assert offered(session, 'configure primitive p Dummy params fake="x') == []
    assert "configure" in offered(session, "")


def test_a_thousand_resources_are_completed_at_once(tmp_path: Path) -> None:
    many = "".join(f'<primitive id="r{n}" class="lsb" type="x"/>' for n in range(1000))
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES.replace('<primitive id="db"', f'{many}<primitive id="db"'))
    session = Session(FileBackend(str(path)), out_stream=io.StringIO(), err_stream=io.StringIO())
    session.path = [LEVEL]
    assert len(offered(session, "resource stop r")) == 1000
    started = time.perf_counter()
    assert len(offered(session, "configure location l r9")) == 111
    # Five times what it may cost on a quiet machine.
    assert time.perf_counter() - started < 0.25
