"""The executor's bounds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """All in milliseconds, but for the counts."""

    kill_grace_ms: int = 2_000
    """From SIGTERM of a group to SIGKILL."""
    stuck_ms: int = 2_000
    """From SIGKILL to the report that an agent can't be killed."""
    self_stop_grace_ms: int = 5_000
    """How long an attached controller may take to stop everything after the messaging layer died."""
    self_stop_timeout_ms: int = 20_000
    """Limit of a stop that nobody ordered, where no stop of the resource has named one."""
    max_parallel: int = 64
    """Operations of resources in flight at once; fence agents and meta-data come on top."""
