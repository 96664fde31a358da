"""The promises of the design, checked after every step; kept apart from what causes the trouble.

The numbers are those of the design's list: 1 one active instance, 2 one acting DC, 3 equal replicas, 4 acknowledged
changes survive, 5 nothing before fencing is confirmed, 6 every result counts, 7 in the end everything runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.packets import ViewId

if TYPE_CHECKING:
    from heartbeat.messages import View
    from lab.simulator.machine import Machine
    from lab.simulator.world import World
    from lrmd.messages import Execute


class InvariantBroken(AssertionError):
    """A promise does not hold; the message tells which, when and where."""

    def __init__(self, number: int, at_ms: int, text: str) -> None:
        super().__init__(f"promise {number} broken at {at_ms / 1000:.3f} s: {text}")
        self.number = number


class Invariants:
    """Told of everything that matters, raises InvariantBroken at the step that breaks a promise."""

    def __init__(self, world: World, *, fencing: bool) -> None:
        self._world = world
        self._fencing = fencing
        self.holders: dict[str, list[Machine]] = {}
        self.last_holder: dict[str, str] = {}
        self._views: dict[ViewId, View] = {}
        self._view_of: dict[str, ViewId] = {}
        self._newest_view: dict[str, int] = {}
        self._acting: dict[tuple[ViewId, int], str] = {}
        self._documents: dict[str, dict[tuple[int, int, int], str]] = {}
        self._versions: dict[str, tuple[int, int, int]] = {}
        self.acknowledged: dict[str, tuple[str, ...]] = {}
        """Marks that clients wrote into the configuration and were told are kept -> members that had it."""

    def fail(self, number: int, text: str) -> None:
        """A promise is broken."""
        raise InvariantBroken(number, self._world.now, text)

    # -- 1 and 5: resources ----------------------------------------------------------------------------------------

    def activated(self, machine: Machine, resource: str) -> None:
        """A start begins: nobody else with power may have it."""
        holders = self.holders.setdefault(resource, [])
        if machine not in holders:
            holders.append(machine)
        before = self.last_holder.get(resource)
        if before is not None and before != machine.name:
            self._world.reached["takeovers"] += 1
        self.last_holder[resource] = machine.name
        if len(holders) > 1 and self._fencing:
            self.fail(1, f"{resource} is started on {machine.name} while {_names(holders, machine)} still has it")

    def deactivated(self, machine: Machine, resource: str) -> None:
        """A stop ended, the resource died, or the machine lost its power."""
        holders = self.holders.get(resource, [])
        if machine in holders:
            holders.remove(machine)

    # -- membership ------------------------------------------------------------------------------------------------

    def view_installed(self, machine: Machine, view: View) -> None:
        """A view's name means one view everywhere, and numbers grow on every node over all its lives.

        Two partitions may use one number at the same time; their coordinators differ, and no node is in both.
        """
        name = ViewId(view.number, view.coordinator)
        known = self._views.setdefault(name, view)
        if known != view:
            self.fail(3, f"two views are called {name}: {known} and {view} (on {machine.name})")
        if machine.name not in view.names:
            self.fail(3, f"{machine.name} installs view {view.number}, in which it is not: {view.names}")
        newest = self._newest_view.get(machine.name, 0)
        if view.number <= newest:
            self.fail(3, f"{machine.name} installs view {view.number} after {newest}")
        self._newest_view[machine.name] = view.number
        self._view_of[machine.name] = name
        self._documents.pop(machine.name, None)
        self._world.reached["views"] += 1

    # -- 2: orders -------------------------------------------------------------------------------------------------

    def ordered(self, machine: Machine, order: Execute) -> None:
        """An order reaches an executor (which may still refuse it)."""
        stamp = order.stamp
        view = self._view_of.get(machine.name)
        if view is None or view.number != stamp.view:
            return
        dc = self._acting.setdefault((view, stamp.round), stamp.dc)
        if dc != stamp.dc:
            self.fail(2, f"{machine.name} is ordered by {stamp.dc} and {dc}, both DC of {view}, round {stamp.round}")

    # -- 3 and 4: the CIB ------------------------------------------------------------------------------------------

    def replica(self, machine: Machine, version: tuple[int, int, int], digest: str) -> None:
        """A replica has this document now: all of one view with this version have the same."""
        self._documents.setdefault(machine.name, {})[version] = digest
        view = self._view_of.get(machine.name)
        for other, documents in self._documents.items():
            if self._view_of.get(other) == view and documents.get(version, digest) != digest:
                self.fail(3, f"version {version} in {view} differs between {other} and {machine.name}")

    def replica_version(self, machine: Machine, version: tuple[int, int, int], *, replaced: bool) -> None:
        """Versions never go back but by a replacement that was agreed in a join."""
        before = self._versions.get(machine.name)
        if before is not None and version < before and not replaced:
            self.fail(3, f"{machine.name}: version {version} after {before} without a replacement")
        self._versions[machine.name] = version

    def forget_replica(self, machine: Machine) -> None:
        """The controller died; the next one begins with what was on disk."""
        self._versions.pop(machine.name, None)
        self._documents.pop(machine.name, None)

    def check_acknowledged(self, machine: Machine, marks: set[str]) -> None:
        """At the end: every mark that a client was told is kept is there."""
        for mark in self.acknowledged:
            if mark not in marks:
                self.fail(4, f"{mark}, acknowledged by {self.acknowledged[mark]}, is missing on {machine.name}")


def _names(holders: list[Machine], but: Machine) -> str:
    return ", ".join(holder.name for holder in holders if holder is not but)
