"""Colocation constraints: unpacking them, and the lists of those that concern a resource.

The order of these lists decides in which order scores are combined, and so, where they saturate, the result.

Source: Pacemaker Explained, "Colocation"; design page 0010.
"""

from __future__ import annotations

from cib.values import INFINITY, boolean_or, is_false, score_or
from pengine.constraint_targets import expand_tags, find_constrained, is_tag, set_members, set_of
from pengine.relations import (
    Colocation,
)
from pengine.resources import parse_role
from pengine.state import ColocationDefinition, ResourceSet
from pengine.vocabulary import (
    BUNDLE,
    CLONE,
    GROUP,
    PRIMITIVE,
    STARTED,
    UNKNOWN,
)
from pengine.working import (
    Cluster,
    Resource,
)

_Key = tuple[int, int, int, str]


def unpack_colocation(cluster: Cluster, definition: ColocationDefinition) -> None:
    """Add a configured colocation to the resources that it names."""
    score = score_or(definition.score)
    if definition.sets:
        _unpack_sets(cluster, definition, expand_tags(cluster, definition.sets), score)
        return
    dependent_id, primary_id = definition.dependent, definition.primary
    if dependent_id is None or primary_id is None:
        return
    dependent_is_tag, primary_is_tag = is_tag(cluster, dependent_id), is_tag(cluster, primary_id)
    if dependent_is_tag and primary_is_tag:
        cluster.note(f"constraint {definition.id} is ignored: it names two tags")
        return
    if dependent_is_tag or primary_is_tag:
        sets = (
            set_of(cluster, dependent_id, role=definition.dependent_role),
            set_of(cluster, primary_id, role=definition.primary_role),
        )
        _unpack_sets(cluster, definition, sets, score)
        return
    dependent = find_constrained(cluster, definition.id, dependent_id)
    primary = find_constrained(cluster, definition.id, primary_id)
    if dependent is None or primary is None:
        return
    add_colocation(
        cluster,
        Colocation(
            definition.id,
            dependent,
            primary,
            score,
            _role(definition.dependent_role),
            _role(definition.primary_role),
            definition.node_attribute or "#uname",
            boolean_or(definition.influence, dependent.critical),
        ),
    )


def add_colocation(cluster: Cluster, colocation: Colocation) -> None:
    """Put a colocation into the lists of both its resources; one of score 0 says nothing."""
    if colocation.score == 0 or colocation.dependent is colocation.primary:
        return
    cluster.colocations.append(colocation)
    _insert(colocation.dependent.this_with, colocation, primary_side=True)
    _insert(colocation.primary.with_this, colocation, primary_side=False)


def _role(text: str | None) -> int:
    role = parse_role(text)
    return UNKNOWN if role is None or role == STARTED else role


def _unpack_sets(cluster: Cluster, definition: ColocationDefinition, sets: tuple[ResourceSet, ...], score: int) -> None:
    previous: ResourceSet | None = None
    for item in sets:
        if set_members(cluster, definition.id, item) is None:
            return
        _colocate_within(cluster, definition, item, score)
        if previous is not None:
            _colocate_between(cluster, definition, previous, item, score)
        previous = item


def _colocate_within(cluster: Cluster, definition: ColocationDefinition, item: ResourceSet, default: int) -> None:
    score = default if item.score is None else score_or(item.score)
    if score == 0 or is_false(item.sequential):
        return
    members = set_members(cluster, definition.id, item) or []
    role = _role(item.role)
    for position, later in enumerate(members[1:], 1):
        influence = boolean_or(definition.influence, later.critical)
        if score < 0:
            partners = members[:position]
        else:
            partners = [members[position - 1]]
        for partner in partners:
            dependent, primary = later, partner
            if score > 0 and item.ordering is not None and item.ordering != "group":
                dependent, primary = partner, later
            add_colocation(
                cluster,
                Colocation(item.id, dependent, primary, score, role, role, influence=influence),
            )


def _colocate_between(
    cluster: Cluster,
    definition: ColocationDefinition,
    left: ResourceSet,
    right: ResourceSet,
    score: int,
) -> None:
    dependents = set_members(cluster, definition.id, left) or []
    primaries = set_members(cluster, definition.id, right) or []
    if not is_false(left.sequential):
        dependents = dependents[:1]
    if not is_false(right.sequential):
        primaries = primaries[-1:]
    for dependent in dependents:
        influence = boolean_or(definition.influence, dependent.critical)
        for primary in primaries:
            add_colocation(
                cluster,
                Colocation(
                    definition.id,
                    dependent,
                    primary,
                    score,
                    _role(left.role),
                    _role(right.role),
                    influence=influence,
                ),
            )


