"""When the node must not run anything any more and nobody orders the stops: which mode holds, and what is next."""

from enum import Enum


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
