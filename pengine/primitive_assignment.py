"""Chooses the node of a primitive.

Source: design page 0010, "Assignment"; Pacemaker Explained, "Deciding which nodes a resource can run on".
"""

from __future__ import annotations

from cib.values import INFINITY, MINUS_INFINITY
from pengine.asides import Use, say
from pengine.assigner import Assigner
from pengine.colocation_scores import (
    add_dependent_preferences,
    any_available,
    apply_colocation,
)
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.ledger import ban_everywhere, replace_scores
from pengine.node_choice import (
    best_nodes,
    find_usable_nodes,
)
from pengine.relations import (
    Colocation,
)
from pengine.resource_state import current_node
from pengine.score_rows import ScoreRow
from pengine.utilization import ban_insufficient_nodes
from pengine.vocabulary import (
    ABSENT,
    CLONE,
    OPTIONAL,
    PRIMITIVE,
    PROMOTED,
    RUNNABLE,
    STOPPED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)


def assign_primitive(
    cluster: Cluster, assigner: Assigner, resource: Resource, prefer: Node | None, stop_if_fail: bool
) -> Node | None:
    """Assign a primitive, after everything that its place depends on."""
    parent = resource.parent
    if parent is not None and not parent.assigning:
        assigner.assign(parent, prefer, stop_if_fail)
    if not resource.unassigned:
        return resource.assigned
    if resource.assigning:
        return None
    resource.assigning = True
    _apply_colocations(cluster, assigner, resource, stop_if_fail)
    if resource.next_role == STOPPED:
        ban_everywhere(cluster, resource, "target-role")
    elif resource.next_role > resource.orig_role and not cluster.quorate and cluster.quorum_policy == "freeze":
        resource.next_role = resource.orig_role
    print_scores(cluster, resource, "primitive")
    if cluster.options.fencing_enabled and not cluster.fence_device_exists:
        resource.managed = False
    if not resource.managed:
        _keep(cluster, resource, stop_if_fail)
    elif cluster.options.stop_all_resources:
        record(cluster, resource, None, forced=True, stop_if_fail=True)
    else:
        if cluster.options.placement_strategy != "default":
            most_capable = ban_insufficient_nodes(cluster, resource)
            prefer = prefer if prefer is not None else most_capable
        choose_node(cluster, resource, prefer, stop_if_fail)
    resource.assigning = False
    if resource.is_connection:
        _update_remote_node(cluster, resource)
    return resource.assigned


def _apply_colocations(cluster: Cluster, assigner: Assigner, resource: Resource, stop_if_fail: bool) -> None:
    as_dependent = this_with_colocations(resource)
    as_primary = with_this_colocations(resource)
    for mandatory in (True, False):
        for colocation in as_dependent:
            if (abs(colocation.score) >= INFINITY) == mandatory:
                apply_as_dependent(cluster, assigner, resource, colocation, stop_if_fail)
        for colocation in as_primary:
            if (abs(colocation.score) >= INFINITY) == mandatory:
                add_dependent_preferences(cluster, resource, colocation)


def apply_as_dependent(
    cluster: Cluster, assigner: Assigner, resource: Resource, colocation: Colocation, stop_if_fail: bool
) -> None:
    """Let a resource follow what it must be with, which is assigned before it."""
    saved: list[int] | None = None
    if colocation.dependent_role >= PROMOTED or MINUS_INFINITY < colocation.score < 0:
        saved = resource.allowed.scores[:]
    if colocation.primary.unassigned:
        assigner.assign(colocation.primary, None, stop_if_fail)
    apply_colocation(cluster, resource, colocation.primary, colocation)
    if saved is not None and not any_available(cluster, resource.allowed.scores):
        replace_scores(cluster, resource, saved, "rollback", colocation.id)


def _keep(cluster: Cluster, resource: Resource, stop_if_fail: bool) -> None:
    """Leave an unmanaged resource where it is."""
    resource.next_role = resource.orig_role
    node = current_node(resource)
    record(cluster, resource, node, forced=True, stop_if_fail=stop_if_fail)
    if node is not None:
        resource.assigned_score = node.score


