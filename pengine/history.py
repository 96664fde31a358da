"""What the history of operations says about a resource on a node: its role there, and what went wrong.

Source: design page 0010, "History"; Pacemaker Explained, "How the history is interpreted" (rc codes).
"""

from __future__ import annotations

from pengine.actions import operation_key, request, request_task
from pengine.history_order import active_range, sort_entries
from pengine.history_owner import find_history_owner, removed_resource
from pengine.operation_result import OperationReader
from pengine.resource_state import apply_history
from pengine.state import HistoryEntry, ResourceHistory
from pengine.vocabulary import (
    UNKNOWN,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)


def read_resource_history(cluster: Cluster, node: Node, history: ResourceHistory) -> None:
    """Interpret one `lrm_resource` of a node."""
    if not history.entries and not (cluster.options.shutdown_lock and history.shutdown_lock is not None):
        return
    resource = find_history_owner(cluster, node, history)
    if resource is None:
        if not history.entries:
            return
        resource = removed_resource(cluster, node, history)
    cluster.histories.append((node, history))
    if cluster.options.shutdown_lock and history.shutdown_lock is not None:
        _read_shutdown_lock(cluster, resource, node, history.shutdown_lock)
    entries = sort_entries(history.entries)
    saved_role = resource.orig_role
    resource.orig_role = UNKNOWN
    reader = OperationReader(cluster, resource, node, history)
    for entry in entries:
        reader.read(entry)
    _keep_recurring(cluster, resource, node, entries)
    apply_history(cluster, resource, node, reader.reaction)
    limit = resource.target_role
    if limit != UNKNOWN and (resource.next_role == UNKNOWN or limit < resource.next_role):
        resource.next_role = limit
    resource.orig_role = max(resource.orig_role, saved_role)


def _keep_recurring(cluster: Cluster, resource: Resource, node: Node, entries: list[HistoryEntry]) -> None:
    """Note the recurring operations that are running: as actions that need not be done again."""
    if not node.online or not any(entry.interval_ms for entry in entries):
        return
    start_index, stop_index = active_range(entries)
    for position, entry in enumerate(entries):
        if position < start_index or (start_index < stop_index and position <= stop_index):
            continue
        if entry.interval_ms == 0 or entry.status == -1:
            continue
        key = operation_key(resource.id, entry.task, entry.interval_ms)
        request(cluster, resource, key, entry.task, node, True, entry.interval_ms)


def _read_shutdown_lock(cluster: Cluster, resource: Resource, node: Node, since: int) -> None:
    limit = cluster.options.shutdown_lock_limit_s
    if limit and cluster.now > since + limit:
        request_task(cluster, resource, "lrm_delete", node, False)
        return
    if limit:
        cluster.context.note_recheck(since + limit + 1)
    resource.lock_node = node
    resource.lock_time = since
