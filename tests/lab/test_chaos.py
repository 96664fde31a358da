"""Random faults on real processes; whatever happened, afterwards all is as it should be.

A seed is printed. The same faults again: PACEKEEPER_CHAOS_SEED=7 .venv/bin/pytest tests/lab/test_chaos.py
For longer: PACEKEEPER_CHAOS_ROUNDS=20.
"""

import os
import random
import sys
import time

import pytest

from lab.namespaces.chaos import Chaos
from lab.namespaces.lab import Lab
from lab.namespaces.node import LabError
from lab.namespaces.settled import Judge, NotSettled
from tests.lab.conftest import RESOURCES, ClusterMaker

pytestmark = pytest.mark.lab

ROUNDS = int(os.environ.get("PACEKEEPER_CHAOS_ROUNDS", "1"))
SETTLE_S = 60.0


@pytest.mark.timeout(120 + 180 * ROUNDS)
@pytest.mark.parametrize(
    ("count", "fencing"), [(2, True), (3, True), (2, False)], ids=["two-fenced", "three-fenced", "two-unfenced"]
)
def test_after_random_faults_one_dc_runs_everything_once(make_cluster: ClusterMaker, count: int, fencing: bool) -> None:
    seed = int(os.environ.get("PACEKEEPER_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    cluster = make_cluster(count, fencing=fencing)
    chaos = Chaos(cluster.lab, random.Random(seed), RESOURCES, fencing=fencing)
    judge = Judge(cluster.lab, RESOURCES, chaos.start_missing)
    sys.stdout.write(f"seed {seed}, {count} nodes, fencing {'on' if fencing else 'off'}\n")
    try:
        for _ in range(ROUNDS):
            chaos.harm(faults=7)
            chaos.make_good()
            settle(cluster.lab, chaos, judge)
            if count > 2 or not fencing:
                # Two nodes that lost each other decide by fencing: the loser may have acknowledged a change.
                judge.check_options(chaos.acknowledged)
    except (LabError, NotSettled) as error:
        keep_logs(cluster.lab, seed)
        raise AssertionError("\n".join([f"seed {seed}: {error}", *chaos.history])) from error


def settle(lab: Lab, chaos: Chaos, judge: Judge) -> None:
    """Everything that must hold. Failures are forgotten once, as by an operator: they may ban a resource."""
    took = judge.await_cluster(SETTLE_S)
    chaos.put_online()
    next(iter(lab.nodes.values())).run(["crm_resource", "--cleanup"], check=False)
    took += judge.await_resources(SETTLE_S)
    judge.check_quiet()
    judge.check_logs()
    judge.check_journal()
    sys.stdout.write(f"settled after {took:.1f} s\n")


def keep_logs(lab: Lab, seed: int) -> None:
    """The lab's directory is removed with it; PACEKEEPER_CHAOS_LOGS names where to keep what the nodes said."""
    target = os.environ.get("PACEKEEPER_CHAOS_LOGS")
    if not target:
        return
    directory = f"{target}/{seed}-{int(time.time())}"
    os.makedirs(directory, exist_ok=True)
    for name, node in lab.nodes.items():
        log = node.file("/var/log/ha-log")
        if log.exists():
            with open(f"{directory}/{name}.log", "w") as stream:
                stream.write(log.read_text(errors="replace"))
    with open(f"{directory}/journal", "w") as stream:
        stream.write(lab.journal.read_text())
