"""What the supervisor core is told and what it asks for."""

import msgspec

from heartbeat.messages import PeerState
from ipc.note import Note
from ipc.supervision import ExecutorState, ProcessName
from ipc.timers import CancelTimer, SetTimer, TimerFired

# events


class SupervisorStarted(msgspec.Struct, frozen=True, tag=True):
    """The node begins: start the children."""


class ProcessStarted(msgspec.Struct, frozen=True, tag=True):
    """A child that StartProcess asked for runs."""

    process: ProcessName
    pid: int


class StartBlocked(msgspec.Struct, frozen=True, tag=True):
    """A child was not started: one of an earlier life still runs (it holds the lock), or starting failed."""

    process: ProcessName
    reason: str


class ProcessExited(msgspec.Struct, frozen=True, tag=True):
    """A child ended. `status` is its exit code, or minus the signal that killed it; None: another's child."""

    process: ProcessName
    pid: int
    status: int | None


class ChildAttached(msgspec.Struct, frozen=True, tag=True):
    """A child connected to the socket and said who it is."""

    process: ProcessName
    pid: int


class ChildDetached(msgspec.Struct, frozen=True, tag=True):
    """A child's connection ended."""

    process: ProcessName
    pid: int


class ExecutorReported(msgspec.Struct, frozen=True, tag=True):
    """lrmd told whether anything is active or in flight here."""

    state: ExecutorState


class StopAsked(msgspec.Struct, frozen=True, tag=True):
    """Somebody wants this node to leave in good order."""

    reason: str


class ControllerReady(msgspec.Struct, frozen=True, tag=True):
    """crmd said StopReady: its part of leaving is done."""


class Departed(msgspec.Struct, frozen=True, tag=True):
    """Membership said goodbye to the peers (answer to Depart)."""


SupervisorEvent = (
    SupervisorStarted
    | ProcessStarted
    | StartBlocked
    | ProcessExited
    | ChildAttached
    | ChildDetached
    | ExecutorReported
    | StopAsked
    | ControllerReady
    | Departed
    | TimerFired
)

# effects


class StartProcess(msgspec.Struct, frozen=True, tag=True):
    """Start this child; answered with ProcessStarted or StartBlocked."""

    process: ProcessName


class KillProcess(msgspec.Struct, frozen=True, tag=True):
    """Send a signal to this child: TERM asks it to end, KILL ends it."""

    process: ProcessName
    pid: int
    force: bool


class ReadyToJoin(msgspec.Struct, frozen=True, tag=True):
    """The executor is empty or settled and the controller is there: the node may ask to be in a view. Given once."""


class ControllerState(msgspec.Struct, frozen=True, tag=True):
    """The state of this node's crmd changed: the peers are to hear it with the next heartbeat, sent at once."""

    state: PeerState


class AskControllerToStop(msgspec.Struct, frozen=True, tag=True):
    """Tell crmd to move resources away and to answer with StopReady."""

    reason: str


class AskExecutorToStop(msgspec.Struct, frozen=True, tag=True):
    """Tell lrmd to stop what is left, and to exit."""

    reason: str


class Depart(msgspec.Struct, frozen=True, tag=True):
    """Nothing runs here any more: say goodbye to the peers, then give Departed back."""


class ExitNode(msgspec.Struct, frozen=True, tag=True):
    """The heartbeat process itself ends with this code. 0: in good order, after Depart."""

    code: int
    reason: str


SupervisorEffect = (
    StartProcess
    | KillProcess
    | ReadyToJoin
    | ControllerState
    | AskControllerToStop
    | AskExecutorToStop
    | Depart
    | ExitNode
    | SetTimer
    | CancelTimer
    | Note
)