def choose_node(cluster: Cluster, resource: Resource, prefer: Node | None, stop_if_fail: bool) -> None:
    """Choose the best node: the preferred or present one where it is as good as any."""
    scores = resource.allowed.scores
    current = current_node(resource)
    ranked = best_nodes(cluster, scores, current)
    if not ranked:
        record(cluster, resource, None, forced=False, stop_if_fail=stop_if_fail)
        return
    best = ranked[0]
    best_score = scores[best.index]
    chosen = best
    rule = "score"
    if (
        prefer is not None
        and scores[prefer.index] != ABSENT
        and scores[prefer.index] >= best_score
        and scores[prefer.index] >= 0
        and prefer.available()
    ):
        chosen = prefer
        rule = "preferred"
    elif (
        not (resource.unique and resource.parent is not None and resource.parent.kind == CLONE)
        and best_score > 0
        and best.available()
        and current is not None
        and current.available()
        and current.score >= 0
        and scores[current.index] == best_score
    ):
        chosen = current
        rule = "present"
    cluster.ledger.choose(resource.id, chosen.index, rule, _tied(ranked, scores))
    record(cluster, resource, chosen, forced=False, stop_if_fail=stop_if_fail)


def _tied(ranked: list[Node], scores: list[int]) -> tuple[tuple[int, int], ...]:
    """Return the nodes that are as good as the best one, and how many resources each has already."""
    if len(ranked) < 2 or scores[ranked[1].index] != scores[ranked[0].index]:
        return ()
    best_score = scores[ranked[0].index]
    return tuple(
        (node.index, node.assigned_count) for node in ranked if scores[node.index] == best_score and node.available()
    )


def record(cluster: Cluster, resource: Resource, node: Node | None, *, forced: bool, stop_if_fail: bool) -> None:
    """Decide on a node (or nowhere) for a resource and all below it."""
    if resource.kind != PRIMITIVE:
        for child in resource.children:
            record(cluster, child, node, forced=forced, stop_if_fail=stop_if_fail)
        return
    if node is not None and not forced:
        score = resource.allowed.scores[node.index]
        # a guest counts as one that will be up
        if score < 0 or (not node.available() and not node.is_guest):
            if stop_if_fail:
                resource.next_role = STOPPED
            node = None
    unassign(resource)
    resource.unassigned = False
    if node is None:
        if stop_if_fail:
            resource.next_role = STOPPED
        _cancel_start(resource)
        return
    resource.assigned = node
    resource.count_change()
    resource.assigned_score = resource.allowed.scores[node.index]
    node.assigned_count += 1
    resource.allowed.counts[node.index] += 1
    for name, value in resource.utilization.items():
        # What a node does not say that it has can't be used up, so that it never owes anything.
        node.utilization[name] = node.utilization[name] - value if name in node.utilization else 0
    say(cluster, Use(resource.id, node.name, resource.utilization))


def _cancel_start(resource: Resource) -> None:
    """Without a node nothing can start: stops become required, starts and monitors impossible."""
    for action in reversed(resource.actions):
        if action.task == "stop":
            action.clear(OPTIONAL)
        elif action.task == "start" or (action.interval_ms and action.meta.get("op_target_rc") != "7"):
            action.clear(RUNNABLE)


def unassign(resource: Resource) -> None:
    """Take back a decision, for a resource and all below it."""
    for child in resource.children:
        unassign(child)
    resource.unassigned = True
    node = resource.assigned
    if node is None:
        return
    resource.assigned = None
    resource.count_change()
    node.assigned_count -= 1
    resource.allowed.counts[node.index] -= 1
    for name, value in resource.utilization.items():
        node.utilization[name] = node.utilization.get(name, 0) + value


def _update_remote_node(cluster: Cluster, connection: Resource) -> None:
    node = cluster.node_by_id.get(connection.id.lower())
    if node is None or node.connection is not connection:
        return
    if connection.assigned is not None and connection.next_role != STOPPED:
        node.online = True
        if not node.seen:
            node.unclean = False
    else:
        node.shutdown = True
    find_usable_nodes(cluster)


def print_scores(cluster: Cluster, resource: Resource, function: str) -> None:
    """Keep the scores of a resource's table, as people may ask to see them."""
    if resource.removed:
        return
    cluster.score_rows.append(ScoreRow(f"pcmk__{function}_assign", resource.id, resource.allowed.scores[:]))


def print_scores_below(cluster: Cluster, resource: Resource, function: str) -> None:
    """Keep the scores of a collective resource and of everything below it."""
    if resource.removed:
        return
    print_scores(cluster, resource, function)
    for child in resource.children:
        print_scores_below(cluster, child, function)
