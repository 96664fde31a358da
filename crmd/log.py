"""The controller's log: notes as lines on standard error, written by a thread so that a slow disk stops nobody."""

import contextlib
import os
import queue
import sys
import threading
from datetime import datetime
from typing import TextIO

from ipc.note import Level, Note, render

MAX_WAITING = 10_000
"""Lines that may wait for the disk; more are counted and left out."""
_RANK: dict[Level, int] = {"debug": 0, "info": 1, "notice": 2, "warning": 3, "error": 4, "critical": 5}


class NoteLog:
    """Shows notes of `least` and above, with time, node and process."""

    def __init__(self, least: Level = "notice", out: TextIO | None = None) -> None:
        self._least = _RANK[least]
        self._node = "-"
        self._out = sys.stderr if out is None else out
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._left_out = 0
        self._writer = threading.Thread(target=self._write, name="log", daemon=True)
        self._writer.start()

    def configure(self, node: str, debug: int) -> None:
        """What is known once the messaging layer said who we are and how much is to be shown."""
        self._node = node
        if debug > 0:
            self._least = _RANK["debug" if debug > 1 else "info"]

    def note(self, note: Note) -> None:
        """Show one note, if it is important enough."""
        if _RANK[note.level] < self._least:
            return
        time = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        try:
            self._lines.put_nowait(f"{time} {self._node} crmd[{os.getpid()}] {render(note)}\n")
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Write what waits, at most for a second."""
        self._lines.put(None)
        self._writer.join(1.0)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            left_out, self._left_out = self._left_out, 0
            if left_out:
                line = f"({left_out} lines were left out: the log could not be written fast enough)\n{line}"
            with contextlib.suppress(OSError):  # the disk is full; later lines may find room again
                self._out.write(line)
                self._out.flush()
