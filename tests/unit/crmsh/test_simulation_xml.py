"""The answer of crm_simulate as XML, and how long documents take."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from cib.document import Document
from crmsh.envelope import Tag
from crmsh.simulation.details import Details
from crmsh.simulation.summary import summarize
from crmsh.simulation.xml_output import XmlWriter
from crmsh.status.options import ShowOptions
from crmsh.status.reader import StatusReader
from crmsh.status.text import render_text
from pengine.graph_builder import build_graph
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.unpack import unpack_element
from tests.transcripts.pengine.clusters import build
from tests.unit.crmsh.simulated import CLUSTER, Captured, Lab, new_lab


@pytest.fixture
def lab(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return new_lab(tmp_path, capsys, monkeypatch)


def answer(lab: Lab, *options: str) -> ElementTree.Element:
    done = lab.run(*options, "--output-as=xml")
    assert done.err == ""
    return ElementTree.fromstring(done.out)


def part(root: ElementTree.Element, tag: str) -> list[tuple[str, dict[str, str]]]:
    """The children of the one element of this name below the envelope: their names and attributes."""
    (found,) = root.findall(tag)
    return [(child.tag, child.attrib) for child in found]


def test_the_answer_in_xml_has_an_element_for_each_part(lab: Lab) -> None:
    root = answer(lab, "-S", "-sU", "-d", "n1", "-g", "t", "-q", "1", "-i", "b_monitor_10000@n2=7")
    assert [child.tag for child in root] == [
        "cluster_status", "modifications", "allocations_utilizations", "actions", "transition",
        "revised_cluster_status", "status",
    ]  # fmt: skip
    (modifications,) = root.findall("modifications")
    assert modifications.attrib == {"quorum": "1"}
    assert part(root, "modifications")[:4] == [
        ("modify_node", {"action": "Offline", "node": "n1"}),
        ("modify_ticket", {"action": "Granting", "ticket": "t"}),
        ("inject_spec", {"spec": "b_monitor_10000@n2=7"}),
        (
            "inject_attr",
            {"name": "fail-count-b#monitor_10000", "value": "1", "node_path": "/node_state", "cib_node": "2"},
        ),
    ]
    nodes = {node.get("name"): node.get("online") for node in root.iterfind("revised_cluster_status/nodes/node")}
    assert nodes == {"n1": "false", "n2": "true"}


def test_scores_and_capacities_are_elements(lab: Lab) -> None:
    root = answer(lab, "-sU")
    assert part(root, "allocations_utilizations")[:3] == [
        ("capacity", {"node": "n1", "comment": "Original"}),
        ("capacity", {"node": "n2", "comment": "Original"}),
        ("node_weight", {"function": "pcmk__primitive_assign", "node": "n1", "score": "0", "id": "a"}),
    ]
    (capacities,) = [list(item) for item in root.findall("*/capacity[@node='n1'][@comment='Original']")]
    assert [(item.tag, item.text) for item in capacities] == [("cpu", "4"), ("mem", "8")]
    (use,) = root.findall("*/utilization[@resource='a']")
    assert use.attrib == {"resource": "a", "node": "n1", "function": "pcmk__assign_resource"}
    assert [child.tag for child in answer(lab, "-s")][1] == "allocations"
    assert [child.tag for child in answer(lab, "-U")][1] == "utilizations"


def test_steps_are_elements(lab: Lab) -> None:
    steps = part(answer(lab, "-S"), "transition")
    assert ("rsc_action", {"resource": "a", "op": "monitor", "node": "n1", "interval": "10000"}) in steps
    assert ("rsc_action", {"resource": "p:0", "op": "start", "node": "n1"}) in steps
    assert ("pseudo_action", {"task": "c_start_0"}) in steps
    failed = part(answer(lab, "-F", "a_start_0@n1=1"), "transition")
    assert failed[-2][0] == "inject_attr"


def test_failures_and_attributes_are_part_of_the_status(lab: Lab) -> None:
    root = answer(lab, "-Ac", "-F", "a_start_0@n1=1")
    assert [child.tag for child in root.findall("cluster_status/*")] == [
        "nodes", "resources", "node_attributes", "node_history",
    ]  # fmt: skip
    histories = root.findall("revised_cluster_status/node_history/node/resource_history")
    assert [history.get("id") for history in histories] == ["a", "a"], "on n1 for the start, on n2 for the monitor"
    (failure,) = root.findall("revised_cluster_status/failures/failure")
    assert (failure.get("op_key"), failure.get("exitreason")) == ("a_start_0", "User-injected result")


PLAIN = "primitive s ocf:heartbeat:Dummy\n"
PROMOTABLE = "primitive r ocf:pacemaker:Stateful\nclone r-clone r meta promotable=true\nattribute n1 master-r=5\n"


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (PLAIN, {"action": "start", "resource": "s", "node": "n1"}),
        (
            PLAIN + "history n1 s start 0\nlocation l s -INFINITY n1",
            {"action": "move", "resource": "s", "source": "n1", "dest": "n2"},
        ),
        (
            PLAIN + "history n1 s start 0\noption stop-all-resources=true",
            {"action": "stop", "resource": "s", "node": "n1"},
        ),
        (
            PLAIN + "history n1 s start 0\nhistory n1 s monitor=10000 7",
            {"action": "recover", "resource": "s", "node": "n1"},
        ),
        (
            PROMOTABLE,
            {"action": "promote", "resource": "r:0", "role": "Stopped", "next-role": "Promoted", "dest": "n1"},
        ),
        (
            PROMOTABLE + "history n1 r start 0",
            {"action": "promote", "resource": "r:0", "role": "Unpromoted", "next-role": "Promoted", "source": "n1"},
        ),
        (
            PROMOTABLE + "history n1 r start 0\noption stop-all-resources=true",
            {"action": "stop", "resource": "r:0", "role": "Unpromoted", "node": "n1"},
        ),
    ],
)
def test_what_changes_is_told_with_where_from_where_to_and_in_which_roles(
    situation: str, expected: dict[str, str]
) -> None:
    root, now = build(f"option stonith-enabled=false\nnode n1\nnode n2\n{situation}")
    cluster = read_cluster(unpack_element(root), now)
    decide(cluster)
    build_graph(cluster)
    tag = Tag("x")
    XmlWriter(tag).summary(summarize(cluster))
    told = [
        {name: value for name, value in change.attributes.items() if name != "reason"} for change in tag.below[0].below
    ]
    assert expected in told


def test_a_node_that_is_fenced_is_told_with_the_reason() -> None:
    root, now = build(
        "node n1\nnode n2 lost\nprimitive f stonith:fence_x\nhistory n1 f start 0\n"
        "primitive r ocf:heartbeat:Dummy\nhistory n2 r start 0"
    )
    cluster = read_cluster(unpack_element(root), now)
    decide(cluster)
    build_graph(cluster)
    tag = Tag("x")
    XmlWriter(tag).summary(summarize(cluster))
    assert tag.below[0].below[0].attributes == {
        "task": "Fence (reboot)", "node": "n2", "reason": "peer is no longer part of the cluster",
    }  # fmt: skip


# --- profiles


def test_a_directory_is_processed_file_by_file_with_the_time_of_each(lab: Lab) -> None:
    (lab.path.parent / "other.xml").write_text(CLUSTER)
    (lab.path.parent / "notes.txt").write_text("no document")
    done = lab.run("-N", "2", source=("-P", str(lab.path.parent)))
    lines = done.part("Timings:")
    assert [line.rpartition(" ... ")[0] for line in lines] == [
        f"* Testing {lab.path.parent}/cib.xml",
        f"* Testing {lab.path.parent}/other.xml",
    ]
    assert all(line.endswith(" secs") for line in lines)
    timings = part(answer(lab, "-P", str(lab.path.parent)), "timings")
    assert [attributes["file"] for _, attributes in timings] == [str(lab.path), str(lab.path.parent / "other.xml")]
    assert all(float(attributes["duration"]) > 0 for _, attributes in timings)


def test_an_instance_too_many_is_shown_in_its_clone_as_removed() -> None:
    history = "history n1 p:0 start 0\nhistory n1 p:1 stop 0"
    root, now = build(f"node n1\nnode n2\nprimitive p ocf:heartbeat:Dummy\nclone c p meta clone-max=1\n{history}")
    tag = Tag("status")
    Details(root, now, attributes=False, failcounts=False).add_to(tag)
    (clone,) = next(part for part in tag.below if part.name == "resources").below
    assert [(item.attributes["role"], item.attributes["removed"]) for item in clone.below] == [
        ("Started", "false"), ("Stopped", "true"),
    ]  # fmt: skip


GUEST = (
    "option stonith-enabled=false\nnode n1\nprimitive vm ocf:heartbeat:Dummy meta remote-node=guest\n"
    "history n1 vm start 0\nhistory n1 guest start 0"
)


def test_the_connection_of_a_guest_is_a_resource_in_xml_and_no_line_of_the_text() -> None:
    root, now = build(GUEST)
    tag = Tag("status")
    Details(root, now, attributes=False, failcounts=False).add_to(tag)
    resources = next(part for part in tag.below if part.name == "resources").below
    assert [item.attributes["id"] for item in resources] == ["vm", "guest"]
    nodes = next(part for part in tag.below if part.name == "nodes").below
    running = {node.attributes["name"]: node.attributes["resources_running"] for node in nodes}
    assert running == {"guest": "0", "n1": "2"}
    text = render_text(StatusReader(Document(root), now).read(), ShowOptions(inactive=True))
    assert "* vm\t" in text
    assert "* guest\t" not in text
