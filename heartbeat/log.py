"""heartbeat's log: notes as lines in logfile, debugfile and syslog; a thread writes, so that no disk delays a beat."""

import contextlib
import os
import queue
import socket
import threading
from datetime import datetime
from pathlib import Path

from heartbeat.ha_cf_values import FACILITIES
from ipc.note import Level, Note, render
from ipc.output import open_output

WAITING_MAX = 10_000
"""Lines that may wait for the disk; more are counted and left out."""

_RANK: dict[Level, int] = {"debug": 0, "info": 1, "notice": 2, "warning": 3, "error": 4, "critical": 5}
_SYSLOG_SEVERITY: dict[Level, int] = {"debug": 7, "info": 6, "notice": 5, "warning": 4, "error": 3, "critical": 2}
_SYSLOG_SOCKET = "/dev/log"
_FACILITY_NUMBER = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
    "authpriv": 10, "ftp": 11, **{f"local{number}": 16 + number for number in range(8)},
}  # fmt: skip
assert sorted(_FACILITY_NUMBER) == sorted(FACILITIES)


class Log:
    """Notes of `notice` and above, from debug level 1 on `info` too, from 2 on everything."""

    def __init__(
        self, node: str, logfile: Path | None, debugfile: Path | None, facility: str | None, children: Path
    ) -> None:
        """Open the files. `children`: where the children's output goes when there is no logfile. Raises OSError."""
        self._children = logfile or children
        self._process = f"{node} heartbeat[{os.getpid()}]"
        self._least = _RANK["notice"]
        self._paths = (logfile, debugfile)
        self._files = [None if path is None else open_output(path) for path in self._paths]
        self._facility = None if facility is None else _FACILITY_NUMBER[facility]
        self._syslog: socket.socket | None = None
        self._lines: queue.SimpleQueue[tuple[Note, str] | None] = queue.SimpleQueue()
        self._left_out = 0
        self._writer = threading.Thread(target=self._write, name="log", daemon=True)
        self._writer.start()

    def set_debug(self, level: int) -> None:
        """How much is shown: ha.cf's `debug`."""
        self._least = _RANK["debug" if level > 1 else "info" if level > 0 else "notice"]

    def note(self, note: Note) -> None:
        """Queue one note; never waits."""
        shown = _RANK[note.level] >= self._least
        if not shown and self._files[1] is None:
            return
        if self._lines.qsize() >= WAITING_MAX:
            self._left_out += 1
            return
        time = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        self._lines.put((note, f"{time} {self._process} {render(note)}\n"))

    def reopen(self) -> None:
        """After the files were renamed (logrotate): write into new ones."""
        for index, path in enumerate(self._paths):
            old = self._files[index]
            if path is not None and old is not None:
                with contextlib.suppress(OSError):
                    self._files[index] = open_output(path)
                    os.close(old)

    @property
    def children(self) -> Path:
        """The file that children's standard output and error go to."""
        return self._children

    def children_output(self) -> int:
        """A new descriptor for a child's standard output and error. Raises OSError."""
        return open_output(self._children)

    def close(self) -> None:
        """Write what waits, for at most a second."""
        self._lines.put(None)
        self._writer.join(1.0)

    def _write(self) -> None:
        while (item := self._lines.get()) is not None:
            note, line = item
            left_out, self._left_out = self._left_out, 0
            if left_out:
                line = f"({left_out} lines were left out: the log could not be written fast enough)\n{line}"
            data = line.encode(errors="replace")
            logfile, debugfile = self._files
            shown = _RANK[note.level] >= self._least
            for file in (logfile if shown else None, debugfile):
                if file is not None:
                    with contextlib.suppress(OSError):
                        os.write(file, data)
            if shown and self._facility is not None:
                self._to_syslog(note)

    def _to_syslog(self, note: Note) -> None:
        assert self._facility is not None
        try:
            if self._syslog is None:
                self._syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._syslog.connect(_SYSLOG_SOCKET)
            priority = self._facility * 8 + _SYSLOG_SEVERITY[note.level]
            self._syslog.send(f"<{priority}>heartbeat[{os.getpid()}]: {render(note)}".encode(errors="replace"))
        except OSError:
            if self._syslog is not None:
                self._syslog.close()
            self._syslog = None
