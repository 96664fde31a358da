"""Fencing of guest nodes: nothing is done to them directly, the recovery of their launcher is it."""

from __future__ import annotations

from pengine.actions import fence_action, newest_action, order_actions
from pengine.vocabulary import (
    FIRST_IMPLIES_THEN,
    OPTIONAL,
    ORDERED,
    PSEUDO,
    RUNNABLE,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
)


def fence_guest(cluster: Cluster, node: Node) -> Action:
    """Ask for the pseudo fencing of a guest, after whatever really stops it."""
    connection = node.connection
    assert connection is not None
    launcher = connection.launcher
    assert launcher is not None
    stop = newest_action(launcher, "stop", None)
    start = newest_action(launcher, "start", None)
    operation = "off" if start is None else "reboot"
    fencing = fence_action(cluster, node, operation, False, "guest is unclean")
    fencing.set(PSEUDO | RUNNABLE)
    fencing.clear(OPTIONAL)
    marks = UNRUNNABLE_FIRST_BLOCKS | FIRST_IMPLIES_THEN
    if stop is not None and stop.flags & PSEUDO and stop.node is not None:
        host = fence_action(cluster, stop.node, None, False, None)
        order_actions(host, fencing, marks)
    elif stop is not None:
        order_actions(stop, fencing, marks)
    else:
        connection_stop = newest_action(connection, "stop", None)
        if connection_stop is not None:
            order_actions(connection_stop, fencing, ORDERED)
    return fencing
