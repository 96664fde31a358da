"""The demo's stage without root: nodes are processes on loopback addresses, with directories of their own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ipc.directories import RUN_VARIABLE, NodeDirectories
from lab.namespaces.node import COMMANDS, LabError
from lab.outage import Recording

NODES = ("node1.example.com", "node2.example.com")
ADDRESSES = ("127.0.0.11", "127.0.0.12")
PORT = 16940
WEB = ("127.0.0.100", 18080)

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


class LoopbackStage:
    """Two nodes on one machine, seen from their processes: own directories, own address, own web server."""

    left_out: tuple[str, ...] = (
        "no service address: the page moves between two servers on one address (127.0.0.100)",
        "no shared disk: Filesystem is not mounted",
        "nodes share this machine's name, processes and clock; a power cut kills a node's processes",
    )
    nodes = NODES

    def __init__(self, example: Path, *, keep: bool = False) -> None:
        """Lay everything ready. Raises LabError when the cluster is to go on running: that needs namespaces."""
        if keep:
            raise LabError("--keep needs network namespaces, which need root")
        self.directory = Path(tempfile.mkdtemp(prefix="pacekeeper-loopback-"))
        for number, name in enumerate(NODES):
            self._lay(example, name, number)

    def _lay(self, example: Path, name: str, number: int) -> None:
        base = self.directory / name
        config = base / "config"
        (config / "resource.d").mkdir(parents=True)
        for each in ("state", "run", "log", "www"):
            (base / each).mkdir()
        (base / "www/index.html").write_text("<h1>served on loopback</h1>\n")
        (config / "ha.cf").write_text(
            HA_CF.format(
                log=base / "log/ha-log", port=PORT, first=ADDRESSES[0], second=ADDRESSES[1], nodes=" ".join(NODES)
            )
        )
        (config / "authkeys").write_text((example / "authkeys").read_text())
        (config / "authkeys").chmod(0o600)
        (config / "haresources").write_text(f"{NODES[0]} httpd\n")
        script = config / "resource.d/httpd"
        script.write_text(
            HTTPD.format(
                listen=f"{WEB[0]}:{WEB[1]}",
                root=base / "www",
                pid=base / "run/httpd.pid",
                script=example / "init.d/httpd",
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
                env=self._environment(name),
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
        """SIGKILL to every process that the node has, resources too."""
        marker = f"{RUN_VARIABLE}={self.directories(node).run}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                mine = marker in (entry / "environ").read_bytes().split(b"\0")
                mine = mine or str(self.directory / node).encode() in (entry / "cmdline").read_bytes()
                if mine:
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue
        (self.directories(node).run / "httpd.pid").unlink(missing_ok=True)

    def directories(self, node: str) -> NodeDirectories:
        """For the client API of a node."""
        base = self.directory / node
        return NodeDirectories(base / "config", base / "state", base / "run", base / "log")

    def _environment(self, node: str) -> dict[str, str]:
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
            env=self._environment(node),
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
                [sys.executable, *isolated, "-m", "lab.probe", WEB[0], str(WEB[1])],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    def double_mounts(self) -> list[str]:
        """Nothing is mounted here."""
        return []

    def keep(self) -> str:
        """Not offered here; the constructor refused."""
        raise AssertionError("a loopback stage is never kept")

    def log(self, node: str) -> str:
        """The node's log."""
        return (self.directories(node).log / "ha-log").read_text(errors="replace")

    def close(self) -> None:
        """End every process of the nodes, remove the directories."""
        for node in NODES:
            self.kill(node)
        time.sleep(0.1)
        for node in NODES:
            self.kill(node)
        shutil.rmtree(self.directory, ignore_errors=True)
