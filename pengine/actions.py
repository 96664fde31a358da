"""Creates actions: asks for what has to be done, once for each thing and node.

`request` finds or makes an action; the rest are the standing actions of the cluster itself (fencing,
shutdown, cleaning up) and how an ordering between two actions is recorded.
"""

from __future__ import annotations

from bisect import insort

from pengine.device_digests import add_device_digests
from pengine.operations import find_action_operation, operation_meta
from pengine.relations import (
    OrderingRequest,
)
from pengine.resources import evaluate_for
from pengine.vocabulary import (
    IF_FIRST_UNMIGRATABLE,
    NEEDS_FENCING,
    NEEDS_NOTHING,
    NEEDS_QUORUM,
    ON_DC,
    OPTIONAL,
    ORDERED,
    PROMOTED,
    PSEUDO,
    RUNNABLE,
    UNPROMOTED,
)
from pengine.working import (
    Action,
    Cluster,
    Edge,
    Node,
    Resource,
)


def operation_key(resource_id: str, task: str, interval_ms: int = 0) -> str:
    """Return the key of an operation."""
    return f"{resource_id}_{task}_{interval_ms}"


def notify_key(resource_id: str, kind: str, task: str) -> str:
    """Return the key of a notification."""
    return f"{resource_id}_{kind}_notify_{task}_0"


def find_actions(resource: Resource, key: str, node: Node | None) -> list[Action]:
    """Return the actions with a key, oldest first; on a node those that are there or nowhere yet.

    An action that is nowhere yet is taken to the node.
    """
    actions = resource.actions_by_key.get(key)
    if actions is None:
        return []
    if node is None:
        return list(actions)
    found: list[Action] = []
    for action in actions:
        if action.node is None:
            action.place(node)
            found.append(action)
        elif action.node is node:
            found.append(action)
    return found


def find_actions_exact(resource: Resource, key: str, node: Node) -> list[Action]:
    """Return the actions with a key that are on this very node, oldest first; moves nothing."""
    return [action for action in resource.actions_by_key.get(key, ()) if action.node is node]


def newest_action(resource: Resource, task: str, node: Node | None) -> Action | None:
    """Return the newest action of a task, on a node or anywhere."""
    for action in reversed(resource.actions_by_task.get(task, ())):
        if node is None or action.node is node:
            return action
    return None


def change_task(resource: Resource, action: Action, task: str) -> None:
    """Make an action one of another task."""
    resource.actions_by_task[action.task].remove(action)
    action.task = task
    insort(resource.actions_by_task.setdefault(task, []), action, key=_age)
    action.changed(structure=True)


def _age(action: Action) -> int:
    return action.id


def first_action(resource: Resource, task: str, node: Node | None) -> Action | None:
    """Return the oldest action of a non-recurring task on a node (or anywhere)."""
    for action in resource.actions_by_key.get(operation_key(resource.id, task), ()):
        if node is None or action.node is node:
            return action
    return None


def request(
    cluster: Cluster,
    resource: Resource | None,
    key: str,
    task: str,
    node: Node | None,
    optional: bool,
    interval_ms: int = 0,
) -> Action:
    """Return the action with this key on this node; what is asked for as required becomes required."""
    action = _existing(cluster, resource, key, node)
    if action is None:
        action = _create(cluster, resource, key, task, node, optional, interval_ms)
    if resource is None:
        if not optional:
            action.clear(OPTIONAL)
        return action
    if not resource.managed and action.node is not None and not action.flags & PSEUDO and action.interval_ms == 0:
        action.set(OPTIONAL)
    elif not optional:
        action.clear(OPTIONAL)
    if action.node is not None and action.operation is not None and action.parameters is None:
        parameters = action.operation.parameters
        action.parameters = evaluate_for(cluster, parameters, resource, action.node)
    _update_runnable(cluster, action, resource)
    return action


def request_task(cluster: Cluster, resource: Resource, task: str, node: Node | None, optional: bool) -> Action:
    """Ask for a non-recurring operation of a resource."""
    return request(cluster, resource, operation_key(resource.id, task), task, node, optional)


