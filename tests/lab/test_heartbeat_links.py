"""Links as ha.cf names them, between two network namespaces with two cables: multicast, broadcast, and a cut."""

import os
import re
import signal
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
from tests.unit.heartbeat.fake_child import TICK_VARIABLE

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

ROOT = Path(__file__).parents[2]
PATIENCE_S = 15.0
T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE_S:g} s: {what}")


class Cabled:
    """Two nodes in namespaces of their own, joined by eth0 and eth1."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.namespaces = [f"pkhb{os.getpid()}x{number}" for number in (1, 2)]
        self.processes: list[subprocess.Popen[bytes]] = []
        for namespace in self.namespaces:
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        for cable in (0, 1):
            self._lay_cable(cable)

    def _lay_cable(self, cable: int) -> None:
        one, other = self.namespaces
        ends = [f"pkhb{os.getpid() % 100000}{cable}{end}" for end in "ab"]
        ip("link", "add", ends[0], "netns", one, "type", "veth", "peer", "name", ends[1], "netns", other)
        for number, (namespace, end) in enumerate(zip(self.namespaces, ends, strict=True), start=1):
            network = f"10.98.{cable}"
            ip("-n", namespace, "link", "set", end, "name", f"eth{cable}")
            address = f"{network}.{number}/24"
            ip("-n", namespace, "addr", "add", address, "broadcast", f"{network}.255", "dev", f"eth{cable}")
            ip("-n", namespace, "link", "set", f"eth{cable}", "up")

    def directories(self, number: int) -> NodeDirectories:
        place = self.base / f"node{number}"
        return NodeDirectories(place / "config", place / "state", place / "run", place / "log")

    def start(self, links: str, **environment: str) -> None:
        for number, namespace in enumerate(self.namespaces, start=1):
            directories = self.directories(number)
            for path in (directories.config, directories.state, directories.run, directories.log):
                path.mkdir(parents=True)
            ha_cf = "debug 2\nrealtime off\nauto_failback on\nkeepalive 100ms\nwarntime 250ms\ndeadtime 600ms\n"
            (directories.config / "ha.cf").write_text(f"{ha_cf}initdead 2\n{links}node node1 node2\n")
            keys = directories.config / "authkeys"
            keys.write_text("auth 1\n1 sha1 secret\n")
            keys.chmod(0o600)
            command = [sys.executable, "-P", "-m", "tests.unit.heartbeat.node_process", "--node", f"node{number}"]
            self.processes.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", namespace, *command],
                    env={
                        "PATH": os.environ["PATH"],
                        "PYTHONPATH": str(ROOT),
                        **directories.environment(),
                        **environment,
                    },
                    stdin=subprocess.DEVNULL,
                )
            )

    def status(self, number: int) -> Status | None:
        try:
            with BlockingConnection(self.directories(number).heartbeat_socket, 2.0) as connection:
                connection.send(msgspec.msgpack.encode(StatusQuery()))
                return msgspec.msgpack.decode(connection.receive(), type=Status)
        except (DaemonUnreachable, TimeoutError):
            return None

    def links(self, number: int) -> dict[str, tuple[str, ...]]:
        status = self.status(number)
        return {} if status is None else {link.name: link.peers_heard for link in status.links}

    def view(self, number: int) -> tuple[str, ...]:
        status = self.status(number)
        return () if status is None or status.view is None else status.view.names

    def told(self, number: int) -> str:
        path = self.directories(number).run / "told"
        return path.read_text() if path.exists() else ""

    def counted(self, number: int) -> int:
        """The newest number that this node's controller got from the other one."""
        return max((int(n) for n in re.findall(r"^counted \S+ (\d+)$", self.told(number), re.MULTILINE)), default=0)

    def cut(self, device: str) -> None:
        ip("-n", self.namespaces[0], "link", "set", device, "down")

    def heal(self, device: str) -> None:
        ip("-n", self.namespaces[0], "link", "set", device, "up")

    def replace(self, cable: int) -> None:
        """Take the cable with its interfaces away, and lay another one."""
        ip("-n", self.namespaces[0], "link", "del", f"eth{cable}")
        self._lay_cable(cable)

    def close(self) -> None:
        for namespace in self.namespaces:
            done = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
            for pid in done.stdout.split():
                os.kill(int(pid), signal.SIGKILL)
        for process in self.processes:
            process.wait(timeout=5)
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def cabled(tmp_path: Path) -> Iterator[Cabled]:
    laid = Cabled(tmp_path)
    try:
        yield laid
    finally:
        laid.close()


