"""Which orders are still good: the gate that keeps out what a DC of the past has sent."""

from typing import NamedTuple

from ipc.units import Milliseconds
from lrmd.messages import OrderStamp

LOCAL_VIEW = 0
"""A stamp of this view is no DC's: the node's own controller stops something by itself."""


class Refusal(NamedTuple):
    """Why an order is not taken."""

    stale: bool
    """Ordered by a DC, a view or a transition of the past."""
    reason: str


class OrderGate:
    """Lets through only orders that are not older than the newest one seen.

    Safety: two DCs can exist at the same time only in different (view, round) pairs, because every member accepts one
    DC for each pair. An order of a later pair closes the gate for all earlier ones, and a view that the messaging
    layer has installed closes it for the orders of earlier views. So once this node has taken anything from a new DC,
    nothing that the old one still has in flight can start here.
    """

    def __init__(self) -> None:
        self.newest: OrderStamp | None = None
        self.view = 0
        """Number of the view that holds here; 0 outside any view."""

    def refusal(self, stamp: OrderStamp, *, stops: bool) -> Refusal | None:
        """Why this order must not be taken; None when it may be. `stops`: it can only end something."""
        if stamp.view == LOCAL_VIEW:
            return None if stops else Refusal(stale=False, reason="an order without a view may only stop a resource")
        if self.view == 0:
            return Refusal(stale=False, reason="this node is in no view")
        if stamp.view < self.view:
            return Refusal(stale=True, reason=f"ordered in view {stamp.view}, view {self.view} holds")
        return self._compared_to_newest(stamp)

    def pass_through(self, stamp: OrderStamp) -> bool:
        """Remember an order that was not refused; true when the newest stamp changed."""
        if stamp.view == LOCAL_VIEW or (self.newest is not None and _key(stamp) <= _key(self.newest)):
            return False
        self.newest = stamp
        return True

    def _compared_to_newest(self, stamp: OrderStamp) -> Refusal | None:
        newest = self.newest
        if newest is None or (stamp.view, stamp.round) > (newest.view, newest.round):
            return None
        seen = f"{newest.dc} has ordered in view {newest.view} round {newest.round} transition {newest.transition}"
        if (stamp.view, stamp.round) == (newest.view, newest.round) and stamp.dc == newest.dc:
            if stamp.transition >= newest.transition:
                return None
            return Refusal(stale=True, reason=f"ordered in transition {stamp.transition}, {seen}")
        return Refusal(stale=True, reason=f"ordered by {stamp.dc} in view {stamp.view} round {stamp.round}, {seen}")


def _key(stamp: OrderStamp) -> tuple[int, int, int]:
    return (stamp.view, stamp.round, stamp.transition)


def next_on_grid(anchor: Milliseconds, interval_ms: int, now: Milliseconds) -> Milliseconds:
    """The first instant after `now` on the grid anchor, anchor + interval, anchor + 2 intervals, …

    An execution that takes longer than its interval skips instants; it never shifts them.
    """
    if now < anchor:
        return anchor
    return Milliseconds(anchor + ((now - anchor) // interval_ms + 1) * interval_ms)
