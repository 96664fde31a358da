"""Probes: finding out where things run before anything is started.

Source: Pacemaker Explained, "Probes"; design page 0010, "Probes".
"""

from __future__ import annotations

from cib.values import is_false
from pengine.actions import fence_node, operation_key, request, request_ordering
from pengine.bundle_orderings import order_replica_probes
from pengine.instances import sort_by_number
from pengine.node_choice import (
    assigned_nodes,
)
from pengine.remote_orderings import is_failed_remote
from pengine.unfencing import order_after_unfencing
from pengine.vocabulary import (
    ABSENT,
    BUNDLE,
    CLONE,
    OPTIONAL,
    ORDERED,
    PRIMITIVE,
    PROBE_EXCLUSIVE,
    PROBE_NEVER,
    PROMOTED,
    RUNNABLE,
    STOPPED,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)


def schedule_probes(cluster: Cluster) -> None:
    """Ask every usable node about every resource of which it is not known whether it runs there."""
    if not cluster.options.enable_startup_probes:
        return
    clones: dict[str, _Chosen] = {}
    for node in cluster.nodes:
        if not node.online:
            if is_failed_remote(node):
                fence_node(cluster, node, "the connection is unrecoverable")
            continue
        if node.unclean:
            continue
        if node.is_remote_kind and is_false(node.attributes.get("resource-discovery-enabled")):
            continue
        for resource in cluster.resources:
            _probe(cluster, resource, node, clones)


class _Chosen:
    """Which instance of an anonymous clone is asked about on which node: one known there, or one that goes there."""

    __slots__ = ("_assigned", "_first", "_known")

    def __init__(self, clone: Resource) -> None:
        self._first = clone.children[0]
        self._known: dict[int, Resource] = {}
        self._assigned: dict[int, Resource] = {}
        for instance in clone.children:
            for index in instance.known_on:
                self._known.setdefault(index, instance)
            for node in assigned_nodes(instance):
                self._assigned.setdefault(node.index, instance)

    def on(self, node: Node) -> Resource:
        """Return the instance to ask about on a node."""
        return self._known.get(node.index) or self._assigned.get(node.index, self._first)


def _probe(cluster: Cluster, resource: Resource, node: Node, clones: dict[str, _Chosen]) -> None:
    if resource.kind == PRIMITIVE:
        _probe_primitive(cluster, resource, node)
    elif resource.kind == CLONE:
        _probe_clone(cluster, resource, node, clones)
    elif resource.kind == BUNDLE:
        _probe_bundle(cluster, resource, node, clones)
    else:
        for child in resource.children:
            _probe(cluster, child, node, clones)


def _probe_bundle(cluster: Cluster, bundle: Resource, node: Node, clones: dict[str, _Chosen]) -> None:
    for replica in bundle.replicas:
        if replica.ip is not None:
            _probe(cluster, replica.ip, node, clones)
        if replica.child is not None and node is replica.node:
            _probe(cluster, replica.child, node, clones)
        _probe(cluster, replica.container, node, clones)
        if replica.connection is not None:
            _probe(cluster, replica.connection, node, clones)
        order_replica_probes(cluster, bundle, replica, node)


def _probe_clone(cluster: Cluster, clone: Resource, node: Node, clones: dict[str, _Chosen]) -> None:
    sort_by_number(clone)
    if clone.exclusive_discovery:
        table = clone.allowed
        if table.scores[node.index] == ABSENT or table.modes[node.index] != PROBE_EXCLUSIVE:
            table.scores[node.index] = ABSENT
            return
    if clone.unique:
        for instance in clone.children:
            _probe(cluster, instance, node, clones)
        return
    chosen = clones.get(clone.id)
    if chosen is None:
        chosen = clones[clone.id] = _Chosen(clone)
    _probe(cluster, chosen.on(node), node, clones)


def _probe_primitive(cluster: Cluster, resource: Resource, node: Node) -> None:
    if node.is_remote_kind and not _may_probe_on_remote(resource, node):
        return
    if resource.launcher is not None and not resource.is_connection:
        return
    if resource.removed or node.index in resource.known_on:
        return
    table = resource.allowed
    absent = table.scores[node.index] == ABSENT
    mode = node.mode if absent else table.modes[node.index]
    if (resource.exclusive_discovery or resource.top().exclusive_discovery) and (absent or mode != PROBE_EXCLUSIVE):
        return
    if mode == PROBE_NEVER:
        return
    if node.is_guest and not _guest_stays(cluster, resource, node):
        return
    _ask(cluster, resource, node)


def _may_probe_on_remote(resource: Resource, node: Node) -> bool:
    if resource.is_fence_device or resource.is_connection:
        return False
    return not (node.is_guest and any(item.is_connection for item in resource.launched))


def _guest_stays(cluster: Cluster, resource: Resource, node: Node) -> bool:
    """Say whether a guest will be there for the probe; where not, starting waits for it to be settled."""
    connection = node.connection
    assert connection is not None
    guest = connection.launcher
    assert guest is not None
    top = resource.top()
    start = operation_key(top.id, "start")
    if guest.orig_role == STOPPED:
        if guest.assigned is not None and guest.assigned.index not in guest.known_on:
            probe = operation_key(guest.id, "monitor")
            request_ordering(cluster, guest, probe, None, top, start, None, ORDERED)
        return False
    moving = guest.assigned is not None and guest.assigned not in guest.running_on
    if node.reset or node.unclean or guest.failed or guest.next_role == STOPPED or moving:
        stop = operation_key(guest.id, "stop")
        request_ordering(cluster, guest, stop, None, top, start, None, ORDERED)
        return False
    return True


def _ask(cluster: Cluster, resource: Resource, node: Node) -> None:
    probe = request(cluster, resource, operation_key(resource.id, "monitor"), "monitor", node, False)
    probe.clear(OPTIONAL)
    order_after_unfencing(cluster, resource, node, probe, ORDERED)
    _expect(probe, resource, node)
    top = resource.top()
    if top.kind != CLONE:
        top = resource
    marks = ORDERED
    if not probe.flags & RUNNABLE and not top.running_on:
        marks |= UNRUNNABLE_FIRST_BLOCKS
    for task, order in (("start", marks), ("reload-agent", ORDERED)):
        target = top if task == "start" else resource
        key = operation_key(target.id, task)
        request_ordering(cluster, resource, probe.key, probe, target, key, None, order)


def _expect(probe: Action, resource: Resource, node: Node) -> None:
    if node not in resource.running_on:
        probe.meta["op_target_rc"] = "7"
    elif resource.orig_role == PROMOTED:
        probe.meta["op_target_rc"] = "8"
