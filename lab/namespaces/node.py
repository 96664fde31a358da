"""One node of the lab: a set of namespaces with its own network, processes, mounts, name and files."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from ipc.directories import NodeDirectories
from lab.namespaces.lifeline import Lifeline
from lab.namespaces.network import Switch
from lab.namespaces.root import RootPlan

BOOT_TIMEOUT_S = 10.0
INTERFACE = "eth0"
PREFIX = 16
COMMANDS = Path(sysconfig.get_path("scripts"))
"""Where our commands are installed: the bin directory of the virtual environment."""


class LabError(RuntimeError):
    """Something in the lab itself did not work; the message says what and where."""


class CommandFailed(LabError):
    """A command that had to work on a node ended with another exit code than 0."""

    def __init__(self, node: str, result: "subprocess.CompletedProcess[str]") -> None:
        super().__init__(
            f"{node}: {' '.join(map(str, result.args[result.args.index('--') + 1 :]))} exited with "
            f"{result.returncode}\n{result.stdout}{result.stderr}"
        )
        self.result = result


class Node:
    """A machine of the lab. It is off until `boot`; its files survive `kill`, its processes and mounts do not."""

    def __init__(self, name: str, address: str, directory: Path, switch: Switch, port: str) -> None:
        """`port`: the switch's name for the node's cable."""
        self.name = name
        self.address = address
        self.directory = directory
        self.extra_directories: tuple[str, ...] = ()
        self._switch = switch
        self._port = port
        self._holder: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline | None = None
        self._pid = 0
        self._power = threading.RLock()
        """One thread at a time changes whether the node is on: a test, or the power switch for a fence agent."""

    @property
    def is_on(self) -> bool:
        """Whether the node has power."""
        if self._holder is not None:
            return self._holder.poll() is None
        return self._pid != 0 and Path(f"/proc/{self._pid}/ns/pid").exists()

    def outlive(self) -> None:
        """Let the node go on when this process ends."""
        if self._lifeline is not None:
            self._lifeline.release()

    def adopt(self, pid: int) -> None:
        """Take over a node that was to outlive the process that booted it; `pid` is its process 1."""
        self._pid = pid

    @property
    def pid(self) -> int:
        """Process 1 of the node, as the machine numbers it. Raises LabError when the node is off."""
        if not self.is_on:
            raise LabError(f"{self.name} is off")
        return self._pid

    def file(self, path: str) -> Path:
        """Where a file of the node's /etc, /usr or /var lies in the lab; readable when the node is off, too."""
        return self.directory / path.lstrip("/")

    def boot(self) -> None:
        """Power on: namespaces, mounts, network. No daemon is started. Raises LabError."""
        with self._power:
            if self.is_on:
                raise LabError(f"{self.name} is on already")
            self._boot()

    def _boot(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        plan = self.directory / "plan.json"
        plan.write_bytes(
            msgspec.json.encode(
                RootPlan(hostname=self.name, directory=str(self.directory), directories=self.extra_directories)
            )
        )
        holder = self._unshare(plan)
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        self._pid = int(children[0])
        self._holder = holder  # from now on the node is on, for whoever looks meanwhile
        self._switch.connect(self._port, self._pid, INTERFACE, self.address, PREFIX)

    def _unshare(self, plan: Path) -> "subprocess.Popen[bytes]":
        readable, writable = os.pipe()
        lifeline = self._lifeline = Lifeline()
        isolated = ["-I"] if sys.flags.isolated else []
        command = ["unshare", "--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--kill-child"]
        command += [sys.executable, *isolated, "-m", "lab.namespaces.reaper"]
        command += [str(plan), str(writable), str(lifeline.reader)]
        with (self.directory / "console").open("ab") as console:
            holder = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(writable, lifeline.reader),
                start_new_session=True,
            )
        os.close(writable)
        lifeline.handed_over()
        try:
            self._wait_ready(holder, readable)
        except BaseException:
            holder.kill()
            holder.wait()
            lifeline.cut()
            raise
        finally:
            os.close(readable)
        return holder

    def _wait_ready(self, holder: "subprocess.Popen[bytes]", readable: int) -> None:
        os.set_blocking(readable, False)
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        said = b""
        while b"ready" not in said:
            if holder.poll() is not None or time.monotonic() > deadline:
                console_text = (self.directory / "console").read_text(errors="replace")[-2000:]
                raise LabError(f"{self.name} does not boot:\n{console_text}")
            try:
                said += os.read(readable, 64)
            except BlockingIOError:
                time.sleep(0.002)

    # -- power and faults ------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Power cut: the link goes down, every process (resources too) dies, mounts and addresses vanish."""
        with self._power:
            if self.is_on:
                self._cut_power()

    def _cut_power(self) -> None:
        self._switch.set_port(self._port, up=False)
        os.kill(self._pid, signal.SIGKILL)
        if self._holder is not None:
            self._holder.wait(timeout=10)
        if self._lifeline is not None:
            self._lifeline.cut()
        self._switch.remove_port(self._port)
        self._holder = None
        self._pid = 0

    def reboot(self) -> None:
        """A power cut and power on again; daemons are not started."""
        self.kill()
        self.boot()

    def unplug(self) -> None:
        """Pull the network cable."""
        self._switch.set_port(self._port, up=False)

    def plug(self) -> None:
        """Put the network cable back."""
        self._switch.set_port(self._port, up=True)

    def processes(self) -> Iterator[tuple[int, list[str]]]:
        """(pid as the machine numbers it, command line) of every process of the node but process 1; none when off."""
        try:
            namespace = os.readlink(f"/proc/{self.pid}/ns/pid")
        except FileNotFoundError:  # its power was cut in this instant
            return
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self._pid:
                continue
            try:
                if os.readlink(entry / "ns/pid") == namespace:
                    yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            except OSError:
                continue

    def daemon_pids(self, daemon: str) -> list[int]:
        """Processes of `heartbeat`, `crmd`, `lrmd` or `pengine` on this node."""
        found = []
        for pid, command in self.processes():
            if "-m" in command[:-1] and command[command.index("-m") + 1].partition(".")[0] == daemon:
                found.append(pid)
        return sorted(found)

    def kill_daemon(self, daemon: str) -> int:
        """SIGKILL one daemon (the oldest process of that name); returns its pid. Raises LabError when it is absent."""
        pids = self.daemon_pids(daemon)
        if not pids:
            raise LabError(f"{daemon} does not run on {self.name}")
        os.kill(pids[0], signal.SIGKILL)
        return pids[0]

    def pause(self, daemon: str | None = None) -> None:
        """SIGSTOP one daemon, or everything on the node."""
        self._signal(signal.SIGSTOP, daemon)

    def resume(self, daemon: str | None = None) -> None:
        """Undo `pause`."""
        self._signal(signal.SIGCONT, daemon)

    def _signal(self, number: signal.Signals, daemon: str | None) -> None:
        pids = self.daemon_pids(daemon) if daemon else self._own_pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _own_pids(self) -> list[int]:
        """All but the commands that the lab itself runs here: each of those has a parent outside, which would stop
        with it, and go on waiting for ever."""
        pids = [pid for pid, _ in self.processes()]
        inside = {self.pid, *pids}
        return [pid for pid in pids if _parent(pid) in inside]

    # -- commands --------------------------------------------------------------------------------------------------

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` on this node."""
        return ["nsenter", "--target", str(self.pid), "--all", "--wd=/", "--", *argv]

    def environment(self) -> dict[str, str]:
        """What a login on the node would have: our commands on the path, nothing of the caller's."""
        return {
            "PATH": f"{COMMANDS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TERM": os.environ.get("TERM", "dumb"),
        }

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        timeout: float = 60.0,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command on the node. Raises CommandFailed when it has to work (`check`) and does not."""
        result = subprocess.run(
            self.command(argv),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**self.environment(), **(env or {})},
            check=False,
        )
        if check and result.returncode != 0:
            raise CommandFailed(self.name, result)
        return result

    def spawn(self, argv: Sequence[str]) -> "subprocess.Popen[str]":
        """Start a command on the node with its output in pipes; the caller ends it."""
        return subprocess.Popen(
            self.command(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )

    def start(self) -> None:
        """`heartbeat start`."""
        self.run(["heartbeat", "start"])

    def stop(self, timeout: float = 60.0) -> None:
        """`heartbeat stop`: leave in good order."""
        self.run(["heartbeat", "stop"], timeout=timeout)

    def directories(self) -> NodeDirectories:
        """The node's directories as seen from outside, for the client API."""
        inside = Path(f"/proc/{self.pid}/root")
        return NodeDirectories(
            config=inside / "etc/ha.d",
            state=inside / "var/lib/pacekeeper",
            run=inside / "run/pacekeeper",
            log=inside / "var/log/pacekeeper",
        )

    def mounted(self, device: str) -> bool:
        """Whether the block device is mounted in the node's mount namespace."""
        number = os.stat(device).st_rdev
        wanted = f"{os.major(number)}:{os.minor(number)}"
        try:
            lines = Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()
        except (OSError, LabError):
            return False
        return any(line.split()[2] == wanted for line in lines)

    def has_address(self, address: str) -> bool:
        """Whether an IPv4 address is configured on the node."""
        try:
            table = Path(f"/proc/{self.pid}/net/fib_trie").read_text()
        except (OSError, LabError):
            return False
        lines = table.splitlines()
        return any(
            address in line.split() and "host LOCAL" in following for line, following in itertools.pairwise(lines)
        )


def _parent(pid: int) -> int:
    """Of a process; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])
