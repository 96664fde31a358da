"""Resolves ordering requests into edges, and lets what is required or impossible spread along them.

Source: design page 0010, "Orderings".
"""

from __future__ import annotations

from cib.values import INFINITY
from pengine.actions import (
    find_actions,
    newest_action,
    operation_key,
    order_actions,
    request,
    set_reason,
    split_key,
)
from pengine.colocations import with_this_colocations
from pengine.edge_effects import CHANGED_FIRST, CHANGED_THEN, apply_edge
from pengine.effective_flags import COMPLETED_BY, flags_for_ordering
from pengine.invalid_orderings import drop_invalid_orderings
from pengine.node_choice import (
    assigned_nodes,
    role_of,
)
from pengine.probe_orderings import order_probes
from pengine.relations import (
    OrderingRequest,
)
from pengine.vocabulary import (
    CLONE,
    FIRST_IMPLIES_THEN,
    FIRST_IMPLIES_THEN_GRAPHED,
    GROUP,
    IF_ON_SAME_NODE,
    MIGRATION_ABORT,
    MIN_RUNNABLE,
    OPTIONAL,
    PRIMITIVE,
    PROMOTED,
    RUNNABLE,
    STOPPED,
    THEN_CANCELS_FIRST,
    UNPROMOTED,
)
from pengine.working import (
    Action,
    Cluster,
    Edge,
    Node,
    Resource,
)


def apply_orderings(cluster: Cluster) -> None:
    """Resolve all requests and settle the flags of all actions."""
    position = 0
    while position < len(cluster.ordering_requests):
        _resolve(cluster, cluster.ordering_requests[position])
        position += 1
    engine = OrderingEngine(cluster)
    for action in reversed(list(cluster.actions)):
        engine.block_dependents(action)
    order_probes(cluster)
    for action in reversed(list(cluster.actions)):
        engine.update(action)
    drop_invalid_orderings(cluster)


def _resolve(cluster: Cluster, wish: OrderingRequest) -> None:
    first_resource, then_resource = wish.first_resource, wish.then_resource
    if first_resource is None:
        if then_resource is not None:
            _order_resource_after(cluster, wish.first, then_resource, wish)
        elif wish.first is not None and wish.then is not None:
            order_actions(wish.first, wish.then, wish.marks)
        return
    if wish.first is not None:
        firsts = [wish.first]
    else:
        firsts = _find_by_task(first_resource, wish.first_key)
        if not firsts and first_resource is not then_resource:
            made = _make_first(cluster, first_resource, wish.first_key)
            firsts = [made] if made is not None else []
    if then_resource is None:
        then = wish.then
        if then is None:
            return
        for first in firsts:
            order_actions(first, then, wish.marks)
        return
    for first in firsts:
        _order_resource_after(cluster, first, then_resource, wish)


def _find_by_task(resource: Resource, key: str) -> list[Action]:
    found = find_actions(resource, key, None)
    if found or _is_own_key(resource, key):
        return found
    _, task, interval_ms = split_key(key)
    return find_actions(resource, operation_key(resource.id, task, interval_ms), None)


def _is_own_key(resource: Resource, key: str) -> bool:
    """Say whether a key is that of the resource's own task, so that taking it apart gives nothing new."""
    length = len(resource.id)
    return key.startswith("_", length) and key.count("_", length) == 2 and key.startswith(resource.id)


def _make_first(cluster: Cluster, resource: Resource, key: str) -> Action | None:
    """Create the action that others wait for, unless there is nothing to stop or demote."""
    _, task, interval_ms = split_key(key)
    role = role_of(resource, True)
    if (role == STOPPED and task == "stop") or (role == UNPROMOTED and task == "demote"):
        return None
    return request(cluster, resource, operation_key(resource.id, task, interval_ms), task, None, True, interval_ms)


def _order_resource_after(cluster: Cluster, first: Action | None, resource: Resource, wish: OrderingRequest) -> None:
    thens = [wish.then] if wish.then is not None else _find_by_task(resource, wish.then_key)
    marks = wish.marks
    if first is not None and first.resource is resource and first.flags & MIGRATION_ABORT:
        marks &= ~FIRST_IMPLIES_THEN
    for then in thens:
        if first is not None:
            order_actions(first, then, marks)
        elif marks & FIRST_IMPLIES_THEN:
            then.clear(RUNNABLE)


