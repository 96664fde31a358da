"""One simulated node: power, pause, disk, processes, and the resources that run on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.events import StopNodeAsked
from ipc.note import Note, render
from lab.simulator.agents import Resources
from lab.simulator.controller import ControllerProcess
from lab.simulator.disk import Disk
from lab.simulator.executor import ExecutorProcess
from lab.simulator.messaging import MessagingProcess
from lab.simulator.process import Connection, Process
from lab.simulator.world import BOOT_OFFSET_MS

if TYPE_CHECKING:
    from crmd.messages import ClusterState
    from lab.simulator.cluster import Cluster

SPAWN_MS = (50, 300)
RECONNECT_MS = 100
WELCOME_MS = 20_000
"""How long a child waits for the messaging layer to answer."""
COUNTED_NOTES: dict[str, str] = {
    "dc.elected": "elections",
    "transition.aborted": "aborted transitions",
    "order.stale": "refused stale orders",
    "order.refused": "refused orders",
    "transition.begins": "transitions",
    "self-stop.begin": "executors that gave up",
    "node.gives_up": "nodes that gave up",
    "operation.unknown": "operations without a result",
    "action.lost": "lost actions",
    "fence.failed": "failed fencings",
    "join.fetch": "CIBs taken from another node",
    "join.gone": "members that did not join",
    "node.paused": "lives ended by a pause",
    "quorum.left_behind": "nodes left behind by a one-way cut",
    "schedule.failed": "workers that died",
    "view.round_failed": "failed rounds of agreement",
    "cib.refused": "refused writes of a DC",
}
"""Events of notes -> what a run counts as reached."""
INIT_RESTART_MS = (500, 4000)
"""How long init takes to start a messaging layer again that died."""


class Machine:
    """A node; off until `power_on`."""

    def __init__(self, name: str, cluster: Cluster) -> None:
        self.name = name
        self.cluster = cluster
        self.world = cluster.world
        self.disk = Disk()
        self.resources = Resources(self)
        self.powered = False
        self.paused = False
        self.boots = 0
        self.wanted = False
        """Whether init keeps the messaging layer running."""
        self.messaging: MessagingProcess | None = None
        self.controller: ControllerProcess | None = None
        self.executor: ExecutorProcess | None = None
        self.clock_error_ms = 0
        self.worker_deaths = 0
        """How many of the policy engine's next answers are lost with its worker."""
        self._pids = 0
        self._paused_at = 0
        self._connections: list[Connection] = []

    def next_pid(self) -> int:
        """A process number that this machine has not used since it was made."""
        self._pids += 1
        return self._pids

    # -- power -----------------------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Boot; init starts the messaging layer."""
        assert not self.powered
        self.powered = True
        self.boots += 1
        self.world.trace(self.name, "power on")
        self.start_messaging()

    def power_off(self, reason: str) -> None:
        """Everything ends in this instant; only what was synced is left."""
        if not self.powered:
            return
        self.powered = False
        self.paused = False
        self.world.trace(self.name, f"power off: {reason}")
        self.cluster.network.vanish(self.name)
        for process in self.processes():
            process.alive = False
        self._connections.clear()
        self.messaging = self.controller = self.executor = None
        self.cluster.invariants.cib.forget(self.name)
        self.resources.power_off()
        self.disk.power_cut()

    def start_messaging(self) -> None:
        """`heartbeat start`."""
        self.wanted = True
        if self.powered and self.messaging is None:
            self.messaging = MessagingProcess(self)
            self.messaging.boot()

    def reboot(self, reason: str) -> None:
        """The node resets itself (a watchdog, or a daemon that must not go on)."""
        self.world.reached["self resets"] += 1
        self.power_off(reason)
        self.cluster.boot_later(self, self.world.delay(4_000, 15_000))

    def stop_messaging(self) -> None:
        """`heartbeat stop`."""
        self.wanted = False
        if self.messaging is not None:
            self.messaging.post(StopNodeAsked("heartbeat stop"))

    def set_clock(self, error_ms: int) -> None:
        """Set the wall clock, so many milliseconds wrong."""
        if error_ms == self.clock_error_ms:
            return
        self.clock_error_ms = error_ms
        if self.controller is not None:
            self.controller.clock_set()

    def wall_seconds(self, at: int) -> int:
        """What the machine's clock shows at a time."""
        return (at + BOOT_OFFSET_MS + self.clock_error_ms) // 1000

    def note(self, process: Process, note: Note) -> None:
        """A core says what it decided."""
        self.world.trace(str(process), render(note))
        name = COUNTED_NOTES.get(note.event)
        if name is not None:
            self.world.reached[name] += 1

    def processes(self) -> list[Process]:
        """Those that run now."""
        return [process for process in (self.messaging, self.controller, self.executor) if process is not None]

    # -- processes -------------------------------------------------------------------------------------------------

    def process_died(self, process: Process, reason: str) -> None:
        """End its connections; tell its parent."""
        for connection in list(self._connections):
            if process in connection.ends:
                connection.end(process)
                self._connections.remove(connection)
        if process is self.messaging:
            self.messaging = None
            self.cluster.network.process_ended(self.name)
            self.world.after(self.world.delay(*INIT_RESTART_MS), self._init_restarts)
            return
        if process is self.controller:
            self.controller = None
            self.cluster.invariants.cib.forget(self.name)
        if process is self.executor:
            self.executor = None
            self.resources.executor_died()
        if self.messaging is not None:
            self.messaging.child_died(process, reason)

    def _init_restarts(self) -> None:
        if self.powered and self.wanted and self.messaging is None:
            self.start_messaging()

    def spawn(self, kind: str) -> Process | None:
        """Start lrmd or crmd, unless one of an earlier life still holds the lock."""
        if kind == "crmd" and self.controller is None:
            self.controller = ControllerProcess(self)
            return self.controller
        if kind == "lrmd" and self.executor is None:
            self.executor = ExecutorProcess(self)
            return self.executor
        return None

    def executor_started(self, process: ExecutorProcess) -> None:
        """lrmd listens: it reaches for the messaging layer, and the controller for it."""
        self._attach(process)
        if self.controller is not None:
            self._join_executor(self.controller)

    def controller_started(self, process: ControllerProcess) -> None:
        """crmd runs: it reaches for the messaging layer and for lrmd."""
        self._attach(process)
        self._join_executor(process)

    def _join_executor(self, controller: ControllerProcess) -> None:
        executor = self.executor
        if executor is None or not executor.listening:
            return
        connection = self.connect(controller, executor)
        executor.attach_crmd(connection)
        controller.attach_executor(connection)

    def _attach(self, child: ExecutorProcess | ControllerProcess) -> None:
        """Connect to the messaging layer; tried again until it is there, or the child ends."""
        messaging = self.messaging
        if messaging is None or child.pid not in messaging.children:
            if self.world.now - child.born_at >= WELCOME_MS:
                child.die("the messaging layer that started it does not answer")
            else:
                child.later(RECONNECT_MS, lambda: self._attach(child))
            return
        messaging.attached(child)

    def connect(self, first: Process, second: Process) -> Connection:
        """A socket between two processes of this machine."""
        connection = Connection(first, second)
        self._connections.append(connection)
        return connection

    def controller_state(self) -> ClusterState | None:
        """What the controller tells its subscribers."""
        return self.controller.state if self.controller is not None else None

    # -- pause -----------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Nothing on this machine runs until `resume`."""
        if self.powered and not self.paused:
            self.paused = True
            self._paused_at = self.world.now
            self.world.trace(self.name, "paused")

    def resume(self) -> None:
        """Everything goes on; shells notice how long it was."""
        if not self.powered or not self.paused:
            return
        self.paused = False
        duration = self.world.now - self._paused_at
        self.world.trace(self.name, f"resumed after {duration} ms")
        for process in self.processes():
            process.resume(duration)
        self.resources.resume()
