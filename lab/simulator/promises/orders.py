"""Who orders: at most one DC acts in a view and round, and nobody acts who is out of date or has no quorum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.packets import ViewId, view_id
from lab.simulator.promises.broken import Watch
from lrmd.messages import Cancel, Execute, Forget, OrderStamp

if TYPE_CHECKING:
    from lab.simulator.promises.membership import MembershipWatch
    from lab.simulator.scenario import Scenario
    from lab.simulator.world import World

ENDS = ("stop", "monitor", "demote")
"""Actions that a node without quorum may be ordered to do."""


class OrderWatch(Watch):
    """Told of every order that an executor takes."""

    def __init__(self, world: World, scenario: Scenario, membership: MembershipWatch) -> None:
        super().__init__(world, scenario)
        self._membership = membership
        self._acting: dict[tuple[ViewId, int], str] = {}
        self._newest: dict[str, OrderStamp] = {}

    def forwarded(self, node: str, order: Execute | Cancel | Forget, serves: str) -> None:
        """A member gives an order to its executor; `serves`: the DC that it says it serves, empty for none."""
        if order.stamp.view and serves not in ("", order.stamp.dc):
            self.fail(2, f"{node}, which serves {serves}, carries out an order of {order.stamp.dc}: {order.stamp}")

    def taken(self, node: str, order: Execute | Cancel | Forget, told_view: int) -> None:
        """An executor takes an order. `told_view`: the view that the messaging layer told it last, 0 for none."""
        stamp = order.stamp
        ends = not isinstance(order, Execute) or order.operation.action == "stop"
        if stamp.view == 0:
            if not ends:
                self.fail(2, f"{node} starts something that no DC ordered: {order}")
            return
        # Without the messaging layer everything is to be stopped, and it does not matter who says so.
        if told_view == 0 and ends:
            return
        if stamp.view < told_view or told_view == 0:
            self.fail(2, f"{node} takes an order of view {stamp.view} in view {told_view}: {order}")
        newest = self._newest.setdefault(node, stamp)
        if (stamp.view, stamp.round) < (newest.view, newest.round):
            self.fail(2, f"{node} takes an order of {stamp} after one of {newest}")
        self._newest[node] = stamp
        self._is_of_the_only_dc(node, stamp)
        if isinstance(order, Execute) and order.operation.action not in ENDS:
            self._has_quorum(node, order)

    def _is_of_the_only_dc(self, node: str, stamp: OrderStamp) -> None:
        view = self._membership.find(node, stamp.view)
        if view is None:
            self.fail(2, f"{node} takes an order of a view in which it never was: {stamp}")
        if stamp.dc not in view.names:
            self.fail(2, f"{node} takes an order of {stamp.dc}, which is not in {view}")
        dc = self._acting.setdefault((view_id(view), stamp.round), stamp.dc)
        if dc != stamp.dc:
            self.fail(2, f"{node} is ordered by {stamp.dc} and {dc}, both DC of {view}, round {stamp.round}")

    def _has_quorum(self, node: str, order: Execute) -> None:
        """Two nodes have rules of their own; what they may do is decided by fencing."""
        view = self._membership.find(node, order.stamp.view)
        if view is None or len(self.scenario.nodes) == 2 or self.scenario.no_quorum_policy != "stop":
            return
        if not self._membership.is_majority(view):
            action, resource = order.operation.action, order.operation.resource
            self.fail(2, f"{node} takes {action} of {resource} in a view without quorum: {view}")
