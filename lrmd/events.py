"""What goes into the executor's core and what comes out of it.

The shell (`daemon`) and the simulator perform the effects in the order of the list; that order is part of the
contract: an operation is noted before it is spawned, a record is saved before anything relies on it.
"""

import msgspec

from ipc.note import Note
from ipc.supervision import ExecutorState, StopEverything, ViewState
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds
from lrmd.messages import (
    AgentName,
    AgentTraits,
    ControllerToExecutor,
    ExecutorToController,
    Finished,
    Operation,
    OperationStatus,
    OrderStamp,
)


class SavedRecurring(msgspec.Struct, frozen=True):
    """A recurring operation as it is kept in the run directory."""

    call_id: int
    operation: Operation
    stamp: OrderStamp | None
    anchor: Milliseconds
    """When the first execution was due: the grid that later ones stay on."""
    last_exit_code: int
    last_status: OperationStatus


class SavedJob(msgspec.Struct, frozen=True):
    """An accepted single operation that has no result yet."""

    call_id: int
    operation: Operation
    stamp: OrderStamp | None


class SavedResource(msgspec.Struct, frozen=True):
    """All that is remembered of one resource."""

    resource: str
    agent: AgentName
    parameters: dict[str, str]
    """Those of the newest operation, for a stop that nobody orders."""
    meta: dict[str, str]
    stop_timeout_ms: int
    unknown: bool
    history: tuple[Finished, ...]
    unacknowledged: tuple[Finished, ...]
    recurring: tuple[SavedRecurring, ...]
    pending: tuple[SavedJob, ...]
    """Queued or running, in order."""


class SavedHead(msgspec.Struct, frozen=True):
    """What is remembered of no resource in particular."""

    next_call_id: int
    newest_stamp: OrderStamp | None
    generation: int
    """Generation of the messaging layer under which this was written; 0 before the first view."""


class Leftover(msgspec.Struct, frozen=True):
    """An operation that an earlier executor began and never saw the end of."""

    run_id: int
    call_id: int
    operation: Operation
    pid: int
    """0: noted, but the agent was never let go."""
    started: Milliseconds
    alive: bool


# events


class Recovered(msgspec.Struct, frozen=True, tag=True):
    """First event: what an earlier executor on this node left, all empty after a boot.

    The shell goes on to watch the leftovers that are alive and sends LeftoverGone for each.
    """

    head: SavedHead | None
    resources: tuple[SavedResource, ...]
    active_order: tuple[str, ...]
    leftovers: tuple[Leftover, ...]
    at: int
    """Wall clock seconds."""


class LeftoverGone(msgspec.Struct, frozen=True, tag=True):
    """A leftover's leader has exited; its exit code went to nobody."""

    run_id: int
    at: int
    """Wall clock seconds."""


class SupervisorConnected(msgspec.Struct, frozen=True, tag=True):
    """The connection to the messaging layer stands; its ViewState follows as ViewChanged."""


class SupervisorGone(msgspec.Struct, frozen=True, tag=True):
    """The messaging layer died or can't be reached."""


class ViewChanged(msgspec.Struct, frozen=True, tag=True):
    """The messaging layer says which view holds."""

    state: ViewState


class CrmdConnected(msgspec.Struct, frozen=True, tag=True):
    """A controller connected; whoever was connected before is gone."""


class CrmdGone(msgspec.Struct, frozen=True, tag=True):
    """The controller's connection ended."""


class CrmdMessage(msgspec.Struct, frozen=True, tag=True):
    """The controller says something."""

    message: ControllerToExecutor


class AgentExited(msgspec.Struct, frozen=True, tag=True):
    """The leader of an operation has exited."""

    run_id: int
    exit_code: int
    """As an OCF agent's (the shell has translated other classes' codes); meaningless with `signal`."""
    signal: int = 0
    """The signal that ended it, 0 for a normal exit."""
    output: str = ""
    """Standard output, the last 4096 bytes."""
    errors: str = ""
    """Standard error, the last 4096 bytes."""
    exit_reason: str = ""
    exec_ms: int = 0
    started_at: int = 0
    """Wall clock seconds."""
    ended_at: int = 0
    """Wall clock seconds."""
    traits: AgentTraits | None = None


class AgentNotRun(msgspec.Struct, frozen=True, tag=True):
    """The agent can't be started: not installed, no permission, no memory; or its end could not be observed."""

    run_id: int
    exit_code: int
    status: OperationStatus
    reason: str
    at: int
    """Wall clock seconds."""


class AgentsFound(msgspec.Struct, frozen=True, tag=True):
    """Answer to FindAgents, sorted."""

    request: int
    names: tuple[AgentName, ...]


Event = (
    Recovered
    | LeftoverGone
    | SupervisorConnected
    | SupervisorGone
    | ViewChanged
    | StopEverything
    | CrmdConnected
    | CrmdGone
    | CrmdMessage
    | AgentExited
    | AgentNotRun
    | AgentsFound
    | TimerFired
)

# effects


class NoteOperation(msgspec.Struct, frozen=True, tag=True):
    """Write down in the run directory that this operation begins; comes before its SpawnAgent.

    The shell adds pid, start time and process group before the agent is let go.
    """

    run_id: int
    call_id: int
    operation: Operation
    started: Milliseconds


class ClearNote(msgspec.Struct, frozen=True, tag=True):
    """The operation is over: remove its note."""

    run_id: int


class SpawnAgent(msgspec.Struct, frozen=True, tag=True):
    """Run the agent in its own process group. Answered with AgentExited or AgentNotRun."""

    run_id: int
    operation: Operation


class SignalGroup(msgspec.Struct, frozen=True, tag=True):
    """Send a signal to an operation's whole process group (of a leftover too)."""

    run_id: int
    signal: int


class Report(msgspec.Struct, frozen=True, tag=True):
    """Send to the controller that is connected."""

    message: ExecutorToController


class SaveResource(msgspec.Struct, frozen=True, tag=True):
    """Replace the record of one resource in the run directory."""

    record: SavedResource


class DropResource(msgspec.Struct, frozen=True, tag=True):
    """Remove the record of one resource from the run directory."""

    resource: str


class SaveHead(msgspec.Struct, frozen=True, tag=True):
    """Replace the common record in the run directory."""

    head: SavedHead


class SaveOrder(msgspec.Struct, frozen=True, tag=True):
    """Write the order of start, oldest first, to disk."""

    active_order: tuple[str, ...]


class FindAgents(msgspec.Struct, frozen=True, tag=True):
    """Look which agents are installed. Answered with AgentsFound."""

    request: int
    standard: str
    provider: str


class ToSupervisor(msgspec.Struct, frozen=True, tag=True):
    """Send to the messaging layer, where it is connected."""

    message: ExecutorState


class RebootNode(msgspec.Struct, frozen=True, tag=True):
    """A resource could not be stopped on a node that must not run any: reboot it, where a watchdog is armed."""

    reason: str


class Exit(msgspec.Struct, frozen=True, tag=True):
    """End the process; nothing is active any more, or it can't be helped."""

    code: int
    reason: str


Effect = (
    NoteOperation
    | ClearNote
    | SpawnAgent
    | SignalGroup
    | Report
    | SaveResource
    | DropResource
    | SaveHead
    | SaveOrder
    | FindAgents
    | SetTimer
    | CancelTimer
    | Note
    | ToSupervisor
    | RebootNode
    | Exit
)
