"""The client for tools that run inside monitors: nothing is imported but what a request needs.

A plain interpreter starts in 8 ms; `socket`, `pathlib` and `dataclasses` would double that. So this module speaks to
the C socket module itself and knows by itself where the socket is (a test compares it with `ipc.directories`).
"""

import _socket
import os

from crmd.client_errors import EX_PROTOCOL, EX_TIMEOUT, ClientError, NotConnected
from ipc.tiny_msgpack import MalformedMessage, packb, unpackb

RUN_VARIABLE = "PACEKEEPER_RUN_DIR"
DEFAULT_RUN_DIRECTORY = "/run/pacekeeper"
SOCKET_NAME = "crmd.socket"
MAX_REPLY_BYTES = 64 * 1024 * 1024
_LENGTH_BYTES = 4
_READ_BYTES = 256 * 1024


class ThinClient:
    """Requests and replies as plain dicts; names and fields are those of `crmd.messages`. A context manager:

    with ThinClient() as client:
        client.ask("UpdateAttribute", node="", name="master-db", value="100", lifetime="reboot")
    """

    def __init__(self, run_directory: str = "", timeout_s: float = 60.0) -> None:
        """Connect to the node with this run directory (empty: the environment's). Raises NotConnected."""
        where = run_directory or os.environ.get(RUN_VARIABLE) or DEFAULT_RUN_DIRECTORY
        self._path = f"{where}/{SOCKET_NAME}"
        self._last = 0
        self._buffer = b""
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(self._path)
        except OSError as error:
            self._socket.close()
            raise self._unreachable(error.strerror or str(error)) from error

    def ask(self, kind: str, **fields: object) -> "dict[str, object]":
        """Send the request named `kind` and return its answer; `type` in it is the answer's name.

        Raises ClientError when the controller refused or failed (Failed), or did not answer in time.
        """
        self._last += 1
        payload = packb({"type": kind, "id": self._last, **fields})
        try:
            self._socket.sendall(len(payload).to_bytes(_LENGTH_BYTES, "big") + payload)
            while True:
                reply = unpackb(self._receive())
                if isinstance(reply, dict) and reply.get("id") == self._last:
                    return _unless_failed(reply)
        except TimeoutError as error:
            raise ClientError(EX_TIMEOUT, f"the cluster did not answer the request {kind} in time") from error
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from error
        except MalformedMessage as error:
            raise ClientError(EX_PROTOCOL, f"the cluster's answer can't be read: {error}") from error

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def __enter__(self) -> "ThinClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self) -> bytes:
        """The next frame: four bytes of length, then that many bytes."""
        self._fill(_LENGTH_BYTES)
        end = _LENGTH_BYTES + int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
        if end > MAX_REPLY_BYTES:
            raise MalformedMessage(f"it is announced with {end} bytes, at most {MAX_REPLY_BYTES} are accepted")
        self._fill(end)
        payload, self._buffer = self._buffer[_LENGTH_BYTES:end], self._buffer[end:]
        return payload

    def _fill(self, size: int) -> None:
        parts = [self._buffer]
        missing = size - len(self._buffer)
        while missing > 0:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise self._unreachable("it closed the connection")
            parts.append(data)
            missing -= len(data)
        self._buffer = b"".join(parts)

    def _unreachable(self, reason: str) -> NotConnected:
        text = f"cannot reach the cluster on this node ({self._path}: {reason}); is it started? ('heartbeat start')"
        return NotConnected(text)


def _unless_failed(reply: "dict[str, object]") -> "dict[str, object]":
    if reply.get("type") != "Failed":
        return reply
    rc, details = reply.get("rc"), reply.get("details")
    lines = tuple(str(line) for line in details) if isinstance(details, list) else ()
    raise ClientError(rc if isinstance(rc, int) else EX_PROTOCOL, str(reply.get("text", "")), lines)
