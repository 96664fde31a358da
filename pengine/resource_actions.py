"""Creates the actions that bring each resource from where and what it is to where and what it shall be.

Source: design page 0010, "Resource actions".
"""

from __future__ import annotations

from cib.values import INFINITY
from pengine.actions import operation_key, order_actions, pseudo_action, request_task, set_reason
from pengine.cleanup import schedule_cleanup
from pengine.migration import add_migration_actions, may_migrate
from pengine.notifications import add_notifications
from pengine.recurring import add_recurring_actions
from pengine.resource_state import current_node, is_multiply_active
from pengine.unfencing import order_after_unfencing, unfence_action
from pengine.vocabulary import (
    ALWAYS_IN_GRAPH,
    BUNDLE,
    CLONE,
    FIRST_IMPLIES_THEN,
    GROUP,
    MIGRATABLE,
    MIGRATION_ABORT,
    NEEDS_UNFENCING,
    OPTIONAL,
    PRIMITIVE,
    PROMOTED,
    PSEUDO,
    RUNNABLE,
    STARTED,
    STOP_START,
    STOP_UNEXPECTED,
    STOPPED,
    THEN_IMPLIES_FIRST,
    UNKNOWN,
    UNPROMOTED,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)

_NEXT_STEP = (
    (UNKNOWN, STOPPED, STOPPED, STOPPED, STOPPED),
    (STOPPED, STOPPED, STARTED, UNPROMOTED, UNPROMOTED),
    (STOPPED, STOPPED, STARTED, UNPROMOTED, PROMOTED),
    (STOPPED, STOPPED, STOPPED, UNPROMOTED, PROMOTED),
    (STOPPED, UNPROMOTED, UNPROMOTED, UNPROMOTED, PROMOTED),
)
"""By present and wanted role: the role that comes next on the way."""


def create_actions(cluster: Cluster, resource: Resource) -> None:
    """Create the actions of a resource and of everything below it."""
    if resource.kind == PRIMITIVE:
        _PrimitivePlan(cluster, resource).create()
    elif resource.kind == GROUP:
        _create_group_actions(cluster, resource)
    elif resource.kind == CLONE:
        _create_clone_actions(cluster, resource)
    elif resource.kind == BUNDLE:
        _create_bundle_actions(cluster, resource)


def _create_group_actions(cluster: Cluster, group: Resource) -> None:
    for member in group.children:
        create_actions(cluster, member)
    for task in ("start", "running", "stop", "stopped"):
        pseudo_action(cluster, group, task, True, True)
    if group.top().promotable:
        for task in ("demote", "demoted", "promote", "promoted"):
            pseudo_action(cluster, group, task, True, True)


class _InstanceStates:
    """What the instances of a clone are about to do, taken together."""

    __slots__ = ("active", "restarting", "starting", "stopping")

    def __init__(self) -> None:
        self.active = False
        self.starting = False
        self.stopping = False
        self.restarting = False

    def take(self, instance: Resource) -> None:
        """Take one instance (or a member of one) into account."""
        if instance.children:
            for child in instance.children:
                self.take(child)
            return
        starting = stopping = False
        for action in instance.actions:
            if action.flags & OPTIONAL:
                continue
            if action.task == "start" and action.flags & RUNNABLE:
                starting = True
            elif action.task == "stop" and action.flags & (RUNNABLE | PSEUDO):
                stopping = True
        self.active = self.active or bool(instance.running_on)
        self.starting = self.starting or starting
        self.stopping = self.stopping or stopping
        self.restarting = self.restarting or (starting and stopping)


def _create_bundle_actions(cluster: Cluster, bundle: Resource) -> None:
    states = _InstanceStates()
    for replica in bundle.replicas:
        for part in (replica.ip, replica.container, replica.connection):
            if part is not None:
                create_actions(cluster, part)
    for replica in bundle.replicas:
        states.take(replica.container)
    _create_collective_actions(cluster, bundle, states)
    clone = bundle.bundled
    if clone is None:
        return
    create_actions(cluster, clone)
    if clone.promotable:
        for task in ("promote", "promoted", "demote", "demoted"):
            action = pseudo_action(cluster, bundle, task, True, True)
            if task in ("promoted", "demoted"):
                action.priority = INFINITY


