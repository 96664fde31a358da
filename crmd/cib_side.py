"""The replica of the CIB within the controller: its effects carried out, its changes told apart.

A change is the DC's own when the write that made it was this DC's: what it means is known. All others are read, and
may make the last computation out of date.
"""

from __future__ import annotations

import msgspec

from cib.apart import ApartResult, Examine, ReadDocument
from cib.changes import Change
from cib.configuration import voters
from cib.document import Document
from cib.history import HistoryPoint
from cib.replica import Replica
from cib.replica_events import (
    Adopt,
    Adopted,
    AdoptionEnded,
    Changed,
    ClientWrite,
    Committed,
    Diverged,
    InStep,
    MessageFrom,
    Persist,
    RoleChanged,
    SendTo,
    StoreEvent,
    WriteDone,
)
from cib.replica_events import Effect as ReplicaEffect
from cib.replica_events import Event as ReplicaEvent
from cib.replica_messages import Decided, Outcome, ReplicaMessage, Settled
from cib.requests import Request
from cib.sequencer import COMMIT_TIMER
from cib.status import classify
from crmd.desk import Purpose
from crmd.events import CibPatched, CibReplaced, ToStore, WorkApart
from crmd.peer_messages import OfReplica, Term
from crmd.post import Post
from heartbeat.messages import Quorum
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds

# whose a write is


class DcWrite(msgspec.Struct, frozen=True, tag=True):
    """The DC's own, made in this term."""

    term: Term
    purpose: Purpose


class ToolWrite(msgspec.Struct, frozen=True, tag=True):
    """A tool's, by the number that its request has here."""

    number: int


class NodeWrite(msgspec.Struct, frozen=True, tag=True):
    """This node's own, whoever is DC; nobody waits for it."""


Writer = DcWrite | ToolWrite | NodeWrite


# what the controller hears


class WriteEnded(msgspec.Struct, frozen=True, tag=True):
    """A write was carried out or refused."""

    writer: Writer
    outcome: Outcome


class OthersChanged(msgspec.Struct, frozen=True, tag=True):
    """Somebody else changed the document."""

    changes: tuple[Change, ...]


class ConfigurationHere(msgspec.Struct, frozen=True, tag=True):
    """The configuration is, or may be, another one."""


class ReplicaInStep(msgspec.Struct, frozen=True, tag=True):
    """This member's document is the DC's."""

    view: int
    round: int


class CibAdopted(msgspec.Struct, frozen=True, tag=True):
    """The chosen document is this node's now; or not, when it cannot be read."""

    ok: bool


class NodesCommitted(msgspec.Struct, frozen=True, tag=True):
    """At the DC: these nodes have a vote, by a configuration that no crash can undo."""

    nodes: tuple[str, ...]


CibSignal = WriteEnded | OthersChanged | ConfigurationHere | ReplicaInStep | CibAdopted | NodesCommitted


