"""Fencing and shutdown of nodes, and what each resource's actions have to do with them.

Here lies the safety of the whole: what needs fencing starts only after every lost node has been fenced,
and a stop on a lost node is never asked of that node but follows from its fencing.

Source: Pacemaker Explained, "Fencing"; design page 0010, "Fencing and shutdown".
"""

from __future__ import annotations

from pengine.actions import (
    can_fence,
    fence_action,
    find_actions,
    newest_action,
    operation_key,
    order_actions,
    request,
)
from pengine.guest_fencing import fence_guest
from pengine.notifications import order_notifications_after_fencing
from pengine.vocabulary import (
    ABSENT,
    GUEST_ALLOWED,
    NEEDS_FENCING,
    NEEDS_QUORUM,
    OPTIONAL,
    ORDERED,
    PSEUDO,
    RUNNABLE,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)


def schedule_fencing_and_shutdowns(cluster: Cluster) -> None:
    """Fence what must be fenced, and let the nodes go that asked to."""
    have_managed = any(_has_managed(resource) for resource in cluster.resources)
    dc_down: Action | None = None
    fencings: list[Action] = []
    shutdowns: list[Action] = []
    for node in cluster.nodes:
        if node.is_guest:
            if node.reset and have_managed and can_fence(cluster, node):
                order_after_fencing(cluster, fence_guest(cluster, node))
            continue
        if have_managed and node.unclean and can_fence(cluster, node):
            fencing = fence_action(cluster, node, None, False, "node is unclean")
            order_after_fencing(cluster, fencing)
            if node is cluster.dc:
                dc_down = fencing
            else:
                if fencings and not cluster.options.concurrent_fencing:
                    order_actions(fencings[-1], fencing, ORDERED)
                fencings.append(fencing)
        elif node.kind == "cluster" and node.online and node.shutdown:
            shutdown = _shutdown_action(cluster, node)
            if node is cluster.dc:
                dc_down = shutdown
            else:
                shutdowns.append(shutdown)
        if node.unclean and not can_fence(cluster, node):
            cluster.note(f"node {node.name} is unclean and can't be fenced: what it ran is not recovered")
    if dc_down is None:
        return
    if dc_down.task == "do_shutdown":
        for shutdown in reversed(shutdowns):
            order_actions(shutdown, dc_down, ORDERED)
    if cluster.options.concurrent_fencing:
        for fencing in reversed(fencings):
            order_actions(fencing, dc_down, ORDERED)
    elif fencings:
        order_actions(fencings[-1], dc_down, ORDERED)


def _has_managed(resource: Resource) -> bool:
    return resource.managed or any(_has_managed(child) for child in resource.children)


def _shutdown_action(cluster: Cluster, node: Node) -> Action:
    key = f"do_shutdown-{node.name}"
    shutdown = request(cluster, None, key, "do_shutdown", node, False)
    for stop in reversed(list(cluster.actions)):
        resource = stop.resource
        if resource is None or stop.node is not node or stop.task != "stop":
            continue
        if resource.maintenance or node.maintenance or not (resource.managed or resource.blocked):
            continue
        stop.clear(OPTIONAL)
        order_actions(stop, shutdown, ORDERED | UNRUNNABLE_FIRST_BLOCKS)
    shutdown.meta["op_no_wait"] = "true"
    return shutdown


def order_after_fencing(cluster: Cluster, fencing: Action) -> None:
    """Order every resource's actions with respect to the fencing of a node."""
    for resource in cluster.resources:
        _order_resource(cluster, resource, fencing)


def _order_resource(cluster: Cluster, resource: Resource, fencing: Action) -> None:
    if resource.children:
        for child in resource.children:
            _order_resource(cluster, child, fencing)
    elif resource.managed:
        _order_starts(resource, fencing)
        _order_stops(cluster, resource, fencing)


def _order_starts(resource: Resource, fencing: Action) -> None:
    target = fencing.node
    assert target is not None
    for action in reversed(resource.actions):
        if action.needs == NEEDS_FENCING:
            order_actions(fencing, action, ORDERED)
        elif (
            action.needs == NEEDS_QUORUM
            and action.task == "start"
            and resource.allowed.scores[target.index] != ABSENT
            and not _is_known_on(resource, target)
        ):
            order_actions(fencing, action, ORDERED | UNRUNNABLE_FIRST_BLOCKS)


def _is_known_on(resource: Resource, node: Node) -> bool:
    if node.index in resource.known_on:
        return True
    parent = resource.parent
    return not resource.unique and parent is not None and node.index in parent.known_on


def _order_stops(cluster: Cluster, resource: Resource, fencing: Action) -> None:
    target = fencing.node
    assert target is not None
    implied = resource.needs_fencing or target.is_guest
    top = resource.top()
    for stop in find_actions(resource, operation_key(resource.id, "stop"), target):
        # The fencing is what stops it: there is nobody left to ask.
        stop.set(PSEUDO | RUNNABLE)
        if implied:
            if not _is_bundled(resource):
                order_actions(fencing, stop, GUEST_ALLOWED)
            parent_stop = newest_action(top, "stop", None)
            if parent_stop is not None:
                order_actions(fencing, parent_stop, GUEST_ALLOWED)
        if resource.notify:
            order_notifications_after_fencing(cluster, resource, stop, fencing)
    for demote in find_actions(resource, operation_key(resource.id, "demote"), target):
        if demote.node is None or (demote.node.online and not demote.node.unclean and not resource.failed):
            continue
        demote.set(PSEUDO | RUNNABLE)
        if implied and not _is_bundled(resource):
            order_actions(fencing, demote, GUEST_ALLOWED | ORDERED)


def _is_bundled(resource: Resource) -> bool:
    parent = resource.top().parent
    return parent is not None