def pseudo_action(cluster: Cluster, resource: Resource, task: str, optional: bool, runnable: bool) -> Action:
    """Ask for a pseudo action of a collective resource."""
    action = request(cluster, resource, operation_key(resource.id, task), task, None, optional)
    action.set(PSEUDO)
    if runnable:
        action.set(RUNNABLE)
    return action


def global_pseudo_action(cluster: Cluster, name: str) -> Action:
    """Return the pseudo action without a resource that has this name, as key and as task."""
    action = request(cluster, None, name, name, None, True)
    action.set(PSEUDO | RUNNABLE)
    return action


def _existing(cluster: Cluster, resource: Resource | None, key: str, node: Node | None) -> Action | None:
    if resource is not None:
        candidates = resource.actions_by_key.get(key)
    else:
        candidates = cluster.actions_by_key.get(key)
    if candidates is None:
        return None
    if node is None:
        return candidates[0]
    first: Action | None = None
    for action in candidates:
        if action.node is None:
            action.place(node)
        if action.node is node and first is None:
            first = action
    return first


def _create(
    cluster: Cluster,
    resource: Resource | None,
    key: str,
    task: str,
    node: Node | None,
    optional: bool,
    interval_ms: int,
) -> Action:
    action = Action(len(cluster.actions) + 1, key, task, resource)
    action.node = node
    action.interval_ms = interval_ms
    action.flags = RUNNABLE | (OPTIONAL if optional else 0) | (ON_DC if task == "lrm_delete" else 0)
    cluster.actions.append(action)
    if resource is None:
        cluster.actions_by_key.setdefault(key, []).append(action)
        return action
    resource.actions.append(action)
    resource.actions_by_key.setdefault(key, []).append(action)
    resource.actions_by_task.setdefault(task, []).append(action)
    action.changed(structure=True)
    action.operation = find_action_operation(resource, key, task, interval_ms)
    action.meta = operation_meta(cluster, resource, task, interval_ms, action.operation, node)
    if task in ("start", "promote"):
        if resource.needs_fencing:
            action.needs = NEEDS_FENCING
        elif resource.requires == NEEDS_QUORUM:
            action.needs = NEEDS_QUORUM
    return action


def _update_runnable(cluster: Cluster, action: Action, resource: Resource) -> None:
    if action.flags & PSEUDO:
        return
    node = action.node
    if node is None:
        action.clear(RUNNABLE)
    elif not action.flags & ON_DC and not node.online and (not node.is_guest or node.reset):
        action.clear(RUNNABLE)
        if resource.managed and action.task == "stop" and not node.unclean:
            fence_node(cluster, node, "stop is unrunnable")
    elif not action.flags & ON_DC and node.pending:
        action.clear(RUNNABLE)
    elif action.needs == NEEDS_NOTHING:
        action.reason = None
        if node.is_guest and not can_fence(cluster, node):
            action.clear(RUNNABLE)
        else:
            action.set(RUNNABLE)
    else:
        _apply_quorum_policy(cluster, action, resource)


def _apply_quorum_policy(cluster: Cluster, action: Action, resource: Resource) -> None:
    policy = effective_quorum_policy(cluster, resource)
    if policy == "stop":
        action.clear(RUNNABLE)
        action.reason = "no quorum"
    elif policy == "freeze":
        if not is_active(resource, True) or resource.next_role > resource.orig_role:
            action.clear(RUNNABLE)
            action.reason = "quorum freeze"
        # What may stay keeps what was found before: an action that had no node then stays blocked, so that a resource
        # whose definition changed is stopped and not started again.
    else:
        action.set(RUNNABLE)


def effective_quorum_policy(cluster: Cluster, resource: Resource) -> str:
    """Return the policy that holds for a resource; under "demote" its next role may be lowered."""
    if cluster.quorate:
        return "ignore"
    policy = cluster.quorum_policy
    if policy == "demote":
        if resource.orig_role in (PROMOTED, UNPROMOTED):
            resource.next_role = min(resource.next_role, UNPROMOTED)
            return "ignore"
        return "stop"
    return policy


