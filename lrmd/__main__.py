"""`python -m lrmd`: the executor of this node. Directories come from the environment (see ipc.directories)."""

import asyncio
import contextlib
import os
import sys

from ipc.directories import NodeDirectories
from ipc.output import follow_rotation
from lrmd.agent_environment import inherited
from lrmd.daemon import EXIT_LOCKED, Daemon, take_lock


def main() -> int:
    """Run the executor; the process's exit code."""
    follow_rotation()
    _become_ordinary()
    directories = NodeDirectories.from_environment()
    lock = take_lock(directories)
    if lock is None:
        sys.stderr.write(f"lrmd: another executor holds {directories.run / 'lrmd.lock'}; it must end first\n")
        return EXIT_LOCKED
    with lock:
        return asyncio.run(Daemon(directories, inherited()).serve())


def _become_ordinary() -> None:
    """The messaging layer may have real-time priority; this process and its agents must not."""
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


if __name__ == "__main__":
    sys.exit(main())
