"""The core of replication: one node's copy of the CIB.

The DC is the only one that puts writes into an order; every other replica forwards its clients' writes to it and
follows its patches. See docs/design/0006-cib-replication.md for the protocol and why it keeps its promises.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from cib.apart import DocumentRead, Examined, ReadDocument, read_document
from cib.document import Document
from cib.errors import OldDataError, ParseError, PatchError
from cib.history import HistoryPoint, Stamp
from cib.holding import Holding, ReplicaSettings
from cib.keeper import RETRY_TIMER, Keeper
from cib.operations import Validator
from cib.outbox import Outbox, Waiting
from cib.replica_events import (
    TIMER_PREFIX,
    Adopt,
    AdoptionEnded,
    Changed,
    ClientWrite,
    Effect,
    Event,
    InStep,
    MessageFrom,
    Persisted,
    PersistFailed,
    RoleChanged,
    SendTo,
    StoreEffect,
    StoreEvent,
    WriteDone,
)
from cib.replica_messages import (
    Announce,
    Decided,
    Forward,
    Kept,
    Need,
    NotKept,
    Outcome,
    ReplicaMessage,
    Settled,
    Snapshot,
    Update,
)
from cib.sequencer import COMMIT_TIMER, Sequencer
from ipc.note import Note
from ipc.timers import SetTimer, TimerFired
from ipc.units import Milliseconds

__all__ = ["Effect", "Event", "Replica", "ReplicaSettings", "StoreEffect", "StoreEvent"]

NEED_TIMER = f"{TIMER_PREFIX}need"
RESEND_TIMER = f"{TIMER_PREFIX}resend"
DEADLINE_TIMER = f"{TIMER_PREFIX}deadline"
EARLY_MAX = 64
"""Messages of a DC that we do not know yet which are kept until we do; after more the document is asked for."""

LATER_MAX = 1024
"""Messages of the DC that may wait while its document is read; after more the document is asked for again."""

_TIMEOUT_RC = 124
_FromDc = Announce | Update | Snapshot


class _Reading(msgspec.Struct, frozen=True):
    """Another node's document that is read apart, and what its DC said since."""

    token: int
    bringer: Snapshot | Adopt
    later: list[Announce | Update]


