"""Builds the resources of a run from their definitions: meta-attributes, flags, instances, first entries.

Source: Pacemaker Explained, "Resource meta-attributes", "Clones"; design page 0010.
"""

from __future__ import annotations

from collections.abc import Callable

from cib.rules import RuleContext
from cib.values import (
    INFINITY,
    bounded_integer,
    interval_ms_or,
    is_false,
    is_true,
    leading_integer,
    score_or,
)
from pengine.bounds import check_instances
from pengine.namevalue import evaluate, merge_missing
from pengine.nodes import utilization_of
from pengine.state import (
    EMPTY_BLOCK,
    NameValueBlock,
    NameValueSet,
    OperationDefinition,
    ResourceDefinition,
)
from pengine.vocabulary import (
    ABSENT,
    BUNDLE,
    CLONE,
    GROUP,
    MULTIPLE_BLOCK,
    NEEDS_FENCING,
    NEEDS_NOTHING,
    NEEDS_QUORUM,
    NEEDS_UNFENCING,
    PRIMITIVE,
    PROBE_NEVER,
    PROMOTED,
    STARTED,
    STOP_ONLY,
    STOP_START,
    STOP_UNEXPECTED,
    STOPPED,
    UNKNOWN,
    UNPROMOTED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_KINDS = {"primitive": PRIMITIVE, "group": GROUP, "clone": CLONE, "bundle": BUNDLE}
_MULTIPLE_ACTIVE = {
    "stop_start": STOP_START,
    "stop_only": STOP_ONLY,
    "block": MULTIPLE_BLOCK,
    "stop_unexpected": STOP_UNEXPECTED,
}
_ROLES = {
    "stopped": STOPPED,
    "started": STARTED,
    "unpromoted": UNPROMOTED,
    "slave": UNPROMOTED,
    "promoted": PROMOTED,
    "master": PROMOTED,
}
_UNIQUE_STANDARDS = frozenset({"ocf", "stonith"})
_IMPLICIT_STICKINESS = "1"


def parse_role(text: str | None) -> int | None:
    """Return the role that `text` names; absent is UNKNOWN, not a role's name is None."""
    if text is None:
        return UNKNOWN
    return _ROLES.get(text.lower())


BundleBuilder = Callable[[Cluster, Resource], bool]


def build_resources(cluster: Cluster, build_bundle: BundleBuilder) -> None:
    """Make all configured resources, then order them by priority."""
    definitions = list(cluster.state.resources)
    known = {definition.id for definition in definitions}
    for definition in cluster.state.resources:
        definitions.extend(_implicit_connections(definition, known))
    for definition in definitions:
        resource = build_resource(cluster, definition, None, None, build_bundle)
        if resource is not None:
            cluster.resources.append(resource)
    _link_launchers(cluster)
    cluster.resources.sort(key=lambda resource: -resource.priority)


def build_resource(
    cluster: Cluster,
    definition: ResourceDefinition,
    parent: Resource | None,
    number: int | None,
    build_bundle: BundleBuilder | None = None,
) -> Resource | None:
    """Make a resource and all below it; None where the definition can't be used.

    `number` is that of the clone instance which the resource is, or is a part of.
    """
    kind = _KINDS.get(definition.tag)
    if kind is None:
        cluster.note(f"resource {definition.id} is ignored: element '{definition.tag}' is not supported")
        return None
    identifier = definition.id if number is None else f"{definition.id}:{number}"
    if identifier in cluster.by_id:
        cluster.note(f"resource {identifier} is ignored: there is one of that name already")
        return None
    resource = Resource(identifier, kind, definition, len(cluster.nodes_by_index))
    resource.parent = parent
    resource.meta = _meta_attributes(cluster, resource)
    _set_flags(cluster, resource)
    cluster.by_id[identifier] = resource
    if kind == BUNDLE and build_bundle is not None:
        complete = build_bundle(cluster, resource)
    else:
        complete = _build_children(cluster, resource, number)
    if not complete:
        del cluster.by_id[identifier]
        return None
    _add_default_entries(cluster, resource)
    if definition.utilization.sets:
        resource.utilization = utilization_of(definition.utilization, cluster)
    return resource


def rule_context(cluster: Cluster, resource: Resource, node: Node | None = None) -> RuleContext:
    """Return what a rule about this resource may look at."""
    return RuleContext(
        now=cluster.now,
        zone=cluster.state.zone,
        node_attributes=node.attributes if node is not None else None,
        standard=resource.standard,
        provider=resource.provider,
        type=resource.type,
        recheck_at=cluster.context.recheck_at,
    )


def evaluate_for(
    cluster: Cluster, block: NameValueBlock, resource: Resource, node: Node | None = None
) -> dict[str, str]:
    """Return the values of sets of a resource, as they are on a node or without one."""
    if not block.sets:
        return {}
    if not block.has_rules:
        return evaluate(block, cluster.context)
    context = rule_context(cluster, resource, node)
    values = evaluate(block, context)
    cluster.context.recheck_at = context.recheck_at
    return values


def parameters_on(cluster: Cluster, resource: Resource, node: Node | None) -> dict[str, str]:
    """Return the resource's parameters on a node: its own, then its ancestors'.

    The result is shared and must not be changed.
    """
    key = node.index if node is not None and parameters_differ(resource) else -1
    cached = resource.parameter_cache.get(key)
    if cached is None:
        cached = evaluate_for(cluster, resource.definition.parameters, resource, node)
        if resource.parent is not None:
            merge_missing(cached, parameters_on(cluster, resource.parent, node))
        resource.parameter_cache[key] = cached
    return cached


def parameters_differ(resource: Resource) -> bool:
    """Say whether the parameters of a resource may be others on other nodes."""
    current: Resource | None = resource
    while current is not None:
        if current.definition.parameters.per_node:
            return True
        current = current.parent
    return False


def _meta_attributes(cluster: Cluster, resource: Resource) -> dict[str, str]:
    values = dict(resource.definition.attributes)
    values["id"] = resource.id
    values.pop("template", None)
    merge_missing(values, evaluate_for(cluster, resource.definition.meta, resource))
    ancestor = resource.parent
    while ancestor is not None:
        if ancestor.definition.meta.sets:
            merge_missing(values, evaluate_for(cluster, ancestor.definition.meta, resource))
        ancestor = ancestor.parent
    merge_missing(values, evaluate_for(cluster, cluster.state.resource_defaults, resource))
    if resource.parent is not None:
        merge_missing(values, resource.parent.meta)
    if resource.definition.promotable_element:
        values["promotable"] = "true"
    return values


def _set_flags(cluster: Cluster, resource: Resource) -> None:
    meta = resource.meta
    top = resource.top()
    in_clone = top.kind == CLONE
    managed = meta.get("is-managed")
    if managed is not None and managed.lower() != "default":
        resource.managed = is_true(managed)
    if is_true(meta.get("maintenance")) or cluster.options.maintenance_mode:
        resource.managed = False
        resource.maintenance = True
    resource.internal = is_true(meta.get("internal"))
    resource.notify = is_true(meta.get("notify"))
    resource.interleave = is_true(meta.get("interleave"))
    resource.priority = score_or(meta.get("priority"))
    critical = meta.get("critical")
    resource.critical = critical is None or is_true(critical)
    resource.stickiness = score_or(meta.get("resource-stickiness"))
    threshold = meta.get("migration-threshold")
    resource.threshold = INFINITY if threshold is None else score_or(threshold, INFINITY)
    if resource.threshold < 0:
        resource.threshold = INFINITY
    if in_clone:
        unique = meta.get("globally-unique")
        if unique is not None:
            resource.unique = is_true(unique)
        else:
            resource.unique = (leading_integer(meta.get("clone-node-max")) or 0) > 1
        resource.promotable = is_true(meta.get("promotable"))
    resource.multiple_active = _MULTIPLE_ACTIVE.get(meta.get("multiple-active", "").lower(), STOP_START)
    resource.requires = _requires(cluster, resource)
    resource.target_role = target_role(resource)
    resource.next_role = resource.target_role
    _set_timeouts(cluster, resource)


def _set_timeouts(cluster: Cluster, resource: Resource) -> None:
    meta = resource.meta
    resource.failure_timeout_ms = interval_ms_or(meta.get("failure-timeout"))
    remote = resource.is_connection and "container" not in meta
    allow = meta.get("allow-migrate")
    resource.allow_migrate = is_true(allow) if allow is not None else remote
    if remote:
        interval = parameters_on(cluster, resource, None).get("reconnect_interval")
        if interval is not None:
            resource.reconnect_interval_ms = interval_ms_or(interval)
            resource.failure_timeout_ms = resource.reconnect_interval_ms


def target_role(resource: Resource) -> int:
    """Return the role beyond which the resource may not go; UNKNOWN where there is no limit."""
    role = parse_role(resource.meta.get("target-role"))
    if role is None or role in (UNKNOWN, STARTED):
        return UNKNOWN
    if role == STOPPED:
        return STOPPED
    if role == UNPROMOTED and resource.top().promotable:
        return UNPROMOTED
    return UNKNOWN


def _requires(cluster: Cluster, resource: Resource) -> int:
    text = resource.meta.get("requires", "").lower()
    device = resource.is_fence_device
    if text == "nothing":
        return NEEDS_NOTHING
    if text == "quorum":
        return NEEDS_QUORUM
    if text == "fencing":
        return NEEDS_FENCING
    if text == "unfencing":
        if device or not cluster.options.fencing_enabled:
            return NEEDS_QUORUM
        return NEEDS_UNFENCING
    if device or resource.is_connection:
        return NEEDS_QUORUM
    if cluster.unfencing and cluster.options.fencing_enabled:
        return NEEDS_UNFENCING
    if cluster.options.fencing_enabled:
        return NEEDS_FENCING
    if cluster.options.no_quorum_policy == "ignore":
        return NEEDS_NOTHING
    return NEEDS_QUORUM


def _build_children(cluster: Cluster, resource: Resource, number: int | None) -> bool:
    """Make what is below a group or clone; False where nothing usable is there."""
    if resource.kind == PRIMITIVE:
        if resource.promotable and resource.standard != "ocf":
            cluster.note(f"resource {resource.id} is ignored: only class ocf can be promoted")
            return False
        return True
    if resource.kind == GROUP:
        resource.ordered = not is_false(resource.meta.get("ordered"))
        resource.collocated = not is_false(resource.meta.get("collocated"))
        for definition in resource.definition.children:
            child = build_resource(cluster, definition, resource, number) if definition.tag == "primitive" else None
            if child is not None:
                resource.children.append(child)
        return bool(resource.children)
    return _build_clone(cluster, resource)


def _build_clone(cluster: Cluster, clone: Resource) -> bool:
    meta = clone.meta
    template = next((item for item in clone.definition.children if item.tag in ("primitive", "group")), None)
    if template is None:
        return False
    if clone.promotable:
        clone.promoted_max = _instance_limit(meta, "promoted-max", "master-max", 1)
        clone.promoted_node_max = _instance_limit(meta, "promoted-node-max", "master-node-max", 1)
    clone.clone_node_max = bounded_integer(meta.get("clone-node-max", "1"), 0)
    clone.clone_max = bounded_integer(meta.get("clone-max", str(max(1, len(cluster.nodes)))), 0)
    check_instances(f"clone '{clone.id}'", "clone-max", clone.clone_max, len(cluster.nodes))
    clone.ordered = is_true(meta.get("ordered"))
    if not clone.unique and clone.clone_node_max > 1:
        clone.clone_node_max = 1
    meta.setdefault("resource-stickiness", _IMPLICIT_STICKINESS)
    meta["globally-unique"] = "true" if clone.unique else "false"
    if clone.unique and not _can_be_unique(template):
        _make_anonymous(cluster, clone)
    return all(add_instance(cluster, clone, number) is not None for number in range(max(1, clone.clone_max)))


def _make_anonymous(cluster: Cluster, clone: Resource) -> None:
    """Take uniqueness from a clone whose class of agent cannot tell instances apart."""
    clone.unique = False
    clone.anonymous_class = True
    clone.meta["globally-unique"] = "true"
    clone.clone_node_max = 1
    clone.clone_max = min(clone.clone_max, len(cluster.nodes))
    cluster.note(f"clone {clone.id} is not globally unique: its class of agent does not support that")


def add_instance(cluster: Cluster, clone: Resource, number: int) -> Resource | None:
    """Make one more instance of a clone; beyond clone-max it is a removed one."""
    template = next(item for item in clone.definition.children if item.tag in ("primitive", "group"))
    instance = build_resource(cluster, template, clone, number)
    if instance is None:
        return None
    if clone.anonymous_class:
        # Each instance is found to need this as it is made, which takes uniqueness from those before it.
        for earlier in clone.children:
            _mark_anonymous(earlier)
        _mark_incapable(instance)
    if number >= clone.clone_max:
        mark_removed(instance)
    clone.children.append(instance)
    clone.in_order = False
    return instance


def _mark_anonymous(resource: Resource) -> None:
    resource.unique = False
    for child in resource.children:
        _mark_anonymous(child)


def _mark_incapable(resource: Resource) -> None:
    if resource.kind == PRIMITIVE and resource.standard not in _UNIQUE_STANDARDS:
        resource.unique = False
    for child in resource.children:
        _mark_incapable(child)


def mark_removed(resource: Resource) -> None:
    """Flag a resource and all below it as no longer configured."""
    resource.removed = True
    for child in resource.children:
        mark_removed(child)


def _instance_limit(meta: dict[str, str], name: str, old_name: str, default: int) -> int:
    text = meta.get(name, meta.get(old_name))
    return default if text is None else bounded_integer(text, 0)


def _can_be_unique(definition: ResourceDefinition) -> bool:
    if definition.tag == "primitive":
        return definition.standard in _UNIQUE_STANDARDS
    return all(_can_be_unique(child) for child in definition.children)


def _add_default_entries(cluster: Cluster, resource: Resource) -> None:
    guest_connection = resource.is_connection and "container" in resource.meta
    if not (cluster.options.symmetric or guest_connection):
        return
    _add_missing_entries(cluster, resource)
    if resource.kind == BUNDLE:
        # Its replicas bring nodes, which what was made before them does not have; all else has its entries already.
        for child in resource.children:
            _add_below(cluster, child)


def _add_below(cluster: Cluster, resource: Resource) -> None:
    """Complete the entries of a resource and all below it, but for what has its own places only."""
    if resource.exclusive_discovery:
        return
    for child in resource.children:
        _add_below(cluster, child)
    _add_missing_entries(cluster, resource)


def _add_missing_entries(cluster: Cluster, resource: Resource) -> None:
    table = resource.allowed
    if ABSENT not in table.scores or resource.exclusive_discovery:
        return
    symmetric = cluster.options.symmetric
    for node in cluster.nodes:
        if (node.mode != PROBE_NEVER or not symmetric) and table.scores[node.index] == ABSENT:
            table.scores[node.index] = node.score
            table.modes[node.index] = node.mode


def _implicit_connections(definition: ResourceDefinition, known: set[str]) -> list[ResourceDefinition]:
    """Return the connections of the guests that a primitive (or a group's members) launch."""
    if definition.tag == "group":
        return [item for child in definition.children for item in _implicit_connections(child, known)]
    if definition.tag != "primitive":
        return []
    values = definition.guest
    if values is None or values["remote-node"] in known:
        return []
    known.add(values["remote-node"])
    return [_connection(definition.id, values)]


def _connection(launcher: str, values: dict[str, str]) -> ResourceDefinition:
    name = values["remote-node"]
    meta = [("internal", "true"), ("container", launcher)]
    if "remote-allow-migrate" in values:
        meta.append(("allow-migrate", values["remote-allow-migrate"]))
    if "is-managed" in values:
        meta.append(("is-managed", values["is-managed"]))
    parameters = [
        (key, values[source]) for key, source in (("addr", "remote-addr"), ("port", "remote-port")) if source in values
    ]
    return ResourceDefinition(
        tag="primitive",
        id=name,
        standard="ocf",
        provider="pacemaker",
        type="remote",
        attributes={"id": name, "class": "ocf", "provider": "pacemaker", "type": "remote"},
        meta=NameValueBlock((NameValueSet(f"{name}-meta_attributes", None, tuple(meta)),)),
        parameters=NameValueBlock((NameValueSet(f"{name}-instance_attributes", None, tuple(parameters)),)),
        utilization=EMPTY_BLOCK,
        operations=(
            connection_operation(name, "monitor", "30s", "30s"),
            connection_operation(name, "start", "0", values.get("remote-connect-timeout", "60s")),
        ),
    )


def connection_operation(name: str, task: str, interval: str, timeout: str) -> OperationDefinition:
    """Return an operation of an implicit resource; without a timeout the default holds."""
    attributes = {"name": task, "interval": interval}
    if timeout:
        attributes["timeout"] = timeout
    return OperationDefinition(
        id=f"{name}-{task}-interval-{interval}",
        name=task,
        interval_ms=interval_ms_or(interval),
        enabled=True,
        attributes=attributes,
        meta=EMPTY_BLOCK,
        parameters=EMPTY_BLOCK,
    )


def _link_launchers(cluster: Cluster) -> None:
    """Tie resources to what launches them, and remote nodes to their connections."""
    for resource in list(cluster.by_id.values()):
        if resource.kind != PRIMITIVE:
            continue
        container = resource.meta.get("container")
        if container is not None:
            launcher = cluster.by_id.get(container)
            if launcher is not None and launcher is not resource:
                resource.launcher = launcher
                launcher.launched.append(resource)
        if resource.is_connection:
            link_connection(cluster, resource)


def link_connection(cluster: Cluster, connection: Resource) -> None:
    """Tie a remote or guest node to its connection."""
    node = cluster.node_by_id.get(connection.id.lower())
    if node is None:
        return
    node.connection = connection
    if connection.launcher is None:
        node.unclean = cluster.options.startup_fencing
    else:
        node.kind = node.attributes["#kind"] = "container"