@pytest.mark.parametrize(
    "link",
    ["mcast eth0 225.0.100.1 694 1 0", "bcast eth0", "ucast eth0 10.98.0.1\nucast eth0 10.98.0.2"],
    ids=["mcast", "bcast", "ucast"],
)
def test_two_nodes_find_each_other_over_one_link_of_each_kind(cabled: Cabled, link: str) -> None:
    cabled.start(f"udpport 694\n{link}\n")
    for number, other in ((1, "node2"), (2, "node1")):
        wait_for("a view of both", lambda n=number: cabled.view(n) == ("node1", "node2"))  # type: ignore[misc]
        wait_for("a message", lambda n=number, o=other: f"delivered {o} 1 5\n" in cabled.told(n))  # type: ignore[misc]
        assert list(cabled.links(number).values()) == [(other,)]


def test_a_cut_link_changes_no_view_and_loses_no_message_while_another_one_works(cabled: Cabled) -> None:
    cabled.start("mcast eth0 225.0.100.1 694 1 0\nudpport 695\nbcast eth1\n", **{TICK_VARIABLE: "5"})
    wait_for("messages", lambda: cabled.counted(1) >= 50 and cabled.counted(2) >= 50)
    for device, name in (("eth0", "mcast eth0 225.0.100.1"), ("eth1", "bcast eth1")) * 2:
        cabled.cut(device)
        wait_for("silence on the link", lambda name=name: cabled.links(2)[name] == ())  # type: ignore[misc]
        before = cabled.counted(1), cabled.counted(2)
        wait_for("more messages", lambda b=before: cabled.counted(1) > b[0] and cabled.counted(2) > b[1])  # type: ignore[misc]
        cabled.heal(device)
        wait_for("both links", lambda: all(cabled.links(1).values()) and all(cabled.links(2).values()))
    for number in (1, 2):
        assert cabled.view(number) == ("node1", "node2")
        assert "hole" not in cabled.told(number)
        assert cabled.told(number).count("ViewLost") == 0


def test_both_links_cut_and_healed_end_in_one_view_again(cabled: Cabled) -> None:
    cabled.start("mcast eth0 225.0.100.1 694 1 0\nbcast eth1\n")
    wait_for("a view of both", lambda: cabled.view(2) == ("node1", "node2"))
    for device in ("eth0", "eth1"):
        cabled.cut(device)
    wait_for("a view alone", lambda: cabled.view(1) == ("node1",))
    wait_for("a view alone", lambda: cabled.view(2) == ("node2",))
    for device in ("eth0", "eth1"):
        cabled.heal(device)
    wait_for("a view of both", lambda: cabled.view(1) == cabled.view(2) == ("node1", "node2"))


def test_an_interface_that_is_taken_away_and_made_anew_is_used_again(cabled: Cabled) -> None:
    cabled.start("mcast eth0 225.0.100.1 694 1 0\nbcast eth1\n")
    wait_for("both links", lambda: len(cabled.links(1)) == 2 and all(cabled.links(1).values()))
    wait_for("a view of both", lambda: cabled.view(2) == ("node1", "node2"))
    for cable, name in ((0, "mcast eth0 225.0.100.1"), (1, "bcast eth1")):
        cabled.replace(cable)
        wait_for("both links", lambda name=name: cabled.links(1)[name] == ("node2",))  # type: ignore[misc]
        wait_for("both links", lambda name=name: cabled.links(2)[name] == ("node1",))  # type: ignore[misc]
    assert cabled.view(1) == ("node1", "node2")
    assert cabled.told(1).count("ViewInstalled") == 1
