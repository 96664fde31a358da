"""What a replica is told (events) and what it asks for (effects)."""

from __future__ import annotations

from typing import Literal

import msgspec

from cib.apart import ApartResult, Examine, ReadDocument
from cib.history import HistoryPoint
from cib.patch import Patch
from cib.replica_messages import Outcome, ReplicaMessage, Settled
from cib.requests import Request
from cib.version import CibVersion, ConfigurationVersion
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired

TIMER_PREFIX = "replica."
"""Timers of these names belong to the replica: give their TimerFired back to it."""

# events


class RoleChanged(msgspec.Struct, frozen=True, tag=True):
    """Who sequences writes from now on.

    `role` none: nobody yet; writes wait. member: `dc` does. dc: this node does, from the document that it has now. The
    controller becomes dc only when it has chosen the winning history among the points of all members that can answer,
    and of nodes with a majority of the votes at least when it is to write configuration; it gives the winner's document
    by `Adopt` first. Sent again, with the same view and round, when only quorum, votes or members changed.
    """

    role: Literal["dc", "member", "none"]
    dc: str = ""
    view: int = 0
    round: int = 0
    members: tuple[str, ...] = ()
    """Nodes of the view whose replica takes part, this node included."""
    votes: tuple[str, ...] = ()
    """Names of all nodes that have a vote, in the view or not."""
    quorate: bool = False
    majority: bool = False
    """Quorum is a majority of all votes; otherwise (two_node, alone) every member must keep a change."""
    config_writes: bool = False
    """Whether configuration may be written without force."""


class ClientWrite(msgspec.Struct, frozen=True, tag=True):
    """Carry out these requests, all or none. Answered with one WriteDone of the same `id`."""

    id: int
    requests: tuple[Request, ...]
    user: str = ""
    client: str = ""
    """Name of the program, for the record in the document."""
    force: bool = False
    written_at: int = 0
    """Wall clock seconds, for the record in the document; 0: not recorded."""
    at_once: bool = False
    """Carried out within the event that brings it to the DC, whatever it costs; for writes that must not outlive the
    DC's term."""


class MessageFrom(msgspec.Struct, frozen=True, tag=True):
    """Another member's replica said something, in the present view."""

    sender: str
    message: ReplicaMessage


class Persisted(msgspec.Struct, frozen=True, tag=True):
    """What Persist with this token asked for is on disk."""

    token: int


class PersistFailed(msgspec.Struct, frozen=True, tag=True):
    """The disk refused; the replica goes on from memory and tries again later."""

    token: int
    reason: str


class Adopt(msgspec.Struct, frozen=True, tag=True):
    """Nodes met and this document's history won (see `cib.history.choose`): take it, keep ours aside if it parted.

    Answered with AdoptionEnded, unless RoleChanged comes before.
    """

    document: bytes
    point: HistoryPoint
    settled: tuple[Settled, ...] | None = None
    """`Replica.settled` of the node that it comes from: without it a write that a client's node sends again after a
    change of the DC could be carried out twice."""


Event = RoleChanged | ClientWrite | MessageFrom | Persisted | PersistFailed | Adopt | TimerFired | ApartResult

StoreEvent = Persisted | PersistFailed

# effects


class SendTo(msgspec.Struct, frozen=True, tag=True):
    """Send to these members (never to ourselves)."""

    members: tuple[str, ...]
    message: ReplicaMessage


class Persist(msgspec.Struct, frozen=True, tag=True):
    """Keep this configuration version; answered with Persisted or PersistFailed.

    At most one is under way: what came meanwhile is kept together by the next one. `patch` leads from the version that
    the last successful Persist had; None when that cannot be said.
    """

    token: int
    document: bytes
    """The content of cib.xml."""
    point: HistoryPoint
    """The content of the sidecar."""
    patch: Patch | None = None
    one_line: bool = False
    """The document stands in one line, since it is large; whoever writes cib.xml lays it out (`cib.document`)."""


class Diverged(msgspec.Struct, frozen=True, tag=True):
    """This document lost and is to be kept aside, where people can list, compare and restore it."""

    document: bytes
    point: HistoryPoint
    reason: str


class WriteDone(msgspec.Struct, frozen=True, tag=True):
    """The client's write ended."""

    id: int
    outcome: Outcome


class Changed(msgspec.Struct, frozen=True, tag=True):
    """The document was changed by this patch."""

    patch: Patch
    version: CibVersion


class Adopted(msgspec.Struct, frozen=True, tag=True):
    """The document was replaced as a whole."""

    version: CibVersion


class AdoptionEnded(msgspec.Struct, frozen=True, tag=True):
    """What Adopt brought is this node's document now; or not, when it cannot be read."""

    ok: bool


class InStep(msgspec.Struct, frozen=True, tag=True):
    """This member's document is the DC's, as announced for this view and round."""

    view: int
    round: int
    version: CibVersion


class Committed(msgspec.Struct, frozen=True, tag=True):
    """At the DC, where configuration may be written: this configuration version, and all before it, are kept on enough
    disks to survive.

    Whatever must not be undone by a crash (a node's new vote above all) is acted on now, not at Changed.
    """

    version: ConfigurationVersion


Effect = (
    SendTo
    | Persist
    | Diverged
    | WriteDone
    | Changed
    | Adopted
    | AdoptionEnded
    | InStep
    | Committed
    | Examine
    | ReadDocument
    | SetTimer
    | CancelTimer
    | Note
)

StoreEffect = Persist | Diverged
