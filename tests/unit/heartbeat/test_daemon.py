"""The daemon on loopback addresses: real processes, sockets, timers and files, with stand-ins for lrmd and crmd."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from heartbeat.messages import Status, StatusQuery
from ipc.blocking import BlockingConnection, DaemonUnreachable
from ipc.directories import NodeDirectories
from tests.unit.heartbeat.fake_child import LARGE

ROOT = Path(__file__).parents[3]
PATIENCE_S = 15.0


T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {PATIENCE_S:g} s: {what}")


class Node:
    """One node: its directories, its daemon, and what its controller was told."""

    def __init__(self, base: Path, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.directories = NodeDirectories(base / "config", base / "state", base / "run", base / "log")
        for directory in (base / "config", base / "state", base / "run", base / "log"):
            directory.mkdir(parents=True)
        self.daemon: subprocess.Popen[str] | None = None

    def write(self, ha_cf: str) -> None:
        (self.directories.config / "ha.cf").write_text(ha_cf)
        keys = self.directories.config / "authkeys"
        keys.write_text("auth 1\n1 aes256-gcm a-secret-for-tests\n")
        keys.chmod(0o600)

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "tests.unit.heartbeat.node_process"]
        self.daemon = subprocess.Popen(
            [*command, "--node", self.name, "--bind", self.address],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self.directories.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> Status | None:
        try:
            with BlockingConnection(self.directories.heartbeat_socket, 2.0) as connection:
                connection.send(msgspec.msgpack.encode(StatusQuery()))
                return msgspec.msgpack.decode(connection.receive(), type=Status)
        except (DaemonUnreachable, TimeoutError):
            return None

    def in_view_with(self, *names: str) -> Status | None:
        status = self.status()
        return status if status is not None and status.view is not None and status.view.names == names else None

    def told(self) -> str:
        path = self.directories.run / "told"
        return path.read_text() if path.exists() else ""

    def log(self) -> str:
        path = self.directories.log / "ha-log"
        return path.read_text() if path.exists() else ""

    def pids(self) -> list[int]:
        """Every process that runs with this node's directories."""
        marker = f"PACEKEEPER_RUN_DIR={self.directories.run}".encode()
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if marker in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def child(self, process: str) -> int | None:
        status = self.status()
        state = dict(status.processes)[process] if status is not None else ""
        match = re.fullmatch(r"running \(pid (\d+)\)", state)
        return int(match[1]) if match is not None else None

    def end(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        if self.daemon is not None:
            self.daemon.communicate(timeout=5)


HA_CF = """\
debug 2
realtime off
auto_failback on
keepalive 100ms
warntime 300ms
deadtime 600ms
initdead 2
udpport {port}
ucast lo {first}
ucast lo {second}
udpport {other_port}
ucast lo {first}
ucast lo {second}
node node1 node2
"""


def free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    choice = random.Random()
    network = f"127.{choice.randrange(64, 250)}.{choice.randrange(1, 250)}"
    pair = Node(tmp_path / "1", "node1", f"{network}.1"), Node(tmp_path / "2", "node2", f"{network}.2")
    ports = {"port": free_port(pair[0].address), "other_port": free_port(pair[0].address)}
    for node in pair:
        node.write(HA_CF.format(first=pair[0].address, second=pair[1].address, **ports))
    try:
        yield pair
    finally:
        for node in pair:
            node.end()


@pytest.fixture
def cluster(nodes: tuple[Node, Node]) -> tuple[Node, Node]:
    for node in nodes:
        node.start()
    for node in nodes:
        wait_for("a view of both", lambda node=node: node.in_view_with("node1", "node2"))  # type: ignore[misc]
    return nodes


def test_two_nodes_agree_on_a_view_and_their_controllers_talk_within_it(cluster: tuple[Node, Node]) -> None:
    first, second = cluster
    for node, other in ((first, second), (second, first)):
        for size in (5, LARGE):
            line = re.compile(rf"^delivered {other.name} \d+ {size}$", re.MULTILINE)
            wait_for(f"{size} bytes from {other.name}", lambda n=node, line=line: line.search(n.told()))  # type: ignore[misc]
    status = first.status()
    assert status is not None
    assert status.quorum.quorate
    assert len(status.links) == 2
    assert [link.peers_heard for link in status.links] == [("node2",), ("node2",)]


def last_view(node: Node) -> str:
    """The newest view that the node's crmd was told of; it hears of it a moment after the daemon has it."""
    return next(line for line in reversed(node.told().splitlines()) if line.startswith("ViewInstalled"))


def test_a_node_that_dies_is_missed_within_deadtime(cluster: tuple[Node, Node]) -> None:
    first, second = cluster
    died = time.clock_gettime(time.CLOCK_BOOTTIME)
    second.end()
    wait_for("a view alone", lambda: first.in_view_with("node1"))
    took = time.clock_gettime(time.CLOCK_BOOTTIME) - died
    assert 0.4 < took < 3  # deadtime is 0.6 s; the machine may be busy
    wait_for("crmd is told whom the view lost", lambda: "lost=('node2',)" in last_view(first))


def test_a_node_that_stops_says_goodbye_and_nothing_of_it_is_left(cluster: tuple[Node, Node]) -> None:
    first, second = cluster
    assert second.daemon is not None
    second.daemon.send_signal(signal.SIGTERM)
    assert second.daemon.wait(timeout=10) == 0
    assert second.pids() == []
    wait_for("a view alone", lambda: first.in_view_with("node1"))
    wait_for("crmd is told who left", lambda: "left=('node2',), lost=()" in last_view(first))


def test_a_node_that_was_paused_longer_than_deadtime_comes_back_with_a_new_life(cluster: tuple[Node, Node]) -> None:
    first, second = cluster
    before = second.status()
    assert before is not None
    assert second.daemon is not None
    second.daemon.send_signal(signal.SIGSTOP)
    wait_for("a view alone", lambda: first.in_view_with("node1"))
    second.daemon.send_signal(signal.SIGCONT)
    wait_for("a view of both", lambda: first.in_view_with("node1", "node2"))
    after = wait_for("a view of both there too", lambda: second.in_view_with("node1", "node2"))
    assert after.generation == before.generation + 1
    lost_then_joined = re.compile(r"^ViewLost.*^ViewInstalled", re.MULTILINE | re.DOTALL)
    wait_for("the controller knows both", lambda: lost_then_joined.search(second.told()))


@pytest.mark.parametrize("process", ["crmd", "lrmd"])
def test_a_child_that_is_killed_comes_back_and_the_node_stays_in_its_view(
    cluster: tuple[Node, Node], process: str
) -> None:
    first, second = cluster
    before = first.status()
    killed = wait_for("the child", lambda: second.child(process))
    os.kill(killed, signal.SIGKILL)
    wait_for("another child", lambda: (second.child(process) or killed) != killed)
    if process == "crmd":
        wait_for("the peer knows", lambda: "PeerProcess(node='node2', state='up')" in first.told())
        assert "PeerProcess(node='node2', state='restarting')" in first.told()
    after = first.status()
    assert before is not None
    assert after is not None
    assert after.view == before.view


def test_a_heartbeat_that_was_killed_starts_again_when_the_children_of_its_earlier_life_are_gone(
    cluster: tuple[Node, Node],
) -> None:
    first, second = cluster
    assert second.daemon is not None
    before = second.status()
    second.daemon.kill()
    second.daemon.communicate(timeout=5)
    second.start()
    after = wait_for("a view of both", lambda: second.in_view_with("node1", "node2"))
    assert before is not None
    assert after.generation == before.generation + 1
    assert len(second.pids()) == 3
    wait_for("a view of both there too", lambda: first.in_view_with("node1", "node2"))


def test_packets_of_strangers_change_nothing_and_are_told_once(cluster: tuple[Node, Node]) -> None:
    first, _ = cluster
    before = first.status()
    port = int(re.findall(r"udpport (\d+)", (first.directories.config / "ha.cf").read_text())[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(500):
            sock.sendto(b"PK\x01" + bytes([1, 5]) + b"node2" + bytes(32 + number % 50), (first.address, port))
    with socket.create_connection((first.address, port), timeout=5) as stranger:
        stranger.sendall(b"\0\0\0\x10GET / HTTP/1.1\r\n")
        stranger.settimeout(5)
        while stranger.recv(1000):
            pass
    wait_for("a note", lambda: "network.refused" in first.log())
    after = first.status()
    assert first.log().count("network.refused") == 1
    assert before is not None
    assert after is not None
    assert after.view == before.view


def test_a_second_daemon_of_the_same_node_is_refused(cluster: tuple[Node, Node]) -> None:
    first, _ = cluster
    command = [sys.executable, "-P", "-m", "tests.unit.heartbeat.node_process", "--node", "node1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **first.directories.environment()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "heartbeat runs already" in done.stderr
    assert first.in_view_with("node1", "node2") is not None


def test_a_mistake_in_the_program_ends_the_process(nodes: tuple[Node, Node]) -> None:
    first, _ = nodes
    program = (
        "import sys; from heartbeat.__main__ import main\n"
        "def command_of(process): raise AssertionError('on purpose')\n"
        "sys.exit(main(sys.argv[1:], command_of))"
    )
    command = [sys.executable, "-P", "-c", program, "--node", first.name, "--bind", first.address]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **first.directories.environment()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 70
    assert "heartbeat ends because of a mistake in it" in first.log()
    assert "AssertionError: on purpose" in first.log()


@pytest.mark.skipif(os.geteuid() != 0, reason="a real-time class and locked memory need root")
def test_what_the_daemon_is_granted_is_not_inherited_by_its_children(nodes: tuple[Node, Node]) -> None:
    first, _ = nodes
    ha_cf = first.directories.config / "ha.cf"
    ha_cf.write_text(ha_cf.read_text().replace("realtime off", "realtime on"))
    first.start()
    assert first.daemon is not None
    child = wait_for("a child", lambda: first.child("lrmd"))
    assert "VmLck:\t       0 kB" in Path(f"/proc/{child}/status").read_text()
    assert os.sched_getscheduler(child) == os.SCHED_OTHER
    if "realtime.class" not in first.log():
        assert os.sched_getscheduler(first.daemon.pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR
    if "realtime.memory" not in first.log():
        assert "VmLck:\t       0 kB" not in Path(f"/proc/{first.daemon.pid}/status").read_text()


def test_the_daemon_imports_nothing_heavy() -> None:
    program = "import sys, heartbeat.__main__; print('\\n'.join(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {"lxml", "argparse", "xml", "rich", "lark", "jinja2", "pyroute2", "prompt_toolkit", "json", "http"}
    ours = {"cib", "crmd", "lrmd", "pengine", "stonith", "crmsh", "ocf", "lab"}
    assert loaded & (heavy | ours) == set()
