"""A cluster in memory: real controllers, replicas, executors, fencers and policy engine, in virtual time.

What is played here is the world around them: the messaging layer (views are installed by the test, or follow from what
it does to nodes), the store, the agents, and the fencing device. Nothing is random unless a test seeds it.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from cib import history
from cib.apart import work_apart
from cib.document import Document
from cib.replica import Replica, ReplicaSettings
from cib.replica_events import Persist, Persisted
from crmd.controller import Controller
from crmd.events import (
    Answer,
    ClientAsked,
    ControllerSettings,
    Effect,
    Event,
    ExecutorConnected,
    ExecutorGone,
    FromExecutor,
    FromHeartbeat,
    FromStore,
    HeartbeatGone,
    Schedule,
    Scheduled,
    ScheduleFailed,
    StateChanged,
    ToExecutor,
    ToHeartbeat,
    ToStore,
    WallClock,
    WorkApart,
    WorkedApart,
)
from crmd.messages import ClientReply, ClientRequest, ClusterState
from crmd.states import State
from heartbeat.departed import Departed
from heartbeat.messages import (
    NO_QUORUM,
    ClusterSettings,
    Delivered,
    KnownDown,
    Member,
    NodeList,
    PeerProcess,
    Quorum,
    Reset,
    StopReady,
    StopRequested,
    Transmit,
    View,
    ViewInstalled,
    ViewLost,
    Welcome,
)
from ipc.note import Note
from ipc.supervision import ViewState
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds
from lrmd import events as lrmd_events
from lrmd.executor import Executor
from lrmd.messages import AgentTraits, Operation
from pengine.graph import Graph
from pengine.scheduler import schedule
from pengine.unpack import unpack
from stonith.fencer import Fencer

WALL_OFFSET_MS = 1_700_000_000_000
FENCE_METADATA = """<resource-agent name="fence_lab"><parameters><parameter name="port"/></parameters>
<actions><action name="on"/><action name="off"/><action name="reboot"/><action name="metadata"/></actions>
</resource-agent>"""
SETTINGS = ClusterSettings(keepalive_ms=200, deadtime_ms=1000, warntime_ms=500, initdead_ms=2000, auto_failback="off")


@dataclass
class Machine:
    """A node: what survives which kind of death is written at each field."""

    name: str
    generation: int = 0
    incarnation: int = 0
    up: bool = False
    controller: Controller | None = None
    executor: Executor | None = None
    view: View | None = None
    departed: Departed = field(default_factory=Departed)
    """What the messaging layer knows of nodes outside the view."""
    disk: tuple[bytes, history.HistoryPoint] | None = None
    """Survives everything."""
    running: dict[str, int] = field(default_factory=dict)
    """Resources that are active; gone with the power."""
    agents: dict[int, Operation] = field(default_factory=dict)
    held: list[tuple[str, Transmit]] = field(default_factory=list)
    timers: dict[tuple[str, str], int] = field(default_factory=dict)
    deaf_crmd: bool = False
    """The controller is stopped (SIGSTOP): its events wait."""
    waiting: list[Event] = field(default_factory=list)
    shown: str = ""


class Cluster:
    """All nodes and the clock. `trace` tells what happened, for tests and for people who look at a failure."""

    def __init__(
        self, *names: str, cib: str, settings: ClusterSettings = SETTINGS, seed: int = 0, large: bool = False
    ) -> None:
        self.names = tuple(sorted(names))
        self.voters = self.names
        self.settings = settings
        self.now = 0
        self.chance = random.Random(seed)
        self.machines = {name: Machine(name) for name in self.names}
        self.trace: list[str] = []
        self.notes: list[tuple[int, str, Note]] = []
        self.answers: list[tuple[str, int, ClientReply]] = []
        self.graphs: list[tuple[int, str, Graph]] = []
        self.violations: list[str] = []
        self.view_number = 0
        self.agent_ms = 10
        self.large = large
        """Every document counts as large: it is examined and read apart, which takes `apart_ms`."""
        self.apart_ms = 4
        self.results: dict[tuple[str, str, str], tuple[int, int]] = {}
        """(node, resource, action) -> (exit code, milliseconds), where it differs from the ordinary."""
        self.traits: AgentTraits | None = None
        """What the agents' meta-data says, of all of them."""
        self.schedule_failures = 0
        self.schedule_ms = 3
        self.fence_ms = 300
        self.fence_ok = True
        self.fence_log: list[tuple[int, str]] = []
        self.quorum_of: Callable[[tuple[str, ...]], Quorum] = self._majority
        self.cut_messages: Callable[[str, str], bool] = lambda _sender, _to: False
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        document = Document.from_bytes(cib.encode())
        point = history.start(document.version, document.configuration_digest())
        for machine in self.machines.values():
            machine.disk = (document.to_bytes(), point)

    # time

    def at(self, delay: int, action: Callable[[], None]) -> None:
        """Do something later."""
        self._sequence += 1
        heapq.heappush(self._queue, (self.now + delay, self._sequence, action))

    def run(self, duration: int) -> None:
        """Let time pass."""
        end = self.now + duration
        while self._queue and self._queue[0][0] <= end:
            self.now, _, action = heapq.heappop(self._queue)
            action()
            self._check()
        self.now = end

    def run_until(self, condition: Callable[[], bool], limit: int = 60_000) -> int:
        """Let time pass until the condition holds; returns how long it took, or fails."""
        start = self.now
        while not condition():
            if not self._queue or self.now - start > limit:
                raise AssertionError(f"not reached within {limit} ms:\n" + "\n".join(self.trace[-60:]))
            self.now, _, action = heapq.heappop(self._queue)
            action()
            self._check()
        return self.now - start

    def settle(self, limit: int = 60_000) -> int:
        """Run until the DC is idle and every live member of its view has joined it."""
        return self.run_until(self.is_settled, limit)

    def is_settled(self) -> bool:
        """Whether there is one DC that is idle, for all nodes that are in a view."""
        states = [m.controller.cluster_state() for m in self.live() if m.controller is not None]
        return bool(states) and all(state.idle and state.dc for state in states) and len({s.dc for s in states}) == 1

    def log(self, text: str) -> None:
        """Add to the trace."""
        self.trace.append(f"{self.now:7} {text}")

    # the world's doings

    def live(self) -> list[Machine]:
        """Nodes with power."""
        return [machine for machine in self.machines.values() if machine.up]

    def boot(self, *names: str) -> None:
        """Power on: executor and controller start, without a view."""
        for name in names:
            machine = self.machines[name]
            machine.up = True
            machine.generation += 1
            machine.running, machine.agents, machine.view = {}, {}, None
            self.start_executor(name)
            self.start_controller(name)

    def start_executor(self, name: str) -> None:
        """A new lrmd that knows nothing."""
        machine = self.machines[name]
        machine.executor = Executor()
        wall = (self.now + WALL_OFFSET_MS) // 1000
        self._execute(machine, lrmd_events.Recovered(None, (), (), (), wall))
        self._execute(machine, lrmd_events.SupervisorConnected())
        self._execute(machine, lrmd_events.ViewChanged(self._view_state(machine)))

    def start_controller(self, name: str) -> None:
        """A new crmd, from what is on disk."""
        machine = self.machines[name]
        assert machine.disk is not None
        machine.incarnation += 1
        machine.waiting.clear()
        machine.deaf_crmd = False
        document, point = Document.from_bytes(machine.disk[0]), machine.disk[1]
        replica = Replica(
            ReplicaSettings(name, machine.incarnation, apart_from=0 if self.large else 256 * 1024),
            document,
            history.at_version(point, document.version),
        )
        settings = ControllerSettings(name, machine.incarnation, f"uuid-{name}-{machine.incarnation}")
        machine.controller = Controller(
            settings, replica, Fencer(name, random.Random(1), self.now), Milliseconds(self.now)
        )
        self._give(machine, WallClock(WALL_OFFSET_MS))
        quorum = self.quorum_of(machine.view.names) if machine.view is not None else NO_QUORUM
        peers = tuple(
            (other, "up" if self.machines[other].controller is not None else "restarting")
            for other in (machine.view.names if machine.view is not None else ())
        )
        down = machine.departed.outside(machine.view)
        self._give(
            machine,
            FromHeartbeat(
                Welcome(name, machine.generation, self.voters, self.settings, machine.view, quorum, peers, down)  # type: ignore[arg-type]
            ),
        )
        self._execute(machine, lrmd_events.CrmdConnected())
        self._give(machine, ExecutorConnected())

    def install(self, *names: str, lost: tuple[str, ...] = (), left: tuple[str, ...] = ()) -> None:
        """The messaging layer installs a view at all its members, within a few milliseconds."""
        if not names:
            return
        self.view_number += 1
        members = tuple(Member(name, self.machines[name].generation) for name in sorted(names))
        view = View(self.view_number, members[0].name, members)
        quorum = self.quorum_of(view.names)
        self.log(f"view {view.number} {','.join(view.names)} quorate={quorum.quorate}")
        for name in names:
            self.at(self.chance.randint(0, 2), lambda name=name: self._install(name, view, quorum, left, lost))  # type: ignore[misc]

    def _install(self, name: str, view: View, quorum: Quorum, left: tuple[str, ...], lost: tuple[str, ...]) -> None:
        machine = self.machines[name]
        member = Member(name, machine.generation)
        if not machine.up or member not in view.members or (machine.view and machine.view.number >= view.number):
            return
        machine.view = view
        machine.departed.installed(view, left)
        self._execute(machine, lrmd_events.ViewChanged(self._view_state(machine)))
        if machine.controller is not None:
            self._give(machine, FromHeartbeat(ViewInstalled(view, quorum, left, lost, Milliseconds(self.now))))
        held, machine.held = machine.held, []
        for sender, message in held:
            self._deliver(sender, name, message)

    def lose_view(self, name: str) -> None:
        """The node finds that it is in no view."""
        machine = self.machines[name]
        machine.view = None
        machine.departed.forget()
        machine.generation += 1
        self._execute(machine, lrmd_events.ViewChanged(self._view_state(machine)))
        if machine.controller is not None:
            self._give(machine, FromHeartbeat(ViewLost("test")))

    def power_cut(self, name: str) -> None:
        """Everything on the node is gone in this instant."""
        machine = self.machines[name]
        self.log(f"{name} power cut")
        machine.up = False
        machine.controller = machine.executor = machine.view = None
        machine.departed = Departed()
        machine.running, machine.agents = {}, {}
        machine.held.clear()
        machine.timers.clear()

    def crash_and_view(self, name: str, detect_ms: int = 1000) -> None:
        """Power cut; the others install a view without the node after deadtime."""
        others = [m.name for m in self.live() if m.name != name and m.view is not None]
        self.power_cut(name)
        self.at(detect_ms, lambda: self.install(*[o for o in others if self.machines[o].up], lost=(name,)))

    def kill_controller(self, name: str, restart_ms: int | None = 200) -> None:
        """SIGKILL of crmd; the supervisor tells the peers, and starts it again unless `restart_ms` is None."""
        machine = self.machines[name]
        self.log(f"{name} crmd killed")
        machine.controller = None
        machine.deaf_crmd = False
        machine.timers = {key: at for key, at in machine.timers.items() if key[0] != "crmd"}
        self._execute(machine, lrmd_events.CrmdGone())
        self.tell_peers(name, "restarting")
        if restart_ms is not None:

            def restart() -> None:
                if machine.up and machine.controller is None:
                    self.start_controller(name)
                    self.tell_peers(name, "up")

            self.at(restart_ms, restart)

    def set_clock(self, name: str, *, ahead_ms: int) -> None:
        """The wall clock of a node is set."""
        self._give(self.machines[name], WallClock(WALL_OFFSET_MS + ahead_ms))

    def executor_alone_hears_of_view(self, name: str, number: int) -> None:
        """From now on it refuses what is ordered in an earlier one."""
        machine = self.machines[name]
        self._execute(machine, lrmd_events.ViewChanged(ViewState(number, machine.generation)))

    def tell_peers(self, name: str, state: str) -> None:
        """Heartbeats carry the state of a node's crmd to the others."""
        message = PeerProcess(name, state)  # type: ignore[arg-type]
        for other in self.live():
            if other.name != name and other.view is not None and name in other.view.names:
                self.at(1, lambda other=other: self._give(other, FromHeartbeat(message)))  # type: ignore[misc]

    def heartbeat_dies(self, name: str) -> None:
        """The node's messaging layer is gone, crmd and lrmd live on."""
        machine = self.machines[name]
        machine.view = None
        self._execute(machine, lrmd_events.SupervisorGone())
        self._give(machine, HeartbeatGone())

    def stop_node(self, name: str) -> None:
        """`heartbeat stop`."""
        self._give(self.machines[name], FromHeartbeat(StopRequested("test")))

    def give(self, name: str, event: Event) -> None:
        """Something happens to the controller of a node."""
        self._give(self.machines[name], event)

    def ask(self, name: str, request: ClientRequest, client: int = 1) -> None:
        """A tool asks the controller of a node."""
        self._give(self.machines[name], ClientAsked(client, request))

    def process_dies(self, node: str, resource: str) -> None:
        """A resource stops by itself."""
        self.machines[node].running.pop(resource, None)

    # looking

    def state(self, name: str) -> ClusterState:
        """What the controller of a node says."""
        controller = self.machines[name].controller
        assert controller is not None
        return controller.cluster_state()

    def dc(self) -> str:
        """The one acting DC; fails if there is none or more."""
        found = [m.name for m in self.live() if m.controller is not None and m.controller.is_dc]
        assert len(found) == 1, f"acting DCs: {found}"
        return found[0]

    def where(self, resource: str) -> list[str]:
        """Nodes on which a resource is active."""
        return [machine.name for machine in self.live() if resource in machine.running]

    def noted(self, event: str) -> list[str]:
        """Texts of the notes with this event's name."""
        return [f"{node}: {note.text}" for _, node, note in self.notes if note.event == event]

    def started(self, resource: str) -> int:
        """How often an agent's start has run."""
        return sum(f"agent start {resource} " in line for line in self.trace)

    def _check(self) -> None:
        active: dict[str, list[str]] = {}
        for machine in self.live():
            for resource in machine.running:
                if resource == "fence":
                    continue  # a fencing device is no process; two nodes may know it at the same time
                active.setdefault(resource, []).append(machine.name)
        for resource, nodes in active.items():
            if len(nodes) > 1:
                text = f"{resource} is active on {', '.join(nodes)}"
                if not self.violations or self.violations[-1] != text:
                    self.violations.append(text)
                    self.log(f"VIOLATION {text}")

    # inside

    def _majority(self, members: tuple[str, ...]) -> Quorum:
        votes = sum(name in self.voters for name in members)
        if len(self.voters) == 2:
            return Quorum(True, "two_node", votes, 2, config_writes=True)
        quorate = 2 * votes > len(self.voters)
        return Quorum(quorate, "majority" if quorate else "none", votes, len(self.voters), config_writes=quorate)

    def _view_state(self, machine: Machine) -> ViewState:
        return ViewState(machine.view.number if machine.view is not None else 0, machine.generation)

    def _give(self, machine: Machine, event: Event) -> None:
        if machine.controller is None or not machine.up:
            return
        if machine.deaf_crmd:
            machine.waiting.append(event)
            return
        for effect in machine.controller.handle(event, Milliseconds(self.now)):
            self._perform(machine, effect)

    def _perform(self, machine: Machine, effect: Effect) -> None:
        match effect:
            case ToHeartbeat(Transmit() as message):
                self._transmit(machine, message)
            case ToHeartbeat(StopReady()):
                self.log(f"{machine.name} leaves; active {sorted(machine.running)}")
                others = [m.name for m in self.live() if m is not machine and m.view is not None]
                self.at(5, lambda: self._goodbye(machine.name, others))
            case ToHeartbeat(NodeList(nodes)):
                self.log(f"{machine.name} votes {','.join(nodes)}")
                self.voters = nodes
            case ToHeartbeat(KnownDown(node, generation)):
                machine.departed.fenced(node, generation, machine.view)
            case ToHeartbeat(Reset(reason)):
                self.log(f"{machine.name} reset: {reason}")
            case ToExecutor(message):
                self.at(0, lambda: self._execute(machine, lrmd_events.CrmdMessage(message)))
            case ToStore(Persist() as persist):
                incarnation = machine.incarnation
                self.at(2, lambda: self._persisted(machine, persist, incarnation))
            case WorkApart(work):
                result, controller = work_apart(work, None), machine.controller
                self.at(self.apart_ms, lambda: self._worked_apart(machine, controller, WorkedApart(result)))
            case Schedule(request, wall):
                self._schedule(machine, request, wall)
            case Answer(client, reply):
                self.answers.append((machine.name, client, reply))
            case StateChanged(state):
                shown = f"{machine.name} {state.fsa_state} dc={state.dc} idle={state.idle}"
                if shown != machine.shown:
                    machine.shown = shown
                    self.log(f"{shown} cib={state.cib_version}")
            case SetTimer(name, at):
                self._set_timer(machine, "crmd", name, at)
            case CancelTimer(name):
                machine.timers.pop(("crmd", name), None)
            case Note():
                self.notes.append((self.now, machine.name, effect))
                if effect.level != "debug":
                    self.log(f"{machine.name} {effect.level} {effect.event}: {effect.text}")
            case _:
                pass

    def _goodbye(self, name: str, others: list[str]) -> None:
        machine = self.machines[name]
        clean = not machine.running
        if not machine.up:
            return
        self.power_cut(name)
        gone = (name,)
        self.install(
            *[other for other in others if self.machines[other].up],
            left=gone if clean else (),
            lost=() if clean else gone,
        )

    def _transmit(self, machine: Machine, message: Transmit) -> None:
        if machine.view is None or message.view != machine.view.number:
            return
        for name in message.to or tuple(name for name in machine.view.names if name != machine.name):
            if not self.cut_messages(machine.name, name):
                self.at(1, lambda name=name: self._deliver(machine.name, name, message))  # type: ignore[misc]

    def _deliver(self, sender: str, name: str, message: Transmit) -> None:
        machine = self.machines[name]
        if not machine.up:
            return
        current = machine.view.number if machine.view is not None else 0
        if current < message.view:
            machine.held.append((sender, message))
        elif current == message.view and machine.view is not None:
            member = next((m for m in machine.view.members if m.name == sender), None)
            if member is not None:
                self._give(machine, FromHeartbeat(Delivered(member, message.view, message.payload)))

    def _persisted(self, machine: Machine, persist: Persist, incarnation: int) -> None:
        if machine.up and machine.incarnation == incarnation:
            machine.disk = (persist.document, persist.point)
            self._give(machine, FromStore(Persisted(persist.token)))

    def _worked_apart(self, machine: Machine, controller: Controller | None, event: WorkedApart) -> None:
        if machine.controller is controller:
            self._give(machine, event)

    def _schedule(self, machine: Machine, request: int, wall: int) -> None:
        assert machine.controller is not None
        controller = machine.controller
        if self.schedule_failures:
            self.schedule_failures -= 1
            self.at(1, lambda: self._give(machine, ScheduleFailed(request, "the worker died")))
            return
        outcome = schedule(unpack(controller.document.copy()), wall)
        graph = outcome.graph
        self.graphs.append((self.now, machine.name, graph))
        keys = [f"{a.task_key}@{a.node_name}" for s in graph.synapses for a in s.actions if a.kind != "pseudo_event"]
        self.log(f"{machine.name} schedule {request}: {' '.join(keys)}")

        def answer() -> None:
            if machine.controller is controller:
                self._give(machine, Scheduled(request, graph, tuple(outcome.notes), tuple(outcome.deeds)))

        self.at(self.schedule_ms, answer)

    def _set_timer(self, machine: Machine, kind: str, name: str, at: int) -> None:
        key = (kind, name)
        machine.timers[key] = at
        generation, incarnation = machine.generation, machine.incarnation

        def fire() -> None:
            same = machine.incarnation == incarnation if kind == "crmd" else machine.up
            if same and machine.timers.get(key) == at and generation <= machine.generation:
                del machine.timers[key]
                if kind == "crmd":
                    self._give(machine, TimerFired(name))
                else:
                    self._execute(machine, TimerFired(name))

        self.at(max(0, at - self.now), fire)

    # the executor and its agents

    def _execute(self, machine: Machine, event: lrmd_events.Event) -> None:
        executor = machine.executor
        if executor is None or not machine.up:
            return
        for effect in executor.handle(event, Milliseconds(self.now)):
            match effect:
                case lrmd_events.Report(message):
                    self.at(0, lambda message=message: self._give(machine, FromExecutor(message)))  # type: ignore[misc]
                case lrmd_events.SpawnAgent(run_id, operation):
                    self._spawn(machine, run_id, operation)
                case lrmd_events.SignalGroup(run_id, signal):
                    if machine.agents.pop(run_id, None) is not None:
                        self._exit(machine, run_id, 0, 0, signal)
                case SetTimer(name, at):
                    self._set_timer(machine, "lrmd", name, at)
                case CancelTimer(name):
                    machine.timers.pop(("lrmd", name), None)
                case Note():
                    self.notes.append((self.now, f"{machine.name}/lrmd", effect))
                case _:
                    pass

    def _spawn(self, machine: Machine, run_id: int, operation: Operation) -> None:
        machine.agents[run_id] = operation
        wanted = (machine.name, operation.resource, operation.action)
        code, duration = self.results.get(wanted, (-1, self.agent_ms))
        if operation.agent.standard == "stonith" and not operation.resource.startswith("fence"):
            self._fence_agent(machine, run_id, operation)
            return
        if operation.action != "monitor" or not operation.interval_ms:
            self.log(f"{machine.name} agent {operation.action} {operation.resource} {operation.interval_ms}")
        executor = machine.executor

        def finish() -> None:
            if machine.executor is executor and machine.agents.pop(run_id, None) is not None:
                self._exit(machine, run_id, self._agent(machine, operation) if code < 0 else code, duration, 0)

        if operation.action in ("start", "promote") and code <= 0:
            # It may be active from the moment in which the agent begins.
            machine.running[operation.resource] = self.now
        self.at(duration, finish)

    def _agent(self, machine: Machine, operation: Operation) -> int:
        name = operation.resource
        match operation.action:
            case "stop":
                machine.running.pop(name, None)
                return 0
            case "monitor":
                return 0 if name in machine.running else 7
            case _:
                return 0

    def _fence_agent(self, machine: Machine, run_id: int, operation: Operation) -> None:
        if operation.action == "metadata":
            self.at(1, lambda: self._exit(machine, run_id, 0, 1, 0, FENCE_METADATA))
            return
        target = operation.parameters.get("port", operation.parameters.get("nodename", ""))

        def fence() -> None:
            self.fence_log.append((self.now, target))
            if self.fence_ok and target in self.machines and self.machines[target].up:
                self.crash_and_view(target)
            self._exit(machine, run_id, 0 if self.fence_ok else 1, self.fence_ms, 0)

        self.log(f"{machine.name} fence agent {operation.action} {target}")
        self.at(self.fence_ms, fence)

    def _exit(self, machine: Machine, run_id: int, code: int, duration: int, signal: int, output: str = "") -> None:
        machine.agents.pop(run_id, None)
        wall = (self.now + WALL_OFFSET_MS) // 1000
        event = lrmd_events.AgentExited(run_id, code, signal, output, "", "", duration, wall, wall, self.traits)
        self.at(0, lambda: self._execute(machine, event))

    def replace_executor(self, name: str) -> None:
        """lrmd dies, and a new one starts that knows nothing (its run directory is gone too)."""
        self.lose_executor(name)
        self.return_executor(name)

    def lose_executor(self, name: str) -> None:
        """lrmd dies; what is sent to it is lost until there is another one."""
        machine = self.machines[name]
        machine.executor = None
        self._give(machine, ExecutorGone())
        machine.agents.clear()
        machine.timers = {key: at for key, at in machine.timers.items() if key[0] != "lrmd"}

    def return_executor(self, name: str) -> None:
        """A new lrmd starts that knows nothing."""
        machine = self.machines[name]
        self.start_executor(name)
        self._execute(machine, lrmd_events.CrmdConnected())
        self._give(machine, ExecutorConnected())

    def resume_controller(self, name: str, event: Event) -> None:
        """A stopped crmd goes on: first `event`, then what waited."""
        machine = self.machines[name]
        machine.deaf_crmd = False
        waiting, machine.waiting = machine.waiting, []
        for each in (event, *waiting):
            self._give(machine, each)


