"""What a transition does to nodes and resources: the "Transition Summary"."""

from __future__ import annotations

from pengine.actions import find_actions, newest_action, operation_key
from pengine.resource_state import current_node
from pengine.vocabulary import (
    BUNDLE,
    OPTIONAL,
    PRIMITIVE,
    PROMOTED,
    ROLE_NAMES,
    RUNNABLE,
    STARTED,
    STOP_UNEXPECTED,
    STOPPED,
    UNPROMOTED,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)

_WIDTH_MIN = 5
_GAP = 2
"""By how much the column of ids is wider than the id that made it wider: ids that are a little longer then fit too."""


class NodeChange:
    """A node that is fenced. `launcher` is what it runs in, if it is a guest."""

    __slots__ = ("launcher", "node", "operation", "reason")

    def __init__(self, node: str, operation: str, reason: str | None, launcher: str | None) -> None:
        self.node = node
        self.operation = operation
        self.reason = reason
        self.launcher = launcher

    @property
    def task(self) -> str:
        """What happens to the node."""
        return f"Fence ({self.operation})"

    @property
    def name(self) -> str:
        """The node's name; with a guest's what it runs in."""
        return self.node if self.launcher is None else f"{self.node} (resource: {self.launcher})"


class ResourceChange:
    """What happens to a primitive: `change` is the word for it; None: it is not active (`origin`), or will not be.

    `old_role` and `new_role` are told (`with_roles`) where they are more than that it is started or not.
    `reason` is why it must be; `blocked` says that it can't be done.
    """

    __slots__ = (
        "blocked",
        "change",
        "destination",
        "new_role",
        "old_role",
        "origin",
        "reason",
        "resource",
        "with_roles",
    )

    def __init__(
        self,
        change: str,
        resource: Resource,
        origin: Node | None,
        destination: Node | None,
        source: Action | None,
        reason: Action | None,
    ) -> None:
        self.change = change
        self.resource = resource.id
        self.origin = origin.name if origin is not None else None
        self.destination = destination.name if destination is not None else None
        self.old_role = ROLE_NAMES[resource.orig_role]
        self.new_role = ROLE_NAMES[resource.next_role]
        self.with_roles = resource.orig_role > STARTED or resource.next_role > UNPROMOTED
        self.reason = (reason.reason if reason is not None else None) or None
        self.blocked = source is not None and not source.flags & RUNNABLE


class Summary:
    """Everything that a transition does, in the order in which people are told."""

    __slots__ = ("nodes", "resources")

    def __init__(self, nodes: list[NodeChange], resources: list[ResourceChange]) -> None:
        self.nodes = nodes
        self.resources = resources


def summarize(cluster: Cluster) -> Summary:
    """Return what the decision about a cluster does to nodes and resources."""
    nodes = [
        _fencing(action, action.node)
        for action in reversed(cluster.actions)
        if action.task == "stonith" and not action.flags & OPTIONAL and action.node is not None
    ]
    changes: list[ResourceChange] = []
    for resource in cluster.resources:
        _collect(resource, changes)
    return Summary(nodes, changes)


def summary_lines(summary: Summary) -> list[str]:
    """Return a line for each node that is fenced and each resource that changes.

    Nothing is said of fencing that has no reason, such as unfencing for a device that has changed.
    """
    lines = [f"  * {node.task} {node.name} '{node.reason}'" for node in summary.nodes if node.reason]
    id_width = _WIDTH_MIN
    details = [_details(change) for change in summary.resources]
    for change in summary.resources:
        if len(change.resource) > id_width:
            id_width = len(change.resource) + _GAP
    details_width = max([_WIDTH_MIN, *(len(text) for text in details)])
    for change, where in zip(summary.resources, details, strict=True):
        text = f"{change.change:<8}   {change.resource:<{id_width}}   ( {where:>{details_width}} )"
        if change.reason and change.blocked:
            text += f"  due to {change.reason} (blocked)"
        elif change.reason:
            text += f"  due to {change.reason}"
        elif change.blocked:
            text += "  blocked"
        lines.append(f"  * {text}")
    return lines


def _fencing(action: Action, node: Node) -> NodeChange:
    connection = node.connection
    launcher = connection.launcher if connection is not None else None
    operation = action.meta.get("stonith_action", "reboot")
    return NodeChange(node.name, operation, action.reason, launcher.id if launcher is not None else None)


def _collect(resource: Resource, changes: list[ResourceChange]) -> None:
    """Append the changes of a resource and of all below it."""
    if resource.kind != PRIMITIVE:
        children = list(resource.children)
        if resource.kind == BUNDLE:
            parts = (
                (replica.ip, replica.container, replica.connection, replica.child) for replica in resource.replicas
            )
            children = [part for group in parts for part in group if part is not None]
        for child in children:
            _collect(child, changes)
        return
    current = resource.running_on[0] if resource.running_on else None
    following = resource.assigned
    if not resource.managed or (current is None and following is None):
        return
    if resource.removed and current is None:
        return
    if current is not None and resource.orig_role == STOPPED:
        resource.orig_role = STARTED
    _Change(changes, resource, current_node(resource), following).write()


