"""What one edge does to the two actions that it joins.

Source: design page 0010, "Relations" and "Variants".
"""

from __future__ import annotations

from typing import Protocol

from pengine.actions import newest_action, order_actions, set_reason
from pengine.effective_flags import flags_of, original_task
from pengine.ledger import note_without_partner
from pengine.node_choice import (
    compatible_instance,
    role_of,
)
from pengine.primitive_assignment import record
from pengine.vocabulary import (
    ALWAYS_IN_GRAPH,
    ASYMMETRIC,
    CLONE,
    FIRST_ELSE_THEN,
    FIRST_IMPLIES_SAME_NODE_THEN,
    FIRST_IMPLIES_THEN,
    FIRST_IMPLIES_THEN_GRAPHED,
    GROUP,
    INTERMEDIATE_STOP,
    MIGRATABLE,
    MIN_RUNNABLE,
    NESTED_REMOTE_PROBE,
    OPTIONAL,
    ORDERED,
    PRIMITIVE,
    PROMOTED,
    PROMOTED_THEN_IMPLIES_FIRST,
    PSEUDO,
    RUNNABLE,
    STARTED,
    STOPPED,
    THEN_IMPLIES_FIRST,
    THEN_IMPLIES_FIRST_GRAPHED,
    UNKNOWN,
    UNMIGRATABLE_THEN_BLOCKS,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Edge,
    Node,
    Resource,
)

CHANGED_FIRST, CHANGED_THEN = 1, 2

_LOST = {OPTIONAL: "required", RUNNABLE: "unrunnable", MIGRATABLE: "unmigrateable"}


class Updater(Protocol):
    """Evaluates an action's orderings again after something about it has changed."""

    def update(self, action: Action) -> None:
        """Evaluate what comes before the action."""


def clear_because(action: Action, flag: int, cause: Action) -> None:
    """Take a flag from an action, and remember why where the cause is another resource."""
    if not action.flags & flag:
        return
    action.clear(flag)
    if flag == OPTIONAL:
        if action.required_by is None:
            action.required_by = cause
    elif flag == RUNNABLE and action.blocked_by is None:
        action.blocked_by = cause
    if action.resource is not cause.resource or action.resource is None:
        subject = f"{cause.resource.id} " if cause.resource is not None else ""
        set_reason(action, f"{_LOST[flag]} {subject}{cause.task}")


def apply_edge(
    cluster: Cluster,
    updater: Updater,
    first: Action,
    then: Action,
    first_flags: int,
    then_flags: int,
    edge: Edge,
) -> int:
    """Apply all marks of an edge; return what changed (CHANGED_FIRST, CHANGED_THEN)."""
    changed = 0
    node = then.node
    if edge.marks & FIRST_IMPLIES_SAME_NODE_THEN:
        edge.marks = edge.marks & ~FIRST_IMPLIES_SAME_NODE_THEN | FIRST_IMPLIES_THEN
        node = first.node
    marks = edge.marks
    resource = then.resource

    if marks & FIRST_IMPLIES_THEN:
        if resource is not None:
            changed |= _apply_mark(
                cluster, updater, resource, first, then, node, first_flags, OPTIONAL, FIRST_IMPLIES_THEN
            )
        elif not first_flags & OPTIONAL and then.flags & OPTIONAL:
            then.clear(OPTIONAL)
            changed |= CHANGED_THEN
    if marks & INTERMEDIATE_STOP and resource is not None:
        filters = OPTIONAL | RUNNABLE
        changed |= _apply_mark(cluster, updater, resource, first, then, node, first_flags, filters, INTERMEDIATE_STOP)
    if marks & THEN_IMPLIES_FIRST:
        if first.resource is not None:
            changed |= _apply_mark(
                cluster, updater, first.resource, first, then, node, first_flags, OPTIONAL, THEN_IMPLIES_FIRST
            )
        elif not first_flags & OPTIONAL and first.flags & RUNNABLE:
            first.clear(RUNNABLE)
            changed |= CHANGED_FIRST
    if marks & PROMOTED_THEN_IMPLIES_FIRST and resource is not None:
        changed |= _apply_mark(
            cluster, updater, resource, first, then, node, first_flags, OPTIONAL, PROMOTED_THEN_IMPLIES_FIRST
        )
    if marks & MIN_RUNNABLE:
        changed |= _count_runnable(then, first_flags)
    blocks = bool(marks & UNRUNNABLE_FIRST_BLOCKS)
    if marks & NESTED_REMOTE_PROBE and resource is not None:
        if not first_flags & RUNNABLE and first.resource is not None and first.resource.running_on:
            edge.marks = 0
        else:
            blocks = True
    if blocks:
        if resource is not None:
            changed |= _apply_mark(
                cluster, updater, resource, first, then, node, first_flags, RUNNABLE, UNRUNNABLE_FIRST_BLOCKS
            )
        elif not first_flags & RUNNABLE and then.flags & RUNNABLE:
            then.clear(RUNNABLE)
            changed |= CHANGED_THEN
    if resource is not None and marks & _RARER:
        for mark, filters in _RARER_FILTERS:
            if marks & mark:
                changed |= _apply_mark(cluster, updater, resource, first, then, node, first_flags, filters, mark)
    return changed | _apply_graph_marks(first, then, first_flags, then_flags, marks)


