"""The executor's connection to the messaging layer, which is its supervisor."""

import asyncio
import os
from collections.abc import Callable
from typing import Protocol

import msgspec

from ipc import unix
from ipc.directories import NodeDirectories
from ipc.supervision import Attach, ExecutorState, SupervisorToChild

CONNECT_ATTEMPTS = 100
"""Attempts to reach the supervisor after our start, before it counts as dead."""
CONNECT_INTERVAL_S = 0.05

_decoder: msgspec.msgpack.Decoder[SupervisorToChild] = msgspec.msgpack.Decoder(SupervisorToChild)


class SupervisorChanged(Protocol):
    """Called when the connection stands, and when it has ended."""

    def __call__(self, *, connected: bool) -> None: ...


class SupervisorLink:
    """One connection in a process's life: when it ends, the supervisor died, and a new one starts a new executor.

    So this executor does not attach to a new supervisor: it stops everything, ends and gives the lock free, for which
    the new supervisor waits before it starts its own.
    """

    def __init__(
        self,
        directories: NodeDirectories,
        on_message: Callable[[SupervisorToChild], None],
        on_change: SupervisorChanged,
    ) -> None:
        self._path = directories.heartbeat_socket
        self._on_message = on_message
        self._on_change = on_change
        self._connection: unix.Connection | None = None

    async def follow(self) -> None:
        """Connect, attach, listen; returns when the supervisor is gone or can't be reached."""
        connection = await self._connect()
        if connection is not None:
            self._connection = connection
            connection.send(msgspec.msgpack.encode(Attach("lrmd", os.getpid())))
            self._on_change(connected=True)
            while (payload := await connection.receive()) is not None:
                self._on_message(_decoder.decode(payload))
            self._connection = None
            connection.close()
        self._on_change(connected=False)

    def send(self, state: ExecutorState) -> None:
        """Tell the supervisor, where it is there."""
        if self._connection is not None:
            self._connection.send(msgspec.msgpack.encode(state))

    async def _connect(self) -> unix.Connection | None:
        for _ in range(CONNECT_ATTEMPTS):
            try:
                return await unix.connect(self._path)
            except OSError:
                await asyncio.sleep(CONNECT_INTERVAL_S)
        return None
