"""Runs the transcripts of explanations: a small cluster, what is asked about it, and what a person is told.

The form is that of the other transcripts (see `clusters`), with a last line `explain RESOURCE [NODE]`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crmsh.simulation.explanation import text_lines
from pengine.explain import NothingToExplain, explain
from pengine.graph_builder import build_graph
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.unpack import unpack_element
from pengine.working import Cluster
from tests.transcripts.pengine.clusters import ClusterText, read
from tests.transcripts.pengine.test_transcripts import CASES, LINE

EXPLANATIONS = sorted((Path(__file__).parent / "explanations").glob("*.txt"))


def decided(given: ClusterText) -> Cluster:
    """Return the working data of a run that is over."""
    cluster = read_cluster(unpack_element(given.root), given.now)
    decide(cluster)
    build_graph(cluster)
    return cluster


@pytest.mark.parametrize("path", EXPLANATIONS, ids=[path.stem for path in EXPLANATIONS])
def test_a_person_is_told_what_the_transcript_says(path: Path) -> None:
    given, _, expected = path.read_text(encoding="utf-8").partition(LINE)
    text, _, question = given.rstrip("\n").rpartition("\n")
    cluster = decided(read(text))
    output = "\n".join(text_lines(explain(cluster, *question.split()[1:]))) + "\n"
    if os.environ.get("PACEKEEPER_REWRITE") == "1":
        path.write_text(given + LINE + output, encoding="utf-8")
        return
    assert output == expected


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_every_resource_is_explained_on_every_node(path: Path) -> None:
    cluster = decided(read(path.read_text(encoding="utf-8").partition(LINE)[0]))
    for resource in cluster.resources:
        for node in (None, *(node.name for node in cluster.nodes)):
            explanation = explain(cluster, resource.id, node)
            lines = text_lines(explanation)
            assert "because" in lines[0] or "is placed so" in lines[0], lines[0]
            assert not any("None" in line or "{" in line for line in lines)


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_the_contributions_that_count_lead_to_the_score(path: Path) -> None:
    cluster = decided(read(path.read_text(encoding="utf-8").partition(LINE)[0]))
    for resource in cluster.resources:
        for part in explain(cluster, resource.id).parts:
            for view in part.nodes:
                if view.contributions:
                    assert view.contributions[-1].result == view.score, (part.id, view.node)


def test_a_name_that_is_not_there_comes_with_those_that_are() -> None:
    cluster = decided(read("option stonith-enabled=false\nnode n1\nprimitive vip ocf:heartbeat:Dummy"))
    with pytest.raises(NothingToExplain) as wrong_resource:
        explain(cluster, "vib")
    assert (wrong_resource.value.what, wrong_resource.value.known) == ("resource", ["vip"])
    with pytest.raises(NothingToExplain) as wrong_node:
        explain(cluster, "vip", "n2")
    assert (wrong_node.value.what, wrong_node.value.known) == ("node", ["n1"])
