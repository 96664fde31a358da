"""Distributes the instances of a clone over its nodes.

Instances stay where they are when that is as good as anywhere; the others fill up what is free.

Source: design page 0010, "Clones".
"""

from __future__ import annotations

from cib.values import MINUS_INFINITY
from pengine.assigner import Assigner
from pengine.colocation_scores import (
    add_matching_scores,
    score_factor,
)
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.ledger import ban_everywhere, note_restored, set_score
from pengine.merge_sort import merge_sort
from pengine.primitive_assignment import unassign
from pengine.resource_state import current_node
from pengine.vocabulary import (
    ABSENT,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
    Table,
)


def instance_number(resource: Resource) -> int:
    """Return the number of an instance."""
    if resource.number < 0:
        resource.number = _number_in_id(resource)
    return resource.number


def _number_in_id(resource: Resource) -> int:
    tail = resource.id.rpartition(":")[2] if ":" in resource.id else resource.id.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0


def sort_by_number(clone: Resource) -> None:
    """Put the instances into the order of their numbers."""
    if not clone.in_order:
        clone.children.sort(key=instance_number)
        clone.changes.count += 1
        clone.in_order = True


def sort_instances(cluster: Cluster, instances: list[Resource]) -> list[Resource]:
    """Return the instances in the order in which they choose their nodes."""
    wanted: dict[str, int] = {}
    return merge_sort(instances, lambda left, right: compare_instances(cluster, left, right, wanted))


def compare_instances(cluster: Cluster, left: Resource, right: Resource, wanted: dict[str, int]) -> int:
    """Compare two instances: negative where the left one chooses first.

    `wanted` keeps, while one list is sorted, what colocations say about each instance's staying where it is.
    """
    left_count, right_count = len(left.running_on), len(right.running_on)
    if left_count and right_count and left_count != right_count:
        return -1 if left_count < right_count else 1
    left_node, left_usable = _usable_current(left)
    right_node, right_usable = _usable_current(right)
    if left_usable != right_usable:
        return -1 if left_usable else 1
    if left.priority != right.priority:
        return -1 if left.priority > right.priority else 1
    if left_node is None or right_node is None:
        if left_node is right_node:
            return 0
        return -1 if left_node is not None else 1
    if left_node.available() != right_node.available():
        return -1 if left_node.available() else 1
    order = _compare_in_parent(left, left_node, right, right_node)
    if order is not None:
        return order
    left_failed, right_failed = _is_failed(left), _is_failed(right)
    if left_failed != right_failed:
        return -1 if right_failed else 1
    order = _compare_by_colocations(cluster, left, left_node, right, right_node, wanted)
    if order:
        return order
    return (instance_number(left) > instance_number(right)) - (instance_number(left) < instance_number(right))


def instance_node(instance: Resource) -> Node | None:
    """Return where an instance (or a group that is one) counts as being now."""
    if instance.children:
        return current_node(instance) if instance.running_on else None
    return current_node(instance)


def _usable_current(instance: Resource) -> tuple[Node | None, bool]:
    """Return the current node where the instance may stay there, and whether there is nothing against it."""
    node = instance_node(instance)
    if node is None:
        return None, True
    if instance.allowed.scores[node.index] < 0:
        return None, False
    return node, True


def _compare_in_parent(left: Resource, left_node: Node, right: Resource, right_node: Node) -> int | None:
    left_parent, right_parent = left.parent, right.parent
    assert left_parent is not None
    assert right_parent is not None
    left_there = left_parent.allowed.scores[left_node.index] != ABSENT
    right_there = right_parent.allowed.scores[right_node.index] != ABSENT
    if not left_there or not right_there:
        if left_there == right_there:
            return 0
        return -1 if left_there else 1
    left_count = left_parent.allowed.counts[left_node.index]
    right_count = right_parent.allowed.counts[right_node.index]
    if left_count != right_count:
        return -1 if left_count < right_count else 1
    return None


def _is_failed(resource: Resource) -> bool:
    return resource.failed or any(_is_failed(child) for child in resource.children)


def _compare_by_colocations(
    cluster: Cluster, left: Resource, left_node: Node, right: Resource, right_node: Node, wanted: dict[str, int]
) -> int:
    left_score = wanted.get(left.id)
    if left_score is None:
        left_score = wanted[left.id] = _colocated_score(cluster, left, left_node)
    right_score = wanted.get(right.id)
    if right_score is None:
        right_score = wanted[right.id] = _colocated_score(cluster, right, right_node)
    return (right_score > left_score) - (right_score < left_score)


