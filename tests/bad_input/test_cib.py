"""cib.xml, cibadmin and the shell: each wrong document or change is refused with the place, and nothing is stored."""

import os
from pathlib import Path

import pytest

from cib import history
from cib.replica_events import Persist
from cib.schema import validate
from cib.store import Store
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


# Each row: a cib.xml; line and column of what is wrong; what is said of it.
DOCUMENTS = [
    ("", "1:1", "Document is empty"),
    ("<cib", "1:5", "Couldn't find end of Start Tag cib"),
    ("<pacemaker/>", "1:1", "the outermost element is <pacemaker>, expected <cib>"),
    (WHOLE[:-8], "8:10", "Premature end of data in tag cib"),
    (WHOLE.replace("3.9", "99.0"), "1:6", "unknown value 'pacemaker-99.0', expected pacemaker-1.0 to pacemaker-4.0"),
    (WHOLE.replace(' validate-with="pacemaker-3.9"', ""), "1:1", "attribute 'validate-with' is missing, expected"),
    (WHOLE.replace('"1" num', '"one" num'), "1:52", "cib: attribute 'epoch' has the value 'one', expected a number"),
    (WHOLE.replace(' uname="node1"', ""), "4:8", "node 'node1': attribute 'uname' is missing"),
    (WHOLE.replace("<constraints/>", ""), "2:1", "<constraints>"),
    (resources('<primitive id="p" class="lsb" type="x">'), "5:63", "tag mismatch: primitive line 5 and resources"),
    (resources('<primitive id="p" class="lsb" type="x">&nosuch;</primitive>'), "5:59", "Entity 'nosuch' not defined"),
    (resources('<primitive id="p" class=lsb/>'), "5:36", 'AttValue: " or \' expected'),
    (resources('<primitve id="p"/>'), "5:12", "primitve 'p': is not allowed in <resources> here"),
    (resources('<primitve id="p"/>'), "5:12", "did you mean 'primitive'?"),
    (resources('<primitive class="lsb" type="x"/>'), "5:12", "primitive: attribute 'id' is missing"),
    (resources('<primitive id="p" type="x"/>'), "5:12", "primitive 'p': attribute 'class' is missing"),
    (resources('<primitive id="p" class="lbs" type="x"/>'), "5:30", "expected ocf, lsb, heartbeat, stonith, service"),
    (resources('<primitive id="1p" class="lsb" type="x"/>'), "5:23", "'id' has the value '1p', expected a name"),
    (resources('<primitive id="p" class="lsb" type="x" kind="y"/>'), "5:51", "attribute 'kind' is not allowed here"),
    (resources('<primitive id="p" class="lsb" type="x"/>' * 2), "5:63", "the id 'p' is taken: a primitive in line 5"),
    (resources('<group id="g"/>'), "5:12", "group 'g': an element is missing inside: <primitive>"),
    (resources('<clone id="c"/>'), "5:12", "clone 'c': an element is missing inside"),
    (
        resources(
            '<primitive id="p" class="lsb" type="x"><operations>'
            '<op id="o" name="monitor"/></operations></primitive>'
        ),
        "5:63",
        "op 'o': attribute 'interval' is missing",
    ),
    (
        resources(
            '<primitive id="p" class="lsb" type="x"><operations>'
            '<op id="o" name="monitor" interval="10s" on-fail="panic"/></operations></primitive>'
        ),
        "5:104",
        "op 'o': attribute 'on-fail' has the value 'panic', expected ignore, block, demote, stop, restart",
    ),
    (constraint('<rsc_location id="l" rsc="q" node="node1" score="1"/>'), "6:35", "'rsc' names 'q', but nothing has"),
    (constraint('<rsc_location id="l" rsc="p" node="node1" score="ten"/>'), "6:56", "'score' has the value 'ten'"),
    (constraint('<rsc_location id="l" rsc="p" node="node1"/>'), "6:14", "attribute 'score' is missing"),
    (constraint('<rsc_order id="o" first="p"/>'), "6:14", "rsc_order 'o': attribute 'then' is missing"),
    (constraint('<rsc_order id="o" first="p" then="p" kind="Soon"/>'), "6:51", "expected Optional, Mandatory"),
    (constraint('<rsc_colocation id="c" rsc="p" with-rsc="q" score="1"/>'), "6:45", "'with-rsc' names 'q', but"),
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
    assert any(line.startswith(f"{path}:{place}: ") and expected in line for line in lines), lines
    assert path.read_text() == text


BYTES = WHOLE.encode()
DOCTYPE = b"<!DOCTYPE cib [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>%s]>\n"

# What editors, disks and people make of a file. Each row: its bytes; where it is wrong; what is said of it.
DAMAGED = [
    (BYTES.replace(b"lsb", b"l\0b"), "5:38", "invalid character"),
    (b"\0" * len(BYTES), "1:1", "Document is empty"),
    (BYTES[: len(BYTES) // 2], "4:27", ""),
    (b"  \n\n", "3:1", "Start tag expected"),
    (BYTES.replace(b"node1", b"n\xf6de"), "4:19", "Invalid bytes in character encoding"),
    (WHOLE.encode("utf-16-le"), "1:2", "Invalid character"),
    (b'<?xml version="1.0" encoding="klingon"?>' + BYTES, "1:39", "Unsupported encoding: klingon"),
    (b'<?xml version="1.0" encoding="UTF-16"?>' + BYTES, "1:38", ""),
    (b'\n<?xml version="1.0"?>' + BYTES, "2:6", "XML declaration allowed only at the start"),
    (b"\xef\xbb\xbf" + BYTES.replace(b"lsb", b"lbs"), "5:30", "attribute 'class' has the value 'lbs'"),
    (WHOLE.replace("lsb", "lbs").encode("utf-16"), "5:30", "attribute 'class' has the value 'lbs'"),
    (BYTES.replace(b"lsb", b"lbs").replace(b"\n", b"\r\n"), "5:30", "attribute 'class' has the value 'lbs'"),
    (BYTES.replace(b"id=\"p\" ", b"\n  id=\"p\"\n\tclazz=\"x\" "), "7:2", "attribute 'clazz' is not allowed here"),
    (BYTES.replace(b"<crm_config/>", b"<!-- <primitive/> --><crm_confg/>"), "3:22", "crm_confg: is not allowed"),
    (DOCTYPE % b"" + BYTES, "1:1", "a document type declaration is not allowed"),
    (DOCTYPE % b"<!ENTITY c SYSTEM 'file:///etc/passwd'>" + BYTES.replace(b"lsb", b"&b;"), "1:1", "document type"),
    (b'<!DOCTYPE cib SYSTEM "http://127.0.0.1:9/cib.dtd">' + BYTES, "1:1", "a document type declaration"),
    (BYTES + b"<cib/>", "10:1", "Extra content at the end"),
    (BYTES.replace(b'class="lsb"', b'class="lsb" class="ocf"'), "5:62", "Attribute class redefined"),
    (BYTES.replace(b"lsb", b"a & b"), "5:40", ""),
    (BYTES.replace(b"lsb", b"&#1;"), "5:41", "invalid xmlChar value 1"),
    (BYTES.replace(b"<crm_config/>", b"<!-- <crm_config/>"), "10:1", "Comment not terminated"),
    (resources("<group id='g'>" * 300 + "</group>" * 300).encode(), "5:3567", "Excessive depth"),
    (resources('<primitive id="p" class="lsb" type="' + "x" * 11_000_000 + '"/>').encode(), "5:10003836", "limit"),
    (BYTES.replace(b"<cib ", b'<cib xmlns="urn:x" '), "1:1", "expected <cib>"),
    (BYTES.replace(b' admin_epoch="0" epoch="1" num_updates="0"', b""), "1:1", "'epoch' and 'num_updates' is missing"),
    (BYTES.replace(b'"1" num', b'"-1" num'), "1:52", "'epoch' has the value '-1', expected a number of 0 or more"),
    (BYTES.replace(b'"1" num', b'"9999999999" num'), "1:52", "expected a number of at most 2000000000"),
    (BYTES.replace(b'"1" num', '"\u0661" num'.encode()), "1:52", "expected a number of 0 or more"),
    (BYTES.replace(b"pacemaker-3.9", b"Pacemaker-3.9"), "1:6", "expected pacemaker-1.0 to pacemaker-4.0"),
    (BYTES.replace(b"pacemaker-3.9", b"transitional-0.6"), "1:6", "expected pacemaker-1.0 to pacemaker-4.0"),
    (BYTES.replace(b"<cib ", b'<cib crm_feature_set="99.0" '), "1:6", "'crm_feature_set' has the value '99.0'"),
    (BYTES.replace(b"<status/>", b"<status/><configuration/>"), "8:10", "configuration: is not allowed in <cib>"),
    (b"\x1f\x8b\x08\x00", "1:1", "Start tag expected"),
    (b'{"cib": 1}', "1:1", "Start tag expected"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "place", "expected"), DAMAGED)
def test_a_damaged_cib_xml_is_refused_and_left_as_it_is(
    node: Installation, capsys: Captured, content: bytes, place: str, expected: str
) -> None:
    path = node.directories.cib / "cib.xml"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert crmd(["--check", "--node=node1"]) == EX_CONFIG
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith(f"{path}:{place}: ") and expected in line for line in lines), lines
    assert path.read_bytes() == content


@pytest.mark.parametrize(("content", "place", "expected"), DAMAGED)
def test_a_node_starts_from_the_last_good_version_beside_a_damaged_edit(
    tmp_path: Path, content: bytes, place: str, expected: str
) -> None:
    path = tmp_path / "cib.xml"
    path.write_text(WHOLE)
    good = Store.open(tmp_path, validate)
    written = good.document.copy()
    written.root.set("epoch", "2")
    point = history.extend(good.point, written.version, written.configuration_digest(), ())
    good.perform(Persist(1, written.to_disk_bytes(), point))
    path.write_bytes(content)

    store = Store.open(tmp_path, validate)

    assert store.document.version == written.version
    assert store.point == point
    (kept,) = store.divergences()
    assert store.read_kept(kept.name) == content
    (told,) = [note.text for note in store.take_notes() if note.event == "cib.start"][:1]
    assert f"{path}:{place}: " in told
    assert expected in told


# What reads differently and means the same.
HARMLESS = [
    b"\xef\xbb\xbf" + BYTES,
    WHOLE.encode("utf-16"),
    ('<?xml version="1.0" encoding="ISO-8859-1"?>' + WHOLE.replace("node1", "n\u00f6de")).encode("latin-1"),
    BYTES.replace(b"\n", b"\r\n"),
    BYTES.replace(b"\n", b"\r"),
    BYTES.replace(b"<crm_config/>", b"<?editor x?><!-- a note --><crm_config/>"),
    *(BYTES.replace(b"3.9", version) for version in (b"1.0", b"1.2", b"1.3", b"2.0", b"2.10", b"3.0", b"3.10", b"4.0")),
    BYTES.replace(b"pacemaker-3.9", b"none"),
]


@pytest.mark.parametrize("content", HARMLESS)
def test_a_cib_xml_that_is_written_otherwise_is_taken_as_it_is(
    node: Installation, capsys: Captured, content: bytes
) -> None:
    path = node.directories.cib / "cib.xml"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert crmd(["--check", "--node=node1"]) == os.EX_OK
    assert capsys.readouterr().err == ""
    assert Store.open(path.parent, validate).point.version.epoch == 1


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
    (["-C", "-o", "nosuch", "-X", "<a/>"], 64, "there is no section 'nosuch'"),
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
    assert said[0].startswith(f"{path}:6:35: rsc_location 'l': ")
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
