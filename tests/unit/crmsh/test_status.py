"""The status: text as crm_mon prints it, XML, JSON, filters."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from crmsh import crm_mon
from crmsh.backend import FileBackend
from crmsh.crm_mon import coloured
from crmsh.language.xml import parse_xml
from crmsh.status.event_text import failure_line, fencing_line
from crmsh.status.model import FencingView
from crmsh.status.reader import read_status
from crmsh.status.resource_text import natural
from tests.unit.crmsh.samples import TWO_NODES


@pytest.fixture
def cib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TZ", "UTC")
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES)
    return path


def shown(cib: Path, *options: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    code = crm_mon.run(["-1", *options], FileBackend(str(cib)), out, err, colours=False)
    assert code == 0, err.getvalue()
    return out.getvalue()


def test_the_usual_status_has_summary_nodes_resources_and_failures(cib: Path) -> None:
    text = shown(cib, "--exclude=times", "-r")
    assert text == (
        "Cluster Summary:\n"
        "  * Stack: heartbeat\n"
        "  * Current DC: alpha (version 1.0) - partition with quorum\n"
        "  * 2 nodes configured\n"
        "  * 3 resource instances configured\n"
        "\n"
        "Node List:\n"
        "  * Online: [ alpha ]\n"
        "  * OFFLINE: [ beta ]\n"
        "\n"
        "Full List of Resources:\n"
        "  * Resource Group: site:\n"
        "    * vip\t(ocf:heartbeat:IPaddr2):\t FAILED alpha\n"
        "    * web\t(ocf:heartbeat:Dummy):\t Started alpha\n"
        "  * db\t(ocf:heartbeat:Dummy):\t Stopped\n"
        "\n"
        "Failed Resource Actions:\n"
        "  * vip 10s-interval monitor on alpha returned 'Not running' (the address is gone)"
        " at Mon Jan  5 08:01:40 2026\n"
    )


def test_resources_can_be_listed_by_node(cib: Path) -> None:
    text = shown(cib, "-n", "--exclude=all", "--include=nodes,resources")
    assert "  * Node alpha: online:\n    * Resources:\n      * vip\t(ocf:heartbeat:IPaddr2):\t FAILED\n" in text


def test_attributes_fail_counts_and_operations_are_shown_when_asked_for(cib: Path) -> None:
    text = shown(cib, "-A", "-f")
    assert f"  * Node: alpha:\n    * {'pingd':<32}\t: {'100':<10}\n" in text
    assert "    * vip: migration-threshold=1000000 fail-count=1\n" in text
    assert '      * (6) monitor: interval="10000ms"\n' in shown(cib, "-o")


def test_filters_narrow_the_view_to_a_node_or_a_resource(cib: Path) -> None:
    assert "web" not in shown(cib, "--resource=vip")
    assert "beta" not in shown(cib, "--node=alpha", "--exclude=summary")
    assert "No active resources" in shown(cib, "--node=nosuch")


def test_an_unknown_section_is_refused_with_the_nearest_name(cib: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    code = crm_mon.run(["-1", "--include=atributes"], FileBackend(str(cib)), out, err, colours=False)
    assert code == 64
    assert "did you mean 'attributes'?" in err.getvalue()


def test_xml_has_the_envelope_and_the_attribute_order_that_agents_rely_on(cib: Path) -> None:
    text = shown(cib, "--output-as=xml")
    root = parse_xml(text.encode())
    assert root.tag == "pacemaker-result"
    assert root[-1].get("code") == "0"
    assert '<node name="alpha" id="alpha" online="true" standby="false"' in text
    assert (
        '<resource id="web" resource_agent="ocf:heartbeat:Dummy" role="Started" active="true" orphaned="false"' in text
    )


def test_json_and_html_are_made_from_the_same_status(cib: Path) -> None:
    body = json.loads(shown(cib, "--output-as=json"))
    assert [node["state"] for node in body["nodes"]] == ["online", "OFFLINE"]
    assert body["resources"][0]["members"][0]["id"] == "vip"
    assert "<li>web (ocf:heartbeat:Dummy):  Started alpha</li>" in shown(cib, "--output-as=html")


def test_an_unreadable_cib_is_an_error_with_pacemakers_exit_code(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert crm_mon.run(["-1"], FileBackend(str(tmp_path / "none.xml")), out, err, colours=False) == 105
    assert "none.xml" in err.getvalue()


def test_fencing_and_failures_read_as_sentences() -> None:
    record = FencingView("beta", "reboot", "success", "alpha", "alpha", "crmd", "ipmi", "", 1767600000)
    assert fencing_line(record).startswith(
        "reboot of beta successful: delegate=alpha, client=crmd, origin=alpha, completed='"
    )
    failure = read_status(TWO_NODES.encode()).failures[0]
    failure.status_code, failure.status, failure.last_change = 2, "Timed Out", None
    assert (
        failure_line(failure)
        == "vip 10s-interval monitor on alpha could not be executed (Timed Out: the address is gone)"
    )


def test_names_sort_with_their_numbers_as_numbers() -> None:
    assert sorted(["n10", "n9", "7b", "lxc1"], key=natural) == ["7b", "lxc1", "n9", "n10"]


def test_telling_words_are_coloured_for_a_terminal() -> None:
    assert coloured("db\t(x):\t FAILED n1") == "db\t(x):\t \x1b[31;1mFAILED\x1b[0m n1"
    assert "\x1b" not in coloured("pendingly started")