def _colocated_score(cluster: Cluster, instance: Resource, node: Node) -> int:
    """Return what all colocations together say about an instance's staying on its node."""
    scores = [ABSENT] * len(cluster.nodes_by_index)
    scores[node.index] = node.score
    for colocation in this_with_colocations(instance):
        scores = add_matching_scores(
            cluster,
            colocation.primary,
            instance,
            scores,
            colocation,
            score_factor(colocation.score),
            active=False,
            nonnegative=False,
        )
    for colocation in with_this_colocations(instance):
        if colocation.has_influence(instance):
            scores = add_matching_scores(
                cluster,
                colocation.dependent,
                instance,
                scores,
                colocation,
                score_factor(colocation.score),
                active=False,
                nonnegative=True,
            )
    return scores[node.index]


def distribute_instances(
    cluster: Cluster,
    assigner: Assigner,
    parent: Resource,
    instances: list[Resource],
    total_max: int,
    node_max: int,
) -> None:
    """Assign the instances of a clone, at most so many in all and on each node."""
    table = parent.allowed
    available = 0
    for index, score in enumerate(table.scores):
        table.counts[index] = 0
        if score != ABSENT and cluster.nodes_by_index[index].available():
            available += 1
    optimal = max(1, total_max // available) if available else 1
    assigned = 0
    for instance in instances:
        if assigned >= total_max:
            break
        if not instance.unassigned:
            continue
        node = _current_if_stays(parent, instance, optimal)
        if node is not None and _assign_to_current(
            cluster, assigner, parent, instance, node, total_max - assigned, node_max
        ):
            table.counts[node.index] += 1
            assigned += 1
    for instance in instances:
        if not instance.unassigned:
            continue
        if assigned >= total_max:
            ban_everywhere(cluster, instance, "clone-max", parent.id)
        elif _assign_instance(cluster, assigner, parent, instance, None, node_max, table) is not None:
            assigned += 1


def _current_if_stays(parent: Resource, instance: Resource, optimal: int) -> Node | None:
    node = instance_node(instance)
    if node is None or instance.failed or not node.available() or node.score < 0:
        return None
    if parent.allowed.scores[node.index] != ABSENT and parent.allowed.counts[node.index] >= optimal:
        return None
    return node


def _assign_to_current(
    cluster: Cluster,
    assigner: Assigner,
    parent: Resource,
    instance: Resource,
    node: Node,
    room: int,
    node_max: int,
) -> bool:
    """Try to keep an instance on its node, without prejudice where that turns out not to be possible."""
    if instance.allowed.scores[node.index] < 0 or not node.available():
        return False
    saved = _save_tables(instance)
    scratch = parent.allowed.copy()
    real = parent.allowed
    parent.allowed = scratch
    reserved = 0
    success = False
    while reserved < room:
        chosen = _assign_instance(cluster, assigner, parent, instance, node, node_max, scratch)
        if chosen is node:
            success = True
            break
        _restore_tables(cluster, instance, saved)
        if chosen is None:
            instance.unassigned = True
            break
        reserved += 1
        unassign(instance)
    parent.allowed = real
    return success


def _save_tables(resource: Resource) -> list[Table]:
    tables = [resource.allowed.copy()]
    for child in resource.children:
        tables.extend(_save_tables(child))
    return tables


def _restore_tables(cluster: Cluster, resource: Resource, tables: list[Table], position: int = 0) -> int:
    """Undo an attempt; what the ledger says of it is undone by rows of its own."""
    note_restored(cluster, resource, tables[position].scores)
    resource.allowed = tables[position].copy()
    position += 1
    for child in resource.children:
        position = _restore_tables(cluster, child, tables, position)
    return position


def _assign_instance(
    cluster: Cluster,
    assigner: Assigner,
    parent: Resource,
    instance: Resource,
    prefer: Node | None,
    node_max: int,
    counts: Table,
) -> Node | None:
    _ban_unusable(cluster, parent, instance, node_max)
    chosen = assigner.assign(instance, prefer, prefer is None)
    if chosen is not None and counts.scores[chosen.index] != ABSENT:
        counts.counts[chosen.index] += 1
    return chosen


def _ban_unusable(cluster: Cluster, parent: Resource, instance: Resource, node_max: int) -> None:
    """Keep an instance off nodes that are full, or that the clone may not use."""
    usable = cluster.usable
    table = parent.allowed
    allowed, counts = table.scores, table.counts
    removed = instance.removed
    for index, score in enumerate(instance.allowed.scores):
        if score == ABSENT:
            continue
        if removed or not usable[index] or allowed[index] < 0 or counts[index] >= node_max:
            set_score(cluster, instance, index, MINUS_INFINITY, "clone", parent.id)
            for child in instance.children:
                if child.allowed.scores[index] != ABSENT:
                    set_score(cluster, child, index, MINUS_INFINITY, "clone", parent.id)
