"""The policy engine decides as the installed Pacemaker about documents made by chance."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import SystemRandom

import pytest
from lxml import etree

from tests.differential.decisions import PEER, Decision, Refused, ask_ours, ask_peer, read_decision
from tests.differential.generate import generate
from tests.differential.search import describe, disagreement
from tests.differential.shrink import shrink

SAMPLE_SECONDS = 20
KNOWN_SEEDS = (1057, 1099, 2044, 2064, 2079, 2309, 2321, 2322, 3221, 3293, 700003158, 700003353)
"""Documents about which the two once disagreed, for our fault or for the version's."""

needs_peer = pytest.mark.skipif(PEER is None, reason="Pacemaker's crm_simulate is not installed")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def report(seed: int, parts: list[str], peer: Decision, ours: Decision) -> str:
    replay = f"python -m tests.differential.search --basic --seed {seed} --keep DIR"
    return "\n".join([f"seed {seed} (make it small: {replay})", *describe(parts, peer, ours)])


@pytest.mark.slow
@needs_peer
def test_fresh_documents_are_decided_alike(tmp_path: Path) -> None:
    first = SystemRandom().randrange(10**9)
    sys.stderr.write(f"the first seed is {first}\n")
    end = time.monotonic() + SAMPLE_SECONDS
    seed = first
    while time.monotonic() < end:
        try:
            parts, peer, ours = disagreement(generate(seed, basic=True), tmp_path)
        except Refused:
            pass
        else:
            assert not parts, report(seed, parts, peer, ours)
        seed += 1
    assert seed - first > 5


@needs_peer
@pytest.mark.parametrize("seed", KNOWN_SEEDS)
def test_documents_that_once_made_a_difference_are_decided_alike(seed: int, tmp_path: Path) -> None:
    parts, peer, ours = disagreement(generate(seed, basic=True), tmp_path)
    assert not parts, report(seed, parts, peer, ours)


@needs_peer
def test_a_difference_in_what_a_preference_weighs_is_noticed(tmp_path: Path) -> None:
    preference = b'node="n1" score="50"/>'
    document = next(
        text
        for text in map(generate, range(300))
        if preference in text and any(line.endswith("on n1: 50") for line in ask_ours(text, tmp_path).scores)
    )
    peer = ask_peer(document, tmp_path)
    heavier = ask_ours(document.replace(preference, b'node="n1" score="51"/>'), tmp_path)
    assert sum(line.endswith("on n1: 50") for line in peer.scores) > sum(
        line.endswith("on n1: 50") for line in heavier.scores
    )
    assert "scores" in heavier.differing(peer)


def test_the_same_seed_gives_the_same_document() -> None:
    assert [generate(seed) for seed in range(20)] == [generate(seed) for seed in range(20)]
    assert generate(1) != generate(2)


def test_every_document_can_be_decided_and_its_graph_carried_out(tmp_path: Path) -> None:
    for seed in range(60):
        decision = ask_ours(generate(seed), tmp_path)
        assert not any(edge.startswith("missing") for edge in decision.edges), seed


def test_a_document_is_made_smaller_until_nothing_can_go() -> None:
    document = (
        b'<cib><configuration><resources><a id="1" x="y"><b/></a><c id="2" z="w"/></resources></configuration></cib>'
    )
    small = etree.fromstring(shrink(document, lambda text: b'z="w"' in text))
    assert [element.tag for element in small.iter()] == ["cib", "configuration", "resources", "c"]


def test_numbers_and_order_of_actions_do_not_count() -> None:
    def graph(first: int, second: int) -> bytes:
        synapses = [
            f'<synapse><action_set><rsc_op id="{first}" operation="start" operation_key="a_start_0" on_node="n"/>'
            "</action_set><inputs/></synapse>",
            f'<synapse><action_set><rsc_op id="{second}" operation="start" operation_key="b_start_0" on_node="n"/>'
            f'</action_set><inputs><trigger><rsc_op id="{first}"/></trigger></inputs></synapse>',
        ]
        return f"<transition_graph>{''.join(synapses[:: 1 if first < second else -1])}</transition_graph>".encode()

    assert read_decision("", graph(1, 2)) == read_decision("", graph(7, 3))
    assert read_decision("", graph(1, 2)).edges == ("rsc_op start a_start_0 - n - -> rsc_op start b_start_0 - n -",)