_RARER = UNMIGRATABLE_THEN_BLOCKS | FIRST_ELSE_THEN | ORDERED | ASYMMETRIC
_RARER_FILTERS = (
    (UNMIGRATABLE_THEN_BLOCKS, OPTIONAL),
    (FIRST_ELSE_THEN, OPTIONAL),
    (ORDERED, RUNNABLE),
    (ASYMMETRIC, RUNNABLE),
)
"""Which flags of the first action each of these is about."""


def _changes_nothing(mark: int, flags: int) -> bool:
    """Say whether a mark leaves the later action, and all its parts, as they are; `flags` are those of the first."""
    if mark == ORDERED:
        return True
    if mark == UNRUNNABLE_FIRST_BLOCKS:
        return bool(flags & RUNNABLE)
    return mark == FIRST_IMPLIES_THEN and bool(flags & OPTIONAL)


def _apply_graph_marks(first: Action, then: Action, first_flags: int, then_flags: int, marks: int) -> int:
    if marks & FIRST_IMPLIES_THEN_GRAPHED and first.flags & RUNNABLE and not first_flags & OPTIONAL:
        then.set(ALWAYS_IN_GRAPH)
    if marks & THEN_IMPLIES_FIRST_GRAPHED and not then_flags & OPTIONAL:
        first.set(ALWAYS_IN_GRAPH)
    if (
        marks & (FIRST_IMPLIES_THEN | THEN_IMPLIES_FIRST | INTERMEDIATE_STOP)
        and first.resource is not None
        and first.task == "stop"
        and not first.resource.managed
        and first.resource.blocked
        and not first.flags & RUNNABLE
        and then.flags & RUNNABLE
    ):
        then.clear(RUNNABLE)
        return CHANGED_THEN
    return 0


def _count_runnable(then: Action, first_flags: int) -> int:
    if then.resource is not None or not first_flags & RUNNABLE:
        return 0
    then.runnable_before += 1
    if then.runnable_before >= then.required_before and not then.flags & RUNNABLE:
        then.set(RUNNABLE)
        return CHANGED_THEN
    return 0


