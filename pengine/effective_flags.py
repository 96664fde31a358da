"""What an action of a group or clone amounts to, given the actions of what is below it.

Source: design page 0010, "Effective flags".
"""

from __future__ import annotations

from pengine.actions import newest_action, split_key
from pengine.vocabulary import (
    CLONE,
    GROUP,
    OPTIONAL,
    PRIMITIVE,
    PSEUDO,
    RUNNABLE,
)
from pengine.working import Action, Node, Resource

BEGUN_BY = {
    "running": "start",
    "stopped": "stop",
    "promoted": "promote",
    "demoted": "demote",
    "notified": "notify",
}
"""By the task that reports completion: the task that it completes."""

COMPLETED_BY = {begun: done for done, begun in BEGUN_BY.items()}


def flags_of(action: Action, node: Node | None) -> int:
    """Return an action's flags; for collective resources judged by their parts (on a node, if named)."""
    resource = action.resource
    if resource is None or resource.kind == PRIMITIVE:
        return action.flags
    if resource.kind == GROUP:
        return _group_flags(action, node)
    return _clone_flags(action, node)


def flags_for_ordering(action: Action, node: Node | None) -> int:
    """Return the flags that count in an ordering with something on `node`.

    For a clone, being runnable anywhere is enough.
    """
    flags = flags_of(action, None)
    if node is None or action.resource is None or action.resource.kind != CLONE:
        return flags
    return flags_of(action, node) | (flags & RUNNABLE)


def _group_flags(action: Action, node: Node | None) -> int:
    assert action.resource is not None
    flags = OPTIONAL | RUNNABLE | PSEUDO
    task = BEGUN_BY.get(action.task, action.task)
    for member in action.resource.children:
        inner = newest_action(member, task, node)
        if inner is None:
            if task not in ("stop", "demote"):
                flags &= ~RUNNABLE
            continue
        inner_flags = flags_of(inner, node)
        if not inner_flags & OPTIONAL and flags & OPTIONAL:
            flags &= ~OPTIONAL
            action.flags &= ~OPTIONAL
        if task != action.task and flags & RUNNABLE and not inner_flags & RUNNABLE:
            flags &= ~RUNNABLE
            action.flags &= ~RUNNABLE
    return flags


def original_task(action: Action) -> str:
    """Return the task of instances that an action of their clone stands for.

    Instances that are groups have actions for the completion of a task themselves.
    """
    task = split_key(action.key)[1]
    position = task.find("_notify_")
    if position >= 0:
        task = task[position + len("_notify_") :]
    resource = action.resource
    if resource is not None and _judged_by(resource, task)[0].kind != PRIMITIVE:
        return task
    return BEGUN_BY.get(task, task)


_INSIDE = frozenset({"promote", "promoted", "demote", "demoted", "notify", "notified"})


def _judged_by(resource: Resource, task: str) -> list[Resource]:
    """Return whose actions make up those of a clone or bundle: what only runs inside is judged there."""
    if resource.bundled is not None and task in _INSIDE:
        return resource.bundled.children
    return resource.instances()


def _clone_flags(action: Action, node: Node | None) -> int:
    assert action.resource is not None
    flags = OPTIONAL | RUNNABLE | PSEUDO
    any_runnable = False
    task = original_task(action)
    for instance in _judged_by(action.resource, action.task):
        inner = newest_action(instance, task, node if instance.kind == PRIMITIVE else None)
        if inner is None:
            continue
        inner_flags = flags_of(inner, node)
        if not inner_flags & OPTIONAL and flags & OPTIONAL:
            flags &= ~OPTIONAL
            action.flags &= ~OPTIONAL
        if inner_flags & RUNNABLE:
            any_runnable = True
    if not any_runnable:
        flags &= ~RUNNABLE
        if node is None:
            action.flags &= ~RUNNABLE
    return flags
