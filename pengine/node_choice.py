"""Where resources and instances are or shall be, and which node is better than which.

Source: design page 0010, "Assignment".
"""

from __future__ import annotations

from cib.values import MINUS_INFINITY
from pengine.merge_sort import merge_sort
from pengine.node_values import NodeValues
from pengine.vocabulary import ABSENT, BUNDLE, PRIMITIVE, UNKNOWN
from pengine.working import Cluster, Node, Resource


def attribute_for(cluster: Cluster, node: Node, attribute: str, resource: Resource) -> str | None:
    """Return a node attribute as it counts for a resource (for guests perhaps that of the host)."""
    connection = node.connection
    launcher = connection.launcher if connection is not None else None
    if launcher is not None and connection is not None:
        # what runs in a bundle is where its containers are
        top = resource.top()
        bundled = (
            connection.parent is not None
            and top.parent is not None
            and connection.parent.kind == BUNDLE
            and top.parent.kind == BUNDLE
            and top.kind != PRIMITIVE
        )
        if bundled or resource.meta.get("container-attribute-target", "").lower() == "host":
            host = launcher.assigned
            value = host.attributes.get(attribute) if host is not None else None
            return value.lower() if value is not None else None
    value = node.attributes.get(attribute)
    return value.lower() if value is not None else None


def attribute_values(cluster: Cluster, attribute: str, resource: Resource) -> NodeValues:
    """Return an attribute of all nodes as it counts for a resource, once assignment has begun."""
    known = cluster.node_values.get(attribute)
    if known is None:
        values: list[str | None] = []
        for node in cluster.nodes_by_index:
            value = node.attributes.get(attribute)
            values.append(value.lower() if value is not None else None)
        known = NodeValues(values, len(set(values)) == len(values) and not cluster.guests)
        cluster.node_values[attribute] = known
    if not cluster.guests:
        return known
    values = known.values[:]
    for guest in cluster.guests:
        values[guest.index] = attribute_for(cluster, guest, attribute, resource)
    return NodeValues(values, False)


def find_usable_nodes(cluster: Cluster) -> None:
    """Note which nodes resources may be assigned to; what is asked millions of times then is one look."""
    cluster.usable = [node.available() for node in cluster.nodes_by_index]


def find_guests(cluster: Cluster) -> None:
    """Note the nodes that are guests, whose attributes may be those of their hosts."""
    cluster.guests = [node for node in cluster.nodes_by_index if node.is_guest]


def is_blocked(resource: Resource) -> bool:
    """Say whether a resource or anything below it is blocked."""
    return resource.blocked or any(is_blocked(child) for child in resource.children)


def assigned_nodes(resource: Resource) -> list[Node]:
    """Return the distinct nodes to which a resource or its parts are assigned."""
    if resource.kind == PRIMITIVE:
        return [resource.assigned] if resource.assigned is not None else []
    nodes: list[Node] = []
    for child in resource.children:
        for node in assigned_nodes(child):
            if node not in nodes:
                nodes.append(node)
    return nodes


def current_nodes(resource: Resource) -> list[Node]:
    """Return the distinct nodes on which a resource or its parts are active."""
    if resource.kind == PRIMITIVE:
        return list(resource.running_on)
    nodes: list[Node] = []
    for child in resource.children:
        for node in current_nodes(child):
            if node not in nodes:
                nodes.append(node)
    return nodes


def single_node(resource: Resource, current: bool = False) -> Node | None:
    """Return the node of a resource where there is exactly one."""
    nodes = current_nodes(resource) if current else assigned_nodes(resource)
    return nodes[0] if len(nodes) == 1 else None


def assigned_score_of(resource: Resource) -> int:
    """Return the score with which a resource (its first part) got its node."""
    while resource.children:
        resource = resource.children[0]
    return resource.assigned_score


def role_of(resource: Resource, current: bool) -> int:
    """Return the role of a resource; of a group the highest of its members."""
    if resource.kind == PRIMITIVE:
        return resource.orig_role if current else resource.next_role
    return max(role_of(child, current) for child in resource.children)


def compatible_instance(
    cluster: Cluster,
    dependent: Resource,
    clone: Resource,
    role: int,
    current: bool,
    attribute: str | None = None,
) -> Resource | None:
    """Return the instance of a clone that belongs with a resource: the one on the same node."""
    if not _placed(clone, current):
        return None
    node = single_node(dependent, current)
    if node is not None:
        return _instance_on(cluster, dependent, clone, node, role, current, attribute)
    for candidate in sorted_nodes(cluster, dependent):
        found = _instance_on(cluster, dependent, clone, candidate, role, current, attribute)
        if found is not None:
            return found
    return None


