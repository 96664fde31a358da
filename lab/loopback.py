"""The demo's stage without root: nodes are processes on loopback addresses, with directories of their own."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ipc.directories import RUN_VARIABLE, NodeDirectories
from lab.namespaces.node import COMMANDS, LabError
from lab.outage import Recording

NODES = ("node1.example.com", "node2.example.com")
ADDRESSES = ("127.0.0.11", "127.0.0.12")
SERVICE = "127.0.0.100"
PREFIX = "pacekeeper-loopback-"
KEPT = "kept.json"
KILL_S_MAX = 10.0

HA_CF = """\
logfile {log}
keepalive 200ms
warntime 500ms
deadtime 1
initdead 5
udpport {port}
ucast lo {first}
ucast lo {second}
auto_failback on
node {nodes}
"""

HTTPD = """\
#!/bin/sh
# The example's web server on a loopback address of its own.
export HTTPD_ENGINE=python HTTPD_LISTEN={listen} HTTPD_DOCUMENT_ROOT={root} HTTPD_PIDFILE={pid}
exec {script} "$@"
"""


class KeptLoopback(msgspec.Struct, frozen=True):
    """What another process needs to know of a cluster that goes on running."""

    web_port: int


class LoopbackStage:
    """Two nodes on one machine, seen from their processes: own directories, own address, own web server."""

    left_out: tuple[str, ...] = (
        f"no service address that moves: each node's web server opens {SERVICE} when it is that node's turn",
        "no shared disk: each node has its own copy of the page, and Filesystem is not used",
        "nodes share this machine's name, processes and clock; a power cut kills a node's processes",
    )
    nodes = NODES

    def __init__(self, example: Path) -> None:
        """Lay everything ready; nothing runs. Raises LabError where the addresses can't be used."""
        self.web_port = _free_port((SERVICE,))
        self.directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        port = _free_port(ADDRESSES)
        for name in NODES:
            self._lay(example, name, port)

    @classmethod
    def take_over(cls, directory: Path) -> "LoopbackStage":
        """A cluster that `keep` left running. Raises LabError when it is none."""
        stage = cls.__new__(cls)
        stage.directory = directory
        try:
            stage.web_port = msgspec.json.decode((directory / KEPT).read_bytes(), type=KeptLoopback).web_port
        except (OSError, msgspec.MsgspecError) as error:
            raise LabError(f"{directory} holds no cluster that goes on running: {error}") from error
        return stage

    def _lay(self, example: Path, name: str, port: int) -> None:
        base = self.directory / name
        config = base / "config"
        (config / "resource.d").mkdir(parents=True)
        for each in ("state", "run", "log", "www"):
            (base / each).mkdir()
        (base / "www/index.html").write_text(f"<h1>served by {name} on loopback</h1>\n")
        (config / "ha.cf").write_text(
            HA_CF.format(
                log=base / "log/ha-log", port=port, first=ADDRESSES[0], second=ADDRESSES[1], nodes=" ".join(NODES)
            )
        )
        (config / "authkeys").write_text((example / "authkeys").read_text())
        (config / "authkeys").chmod(0o600)
        (config / "haresources").write_text(f"{NODES[0]} httpd\n")
        script = config / "resource.d/httpd"
        script.write_text(
            HTTPD.format(
                listen=f"{SERVICE}:{self.web_port}",
                root=shlex.quote(str(base / "www")),
                pid=shlex.quote(str(base / "run/httpd.pid")),
                script=shlex.quote(str(example / "init.d/httpd")),
            )
        )
        script.chmod(0o755)

    @property
    def place(self) -> str:
        """Where it plays, for people."""
        return f"loopback addresses, {self.directory}"

    def boot(self) -> None:
        """Nothing to do: the machine is on."""

    def start(self, node: str | None = None) -> None:
        """`heartbeat start` on one node or on all at once."""
        starting = [
            subprocess.Popen(
                [str(COMMANDS / "heartbeat"), "start", "--node", name, "--bind", ADDRESSES[NODES.index(name)]],
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            for name in ([node] if node else NODES)
        ]
        for process in starting:
            output, _ = process.communicate(timeout=30)
            if process.returncode != 0:
                raise LabError(f"heartbeat start exited with {process.returncode}\n{output}")

    def kill(self, node: str) -> None:
        """SIGKILL to every process that the node has, resources too. Raises LabError when some don't end."""
        deadline = time.monotonic() + KILL_S_MAX
        while pids := list(self._processes(node)):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if time.monotonic() > deadline:
                raise LabError(f"processes of {node} do not end: {', '.join(map(str, pids))}")
            time.sleep(0.002)
        # /run is empty after a power cut.
        for path in self.directories(node).run.glob("*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _processes(self, node: str) -> Iterator[int]:
        """What runs in the node's environment, or was started from a file of the node, this process left out."""
        variable = f"{RUN_VARIABLE}={self.directories(node).run}".encode()
        base = f"{self.directory / node}/".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if entry.stat().st_uid != os.geteuid():
                    continue
                environment, command = (entry / "environ").read_bytes(), (entry / "cmdline").read_bytes()
            except OSError:
                continue  # it ended meanwhile
            if variable in environment.split(b"\0") or base in command:
                yield int(entry.name)

    def directories(self, node: str) -> NodeDirectories:
        """For the client API of a node."""
        base = self.directory / node
        return NodeDirectories(base / "config", base / "state", base / "run", base / "log")

    def environment(self, node: str) -> dict[str, str]:
        """What makes commands belong to a node."""
        return {
            "PATH": f"{COMMANDS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.directory),
            **self.directories(node).environment(),
        }

    def command(self, node: str, *argv: str) -> str:
        """What a command prints in the environment of a node."""
        result = subprocess.run(
            [str(COMMANDS / argv[0]), *argv[1:]],
            env=self.environment(node),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if result.returncode != 0:
            raise LabError(f"{' '.join(argv)} exited with {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def probe(self) -> Recording:
        """Ask for the page, from now on."""
        isolated = ["-I"] if sys.flags.isolated else []
        return Recording(
            subprocess.Popen(
                [sys.executable, *isolated, "-m", "lab.probe", SERVICE, str(self.web_port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    def double_mounts(self) -> list[str]:
        """Nothing is mounted here."""
        return []

    def keep(self) -> str:
        """Leave it running; says how to reach it and how to end it."""
        (self.directory / KEPT).write_bytes(msgspec.json.encode(KeptLoopback(self.web_port)))
        return (
            "The cluster goes on running.\n"
            "  ./run lab enter node1     a shell in which crm, crm_mon and all tools speak to node1\n"
            f"  http://{SERVICE}:{self.web_port}/  the service\n"
            "  ./run lab kill node1      kills its processes; ./run lab start node1 brings it back\n"
            "  ./run lab stop            ends it and cleans up\n"
        )

    def log(self, node: str) -> str:
        """The node's log."""
        return (self.directories(node).log / "ha-log").read_text(errors="replace")

    def close(self) -> None:
        """End every process of the nodes, remove the directories."""
        try:
            for node in NODES:
                self.kill(node)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


def _free_port(addresses: tuple[str, ...]) -> int:
    """A port that is free for UDP and TCP on all of the addresses. Raises LabError."""
    reason = "no port is free"
    for _ in range(20):
        port = 0
        sockets: list[socket.socket] = []
        try:
            for address in addresses:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    sockets.append(socket.socket(socket.AF_INET, kind))
                    sockets[-1].bind((address, port))
                    port = sockets[-1].getsockname()[1]
            return int(port)
        except OSError as error:
            reason = f"{address}: {error.strerror}"
        finally:
            for each in sockets:
                each.close()
    raise LabError(f"loopback addresses can't be used: {reason}")
