"""Where a resource is active, and what its failures mean for it and its node.

Source: design page 0010, "History".
"""

from __future__ import annotations

from cib.values import INFINITY
from pengine.actions import fence_node, request_task
from pengine.ledger import add_on_node, ban, fresh_banned_table
from pengine.vocabulary import (
    BAN,
    BLOCK,
    BUNDLE,
    DEMOTE,
    FENCE,
    GROUP,
    IGNORE,
    MULTIPLE_BLOCK,
    OPTIONAL,
    PRIMITIVE,
    PROMOTED,
    RESET_REMOTE,
    RESTART,
    RESTART_CONTAINER,
    STANDBY,
    STARTED,
    STOP,
    STOP_ONLY,
    STOPPED,
    UNKNOWN,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)


def current_node(resource: Resource) -> Node | None:
    """Return the node on which a resource counts as being now."""
    nodes = active_nodes(resource)
    if not nodes:
        return None
    source = resource.migration_source
    if source is not None and source in nodes:
        return source
    if resource.needs_fencing:
        return nodes[0]
    for node in nodes:
        if node.online and not node.unclean:
            return node
    return nodes[0]


def active_nodes(resource: Resource) -> list[Node]:
    """Return the nodes on which a resource is active, in the order in which that became known."""
    return resource.running_on


def active_counts(resource: Resource) -> tuple[int, int]:
    """Return on how many nodes a resource is active, and on how many that are up."""
    every = len(resource.running_on)
    clean = sum(1 for node in resource.running_on if node.online and not node.unclean)
    return every, clean


def is_multiply_active(resource: Resource) -> bool:
    """Say whether a primitive is active more often than it may be.

    A group that is spread over nodes is not: none of its members need be active twice.
    """
    if resource.kind != PRIMITIVE:
        return False
    every, clean = active_counts(resource)
    return (every if resource.needs_fencing else clean) > 1


def add_running(cluster: Cluster, resource: Resource, node: Node, failed: bool) -> None:
    """Note that a resource is active on a node, and deal with one that is active too often."""
    if node in resource.running_on:
        return
    resource.running_on.append(node)
    if resource.kind == PRIMITIVE:
        node.running.append(resource)
        if resource.priority and not failed:
            _add_priority(node, resource.priority + (1 if resource.orig_role == PROMOTED else 0))
        if node.maintenance:
            resource.managed = False
            resource.maintenance = True
    if not resource.managed:
        add_on_node(cluster, resource, node, INFINITY, "unmanaged")
        ancestor = resource.parent
        while ancestor is not None:
            ancestor.running_on.append(node)
            ancestor = ancestor.parent
        return
    if is_multiply_active(resource) and resource.migration_target is None:
        if resource.multiple_active == STOP_ONLY:
            fresh_banned_table(cluster, resource, "multiple-active")
        elif resource.multiple_active == MULTIPLE_BLOCK:
            _block(resource)
            parent = resource.parent
            if parent is not None and parent.kind in (GROUP, BUNDLE) and parent.multiple_active == MULTIPLE_BLOCK:
                for sibling in parent.children:
                    _block(sibling)
    if resource.parent is not None:
        add_running(cluster, resource.parent, node, failed=False)


def _add_priority(node: Node, amount: int) -> None:
    """Let a node, and the hosts of a guest, count for more when one of two sides has to die."""
    node.priority += amount
    launcher = node.connection.launcher if node.connection is not None else None
    if launcher is not None:
        for host in launcher.running_on:
            host.priority += amount


def _block(resource: Resource) -> None:
    resource.managed = False
    resource.blocked = True


