"""What crm_simulate says of resources and draws of actions."""

from __future__ import annotations

from crmsh.simulation.status_text import status_lines
from pengine.graph_builder import build_graph
from pengine.graph_dot import graph_to_dot
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.unpack import unpack_element
from pengine.working import Cluster
from tests.transcripts.pengine.clusters import build


def cluster_of(text: str) -> Cluster:
    root, now = build(text)
    return read_cluster(unpack_element(root), now)


def line_of(text: str, resource: str, *, show_pending: bool) -> str:
    lines = status_lines(cluster_of(text), show_pending)
    return next(" ".join(line.split()) for line in lines if line.strip().startswith(f"* {resource}\t"))


def test_a_resource_is_shown_at_the_node_where_something_is_under_way_even_where_it_is_not_said_what() -> None:
    text = "option stonith-enabled=false\nnode n1\nprimitive r ocf:heartbeat:Dummy\nhistory n1 r stop 0 pending"
    assert line_of(text, "r", show_pending=True) == "* r (ocf:heartbeat:Dummy): Stopping n1"
    assert line_of(text, "r", show_pending=False) == "* r (ocf:heartbeat:Dummy): Stopped n1"


def test_what_a_probe_found_missing_is_told_of_nodes_that_are_online_only() -> None:
    text = "node n1 {}\nprimitive r ocf:heartbeat:Dummy\nhistory n1 r monitor 5 expected=7"
    assert line_of(text.format("online"), "r", show_pending=True).endswith("Stopped (Not installed)")
    assert line_of(text.format("lost"), "r", show_pending=True).endswith("Stopped")


def test_a_drawing_tells_what_is_not_managed_from_what_is_not_needed() -> None:
    cluster = cluster_of(
        "option stonith-enabled=false\nnode n1\nnode n2 lost\n"
        "primitive mine ocf:heartbeat:Dummy\nprimitive yours ocf:heartbeat:Dummy meta is-managed=false\n"
        "history n1 mine start 0\nhistory n1 yours start 0"
    )
    decide(cluster)
    build_graph(cluster)
    drawing = graph_to_dot(cluster, all_actions=True)
    assert '"yours_stop_0 n1" [ style=dashed color="red" fontcolor="purple"]' in drawing
    assert '"mine_stop_0 n1" [ style=dashed color="blue" fontcolor="black"]' in drawing
    assert "yours" not in graph_to_dot(cluster, all_actions=False)


def test_a_stop_that_fencing_implies_is_drawn_with_the_node_that_is_fenced() -> None:
    cluster = cluster_of(
        "node n1\nnode n2 lost\nprimitive fence stonith:fence_lab\nprimitive r ocf:heartbeat:Dummy\n"
        "history n1 fence start 0\nhistory n2 r start 0"
    )
    decide(cluster)
    build_graph(cluster)
    assert '"r_stop_0 n2" [ style=bold color="green" fontcolor="orange"]' in graph_to_dot(cluster, all_actions=False)
