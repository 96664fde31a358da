"""What a replica has: the document, where its history stands, and which writes are in it."""

from __future__ import annotations

import msgspec

from cib.document import Document
from cib.history import HistoryPoint, Relation, at_version, extend, relation
from cib.operations import Validator
from cib.patch import Patch
from cib.replica_events import Adopted, Diverged
from cib.replica_messages import Settled
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


class Holding:
    """The document and what belongs to it; they change together."""

    def __init__(self, document: Document, point: HistoryPoint, validator: Validator | None) -> None:
        assert point.version == document.version, "a history belongs to its document"
        self.document = document
        self.point = point
        self.ledger = WriteLedger()
        self.validator = validator

    @property
    def version(self) -> CibVersion:
        """The document's version."""
        return self.document.version

    def follow(self, patch: Patch, settled: tuple[Settled, ...], digest: str, members: tuple[str, ...]) -> None:
        """Apply a patch of the DC's; raises `PatchError` or `OldDataError` and then changes nothing."""
        self.document.apply(patch)
        self.advance(digest, members)
        for write in settled:
            self.ledger.add(write)

    def advance(self, digest: str, members: tuple[str, ...]) -> None:
        """Let the history follow the document; `digest` names a new configuration version, empty: there is none."""
        version = self.document.version
        self.point = extend(self.point, version, digest, members) if digest else at_version(self.point, version)

    def take(
        self, data: bytes, point: HistoryPoint, settled: tuple[Settled, ...] | None
    ) -> list[Diverged | Adopted | Note]:
        """Replace everything by another node's document; ours is kept aside when it is not part of the other's past.

        `settled` are the writes that it contains; None: not known, then those of ours count that must be in it.
        Raises `ParseError` for what is no document.
        """
        document = Document.from_bytes(data, "the document of another node")
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
        self.document = document
        self.point = at_version(point, document.version)
        return [*effects, Adopted(document.version)]

    def divergence(self, reason: str) -> list[Diverged | Adopted | Note]:
        """Keep the present document aside and say so."""
        note = Note(
            "warning",
            "cib.diverged",
            f"this node's CIB {self.version} is kept aside: {reason}",
            {"version": str(self.version), "digest": self.point.digest},
        )
        return [Diverged(self.document.to_bytes(), self.point, reason), note]
