"""Ticket constraints: resources that may only run at the site that holds a ticket.

Source: Pacemaker Explained, "Multi-site clusters"; design page 0010, "Tickets".
"""

from __future__ import annotations

from pengine.actions import fence_node
from pengine.constraint_targets import expand_tags, find_constrained, is_tag, set_of
from pengine.ledger import ban_everywhere
from pengine.relations import (
    TicketConstraint,
)
from pengine.resources import parse_role
from pengine.state import TicketDefinition
from pengine.vocabulary import (
    PROMOTED,
    STARTED,
    UNKNOWN,
)
from pengine.working import (
    Cluster,
    Resource,
)

_POLICIES = frozenset({"fence", "freeze", "demote", "stop"})


def unpack_ticket(cluster: Cluster, definition: TicketDefinition) -> None:
    """Apply a ticket constraint to the resources that it names."""
    sets = definition.sets
    if definition.resource is not None:
        if is_tag(cluster, definition.resource):
            sets = (set_of(cluster, definition.resource, role=definition.role),)
        else:
            resource = find_constrained(cluster, definition.id, definition.resource)
            if resource is not None:
                _add(cluster, definition, resource, definition.role)
            return
    for item in expand_tags(cluster, sets):
        for identifier in item.members:
            resource = find_constrained(cluster, definition.id, identifier)
            if resource is not None:
                _add(cluster, definition, resource, item.role)


def _add(cluster: Cluster, definition: TicketDefinition, resource: Resource, role_text: str | None) -> None:
    role = parse_role(role_text)
    if role is None or role == STARTED:
        role = UNKNOWN
    policy = (definition.loss_policy or "").lower()
    if policy == "fence" and not cluster.options.fencing_enabled:
        policy = "stop"
    if policy not in _POLICIES:
        policy = "demote" if role == PROMOTED else "stop"
    constraint = TicketConstraint(definition.id, resource, definition.ticket, policy, role)
    resource.tickets.append(constraint)
    granted, standby = cluster.tickets.get(definition.ticket, (False, False))
    if not granted or standby:
        _withhold(cluster, resource, constraint, granted)


def _withhold(cluster: Cluster, resource: Resource, constraint: TicketConstraint, granted: bool) -> None:
    """Draw the consequences of a ticket that is not there for a resource and all below it."""
    if resource.children:
        for child in resource.children:
            _withhold(cluster, child, constraint, granted)
        return
    policy, role = constraint.loss_policy, constraint.role
    if granted or not resource.running_on:
        if role != PROMOTED or policy == "stop":
            ban_everywhere(cluster, resource, "ticket", constraint.id)
        return
    concerns = role in (UNKNOWN, resource.orig_role)
    if policy == "stop" or (policy == "demote" and role != PROMOTED):
        ban_everywhere(cluster, resource, "ticket", constraint.id)
    elif policy == "fence" and concerns:
        ban_everywhere(cluster, resource, "ticket", constraint.id)
        for node in resource.running_on:
            fence_node(cluster, node, "deadman ticket was lost")
    elif policy == "freeze" and concerns:
        resource.managed = False
        resource.blocked = True
