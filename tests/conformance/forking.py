"""The project's commands without the cost of starting an interpreter for each: one process that forks for every call.

A command is a small script that hands its arguments, environment, directory and standard streams to the server, which
has everything imported; the server's child runs the tool's own `main` on them and its exit status comes back.
"""

from __future__ import annotations

import array
import contextlib
import importlib
import os
import signal
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

_CLIENT = """#!{python} -IS
import _socket, os, sys
request = repr([{name!r}, sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
link.connect({path!r})
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
link.sendmsg([len(request).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
link.sendall(request)
os._exit((link.recv(1) or b"\\xff")[0])
"""
_LENGTH_BYTES = 4
_PRELOADED = (
    "cib.operations", "cib.patch_diff", "crmsh.configuration.commit", "crmsh.configuration.verify",
    "crmsh.language.parse", "crmsh.levels.configure", "crmsh.status.reader", "crmsh.status.text",
)  # fmt: skip
"""What nearly every call needs."""
Main = Callable[[list[str]], int]


@contextlib.contextmanager
def commands(project: Path, folder: Path) -> Iterator[Path]:
    """While it lasts, `folder` has the commands of the project, run from the sources of `project`."""
    scripts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    names = {name: target for name, target in scripts.items() if target.startswith("crmsh.")}
    path = folder / "socket"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(64)
    for name in names:
        command = folder / name
        command.write_text(_CLIENT.format(python=sys.executable, name=name, path=str(path)), encoding="utf-8")
        command.chmod(0o755)
    server = os.fork()
    if server == 0:
        _serve(listener, names)
    listener.close()
    try:
        yield folder
    finally:
        os.kill(server, signal.SIGTERM)
        os.waitpid(server, 0)


def _serve(listener: socket.socket, names: dict[str, str]) -> None:
    """Fork for every connection, until the end of the tests. Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    mains: dict[str, Main] = {}
    for name, target in names.items():
        module, _, function = target.partition(":")
        if function == "command":
            # It ends the process after `main`; here the status has to be told first.
            function = "main"
        mains[name] = getattr(importlib.import_module(module), function)
    for module in _PRELOADED:
        importlib.import_module(module)
    while True:
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            os._exit(_run(link, mains))
        link.close()


def _run(link: socket.socket, mains: dict[str, Main]) -> int:
    """In the child: take over the caller's streams, environment and directory, run the tool, tell its status."""
    head, streams = _receive_head(link)
    request = b""
    while len(request) < head:
        request += link.recv(head - len(request))
    name, arguments, environment, directory = _literal(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    time.tzset()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.argv = [name, *arguments]
    sys.stdin, sys.stdout, sys.stderr = (
        open(0, encoding="utf-8"),  # noqa: SIM115
        open(1, "w", encoding="utf-8", errors="replace"),  # noqa: SIM115
        open(2, "w", encoding="utf-8", errors="replace", buffering=1),  # noqa: SIM115
    )
    status = 70
    try:
        status = mains[name](arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    for text in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            text.flush()
    link.sendall(bytes([status & 0xFF]))
    return 0


def _receive_head(link: socket.socket) -> tuple[int, list[int]]:
    """The length of the request, and the caller's three standard streams."""
    room = array.array("i", [0, 0, 0])
    data, messages, _, _ = link.recvmsg(_LENGTH_BYTES, socket.CMSG_SPACE(len(room) * room.itemsize))
    streams = array.array("i")
    for _, _, content in messages:
        streams.frombytes(content)
    return int.from_bytes(data, "big"), list(streams)


def _literal(request: bytes) -> tuple[str, list[str], dict[str, str], str]:
    """The client, which imports no more than it must, writes a Python literal."""
    from ast import literal_eval

    name, arguments, environment, directory = literal_eval(request.decode(errors="surrogateescape"))
    return name, arguments, environment, directory
