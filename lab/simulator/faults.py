"""What each kind of fault does to the cluster. Each draws its details from a generator of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.simulator.agents import Fault as AgentFault
from lab.simulator.network import Weather
from lab.simulator.scenario import PRIMITIVES, Fault
from lrmd.messages import OcfExit

if TYPE_CHECKING:
    from lab.simulator.cluster import Cluster
    from lab.simulator.machine import Machine
    from lab.simulator.process import Process

FAILURE_CODES = tuple(code for code in OcfExit if OcfExit.OK < code < OcfExit.DEGRADED and code != OcfExit.NOT_RUNNING)


AMID_MS = 6_000
"""How long a fault that strikes amid an operation waits for one."""
AMID_LOOK_MS = 10


class Injector:
    """Carries out faults on a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._world = cluster.world

    def inject(self, fault: Fault) -> None:
        """Make one fault happen now."""
        rng = random.Random(fault.seed)
        action: Callable[[random.Random], str] = getattr(self, fault.kind)
        what = action(rng)
        self._world.trace("fault", f"{fault.kind} {what}")
        self._world.reached["faults"] += 1
        self._world.reached[f"fault {fault.kind}"] += 1

    def _machine(self, rng: random.Random) -> Machine:
        return self._cluster.machines[rng.choice(self._cluster.scenario.nodes)]

    def _pair(self, rng: random.Random) -> tuple[str, str]:
        first, second = rng.sample(self._cluster.scenario.nodes, 2)
        return first, second

    def _heal_later(self, rng: random.Random) -> int:
        duration = rng.randint(300, 12_000)
        self._world.after(duration, self._cluster.network.heal)
        return duration

    # -- machines and processes ------------------------------------------------------------------------------------

    def power_cut(self, rng: random.Random) -> str:
        """The node loses power and comes back later."""
        machine = self._machine(rng)
        machine.power_off("power cut")
        self._cluster.boot_later(machine, rng.randint(1_500, 25_000))
        return machine.name

    def blackout(self, rng: random.Random) -> str:
        """One node loses power, then, after somebody changed the configuration, all others; all come back."""
        first = self._machine(rng)
        first.power_off("blackout")
        change_ms = rng.randint(1_500, 3_000)
        rest_ms = change_ms + rng.randint(100, 1_000)
        number = rng.getrandbits(32)
        self._world.after(change_ms, lambda: self._cluster.clients.write_mark(number))
        self._world.after(rest_ms, lambda: self._power_off_all("blackout"))
        for machine in self._cluster.machines.values():
            self._cluster.boot_later(machine, rest_ms + rng.randint(500, 8_000))
        return f"{first.name}, the others after {rest_ms} ms"

    def _power_off_all(self, reason: str) -> None:
        for machine in self._cluster.machines.values():
            machine.power_off(reason)

    def kill_crmd(self, rng: random.Random) -> str:
        """SIGKILL to the controller, of the DC every other time."""
        dc = self._cluster.dc()
        machine = dc if dc is not None and rng.random() < 0.5 else self._machine(rng)
        if machine.controller is not None:
            machine.controller.die("SIGKILL")
        return machine.name

    def kill_lrmd(self, rng: random.Random) -> str:
        """SIGKILL to the executor; agents go on."""
        machine = self._machine(rng)
        if machine.executor is not None:
            machine.executor.die("SIGKILL")
        return machine.name

    def kill_heartbeat(self, rng: random.Random) -> str:
        """SIGKILL to the messaging layer: a node failure."""
        machine = self._machine(rng)
        if machine.messaging is not None:
            machine.messaging.die("SIGKILL")
        return machine.name

    def lrmd_dies_amid(self, rng: random.Random) -> str:
        """An executor dies while it starts or stops something."""
        return self._amid(rng, lambda machine: _die(machine.executor))

    def crmd_dies_amid(self, rng: random.Random) -> str:
        """The DC's controller dies while something is started or stopped."""
        return self._amid(rng, lambda machine: _die((self._cluster.dc() or machine).controller))

    def slow_dc_dies(self, rng: random.Random) -> str:
        """The DC's messages are late when its controller dies: its last orders arrive after another was elected."""
        dc = self._cluster.dc()
        if dc is not None:
            self._cluster.network.slow(dc.name, rng.randint(200, 800))
            self._heal_later(rng)
        return self._amid(rng, lambda _: _die(dc.controller if dc is not None else None))

    def power_fails_amid(self, rng: random.Random) -> str:
        """A node that starts or stops something, or the DC, loses its power."""
        of_dc, back_ms = rng.random() < 0.5, rng.randint(1_500, 25_000)

        def cut(machine: Machine) -> None:
            victim = (self._cluster.dc() or machine) if of_dc else machine
            victim.power_off("power cut")
            self._cluster.boot_later(victim, back_ms)

        return self._amid(rng, cut)

    def _amid(self, rng: random.Random, strike: Callable[[Machine], None]) -> str:
        """A resource crashes, and when some operation for its recovery runs, this happens."""
        what = self.resource_crash(rng)
        self._strike_when_busy(strike, self._world.now + AMID_MS, rng.randint(0, 400))
        return what

    def _strike_when_busy(self, strike: Callable[[Machine], None], until: int, delay_ms: int) -> None:
        machines = self._cluster.machines.values()
        busy = next((machine for machine in machines if machine.powered and machine.resources.is_changing()), None)
        if busy is not None:
            self._world.after(delay_ms, lambda: strike(busy))
        elif self._world.now < until:
            self._world.after(AMID_LOOK_MS, lambda: self._strike_when_busy(strike, until, delay_ms))

    def short_pause(self, rng: random.Random) -> str:
        """Nothing runs for less than deadtime."""
        return self._pause(rng, 100, 900)

    def long_pause(self, rng: random.Random) -> str:
        """Nothing runs for longer than deadtime: the others take over meanwhile."""
        return self._pause(rng, 1_200, 15_000)

    def _pause(self, rng: random.Random, low: int, high: int) -> str:
        machine, duration = self._machine(rng), rng.randint(low, high)
        machine.pause()
        self._world.after(duration, machine.resume)
        return f"{machine.name} {duration} ms"

    def controller_stalls(self, rng: random.Random) -> str:
        """The controller alone does not run, of the DC every other time: the others elect another, it goes on."""
        dc = self._cluster.dc()
        machine = dc if dc is not None and rng.random() < 0.7 else self._machine(rng)
        return self._stall(machine, machine.controller, rng.randint(200, 14_000))

    def messaging_stalls(self, rng: random.Random) -> str:
        """The messaging layer alone does not run."""
        machine = self._machine(rng)
        return self._stall(machine, machine.messaging, rng.randint(200, 6_000))

    def executor_stalls(self, rng: random.Random) -> str:
        """The executor alone does not run; agents do."""
        machine = self._machine(rng)
        return self._stall(machine, machine.executor, rng.randint(200, 9_000))

    def _stall(self, machine: Machine, process: Process | None, duration_ms: int) -> str:
        if process is not None:
            process.stall()
            self._world.after(duration_ms, process.go_on)
        return f"{machine.name} {duration_ms} ms"

    def clock_jump(self, rng: random.Random) -> str:
        """The wall clock is set."""
        machine = self._machine(rng)
        machine.set_clock(rng.randint(-600_000, 600_000))
        return f"{machine.name} {machine.clock_error_ms} ms"

    def graceful_stop(self, rng: random.Random) -> str:
        """`heartbeat stop`, and a start later."""
        machine = self._machine(rng)
        machine.stop_messaging()
        self._world.after(rng.randint(5_000, 30_000), machine.start_messaging)
        return machine.name

    # -- network ---------------------------------------------------------------------------------------------------

    def cut(self, rng: random.Random) -> str:
        """No way between two nodes, in one of three cases for streams only."""
        first, second = self._pair(rng)
        if rng.random() < 1 / 3:
            self._cluster.network.block_streams(first, second)
            return f"{first} {second} (streams) {self._heal_later(rng)} ms"
        self._cluster.network.cut(first, second)
        self._cluster.network.cut(second, first)
        return f"{first} {second} {self._heal_later(rng)} ms"

    def one_way_cut(self, rng: random.Random) -> str:
        """One node does not hear another."""
        first, second = self._pair(rng)
        self._cluster.network.cut(first, second)
        return f"{first} -> {second} {self._heal_later(rng)} ms"

    def isolate(self, rng: random.Random) -> str:
        """One node reaches nobody."""
        name = self._machine(rng).name
        self._split({name})
        return f"{name} {self._heal_later(rng)} ms"

    def partition(self, rng: random.Random) -> str:
        """Two halves."""
        nodes = list(self._cluster.scenario.nodes)
        rng.shuffle(nodes)
        half = sorted(nodes[: max(1, len(nodes) // 2)])
        self._split(set(half))
        return f"{half} {self._heal_later(rng)} ms"

    def _split(self, side: set[str]) -> None:
        nodes = self._cluster.scenario.nodes
        for first in nodes:
            for second in nodes:
                if (first in side) != (second in side):
                    self._cluster.network.cut(first, second)

    def weather(self, rng: random.Random) -> str:
        """Packets are lost, late and doubled."""
        bad = Weather(
            delay_ms=(0, rng.choice((5, 50, 150))),
            loss=rng.choice((0.02, 0.1, 0.3)),
            duplicates=rng.choice((0.0, 0.05, 0.3)),
        )
        self._cluster.network.weather = bad
        return f"{bad} {self._heal_later(rng)} ms"

    # -- resources and devices -------------------------------------------------------------------------------------

    def resource_crash(self, rng: random.Random) -> str:
        """A resource dies where it runs."""
        name = rng.choice(PRIMITIVES)
        for machine in self._cluster.machines.values():
            if machine.powered and machine.resources.crash(name):
                return f"{name} on {machine.name}"
        return f"{name} (runs nowhere)"

    def start_fails(self, rng: random.Random) -> str:
        """The next starts of a resource fail."""
        return self._agent_fault(rng, "start", "fail", rng.randint(1, 2))

    def stop_fails(self, rng: random.Random) -> str:
        """The next stop of a resource fails."""
        return self._agent_fault(rng, "stop", "fail", 1)

    def stop_hangs(self, rng: random.Random) -> str:
        """The next stop of a resource never ends."""
        return self._agent_fault(rng, "stop", "hang", 1)

    def monitor_hangs(self, rng: random.Random) -> str:
        """The next monitor of a resource never ends."""
        return self._agent_fault(rng, "monitor", "hang", 1)

    def slow_agents(self, rng: random.Random) -> str:
        """The next operations of a resource take long."""
        return self._agent_fault(rng, rng.choice(("start", "stop")), "slow", 2)

    def wrong_exit(self, rng: random.Random) -> str:
        """The next starts or monitors of a resource end with one of the other exit codes of OCF."""
        action = rng.choice(("start", "monitor"))
        return self._agent_fault(rng, action, "fail", rng.randint(1, 2), rng.choice(FAILURE_CODES))

    def monitor_lies(self, rng: random.Random) -> str:
        """The next monitors of a resource say that it does not run."""
        return self._agent_fault(rng, "monitor", "lie", rng.randint(1, 2))

    def _agent_fault(self, rng: random.Random, action: str, kind: str, times: int, code: int = OcfExit.GENERIC) -> str:
        name = rng.choice(PRIMITIVES)
        where = [machine for machine in self._cluster.machines.values() if name in machine.resources.active]
        machine = where[0] if where and rng.random() < 0.7 else self._machine(rng)
        machine.resources.faults[(name, action)] = AgentFault(kind, times, code)
        return f"{name} {action} on {machine.name} x{times} ({code})"

    def fencing_fails(self, rng: random.Random) -> str:
        """The switch fails some times."""
        self._cluster.power.failures_left = rng.randint(1, 3)
        return f"x{self._cluster.power.failures_left}"

    def slow_fencing(self, rng: random.Random) -> str:
        """The switch takes seconds."""
        self._cluster.power.delay_ms = (1_000, rng.randint(2_000, 8_000))
        return str(self._cluster.power.delay_ms)

    def late_fencing(self, rng: random.Random) -> str:
        """The switch says only after seconds what it did; the node may be back by then."""
        self._cluster.power.report_ms = (500, rng.randint(2_000, 12_000))
        return str(self._cluster.power.report_ms)

    # -- administrators and the controller's surroundings ----------------------------------------------------------

    def standby(self, rng: random.Random) -> str:
        """A node goes to standby and comes back."""
        machine = self._machine(rng)
        self._cluster.clients.set_standby(machine.name, on=True)
        self._world.after(rng.randint(4_000, 20_000), lambda: self._cluster.clients.set_standby(machine.name, on=False))
        return machine.name

    def move_preference(self, rng: random.Random) -> str:
        """An administrator prefers another node for a resource."""
        name, node = rng.choice(PRIMITIVES[3:]), self._machine(rng).name
        self._cluster.clients.prefer(name, node)
        return f"{name} {node}"

    def disk_full(self, rng: random.Random) -> str:
        """The controller can't write for a while."""
        machine, duration = self._machine(rng), rng.randint(500, 8_000)
        machine.disk.full = True

        def freed() -> None:
            machine.disk.full = False

        self._world.after(duration, freed)
        return f"{machine.name} {duration} ms"

    def slow_disk(self, rng: random.Random) -> str:
        """Every fsync of a node takes long for a while."""
        machine, duration = self._machine(rng), rng.randint(2_000, 20_000)
        machine.disk.slow = True

        def fast() -> None:
            machine.disk.slow = False

        self._world.after(duration, fast)
        return f"{machine.name} {duration} ms"

    def worker_dies(self, rng: random.Random) -> str:
        """The policy engine's worker dies in the midst of its next answers."""
        machine = self._machine(rng)
        machine.worker_deaths = rng.randint(1, 2)
        return machine.name


def _die(process: Process | None) -> None:
    if process is not None:
        process.die("SIGKILL")
