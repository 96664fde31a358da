"""Process 1 of a lab node: mounts, says that it is ready, then only reaps. Its death is the node's power cut.

usage: python -m lab.namespaces.reaper PLAN.json READY_FD LIFELINE_FD
"""

import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from lab.namespaces.lifeline import hold
from lab.namespaces.root import RootPlan, prepare


def main() -> None:
    """Prepare the node; reap until SIGTERM, or until the lab that made the node is gone."""
    plan_file, ready, lifeline = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    prepare(msgspec.json.decode(Path(plan_file).read_bytes(), type=RootPlan))
    awaited = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    threading.Thread(target=hold, args=(lifeline,), name="lifeline", daemon=True).start()
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
