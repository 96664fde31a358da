"""Random faults on the nodes of a lab, by seed: a round does harm for a while and then makes it all good again.

    chaos = Chaos(lab, random.Random(7), fencing=True)
    chaos.harm(faults=6)
    chaos.make_good()

A seed gives the same faults in the same order; when the daemons notice them is up to the machine. What must hold
afterwards is in `lab.namespaces.settled`.
"""

import contextlib
import random
import subprocess
import time
from collections.abc import Callable

from lab.namespaces.lab import Lab, boottime
from lab.namespaces.node import LabError, Node

DAEMONS = ("crmd", "lrmd", "pengine")
STOP_S_MAX = 60.0
"""How long a `heartbeat stop` may take once all faults are made good."""

WRITE_S_MAX = 60.0
KEPT_LINES = 200

FAULTS: tuple[tuple[str, int], ...] = (
    ("cut_power", 3),
    ("start_node", 5),
    ("stop_node", 2),
    ("stop_all", 1),
    ("kill_daemon", 5),
    ("kill_two_daemons", 3),
    ("kill_controller_repeatedly", 2),
    ("kill_heartbeat", 2),
    ("pause_node", 3),
    ("pause_daemon", 3),
    ("cut_one_way", 3),
    ("cut_both_ways", 2),
    ("isolate", 2),
    ("lose_packets", 2),
    ("set_standby", 2),
    ("write_configuration", 6),
    ("kill_resource", 3),
    ("break_agent", 2),
)
"""What may happen, and how often compared to the others."""

UNSAFE_WITHOUT_FENCING = frozenset(
    {"pause_node", "pause_daemon", "cut_one_way", "cut_both_ways", "isolate", "lose_packets", "kill_heartbeat"}
)
"""After these two nodes may run the same resource where nothing fences: that is the known price, not a defect."""


