"""Where the daemons' standard output and error go, and how they follow when that file is renamed (logrotate).

`heartbeat` opens its log for its children. On SIGHUP it opens it anew and sends the signal on; each child does the
same for its own worker. A child is started with the signal blocked, so that one that comes before the child is ready
waits instead of ending it.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

OUTPUT_VARIABLE = "PACEKEEPER_OUTPUT"
"""Names the file that a child's standard output and error are."""


def open_output(path: Path) -> int:
    """A descriptor that appends to a log file. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY, 0o640)


def reopen_output(*, worker: bool = False) -> None:
    """Write to the file of that name from now on; where there is none, or it can't be opened, go on as before.

    `worker`: standard output is a pipe and stays.
    """
    path = os.environ.get(OUTPUT_VARIABLE)
    if not path:
        return
    with contextlib.suppress(OSError):
        descriptor = open_output(Path(path))
        for target in (2,) if worker else (1, 2):
            os.dup2(descriptor, target)
        os.close(descriptor)


def follow_rotation(reopen: Callable[[], None] = reopen_output) -> None:
    """From now on do this at each SIGHUP, and at one that came already. To be called first, in the main thread."""
    signal.signal(signal.SIGHUP, lambda _number, _frame: reopen())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))


@contextlib.contextmanager
def rotation_waits() -> Iterator[None]:
    """A child that is started in here finds SIGHUP blocked, until it calls `follow_rotation`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
