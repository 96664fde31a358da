"""What the history of a live migration says about where a resource is now.

A migration is two operations on two nodes; either may be missing, pending or failed, and later operations
on either node may have settled the matter.

Source: design page 0010, "Migration history".
"""

from __future__ import annotations

from pengine.history_order import compare_across_nodes, compare_entries
from pengine.resource_state import add_running
from pengine.state import HistoryEntry, ResourceHistory
from pengine.vocabulary import (
    STARTED,
    STOPPED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_CHANGES = frozenset({"start", "stop", "migrate_to", "migrate_from"})


def read_migrate_to(cluster: Cluster, resource: Resource, node: Node, entry: HistoryEntry) -> None:
    """Take in a migrate_to that succeeded on its source."""
    if not _concerns(entry.migrate_source, node) or entry.migrate_target is None:
        return
    target = cluster.node_by_name.get(entry.migrate_target.lower())
    source_newer = _newer_change(cluster, resource, node, entry)
    migrate_from = _find_migrate_from(cluster, resource, target, node)
    if migrate_from is not None and source_newer:
        return
    target_newer = target is not None and _newer_state(cluster, resource, target, migrate_from or entry)
    if source_newer and target_newer:
        return
    if migrate_from is not None and migrate_from.rc == 0 and migrate_from.status == 0:
        _dangle(resource, node)
        return
    resource.orig_role = STARTED
    target_counts = target is not None and target.online and not target_newer
    if migrate_from is not None and migrate_from.status != -1:
        if target_counts and target is not None:
            add_running(cluster, resource, target, failed=True)
        else:
            _fail_stuck(resource)
        return
    if target is not None and target.online and not _has_history(cluster, resource, target):
        return
    if target_counts and target is not None:
        add_running(cluster, resource, target, failed=False)
        if node.online:
            resource.migration_target = target
            resource.migration_source = node
    elif not source_newer:
        _fail_stuck(resource)


def read_failed_migrate_to(cluster: Cluster, resource: Resource, node: Node, entry: HistoryEntry) -> None:
    """Take in a migrate_to that failed: the resource may be on either node."""
    if not _concerns(entry.migrate_source, node) or entry.migrate_target is None:
        return
    resource.orig_role = STARTED
    target = cluster.node_by_name.get(entry.migrate_target.lower())
    migrate_from = _find_migrate_from(cluster, resource, target, node)
    if (
        target is not None
        and _has_history(cluster, resource, target)
        and not _newer_state(cluster, resource, target, _if_done(migrate_from) or entry)
    ):
        if target.online:
            add_running(cluster, resource, target, failed=False)
    elif not _newer_change(cluster, resource, node, entry):
        resource.dangling_sources.append(node)


def read_failed_migrate_from(cluster: Cluster, resource: Resource, node: Node, entry: HistoryEntry) -> None:
    """Take in a migrate_from that failed: the resource may still be on the source."""
    if not _concerns(entry.migrate_target, node) or entry.migrate_source is None:
        return
    resource.orig_role = STARTED
    source = cluster.node_by_name.get(entry.migrate_source.lower())
    if source is None or not _has_history(cluster, resource, source):
        return
    migrate_to = _find_migrate_to(cluster, resource, source, node)
    if not _newer_state(cluster, resource, source, _if_done(migrate_to) or entry) and source.online:
        add_running(cluster, resource, source, failed=False)


def _concerns(name: str | None, node: Node) -> bool:
    return name is not None and name.lower() == node.name_lower


def _dangle(resource: Resource, node: Node) -> None:
    """The migration is complete, but the source has not been stopped yet."""
    resource.orig_role = STOPPED
    resource.dangling_sources.append(node)
    resource.migration_source = node


def _fail_stuck(resource: Resource) -> None:
    resource.failed = True
    resource.stop_if_failed = True
    resource.allow_migrate = False


def _history_of(cluster: Cluster, resource: Resource, node: Node) -> ResourceHistory | None:
    """Return what happened on a node under the resource's own id.

    Anonymous instances, whose history goes by another name, have no migrations to be judged.
    """
    return cluster.history_index.get((resource.id, node.index))


def _has_history(cluster: Cluster, resource: Resource, node: Node) -> bool:
    """Say whether anything is known of the resource on a node (193: known not to be known)."""
    history = _history_of(cluster, resource, node)
    return history is not None and any(entry.rc != 193 for entry in history.entries)


def _find_migrate_from(cluster: Cluster, resource: Resource, target: Node | None, source: Node) -> HistoryEntry | None:
    history = _history_of(cluster, resource, target) if target is not None else None
    if history is None:
        return None
    return _only_one(
        [entry for entry in history.entries if entry.task == "migrate_from" and _concerns(entry.migrate_source, source)]
    )


def _find_migrate_to(cluster: Cluster, resource: Resource, source: Node, target: Node) -> HistoryEntry | None:
    history = _history_of(cluster, resource, source)
    if history is None:
        return None
    return _only_one(
        [entry for entry in history.entries if entry.task == "migrate_to" and _concerns(entry.migrate_target, target)]
    )


def _only_one(entries: list[HistoryEntry]) -> HistoryEntry | None:
    """Return the entry that is looked for, if it is the only one: of several none is believed."""
    return entries[0] if len(entries) == 1 else None


def _if_done(entry: HistoryEntry | None) -> HistoryEntry | None:
    """Leave out what is still running, or failed: what comes after that is not what comes after a migration."""
    return entry if entry is not None and entry.rc == 0 and entry.status == 0 else None


def _newer_change(cluster: Cluster, resource: Resource, node: Node, reference: HistoryEntry) -> bool:
    """Say whether the node has a start, stop or migration newer than the reference."""
    history = _history_of(cluster, resource, node)
    if history is None:
        return False
    return any(
        entry.task in _CHANGES and _is_newer(entry, reference, reference in history.entries)
        for entry in history.entries
    )


def _newer_state(cluster: Cluster, resource: Resource, node: Node, reference: HistoryEntry) -> bool:
    """Say whether the node has a change, or as its only monitor one that found nothing running, newer than that."""
    if _newer_change(cluster, resource, node, reference):
        return True
    history = _history_of(cluster, resource, node)
    if history is None:
        return False
    found = _only_one([entry for entry in history.entries if entry.task == "monitor"])
    return (
        found is not None
        and found.rc == 7
        and found.status == 0
        and _is_newer(found, reference, reference in history.entries)
    )


def _is_newer(entry: HistoryEntry, reference: HistoryEntry, same_node: bool) -> bool:
    if entry is reference:
        return False
    order = compare_entries(entry, reference) if same_node else compare_across_nodes(entry, reference)
    return order > 0
