"""Process 1 of a lab node: mounts, says that it is ready, then only reaps. Its death is the node's power cut.

usage: python -m lab.namespaces.reaper PLAN.json READY_FD
"""

import os
import signal
import sys
from pathlib import Path

import msgspec

from lab.namespaces.root import RootPlan, prepare


def main() -> None:
    """Prepare the node and reap until SIGTERM."""
    plan_file, ready = sys.argv[1], int(sys.argv[2])
    prepare(msgspec.json.decode(Path(plan_file).read_bytes(), type=RootPlan))
    awaited = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    os.write(ready, b"ready\n")
    os.close(ready)
    while signal.sigwait(awaited) != signal.SIGTERM:
        _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
