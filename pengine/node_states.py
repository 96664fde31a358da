"""Which nodes are up, and which must be fenced: reads the state of every node.

Source: Pacemaker Explained, "Node state"; design page 0010.
"""

from __future__ import annotations

from cib.values import MINUS_INFINITY, ValueFormatError, is_true, leading_integer, parse_boolean
from pengine.actions import fence_node
from pengine.namevalue import evaluate
from pengine.nodes import find_node, utilization_of
from pengine.state import NodeStatus
from pengine.vocabulary import (
    STARTED,
    STOPPED,
)
from pengine.working import (
    Cluster,
    Node,
)


def read_node_state(cluster: Cluster, status: NodeStatus) -> None:
    """Take what the status says about one node; states of unknown nodes are ignored."""
    if status.id is None and status.name is None:
        return
    node = find_node(cluster, status.id, status.name)
    if node is None:
        return
    node.status_attributes = status.attributes
    if node.is_remote_kind:
        return  # their state follows from their connections, once the history is known
    node.attributes.update(evaluate(status.transient, cluster.context))
    for name, value in utilization_of(status.utilization, cluster).items():
        node.utilization.setdefault(name, value)
    node.unclean = False
    node.seen = True
    node.standby = is_true(node.attributes.get("standby"))
    node.maintenance = is_true(node.attributes.get("maintenance"))
    node.shutdown = shutdown_requested(node)
    node.expected_up = status.attributes.get("expected") == "member" and not node.shutdown
    if cluster.options.fencing_enabled:
        node.online = _online_with_fencing(cluster, node, status.attributes)
    else:
        node.online = _online_without_fencing(cluster, node, status.attributes)
    if not node.online or node.shutdown:
        node.score = MINUS_INFINITY
    if node.online and cluster.quorum_policy == "fence" and not cluster.quorate:
        fence_node(cluster, node, "cluster does not have quorum")


def shutdown_requested(node: Node) -> bool:
    """Say whether a node has been told to shut down."""
    value = node.attributes.get("shutdown")
    return value is not None and value != "0"


def member_time(cluster: Cluster, attributes: dict[str, str]) -> int:
    """Return since when a node is a member (seconds), 0 where it is none, -1 where it was never seen."""
    text = attributes.get("in_ccm")
    if text is None:
        return -1
    try:
        return cluster.now if parse_boolean(text) else 0
    except ValueFormatError:
        value = leading_integer(text)
        return -1 if value is None or value < 0 else value


def online_time(attributes: dict[str, str]) -> int:
    """Return since when a node's controller is online (seconds), 0 where it is not."""
    text = attributes.get("crmd")
    if text is None or text == "offline":
        return 0
    if text == "online":
        return 1
    return max(0, leading_integer(text) or 0)


def _online_without_fencing(cluster: Cluster, node: Node, attributes: dict[str, str]) -> bool:
    if member_time(cluster, attributes) <= 0:
        return False
    if online_time(attributes) > 0:
        return attributes.get("join") == "member"
    if node.expected_up:
        fence_node(cluster, node, "peer is unexpectedly down")
    return False


def _online_with_fencing(cluster: Cluster, node: Node, attributes: dict[str, str]) -> bool:
    since = member_time(cluster, attributes)
    online = online_time(attributes)
    join = attributes.get("join")
    expected = attributes.get("expected")
    if node.shutdown:
        return online > 0
    if since < 0:
        fence_node(cluster, node, "peer has not been seen by the cluster")
    elif join in ("nack", "banned"):
        fence_node(cluster, node, "peer failed Pacemaker membership criteria")
    elif _termination_requested(node):
        if since <= 0 and online <= 0 and join == "down":
            return False
        fence_node(cluster, node, "fencing was requested")
    elif expected is None or expected == "down":
        if _pending_too_long(cluster, since, online):
            fence_node(cluster, node, "peer pending timed out on joining the process group")
        elif since > 0 or online > 0:
            _make_pending(node)
    elif since <= 0:
        fence_node(cluster, node, "peer is no longer part of the cluster", priority_delay=True)
    elif online <= 0:
        fence_node(cluster, node, "peer process is no longer available")
    elif join == "member":
        pass
    elif join in ("pending", "down"):
        _make_pending(node)
    else:
        fence_node(cluster, node, "peer was in an unknown state")
    return since > 0


def _termination_requested(node: Node) -> bool:
    value = node.attributes.get("terminate")
    if value is None:
        return False
    return is_true(value) or (leading_integer(value) or 0) > 0


def _pending_too_long(cluster: Cluster, since: int, online: int) -> bool:
    timeout = cluster.options.pending_timeout_s
    if timeout <= 0 or since <= 0 or online > 0:
        return False
    if cluster.now >= since + timeout:
        return True
    cluster.context.note_recheck(since + timeout)
    return False


def _make_pending(node: Node) -> None:
    node.standby = True
    node.pending = True


def update_remote_state(cluster: Cluster, node: Node) -> None:
    """Work out whether a remote or guest node is up, from its connection and its launcher."""
    connection = node.connection
    if connection is None:
        node.online = False
        return
    launcher = connection.launcher
    host = connection.running_on[0] if launcher is not None and len(connection.running_on) == 1 else None
    if connection.orig_role == STARTED:
        node.online = True
        if connection.next_role == STOPPED:
            node.shutdown = True
    if launcher is not None and launcher.failed:
        node.online = False
        node.reset = True
    elif connection.failed:
        node.online = False
    elif connection.orig_role == STOPPED or (launcher is not None and launcher.orig_role == STOPPED):
        node.online = False
        node.reset = False
    elif host is not None and not host.online and host.unclean:
        node.online = False
        node.reset = True


def read_remote_attributes(cluster: Cluster, node: Node) -> None:
    """Take the transient attributes of a remote or guest node."""
    status = next(
        (
            item
            for item in cluster.state.node_status
            if (item.id or "").lower() == node.id.lower() or (item.name or "").lower() == node.name_lower
        ),
        None,
    )
    if status is None:
        return
    if not node.reset:
        node.unclean = False
        node.seen = True
    node.attributes.update(evaluate(status.transient, cluster.context))
    if shutdown_requested(node):
        node.shutdown = True
    if is_true(node.attributes.get("standby")):
        node.standby = True
    connection = node.connection
    if is_true(node.attributes.get("maintenance")) or (connection is not None and not connection.managed):
        node.maintenance = True
