"""Location constraints and the other criteria that come from nodes: stickiness, failures, discovery.

Source: Pacemaker Explained, "Location constraints"; design page 0010.
"""

from __future__ import annotations

import re

from cib.rules import Rule, RuleContext, expand_submatches, passes
from cib.values import MINUS_INFINITY, ValueFormatError, format_score, parse_score, score_or
from pengine.actions import request_task
from pengine.constraint_targets import expand_tags, find_constrained, is_tag, set_of
from pengine.failcounts import reaches_threshold
from pengine.ledger import add_on_node, ban, contribute, set_score
from pengine.nodes import health_colours
from pengine.relations import (
    Location,
)
from pengine.resources import parameters_on, parse_role
from pengine.state import LocationDefinition, ResourceSet
from pengine.vocabulary import (
    ABSENT,
    BUNDLE,
    CLONE,
    GROUP,
    PRIMITIVE,
    PROBE_ALWAYS,
    PROBE_EXCLUSIVE,
    PROBE_NEVER,
    PROMOTED,
    STOPPED,
    UNKNOWN,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_DISCOVERY = {"always": PROBE_ALWAYS, "never": PROBE_NEVER, "exclusive": PROBE_EXCLUSIVE}
_NO_SUBMATCHES: tuple[str, ...] = ()


def unpack_location(cluster: Cluster, definition: LocationDefinition) -> None:
    """Add a configured location constraint to the resources that it names."""
    if definition.pattern is not None:
        _unpack_pattern(cluster, definition)
        return
    sets = definition.sets
    if definition.resource is not None:
        if is_tag(cluster, definition.resource):
            sets = (set_of(cluster, definition.resource, role=definition.role),)
        else:
            resource = find_constrained(cluster, definition.id, definition.resource)
            if resource is not None:
                _add(cluster, definition, resource, definition.role, definition.score, _NO_SUBMATCHES)
            return
    for item in expand_tags(cluster, sets):
        if not _unpack_set(cluster, definition, item):
            return


def _unpack_set(cluster: Cluster, definition: LocationDefinition, item: ResourceSet) -> bool:
    for identifier in item.members:
        resource = find_constrained(cluster, definition.id, identifier)
        if resource is None:
            return False
        role = item.role if item.role is not None else definition.role
        score = item.score if item.score is not None else definition.score
        _add(cluster, definition, resource, role, score, _NO_SUBMATCHES)
    return True


def _unpack_pattern(cluster: Cluster, definition: LocationDefinition) -> None:
    pattern = definition.pattern or ""
    inverted = pattern.startswith("!")
    try:
        expression = re.compile(pattern[1:] if inverted else pattern)
    except re.error:
        cluster.note(f"constraint {definition.id} is ignored: '{pattern}' is not a regular expression")
        return
    for resource in list(cluster.resources):
        match = expression.search(resource.id)
        if (match is None) != inverted:
            continue
        submatches = _NO_SUBMATCHES
        if match is not None:
            submatches = (match.group(0), *(group or "" for group in match.groups()))
        _add(cluster, definition, resource, definition.role, definition.score, submatches)


def _add(
    cluster: Cluster,
    definition: LocationDefinition,
    resource: Resource,
    role_text: str | None,
    score: str | None,
    submatches: tuple[str, ...],
) -> None:
    if definition.discovery is not None and definition.discovery.lower() not in _DISCOVERY:
        cluster.note(f"constraint {definition.id}: '{definition.discovery}' is not a way of discovery")
    mode = _DISCOVERY.get((definition.discovery or "always").lower(), PROBE_ALWAYS)
    rule = definition.rule
    if rule is not None:
        role_text = rule.role
    role = parse_role(role_text)
    if role is None:
        cluster.note(f"constraint {definition.id} is ignored: '{role_text}' is not a role")
        return
    if role not in (STOPPED, PROMOTED):
        role = UNKNOWN
    location = Location(definition.id, resource, role, mode)
    if rule is not None:
        _add_rule_scores(cluster, location, rule, submatches)
    else:
        node = cluster.node_by_name.get((definition.node or "").lower())
        if node is None:
            return
        location.scores[node.index] = score_or(score)
    if mode == PROBE_EXCLUSIVE:
        resource.exclusive_discovery = True
    cluster.locations.append(location)
    resource.locations.append(location)


def _add_rule_scores(cluster: Cluster, location: Location, rule: Rule, submatches: tuple[str, ...]) -> None:
    resource = location.resource
    attribute = rule.score_attribute
    if attribute is not None:
        attribute = expand_submatches(attribute, submatches)
    for node in cluster.nodes:
        context = RuleContext(
            now=cluster.now,
            zone=cluster.state.zone,
            node_attributes=node.attributes,
            parameters=parameters_on(cluster, resource, node),
            meta=resource.meta,
            submatches=submatches,
            recheck_at=cluster.context.recheck_at,
        )
        holds = passes(rule, context)
        cluster.context.recheck_at = context.recheck_at
        if not holds:
            continue
        if attribute is None:
            location.scores[node.index] = rule.score or 0
            continue
        score = _attribute_score(cluster, node, attribute)
        if score is not None:
            location.scores[node.index] = score


def _attribute_score(cluster: Cluster, node: Node, attribute: str) -> int | None:
    value = node.attributes.get(attribute)
    if not value:
        return None
    colours = health_colours(cluster)
    try:
        return colours[value.lower()] if value.lower() in colours else parse_score(value)
    except ValueFormatError:
        return None


def apply_location(cluster: Cluster, resource: Resource, location: Location) -> None:
    """Give a resource, and what is below it, the scores of a location constraint."""
    applies = location.role in (UNKNOWN, resource.next_role)
    if resource.kind == BUNDLE:
        _apply_to_bundle(cluster, resource, location, applies)
        return
    if not applies:
        return
    _apply_to_table(cluster, resource, location)
    if resource.kind == GROUP:
        _apply_to_members(cluster, resource, location)
    elif resource.kind == CLONE:
        for instance in resource.children:
            apply_location(cluster, instance, location)


def _apply_to_bundle(cluster: Cluster, bundle: Resource, location: Location, applies: bool) -> None:
    """Containers and addresses go where a bundle may; who is promoted is decided inside."""
    if applies:
        _apply_to_table(cluster, bundle, location)
    for replica in bundle.replicas:
        apply_location(cluster, replica.container, location)
        if replica.ip is not None:
            apply_location(cluster, replica.ip, location)
    if bundle.bundled is not None and location.role == PROMOTED:
        apply_location(cluster, bundle.bundled, location)
        bundle.bundled.locations.append(location)


def _apply_to_members(cluster: Cluster, group: Resource, location: Location) -> None:
    """The first member carries a collocated group's score; the others only become allowed there."""
    inner = location
    for position, member in enumerate(group.children):
        apply_location(cluster, member, inner)
        if position == 0 and group.collocated:
            inner = Location(location.id, location.resource, location.role, location.mode)
            inner.scores = dict.fromkeys(location.scores, 0)


def _apply_to_table(cluster: Cluster, resource: Resource, location: Location) -> None:
    table = resource.allowed
    for index, score in location.scores.items():
        if table.scores[index] == ABSENT:
            set_score(cluster, resource, index, score, "location", location.id)
            table.counts[index] = 0
            table.modes[index] = cluster.nodes_by_index[index].mode
        else:
            contribute(cluster, resource, index, score, "location", location.id)
        if location.mode > table.modes[index]:
            table.modes[index] = location.mode
            if location.mode == PROBE_EXCLUSIVE:
                resource.exclusive_discovery = True


def apply_node_criteria(cluster: Cluster) -> None:
    """Apply shutdown locks, location constraints, stickiness, failures and exclusive discovery."""
    if cluster.options.shutdown_lock:
        for resource in cluster.resources:
            _apply_shutdown_lock(cluster, resource)
    for location in reversed(cluster.locations):
        apply_location(cluster, location.resource, location)
    for resource in cluster.resources:
        _apply_stickiness(cluster, resource)
    exclusive = any(resource.exclusive_discovery for resource in cluster.by_id.values())
    for node in cluster.nodes:
        failures = node.has_failures()
        if not (failures or exclusive):
            continue
        for resource in cluster.resources:
            if failures:
                _apply_failures(cluster, resource, node)
            if exclusive:
                _apply_exclusive_discovery(cluster, resource, node)


def _apply_stickiness(cluster: Cluster, resource: Resource) -> None:
    for child in resource.children:
        _apply_stickiness(cluster, child)
    if resource.kind != PRIMITIVE or not resource.managed or resource.stickiness < 1 or len(resource.running_on) != 1:
        return
    node = resource.running_on[0]
    if cluster.options.symmetric or resource.allowed.scores[node.index] != ABSENT:
        add_on_node(cluster, resource, node, resource.stickiness, "stickiness")


def _apply_failures(cluster: Cluster, resource: Resource, node: Node) -> None:
    for child in resource.children:
        _apply_failures(cluster, child, node)
    if resource.kind != PRIMITIVE:
        return
    count = reaches_threshold(cluster, resource, node)
    if count:
        target = resource if resource.unique else resource.top()
        ban(cluster, target, node, "migration-threshold", f"{resource.id} has a fail count of {format_score(count)}")


def _apply_exclusive_discovery(cluster: Cluster, resource: Resource, node: Node) -> None:
    if not (resource.exclusive_discovery or resource.top().exclusive_discovery):
        return
    for child in resource.children:
        _apply_exclusive_discovery(cluster, child, node)
    table = resource.allowed
    if table.scores[node.index] != ABSENT and table.modes[node.index] != PROBE_EXCLUSIVE:
        set_score(cluster, resource, node.index, MINUS_INFINITY, "exclusive-discovery", "")


def _apply_shutdown_lock(cluster: Cluster, resource: Resource) -> None:
    if resource.kind == GROUP:
        for member in resource.children:
            _apply_shutdown_lock(cluster, member)
        return
    if resource.kind != PRIMITIVE or resource.is_fence_device or resource.is_connection:
        return
    if resource.lock_node is not None:
        if resource.running_on:
            request_task(cluster, resource, "lrm_delete", resource.lock_node, False)
            resource.lock_node = None
    elif len(resource.running_on) == 1:
        node = resource.running_on[0]
        if node.shutdown and not node.unclean:
            resource.lock_node = node
            resource.lock_time = score_time(node.attributes.get("shutdown"), cluster.now)
            limit = cluster.options.shutdown_lock_limit_s
            if limit:
                cluster.context.note_recheck(resource.lock_time + limit + 1)
    if resource.lock_node is None:
        return
    for node in cluster.nodes:
        if node is not resource.lock_node:
            ban(cluster, resource, node, "shutdown-lock", resource.lock_node.name)


def score_time(text: str | None, now: int) -> int:
    """Return the time at which a shutdown was requested; now where the attribute does not say."""
    if text is None or not text.isdigit():
        return now
    value = int(text)
    return value if value > 1 else now
