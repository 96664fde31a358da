"""The simulator can fail: each core with a defect is caught by one of a few seeds."""

import pytest

from lab.simulator.broken import CORES
from lab.simulator.runner import run_seed

pytestmark = pytest.mark.simulation

CAUGHT_BY: dict[str, tuple[int, ...]] = {
    "no_quorum_check": (3, 4, 5),
    "start_before_fencing_is_confirmed": (1, 4, 6),
    "a_silent_node_counts_as_down": (1, 4, 6),
    "acknowledge_before_fsync": (0, 1, 2),
    "reused_generation": (0, 1, 2),
    "vote_before_fsync": (0, 1, 2),
    "stale_orders_accepted": (13, 20, 26),
    "operations_in_flight_forgotten": (0, 2, 3),
    "results_lost": (0, 1, 2),
    "patches_without_a_version_check": (0, 1, 2),
    "the_dcs_own_cib_always_wins": (20, 22, 40),
    "actions_do_not_wait_for_their_inputs": (0, 1, 2),
    "leftovers_not_awaited": (17, 33),
}
"""Seeds that were found to catch a defect. One is enough; the others stand by for when the generator changes."""

FURTHER = range(100, 140)
"""Tried after those: every change of a core changes what a seed means, and a defect has to show in some seed soon."""


def test_every_broken_core_has_its_seeds() -> None:
    assert set(CAUGHT_BY) == set(CORES)


@pytest.mark.parametrize("name", CORES)
def test_a_broken_core_is_caught(name: str) -> None:
    for seed in (*CAUGHT_BY[name], *FURTHER):
        with CORES[name]():
            result = run_seed(seed)
        if result.broken:
            return
    pytest.fail(f"{name} kept all promises in the seeds {CAUGHT_BY[name]} and {FURTHER}")


@pytest.mark.parametrize("name", CORES)
def test_the_real_core_keeps_its_promises_in_the_same_seed(name: str) -> None:
    result = run_seed(CAUGHT_BY[name][0])
    assert not result.broken, result.broken
