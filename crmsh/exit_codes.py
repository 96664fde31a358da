"""The exit codes that all tools share, and the texts that name them. Source: Pacemaker's crm_exit codes."""

OK = 0
ERROR = 1
INVALID_PARAMETER = 2
UNIMPLEMENTED = 3
INSUFFICIENT_PRIVILEGES = 4
NOT_INSTALLED = 5
NOT_CONFIGURED = 6
USAGE = 64
DATA_ERROR = 65
NO_INPUT = 66
NO_HOST = 68
SOFTWARE = 70
CANNOT_CREATE = 73
IO_ERROR = 74
TRY_AGAIN = 75
PROTOCOL = 76
CONFIG = 78
DISCONNECT = 102
OLD = 103
NO_SUCH = 105
QUORUM = 106
UNSAFE = 107
EXISTS = 108
MULTIPLE = 109
NO_DC = 114
TIMEOUT = 124

TEXTS = {
    OK: "OK",
    ERROR: "Error occurred",
    INVALID_PARAMETER: "Invalid parameter",
    UNIMPLEMENTED: "Unimplemented",
    INSUFFICIENT_PRIVILEGES: "Insufficient privileges",
    NOT_INSTALLED: "Not installed",
    NOT_CONFIGURED: "Not configured",
    USAGE: "Incorrect usage",
    DATA_ERROR: "Invalid data given",
    NO_INPUT: "Input file not available",
    NO_HOST: "Host not found",
    SOFTWARE: "Internal software bug",
    CANNOT_CREATE: "Cannot create output file",
    IO_ERROR: "I/O error occurred",
    TRY_AGAIN: "Temporary failure, try again",
    PROTOCOL: "Protocol violated",
    CONFIG: "Invalid configuration",
    DISCONNECT: "Not connected",
    OLD: "Update was older than existing configuration",
    NO_SUCH: "No such object",
    QUORUM: "Quorum required",
    UNSAFE: "Operation not safe",
    EXISTS: "Requested item already exists",
    MULTIPLE: "Multiple items match request",
    NO_DC: "DC is not yet elected",
    TIMEOUT: "Timeout occurred",
}


def text_of(code: int) -> str:
    """The text of an exit code."""
    return TEXTS.get(code, "Unknown exit status")
