"""A client that asks the service again and again: a new connection every 20 ms, each with a limit of 100 ms.

usage: python -m lab.probe HOST PORT [CLOSED_PORT]

Prints a line for each attempt that ended: `SENT ENDED KIND OK`, times in milliseconds of CLOCK_BOOTTIME. KIND is
`page` (an HTTP answer with status 200) or, where CLOSED_PORT is given, `address`: a refusal from a port on which
nothing listens proves that somebody answers for the address.
"""

import contextlib
import errno
import selectors
import socket
import sys
import time
from dataclasses import dataclass

PERIOD_MS = 20
LIMIT_MS = 100
_REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def boottime_ms() -> int:
    """CLOCK_BOOTTIME in milliseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass(slots=True, eq=False)
class Attempt:
    """One connection from its first packet to its result."""

    kind: str
    sock: socket.socket
    sent: int
    received: bytes = b""
    asked: bool = False


class Probe:
    """Attempts in flight and the loop that starts and ends them."""

    def __init__(self, host: str, port: int, closed_port: int | None) -> None:
        self._targets = [("page", (host, port))]
        if closed_port is not None:
            self._targets.append(("address", (host, closed_port)))
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Go on until the process is ended or its output is closed."""
        following = boottime_ms()
        while True:
            now = boottime_ms()
            if now >= following:
                for kind, target in self._targets:
                    self._begin(kind, target, now)
                following = max(following + PERIOD_MS, now)
            self._expire(now)
            for key, _ in self._selector.select(max(0, following - boottime_ms()) / 1000):
                self._advance(key.data)

    def _begin(self, kind: str, target: tuple[str, int], now: int) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        attempt = Attempt(kind, sock, now)
        code = sock.connect_ex(target)
        if code in (0, errno.EINPROGRESS):
            self._selector.register(sock, selectors.EVENT_WRITE, attempt)
        else:
            sock.close()
            report(attempt, kind == "address" and code == errno.ECONNREFUSED)

    def _advance(self, attempt: Attempt) -> None:
        error = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if attempt.kind == "address":
            self._finish(attempt, error in (0, errno.ECONNREFUSED))
        elif error:
            self._finish(attempt, ok=False)
        elif not attempt.asked:
            attempt.asked = True
            with contextlib.suppress(OSError):
                attempt.sock.send(_REQUEST)
            self._selector.modify(attempt.sock, selectors.EVENT_READ, attempt)
        else:
            try:
                data = attempt.sock.recv(65536)
            except OSError:
                self._finish(attempt, ok=False)
                return
            attempt.received += data
            if not data or b"\r\n\r\n" in attempt.received:
                self._finish(attempt, b" 200 " in attempt.received[:20])

    def _expire(self, now: int) -> None:
        for key in list(self._selector.get_map().values()):
            if now - key.data.sent >= LIMIT_MS:
                self._finish(key.data, ok=False)

    def _finish(self, attempt: Attempt, ok: bool) -> None:
        self._selector.unregister(attempt.sock)
        attempt.sock.close()
        report(attempt, ok)


def report(attempt: Attempt, ok: bool) -> None:
    """One line for one attempt."""
    sys.stdout.write(f"{attempt.sent} {boottime_ms()} {attempt.kind} {int(ok)}\n")
    sys.stdout.flush()


def main() -> None:
    """Probe until ended."""
    closed = int(sys.argv[3]) if len(sys.argv) > 3 else None
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        Probe(sys.argv[1], int(sys.argv[2]), closed).run()


if __name__ == "__main__":
    main()
