"""The orderings that resources have by their nature: stop before start, member after member, and so on.

Source: design page 0010, "Internal orderings".
"""

from __future__ import annotations

from cib.values import MINUS_INFINITY
from pengine.actions import global_pseudo_action, operation_key, order_tasks, request_ordering
from pengine.bundle_orderings import (
    order_address,
    order_bundle_phases,
    order_bundled_clone,
    order_container,
)
from pengine.instances import sort_by_number
from pengine.relations import (
    Colocation,
)
from pengine.unfencing import order_unfencing
from pengine.vocabulary import (
    BUNDLE,
    CLONE,
    FIRST_IMPLIES_THEN,
    FIRST_IMPLIES_THEN_GRAPHED,
    GROUP,
    IF_ON_SAME_NODE,
    IF_ON_SAME_NODE_OR_TARGET,
    IF_REQUIRED_ON_SAME_NODE,
    INTERMEDIATE_STOP,
    NEEDS_UNFENCING,
    OPTIONAL,
    ORDERED,
    PRIMITIVE,
    PROMOTED,
    PROMOTED_THEN_IMPLIES_FIRST,
    THEN_CANCELS_FIRST,
    THEN_IMPLIES_FIRST,
    THEN_IMPLIES_FIRST_GRAPHED,
    UNPROMOTED,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Cluster,
    Resource,
)


def add_internal_orderings(cluster: Cluster) -> None:
    """Ask for the orderings of every resource, and those of resources that must not be together."""
    for resource in list(cluster.resources):
        _add_for(cluster, resource)


def add_anticolocation_orderings(cluster: Cluster) -> None:
    """Where two resources may not be together, one must have left before the other comes."""
    for colocation in cluster.colocations:
        if colocation.score <= MINUS_INFINITY:
            _order_apart(cluster, colocation)


def _add_for(cluster: Cluster, resource: Resource) -> None:
    if resource.kind == PRIMITIVE:
        if resource.managed:
            _add_for_primitive(cluster, resource)
    elif resource.kind == GROUP:
        _add_for_group(cluster, resource)
    elif resource.kind == CLONE:
        _add_for_clone(cluster, resource)
    elif resource.kind == BUNDLE:
        _add_for_bundle(cluster, resource)


def _add_for_bundle(cluster: Cluster, bundle: Resource) -> None:
    """Each part's own orderings come first: an action that nobody but a later wish needs must not exist yet."""
    for replica in bundle.replicas:
        _add_for(cluster, replica.container)
        order_container(cluster, bundle, replica)
        if replica.ip is not None:
            _add_for(cluster, replica.ip)
            order_address(cluster, replica)
        if replica.connection is not None:
            _add_for(cluster, replica.connection)
    clone = bundle.bundled
    if clone is None:
        return
    _add_for_clone(cluster, clone)
    order_bundled_clone(cluster, bundle, clone)
    if clone.promotable:
        order_bundle_phases(cluster, bundle)


def _add_for_primitive(cluster: Cluster, resource: Resource) -> None:
    order_tasks(cluster, resource, "stop", resource, "start", ORDERED | FIRST_IMPLIES_THEN | INTERMEDIATE_STOP)
    if resource.top().promotable or resource.orig_role > UNPROMOTED:
        order_tasks(cluster, resource, "demote", resource, "stop", PROMOTED_THEN_IMPLIES_FIRST)
        order_tasks(cluster, resource, "start", resource, "promote", UNRUNNABLE_FIRST_BLOCKS)
    order_tasks(cluster, resource, "lrm_delete", resource, "monitor", IF_ON_SAME_NODE | THEN_CANCELS_FIRST)
    if resource.requires == NEEDS_UNFENCING and not resource.is_fence_device:
        order_unfencing(cluster, resource)
    if resource.utilization and cluster.options.placement_strategy != "default":
        _order_load(cluster, resource)
    if resource.launcher is not None:
        _order_with_launcher(cluster, resource, resource.launcher)


