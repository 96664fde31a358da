"""The CIB: the replicas of a view are equal, versions do not go back, and what was acknowledged is never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from heartbeat.packets import ViewId, view_id
from lab.simulator.promises.broken import Watch

if TYPE_CHECKING:
    from lab.simulator.promises.membership import MembershipWatch
    from lab.simulator.scenario import Scenario
    from lab.simulator.world import World

Version = tuple[int, int, int]


class Acknowledged(NamedTuple):
    """What a client was told of its change."""

    at_ms: int
    kept_on: int


class CibWatch(Watch):
    """Told of every version of every replica, and of what clients are told."""

    def __init__(self, world: World, scenario: Scenario, membership: MembershipWatch) -> None:
        super().__init__(world, scenario)
        self._membership = membership
        self._digests: dict[tuple[ViewId, Version], dict[str, str]] = {}
        self._versions: dict[str, Version] = {}
        self._acknowledged: dict[str, Acknowledged] = {}
        self._kept_aside: list[bytes] = []

    # -- 3 ---------------------------------------------------------------------------------------------------------

    def digest(self, node: str, version: Version, digest: str) -> None:
        """A replica has this document now: all of one view with this version have the same."""
        view = self._membership.view_of(node)
        if view is None:
            return
        digests = self._digests.setdefault((view_id(view), version), {})
        digests[node] = digest
        for other, known in digests.items():
            if known != digest:
                self.fail(3, f"version {version} in {view} differs between {other} and {node}")

    def version(self, node: str, version: Version, *, replaced: bool) -> None:
        """Versions never go back but by a replacement that was agreed in a join."""
        before = self._versions.get(node)
        if before is not None and version < before and not replaced:
            self.fail(3, f"{node}: version {version} after {before} without a replacement")
        self._versions[node] = version

    def forget(self, node: str) -> None:
        """The controller died; the next one begins with what was on disk, and counts from there."""
        self._versions.pop(node, None)
        for digests in self._digests.values():
            digests.pop(node, None)

    # -- 4 ---------------------------------------------------------------------------------------------------------

    def acknowledged(self, mark: str, kept_on: int, disks: int) -> None:
        """A client was told that its change is kept on so many nodes; it is on the disks of `disks` of them."""
        if disks < kept_on or not kept_on:
            self.fail(4, f"{mark} is acknowledged as kept on {kept_on} nodes, but is on {disks} disks")
        self._acknowledged[mark] = Acknowledged(self.world.now, kept_on)
        self.world.reached["acknowledged changes"] += 1

    def kept_aside(self, document: bytes) -> None:
        """A node kept a history that lost."""
        self._kept_aside.append(document)

    def agreed(self, node: str, marks: set[str], view_names: tuple[str, ...]) -> None:
        """A DC begins to decide in a view that shares a member with whoever acknowledged: no mark may be missing.

        A majority of all nodes shares one with every other majority. What two nodes acknowledged while they did not
        see each other may part; then one side's history is kept aside, and its marks are found there.
        """
        everybody = len(view_names) == len(self.scenario.nodes)
        majority = 2 * len(view_names) > len(self.scenario.nodes)
        if not (majority and (everybody or len(self.scenario.nodes) > 2)):
            return
        for mark, acknowledged in self._acknowledged.items():
            if mark in marks or self._may_be_aside(mark, acknowledged):
                continue
            self.fail(
                4,
                f"{mark}, acknowledged at {acknowledged.at_ms / 1000:.3f} s as kept on {acknowledged.kept_on} nodes, "
                f"is missing in the CIB that {node} decides by in {view_names}",
            )

    def _may_be_aside(self, mark: str, acknowledged: Acknowledged) -> bool:
        if 2 * acknowledged.kept_on > len(self.scenario.nodes):
            return False
        return any(f'"{mark}"'.encode() in document for document in self._kept_aside)
