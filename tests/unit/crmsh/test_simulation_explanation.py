"""crm_simulate --explain: why a resource is where, why not elsewhere, and what would have to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsh.failure import Failure
from crmsh.simulation.explanation import explain
from pengine.graph_builder import build_graph
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.unpack import unpack_element
from tests.transcripts.pengine.clusters import build
from tests.unit.crmsh.simulated import Captured, new_lab

BASE = "option stonith-enabled=false\nnode n1\nnode n2\nprimitive r ocf:heartbeat:Dummy\n"


def explained(text: str, resource: str = "r", node: str = "") -> list[str]:
    root, now = build(BASE + text)
    cluster = read_cluster(unpack_element(root), now)
    decide(cluster)
    build_graph(cluster)
    return explain(cluster, resource, node)


def test_every_constraint_is_told_with_what_it_adds_and_the_chosen_node_comes_first() -> None:
    assert explained("location near r 50 n2\nlocation away r -20 n1") == [
        "r: starts on n2",
        "  * n2: 50, chosen",
        "    * +50: location constraint 'near'",
        "  * n1: -20",
        "    * -20: location constraint 'away'",
    ]


def test_a_ban_is_told_with_what_would_have_to_change() -> None:
    assert explained("location never r -INFINITY n1", node="N1") == [
        "r: starts on n2",
        "  * n1: -INFINITY",
        "    * -INFINITY: location constraint 'never'",
        "      what would have to change: change or remove that constraint",
    ]


def test_failures_name_the_command_that_forgets_them() -> None:
    lines = explained("attribute n1 fail-count-r#start_0=INFINITY", node="n1")
    assert "      what would have to change: crm_resource --cleanup --resource r --node n1" in lines


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("node n3 standby=on", "the node is standby: crm_standby -D -N n3"),
        ("node n3 offline", "the node is offline"),
        ("node n3 maintenance=true", "the node can run nothing now: it is in maintenance"),
    ],
)
def test_a_node_that_can_run_nothing_says_why(state: str, why: str) -> None:
    assert f"    * {why}" in explained(state, node="n3")


@pytest.mark.parametrize(
    ("situation", "outcome"),
    [
        ("history n1 r start 0", "r: stays on n1"),
        ("history n1 r start 0\nlocation l r -INFINITY n1", "r: moves from n1 to n2"),
        ("history n1 r start 0\noption stop-all-resources=true", "r: stops on n1"),
        ("option stop-all-resources=true", "r: stays stopped"),
        ("defaults rsc is-managed=false\nhistory n1 r start 0", "r: is not managed and left alone on n1"),
        ("quorum no", "r: can't start on n1: no quorum"),
    ],
)
def test_the_first_line_says_what_becomes_of_it(situation: str, outcome: str) -> None:
    assert explained(situation)[0] == outcome


def test_all_parts_of_a_group_or_clone_are_told() -> None:
    lines = explained("primitive s ocf:heartbeat:Dummy\ngroup g r s", "g")
    assert [line for line in lines if line.endswith("starts on n1")] == ["r: starts on n1", "s: starts on n1"]
    assert "    * -INFINITY: it is to be with the other members of its group" in lines
    lines = explained("primitive s ocf:heartbeat:Dummy\nclone c s", "s")
    assert [line for line in lines if "starts on" in line] == ["s:0: starts on n2", "s:1: starts on n1"]


def test_what_is_not_there_is_told_with_what_is_meant_perhaps() -> None:
    with pytest.raises(Failure, match="there is no resource 'x'"):
        explained("", "x")
    with pytest.raises(Failure, match="there is no node 'n9'"):
        explained("", "r", "n9")


def test_the_tool_explains_after_the_summary_or_quietly_alone(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab(tmp_path, capsys, monkeypatch)
    assert lab.run("--explain", "a", "n1").part("Explanation:") == ["a: starts on n1", "* n1: 0, chosen"]
    assert lab.run("-Q", "--explain=a", "n1").out == "a: starts on n1\n  * n1: 0, chosen\n"
    assert lab.run("--explain=a", "n1", "n2").code == 64
    assert lab.run("--explain=a", "--output-as=xml").code == 64
