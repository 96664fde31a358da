"""Stream connections between nodes: TCP, the handshake of `stream_seal`, and the session's segments in sealed frames.

Beside each UDP link on which a peer is heard runs one connection; of two nodes the one with the lower name connects.
Its address comes from the peer's authenticated datagrams. A connection whose link went silent is closed, so that the
session goes on over another one.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from functools import partial

import msgspec

from heartbeat.authkeys import AuthKeys
from heartbeat.links import UdpLink
from heartbeat.messages import Member
from heartbeat.seal import BadSeal
from heartbeat.session_messages import PeerLinkDown, PeerLinkUp, Segment, SegmentReceived
from heartbeat.stream_seal import FRAME_BYTES_MAX, NONCE_BYTES, HandshakeFailed, StreamHandshake, StreamSeals
from ipc.frames import FrameReader, FrameTooLarge, encode_frame
from ipc.units import Milliseconds

HANDSHAKE_S_MAX = 2.0
UNPROVEN_MAX = 32
"""Connections that may be in their handshake; more are closed at once."""

CONNECT_EVERY_MS = 200
"""The pause between two attempts to connect to a peer on a link."""

Give = Callable[[PeerLinkUp | PeerLinkDown | SegmentReceived], None]
Refuse = Callable[[str, str], None]
"""Called with the source and the reason when somebody is turned away."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Segment).decode


