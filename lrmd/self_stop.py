"""When the node must not run anything any more and nobody orders the stops: which mode holds, and what is next."""

from enum import Enum

from lrmd.messages import Operation
from lrmd.resource import Resource

SELF_STOP_KEY = "0:0:0:stopped-by-the-executor"
"""No transition's, but it tells what was expected (0), without which a result counts as a failure in the CIB."""


def stop_of(resource: Resource, default_timeout_ms: int) -> Operation:
    """The stop that the executor orders itself, with what it learnt from the last operation."""
    timeout_ms = resource.stop_timeout_ms or default_timeout_ms
    meta = {**resource.meta, "CRM_meta_name": "stop", "CRM_meta_timeout": str(timeout_ms)}
    meta.pop("CRM_meta_interval", None)
    return Operation(
        resource.name,
        resource.agent,
        "stop",
        0,
        timeout_ms,
        resource.parameters,
        meta,
        transition_key=SELF_STOP_KEY,
    )


class Mode(Enum):
    """Who stops what."""

    NORMAL = "normal"
    """The DC orders."""
    GRACE = "grace"
    """The messaging layer died; the controller that is attached may stop everything itself, within a bound."""
    STOPPING = "stopping"
    """The executor stops everything itself, in reverse order of start, one resource at a time."""


class SelfStop:
    """Owns the sequence of stops that nobody orders.

    One at a time, newest first: what was started later may depend on what was started earlier, and the executor knows
    no constraints. A stop that fails is not repeated; the rest is stopped all the same, because every resource that
    is down makes the peers' takeover safer.
    """

    def __init__(self) -> None:
        self.mode = Mode.NORMAL
        self.reason = ""
        self.failed: list[str] = []
        """Resources whose stop failed, in that order."""

    def grace(self, reason: str) -> None:
        """Let the controller try first."""
        self.mode = Mode.GRACE
        self.reason = reason

    def begin(self, reason: str) -> None:
        """Stop everything from here on."""
        self.mode = Mode.STOPPING
        self.reason = reason

    def next(self, active_order: list[str]) -> str | None:
        """The resource to stop now; None when there is nothing left that was not tried."""
        return next((name for name in reversed(active_order) if name not in self.failed), None)
