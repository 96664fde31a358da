"""The simulated shell of the messaging layer over the real node core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.events import (
    Booted,
    ChildAttached,
    ChildDetached,
    ControllerSaid,
    DatagramReceived,
    Effect,
    Event,
    ExecutorReported,
    Exit,
    KillProcess,
    Paused,
    Persist,
    Persisted,
    ProcessExited,
    ProcessStarted,
    RebootNode,
    SendDatagram,
    StartProcess,
    ToController,
    ToExecutor,
)
from heartbeat.messages import ClusterSettings, Member, ViewInstalled
from heartbeat.node import HeartbeatNode
from heartbeat.packets import Heartbeat
from heartbeat.session_messages import CloseLink, PeerLinkDown, PeerLinkUp, SegmentReceived, SendSegment
from ipc.note import Note
from ipc.supervision import ExecutorState
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lab.simulator.network import Stream
from lab.simulator.process import Connection, Process

if TYPE_CHECKING:
    from heartbeat.packets import Packet
    from lab.simulator.controller import ControllerProcess
    from lab.simulator.executor import ExecutorProcess
    from lab.simulator.machine import Machine

FSYNC_MS = (1, 30)
SLOW_FSYNC_MS = (50, 600)
DIAL_MS = (2, 60)


class MessagingProcess(Process):
    """heartbeat."""

    name = "heartbeat"

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        scenario = machine.cluster.scenario
        settings = ClusterSettings(
            keepalive_ms=scenario.keepalive_ms,
            deadtime_ms=scenario.deadtime_ms,
            warntime_ms=scenario.warntime_ms,
            initdead_ms=scenario.initdead_ms,
            auto_failback="on",
            stop_grace_ms=scenario.stop_grace_ms,
        )
        self.core = HeartbeatNode(machine.name, scenario.nodes, settings, machine.disk.heartbeat)
        self._streams: dict[tuple[Member, int], Stream] = {}
        self._dialling: dict[str, Member] = {}
        self._fsync_until = 0
        self.children: set[int] = set()
        """Processes that this one started."""
        self._sockets: dict[str, Connection] = {}
        self._waiting: list[str] = []

    def boot(self) -> None:
        """First event."""
        self.post(Booted(), self.world.delay(10, 100))

    def paused_for(self, duration_ms: int) -> None:
        """As the daemon does: the pause comes before all that is queued."""
        if duration_ms > self.machine.cluster.scenario.deadtime_ms:
            self.dispatch(Paused(Milliseconds(duration_ms)))

    def dispatch(self, event: object) -> None:
        """Give an event to the core, perform what it asks for."""
        for effect in self.core.handle(_event(event), self.world.now):
            self._perform(effect)
            if not self.alive:
                return

    def _perform(self, effect: Effect) -> None:
        match effect:
            case SendDatagram():
                self._send(effect)
            case Persist():
                self._persist(effect)
            case ToController():
                if isinstance(effect.message, ViewInstalled):
                    self.machine.cluster.invariants.membership.installed(self.machine.name, effect.message.view)
                self._to_child("crmd", effect.message)
            case ToExecutor():
                self._to_child("lrmd", effect.message)
            case StartProcess():
                self._start(effect.process)
            case KillProcess():
                self._kill(effect)
            case SendSegment():
                self._send_segment(effect)
            case CloseLink():
                self._close(effect.peer, effect.link)
            case SetTimer():
                self.set_timer(effect.name, effect.at)
            case CancelTimer():
                self.cancel_timer(effect.name)
            case Note():
                self.machine.note(self, effect)
            case Exit():
                self.machine.wanted = effect.code != 0 or self.machine.wanted
                self.die(f"exit {effect.code}: {effect.reason}")
            case RebootNode():
                self.machine.reboot(effect.reason)

    # -- disk ------------------------------------------------------------------------------------------------------

    def _persist(self, effect: Persist) -> None:
        slow = self.machine.disk.slow or self.world.chance(0.02)
        delay = self.world.delay(*(SLOW_FSYNC_MS if slow else FSYNC_MS))
        self._fsync_until = max(self._fsync_until, self.world.now + delay)

        def synced() -> None:
            self.machine.disk.heartbeat = effect.state
            self.dispatch(Persisted(effect.token))

        self.later(self._fsync_until - self.world.now, synced)

    # -- datagrams and streams -------------------------------------------------------------------------------------

    def _send(self, effect: SendDatagram) -> None:
        packet = effect.packet
        cluster = self.machine.cluster
        cluster.invariants.membership.sent(self.machine.name, self.pid, packet, self.machine.disk.heartbeat)
        if isinstance(packet, Heartbeat) and packet.status == "leaving":
            # From this word on the others may start what ran here.
            cluster.invariants.resources.down(self.machine.name)
        for name, machine in cluster.machines.items():
            if name != self.machine.name and (not effect.to or name in effect.to):
                cluster.network.datagram(self.machine.name, name, lambda machine=machine: _hand_over(machine, packet))  # type: ignore[misc]

    def datagram(self, packet: Packet) -> None:
        """A datagram arrives from the network."""
        self.later(0, lambda: self._datagram(packet))

    def _datagram(self, packet: Packet) -> None:
        self._dial(packet.sender)
        self.dispatch(DatagramReceived(packet, "eth0"))

    def _dial(self, peer: Member) -> None:
        """As the daemon: the node with the smaller name connects to a life that it has no stream to."""
        if self.machine.name > peer.name or self._dialling.get(peer.name) == peer or self.core.me is None:
            return
        if any(member == peer and stream.open for (member, _), stream in self._streams.items()):
            return
        self._dialling[peer.name] = peer
        self.later(self.world.delay(*DIAL_MS), lambda: self._connect(peer))

    def _connect(self, peer: Member) -> None:
        self._dialling.pop(peer.name, None)
        cluster = self.machine.cluster
        other = cluster.machines[peer.name].messaging
        mine = self.core.me
        ways = (
            cluster.network.stream_passes(self.machine.name, peer.name),
            cluster.network.stream_passes(peer.name, self.machine.name),
        )
        if other is None or mine is None or other.core.me != peer or other.stalled or not all(ways):
            return
        stream = cluster.network.connect(self.machine.name, peer.name)
        self.linked(peer, stream)
        other.later(0, lambda: other.linked(mine, stream))

    def linked(self, peer: Member, stream: Stream) -> None:
        """A stream to this life of a peer stands."""
        if not stream.open:
            return
        self._streams[(peer, stream.number)] = stream
        stream.on_break[self.machine.name] = lambda: self.later(0, lambda: self._broken(peer, stream))
        self.dispatch(PeerLinkUp(peer, stream.number))

    def _broken(self, peer: Member, stream: Stream) -> None:
        if self._streams.pop((peer, stream.number), None) is not None:
            self.dispatch(PeerLinkDown(peer, stream.number))

    def _send_segment(self, effect: SendSegment) -> None:
        stream = self._streams.get((effect.peer, effect.link))
        mine = self.core.me
        if stream is None or mine is None:
            return
        cluster = self.machine.cluster

        def deliver() -> None:
            other = cluster.machines[effect.peer.name].messaging
            if other is not None:
                other.later(0, lambda: other.segment(mine, stream, effect))

        cluster.network.transmit(stream, self.machine.name, deliver)

    def segment(self, peer: Member, stream: Stream, sent: SendSegment) -> None:
        """A segment came on a stream."""
        if (peer, stream.number) in self._streams:
            self.dispatch(SegmentReceived(peer, stream.number, sent.segment))

    def _close(self, peer: Member, link: int) -> None:
        stream = self._streams.pop((peer, link), None)
        if stream is not None:
            self.machine.cluster.network.close(stream, self.machine.name)

    # -- children --------------------------------------------------------------------------------------------------

    def _start(self, kind: str) -> None:
        child = self.machine.spawn(kind)
        if child is None:
            self._waiting.append(kind)
            return
        self.children.add(child.pid)
        self.post(ProcessStarted(kind, child.pid), 1)  # type: ignore[arg-type]

    def attached(self, child: ControllerProcess | ExecutorProcess) -> None:
        """A child connected and said Attach."""
        connection = self.machine.connect(self, child)
        self._sockets[child.name] = connection
        connection.handlers[self] = _FromChild(self, child)
        child.attach_supervisor(connection)
        self.post(ChildAttached(child.name, child.pid))  # type: ignore[arg-type]

    def child_died(self, child: Process, reason: str) -> None:
        """The kernel tells the parent; a process that waited for the lock may start."""
        if child.pid in self.children:
            self.post(ProcessExited(child.name, child.pid, reason), 1)  # type: ignore[arg-type]
        if child.name in self._waiting:
            self._waiting.remove(child.name)
            self.later(self.world.delay(10, 100), lambda: self._start(child.name))

    def _kill(self, effect: KillProcess) -> None:
        for child in (self.machine.controller, self.machine.executor):
            if child is not None and child.name == effect.process and child.pid == effect.pid:
                child.die("killed by the supervisor")

    def _to_child(self, kind: str, message: object) -> None:
        connection = self._sockets.get(kind)
        if connection is not None:
            connection.send(self, message)


def _event(event: object) -> Event:
    assert isinstance(event, Event)
    return event


def _hand_over(machine: Machine, packet: Packet) -> None:
    if machine.messaging is not None:
        machine.messaging.datagram(packet)


class _FromChild:
    def __init__(self, process: MessagingProcess, child: Process) -> None:
        self._process = process
        self._child = child

    def received(self, message: object) -> None:
        if isinstance(message, ExecutorState):
            self._process.dispatch(ExecutorReported(message))
        else:
            self._process.dispatch(ControllerSaid(message))  # type: ignore[arg-type]

    def closed(self) -> None:
        self._process.dispatch(ChildDetached(self._child.name, self._child.pid))  # type: ignore[arg-type]
