"""Seals: what proves that bytes come from a node that knows the cluster's secret, unchanged.

The only module that touches `cryptography`. A seal belongs to one direction and one purpose: its key is derived from
the secret of authkeys and a context, so that bytes sealed for one purpose never open for another.

- sha1, md5, sha256: HMAC with that digest; the payload stays readable
- aes256-gcm: encrypted and authenticated; the sequence is the nonce, so it must never repeat under one context
- crc: CRC-32, which finds damage and nothing else
"""

import struct
import zlib
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from heartbeat.authkeys import Key

_SEQUENCE = struct.Struct(">Q")
_CRC = struct.Struct(">I")


class BadSeal(ValueError):
    """The bytes are not what a node with this key sealed in this place."""


class Seal(Protocol):
    """Seals and opens payloads of one direction."""

    def seal(self, sequence: int, header: bytes, payload: bytes) -> bytes:
        """Return the payload sealed together with its place in the sequence and a header that travels apart."""
        ...

    def open(self, sequence: int, header: bytes, sealed: bytes) -> bytes:
        """Return the payload. Raises BadSeal."""
        ...


def derive_seal(key: Key, context: bytes) -> Seal:
    """The seal of this key for one purpose and direction, which `context` names in full."""
    if key.method == "crc":
        return _CrcSeal(context)
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"pacekeeper " + key.method.encode() + b" " + context)
    material = derived.derive(key.secret)
    match key.method:
        case "aes256-gcm":
            return _GcmSeal(material)
        case "sha256":
            return _MacSeal(HMAC(material, hashes.SHA256()), 32)
        case "sha1":
            return _MacSeal(HMAC(material, hashes.SHA1()), 20)
        case "md5":
            return _MacSeal(HMAC(material, hashes.MD5()), 16)


class _MacSeal:
    """Payload, then its HMAC."""

    def __init__(self, empty: HMAC, size: int) -> None:
        self._empty = empty
        self._size = size

    def _mac(self, sequence: int, header: bytes, payload: bytes) -> HMAC:
        mac = self._empty.copy()
        mac.update(_SEQUENCE.pack(sequence) + _SEQUENCE.pack(len(header)) + header)
        mac.update(payload)
        return mac

    def seal(self, sequence: int, header: bytes, payload: bytes) -> bytes:
        return payload + self._mac(sequence, header, payload).finalize()

    def open(self, sequence: int, header: bytes, sealed: bytes) -> bytes:
        if len(sealed) < self._size:
            raise BadSeal("too short for its digest")
        payload = sealed[: -self._size]
        try:
            self._mac(sequence, header, payload).verify(sealed[-self._size :])
        except InvalidSignature:
            raise BadSeal("wrong digest") from None
        return payload


class _GcmSeal:
    """AES-256-GCM; the nonce is the sequence."""

    def __init__(self, material: bytes) -> None:
        self._cipher = AESGCM(material)

    def seal(self, sequence: int, header: bytes, payload: bytes) -> bytes:
        return self._cipher.encrypt(bytes(4) + _SEQUENCE.pack(sequence), payload, header)

    def open(self, sequence: int, header: bytes, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(bytes(4) + _SEQUENCE.pack(sequence), sealed, header)
        except (InvalidTag, ValueError):
            raise BadSeal("wrong authentication tag") from None


class _CrcSeal:
    """Payload, then a CRC-32 that anybody can compute."""

    def __init__(self, context: bytes) -> None:
        self._start = zlib.crc32(context)

    def _crc(self, sequence: int, header: bytes, payload: bytes) -> bytes:
        crc = zlib.crc32(_SEQUENCE.pack(sequence) + _SEQUENCE.pack(len(header)) + header, self._start)
        return _CRC.pack(zlib.crc32(payload, crc))

    def seal(self, sequence: int, header: bytes, payload: bytes) -> bytes:
        return payload + self._crc(sequence, header, payload)

    def open(self, sequence: int, header: bytes, sealed: bytes) -> bytes:
        if len(sealed) < _CRC.size:
            raise BadSeal("too short for its checksum")
        payload = sealed[: -_CRC.size]
        if self._crc(sequence, header, payload) != sealed[-_CRC.size :]:
            raise BadSeal("wrong checksum")
        return payload
