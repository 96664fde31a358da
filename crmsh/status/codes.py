"""Results of agents and statuses of operations, in the words of crm_mon. Source: Pacemaker's services library."""

OCF_TEXTS = {
    0: "ok",
    1: "error",
    2: "invalid parameter",
    3: "unimplemented feature",
    4: "insufficient privileges",
    5: "not installed",
    6: "not configured",
    7: "not running",
    8: "promoted",
    9: "promoted (failed)",
    190: "degraded",
    191: "promoted (degraded)",
    193: "unknown",
}

STATUS_TEXTS = {
    -1: "pending",
    0: "complete",
    1: "Cancelled",
    2: "Timed Out",
    3: "NOT SUPPORTED",
    4: "Error",
    5: "Hard error",
    6: "Fatal error",
    7: "Not installed",
    8: "Not connected",
    9: "Internal communication failure",
}


def rc_text(rc: int) -> str:
    """A result in words."""
    return OCF_TEXTS.get(rc, "unknown")


def status_text(status: int) -> str:
    """A status in words."""
    return STATUS_TEXTS.get(status, "UNKNOWN!")