class Replica:
    """One node's copy. Invariants: the document changes only by the DC's word or by `Adopt`; in one term its version
    only grows; nothing is announced as kept before the disk has it."""

    def __init__(
        self,
        settings: ReplicaSettings,
        document: Document,
        point: HistoryPoint,
        validator: Validator | None = None,
        *,
        kept: bool = True,
    ) -> None:
        """`kept`: the document came from this node's disk, and `point` stands beside it."""
        self._settings = settings
        self._holding = Holding(document, point, validator)
        size = len(document.to_bytes_without_status())
        self._keeper = Keeper(point if kept else None, settings, size)
        self._outbox = Outbox(settings.node, settings.incarnation, settings.deadline_ms)
        self._role = RoleChanged("none")
        self._sequencer: Sequencer | None = None
        self._in_step = False
        self._early: list[tuple[str, _FromDc]] = []
        self._reading: _Reading | None = None

    @property
    def document(self) -> Document:
        """The document now; to be read only."""
        return self._holding.document

    @property
    def point(self) -> HistoryPoint:
        """Where the history stands, for the choice when nodes meet."""
        return self._holding.point

    @property
    def settled(self) -> tuple[Settled, ...]:
        """The writes that the document contains, for whoever adopts it."""
        return self._holding.ledger.content()

    @property
    def in_step(self) -> bool:
        """Whether the document is the DC's."""
        return self._in_step

    def handle(self, event: Event, now: Milliseconds) -> list[Effect]:
        """Take an event; the effects are to be performed in their order."""
        match event:
            case MessageFrom():
                effects = self._message(event.sender, event.message, now)
            case ClientWrite():
                effects = self._client_write(event, now)
            case TimerFired():
                effects = self._timer(event.name, now)
            case Persisted():
                effects = [*self._keeper.persisted(event.token, self.document, self.point), *self._disk_changed()]
            case PersistFailed():
                failed = self._keeper.failed(event.token, event.reason, now)
                effects = [*failed, *self._disk_changed()]
            case RoleChanged():
                effects = self._role_changed(event, now)
            case Adopt():
                effects = self._adopt(event, now)
            case Examined():
                effects = self._sequencer.examined(event, now) if self._sequencer is not None else []
            case DocumentRead():
                effects = self._document_read(event, now)
            case _:
                assert_never(event)
        return self._routed(effects, now)

    def _routed(self, effects: list[Effect], now: Milliseconds) -> list[Effect]:
        """Deliver what is sent to ourselves here, so that a DC's own writes go the same way as others'."""
        routed: list[Effect] = []
        for effect in effects:
            if isinstance(effect, SendTo) and effect.members == (self._settings.node,):
                routed += self._routed(self._message(self._settings.node, effect.message, now), now)
            else:
                routed.append(effect)
        return routed

    # who is DC

    def _role_changed(self, role: RoleChanged, now: Milliseconds) -> list[Effect]:
        same_term = (role.role, role.dc, role.view, role.round) == (
            self._role.role,
            self._role.dc,
            self._role.view,
            self._role.round,
        )
        self._role = role
        if not same_term or role.role == "none":
            self._reading = None
        if same_term:
            return self._sequencer.role_changed(role) if self._sequencer is not None else []
        self._sequencer = None
        self._in_step = False
        if role.role == "dc":
            self._early.clear()
            return self._take_office(role, now)
        if role.role == "none":
            return []
        return self._follow(now)

    def _take_office(self, role: RoleChanged, now: Milliseconds) -> list[Effect]:
        self._in_step = True
        self._sequencer = Sequencer(self._settings, self._holding, self._keeper, role)
        effects = self._sequencer.start()
        effects.append(InStep(role.view, role.round, self._holding.version))
        for forward in self._outbox.outstanding():
            effects += self._sequencer.offer(forward, now)
        return effects

    def _follow(self, now: Milliseconds) -> list[Effect]:
        """Begin to follow a DC; what it said before we knew that it is one is heard now."""
        early, self._early = self._early, []
        effects: list[Effect] = [SetTimer(NEED_TIMER, Milliseconds(now + self._settings.resend_ms))]
        for sender, message in early:
            effects += self._message(sender, message, now)
        if len(early) >= EARLY_MAX and not self._in_step:
            effects += self._need()
        return effects

    @property
    def _stamp(self) -> Stamp:
        return Stamp(self._role.view, self._role.round)

    # messages

    def _message(self, sender: str, message: ReplicaMessage, now: Milliseconds) -> list[Effect]:
        match message:
            case Announce() | Update() | Snapshot():
                return self._from_dc(sender, message, now)
            case Decided():
                return self._decided(message)
            case Forward():
                return self._sequencer.offer(message, now) if self._sequencer is not None else []
            case Need():
                return self._sequencer.need(sender, message) if self._sequencer is not None else []
            case Kept():
                return self._sequencer.kept(sender, message) if self._sequencer is not None else []
            case NotKept():
                return self._sequencer.not_kept(sender, message) if self._sequencer is not None else []
            case _:
                assert_never(message)

    def _from_dc(self, sender: str, message: _FromDc, now: Milliseconds) -> list[Effect]:
        if message.stamp != self._stamp or self._role.role != "member":
            if message.stamp > self._stamp or self._role.role == "none":
                del self._early[EARLY_MAX - 1 :]
                self._early.append((sender, message))
                return []
            return [_stale(sender, message)]
        if sender != self._role.dc:
            return [_stale(sender, message)]
        if self._reading is not None and not isinstance(message, Snapshot):
            return self._hear_later(message)
        match message:
            case Announce():
                return self._announced(message, now)
            case Update():
                return self._updated(message, now)
            case Snapshot():
                return self._taken(message, now)
            case _:
                assert_never(message)

    def _announced(self, message: Announce, now: Milliseconds) -> list[Effect]:
        same = message.point.version == self._holding.version and message.digest == self.document.digest()
        if not same or message.point.digest != self._holding.point.digest:
            self._in_step = False
            return [*self._need(), SetTimer(NEED_TIMER, Milliseconds(now + self._settings.resend_ms))]
        return self._now_in_step(message.point)

    def _now_in_step(self, point: HistoryPoint) -> list[Effect]:
        """We have what the DC has: tell it what is on our disk, and send what waits."""
        self._holding.point = point
        self._in_step = True
        effects: list[Effect] = [InStep(self._role.view, self._role.round, self._holding.version)]
        kept = self._keeper.kept
        if kept is None or (kept.stamp, kept.confirmed, kept.digest) != (point.stamp, point.confirmed, point.digest):
            effects += self._keeper.keep(self.document, point, None)
        else:
            effects += self._disk_changed()
        return effects + [SendTo((self._role.dc,), forward) for forward in self._outbox.outstanding()]

    def _updated(self, message: Update, now: Milliseconds) -> list[Effect]:
        if not self._in_step:
            return []
        try:
            self._holding.follow(message, self._role.members)
        except (PatchError, OldDataError) as error:
            return self._out_of_step(error, now)
        effects: list[Effect] = []
        if message.configuration_digest:
            effects += self._keeper.keep(self.document, self.point, message.patch)
        return [*effects, Changed(message.patch, self._holding.version)]

    def _out_of_step(self, error: PatchError | OldDataError, now: Milliseconds) -> list[Effect]:
        """The same source version and yet the patch does not fit: the documents differ, which must never be."""
        self._in_step = False
        effects: list[Effect] = list(self._holding.divergence(f"the DC's patch does not fit it: {error.text}"))
        return [*effects, *self._need(), SetTimer(NEED_TIMER, Milliseconds(now + self._settings.resend_ms))]

    def _need(self) -> list[Effect]:
        return [SendTo((self._role.dc,), Need(self._stamp, self._holding.version))]

    def _taken(self, message: Snapshot, now: Milliseconds) -> list[Effect]:
        return [] if self._in_step else self._read(message, now)

    def _adopt(self, event: Adopt, now: Milliseconds) -> list[Effect]:
        assert self._sequencer is None, "the winner is chosen before anybody sequences writes"
        return self._read(event, now)

    # another node's document

    def _read(self, bringer: Snapshot | Adopt, now: Milliseconds) -> list[Effect]:
        """Read a document here, or have it read apart; a newer one takes the place of one that is still being read."""
        self._reading = None
        data = bringer.document
        if len(data) >= self._settings.apart_from:
            self._reading = _Reading(self._holding.next_token(), bringer, [])
            return [ReadDocument(self._reading.token, data)]
        try:
            return self._take(bringer, read_document(data))
        except ParseError as error:
            return self._unreadable(bringer, error.text, now)

    def _hear_later(self, message: Announce | Update) -> list[Effect]:
        """What the DC says after its document is heard when that has been read."""
        assert self._reading is not None
        if len(self._reading.later) < LATER_MAX:
            self._reading.later.append(message)
            return []
        self._reading = None
        return self._need()

    def _document_read(self, result: DocumentRead, now: Milliseconds) -> list[Effect]:
        reading = self._reading
        if reading is None or reading.token != result.token:
            return []
        self._reading = None
        if result.document is None:
            return self._unreadable(reading.bringer, result.problem, now)
        effects = self._take(reading.bringer, result.document)
        for message in reading.later:
            effects += self._from_dc(self._role.dc, message, now)
        return effects

    def _take(self, bringer: Snapshot | Adopt, document: Document) -> list[Effect]:
        if isinstance(bringer, Snapshot):
            taken = self._holding.take(document, bringer.point, bringer.settled)
            return [*taken, *self._now_in_step(self._holding.point)]
        taken = self._holding.take(document, bringer.point, bringer.settled, count_past=True)
        self._in_step = False
        return [*taken, *self._keeper.keep(self.document, self.point, None), AdoptionEnded(ok=True)]

    def _unreadable(self, bringer: Snapshot | Adopt, problem: str, now: Milliseconds) -> list[Effect]:
        if isinstance(bringer, Snapshot):
            note = Note("error", "cib.snapshot.unreadable", f"the DC's document cannot be read: {problem}")
            return [note, SetTimer(NEED_TIMER, Milliseconds(now + self._settings.resend_ms))]
        note = Note("error", "cib.adopt.unreadable", f"the chosen document cannot be read: {problem}")
        return [note, AdoptionEnded(ok=False)]

    # clients

    def _client_write(self, write: ClientWrite, now: Milliseconds) -> list[Effect]:
        if self._outbox.is_full:
            text = "too many writes of this node are waiting, try again later"
            return [WriteDone(write.id, Outcome(self._holding.version, 1, text))]
        first = self._outbox.next_deadline() is None
        forward = self._outbox.add(write, now)
        effects: list[Effect] = []
        if first:
            effects += [
                SetTimer(DEADLINE_TIMER, Milliseconds(now + self._settings.deadline_ms)),
                SetTimer(RESEND_TIMER, Milliseconds(now + self._settings.resend_ms)),
            ]
        if self._sequencer is not None:
            return [*effects, *self._sequencer.offer(forward, now)]
        if self._in_step:
            effects.append(SendTo((self._role.dc,), forward))
        return effects

    def _decided(self, message: Decided) -> list[Effect]:
        waiting = self._outbox.settle(message.id)
        return [] if waiting is None else [WriteDone(waiting.client_id, message.outcome)]

    # disk and time

    def _disk_changed(self) -> list[Effect]:
        if self._sequencer is not None:
            return self._sequencer.own_disk_changed()
        if not self._in_step:
            return []
        kept = self._keeper.kept
        if self._keeper.failure:
            refusal = NotKept(self._stamp, self._holding.version.configuration, self._keeper.failure)
            return [SendTo((self._role.dc,), refusal)]
        if kept is None or kept.stamp != self.point.stamp:
            return []
        return [SendTo((self._role.dc,), Kept(self._stamp, kept.version.configuration, kept.confirmed))]

    def _timer(self, name: str, now: Milliseconds) -> list[Effect]:
        if name == COMMIT_TIMER:
            return self._sequencer.commit(now) if self._sequencer is not None else []
        if name == RETRY_TIMER:
            return list(self._keeper.retry(self.document, self.point))
        if name == NEED_TIMER:
            if self._in_step or self._role.role != "member":
                return []
            needed = self._need() if self._reading is None else []
            return [*needed, SetTimer(NEED_TIMER, Milliseconds(now + self._settings.resend_ms))]
        if name == RESEND_TIMER:
            return self._resend(now)
        if name == DEADLINE_TIMER:
            return self._overdue(now)
        return []

    def _resend(self, now: Milliseconds) -> list[Effect]:
        outstanding = self._outbox.outstanding()
        if not outstanding:
            return []
        effects: list[Effect] = [SetTimer(RESEND_TIMER, Milliseconds(now + self._settings.resend_ms))]
        if self._sequencer is None and self._in_step:
            effects += [SendTo((self._role.dc,), forward) for forward in outstanding]
        return effects

    def _overdue(self, now: Milliseconds) -> list[Effect]:
        effects: list[Effect] = [self._unanswered(waiting) for waiting in self._outbox.overdue(now)]
        deadline = self._outbox.next_deadline()
        return effects if deadline is None else [*effects, SetTimer(DEADLINE_TIMER, deadline)]

    def _unanswered(self, waiting: Waiting) -> WriteDone:
        seconds = self._settings.deadline_ms // 1000
        why = f"the DC ({self._role.dc}) did not answer" if self._role.dc else "there is no DC"
        text = f"{why} within {seconds} s; whether the change is or will be in force is not known"
        return WriteDone(waiting.client_id, Outcome(self._holding.version, _TIMEOUT_RC, text))


def _stale(sender: str, message: _FromDc) -> Note:
    return Note(
        "info",
        "cib.stale",
        f"a {type(message).__name__} of {sender} is from an earlier term and is ignored",
        {"sender": sender, "view": message.stamp.view, "round": message.stamp.round},
    )
