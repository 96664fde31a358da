"""Seeds of the simulator: those that once failed, and as many fresh ones as fit into the time."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from lab.simulator.__main__ import failures, run_many, summary, unreached
from lab.simulator.runner import run_seed
from lab.simulator.scenario import make

pytestmark = pytest.mark.simulation

FULL = bool(os.environ.get("PACEKEEPER_TEST_FULL"))
FRESH_SECONDS = 300.0
FULL_SEEDS = 10_000
REGRESSIONS = [int(line.split("#")[0]) for line in (Path(__file__).parent / "regressions.txt").read_text().splitlines()]


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_seed_that_once_failed_holds_all_promises(seed: int) -> None:
    result = run_seed(seed)
    assert not result.broken, result.broken


@pytest.mark.timeout(0 if FULL else FRESH_SECONDS + 120)
def test_fresh_seeds_hold_all_promises_and_reach_everything(capsys: pytest.CaptureFixture[str]) -> None:
    first = random.SystemRandom().randrange(1 << 30)
    count, seconds = (FULL_SEEDS, None) if FULL else (FULL_SEEDS, FRESH_SECONDS)
    results = run_many(range(first, first + count), os.cpu_count() or 2, seconds)
    with capsys.disabled():
        sys.stdout.write("\n" + summary(results))
    assert not failures(results), summary(failures(results))
    assert not unreached(results)


def test_scenarios_are_as_hard_as_they_should_be() -> None:
    scenarios = [make(seed) for seed in range(500)]
    assert {len(scenario.nodes) for scenario in scenarios} == {2, 3, 5}
    assert sum(len(scenario.faults) for scenario in scenarios) / len(scenarios) >= 8
    assert sum(scenario.fencing for scenario in scenarios) / len(scenarios) >= 0.7


def test_a_seed_replays_exactly_whatever_the_hash_seed() -> None:
    digests = set()
    for hash_seed in ("1", "2"):
        output = subprocess.run(
            [sys.executable, "-m", "lab.simulator", "--seed", "7"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        digests.add(output)
    assert len(digests) == 1, digests
