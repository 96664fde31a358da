"""Notices what has changed in the configuration since an operation ran: parameters, agents, monitors.

Source: design page 0010, "Digests"; Pacemaker Explained, "Reloading an agent after a definition change".
"""

from __future__ import annotations

from pengine.actions import operation_key, request, request_ordering, request_task, set_reason
from pengine.cleanup import schedule_cleanup
from pengine.digest_check import (
    MATCH,
    MISMATCH,
    NEEDS_RESTART,
    UNKNOWN_DIGEST,
    compare_digests,
    has_floating_address,
    only_secrets_changed,
)
from pengine.failcounts import clear_failcount, failcount
from pengine.history_order import active_range, sort_entries
from pengine.operations import find_operation
from pengine.recurring import cancel_action
from pengine.state import HistoryEntry, ResourceHistory
from pengine.unfencing import trigger_unfencing
from pengine.vocabulary import (
    ORDERED,
    PRIMITIVE,
    RESCHEDULE,
    THEN_CANCELS_FIRST,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_REASON = "resource definition change"
_CHECKED_ONCE = frozenset({"monitor", "start", "promote", "migrate_from"})


def check_configuration_changes(cluster: Cluster, *, floating: bool = False) -> None:
    """Compare the history of every usable node with the configuration.

    Connections whose address is that of their container's host can be compared only once the containers have
    their places: with `floating` only those are, without it all others.
    """
    by_name: dict[str, _Namesakes] = {}
    for resource in cluster.resources:
        _index(resource, by_name)
    by_node: dict[int, list[ResourceHistory]] = {}
    for node, history in cluster.histories:
        by_node.setdefault(node.index, []).append(history)
    for node in cluster.nodes:
        if not (node.maintenance or node.available()):
            continue
        for history in by_node.get(node.index, ()):
            namesakes = by_name.get(history.id)
            if namesakes is None or not history.entries:
                continue
            candidates = namesakes.all if floating else namesakes.concerned(history, node)
            resources = [resource for resource in candidates if has_floating_address(cluster, resource) == floating]
            _check_history(cluster, node, history, resources)
            if floating:
                _check_last_failures(cluster, node, history, resources)


_NOBODY: list[Resource] = []


class _Namesakes:
    """The primitives that the history knows by one name: one, or the instances of an anonymous clone."""

    __slots__ = ("_by_node", "_uniform", "all")

    def __init__(self) -> None:
        self.all: list[Resource] = []
        self._by_node: dict[int, list[Resource]] = {}
        self._uniform = True

    def add(self, resource: Resource) -> None:
        """Add one."""
        if resource.removed or (self.all and resource.definition is not self.all[0].definition):
            self._uniform = False
        self.all.append(resource)
        for node in resource.running_on:
            self._by_node.setdefault(node.index, []).append(resource)

    def concerned(self, history: ResourceHistory, node: Node) -> list[Resource]:
        """Return those for which the history on a node can mean anything."""
        if self._uniform and not _agent_changed(self.all[0], history):
            return self._by_node.get(node.index, _NOBODY)
        return self.all


def _index(resource: Resource, by_name: dict[str, _Namesakes]) -> None:
    if resource.kind == PRIMITIVE:
        by_name.setdefault(resource.id, _Namesakes()).add(resource)
        if resource.history_id is not None and resource.history_id != resource.id:
            by_name.setdefault(resource.history_id, _Namesakes()).add(resource)
    for child in resource.children:
        _index(child, by_name)


def _check_history(cluster: Cluster, node: Node, history: ResourceHistory, resources: list[Resource]) -> None:
    for resource in resources:
        if resource.removed:
            if resource.unique:
                schedule_cleanup(cluster, resource, node, False)
            continue
        if node not in resource.running_on:
            if _agent_changed(resource, history):
                schedule_cleanup(cluster, resource, node, False)
            continue
        if _agent_changed(resource, history):
            _replace_agent(cluster, resource, node)
        _check_entries(cluster, resource, node, history)


def _check_last_failures(cluster: Cluster, node: Node, history: ResourceHistory, resources: list[Resource]) -> None:
    """Forget a failure under other parameters, which could not be compared when the history was read."""
    for resource in resources:
        for entry in history.entries:
            if not entry.id.endswith("_last_failure_0") or entry.task not in ("start", "monitor"):
                continue
            if compare_digests(cluster, resource, entry, node) not in (MATCH, UNKNOWN_DIGEST):
                clear_failcount(cluster, resource, node, "resource parameters have changed")


def _agent_changed(resource: Resource, history: ResourceHistory) -> bool:
    return (
        resource.type != history.type
        or resource.standard != history.standard
        or (resource.provider or "") != (history.provider or "")
    )


def _replace_agent(cluster: Cluster, resource: Resource, node: Node) -> None:
    request_task(cluster, resource, "stop", node, False)
    resource.start_pending = True
    trigger_unfencing(cluster, resource, node, "Device definition changed")
    schedule_cleanup(cluster, resource, node, False)


def _check_entries(cluster: Cluster, resource: Resource, node: Node, history: ResourceHistory) -> None:
    entries = sort_entries(history.entries)
    start_index, stop_index = active_range(entries)
    if start_index < stop_index:
        return
    for position, entry in enumerate(entries):
        if position < start_index:
            continue
        if entry.interval_ms and (resource.maintenance or node.maintenance):
            _cancel(cluster, resource, node, entry, "maintenance mode")
            continue
        if not entry.interval_ms and entry.task not in _CHECKED_ONCE:
            continue
        if _check_entry(cluster, resource, node, entry):
            counted = failcount(cluster, resource, node, effective=True)
            if counted.count:
                clear_failcount(cluster, resource, node, "action definition changed")


def _cancel(cluster: Cluster, resource: Resource, node: Node, entry: HistoryEntry, reason: str) -> None:
    key = operation_key(resource.id, entry.task, entry.interval_ms)
    cancel = cancel_action(cluster, resource, key, entry.task, entry.interval_ms, node)
    set_reason(cancel, reason, overwrite=True)
    cancel.meta["call-id"] = str(entry.call_id)
    stop = operation_key(resource.id, "stop")
    request_ordering(cluster, resource, stop, None, resource, key, cancel, ORDERED)


def _check_entry(cluster: Cluster, resource: Resource, node: Node, entry: HistoryEntry) -> bool:
    """Act on a difference between one recorded operation and the configuration; True if there is one."""
    if entry.interval_ms and find_operation(resource, entry.task, entry.interval_ms, False) is None:
        if cluster.options.cancel_removed_actions:
            _cancel(cluster, resource, node, entry, "removed from configuration")
        return True
    result = compare_digests(cluster, resource, entry, node)
    if result not in (MATCH, UNKNOWN_DIGEST) and only_secrets_changed(cluster, resource, entry, node):
        return False
    if result == MATCH:
        return False
    if result == NEEDS_RESTART:
        trigger_unfencing(cluster, resource, node, "Device parameters changed")
        _force_restart(cluster, resource, node, entry)
        return True
    assert result in (UNKNOWN_DIGEST, MISMATCH)
    if entry.interval_ms:
        trigger_unfencing(cluster, resource, None, "Device parameters changed (reschedule)")
        _reschedule(cluster, resource, node, entry)
    elif entry.restart_digest is not None:
        trigger_unfencing(cluster, resource, None, "Device parameters changed (reload)")
        _reload(cluster, resource, node)
    else:
        trigger_unfencing(cluster, resource, node, "Device parameters changed")
        _force_restart(cluster, resource, node, entry)
    return True


def _reschedule(cluster: Cluster, resource: Resource, node: Node, entry: HistoryEntry) -> None:
    key = operation_key(resource.id, entry.task, entry.interval_ms)
    action = request(cluster, resource, key, entry.task, node, True, entry.interval_ms)
    action.set(RESCHEDULE)


def _force_restart(cluster: Cluster, resource: Resource, node: Node, entry: HistoryEntry) -> None:
    cluster.ledger.changed.add(resource.id)
    task = entry.task
    if not entry.interval_ms and task in ("monitor", "migrate_from", "promote"):
        task = "start"
    key = operation_key(resource.id, task, entry.interval_ms)
    action = request(cluster, resource, key, task, None, False, entry.interval_ms)
    set_reason(action, _REASON, overwrite=True)


def _reload(cluster: Cluster, resource: Resource, node: Node) -> None:
    if not resource.managed or resource.failed:
        return
    if resource.start_pending:
        request_task(cluster, resource, "stop", node, False)
        return
    resource.reload = True
    reload = request_task(cluster, resource, "reload-agent", node, False)
    set_reason(reload, _REASON)
    key = operation_key(resource.id, "reload-agent")
    for task in ("stop", "demote"):
        then = operation_key(resource.id, task)
        request_ordering(cluster, resource, key, reload, resource, then, None, ORDERED | THEN_CANCELS_FIRST)


def schedule_removed_cleanups(cluster: Cluster) -> None:
    """Forget the failures of resources that are no longer configured, before they are stopped."""
    for resource in list(cluster.resources):
        if not resource.removed or resource.kind != PRIMITIVE:
            continue
        for node in cluster.nodes:
            if not node.online:
                continue
            if failcount(cluster, resource, node, effective=True).count == 0:
                continue
            action = clear_failcount(cluster, resource, node, "it is removed")
            request_ordering(
                cluster,
                resource,
                action.key,
                action,
                resource,
                operation_key(resource.id, "stop"),
                None,
                ORDERED,
            )
