"""Simulated resources of one machine: what an agent does to them, how long it takes, how it fails.

A resource counts as active from the begin of a start (it may already have touched the data) to the successful end of
a stop, or until the machine loses its power.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.simulator.promises.resources import is_ordered
from lrmd.events import AgentExited
from lrmd.messages import OcfExit, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulator.machine import Machine
    from lab.simulator.promises.resources import ResourceWatch

DURATION_MS = {"monitor": (5, 60), "start": (20, 800), "stop": (20, 800)}
ABSENT_CODES = (OcfExit.NOT_INSTALLED, OcfExit.NOT_CONFIGURED)
"""An agent that says this has touched nothing."""
FENCE_ACTIONS = ("off", "reboot", "on", "status", "list", "metadata", "meta-data")


@dataclass
class Fault:
    """What goes wrong with an operation of a resource on this machine, and how often."""

    kind: str
    """fail: the exit code below; hang: never ends by itself; slow: takes long; lie: says that it is not running."""
    times: int
    code: int = OcfExit.GENERIC


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
    fault: Fault | None = None
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
            self._vanish(resource)

    def executor_died(self) -> None:
        """Agents go on; their results go to nobody."""
        for execution in self.executions.values():
            execution.report = None
        for run_id, note in self._machine.disk.run.notes.items():
            if run_id not in self.executions and _makes_known(note.operation):
                # It ended in the same instant: the executor did not get to know of it.
                self.active.pop(note.operation.resource, None)

    def resume(self) -> None:
        """After a pause: agents that would have ended meanwhile end now."""
        frozen, self._frozen = self._frozen, []
        for execution in frozen:
            self._end(execution)

    def is_changing(self) -> bool:
        """Whether something is being started or stopped."""
        return any(execution.operation.action in ("start", "stop") for execution in self.executions.values())

    def crash(self, resource: str) -> bool:
        """The resource's process dies by itself; whether it was running."""
        if self.active.get(resource) != "started":
            return False
        self._vanish(resource)
        return True

    # -- agents ----------------------------------------------------------------------------------------------------

    def spawn(self, run_id: int, operation: Operation, report: Callable[[AgentExited], None]) -> None:
        """Start an agent."""
        execution = Execution(run_id, operation, self._world.now, report)
        running = [other.operation.resource for other in self.executions.values() if not other.over]
        self._watch.began(self._machine.name, operation, running)
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
        if fault is not None and fault.kind == "hang":
            return
        if fault is not None and fault.kind == "slow":
            duration += self._world.delay(1000, 8000)
        execution.fault = fault
        self._world.after(duration, lambda: self._end(execution))

    def _fault(self, operation: Operation) -> Fault | None:
        fault = self.faults.get((operation.resource, operation.action))
        if fault is None or (operation.action == "monitor" and operation.interval_ms == 0):
            return None
        fault.times -= 1
        if fault.times <= 0:
            del self.faults[(operation.resource, operation.action)]
        return fault

    def _fenced(self, execution: Execution, code: int, output: str) -> None:
        if not execution.over:
            self._exit(execution, code, output=output)

    def _end(self, execution: Execution) -> None:
        if execution.over:
            return
        if self._machine.paused:
            self._frozen.append(execution)
            return
        self._exit(execution, self._perform(execution.operation, execution.fault))

    def _perform(self, operation: Operation, fault: Fault | None) -> int:
        if fault is not None and fault.kind == "fail":
            return self._fail(operation, fault.code)
        resource = operation.resource
        if operation.action == "start":
            self.active[resource] = "started"
        elif operation.action == "stop":
            self._deactivate(operation)
        elif operation.action == "monitor":
            return self._monitor(operation, lie=fault is not None and fault.kind == "lie")
        return OcfExit.OK

    def _fail(self, operation: Operation, code: int) -> int:
        if operation.action == "start" and code in ABSENT_CODES:
            self._deactivate(operation)
        elif operation.action in ("start", "stop"):
            self._spoil(operation.resource)
        return code

    def _monitor(self, operation: Operation, *, lie: bool) -> int:
        state = self.active.get(operation.resource)
        if state is None:
            self._watch.stopped(self._machine.name, operation.resource, heard=True)
            return OcfExit.NOT_RUNNING
        if lie:
            self._watch.lied(self._machine.name, operation.resource)
            return OcfExit.NOT_RUNNING
        return OcfExit.OK if state == "started" else OcfExit.GENERIC

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
        else:
            if _makes_known(execution.operation):
                # A device is known only where an executor knows it, and the one that ordered this is dead.
                self.active.pop(execution.operation.resource, None)
            if execution.gone is not None:
                execution.gone()

    # -- what is active --------------------------------------------------------------------------------------------

    @property
    def _watch(self) -> ResourceWatch:
        return self._machine.cluster.invariants.resources

    def _activate(self, operation: Operation) -> None:
        if self.active.get(operation.resource) == "started":
            self._watch.started_again(self._machine.name, operation)
        self.active.setdefault(operation.resource, "dirty")
        # Starting a fence device only makes it known on a node: it has to be possible before the node that had it
        # is fenced, and touches no data.
        if operation.agent.standard != "stonith":
            self._watch.activated(self._machine.name, operation.resource)

    def _spoil(self, resource: str) -> None:
        if resource in self.active:
            self.active[resource] = "dirty"

    def _deactivate(self, operation: Operation) -> None:
        """It was stopped, or its start touched nothing.

        A stop that nobody ordered is heard of by the DC that this node has joined; else it tells what it has when it
        joins one.
        """
        self.active.pop(operation.resource, None)
        state = self._machine.controller_state()
        heard = is_ordered(operation) or (state is not None and bool(state.dc))
        self._watch.stopped(self._machine.name, operation.resource, heard=heard)

    def _vanish(self, resource: str) -> None:
        """It is gone without anybody's order."""
        self.active.pop(resource, None)
        self._watch.gone(self._machine.name, resource)


def _makes_known(operation: Operation) -> bool:
    """Whether an operation makes a fence device known to the executor, or unknown."""
    return operation.agent.standard == "stonith" and not operation.interval_ms
