"""Live migration: moving a resource without stopping it first.

Source: Pacemaker Explained, "Migrating resources"; design page 0010, "Migration".
"""

from __future__ import annotations

from pengine.actions import operation_key, order_tasks, request, request_task
from pengine.vocabulary import (
    FIRST_ELSE_THEN,
    MIGRATABLE,
    ORDERED,
    PSEUDO,
    UNMIGRATABLE_THEN_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)


def may_migrate(resource: Resource, current: Node) -> bool:
    """Say whether a resource that moves can do so live."""
    assigned = resource.assigned
    return (
        resource.allow_migrate
        and resource.managed
        and not resource.failed
        and not resource.start_pending
        and not current.unclean
        and assigned is not None
        and not assigned.unclean
    )


def add_migration_actions(cluster: Cluster, resource: Resource, current: Node) -> None:
    """Ask for the migration beside stop and start; the ordering decides which of the two is done."""
    assigned = resource.assigned
    assert assigned is not None
    start = request_task(cluster, resource, "start", assigned, True)
    stop = request_task(cluster, resource, "stop", current, True)
    migrate_to: Action | None = None
    partial = resource.migration_target is not None
    if not partial:
        migrate_to = _request(cluster, resource, "migrate_to", current, current, assigned)
    migrate_from = _request(cluster, resource, "migrate_from", assigned, current, assigned)
    if migrate_to is not None:
        migrate_to.needs = start.needs
        if not resource.is_connection:
            migrate_to.meta["record-pending"] = "true"
        order_tasks(cluster, resource, "monitor", resource, "migrate_to", ORDERED)
        order_tasks(cluster, resource, "migrate_to", resource, "migrate_from", ORDERED | UNMIGRATABLE_THEN_BLOCKS)
    else:
        migrate_from.needs = start.needs
        order_tasks(cluster, resource, "monitor", resource, "migrate_from", ORDERED)
    start.set(MIGRATABLE | PSEUDO)
    stop.set(MIGRATABLE)
    order_tasks(cluster, resource, "migrate_from", resource, "stop", ORDERED | UNMIGRATABLE_THEN_BLOCKS)
    order_tasks(
        cluster,
        resource,
        "migrate_from",
        resource,
        "start",
        ORDERED | UNMIGRATABLE_THEN_BLOCKS | FIRST_ELSE_THEN,
    )


def _request(cluster: Cluster, resource: Resource, task: str, node: Node, source: Node, target: Node) -> Action:
    action = request(cluster, resource, operation_key(resource.id, task), task, node, True)
    action.set(MIGRATABLE)
    action.meta["migrate_source"] = source.name
    action.meta["migrate_target"] = target.name
    return action
