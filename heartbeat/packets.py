"""The datagrams of membership: what nodes tell each other about who is there, and how they agree on a view.

Every datagram is authenticated and guarded against replay by the shell before it comes here. The cores do not rely on
the latter alone: a repeated, late or reordered packet of this module changes nothing (docs/design/0002-membership.md).
"""

from typing import Literal

import msgspec

from heartbeat.messages import Member, PeerState, View

NodeStatus = Literal["starting", "active", "leaving"]
"""Not yet (or no more) in a view; in a view; saying goodbye: in no view from now on, and nothing runs here."""


class ViewId(msgspec.Struct, frozen=True, order=True, array_like=True):
    """The short name of a view. The coordinator is the node that proposed it."""

    number: int
    coordinator: str


def view_id(view: View) -> ViewId:
    """The short name of this view."""
    return ViewId(view.number, view.coordinator)


class Heartbeat(msgspec.Struct, frozen=True, tag="h", array_like=True):
    """Sent to all every keepalive, and at once when what it says changes."""

    sender: Member
    sequence: int
    """Grows within a generation; an older heartbeat that arrives late is ignored."""
    status: NodeStatus
    view: ViewId | None
    """The view that the sender has installed and not left."""
    view_size: int
    """How many members that view has (0: none)."""
    installed: int
    """The highest view number that this life has installed: with `view` it says that a view was left."""
    voted: int
    """The highest view number that the sender has voted for."""
    hears: tuple[Member, ...]
    """The lives that the sender heard within deadtime, sorted by name."""
    ready: bool
    """The sender asks to be in a view: its executor is empty, or what it runs is known."""
    controller: PeerState
    """How the sender's crmd is."""


class Propose(msgspec.Struct, frozen=True, tag="p", array_like=True):
    """First phase: the coordinator asks the members to vote for this view."""

    sender: Member
    view: View
    origins: tuple[int, ...]
    """For each member, in order, the number of the view that it comes from (0: none). A member accepts only when its
    own is right, so that all know who comes from their view without a gap."""


class Accept(msgspec.Struct, frozen=True, tag="a", array_like=True):
    """A member's vote. It was on disk before this was sent; it is the only one for this number in all its lives."""

    sender: Member
    view: ViewId


RefusalReason = Literal["number", "busy", "unheard", "origin", "worse", "unwilling"]
"""Why a member does not vote: the number is not above all it voted for; it waits for another proposal's outcome; it
does not hear every member; it does not come from the view that the proposal says; it sees a better view, or would have
to drop members of its own view for an outsider's; it does not want to be in a view."""


class Refuse(msgspec.Struct, frozen=True, tag="r", array_like=True):
    """A member does not vote for this view."""

    sender: Member
    view: ViewId
    voted: int
    """The highest number that the sender has voted for: a further proposal must be above it."""
    reason: RefusalReason


class Withdraw(msgspec.Struct, frozen=True, tag="w", array_like=True):
    """The coordinator gave up this proposal and will never install it: its voters need not wait for the outcome."""

    sender: Member
    view: ViewId


class Install(msgspec.Struct, frozen=True, tag="i", array_like=True):
    """Second phase: all members voted for this view. A heartbeat that shows the view says the same."""

    sender: Member
    view: ViewId


AgreementPacket = Propose | Accept | Refuse | Withdraw | Install

Packet = Heartbeat | Propose | Accept | Refuse | Withdraw | Install
