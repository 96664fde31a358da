"""How long the controller's event loop stands still at the most, in small and in very large configurations.

usage: python -m bench.event_loop [--primitives 100,1000,3000] [--seconds N]

Two nodes on loopback, without root. A client of each node's controller asks for its state again and again while
something is done to the cluster; the longest time that one answer took is how long the loop was busy with something
else (and whatever the machine did meanwhile: the first column, nothing done, tells how much that is). Nothing is
started: the resources are known not to run, and the cluster is in maintenance.
"""

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import clean_up_on_sigterm, machine, say, table
from bench.generated import cluster
from cib.document import Document
from cib.requests import Request
from crmd.client import Client, ClientError
from crmd.messages import ClusterState
from ipc.directories import NodeDirectories

ADDRESSES = {"node1": "127.0.0.91", "node2": "127.0.0.92"}
QUERY_CLIENTS = 20
PAUSE_S = 0.002
"""Between two questions."""
START_S = 120.0
_OPTIONS = (
    '<nvpair id="opt-maintenance" name="maintenance-mode" value="true"/>'
    '<nvpair id="opt-probes" name="enable-startup-probes" value="false"/>'
)
_SLOW = re.compile(r"busy with one event \((\w+)\) for (\d+) ms")


class Node:
    """A node whose directories are all below one."""

    def __init__(self, name: str, directory: Path, port: int) -> None:
        self.name = name
        self.directories = NodeDirectories(*(directory / name / part for part in ("etc", "state", "run", "log")))
        self.directories.config.mkdir(parents=True)
        self.directories.log.mkdir()
        self.log = self.directories.log / "ha-log"
        lines = ["keepalive 200ms", "deadtime 10", "warntime 5", "debug 1", "initdead 10", f"logfile {self.log}"]
        lines += [f"udpport {port}", *(f"ucast lo {address}" for address in ADDRESSES.values())]
        lines += [f"node {one}" for one in ADDRESSES]
        (self.directories.config / "ha.cf").write_text("\n".join(lines) + "\n")
        keys = self.directories.config / "authkeys"
        keys.touch(0o600)
        keys.write_text("auth 1\n1 sha256 for-a-measurement\n")
        self._process: subprocess.Popen[bytes] | None = None

    def lay(self, cib: bytes) -> None:
        """Put a cib.xml there, before the first start."""
        self.directories.cib.mkdir(parents=True)
        (self.directories.cib / "cib.xml").write_bytes(cib)

    def start(self) -> None:
        """Start the daemons."""
        command = [sys.executable, "-m", "heartbeat.command", "start", "--foreground"]
        self._process = subprocess.Popen(
            [*command, f"--node={self.name}", f"--bind={ADDRESSES[self.name]}"],
            env={**os.environ, **self.directories.environment()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """End the daemons, in good order or not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def state(self) -> ClusterState | None:
        """What the controller says of itself."""
        try:
            with Client.connect(self.directories) as client:
                return client.state()
        except ClientError:
            return None

    def wait(self, members: int) -> None:
        """Until there is nothing left to do in a cluster of so many nodes. Raises TimeoutError."""
        end = time.monotonic() + START_S
        while (state := self.state()) is None or not state.idle or not state.dc or len(state.members) != members:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} is not idle with {members} members: {state}")
            time.sleep(0.05)

    def slow_events(self) -> str:
        """What the controller itself noted as slow so far: the longest of each kind of event."""
        longest: dict[str, int] = {}
        for name, took in _SLOW.findall(self.log.read_text(errors="replace")) if self.log.exists() else ():
            longest[name] = max(longest.get(name, 0), int(took))
        return ", ".join(f"{name} {took}" for name, took in sorted(longest.items(), key=lambda item: -item[1]))


class Watch:
    """Asks a controller for its state while it is entered; `longest_ms` is how long one answer took at the most."""

    def __init__(self, node: Node) -> None:
        self.longest_ms = 0.0
        self._client = Client.connect(node.directories)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._client.close()

    def _ask(self) -> None:
        while not self._ended.wait(PAUSE_S):
            began = time.perf_counter()
            try:
                self._client.state()
            except ClientError:
                return
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - began) * 1000)


def main() -> int:
    """Measure and print; 1 when a cluster does not come up."""
    parser = argparse.ArgumentParser(prog="python -m bench.event_loop", description=__doc__)
    parser.add_argument("--primitives", default="100,1000,3000", help="sizes of the configuration")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each load lasts")
    options = parser.parse_args()
    clean_up_on_sigterm()
    say(f"{machine()}\nlongest time without an answer, in ms, at the DC / at the other node")
    rows: list[tuple[str, ...]] = [
        ("primitives", "idle", "one change", "load of all", "status", f"{QUERY_CLIENTS} queries", "join")
    ]
    slow: list[str] = []
    try:
        for size in (int(text) for text in options.primitives.split(",")):
            with tempfile.TemporaryDirectory(prefix="pacekeeper-loop-") as directory:
                figures, noted = _measure(size, Path(directory), options.seconds)
            rows.append((str(size), *figures))
            slow += [f"{size}: {text}" for text in noted if text]
            say(table([rows[0], rows[-1]]))
    except (TimeoutError, ClientError) as error:
        sys.stderr.write(f"event_loop: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    say("\n" + table(rows) + "".join(f"noted as slow, {text}\n" for text in slow))
    return 0


def _measure(primitives: int, directory: Path, seconds: float) -> tuple[list[str], list[str]]:
    port = _free_port()
    first, second = nodes = [Node(name, directory, port) for name in ADDRESSES]
    content = _content(primitives)
    first.lay(content)
    figures: list[str] = []
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait(2)
        _write_history(first, primitives)
        first.wait(2)
        figures += [_watched(nodes, load, seconds) for load in (_nothing, _one_change, _whole, _status, _queries)]
        second.stop()
        first.wait(1)
        figures.append(_joined(first, second))
        return figures, [f"{node.name}: {node.slow_events()}" for node in nodes]
    finally:
        for node in reversed(nodes):
            node.stop()


def _watched(nodes: list[Node], load: Callable[[Node, float], None], seconds: float) -> str:
    at, state = nodes[0], nodes[0].state()
    if state is not None and state.dc == nodes[1].name:
        nodes = nodes[::-1]
    with contextlib.ExitStack() as stack:
        watches = [stack.enter_context(Watch(node)) for node in nodes]
        load(at, seconds)
        # What a change brings about (the other node's disk, a new computation) belongs to it.
        for node in nodes:
            node.wait(2)
    return " / ".join(f"{watch.longest_ms:.0f}" for watch in watches)


def _joined(first: Node, second: Node) -> str:
    with Watch(first) as watch:
        second.start()
        end = time.monotonic() + START_S
        while second.state() is None and time.monotonic() < end:
            time.sleep(0.01)
        with Watch(second) as other:
            first.wait(2)
            second.wait(2)
    return f"{watch.longest_ms:.0f} / {other.longest_ms:.0f}"


def _nothing(_node: Node, seconds: float) -> None:
    time.sleep(seconds)


def _one_change(node: Node, seconds: float) -> None:
    """A changed attribute of one resource, again and again."""
    with Client.connect(node.directories) as client:
        for number, _ in enumerate(_until(seconds)):
            xml = f'<nvpair id="r0-fake" name="fake" value="changed-{number}"/>'.encode()
            client.apply([Request("modify", section="resources", xml=xml)])


def _whole(node: Node, _seconds: float) -> None:
    """The whole configuration is replaced by one in which every resource has another parameter."""
    with Client.connect(node.directories) as client:
        document = Document.from_bytes(client.query())
        for pair in document.root.iter("nvpair"):
            if pair.get("name") == "fake":
                pair.set("value", "other")
        document.root.set("epoch", str(document.version.epoch + 1))
        status = document.root.find("status")
        if status is not None:
            document.root.remove(status)
        client.apply([Request("replace", xml=document.to_compact_bytes())])


def _status(node: Node, seconds: float) -> None:
    """Transient attributes of a node change as fast as it goes."""
    with Client.connect(node.directories) as client:
        for number, _ in enumerate(_until(seconds)):
            client.update_attribute("load", str(number), lifetime="reboot")


def _queries(node: Node, seconds: float) -> None:
    """Many clients read the whole document while the status changes."""

    def read() -> None:
        with Client.connect(node.directories) as client:
            for _ in _until(seconds):
                client.query()

    threads = [threading.Thread(target=read) for _ in range(QUERY_CLIENTS)]
    for thread in threads:
        thread.start()
    with Client.connect(node.directories) as client:
        for number, _ in enumerate(_until(seconds)):
            client.update_attribute("load", f"q{number}", lifetime="reboot")
            time.sleep(0.1)
    for thread in threads:
        thread.join()


def _until(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def _content(primitives: int) -> bytes:
    """A configuration in which nothing is to be done."""
    document = Document.from_bytes(cluster(primitives, 2).encode())
    options = next(document.root.iter("cluster_property_set"))
    for pair in Document.from_bytes(f"<cib>{_OPTIONS}</cib>".encode()).root:
        options.append(pair)
    status = document.root.find("status")
    assert status is not None
    document.root.remove(status)
    # The cluster writes its nodes in by itself, under names of its own.
    names = next(document.root.iter("nodes"))
    for node in list(names):
        names.remove(node)
    return document.to_bytes()


def _write_history(node: Node, primitives: int) -> None:
    """Give both nodes the history that a probed cluster has: each resource was looked for and not found."""
    with Client.connect(node.directories) as client:
        states = Document.from_bytes(client.query()).root.iterfind("status/node_state")
        identities = [(state.get("id", ""), state.get("uname", "")) for state in states]
        for identity, name in identities:
            histories = "".join(_probed(number, name) for number in range(primitives))
            xml = (
                f'<node_state id="{identity}"><lrm id="{identity}"><lrm_resources>{histories}</lrm_resources></lrm>'
                "</node_state>"
            )
            client.apply([Request("modify", section="status", xml=xml.encode())])


def _probed(number: int, node: str) -> str:
    key = f"{number}:1:7:00000000-0000-4000-8000-000000000000"
    return (
        f'<lrm_resource id="r{number}" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="r{number}_last_0" '
        f'operation_key="r{number}_monitor_0" operation="monitor" crm-debug-origin="bench" crm_feature_set="3.16.1" '
        f'transition-key="{key}" transition-magic="0:7;{key}" exit-reason="" on_node="{node}" call-id="{number + 1}" '
        'rc-code="7" op-status="0" interval="0" last-rc-change="1690000000" exec-time="10" queue-time="0"/>'
        "</lrm_resource>"
    )


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((ADDRESSES["node1"], 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
