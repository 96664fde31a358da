"""Notifications: telling the instances of a clone what is about to happen to the others, and what has.

Source: Pacemaker Administration, "Clone notifications"; design page 0010, "Notifications".
"""

from __future__ import annotations

from pengine.actions import notify_key, order_actions, request
from pengine.working import (
    FIRST_IMPLIES_THEN,
    OPTIONAL,
    ORDERED,
    PSEUDO,
    RUNNABLE,
    Action,
    Cluster,
    Notification,
    Resource,
)

_INFINITY = 1_000_000


def add_notifications(cluster: Cluster, clone: Resource, task: str, action: Action, complete: Action) -> None:
    """Ask for the pseudo actions before and after a task of a clone, all optional as the task is."""
    pre = _pseudo(cluster, clone, action, "notify", "pre", task)
    pre_done = _pseudo(cluster, clone, action, "notified", "confirmed-pre", task)
    pre.flags |= RUNNABLE
    pre_done.flags |= RUNNABLE
    post = _pseudo(cluster, clone, complete, "notify", "post", task)
    post_done = _pseudo(cluster, clone, complete, "notified", "confirmed-post", task)
    for item in (post, post_done):
        item.priority = _INFINITY
        item.flags = item.flags & ~RUNNABLE | (complete.flags & RUNNABLE)
    order_actions(pre, pre_done, ORDERED)
    order_actions(pre_done, action, ORDERED)
    order_actions(complete, post, FIRST_IMPLIES_THEN)
    order_actions(post, post_done, FIRST_IMPLIES_THEN)
    order_actions(pre_done, post, ORDERED)
    clone.notifications[task] = Notification(task, pre, pre_done, post, post_done)
    _order_phases(clone, task)


def _pseudo(cluster: Cluster, clone: Resource, about: Action, task: str, kind: str, operation: str) -> Action:
    key = notify_key(clone.id, kind, about.task)
    action = request(cluster, clone, key, task, None, bool(about.flags & OPTIONAL))
    action.flags |= PSEUDO
    action.meta["notify_key_type"] = kind
    action.meta["notify_key_operation"] = about.task
    action.meta["notify_type"] = kind.removeprefix("confirmed-")
    action.meta["notify_operation"] = operation
    return action


_PHASES = (
    ("stop", "start"),
    ("stop", "promote"),
    ("start", "promote"),
    ("demote", "promote"),
    ("demote", "start"),
    ("demote", "stop"),
)


def _order_phases(clone: Resource, task: str) -> None:
    """What goes down is over, and everybody told, before anything goes up."""
    present = clone.notifications
    for first, then in _PHASES:
        if task in (first, then) and first in present and then in present:
            order_actions(present[first].post_done, present[then].pre, ORDERED)


def order_notifications_after_fencing(cluster: Cluster, resource: Resource, stop: Action, fencing: Action) -> None:
    """Tell the instances that are left of one that was stopped by the fencing of its node."""
    optional = bool(fencing.flags & OPTIONAL)
    actions: list[Action] = []
    for kind, task in (("post", "notify"), ("confirmed-post", "notified")):
        action = request(cluster, resource, notify_key(resource.id, kind, "stonith"), task, None, optional)
        action.flags |= PSEUDO | (fencing.flags & RUNNABLE)
        action.priority = _INFINITY
        action.meta["notify_key_type"] = kind
        action.meta["notify_key_operation"] = "stonith"
        action.meta["notify_type"] = "post"
        action.meta["notify_operation"] = stop.task
        actions.append(action)
    order_actions(fencing, actions[0], FIRST_IMPLIES_THEN)
    order_actions(actions[0], actions[1], FIRST_IMPLIES_THEN)