def _details(change: ResourceChange) -> str:
    roles, old, new = change.with_roles, change.old_role, change.new_role
    current, following = change.origin, change.destination
    if current is None:
        return f"{old} -> {new} {following}" if roles else following or ""
    if following is None:
        return f"{old} {current}" if roles else current
    same_role = old == new
    if current == following:
        if not roles:
            return current
        return f"{old} {current}" if same_role else f"{old} -> {new} {current}"
    if same_role:
        return f"{current} -> {following}" + (f" {new}" if roles else "")
    return f"{old} {current} -> {new} {following}"


class _Change:
    """Finds the word for what happens to one primitive."""

    def __init__(
        self, changes: list[ResourceChange], resource: Resource, current: Node | None, following: Node | None
    ) -> None:
        self._changes = changes
        self._resource = resource
        self._current = current
        self._following = following
        self._start = self._first("start", following) if following is not None else None
        stop_on = current
        if self._start is None or not self._start.flags & RUNNABLE:
            stop_on = None
        self._stop = self._first("stop", stop_on)
        if self._stop is None and stop_on is not None and resource.multiple_active == STOP_UNEXPECTED:
            self._stop = self._first("stop", None)
        self._promote = self._first("promote", following)
        self._demote = self._first("demote", following)

    def _first(self, task: str, node: Node | None) -> Action | None:
        """Return the oldest action of a task on a node; one that had no node yet counts."""
        key = operation_key(self._resource.id, task)
        return next(iter(find_actions(self._resource, key, node)), None)

    def _add(self, change: str, source: Action | None, reason: Action | None = None) -> None:
        self._tell(change, self._current, self._following, source, reason or source)

    def _tell(
        self, change: str, origin: Node | None, destination: Node | None, source: Action | None, reason: Action | None
    ) -> None:
        """Append a change; `source` tells whether it can be done, `reason` why it must be."""
        self._changes.append(ResourceChange(change, self._resource, origin, destination, source, reason))

    def _moving(self) -> bool:
        return self._current is not None and self._following is not None and self._current is not self._following

    def write(self) -> None:
        """Append the change or changes, if anything happens."""
        if self._resource.orig_role == self._resource.next_role:
            self._write_same_role()
        else:
            self._write_other_role()

    def _write_same_role(self) -> None:
        resource, start, stop = self._resource, self._start, self._stop
        migrate = self._first("migrate_from", self._following)
        if migrate is not None and migrate.flags & RUNNABLE and self._current is not None:
            if not migrate.flags & OPTIONAL:
                self._add("Migrate", start)
        elif resource.reload:
            self._add("Reload", start)
        elif start is None or start.flags & OPTIONAL:
            self._write_repromote()
        elif not start.flags & RUNNABLE:
            self._tell(
                "Stop",
                self._current,
                None,
                stop,
                stop if stop is not None and stop.reason is not None else start,
            )
        elif self._moving():
            self._add("Recover" if resource.failed else "Move", stop)
        elif resource.failed:
            self._tell("Recover", self._current, None, stop, stop)
        else:
            self._add("Restart", start)

    def _write_repromote(self) -> None:
        promote, demote = self._promote, self._demote
        if promote is not None and demote is not None and not demote.flags & OPTIONAL and not promote.flags & OPTIONAL:
            self._add("Re-promote", promote, demote)

    def _write_other_role(self) -> None:
        resource, start, stop = self._resource, self._start, self._stop
        unrunnable = start is not None and not start.flags & RUNNABLE
        if stop is not None and (resource.next_role == STOPPED or unrunnable):
            self._write_stops(start)
        elif stop is not None and resource.failed and resource.stop_if_failed:
            self._add("Recover", stop, start)
        elif self._moving():
            self._add("Move", stop)
        elif resource.reload:
            self._add("Reload", start)
        elif stop is not None and not stop.flags & OPTIONAL:
            self._add("Restart", start)
        elif resource.orig_role == PROMOTED:
            self._add("Demote", self._demote)
        elif resource.next_role == PROMOTED:
            self._add("Promote", self._promote)
        elif resource.orig_role == STOPPED and resource.next_role > STOPPED:
            self._add("Start", start)

    def _write_stops(self, start: Action | None) -> None:
        resource = self._resource
        for node in resource.running_on:
            stop = newest_action(resource, "stop", node)
            if stop is None:
                continue
            reason = stop if stop.reason is not None or start is None else start
            self._tell("Stop", node, None, stop, reason)
