"""A pipe that ties something to the process that made it: when that process is gone, so is what it holds."""

import contextlib
import os

RELEASE = b"keep\n"


class Lifeline:
    """The writing end stays here. Its end, by `cut` or because this process died, ends who holds the reading end."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        self.reader = reader
        """What the other side inherits; `handed_over` closes it here."""
        self._writer = writer

    def handed_over(self) -> None:
        """The other side has its end."""
        os.close(self.reader)

    def cut(self) -> None:
        """End the other side."""
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1

    def release(self) -> None:
        """Let the other side outlive this process."""
        if self._writer >= 0:
            with contextlib.suppress(BrokenPipeError):  # it ended by itself
                os.write(self._writer, RELEASE)
            self.cut()


def hold(reader: int) -> None:
    """Block until released; end this process when whoever holds the other end is gone."""
    if os.read(reader, len(RELEASE)) != RELEASE:
        os._exit(1)
    os.close(reader)