def _create_clone_actions(cluster: Cluster, clone: Resource) -> None:
    states = _InstanceStates()
    for instance in clone.children:
        create_actions(cluster, instance)
        states.take(instance)
    start, running, stop, stopped = _create_collective_actions(cluster, clone, states)
    if clone.notify:
        add_notifications(cluster, clone, "start", start, running)
        add_notifications(cluster, clone, "stop", stop, stopped)
    if clone.promotable:
        _create_promotable_actions(cluster, clone)


def _create_collective_actions(
    cluster: Cluster, clone: Resource, states: _InstanceStates
) -> tuple[Action, Action, Action, Action]:
    start = pseudo_action(cluster, clone, "start", not states.starting, True)
    running = pseudo_action(cluster, clone, "running", not states.starting, False)
    running.priority = INFINITY
    if states.active or states.starting:
        running.set(RUNNABLE)
    else:
        running.clear(RUNNABLE)
    stop = pseudo_action(cluster, clone, "stop", not states.stopping, True)
    stopped = pseudo_action(cluster, clone, "stopped", not states.stopping, True)
    stopped.priority = INFINITY
    if not states.restarting:
        stop.set(MIGRATABLE)
    return start, running, stop, stopped


def _create_promotable_actions(cluster: Cluster, clone: Resource) -> None:
    promoting = demoting = False
    for instance in clone.children:
        create_actions(cluster, instance)
        promoting = promoting or _any_required(instance, "promote")
        demoting = demoting or _any_required(instance, "demote")
    for task, done, active in (("promote", "promoted", promoting), ("demote", "demoted", demoting)):
        action = pseudo_action(cluster, clone, task, not active, True)
        complete = pseudo_action(cluster, clone, done, not active, True)
        complete.priority = INFINITY
        if clone.notify:
            add_notifications(cluster, clone, task, action, complete)
    for instance in clone.children:
        instance.priority = clone.priority  # it served as promotion score until now


def _any_required(resource: Resource, task: str) -> bool:
    if resource.children:
        return any(_any_required(child, task) for child in resource.children)
    return any(action.task == task and not action.flags & OPTIONAL for action in resource.actions)