def _apply_mark(
    cluster: Cluster,
    updater: Updater,
    owner: Resource,
    first: Action,
    then: Action,
    node: Node | None,
    flags: int,
    filters: int,
    mark: int,
) -> int:
    """Apply one mark as the kind of resource that it concerns demands."""
    if _changes_nothing(mark, flags):
        if owner.kind <= GROUP or then.resource is None:
            return 0
        instances = then.resource.instances()
        if not _is_interleaved(first, then) and (not instances or instances[0].kind == PRIMITIVE):
            return 0
    if owner.kind == PRIMITIVE or then.resource is None:
        return _apply_plain(updater, first, then, flags, filters, mark)
    if owner.kind == GROUP:
        changed = _apply_plain(updater, first, then, flags, filters, mark)
        for member in then.resource.children:
            inner = newest_action(member, then.task, node)
            if inner is not None:
                changed |= _apply_mark(cluster, updater, member, first, inner, node, flags, filters, mark)
        return changed
    if _is_interleaved(first, then):
        return _apply_interleaved(cluster, updater, first, then, node, filters, mark)
    changed = _apply_plain(updater, first, then, flags, filters, mark)
    for instance in then.resource.instances():
        changed |= _apply_to_instance(cluster, updater, instance, first, then, node, flags, filters, mark)
    return changed


def _apply_to_instance(
    cluster: Cluster,
    updater: Updater,
    instance: Resource,
    first: Action,
    then: Action,
    node: Node | None,
    flags: int,
    filters: int,
    mark: int,
) -> int:
    inner = newest_action(instance, then.task, node)
    if inner is None or not flags_of(inner, node) & RUNNABLE:
        return 0
    changed = _apply_mark(cluster, updater, instance, first, inner, node, flags, filters, mark)
    if changed & CHANGED_THEN:
        for after in reversed(inner.after):
            updater.update(after.action)
    return changed


def _is_interleaved(first: Action, then: Action) -> bool:
    left, right = first.resource, then.resource
    if left is None or right is None or left is right or left.kind < CLONE or right.kind < CLONE:
        return False
    deciding = left if then.key.endswith(("_stop_0", "_demote_0")) else right
    return deciding.interleave


def _apply_interleaved(
    cluster: Cluster,
    updater: Updater,
    first: Action,
    then: Action,
    node: Node | None,
    filters: int,
    mark: int,
) -> int:
    """Order instance with instance on the same node instead of clone with clone."""
    assert first.resource is not None
    assert then.resource is not None
    changed = 0
    first_task = original_task(first)
    current = first.key.endswith(("_stopped_0", "_demoted_0"))
    for instance in then.resource.instances():
        partner = compatible_instance(cluster, instance, first.resource, UNKNOWN, current)
        if partner is None:
            if not current and mark & (UNRUNNABLE_FIRST_BLOCKS | FIRST_IMPLIES_THEN):
                changed |= _unassign(cluster, instance)
                note_without_partner(cluster, instance, first.resource)
            continue
        first_inner = _instance_action(partner, first_task, node, first.task not in ("stop", "stopped"))
        then_inner = _instance_action(
            instance, then.task, node, then.task in ("promote", "promoted", "demote", "demoted")
        )
        if first_inner is None or then_inner is None:
            continue
        if order_actions(first_inner, then_inner, mark):
            changed |= CHANGED_FIRST | CHANGED_THEN
        inner_flags = flags_of(first_inner, node)
        changed |= _apply_mark(cluster, updater, instance, first_inner, then_inner, node, inner_flags, filters, mark)
    return changed


def _instance_action(instance: Resource, task: str, node: Node | None, inside: bool) -> Action | None:
    """Return an instance's action; of a bundle's container perhaps that of what runs inside."""
    chosen = instance.role_object() if inside else instance
    return newest_action(chosen, task, node if chosen is instance else None)


def _unassign(cluster: Cluster, instance: Resource) -> int:
    """An instance without the partner that it must have gets no node after all."""
    before = _has_node(instance)
    record(cluster, instance, None, forced=True, stop_if_fail=True)
    return CHANGED_THEN if before else 0


def _has_node(resource: Resource) -> bool:
    return resource.assigned is not None or any(_has_node(child) for child in resource.children)


