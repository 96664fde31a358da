"""The executor's side of the worker: starts agents through it, reads what they print, learns how they ended."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ipc.output import rotation_waits
from ipc.tiny_msgpack import packb
from lrmd.agent_worker import BEGUN, ENDED, FAILED, REPLY, SPAWN
from lrmd.agents import Launch

OUTPUT_BYTES = 4096
"""What is kept of each of the two outputs: the end."""
METADATA_BYTES = 1024 * 1024
"""The same for meta-data, which is useless without its beginning."""
SEND_AGAIN_S = 0.05
_READ_BYTES = 64 * 1024
_LAST_READS = 16
"""Reads after the leader's end: what it wrote is in the pipe then; daemons that hold the pipe may write for ever."""


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How an agent's process ended."""

    run_id: int
    exit_code: int
    signal: int
    output: str
    errors: str
    exec_ms: int
    started_at: int
    """Wall clock seconds."""
    ended_at: int
    """Wall clock seconds."""


@dataclass(slots=True)
class _Tail:
    """One output pipe and the end of what came through it."""

    fd: int
    limit: int
    kept: bytearray = field(default_factory=bytearray)

    def read(self) -> bool:
        """Take what is there; false when nothing is or the pipe has ended."""
        try:
            data = os.read(self.fd, _READ_BYTES)
        except (BlockingIOError, OSError):
            return False
        self.kept += data
        del self.kept[: -self.limit]
        return bool(data)

    def text(self) -> str:
        """What was kept; a first character that the limit cut is left out."""
        start = 0
        while start < min(4, len(self.kept)) and self.kept[start] & 0xC0 == 0x80:
            start += 1
        return self.kept[start:].decode(errors="replace")


@dataclass(slots=True)
class _Process:
    run_id: int
    launch: Launch
    output: _Tail
    errors: _Tail
    gate: int
    """Write end; -1 when the agent was let go."""
    pid: int = 0
    let_go: float = 0.0
    started_at: int = 0