def _key(resource: Resource) -> _Key:
    promotable = 0 if resource.kind == CLONE and resource.promotable else 1
    return -resource.priority, -resource.kind, promotable, resource.id


def _insert(target: list[Colocation], colocation: Colocation, *, primary_side: bool) -> None:
    """Put a colocation where it belongs by its other resource; before its equals."""
    key = _key(colocation.primary if primary_side else colocation.dependent)
    for position, other in enumerate(target):
        if key <= _key(other.primary if primary_side else other.dependent):
            target.insert(position, colocation)
            return
    target.append(colocation)


def _add_list(target: list[Colocation], stored: list[Colocation], *, primary_side: bool) -> None:
    if not target:
        target.extend(stored)
        return
    for colocation in stored:
        _insert(target, colocation, primary_side=primary_side)


def with_this_colocations(resource: Resource) -> list[Colocation]:
    """Return the colocations of which the resource is the primary, directly or through what it is part of."""
    found: list[Colocation] = []
    _collect_with_this(resource, resource, found)
    return found


def _collect_with_this(resource: Resource, origin: Resource, found: list[Colocation]) -> None:
    if resource.kind == PRIMITIVE:
        if resource is origin:
            _add_list(found, resource.with_this, primary_side=False)
            if resource.parent is not None:
                _collect_with_this(resource.parent, origin, found)
        else:
            for colocation in resource.with_this:
                if colocation.explicit:
                    _insert(found, colocation, primary_side=False)
    elif resource.kind == GROUP:
        if origin is not resource and origin is not resource.children[-1]:
            return
        _add_list(found, resource.with_this, primary_side=False)
        if resource.parent is not None:
            _collect_with_this(resource.parent, origin, found)
        if resource.collocated:
            for member in resource.children:
                if member is not origin:
                    _collect_with_this(member, origin, found)
    elif resource.kind == CLONE:
        _add_list(found, resource.with_this, primary_side=False)
        if resource.parent is not None:
            _collect_with_this(resource.parent, origin, found)
    elif resource.kind == BUNDLE and _speaks_for(resource, origin):
        _add_list(found, resource.with_this, primary_side=False)


def _speaks_for(bundle: Resource, origin: Resource) -> bool:
    """Say whether a bundle's colocations concern a part of it: containers, and who is promoted inside."""
    if origin is bundle or any(replica.container is origin for replica in bundle.replicas):
        return True
    clone = bundle.bundled
    if clone is None or not clone.promotable:
        return False
    if origin is clone:
        return clone.promotion_ordered
    return origin.parent is clone and not origin.unassigned


def this_with_colocations(resource: Resource) -> list[Colocation]:
    """Return the colocations of which the resource is the dependent, directly or through its parts."""
    found: list[Colocation] = []
    _collect_this_with(resource, resource, found)
    return found


def _collect_this_with(resource: Resource, origin: Resource, found: list[Colocation]) -> None:
    if resource.kind == PRIMITIVE:
        if resource is origin:
            _add_list(found, resource.this_with, primary_side=True)
            if resource.parent is not None:
                _collect_this_with(resource.parent, origin, found)
        else:
            for colocation in resource.this_with:
                if colocation.explicit:
                    _insert(found, colocation, primary_side=True)
    elif resource.kind == GROUP:
        _collect_group_this_with(resource, origin, found)
    elif resource.kind == CLONE:
        _add_list(found, resource.this_with, primary_side=True)
        if resource.parent is not None:
            _collect_this_with(resource.parent, origin, found)
    elif resource.kind == BUNDLE and _speaks_for(resource, origin):
        _add_list(found, resource.this_with, primary_side=True)


def _collect_group_this_with(group: Resource, origin: Resource, found: list[Colocation]) -> None:
    if origin is group or origin is group.children[0]:
        _add_list(found, group.this_with, primary_side=True)
        if group.parent is not None:
            _collect_this_with(group.parent, origin, found)
        if group.collocated:
            for member in group.children:
                if member is not origin:
                    _collect_this_with(member, origin, found)
        return
    for member in group.children:
        if member is origin:
            return
        if not member.managed:
            # an unmanaged earlier member breaks the chain that would bring the group's colocations here
            for colocation in group.this_with:
                if colocation.score == INFINITY:
                    _insert(found, colocation, primary_side=True)
            return
