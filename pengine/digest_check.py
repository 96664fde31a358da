"""Compares the parameters with which an operation ran with those that it would get now."""

from __future__ import annotations

from cib.digests import FEATURE_SET, operation_digest, restart_digest, secure_digest
from cib.values import readable_interval
from pengine.asides import Notice, say
from pengine.namevalue import merge_missing
from pengine.operations import find_operation, operation_meta
from pengine.relations import OperationDigests
from pengine.resource_state import current_node
from pengine.resources import evaluate_for, parameters_differ, parameters_on
from pengine.state import HistoryEntry
from pengine.working import Cluster, Node, Resource

_HOST_OF_CONTAINER = "#uname"

_NEVER_EQUAL = ""
"""No digest is empty."""

MATCH, UNKNOWN_DIGEST, MISMATCH, NEEDS_RESTART = 0, 1, 2, 3


def current_parameters(
    cluster: Cluster, resource: Resource, task: str, interval_ms: int, node: Node
) -> tuple[dict[str, str], bool]:
    """Return all parameters of an operation now, and whether any of them are the operation's own."""
    values = dict(parameters_on(cluster, resource, node))
    name_host(resource, values)
    operation = find_operation(resource, task, interval_ms, True)
    own = False
    if operation is not None and operation.parameters.sets:
        extra = evaluate_for(cluster, operation.parameters, resource, node)
        own = bool(extra)
        merge_missing(values, extra)
    for name, value in operation_meta(cluster, resource, task, interval_ms, operation, node).items():
        values.setdefault("CRM_meta_" + name.replace("-", "_"), value)
    return values, own


def has_floating_address(cluster: Cluster, resource: Resource) -> bool:
    """Say whether a bundle's connection goes to whatever host its container is on."""
    return (
        resource.is_connection
        and resource.launcher is not None
        and parameters_on(cluster, resource, None).get("addr") == _HOST_OF_CONTAINER
    )


def name_host(resource: Resource, values: dict[str, str]) -> None:
    """Put the host of the container where a bundle's connection has no address of its own."""
    if values.get("addr") != _HOST_OF_CONTAINER or resource.launcher is None:
        return
    host = resource.launcher.assigned or current_node(resource.launcher)
    if host is not None:
        values["addr"] = host.name


def compare_digests(cluster: Cluster, resource: Resource, entry: HistoryEntry, node: Node) -> int:
    """Say how the present configuration differs from that of a recorded operation.

    A recurring operation whose failure has expired counts as changed so much that it has to be started anew.
    """
    expired = (resource.id, entry.id) in node.expired_entries
    recorded = _NEVER_EQUAL if expired else entry.restart_digest
    key = (resource.id, entry.task, entry.interval_ms)
    now = node.digests.get(key)
    if now is None:
        now = _digests(cluster, resource, entry, node, with_restart=recorded is not None)
        node.digests[key] = now
    if recorded is not None and now.restart is not None and now.restart != recorded:
        return NEEDS_RESTART
    if entry.digest is None:
        return UNKNOWN_DIGEST
    if now.full == entry.digest:
        return MATCH
    return NEEDS_RESTART if now.own and entry.interval_ms == 0 else MISMATCH


def _digests(
    cluster: Cluster, resource: Resource, entry: HistoryEntry, node: Node, *, with_restart: bool
) -> OperationDigests:
    """Calculate the digests, once for all nodes and instances where the parameters are the same."""
    operation = find_operation(resource, entry.task, entry.interval_ms, True)
    if (
        resource.launcher is not None
        or resource.is_fence_device
        or parameters_differ(resource)
        or (operation is not None and operation.parameters.per_node)
    ):
        return _calculate(cluster, resource, entry, node, with_restart=with_restart)
    covered = entry.force_restart if with_restart else None
    key = (id(resource.definition), entry.task, entry.interval_ms, with_restart, covered)
    known = cluster.digests.get(key)
    if known is None:
        known = cluster.digests[key] = _calculate(cluster, resource, entry, node, with_restart=with_restart)
    return known


def _calculate(
    cluster: Cluster, resource: Resource, entry: HistoryEntry, node: Node, *, with_restart: bool
) -> OperationDigests:
    values, own = current_parameters(cluster, resource, entry.task, entry.interval_ms, node)
    restart = None
    if with_restart:
        names = entry.force_restart.split() if entry.force_restart is not None else None
        restart = restart_digest(values, entry.interval_ms, names)
    return OperationDigests(operation_digest(values, entry.interval_ms), restart, own)


def only_secrets_changed(cluster: Cluster, resource: Resource, entry: HistoryEntry, node: Node) -> bool:
    """Say whether a published document, in which secrets are masked, differs from the history in nothing else."""
    if entry.secure_digest is None or not cluster.sanitized:
        return False
    values, _ = current_parameters(cluster, resource, entry.task, entry.interval_ms, node)
    secrets = entry.secure_parameters.split() if entry.secure_parameters is not None else ()
    feature_set = entry.feature_set or cluster.state.attributes.get("crm_feature_set") or FEATURE_SET
    digest = secure_digest(
        values,
        entry.interval_ms,
        secrets,
        feature_set=feature_set,
        fence_device=resource.is_fence_device,
    )
    if digest != entry.secure_digest:
        return False
    interval = readable_interval(entry.interval_ms)
    say(
        cluster,
        Notice(
            f"Only 'private' parameters to {interval}-interval {entry.task} for {resource.id} on {node.name} changed: "
            f"{entry.transition_magic}"
        ),
    )
    return True
