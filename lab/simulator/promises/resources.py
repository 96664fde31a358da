"""Where resources are active, and where others have to think so.

A *holder* has a resource in truth. A *claim* is what the cluster has to go by: a node that was ordered to start
something claims it until it has stopped it by order, has told its state in a join, has left in good order, or its
fencing was confirmed. A start elsewhere while somebody holds breaks promise 1; one while somebody only claims breaks
promise 5, even when it did no harm this time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulator.promises.broken import Watch

if TYPE_CHECKING:
    from collections.abc import Collection

    from lab.simulator.scenario import Scenario
    from lab.simulator.world import World
    from lrmd.messages import Operation


class ResourceWatch(Watch):
    """Told of everything that agents do."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        super().__init__(world, scenario)
        self._holders: dict[str, list[str]] = {}
        self._claims: dict[str, list[str]] = {}
        self._last_holder: dict[str, str] = {}
        self._performed: set[tuple[str, str]] = set()
        self._lied: set[tuple[str, str]] = set()

    def began(self, node: str, operation: Operation, running: Collection[str]) -> None:
        """An agent begins: nothing else runs for its resource, and its order was not carried out before."""
        if operation.resource and operation.resource in running:
            self.fail(6, f"{operation.action} of {operation.resource} on {node} begins while another operation runs")
        key = operation.transition_key
        if operation.interval_ms or not is_ordered(operation):
            return
        if (node, key) in self._performed:
            self.fail(6, f"{operation.action} of {operation.resource} ({key}) is carried out twice on {node}")
        self._performed.add((node, key))

    def activated(self, node: str, resource: str) -> None:
        """A start begins: nobody else may have the resource, nor be taken for having it."""
        holders = self._holders.setdefault(resource, [])
        claims = self._claims.setdefault(resource, [])
        if node not in holders:
            holders.append(node)
        if node not in claims:
            claims.append(node)
        before = self._last_holder.get(resource)
        if before is not None and before != node:
            self.world.reached["takeovers"] += 1
        self._last_holder[resource] = node
        if not self.scenario.fencing:
            return
        if len(holders) > 1:
            self.fail(1, f"{resource} is started on {node} while {_others(holders, node)} still has it")
        if len(claims) > 1:
            text = f"{resource} is started on {node}, but that {_others(claims, node)} is down was not confirmed"
            self.fail(5, text)

    def started_again(self, node: str, operation: Operation) -> None:
        """A start begins where the resource runs already: a result did not arrive, and nobody looked."""
        if (node, operation.resource) not in self._lied:
            self.fail(
                6, f"{operation.resource} is started on {node}, where it runs already ({operation.transition_key})"
            )

    def stopped(self, node: str, resource: str, *, heard: bool) -> None:
        """A stop ended well; `heard`: a DC hears of it. A probe that finds nothing counts as well."""
        self._lied.discard((node, resource))
        _remove(self._holders, resource, node)
        if heard:
            _remove(self._claims, resource, node)

    def gone(self, node: str, resource: str) -> None:
        """It is not active any more, and nobody knows: it crashed, or its node lost its power."""
        _remove(self._holders, resource, node)

    def lied(self, node: str, resource: str) -> None:
        """An agent said that it is not active although it is: what follows is not the cluster's doing."""
        self._lied.add((node, resource))
        _remove(self._holders, resource, node)
        _remove(self._claims, resource, node)

    def told(self, node: str, active: Collection[str]) -> None:
        """A node told its state when it joined: it claims no more than it has."""
        for resource, claims in self._claims.items():
            if node in claims and resource not in active:
                claims.remove(node)

    def down(self, node: str) -> None:
        """A fence device confirmed that a node is down, or it left in good order."""
        for claims in self._claims.values():
            if node in claims:
                claims.remove(node)


def is_ordered(operation: Operation) -> bool:
    """Whether a DC ordered it, in a transition; what a node does by itself has a key of none."""
    return bool(operation.transition_key) and not operation.transition_key.startswith("0:0:")


def _remove(table: dict[str, list[str]], resource: str, node: str) -> None:
    if node in table.get(resource, ()):
        table[resource].remove(node)


def _others(names: list[str], but: str) -> str:
    return ", ".join(name for name in names if name != but)
