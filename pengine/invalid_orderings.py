"""Drops orderings that could never be kept: they would make actions wait for each other.

Source: design page 0010, "Orderings".
"""

from __future__ import annotations

from pengine.graph_builder import is_input
from pengine.vocabulary import (
    GUEST_ALLOWED,
    IF_ON_SAME_NODE_OR_TARGET,
)
from pengine.working import (
    Action,
    Cluster,
)


def drop_invalid_orderings(cluster: Cluster) -> None:
    """Drop edges between a guest and its own launcher, and room-making that waits for itself."""
    for action in reversed(cluster.actions):
        for edge in reversed(action.before):
            if not edge.marks:
                continue
            if _is_guest_and_launcher(edge.action, action, edge.marks) or (
                edge.marks & IF_ON_SAME_NODE_OR_TARGET
                and action.resource is not None
                and action.task == "migrate_to"
                and is_input(cluster, action, edge)
                and _leads_to(cluster, action, edge.action)
            ):
                edge.marks = 0


def _is_guest_and_launcher(first: Action, then: Action, marks: int) -> bool:
    """Nothing on a guest may come before what its own launcher does: it is gone when that stops."""
    node = first.node
    if marks & GUEST_ALLOWED or first.resource is None or node is None or node.connection is None:
        return False
    if not node.is_guest:
        return False
    return then.resource is not None and then.resource is node.connection.launcher


def _leads_to(cluster: Cluster, origin: Action, start: Action) -> bool:
    """Say whether `start` has to wait, through whatever chain, for `origin`."""
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        action = waiting.pop()
        if action is origin:
            return True
        if action.id in seen:
            continue
        seen.add(action.id)
        waiting.extend(edge.action for edge in action.before if is_input(cluster, action, edge))
    return False
