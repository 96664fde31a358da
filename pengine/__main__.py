"""The worker process: frames of `pengine.wire` on standard input, answers on standard output, until the end of input.

It holds nothing that matters: whoever started it may kill it at any moment and start another.
"""

from __future__ import annotations

import gc
import os
import sys

from ipc.frames import FrameReader, FrameTooLarge, encode_frame
from ipc.output import follow_rotation, reopen_output
from ipc.version import VERSION
from pengine.collector import paused_collector
from pengine.form import form
from pengine.local_zone import local_zone
from pengine.wire import WireError
from pengine.worker import Worker

_READ_BYTES = 1024 * 1024

EXIT_OK = 0
EXIT_GARBLED = 76
"""What came in was not our protocol (EX_PROTOCOL)."""


def main() -> int:
    """Serve until the other side closes; return the exit status."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"Pacekeeper {VERSION}\npolicy engine: {form()}\n")
        return EXIT_OK
    follow_rotation(lambda: reopen_output(worker=True))
    gc.freeze()
    frames = FrameReader()
    worker = Worker(local_zone(os.environ.get("TZ")))
    while data := os.read(sys.stdin.fileno(), _READ_BYTES):
        try:
            for payload in frames.feed(data):
                with paused_collector():
                    answer = worker.handle(payload)
                    if answer is not None:
                        _write(encode_frame(answer))
                    del answer
        except (WireError, FrameTooLarge) as error:
            sys.stderr.write(f"pengine: {error}\n")
            return EXIT_GARBLED
        except BrokenPipeError:
            return EXIT_OK
    return EXIT_OK


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sys.stdout.fileno(), view) :]


if __name__ == "__main__":
    sys.exit(main())
