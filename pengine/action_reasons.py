"""Why an action exists, what it waits for, and why it can't be done.

Source: design page 0010, "Explanations".
"""

from __future__ import annotations

from pengine.colocations import with_this_colocations
from pengine.effective_flags import BEGUN_BY
from pengine.explanation import ActionView, Reason, Wait
from pengine.obstacles import is_fenced, node_state
from pengine.vocabulary import (
    GROUP,
    IF_REQUIRED_ON_SAME_NODE,
    IN_GRAPH,
    OPTIONAL,
    PROMOTED,
    PSEUDO,
    RUNNABLE,
    STOPPED,
)
from pengine.working import Action, Cluster, Resource

_CHANGING = frozenset({"start", "stop", "promote", "demote", "reload-agent"})
_QUORUM = {"no quorum": "no-quorum", "quorum freeze": "quorum-freeze"}


def action_views(cluster: Cluster, resource: Resource) -> list[ActionView]:
    """Explain the actions of a resource that are in the graph, and those that should be done and can't."""
    views: list[ActionView] = []
    for action in resource.actions:
        done = bool(action.flags & IN_GRAPH)
        missing = not action.flags & (OPTIONAL | RUNNABLE) and action.task in _CHANGING and resource.managed
        if not done and not missing:
            continue
        view = ActionView(
            action.task,
            resource.id,
            action.node.name if action.node is not None else None,
            action.interval_ms,
            why_action(cluster, action),
        )
        if done:
            view.waits = [_wait(cluster, action, edge.action, edge.marks) for edge in action.before if edge.in_graph]
        else:
            view.impossible = why_impossible(cluster, action)
        views.append(view)
    return views


def why_action(cluster: Cluster, action: Action) -> Reason:
    """Return why an action is asked for."""
    resource = action.resource
    assert resource is not None
    task = action.task
    node = action.node.name if action.node is not None else ""
    if task == "cancel":
        return Reason("cancel", detail=action.reason or "it does not belong to the role that the resource will have")
    if task == "monitor" and not action.interval_ms:
        return Reason("reprobe" if action.reason else "probe", node=node)
    if action.interval_ms:
        return Reason("recurring", node=node)
    if task == "delete":
        return Reason("lrm_delete", node=node)
    if task in ("lrm_delete", "clear_failcount", "notify"):
        return Reason(task, node=node)
    if resource.children or "_" in task.replace("migrate_", ""):
        return Reason("point")
    if action.flags & PSEUDO and action.node is not None and is_fenced(cluster, action.node):
        return Reason("fenced", node=node)
    if task in ("migrate_to", "migrate_from"):
        return Reason("live-migration")
    if task == "reload-agent":
        return Reason("reload")
    if task in ("stop", "demote"):
        return _why_down(cluster, action, resource)
    return _why_up(cluster, action, resource)


def _why_down(cluster: Cluster, action: Action, resource: Resource) -> Reason:
    node = action.node
    if action.reason == "being multiply active" or len(resource.running_on) > 1:
        return Reason("multiply-active", detail=", ".join(item.name for item in resource.running_on))
    if action.reason == "resource definition change":
        return Reason("definition-changed")
    if resource.removed:
        return Reason("removed", resource.id)
    if node is not None and node.shutdown and action.task == "stop":
        return Reason("shutdown", node=node.name)
    if action.task == "stop" and resource.assigned is not None and node is not resource.assigned:
        return Reason("moves-away", detail=resource.assigned.name)
    if action.task == "stop" and resource.next_role == STOPPED:
        return Reason("to-be-stopped")
    if resource.failed:
        return Reason("recovery")
    if action.task == "demote" and resource.next_role != PROMOTED:
        return Reason("to-be-demoted")
    return _required_by(cluster, action)


def _why_up(cluster: Cluster, action: Action, resource: Resource) -> Reason:
    node = action.node.name if action.node is not None else ""
    if action.reason == "resource definition change":
        return Reason("definition-changed")
    if action.flags & PSEUDO and resource.orig_role != STOPPED:
        return Reason("live-migration")
    if action.flags & OPTIONAL:
        return Reason("awaited", node=node)
    if action.task == "promote" and resource.orig_role != PROMOTED:
        return Reason("to-be-promoted", node=node)
    if resource.orig_role == STOPPED:
        return Reason("to-be-started", node=node)
    if resource.running_on and action.node not in resource.running_on:
        return Reason("moves-here", node=node)
    if resource.failed:
        return Reason("recovery")
    return _required_by(cluster, action)


def _required_by(cluster: Cluster, action: Action) -> Reason:
    """Follow what made an action required to another resource's action, or to a changed definition."""
    seen = {action.id}
    current = action
    while current.required_by is not None and current.required_by.id not in seen:
        cause = current.required_by
        seen.add(cause.id)
        if cause.resource is not None and cause.resource is not action.resource:
            constraint = order_between(cluster, cause, current)
            return Reason("required", cause.resource.id, constraint, BEGUN_BY.get(cause.task, cause.task))
        current = cause
        if current.task in ("start", "promote") and not current.flags & RUNNABLE:
            return why_impossible(cluster, current)[0]
    if action.resource is not None and action.resource.id in cluster.ledger.changed:
        return Reason("definition-changed")
    return Reason("required-by-itself", detail=current.reason or "")


