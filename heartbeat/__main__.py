"""The daemon's process: `python -m heartbeat --node NAME [--bind ADDRESS]`, with its directories in the environment.

People use the command `heartbeat`, which starts this in the background. Exit codes are those of LSB init scripts:
6 for a wrong configuration, 1 for everything else that prevents a start.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from heartbeat.checks import check_files
from heartbeat.children import CommandOf, module_command
from heartbeat.daemon import Daemon, Place, agents_log, logfile_of
from heartbeat.log import Log
from heartbeat.realtime import keep_small
from heartbeat.state_file import StateUnreadable, read_state
from ipc.directories import NodeDirectories
from ipc.note import Note
from ipc.output import OUTPUT_VARIABLE, reopen_output

NOT_CONFIGURED = 6
FAILED = 1


def main(arguments: list[str], command_of: CommandOf = module_command) -> int:
    """Run the node until it ends. `command_of` says how its children are run."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    directories = NodeDirectories.from_environment()
    machine = os.uname().nodename
    name = options.get("--node") or machine
    place = Place(name, directories, options.get("--bind"), is_machine=name == machine)
    os.umask(0o027)
    keep_small()
    try:
        lock = _lock(directories.run / "heartbeat.lock")
        saved = read_state(directories.state, first_generation=int(time.time()))
    except (OSError, StateUnreadable) as error:
        return _fail(str(error))
    if lock is None:
        return _fail(f"heartbeat runs already with the run directory {directories.run}")
    checked = check_files(directories, name)
    if checked.config is None or checked.keys is None:
        for line in checked.lines:
            sys.stderr.write(line + "\n")
        return NOT_CONFIGURED
    config = checked.config
    debugfile = None if config.debugfile is None else Path(config.debugfile)
    try:
        log = Log(name, logfile_of(config, directories), debugfile, config.logfacility, directories.log / "ha-log")
    except OSError as error:
        return _fail(f"the log can't be written: {error}")
    log.set_debug(config.debug)
    os.environ.update(agents_log(config, directories))
    for line in checked.lines:
        log.note(Note("notice", "config.problem", line))
    try:
        daemon = Daemon(place, config, checked.keys, saved, log, command_of)
        return asyncio.run(daemon.run(_when_ready(log)))
    except OSError as error:
        return _fail(str(error))
    finally:
        log.close()


def _lock(path: Path) -> int | None:
    """Held as long as this process lives; None when another one has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _when_ready(log: Log) -> Callable[[], None]:
    """From then on nobody reads our standard output: what may come there (a traceback) goes to the log."""

    def ready() -> None:
        _tell_systemd()
        if not os.isatty(2):
            os.environ[OUTPUT_VARIABLE] = str(log.children)
            reopen_output()

    return ready


def _tell_systemd() -> None:
    """READY=1 for a unit of Type=notify. Source: sd_notify(3)."""
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(b"READY=1")


def _fail(text: str) -> int:
    sys.stderr.write(f"heartbeat: {text}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
