"""Notifications: telling the instances of a clone what is about to happen to the others, and what has.

Source: Pacemaker Administration, "Clone notifications"; design page 0010, "Notifications".
"""

from __future__ import annotations

from cib.values import INFINITY
from pengine.actions import newest_action, notify_key, order_actions, request
from pengine.relations import (
    Notification,
)
from pengine.resource_state import current_node
from pengine.vocabulary import (
    FIRST_IMPLIES_THEN,
    OPTIONAL,
    ORDERED,
    PROMOTED,
    PSEUDO,
    RUNNABLE,
    STARTED,
    STOPPED,
    UNPROMOTED,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)


def add_notifications(cluster: Cluster, clone: Resource, task: str, action: Action, complete: Action) -> None:
    """Ask for the pseudo actions before and after a task of a clone, all optional as the task is."""
    pre = _pseudo(cluster, clone, action, "notify", "pre", task)
    pre_done = _pseudo(cluster, clone, action, "notified", "confirmed-pre", task)
    pre.set(RUNNABLE)
    pre_done.set(RUNNABLE)
    post = _pseudo(cluster, clone, complete, "notify", "post", task)
    post_done = _pseudo(cluster, clone, complete, "notified", "confirmed-post", task)
    for item in (post, post_done):
        item.priority = INFINITY
        _take_runnable(item, complete)
    order_actions(pre, pre_done, ORDERED)
    order_actions(pre_done, action, ORDERED)
    order_actions(complete, post, FIRST_IMPLIES_THEN)
    order_actions(post, post_done, FIRST_IMPLIES_THEN)
    order_actions(pre_done, post, ORDERED)
    clone.notifications[task] = Notification(task, pre, pre_done, post, post_done)
    _order_phases(clone, task)


def _take_runnable(action: Action, other: Action) -> None:
    """Make an action runnable where, and only where, another one is."""
    if other.flags & RUNNABLE:
        action.set(RUNNABLE)
    else:
        action.clear(RUNNABLE)


def _pseudo(cluster: Cluster, clone: Resource, about: Action, task: str, kind: str, operation: str) -> Action:
    key = notify_key(clone.id, kind, about.task)
    action = request(cluster, clone, key, task, None, bool(about.flags & OPTIONAL))
    action.set(PSEUDO)
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
            pre = present[then].pre
            assert pre is not None
            order_actions(present[first].post_done, pre, ORDERED)


def order_notifications_after_fencing(cluster: Cluster, resource: Resource, stop: Action, fencing: Action) -> None:
    """Tell the instances that are left of one that was stopped by the fencing of its node."""
    optional = bool(fencing.flags & OPTIONAL)
    actions: list[Action] = []
    for kind, task in (("post", "notify"), ("confirmed-post", "notified")):
        action = request(cluster, resource, notify_key(resource.id, kind, "stonith"), task, None, optional)
        action.set(PSEUDO)
        _take_runnable(action, fencing)
        action.priority = INFINITY
        action.meta["notify_key_type"] = kind
        action.meta["notify_key_operation"] = "stonith"
        action.meta["notify_type"] = "post"
        action.meta["notify_operation"] = stop.task
        actions.append(action)
    order_actions(fencing, actions[0], FIRST_IMPLIES_THEN)
    order_actions(actions[0], actions[1], FIRST_IMPLIES_THEN)
    notification = Notification("stop", None, None, actions[0], actions[1])
    notification.entries["notify_stop_resource"] = resource.id
    notification.entries["notify_stop_uname"] = stop.node.name if stop.node is not None else " "
    notify_instances(cluster, resource.top(), notification, _Lists())


# Telling the instances


class _Lists:
    """Which instances are in which state, and which have what to do: (resource id, node)."""

    __slots__ = ("by_name",)

    def __init__(self) -> None:
        self.by_name: dict[str, list[tuple[str, Node | None]]] = {name: [] for name in _LISTS}


_LISTS = ("inactive", "active", "unpromoted", "promoted", "start", "stop", "promote", "demote")
_STATE_LISTS = {
    STOPPED: ("inactive",),
    STARTED: ("active",),
    UNPROMOTED: ("unpromoted", "active"),
    PROMOTED: ("promoted", "active"),
}
_TASKS = ("start", "stop", "promote", "demote")
_ALIASES = {"unpromoted": "slave", "promoted": "master"}


def create_notifications(cluster: Cluster, clone: Resource) -> None:
    """Create the notify actions of a clone's instances, now that everything else is settled."""
    for task in _TASKS:
        notification = clone.notifications.get(task)
        if notification is None:
            continue
        lists = _Lists()
        _collect(clone, lists)
        notification.entries = _entries(cluster, clone, lists)
        if lists.by_name[task]:
            for action in (
                notification.pre,
                notification.pre_done,
                notification.post,
                notification.post_done,
            ):
                if action is not None:
                    action.clear(OPTIONAL)
        notify_instances(cluster, clone, notification, lists)


