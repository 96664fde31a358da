"""Nothing is collected while a decision is made."""

from __future__ import annotations

import gc

import pytest

from pengine.collector import paused_collector
from pengine.scheduler import schedule
from pengine.unpack import unpack_element
from tests.transcripts.pengine.clusters import build


def test_no_collection_happens_during_a_decision_and_one_does_after_it() -> None:
    root, now = build("\n".join(["node n1", "node n2", *(f"primitive r{n} ocf:heartbeat:Dummy" for n in range(200))]))
    state = unpack_element(root)
    seen: list[str] = []

    def note(phase: str, _: dict[str, int]) -> None:
        seen.append(phase)

    gc.callbacks.append(note)
    try:
        with paused_collector():
            schedule(state, now)
            during = list(seen)
    finally:
        gc.callbacks.remove(note)
    assert during == []
    assert seen[:2] == ["start", "stop"]


def test_the_collector_is_as_it_was_before_also_after_an_error() -> None:
    def fail() -> None:
        with paused_collector():
            assert not gc.isenabled()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert gc.isenabled()
    gc.disable()
    try:
        with paused_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
