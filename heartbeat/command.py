"""The command `heartbeat`: start, stop, restart and status of a node. Exit codes are those of LSB init scripts."""

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from heartbeat.checks import check_all
from heartbeat.children import module_command
from heartbeat.messages import LinkStatus, Quorum, Status, StatusQuery, StopNode
from ipc.blocking import BlockingConnection, DaemonUnreachable
from ipc.directories import NodeDirectories

OK, FAILED, NOT_RUNNING, NO_PERMISSION, NOT_CONFIGURED = 0, 1, 3, 4, 6
START_S_MAX = 30.0
STOP_S_MAX = 45 * 60.0
"""The supervisor's own bounds end before."""

TELL_EVERY_S = 5.0
BIND_VARIABLE = "PACEKEEPER_BIND"
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "USER", "LOGNAME", "OCF_ROOT", "NOTIFY_SOCKET")
"""What of the caller's environment the daemon keeps, beside PACEKEEPER_*: a service must not depend on a shell."""

BASES = {
    "majority": "majority",
    "two_node": "half of two, kept since both were together",
    "alone": "started alone",
    "none": "no basis",
}


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console command."""
    options = _parser().parse_args(arguments)
    directories = _directories(options)
    actions: dict[str, Callable[[argparse.Namespace, NodeDirectories], int]] = {
        "start": _start,
        "stop": _stop,
        "restart": _restart,
        "force-reload": _restart,
        "try-restart": _try_restart,
        "status": _status,
        "check": _check,
    }
    return actions[options.action](options, directories)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heartbeat", description="Start, stop and look at this node of the cluster.", allow_abbrev=False
    )
    actions = ("start", "stop", "restart", "force-reload", "try-restart", "status", "check")
    parser.add_argument("action", choices=actions, help="check: only check ha.cf, authkeys and haresources")
    parser.add_argument("--foreground", action="store_true", help="with start: run in this process")
    parser.add_argument("--config", type=Path, metavar="DIR", help="ha.cf, authkeys, haresources (/etc/ha.d)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="what survives a reboot (/var/lib/pacekeeper)")
    parser.add_argument("--run", type=Path, metavar="DIR", help="sockets and locks (/run/pacekeeper)")
    parser.add_argument("--log", type=Path, metavar="DIR", help="log files (/var/log/pacekeeper)")
    parser.add_argument("--node", metavar="NAME", help="this node's name (uname -n)")
    parser.add_argument(
        "--bind",
        metavar="ADDRESS",
        default=os.environ.get(BIND_VARIABLE),
        help=f"this node's own address on ucast links, where several nodes share a machine ({BIND_VARIABLE})",
    )
    return parser


def _directories(options: argparse.Namespace) -> NodeDirectories:
    usual = NodeDirectories.from_environment()
    return NodeDirectories(
        config=(options.config or usual.config).absolute(),
        state=(options.state or usual.state).absolute(),
        run=(options.run or usual.run).absolute(),
        log=(options.log or usual.log).absolute(),
    )


def _node(options: argparse.Namespace) -> str:
    return str(options.node or os.uname().nodename)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")


# start


def _start(options: argparse.Namespace, directories: NodeDirectories) -> int:
    running = _ask(directories)
    if running is not None:
        _say(f"heartbeat is running already on {running.node} (pid {running.pid})")
        return OK
    result = _check(options, directories, quiet=True)
    if result != OK:
        _complain("heartbeat: nothing was started")
        return result
    try:
        for directory, mode in ((directories.state, 0o750), (directories.run, 0o755), (directories.log, 0o755)):
            directory.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        _complain(f"heartbeat: {error.filename}: cannot be made: {error.strerror}")
        return NO_PERMISSION if isinstance(error, PermissionError) else FAILED
    command, environment = _daemon(options, directories)
    if options.foreground:
        os.chdir("/")
        os.execve(command[0], command, environment)
    return _start_in_background(command, environment, directories)


def _check(options: argparse.Namespace, directories: NodeDirectories, *, quiet: bool = False) -> int:
    """Print what is wrong or not used in the three files."""
    checked = check_all(directories, _node(options))
    for line in checked.lines:
        _complain(line)
    if checked.config is None:
        return NOT_CONFIGURED
    if not quiet:
        _say(f"{directories.config}: the configuration of {len(checked.config.nodes)} nodes can be used")
    return OK


def _daemon(options: argparse.Namespace, directories: NodeDirectories) -> tuple[list[str], dict[str, str]]:
    command, environment = module_command("heartbeat")
    command = [*command, "--node", _node(options)]
    if options.bind:
        command += ["--bind", options.bind]
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT_VARIABLES or (name.startswith("PACEKEEPER_") and name != BIND_VARIABLE)
    }
    return command, {**kept, **environment, **directories.environment()}


def _start_in_background(command: list[str], environment: dict[str, str], directories: NodeDirectories) -> int:
    daemon = subprocess.Popen(
        command,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert daemon.stderr is not None
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        code = daemon.poll()
        if code is not None:
            said = daemon.stderr.read().decode(errors="replace").rstrip()
            if said:
                _complain(said)
            _complain(f"heartbeat: it ended at once (exit code {code})" + ("" if said else "; its log says why"))
            return code if code in (FAILED, NOT_CONFIGURED) else FAILED
        running = _ask(directories)
        if running is not None and running.pid == daemon.pid:
            _say(f"heartbeat is started on {running.node} (pid {running.pid})")
            daemon.returncode = 0  # it goes on without us: nobody is to wait for it
            return OK
        time.sleep(0.02)
    daemon.kill()
    _complain(f"heartbeat: it did not answer within {START_S_MAX:g} s and was killed; see its log")
    return FAILED


# stop


def _stop(options: argparse.Namespace, directories: NodeDirectories) -> int:
    try:
        connection = BlockingConnection(directories.heartbeat_socket, timeout_s=None)
    except DaemonUnreachable:
        if _may_not_ask(directories):
            _complain(f"heartbeat: {directories.heartbeat_socket}: permission denied")
            return NO_PERMISSION
        _say("heartbeat is not running")
        return OK
    with connection:
        running = _ask(directories)
        connection.send(msgspec.msgpack.encode(StopNode("heartbeat stop")))
        if not _wait_for_end(connection, directories):
            _complain(f"heartbeat: the node did not stop within {STOP_S_MAX / 60:g} minutes")
            return FAILED
    if running is not None and not _wait_for_exit(running.pid):
        _complain(f"heartbeat: process {running.pid} does not end")
        return FAILED
    _say(f"heartbeat is stopped on {running.node if running is not None else 'this node'}")
    return OK


def _wait_for_end(connection: BlockingConnection, directories: NodeDirectories) -> bool:
    """The daemon closes the connection when it ends; what it waits for is told now and then."""
    begun = time.monotonic()
    while time.monotonic() - begun < STOP_S_MAX:
        ready, _, _ = select.select([connection], [], [], TELL_EVERY_S)
        if not ready:
            status = _ask(directories)
            what = ", ".join(f"{name} {state}" for name, state in status.processes) if status is not None else "ending"
            _say(f"stopping for {time.monotonic() - begun:.0f} s: {what}")
            continue
        try:
            connection.receive()
        except DaemonUnreachable:
            return True
    return False


def _wait_for_exit(pid: int) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        ready, _, _ = select.select([pidfd], [], [], 30.0)
        return bool(ready)
    finally:
        os.close(pidfd)


def _restart(options: argparse.Namespace, directories: NodeDirectories) -> int:
    """Check first: a node that could not start again is not stopped."""
    result = _check(options, directories, quiet=True)
    if result != OK:
        _complain("heartbeat: nothing was stopped")
        return result
    return _stop(options, directories) or _start(options, directories)


def _try_restart(options: argparse.Namespace, directories: NodeDirectories) -> int:
    return OK if _ask(directories) is None else _restart(options, directories)


# status


def _status(options: argparse.Namespace, directories: NodeDirectories) -> int:
    status = _ask(directories)
    if status is None:
        if _may_not_ask(directories):
            _complain(f"heartbeat: {directories.heartbeat_socket}: permission denied")
            return NO_PERMISSION
        _say(f"heartbeat is not running on {_node(options)}")
        return NOT_RUNNING
    for line in render_status(status):
        _say(line)
    return OK


def render_status(status: Status) -> list[str]:
    """One screen for people."""
    lines = [f"heartbeat is {status.state} on {status.node} (pid {status.pid}, generation {status.generation})"]
    if status.view is None:
        lines.append("view: none; this node is not in the cluster (yet)")
    else:
        names = [name + (" (coordinator)" if name == status.view.coordinator else "") for name in status.view.names]
        lines.append(f"view {status.view.number}: {', '.join(names)}")
        lines.append(f"quorum: {_describe_quorum(status.quorum)}")
    lines += [_describe_link(link) for link in status.links]
    lines += [f"{name}: {state}" for name, state in status.processes]
    return lines


def _describe_link(link: LinkStatus) -> str:
    if link.name.startswith("ping "):
        return f"{link.name}: {'answers' if link.peers_heard else 'no answer'}"
    return f"link {link.name}: hears {', '.join(link.peers_heard) or 'nobody'}"


def _describe_quorum(quorum: Quorum) -> str:
    votes = f"{quorum.votes} of {quorum.expected} votes"
    if not quorum.quorate:
        return f"no ({votes})"
    writes = "" if quorum.config_writes else "; configuration writes need --force"
    return f"yes ({BASES[quorum.basis]}, {votes}{writes})"


def _ask(directories: NodeDirectories) -> Status | None:
    """The daemon's own word, None when it does not answer."""
    try:
        with BlockingConnection(directories.heartbeat_socket, timeout_s=5.0) as connection:
            connection.send(msgspec.msgpack.encode(StatusQuery()))
            return msgspec.msgpack.decode(connection.receive(), type=Status)
    except (DaemonUnreachable, TimeoutError, msgspec.MsgspecError):
        return None


def _may_not_ask(directories: NodeDirectories) -> bool:
    path = directories.heartbeat_socket
    return path.exists() and not os.access(path, os.R_OK | os.W_OK)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
