"""The orderings that bundles have by their nature, and their probes.

Source: design page 0010, "Bundles".
"""

from __future__ import annotations

from pengine.actions import find_actions_exact, operation_key, order_tasks, request_ordering
from pengine.vocabulary import (
    FIRST_IMPLIES_THEN_GRAPHED,
    GUEST_ALLOWED,
    IF_ON_SAME_NODE,
    NESTED_REMOTE_PROBE,
    ORDERED,
    THEN_IMPLIES_FIRST,
    THEN_IMPLIES_FIRST_GRAPHED,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import Cluster, Node, Replica, Resource

_PROMOTABLE_PHASES = (
    ("stopped", "start"),
    ("stopped", "promote"),
    ("demoted", "stop"),
    ("demoted", "start"),
    ("demoted", "promote"),
    ("running", "promote"),
    ("demote", "demoted"),
)


def order_bundle_phases(cluster: Cluster, bundle: Resource) -> None:
    """Ask that what goes down in a promotable bundle is down before anything goes up."""
    for first, then in _PROMOTABLE_PHASES:
        order_tasks(cluster, bundle, first, bundle, then, ORDERED)


def order_container(cluster: Cluster, bundle: Resource, replica: Replica) -> None:
    """Ask for the orderings between a bundle and one of its containers."""
    container = replica.container
    order_tasks(cluster, bundle, "start", container, "start", UNRUNNABLE_FIRST_BLOCKS | THEN_IMPLIES_FIRST_GRAPHED)
    if replica.child is not None:
        order_tasks(cluster, bundle, "stop", replica.child, "stop", THEN_IMPLIES_FIRST_GRAPHED)
    order_tasks(cluster, bundle, "stop", container, "stop", THEN_IMPLIES_FIRST_GRAPHED)
    order_tasks(cluster, container, "start", bundle, "running", FIRST_IMPLIES_THEN_GRAPHED)
    order_tasks(cluster, container, "stop", bundle, "stopped", FIRST_IMPLIES_THEN_GRAPHED)


def order_address(cluster: Cluster, replica: Replica) -> None:
    """Ask that a container has its address while it runs."""
    container = replica.container
    if replica.ip is not None:
        order_tasks(cluster, replica.ip, "start", container, "start", UNRUNNABLE_FIRST_BLOCKS | GUEST_ALLOWED)
        order_tasks(cluster, container, "stop", replica.ip, "stop", THEN_IMPLIES_FIRST | GUEST_ALLOWED)


def order_bundled_clone(cluster: Cluster, bundle: Resource, clone: Resource) -> None:
    """Ask for the orderings between a bundle and the clone of what runs inside."""
    tasks = [("start", "running"), ("stop", "stopped")]
    if clone.promotable:
        tasks += [("promote", "promoted"), ("demote", "demoted")]
    for task, done in tasks:
        order_tasks(cluster, bundle, task, clone, task, THEN_IMPLIES_FIRST_GRAPHED)
        order_tasks(cluster, clone, done, bundle, done, FIRST_IMPLIES_THEN_GRAPHED)


def order_replica_probes(cluster: Cluster, bundle: Resource, replica: Replica, node: Node) -> None:
    """Order what follows from the probes of a replica's container and connection on a node."""
    container = replica.container
    key = operation_key(container.id, "monitor")
    if bundle.clone_node_max == 1 and find_actions_exact(container, key, node):
        for other in bundle.replicas:
            if other is not replica:
                start = operation_key(other.container.id, "start")
                marks = ORDERED | IF_ON_SAME_NODE
                request_ordering(cluster, container, key, None, other.container, start, None, marks)
    connection = replica.connection
    if connection is None:
        return
    probe_key = operation_key(connection.id, "monitor")
    for probe in find_actions_exact(connection, probe_key, node):
        start = operation_key(container.id, "start")
        request_ordering(cluster, container, start, None, connection, probe_key, probe, NESTED_REMOTE_PROBE)