def _apply_plain(updater: Updater, first: Action, then: Action, flags: int, filters: int, mark: int) -> int:
    """Apply one mark to the two actions themselves; `flags` are the first one's effective flags."""
    first_before, then_before = first.flags, then.flags
    if mark == ASYMMETRIC:
        _apply_asymmetric(first, then)
    elif mark == THEN_IMPLIES_FIRST:
        _follow_then(first, then, flags)
    elif mark == PROMOTED_THEN_IMPLIES_FIRST:
        if then.resource is not None and then.resource.orig_role == PROMOTED:
            _require_first(first, then)
    elif mark == UNMIGRATABLE_THEN_BLOCKS:
        if then.flags & (MIGRATABLE | RUNNABLE) != MIGRATABLE | RUNNABLE:
            clear_because(first, RUNNABLE, then)
        if not then.flags & OPTIONAL:
            clear_because(first, OPTIONAL, then)
    elif mark == FIRST_ELSE_THEN:
        if not first.flags & RUNNABLE:
            clear_because(then, MIGRATABLE, first)
            then.clear(PSEUDO)
    elif mark == UNRUNNABLE_FIRST_BLOCKS:
        if then.flags & RUNNABLE and not flags & RUNNABLE:
            clear_because(then, RUNNABLE, first)
            clear_because(then, MIGRATABLE, first)
    elif mark == FIRST_IMPLIES_THEN:
        if then.flags & OPTIONAL and not flags & OPTIONAL and not first.flags & MIGRATABLE:
            clear_because(then, OPTIONAL, first)
    elif mark == INTERMEDIATE_STOP:
        _apply_restart(first, then, filters)
    changed = 0
    if then.flags != then_before:
        changed |= CHANGED_THEN
        if then.resource is not None and then.resource.parent is not None:
            updater.update(then)
    if first.flags != first_before:
        changed |= CHANGED_FIRST
    return changed


def _follow_then(first: Action, then: Action, flags: int) -> None:
    """Pass on what a required later action means for an earlier one.

    An optional first action stays so unless its parts demand it: when the later one is done because its
    resource goes away, the earlier one's start becomes impossible, and that makes its stop required.
    """
    if then.flags & OPTIONAL:
        return
    if not flags & OPTIONAL:
        clear_because(first, OPTIONAL, then)
    if not then.flags & MIGRATABLE:
        clear_because(first, MIGRATABLE, then)


def _require_first(first: Action, then: Action) -> None:
    if then.flags & OPTIONAL:
        return
    clear_because(first, OPTIONAL, then)
    if not then.flags & MIGRATABLE:
        clear_because(first, MIGRATABLE, then)


def _apply_asymmetric(first: Action, then: Action) -> None:
    resource = then.resource
    if resource is None or first.flags & RUNNABLE:
        return
    if then.flags & OPTIONAL:
        role = role_of(resource, True)
        if role == STOPPED and then.task == "stop":
            return
        if (
            role >= STARTED
            and then.task == "start"
            and len(resource.running_on) == 1
            and resource.running_on[0] is then.node
        ):
            return
    clear_because(then, OPTIONAL, first)
    clear_because(then, RUNNABLE, first)


def _apply_restart(first: Action, then: Action, filters: int) -> None:
    """Stop and start belong together: a start that is needed, or impossible, brings the stop with it."""
    applies = bool(filters & OPTIONAL) and not then.flags & OPTIONAL
    if (
        filters & RUNNABLE
        and not then.flags & RUNNABLE
        and then.resource is not None
        and then.resource.managed
        and first.resource is then.resource
    ):
        applies = True
    if not applies:
        return
    if first.flags & RUNNABLE:
        clear_because(first, OPTIONAL, then)
    if not then.flags & OPTIONAL:
        clear_because(first, OPTIONAL, then)
    if not then.flags & MIGRATABLE:
        clear_because(first, MIGRATABLE, then)
    if not first.flags & (OPTIONAL | RUNNABLE):
        clear_because(then, RUNNABLE, first)
