"""The history of fencing, and what the fencers of different nodes tell each other."""

from typing import Literal

import msgspec

from ipc.units import WallSeconds
from stonith.device import FenceAction

MANUAL = "manual"
"""The device that a record names when a person confirmed that the node is down."""


class FenceRecord(msgspec.Struct, frozen=True):
    """One fencing action: asked for, going on, or over."""

    key: str
    """Unique for every request of every life of the origin's controller; a record replaces an older one of its key."""
    target: str
    action: FenceAction
    state: Literal["pending", "success", "failed"]
    origin: str
    """The node that asked."""
    client: str
    """Who asked there: crmd, or a tool."""
    executed_by: str
    device: str
    asked_at: WallSeconds
    completed_at: WallSeconds
    """0 while pending."""
    reason: str = ""


class ShareRecords(msgspec.Struct, frozen=True, tag=True):
    """To the other members: records that changed, or the whole history for members that are new."""

    records: tuple[FenceRecord, ...]


class ForwardRequest(msgspec.Struct, frozen=True, tag=True):
    """To one member: fence `target` on our behalf (it is us, or no device of ours reaches it).

    It is sent again in every new view until it is answered, since a message ends with the view that it was sent in.
    """

    key: str
    """That of the request's record."""
    target: str
    action: FenceAction
    timeout_ms: int
    client: str


class ForwardResult(msgspec.Struct, frozen=True, tag=True):
    """The answer to ForwardRequest."""

    key: str
    ok: bool
    device: str
    reason: str


FencerMessage = ShareRecords | ForwardRequest | ForwardResult
