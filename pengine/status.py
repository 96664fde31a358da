"""Reads the status section: tickets, node states, and then the history, node by node.

A remote or guest node's history counts only once its connection is known to be up, so the history is read
in passes until nothing more becomes readable.

Source: design page 0010, "Status".
"""

from __future__ import annotations

from pengine.actions import request_task
from pengine.history import read_resource_history
from pengine.history_owner import link_removed_launched
from pengine.node_states import read_node_state, read_remote_attributes, update_remote_state
from pengine.nodes import find_node
from pengine.state import NodeStatus
from pengine.vocabulary import (
    STARTED,
    STOPPED,
)
from pengine.working import (
    Cluster,
    Node,
)


def read_status(cluster: Cluster) -> None:
    """Bring the working data to what the status says."""
    state = cluster.state
    for ticket in state.tickets:
        cluster.tickets[ticket.id] = (ticket.granted, ticket.standby)
    for status in state.node_status:
        read_node_state(cluster, status)
    for status in state.node_status:
        node = find_node(cluster, status.id, status.name)
        if node is not None:
            for history in status.resources:
                cluster.history_index[(history.id, node.index)] = history
    while _history_pass(cluster, everything=False):
        pass
    _history_pass(cluster, everything=cluster.options.fencing_enabled)
    _stop_failed_containers(cluster)
    _finish_remote_nodes(cluster)


def _history_pass(cluster: Cluster, everything: bool) -> bool:
    """Read the history of every node that has become readable; False where there was none."""
    progress = False
    for status in cluster.state.node_status:
        if status.id is None or status.name is None:
            continue
        node = find_node(cluster, status.id, status.name)
        if node is None or node.history_unpacked or not (everything or _readable(cluster, node)):
            continue
        node.history_unpacked = True
        progress = True
        _read_node_history(cluster, node, status)
    return progress


def _readable(cluster: Cluster, node: Node) -> bool:
    connection = node.connection
    if node.is_guest and connection is not None and connection.launcher is not None:
        return connection.orig_role == STARTED and connection.launcher.orig_role == STARTED
    if node.is_remote_kind:
        return connection is not None and (connection.orig_role == STARTED or cluster.options.shutdown_lock)
    return cluster.options.fencing_enabled or cluster.options.shutdown_lock or node.online


def _read_node_history(cluster: Cluster, node: Node, status: NodeStatus) -> None:
    if node.is_remote_kind:
        update_remote_state(cluster, node)
        read_remote_attributes(cluster, node)
    for history in status.resources:
        read_resource_history(cluster, node, history)
    link_removed_launched(cluster)


def _stop_failed_containers(cluster: Cluster) -> None:
    for launcher in cluster.restart_containers:
        for node in launcher.running_on[:1]:
            request_task(cluster, launcher, "stop", node, False)


def _finish_remote_nodes(cluster: Cluster) -> None:
    for node in cluster.nodes:
        connection = node.connection
        if not node.is_remote_kind:
            continue
        if node.shutdown and connection is not None:
            connection.next_role = STOPPED
        if not node.history_unpacked:
            update_remote_state(cluster, node)
