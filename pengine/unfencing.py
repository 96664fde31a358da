"""Unfencing: opening the way to shared devices for a node before it may use them.

Source: Pacemaker Explained, "Unfencing"; design page 0010, "Unfencing".
"""

from __future__ import annotations

from pengine.actions import fence_action, operation_key, order_actions, request_ordering
from pengine.device_digests import is_unfencing_device
from pengine.vocabulary import (
    FIRST_IMPLIES_SAME_NODE_THEN,
    IF_ON_SAME_NODE,
    NEEDS_UNFENCING,
    ORDERED,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)


def unfence_action(cluster: Cluster, node: Node, optional: bool, reason: str | None) -> Action:
    """Ask for the unfencing of a node."""
    return fence_action(cluster, node, "on", optional, reason)


def order_unfencing(cluster: Cluster, resource: Resource) -> None:
    """On every allowed node: stop, then unfence, then start."""
    allowed = [node for node in cluster.nodes if cluster.entry_exists(resource, node)]
    for node in sorted(allowed, key=lambda node: node.name):
        unfence = unfence_action(cluster, node, True, None)
        request_ordering(
            cluster,
            resource,
            operation_key(resource.id, "stop"),
            None,
            None,
            unfence.key,
            unfence,
            ORDERED | IF_ON_SAME_NODE,
        )
        request_ordering(
            cluster,
            None,
            unfence.key,
            unfence,
            resource,
            operation_key(resource.id, "start"),
            None,
            FIRST_IMPLIES_SAME_NODE_THEN | IF_ON_SAME_NODE,
        )


def order_after_unfencing(cluster: Cluster, resource: Resource, node: Node, action: Action, marks: int) -> None:
    """Let an action that needs the node unfenced wait for it; unfence a node that never was."""
    if not cluster.unfencing:
        return
    if not (resource.is_fence_device or resource.requires == NEEDS_UNFENCING):
        return
    unfence = unfence_action(cluster, node, True, None)
    order_actions(unfence, action, marks)
    if node.attributes.get("#node-unfenced", "0") in ("", "0") and node.online and node_is_usable(node):
        unfence_action(cluster, node, False, f"required by {resource.id} {action.task}")


def trigger_unfencing(cluster: Cluster, device: Resource, node: Node | None, reason: str) -> None:
    """Unfence a node anew (or all nodes that may use it) because a device has changed."""
    if not (cluster.unfencing and device.is_fence_device and is_unfencing_device(device)):
        return
    if node is not None:
        if node.online and node_is_usable(node):
            unfence_action(cluster, node, False, reason)
        return
    for candidate in cluster.nodes:
        if cluster.entry_exists(device, candidate):
            trigger_unfencing(cluster, device, candidate, reason)


def node_is_usable(node: Node) -> bool:
    """Say whether a node is in a state in which unfencing it makes sense."""
    return not (node.unclean or node.shutdown)