class Chaos:
    """Does harm to the nodes of a lab. Keeps what it did, for whoever has to understand a failure."""

    def __init__(self, lab: Lab, rng: random.Random, resources: tuple[str, ...], *, fencing: bool) -> None:
        """`resources`: ids of the lab's own agent's resources."""
        self._lab = lab
        self._rng = rng
        self._resources = resources
        self._fencing = fencing
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._commands: list[tuple[str, subprocess.Popen[str]]] = []
        self._writes: list[tuple[str, subprocess.Popen[str]]] = []
        self._numbers = 0
        self.acknowledged: list[str] = []
        """Names of cluster options that were set, and for which the command said that it is done."""
        self.history: list[str] = []

    def harm(self, faults: int) -> None:
        """Do so many things, with pauses of up to two seconds between them, some of them at the same instant."""
        kinds, weights = zip(*FAULTS, strict=True)
        done = 0
        while done < faults:
            kind = self._rng.choices(kinds, weights)[0]
            act: Callable[[], str] = getattr(self, f"_{kind}")
            if not self._fencing and kind in UNSAFE_WITHOUT_FENCING:
                continue
            with contextlib.suppress(LabError, OSError, subprocess.TimeoutExpired):
                if what := act():
                    self._note(f"{kind} {what}")
                    done += 1
            if self._rng.random() < 0.7:
                self._wait(self._rng.uniform(0.05, 2.0))

    def make_good(self) -> None:
        """Heal, resume, repair, power on, start, and end what the commands of the round still do.

        Raises LabError for a command that does not end although nothing is wrong any more.
        """
        self._note("all is made good")
        for _, act in sorted(self._later, key=lambda planned: planned[0]):
            act()
        self._later.clear()
        self._lab.heal()
        for fault in (self._lab.directory / "faults").iterdir():
            fault.unlink()
        for node in self._lab.nodes.values():
            if node.is_on:
                _resume(node)
        self._await_commands()
        self.start_missing()

    def start_missing(self) -> None:
        """Power on and start every node that is not there, as an operator would: one was fenced, for instance."""
        for node in self._lab.nodes.values():
            if not node.is_on or not node.daemon_pids("heartbeat"):
                self._note(f"the operator starts {node.name}")
                self._bring_up(node)

    def put_online(self) -> None:
        """Take back every standby; asked once the cluster is together again."""
        for name, node in self._lab.nodes.items():
            node.run(["crm_attribute", "-N", name, "-n", "standby", "-D"], check=False)

    def _bring_up(self, node: Node) -> None:
        """A node that is fenced at this moment loses its power again: so more than one attempt."""
        for _ in range(5):
            try:
                if not node.is_on:
                    node.boot()
                node.start()
                return
            except LabError as error:
                self._note(f"{node.name} is not up yet: {error}")
                time.sleep(1)
        raise LabError(f"{node.name} can't be started: {self.history[-1]}")

    def _await_commands(self) -> None:
        deadline = time.monotonic() + STOP_S_MAX
        for what, process in self._commands:
            try:
                process.communicate(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise LabError(f"{what} does not end") from None
        self._commands.clear()
        deadline = time.monotonic() + WRITE_S_MAX
        for name, process in self._writes:
            try:
                said, _ = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise LabError(f"the write of {name} does not end") from None
            self._note(f"the write of {name} ended with {process.returncode} {said.strip()}")
            if process.returncode == 0:
                self.acknowledged.append(name)
        self._writes.clear()

    # -- time and choice -------------------------------------------------------------------------------------------

    def _note(self, what: str) -> None:
        self.history.append(f"{boottime():.2f} {what}")

    def _wait(self, seconds: float) -> None:
        until = boottime() + seconds
        while (now := boottime()) < until:
            due = [planned for planned in self._later if planned[0] <= now]
            for planned in due:
                self._later.remove(planned)
                with contextlib.suppress(LabError, OSError, subprocess.TimeoutExpired):
                    planned[1]()
            time.sleep(0.01)

    def _after(self, seconds: float, what: str, act: Callable[[], object]) -> None:
        def perform() -> None:
            self._note(what)
            act()

        self._later.append((boottime() + seconds, perform))

    def _choose(self, *, running: bool = True) -> Node | None:
        """Any node; with `running` one with a messaging layer."""
        nodes = list(self._lab.nodes.values())
        if running:
            nodes = [node for node in nodes if node.is_on and node.daemon_pids("heartbeat")]
        return self._rng.choice(nodes) if nodes else None

    # -- what may happen: each returns what it did, empty when it could not ----------------------------------------

    def _cut_power(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        self._lab.power_cut(node.name)
        return node.name

    def _start_node(self) -> str:
        nodes = [node for node in self._lab.nodes.values() if not node.is_on or not node.daemon_pids("heartbeat")]
        if not nodes:
            return ""
        node = self._rng.choice(nodes)
        if not node.is_on:
            node.boot()
        self._commands.append((f"heartbeat start on {node.name}", node.spawn(["heartbeat", "start"])))
        return node.name

    def _stop_node(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        self._stop(node)
        return node.name

    def _stop_all(self) -> str:
        running = [node for node in self._lab.nodes.values() if node.is_on and node.daemon_pids("heartbeat")]
        for node in running:
            self._stop(node)
        return " ".join(node.name for node in running)

    def _stop(self, node: Node) -> None:
        self._commands.append((f"heartbeat stop on {node.name}", node.spawn(["heartbeat", "stop"])))

    def _kill_daemon(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        daemon = self._rng.choice(DAEMONS)
        return f"{daemon} ({node.kill_daemon(daemon)}) of {node.name}"

    def _kill_two_daemons(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        first, second = self._rng.sample(DAEMONS, 2)
        return f"{first} ({node.kill_daemon(first)}) and {second} ({node.kill_daemon(second)}) of {node.name}"

    def _kill_controller_repeatedly(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        times = self._rng.randint(2, 4)
        for _ in range(times):
            with contextlib.suppress(LabError):
                node.kill_daemon("crmd")
            self._wait(self._rng.uniform(0.1, 1.5))
        return f"{times} times on {node.name}"

    def _kill_heartbeat(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        return f"({node.kill_daemon('heartbeat')}) of {node.name}"

    def _pause_node(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        seconds = self._rng.uniform(0.2, 4.0)
        node.pause()
        self._after(seconds, f"{node.name} goes on", lambda: _resume(node))
        return f"{node.name} for {seconds:.1f} s"

    def _pause_daemon(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        daemon = self._rng.choice((*DAEMONS, "heartbeat"))
        seconds = self._rng.choice((self._rng.uniform(0.2, 3.0), 13.0))
        node.pause(daemon)
        self._after(seconds, f"{daemon} of {node.name} goes on", lambda: _resume(node))
        return f"{daemon} of {node.name} for {seconds:.1f} s"

    def _cut_one_way(self) -> str:
        return self._cut(both=False)

    def _cut_both_ways(self) -> str:
        return self._cut(both=True)

    def _cut(self, *, both: bool) -> str:
        on = [name for name, node in self._lab.nodes.items() if node.is_on]
        if len(on) < 2:
            return ""
        first, second = self._rng.sample(on, 2)
        self._lab.cut(first, second, both=both)
        self._heal_later()
        return f"{first} {second}"

    def _isolate(self) -> str:
        on = [name for name, node in self._lab.nodes.items() if node.is_on]
        if len(on) < 2:
            return ""
        alone = self._rng.choice(on)
        for other in on:
            if other != alone:
                self._lab.cut(alone, other)
        self._heal_later()
        return alone

    def _lose_packets(self) -> str:
        on = [name for name, node in self._lab.nodes.items() if node.is_on]
        if len(on) < 2:
            return ""
        first, second = self._rng.sample(on, 2)
        percent = self._rng.choice((10, 30, 60))
        self._lab.lose(first, second, percent)
        self._heal_later()
        return f"{percent} % from {first} to {second}"

    def _heal_later(self) -> None:
        self._after(self._rng.uniform(0.3, 5.0), "links are healed", self._lab.heal)

    def _set_standby(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        target = self._rng.choice(list(self._lab.nodes))
        value = self._rng.choice(("on", "off"))
        self._commands.append(
            (
                f"crm_attribute on {node.name}",
                node.spawn(["crm_attribute", "-N", target, "-n", "standby", "-v", value]),
            )
        )
        return f"{target} {value} (said on {node.name})"

    def _write_configuration(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        self._numbers += 1
        name = f"chaos-{self._numbers}"
        self._writes.append((name, node.spawn(["crm_attribute", "-t", "crm_config", "-n", name, "-v", "1"])))
        return f"{name} on {node.name}"

    def _kill_resource(self) -> str:
        node = self._choose()
        if node is None:
            return ""
        resource = self._rng.choice(self._resources)
        gone = node.run(["rm", f"/run/Logged-{resource}"], check=False).returncode == 0
        if gone:
            # It does not run any more, and a probe may find that out: then nobody stops it.
            self._lab.note(f"{boottime():.2f} {node.name} {resource} stop-end")
        return f"{resource} on {node.name}" if gone else ""

    def _break_agent(self) -> str:
        """Without fencing a stop that fails would block the resource, as it should; so it is not among these."""
        actions = ("start", "monitor", "stop") if self._fencing else ("start", "monitor")
        action, what = self._rng.choice(actions), self._rng.choice(("1", "hang"))
        name = f"{self._rng.choice(self._resources)}.{action}"
        fault = self._lab.directory / "faults" / name
        fault.write_text(f"{what}\n")
        self._after(self._rng.uniform(0.5, 6.0), f"{name} is repaired", lambda: fault.unlink(missing_ok=True))
        return f"{name}: {what}"


def _resume(node: Node) -> None:
    """SIGCONT to all that is still there."""
    with contextlib.suppress(LabError, ProcessLookupError):
        node.resume()
