"""A node for the executor's tests: virtual time, agents that end when the test says so, a run directory in memory."""

from dataclasses import dataclass, field

import msgspec

from ipc.note import Note
from ipc.supervision import ViewState
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds
from lrmd.events import (
    AgentExited,
    ClearNote,
    CrmdConnected,
    CrmdMessage,
    DropResource,
    Effect,
    Event,
    Leftover,
    NoteOperation,
    Recovered,
    Report,
    SavedHead,
    SavedResource,
    SaveHead,
    SaveOrder,
    SaveResource,
    SignalGroup,
    SpawnAgent,
    SupervisorConnected,
    ToSupervisor,
    ViewChanged,
)
from lrmd.executor import Executor
from lrmd.messages import (
    AgentName,
    Cancel,
    ControllerToExecutor,
    Execute,
    ExecutorToController,
    Finished,
    Hello,
    Operation,
    OrderStamp,
)
from lrmd.settings import ExecutorSettings

DUMMY = AgentName("ocf", "heartbeat", "Dummy")
WALL = 1_700_000_000
STAMP = OrderStamp(view=1, round=1, dc="n1", transition=1)


def operation(resource: str, action: str, interval_ms: int = 0, **fields: object) -> Operation:
    """An operation with a time limit of 20 s and no parameters, unless said otherwise."""
    values: dict[str, object] = {"timeout_ms": 20_000, "parameters": {}, "agent": DUMMY, **fields}
    return msgspec.convert(
        {"resource": resource, "action": action, "interval_ms": interval_ms, **msgspec.to_builtins(values)}, Operation
    )


@dataclass
class RunDirectory:
    """What outlives the executor."""

    head: SavedHead | None = None
    resources: dict[str, SavedResource] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    notes: dict[int, NoteOperation] = field(default_factory=dict)


class Node:
    """Performs effects and remembers them."""

    def __init__(self, directory: RunDirectory | None = None, settings: ExecutorSettings | None = None) -> None:
        self.directory = directory or RunDirectory()
        self.executor = Executor(settings)
        self.now = Milliseconds(1_000)
        self.effects: list[Effect] = []
        self.reports: list[ExecutorToController] = []
        self.running: dict[int, Operation] = {}
        self.begun: list[str] = []
        """`resource action` of every agent that was spawned, in order."""
        self.signals: list[tuple[int, int]] = []
        self.timers: dict[str, Milliseconds] = {}
        self.request = 0

    @classmethod
    def ready(cls, directory: RunDirectory | None = None, settings: ExecutorSettings | None = None) -> "Node":
        """A node in view 1 with a controller that has said Hello."""
        node = cls(directory, settings)
        node.recover()
        node.give(SupervisorConnected())
        node.give(ViewChanged(ViewState(number=1, generation=7)))
        node.give(CrmdConnected())
        node.say(Hello("crmd"))
        return node

    def recover(self, alive: tuple[int, ...] = ()) -> None:
        """Start on what the run directory holds; agents of the runs in `alive` are still there."""
        leftovers = tuple(
            Leftover(note.run_id, note.call_id, note.operation, 4711, note.started, note.run_id in alive)
            for note in self.directory.notes.values()
        )
        self.give(
            Recovered(
                self.directory.head, tuple(self.directory.resources.values()), self.directory.order, leftovers, WALL
            )
        )

    def give(self, event: Event) -> list[Effect]:
        """One event; its effects."""
        effects = self.executor.handle(event, self.now)
        for effect in effects:
            self._perform(effect)
        self.effects += effects
        return effects

    def say(self, message: ControllerToExecutor) -> list[Effect]:
        """The controller says something."""
        return self.give(CrmdMessage(message))

    def order(self, what: Operation, stamp: OrderStamp = STAMP) -> int:
        """The DC orders; the request's number."""
        self.request += 1
        self.say(Execute(self.request, stamp, what))
        return self.request

    def cancel(self, resource: str, action: str, interval_ms: int) -> int:
        """The DC cancels; the request's number."""
        self.request += 1
        self.say(Cancel(self.request, STAMP, resource, action, interval_ms))
        return self.request

    def end(self, resource: str, exit_code: int = 0, **fields: object) -> list[Effect]:
        """The agent that runs for this resource exits."""
        run_id = next(run_id for run_id, what in self.running.items() if what.resource == resource)
        event = AgentExited(run_id, exit_code, exec_ms=5, started_at=WALL, ended_at=WALL)
        return self.give(msgspec.structs.replace(event, **fields))

    def run(self, what: Operation, exit_code: int = 0) -> None:
        """Order, and let it end at once."""
        self.order(what)
        self.end(what.resource, exit_code)

    def advance(self, to_ms: int) -> None:
        """Let time pass, up to this instant of the node's clock, firing timers in order."""
        while self.timers and min(self.timers.values()) <= to_ms:
            name = min(self.timers, key=lambda each: (self.timers[each], each))
            self.now = max(self.now, self.timers.pop(name))
            self.give(TimerFired(name))
        self.now = Milliseconds(to_ms)

    def finished(self) -> list[Finished]:
        """The results that were reported."""
        return [message for message in self.reports if isinstance(message, Finished)]

    def told(self) -> list[str]:
        """`resource action status rc` of the results that were reported."""
        return [
            f"{each.operation.resource} {each.operation.action} {each.status.name} {each.exit_code}"
            for each in self.finished()
        ]

    def notes(self) -> list[str]:
        """Names of the events that were noted."""
        return [effect.event for effect in self.effects if isinstance(effect, Note)]

    def supervisor(self) -> list[ToSupervisor]:
        """What the messaging layer was told."""
        return [effect for effect in self.effects if isinstance(effect, ToSupervisor)]

    def _perform(self, effect: Effect) -> None:
        match effect:
            case SpawnAgent():
                assert effect.run_id in self.directory.notes, "spawned before it was noted"
                resources = [what.resource for what in self.running.values() if what.resource]
                assert effect.operation.resource not in resources, "two operations of one resource at a time"
                self.running[effect.run_id] = effect.operation
                self.begun.append(f"{effect.operation.resource} {effect.operation.action}")
            case NoteOperation():
                self.directory.notes[effect.run_id] = effect
            case ClearNote():
                self.directory.notes.pop(effect.run_id, None)
                self.running.pop(effect.run_id, None)
            case SignalGroup():
                self.signals.append((effect.run_id, effect.signal))
            case Report():
                self.reports.append(effect.message)
            case SetTimer():
                self.timers[effect.name] = effect.at
            case CancelTimer():
                self.timers.pop(effect.name, None)
            case SaveResource():
                self.directory.resources[effect.record.resource] = effect.record
            case DropResource():
                self.directory.resources.pop(effect.resource, None)
            case SaveHead():
                self.directory.head = effect.head
            case SaveOrder():
                self.directory.order = effect.active_order
            case _:
                pass