class CibSide:
    """Owns the replica and the book of open writes."""

    def __init__(self, replica: Replica, post: Post) -> None:
        self._replica = replica
        self._post = post
        self._writes: dict[int, Writer] = {}
        self._last = 0
        self._commit_due = False

    @property
    def document(self) -> Document:
        """The document now."""
        return self._replica.document

    @property
    def point(self) -> HistoryPoint:
        """Where its history stands."""
        return self._replica.point

    def write(
        self,
        writer: Writer,
        requests: tuple[Request, ...],
        now: Milliseconds,
        *,
        wall: int,
        user: str = "",
        client: str = "crmd",
        force: bool = False,
    ) -> list[CibSignal]:
        """Carry requests out; WriteEnded tells how it ended. Nothing to write is done at once."""
        if not requests:
            return [WriteEnded(writer, Outcome(self._replica.document.version))]
        self._last += 1
        self._writes[self._last] = writer
        # Of a DC's own writes none may outlive its term, not even to be examined apart: see `commit`.
        at_once = isinstance(writer, DcWrite)
        return self.give(ClientWrite(self._last, requests, user, client, force, wall, at_once), now)

    def role(self, event: RoleChanged, now: Milliseconds) -> list[CibSignal]:
        """Who sequences writes."""
        return self.give(event, now)

    @property
    def settled(self) -> tuple[Settled, ...]:
        """The writes that the document contains."""
        return self._replica.settled

    def adopt(
        self, document: bytes, point: HistoryPoint, settled: tuple[Settled, ...], now: Milliseconds
    ) -> list[CibSignal]:
        """Take the chosen document."""
        return self.give(Adopt(document, point, settled), now)

    def peer(self, sender: str, message: ReplicaMessage, now: Milliseconds) -> list[CibSignal]:
        """Another member's replica said something."""
        return self.give(MessageFrom(sender, message), now)

    def worked_apart(self, result: ApartResult, now: Milliseconds) -> list[CibSignal]:
        """What was to be examined or read is."""
        return self.give(result, now)

    def stored(self, event: StoreEvent, now: Milliseconds) -> list[CibSignal]:
        """The store finished something."""
        return self.give(event, now)

    def fired(self, name: str, now: Milliseconds) -> list[CibSignal]:
        """A timer of the replica's fired."""
        return self.give(TimerFired(name), now)

    @property
    def commit_due(self) -> bool:
        """Whether writes wait to be carried out."""
        return self._commit_due

    def commit(self, now: Milliseconds) -> list[CibSignal]:
        """Carry out what waits, as one patch.

        It is done within the event that brought it. So no write of a DC outlives its term: one that did would be
        carried out by the next DC, and could call a node down that has come back since.
        """
        self._commit_due = False
        return self.give(TimerFired(COMMIT_TIMER), now)

    def give(self, event: ReplicaEvent, now: Milliseconds) -> list[CibSignal]:
        """Let the replica take an event and carry out what it asks for."""
        effects = self._replica.handle(event, now)
        signals: list[CibSignal] = []
        for index, effect in enumerate(effects):
            match effect:
                case SendTo(members, message):
                    for name in members:
                        self._post.say(name, OfReplica(message))
                case Examine() | ReadDocument():
                    self._post.put(WorkApart(effect))
                case AdoptionEnded(ok):
                    signals.append(CibAdopted(ok))
                case Persist() | Diverged():
                    self._post.put(ToStore(effect))
                case WriteDone(identity, outcome):
                    writer = self._writes.pop(identity, None)
                    if writer is not None:
                        signals.append(WriteEnded(writer, outcome))
                case Changed(patch, version):
                    self._post.put(CibPatched(patch, version))
                    if patch.changes_configuration:
                        signals.append(ConfigurationHere())
                    if patch.changes_configuration or not self._is_own(effects[index + 1 :]):
                        signals.append(OthersChanged(tuple(classify(patch, self._replica.document))))
                case Adopted(version):
                    self._post.put(CibReplaced(version))
                    signals.append(ConfigurationHere())
                case InStep(view, round_):
                    signals.append(ReplicaInStep(view, round_))
                case Committed(configuration):
                    document = self._replica.document
                    if document.version.configuration == configuration:
                        signals.append(NodesCommitted(voters(document)))
                case SetTimer(name) if name == COMMIT_TIMER:
                    self._commit_due = True
                case SetTimer() | CancelTimer() | Note():
                    self._post.put(effect)
        return signals

    def _is_own(self, after: list[ReplicaEffect]) -> bool:
        """Whether a status patch was made of the DC's own writes only; their answers follow it."""
        own = False
        for effect in after:
            if isinstance(effect, Changed):
                break
            if isinstance(effect, WriteDone):
                if not isinstance(self._writes.get(effect.id), DcWrite):
                    return False
                own = True
            if isinstance(effect, SendTo) and isinstance(effect.message, Decided):
                return False
        return own


def dc_role(
    term: Term, members: tuple[str, ...], votes: tuple[str, ...], quorum: Quorum, *, answered_majority: bool
) -> RoleChanged:
    """The role of a DC's replica. Configuration may be written only where enough members told their history."""
    majority = quorum.basis == "majority"
    return RoleChanged(
        "dc",
        term.dc,
        term.view,
        term.round,
        members,
        votes,
        quorum.quorate,
        majority,
        quorum.config_writes and (answered_majority or not majority),
    )