def is_active(resource: Resource, every: bool) -> bool:
    """Say whether a resource is active: a primitive anywhere, a collective with any (or every) child."""
    if not resource.children:
        if resource.kind != 0:
            return False
        for node in resource.running_on:
            if node.unclean:
                return True
            if not node.online and resource.managed:
                continue
            return True
        return False
    states = [is_active(child, every) for child in resource.children]
    return all(states) if every else any(states)


def set_reason(action: Action, reason: str, overwrite: bool = False) -> None:
    """Give an action its reason; the first one stays unless it is to be overwritten."""
    if action.reason is None or overwrite:
        action.reason = reason


# Fencing


def fence_action(
    cluster: Cluster,
    node: Node,
    operation: str | None,
    optional: bool,
    reason: str | None,
    priority_delay: bool = False,
) -> Action:
    """Ask for the fencing (or, with operation "on", unfencing) of a node."""
    mode = operation if operation is not None else cluster.options.fencing_action
    key = f"stonith-{node.name}-{mode}"
    is_new = key not in cluster.actions_by_key
    action = request(cluster, None, key, "stonith", node, True)
    if is_new and cluster.unfencing and add_device_digests(cluster, action, node):
        optional = False
    action.meta["on_node"] = node.name
    action.meta["on_node_uuid"] = node.id
    action.meta["stonith_action"] = mode
    if cluster.options.priority_fencing_delay_s > 0 and (priority_delay or "priority-fencing-delay" in action.meta):
        action.meta["priority-fencing-delay"] = str(_priority_delay(cluster, node))
    if not optional and can_fence(cluster, node):
        action.clear(OPTIONAL)
        if reason is not None:
            set_reason(action, reason)
    elif reason is not None and action.reason is None:
        action.reason = reason
    return action


def _priority_delay(cluster: Cluster, node: Node) -> int:
    members = [candidate for candidate in cluster.nodes if candidate.kind == "cluster"]
    online = [candidate for candidate in members if candidate.online]
    if node.kind != "cluster" or node.online or len(online) > len(members) // 2:
        return 0
    priorities = [candidate.priority for candidate in members]
    if min(priorities) == max(priorities) or node.priority < max(priorities):
        return 0
    return cluster.options.priority_fencing_delay_s


def fence_node(cluster: Cluster, node: Node, reason: str, priority_delay: bool = False) -> None:
    """Declare that a node must be fenced before anything that it may run is recovered."""
    connection = node.connection
    if node.is_guest and connection is not None and connection.launcher is not None:
        launcher = connection.launcher
        if not launcher.failed and launcher.managed:
            node.reset = True
            launcher.failed = True
            launcher.stop_if_failed = True
        return
    if node.kind == "container":
        if connection is not None and not connection.failed:
            connection.failed = True
        return
    if node.kind == "remote":
        if connection is None or connection.managed:
            node.reset = True
        node.unclean = True
        fence_action(cluster, node, None, True, reason)
        return
    if not node.unclean:
        node.unclean = True
        cluster.announce(f"node {node.name} must be fenced: {reason}")
        fence_action(cluster, node, None, True, reason, priority_delay)


def can_fence(cluster: Cluster, node: Node, through: tuple[Node, ...] = ()) -> bool:
    """Say whether the cluster is able, and allowed, to fence a node now.

    `through` are the guests that are gone when this node is. A status may say of guests that they host each other;
    nobody can tell then what would have to be fenced.
    """
    connection = node.connection
    if node.is_guest and connection is not None and connection.launcher is not None:
        if node in through:
            return False
        through = (*through, node)
        return all(host.online or can_fence(cluster, host, through) for host in connection.launcher.running_on)
    if not (cluster.options.fencing_enabled and cluster.fence_device_exists):
        return False
    if cluster.quorate or cluster.quorum_policy == "ignore":
        return True
    if not node.online:
        return False
    if node.kind == "remote" and connection is not None and not cluster.options.fence_remote_without_quorum:
        scores = connection.allowed.scores
        return all(host.online for host in cluster.nodes if scores[host.index] > -(1 << 49))
    return True


