"""The lab: nodes, a switch, a shared disk, a power switch; and what it watches while faults happen.

    with Lab.create(["node1", "node2"]) as lab:
        lab.write_cluster_files(ha_cf(lab), authkeys="auth 1\\n1 sha256 secret\\n")
        lab.boot(); lab.start()
        lab["node1"].kill()

A power cut takes a node's processes, mounts and addresses with it; a `journal` on the machine's own disk tells, in
seconds since boot, what agents were told and when power was cut.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import msgspec

from lab.namespaces.fencing import PowerSwitch
from lab.namespaces.lifeline import Lifeline
from lab.namespaces.network import Switch
from lab.namespaces.node import INTERFACE, LabError, Node

NETWORK = "172.16.20."
FIRST_NODE = 31
CLIENT = "client.example.com"
CLIENT_ADDRESS = "172.16.20.9"
PREFIX = "pacekeeper-lab-"
KEPT = "kept.json"
DISK = "disk"
AGENTS = Path(__file__).parent / "agents"
POLL_S = 0.01


def available() -> str:
    """Why the lab can't run here; empty when it can."""
    if os.geteuid() != 0:
        return "root is needed"
    for tool in ("unshare", "nsenter"):
        if shutil.which(tool) is None:
            return f"the command {tool} (package util-linux) is missing"
    probe = subprocess.run(
        ["unshare", "--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "true"], capture_output=True, check=False
    )
    if probe.returncode != 0:
        return f"namespaces are not permitted here: {probe.stderr.decode(errors='replace').strip()}"
    return ""


class KeptLab(msgspec.Struct, frozen=True):
    """A lab that goes on without the process that made it."""

    switch_pid: int
    client_pid: int
    nodes: dict[str, int]
    """Node -> its process 1, 0 when it is off."""
    devices: tuple[str, ...]


class Lab:
    """A set of nodes on one switch; use as a context manager, or `close` it."""

    def __init__(self, directory: Path, names: Sequence[str], *, kept: "KeptLab | None" = None) -> None:
        """Lay the cables; nodes are off. `kept`: take over a lab that outlived the process that made it."""
        self.directory = directory
        self.journal = directory / "journal"
        self.journal.touch()
        (directory / "faults").mkdir(exist_ok=True)
        self._lifeline = Lifeline()
        self._switch_pid = kept.switch_pid if kept else _start_switch(self._lifeline)
        self._switch = Switch(self._switch_pid, create=kept is None)
        self.nodes: dict[str, Node] = {}
        self.devices: list[str] = []
        self.fencings: list[tuple[float, str, str]] = []
        self.fencing_refused = ""
        """While not empty, the power switch answers with this error."""
        self.fencing_delay_s = 0.0
        self.double_mounts: list[str] = []
        for name in names:
            self.add_node(name)
        (directory / "power").unlink(missing_ok=True)
        self._power = PowerSwitch(directory / "power", self._fence)
        self._watching = threading.Event()
        self._watcher = threading.Thread(target=self._watch_mounts, name="mounts", daemon=True)
        self._watcher.start()
        self.client = Node(CLIENT, CLIENT_ADDRESS, directory / "client", self._switch, "p-client")

    @classmethod
    def create(cls, names: Sequence[str]) -> "Lab":
        """A lab in a new directory below the temporary directory. Raises LabError when it can't run here."""
        reason = available()
        if reason:
            raise LabError(f"no lab of namespaces on this machine: {reason}")
        directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            return cls(directory, names)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise

    @classmethod
    def take_over(cls, directory: Path) -> "Lab":
        """A lab that `write_kept` left running. Raises LabError when it is gone."""
        try:
            kept = msgspec.json.decode((directory / KEPT).read_bytes(), type=KeptLab)
        except (OSError, msgspec.MsgspecError) as error:
            raise LabError(f"{directory} holds no lab that goes on running: {error}") from error
        if not Path(f"/proc/{kept.switch_pid}/ns/net").exists():
            raise LabError(f"the cluster in {directory} does not run any more; `./run lab stop` removes what is left")
        lab = cls(directory, list(kept.nodes), kept=kept)
        lab.devices = list(kept.devices)
        for name, pid in kept.nodes.items():
            lab.nodes[name].adopt(pid)
        lab.client.adopt(kept.client_pid)
        return lab

    def write_kept(self) -> None:
        """Let the lab outlive this process, and write down what another one needs to take it over."""
        kept = KeptLab(
            switch_pid=self._switch_pid,
            client_pid=self.client.pid,
            nodes={name: node.pid if node.is_on else 0 for name, node in self.nodes.items()},
            devices=tuple(self.devices),
        )
        (self.directory / KEPT).write_bytes(msgspec.json.encode(kept))
        for node in (*self.nodes.values(), self.client):
            node.outlive()
        self._lifeline.release()

    def add_node(self, name: str) -> Node:
        """One more node, off. Its name is known to nodes that boot after this; the others get it at once."""
        number = len(self.nodes)
        node = Node(
            name,
            f"{NETWORK}{FIRST_NODE + number}",
            self.directory / name.partition(".")[0],
            self._switch,
            f"p{number + 1}",
        )
        node.extra_directories = ("/var/www/html", "/var/lib/pacekeeper", "/etc/ha.d/resource.d")
        self.nodes[name] = node
        node.directory.mkdir(parents=True, exist_ok=True)
        self._install_agents(node)
        for each in self.nodes.values():
            self._write_hosts(each)
        return node

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def __enter__(self) -> "Lab":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Power everything off, detach disks, remove the directory."""
        for node in (*self.nodes.values(), self.client):
            node.kill()
        self._watching.set()
        self._watcher.join(timeout=2)
        self._power.close()
        self._switch.close()
        self._lifeline.cut()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._switch_pid, signal.SIGKILL)
        detach_disks(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- what nodes find when they boot ----------------------------------------------------------------------------

    def _install_agents(self, node: Node) -> None:
        sbin, ocf = node.file("/usr/sbin"), node.file("/usr/lib/ocf/resource.d/lab")
        for directory in (sbin, ocf):
            directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(AGENTS / "fence_lab", sbin / "fence_lab")
        shutil.copy(AGENTS / "Logged", ocf / "Logged")
        for agent in (sbin / "fence_lab", ocf / "Logged"):
            agent.chmod(0o755)

    def _write_hosts(self, node: Node) -> None:
        lines = ["127.0.0.1 localhost"]
        lines += [f"{each.address} {each.name} {each.name.partition('.')[0]}" for each in self.nodes.values()]
        etc = node.file("/etc")
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "hosts").write_text("\n".join(lines) + "\n")
        (etc / "hostname").write_text(node.name + "\n")

    def write_cluster_files(self, ha_cf: str, authkeys: str, haresources: str | None = None) -> None:
        """Put the classic three files on every node."""
        for node in self.nodes.values():
            self.write_node_files(node, ha_cf, authkeys, haresources)

    def write_node_files(self, node: Node, ha_cf: str, authkeys: str, haresources: str | None = None) -> None:
        """Put the classic three files on one node, authkeys with the mode that it must have."""
        config = node.file("/etc/ha.d")
        config.mkdir(parents=True, exist_ok=True)
        (config / "ha.cf").write_text(ha_cf)
        keys = config / "authkeys"
        keys.write_text(authkeys)
        keys.chmod(0o600)
        if haresources is not None:
            (config / "haresources").write_text(haresources)

    def write_cib(self, xml: str, nodes: Iterable[str] | None = None) -> None:
        """Lay a cib.xml where daemons find it at start, as an administrator would."""
        for name in nodes if nodes is not None else self.nodes:
            directory = self.nodes[name].file("/var/lib/pacekeeper/cib")
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "cib.xml").write_text(xml)

    def install_script(self, source: Path, target: str) -> None:
        """Copy an executable to the same path of every node's /etc or /usr."""
        for node in self.nodes.values():
            path = node.file(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
            path.chmod(0o755)

    def shared_disk(self, size_mb: int = 32, content: str = "") -> str:
        """A loop device with ext4 that every node sees; `content` becomes its index.html. Returns the device.

        Raises LabError where loop devices, or the tools for them, are missing.
        """
        image = self.directory / f"{DISK}{len(self.devices)}"
        with image.open("wb") as stream:
            stream.truncate(size_mb * 1024 * 1024)
        source = self.shared_directory(content)
        _checked(["mkfs.ext4", "-q", "-F", "-d", str(source), str(image)])
        device = _checked(["losetup", "--find", "--show", str(image)]).strip()
        self.devices.append(device)
        return device

    def shared_directory(self, content: str = "") -> Path:
        """A directory of the machine that every node sees; `content` becomes its index.html."""
        directory = self.directory / "shared"
        directory.mkdir(exist_ok=True)
        (directory / "index.html").write_text(content)
        return directory

    # -- power -----------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Power every node on."""
        for node in self.nodes.values():
            if not node.is_on:
                node.boot()

    def start(self, names: Iterable[str] | None = None) -> None:
        """`heartbeat start` on all nodes at once, as a rack that gets its power back. Raises CommandFailed."""
        chosen = [self.nodes[name] for name in (names if names is not None else self.nodes)]
        with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
            for started in [pool.submit(node.start) for node in chosen]:
                started.result()

    def power_cut(self, name: str) -> float:
        """Cut a node's power; returns when, in seconds since boot of the machine."""
        at = boottime()
        self.nodes[name].kill()
        # Afterwards: what an agent wrote in its last instant is not to look like something done without power.
        self.note(f"{at:.2f} {name} - power-off")
        return at

    def note(self, line: str) -> None:
        """Add a line to the journal that agents write, too."""
        with self.journal.open("a") as stream:
            stream.write(line + "\n")

    def _fence(self, action: str, name: str) -> str:
        if action == "list":
            return "ok " + " ".join(self.nodes)
        if name not in self.nodes:
            raise ValueError(f"no outlet {name}")
        node = self.nodes[name]
        if action == "status":
            return "ok on" if node.is_on else "ok off"
        if self.fencing_delay_s:
            time.sleep(self.fencing_delay_s)
        if self.fencing_refused:
            raise ValueError(self.fencing_refused)
        if action in ("off", "reboot"):
            self.power_cut(name)
        if action in ("on", "reboot"):
            # Whoever else powers it on in this instant did what was asked for.
            with contextlib.suppress(LabError):
                node.boot()
            if not node.is_on:
                raise ValueError(f"{name} does not come up")
        self.fencings.append((boottime(), action, name))
        return "ok"

    # -- links -----------------------------------------------------------------------------------------------------

    def cut(self, sender: str, receiver: str, *, both: bool = True) -> None:
        """Drop everything that `receiver` gets from `sender` (and the other way round with `both`)."""
        self._drop(sender, receiver, "drop")
        if both:
            self._drop(receiver, sender, "drop")

    def lose(self, sender: str, receiver: str, percent: int) -> None:
        """Drop a share of what `receiver` gets from `sender`, at random."""
        self._drop(sender, receiver, f"numgen random mod 100 < {percent} drop")

    def heal(self) -> None:
        """Undo every `cut` and `lose`."""
        for node in self.nodes.values():
            if node.is_on:
                node.run(["nft", "delete", "table", "netdev", "lab"], check=False)

    def _drop(self, sender: str, receiver: str, verdict: str) -> None:
        address = self.nodes[sender].run(["cat", f"/sys/class/net/{INTERFACE}/address"]).stdout.strip()
        rules = (
            "add table netdev lab\n"
            f"add chain netdev lab in {{ type filter hook ingress device {INTERFACE} priority 0; }}\n"
            f"add rule netdev lab in ether saddr {address} {verdict}\n"
        )
        self.nodes[receiver].run(["nft", "-f", "-"], stdin=rules)

    # -- watching --------------------------------------------------------------------------------------------------

    def _watch_mounts(self) -> None:
        """Two nodes that share a loop device share one superblock: damage would not show, so look at the mounts."""
        while not self._watching.wait(POLL_S):
            for device in self.devices:
                holders = [node.name for node in list(self.nodes.values()) if node.is_on and node.mounted(device)]
                if len(holders) > 1:
                    self.double_mounts.append(f"{boottime():.2f} {device} mounted on {' and '.join(holders)}")

    def wait_for(self, what: str, condition: Callable[[], bool], timeout_s: float = 30.0) -> float:
        """Poll until it holds; returns the seconds it took. Raises LabError that says what did not happen."""
        start = time.monotonic()
        while not condition():
            if time.monotonic() - start > timeout_s:
                raise LabError(f"after {timeout_s:.0f} s still not: {what}")
            time.sleep(POLL_S)
        return time.monotonic() - start


def detach_disks(directory: Path) -> None:
    """Detach a lab's disks, as the system knows them: an interrupted start may not have noted one."""
    if shutil.which("losetup") is None:
        return
    for image in directory.glob(f"{DISK}*"):
        command = ["losetup", "--noheadings", "--output", "NAME", "--associated", str(image)]
        for device in subprocess.run(command, capture_output=True, text=True, check=False).stdout.split():
            subprocess.run(["losetup", "--detach", device], capture_output=True, check=False)


def boottime() -> float:
    """Seconds since the machine's boot (CLOCK_BOOTTIME), the clock of the journal."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _start_switch(lifeline: Lifeline) -> int:
    """A process that holds the switch's network namespace; returns its pid once the namespace is there."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "read -r word && exec sleep infinity"],
        stdin=lifeline.reader,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # a lab that is kept must not hold a pipe of whoever started it
        start_new_session=True,
    )
    lifeline.handed_over()
    own = os.readlink("/proc/self/ns/net")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and holder.poll() is None:
        if os.readlink(f"/proc/{holder.pid}/ns/net") != own:
            return holder.pid
        time.sleep(0.002)
    raise LabError("the switch's network namespace does not come up")


def _checked(command: list[str]) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LabError(f"the command {command[0]} is missing") from error
    if result.returncode != 0:
        raise LabError(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout
