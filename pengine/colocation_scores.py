"""The arithmetic of colocations: how the place of one resource changes the scores of another.

Two directions. A dependent's table changes after its primary has a node (`apply_colocation`). A primary's
table takes in, beforehand, what its dependents would like (`add_dependent_preferences`), in proportion to the
constraints' scores, through chains of any length. Factors are single-precision floats, because the results
must agree with those of a program that computes so.

Source: design page 0010, "Colocation arithmetic".
"""

from __future__ import annotations

import struct

from cib.values import INFINITY, MINUS_INFINITY, add_scores
from pengine.bounds import check_preference_steps
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.ledger import note_without_partner, replace_scores
from pengine.node_choice import (
    assigned_nodes,
    assigned_score_of,
    attribute_for,
    attribute_values,
    compatible_instance,
    is_blocked,
    role_of,
    single_node,
    sorted_nodes,
)
from pengine.relations import (
    Colocation,
)
from pengine.vocabulary import (
    ABSENT,
    BUNDLE,
    CLONE,
    GROUP,
    PRIMITIVE,
    PROMOTED,
    STOPPED,
    UNKNOWN,
    UNPROMOTED,
)
from pengine.working import Cluster, Node, Resource

_FLOAT = struct.Struct("f")
_POISON = -100 * INFINITY
"""Stands for a positive score that dependents have pushed below zero where that is not allowed."""


def single(value: float) -> float:
    """Round to single precision."""
    result: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    return result


def score_factor(score: int) -> float:
    """Return the share that a constraint's score is of infinity."""
    return single(score / INFINITY)


def any_available(cluster: Cluster, scores: list[int]) -> bool:
    """Say whether any node could be chosen with these scores."""
    usable = cluster.usable
    return any(score >= 0 and usable[index] for index, score in enumerate(scores))


# What a dependent would like


def add_dependent_preferences(cluster: Cluster, primary: Resource, colocation: Colocation) -> None:
    """Add to a primary's scores what one of its dependents would like."""
    if not colocation.has_influence():
        return
    scores = primary.allowed.scores
    result = add_matching_scores(
        cluster,
        colocation.dependent,
        primary,
        scores,
        colocation,
        score_factor(colocation.score),
        active=True,
        nonnegative=primary.kind == CLONE,
    )
    if result is not scores:
        replace_scores(cluster, primary, result, "dependent", colocation.id)


def add_matching_scores(
    cluster: Cluster,
    source: Resource,
    target: Resource,
    scores: list[int],
    colocation: Colocation,
    factor: float,
    *,
    active: bool,
    nonnegative: bool,
    along_primaries: bool = False,
) -> list[int]:
    """Return `scores` (of `target`) with what `source` and its own dependents would like, or unchanged.

    With `active` a source that could run nowhere any more is left out; with `nonnegative` no positive score
    becomes negative. The list that is passed is never changed.
    """
    if source.guard:
        return scores
    cluster.preference_steps += 1
    check_preference_steps(cluster.preference_steps, target.id)
    source.guard = True
    if source.kind == GROUP:
        result = add_matching_scores(
            cluster,
            source.children[0],
            target,
            scores,
            colocation,
            factor,
            active=active,
            nonnegative=nonnegative,
            along_primaries=along_primaries,
        )
    else:
        work = _add_one_source(cluster, source, target, scores, colocation, factor, nonnegative)
        result = _add_chain(cluster, source, target, scores, work, factor, active, nonnegative, along_primaries)
    source.guard = False
    return result


def _add_chain(
    cluster: Cluster,
    source: Resource,
    target: Resource,
    scores: list[int],
    work: list[int],
    factor: float,
    active: bool,
    nonnegative: bool,
    along_primaries: bool,
) -> list[int]:
    if any_available(cluster, work):
        chain = this_with_colocations(source) if along_primaries else with_this_colocations(source)
        for colocation in chain:
            if along_primaries:
                other = colocation.primary
            elif colocation.has_influence():
                other = colocation.dependent
            else:
                continue
            work = add_matching_scores(
                cluster,
                other,
                target,
                work,
                colocation,
                single(single(factor * colocation.score) / INFINITY),
                active=True,
                nonnegative=nonnegative,
                along_primaries=along_primaries,
            )
    elif active:
        return scores
    if nonnegative:
        work = [1 if score == _POISON else score for score in work]
    return work


def _add_one_source(
    cluster: Cluster,
    source: Resource,
    target: Resource,
    scores: list[int],
    colocation: Colocation,
    factor: float,
    nonnegative: bool,
) -> list[int]:
    wishes = _wishes(cluster, source, target, colocation)
    work = scores[:]
    deltas: dict[int, int] = {}
    for index, score in enumerate(scores):
        wish = wishes[index]
        if wish == 0 or score in (ABSENT, _POISON):
            continue
        if factor < 0 and wish < 0 and _ignores_double_negative(colocation, wish):
            continue
        delta = deltas.get(wish)
        if delta is None:
            delta = deltas[wish] = _share(wish, factor)
        new = add_scores(delta, score)
        if nonnegative and new < 0:
            if score > 0:
                work[index] = _POISON
                continue
            if score == 0:
                continue
        work[index] = new
    return work


def _share(wish: int, factor: float) -> int:
    """Return what of a wish reaches the target; of one that is not nothing at least a single point does."""
    weighted = single(factor * single(wish))
    delta = int(weighted - 0.5) if weighted < 0 else int(weighted + 0.5)
    if delta == 0:
        return 1 if factor > 0 else (-1 if factor < 0 else 0)
    return delta


def _wishes(cluster: Cluster, source: Resource, target: Resource, colocation: Colocation) -> list[int]:
    """Return by node index the best score that the source has on an available node like that one."""
    scores = source.allowed.scores
    parent = source.parent
    if (
        colocation.dependent is source
        and colocation.explicit
        and parent is not None
        and parent.kind == GROUP
        and parent.children[0] is not source
    ):
        scores = _with_group_locations(source, parent)
    usable = cluster.usable
    mine = attribute_values(cluster, colocation.node_attribute, source)
    if mine.distinct:
        return [score if usable[index] and score != ABSENT else MINUS_INFINITY for index, score in enumerate(scores)]
    best: dict[str | None, int] = {}
    for index, value in enumerate(mine.values):
        score = scores[index]
        if score != ABSENT and usable[index] and score > best.get(value, MINUS_INFINITY - 1):
            best[value] = score
    theirs = attribute_values(cluster, colocation.node_attribute, target)
    return [best.get(value, MINUS_INFINITY) for value in theirs.values]


def _with_group_locations(member: Resource, group: Resource) -> list[int]:
    """Return a later member's scores as if it carried the group's location constraints itself."""
    scores = member.allowed.scores[:]
    for location in reversed(group.locations):
        if location.role not in (UNKNOWN, member.next_role):
            continue
        for index, score in location.scores.items():
            scores[index] = score if scores[index] == ABSENT else add_scores(scores[index], score)
    return scores


def _ignores_double_negative(colocation: Colocation, wish: int) -> bool:
    """A dependent that dislikes a node must not make its adversary like it, but for one case."""
    if colocation.primary.stickiness >= -wish or not colocation.has_influence():
        return True
    usable = sum(1 for score in colocation.dependent.allowed.scores if score >= 0)
    return usable != 1


# What follows from the primary's place


def apply_colocation(cluster: Cluster, dependent: Resource, primary: Resource, colocation: Colocation) -> int:
    """Apply a colocation to its dependent, now that the primary has its place.

    Returns what was added to the dependent's priority, where roles are what it is about.
    """
    if dependent.kind == GROUP:
        return _apply_to_group(cluster, dependent, primary, colocation)
    if primary.kind == PRIMITIVE:
        return _apply_for_primitive(cluster, dependent, primary, colocation)
    if primary.unassigned:
        return 0
    if primary.kind == GROUP:
        return _apply_for_group(cluster, dependent, primary, colocation)
    if primary.kind == BUNDLE:
        return _apply_for_bundle(cluster, dependent, primary, colocation)
    return _apply_for_clone(cluster, dependent, primary, colocation)


def _apply_to_group(cluster: Cluster, group: Resource, primary: Resource, colocation: Colocation) -> int:
    """A group that is an instance takes its first member's part."""
    if group.collocated:
        members = group.children[:1]
    elif colocation.score >= INFINITY:
        return 0
    else:
        members = group.children
    total = 0
    for member in members:
        total = add_scores(total, apply_colocation(cluster, member, primary, colocation))
    group.priority = add_scores(total, group.priority)
    return total


NOTHING, PLACE, ROLE = 0, 1, 2


def colocation_effect(dependent: Resource, primary: Resource, colocation: Colocation, preview: bool = False) -> int:
    """Say whether a colocation now affects the dependent's place, its role, or nothing."""
    if not preview and primary.unassigned:
        return NOTHING
    mine, theirs = dependent.role_object(), primary.role_object()
    promotable = mine.parent is not None and mine.parent.promotable
    if colocation.dependent_role >= UNPROMOTED and promotable and not mine.unassigned:
        return ROLE
    if not preview and not dependent.unassigned:
        return NOTHING
    if colocation.dependent_role not in (UNKNOWN, mine.next_role):
        return NOTHING
    if colocation.primary_role not in (UNKNOWN, theirs.next_role):
        return NOTHING
    return PLACE


def _apply_for_primitive(cluster: Cluster, dependent: Resource, primary: Resource, colocation: Colocation) -> int:
    effect = colocation_effect(dependent, primary, colocation)
    if effect == ROLE:
        return _apply_to_priority(cluster, dependent, primary, colocation)
    if effect == PLACE:
        _apply_to_scores(cluster, dependent, primary, colocation)
    return 0


def _apply_to_scores(cluster: Cluster, dependent: Resource, primary: Resource, colocation: Colocation) -> None:
    score = colocation.score
    node = primary.assigned
    if node is None and score < 0:
        return
    scores = dependent.allowed.scores
    if node is None:
        work = [current if current == ABSENT else add_scores(-score, current) for current in scores]
    else:
        work = scores[:]
        wanted = attribute_for(cluster, node, colocation.node_attribute, primary)
        values = attribute_values(cluster, colocation.node_attribute, dependent).values
        for index, current in enumerate(scores):
            if current == ABSENT:
                continue
            if values[index] == wanted:
                if score < INFINITY:
                    work[index] = add_scores(score, current)
            elif score >= INFINITY:
                work[index] = MINUS_INFINITY
    if score <= MINUS_INFINITY or score >= INFINITY or any_available(cluster, work):
        replace_scores(cluster, dependent, work, "colocation", colocation.id)
    else:
        cluster.ledger.ignored.append((dependent.id, colocation.id))


def _apply_to_priority(cluster: Cluster, dependent: Resource, primary: Resource, colocation: Colocation) -> int:
    node = dependent.assigned
    if node is None:
        return 0
    role = primary.role_object().next_role
    if primary.assigned is not None and colocation.primary_role not in (UNKNOWN, role):
        return 0
    attribute = colocation.node_attribute
    mine = attribute_for(cluster, node, attribute, dependent)
    theirs = attribute_for(cluster, primary.assigned, attribute, primary) if primary.assigned else None
    delta = 0
    if mine != theirs:
        if colocation.score >= INFINITY and colocation.dependent_role == PROMOTED:
            delta = -colocation.score
    else:
        delta = -colocation.score if colocation.dependent_role == UNPROMOTED else colocation.score
    dependent.priority = add_scores(delta, dependent.priority)
    return delta


def _apply_for_group(cluster: Cluster, dependent: Resource, group: Resource, colocation: Colocation) -> int:
    if group.collocated:
        member = group.children[-1] if colocation.score >= INFINITY else group.children[0]
        return apply_colocation(cluster, dependent, member, colocation)
    if colocation.score >= INFINITY:
        cluster.note(f"constraint {colocation.id} is ignored: group {group.id} is not collocated")
        return 0
    total = 0
    for member in group.children:
        total = add_scores(total, apply_colocation(cluster, dependent, member, colocation))
    return total


def _apply_for_clone(cluster: Cluster, dependent: Resource, clone: Resource, colocation: Colocation) -> int:
    if clone.promotable and colocation.primary_role != UNKNOWN:
        if dependent.unassigned:
            _follow_role(cluster, dependent, clone, colocation)
            return 0
        if colocation.dependent_role == PROMOTED:
            return _promote_with(cluster, dependent, clone, colocation)
    if _is_interleaved(colocation, clone):
        partner = compatible_instance(cluster, dependent, clone, UNKNOWN, False)
        if partner is not None:
            return apply_colocation(cluster, dependent, partner, colocation)
        if colocation.score >= INFINITY:
            note_without_partner(cluster, dependent, clone, colocation.id)
            assign_nowhere(dependent)
        return 0
    if colocation.score >= INFINITY:
        allowed = {
            instance_node.index
            for instance in clone.children
            if not is_blocked(instance)
            for instance_node in assigned_nodes(instance)
        }
        _restrict_to(cluster, dependent, allowed, colocation)
        return 0
    total = 0
    for instance in clone.children:
        total = add_scores(total, apply_colocation(cluster, dependent, instance, colocation))
    return total


