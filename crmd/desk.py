"""What the parts of the DC ask for: collected in order, performed by the controller after each event."""

from __future__ import annotations

import msgspec

from cib.history import HistoryPoint
from cib.replica_messages import Settled
from cib.requests import Request
from crmd.judgement import Judgement
from crmd.peer_messages import PeerMessage, ResultKey
from crmd.states import Input
from ipc.note import Level, Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.messages import Finished
from stonith.device import FenceAction

# why something is written: comes back with the outcome of the write


class JoinRecorded(msgspec.Struct, frozen=True, tag=True):
    """The state of these members."""

    names: tuple[str, ...]


class ResultsRecorded(msgspec.Struct, frozen=True, tag=True):
    """Results of a member's operations, with what they mean."""

    node: str
    keys: tuple[ResultKey, ...]
    results: tuple[Finished, ...]
    judgements: tuple[Judgement, ...]


class ActionWritten(msgspec.Struct, frozen=True, tag=True):
    """The CIB's part of an action of a transition."""

    transition: int
    action: int


class FencedRecorded(msgspec.Struct, frozen=True, tag=True):
    """A node's death."""

    target: str


class CleanedUp(msgspec.Struct, frozen=True, tag=True):
    """A resource's failures or history on a node, for a tool's request."""

    origin: str
    number: int
    key: str


class NodesEntered(msgspec.Struct, frozen=True, tag=True):
    """Nodes that have a vote, and the DC's version, into the configuration. Carried out before what is written after
    it; that it is kept on disks is not waited for."""


class Upkeep(msgspec.Struct, frozen=True, tag=True):
    """Something that nobody waits for; `what` names it when it fails."""

    what: str


Purpose = JoinRecorded | ResultsRecorded | ActionWritten | FencedRecorded | CleanedUp | NodesEntered | Upkeep


# effects


class Say(msgspec.Struct, frozen=True, tag=True):
    """Send to a member (this node too); to every other one if `to` is empty."""

    to: str
    message: PeerMessage


class Write(msgspec.Struct, frozen=True, tag=True):
    """Write the CIB; answered with the purpose and the outcome."""

    purpose: Purpose
    requests: tuple[Request, ...]
    force: bool = False


class AskSchedule(msgspec.Struct, frozen=True, tag=True):
    """Ask the policy engine, after all writes that were asked for."""

    request: int


class FenceTarget(msgspec.Struct, frozen=True, tag=True):
    """Ask the fencer."""

    id: int
    target: str
    action: FenceAction
    timeout_ms: int
    delay_ms: int


class FenceForTool(msgspec.Struct, frozen=True, tag=True):
    """Ask the fencer on behalf of a tool at node `origin`; with `confirmed` a person says that it is down."""

    origin: str
    number: int
    target: str
    action: FenceAction
    timeout_ms: int
    confirmed: bool


class TellDown(msgspec.Struct, frozen=True, tag=True):
    """Have the messaging layer remember that this life of a node is over."""

    node: str
    generation: int


class Happened(msgspec.Struct, frozen=True, tag=True):
    """Put this into the state machine."""

    input: Input


class AskOwnTable(msgspec.Struct, frozen=True, tag=True):
    """Ask this node's executor for all it knows, for the DC's own join."""


class TakeRole(msgspec.Struct, frozen=True, tag=True):
    """Tell the replica that this node is DC and who takes part."""

    members: tuple[str, ...]


class AdoptCib(msgspec.Struct, frozen=True, tag=True):
    """Take this document, which was chosen, instead of one's own."""

    document: bytes
    point: HistoryPoint
    settled: tuple[Settled, ...]


class KeepGraphInput(msgspec.Struct, frozen=True, tag=True):
    """Keep what the policy engine worked on."""

    transition: int
    severity: str


DcEffect = (
    Say
    | Write
    | AskSchedule
    | FenceTarget
    | FenceForTool
    | TellDown
    | Happened
    | AskOwnTable
    | TakeRole
    | AdoptCib
    | KeepGraphInput
    | SetTimer
    | CancelTimer
    | Note
)


class Desk:
    """Collects effects in order."""

    def __init__(self) -> None:
        self._effects: list[DcEffect] = []

    def put(self, effect: DcEffect) -> None:
        """Add one."""
        self._effects.append(effect)

    def say(self, to: str, message: PeerMessage) -> None:
        """Add a message."""
        self._effects.append(Say(to, message))

    def write(self, purpose: Purpose, requests: list[Request], *, force: bool = False) -> None:
        """Add a write; nothing to write is written as nothing, so that the purpose is answered all the same."""
        self._effects.append(Write(purpose, tuple(requests), force))

    def timer(self, name: str, at: int) -> None:
        """Add a timer."""
        self._effects.append(SetTimer(name, Milliseconds(at)))

    def note(self, level: Level, event: str, text: str, **fields: str | int | bool) -> None:
        """Add a note."""
        self._effects.append(Note(level, event, text, fields))

    def take(self) -> list[DcEffect]:
        """Return what was collected and begin anew."""
        effects, self._effects = self._effects, []
        return effects
