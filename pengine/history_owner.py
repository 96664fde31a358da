"""Which resource a piece of history belongs to.

History of an anonymous clone names no instance (or an old number that means nothing), so instances are
handed out as their history is read. What belongs to nothing configured becomes a removed resource.
"""

from __future__ import annotations

from cib.attribute_names import base_name
from pengine.ledger import ban_everywhere
from pengine.nodes import add_node
from pengine.resources import add_instance, build_resource, link_connection, mark_removed
from pengine.state import EMPTY_BLOCK, ResourceDefinition, ResourceHistory
from pengine.vocabulary import (
    CLONE,
    PRIMITIVE,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)


def find_history_owner(cluster: Cluster, node: Node, history: ResourceHistory) -> Resource | None:
    """Return the resource (for an anonymous clone: the instance) that the history is about."""
    resource = cluster.by_id.get(history.id)
    if resource is None:
        resource = cluster.by_id.get(f"{base_name(history.id)}:0")
        if resource is None or resource.unique:
            return None
    elif resource.kind != PRIMITIVE:
        return None
    top = resource.top()
    if top.kind == CLONE and top.parent is not None:
        found = next((item.child for item in top.parent.replicas if item.node is node), None)
        if found is None:
            return None
        resource = found
    elif top.kind == CLONE and not top.unique:
        found = _choose_instance(cluster, node, top, base_name(history.id))
        if found is None:
            return None
        resource = found
    if history.id not in (resource.id, resource.history_id):
        resource.history_id = history.id
    return resource


def first_location(resource: Resource) -> Node | None:
    """Return the first node on which a resource, or a part of it, is active or has an operation pending."""
    if resource.kind == PRIMITIVE:
        return resource.running_on[0] if resource.running_on else resource.pending_node
    for child in resource.children:
        node = first_location(child)
        if node is not None:
            return node
    return None


def _member(instance: Resource, base: str) -> Resource | None:
    if instance.kind == PRIMITIVE:
        return instance if instance.base_id == base or instance.history_id == base else None
    return next((child for child in instance.children if child.base_id == base), None)


def _choose_instance(cluster: Cluster, node: Node, clone: Resource, base: str) -> Resource | None:
    """Return the member of the instance that is, or shall count as, active on the node."""
    chosen: Resource | None = None
    inactive: Resource | None = None
    skip_inactive = False
    for instance in clone.children:
        place = first_location(instance)
        if place is not None:
            if place is node:
                chosen = _member(instance, base)
                if chosen is not None and chosen.running_on:
                    skip_inactive = True
                    chosen = None
        elif not skip_inactive and inactive is None and not instance.blocked:
            inactive = _member(instance, base)
            if inactive is not None and inactive.pending_node not in (None, node):
                inactive = None
        if chosen is not None:
            break
    if chosen is None and not skip_inactive:
        chosen = inactive
    if (
        chosen is not None
        and not chosen.needs_fencing
        and (not node.online or node.unclean)
        and not node.is_guest
        and clone.clone_max != len(cluster.nodes)
    ):
        chosen = None  # a lost node must not use up a number that another node may need
    if chosen is None:
        extra = add_instance(cluster, clone, len(clone.children))
        chosen = _member(extra, base) if extra is not None else None
    return chosen


def removed_resource(cluster: Cluster, node: Node, history: ResourceHistory) -> Resource:
    """Make a resource that is no longer configured but known to the history."""
    attributes = {"id": history.id, "class": history.standard, "type": history.type}
    if history.provider is not None:
        attributes["provider"] = history.provider
    definition = ResourceDefinition(
        tag="primitive",
        id=history.id,
        standard=history.standard,
        provider=history.provider,
        type=history.type,
        attributes=attributes,
        meta=EMPTY_BLOCK,
        parameters=EMPTY_BLOCK,
        utilization=EMPTY_BLOCK,
    )
    # A group or clone of that name is configured, perhaps; what ran was something else.
    cluster.by_id.pop(history.id, None)
    resource = build_resource(cluster, definition, None, None)
    assert resource is not None
    mark_removed(resource)
    cluster.resources.append(resource)
    if history.standard == "ocf" and history.provider == "pacemaker" and history.type == "remote":
        if history.id.lower() not in cluster.node_by_id:
            add_node(cluster, history.id, history.id, "remote", 0)
        link_connection(cluster, resource)
        remote = cluster.node_by_id[history.id.lower()]
        remote.shutdown = True
    if history.container is not None:
        cluster.removed_launched.append((resource, history.container))
    if not cluster.options.stop_removed_resources:
        resource.managed = False
    else:
        ban_everywhere(cluster, resource, "removed", history.id)
    return resource


def link_removed_launched(cluster: Cluster) -> None:
    """Tie removed resources to what launched them, which may itself be known only from later history."""
    waiting: list[tuple[Resource, str]] = []
    for resource, container in cluster.removed_launched:
        launcher = cluster.by_id.get(container)
        if launcher is None:
            waiting.append((resource, container))
            continue
        resource.launcher = launcher
        launcher.launched.append(resource)
        if resource.is_connection:
            link_connection(cluster, resource)
    cluster.removed_launched = waiting