def _order_load(cluster: Cluster, resource: Resource) -> None:
    """Nothing may start on a node before what leaves it has made room."""
    for node in resource.running_on:
        stopped = global_pseudo_action(cluster, f"load_stopped_{node.name}")
        if stopped.node is None:
            stopped.place(node)
            stopped.clear(OPTIONAL)
        key = operation_key(resource.id, "stop")
        request_ordering(cluster, resource, key, None, None, stopped.key, stopped, IF_ON_SAME_NODE_OR_TARGET)
    for node in sorted(
        (node for node in cluster.nodes if cluster.entry_exists(resource, node)), key=lambda node: node.name
    ):
        stopped = global_pseudo_action(cluster, f"load_stopped_{node.name}")
        if stopped.node is None:
            stopped.place(node)
            stopped.clear(OPTIONAL)
        for task in ("start", "migrate_to"):
            key = operation_key(resource.id, task)
            request_ordering(cluster, None, stopped.key, stopped, resource, key, None, IF_ON_SAME_NODE_OR_TARGET)


def _order_with_launcher(cluster: Cluster, resource: Resource, launcher: Resource) -> None:
    if resource.is_connection:
        order_tasks(cluster, launcher, "monitor", resource, "stop", ORDERED)
    inside = not resource.is_connection and (
        launcher.is_connection or any(item.is_connection for item in launcher.launched)
    )
    if not inside:
        order_tasks(cluster, launcher, "start", resource, "start", FIRST_IMPLIES_THEN | UNRUNNABLE_FIRST_BLOCKS)
        order_tasks(cluster, resource, "stop", launcher, "stop", THEN_IMPLIES_FIRST)


def _add_for_group(cluster: Cluster, group: Resource) -> None:
    order_tasks(cluster, group, "stop", group, "stopped", UNRUNNABLE_FIRST_BLOCKS)
    order_tasks(cluster, group, "stopped", group, "start", ORDERED)
    order_tasks(cluster, group, "start", group, "running", UNRUNNABLE_FIRST_BLOCKS)
    last_active: Resource | None = None
    previous: Resource | None = None
    promotable = group.top().promotable
    for member in group.children:
        _add_for_primitive_if_managed(cluster, member)
        _order_member_with_group(cluster, group, member, previous is None, promotable)
        if not group.ordered:
            marks = FIRST_IMPLIES_THEN | UNRUNNABLE_FIRST_BLOCKS | THEN_IMPLIES_FIRST_GRAPHED
            order_tasks(cluster, group, "start", member, "start", marks)
            if promotable:
                order_tasks(cluster, group, "promote", member, "promote", marks)
        elif previous is not None:
            _order_after_previous(cluster, member, previous, promotable)
            if member.running_on and not previous.running_on and last_active is not None:
                order_tasks(cluster, member, "stop", last_active, "stop", ORDERED)
        if member.running_on:
            last_active = member
        previous = member


def _add_for_primitive_if_managed(cluster: Cluster, member: Resource) -> None:
    if member.managed:
        _add_for_primitive(cluster, member)


def _order_member_with_group(
    cluster: Cluster, group: Resource, member: Resource, is_first: bool, promotable: bool
) -> None:
    down = THEN_IMPLIES_FIRST_GRAPHED
    done = FIRST_IMPLIES_THEN_GRAPHED
    if group.ordered and is_first:
        down |= ORDERED
        done = FIRST_IMPLIES_THEN
    order_tasks(cluster, group, "stop", member, "stop", down)
    order_tasks(cluster, member, "stop", group, "stopped", done)
    order_tasks(cluster, group, "start", member, "start", THEN_IMPLIES_FIRST_GRAPHED)
    up = UNRUNNABLE_FIRST_BLOCKS | FIRST_IMPLIES_THEN | FIRST_IMPLIES_THEN_GRAPHED
    order_tasks(cluster, member, "start", group, "running", up)
    if promotable:
        order_tasks(cluster, group, "demote", member, "demote", down)
        order_tasks(cluster, member, "demote", group, "demoted", done)
        order_tasks(cluster, group, "promote", member, "promote", THEN_IMPLIES_FIRST_GRAPHED)
        order_tasks(cluster, member, "promote", group, "promoted", up)


