"""How crmd reaches the messaging layer of its node (asyncio)."""

import asyncio
import os
from collections.abc import AsyncIterator

import msgspec

from heartbeat.messages import ControllerToHeartbeat, HeartbeatToController
from ipc import unix
from ipc.directories import NodeDirectories
from ipc.supervision import Attach

RETRY_S = 0.05

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(HeartbeatToController).decode


class HeartbeatClient:
    """One attached connection. Its end (`events` is exhausted) means that heartbeat died."""

    def __init__(self, connection: unix.Connection) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, directories: NodeDirectories) -> "HeartbeatClient":
        """Connect and attach as crmd; tried again until heartbeat answers. Bound it with asyncio.timeout."""
        while True:
            try:
                connection = await unix.connect(directories.heartbeat_socket)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            client = cls(connection)
            client.send(Attach("crmd", os.getpid()))
            return client

    def send(self, message: ControllerToHeartbeat) -> None:
        """Queue one message; never waits. Lost when heartbeat is gone, which `events` tells."""
        self._connection.send(_encode(message))

    async def events(self) -> AsyncIterator[HeartbeatToController]:
        """What heartbeat says, in order: Welcome first. Ends with the connection."""
        while (frame := await self._connection.receive()) is not None:
            yield _decode(frame)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
