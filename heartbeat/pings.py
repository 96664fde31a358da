"""Reachability of the addresses that ha.cf's `ping` lines name, by ICMP echo. It is shown, and decides nothing."""

import os
import socket
import struct
from collections.abc import Callable

from heartbeat.links import LinkError, resolve
from ipc.note import Note
from ipc.units import Milliseconds

_ECHO_REQUEST, _ECHO_REPLY = 8, 0
_HEADER = struct.Struct(">BBHHH")
_REPLIES_AT_ONCE = 64


class Pings:
    """Asks every address now and then, and knows which answered lately."""

    def __init__(self, names: tuple[str, ...], silent_after: int, note: Callable[[Note], None]) -> None:
        """`silent_after`: milliseconds without an answer after which an address counts as silent."""
        self._silent_after = silent_after
        self._note = note
        self._answered: dict[str, Milliseconds] = {}
        self._told: dict[str, bool] = {}
        self._sequence = 0
        self._names: dict[str, str] = {}
        """Address -> its name in ha.cf."""
        self.socket: socket.socket | None = None
        self._raw = False
        self._open(names)

    def _open(self, names: tuple[str, ...]) -> None:
        if not names:
            return
        try:
            self._names = {resolve(name): name for name in names}
            self.socket, self._raw = _icmp_socket()
        except (LinkError, OSError) as error:
            self._names = {}
            self._note(Note("warning", "ping.unavailable", f"The addresses of ping are not asked: {error}"))

    def ask(self, now: Milliseconds) -> None:
        """Send one echo request to each; tell who became silent."""
        if self.socket is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        for address in self._names:
            self._tell(address, now)
            try:
                self.socket.sendto(_request(self._sequence), (address, 0))
            except OSError:
                continue  # it stays silent, and that is told

    def receive(self, now: Milliseconds) -> None:
        """Take the answers that are there."""
        assert self.socket is not None
        for _ in range(_REPLIES_AT_ONCE):
            try:
                data, source = self.socket.recvfrom(2048)
            except OSError:
                return
            if source[0] in self._names and _is_reply(data[20:] if self._raw else data, self._raw):
                self._answered[source[0]] = now
                self._tell(source[0], now)

    def status(self, now: Milliseconds) -> list[tuple[str, bool]]:
        """Each name, and whether it answered lately."""
        return [(name, self._answers(address, now)) for address, name in self._names.items()]

    def close(self) -> None:
        """Close the socket."""
        if self.socket is not None:
            self.socket.close()

    def _answers(self, address: str, now: Milliseconds) -> bool:
        answered = self._answered.get(address)
        return answered is not None and now - answered <= self._silent_after

    def _tell(self, address: str, now: Milliseconds) -> None:
        answers = self._answers(address, now)
        if self._told.get(address, False) == answers:
            return
        self._told[address] = answers
        name = self._names[address]
        text = f"{name} answers" if answers else f"{name} does not answer any more"
        self._note(
            Note("info" if answers else "warning", "ping.changed", text, {"address": address, "answers": answers})
        )


def _icmp_socket() -> tuple[socket.socket, bool]:
    """A socket for echo requests: the unprivileged kind where the system allows it, a raw one else (True)."""
    kind = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | kind, socket.IPPROTO_ICMP), False
    except PermissionError:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW | kind, socket.IPPROTO_ICMP), True


def _identifier() -> int:
    return os.getpid() & 0xFFFF


def _request(sequence: int) -> bytes:
    header = _HEADER.pack(_ECHO_REQUEST, 0, 0, _identifier(), sequence)
    return _HEADER.pack(_ECHO_REQUEST, 0, _checksum(header), _identifier(), sequence)


def _is_reply(data: bytes, check_identifier: bool) -> bool:
    if len(data) < _HEADER.size:
        return False
    kind, _, _, identifier, _ = _HEADER.unpack_from(data)
    return kind == _ECHO_REPLY and (not check_identifier or identifier == _identifier())


def _checksum(data: bytes) -> int:
    """The internet checksum of data of even length. Source: RFC 1071."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
