"""What the shell of a node's messaging layer tells `heartbeat.node.HeartbeatNode`, and what it is asked to do.

The shell (the daemon, or the simulator) performs effects in the order of the list. It gives `Booted` first, and
`Paused` before anything else that is queued when it finds that it did not run for longer than deadtime. In each turn
it gives the datagrams that have come before the timers that are due: after a short stall the peers' heartbeats wait in
the socket, and a detector that fires before they are read would call living nodes dead.

Within the aggregate, the supervisor core gets the events of `SupervisorEvent` and answers with `SupervisorEffect`;
`Leave` is meant for the aggregate and never reaches the shell. What the session core knows is in `session_messages`.
"""

import msgspec

from heartbeat.messages import HeartbeatToController as ControllerMessage
from heartbeat.messages import (
    KnownDown,
    NodeList,
    Reset,
    StillHere,
    StopReady,
    Transmit,
)
from heartbeat.packets import Packet
from heartbeat.session_messages import (
    CloseLink,
    PeerLinkDown,
    PeerLinkUp,
    SegmentReceived,
    SendSegment,
)
from ipc.note import Note
from ipc.supervision import ExecutorState, ProcessName, SupervisorToChild
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds


class DurableState(msgspec.Struct, frozen=True):
    """What must survive a power cut. It is written as a whole; later states replace earlier ones.

    Where there is no file yet, the shell begins with the wall clock's seconds as `generation`: a node that was
    installed anew would otherwise be taken for an old life of itself by peers that knew it.
    """

    generation: int = 0
    """The newest generation that this node may have used."""
    voted: int = 0
    """No view number up to this one may be voted for in a later life."""
    nodes: tuple[str, ...] = ()
    """The nodes with a vote, as committed last; empty: never told, so the node lines of ha.cf count."""


# events: the shell -> the node


class Booted(msgspec.Struct, frozen=True, tag=True):
    """The first event: begin a new life."""


class DatagramReceived(msgspec.Struct, frozen=True, tag=True):
    """A datagram that was authenticated as the sender's came on this link (duplicates on several links are fine)."""

    packet: Packet
    link: str


class Persisted(msgspec.Struct, frozen=True, tag=True):
    """The state of the Persist effect with this token is on disk, file and directory fsynced."""

    token: int


class PersistFailed(msgspec.Struct, frozen=True, tag=True):
    """The state could not be written: the node can't keep its promises and stops."""

    token: int
    reason: str


class Paused(msgspec.Struct, frozen=True, tag=True):
    """The shell did not run for this long, which is more than deadtime."""

    duration_ms: Milliseconds


class StopNodeAsked(msgspec.Struct, frozen=True, tag=True):
    """Somebody asked for the node to stop in good order (`heartbeat stop`, SIGTERM)."""

    reason: str


class ProcessStarted(msgspec.Struct, frozen=True, tag=True):
    """StartProcess was done."""

    process: ProcessName
    pid: int


class ProcessExited(msgspec.Struct, frozen=True, tag=True):
    """A process that StartProcess began has ended, or could not be started (`pid` 0)."""

    process: ProcessName
    pid: int
    status: str
    """In words: `exit code 1`, `signal KILL`, `cannot be started: ...`."""


class ChildAttached(msgspec.Struct, frozen=True, tag=True):
    """A child connected and said who it is."""

    process: ProcessName
    pid: int


class ChildDetached(msgspec.Struct, frozen=True, tag=True):
    """The connection of a child ended."""

    process: ProcessName
    pid: int


class ExecutorReported(msgspec.Struct, frozen=True, tag=True):
    """lrmd said whether anything is active or in flight."""

    state: ExecutorState


class ControllerSaid(msgspec.Struct, frozen=True, tag=True):
    """A message of crmd, after its Attach."""

    message: Transmit | StopReady | StillHere | NodeList | KnownDown | Reset


class CompanyChanged(msgspec.Struct, frozen=True, tag=True):
    """The aggregate to the supervisor: whether other nodes are in the view, which may take over what runs here."""

    accompanied: bool


Event = (
    Booted
    | DatagramReceived
    | Persisted
    | PersistFailed
    | Paused
    | TimerFired
    | StopNodeAsked
    | ProcessStarted
    | ProcessExited
    | ChildAttached
    | ChildDetached
    | ExecutorReported
    | ControllerSaid
    | PeerLinkUp
    | PeerLinkDown
    | SegmentReceived
)

SupervisorEvent = (
    Booted
    | StopNodeAsked
    | ProcessStarted
    | ProcessExited
    | ChildAttached
    | ChildDetached
    | ExecutorReported
    | ControllerSaid
    | CompanyChanged
    | TimerFired
)
"""What the aggregate hands to the supervisor. Of ControllerSaid it gets StopReady and StillHere. Its timers are named
`supervisor.*`."""


# effects: the node -> the shell


class SendDatagram(msgspec.Struct, frozen=True, tag=True):
    """Send on all links to these nodes; empty: to all that can be reached."""

    to: tuple[str, ...]
    packet: Packet


class Persist(msgspec.Struct, frozen=True, tag=True):
    """Write and fsync (not in the thread that sends heartbeats), in the order asked, then give Persisted(token)."""

    token: int
    state: DurableState


class ToController(msgspec.Struct, frozen=True, tag=True):
    """Tell crmd; dropped when it is not attached (Welcome tells the rest when it comes)."""

    message: ControllerMessage


class ToExecutor(msgspec.Struct, frozen=True, tag=True):
    """Tell lrmd; dropped when it is not attached."""

    message: SupervisorToChild


class StartProcess(msgspec.Struct, frozen=True, tag=True):
    """Start this child once no process of an earlier life holds its lock; then ProcessStarted, later ProcessExited."""

    process: ProcessName


class KillProcess(msgspec.Struct, frozen=True, tag=True):
    """Send SIGKILL to this child."""

    process: ProcessName
    pid: int


class Exit(msgspec.Struct, frozen=True, tag=True):
    """End the daemon. Nothing is performed after it."""

    code: int
    reason: str


class RebootNode(msgspec.Struct, frozen=True, tag=True):
    """Reboot at once, without syncing or asking anybody."""

    reason: str


class Leave(msgspec.Struct, frozen=True, tag=True):
    """The supervisor to the aggregate: nothing runs here any more, say goodbye to the peers and exit."""

    reason: str


Effect = (
    SendDatagram
    | Persist
    | ToController
    | ToExecutor
    | StartProcess
    | KillProcess
    | SendSegment
    | CloseLink
    | SetTimer
    | CancelTimer
    | Exit
    | RebootNode
    | Note
)

SupervisorEffect = ToController | ToExecutor | StartProcess | KillProcess | SetTimer | CancelTimer | Exit | Leave | Note
"""`Supervisor(restart_bound_ms).handle(event, now) -> list[SupervisorEffect]`, with the properties `ready: bool` (lrmd
is attached and reported empty or settled) and `controller: PeerState`, which the aggregate puts into heartbeats after
each call. The aggregate itself sends Welcome (to crmd) and ViewState (to lrmd) when a child attaches."""
