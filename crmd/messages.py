"""The client API: what tools ask the controller of their node, and what it answers.

Every request carries `id`, chosen by the client; the answer carries it back. A subscription's events carry the id of
the request that made it. On the wire each is a msgpack map whose `type` is the class name.
"""

from typing import Literal

import msgspec

from cib.requests import Request as CibRequest


class QueryCib(msgspec.Struct, frozen=True, tag=True):
    """Read the local replica. `xpath` empty: the whole document. Answered with CibContent."""

    id: int
    xpath: str = ""
    no_children: bool = False


class ApplyCib(msgspec.Struct, frozen=True, tag=True):
    """Change the CIB, all requests or none, as one patch. Answered with CibApplied."""

    id: int
    requests: tuple[CibRequest, ...]
    force: bool = False
    """Write although the partition may not write configuration (the operator's word)."""


class Subscribe(msgspec.Struct, frozen=True, tag=True):
    """Answered with ClusterState and CibContent at once; CibChanged and ClusterState follow at every change."""

    id: int


class AskClusterState(msgspec.Struct, frozen=True, tag=True):
    """Answered with ClusterState."""

    id: int


class WaitIdle(msgspec.Struct, frozen=True, tag=True):
    """Answered with ClusterState when the DC has nothing left to do, or with Failed (rc 124) after the time."""

    id: int
    timeout_ms: int


class CleanupResource(msgspec.Struct, frozen=True, tag=True):
    """Forget failures (and, with `refresh`, the whole history) and probe again. Empty strings mean all."""

    id: int
    resource: str = ""
    node: str = ""
    operation: str = ""
    interval_ms: int = -1
    refresh: bool = False


class UpdateAttribute(msgspec.Struct, frozen=True, tag=True):
    """Set (or with None delete) a node attribute; `value` may be `value++` or `value+=N`. Answered with Done."""

    id: int
    node: str
    """Empty: the node where the request is made."""
    name: str
    value: str | None
    lifetime: Literal["forever", "reboot"]
    set_name: str = ""


class Fence(msgspec.Struct, frozen=True, tag=True):
    """Fence a node now, by its devices. Answered with Done or Failed when the outcome is known."""

    id: int
    target: str
    action: Literal["off", "on", "reboot"]
    timeout_ms: int = 60_000


class ConfirmFenced(msgspec.Struct, frozen=True, tag=True):
    """The operator's word that a node is down (`stonith_admin --confirm`). Answered with Done."""

    id: int
    target: str


class FenceHistory(msgspec.Struct, frozen=True, tag=True):
    """Answered with FenceRecords, newest first."""

    id: int
    target: str = ""


class ListDivergences(msgspec.Struct, frozen=True, tag=True):
    """Histories of the CIB that lost when partitions met. Answered with Divergences."""

    id: int


class ReadMetadata(msgspec.Struct, frozen=True, tag=True):
    """Run an agent's meta-data action on this node. `agent` as in a primitive: ocf:heartbeat:IPaddr2."""

    id: int
    agent: str


ClientRequest = (
    QueryCib
    | ApplyCib
    | Subscribe
    | AskClusterState
    | WaitIdle
    | CleanupResource
    | UpdateAttribute
    | Fence
    | ConfirmFenced
    | FenceHistory
    | ListDivergences
    | ReadMetadata
)


class CibContent(msgspec.Struct, frozen=True, tag=True):
    """XML of what was asked for; several matches of an XPath come wrapped in <xpath-query>."""

    id: int
    xml: bytes


class CibApplied(msgspec.Struct, frozen=True, tag=True):
    """The change is in force and kept. `kept_on` of `members` nodes have it on disk (0 for status changes)."""

    id: int
    version: tuple[int, int, int]
    kept_on: int
    members: int
    results: tuple[bytes, ...] = ()
    """For each request, the XML that it returns (empty for most)."""


class CibChanged(msgspec.Struct, frozen=True, tag=True):
    """A patch was applied to the local replica (XML, `diff` format 2); empty when it was replaced as a whole."""

    id: int
    patch: bytes
    version: tuple[int, int, int]


class ClusterState(msgspec.Struct, frozen=True, tag=True):
    """The controller's own state."""

    id: int
    node: str
    dc: str
    """Empty while there is none."""
    fsa_state: str
    """S_IDLE, S_TRANSITION_ENGINE, S_NOT_DC …"""
    view: int
    """0: in no view."""
    members: tuple[str, ...]
    quorate: bool
    quorum_basis: str
    config_writes: bool
    cib_version: tuple[int, int, int]
    advice: tuple[str, ...] = ()
    """Sentences about risks of the configuration, and what is waited for."""
    idle: bool = False
    """The DC has nothing to do (on a node that is not DC: as the DC last said)."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """It was done."""

    id: int
    text: str = ""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It was refused or failed and nothing changed. `rc` is Pacemaker's exit code (crm_error knows them)."""

    id: int
    rc: int
    text: str
    details: tuple[str, ...] = ()


class FenceRecord(msgspec.Struct, frozen=True):
    """One fencing action of the cluster's history."""

    target: str
    action: str
    state: Literal["pending", "success", "failed"]
    origin: str
    executed_by: str
    device: str
    client: str
    completed_at: int
    """Wall clock seconds, 0 while pending."""
    reason: str = ""


class FenceRecords(msgspec.Struct, frozen=True, tag=True):
    """Answer to FenceHistory."""

    id: int
    records: tuple[FenceRecord, ...]


class Divergence(msgspec.Struct, frozen=True):
    """A CIB that was set aside."""

    path: str
    version: tuple[int, int, int]
    digest: str
    reason: str
    kept_at: int


class Divergences(msgspec.Struct, frozen=True, tag=True):
    """Answer to ListDivergences."""

    id: int
    kept: tuple[Divergence, ...]


class Metadata(msgspec.Struct, frozen=True, tag=True):
    """Answer to ReadMetadata."""

    id: int
    xml: bytes


ClientReply = (
    CibContent | CibApplied | CibChanged | ClusterState | Done | Failed | FenceRecords | Divergences | Metadata
)