def apply_history(cluster: Cluster, resource: Resource, node: Node, reaction: int) -> None:
    """Draw the consequences of all operations of a resource on a node."""
    if resource.orig_role != UNKNOWN:
        _mark_known(resource, node)
    active = resource.orig_role > STOPPED
    if active and resource.managed and not node.online and not node.maintenance:
        _fence_for_lost_resource(cluster, resource, node)
    if node.unclean:
        reaction = IGNORE
    if reaction != IGNORE:
        _apply_reaction(cluster, resource, node, reaction)
    if resource.failed and resource.is_connection:
        remote = cluster.node_by_id.get(resource.id.lower())
        if remote is not None and remote.unclean:
            remote.seen = True
    if resource.orig_role > STOPPED:
        add_running(cluster, resource, node, failed=reaction != IGNORE)
        if reaction != IGNORE:
            resource.failed = True
            if reaction not in (DEMOTE, BLOCK):
                resource.stop_if_failed = True
    else:
        if resource.history_id is not None and ":" in resource.history_id:
            resource.history_id = None
        if resource.actions:
            for action in resource.actions_by_key.get(f"{resource.id}_stop_0", ()):
                if action.node is node:
                    action.set(OPTIONAL)
    if resource.orig_role == STOPPED and resource.migration_source is node and resource.migration_target:
        resource.orig_role = STARTED


def _mark_known(resource: Resource, node: Node) -> None:
    current: Resource | None = resource
    while current is not None:
        current.known_on[node.index] = node
        if current.unique:
            break
        current = current.parent


def _fence_for_lost_resource(cluster: Cluster, resource: Resource, node: Node) -> None:
    """A resource that may still be active on a node that is not there makes that node dangerous."""
    if node.is_guest:
        resource.failed = True
        resource.stop_if_failed = True
        fence_node(cluster, node, f"{resource.id} is thought to be active there")
        return
    if not cluster.options.fencing_enabled:
        return
    reason = f"{resource.id} is thought to be active there"
    if node.is_remote_kind and node.connection is not None and not node.connection.failed:
        node.seen = False
        reason = (
            f"{resource.id} is active there (fencing will be revoked if remote connection can be "
            "re-established elsewhere)"
        )
    fence_node(cluster, node, reason)


def _apply_reaction(cluster: Cluster, resource: Resource, node: Node, reaction: int) -> None:
    active = resource.orig_role > STOPPED
    if reaction == DEMOTE:
        resource.failed = True
        request_task(cluster, resource, "demote", node, False)
    elif reaction == FENCE:
        fence_node(cluster, node, f"{resource.id} failed there")
    elif reaction == STANDBY:
        node.standby = True
        node.standby_on_fail = True
    elif reaction == BLOCK:
        _block(resource)
    elif reaction == BAN:
        ban(cluster, resource, node, "on-fail")
    elif reaction == STOP:
        resource.next_role = STOPPED
    elif reaction == RESTART:
        if active:
            resource.failed = True
            resource.stop_if_failed = True
            request_task(cluster, resource, "stop", node, False)
    elif reaction == RESTART_CONTAINER:
        resource.failed = True
        resource.stop_if_failed = True
        if resource.launcher is not None and resource.launcher.parent is not None:
            cluster.restart_containers.append(resource.launcher)
        elif resource.launcher is not None:
            request_task(cluster, resource.launcher, "stop", node, False)
        elif active:
            request_task(cluster, resource, "stop", node, False)
    elif reaction == RESET_REMOTE:
        _reset_remote(cluster, resource, node, active)


def _reset_remote(cluster: Cluster, resource: Resource, node: Node, active: bool) -> None:
    resource.failed = True
    resource.stop_if_failed = True
    if cluster.options.fencing_enabled:
        remote = cluster.node_by_id.get(resource.id.lower())
        fenced = remote is not None and remote.status_attributes.get("node_fenced", "0") != "0"
        if remote is not None and not fenced:
            remote.seen = True
            fence_node(cluster, remote, "remote connection is unrecoverable")
    if active:
        request_task(cluster, resource, "stop", node, False)
    if resource.reconnect_interval_ms:
        resource.next_role = STOPPED
