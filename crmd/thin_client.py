"""The client for tools that run inside monitors: no msgspec, no asyncio, no XML, only what a request needs."""

from __future__ import annotations

from types import TracebackType

from crmd.client_errors import EX_PROTOCOL, EX_TIMEOUT, ClientError, NotConnected
from ipc.blocking import BlockingConnection, DaemonUnreachable
from ipc.directories import NodeDirectories
from ipc.tiny_msgpack import MalformedMessage, packb, unpackb


class ThinClient:
    """Requests and replies as plain dicts; names and fields are those of `crmd.messages`.

    Usable as a context manager:

        with ThinClient() as client:
            client.ask("UpdateAttribute", node="", name="master-db", value="100", lifetime="reboot")
    """

    def __init__(self, directories: NodeDirectories | None = None, timeout_s: float | None = 60.0) -> None:
        """Connect. Raises NotConnected."""
        where = directories or NodeDirectories.from_environment()
        self._last = 0
        try:
            self._connection = BlockingConnection(where.crmd_socket, timeout_s)
        except DaemonUnreachable as error:
            raise NotConnected(str(error)) from error

    def ask(self, kind: str, **fields: object) -> dict[str, object]:
        """Send the request named `kind` and return its answer; `type` in it is the answer's name.

        Raises ClientError when the controller refused or failed (Failed), or did not answer in time.
        """
        self._last += 1
        request: dict[str, object] = {"type": kind, "id": self._last, **fields}
        try:
            self._connection.send(packb(request))
            while True:
                reply = unpackb(self._connection.receive())
                if isinstance(reply, dict) and reply.get("id") == self._last:
                    return _unless_failed(reply)
        except TimeoutError as error:
            raise ClientError(EX_TIMEOUT, f"the cluster did not answer the request {kind} in time") from error
        except DaemonUnreachable as error:
            raise NotConnected(str(error)) from error
        except MalformedMessage as error:
            raise ClientError(EX_PROTOCOL, f"the cluster's answer can't be read: {error}") from error

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> ThinClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unless_failed(reply: dict[str, object]) -> dict[str, object]:
    if reply.get("type") != "Failed":
        return reply
    rc, details = reply.get("rc"), reply.get("details")
    lines = tuple(str(line) for line in details) if isinstance(details, list) else ()
    raise ClientError(rc if isinstance(rc, int) else EX_PROTOCOL, str(reply.get("text", "")), lines)
