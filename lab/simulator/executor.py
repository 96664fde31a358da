"""The simulated shell of lrmd over the real executor core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipc.note import Note
from ipc.supervision import StopEverything, ViewState
from ipc.timers import CancelTimer, SetTimer
from lab.simulator.process import Connection, Process
from lrmd.events import (
    AgentsFound,
    ClearNote,
    CrmdConnected,
    CrmdGone,
    CrmdMessage,
    DropResource,
    Effect,
    Event,
    Exit,
    FindAgents,
    Leftover,
    LeftoverGone,
    NoteOperation,
    RebootNode,
    Recovered,
    Report,
    SaveHead,
    SaveOrder,
    SaveResource,
    SignalGroup,
    SpawnAgent,
    SupervisorConnected,
    SupervisorGone,
    ToSupervisor,
    ViewChanged,
)
from lrmd.executor import Executor
from lrmd.messages import Cancel, Execute, Forget, Refused

if TYPE_CHECKING:
    from lab.simulator.machine import Machine


class ExecutorProcess(Process):
    """lrmd."""

    name = "lrmd"

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.core = Executor()
        self.listening = False
        self._told_view = 0
        self._supervisor: Connection | None = None
        self._crmd: Connection | None = None
        self.later(machine.world.delay(20, 150), self._begin)

    def _begin(self) -> None:
        run = self.machine.disk.run
        executions = self.machine.resources.executions
        leftovers = []
        for run_id, note in sorted(run.notes.items()):
            alive = executions.get(run_id)
            leftovers.append(
                Leftover(run_id, note.call_id, note.operation, 1000 + run_id, note.started, alive is not None)
            )
            if alive is not None:
                alive.report = None
                alive.gone = lambda run_id=run_id: self.post(LeftoverGone(run_id, self._wall()), 1)
        self.dispatch(
            Recovered(run.head, tuple(run.resources.values()), run.active_order, tuple(leftovers), self._wall())
        )
        self.listening = True
        self.machine.executor_started(self)

    def _wall(self) -> int:
        return self.machine.wall_seconds(self.world.now)

    # -- connections -----------------------------------------------------------------------------------------------

    def attach_supervisor(self, connection: Connection) -> None:
        """The socket to heartbeat stands; Attach was sent."""
        self._supervisor = connection
        connection.handlers[self] = _FromSupervisor(self)
        self.post(SupervisorConnected())

    def attach_crmd(self, connection: Connection) -> None:
        """crmd connected."""
        self._crmd = connection
        connection.handlers[self] = _FromCrmd(self, connection)
        self.post(CrmdConnected())

    def supervisor_gone(self) -> None:
        """The messaging layer's end of the socket closed."""
        self._supervisor = None
        self._told_view = 0
        self.dispatch(SupervisorGone())

    def crmd_gone(self, connection: Connection) -> None:
        """A controller's end of the socket closed; a newer one may be connected already."""
        if connection is self._crmd:
            self._crmd = None
            self.dispatch(CrmdGone())

    def dispatch(self, event: object) -> None:
        """Give an event to the core, perform what it asks for."""
        if isinstance(event, ViewChanged):
            self._told_view = event.state.number
        effects = self.core.handle(_event(event), self.world.now)
        if isinstance(event, CrmdMessage) and isinstance(event.message, Execute | Cancel | Forget):
            self._judge_order(event.message, effects)
        for effect in effects:
            self._perform(effect)
            if not self.alive:
                return

    def _judge_order(self, order: Execute | Cancel | Forget, effects: list[Effect]) -> None:
        answers = [effect.message for effect in effects if isinstance(effect, Report)]
        refused = any(isinstance(answer, Refused) and answer.request == order.request for answer in answers)
        if not refused:
            self.machine.cluster.invariants.orders.taken(self.machine.name, order, self._told_view)

    def _perform(self, effect: Effect) -> None:
        run = self.machine.disk.run
        match effect:
            case NoteOperation():
                run.notes[effect.run_id] = effect
            case ClearNote():
                run.notes.pop(effect.run_id, None)
            case SpawnAgent():
                self._spawn(effect)
            case SignalGroup():
                self.machine.resources.signal(effect.run_id)
            case Report():
                if self._crmd is not None:
                    self._crmd.send(self, effect.message)
            case SaveResource():
                run.resources[effect.record.resource] = effect.record
                run.saved_at[effect.record.resource] = self.world.now
            case DropResource():
                run.resources.pop(effect.resource, None)
            case SaveHead():
                run.head = effect.head
            case SaveOrder():
                run.active_order = effect.active_order
            case FindAgents():
                self.post(AgentsFound(effect.request, ()), 1)
            case SetTimer():
                self.set_timer(effect.name, effect.at)
            case CancelTimer():
                self.cancel_timer(effect.name)
            case Note():
                self.machine.note(self, effect)
            case ToSupervisor():
                if self._supervisor is not None:
                    self._supervisor.send(self, effect.message)
            case RebootNode():
                self.machine.reboot(effect.reason)
            case Exit():
                self.die(f"exit {effect.code}: {effect.reason}")

    def _spawn(self, effect: SpawnAgent) -> None:
        operation = effect.operation
        self.world.trace(str(self), f"{operation.action} {operation.resource} [{operation.interval_ms}]")
        self.machine.resources.spawn(effect.run_id, operation, lambda exited: self.post(exited, 1))


def _event(event: object) -> Event:
    assert isinstance(event, Event)
    return event


class _FromSupervisor:
    def __init__(self, process: ExecutorProcess) -> None:
        self._process = process

    def received(self, message: object) -> None:
        if isinstance(message, ViewState):
            self._process.dispatch(ViewChanged(message))
        elif isinstance(message, StopEverything):
            self._process.dispatch(message)

    def closed(self) -> None:
        self._process.supervisor_gone()


class _FromCrmd:
    def __init__(self, process: ExecutorProcess, connection: Connection) -> None:
        self._process = process
        self._connection = connection

    def received(self, message: object) -> None:
        self._process.dispatch(CrmdMessage(message))  # type: ignore[arg-type]

    def closed(self) -> None:
        self._process.crmd_gone(self._connection)
