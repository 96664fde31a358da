"""Orders what happens on remote and guest nodes with their connections and launchers.

Source: Pacemaker Remote; design page 0010, "Remote nodes".
"""

from __future__ import annotations

from pengine.actions import fence_node, operation_key, request_ordering
from pengine.node_states import shutdown_requested
from pengine.resource_state import current_node
from pengine.vocabulary import (
    FIRST_IMPLIES_THEN,
    GUEST_ALLOWED,
    ORDERED,
    PSEUDO,
    STOPPED,
    THEN_IMPLIES_FIRST,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)

# What a connection to a remote node is about to be
UNKNOWN_STATE, ALIVE, RESTING, FAILED, GOING = 0, 1, 2, 3, 4


def order_remote_actions(cluster: Cluster) -> None:
    """Ask that actions on remote nodes happen while those nodes can be reached."""
    if not any(node.is_remote_kind for node in cluster.nodes):
        return
    for action in reversed(list(cluster.actions)):
        resource, node = action.resource, action.node
        if resource is None:
            continue
        if resource.is_connection and action.task == "clear_failcount":
            start = operation_key(resource.id, "start")
            request_ordering(cluster, resource, action.key, action, resource, start, None, ORDERED)
            continue
        if node is None or not node.is_remote_kind or action.flags & PSEUDO or node.connection is None:
            continue
        if action.task == "start":
            _order_stop_elsewhere(cluster, resource, node, node.connection)
        if node.is_guest:
            _order_on_guest(cluster, action, node, node.connection)
        else:
            _order_on_remote(cluster, action, node, node.connection)


def _order_stop_elsewhere(cluster: Cluster, resource: Resource, node: Node, connection: Resource) -> None:
    """A resource stays where it is until the node that it moves to can be reached."""
    key = operation_key(connection.id, "start")
    for other in reversed(list(resource.actions)):
        if other.task == "stop" and other.node is not node:
            request_ordering(cluster, connection, key, None, resource, other.key, other, ORDERED)


def connection_state(node: Node, connection: Resource) -> int:
    """Say what the connection to a remote node is about to be."""
    host = current_node(connection)
    if connection.next_role == STOPPED or connection.assigned is None:
        if host is not None and host.unclean:
            return FAILED
        if not connection.failed:
            return GOING
        fenced = node.status_attributes.get("node_fenced", "0") not in ("", "0")
        if (
            connection.next_role == STOPPED
            and connection.reconnect_interval_ms
            and fenced
            and not shutdown_requested(node)
        ):
            return UNKNOWN_STATE
        return FAILED
    if host is None:
        return UNKNOWN_STATE
    if host.unclean or not host.online or connection.migration_target is not None:
        return RESTING
    return ALIVE


def is_failed_remote(node: Node) -> bool:
    """Say whether a remote node can't be reached any more."""
    connection = node.connection
    return (
        node.kind == "remote"
        and connection is not None
        and connection.launcher is None
        and connection_state(node, connection) == FAILED
    )


def _after_start(cluster: Cluster, first: Resource, action: Action, marks: int = 0) -> None:
    key = operation_key(first.id, "start")
    marks |= GUEST_ALLOWED | UNRUNNABLE_FIRST_BLOCKS
    request_ordering(cluster, first, key, None, action.resource, action.key, action, marks)


def _before_stop(cluster: Cluster, action: Action, then: Resource, marks: int = 0) -> None:
    key = operation_key(then.id, "stop")
    marks |= GUEST_ALLOWED
    request_ordering(cluster, action.resource, action.key, action, then, key, None, marks)


def _order_on_remote(cluster: Cluster, action: Action, node: Node, connection: Resource) -> None:
    state = connection_state(node, connection)
    task = action.task
    if task in ("start", "promote"):
        _after_start(cluster, connection, action, FIRST_IMPLIES_THEN if state == FAILED else 0)
    elif task in ("stop", "migrate_to", "migrate_from"):
        if state == FAILED:
            # Nobody can stop it there: fencing is what does.
            fence_node(cluster, node, "resources are active but connection is unrecoverable")
        elif state == ALIVE or connection.next_role == STOPPED:
            _before_stop(cluster, action, connection, THEN_IMPLIES_FIRST)
        else:
            _after_start(cluster, connection, action)
    elif task == "demote":
        if state in (RESTING, UNKNOWN_STATE):
            _after_start(cluster, connection, action)
    elif action.interval_ms:
        _after_start(cluster, connection, action, FIRST_IMPLIES_THEN)
    else:
        if task == "monitor" and state == FAILED:
            fence_node(cluster, node, "resources are in unknown state and connection is unrecoverable")
        if state == GOING and current_node(connection) is not None:
            _before_stop(cluster, action, connection, UNRUNNABLE_FIRST_BLOCKS)
        else:
            _after_start(cluster, connection, action)


def _order_on_guest(cluster: Cluster, action: Action, node: Node, connection: Resource) -> None:
    launcher = connection.launcher
    assert launcher is not None
    if launcher.failed:
        fence_node(cluster, node, "container failed")
    task = action.task
    if task in ("start", "promote"):
        _after_start(cluster, launcher, action, FIRST_IMPLIES_THEN)
        _after_start(cluster, connection, action)
    elif task in ("stop", "demote", "migrate_to", "migrate_from"):
        if not launcher.failed:
            _before_stop(cluster, action, connection)
    elif not action.interval_ms:
        _after_start(cluster, connection, action)
    elif task != "cancel":
        _after_start(cluster, connection, action, FIRST_IMPLIES_THEN)