class _PrimitivePlan:
    """Works out the actions of one primitive."""

    def __init__(self, cluster: Cluster, resource: Resource) -> None:
        self.cluster = cluster
        self.resource = resource
        self.current = current_node(resource)
        self.need_stop = False
        self.need_promote = False
        self.restarting = False
        self.stop_unexpected = False

    def create(self) -> None:
        """Create all actions of the primitive."""
        cluster, resource = self.cluster, self.resource
        if resource.next_role == UNKNOWN:
            resource.next_role = STOPPED if resource.assigned is None else STARTED
        for source in resource.dangling_sources:
            stop = request_task(cluster, resource, "stop", source, False)
            stop.set(MIGRATION_ABORT)
        migrate = self._decide()
        self._restart_chain()
        self._role_chain()
        add_recurring_actions(cluster, resource)
        if migrate and self.current is not None:
            add_migration_actions(cluster, resource, self.current)

    def _decide(self) -> bool:
        """Find out what must be stopped, and whether a live migration is possible instead."""
        cluster, resource, current = self.cluster, self.resource, self.current
        moving = (
            current is not None
            and resource.assigned is not None
            and current is not resource.assigned
            and resource.next_role >= STARTED
        )
        migrate = False
        if moving and current is not None:
            self.need_stop = True
            migrate = may_migrate(resource, current)
        source, target = resource.migration_source, resource.migration_target
        multiply_active = False
        if source is not None and target is not None and migrate and self._continues_migration():
            pass
        elif target is not None:
            resource.migration_source = resource.migration_target = None
            self.need_stop = True
            migrate = False
        else:
            multiply_active = is_multiply_active(resource)
        if multiply_active and resource.multiple_active == STOP_START:
            self.need_stop = True
        elif multiply_active and resource.multiple_active == STOP_UNEXPECTED:
            self.need_stop = True
            self.stop_unexpected = True
        if resource.start_pending:
            start = request_task(cluster, resource, "start", resource.assigned, True)
            start.set(ALWAYS_IN_GRAPH)
        if not moving:
            self._decide_in_place()
        return migrate

    def _continues_migration(self) -> bool:
        resource = self.resource
        return (
            len(resource.running_on) == 2
            and self.current is resource.migration_source
            and resource.assigned is resource.migration_target
        )

    def _decide_in_place(self) -> None:
        resource = self.resource
        if resource.failed:
            if resource.stop_if_failed:
                self.need_stop = True
            elif resource.next_role == PROMOTED:
                self.need_promote = True
        elif resource.blocked:
            self.need_stop = True
        elif resource.orig_role > STARTED and self.current is not None and resource.assigned is not None:
            start = request_task(self.cluster, resource, "start", resource.assigned, True)
            if not start.flags & OPTIONAL:
                self.need_stop = True

    def _restart_chain(self) -> None:
        """Go down from the present role and up to it again; optional unless something demands it."""
        resource = self.resource
        self.restarting = True
        role = resource.orig_role
        while role != STOPPED:
            following = _NEXT_STEP[role][STOPPED]
            self._step(role, following, self.current, not self.need_stop)
            role = following
        while resource.orig_role <= resource.next_role and role != resource.orig_role and not resource.blocked:
            following = _NEXT_STEP[role][resource.orig_role]
            required = self.need_stop or (following == PROMOTED and self.need_promote)
            self._step(role, following, resource.assigned, not required)
            role = following
        self.restarting = False

    def _role_chain(self) -> None:
        resource = self.resource
        role = resource.orig_role
        while role != resource.next_role:
            following = _NEXT_STEP[role][resource.next_role]
            self._step(role, following, resource.assigned, False)
            role = following

    def _step(self, role: int, following: int, node: Node | None, optional: bool) -> None:
        if following == STOPPED:
            self._stop(optional)
        elif role == STOPPED:
            self._start(node, optional)
        elif following == PROMOTED:
            self._promote(node, optional)
        elif role == PROMOTED:
            self._demote(optional)

    def _is_expected(self, node: Node) -> bool:
        """Say whether a multiply active resource may simply stay on this node."""
        return (
            self.stop_unexpected
            and self.restarting
            and self.resource.next_role > STOPPED
            and self.resource.assigned is node
        )

    def _stop(self, optional: bool) -> None:
        cluster, resource = self.cluster, self.resource
        for node in list(resource.running_on):
            if self._is_expected(node):
                continue
            if resource.migration_target is not None:
                if node is resource.migration_target and node is resource.assigned:
                    continue
                optional = False
            stop = request_task(cluster, resource, "stop", node, optional)
            if resource.assigned is None:
                set_reason(stop, "node availability", overwrite=True)
            elif self.stop_unexpected and self.restarting and resource.next_role > STOPPED:
                set_reason(stop, "being multiply active", overwrite=True)
            if not resource.managed:
                stop.clear(RUNNABLE)
            if cluster.options.remove_after_stop:
                schedule_cleanup(cluster, resource, node, optional)
            if resource.requires == NEEDS_UNFENCING:
                unfence = unfence_action(cluster, node, True, None)
                order_actions(stop, unfence, THEN_IMPLIES_FIRST)

    def _start(self, node: Node | None, optional: bool) -> None:
        if node is None:
            return
        start = request_task(self.cluster, self.resource, "start", node, True)
        order_after_unfencing(self.cluster, self.resource, node, start, FIRST_IMPLIES_THEN)
        if start.flags & RUNNABLE and not optional:
            start.clear(OPTIONAL)
        if self._is_expected(node):
            start.set(PSEUDO)

    def _promote(self, node: Node | None, optional: bool) -> None:
        if node is None:
            return
        if all(start.flags & RUNNABLE for start in self._on(node, "start")):
            promote = request_task(self.cluster, self.resource, "promote", node, optional)
            if self._is_expected(node):
                promote.set(PSEUDO)
            return
        for promote in self._on(node, "promote"):
            promote.clear(RUNNABLE)

    def _demote(self, optional: bool) -> None:
        for node in list(self.resource.running_on):
            if not self._is_expected(node):
                request_task(self.cluster, self.resource, "demote", node, optional)

    def _on(self, node: Node, task: str) -> list[Action]:
        key = operation_key(self.resource.id, task)
        return [action for action in self.resource.actions_by_key.get(key, ()) if action.node is node]
