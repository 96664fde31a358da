"""What the session core is told, what it asks for, and the segments that travel on the streams."""

import msgspec

from heartbeat.messages import Delivered, Member, View
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired

# segments: what travels on a link between two sessions


class Resume(msgspec.Struct, frozen=True, tag="r", array_like=True):
    """First segment on every link, both ways: the last chunk of your stream that I have (0: none)."""

    received: int


class Ack(msgspec.Struct, frozen=True, tag="a", array_like=True):
    """All chunks up to this number arrived; the sender may forget them."""

    received: int


class Chunk(msgspec.Struct, frozen=True, tag="c", array_like=True):
    """A piece of a message. Numbers start with 1 and have no gaps within the stream of two lives."""

    sequence: int
    view: int
    """The view that the message was sent in."""
    last: bool
    """The message is complete with this chunk."""
    cut: bool
    """The message ends here unfinished (its view is over): forget what came of it."""
    ack: int
    """As in Ack, for the other direction."""
    data: bytes


Segment = Resume | Ack | Chunk

# events


class PeerLinkUp(msgspec.Struct, frozen=True, tag=True):
    """An authenticated stream connection to this life of a peer exists. `link` is never used again for another."""

    peer: Member
    link: int


class PeerLinkDown(msgspec.Struct, frozen=True, tag=True):
    """That connection is gone; what was sent on it may or may not have arrived."""

    peer: Member
    link: int


class SegmentReceived(msgspec.Struct, frozen=True, tag=True):
    """A segment arrived on a connection, in the order in which it was sent there."""

    peer: Member
    link: int
    segment: Segment


class SendPayload(msgspec.Struct, frozen=True, tag=True):
    """Send to these members of view `view`; empty `to`: to every other member."""

    to: tuple[str, ...]
    view: int
    payload: bytes


class MembersChanged(msgspec.Struct, frozen=True, tag=True):
    """A view was installed here: messages are sent and delivered within it from now on."""

    view: View


class MembersLost(msgspec.Struct, frozen=True, tag=True):
    """This node is in no view any more: nothing is sent or delivered until the next one."""


class LifeChanged(msgspec.Struct, frozen=True, tag=True):
    """This node goes on with a new generation: all streams end, their contents are forgotten."""

    me: Member


SessionEvent = (
    PeerLinkUp | PeerLinkDown | SegmentReceived | SendPayload | MembersChanged | MembersLost | LifeChanged | TimerFired
)

# effects


class SendSegment(msgspec.Struct, frozen=True, tag=True):
    """Put this segment on this connection."""

    peer: Member
    link: int
    segment: Segment


class CloseLink(msgspec.Struct, frozen=True, tag=True):
    """Close this connection. No PeerLinkDown is expected for it."""

    peer: Member
    link: int
    reason: str


class StreamBroken(msgspec.Struct, frozen=True, tag=True):
    """Messages to or from this member were lost: the view can't go on with it (membership suspects it)."""

    peer: Member
    reason: str


SessionEffect = SendSegment | CloseLink | Delivered | StreamBroken | SetTimer | CancelTimer | Note
