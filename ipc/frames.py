"""Length-prefixed frames: four bytes big-endian length, then that many bytes."""

import struct

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""The largest payload that is accepted; a longer announced length is refused before it is read."""

_LENGTH = struct.Struct(">I")


class FrameTooLarge(ValueError):
    """A peer announced a frame longer than the limit; the connection can't be used any more."""

    def __init__(self, announced: int, limit: int) -> None:
        super().__init__(f"a frame of {announced} bytes was announced; at most {limit} bytes are accepted")
        self.announced = announced
        self.limit = limit


def encode_frame(payload: bytes) -> bytes:
    """Return `payload` with its length in front.

    Raises FrameTooLarge when the payload is longer than the other side would accept.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameTooLarge(len(payload), MAX_FRAME_BYTES)
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Cuts a byte stream back into the payloads that `encode_frame` was given."""

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the stream, return the payloads that are now complete, in order.

        Raises FrameTooLarge as soon as a length over the limit is announced.
        """
        self._buffer += data
        payloads: list[bytes] = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > self._limit:
                raise FrameTooLarge(length, self._limit)
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            payloads.append(bytes(self._buffer[start + _LENGTH.size : end]))
            start = end
        if start:
            del self._buffer[:start]
        return payloads