def cib(*resources: str, stonith: bool = False, options: str = "", nodes: tuple[str, ...] = ()) -> str:
    """A document with these resources; with `stonith` also a device that fences everything."""
    device = (
        '<primitive id="fence" class="stonith" type="fence_lab"><instance_attributes id="fence-p">'
        '<nvpair id="fence-h" name="pcmk_host_list" value="n1 n2 n3 n4 n5"/></instance_attributes></primitive>'
    )
    entries = "".join(f'<node id="{name}" uname="{name}"/>' for name in nodes)
    return (
        '<cib crm_feature_set="3.20.5" validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">'
        '<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">'
        f'<nvpair id="o1" name="stonith-enabled" value="{str(stonith).lower()}"/>{options}'
        f"</cluster_property_set></crm_config><nodes>{entries}</nodes>"
        f"<resources>{device if stonith else ''}{''.join(resources)}</resources>"
        "<constraints/></configuration><status/></cib>"
    )


def option(name: str, value: str) -> str:
    """A cluster property."""
    return f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'


def dummy(name: str, interval: str = "10s", meta: str = "", op: str = "") -> str:
    """A primitive with a recurring monitor."""
    return (
        f'<primitive id="{name}" class="ocf" provider="pacekeeper" type="Dummy">{meta}<operations>'
        f'<op id="{name}-m" name="monitor" interval="{interval}" timeout="20s"/>{op}</operations></primitive>'
    )


def group(name: str, *members: str) -> str:
    """A group."""
    return f'<group id="{name}">{"".join(members)}</group>'


def running_cluster(*names: str, cib: str, large: bool = False) -> Cluster:
    """A cluster whose nodes are all up, joined and idle."""
    cluster = Cluster(*names, cib=cib, large=large)
    cluster.boot(*cluster.names)
    cluster.run(20)
    cluster.install(*cluster.names)
    cluster.settle()
    return cluster


__all__ = ["Cluster", "Machine", "State", "cib", "dummy", "group", "option", "running_cluster"]
