"""The node's child processes: started once nothing of an earlier life is there, watched by pidfd, ended at the end."""

import asyncio
import contextlib
import fcntl
import os
import signal
import site
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heartbeat.events import ChildAttached, ProcessExited, ProcessStarted
from heartbeat.log import Log
from ipc.directories import NodeDirectories
from ipc.note import Note
from ipc.output import OUTPUT_VARIABLE, rotation_waits
from ipc.supervision import ProcessName

LOCK_POLL_S = 0.1
END_S_MAX = 5.0
"""How long children may take to end after SIGTERM, when nothing of the cluster's runs here any more."""

_ROOT = Path(__file__).resolve().parents[1]

Give = Callable[[ProcessStarted | ProcessExited], None]
CommandOf = Callable[[str], tuple[list[str], dict[str, str]]]
"""The command of a child by its name, and what its environment needs beside ours."""


def module_command(module: str) -> tuple[list[str], dict[str, str]]:
    """How to run one of our modules in a process of its own, and what its environment needs for that.

    Isolated (-I) where we are installed, so that neither PYTHONPATH nor a system package of the same name gets in
    between; from a source tree with exactly that tree on the path.
    """
    installed = any(Path(place).resolve() == _ROOT for place in site.getsitepackages())
    if installed:
        return [sys.executable, "-I", "-m", module], {}
    return [sys.executable, "-P", "-s", "-m", module], {"PYTHONPATH": str(_ROOT)}


@dataclass(slots=True)
class _Watched:
    pid: int
    pidfd: int
    popen: subprocess.Popen[bytes] | None
    """None: the child of an earlier heartbeat."""


class Children:
    """Performs StartProcess and KillProcess; gives ProcessStarted and ProcessExited."""

    def __init__(
        self,
        directories: NodeDirectories,
        command_of: CommandOf,
        log: Log,
        give: Give,
        note: Callable[[Note], None],
    ) -> None:
        self._directories = directories
        self._command_of = command_of
        self._log = log
        self._give = give
        self._note = note
        self._starting: dict[ProcessName, asyncio.Task[None]] = {}
        self._watched: dict[int, _Watched] = {}
        self._none_left = asyncio.Event()

    def start(self, process: ProcessName) -> None:
        """Start it as soon as no process of an earlier life holds its lock."""
        task = asyncio.get_running_loop().create_task(self._start(process))
        self._starting[process] = task
        task.add_done_callback(_raise_mistakes)

    def attached(self, event: ChildAttached) -> None:
        """A child connected. One of an earlier life is watched too, and no other is started beside it."""
        if event.pid in self._watched:
            return
        waiting = self._starting.pop(event.process, None)
        if waiting is not None:
            waiting.cancel()
        with contextlib.suppress(OSError):  # gone already: the end of its connection tells that
            self._watch(event.process, event.pid, None)

    def kill(self, pid: int) -> None:
        """SIGKILL, to exactly this process."""
        watched = self._watched.get(pid)
        if watched is not None:
            _signal(watched, signal.SIGKILL)

    def reopen_logs(self) -> None:
        """SIGHUP to all: the file that they write to was renamed."""
        for watched in self._watched.values():
            _signal(watched, signal.SIGHUP)

    async def end_all(self) -> None:
        """SIGTERM to all, SIGKILL to those that are still there after END_S_MAX."""
        for task in self._starting.values():
            task.cancel()
        for watched in self._watched.values():
            _signal(watched, signal.SIGTERM)
        if self._watched:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._none_left.wait(), END_S_MAX)
        self.kill_all()

    def kill_all(self) -> None:
        """SIGKILL to all that are there."""
        for watched in list(self._watched.values()):
            _signal(watched, signal.SIGKILL)

    async def _start(self, process: ProcessName) -> None:
        path = self._directories.run / f"{process}.lock"
        told = False
        while _is_locked(path):
            if not told:
                told = True
                text = f"{process} of an earlier heartbeat is still running; waiting until it has settled and ended"
                self._note(Note("warning", "process.waiting", text, {"process": process}))
            await asyncio.sleep(LOCK_POLL_S)
        self._starting.pop(process, None)
        try:
            popen = self._spawn(process)
        except OSError as error:
            self._give(ProcessExited(process, 0, f"cannot be started: {error.strerror}"))
            return
        self._watch(process, popen.pid, popen)
        self._give(ProcessStarted(process, popen.pid))

    def _spawn(self, process: ProcessName) -> subprocess.Popen[bytes]:
        command, environment = self._command_of(process)
        output = self._log.children_output()
        own = {OUTPUT_VARIABLE: str(self._log.children), **self._directories.environment()}
        try:
            with rotation_waits():
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",
                    env={**os.environ, **own, **environment},
                    start_new_session=True,
                )
        finally:
            os.close(output)

    def _watch(self, process: ProcessName, pid: int, popen: subprocess.Popen[bytes] | None) -> None:
        watched = _Watched(pid, os.pidfd_open(pid), popen)
        self._watched[pid] = watched
        self._none_left.clear()
        asyncio.get_running_loop().add_reader(watched.pidfd, self._exited, process, watched)

    def _exited(self, process: ProcessName, watched: _Watched) -> None:
        asyncio.get_running_loop().remove_reader(watched.pidfd)
        os.close(watched.pidfd)
        del self._watched[watched.pid]
        if not self._watched:
            self._none_left.set()
        self._give(ProcessExited(process, watched.pid, _status(watched.popen)))


def _raise_mistakes(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.result()


def _status(popen: subprocess.Popen[bytes] | None) -> str:
    if popen is None:
        return "the child of an earlier heartbeat is gone"
    code = popen.wait()
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name.removeprefix('SIG')}"


def _signal(watched: _Watched, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(watched.pidfd, number)


def _is_locked(path: Path) -> bool:
    """Whether a process holds this flock. The child itself takes it; here it is only tried."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
