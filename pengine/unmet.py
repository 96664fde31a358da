"""Says in words what should run and can't, and why."""

from __future__ import annotations

from pengine.actions import first_action
from pengine.obstacles import is_blocked_by_copies, lost_and_frozen
from pengine.vocabulary import (
    PRIMITIVE,
    RUNNABLE,
    STARTED,
    STOPPED,
)
from pengine.working import (
    Cluster,
    Resource,
)


def unmet_reasons(cluster: Cluster) -> list[str]:
    """Return a sentence for each resource that should be active and will not be."""
    sentences: list[str] = []
    for resource in cluster.resources:
        _collect(cluster, resource, sentences)
    return sentences


def _collect(cluster: Cluster, resource: Resource, sentences: list[str]) -> None:
    for child in resource.children:
        _collect(cluster, child, sentences)
    if resource.kind != PRIMITIVE or resource.removed:
        return
    if resource.blocked:
        sentences.append(f"{resource.id} {_why_blocked(cluster, resource)}")
        return
    if not resource.managed or resource.target_role == STOPPED or _is_surplus(resource):
        return
    if resource.assigned is None:
        if not cluster.options.stop_all_resources:
            sentences.append(f"{resource.id} can't run: no node is allowed and able to run it")
        return
    if resource.next_role < STARTED or resource.assigned in resource.running_on:
        return
    start = first_action(resource, "start", resource.assigned)
    if start is not None and not start.flags & RUNNABLE:
        why = start.reason or "its node can't run it now"
        sentences.append(f"{resource.id} can't start on {resource.assigned.name}: {why}")


def _why_blocked(cluster: Cluster, resource: Resource) -> str:
    """Return why nobody may touch a resource: a lost ticket, too many copies of it, or a failure."""
    ticket = lost_and_frozen(cluster, resource)
    if ticket is not None:
        return f"is left alone: ticket {ticket.ticket} was lost, and constraint {ticket.id} says to freeze it then"
    if is_blocked_by_copies(resource):
        places = ", ".join(node.name for node in resource.running_on)
        return f"is active on {places} at once: it is left alone until it is stopped by hand on all but one of them"
    return "is blocked after a failure: it is left alone until it is cleaned up"


def _is_surplus(resource: Resource) -> bool:
    """Say whether it is part of a clone with more instances than there are nodes for them."""
    return resource.top() is not resource and resource.top().clone_max > 0
