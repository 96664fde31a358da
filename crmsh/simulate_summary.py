"""Writes what a transition does to nodes and resources: the "Transition Summary"."""

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


def summary_lines(cluster: Cluster) -> list[str]:
    """Return a line for each node that is fenced and each resource that changes."""
    lines: list[str] = []
    lines.extend(
        _fencing_line(action, action.node)
        for action in reversed(cluster.actions)
        if action.task == "stonith" and not action.flags & OPTIONAL and action.node is not None
    )
    writer = _ResourceSummary()
    for resource in cluster.resources:
        writer.write(resource)
    return [f"  * {line}" for line in lines + writer.lines]


def _fencing_line(action: Action, node: Node) -> str:
    connection = node.connection
    launcher = connection.launcher if connection is not None else None
    through = f" (resource: {launcher.id})" if launcher is not None else ""
    reason = f" '{action.reason}'" if action.reason else ""
    return f"Fence ({action.meta.get('stonith_action', 'reboot')}) {node.name}{through}{reason}"


class _ResourceSummary:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._id_width = 5
        self._details_width = 5

    def write(self, resource: Resource) -> None:
        """Append the lines of a resource and of all below it."""
        if resource.kind != PRIMITIVE:
            children = list(resource.children)
            if resource.kind == BUNDLE:
                parts = (
                    (replica.ip, replica.container, replica.connection, replica.child) for replica in resource.replicas
                )
                children = [part for group in parts for part in group if part is not None]
            for child in children:
                self.write(child)
            return
        current = resource.running_on[0] if resource.running_on else None
        following = resource.assigned
        if not resource.managed or (current is None and following is None):
            return
        if resource.removed and current is None:
            return
        if current is not None and resource.orig_role == STOPPED:
            resource.orig_role = STARTED
        _Change(self, resource, current_node(resource), following).write()

    def add(
        self,
        change: str,
        resource: Resource,
        current: Node | None,
        following: Node | None,
        source: Action | None,
        reason: Action | None,
    ) -> None:
        """Append one line; `source` tells whether it can be done, `reason` why it must be."""
        details = _details(resource, current, following)
        self._id_width = max(self._id_width, len(resource.id) + 2)
        self._details_width = max(self._details_width, len(details))
        text = f"{change:<8}   {resource.id:<{self._id_width}}   ( {details:>{self._details_width}} )"
        why = reason.reason if reason is not None else None
        blocked = source is not None and not source.flags & RUNNABLE
        if why and blocked:
            text += f"  due to {why} (blocked)"
        elif why:
            text += f"  due to {why}"
        elif blocked:
            text += "  blocked"
        self.lines.append(text)


def _details(resource: Resource, current: Node | None, following: Node | None) -> str:
    roles = resource.orig_role > STARTED or resource.next_role > UNPROMOTED
    old, new = ROLE_NAMES[resource.orig_role], ROLE_NAMES[resource.next_role]
    if current is None:
        assert following is not None
        return f"{old} -> {new} {following.name}" if roles else following.name
    if following is None:
        return f"{old} {current.name}" if roles else current.name
    same_role = resource.orig_role == resource.next_role
    if current is following:
        if not roles:
            return current.name
        return f"{old} {current.name}" if same_role else f"{old} -> {new} {current.name}"
    if same_role:
        return f"{current.name} -> {following.name}" + (f" {new}" if roles else "")
    return f"{old} {current.name} -> {new} {following.name}"


class _Change:
    """Finds the word for what happens to one primitive."""

    def __init__(self, out: _ResourceSummary, resource: Resource, current: Node | None, following: Node | None) -> None:
        self._out = out
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
        self._out.add(change, self._resource, self._current, self._following, source, reason or source)

    def _moving(self) -> bool:
        return self._current is not None and self._following is not None and self._current is not self._following

    def write(self) -> None:
        """Append the line or lines, if anything happens."""
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
            self._out.add(
                "Stop",
                resource,
                self._current,
                None,
                stop,
                stop if stop is not None and stop.reason is not None else start,
            )
        elif self._moving():
            self._add("Recover" if resource.failed else "Move", stop)
        elif resource.failed:
            self._out.add("Recover", resource, self._current, None, stop, stop)
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
            self._out.add("Stop", resource, node, None, stop, reason)
