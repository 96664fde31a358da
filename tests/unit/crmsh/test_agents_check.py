"""Agents that are not there, and parameters that they need or don't know, are told before they are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmd.client import ClientError
from crmsh import metadata
from crmsh.configuration.agents_check import check_agents
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.metadata import agent_types, providers_of, read_metadata
from tests.unit.crmsh.samples import EMPTY, TWO_NODES

AGENT = """\
#!/bin/sh
echo '<resource-agent name="Own" version="1"><parameters><parameter name="disk" required="1"><shortdesc>The disk'
echo '</shortdesc><content type="string"/></parameter></parameters></resource-agent>'
"""


class NobodyKnows:
    """An executor that has no other agents than this process finds."""

    def metadata(self, agent: str) -> bytes:
        raise ClientError(1, f"no agent {agent}")


class KnowsDumy:
    """An executor with other directories than this process."""

    def metadata(self, agent: str) -> bytes:
        assert agent == "ocf:heartbeat:Dumy"
        return b"<resource-agent name='Dumy'/>"


@pytest.fixture(autouse=True)
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node with one installed agent, ocf:own:Own."""
    script = tmp_path / "ocf/resource.d/own/Own"
    script.parent.mkdir(parents=True)
    script.write_text(AGENT)
    script.chmod(0o755)
    monkeypatch.setenv("OCF_ROOT", str(tmp_path / "ocf"))
    monkeypatch.setenv("PACEKEEPER_RUN_DIR", str(tmp_path / "run"))
    for cached in (metadata.finder, metadata.read_metadata):
        cached.cache_clear()
    yield
    for cached in (metadata.finder, metadata.read_metadata):
        cached.cache_clear()


def sentences(*lines: str, base: str = EMPTY) -> list[str]:
    copy = WorkingCopy.from_bytes(base.encode())
    for line in lines:
        copy.enter(line)
    return [f"{report.severity}: {report.sentence()}" for report in check_agents(copy, NobodyKnows())]


def test_installed_and_shipped_agents_are_listed_together() -> None:
    assert {"heartbeat", "own", "pacekeeper"} <= set(providers_of("ocf"))
    assert agent_types("ocf", "own") == ["Own"]
    assert "IPaddr2" in agent_types("ocf", "pacekeeper")


def test_a_shipped_agent_tells_its_parameters_without_a_process() -> None:
    found = read_metadata("ocf", "heartbeat", "IPaddr2")
    assert found is not None
    assert "ip" in {parameter.name for parameter in found.parameters}


def test_a_misspelt_agent_is_an_error_with_the_nearest_name() -> None:
    assert sentences("primitive y ocf:heartbeat:Dumy") == [
        "error: primitive 'y': there is no agent 'Dumy' on this node; did you mean 'Dummy'?"
    ]


def test_an_agent_that_only_the_executor_finds_is_none() -> None:
    copy = WorkingCopy.from_bytes(EMPTY.encode())
    copy.enter("primitive y ocf:heartbeat:Dumy")
    assert check_agents(copy, KnowsDumy()) == []


def test_a_misspelt_provider_and_a_class_that_nothing_runs_are_errors() -> None:
    provider, standard = sentences("primitive a ocf:heartbeet:Dummy", "primitive b systemd:nginx")
    assert "there is no provider 'heartbeet' on this node; did you mean 'heartbeat'?" in provider
    assert "the class 'systemd' is not supported" in standard


def test_a_missing_parameter_is_an_error_and_an_unknown_one_a_warning() -> None:
    assert sentences("primitive d ocf:own:Own params dsk=/dev/sdb trace_ra=1") == [
        "error: primitive 'd': the agent needs the parameter 'disk' (The disk)",
        "warning: primitive 'd': the agent does not know the parameter 'dsk'; did you mean 'disk'?",
    ]


def test_parameters_may_come_from_the_template() -> None:
    assert sentences("rsc_template t ocf:own:Own params disk=/dev/sdb", "primitive d @t") == []


def test_what_was_there_before_is_left_in_peace() -> None:
    base = TWO_NODES.replace('type="Dummy"', 'type="Gone"')
    assert sentences("property no-quorum-policy=stop", base=base) == []