class StreamHub:
    """All stream connections of this node's current life."""

    def __init__(
        self,
        keys: AuthKeys,
        streamport: int | None,
        user_timeout_ms: int,
        give: Give,
        refuse: Refuse,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._keys = keys
        self._streamport = streamport
        self._user_timeout_ms = user_timeout_ms
        self._give = give
        self._refuse = refuse
        self._random_bytes = random_bytes
        self._me: Member | None = None
        self._links: list[UdpLink] = []
        self._ends: dict[int, StreamEnd] = {}
        """Established connections by link number."""
        self._unproven: set[StreamEnd] = set()
        self._numbers = 0
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._tried: dict[tuple[str, str], Milliseconds] = {}
        """(UDP link, peer) -> when a connection was last attempted."""
        self._connecting: dict[tuple[str, str], asyncio.Task[None]] = {}

    # what the daemon calls

    async def listen(self, links: list[UdpLink]) -> None:
        """Listen on the local address of each link, where that is not done yet. Raises OSError."""
        self._links = links
        loop = asyncio.get_running_loop()
        for place in dict.fromkeys((link.local, self._port(link)) for link in links if link.local):
            if place not in self._servers:
                server = await loop.create_server(self._accepted, *place, reuse_address=True, backlog=16)
                self._servers[place] = server

    def new_life(self, me: Member | None) -> None:
        """From now on this node is `me` (None: not yet anybody); connections of the life before are closed."""
        self._me = me
        for end in [*self._ends.values(), *self._unproven]:
            end.abort()
        self._ends.clear()
        self._tried.clear()

    def heard(self, link: UdpLink, peer: Member, now: Milliseconds) -> None:
        """A datagram of this peer came on this link: connect, if that is ours to do and not done."""
        if self._me is None or self._me.name >= peer.name or not link.local:
            return
        where = (link.name, peer.name)
        tried = self._tried.get(where)
        if where in self._connecting or (tried is not None and now - tried < CONNECT_EVERY_MS):
            return
        if any(end.peer == peer and end.udp is link for end in self._ends.values()):
            return
        self._tried[where] = now
        task = asyncio.get_running_loop().create_task(self._connect(link, peer.name))
        self._connecting[where] = task
        task.add_done_callback(partial(self._connected, where))

    def _connected(self, where: tuple[str, str], task: asyncio.Task[None]) -> None:
        self._connecting.pop(where, None)
        if not task.cancelled():
            task.result()  # what `_connect` does not expect is a mistake in the program

    def send(self, number: int, segment: Segment) -> None:
        """Put a segment on a connection; on one that is gone it is lost, and the session knows already or soon."""
        end = self._ends.get(number)
        if end is not None:
            end.send(segment)

    def close_link(self, number: int) -> None:
        """The session does not want this connection any more."""
        end = self._ends.pop(number, None)
        if end is not None:
            end.abort()

    def close_silent(self, since: Milliseconds) -> None:
        """Close connections whose peer was not heard on their link since then."""
        for end in list(self._ends.values()):
            if end.udp is not None and end.peer is not None:
                heard = end.udp.heard.get(end.peer.name)
                if heard is None or heard.at < since:
                    end.abort()

    def count(self) -> int:
        """How many connections are established."""
        return len(self._ends)

    def close(self) -> None:
        """Close everything, what is queued included."""
        for server in self._servers.values():
            server.close()
        for task in list(self._connecting.values()):
            task.cancel()
        self.new_life(None)

    # what connections call

    def established(self, end: "StreamEnd", peer: Member) -> None:
        """Both sides are proven: the session may use it."""
        self._unproven.discard(end)
        self._numbers += 1
        end.number = self._numbers
        self._ends[end.number] = end
        self._give(PeerLinkUp(peer, end.number))

    def received(self, end: "StreamEnd", segment: Segment) -> None:
        """A segment came on an established connection."""
        if end.peer is not None and self._ends.get(end.number) is end:
            self._give(SegmentReceived(end.peer, end.number, segment))

    def ended(self, end: "StreamEnd") -> None:
        """A connection is gone, whoever closed it."""
        self._unproven.discard(end)
        if self._ends.get(end.number) is end and end.peer is not None:
            del self._ends[end.number]
            self._give(PeerLinkDown(end.peer, end.number))

    def refused(self, source: str, reason: str) -> None:
        """Somebody was turned away."""
        self._refuse(source, reason)

    # the details

    def _port(self, link: UdpLink) -> int:
        return self._streamport or link.port

    def _handshake(self, expected: str | None) -> StreamHandshake | None:
        if self._me is None:
            return None
        return StreamHandshake(self._keys, self._me, self._random_bytes(NONCE_BYTES), expected)

    def _accepted(self) -> "StreamEnd":
        handshake = self._handshake(None) if len(self._unproven) < UNPROVEN_MAX else None
        end = StreamEnd(self, handshake, None, self._user_timeout_ms)
        if handshake is not None:
            self._unproven.add(end)
        return end

    async def _connect(self, link: UdpLink, name: str) -> None:
        heard = link.heard.get(name)
        handshake = self._handshake(name)
        if heard is None or handshake is None:
            return
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            with contextlib.suppress(PermissionError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.device.encode() + b"\0")
            sock.bind((link.local, 0))
            async with asyncio.timeout(HANDSHAKE_S_MAX):
                await loop.sock_connect(sock, (heard.address, self._port(link)))
        except (OSError, TimeoutError, asyncio.CancelledError):
            sock.close()  # tried again with a later datagram of the peer
            return
        end = StreamEnd(self, handshake, link, self._user_timeout_ms)
        self._unproven.add(end)
        await loop.create_connection(lambda: end, sock=sock)

    def link_of(self, address: str, peer: str) -> UdpLink | None:
        """The UDP link that an accepted connection runs beside; None when the peer was not heard there yet."""
        for link in self._links:
            heard = link.heard.get(peer)
            if heard is not None and heard.address == address:
                return link
        return None


class StreamEnd(asyncio.Protocol):
    """One connection: handshake first, then sealed segments."""

    def __init__(
        self, hub: StreamHub, handshake: StreamHandshake | None, udp: UdpLink | None, user_timeout_ms: int
    ) -> None:
        self.peer: Member | None = None
        self.number = 0
        self.udp = udp
        self._hub = hub
        self._handshake = handshake
        self._seals: StreamSeals | None = None
        self._greeted = False
        self._frames = FrameReader(FRAME_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self._source = "?"
        self._user_timeout_ms = user_timeout_ms
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._handshake is None:
            transport.abort()  # not in the cluster yet, or too many who knock
            return
        address = transport.get_extra_info("peername")
        self._source = f"{address[0]}:{address[1]}" if address else "?"
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._user_timeout_ms)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._limit = asyncio.get_running_loop().call_later(HANDSHAKE_S_MAX, self._handshake_took_too_long)
        transport.write(encode_frame(self._handshake.hello))

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                self._frame(frame)
        except (FrameTooLarge, HandshakeFailed, BadSeal, msgspec.MsgspecError) as error:
            self._hub.refused(self._source, str(error))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._hub.ended(self)

    def send(self, segment: Segment) -> None:
        """Queue one segment; the session's window bounds what is queued."""
        if self._transport is not None and self._seals is not None and not self._transport.is_closing():
            self._transport.write(encode_frame(self._seals.seal(_encode(segment))))

    def abort(self) -> None:
        """End the connection at once; `connection_lost` follows."""
        if self._transport is not None:
            self._transport.abort()

    def _frame(self, frame: bytes) -> None:
        if self._transport is None or self._transport.is_closing() or self._handshake is None:
            return
        if self._seals is not None:
            self._hub.received(self, _decode(self._seals.open(frame)))
        elif not self._greeted:
            self._greeted = True
            self._transport.write(encode_frame(self._handshake.take_hello(frame)))
        else:
            self._seals = self._handshake.take_proof(frame)
            self.peer = self._handshake.peer
            assert self.peer is not None
            if self._limit is not None:
                self._limit.cancel()
            if self.udp is None:
                self.udp = self._hub.link_of(self._source.partition(":")[0], self.peer.name)
            self._hub.established(self, self.peer)

    def _handshake_took_too_long(self) -> None:
        if self._seals is None:
            self._hub.refused(self._source, f"no complete handshake within {HANDSHAKE_S_MAX:g} s")
            self.abort()
