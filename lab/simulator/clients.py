"""The people and programs that use the simulated cluster: configuration changes, standby, cleanup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cib.requests import Request
from crmd.messages import ApplyCib, CibApplied, CleanupResource, ClientReply, ClientRequest, Done, UpdateAttribute
from lab.simulator.scenario import FENCE_DEVICE, PRIMITIVES

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulator.cluster import Cluster

MARK = "mark-"


class Clients:
    """Asks controllers at random, as tools on that node would; remembers what was acknowledged."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._world = cluster.world
        self._requests = 0
        self._waiting: dict[int, Callable[[ClientReply], None]] = {}

    def expected_resources(self) -> tuple[str, ...]:
        """What has to run when everything is well."""
        return PRIMITIVES + ((FENCE_DEVICE,) if self._cluster.scenario.fencing else ())

    def answered(self, reply: ClientReply) -> None:
        """A controller answered."""
        done = self._waiting.pop(reply.id, None)
        if done is not None:
            done(reply)

    def _ask(self, make: Callable[[int], ClientRequest], done: Callable[[ClientReply], None] | None = None) -> str:
        """Ask a controller that runs; returns the node's name (empty when none runs)."""
        running = [machine for machine in self._cluster.machines.values() if machine.controller is not None]
        if not running:
            return ""
        machine = self._world.rng.choice(running)
        assert machine.controller is not None
        self._requests += 1
        request = make(self._requests)
        if done is not None:
            self._waiting[self._requests] = done
        self._world.trace("client", f"asks {machine.name}: {type(request).__name__}")
        machine.controller.client_asks(request)
        return machine.name

    def write_mark(self, number: int) -> None:
        """Write a mark into the configuration; once it is acknowledged it must never be missing."""
        name = f"{MARK}{number}"
        pair = f'<nvpair id="{name}" name="{name}" value="1"/>'
        xml = f'<cluster_property_set id="{name}-set">{pair}</cluster_property_set>'

        def done(reply: ClientReply) -> None:
            if isinstance(reply, CibApplied):
                disks = sum(machine.disk.has_in_cib(name) for machine in self._cluster.machines.values())
                self._cluster.invariants.cib.acknowledged(name, reply.kept_on, disks)
                self._world.trace("client", f"{name} is acknowledged, kept on {reply.kept_on}")
            else:
                self._world.reached["refused changes"] += 1
                self._world.trace("client", f"{name}: {reply}")

        request = Request(op="modify", section="crm_config", xml=xml.encode(), allow_create=True)
        self._ask(lambda number: ApplyCib(number, (request,)), done)

    def prefer(self, resource: str, node: str) -> None:
        """`crm resource move` as an administrator would do it: a location constraint."""
        xml = f'<rsc_location id="cli-prefer-{resource}" rsc="{resource}" node="{node}" score="500"/>'
        request = Request(op="modify", section="constraints", xml=xml.encode(), allow_create=True)
        self._ask(lambda number: ApplyCib(number, (request,)))

    def set_standby(self, node: str, *, on: bool) -> None:
        """`crm node standby` and `online`."""
        self._ask(lambda number: UpdateAttribute(number, node, "standby", "on" if on else "off", "forever"))

    def end_standby(self) -> None:
        """All nodes online again."""
        for name in self._cluster.machines:
            self.set_standby(name, on=False)

    def cleanup(self) -> None:
        """`crm resource cleanup` of everything."""
        self._ask(lambda number: CleanupResource(number), lambda reply: self._cleaned(reply))

    def _cleaned(self, reply: ClientReply) -> None:
        if isinstance(reply, Done):
            self._world.reached["cleanups"] += 1