class OrderingEngine:
    """Evaluates actions until nothing changes any more."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def update(self, action: Action) -> None:
        """Evaluate all that comes before an action, then, if it changed, all that comes after."""
        then = action
        changed = 0
        last_flags = then.flags
        if then.required_before:
            then.runnable_before = 0
            then.clear(RUNNABLE)
        for edge in reversed(then.before):
            if not edge.marks:
                continue
            changed &= ~CHANGED_FIRST
            before = edge.action.changes.count
            if edge.settled == before + then.changes.count or edge.settled == -2 - before:
                continue
            changed |= self._evaluate_anew(then, edge)
            if changed & CHANGED_FIRST:
                for after in reversed(edge.action.after):
                    self.update(after.action)
                self.update(edge.action)
        if then.required_before:
            if last_flags == then.flags:
                changed &= ~CHANGED_THEN
            else:
                changed |= CHANGED_THEN
        if changed & CHANGED_THEN:
            if last_flags & RUNNABLE and not then.flags & RUNNABLE:
                self.block_dependents(then)
            self.update(then)
            for after in reversed(then.after):
                self.update(after.action)

    def _evaluate_anew(self, then: Action, edge: Edge) -> int:
        """Evaluate an edge; one that has no effect is left out until something changes on one of its sides."""
        first = edge.action
        before = first.changes.count + then.changes.count
        changed = self._evaluate(then, first, edge)
        # What can run is counted anew each time, so that such an edge has an effect always.
        if not changed and not edge.marks & MIN_RUNNABLE and before == first.changes.count + then.changes.count:
            # What a part tells its whole does not depend on the whole, which changes with each of its parts.
            alone = edge.marks == FIRST_IMPLIES_THEN_GRAPHED and _is_part(first, then)
            edge.settled = -2 - first.changes.count if alone else before
        return changed

    def _evaluate(self, then: Action, first: Action, edge: Edge) -> int:
        first_node, then_node = _node_of(first), _node_of(then)
        if (
            edge.marks & IF_ON_SAME_NODE
            and first_node is not None
            and then_node is not None
            and first_node is not then_node
        ):
            edge.marks = 0
            return 0
        if edge.marks & THEN_CANCELS_FIRST and first.resource is not None and not then.flags & OPTIONAL:
            first.set(OPTIONAL)
            if first.task == "reload-agent":
                first.resource.reload = False
        if (
            first.resource is not None
            and then.resource is not None
            and first.resource is not then.resource
            and not _is_ancestor(first.resource, then.resource)
        ):
            remapped = _remap(first)
            if remapped is not first:
                marks = edge.marks
                edge.marks = 0
                return CHANGED_THEN if order_actions(remapped, then, marks) else 0
        first_flags = flags_for_ordering(first, then_node)
        then_flags = flags_for_ordering(then, first_node)
        return apply_edge(self._cluster, self, first, then, first_flags, then_flags, edge)

    def block_dependents(self, action: Action) -> None:
        """When a resource can't start, what must be with it can't either."""
        if action.task not in ("start", "promote") or action.flags & RUNNABLE or action.resource is None:
            return
        resource = action.resource
        while resource.parent is not None:
            resource = resource.parent
        for child in resource.children:
            inner = newest_action(child, action.task, None)
            if inner is None or inner.flags & RUNNABLE:
                return
        for colocation in with_this_colocations(resource):
            if colocation.score < INFINITY:
                continue
            if action.task == "promote" and colocation.primary_role != PROMOTED:
                continue
            task = "promote" if colocation.dependent_role == PROMOTED else "start"
            self._block(colocation.dependent, task, action.resource, action)

    def _block(self, resource: Resource, task: str, cause: Resource, blocker: Action) -> None:
        for action in reversed(list(resource.actions)):
            if action.task == task and action.flags & RUNNABLE:
                action.clear(RUNNABLE)
                action.blocked_by = blocker
                set_reason(action, f"colocation with {cause.id}")
                self.block_dependents(action)
                self.update(action)
        for child in resource.children:
            self._block(child, task, cause, blocker)


def _is_part(first: Action, then: Action) -> bool:
    """Say whether an action is that of a primitive in the collective resource whose action comes later."""
    return (
        first.resource is not None
        and first.resource.kind == PRIMITIVE
        and then.resource is not None
        and _is_ancestor(then.resource, first.resource)
    )


def _node_of(action: Action) -> Node | None:
    """Return where an action takes place; the start of a group takes place where the group goes."""
    resource = action.resource
    if resource is None or resource.kind != GROUP or action.task != "start":
        return action.node
    nodes = assigned_nodes(resource)
    return nodes[0] if len(nodes) == 1 else None


def _is_ancestor(candidate: Resource, resource: Resource) -> bool:
    parent = resource.parent
    while parent is not None:
        if parent is candidate:
            return True
        parent = parent.parent
    return False


def _remap(action: Action) -> Action:
    """Return the completion of a collective resource's action: what others really wait for."""
    resource = action.resource
    assert resource is not None
    if resource.kind < GROUP or "notify" in action.key or action.interval_ms:
        return action
    identifier, task, interval_ms = split_key(action.key)
    if interval_ms:
        return action
    done = COMPLETED_BY.get(task, task if task in COMPLETED_BY.values() else None)
    if done is None:
        return action
    if resource.notify and resource.kind >= CLONE:
        key = f"{identifier}_confirmed-post_notify_{done}_0"
    else:
        key = operation_key(identifier, done)
    found = resource.actions_by_key.get(key)
    return found[-1] if found else action
