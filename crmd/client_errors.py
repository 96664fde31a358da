"""Why a tool's request was not carried out."""

EX_NOT_CONNECTED = 102
"""Exit code of a tool that does not reach the cluster (CRM_EX_DISCONNECT)."""
EX_TIMEOUT = 124
EX_PROTOCOL = 76


class ClientError(Exception):
    """The controller refused or failed, and nothing changed. `rc` is the exit code that the tool should end with."""

    def __init__(self, rc: int, text: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.rc = rc
        self.text = text
        self.details = details


class NotConnected(ClientError):
    """The controller of this node can't be reached, or was lost before it answered (then the outcome is unknown)."""

    def __init__(self, text: str) -> None:
        super().__init__(EX_NOT_CONNECTED, text)
