"""cib.xml, cibadmin and the shell: each wrong document or change is refused with the place, and nothing is stored."""

import os
from pathlib import Path

import pytest

from crmd.__main__ import EX_CONFIG
from crmd.__main__ import main as crmd
from crmsh import cibadmin, crm
from heartbeat.command import NOT_CONFIGURED
from tests.bad_input.conftest import Installation
from tests.unit.crmsh.samples import TWO_NODES
from tests.unit.crmsh.test_refused_lines import REFUSED

Captured = pytest.CaptureFixture[str]

HEAD = """\
<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">
<configuration>
<crm_config/>
<nodes><node id="node1" uname="node1"/></nodes>
"""
TAIL = "\n</configuration>\n<status/>\n</cib>\n"
PRIMITIVE = '<resources><primitive id="p" class="lsb" type="x"/></resources>\n'
WHOLE = HEAD + PRIMITIVE + "<constraints/>" + TAIL


def resources(inside: str) -> str:
    """A document with this in line 5."""
    return f"{HEAD}<resources>{inside}</resources>\n<constraints/>{TAIL}"


def constraint(text: str) -> str:
    """A document with this in line 6."""
    return f"{HEAD}{PRIMITIVE}<constraints>{text}</constraints>{TAIL}"


# Each row: a cib.xml; the line that is wrong (with the column where the XML itself is broken); what is said of it.
DOCUMENTS = [
    ("", "1:1", "Document is empty"),
    ("<cib", "1:5", "Couldn't find end of Start Tag cib"),
    ("<pacemaker/>", "1:1", "the outermost element is <pacemaker>, expected <cib>"),
    (WHOLE[:-8], "8:10", "Premature end of data in tag cib"),
    (WHOLE.replace("3.9", "99.0"), "1", "unknown value 'pacemaker-99.0', expected pacemaker-1.0 to pacemaker-4.0"),
    (WHOLE.replace(' validate-with="pacemaker-3.9"', ""), "1", "attribute 'validate-with' is missing, expected"),
    (WHOLE.replace('"1" num', '"one" num'), "1", "cib: attribute 'epoch' has the value 'one', expected a number"),
    (WHOLE.replace(' uname="node1"', ""), "4", "node 'node1': attribute 'uname' is missing"),
    (WHOLE.replace("<constraints/>", ""), "2", "<constraints>"),
    (resources('<primitive id="p" class="lsb" type="x">'), "5", "tag mismatch: primitive line 5 and resources"),
    (resources('<primitive id="p" class="lsb" type="x">&nosuch;</primitive>'), "5", "Entity 'nosuch' not defined"),
    (resources('<primitive id="p" class=lsb/>'), "5", 'AttValue: " or \' expected'),
    (resources('<primitve id="p"/>'), "5", "primitve 'p': is not allowed in <resources> here"),
    (resources('<primitve id="p"/>'), "5", "did you mean 'primitive'?"),
    (resources('<primitive class="lsb" type="x"/>'), "5", "primitive: attribute 'id' is missing"),
    (resources('<primitive id="p" type="x"/>'), "5", "primitive 'p': attribute 'class' is missing"),
    (resources('<primitive id="p" class="lbs" type="x"/>'), "5", "expected ocf, lsb, heartbeat, stonith, service"),
    (resources('<primitive id="1p" class="lsb" type="x"/>'), "5", "'id' has the value '1p', expected a name"),
    (resources('<primitive id="p" class="lsb" type="x" kind="y"/>'), "5", "attribute 'kind' is not allowed here"),
    (resources('<primitive id="p" class="lsb" type="x"/>' * 2), "5", "the id 'p' is taken: a primitive in line 5"),
    (resources('<group id="g"/>'), "5", "group 'g': an element is missing inside: <primitive>"),
    (resources('<clone id="c"/>'), "5", "clone 'c': an element is missing inside"),
    (
        resources(
            '<primitive id="p" class="lsb" type="x"><operations>'
            '<op id="o" name="monitor"/></operations></primitive>'
        ),
        "5",
        "op 'o': attribute 'interval' is missing",
    ),
    (
        resources(
            '<primitive id="p" class="lsb" type="x"><operations>'
            '<op id="o" name="monitor" interval="10s" on-fail="panic"/></operations></primitive>'
        ),
        "5",
        "op 'o': attribute 'on-fail' has the value 'panic', expected ignore, block, demote, stop, restart",
    ),
    (constraint('<rsc_location id="l" rsc="q" node="node1" score="1"/>'), "6", "'rsc' names 'q', but nothing has"),
    (constraint('<rsc_location id="l" rsc="p" node="node1" score="ten"/>'), "6", "'score' has the value 'ten'"),
    (constraint('<rsc_location id="l" rsc="p" node="node1"/>'), "6", "attribute 'score' is missing"),
    (constraint('<rsc_order id="o" first="p"/>'), "6", "rsc_order 'o': attribute 'then' is missing"),
    (constraint('<rsc_order id="o" first="p" then="p" kind="Soon"/>'), "6", "expected Optional, Mandatory"),
    (constraint('<rsc_colocation id="c" rsc="p" with-rsc="q" score="1"/>'), "6", "'with-rsc' names 'q', but nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "expected"), DOCUMENTS)
def test_a_cib_xml_is_refused_with_file_line_and_expectation(
    node: Installation, capsys: Captured, text: str, place: str, expected: str
) -> None:
    path = node.directories.cib / "cib.xml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert crmd(["--check", "--node=node1"]) == EX_CONFIG
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith(f"{path}:{place}") and expected in line for line in lines), lines
    assert path.read_text() == text


def test_a_right_cib_xml_is_right(node: Installation, capsys: Captured) -> None:
    (node.directories.cib).mkdir(parents=True)
    (node.directories.cib / "cib.xml").write_text(WHOLE)
    assert crmd(["--check", "--node=node1"]) == os.EX_OK
    assert capsys.readouterr().err == ""


@pytest.fixture
def cib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the tools work on."""
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES)
    monkeypatch.setenv("CIB_file", str(path))
    return path


# Each row: a call of cibadmin; its exit code; what is said.
CHANGES = [
    (["-C", "-o", "resources", "-X", "<primitive"], 78, "1:11: Couldn't find end of Start Tag"),
    (["-C", "-o", "resources", "-X", '<primitve id="n"/>'], 78, "did you mean 'primitive'?"),
    (["-C", "-o", "resources", "-X", '<primitive id="n" class="lsb"/>'], 78, "'n': attribute 'type' is missing"),
    (["-C", "-o", "resources", "-X", '<primitive id="db" class="lsb" type="x"/>'], 108, "exists"),
    (["-M", "-o", "resources", "-X", '<primitive id="db" provder="x"/>'], 78, "'provder' is not allowed here"),
    (["-M", "-o", "resources", "-X", '<primitive id="nosuch" class="x"/>'], 105, "nosuch"),
    (["-D", "-o", "resources", "-X", '<primitive id="db"/>'], 78, "names 'db', but nothing has that id"),
    (["-C", "-o", "constraints", "-X", '<rsc_location id="l" rsc="db" node="alpha"/>'], 78, "'score' is missing"),
    (["-R", "-X", "<cib/>"], 103, "older than"),
    (["-C", "-o", "nosuch", "-X", "<a/>"], 70, "there is no section 'nosuch'"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "expected"), CHANGES)
def test_a_change_by_cibadmin_is_refused_and_nothing_is_stored(
    cib: Path, capsys: Captured, arguments: list[str], code: int, expected: str
) -> None:
    before = cib.read_text()
    assert cibadmin.main(arguments) == code
    assert expected in capsys.readouterr().err
    assert cib.read_text() == before


@pytest.mark.parametrize(("line", "expected"), [row for row in REFUSED if "is in use by" not in row[1]])
def test_a_line_of_a_file_of_the_shell_is_refused_with_its_number(
    cib: Path, tmp_path: Path, capsys: Captured, line: str, expected: str
) -> None:
    before = cib.read_text()
    written = tmp_path / "lines.crm"
    written.write_text(f"# the next one is wrong\n{line}\n")
    assert crm.main(["configure", "load", "update", str(written)]) == 1
    said = capsys.readouterr().err
    assert f"{written}:2: " in said
    assert expected in said
    assert cib.read_text() == before


def test_a_node_whose_only_cib_xml_is_broken_is_not_started(node: Installation, capsys: Captured) -> None:
    path = node.directories.cib / "cib.xml"
    path.parent.mkdir(parents=True)
    path.write_text(constraint('<rsc_location id="l" rsc="q" node="node1" score="1"/>'))
    assert node.heartbeat("start") == NOT_CONFIGURED
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"{path}:6: rsc_location 'l': ")
    assert said[-1] == "heartbeat: nothing was started"
    assert not node.directories.run.exists()
    assert [each.name for each in node.directories.state.iterdir()] == ["cib"]


def test_a_broken_cib_xml_does_not_prevent_a_start_where_a_good_version_is_recorded(
    node: Installation, capsys: Captured
) -> None:
    path = node.directories.cib / "cib.xml"
    path.parent.mkdir(parents=True)
    path.write_text("<cib")
    (path.parent / "cib.history").write_text("{}")
    assert node.heartbeat("check") == os.EX_OK
    assert capsys.readouterr().err == ""
