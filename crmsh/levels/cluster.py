"""The cluster level: the service of this node."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from crmsh.backend import BackendError
from crmsh.levels.framework import Command, CommandError, Level, Run, Session, commands

COMMAND_TIMEOUT_S = 300


def _heartbeat(session: Session, *arguments: str) -> None:
    """Run the messaging layer's own command: the one beside this program, else the one of the path."""
    beside = Path(sys.argv[0]).absolute().with_name("heartbeat")
    program = str(beside) if beside.is_file() else shutil.which("heartbeat")
    command = [program, *arguments] if program else [sys.executable, "-m", "heartbeat.command", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"'heartbeat {' '.join(arguments)}' could not be run: {error}") from None
    session.out(done.stdout)
    if done.returncode:
        raise CommandError(f"'heartbeat {' '.join(arguments)}' failed", tuple(done.stderr.splitlines()))


def _service(action: str) -> Run:
    def run(session: Session, arguments: list[str]) -> None:
        if arguments:
            raise CommandError(f"cluster {action}: this works on the node where it is typed; run it on {arguments[0]}")
        _heartbeat(session, action)

    return run


def status(session: Session, arguments: list[str]) -> None:
    """The service, the view, the quorum and the coordinator."""
    try:
        state = session.backend.client().state()
    except BackendError as error:
        session.out(f"the cluster is not running on this node: {error.text}")
        raise CommandError("not connected", rc=error.rc) from None
    session.out(f"node {state.node}: {state.fsa_state}, view {state.view}")
    session.out(f"members: {', '.join(state.members)}")
    session.out(f"quorum: {'yes' if state.quorate else 'no'} ({state.quorum_basis})")
    session.out(f"coordinator: {state.dc or 'none'}")
    for sentence in state.advice:
        session.out(f"note: {sentence}")


def wait(session: Session, arguments: list[str]) -> None:
    """Return when the cluster is idle."""
    from crmsh.levels.waiting import wait_until_idle

    if arguments and not arguments[0].isdigit():
        raise CommandError(f"wait_for_startup: '{arguments[0]}' is not a number of seconds")
    limit_s = int(arguments[0]) if arguments else 60
    deadline = time.monotonic() + limit_s
    while True:
        # A controller that is just starting has no socket yet; there is nothing to be told by.
        try:
            session.backend.client()
            break
        except BackendError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    wait_until_idle(session, max(1000, int((deadline - time.monotonic()) * 1000)))


LEVEL = Level(
    name="cluster",
    summary="the service of this node",
    commands=commands(
        Command("start", _service("start"), "start", "start the cluster on this node"),
        Command("stop", _service("stop"), "stop", "move resources away and stop the cluster on this node"),
        Command("restart", _service("restart"), "restart", "stop and start"),
        Command("status", status, "status", "service, view, quorum, coordinator", maximum=0),
        Command("wait_for_startup", wait, "wait_for_startup [SECONDS]", "wait until the cluster is idle", maximum=1),
    ),
)
