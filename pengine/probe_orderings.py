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
    for resource in cluster.resources:
        _order_probes_of(cluster, resource)
    for wish in cluster.ordering_requests:
        _order_instead_of_stop(wish)


def _order_probes_of(cluster: Cluster, resource: Resource) -> None:
    for child in resource.children:
        _order_probes_of(cluster, child)
    if resource.kind != PRIMITIVE:
        return
    for probe in reversed(resource.actions_by_key.get(operation_key(resource.id, "monitor"), [])):
        for edge in reversed(list(probe.after)):
            _order_instance_starts(probe, edge)
            _order_restarts(cluster, probe, edge.action, set())


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


def _order_restarts(cluster: Cluster, probe: Action, after: Action, seen: set[int]) -> None:
    """What restarts because of what the probe may find must not begin to stop before it is known."""
    if after.id in seen:
        return
    seen.add(after.id)
    resource = after.resource
    probed = probe.resource
    assert probed is not None
    if resource is not None and resource.kind == PRIMITIVE and resource is not probed:
        opposite = {"start": "stop", "promote": "demote"}.get(after.task)
        if opposite is not None:
            for then in find_actions(resource, operation_key(resource.id, opposite), None):
                if not then.flags & PSEUDO:
                    order_actions(probe, then, ORDERED)
    partner: Resource | None = None
    interleaved = resource is not None and resource.kind > GROUP and resource.interleave
    if interleaved and resource is not None:
        partner = compatible_instance(cluster, probed, resource, UNKNOWN, False)
    for edge in reversed(list(after.after)):
        if not edge.marks & FIRST_IMPLIES_THEN:
            inner = edge.action.resource
            if (
                resource is None
                or resource.kind < GROUP
                or probed.parent is resource
                or inner is None
                or inner.kind > GROUP
                or inner.parent is not resource
            ):
                continue
            if interleaved and (partner is None or partner is not inner):
                continue
        _order_restarts(cluster, probe, edge.action, seen)


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