def _instance_on(
    cluster: Cluster,
    dependent: Resource,
    clone: Resource,
    node: Node,
    role: int,
    current: bool,
    attribute: str | None,
) -> Resource | None:
    by_attribute = attribute is not None and attribute != "#uname"
    candidates = clone.instances() if by_attribute else _placed(clone, current).get(node.index, _NOBODY)
    for instance in candidates:
        if role != UNKNOWN and role_of(instance, current) != role:
            continue
        if not by_attribute:
            return instance
        if is_blocked(instance):
            continue
        place = single_node(instance, current)
        if place is None:
            continue
        if place is node:
            return instance
        assert attribute is not None
        wanted = attribute_for(cluster, node, attribute, dependent)
        if attribute_for(cluster, place, attribute, instance) == wanted:
            return instance
    return None


_NOBODY: list[Resource] = []


def _placed(clone: Resource, current: bool) -> dict[int, list[Resource]]:
    """Return by node index the instances, in their order, of which all is there; without blocked ones."""
    if clone.placed_at != clone.changes.count:
        clone.placed = [None, None]
        clone.placed_at = clone.changes.count
    found = clone.placed[current]
    if found is None:
        found = {}
        for instance in clone.instances():
            place = single_node(instance, current)
            if place is not None and not is_blocked(instance):
                found.setdefault(place.index, []).append(instance)
        clone.placed[current] = found
    return found


def sorted_nodes(cluster: Cluster, resource: Resource, active: Node | None = None) -> list[Node]:
    """Return the nodes of a resource's table, best first."""
    return sorted_by(cluster, resource.allowed.scores, active)


def sorted_by(cluster: Cluster, scores: list[int], active: Node | None) -> list[Node]:
    """Return the nodes that have a score, best first."""
    strategy = cluster.options.placement_strategy
    indices = [index for index, score in enumerate(scores) if score != ABSENT]
    return sort_nodes(cluster, indices, scores, active, strategy)


def sort_nodes(
    cluster: Cluster, indices: list[int], scores: list[int], active: Node | None, strategy: str
) -> list[Node]:
    """Sort nodes by score, then by how little they have to do, then the current one, then by name."""
    nodes = cluster.nodes_by_index
    if strategy == "balanced":
        return _sort_balanced([nodes[index] for index in indices], scores, active)
    minimal = strategy == "minimal"
    keys: list[tuple[int, int, int, str, int]] = []
    for index in indices:
        node = nodes[index]
        score = scores[index] if node.available() else MINUS_INFINITY
        if minimal:
            keys.append((-score, 0, 0, node.name, index))
        else:
            keys.append((-score, node.assigned_count, 0 if node is active else 1, node.name, index))
    keys.sort()
    return [nodes[key[4]] for key in keys]


def best_nodes(cluster: Cluster, scores: list[int], active: Node | None) -> list[Node]:
    """Return the nodes that have the best of the scores, in the order in which they are taken; while assigning.

    An unavailable node is as bad as a banned one. None are left out where the strategy weighs what nodes have left.
    """
    strategy = cluster.options.placement_strategy
    if strategy == "balanced":
        return sorted_by(cluster, scores, active)
    best = ABSENT
    tied: list[int] = []
    usable = cluster.usable
    for index, score in enumerate(scores):
        if score < best or score == ABSENT:
            continue
        if not usable[index]:
            score = MINUS_INFINITY
            if score < best:
                continue
        if score > best:
            best = score
            tied = [index]
        else:
            tied.append(index)
    if len(tied) == 1:
        return [cluster.nodes_by_index[tied[0]]]
    return sort_nodes(cluster, tied, scores, active, strategy)


def _sort_balanced(nodes: list[Node], scores: list[int], active: Node | None) -> list[Node]:
    """Sort nodes by score, then by what they have left."""

    def compare(left: Node, right: Node) -> int:
        left_score = scores[left.index] if left.available() else MINUS_INFINITY
        right_score = scores[right.index] if right.available() else MINUS_INFINITY
        if left_score != right_score:
            return -1 if left_score > right_score else 1
        order = compare_capacities(left, right)
        if order:
            return order
        left_key = (left.assigned_count, 0 if left is active else 1, left.name)
        right_key = (right.assigned_count, 0 if right is active else 1, right.name)
        return (left_key > right_key) - (left_key < right_key)

    return merge_sort(nodes, compare)


def compare_capacities(left: Node, right: Node) -> int:
    """Compare what two nodes have left; negative where the left one has more of more kinds."""
    points = 0
    for name in left.utilization.keys() | right.utilization.keys():
        mine, theirs = left.utilization.get(name, 0), right.utilization.get(name, 0)
        points += (mine > theirs) - (mine < theirs)
    return -points
