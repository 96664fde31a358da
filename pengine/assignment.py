"""Decides where every resource goes, top-level resources in their order, each with what it depends on."""

from __future__ import annotations

from cib.values import INFINITY, MINUS_INFINITY
from pengine.asides import ORIGINAL, REMAINING, Capacity, say
from pengine.bundle_assignment import assign_bundle
from pengine.clone_assignment import assign_clone
from pengine.colocations import add_colocation
from pengine.group_assignment import assign_group
from pengine.instances import sort_by_number
from pengine.ledger import set_score
from pengine.node_choice import find_guests, find_usable_nodes
from pengine.primitive_assignment import assign_primitive
from pengine.relations import (
    Colocation,
)
from pengine.utilization import sort_resources
from pengine.vocabulary import (
    ABSENT,
    BUNDLE,
    CLONE,
    GROUP,
    PRIMITIVE,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_BUNDLE_CONNECTION = 10_000
"""How much a bundle's connection wants to be where its container is; it may be elsewhere."""


class ClusterAssigner:
    """Assigns any resource by what kind it is."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def assign(self, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> Node | None:
        """See `pengine.assigner.Assigner`."""
        if resource.kind == PRIMITIVE:
            return assign_primitive(self._cluster, self, resource, prefer, stop_if_fail)
        if resource.kind == GROUP:
            return assign_group(self._cluster, self, resource, prefer, stop_if_fail)
        if resource.kind == BUNDLE:
            assign_bundle(self._cluster, self, resource)
        else:
            assign_clone(self._cluster, self, resource, prefer, stop_if_fail)
        return None


def assign_resources(cluster: Cluster) -> None:
    """Assign all resources; the connections of remote nodes come first, so that those nodes count."""
    assigner = ClusterAssigner(cluster)
    find_usable_nodes(cluster)
    find_guests(cluster)
    if cluster.options.placement_strategy != "default":
        sort_resources(cluster)
    _tell_capacities(cluster, ORIGINAL)
    if any(node.is_remote_kind for node in cluster.nodes):
        for resource in cluster.resources:
            if resource.is_connection:
                assigner.assign(resource, resource.migration_target, True)
    for resource in cluster.resources:
        if not (resource.is_connection and not resource.unassigned):
            assigner.assign(resource, None, True)
    _tell_capacities(cluster, REMAINING)


def _tell_capacities(cluster: Cluster, comment: str) -> None:
    for node in cluster.nodes:
        if not node.is_guest:  # what guests can hold is that of their hosts
            say(cluster, Capacity(comment, node.name, dict(node.utilization)))


def add_internal_colocations(cluster: Cluster) -> None:
    """Tie group members, and what is launched by something, to each other."""
    for resource in list(cluster.resources):
        _internal(cluster, resource)


def _internal(cluster: Cluster, resource: Resource) -> None:
    if resource.kind == CLONE and resource.ordered:
        sort_by_number(resource)
    for child in resource.children:
        _internal(cluster, child)
        if resource.kind == BUNDLE:
            _tie_to_container(cluster, resource, child)
    if resource.kind == GROUP and resource.collocated:
        for earlier, later in zip(resource.children, resource.children[1:], strict=False):
            add_colocation(
                cluster,
                Colocation("group:members", later, earlier, INFINITY, influence=later.critical, explicit=False),
            )
    if resource.kind == PRIMITIVE and resource.managed:
        _primitive_internal(cluster, resource)


def _primitive_internal(cluster: Cluster, resource: Resource) -> None:
    if resource.launcher is not None:
        node = _launched_in(cluster, resource)
        if node is not None:
            for index, score in enumerate(resource.allowed.scores):
                if score != ABSENT and index != node.index:
                    set_score(cluster, resource, index, MINUS_INFINITY, "container", resource.launcher.id)
        else:
            in_bundle = resource.parent is not None and resource.parent.kind == BUNDLE
            if resource.is_connection and not in_bundle:
                _ban_remote_nodes(cluster, resource.launcher, "container")
            score = _BUNDLE_CONNECTION if resource.is_connection and in_bundle else INFINITY
            add_colocation(
                cluster,
                Colocation("#resource-with-container", resource, resource.launcher, score, explicit=False),
            )
    if resource.is_connection or resource.is_fence_device:
        _ban_remote_nodes(cluster, resource, "remote")


def _tie_to_container(cluster: Cluster, bundle: Resource, child: Resource) -> None:
    for replica in bundle.replicas:
        if replica.ip is child:
            add_colocation(
                cluster, Colocation("#ip-with-container", child, replica.container, INFINITY, explicit=False)
            )


def _launched_in(cluster: Cluster, resource: Resource) -> Node | None:
    """Return the remote or guest node that the resource runs inside of, if it is tied to one."""
    if resource.is_connection or resource.launcher is None:
        return None
    launcher = resource.launcher
    if launcher.is_connection:
        return cluster.node_by_id.get(launcher.id.lower())
    for launched in launcher.launched:
        if launched.is_connection:
            return cluster.node_by_id.get(launched.id.lower())
    return None


def _ban_remote_nodes(cluster: Cluster, resource: Resource, source: str) -> None:
    for node in cluster.nodes:
        if node.connection is not None and resource.allowed.scores[node.index] != ABSENT:
            set_score(cluster, resource, node.index, MINUS_INFINITY, source, node.name)
