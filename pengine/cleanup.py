"""Removes what a node knows of a resource: before another agent takes its name, or when it is gone."""

from __future__ import annotations

from pengine.actions import operation_key, order_tasks, request
from pengine.vocabulary import (
    FIRST_IMPLIES_THEN,
    ORDERED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)


def schedule_cleanup(cluster: Cluster, resource: Resource, node: Node, optional: bool) -> None:
    """Ask that the history of a resource on a node be deleted, between its stop and its next start."""
    if resource.failed or node.unclean or not node.online:
        return
    request(cluster, resource, operation_key(resource.id, "delete"), "delete", node, optional)
    marks = FIRST_IMPLIES_THEN if optional else ORDERED
    order_tasks(cluster, resource, "stop", resource, "delete", marks)
    order_tasks(cluster, resource, "delete", resource, "start", marks)
