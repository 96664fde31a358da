"""The history of a CIB: which configuration version followed which, under which quorum; and which of several wins.

A history is a chain of configuration versions. Each is named by its digest, knows its predecessor's, and carries the
stamp (view number, election round) of the quorate DC under which it was last confirmed. A DC that takes office in a
quorate view stamps its newest version anew before anything counts as kept under it; without that, a change that was
kept by a majority in an earlier view could later lose to one that was written, but never kept, in between. What a
partition writes by force, without the right to write, is not confirmed: it counts only among histories that are equal
up to there.

The record is kept beside cib.xml, as one file, never in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from cib.version import CibVersion, ConfigurationVersion

RECENT_MAX = 128
"""How many configuration versions a record remembers; older ones cannot be told from strange ones."""


class Stamp(msgspec.Struct, frozen=True, order=True):
    """When in the cluster's history: the number of a quorate view, and the election round in it."""

    view: int
    round: int


NO_STAMP = Stamp(0, 0)


class WriteId(msgspec.Struct, frozen=True, order=True):
    """Names one write for all time: the node and life of the replica that took it, and its number there."""

    node: str
    incarnation: int
    number: int


class HistoryEntry(msgspec.Struct, frozen=True):
    """One configuration version of the chain."""

    version: ConfigurationVersion
    digest: str
    """`Document.configuration_digest()`."""
    stamp: Stamp = NO_STAMP
    forced: bool = False
    """Made by a DC that had no right to write configuration."""
    write: WriteId | None = None
    """The write that made it, so that one that is sent again after a crash is recognised; None: it was no client's."""


class HistoryPoint(msgspec.Struct, frozen=True):
    """Where a node's CIB stands; what nodes compare when they meet."""

    version: CibVersion
    digest: str
    """Of the newest configuration version."""
    stamp: Stamp = NO_STAMP
    confirmed: ConfigurationVersion = ConfigurationVersion(0, 0)
    """The newest version that a DC that might write made or confirmed under the stamp; what is later was forced."""
    recent: tuple[HistoryEntry, ...] = ()
    """The newest configuration versions, oldest first, the present one included."""
    members: tuple[str, ...] = ()
    """The members of the view in which the newest configuration version was made or confirmed."""

    @property
    def predecessor(self) -> str:
        """The digest of the version before the newest; empty for the first."""
        return self.recent[-2].digest if len(self.recent) > 1 else ""


class Relation(Enum):
    """How one history stands to another."""

    SAME = "same"
    """Both end at the same configuration version."""
    BEHIND = "behind"
    """It is an earlier part of the other."""
    AHEAD = "ahead"
    """The other is an earlier part of it."""
    PARTED = "parted"
    """They went different ways; one of them is lost unless it is kept aside."""


def relation(ours: HistoryPoint, theirs: HistoryPoint) -> Relation:
    """Say how `ours` stands to `theirs`. What is too old to be told counts as parted: keeping too much is safe."""
    if ours.version.configuration == theirs.version.configuration and ours.digest == theirs.digest:
        return Relation.SAME
    if _contains(theirs, ours):
        return Relation.BEHIND
    if _contains(ours, theirs):
        return Relation.AHEAD
    return Relation.PARTED


def _contains(longer: HistoryPoint, shorter: HistoryPoint) -> bool:
    # The empty document that every new node starts with is behind everything.
    if shorter.version.configuration == ConfigurationVersion(0, 0):
        return True
    return any(
        entry.digest == shorter.digest and entry.version == shorter.version.configuration for entry in longer.recent
    )


def choose(points: Sequence[HistoryPoint], *, cold_start: bool = False) -> int:
    """Return the index of the history that wins when nodes meet; the first of equals.

    At a cold start (no member comes from a running quorate view) admin_epoch decides first: it is the operator's
    override. Then the later stamp, under it the newer confirmed version, then admin_epoch, epoch and num_updates. Equal
    on all of these but not the same: the greater digest, so that every node would choose alike. `points` must not be
    empty.

    Safe: a change that was acknowledged was kept under some stamp S by a majority. A later quorate view shares a
    member with it, whose point has a stamp of at least S; a point with a later stamp was confirmed by a DC that had
    chosen among the points of a majority itself, so it contains the change, by induction over the stamps.
    """
    assert points, "there is at least our own history"

    def rank(index: int) -> tuple[int, Stamp, ConfigurationVersion, CibVersion, str]:
        point = points[index]
        override = point.version.admin_epoch if cold_start else 0
        return (override, point.stamp, point.confirmed, point.version, point.digest)

    best = 0
    for index in range(1, len(points)):
        if rank(index) > rank(best):
            best = index
    return best


def extend(
    point: HistoryPoint,
    version: CibVersion,
    digest: str,
    members: tuple[str, ...],
    write: WriteId | None = None,
    *,
    forced: bool = False,
) -> HistoryPoint:
    """Return the history with a new configuration version at its end, under the same stamp."""
    entry = HistoryEntry(version.configuration, digest, point.stamp, forced, write)
    confirmed = point.confirmed if forced else version.configuration
    return HistoryPoint(version, digest, point.stamp, confirmed, (*point.recent, entry)[-RECENT_MAX:], members)


def confirm(point: HistoryPoint, stamp: Stamp, members: tuple[str, ...]) -> HistoryPoint:
    """Return the history with its newest version, and so all before it, confirmed under a stamp."""
    return msgspec.structs.replace(point, stamp=stamp, confirmed=point.version.configuration, members=members)


def cut(entries: tuple[HistoryEntry, ...]) -> HistoryPoint:
    """Return the history that ends with the last of these versions.

    Only the stamp under which it was made is sure: a later one may have confirmed versions that are missing here.
    """
    last = entries[-1]
    version = CibVersion(last.version.admin_epoch, last.version.epoch, 0)
    entitled = [entry.version for entry in entries if not entry.forced]
    confirmed = entitled[-1] if entitled else ConfigurationVersion(0, 0)
    return HistoryPoint(version, last.digest, last.stamp, confirmed, entries)


def at_version(point: HistoryPoint, version: CibVersion) -> HistoryPoint:
    """Return the history with another count of status updates."""
    assert version.configuration == point.version.configuration
    return msgspec.structs.replace(point, version=version)


def start(version: CibVersion, digest: str) -> HistoryPoint:
    """Return the history of a document of which nothing is known but its present state."""
    entry = HistoryEntry(version.configuration, digest)
    return HistoryPoint(version, digest, NO_STAMP, version.configuration, (entry,))


class HistoryError(ValueError):
    """Bytes that are no history record."""


class _Record(msgspec.Struct, frozen=True):
    """The form in the file: a format number first, so that a later one is recognised."""

    format: int
    point: HistoryPoint


_FORMAT = 1


def encode(point: HistoryPoint) -> bytes:
    """Return the record as it stands in the sidecar file: JSON, one line."""
    return msgspec.json.encode(_Record(_FORMAT, point)) + b"\n"


def decode(data: bytes) -> HistoryPoint:
    """Read a record; raises `HistoryError`."""
    try:
        record = msgspec.json.decode(data, type=_Record)
    except msgspec.MsgspecError as error:
        raise HistoryError(f"not a history record: {error}") from error
    if record.format != _FORMAT:
        raise HistoryError(f"history record has format {record.format}, expected {_FORMAT}")
    return record.point
