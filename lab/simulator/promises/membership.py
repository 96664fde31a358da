"""Lives, votes and views: each is used once, and only when a crash can't take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.packets import Accept, Propose, ViewId, view_id
from lab.simulator.promises.broken import Watch

if TYPE_CHECKING:
    from heartbeat.events import DurableState
    from heartbeat.messages import View
    from heartbeat.packets import Packet
    from lab.simulator.scenario import Scenario
    from lab.simulator.world import World


class MembershipWatch(Watch):
    """Told of every packet that a node sends and of every view that it installs."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        super().__init__(world, scenario)
        self._views: dict[ViewId, View] = {}
        self._view_of: dict[str, View] = {}
        self._newest: dict[str, int] = {}
        self._lives: dict[tuple[str, int], int] = {}
        self._votes: dict[tuple[str, int], str] = {}

    def sent(self, node: str, process: int, packet: Packet, on_disk: DurableState) -> None:
        """A packet leaves: the life and the vote that it speaks of are this process's alone, and on disk."""
        generation = packet.sender.generation
        if generation > on_disk.generation:
            self.fail(3, f"{node} speaks as life {generation}, but its disk only knows of {on_disk.generation}")
        if self._lives.setdefault((node, generation), process) != process:
            self.fail(3, f"{node} lives its life {generation} a second time")
        if isinstance(packet, Accept):
            self._voted(node, packet.view, on_disk)
        elif isinstance(packet, Propose):
            self._voted(node, view_id(packet.view), on_disk)

    def _voted(self, node: str, view: ViewId, on_disk: DurableState) -> None:
        if view.number > on_disk.voted:
            self.fail(3, f"{node} votes for view {view.number}, but its disk only knows of {on_disk.voted}")
        other = self._votes.setdefault((node, view.number), view.coordinator)
        if other != view.coordinator:
            self.fail(3, f"{node} votes twice for view {view.number}: for {other} and for {view.coordinator}")

    def installed(self, node: str, view: View) -> None:
        """A view's name means one view everywhere, and numbers grow on every node over all its lives.

        Two partitions may use one number at the same time; their coordinators differ, and no node is in both.
        """
        name = view_id(view)
        known = self._views.setdefault(name, view)
        if known != view:
            self.fail(3, f"two views are called {name}: {known} and {view} (on {node})")
        if node not in view.names:
            self.fail(3, f"{node} installs view {view.number}, in which it is not: {view.names}")
        newest = self._newest.get(node, 0)
        if view.number <= newest:
            self.fail(3, f"{node} installs view {view.number} after {newest}")
        self._newest[node] = view.number
        self._view_of[node] = view
        self.world.reached["views"] += 1

    def view_of(self, node: str) -> View | None:
        """The view that a node installed last."""
        return self._view_of.get(node)

    def find(self, node: str, number: int) -> View | None:
        """The view of this number that has this node as a member; there is at most one."""
        return next((view for view in self._views.values() if view.number == number and node in view.names), None)

    def is_majority(self, view: View) -> bool:
        """Whether a view has more than half of all nodes; counted here, not taken from the cores."""
        return 2 * len(view.members) > len(self.scenario.nodes)
