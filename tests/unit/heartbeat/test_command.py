"""The command `heartbeat`: what people see, and the exit codes of LSB init scripts."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heartbeat.command import render_status
from heartbeat.messages import LinkStatus, Member, Quorum, Status, View

ROOT = Path(__file__).parents[3]
NETWORK = f"127.{random.randrange(64, 250)}.{random.randrange(1, 250)}"
"""Loopback addresses of this run alone, so that two runs at a time do not meet."""

HA_CF = f"auto_failback on\nrealtime off\nudpport 45601\nucast lo {NETWORK}.1\nucast lo {NETWORK}.2\nnode one two\n"


class Installation:
    """The directories of a node, and the command run with them."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "config").mkdir()
        self.put("ha.cf", HA_CF)
        self.put("authkeys", "auth 1\n1 sha256 secret\n")
        self.put("haresources", "one 10.0.0.1\n")

    def put(self, name: str, text: str) -> None:
        path = self.base / "config" / name
        path.write_text(text)
        path.chmod(0o600)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = [f"--{name}={self.base / name}" for name in ("config", "state", "run", "log")]
        command = [sys.executable, "-m", "heartbeat.command", *arguments, "--node=one", f"--bind={NETWORK}.1", *places]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_the_status_of_a_node_that_does_not_run(here: Installation) -> None:
    done = here.run("status")
    assert (done.returncode, done.stdout) == (3, "heartbeat is not running on one\n")


def test_stopping_a_node_that_does_not_run_is_no_failure(here: Installation) -> None:
    done = here.run("stop")
    assert (done.returncode, done.stdout) == (0, "heartbeat is not running\n")


def test_checking_a_right_configuration(here: Installation) -> None:
    done = here.run("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{here.base}/config: the configuration of 2 nodes can be used\n"


def test_all_problems_of_all_three_files_are_told_and_nothing_is_started(here: Installation) -> None:
    here.put(
        "ha.cf", HA_CF.replace("auto_failback on", "auto_failback perhaps") + "deadtime never\nserial /dev/ttyS0\n"
    )
    here.put("authkeys", "auth 2\n1 sha256 secret\n")
    here.put("haresources", "one 10.0.0.1/99 httpd\n")
    done = here.run("start")
    assert done.returncode == 6
    assert done.stdout == ""
    config = here.base / "config"
    assert done.stderr.splitlines() == [
        f"{config}/ha.cf:1:15: error: auto_failback: wrong value: 'perhaps'; expected on, off or legacy",
        f"{config}/ha.cf:7:10: error: deadtime: wrong value: 'never'; "
        "expected seconds such as 2 or 0.5, or with a unit: 1500ms, 2s, 1m",
        f"{config}/ha.cf:8: warning: serial is not supported and ignored: "
        "links are bcast, mcast and ucast; serial lines do not exist here",
        f"{config}/authkeys:1: error: auth: there is no key of this number: '2'; expected a line `2 METHOD KEY`",
        f"{config}/haresources:1: error: wrong length of the network part: '99'; "
        "expected a number from 1 to 32, as in 172.16.20.100/16",
        "heartbeat: nothing was started",
    ]
    assert not (here.base / "run").exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bcast nosuch0", "bcast nosuch0: there is no network interface nosuch0; this machine has lo"),
        ("ucast lo no.such.host.invalid", "the host name no.such.host.invalid does not resolve to an IPv4 address"),
    ],
)
def test_what_the_machine_does_not_have_is_told_before_anything_is_started(
    here: Installation, line: str, expected: str
) -> None:
    here.put("ha.cf", HA_CF + line + "\n")
    done = here.run("start")
    assert done.returncode == 6
    assert expected in done.stderr


def test_a_secret_that_others_can_read_prevents_a_start(here: Installation) -> None:
    (here.base / "config/authkeys").chmod(0o644)
    done = here.run("start")
    assert done.returncode == 6
    assert "authkeys: error: wrong mode: '644'; expected 600, so that nobody else can read the secret" in done.stderr


def test_a_damaged_state_file_prevents_a_start_and_says_what_to_do(here: Installation) -> None:
    (here.base / "state").mkdir()
    (here.base / "state/heartbeat.state").write_text("{}")
    done = here.run("start")
    assert done.returncode == 1
    assert f"{here.base}/state/heartbeat.state: " in done.stderr
    assert "Restore the file from a backup" in done.stderr


def test_starting_twice_and_the_status_of_a_running_node(here: Installation) -> None:
    started = here.run("start")
    try:
        assert (started.returncode, started.stderr) == (0, "")
        assert started.stdout.startswith("heartbeat is started on one (pid ")
        again = here.run("start")
        assert again.returncode == 0
        assert again.stdout.startswith("heartbeat is running already on one (pid ")
        status = here.run("status")
        assert status.returncode == 0
        assert "link ucast lo: hears nobody\n" in status.stdout
    finally:
        _kill_all(here.base)


def test_the_init_script_hands_the_action_to_the_command() -> None:
    script = ROOT / "heartbeat/init.d/heartbeat"
    for action in ("start", "stop", "restart", "force-reload", "try-restart", "status"):
        done = _run_script(script, action, "echo")
        assert (done.returncode, done.stdout) == (0, f"{action}\n")
    assert _run_script(script, "begin", "echo").returncode == 2
    assert _run_script(script, "start", "/no/such/heartbeat").returncode == 5
    assert _run_script(script, "status", "/no/such/heartbeat").returncode == 4


def _run_script(script: Path, action: str, command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HEARTBEAT": command}
    return subprocess.run(
        ["sh", str(script), action], env=environment, capture_output=True, text=True, timeout=20, check=False
    )


def _kill_all(base: Path) -> None:
    marker = f"PACEKEEPER_RUN_DIR={base}/run".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue


def test_how_a_status_looks() -> None:
    view = View(7, "one", (Member("one", 3), Member("two", 5)))
    status = Status(
        node="one",
        pid=42,
        generation=3,
        state="running",
        view=view,
        quorum=Quorum(quorate=True, basis="alone", votes=1, expected=2, config_writes=False),
        links=(
            LinkStatus("mcast eth0 225.0.100.1", ("two",)),
            LinkStatus("ucast eth1", ()),
            LinkStatus("ping gw", ("gw",)),
        ),
        processes=(("lrmd", "running (pid 43)"), ("crmd", "waiting to be started again")),
    )
    assert render_status(status) == [
        "heartbeat is running on one (pid 42, generation 3)",
        "view 7: one (coordinator), two",
        "quorum: yes (started alone, 1 of 2 votes; configuration writes need --force)",
        "link mcast eth0 225.0.100.1: hears two",
        "link ucast eth1: hears nobody",
        "ping gw: answers",
        "lrmd: running (pid 43)",
        "crmd: waiting to be started again",
    ]