# Orderings


def order_actions(first: Action, then: Action, marks: int) -> bool:
    """Record that `first` comes before `then`; False where an edge with any of the marks exists."""
    if marks == 0 or first is then:
        return False
    existing = first.after_marks.get(then.id, 0)
    if existing & marks:
        return False
    first.after_marks[then.id] = existing | marks
    first.after.append(Edge(then, marks))
    then.before.append(Edge(first, marks))
    return True


def request_ordering(
    cluster: Cluster,
    first_resource: Resource | None,
    first_key: str,
    first: Action | None,
    then_resource: Resource | None,
    then_key: str,
    then: Action | None,
    marks: int,
) -> None:
    """Ask that one thing come before another, once all actions exist."""
    if first is not None and first_resource is None:
        first_resource = first.resource
    if then is not None and then_resource is None:
        then_resource = then.resource
    cluster.ordering_requests.append(
        OrderingRequest(first_resource, first_key, first, then_resource, then_key, then, marks)
    )
    if (
        first_resource is not None
        and then_resource is not None
        and then_resource.allow_migrate
        and first_resource is not then_resource
        and not _is_ancestor(first_resource, then_resource)
        and not _is_ancestor(then_resource, first_resource)
    ):
        first_task = first.task if first is not None else task_of(first_key)
        then_task = then.task if then is not None else task_of(then_key)
        _order_migration(cluster, first_resource, first_task, then_resource, then_task)


def order_tasks(cluster: Cluster, first: Resource, first_task: str, then: Resource, then_task: str, marks: int) -> None:
    """Ask that a task of one resource come before a task of another."""
    request_ordering(
        cluster,
        first,
        operation_key(first.id, first_task),
        None,
        then,
        operation_key(then.id, then_task),
        None,
        marks,
    )


def split_key(key: str) -> tuple[str, str, int]:
    """Return (resource id, task, interval in milliseconds) of an operation's key."""
    head, _, interval = key.rpartition("_")
    if not interval.isdigit():
        return key, "", 0
    for task in ("migrate_to", "migrate_from"):
        if head.endswith("_" + task):
            return head[: -len(task) - 1], task, int(interval)
    for kind in ("confirmed-post_notify", "confirmed-pre_notify", "post_notify", "pre_notify"):
        position = head.rfind(f"_{kind}_")
        if position >= 0:
            return head[:position], head[position + 1 :], int(interval)
    resource, _, task = head.rpartition("_")
    return resource, task, int(interval)


def task_of(key: str) -> str:
    """Return the task in an operation's key."""
    return split_key(key)[1]


def _is_ancestor(candidate: Resource, resource: Resource) -> bool:
    parent = resource.parent
    while parent is not None:
        if parent is candidate:
            return True
        parent = parent.parent
    return False


def _order_migration(cluster: Cluster, first: Resource, first_task: str, then: Resource, then_task: str) -> None:
    """Add what an ordering means when the later resource migrates instead of starting or stopping."""
    if first_task == "start" and then_task == "start":
        marks = ORDERED
        if first.allow_migrate:
            order_tasks(cluster, first, "migrate_from", then, "migrate_to", ORDERED)
            marks |= IF_FIRST_UNMIGRATABLE
        order_tasks(cluster, first, "start", then, "migrate_to", marks)
    elif first_task == "promote" and then_task == "start":
        order_tasks(cluster, first, "promote", then, "migrate_to", ORDERED)
    elif (first_task == "stop" or first_task == "demote") and then_task == "stop":
        order_tasks(cluster, first, first_task, then, "migrate_to", ORDERED)
        if then.migration_target is not None:
            order_tasks(cluster, first, first_task, then, "migrate_from", ORDERED)
