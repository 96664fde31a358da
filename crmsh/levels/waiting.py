"""Waiting until the cluster has nothing left to do."""

from __future__ import annotations

from crmsh.levels.framework import CommandError, Session

WAIT_LIMIT_MS = 3_600_000


def wait_until_idle(session: Session, limit_ms: int = WAIT_LIMIT_MS) -> None:
    """Return when the cluster is idle. Raises CommandError when that takes longer than the limit."""
    from crmd.client import ClientError

    try:
        session.backend.client().wait_idle(limit_ms)
    except ClientError as error:
        raise CommandError(f"waiting for the cluster: {error.text}", error.details, error.rc) from error