def _apply_for_bundle(cluster: Cluster, dependent: Resource, bundle: Resource, colocation: Colocation) -> int:
    if colocation.dependent.kind >= CLONE:
        container = _compatible_container(cluster, dependent, bundle)
        if container is not None:
            return apply_colocation(cluster, dependent, container, colocation)
        if colocation.score >= INFINITY:
            note_without_partner(cluster, dependent, bundle, colocation.id)
            assign_nowhere(dependent)
        return 0
    allowed: set[int] = set()
    total = 0
    for replica in bundle.replicas:
        container = replica.container
        if colocation.score < INFINITY:
            total = add_scores(total, apply_colocation(cluster, dependent, container, colocation))
            continue
        host = container.assigned
        if host is None or is_blocked(container):
            continue
        if colocation.primary_role >= PROMOTED and (replica.child is None or replica.child.next_role < PROMOTED):
            continue
        allowed.add(host.index)
    if colocation.score >= INFINITY:
        _restrict_to(cluster, dependent, allowed, colocation)
        return 0
    return total


def _compatible_container(cluster: Cluster, dependent: Resource, bundle: Resource) -> Resource | None:
    candidates = [dependent.assigned] if dependent.assigned is not None else sorted_nodes(cluster, dependent)
    for node in candidates:
        host: Node | None = node
        if node.connection is not None and node.connection.launcher is not None:
            host = node.connection.launcher.assigned
        if host is None:
            continue
        for replica in bundle.replicas:
            container = replica.container
            if container.assigned is host and not is_blocked(container):
                return container
    return None


def assign_nowhere(resource: Resource) -> None:
    """Decide at once that a resource, and all below it, gets no node and is to be stopped."""
    for child in resource.children:
        assign_nowhere(child)
    if resource.kind == PRIMITIVE:
        if resource.assigned is not None:
            resource.assigned.assigned_count -= 1
            resource.allowed.counts[resource.assigned.index] -= 1
        resource.assigned = None
        resource.next_role = STOPPED
        resource.count_change()
    resource.unassigned = False


def _restrict_to(cluster: Cluster, dependent: Resource, allowed: set[int], colocation: Colocation) -> None:
    work = [
        MINUS_INFINITY if score != ABSENT and index not in allowed else score
        for index, score in enumerate(dependent.allowed.scores)
    ]
    replace_scores(cluster, dependent, work, "colocation", colocation.id)


def _follow_role(cluster: Cluster, dependent: Resource, clone: Resource, colocation: Colocation) -> None:
    """Place a dependent by where instances have the role that the constraint names."""
    work = dependent.allowed.scores[:]
    holders: dict[int, int] = {}
    for instance in clone.children:
        node = single_node(instance)
        if node is None or role_of(instance, False) != colocation.primary_role:
            continue
        if colocation.score < INFINITY:
            wanted = attribute_for(cluster, node, colocation.node_attribute, instance)
            values = attribute_values(cluster, colocation.node_attribute, dependent).values
            for index, score in enumerate(work):
                if score != ABSENT and values[index] == wanted:
                    work[index] = add_scores(score, colocation.score)
        holders[node.index] = assigned_score_of(instance)
    both_promoted = colocation.dependent_role == PROMOTED and colocation.primary_role == PROMOTED
    if colocation.score >= INFINITY and not both_promoted:
        for index, score in enumerate(work):
            if score == ABSENT:
                continue
            held = holders.get(index)
            work[index] = MINUS_INFINITY if held is None else add_scores(held, score)
    replace_scores(cluster, dependent, work, "colocation", colocation.id)


def _promote_with(cluster: Cluster, dependent: Resource, clone: Resource, colocation: Colocation) -> int:
    partner = compatible_instance(cluster, dependent, clone, colocation.primary_role, False, colocation.node_attribute)
    if partner is not None:
        dependent.priority = add_scores(dependent.priority, colocation.score)
        return colocation.score
    if colocation.score >= INFINITY:
        dependent.priority = add_scores(dependent.priority, MINUS_INFINITY)
        return MINUS_INFINITY
    return 0


def _is_interleaved(colocation: Colocation, clone: Resource) -> bool:
    configured = colocation.dependent
    if configured.kind < CLONE or not configured.interleave:
        return False
    return configured.clone_node_max == clone.clone_node_max


# Instances
