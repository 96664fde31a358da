"""What the replicas of a view tell each other; each message is delivered in its sender's order within one view."""

from __future__ import annotations

import msgspec

from cib.history import HistoryPoint, Stamp, WriteId
from cib.patch import Patch
from cib.requests import Request
from cib.version import CibVersion, ConfigurationVersion


class Outcome(msgspec.Struct, frozen=True):
    """How a write ended. `rc` 0: it is in force, and a configuration change is kept on `kept_on` of `members`."""

    version: CibVersion
    rc: int = 0
    text: str = ""
    details: tuple[str, ...] = ()
    kept_on: int = 0
    """Nodes that have it on disk; 0 for status, which is not kept."""
    members: int = 0
    """Nodes of the view."""
    results: tuple[bytes, ...] = ()


class Forward(msgspec.Struct, frozen=True, tag=True):
    """Member to DC: carry this out once. Sent again, with the same id, to each new DC until Decided answers."""

    id: WriteId
    floor: int
    """All writes of this replica below this number are settled; the DC may forget them."""
    requests: tuple[Request, ...]
    user: str = ""
    client: str = ""
    force: bool = False
    written_at: int = 0
    at_once: bool = False
    """See `ClientWrite`."""


class Decided(msgspec.Struct, frozen=True, tag=True):
    """DC to member: how its write ended; comes after the patch that holds it."""

    id: WriteId
    outcome: Outcome


class Settled(msgspec.Struct, frozen=True):
    """A write that a patch contains, so that every later DC knows that it was carried out."""

    id: WriteId
    floor: int
    version: CibVersion
    configuration: bool
    """Whether it may be acknowledged only when `version` is kept."""
    results: tuple[bytes, ...] = ()


class Announce(msgspec.Struct, frozen=True, tag=True):
    """DC to members, when it takes office: this is the document that all of us have from now on.

    A member that has another one asks for it with Need.
    """

    stamp: Stamp
    digest: str
    """Of the whole document, status included."""
    point: HistoryPoint


class Update(msgspec.Struct, frozen=True, tag=True):
    """DC to members: the next patch, and the writes that it carries out."""

    stamp: Stamp
    patch: Patch
    """In a large document without the digest of the whole: `configuration_digest` is what the result is checked by."""
    settled: tuple[Settled, ...]
    configuration_digest: str = ""
    """Digest of the new configuration version; empty when only status changed."""
    forced: bool = False
    """The DC had no right to write configuration when it made the version."""


class Need(msgspec.Struct, frozen=True, tag=True):
    """Member to DC: I cannot follow from what I have; send the whole document."""

    stamp: Stamp
    version: CibVersion


class Snapshot(msgspec.Struct, frozen=True, tag=True):
    """DC to member: the whole document, its history, and the writes that are known to be carried out."""

    stamp: Stamp
    document: bytes
    point: HistoryPoint
    settled: tuple[Settled, ...]


class Kept(msgspec.Struct, frozen=True, tag=True):
    """Member to DC: I have this configuration version, under this stamp, on disk."""

    stamp: Stamp
    version: ConfigurationVersion
    confirmed: ConfigurationVersion
    """Up to here it is confirmed under the stamp (see `HistoryPoint`)."""


class NotKept(msgspec.Struct, frozen=True, tag=True):
    """Member to DC: my disk refuses."""

    stamp: Stamp
    version: ConfigurationVersion
    reason: str


ReplicaMessage = Forward | Decided | Announce | Update | Need | Snapshot | Kept | NotKept
