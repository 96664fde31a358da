"""What an action of a group or clone amounts to, given the actions of what is below it.

Source: design page 0010, "Effective flags".
"""

from __future__ import annotations

from pengine.actions import newest_action, split_key
from pengine.instance_index import InstanceActions
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
    """Return an action's flags; for collective resources judged by their parts (on a node, if named).

    What the parts lost the action itself loses with it. The judgement is kept until one of the parts changes.
    """
    resource = action.resource
    if resource is None or resource.kind == PRIMITIVE:
        return action.flags
    judged = action.judged
    if judged is None or action.judged_at != resource.changes.count:
        judged = {}
    index = -1 if node is None else node.index
    flags = judged.get(index, -1)
    if flags < 0:
        flags = _group_flags(action, node) if resource.kind == GROUP else _clone_flags(action, resource, node)
        judged[index] = flags
    # What was judged before still holds: only actions of collective resources have changed by judging.
    action.judged = judged
    action.judged_at = resource.changes.count
    return flags


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
            action.clear(OPTIONAL)
        if task != action.task and flags & RUNNABLE and not inner_flags & RUNNABLE:
            flags &= ~RUNNABLE
            action.clear(RUNNABLE)
    return flags


def original_task(action: Action) -> str:
    """Return the task of instances that an action of their clone stands for.

    Instances that are groups have actions for the completion of a task themselves.
    """
    if action.original_task is None:
        action.original_task = _original_task(action)
    return action.original_task


def _original_task(action: Action) -> str:
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


def _clone_flags(action: Action, resource: Resource, node: Node | None) -> int:
    task = original_task(action)
    inside = resource.bundled is not None and action.task in _INSIDE
    parts = resource.parts.get((task, inside))
    if parts is None:
        parts = _parts(resource, action.task, task)
        resource.parts[(task, inside)] = parts
    flags = OPTIONAL | RUNNABLE | PSEUDO
    any_runnable = False
    if node is None:
        chosen = parts.newest
    else:
        chosen = parts.by_node.get(node.index, _NOTHING)
        # A group with nothing to do on the node is in nobody's way: it may go down there.
        any_runnable = parts.groups > len(chosen) and BEGUN_BY.get(task, task) in ("stop", "demote")
    for inner in chosen:
        inner_flags = flags_of(inner, node)
        if not inner_flags & OPTIONAL:
            flags &= ~OPTIONAL
        if inner_flags & RUNNABLE:
            any_runnable = True
    if not flags & OPTIONAL:
        action.clear(OPTIONAL)
    if not any_runnable:
        flags &= ~RUNNABLE
        if node is None:
            action.clear(RUNNABLE)
    return flags


_NOTHING: list[Action] = []


def _parts(resource: Resource, about: str, task: str) -> InstanceActions:
    """Find the actions of `task` of what a clone or bundle consists of; `about` is the task of its own action."""
    parts = InstanceActions()
    begun = BEGUN_BY.get(task, task)
    for instance in _judged_by(resource, about):
        inner = newest_action(instance, task, None)
        if inner is None:
            continue
        parts.newest.append(inner)
        seen: set[int] = set()
        if instance.kind == PRIMITIVE:
            for candidate in reversed(instance.actions_by_task[task]):
                if candidate.node is not None and candidate.node.index not in seen:
                    seen.add(candidate.node.index)
                    parts.add(candidate.node.index, candidate)
            continue
        parts.groups += 1
        for member in instance.children:
            for candidate in member.actions_by_task.get(begun, ()):
                if candidate.node is not None and candidate.node.index not in seen:
                    seen.add(candidate.node.index)
                    parts.add(candidate.node.index, inner)
    return parts
