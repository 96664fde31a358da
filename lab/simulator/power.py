"""The simulated power switch behind every fence device: slow, failing, late with its report, never lying."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrmd.messages import Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulator.cluster import Cluster
    from lab.simulator.machine import Machine

METADATA = """<?xml version="1.0" ?>
<resource-agent name="fence_sim" shortdesc="simulated power switch">
<parameters>
<parameter name="action" unique="0" required="1"><content type="string" default="reboot"/></parameter>
<parameter name="port" unique="0" required="0"><content type="string"/></parameter>
</parameters>
<actions>
<action name="on" automatic="0"/><action name="off"/><action name="reboot"/><action name="status"/>
<action name="list"/><action name="monitor"/><action name="metadata"/>
</actions>
</resource-agent>"""

BOOT_MS = (4000, 15000)


class Power:
    """Cuts machines off when a fence agent asks for it, and says so only afterwards."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.failures_left = 0
        self.delay_ms = (100, 1500)
        self.report_ms = (0, 200)
        """How long after the fact the agent says so."""

    def ask(self, asking: Machine, operation: Operation, done: Callable[[int, str], None]) -> None:
        """A fence agent runs on `asking`; `done(exit code, output)` ends it."""
        world = self._cluster.world
        action = operation.action
        if action in ("metadata", "meta-data"):
            world.after(world.delay(5, 50), lambda: done(0, METADATA))
        elif action == "list":
            names = "".join(f"{name},\n" for name in self._cluster.machines)
            world.after(world.delay(5, 50), lambda: done(0, names))
        else:
            target = next(
                (operation.parameters[k] for k in ("port", "plug", "nodename") if k in operation.parameters), ""
            )
            world.after(world.delay(*self.delay_ms), lambda: self._perform(asking, action, target, done))

    def _perform(self, asking: Machine, action: str, target: str, done: Callable[[int, str], None]) -> None:
        world = self._cluster.world
        if not asking.powered:
            return
        machine = self._cluster.machines.get(target)
        if machine is None:
            done(1, f"no outlet {target!r}")
        elif action == "status":
            done(0 if machine.powered else 2, "")
        elif self.failures_left > 0:
            self.failures_left -= 1
            world.reached["fencing failures"] += 1
            world.trace("power", f"{action} {target} fails")
            done(1, "the switch does not answer")
        else:
            if action in ("off", "reboot"):
                machine.power_off(f"fenced by {asking.name}")
            world.reached["fencings"] += 1
            self._cluster.boot_later(machine, world.delay(*BOOT_MS))
            world.after(world.delay(*self.report_ms), lambda: self._report(machine.name, done))

    def _report(self, target: str, done: Callable[[int, str], None]) -> None:
        self._cluster.invariants.resources.down(target)
        done(0, "")
