"""The process that forks agents: small, single-threaded, and warm for those that are written in Python.

The executor itself never forks: a process with an event loop, threads and a big heap is a bad parent. This one has
imported the shipped agents and their libraries, so that a fork is all that they cost; for every other agent it forks
and executes. It decides nothing. Its socket's other end is the executor's; when that is gone, it stays only until the
agents that it has forked have ended, and reads what they print, because a pipe without a reader would kill them in the
middle of their work.

An agent waits at its gate (a pipe) until the executor has written down its pid, so that a successor finds it. Where
the executor dies before that, the gate ends and the agent was never run.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn, cast

from ipc.output import follow_rotation
from ipc.tiny_msgpack import unpackb

SPAWN = struct.Struct("<Q")
"""Executor to worker: run id. With it come DESCRIPTORS: request, standard input, output, errors, gate, and the ends
of output and errors that are read from."""
_INT = struct.Struct("i")
REPLY = struct.Struct("<cQqq")
"""Worker to executor: kind, run id, pid or 0, wait status or errno."""
BEGUN, ENDED, FAILED = b"B", b"E", b"F"
DESCRIPTORS = 7

_CANNOT_EXECUTE = {2: 5, 13: 4}
"""errno ENOENT (also of a script's interpreter) and EACCES to OCF exit codes."""
_GENERIC = 1
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Child:
    run_id: int
    pid: int
    outputs: list[int]
    """Kept open for the case that the executor dies."""


def main(descriptor: int) -> None:
    """Serve the executor whose socket is `descriptor` until it is gone, then wait for the agents."""
    follow_rotation()
    control = socket.socket(fileno=descriptor)
    # agents and the daemons that they start must not hold it: its end is how death is noticed on both sides
    control.set_inheritable(False)
    _become_ordinary()
    os.chdir("/")
    os.umask(0o022)
    preload = _preload()
    children: dict[int, _Child] = {}
    """By pidfd."""
    poller = select.poll()
    poller.register(control, select.POLLIN)
    warming = True
    while True:
        ready = poller.poll(0 if warming else None)
        if not ready:
            warming = next(preload, None) is not None
        for fd, _ in ready:
            try:
                if fd != control.fileno():
                    poller.unregister(fd)
                    control.send(_reap(fd, children))
                    continue
                present = _serve(control, poller, children)
            except ConnectionError:
                present = False
            if not present:
                _outlive(children)
                return


def _reap(pidfd: int, children: dict[int, _Child]) -> bytes:
    """A child has exited; what the executor is told."""
    child = children.pop(pidfd)
    _, status = os.waitpid(child.pid, 0)
    for fd in (pidfd, *child.outputs):
        os.close(fd)
    return REPLY.pack(ENDED, child.run_id, child.pid, status)


def _outlive(children: dict[int, _Child]) -> None:
    """The executor is gone: read for the agents that are left, until they have ended."""
    poller = select.poll()
    for pidfd, child in children.items():
        for fd in (pidfd, *child.outputs):
            poller.register(fd, select.POLLIN)
    while children:
        for fd, _ in poller.poll():
            if fd in children:
                for ended in (fd, *children[fd].outputs):
                    with contextlib.suppress(KeyError):
                        poller.unregister(ended)
                _reap(fd, children)
                break  # descriptors that were polled may be closed now
            if not os.read(fd, _READ_BYTES):
                poller.unregister(fd)


def _serve(control: socket.socket, poller: select.poll, children: dict[int, _Child]) -> bool:
    """Take one request; false when the executor is gone."""
    try:
        data, descriptors = _receive(control)
    except ConnectionError:
        return False
    if not data:
        return False
    (run_id,) = SPAWN.unpack(data)
    for_agent, outputs = descriptors[:5], descriptors[5:]
    try:
        pid = os.fork()
        if pid == 0:
            _become_agent(for_agent)
        pidfd = os.pidfd_open(pid)
        children[pidfd] = _Child(run_id, pid, outputs)
        poller.register(pidfd, select.POLLIN)
        control.send(REPLY.pack(BEGUN, run_id, pid, 0))
    except ConnectionError:
        return False
    except OSError as error:
        for fd in outputs:
            os.close(fd)
        control.send(REPLY.pack(FAILED, run_id, 0, error.errno or 0))
    finally:
        for fd in for_agent:
            os.close(fd)
    return True


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """One packet and its descriptors, none of which an executed program inherits.

    Not socket.recv_fds: it takes flags and ignores them.
    """
    room = socket.CMSG_SPACE(DESCRIPTORS * _INT.size)
    data, ancillary, _, _ = control.recvmsg(SPAWN.size, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = [
        number
        for level, kind, content in ancillary
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for (number,) in _INT.iter_unpack(content[: len(content) // _INT.size * _INT.size])
    ]
    return data, descriptors


def _become_agent(descriptors: list[int]) -> NoReturn:
    """In the forked process: own group, own descriptors, wait at the gate, become the agent."""
    code = _GENERIC
    try:
        os.setsid()
        request_fd, stdin, stdout, stderr, gate = descriptors
        with os.fdopen(request_fd, "rb") as file:
            file.seek(0)
            request = cast("dict[str, object]", unpackb(file.read()))
        _restore_signals()
        if os.read(gate, 1) != b"g":
            os._exit(_GENERIC)
        for target, source in enumerate((stdin, stdout, stderr)):
            os.dup2(source, target)
        module, argv = cast("str", request["module"]), cast("list[str]", request["argv"])
        environment = cast("dict[str, str]", request["environment"])
        if module:
            _close_from(3)
            code = _run_module(module, argv, environment)
        else:
            os.execve(argv[0], argv, environment)
    except OSError as error:
        _complain(f"cannot execute: {error}")
        code = _CANNOT_EXECUTE.get(error.errno or 0, _GENERIC)
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else _GENERIC
    except BaseException:
        _complain(traceback.format_exc())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _run_module(module: str, argv: list[str], environment: dict[str, str]) -> int:
    os.environ.clear()
    os.environ.update(environment)
    agent = importlib.import_module(module)
    return int(agent.main(argv))


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode(errors="replace"))


def _preload() -> Iterator[str]:
    """Import the shipped agents one by one, between requests; then keep the heap out of the collector's way.

    A collection in a forked process would touch, and so copy, every page of the heap: it is off in all of them.
    """
    from ocf import AGENTS

    for name in AGENTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(f"ocf.{name}")
        yield name
    from ocf.netlink import warm_up

    with contextlib.suppress(OSError):
        warm_up()
    gc.disable()
    gc.collect()
    gc.freeze()


def _become_ordinary() -> None:
    """Agents and what they start are ordinary processes, whatever the messaging layer above us is."""
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with contextlib.suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) < 0:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
    with contextlib.suppress(OSError, ValueError), open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
        if int(file.read()) < 0:
            file.seek(0)
            file.write("0")
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _restore_signals() -> None:
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _close_from(lowest: int) -> None:
    for entry in os.listdir("/proc/self/fd"):
        if int(entry) >= lowest:
            with contextlib.suppress(OSError):
                os.close(int(entry))
