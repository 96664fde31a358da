"""What must wait for the probes: whatever relies on knowing where things run.

Source: design page 0010, "Probe orderings".
"""

from __future__ import annotations

from pengine.actions import find_actions, operation_key, order_actions
from pengine.node_choice import (
    compatible_instance,
)
from pengine.relations import (
    OrderingRequest,
)
from pengine.vocabulary import (
    FIRST_IMPLIES_THEN,
    GROUP,
    IF_FIRST_UNMIGRATABLE,
    IF_ON_SAME_NODE,
    IF_ON_SAME_NODE_OR_TARGET,
    IF_REQUIRED_ON_SAME_NODE,
    ORDERED,
    PRIMITIVE,
    PSEUDO,
    RUNNABLE,
    UNKNOWN,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Edge,
    Resource,
)

_KEPT = IF_FIRST_UNMIGRATABLE | IF_ON_SAME_NODE
_PURE = frozenset({IF_ON_SAME_NODE_OR_TARGET, IF_REQUIRED_ON_SAME_NODE})


def order_probes(cluster: Cluster) -> None:
    """Add the orderings after probes, now that all other edges exist."""
    leading = _leading_to_restarts(cluster)
    for resource in cluster.resources:
        _order_probes_of(cluster, resource, leading)
    for wish in cluster.ordering_requests:
        _order_instead_of_stop(wish)


def _leading_to_restarts(cluster: Cluster) -> set[int]:
    """Return the actions that anything which may restart, directly or not, comes after: others need no search."""
    waiting: list[Action] = []
    for action in cluster.actions:
        resource = action.resource
        if resource is not None and resource.kind == PRIMITIVE:
            opposite = _OPPOSITE.get(action.task)
            if opposite is not None and operation_key(resource.id, opposite) in resource.actions_by_key:
                waiting.append(action)
    leading: set[int] = set()
    while waiting:
        action = waiting.pop()
        if action.id not in leading:
            leading.add(action.id)
            waiting += [edge.action for edge in action.before]
    return leading


def _order_probes_of(cluster: Cluster, resource: Resource, leading: set[int]) -> None:
    for child in resource.children:
        _order_probes_of(cluster, child, leading)
    if resource.kind != PRIMITIVE:
        return
    # What the probes of one resource are ordered with is the same on all nodes; what is added here leads no further.
    restarts: dict[int, list[Action]] = {}
    for probe in reversed(resource.actions_by_key.get(operation_key(resource.id, "monitor"), [])):
        for edge in reversed(list(probe.after)):
            _order_instance_starts(probe, edge)
            after = edge.action
            if after.id not in leading:
                continue
            stops = restarts.get(after.id)
            if stops is None:
                stops = restarts[after.id] = _stops_before_restarts(cluster, resource, after)
            for stop in stops:
                order_actions(probe, stop, ORDERED)


def _order_instance_starts(probe: Action, edge: Edge) -> None:
    """An impossible probe blocks the inactive instances of its clone."""
    then = edge.action
    if (
        then.resource is None
        or probe.resource is None
        or probe.resource.top() is not then.resource
        or then.resource.kind <= GROUP
        or probe.flags & RUNNABLE
        or then.task != "start"
        or edge.marks & UNRUNNABLE_FIRST_BLOCKS
    ):
        return
    for after in reversed(list(then.after)):
        resource = after.action.resource
        if (
            resource is not None
            and not resource.running_on
            and resource.top() is then.resource
            and after.action.task == "start"
        ):
            order_actions(probe, after.action, ORDERED | UNRUNNABLE_FIRST_BLOCKS)


_OPPOSITE = {"start": "stop", "promote": "demote"}


def _stops_before_restarts(cluster: Cluster, probed: Resource, after: Action) -> list[Action]:
    """Return what must not begin to stop before a probe is over: what restarts because of what that may find."""
    found: list[Action] = []
    seen: set[int] = set()
    waiting = [after]
    while waiting:
        action = waiting.pop()
        if action.id in seen:
            continue
        seen.add(action.id)
        resource = action.resource
        if resource is not None and resource.kind == PRIMITIVE:
            opposite = _OPPOSITE.get(action.task)
            if opposite is not None and resource is not probed:
                key = operation_key(resource.id, opposite)
                found += [stop for stop in resource.actions_by_key.get(key, ()) if not stop.flags & PSEUDO]
        if resource is None or resource.kind == PRIMITIVE:
            waiting += [edge.action for edge in action.after if edge.marks & FIRST_IMPLIES_THEN]
        else:
            waiting += _following(cluster, probed, resource, action)
    return found


def _following(cluster: Cluster, probed: Resource, resource: Resource, action: Action) -> list[Action]:
    """Return what follows from an action of a collective resource: also those of its own parts."""
    partner: Resource | None = None
    interleaved = resource.kind > GROUP and resource.interleave
    if interleaved:
        partner = compatible_instance(cluster, probed, resource, UNKNOWN, False)
    following: list[Action] = []
    for edge in action.after:
        if not edge.marks & FIRST_IMPLIES_THEN:
            inner = edge.action.resource
            if probed.parent is resource or inner is None or inner.kind > GROUP or inner.parent is not resource:
                continue
            if interleaved and (partner is None or partner is not inner):
                continue
        following.append(edge.action)
    return following


def _order_instead_of_stop(wish: OrderingRequest) -> None:
    """What waits for a resource's stop also waits for its probes, since one may find it running."""
    resource = wish.first_resource
    if resource is None or resource.kind != PRIMITIVE or resource is wish.then_resource:
        return
    if wish.first is not None:
        if wish.first.task != "stop":
            return
    elif not wish.first_key.endswith("_stop_0"):
        return
    probes = resource.actions_by_key.get(operation_key(resource.id, "monitor"))
    if not probes:
        return
    if wish.then is not None:
        thens = [wish.then]
    elif wish.then_resource is not None:
        thens = find_actions(wish.then_resource, wish.then_key, None)
    else:
        return
    marks = wish.marks if wish.marks in _PURE else ORDERED | (wish.marks & _KEPT)
    for probe in probes:
        for then in thens:
            if not _is_exempt(resource, probe, then):
                order_actions(probe, then, marks)


def _is_exempt(resource: Resource, probe: Action, then: Action) -> bool:
    if resource.launcher is not None and resource.launcher is then.resource and then.task == "stop":
        return True
    if then.task == "stonith" and then.meta.get("stonith_action") == "on" and then.node is probe.node:
        return True
    return then.task == "do_shutdown" and then.node is not probe.node
