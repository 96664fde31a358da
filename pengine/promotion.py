"""Chooses which instances of a promotable clone are promoted.

Source: Pacemaker Explained, "Promotable clones" (promotion scores); design page 0010, "Promotion".
"""

from __future__ import annotations

from cib.attribute_names import base_name
from cib.values import INFINITY, MINUS_INFINITY, ValueFormatError, add_scores, parse_score
from pengine.colocation_scores import (
    add_matching_scores,
    apply_colocation,
    score_factor,
)
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.instance_index import MemberPlaces
from pengine.instances import compare_instances
from pengine.ledger import ban_everywhere, contribute, replace_scores
from pengine.merge_sort import merge_sort
from pengine.node_choice import (
    role_of,
    single_node,
)
from pengine.score_rows import PROMOTION as PROMOTION_ROW
from pengine.score_rows import ScoreRow
from pengine.vocabulary import (
    ABSENT,
    PROMOTED,
    STARTED,
    STOPPED,
    UNKNOWN,
    UNPROMOTED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_NO_PROMOTION_SCORE = -1


def add_promotion_scores(cluster: Cluster, clone: Resource) -> None:
    """Let instances prefer the nodes where they would be promoted. Once for each clone."""
    if clone.promotion_added:
        return
    clone.promotion_added = True
    for instance in clone.children:
        scores = instance.allowed.scores
        for node in cluster.nodes:
            if scores[node.index] == ABSENT or not node.available():
                continue
            score = promotion_score(cluster, instance, node)[0]
            if score > 0:
                contribute(cluster, instance, node.index, score, "promotion-score", node.name)
            instance.priority = max(instance.priority, score) if score > 0 else instance.priority


def promotion_score(cluster: Cluster, instance: Resource, node: Node) -> tuple[int, bool]:
    """Return an instance's promotion score on a node, and whether it has one at all."""
    if instance.children:
        total, found = 0, False
        for member in instance.children:
            score, has = promotion_score(cluster, member, node)
            total += score
            found = found or has
        return total, found
    if not _applies(instance, node) or instance.allowed.scores[node.index] < 0:
        return 0, False
    attributes = _promotion_attributes(instance, node)
    text = attributes.get("master-" + (instance.history_id or instance.id))
    if text is None and not instance.unique:
        text = attributes.get("master-" + base_name(instance.id))
    if text is None:
        return 0, False
    try:
        return parse_score(text), True
    except ValueFormatError:
        return 0, True


_NO_ATTRIBUTES: dict[str, str] = {}


def _promotion_attributes(instance: Resource, node: Node) -> dict[str, str]:
    """Return the attributes of the node, or of its host where the resource is told about that one."""
    launcher = node.connection.launcher if node.connection is not None else None
    if launcher is None or instance.meta.get("container-attribute-target", "").lower() != "host":
        return node.attributes
    if instance.unassigned:
        host = launcher.running_on[0] if launcher.running_on else None
    else:
        host = launcher.assigned
    return host.attributes if host is not None else _NO_ATTRIBUTES


def _applies(instance: Resource, node: Node) -> bool:
    """Say whether what the node says about its promotion concerns this instance."""
    if not instance.unique:
        places = _places(instance)
        active = places.active.get(node.index)
        if active is instance:
            return True
        if active is None and node.index in places.known:
            return True
    if not instance.running_on and not instance.known_on:
        return True
    return node.index in instance.known_on or node in instance.running_on


def _places(instance: Resource) -> MemberPlaces:
    """Return where the same part of every instance of the clone is; that is settled when it is asked for."""
    clone = instance.top()
    direct = instance.parent is clone
    name = "" if direct else instance.base_id
    found = clone.members.get(name)
    if found is None:
        members = clone.children
        if not direct:
            members = [member for group in clone.children for member in group.children if member.base_id == name]
        found = clone.members[name] = MemberPlaces(members)
    return found


def choose_promoted(cluster: Cluster, clone: Resource) -> None:
    """Give every instance its role."""
    table = clone.allowed
    for index in range(len(table.counts)):
        table.counts[index] = 0
    for instance in clone.children:
        _set_priority(cluster, clone, instance)
    _order_instances(cluster, clone)
    promoted = 0
    for instance in clone.children:
        _print_promotion(cluster, instance)
        if (promoted >= clone.promoted_max and clone.managed) or instance.promotion_priority < 0:
            _set_unpromoted(instance)
            continue
        node = _node_to_promote_on(clone, instance)
        if node is None:
            _set_unpromoted(instance)
            continue
        if instance.orig_role < PROMOTED and not cluster.quorate and cluster.quorum_policy == "freeze":
            _set_unpromoted(instance)
            continue
        table.counts[node.index] += 1
        promoted += 1
        _set_promoted(instance)


def _set_priority(cluster: Cluster, clone: Resource, instance: Resource) -> None:
    _make_unpromoted(instance)
    node = single_node(instance)
    if node is None:
        instance.promotion_priority = instance.priority
        return
    role = role_of(instance, False)
    if role in (UNKNOWN, STARTED):
        score, found = promotion_score(cluster, instance, node)
        instance.priority = score if found else _NO_PROMOTION_SCORE
    elif role in (STOPPED, UNPROMOTED):
        instance.priority = MINUS_INFINITY
    for owner in (instance, clone):
        for location in reversed(owner.locations):
            if location.role == PROMOTED and node.index in location.scores:
                instance.priority = add_scores(location.scores[node.index], instance.priority)
    for colocation in this_with_colocations(instance):
        apply_colocation(cluster, instance, colocation.primary, colocation)
    instance.promotion_priority = INFINITY if role == PROMOTED else instance.priority


def _make_unpromoted(resource: Resource) -> None:
    if resource.orig_role == STARTED:
        resource.orig_role = UNPROMOTED
    for child in resource.children:
        _make_unpromoted(child)


def _order_instances(cluster: Cluster, clone: Resource) -> None:
    """Sort the instances by how much they should be promoted. Once for each clone."""
    if clone.promotion_ordered:
        return
    clone.promotion_ordered = True
    clone.guard = True
    for instance in clone.children:
        node = single_node(instance)
        if node is not None and instance.promotion_priority >= 0:
            contribute(cluster, clone, node.index, instance.promotion_priority, "promotion-score", instance.id)
    for colocation in with_this_colocations(clone):
        if colocation.primary_role == PROMOTED and colocation.has_influence():
            scores = clone.allowed.scores
            result = add_matching_scores(
                cluster,
                colocation.dependent,
                clone,
                scores,
                colocation,
                score_factor(colocation.score),
                active=True,
                nonnegative=True,
            )
            if result is not scores:
                replace_scores(cluster, clone, result, "dependent", colocation.id)
    for constraint in clone.tickets:
        granted, standby = cluster.tickets.get(constraint.ticket, (False, False))
        if constraint.role == PROMOTED and (not granted or standby):
            ban_everywhere(cluster, clone, "ticket", constraint.id)
    for instance in clone.children:
        node = single_node(instance)
        if not instance.managed and role_of(instance, False) == PROMOTED:
            instance.promotion_priority = INFINITY
        elif node is None:
            instance.promotion_priority = MINUS_INFINITY
        elif instance.promotion_priority >= 0:
            score = clone.allowed.scores[node.index]
            instance.promotion_priority = 0 if score == ABSENT else score
    wanted: dict[str, int] = {}
    clone.children = merge_sort(clone.children, lambda left, right: _compare_promotable(cluster, left, right, wanted))
    clone.changes.count += 1
    clone.in_order = False
    clone.guard = False


def _compare_promotable(cluster: Cluster, left: Resource, right: Resource, wanted: dict[str, int]) -> int:
    if left.promotion_priority != right.promotion_priority:
        return -1 if left.promotion_priority > right.promotion_priority else 1
    left_role, right_role = role_of(left, True), role_of(right, True)
    if left_role != right_role:
        return -1 if left_role > right_role else 1
    return compare_instances(cluster, left, right, wanted)


def _print_promotion(cluster: Cluster, instance: Resource) -> None:
    node = single_node(instance)
    name = node.name if node is not None else None
    cluster.score_rows.append(ScoreRow(PROMOTION_ROW, instance.id, [instance.promotion_priority], name))


def _node_to_promote_on(clone: Resource, instance: Resource) -> Node | None:
    for member in instance.children:
        if _node_to_promote_on(clone, member) is None:
            return None
    node = single_node(instance)
    if node is None:
        return None
    if not instance.managed:
        if role_of(instance, True) != PROMOTED:
            return None
    elif instance.priority < 0 or not node.available() or (node.is_guest and _launcher_unassigned(node)):
        return None
    if clone.allowed.scores[node.index] == ABSENT:
        return None
    if clone.allowed.counts[node.index] >= clone.promoted_node_max and instance.managed:
        return None
    return node


def _launcher_unassigned(node: Node) -> bool:
    connection = node.connection
    return connection is None or connection.launcher is None or connection.launcher.assigned is None


def _set_unpromoted(resource: Resource) -> None:
    resource.next_role = STOPPED if resource.assigned is None else UNPROMOTED
    for child in resource.children:
        _set_unpromoted(child)


def _set_promoted(resource: Resource) -> None:
    if resource.next_role == UNKNOWN:
        resource.next_role = PROMOTED
    for child in resource.children:
        _set_promoted(child)
