"""How often a resource has failed on a node, and whether that still counts.

Source: Pacemaker Explained, "Failure counts"; design page 0010.
"""

from __future__ import annotations

from cib.attribute_names import FAIL_COUNT, LAST_FAILURE, base_name
from cib.values import INFINITY, add_scores, leading_integer, milliseconds_to_seconds, score_or
from pengine.actions import operation_key, request
from pengine.state import HistoryEntry
from pengine.vocabulary import BUNDLE
from pengine.working import Action, Cluster, Node, Resource


class FailCount:
    """A sum of failures and the time of the last one (0: unknown)."""

    __slots__ = ("count", "last")

    def __init__(self, count: int, last: int) -> None:
        self.count = count
        self.last = last


def raw_failcount(resource: Resource, node: Node) -> FailCount:
    """Return all failures of a primitive on a node, as the node's attributes tell."""
    name = resource.history_id or resource.id
    anonymous = not resource.unique
    if anonymous:
        name = base_name(name)
    total = FailCount(0, 0)
    for attribute, value in node.attributes.items():
        if attribute.startswith(FAIL_COUNT):
            if _concerns(attribute[len(FAIL_COUNT) :], name, anonymous):
                total.count = add_scores(total.count, score_or(value))
        elif attribute.startswith(LAST_FAILURE) and _concerns(attribute[len(LAST_FAILURE) :], name, anonymous):
            total.last = max(total.last, leading_integer(value) or 0)
    return total


def _concerns(text: str, name: str, anonymous: bool) -> bool:
    subject = text.partition("#")[0]
    return subject == name or (anonymous and base_name(subject) == name)


def failcount(
    cluster: Cluster, resource: Resource, node: Node, *, effective: bool, with_launched: bool = False
) -> FailCount:
    """Return the failures of a primitive on a node; effective ones leave out what has expired.

    Those of what it launches are its own where they drive it away, not where failures are forgotten.
    """
    total = raw_failcount(resource, node)
    if total.count > 0 and resource.failure_timeout_ms > 0 and _blocked_failure(cluster, resource, node):
        resource.failure_timeout_ms = 0
    if effective and total.count > 0 and total.last > 0 and resource.failure_timeout_ms > 0:
        timeout = milliseconds_to_seconds(resource.failure_timeout_ms)
        if cluster.now > total.last + timeout:
            total.count = 0
    if with_launched and resource.launched and not _is_bundle_container(resource):
        for launched in resource.launched:
            inner = failcount(cluster, launched, node, effective=effective, with_launched=True)
            total.count = add_scores(total.count, inner.count)
            total.last = max(total.last, inner.last)
    return total


def _is_bundle_container(resource: Resource) -> bool:
    return resource.parent is not None and resource.parent.kind == BUNDLE


def _blocked_failure(cluster: Cluster, resource: Resource, node: Node) -> bool:
    """Say whether an operation with a literal on-fail="block" has failed here."""
    blocking = [
        operation for operation in resource.definition.operations if operation.attributes.get("on-fail") == "block"
    ]
    if not blocking:
        return False
    name = resource.history_id or resource.id
    history = cluster.history_index.get((name, node.index)) or cluster.history_index.get((base_name(name), node.index))
    if history is None:
        return False
    for operation in blocking:
        for entry in history.entries:
            if entry.task != operation.name or entry.interval_ms != operation.interval_ms:
                continue
            if entry.id.endswith("_last_failure_0"):
                return True
            key = operation_key(history.id, entry.task, entry.interval_ms)
            if entry.id == key and entry.rc != expected_rc(entry):
                return True
    return False


def expected_rc(entry: HistoryEntry) -> int:
    """Return the exit code that the operation's transition expected; -1 where that is unknown."""
    if entry.transition_key is None:
        return -1
    parts = entry.transition_key.split(":", 3)
    if len(parts) < 4:
        return -1
    value = leading_integer(parts[2])
    return -1 if value is None else value


def clear_failcount(cluster: Cluster, resource: Resource, node: Node, reason: str) -> Action:
    """Ask that the failures of a resource on a node be forgotten."""
    action = request(cluster, resource, operation_key(resource.id, "clear_failcount"), "clear_failcount", node, False)
    action.meta["op_no_wait"] = "true"
    cluster.clear_failcounts.add((resource.id, node.index))
    cluster.announce(f"failures of {resource.id} on {node.name} are forgotten: {reason}")
    return action


def reaches_threshold(cluster: Cluster, resource: Resource, node: Node) -> int:
    """Return the number of failures where it reaches the migration threshold, else 0."""
    if resource.threshold == 0 or resource.failure_ignored:
        return 0
    if (resource.id, node.index) in cluster.clear_failcounts:
        return 0
    count = failcount(cluster, resource, node, effective=True, with_launched=True).count
    if count > 0 and count >= min(resource.threshold, INFINITY):
        return count
    return 0
