"""Random histories of faults, and proof that a broken core is caught by them."""

import time
from collections.abc import Callable

import pytest

from heartbeat.agreement import Agreement
from heartbeat.events import DurableState, Persist
from heartbeat.membership import Membership
from heartbeat.promises import Promises
from tests.unit.heartbeat.faults import live_through

SECONDS = 8
SEEDS_MAX = 400
SEEDS_THAT_FAILED = (392, 575, 1149, 4990)
"""Rival proposers that kept each other's voters waiting; a slow disk that was taken for a refusal."""


def test_random_histories_keep_the_promises_and_end_in_one_view() -> None:
    began = time.monotonic()
    seeds = 0
    while seeds < SEEDS_MAX and time.monotonic() - began < SECONDS:
        live_through(seeds)
        seeds += 1
    assert seeds >= 50, f"only {seeds} histories in {SECONDS} s"


@pytest.mark.parametrize("seed", SEEDS_THAT_FAILED)
def test_a_history_that_failed_once_stays_good(seed: int) -> None:
    live_through(seed)


def votes_without_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Promises, "covers", lambda promises, number: True)
    monkeypatch.setattr(Promises, "reserve", lambda promises, number: [])


def votes_twice_for_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Agreement, "may_vote", lambda agreement, number: True)


def uses_a_generation_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin_life(promises: Promises) -> Persist:
        state = DurableState(max(1, promises.asked.generation), promises.asked.voted + 16, promises.asked.nodes)
        return promises._save(state.generation, state.voted, state.nodes)  # noqa: SLF001

    monkeypatch.setattr(Promises, "begin_life", begin_life)


def believes_any_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    objection = Membership._objection  # noqa: SLF001
    monkeypatch.setattr(
        Membership,
        "_objection",
        lambda *arguments: None if (reason := objection(*arguments)) == "origin" else reason,
    )


@pytest.mark.parametrize(
    "break_core",
    [votes_without_disk, votes_twice_for_a_number, uses_a_generation_again, believes_any_origin],
)
def test_a_broken_core_is_caught(
    break_core: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_core(monkeypatch)
    with pytest.raises(AssertionError):
        live_through_many(200)


def live_through_many(seeds: int) -> None:
    for seed in range(seeds):
        live_through(seed)
