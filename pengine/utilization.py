"""Capacities of nodes and needs of resources: who fits where, and in which order resources choose.

Source: Pacemaker Explained, "Utilization and placement strategy"; design page 0010.
"""

from __future__ import annotations

from cib.values import INFINITY, MINUS_INFINITY
from pengine.colocation_scores import (
    PLACE,
    add_matching_scores,
    any_available,
    colocation_effect,
    score_factor,
)
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.ledger import ban
from pengine.merge_sort import merge_sort
from pengine.node_choice import (
    compare_capacities,
    sort_nodes,
)
from pengine.resource_state import current_node
from pengine.vocabulary import (
    ABSENT,
    CLONE,
    GROUP,
    PRIMITIVE,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)


def has_room(node: Node, needs: dict[str, int]) -> bool:
    """Say whether a node has enough left of everything."""
    return all(node.utilization.get(name, 0) >= value for name, value in needs.items())


def ban_insufficient_nodes(cluster: Cluster, resource: Resource) -> Node | None:
    """Ban a primitive from nodes without room; return the most capable node where none has room for all."""
    usable = [node for node in cluster.nodes if resource.allowed.scores[node.index] >= 0 and node.available()]
    needs = _sum_of(_colocated(resource))
    best: Node | None = None
    if any(has_room(node, needs) for node in usable):
        too_small = [node for node in usable if not has_room(node, needs)]
    else:
        too_small = [node for node in usable if not has_room(node, resource.utilization)]
        for node in usable:
            if best is None or compare_capacities(node, best) < 0:
                best = node
    for node in too_small:
        ban(cluster, resource, node, "utilization", node.name)
    return best


def _colocated(resource: Resource) -> list[Resource]:
    """Return what must be where the resource is, newest first, the resource itself included."""
    found: list[Resource] = []
    _find_colocated(resource, resource, found)
    return found


def _find_colocated(resource: Resource, origin: Resource, found: list[Resource]) -> None:
    if resource in found:
        return
    found.insert(0, resource)
    for colocation in this_with_colocations(resource):
        other = colocation.primary
        if other is origin or colocation.score < INFINITY:
            continue
        if colocation_effect(resource, other, colocation, preview=True) == PLACE:
            _follow(other, origin, found)
    for colocation in with_this_colocations(resource):
        other = colocation.dependent
        if other is origin or colocation.score < INFINITY:
            continue
        if resource.kind == CLONE and other.kind != CLONE:
            continue
        if colocation_effect(other, resource, colocation, preview=True) == PLACE:
            _follow(other, origin, found)


def _follow(resource: Resource, origin: Resource, found: list[Resource]) -> None:
    if resource in found:
        return
    _find_colocated(resource, origin, found)
    if resource.kind == GROUP and (resource.collocated or resource.is_instance):
        for member in resource.children:
            _find_colocated(member, origin, found)


def _sum_of(resources: list[Resource]) -> dict[str, int]:
    needs: dict[str, int] = {}
    for resource in resources:
        if resource.unassigned:
            _add_needs(resource, resources, needs)
    return needs


def _add_needs(resource: Resource, counted: list[Resource], needs: dict[str, int]) -> None:
    if resource.kind == PRIMITIVE:
        for name, value in resource.utilization.items():
            needs[name] = needs.get(name, 0) + value
    elif resource.kind == GROUP:
        members = resource.children if resource.collocated or resource.is_instance else resource.children[:1]
        for member in members:
            if member.unassigned and member not in counted:
                _add_needs(member, counted, needs)
    elif resource.kind == CLONE:
        for child in resource.children:
            if child in counted:
                return
        for child in resource.children:
            if child.kind == GROUP and any(member in counted for member in child.children):
                _add_needs(child, counted, needs)
                return
        if resource.children:
            _add_needs(resource.children[0], counted, needs)


# The order in which resources choose


def sort_resources(cluster: Cluster) -> None:
    """Put top-level resources into the order in which they choose under a placement strategy."""
    indices = list(range(len(cluster.nodes_by_index)))
    global_scores = [node.score for node in cluster.nodes_by_index]
    nodes = sort_nodes(cluster, indices, global_scores, None, cluster.options.placement_strategy)
    tables = {id(resource): _fresh_table(cluster, resource) for resource in cluster.resources}

    def compare(left: Resource, right: Resource) -> int:
        if left.priority != right.priority:
            return -1 if left.priority > right.priority else 1
        return _compare_by_scores(left, tables[id(left)], right, tables[id(right)], nodes)

    cluster.resources = merge_sort(cluster.resources, compare)


def _fresh_table(cluster: Cluster, resource: Resource) -> list[int]:
    own = resource.children[-1] if resource.kind == GROUP else resource
    scores = own.allowed.scores[:]
    if not any_available(cluster, scores):
        return scores
    resource.guard = True
    own.guard = True
    for colocation in this_with_colocations(own):
        scores = add_matching_scores(
            cluster,
            colocation.primary,
            resource,
            scores,
            colocation,
            score_factor(colocation.score),
            active=True,
            nonnegative=False,
            along_primaries=True,
        )
    resource.guard = False
    own.guard = False
    return scores


def _compare_by_scores(
    left: Resource, left_scores: list[int], right: Resource, right_scores: list[int], nodes: list[Node]
) -> int:
    left_current, right_current = current_node(left), current_node(right)
    left_score = _score_on(left_scores, left_current)
    right_score = _score_on(right_scores, right_current)
    if left_score != right_score:
        return -1 if left_score > right_score else 1
    for node in nodes:
        left_score, right_score = _score_on(left_scores, node), _score_on(right_scores, node)
        if left_score != right_score:
            return -1 if left_score > right_score else 1
    return 0


def _score_on(scores: list[int], node: Node | None) -> int:
    if node is None or scores[node.index] == ABSENT:
        return MINUS_INFINITY
    return scores[node.index]