def why_impossible(cluster: Cluster, action: Action) -> list[Reason]:
    """Return why an action can't be done: from what it depends on to what is at the bottom of it."""
    chain: list[Reason] = []
    seen: set[int] = set()
    current: Action | None = action
    while current is not None and current.id not in seen:
        seen.add(current.id)
        cause = current.blocked_by
        if cause is None:
            break
        if cause.resource is not None and cause.resource is not current.resource:
            constraint = order_between(cluster, cause, current) or _colocation_between(cause, current)
            task = BEGUN_BY.get(cause.task, cause.task)
            chain.append(Reason("blocked-by", cause.resource.id, constraint, task))
        elif cause.resource is None:
            chain.append(Reason("blocked-by-point", detail=cause.key))
        current = cause
    if current is not None:
        chain.append(_bottom(cluster, current))
    return chain


def _bottom(cluster: Cluster, action: Action) -> Reason:
    if action.reason in _QUORUM:
        return Reason(_QUORUM[action.reason])
    resource = action.resource
    if resource is not None and resource.id in cluster.ledger.nowhere:
        clone, constraint = cluster.ledger.nowhere[resource.id]
        return Reason("no-partner", clone, constraint)
    if resource is not None and resource.blocked:
        return Reason("blocked", resource.base_id)
    if resource is not None and not resource.managed:
        return Reason("not-managed", resource.id)
    if action.node is None:
        return Reason("no-node", resource.id if resource is not None else action.key)
    state = node_state(cluster, action.node)
    if state is not None:
        return state
    if not cluster.quorate:
        return Reason("quorum-freeze" if cluster.quorum_policy == "freeze" else "no-quorum")
    return Reason("unrunnable", resource.id if resource is not None else "", detail=action.reason or "")


def _lineage(resource: Resource | None) -> list[str]:
    """Return the ids of a resource and of all that it is in."""
    # No generator: one that is compiled does not know `in`.
    found: list[str] = []
    while resource is not None:
        found.append(resource.id)
        resource = resource.parent
    return found


def order_between(cluster: Cluster, first: Action, then: Action) -> str:
    """Return the id of the configured order that relates two actions, in either direction; empty where none does."""
    firsts, thens = set(_lineage(first.resource)), set(_lineage(then.resource))
    task, later = BEGUN_BY.get(first.task, first.task), BEGUN_BY.get(then.task, then.task)
    for constraint, left, left_task, right, right_task in cluster.ledger.orders:
        if left in firsts and right in thens and left_task == task and right_task == later:
            return constraint
        if left in thens and right in firsts and left_task == later and right_task == task:
            return constraint
    return ""


def _colocation_between(cause: Action, action: Action) -> str:
    resource = cause.resource
    names = set(_lineage(action.resource))
    while resource is not None:
        for colocation in with_this_colocations(resource):
            if colocation.explicit and colocation.dependent.id in names:
                return colocation.id
        resource = resource.parent
    return ""


def _wait(cluster: Cluster, action: Action, first: Action, marks: int) -> Wait:
    resource = first.resource
    return Wait(
        _relation(cluster, action, first, marks),
        first.task if resource is not None or first.task == "stonith" else first.key,
        resource.id if resource is not None else None,
        first.node.name if first.node is not None else None,
        first.interval_ms,
    )


def _relation(cluster: Cluster, action: Action, first: Action, marks: int) -> Reason:
    if first.task == "stonith":
        return Reason("after-fencing")
    resource, other = action.resource, first.resource
    if other is None:
        if "one-or-more:" in first.key:
            return Reason("after-enough", constraint=first.key.partition(":")[2])
        return Reason("after-load" if first.key.startswith("load_stopped") else "after-point")
    assert resource is not None
    if other is resource:
        return Reason("after-probe" if first.task == "monitor" and not first.interval_ms else "same-resource")
    constraint = order_between(cluster, first, action)
    if constraint:
        return Reason("order", constraint=constraint)
    if first.task == "monitor" and not first.interval_ms:
        return Reason("after-probe")
    if other.id in _lineage(resource) or resource.id in _lineage(other):
        return Reason("part-of")
    if other.parent is not None and other.parent is resource.parent and other.parent.kind == GROUP:
        return Reason("group-order", other.parent.id)
    if marks & IF_REQUIRED_ON_SAME_NODE:
        constraint = _colocation_between(first, action) or _colocation_between(action, first)
        return Reason("makes-room", constraint=constraint)
    if resource.launcher is other or other.launcher is resource:
        return Reason("launches")
    return Reason("ordered")