def _collect(resource: Resource, lists: _Lists) -> None:
    if resource.children:
        for child in resource.children:
            _collect(child, lists)
        return
    node = resource.running_on[0] if resource.running_on else None
    for name in _STATE_LISTS.get(resource.orig_role, ()):
        lists.by_name[name].append((resource.id, node))
    for action in resource.actions:
        if action.flags & OPTIONAL or action.node is None or action.task not in _TASKS:
            continue
        if action.flags & RUNNABLE or (action.task == "stop" and action.node.unclean):
            lists.by_name[action.task].append((resource.id, action.node))


def _entries(cluster: Cluster, clone: Resource, lists: _Lists) -> dict[str, str]:
    entries: dict[str, str] = {}
    for name, members in lists.by_name.items():
        chosen: dict[str, Node | None] = {}
        for identifier, node in sorted(members, key=_entry_key):
            chosen.setdefault(identifier, node)
        resources = " ".join(chosen) or " "
        names = " ".join(node.name for node in chosen.values() if node is not None) or " "
        for title in (name, _ALIASES.get(name)):
            if title is not None:
                entries[f"notify_{title}_resource"] = resources
                if name != "inactive":
                    entries[f"notify_{title}_uname"] = names
    available = [node.name for node in cluster.nodes if cluster.entry_exists(clone, node)]
    entries["notify_available_uname"] = " ".join(available) or " "
    entries["notify_all_uname"] = " ".join(node.name for node in cluster.nodes) or " "
    if clone.meta.get("container-attribute-target", "").lower() == "host":
        entries["notify_all_hosts"] = " ".join(_host_name(node) for node in cluster.nodes) or " "
    return entries


def _entry_key(entry: tuple[str, Node | None]) -> tuple[str, str]:
    identifier, node = entry
    return identifier, node.id if node is not None else ""


def _host_name(node: Node) -> str:
    launcher = node.connection.launcher if node.connection is not None else None
    if launcher is None:
        return node.name
    host = current_node(launcher)
    return host.name if host is not None else node.name


def notify_instances(cluster: Cluster, resource: Resource, notification: Notification, lists: _Lists) -> None:
    """Create the notify actions of a resource or of all below it."""
    if resource.children:
        for child in resource.children:
            notify_instances(cluster, child, notification, lists)
        return
    for action in resource.actions:
        if not action.flags & OPTIONAL and action.node is not None and action.task in _TASKS:
            for name, value in notification.entries.items():
                action.meta.setdefault(name, value)
    task = notification.task
    if task != "stop" and not lists.by_name[task]:
        return
    if task in ("stop", "demote"):
        if resource.orig_role != STOPPED:
            _notify_going_down(cluster, resource, notification)
    elif resource.next_role != STOPPED:
        _notify_going_up(cluster, resource, notification)


def _notify_going_down(cluster: Cluster, resource: Resource, notification: Notification) -> None:
    for node in resource.running_on:
        stop = newest_action(resource, "stop", node)
        if stop is not None and stop.flags & PSEUDO and (node.unclean or node.reset):
            continue  # nobody is there to be told
        _notify(cluster, resource, node, notification, before=True)
        if notification.task == "demote" or stop is None or stop.flags & OPTIONAL:
            _notify(cluster, resource, node, notification, before=False)


def _notify_going_up(cluster: Cluster, resource: Resource, notification: Notification) -> None:
    node = resource.assigned
    if node is None:
        return
    start = newest_action(resource, "start", None)
    if start is not None and _behind_dead_connection(node):
        return
    if notification.task != "start" or start is None or start.flags & OPTIONAL:
        _notify(cluster, resource, node, notification, before=True)
    _notify(cluster, resource, node, notification, before=False)


def _behind_dead_connection(node: Node) -> bool:
    if not node.is_remote_kind or node.connection is None:
        return False
    start = newest_action(node.connection, "start", None)
    return start is not None and not start.flags & RUNNABLE


def _notify(cluster: Cluster, resource: Resource, node: Node, notification: Notification, *, before: bool) -> None:
    pseudo = notification.pre if before else notification.post
    done = notification.pre_done if before else notification.post_done
    if pseudo is not None and done is not None and node.online and pseudo.flags & RUNNABLE:
        key = notify_key(resource.id, pseudo.meta["notify_type"], pseudo.meta["notify_operation"])
        action = request(cluster, resource, key, "notify", node, bool(pseudo.flags & OPTIONAL))
        for name, value in pseudo.meta.items():
            action.meta.setdefault(name, value)
        action.meta.update(notification.entries)
        order_actions(pseudo, action, ORDERED)
        order_actions(action, done, ORDERED)
        if not before:
            action.priority = INFINITY
    if before:
        return
    for monitor in resource.actions:
        if monitor.interval_ms and monitor.task != "cancel":
            order_actions(notification.post_done, monitor, ORDERED)
