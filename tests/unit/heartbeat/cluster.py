"""Several `HeartbeatNode`s over a virtual network and virtual disks, in virtual time.

A small shell over the cores: it performs their effects with delays that a seeded generator chooses, and checks what
must hold after each installation. No streams are connected; membership is what is looked at.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import TypeVar

from heartbeat.events import (
    Booted,
    ChildAttached,
    ControllerSaid,
    DatagramReceived,
    DurableState,
    Effect,
    Event,
    ExecutorReported,
    Exit,
    Paused,
    Persist,
    Persisted,
    ProcessExited,
    ProcessStarted,
    SendDatagram,
    StartProcess,
    StopNodeAsked,
    ToController,
    ToExecutor,
)
from heartbeat.messages import (
    ClusterSettings,
    HeartbeatToController,
    Quorum,
    QuorumChanged,
    StopReady,
    StopRequested,
    View,
    ViewInstalled,
    ViewLost,
)
from heartbeat.node import HeartbeatNode
from heartbeat.packets import Packet
from ipc.supervision import ExecutorState, StopEverything
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds

Message = TypeVar("Message")

SETTINGS = ClusterSettings(keepalive_ms=200, deadtime_ms=1000, warntime_ms=500, initdead_ms=3000, auto_failback="on")


@dataclass(slots=True)
class Network:
    """What happens to datagrams. A cut is directed: (from, to)."""

    delay_ms: tuple[int, int] = (0, 3)
    loss: float = 0.0
    duplicates: float = 0.0
    cuts: set[tuple[str, str]] = field(default_factory=set)
    swallows: Callable[[str, str, Packet], bool] = lambda sender, receiver, packet: False
    """Datagrams (from, to, packet) that are lost besides."""


@dataclass(slots=True)
class Host:
    """A node with its disk. `node` is None while it is down."""

    name: str
    disk: DurableState = field(default_factory=DurableState)
    node: HeartbeatNode | None = None
    executor: ExecutorState = field(default_factory=lambda: ExecutorState(empty=True, settled=True))
    """What lrmd reports when it attaches."""
    boots: int = 0
    timers: dict[str, tuple[Milliseconds, int]] = field(default_factory=dict)
    paused_since: Milliseconds | None = None
    backlog: list[Event] = field(default_factory=list)
    told: list[tuple[Milliseconds, HeartbeatToController]] = field(default_factory=list)
    """What crmd was told over all lives, with the time."""
    history: list[View | None] = field(default_factory=list)
    """The views in order; None: left it, or crashed."""
    quorum: Quorum | None = None
    exited: Exit | None = None
    highest_installed: int = 0


class Broken(AssertionError):
    """Something that must hold does not."""


class Cluster:
    """Run it with `run`, break it with the other methods."""

    def __init__(
        self,
        names: Iterable[str],
        seed: int = 0,
        settings: ClusterSettings = SETTINGS,
        fsync_ms: tuple[int, int] = (1, 20),
    ) -> None:
        self.random = Random(seed)
        self.settings = settings
        self.now = Milliseconds(1000)
        self.network = Network()
        self.hosts = {name: Host(name) for name in names}
        self.configured = tuple(self.hosts)
        self.fsync_ms = fsync_ms
        self.datagrams = 0
        self.trace: list[str] = []
        self._queue: list[tuple[int, int, str, int, object]] = []
        self._serial = 0
        self._views: dict[int, list[View]] = {}

    # what a test does to it

    def boot(self, *names: str) -> None:
        """Start nodes from what their disks hold."""
        for name in names or self.hosts:
            host = self.hosts[name]
            if host.node is not None:
                continue
            host.node = HeartbeatNode(name, self.configured, self.settings, host.disk)
            host.boots += 1
            host.timers, host.backlog, host.paused_since, host.exited = {}, [], None, None
            self._give(host, Booted())

    def crash(self, name: str) -> None:
        """A power cut: what was not synced is lost, and so is all that is on its way to this node."""
        host = self.hosts[name]
        if host.node is None:
            return
        self._log(name, "crashes")
        host.node = None
        host.boots += 1
        self._forget_view(host)

    def pause(self, name: str) -> None:
        """The node stops running; what comes for it waits."""
        host = self.hosts[name]
        if host.node is not None and host.paused_since is None:
            self._log(name, "is paused")
            host.paused_since = self.now

    def wake(self, name: str) -> None:
        """A paused node goes on: it is told of a long pause first, then of datagrams, then of timers."""
        host = self.hosts[name]
        if host.node is None or host.paused_since is None:
            return
        duration = Milliseconds(self.now - host.paused_since)
        host.paused_since = None
        backlog, host.backlog = host.backlog, []
        self._log(name, f"wakes after {duration} ms")
        if duration > self.settings.deadtime_ms:
            self._give(host, Paused(duration))
        for event in sorted(backlog, key=lambda event: isinstance(event, TimerFired)):
            self._give(host, event)

    def stop(self, name: str) -> None:
        """`heartbeat stop`."""
        self._give(self.hosts[name], StopNodeAsked("test"))

    def cut(self, one: str, other: str, both: bool = True) -> None:
        """Datagrams from one to the other are lost (and back)."""
        self.network.cuts.add((one, other))
        if both:
            self.network.cuts.add((other, one))

    def partition(self, *sides: Iterable[str]) -> None:
        """Cut all connections between the sides; others heal."""
        self.network.cuts.clear()
        groups = [set(side) for side in sides]
        for one in self.hosts:
            for other in self.hosts:
                if one != other and not any(one in group and other in group for group in groups):
                    self.network.cuts.add((one, other))

    def heal(self) -> None:
        """The network is whole again, paused nodes wake, dead ones are started."""
        self.network.cuts.clear()
        self.network.loss = self.network.duplicates = 0.0
        self.network.delay_ms = (0, 3)
        for name in self.hosts:
            self.wake(name)
            self.boot(name)

    def give(self, name: str, event: Event) -> None:
        """Hand an event to a node."""
        self._give(self.hosts[name], event)

    def run(self, duration_ms: int) -> None:
        """Let virtual time pass."""
        end = self.now + duration_ms
        while self._queue and self._queue[0][0] <= end:
            at, _, name, boot, what = heapq.heappop(self._queue)
            self.now = Milliseconds(at)
            host = self.hosts[name]
            if host.boots == boot:
                self._happen(host, what)
        self.now = Milliseconds(end)

    # what a test looks at

    def view(self, name: str) -> View | None:
        """The view that a node is in, None when it is down too."""
        node = self.hosts[name].node
        return node.view if node is not None else None

    def members(self, name: str) -> tuple[str, ...]:
        """The names of the view that a node is in."""
        view = self.view(name)
        return view.names if view is not None else ()

    def told(self, name: str, kind: type[Message]) -> list[Message]:
        """All that a node's crmd was told of one kind."""
        return [message for _, message in self.hosts[name].told if isinstance(message, kind)]

    def in_one_view(self) -> bool:
        """Whether all nodes that run are in one view of just these."""
        views = [self.view(name) for name, host in self.hosts.items() if host.node is not None]
        alive = tuple(sorted(name for name, host in self.hosts.items() if host.node is not None))
        return all(view is not None and view == views[0] and view.names == alive for view in views)

    # the shell

    def _log(self, name: str, text: str) -> None:
        self.trace.append(f"{self.now / 1000:08.3f} {name} {text}")

    def _plan(self, host: Host, delay_ms: int, what: object) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (self.now + delay_ms, self._serial, host.name, host.boots, what))

    def _happen(self, host: Host, what: object) -> None:
        match what:
            case SetTimer(timer, at):
                if host.timers.get(timer, (None, 0))[0] == at:
                    del host.timers[timer]
                    self._give(host, TimerFired(timer))
            case Persist(token, state):
                host.disk = state
                self._give(host, Persisted(token))
            case _:
                self._give(host, what)  # type: ignore[arg-type]

    def _give(self, host: Host, event: Event) -> None:
        if host.node is None:
            return
        if host.paused_since is not None:
            host.backlog.append(event)
            return
        for effect in host.node.handle(event, self.now):
            self._perform(host, effect)

    def _perform(self, host: Host, effect: Effect) -> None:
        match effect:
            case SendDatagram(to, packet):
                for name in to or self.hosts:
                    if name != host.name:
                        self._send(host, self.hosts[name], packet)
            case SetTimer(name, at):
                host.timers[name] = (at, 0)
                self._plan(host, max(0, at - self.now), effect)
            case CancelTimer(name):
                host.timers.pop(name, None)
            case Persist():
                waiting = [entry for entry in self._queue if entry[2] == host.name and isinstance(entry[4], Persist)]
                busy = max((entry[0] - self.now for entry in waiting if entry[3] == host.boots), default=0)
                self._plan(host, busy + self.random.randint(*self.fsync_ms), effect)
            case ToController(message):
                self._tell(host, message)
            case ToExecutor(StopEverything()):
                self._plan(host, 5, ExecutorReported(ExecutorState(empty=True, settled=True)))
                self._plan(host, 6, ProcessExited("lrmd", 100, "exit code 0"))
            case StartProcess(process):
                pid = 100 if process == "lrmd" else 101
                self._plan(host, 1, ProcessStarted(process, pid))
                self._plan(host, 40, ChildAttached(process, pid))
                if process == "lrmd":
                    self._plan(host, 41, ExecutorReported(host.executor))
            case Exit():
                self._log(host.name, f"exits: {effect.reason}")
                host.exited, host.node = effect, None
                host.boots += 1
                self._forget_view(host)
            case _:
                if getattr(effect, "level", "debug") not in ("debug",):
                    self._log(host.name, f"notes {getattr(effect, 'text', effect)}")

    def _send(self, sender: Host, receiver: Host, packet: Packet) -> None:
        self.datagrams += 1
        if (sender.name, receiver.name) in self.network.cuts or self.random.random() < self.network.loss:
            return
        if self.network.swallows(sender.name, receiver.name, packet):
            return
        for _ in range(2 if self.random.random() < self.network.duplicates else 1):
            self._plan(receiver, self.random.randint(*self.network.delay_ms), DatagramReceived(packet, "eth0"))

    def _tell(self, host: Host, message: HeartbeatToController) -> None:
        host.told.append((self.now, message))
        match message:
            case ViewInstalled():
                self._check_installed(host, message)
                host.quorum = message.quorum
            case QuorumChanged(quorum):
                host.quorum = quorum
            case ViewLost(reason):
                self._log(host.name, f"is in no view: {reason}")
                self._forget_view(host)
            case StopRequested():
                self._plan(host, 10, ControllerSaid(StopReady()))
            case _:
                pass

    def _forget_view(self, host: Host) -> None:
        host.quorum = None
        if host.history and host.history[-1] is not None:
            host.history.append(None)

    # what must hold

    def _check_installed(self, host: Host, message: ViewInstalled) -> None:
        view = message.view
        tail = f" left={message.left}" * bool(message.left) + f" lost={message.lost}" * bool(message.lost)
        self._log(host.name, f"installs {view.number}/{view.coordinator} {view.members} {message.quorum.basis}{tail}")
        assert host.node is not None
        self._must(host.node.me in view.members, "the installer is a member of the view")
        self._must(view.number > host.highest_installed, "the numbers of a node grow over its lives")
        self._must(view.number <= host.disk.voted, "the vote for an installed view is on disk")
        me = host.node.me
        self._must(me is not None and me.generation == host.disk.generation, "the generation is on disk")
        for other in self._views.setdefault(view.number, []):
            self._must(other == view or not set(other.names) & set(view.names), "one view for a number and a member")
        if view not in self._views[view.number]:
            self._views[view.number].append(view)
        host.highest_installed = view.number
        before = host.history[-1] if host.history else None
        host.history.append(view)
        for member in before.members if before is not None else ():
            gone = member not in view.members
            told = member.name in message.left or member.name in message.lost
            self._must(told or not gone, f"{member} is not in the view, and crmd is not told so")

    def check_continuity(self) -> None:
        """Who went from one view to the next together really did: neither was elsewhere in between."""
        for host in self.hosts.values():
            for before, view in pairwise(host.history):
                if before is not None and view is not None:
                    self._check_step(host, before, view)

    def _check_step(self, host: Host, before: View, view: View) -> None:
        message = next(message for message in self.told(host.name, ViewInstalled) if message.view == view)
        for member in before.members:
            if member not in view.members or member.name in message.lost or member.name in message.left:
                continue
            history = self.hosts[member.name].history
            if view not in history:
                continue
            place = history.index(view)
            came_from = history[place - 1] if place else None
            self._must(
                came_from == before, f"{member.name} came to {view.number} with {host.name} from {before.number}"
            )

    def _must(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(f"{what}; the last events:\n" + "\n".join(self.trace[-40:]))
