"""Ctrl-C and SIGTERM: they end the demo, but neither its building up nor its cleaning up is cut in two."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """Turns both signals into KeyboardInterrupt; while `held`, only remembers them."""

    def __init__(self) -> None:
        self.came = False
        """Whether one came, at whatever time."""
        self._held = False
        self._process = os.getpid()
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, self._interrupt)

    def _interrupt(self, number: int, frame: object) -> None:
        if os.getpid() != self._process:
            os._exit(128 + number)  # a process that a library forked from this one
        self.came = True
        if not self._held:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing inside is interrupted. What came meanwhile is raised at the end."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self.came:
            raise KeyboardInterrupt

    def hold(self) -> None:
        """From now on nothing is interrupted any more."""
        self._held = True
