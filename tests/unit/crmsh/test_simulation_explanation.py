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


def test_the_first_line_is_the_answer_and_every_constraint_is_told_with_what_it_adds() -> None:
    lines = explained("location near r 50 n2\nlocation away r -20 n1\nhistory n2 r start 0\nhistory n1 r monitor 7")
    assert lines == [
        "r runs on n2 because it has its highest score there (50, n1: -20): +50 location near.",
        "  n1: score -20",
        "    Not usable: its score there is below zero (-20)",
        "      To change it: raise one of the contributions above zero",
        "    -20 location away -> -20",
        "  n2: score 50 (chosen, it is there now)",
        "    +50 location near -> 50",
    ]


def test_a_ban_is_told_with_what_would_have_to_change() -> None:
    lines = explained("location never r -INFINITY n1", node="N1")
    assert lines[0] == "r is not on n1 because location constraint never forbids n1."
    assert lines[1] == "  To change it: change or delete location never"


@pytest.mark.parametrize(
    ("state", "why", "remedy"),
    [
        ("node n3 standby=on", "n3 is in standby", "crm node online n3"),
        ("node n3 offline", "n3 is offline", "start the cluster on n3"),
        ("node n3 maintenance=true", "n3 is in maintenance", "crm node ready n3"),
    ],
)
def test_a_node_that_can_run_nothing_says_why_and_what_to_do(state: str, why: str, remedy: str) -> None:
    assert explained(state, node="n3")[:2] == [f"r is not on n3 because {why}.", f"  To change it: {remedy}"]


@pytest.mark.parametrize(
    ("situation", "outcome"),
    [
        ("history n1 r start 0", "r runs on n1 because"),
        ("history n1 r start 0\nlocation l r -INFINITY n1", "r moves from n1 to n2 because location constraint l"),
        ("history n1 r start 0\noption stop-all-resources=true", "r is stopped on n1 because stop-all-resources"),
        ("option stop-all-resources=true", "r is stopped because stop-all-resources is true."),
        (
            "defaults rsc is-managed=false\nhistory n1 r start 0",
            "r is left as it is on n1 because is-managed is false.",
        ),
        ("quorum no", "r is stopped: it can't start on n1 because the cluster has no quorum."),
    ],
)
def test_the_first_line_says_what_becomes_of_it(situation: str, outcome: str) -> None:
    assert explained(situation)[0].startswith(outcome)


def test_all_parts_of_a_group_or_clone_are_told() -> None:
    lines = explained("primitive s ocf:heartbeat:Dummy\ngroup g r s", "g")
    assert lines[0] == "g is placed so: n1: r, s"
    assert "s is started on n1 because it follows r in group g." in lines
    lines = explained("primitive s ocf:heartbeat:Dummy\nclone c s", "s")
    assert lines[0] == "s is placed so: n2: s:0; n1: s:1"


def test_what_is_not_there_is_told_with_what_is_meant_perhaps() -> None:
    with pytest.raises(Failure, match="there is no resource 'x'"):
        explained("", "x")
    with pytest.raises(Failure, match="there is no node 'n9'"):
        explained("", "r", "n9")


def test_the_tool_explains_after_the_summary_or_quietly_alone(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab(tmp_path, capsys, monkeypatch)
    answer = "a is started on n1 because n1 and n2 are equally good, and n1 comes first in the order of names."
    assert lab.run("--run", "--explain", "a", "n1").part("Explanation:")[0] == answer
    assert lab.run("--explain=a", "n1").out.startswith(answer)
    assert lab.run("-Q", "--explain=a", "n1").out.startswith(answer)
    assert lab.run("--explain=a", "n1", "n2").code == 64
    assert lab.run("--explain=a", "--output-as=xml").code == 64
