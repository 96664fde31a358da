"""Random faults: no resource is ever active twice, and when the faults end everything runs and all agree.

Each seed is a cluster of 2, 3 or 5 nodes with fencing, a minute of faults (power cuts, killed and stopped controllers,
partitions, lost views, dead processes, failing agents and fencing, changes by people), then healing.
"""

import random

import pytest

from cib.settings import set_property
from crmd.events import Paused
from crmd.messages import ApplyCib, CleanupResource, UpdateAttribute
from heartbeat.messages import Quorum
from tests.unit.crmd.cluster import Cluster, cib, dummy, group

RESOURCES = ("a", "b", "c", "d", "e", "f", "i")
FAULTS_MS = 60_000
HEALING_MS = 120_000


class Chaos:
    """A cluster and the chance that torments it."""

    def __init__(self, seed: int, *, large: bool) -> None:
        self.chance = random.Random(seed)
        size = self.chance.choice((2, 3, 3, 5))
        names = [f"n{number}" for number in range(1, size + 1)]
        resources = (
            dummy("a", "3s"),
            dummy("d", "5s"),
            group("g", dummy("b"), dummy("c"), dummy("e")),
            group("h", dummy("f"), dummy("i")),
        )
        self.cluster = Cluster(*names, cib=cib(*resources, stonith=True), seed=seed, large=large)
        if large:
            self.cluster.apart_ms = self.chance.choice((4, 400, 2000))
        if size == 2:
            self.cluster.quorum_of = lambda members: Quorum(True, "two_node", len(members), 2, config_writes=True)
        self.cluster.agent_ms = self.chance.choice((5, 50, 400))
        self.cluster.boot(*names)
        self.cluster.run(10)
        self.cluster.install(*names)

    def torment(self) -> None:
        """Faults for a minute."""
        faults = (
            self.crash,
            self.kill_controller,
            self.boot,
            self.boot,
            self.process_dies,
            self.partition,
            self.merge,
            self.merge,
            self.lose_view,
            self.people,
            self.stop_controller,
            self.fencing_fails,
            self.agent_fails,
        )
        while self.cluster.now < FAULTS_MS and not self.cluster.violations:
            self.cluster.run(self.chance.randint(50, 8000))
            if self.cluster.live():
                self.chance.choice(faults)()
            else:
                self.boot()

    def _victim(self) -> str:
        return self.chance.choice([machine.name for machine in self.cluster.live()])

    def crash(self) -> None:
        self.cluster.crash_and_view(self._victim(), self.chance.randint(300, 1500))

    def kill_controller(self) -> None:
        name = self._victim()
        if self.cluster.machines[name].controller is not None:
            self.cluster.kill_controller(name, self.chance.choice((20, 400, 4000, 9000)))

    def boot(self) -> None:
        dead = [machine.name for machine in self.cluster.machines.values() if not machine.up]
        if dead:
            self.cluster.boot(self.chance.choice(dead))

    def process_dies(self) -> None:
        name = self._victim()
        running = sorted(self.cluster.machines[name].running)
        if running:
            self.cluster.process_dies(name, self.chance.choice(running))

    def partition(self) -> None:
        live = [machine.name for machine in self.cluster.live()]
        side = self.chance.sample(live, self.chance.randint(1, len(live)))
        other = [name for name in live if name not in side]
        self.cluster.install(*side, lost=tuple(other))
        self.cluster.install(*other, lost=tuple(side))

    def merge(self) -> None:
        self.cluster.install(*(machine.name for machine in self.cluster.live()))

    def lose_view(self) -> None:
        name = self._victim()
        self.cluster.lose_view(name)

        def go_on() -> None:
            others = [m.name for m in self.cluster.live() if m.name != name and m.view is not None]
            self.cluster.install(*others, lost=(name,))

        self.cluster.at(self.chance.randint(200, 1200), go_on)

    def people(self) -> None:
        name = self._victim()
        request = self.chance.choice(
            (
                ApplyCib(1, (set_property("x-test", str(self.cluster.now)),)),
                UpdateAttribute(2, self.chance.choice(self.cluster.names), "standby", "on", "reboot"),
                UpdateAttribute(3, self.chance.choice(self.cluster.names), "standby", None, "reboot"),
                CleanupResource(4, refresh=self.chance.random() < 0.3),
            )
        )
        self.cluster.ask(name, request)

    def stop_controller(self) -> None:
        machine = self.cluster.machines[self._victim()]
        if machine.controller is None or machine.deaf_crmd:
            return
        machine.deaf_crmd = True
        incarnation = machine.incarnation

        def go_on() -> None:
            if machine.deaf_crmd and machine.incarnation == incarnation and machine.controller is not None:
                self.cluster.resume_controller(machine.name, Paused(3000))

        self.cluster.at(self.chance.randint(1500, 12_000), go_on)

    def fencing_fails(self) -> None:
        self.cluster.fence_ok = False
        self.cluster.at(self.chance.randint(500, 6000), lambda: setattr(self.cluster, "fence_ok", True))

    def agent_fails(self) -> None:
        key = (
            self.chance.choice(self.cluster.names),
            self.chance.choice(RESOURCES),
            self.chance.choice(("start", "stop")),
        )
        self.cluster.results[key] = (1, 20)

        def works_again() -> None:
            self.cluster.results.pop(key, None)

        self.cluster.at(self.chance.randint(500, 6000), works_again)

    def heal(self) -> None:
        """No more faults; whoever is down is started again, and all meet in one view."""
        cluster = self.cluster
        cluster.run(13_000)
        cluster.fence_ok = True
        cluster.results.clear()
        self.care()
        cluster.run(20_000)
        cluster.ask(cluster.live()[0].name, CleanupResource(99))
        for name in cluster.names:
            cluster.ask(cluster.live()[0].name, UpdateAttribute(1, name, "standby", None, "reboot"))
        cluster.run(10_000)

    def care(self) -> None:
        """What a supervisor and the messaging layer do all the time."""
        cluster = self.cluster
        for machine in cluster.machines.values():
            if not machine.up:
                cluster.boot(machine.name)
            elif machine.controller is None:
                cluster.start_controller(machine.name)
                cluster.tell_peers(machine.name, "up")
        members = tuple((machine.name, machine.generation) for machine in cluster.machines.values())
        views = [machine.view for machine in cluster.machines.values()]
        if any(view is None or tuple((m.name, m.generation) for m in view.members) != members for view in views):
            cluster.at(60, lambda: cluster.install(*cluster.names))
        cluster.at(5000, self.care)


@pytest.mark.parametrize("seed", range(24))
def test_random_faults_never_start_a_resource_twice_and_the_cluster_recovers(seed: int) -> None:
    chaos = Chaos(seed, large=seed >= 16)
    cluster = chaos.cluster
    chaos.torment()
    assert cluster.violations == [], "\n".join(cluster.trace[-80:])
    chaos.heal()

    cluster.run_until(lambda: cluster.is_settled() and len(cluster.live()) == len(cluster.names), HEALING_MS)

    assert cluster.violations == []
    assert {resource: len(cluster.where(resource)) for resource in RESOURCES} == dict.fromkeys(RESOURCES, 1)
    assert len({m.controller.document.digest() for m in cluster.live() if m.controller is not None}) == 1
