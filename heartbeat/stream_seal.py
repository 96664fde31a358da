"""The handshake and the sealed frames of a stream connection between two nodes.

Both sides say hello in the clear (name, generation, a fresh random nonce; the one who connected also the key number).
The keys of both directions are derived from the secret and from both hellos as a whole. Each side then seals an empty
frame as its first: who can open it knows that the other has the secret, and answers this very connection. From then on
frames are numbered without a gap; anything else ends the connection.
"""

import struct

from heartbeat.authkeys import AuthKeys, Key
from heartbeat.messages import Member
from heartbeat.seal import BadSeal, Seal, derive_seal

NONCE_BYTES = 32
HELLO_BYTES_MAX = 512
FRAME_BYTES_MAX = 32 * 1024
"""A chunk of the session, with what the seal adds; a longer frame is refused before it is read."""

_MAGIC = b"PKS\x01"
_HELLO = struct.Struct(">4sBQ32sB")


class HandshakeFailed(ValueError):
    """The other side is not, or can't show that it is, a node of this cluster."""


class StreamHandshake:
    """One side of a connection until both have shown that they know the secret."""

    def __init__(self, keys: AuthKeys, me: Member, nonce: bytes, expected: str | None) -> None:
        """`expected`: the name of the peer that this side connected to; None: the other side connected here."""
        assert len(nonce) == NONCE_BYTES
        self._keys = keys
        self._me = me
        self._expected = expected
        self.hello = _encode_hello(keys.active.number if expected is not None else 0, me, nonce)
        """What to send first."""
        self._seals: tuple[Seal, Seal] | None = None
        self.peer: Member | None = None

    def take_hello(self, data: bytes) -> bytes:
        """Take the other side's hello; returns the sealed proof to send. Raises HandshakeFailed."""
        number, peer = _decode_hello(data)
        if self._expected is not None and peer.name != self._expected:
            raise HandshakeFailed(f"{peer.name} answered where {self._expected} was expected")
        if peer.name == self._me.name:
            raise HandshakeFailed("a node of our own name is at the other end")
        key = self._key(number)
        connector, acceptor = (self.hello, data) if self._expected is not None else (data, self.hello)
        both = connector + acceptor
        forth = derive_seal(key, b"stream connector " + both)
        back = derive_seal(key, b"stream acceptor " + both)
        self._seals = (forth, back) if self._expected is not None else (back, forth)
        self.peer = peer
        return self._seals[0].seal(0, b"", b"")

    def _key(self, number: int) -> Key:
        """The connector's choice holds for both directions, so that a key can be changed node by node."""
        if self._expected is not None:
            return self._keys.active
        key = self._keys.keys.get(number)
        if key is None:
            raise HandshakeFailed(f"it uses key {number}, which is not in authkeys")
        return key

    def take_proof(self, data: bytes) -> "StreamSeals":
        """Take the other side's first sealed frame. Raises HandshakeFailed."""
        assert self._seals is not None, "the hello comes first"
        try:
            payload = self._seals[1].open(0, b"", data)
        except BadSeal as error:
            raise HandshakeFailed(f"it does not know the secret ({error})") from None
        if payload:
            raise HandshakeFailed("its proof is not empty")
        return StreamSeals(*self._seals)


class StreamSeals:
    """Seals and opens the frames of an established connection, in strict order."""

    def __init__(self, outbound: Seal, inbound: Seal) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._sent = 0
        self._received = 0

    def seal(self, payload: bytes) -> bytes:
        """The next frame to send."""
        self._sent += 1
        return self._outbound.seal(self._sent, b"", payload)

    def open(self, frame: bytes) -> bytes:
        """The payload of the next frame that came. Raises BadSeal: then the connection must end."""
        payload = self._inbound.open(self._received + 1, b"", frame)
        self._received += 1
        return payload


def _encode_hello(number: int, me: Member, nonce: bytes) -> bytes:
    name = me.name.encode()
    return _HELLO.pack(_MAGIC, number, me.generation, nonce, len(name)) + name


def _decode_hello(data: bytes) -> tuple[int, Member]:
    try:
        magic, number, generation, _nonce, length = _HELLO.unpack_from(data)
        name = data[_HELLO.size :].decode("utf-8")
    except (struct.error, UnicodeDecodeError):
        raise HandshakeFailed("it does not speak our protocol") from None
    if magic != _MAGIC or len(data) - _HELLO.size != length or not name:
        raise HandshakeFailed("it does not speak our protocol")
    return number, Member(name, generation)
