"""Runs the transcripts of the policy engine: a small cluster, what is decided about it and in which order it is done.

A transcript is a comment that says what it shows, the cluster (see `clusters`), a line of dashes, and the output. With
PACEKEEPER_REWRITE=1 in the environment the outputs are written anew; look at the difference before you keep it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from crmsh.simulation.summary import summarize, summary_lines
from crmsh.simulation.text import event_lines
from pengine.graph import Graph
from pengine.graph_builder import build_graph
from pengine.reading import read_cluster
from pengine.scheduler import decide, score_lines
from pengine.simulation import simulate
from pengine.unmet import unmet_reasons
from pengine.unpack import unpack_element
from pengine.working import Cluster
from tests.transcripts.pengine.clusters import read

CASES = sorted((Path(__file__).parent / "cases").glob("*.txt"))
LINE = "----\n"


def play(text: str) -> str:
    """Return what is decided about the cluster that the text describes."""
    given = read(text)
    now = given.now
    cluster = read_cluster(unpack_element(given.root), now)
    decide(cluster)
    graph = build_graph(cluster)
    shown = [line for words in given.shown for line in _shown(words, cluster, graph)]
    unmet = [f"unmet: {reason}" for reason in unmet_reasons(cluster)]
    summary = [line.strip(" *") for line in summary_lines(summarize(cluster))]
    simulation = simulate(cluster, graph)
    assert simulation.complete, "the graph can't be carried out"
    after = read_cluster(simulation.state, now)
    decide(after)
    steps = [" ".join(line.strip(" *").split()) for line in event_lines(simulation.events)]
    return "\n".join([" ".join(line.split()) for line in summary] + unmet + shown + ["then:"] + steps) + "\n"


def _shown(words: list[str], cluster: Cluster, graph: Graph) -> list[str]:
    """Return what a `show` line asks for."""
    if words == ["scores"]:
        return [re.sub(r"^(pcmk__\w+: )?", "score: ", line) for line in score_lines(cluster)]
    if words == ["notes"]:
        return [f"note: {note}" for note in cluster.notes]
    if words == ["limits"]:
        return [f"limits: batch {graph.batch_limit}, migration {graph.migration_limit}, delay {graph.cluster_delay}"]
    assert words[0] == "action", f"'show {words[0]}' is not known"
    lines = []
    for synapse in graph.synapses:
        for action in synapse.actions:
            if action.task_key == words[1]:
                attributes = action.attributes or {}
                values = ", ".join(f"{name}={attributes.get(name, '-')}" for name in words[2:])
                lines.append(f"{words[1]} on {action.node_name or '-'}: {values}")
    return lines


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_the_cluster_is_run_as_the_transcript_says(path: Path) -> None:
    given, _, expected = path.read_text(encoding="utf-8").partition(LINE)
    output = play(given)
    if os.environ.get("PACEKEEPER_REWRITE") == "1":
        path.write_text(given + LINE + output, encoding="utf-8")
        return
    assert given.startswith("#"), "a transcript begins with a comment that says what it shows"
    assert output == expected
