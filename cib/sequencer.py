"""The DC's side of replication: puts all writes into one order, and says when each may be acknowledged.

Writes that arrive together are carried out one after the other and become one patch (a configuration change ends its
patch, because its version has a digest). Each write is checked and either in force or without any trace.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from cib.acknowledgement import Acknowledgements, Pending, vote_change_problem
from cib.apart import Examine, Examined
from cib.configuration import voters
from cib.document import Document
from cib.errors import CibError, InvalidRequestError, NoQuorumError, NotKeptError
from cib.history import Stamp, WriteId, confirm
from cib.holding import Holding, ReplicaSettings
from cib.keeper import Keeper
from cib.operations import Origin, perform, refuse_errors, seal
from cib.replica_events import TIMER_PREFIX, Changed, Committed, Effect, RoleChanged, SendTo
from cib.replica_messages import (
    Announce,
    Decided,
    Forward,
    Kept,
    Need,
    NotKept,
    Outcome,
    Settled,
    Snapshot,
    Update,
)
from cib.reports import Report
from cib.version import CibVersion, ConfigurationVersion
from ipc.timers import SetTimer
from ipc.units import Milliseconds

COMMIT_TIMER = f"{TIMER_PREFIX}commit"
TURN_COST_MAX = 256
"""What may be done in one turn, in status writes (0.15 ms); the rest waits for the next, so that no turn takes long."""
CONFIGURATION_COST = 5
"""Cost of a write that goes through the whole of a small configuration (grammar, digest)."""
BYTES_PER_COST = 10_000
"""So much configuration costs one more."""
QUEUE_MAX = 8192
"""Writes that may wait for their turn; more are refused."""


class Sequencer:
    """Exists from when this node becomes DC until it is not; all its promises end with it."""

    def __init__(self, settings: ReplicaSettings, holding: Holding, keeper: Keeper, role: RoleChanged) -> None:
        assert role.role == "dc"
        self._settings = settings
        self._holding = holding
        self._keeper = keeper
        self._role = role
        self._queue: dict[WriteId, Forward] = {}
        self._examination: _Examination | None = None
        self._acknowledgements = Acknowledgements()
        self._committed: ConfigurationVersion | None = None

    @property
    def stamp(self) -> Stamp:
        """This DC's term."""
        return Stamp(self._role.view, self._role.round)

    # taking office

    def start(self) -> list[Effect]:
        """Tell all members which document holds from now on."""
        effects = self._confirm()
        self._note_own_disk()
        return [*effects, *self._announce(self._others()), *self.acknowledge()]

    def role_changed(self, role: RoleChanged) -> list[Effect]:
        """Same term; members, votes or quorum are others."""
        newcomers = tuple(name for name in role.members if name not in self._role.members)
        gains_writes = role.config_writes and not self._role.config_writes
        self._role = role
        if gains_writes:
            self._acknowledgements.forget_kept()
            effects = self._confirm()
            self._note_own_disk()
            return [*effects, *self._announce(self._others()), *self.acknowledge()]
        return [*(self._announce(newcomers) if newcomers else []), *self.acknowledge()]

    def _confirm(self) -> list[Effect]:
        """Stamp the newest configuration version with this term, before anything is acknowledged in it.

        Safety: see `cib.history`. Where configuration may not be written, nothing is confirmed: a part of the cluster
        that only holds on must not win over one that went on.
        """
        point = self._holding.point
        if not self._role.config_writes:
            return []
        if point.stamp >= self.stamp and point.confirmed == point.version.configuration:
            return []
        self._holding.point = confirm(self._holding.point, self.stamp, self._role.members)
        return list(self._keeper.keep(self._holding.document, self._holding.point, None))

    def _announce(self, members: tuple[str, ...]) -> list[Effect]:
        if not members:
            return []
        return [SendTo(members, Announce(self.stamp, self._holding.document.digest(), self._holding.point))]

    def _others(self) -> tuple[str, ...]:
        return tuple(name for name in self._role.members if name != self._settings.node)

    # writes

    def offer(self, forward: Forward, now: Milliseconds) -> list[Effect]:
        """Take a write, unless it was taken before."""
        settled = self._holding.find(forward.id)
        if settled is not None:
            return self._answer_again(settled)
        if self._holding.ledger.is_over(forward.id) or forward.id in self._queue or self._examines(forward.id):
            return []
        if len(self._queue) >= QUEUE_MAX:
            return [self._refuse(forward.id, InvalidRequestError("too many writes are waiting, try again later"))]
        self._queue[forward.id] = forward
        if self._examination is not None:
            return [SetTimer(COMMIT_TIMER, now)] if self._may_overtake(forward) else []
        return [SetTimer(COMMIT_TIMER, now)] if len(self._queue) == 1 else []

    def _answer_again(self, settled: Settled) -> list[Effect]:
        if not settled.configuration:
            return [self._decide(settled, kept_on=0)]
        self._acknowledgements.wait(settled, forced=False)
        return self.acknowledge()

    def commit(self, now: Milliseconds) -> list[Effect]:
        """Carry out what waits (COMMIT_TIMER fired)."""
        batch = _Batch(self._holding, self._role)
        effects: list[Effect] = []
        cost = 0
        for write, forward in list(self._queue.items()):
            if cost >= TURN_COST_MAX:
                effects.append(SetTimer(COMMIT_TIMER, now))
                break
            if self._examination is not None and not self._may_overtake(forward):
                continue
            del self._queue[write]
            cost += self._cost(forward)
            try:
                if self._is_large(forward):
                    effects += self._begin_examination(batch, forward)
                elif batch.carry_out(forward, self._obstacle).configuration:
                    effects += self._publish(batch, forced=forward.force)
            except CibError as error:
                effects.append(self._refuse(write, error))
        effects += self._publish(batch, forced=False)
        return [*effects, *self.acknowledge()]

    def _cost(self, forward: Forward) -> int:
        """Return what a write costs; one that says that it only concerns the status is cheap."""
        return 1 if _is_status_only(forward) else CONFIGURATION_COST + self._keeper.size // BYTES_PER_COST

    # large configurations

    def _is_large(self, forward: Forward) -> bool:
        """Whether the configuration, as this write would make it, takes too long to be examined here and now."""
        if forward.at_once or _is_status_only(forward):
            return False
        size = self._keeper.size + sum(len(request.xml) for request in forward.requests)
        return size >= self._settings.apart_from

    def _may_overtake(self, forward: Forward) -> bool:
        """Whether a write need not wait for the one that is being examined.

        Those of the configuration keep their order. Results of operations must not wait: a recovery depends on them.
        """
        return forward.at_once or _is_status_only(forward)

    def _examines(self, write: WriteId) -> bool:
        return self._examination is not None and self._examination.forward.id == write

    def _begin_examination(self, batch: _Batch, forward: Forward) -> list[Effect]:
        """See what the write would lead to and have that examined; the document stays as it is until then."""
        base = self._holding.version.configuration
        changed = batch.try_out(forward, self._obstacle)
        if changed is None:
            return []
        token = self._holding.next_token()
        self._examination = _Examination(token, forward, base)
        return [Examine(token, changed)]

    def examined(self, result: Examined, now: Milliseconds) -> list[Effect]:
        """Carry the examined write out, unless it is refused."""
        examination = self._examination
        if examination is None or result.token != examination.token:
            return []
        self._examination = None
        return [*self._conclude(examination, result), *self.commit(now)]

    def _conclude(self, examination: _Examination, result: Examined) -> list[Effect]:
        forward = examination.forward
        if self._holding.version.configuration != examination.base:
            # What could not wait changed the configuration meanwhile: it is another one that must be examined.
            self._queue = {forward.id: forward, **self._queue}
            return []
        batch = _Batch(self._holding, self._role, examined=True)
        try:
            refuse_errors(result.reports)
            batch.carry_out(forward, self._obstacle)
        except CibError as error:
            return [self._refuse(forward.id, error)]
        return self._publish(batch, forced=forward.force, examined=result)

    def _obstacle(self) -> str:
        return self._acknowledgements.obstacle(self._role, voters(self._holding.document))

    def _publish(self, batch: _Batch, *, forced: bool, examined: Examined | None = None) -> list[Effect]:
        """Make what the batch did a patch and send it, before any of its writes is answered."""
        settled, source = batch.take()
        is_small = examined is None and self._keeper.size < self._settings.apart_from
        patch = seal(self._holding.document, 0, source, with_digest=is_small)
        self._holding.document.forget_journal()
        effects: list[Effect] = []
        if patch is not None:
            configuration = self._holding.version.configuration != source.configuration
            digest = ""
            if configuration:
                digest = examined.digest if examined is not None else self._holding.document.configuration_digest()
            forced_version = not self._role.config_writes
            self._holding.advance(settled, digest, self._role.members, forced=forced_version)
            if configuration:
                content = examined.content if examined is not None else b""
                effects += self._keeper.keep(self._holding.document, self._holding.point, patch, content)
            if others := self._others():
                effects.append(SendTo(others, Update(self.stamp, patch, settled, digest, forced_version)))
            effects.append(Changed(patch, self._holding.version))
        for write in settled:
            if write.configuration:
                self._acknowledgements.wait(write, forced=forced)
            else:
                effects.append(self._decide(write, kept_on=0))
        return effects

    # acknowledgements

    def kept(self, sender: str, message: Kept) -> list[Effect]:
        """A member has a configuration version on disk, under this term."""
        if message.stamp != self.stamp:
            return []
        self._acknowledgements.kept(sender, self._kept_version(message.version, message.confirmed))
        return self.acknowledge()

    def not_kept(self, sender: str, message: NotKept) -> list[Effect]:
        """A member's disk refuses."""
        if message.stamp != self.stamp:
            return []
        self._acknowledgements.refused(sender, message.reason)
        return self.acknowledge()

    def own_disk_changed(self) -> list[Effect]:
        """The keeper was told that a write ended, in one way or the other."""
        self._note_own_disk()
        return self.acknowledge()

    def _note_own_disk(self) -> None:
        node, kept = self._settings.node, self._keeper.kept
        if self._keeper.failure:
            self._acknowledgements.refused(node, self._keeper.failure)
        # What was written under an earlier stamp would not win against what others wrote since: it does not count.
        elif kept is not None and kept.stamp == self._holding.point.stamp:
            self._acknowledgements.kept(node, self._kept_version(kept.version.configuration, kept.confirmed))

    def _kept_version(self, version: ConfigurationVersion, confirmed: ConfigurationVersion) -> ConfigurationVersion:
        """Where configuration may be written, only what is confirmed lasts."""
        return confirmed if self._role.config_writes else version

    def acknowledge(self) -> list[Effect]:
        """Answer the writes whose version is on enough disks, and those for which that became impossible."""
        newest = self._holding.version.configuration
        if self._committed == newest and not self._acknowledgements.is_waiting:
            return []
        listed = voters(self._holding.document)
        done = self._acknowledgements.take_kept(self._role, listed)
        effects: list[Effect] = [self._decide(each.settled, kept_on=self._holders(each)) for each in done]
        committed = self._role.config_writes and self._acknowledgements.is_kept(newest, self._role, listed)
        if self._committed != newest and committed:
            self._committed = newest
            effects.append(Committed(newest))
        # A member that is away may come back within the client's patience; a disk that refuses is told at once.
        if self._acknowledgements.has_refusals and (obstacle := self._acknowledgements.obstacle(self._role, listed)):
            effects += [self._not_kept(pending, obstacle) for pending in self._acknowledgements.take_all()]
        return effects

    def _holders(self, pending: Pending) -> int:
        return len(self._acknowledgements.holders(pending.version))

    def _not_kept(self, pending: Pending, obstacle: str) -> Effect:
        version = pending.settled.version
        text = f"version {version} is in force but is not kept, a crash may lose it: {obstacle}"
        return self._refuse(pending.settled.id, NotKeptError(text, version))

    def _decide(self, settled: Settled, *, kept_on: int) -> SendTo:
        members = len(self._role.members)
        outcome = Outcome(settled.version, kept_on=kept_on, members=members, results=settled.results)
        return SendTo((settled.id.node,), Decided(settled.id, outcome))

    def _refuse(self, write: WriteId, error: CibError) -> SendTo:
        outcome = Outcome(self._holding.version, error.rc, error.text, error.details, 0, len(self._role.members))
        return SendTo((write.node,), Decided(write, outcome))

    # members that cannot follow

    def need(self, sender: str, message: Need) -> list[Effect]:
        """Send the whole document to a member."""
        if message.stamp != self.stamp:
            return []
        effects: list[Effect] = []
        version = self._holding.version
        if message.version.configuration == version.configuration and message.version >= version:
            # It has status updates that we have not: count past them, so that its version does not go back.
            effects = self._count_past(message.version)
        snapshot = Snapshot(
            self.stamp,
            self._holding.document.to_compact_bytes(),
            self._holding.point,
            self._holding.ledger.content(),
        )
        return [*effects, SendTo((sender,), snapshot)]

    def _count_past(self, version: CibVersion) -> list[Effect]:
        document, source = self._holding.document, self._holding.version
        document.set_attribute(document.root, "num_updates", str(version.num_updates + 1))
        patch = seal(document, 0, source)
        document.forget_journal()
        assert patch is not None
        self._holding.advance((), "", self._role.members)
        sent: list[Effect] = [SendTo(self._others(), Update(self.stamp, patch, ()))]
        return [*sent, Changed(patch, self._holding.version)]


