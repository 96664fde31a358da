"""What only the running cluster knows of its status: the controller's advice and the fencing history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmsh.backend import Backend, BackendError
from crmsh.status.model import UNKNOWN, ClusterStatus, FencingView
from ipc.version import NAME, VERSION

if TYPE_CHECKING:
    from crmd.messages import FenceRecord


class LiveParts:
    """The controller's sentences, and its fencing actions, newest first."""

    __slots__ = ("advice", "fencing")

    def __init__(self, advice: list[str], fencing: list[FencingView]) -> None:
        self.advice, self.fencing = advice, fencing

    def complete(self, status: ClusterStatus) -> None:
        """Add it to what the CIB says. What runs is known even where the CIB has no mark of it: a node that is alone
        may not have written it yet."""
        status.advice = list(dict.fromkeys([*self.advice, *status.advice]))
        status.fencing = self.fencing
        if status.summary.stack == UNKNOWN:
            status.summary.stack = NAME
        if status.summary.coordinator.version == UNKNOWN:
            status.summary.coordinator.version = VERSION


def live_parts(backend: Backend) -> LiveParts | None:
    """Ask the cluster; None where the backend is a file. Raises BackendError."""
    if not backend.live:
        return None
    from crmd.client_errors import ClientError

    client = backend.client()
    try:
        return LiveParts(list(client.state().advice), fencing_views(client.fence_history()))
    except ClientError as error:
        raise BackendError(error.rc, error.text, error.details) from error


def fencing_views(records: tuple[FenceRecord, ...]) -> list[FencingView]:
    """Each record as what the renderers show."""
    return [
        FencingView(r.target, r.action, r.state, r.origin, r.executed_by, r.client, r.device, r.reason, r.completed_at)
        for r in records
    ]
