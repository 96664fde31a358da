"""The client side of a Unix socket without asyncio: one request, one reply. For tools and agents."""

import socket
from pathlib import Path
from types import TracebackType

from ipc.frames import FrameReader, encode_frame


class DaemonUnreachable(ConnectionError):
    """The daemon's socket does not answer; the message names it and what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"cannot reach the cluster on this node ({path}: {reason}); is it started? ('heartbeat start')"
        )
        self.path = path


class BlockingConnection:
    """Frames over one connection; use as a context manager."""

    def __init__(self, path: Path, timeout_s: float | None = 30.0) -> None:
        """Connect. Raises DaemonUnreachable."""
        self._path = path
        self._frames = FrameReader()
        self._ready: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise DaemonUnreachable(path, error.strerror or str(error)) from error

    def set_timeout(self, timeout_s: float | None) -> None:
        """Change how long a receive may take; None waits for ever."""
        self._socket.settimeout(timeout_s)

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def send(self, payload: bytes) -> None:
        """Send one frame. Raises DaemonUnreachable when the daemon is gone."""
        try:
            self._socket.sendall(encode_frame(payload))
        except OSError as error:
            raise DaemonUnreachable(self._path, error.strerror or str(error)) from error

    def receive(self) -> bytes:
        """Wait for the next frame. Raises TimeoutError, or DaemonUnreachable when the daemon is gone."""
        while not self._ready:
            try:
                data = self._socket.recv(256 * 1024)
            except TimeoutError:
                raise
            except OSError as error:
                raise DaemonUnreachable(self._path, error.strerror or str(error)) from error
            if not data:
                raise DaemonUnreachable(self._path, "it closed the connection")
            self._ready = self._frames.feed(data)
        return self._ready.pop(0)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> "BlockingConnection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
