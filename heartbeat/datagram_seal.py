"""Sealed datagrams with protection against replay: who sent it, in which life, as which one of that life.

Layout: `PK`, version 1, key number, length of the name, name, generation (8), salt (16), sequence (8), sealed payload.
The salt is random for each life, so that even a node that lost its disk, and with it the memory of its generations,
never uses a key and nonce of AES-GCM a second time.
"""

import struct
from dataclasses import dataclass

from heartbeat.authkeys import AuthKeys
from heartbeat.messages import Member
from heartbeat.seal import BadSeal, Seal, derive_seal

DATAGRAM_BYTES_MAX = 60_000
SALT_BYTES = 16
WINDOW = 1024
"""How far behind the newest sequence a datagram may come (links differ in delay) and still be told from a replay."""

SENDERS_MAX = 512
"""So many names are remembered; only nodes that know the secret can add one."""

_MAGIC = b"PK\x01"
_PREFIX = struct.Struct(">3sBB")
_LIFE = struct.Struct(">Q16sQ")


class Refused(ValueError):
    """The datagram is not accepted: malformed, not authenticated, or seen before."""


class DatagramSealer:
    """Seals what one life of this node sends."""

    def __init__(self, keys: AuthKeys, me: Member, salt: bytes) -> None:
        """`salt` is SALT_BYTES of randomness that no other life uses."""
        assert len(salt) == SALT_BYTES
        name = me.name.encode()
        self._prefix = _PREFIX.pack(_MAGIC, keys.active.number, len(name)) + name
        self._generation = me.generation
        self._salt = salt
        self._sequence = 0
        self._seal = derive_seal(keys.active, _context(me, salt))

    def seal(self, payload: bytes) -> bytes:
        """The datagram that carries this payload, with the next sequence."""
        self._sequence += 1
        header = self._prefix + _LIFE.pack(self._generation, self._salt, self._sequence)
        return header + self._seal.seal(self._sequence, header, payload)


@dataclass(frozen=True, slots=True)
class Opened:
    """An authenticated datagram that is new on its link."""

    sender: Member
    payload: bytes
    repeated: bool
    """It came on another link before: it shows that this link works, and says nothing new."""


class DatagramOpener:
    """Opens what other nodes sealed. What it refuses changes nothing in it."""

    def __init__(self, keys: AuthKeys) -> None:
        self._keys = keys
        self._senders: dict[str, _Sender] = {}

    def open(self, data: bytes, link: str) -> Opened:
        """Check one datagram that came on this link. Raises Refused with the reason."""
        number, member, salt, sequence, header = _parse(data)
        key = self._keys.keys.get(number)
        if key is None:
            raise Refused(f"sealed with key {number}, which is not in authkeys")
        known = self._senders.get(member.name)
        if known is not None and member.generation < known.member.generation:
            raise Refused(f"of an earlier life of {member.name}")
        same = known if known is not None and known.is_life(member, salt, number) else None
        seal = same.seal if same is not None else derive_seal(key, _context(member, salt))
        try:
            payload = seal.open(sequence, header, data[len(header) :])
        except BadSeal as error:
            raise Refused(str(error)) from None
        if same is None:
            same = self._admit(known, member, salt, number, seal)
        if not same.window(link).take(sequence):
            raise Refused(f"seen before, or too late, from {member.name}")
        return Opened(member, payload, repeated=not same.overall.take(sequence))

    def _admit(self, known: "_Sender | None", member: Member, salt: bytes, number: int, seal: Seal) -> "_Sender":
        """An authenticated first datagram of a life, or the first under another key of the same life."""
        if known is not None and member == known.member and salt != known.salt:
            raise Refused(f"of another life of {member.name} with the same generation")
        if known is not None and member == known.member:
            known.number, known.seal = number, seal  # authkeys changed there; the sequence goes on
            return known
        if known is None and len(self._senders) >= SENDERS_MAX:
            raise Refused("too many senders")
        sender = _Sender(member, salt, number, seal)
        self._senders[member.name] = sender
        return sender


class _Sender:
    """What is known of the newest life of one name."""

    def __init__(self, member: Member, salt: bytes, number: int, seal: Seal) -> None:
        self.member = member
        self.salt = salt
        self.number = number
        self.seal = seal
        self.overall = ReplayWindow()
        self._links: dict[str, ReplayWindow] = {}

    def is_life(self, member: Member, salt: bytes, number: int) -> bool:
        return member == self.member and salt == self.salt and number == self.number

    def window(self, link: str) -> "ReplayWindow":
        return self._links.setdefault(link, ReplayWindow())


class ReplayWindow:
    """Takes each number once; numbers more than WINDOW behind the newest are not taken."""

    def __init__(self) -> None:
        self._newest = 0
        self._seen = 0
        """Bit i: `newest - i` was taken."""

    def take(self, sequence: int) -> bool:
        """Whether this number is new; then it is not new any more."""
        ahead = sequence - self._newest
        if ahead > 0:
            self._seen = 1 if ahead >= WINDOW else ((self._seen << ahead) | 1) & ((1 << WINDOW) - 1)
            self._newest = sequence
            return True
        if -ahead >= WINDOW or sequence <= 0 or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True


def _context(member: Member, salt: bytes) -> bytes:
    return b"datagram " + member.name.encode() + b" " + str(member.generation).encode() + b" " + salt


def _parse(data: bytes) -> tuple[int, Member, bytes, int, bytes]:
    try:
        magic, number, length = _PREFIX.unpack_from(data)
        name = data[_PREFIX.size : _PREFIX.size + length].decode("utf-8")
        generation, salt, sequence = _LIFE.unpack_from(data, _PREFIX.size + length)
    except (struct.error, UnicodeDecodeError):
        raise Refused("not a datagram of this kind of cluster") from None
    if magic != _MAGIC or not name or len(data) > DATAGRAM_BYTES_MAX:
        raise Refused("not a datagram of this kind of cluster")
    header = data[: _PREFIX.size + length + _LIFE.size]
    return number, Member(name, generation), salt, sequence, header