class AgentProcesses:
    """Owns the worker and every pipe to an agent.

    `on_begun(run_id, pid)` is called while the agent waits at its gate: after it has returned the agent is let go.
    `on_ended` gets the end, `on_lost(run_id, pid, reason)` is called instead where the end can't be observed because
    the worker died; with pid 0 the agent never ran.
    """

    def __init__(
        self,
        on_begun: Callable[[int, int], None],
        on_ended: Callable[[ProcessEnd], None],
        on_lost: Callable[[int, int, str], None],
    ) -> None:
        self._on_begun = on_begun
        self._on_ended = on_ended
        self._on_lost = on_lost
        self._worker: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._processes: dict[int, _Process] = {}
        self._unsent: deque[tuple[int, list[int]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start_worker(self) -> None:
        """Start the worker; may be called before the event loop runs, so that it warms up meanwhile."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        # the path is handed over as it is, so that this works from a checkout and from an isolated (-I) installation
        bootstrap = (
            f"import sys; sys.path[:] = {sys.path!r}; from lrmd.agent_worker import main; main({theirs.fileno()})"
        )
        flags = ["-I"] if sys.flags.isolated else []
        with rotation_waits():
            self._worker = subprocess.Popen(
                [sys.executable, *flags, "-c", bootstrap],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        theirs.close()
        self._control = ours

    def reopen_logs(self) -> None:
        """The file that the worker's error output goes to was renamed."""
        if self._worker is not None:
            with contextlib.suppress(ProcessLookupError):
                self._worker.send_signal(signal.SIGHUP)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen to the worker."""
        self._loop = loop
        assert self._control is not None
        loop.add_reader(self._control, self._replies)

    @property
    def worker_pid(self) -> int:
        """The worker's process id."""
        assert self._worker is not None
        return self._worker.pid

    def spawn(self, run_id: int, launch: Launch, output_bytes: int = OUTPUT_BYTES) -> None:
        """Have an agent forked. Raises OSError when descriptors or memory are lacking; then nothing was begun."""
        opened: list[int] = []
        try:
            opened.append(_memory_file("request", _encode(launch)))
            opened.append(_standard_input(launch))
            for _ in range(3):
                opened += os.pipe2(os.O_CLOEXEC)
        except OSError:
            _close_all(opened)
            raise
        request, standard_input, output, output_end, errors, errors_end, gate_end, gate = opened
        process = _Process(run_id, launch, _Tail(output, output_bytes), _Tail(errors, output_bytes), gate)
        self._processes[run_id] = process
        for tail in (process.output, process.errors):
            os.set_blocking(tail.fd, False)
            self._require_loop().add_reader(tail.fd, self._readable, tail)
        theirs = [request, standard_input, output_end, errors_end, gate_end]
        self._unsent.append((run_id, [*theirs, os.dup(output), os.dup(errors)]))
        self._send()

    def pid(self, run_id: int) -> int:
        """The leader's pid, which is its process group as well; 0 while it is not known or when it has ended."""
        process = self._processes.get(run_id)
        return process.pid if process is not None else 0

    def close(self) -> None:
        """Let the worker go: it ends by itself when the agents that run have ended."""
        if self._control is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._control)
                self._loop.remove_writer(self._control)
            self._control.close()
            self._control = None
        for process in list(self._processes.values()):
            self._release(process)
        self._processes.clear()

    # towards the worker

    def _require_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "attach() comes before spawn()"
        return self._loop

    def _send(self) -> None:
        """Send what waits, as far as the socket takes it."""
        control = self._control
        if control is None:
            return
        while self._unsent:
            run_id, descriptors = self._unsent[0]
            try:
                socket.send_fds(control, [SPAWN.pack(run_id)], descriptors)
            except BlockingIOError:
                self._require_loop().add_writer(control, self._send)
                return
            except ConnectionError:
                return  # the worker died; the reader finds out and sends again to the next one
            except OSError:
                # too many descriptors in flight, no memory: both pass
                self._require_loop().call_later(SEND_AGAIN_S, self._send)
                return
            self._unsent.popleft()
            _close_all(descriptors)
        self._require_loop().remove_writer(control)

    def _replies(self) -> None:
        control = self._control
        while control is not None and control is self._control:
            try:
                data = control.recv(REPLY.size)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._worker_died()
                return
            kind, run_id, pid, detail = REPLY.unpack(data)
            process = self._processes.get(run_id)
            if process is None:
                continue
            if kind == BEGUN:
                self._begun(process, pid)
            elif kind == ENDED:
                self._ended(process, detail)
            elif kind == FAILED:
                self._finish(process)
                self._on_lost(run_id, 0, f"the agent could not be started: {os.strerror(detail)}")

    def _begun(self, process: _Process, pid: int) -> None:
        process.pid = pid
        self._on_begun(process.run_id, pid)
        process.let_go = time.monotonic()
        process.started_at = int(time.time())
        with contextlib.suppress(OSError):
            os.write(process.gate, b"g")
        os.close(process.gate)
        process.gate = -1

    def _ended(self, process: _Process, status: int) -> None:
        exec_ms = int((time.monotonic() - process.let_go) * 1000)
        for tail in (process.output, process.errors):
            for _ in range(_LAST_READS):
                if not tail.read():
                    break
        self._finish(process)
        self._on_ended(
            ProcessEnd(
                run_id=process.run_id,
                exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
                signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
                output=process.output.text(),
                errors=process.errors.text(),
                exec_ms=exec_ms,
                started_at=process.started_at,
                ended_at=int(time.time()),
            )
        )

    def _worker_died(self) -> None:
        """Start another; agents that were not let go are started again, of the others only the end can be seen."""
        assert self._control is not None
        assert self._worker is not None
        loop = self._require_loop()
        loop.remove_reader(self._control)
        loop.remove_writer(self._control)
        self._control.close()
        self._worker.wait()
        for _, descriptors in self._unsent:
            _close_all(descriptors)
        self._unsent.clear()
        self.start_worker()
        self.attach(loop)
        for process in list(self._processes.values()):
            self._finish(process)
            if process.pid:
                self._on_lost(process.run_id, process.pid, "the worker that saw the agent's end died")
            else:
                self.spawn(process.run_id, process.launch, process.output.limit)

    # pipes

    def _readable(self, tail: _Tail) -> None:
        if not tail.read():
            self._require_loop().remove_reader(tail.fd)

    def _finish(self, process: _Process) -> None:
        self._processes.pop(process.run_id, None)
        self._release(process)

    def _release(self, process: _Process) -> None:
        for tail in (process.output, process.errors):
            self._require_loop().remove_reader(tail.fd)
            os.close(tail.fd)
        if process.gate >= 0:
            os.close(process.gate)
            process.gate = -1


def signal_group(pid: int, number: int) -> None:
    """Signal the process group that `pid` leads, if anything of it is left."""
    assert pid > 1
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.Signals(number))


def _encode(launch: Launch) -> bytes:
    return packb({"module": launch.module, "argv": list(launch.argv), "environment": launch.environment})


def _standard_input(launch: Launch) -> int:
    if launch.standard_input:
        return _memory_file("input", launch.standard_input)
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


def _memory_file(name: str, content: bytes) -> int:
    """A file without a name, rewound; options of fence agents hold passwords and must not reach a disk."""
    fd = os.memfd_create(name)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError:
        os.close(fd)
        raise
    return fd


def _close_all(descriptors: list[int]) -> None:
    for fd in descriptors:
        os.close(fd)
