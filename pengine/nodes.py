"""Builds the nodes of a run from the configuration, and what rules may know of them."""

from __future__ import annotations

from bisect import insort_left

from cib.values import (
    MINUS_INFINITY,
    ValueFormatError,
    add_scores,
    is_true,
    leading_integer,
    node_name_key,
    parse_score,
    score_or,
)
from pengine.namevalue import evaluate, merge_missing
from pengine.relations import (
    Location,
)
from pengine.state import NameValueBlock, ResourceDefinition
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_UTILIZATION_MAX = 2_147_483_647


def build_nodes(cluster: Cluster) -> None:
    """Make the configured nodes, then those that remote and guest resources bring."""
    for definition in cluster.state.nodes:
        kind = "remote" if definition.kind == "remote" else "cluster"
        node = add_node(cluster, definition.id, definition.name, kind, definition.score)
        node.unclean = kind == "cluster" and cluster.options.startup_fencing
        add_attributes(cluster, node, definition.attributes, overwrite=False)
        node.utilization = utilization_of(definition.utilization, cluster)
    for resource in cluster.state.resources:
        _add_remote_nodes(cluster, resource)


def add_node(cluster: Cluster, identifier: str, name: str, kind: str, score: int) -> Node:
    """Make a node and put it in its place in the list; tables that exist already get room for it."""
    node = Node(len(cluster.nodes_by_index), identifier, name, kind, score)
    cluster.nodes_by_index.append(node)
    insort_left(cluster.nodes, node, key=_place)
    cluster.node_by_id.setdefault(identifier.lower(), node)
    cluster.node_by_name.setdefault(name.lower(), node)
    places = len(cluster.nodes_by_index)
    for resource in cluster.by_id.values():
        resource.allowed.grow(places)
    for resource in cluster.resources:
        # What was removed may have the name of something that is configured.
        _grow_tables(resource, places)
    _add_builtin_attributes(cluster, node)
    return node


def _grow_tables(resource: Resource, places: int) -> None:
    resource.allowed.grow(places)
    for child in resource.children:
        _grow_tables(child, places)


def find_node(cluster: Cluster, identifier: str | None, name: str | None) -> Node | None:
    """Return the node with this id, else with this name."""
    node = cluster.node_by_id.get(identifier.lower()) if identifier is not None else None
    if node is None and name is not None:
        node = cluster.node_by_name.get(name.lower())
    return node


def add_attributes(cluster: Cluster, node: Node, block: NameValueBlock, *, overwrite: bool) -> None:
    """Give a node the attributes of some sets; transient ones replace what is there."""
    values = evaluate(block, cluster.context)
    site_was_set = "site-name" in values
    if overwrite:
        node.attributes.update(values)
    else:
        merge_missing(node.attributes, values)
    if site_was_set:
        node.attributes["#site-name"] = node.attributes["site-name"]


def utilization_of(block: NameValueBlock, cluster: Cluster) -> dict[str, int]:
    """Return capacities or needs as whole numbers; what is not a number counts as 0."""
    return {
        name: max(-_UTILIZATION_MAX, min(_UTILIZATION_MAX, leading_integer(value) or 0))
        for name, value in evaluate(block, cluster.context).items()
    }


def apply_node_health(cluster: Cluster) -> None:
    """Turn the health of nodes into location constraints, before all configured ones."""
    options = cluster.options
    strategy = options.health_strategy
    if strategy == "none":
        return
    colours = health_colours(cluster)
    base = options.health_base if strategy == "progressive" else 0
    for node in cluster.nodes:
        score = node_health(node, colours, base)
        if score == 0:
            continue
        for resource in cluster.resources:
            if score < 0 and is_true(resource.meta.get("allow-unhealthy-nodes")):
                continue
            location = Location(f"health-{node.id}", resource, 0, 0)
            location.scores[node.index] = score
            cluster.locations.append(location)
            resource.locations.append(location)


def health_colours(cluster: Cluster) -> dict[str, int]:
    """Return what red, yellow and green stand for under the strategy in force."""
    options = cluster.options
    strategy = options.health_strategy
    if strategy == "migrate-on-red":
        return {"red": MINUS_INFINITY, "yellow": 0, "green": 0}
    if strategy == "only-green":
        return {"red": MINUS_INFINITY, "yellow": MINUS_INFINITY, "green": 0}
    if strategy in ("progressive", "custom"):
        return {"red": options.health_red, "yellow": options.health_yellow, "green": options.health_green}
    return {"red": 0, "yellow": 0, "green": 0}


def node_health(node: Node, colours: dict[str, int], base: int) -> int:
    """Return the sum of a node's health attributes."""
    score = base
    for name, value in node.attributes.items():
        if name.startswith("#health"):
            lowered = value.lower()
            try:
                amount = colours[lowered] if lowered in colours else parse_score(value)
            except ValueFormatError:
                continue
            score = add_scores(score, amount)
    return score


def _place(node: Node) -> tuple[tuple[int, int, int], ...]:
    return node_name_key(node.name)


def _add_builtin_attributes(cluster: Cluster, node: Node) -> None:
    name = cluster.options.cluster_name
    attributes = node.attributes
    attributes["#uname"] = node.name
    attributes["#id"] = node.id
    attributes["#kind"] = node.kind
    dc = cluster.state.attributes.get("dc-uuid")
    is_dc = dc is not None and dc.lower() == node.id.lower()
    attributes["#is_dc"] = "true" if is_dc else "false"
    if is_dc:
        cluster.dc = node
    if name is not None:
        attributes["#cluster-name"] = name
        attributes["#site-name"] = name


def _add_remote_nodes(cluster: Cluster, definition: ResourceDefinition) -> None:
    """Make the nodes behind a remote connection or a guest (also in groups, not in clones)."""
    if definition.tag == "primitive":
        if definition.type == "remote" and definition.provider == "pacemaker":
            name: str | None = definition.id
        else:
            name = definition.guest["remote-node"] if definition.guest is not None else None
        if name is not None and name.lower() not in cluster.node_by_name:
            add_node(cluster, name, name, "remote", 0)
    elif definition.tag == "group":
        for child in definition.children:
            _add_remote_nodes(cluster, child)


def health_state(cluster: Cluster, node: Node) -> int:
    """Return how healthy a node's attributes say it is: negative red, 0 yellow, positive green; the worst one counts.

    A number is red up to what red stands for, yellow up to what yellow stands for where that is not the same as green.
    """
    if cluster.options.health_strategy == "none":
        return 1
    colours = health_colours(cluster)
    state = 1
    for name, value in node.attributes.items():
        if not name.startswith("#health"):
            continue
        named = {"red": -1, "yellow": 0, "green": 1}.get(value.lower())
        if named is None:
            score = score_or(value)
            if score <= colours["red"]:
                named = -1
            else:
                named = 0 if score <= colours["yellow"] != colours["green"] else 1
        state = min(state, named)
    return state
