"""asyncio Unix stream sockets that carry frames, with the peer's credentials checked by the kernel."""

import asyncio
import contextlib
import grp
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ipc.frames import FrameReader, FrameTooLarge, encode_frame

GROUP = "haclient"
"""Members of this group may talk to the daemons, as with the classic stack."""

_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is at the other end of a Unix socket, as the kernel says."""

    pid: int
    uid: int
    gid: int


def peer_credentials(sock: socket.socket) -> Credentials:
    """Read SO_PEERCRED of a connected Unix socket."""
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return Credentials(*struct.unpack("3i", data))


def may_connect(who: Credentials) -> bool:
    """root, the daemon's own user, and members of group haclient may talk to a daemon."""
    if who.uid in (0, os.geteuid()):
        return True
    try:
        group = grp.getgrnam(GROUP)
    except KeyError:
        return False
    if who.gid == group.gr_gid:
        return True
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{who.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("Groups:"):
                return str(group.gr_gid) in line.split()[1:]
    return False


class Connection:
    """One end of a framed stream. Frames that are sent are queued; a peer that does not read is cut off."""

    MAX_QUEUED_BYTES = 256 * 1024 * 1024

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self._ready: list[bytes] = []
        self.peer = peer_credentials(writer.get_extra_info("socket"))

    def send(self, payload: bytes) -> None:
        """Queue one frame; never waits. A peer that lets too much pile up loses the connection."""
        if self._writer.is_closing():
            return
        self._writer.write(encode_frame(payload))
        if self._writer.transport.get_write_buffer_size() > self.MAX_QUEUED_BYTES:
            self._writer.transport.abort()

    async def drain(self) -> None:
        """Wait until the queue is short again, for senders that can wait."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def receive(self) -> bytes | None:
        """The next frame, or None when the peer is gone (or broke the framing)."""
        while not self._ready:
            try:
                data = await self._reader.read(_READ_BYTES)
                if not data:
                    return None
                self._ready = self._frames.feed(data)
            except (ConnectionError, FrameTooLarge):
                return None
        return self._ready.pop(0)

    def close(self) -> None:
        """Close after what is queued was written."""
        self._writer.close()


Handler = Callable[[Connection], Awaitable[None]]


async def serve(path: Path, handler: Handler) -> asyncio.Server:
    """Listen on `path` (a stale socket is replaced); `handler` runs for each connection that is permitted."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        try:
            if may_connect(connection.peer):
                await handler(connection)
        except asyncio.CancelledError:
            # Only the end of the daemon cancels this task, and nobody waits for it; a cancelled one would be reported
            # by asyncio as an error of the daemon.
            pass
        finally:
            connection.close()

    _make_room(path)
    server = await asyncio.start_unix_server(accepted, path=str(path), backlog=128)
    _share_with_group(path)
    return server


async def connect(path: Path) -> Connection:
    """Connect to a daemon. Raises OSError (FileNotFoundError, ConnectionRefusedError) when it does not run."""
    reader, writer = await asyncio.open_unix_connection(path=str(path))
    return Connection(reader, writer)


def _make_room(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def _share_with_group(path: Path) -> None:
    path.chmod(0o660)
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
