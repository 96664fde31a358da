"""Finds what a constraint names: a resource, a tag or template, the members of a set."""

from __future__ import annotations

from pengine.state import ResourceSet
from pengine.working import Cluster, Resource


def index_history_names(cluster: Cluster) -> None:
    """Make instances findable under the names by which the history knows them."""
    for resource in cluster.resources:
        _index(cluster, resource)


def _index(cluster: Cluster, resource: Resource) -> None:
    if resource.history_id is not None:
        cluster.by_history.setdefault(resource.history_id, resource)
    for child in resource.children:
        _index(cluster, child)


def find_resource(cluster: Cluster, identifier: str) -> Resource | None:
    """Return the resource that a constraint means by an id.

    An anonymous instance that the history knows under a plain name stands for its clone.
    """
    resource = cluster.by_id.get(identifier)
    if resource is not None:
        return resource
    resource = cluster.by_history.get(identifier)
    return resource.top() if resource is not None else None


def find_constrained(cluster: Cluster, constraint: str, identifier: str) -> Resource | None:
    """Return the resource that a constraint names; where there is none, tell people."""
    resource = find_resource(cluster, identifier)
    if resource is None:
        cluster.note(f"constraint {constraint} is ignored: there is no resource '{identifier}'")
    return resource


def is_tag(cluster: Cluster, identifier: str | None) -> bool:
    """Say whether an id is that of a tag or template rather than of a resource."""
    return identifier is not None and find_resource(cluster, identifier) is None and identifier in cluster.state.tags


def expand_tags(cluster: Cluster, sets: tuple[ResourceSet, ...]) -> tuple[ResourceSet, ...]:
    """Return the sets with tags and templates among their members replaced by what they stand for."""
    if not any(is_tag(cluster, member) for item in sets for member in item.members):
        return sets
    expanded: list[ResourceSet] = []
    for item in sets:
        members: list[str] = []
        for member in item.members:
            if is_tag(cluster, member):
                members.extend(cluster.state.tags[member])
            else:
                members.append(member)
        expanded.append(
            ResourceSet(
                item.id,
                tuple(members),
                item.sequential,
                item.score,
                item.role,
                item.action,
                item.kind,
                item.require_all,
                item.ordering,
            )
        )
    return tuple(expanded)


def set_of(cluster: Cluster, identifier: str, *, role: str | None = None, action: str | None = None) -> ResourceSet:
    """Return one side of a constraint as a set: of a tag's members, or of a single resource."""
    if is_tag(cluster, identifier):
        return ResourceSet(identifier, cluster.state.tags[identifier], sequential="false", role=role, action=action)
    return ResourceSet(identifier, (identifier,), role=role, action=action)


def set_members(cluster: Cluster, constraint: str, item: ResourceSet) -> list[Resource] | None:
    """Return the resources of a set; None where one of them is unknown."""
    members: list[Resource] = []
    for identifier in item.members:
        resource = find_constrained(cluster, constraint, identifier)
        if resource is None:
            return None
        members.append(resource)
    return members
