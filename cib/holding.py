"""What a replica has: the document, where its history stands, and which writes are in it."""

from __future__ import annotations

import msgspec

from cib.document import Document
from cib.errors import PatchError
from cib.history import RECENT_MAX, HistoryPoint, Relation, WriteId, at_version, extend, relation
from cib.operations import Validator
from cib.patch_apply import apply_patch
from cib.replica_events import Adopted, Diverged
from cib.replica_messages import Settled, Update
from cib.version import CibVersion
from cib.write_ledger import WriteLedger
from ipc.note import Note


class ReplicaSettings(msgspec.Struct, frozen=True):
    """What the controller gives a new replica."""

    node: str
    incarnation: int
    """Greater than that of every earlier replica of this node."""
    deadline_ms: int = 30_000
    """How long a client's write may take before it is told that its outcome is unknown (Pacemaker's tools wait so)."""
    resend_ms: int = 2_000
    """How long a request to the DC may be without an answer before it is sent again."""
    retry_ms: int = 5_000
    """How long after the disk refused it is tried again."""
    apart_from: int = 256 * 1024
    """From so many bytes on a document is large: it is examined and read outside of the event (`cib.apart`). Of this
    size each of it takes about 10 ms."""


class Holding:
    """The document and what belongs to it; they change together."""

    def __init__(self, document: Document, point: HistoryPoint, validator: Validator | None) -> None:
        assert point.version == document.version, "a history belongs to its document"
        self.document = document
        self.point = point
        self.ledger = WriteLedger()
        self._made = _writes_of(point)
        self.validator = validator
        self._token = 0

    @property
    def version(self) -> CibVersion:
        """The document's version."""
        return self.document.version

    def next_token(self) -> int:
        """Return a number for work that is done apart, whose result is worth something to this replica only once."""
        self._token += 1
        return self._token

    def follow(self, update: Update, members: tuple[str, ...]) -> None:
        """Apply a patch of the DC's; raises `PatchError` or `OldDataError` and then changes nothing."""
        document = self.document
        mark = document.mark()
        apply_patch(document, update.patch)
        # In a large document only the digest of the configuration is told: it is had without the status.
        told = update.configuration_digest if not update.patch.digest else ""
        if told and document.configuration_digest() != told:
            document.undo_to(mark)
            raise PatchError("the patch leads to a configuration with another digest than the one that it names")
        document.forget_journal()
        self.advance(update.settled, update.configuration_digest, members, forced=update.forced)

    def advance(
        self, settled: tuple[Settled, ...], digest: str, members: tuple[str, ...], *, forced: bool = False
    ) -> None:
        """Let history and ledger follow the document, into which these writes went.

        `digest` names a new configuration version; empty: there is none. `forced`: see `HistoryEntry`.
        """
        version = self.document.version
        if digest:
            write = next((each.id for each in settled if each.configuration), None)
            self.point = extend(self.point, version, digest, members, write, forced=forced)
            if write is not None:
                self._made[write] = version
            if len(self._made) > 2 * RECENT_MAX:
                self._made = _writes_of(self.point)
        else:
            self.point = at_version(self.point, version)
        for each in settled:
            self.ledger.add(each)

    def find(self, write: WriteId) -> Settled | None:
        """Return what is known of a write that is in the document.

        The ledger is lost with the process; the history beside the document still tells which writes made the last
        configuration versions.
        """
        version = self._made.get(write)
        if version is None:
            return self.ledger.find(write)
        return self.ledger.find(write) or Settled(write, 0, version, configuration=True)

    def take(
        self, document: Document, point: HistoryPoint, settled: tuple[Settled, ...] | None, *, count_past: bool = False
    ) -> list[Diverged | Adopted | Note]:
        """Replace everything by another node's document; ours is kept aside when it is not part of the other's past.

        `settled` are the writes that it contains; None: not known, then those of ours count that must be in it.
        `count_past`: where only our count of status updates is higher, let the document's go past it, so that this
        node's version does not go back (all others will follow us, if we are to be DC).
        """
        effects: list[Diverged | Adopted | Note] = []
        how = relation(self.point, point)
        if how in (Relation.PARTED, Relation.AHEAD):
            reason = f"the cluster goes on from version {point.version}, which does not contain this node's changes"
            effects += self.divergence(reason)
        if settled is not None:
            self.ledger.replace(settled)
        elif how in (Relation.SAME, Relation.BEHIND):
            self.ledger.replace(tuple(each for each in self.ledger.content() if each.version <= point.version))
        else:
            self.ledger.replace(())
        if count_past and how is Relation.SAME and document.version < self.version:
            document.root.set("num_updates", str(self.version.num_updates + 1))
        self.document = document
        self.point = at_version(point, document.version)
        self._made = _writes_of(point)
        return [*effects, Adopted(document.version)]

    def divergence(self, reason: str) -> list[Diverged | Adopted | Note]:
        """Keep the present document aside and say so."""
        note = Note(
            "warning",
            "cib.diverged",
            f"this node's CIB {self.version} is kept aside: {reason}; 'crm cib divergences' lists it here",
            {"version": str(self.version), "digest": self.point.digest},
        )
        return [Diverged(self.document.to_bytes(), self.point, reason), note]


def _writes_of(point: HistoryPoint) -> dict[WriteId, CibVersion]:
    return {entry.write: CibVersion(*entry.version, 0) for entry in point.recent if entry.write is not None}
