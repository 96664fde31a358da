"""Results of agents and statuses of operations, in the words of crm_mon. Source: Pacemaker's exit codes."""

OCF_TEXTS = {
    0: "OK",
    1: "Error occurred",
    2: "Invalid parameter",
    3: "Unimplemented",
    4: "Insufficient privileges",
    5: "Not installed",
    6: "Not configured",
    7: "Not running",
    8: "Promoted",
    9: "Failed in promoted role",
    190: "Service is active but might fail soon",
    191: "Service is promoted but might fail soon",
    193: "No exit status available",
}

STATUS_TEXTS = {
    -1: "pending",
    0: "Done",
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
    return OCF_TEXTS.get(rc, "Unknown exit status")


def status_text(status: int) -> str:
    """A status in words."""
    return STATUS_TEXTS.get(status, "UNKNOWN!")
