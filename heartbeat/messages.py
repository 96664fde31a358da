"""What heartbeat and crmd tell each other over the heartbeat socket (after `ipc.supervision.Attach`)."""

from typing import Literal

import msgspec

from ipc.supervision import Attach, SupervisorToChild
from ipc.units import Milliseconds

QuorumBasis = Literal["majority", "two_node", "alone", "none"]
"""Why a view is quorate: a majority of all votes; half of two votes, kept because this node was in a quorate view
with the other since it started; a node that started alone, after initdead; or not at all."""

PeerState = Literal["up", "restarting", "emptying", "gone"]
"""What a node says of its crmd: it runs; it died and is started again; it counts as gone, and what runs here is being
stopped, because nothing fences; it counts as gone."""


class Member(msgspec.Struct, frozen=True, order=True):
    """One life of a node's messaging layer: a restart, or a pause longer than deadtime, makes a new generation."""

    name: str
    generation: int


class View(msgspec.Struct, frozen=True):
    """An agreed membership. Numbers only grow, over cold starts too; members are sorted by name."""

    number: int
    coordinator: str
    members: tuple[Member, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names, sorted."""
        return tuple(member.name for member in self.members)


class Quorum(msgspec.Struct, frozen=True):
    """What the votes of the view are worth."""

    quorate: bool
    basis: QuorumBasis
    votes: int
    expected: int
    config_writes: bool
    """Whether configuration may be written without force."""


NO_QUORUM = Quorum(quorate=False, basis="none", votes=0, expected=0, config_writes=False)


class StonithLine(msgspec.Struct, frozen=True):
    """A `stonith TYPE CONFIGFILE` or `stonith_host HOST TYPE PARAM...` line of ha.cf; its words may be secrets."""

    line: int
    words: tuple[str, ...]
    """The directive first."""


class ClusterSettings(msgspec.Struct, frozen=True):
    """What ha.cf says that the controller needs."""

    keepalive_ms: int
    deadtime_ms: int
    warntime_ms: int
    initdead_ms: int
    auto_failback: Literal["on", "off", "legacy"]
    stonith: tuple[StonithLine, ...] = ()
    crmd_restart_bound_ms: int = 5000
    stop_grace_ms: int = 0
    logfile: str | None = None
    debug: int = 0


# heartbeat -> crmd


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """First message after Attach: who we are and where things stand."""

    node: str
    generation: int
    nodes: tuple[str, ...]
    """The nodes that have a vote, in the order of ha.cf (or of the last committed node list)."""
    settings: ClusterSettings
    view: View | None
    quorum: Quorum
    peers: tuple[tuple[str, PeerState], ...]
    """State of the peers' crmd, as far as known."""
    down: tuple[str, ...] = ()
    """Nodes outside the view that are known to run nothing: they said goodbye, or an earlier crmd said KnownDown."""


class ViewInstalled(msgspec.Struct, frozen=True, tag=True):
    """A new view holds from now on. `left` said goodbye in good order, `lost` did not."""

    view: View
    quorum: Quorum
    left: tuple[str, ...]
    lost: tuple[str, ...]
    detected_at: Milliseconds
    """When this node's detector expired for the first of `lost` (0: none lost)."""


class ViewLost(msgspec.Struct, frozen=True, tag=True):
    """This node is in no view (it was paused, or is coming up again): order nothing, send nothing."""

    reason: str


class QuorumChanged(msgspec.Struct, frozen=True, tag=True):
    """Same view, other quorum (initdead passed for a node that started alone, or the node list changed)."""

    quorum: Quorum


class Delivered(msgspec.Struct, frozen=True, tag=True):
    """A message of another member's crmd, in that member's order, within the view it was sent in."""

    sender: Member
    view: int
    payload: bytes


class PeerProcess(msgspec.Struct, frozen=True, tag=True):
    """The state of a view member's crmd changed."""

    node: str
    state: PeerState


class StopRequested(msgspec.Struct, frozen=True, tag=True):
    """Somebody asked this node to stop: move resources away, then answer with StopReady."""

    reason: str


HeartbeatToController = (
    Welcome | ViewInstalled | ViewLost | QuorumChanged | Delivered | PeerProcess | StopRequested | SupervisorToChild
)

# crmd -> heartbeat


class Transmit(msgspec.Struct, frozen=True, tag=True):
    """Send to these members of view `view` (empty: every other member). Dropped when that view is over."""

    to: tuple[str, ...]
    view: int
    payload: bytes


class StopReady(msgspec.Struct, frozen=True, tag=True):
    """Nothing of the cluster's runs here any more: say goodbye to the peers and stop."""


class StillHere(msgspec.Struct, frozen=True, tag=True):
    """Said every second by a controller whose event loop turns; one that stops saying it hangs, and is replaced."""

    fencing: bool = True
    """Whether the cluster fences. Where it does not, nobody but the node itself makes sure that nothing runs on it."""


class NodeList(msgspec.Struct, frozen=True, tag=True):
    """The committed list of nodes with a vote; heartbeat keeps it on disk and counts by it."""

    nodes: tuple[str, ...]


class KnownDown(msgspec.Struct, frozen=True, tag=True):
    """A node was fenced in this life (0: of a life before this crmd's). Heartbeat remembers it for a crmd to come.

    The status part of the CIB lives in the controllers alone. Where the only one of a view dies, it would be forgotten
    that the other node is down, and it would be fenced again, perhaps while it starts.
    """

    name: str
    generation: int


class Reset(msgspec.Struct, frozen=True, tag=True):
    """This node must not go on (a stop failed after quorum was lost and a watchdog is armed): reboot it now."""

    reason: str


ControllerToHeartbeat = Attach | Transmit | StopReady | StillHere | NodeList | KnownDown | Reset

# tools -> heartbeat


class StatusQuery(msgspec.Struct, frozen=True, tag=True):
    """`heartbeat status`."""


class StopNode(msgspec.Struct, frozen=True, tag=True):
    """`heartbeat stop`: leave in good order; answered by the end of the connection."""

    reason: str


class LinkStatus(msgspec.Struct, frozen=True):
    """One configured link as this node sees it."""

    name: str
    peers_heard: tuple[str, ...]


class Status(msgspec.Struct, frozen=True, tag=True):
    """Answer to StatusQuery."""

    node: str
    pid: int
    generation: int
    state: str
    view: View | None
    quorum: Quorum
    links: tuple[LinkStatus, ...]
    processes: tuple[tuple[str, str], ...]


ToolToHeartbeat = StatusQuery | StopNode
