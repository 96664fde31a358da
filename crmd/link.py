"""A connection to another daemon of this node that is made again whenever it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar

Out = TypeVar("Out", contravariant=True)
In = TypeVar("In", covariant=True)
Outgoing = TypeVar("Outgoing")
Incoming = TypeVar("Incoming")

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.5
"""Between two attempts to connect; the other daemon is being restarted, and every moment counts."""


class Peer(Protocol[Out, In]):
    """One connection, as the other package's client gives it."""

    def send(self, message: Out, /) -> None:
        """Queue a message; never waits."""

    def events(self) -> AsyncIterator[In]:
        """What the other side says, until the connection ends."""

    def close(self) -> None:
        """End the connection."""


class Link(Generic[Outgoing, Incoming]):
    """Keeps one connection. What is sent while there is none is dropped: the core hears of the end, and asks anew.

    `connected`, `received` and `gone` are called in the event loop, in that order for each connection.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Peer[Outgoing, Incoming]]],
        connected: Callable[[], None],
        received: Callable[[Incoming], None],
        gone: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._connected = connected
        self._received = received
        self._gone = gone
        self._peer: Peer[Outgoing, Incoming] | None = None

    def send(self, message: Outgoing) -> None:
        """Send over the connection that there is, if any."""
        if self._peer is not None:
            self._peer.send(message)

    async def run(self) -> None:
        """Connect, listen, and connect again, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                self._peer = await self._connect()
            except OSError:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            await self._listen(self._peer)
            await asyncio.sleep(pause_s)

    async def _listen(self, peer: Peer[Outgoing, Incoming]) -> None:
        try:
            self._connected()
            async for message in peer.events():
                self._received(message)
        finally:
            self._peer = None
            peer.close()
            self._gone()