def _order_after_previous(cluster: Cluster, member: Resource, previous: Resource, promotable: bool) -> None:
    up = FIRST_IMPLIES_THEN | UNRUNNABLE_FIRST_BLOCKS
    order_tasks(cluster, previous, "start", member, "start", up)
    order_tasks(cluster, member, "stop", previous, "stop", ORDERED | INTERMEDIATE_STOP)
    if member.running_on and not previous.running_on:
        order_tasks(cluster, member, "stop", previous, "start", THEN_IMPLIES_FIRST | UNRUNNABLE_FIRST_BLOCKS)
    if promotable:
        order_tasks(cluster, previous, "promote", member, "promote", up)
        order_tasks(cluster, member, "demote", previous, "demote", ORDERED)


def _add_for_clone(cluster: Cluster, clone: Resource) -> None:
    order_tasks(cluster, clone, "stopped", clone, "start", ORDERED)
    order_tasks(cluster, clone, "start", clone, "running", UNRUNNABLE_FIRST_BLOCKS)
    order_tasks(cluster, clone, "stop", clone, "stopped", UNRUNNABLE_FIRST_BLOCKS)
    if clone.promotable:
        order_tasks(cluster, clone, "demoted", clone, "stop", ORDERED)
        order_tasks(cluster, clone, "running", clone, "promote", UNRUNNABLE_FIRST_BLOCKS)
    if clone.ordered:
        sort_by_number(clone)
    for position, instance in enumerate(clone.children):
        _add_for(cluster, instance)
        order_tasks(cluster, clone, "start", instance, "start", UNRUNNABLE_FIRST_BLOCKS | THEN_IMPLIES_FIRST_GRAPHED)
        order_tasks(cluster, instance, "start", clone, "running", FIRST_IMPLIES_THEN_GRAPHED)
        order_tasks(cluster, clone, "stop", instance, "stop", THEN_IMPLIES_FIRST_GRAPHED)
        order_tasks(cluster, instance, "stop", clone, "stopped", FIRST_IMPLIES_THEN_GRAPHED)
        if clone.ordered:
            for later in clone.children[position + 1 :]:
                order_tasks(cluster, instance, "start", later, "start", ORDERED)
                order_tasks(cluster, later, "stop", instance, "stop", ORDERED)
    if clone.promotable:
        _order_promotable(cluster, clone)


_PROMOTABLE_PHASES = (
    ("stopped", "start"),
    ("stopped", "promote"),
    ("demoted", "stop"),
    ("demoted", "start"),
    ("demoted", "promote"),
    ("running", "promote"),
    ("demote", "demoted"),
)


def _order_promotable(cluster: Cluster, clone: Resource) -> None:
    for first, then in _PROMOTABLE_PHASES:
        order_tasks(cluster, clone, first, clone, then, ORDERED)
    previous: Resource | None = None
    for instance in clone.children:
        order_tasks(cluster, instance, "demote", instance, "promote", ORDERED)
        order_tasks(cluster, clone, "promote", instance, "promote", ORDERED)
        order_tasks(cluster, instance, "promote", clone, "promoted", ORDERED)
        order_tasks(cluster, clone, "demote", instance, "demote", THEN_IMPLIES_FIRST_GRAPHED)
        order_tasks(cluster, instance, "demote", clone, "demoted", FIRST_IMPLIES_THEN_GRAPHED)
        if clone.ordered and previous is not None:
            order_tasks(cluster, previous, "promote", instance, "promote", ORDERED)
            order_tasks(cluster, instance, "demote", previous, "demote", ORDERED)
        previous = instance


def _order_apart(cluster: Cluster, colocation: Colocation) -> None:
    dependent, primary = colocation.dependent, colocation.primary
    dependent_losing, dependent_gaining = _role_tasks(colocation.dependent_role)
    primary_losing, primary_gaining = _role_tasks(colocation.primary_role)
    for losing in primary_losing:
        for gaining in dependent_gaining:
            order_tasks(cluster, primary, losing, dependent, gaining, IF_REQUIRED_ON_SAME_NODE)
    for losing in dependent_losing:
        for gaining in primary_gaining:
            order_tasks(cluster, dependent, losing, primary, gaining, IF_REQUIRED_ON_SAME_NODE)


def _role_tasks(role: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tasks by which a resource loses a role, and those by which it gains it."""
    if role == PROMOTED:
        return ("demote",), ("promote",)
    if role == UNPROMOTED:
        return ("stop", "promote"), ("start", "demote")
    return ("stop",), ("start",)
