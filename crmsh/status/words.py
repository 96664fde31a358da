"""The words for what nodes and resources are doing, the same in every tool that shows a status.

Loads nothing that is slow to import.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself is slow to import
if TYPE_CHECKING:
    from typing import Protocol

    class HasState(Protocol):
        """A node, as far as its state goes; `running` is what is active there."""

        online: bool
        unclean: bool
        pending: bool
        standby: bool
        standby_on_fail: bool
        maintenance: bool

        @property
        def running(self) -> object: ...


PENDING_STATES = {
    "start": "Starting",
    "stop": "Stopping",
    "migrate_to": "Migrating",
    "migrate_from": "Migrating",
    "promote": "Promoting",
    "demote": "Demoting",
}
"""What a resource is doing, by the operation that has no result yet."""


def node_state(node: HasState) -> str:
    """A node's state in words."""
    if node.unclean:
        return f"UNCLEAN ({'online' if node.online else 'pending' if node.pending else 'offline'})"
    if node.pending:
        return "pending"
    if node.standby_on_fail and node.online:
        return "standby (on-fail)"
    if node.standby:
        if not node.online:
            return "OFFLINE (standby)"
        return "standby (with active resources)" if node.running else "standby"
    if node.maintenance:
        return "maintenance" if node.online else "OFFLINE (maintenance)"
    return "online" if node.online else "OFFLINE"
