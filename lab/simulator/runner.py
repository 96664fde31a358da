"""Runs seeds: the faults, the healing, the last checks; and says what was reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lab.simulator.clients import MARK
from lab.simulator.cluster import Cluster
from lab.simulator.promises.broken import InvariantBroken
from lab.simulator.scenario import FAULTS_END_MS, SETTLE_MS, make
from lab.simulator.world import World

CHECK_EVERY_MS = 500
CLEANUP_EVERY_MS = 20_000
RECORD_MS = 5_000
"""How long the settled state has to last."""

MUST_BE_REACHED = (
    "views",
    "elections",
    "DC losses",
    "takeovers",
    "fencings",
    "aborted transitions",
    "refused stale orders",
    "works apart",
)
"""A run of many seeds that reaches none of one of these has tested nothing of it."""


@dataclass
class Result:
    """What came of one seed."""

    seed: int
    broken: str
    """Empty when every promise held."""
    digest: str
    virtual_ms: int
    reached: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)


def run_seed(seed: int, *, verbose: bool = False) -> Result:
    """Run one seed to its end; never raises for a broken promise, but says so."""
    world = World(seed, verbose=verbose)
    cluster = Cluster(world, make(seed))
    broken = ""
    try:
        cluster.start()
        world.run(FAULTS_END_MS + 1_000)
        _settle(cluster)
    except InvariantBroken as error:
        broken = str(error)
    except Exception as error:
        # A defect of a core ends its daemon; here it ends the run, and has to be told with its seed.
        broken = f"the code failed at {world.now / 1000:.3f} s: {error!r}"
        if verbose:
            raise
    world.reached["seeds"] += 1
    return Result(seed, broken, world.digest(), world.now, world.reached, world.lines)


def _settle(cluster: Cluster) -> None:
    """After the healing the cluster has to become idle with everything running, and to stay so."""
    world = cluster.world
    cluster.heal()
    end = world.now + SETTLE_MS
    next_cleanup = world.now + CLEANUP_EVERY_MS // 2
    settled_since: int | None = None
    reason = ""
    while world.now < end:
        world.run(world.now + CHECK_EVERY_MS)
        reason = cluster.unsettled()
        settled_since = None if reason else (settled_since if settled_since is not None else world.now)
        if settled_since is not None and world.now - settled_since >= RECORD_MS:
            _check_end(cluster)
            return
        if reason and world.now >= next_cleanup:
            next_cleanup = world.now + CLEANUP_EVERY_MS
            cluster.clients.end_standby()
            cluster.clients.cleanup()
    cluster.invariants.rest.fail(7, f"{SETTLE_MS // 1000} s after the last fault: {reason}")


def _check_end(cluster: Cluster) -> None:
    for machine in cluster.machines.values():
        controller = machine.controller
        assert controller is not None
        cluster.invariants.cib.agreed(
            machine.name, controller.names_in_configuration(MARK), tuple(cluster.scenario.nodes)
        )
        cluster.invariants.cib.digest(machine.name, controller.version(), controller.core.document.digest())
        recorded = controller.recorded_active()
        for name in cluster.clients.expected_resources():
            holders = {other.name for other in cluster.machines.values() if name in other.resources.active}
            said = recorded.get(name, set())
            # After a stop that failed nobody can know; that it may be active there is then the right thing to say. A
            # failed monitor stays the last word where what would have to be stopped before could not be stopped.
            unsure = {node for node in said - holders if controller.unsure(name, node)}
            if said - unsure != holders:
                cluster.invariants.rest.fail(
                    6, f"{name} is active on {sorted(holders)}, the CIB of {machine.name} says {recorded.get(name)}"
                )
