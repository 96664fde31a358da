"""Recurring operations: which monitors run where, and which are to be cancelled.

Source: Pacemaker Explained, "Monitoring resources for failure"; design page 0010, "Recurring actions".
"""

from __future__ import annotations

from pengine.actions import change_task, find_actions_exact, operation_key, order_actions, request, request_ordering
from pengine.operations import find_operation
from pengine.resources import parse_role
from pengine.state import OperationDefinition
from pengine.vocabulary import (
    FIRST_IMPLIES_THEN,
    OPTIONAL,
    ORDERED,
    PROMOTED,
    RESCHEDULE,
    RUNNABLE,
    STARTED,
    STOPPED,
    UNKNOWN,
    UNPROMOTED,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)

_NEVER_RECURRING = frozenset({"start", "stop", "promote", "demote", "reload-agent", "migrate_to", "migrate_from"})


def add_recurring_actions(cluster: Cluster, resource: Resource) -> None:
    """Ask for the monitors of a primitive, or for the end of those that no longer apply."""
    if resource.blocked or resource.maintenance:
        return
    node = resource.assigned
    start: Action | None = None
    if node is not None and not node.maintenance and (resource.next_role != STOPPED or not resource.managed):
        # Asked for even where nothing recurs: the start of a resource that is not managed becomes optional again by it,
        # and what is ordered after that start would otherwise wait for something that is never done.
        key = operation_key(resource.id, "start")
        start = request(cluster, resource, key, "start", node, True)
    for operation in [item for item in resource.definition.operations if _is_recurring(resource, item)]:
        if start is not None:
            _add_for_active_role(cluster, resource, start, operation)
        _add_for_stopped_role(cluster, resource, operation)


def _is_recurring(resource: Resource, operation: OperationDefinition) -> bool:
    if not operation.interval_ms or not operation.id or operation.name in _NEVER_RECURRING:
        return False
    same = [
        other
        for other in resource.definition.operations
        if other.name == operation.name and other.interval_ms == operation.interval_ms
    ]
    if len(same) > 1:
        return False
    if parse_role(operation.attributes.get("role")) is None:
        return False
    return find_operation(resource, operation.name, operation.interval_ms, False) is not None


def _add_for_active_role(cluster: Cluster, resource: Resource, start: Action, operation: OperationDefinition) -> None:
    role = parse_role(operation.attributes.get("role")) or UNKNOWN
    if role == STOPPED:
        return
    node = resource.assigned
    key = operation_key(resource.id, operation.name, operation.interval_ms)
    optional = _is_running(resource, start, key, node)
    if role == UNKNOWN:
        matches = resource.next_role != PROMOTED
    else:
        matches = resource.next_role == role
    if not matches:
        if optional and node is not None:
            _cancel_for_role(cluster, resource, operation, key, node)
        return
    monitor = request(cluster, resource, key, operation.name, node, optional, operation.interval_ms)
    if not start.flags & RUNNABLE or node is None or not node.online or node.unclean:
        monitor.clear(RUNNABLE)
    if resource.next_role == PROMOTED:
        monitor.meta["op_target_rc"] = "8"
    if node is None or resource.managed:
        _order_monitor(cluster, resource, key, monitor)


def _is_running(resource: Resource, start: Action, key: str, node: Node | None) -> bool:
    if node is None or not start.flags & OPTIONAL:
        return False
    return any(not action.flags & RESCHEDULE for action in find_actions_exact(resource, key, node))


def _order_monitor(cluster: Cluster, resource: Resource, key: str, monitor: Action) -> None:
    strong = FIRST_IMPLIES_THEN | UNRUNNABLE_FIRST_BLOCKS
    for task in ("start", "reload-agent"):
        first_key = operation_key(resource.id, task)
        request_ordering(cluster, resource, first_key, None, resource, key, monitor, strong)
    weak = ORDERED | UNRUNNABLE_FIRST_BLOCKS
    if resource.next_role == PROMOTED:
        first_key = operation_key(resource.id, "promote")
        request_ordering(cluster, resource, first_key, None, resource, key, monitor, weak)
    elif resource.orig_role == PROMOTED:
        first_key = operation_key(resource.id, "demote")
        request_ordering(cluster, resource, first_key, None, resource, key, monitor, weak)


def cancel_action(cluster: Cluster, resource: Resource, key: str, task: str, interval_ms: int, node: Node) -> Action:
    """Turn the action of a running recurring operation into its cancellation."""
    cancel = request(cluster, resource, key, "cancel", node, False, interval_ms)
    change_task(resource, cancel, "cancel")
    cancel.cancel_task = task
    cancel.interval_ms = interval_ms
    cancel.meta["operation"] = task
    cancel.meta["interval"] = str(interval_ms)
    return cancel


def _cancel_for_role(
    cluster: Cluster, resource: Resource, operation: OperationDefinition, key: str, node: Node
) -> None:
    cancel = cancel_action(cluster, resource, key, operation.name, operation.interval_ms, node)
    after: str | None = None
    if resource.orig_role in (STARTED, UNPROMOTED):
        if resource.next_role == PROMOTED:
            after = "promote"
        elif resource.next_role == STOPPED:
            after = "stop"
    elif resource.orig_role == PROMOTED:
        after = "demote"
    if after is not None:
        then_key = operation_key(resource.id, after)
        request_ordering(cluster, resource, key, cancel, resource, then_key, None, UNRUNNABLE_FIRST_BLOCKS)


def _add_for_stopped_role(cluster: Cluster, resource: Resource, operation: OperationDefinition) -> None:
    """A monitor for the role Stopped runs wherever the resource does not; only for unique resources."""
    if parse_role(operation.attributes.get("role")) != STOPPED or not resource.unique:
        return
    key = operation_key(resource.id, operation.name, operation.interval_ms)
    for node in cluster.nodes:
        if node is resource.assigned:
            _cancel_stopped_monitor(cluster, resource, operation, key, node)
        else:
            _add_stopped_monitor(cluster, resource, operation, key, node)


def _cancel_stopped_monitor(
    cluster: Cluster, resource: Resource, operation: OperationDefinition, key: str, node: Node
) -> None:
    if not find_actions_exact(resource, key, node):
        return
    cancel = cancel_action(cluster, resource, key, operation.name, operation.interval_ms, node)
    if resource.next_role in (STARTED, UNPROMOTED):
        then_key = operation_key(resource.id, "start")
        request_ordering(cluster, resource, key, cancel, resource, then_key, None, UNRUNNABLE_FIRST_BLOCKS)


def _add_stopped_monitor(
    cluster: Cluster, resource: Resource, operation: OperationDefinition, key: str, node: Node
) -> None:
    optional = bool(find_actions_exact(resource, key, node))
    monitor = request(cluster, resource, key, operation.name, node, optional, operation.interval_ms)
    monitor.meta["op_target_rc"] = "7"
    if resource.managed:
        for probe in find_actions_exact(resource, operation_key(resource.id, "monitor"), node):
            order_actions(probe, monitor, UNRUNNABLE_FIRST_BLOCKS)
    for stop in find_actions_exact(resource, operation_key(resource.id, "stop"), node):
        if not (stop.flags & OPTIONAL or monitor.flags & OPTIONAL or resource.managed):
            monitor.set(OPTIONAL)
        if not stop.flags & RUNNABLE:
            monitor.clear(RUNNABLE)
        if resource.managed:
            order_actions(stop, monitor, FIRST_IMPLIES_THEN | UNRUNNABLE_FIRST_BLOCKS)
    if not node.online or node.unclean:
        monitor.clear(RUNNABLE)
