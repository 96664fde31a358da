"""The stage of namespaces: two nodes and a client from the files of an example."""

import shutil
import sys
from pathlib import Path

from ipc.directories import NodeDirectories
from lab.namespaces.lab import Lab
from lab.namespaces.node import LabError
from lab.outage import Recording

NODES = ("node1.example.com", "node2.example.com")
SERVICE = "172.16.20.100"
CLOSED_PORT = 9
PAGE = "<h1>served from the shared disk</h1>\n"


class NamespaceStage:
    """Real nodes: own network, processes, mounts and names; a shared disk on a loop device."""

    nodes = NODES

    def __init__(self, example: Path) -> None:
        """Everything is laid ready, nothing runs. Raises LabError where namespaces are not permitted."""
        self.left_out: tuple[str, ...] = ()
        self.lab = Lab.create(NODES)
        try:
            self._lay(example)
        except BaseException:
            self.close()
            raise

    def _lay(self, example: Path) -> None:
        haresources = (example / "haresources").read_text()
        try:
            haresources = haresources.replace("DEVICE", self.lab.shared_disk(content=PAGE))
        except LabError as error:
            self.left_out = (f"no shared disk ({error}): Filesystem mounts a directory of this machine instead",)
            directory = self.lab.shared_directory(PAGE)
            haresources = haresources.replace("DEVICE", str(directory)).replace("::ext4", "::none::bind")
        self.lab.write_cluster_files((example / "ha.cf").read_text(), (example / "authkeys").read_text(), haresources)
        for script in sorted((example / "init.d").iterdir()):
            self.lab.install_script(script, f"/etc/init.d/{script.name}")

    @property
    def place(self) -> str:
        """Where it plays, for people."""
        return f"network namespaces, {self.lab.directory}"

    def boot(self) -> None:
        """Power on: nodes and client."""
        self.lab.boot()
        self.lab.client.boot()

    def start(self, node: str | None = None) -> None:
        """`heartbeat start` on a node (booting it when it is off), or on all."""
        if node is not None and not self.lab[node].is_on:
            self.lab[node].boot()
        self.lab.start([node] if node else None)

    def kill(self, node: str) -> None:
        """A power cut."""
        self.lab.power_cut(node)

    def directories(self, node: str) -> NodeDirectories:
        """For the client API of a node."""
        return self.lab[node].directories()

    def command(self, node: str, *argv: str) -> str:
        """What a command on a node prints."""
        return self.lab[node].run(argv).stdout

    def probe(self) -> Recording:
        """Let the client ask for the page, from now on."""
        isolated = ["-I"] if sys.flags.isolated else []
        return Recording(
            self.lab.client.spawn([sys.executable, *isolated, "-m", "lab.probe", SERVICE, "80", str(CLOSED_PORT)])
        )

    def double_mounts(self) -> list[str]:
        """What must not have happened."""
        return list(self.lab.double_mounts)

    def keep(self) -> str:
        """Leave it running; says how to get in and how to end it."""
        self.lab.write_kept()
        return (
            "The cluster goes on running.\n"
            "  ./run lab enter node1     a shell on a node (crm, crm_mon and all tools are on its path)\n"
            f"  ./run lab enter client    a shell on the client, which reaches the service: http://{SERVICE}/\n"
            "  ./run lab kill node1      a power cut; ./run lab start node1 brings it back\n"
            "  ./run lab stop            ends it and cleans up\n"
        )

    def log(self, node: str) -> str:
        """The node's log."""
        return self.lab[node].file("/var/log/ha-log").read_text(errors="replace")

    def close(self) -> None:
        """Clean everything up."""
        self.lab.close()
        shutil.rmtree(self.lab.directory, ignore_errors=True)