class _Examination(msgspec.Struct, frozen=True):
    """A write of a large configuration that is examined apart."""

    token: int
    forward: Forward
    base: ConfigurationVersion
    """The configuration that it was tried on."""


class _Batch:
    """Writes that become one patch. Between its start and `take` the journal holds exactly what they did."""

    def __init__(self, holding: Holding, role: RoleChanged, *, examined: bool = False) -> None:
        """`examined`: what the writes lead to is known to be valid."""
        self._holding = holding
        self._role = role
        self._settled: list[Settled] = []
        self._source = holding.version
        self._voters = voters(holding.document)
        self._validator = None if examined else holding.validator
        holding.document.forget_journal()

    def try_out(self, forward: Forward, obstacle: Callable[[], str]) -> bytes | None:
        """Return what a write makes of the document, which is then as before; None where nothing is to be examined:
        then it is carried out. Raises `CibError` and has changed nothing."""
        document = self._holding.document
        mark = document.mark()
        validator, listed = self._validator, self._voters
        asked: list[Document] = []

        def note(changed: Document) -> tuple[Report, ...]:
            asked.append(changed)
            return ()

        self._validator = note
        try:
            self.carry_out(forward, obstacle)
        finally:
            self._validator = validator
        if not asked:
            return None
        self._settled.pop()
        self._voters = listed
        try:
            return document.to_bytes_without_status()
        finally:
            document.undo_to(mark)

    def carry_out(self, forward: Forward, obstacle: Callable[[], str]) -> Settled:
        """Carry out one write; raises `CibError` and then has changed nothing."""
        document = self._holding.document
        mark, before = document.mark(), document.version
        results = perform(
            document,
            forward.requests,
            origin=_origin(forward),
            validator=self._validator,
            keep_status=True,
        )
        configuration = document.version.configuration != before.configuration
        if configuration:
            try:
                self._check(forward, obstacle())
            except CibError:
                document.undo_to(mark)
                raise
            self._voters = voters(document)
        settled = Settled(forward.id, forward.floor, document.version, configuration, results)
        self._settled.append(settled)
        return settled

    def _check(self, forward: Forward, obstacle: str) -> None:
        """Refuse a configuration change that may not be made or could not be kept."""
        if not self._role.config_writes and not forward.force:
            why = "the partition has no quorum" if not self._role.quorate else "nodes are absent that may know better"
            raise NoQuorumError(f"the configuration may not be changed: {why} (--force does it all the same)")
        if obstacle and not forward.force:
            raise NotKeptError(f"the configuration was not changed: {obstacle}", self._source)
        problem = vote_change_problem(self._voters, voters(self._holding.document), self._role.votes)
        if problem and not forward.force:
            raise InvalidRequestError(problem)

    def take(self) -> tuple[tuple[Settled, ...], CibVersion]:
        """Return what was carried out and the version before it, and begin anew."""
        settled, source = tuple(self._settled), self._source
        self._settled.clear()
        self._source = self._holding.version
        return settled, source


def _is_status_only(forward: Forward) -> bool:
    """Whether a write says that it only concerns the status."""
    return all(request.section == "status" or request.xpath.startswith("/cib/status/") for request in forward.requests)


def _origin(forward: Forward) -> Origin | None:
    if not forward.written_at:
        return None
    written = datetime.fromtimestamp(forward.written_at, UTC).strftime("%a %b %e %H:%M:%S %Y")
    return Origin(written, forward.id.node, forward.client, forward.user)
