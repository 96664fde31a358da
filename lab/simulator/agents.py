"""Simulated resources of one machine: what an agent does to them, how long it takes, how it fails.

A resource counts as active from the begin of a start (it may already have touched the data) to the successful end of
a stop, or until the machine loses its power.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrmd.events import AgentExited
from lrmd.messages import OcfExit, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulator.machine import Machine

DURATION_MS = {"monitor": (5, 60), "start": (20, 800), "stop": (20, 800)}
FENCE_ACTIONS = ("off", "reboot", "on", "status", "list", "metadata", "meta-data")


@dataclass
class Fault:
    """What goes wrong with an operation of a resource on this machine, and how often."""

    kind: str
    """fail: exit code 1; hang: never ends by itself; slow: takes long."""
    times: int


@dataclass(eq=False)
class Execution:
    """An agent's process."""

    run_id: int
    operation: Operation
    began: int
    report: Callable[[AgentExited], None] | None
    """To the lrmd that started it; None when that one died."""
    gone: Callable[[], None] | None = None
    """To a later lrmd that waits for it."""
    over: bool = False


class Resources:
    """The resources of one machine and the agents that work on them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._world = machine.world
        self.active: dict[str, str] = {}
        """Resource -> `started`, or `dirty` (a start or stop was cut off or failed: nobody can rely on it)."""
        self.executions: dict[int, Execution] = {}
        self.faults: dict[tuple[str, str], Fault] = {}
        self._frozen: list[Execution] = []

    # -- life of the machine ---------------------------------------------------------------------------------------

    def power_off(self) -> None:
        """Everything is gone."""
        for execution in self.executions.values():
            execution.over = True
        self.executions.clear()
        self._frozen.clear()
        for resource in list(self.active):
            self._deactivate(resource)

    def executor_died(self) -> None:
        """Agents go on; their results go to nobody."""
        for execution in self.executions.values():
            execution.report = None

    def resume(self) -> None:
        """After a pause: agents that would have ended meanwhile end now."""
        frozen, self._frozen = self._frozen, []
        for execution in frozen:
            self._end(execution)

    def crash(self, resource: str) -> bool:
        """The resource's process dies by itself; whether it was running."""
        if self.active.get(resource) != "started":
            return False
        self._deactivate(resource)
        return True

    # -- agents ----------------------------------------------------------------------------------------------------

    def spawn(self, run_id: int, operation: Operation, report: Callable[[AgentExited], None]) -> None:
        """Start an agent."""
        execution = Execution(run_id, operation, self._world.now, report)
        self.executions[run_id] = execution
        if operation.agent.standard == "stonith" and operation.action in FENCE_ACTIONS:
            self._machine.cluster.power.ask(
                self._machine, operation, lambda code, out: self._fenced(execution, code, out)
            )
            return
        if operation.action == "start":
            self._activate(operation)
        fault = self._fault(operation)
        duration = self._world.delay(*DURATION_MS.get(operation.action, (5, 50)))
        if fault == "hang":
            return
        if fault == "slow":
            duration += self._world.delay(1000, 8000)
        self._world.after(duration, lambda: self._end(execution, failed=fault == "fail"))

    def _fault(self, operation: Operation) -> str:
        fault = self.faults.get((operation.resource, operation.action))
        if fault is None or (operation.action == "monitor" and operation.interval_ms == 0):
            return ""
        fault.times -= 1
        if fault.times <= 0:
            del self.faults[(operation.resource, operation.action)]
        return fault.kind

    def _fenced(self, execution: Execution, code: int, output: str) -> None:
        if not execution.over:
            self._exit(execution, code, output=output)

    def _end(self, execution: Execution, *, failed: bool = False) -> None:
        if execution.over:
            return
        if self._machine.paused:
            self._frozen.append(execution)
            return
        operation = execution.operation
        code = self._perform(operation, failed)
        self._exit(execution, code)

    def _perform(self, operation: Operation, failed: bool) -> int:
        resource = operation.resource
        if failed:
            if operation.action in ("start", "stop"):
                self._spoil(resource)
            return OcfExit.GENERIC
        if operation.action == "start":
            self.active[resource] = "started"
            return OcfExit.OK
        if operation.action == "stop":
            self._deactivate(resource)
            return OcfExit.OK
        if operation.action == "monitor":
            state = self.active.get(resource)
            if state is None:
                return OcfExit.NOT_RUNNING
            return OcfExit.OK if state == "started" else OcfExit.GENERIC
        return OcfExit.OK

    def signal(self, run_id: int) -> None:
        """SIGTERM or SIGKILL to an agent's process group: it ends soon, its work half done."""
        execution = self.executions.get(run_id)
        if execution is not None:
            self._world.after(self._world.delay(0, 20), lambda: self._killed(execution))

    def _killed(self, execution: Execution) -> None:
        if execution.over:
            return
        if self._machine.paused:
            self._frozen.append(execution)
            return
        if execution.operation.action in ("start", "stop"):
            self._spoil(execution.operation.resource)
        self._exit(execution, 0, signal=15)

    def _exit(self, execution: Execution, code: int, *, signal: int = 0, output: str = "") -> None:
        execution.over = True
        self.executions.pop(execution.run_id, None)
        if execution.report is not None:
            execution.report(
                AgentExited(
                    run_id=execution.run_id,
                    exit_code=code,
                    signal=signal,
                    output=output,
                    exec_ms=self._world.now - execution.began,
                    started_at=self._machine.wall_seconds(execution.began),
                    ended_at=self._machine.wall_seconds(self._world.now),
                )
            )
        elif execution.gone is not None:
            execution.gone()

    # -- what is active --------------------------------------------------------------------------------------------

    def _activate(self, operation: Operation) -> None:
        self.active.setdefault(operation.resource, "dirty")
        # Starting a fence device only makes it known on a node: it has to be possible before the node that had it
        # is fenced, and touches no data.
        if operation.agent.standard != "stonith":
            self._machine.cluster.invariants.activated(self._machine, operation.resource)

    def _spoil(self, resource: str) -> None:
        if resource in self.active:
            self.active[resource] = "dirty"

    def _deactivate(self, resource: str) -> None:
        if self.active.pop(resource, None) is not None:
            self._machine.cluster.invariants.deactivated(self._machine, resource)
