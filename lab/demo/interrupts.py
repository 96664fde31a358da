"""Ctrl-C and SIGTERM: they end the demo, but only where nothing is cut in two."""

import os
import signal


class Interrupts:
    """Remembers both signals until somebody asks.

    An exception that a signal handler raises can come out anywhere: in an import, amid a library's cleaning up, or in a
    finalizer, where Python prints it and goes on. So the handler raises nothing.
    """

    def __init__(self) -> None:
        self.came = False
        """Whether one came, at whatever time."""
        self._process = os.getpid()
        signal.signal(signal.SIGINT, self._remember)
        signal.signal(signal.SIGTERM, self._remember)

    def check(self) -> None:
        """Raises KeyboardInterrupt when one came."""
        if self.came:
            raise KeyboardInterrupt

    def _remember(self, number: int, frame: object) -> None:
        # A process that a library forked from this one ends by itself in a moment, with what this one waits for.
        self.came = os.getpid() == self._process
