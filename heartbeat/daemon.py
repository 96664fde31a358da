"""The heartbeat daemon: turns datagrams, streams, timers, children and files into events, and performs effects.

It decides nothing. Whatever comes is queued, and one turn takes a bounded part of the queue; a pause of the whole
process is noticed before anything that waited is looked at.
"""

import asyncio
import gc
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import msgspec

from heartbeat.authkeys import AuthKeys
from heartbeat.children import Children, CommandOf, module_command
from heartbeat.control import ControlSocket
from heartbeat.datagram_seal import SALT_BYTES, DatagramOpener, DatagramSealer, Refused
from heartbeat.events import (
    Booted,
    ChildAttached,
    DatagramReceived,
    DurableState,
    Effect,
    Event,
    Exit,
    KillProcess,
    Paused,
    Persist,
    Persisted,
    PersistFailed,
    RebootNode,
    SendDatagram,
    StartProcess,
    StopNodeAsked,
    ToController,
    ToExecutor,
)
from heartbeat.ha_cf import HaConfig
from heartbeat.link_watch import LinkWatch
from heartbeat.links import UdpLink, open_links
from heartbeat.log import Log
from heartbeat.messages import LinkStatus, Member, Status
from heartbeat.node import HeartbeatNode
from heartbeat.packets import Packet
from heartbeat.pings import Pings
from heartbeat.realtime import become_realtime, boot_clock
from heartbeat.refusals import Refusals
from heartbeat.session_messages import CloseLink, SendSegment
from heartbeat.state_file import write_state
from heartbeat.streams import StreamHub
from heartbeat.watchdog import FEED_S, Watchdog
from ipc import unix
from ipc.directories import NodeDirectories
from ipc.note import Note
from ipc.output import reopen_output
from ipc.reboot import WATCHDOG_VARIABLE, reboot_machine
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds

EVENTS_PER_TURN = 64
PING_EVERY_MS = 1000
MISTAKE = 70
"""Exit code after a failed assertion or the like (EX_SOFTWARE of sysexits.h)."""

_encode_packet = msgspec.msgpack.Encoder().encode
_decode_packet = msgspec.msgpack.Decoder(Packet).decode


@dataclass(frozen=True, slots=True)
class Place:
    """Who and where this node is."""

    name: str
    directories: NodeDirectories
    bind: str | None
    """This node's address on ucast links, where several nodes share a machine."""
    is_machine: bool
    """The node's name is the machine's: only then may it reboot the machine."""


class Daemon:
    """One node's messaging layer at work."""

    def __init__(
        self,
        place: Place,
        config: HaConfig,
        keys: AuthKeys,
        saved: DurableState,
        log: Log,
        command_of: CommandOf = module_command,
    ) -> None:
        """`command_of`: how a child is run, by its name."""
        self._place = place
        self._config = config
        self._keys = keys
        self._log = log
        self._node = HeartbeatNode(place.name, config.nodes, config.settings(), saved)
        self._queue: deque[Event] = deque()
        self._turn_planned = False
        self._alive_at = boot_clock()
        # The last heartbeat may have gone out a whole keepalive before the pause began, and deadtime counts from there.
        self._pause_max = max(config.deadtime - config.keepalive, config.deadtime // 2)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._me: Member | None = None
        self._sealer: DatagramSealer | None = None
        self._opener = DatagramOpener(keys)
        self._refusals = Refusals()
        self._watch = LinkWatch(config.deadtime, self._datagram, log.note, self._links_renewed)
        self._pings = Pings(config.ping, config.deadtime + PING_EVERY_MS, log.note)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._children = Children(place.directories, command_of, log, self.give, log.note)
        self._control = ControlSocket(self)
        self._streams = StreamHub(
            keys, config.streamport, config.deadtime, self.give, self._count_refusal, random_bytes=os.urandom
        )
        self._ended: asyncio.Future[Exit] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._watchdog: Watchdog | None = None

    async def run(self, ready: Callable[[], None]) -> int:
        """Work until the node ends; returns the exit code. `ready` is called once all is open and beats begin.

        Raises OSError when it can't begin.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._broken)
        self._ended = loop.create_future()
        links = open_links(self._config.links, self._place.bind)
        self._watch.begin(links)
        await self._streams.listen(links)
        server = await unix.serve(self._place.directories.heartbeat_socket, self._control.serve)
        if self._pings.socket is not None:
            loop.add_reader(self._pings.socket.fileno(), lambda: self._pings.receive(boot_clock()))
            self._ping()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.give, StopNodeAsked(f"signal {number.name}"))
        loop.add_signal_handler(signal.SIGHUP, self._reopen_logs)
        if self._config.realtime:
            for note in become_realtime(self._config.rtprio):
                self.note(note)
        gc.collect()
        gc.freeze()  # what is there now stays: later collections need not walk it
        self._arm_watchdog()
        self._alive_at = boot_clock()
        self.give(Booted())
        self._tick()
        ready()
        try:
            end = await self._ended
            return await self._end(end)
        finally:
            server.close()
            await self._control.close()
            self.close()

    async def _end(self, end: Exit) -> int:
        """Left in good order, nothing runs here and the children may go. Otherwise they find that this process is
        gone and stop what they run."""
        if end.code == 0:
            await self._children.end_all()
            if self._watchdog is not None:
                self._watchdog.disarm()
                self._watchdog = None
        return end.code

    def _reopen_logs(self) -> None:
        """The log files were renamed."""
        self._log.reopen()
        reopen_output()
        self._children.reopen_logs()

    def close(self) -> None:
        """Give everything back."""
        self._watch.close()
        if self._pings.socket is not None:
            asyncio.get_running_loop().remove_reader(self._pings.socket.fileno())
        self._pings.close()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._watchdog is not None:
            self._watchdog.abandon()
        self._streams.close()
        self._disk.shutdown(wait=True)
        self._place.directories.heartbeat_socket.unlink(missing_ok=True)

    # events

    def give(self, event: Event) -> None:
        """Queue an event for the core."""
        self._queue.append(event)
        if not self._turn_planned:
            self._turn_planned = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_planned = False
        self._notice_pause()
        for _ in range(min(len(self._queue), EVENTS_PER_TURN)):
            self._handle(self._queue.popleft())
        if self._queue and not self._turn_planned:
            self._turn_planned = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _notice_pause(self) -> None:
        """A process that did not run for as long was declared dead by its peers: that comes before all that waits."""
        now = boot_clock()
        gap = Milliseconds(now - self._alive_at)
        self._alive_at = now
        if gap > self._pause_max:
            self._handle(Paused(gap))

    def _tick(self) -> None:
        """So often that a turn can't be missing for deadtime unless the process did not run."""
        self._notice_pause()
        self._watch.look(self._alive_at)
        silence = max(self._config.warntime, 2 * self._config.keepalive)
        self._streams.close_silent(Milliseconds(self._alive_at - silence))
        self._timers["shell.tick"] = asyncio.get_running_loop().call_later(self._config.deadtime / 4000, self._tick)

    def _ping(self) -> None:
        self._pings.ask(boot_clock())
        self._timers["shell.ping"] = asyncio.get_running_loop().call_later(PING_EVERY_MS / 1000, self._ping)

    def _arm_watchdog(self) -> None:
        """As ha.cf asks for. Where that is not possible the node goes on without, as the classic program does."""
        device = self._config.watchdog
        if device is None:
            return
        if not self._place.is_machine:
            self.note(Note("warning", "watchdog.shared", f"{device} is not armed: several nodes share this machine"))
            return
        try:
            self._watchdog = Watchdog(device)
        except OSError as error:
            text = f"The watchdog {device} is not armed: {error.strerror}; a node that hangs is not rebooted"
            self.note(Note("error", "watchdog.refused", text))
            return
        os.environ[WATCHDOG_VARIABLE] = device  # for the children
        timeout_s = self._watchdog.timeout_s
        within = "" if timeout_s is None else f" within {timeout_s} s"
        text = f"The watchdog {device} is armed: it reboots this machine{within} when this process hangs or dies"
        self.note(Note("notice", "watchdog.armed", text))
        self._feed_watchdog()

    def _feed_watchdog(self) -> None:
        assert self._watchdog is not None
        try:
            self._watchdog.feed()
        except OSError as error:
            self.note(Note("error", "watchdog.failed", f"{self._watchdog.device} can't be fed: {error.strerror}"))
        self._timers["shell.watchdog"] = asyncio.get_running_loop().call_later(FEED_S, self._feed_watchdog)

    def _links_renewed(self) -> None:
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        try:
            await self._streams.listen(self._watch.links)
        except OSError as error:
            self.note(Note("warning", "stream.no_listener", f"Streams can't come in on every link: {error}"))

    def _broken(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake in the program ends the process: the peers and the children are built for that, a process that
        goes on with half an event handled is not."""
        error = context.get("exception")
        text = f"{context.get('message')}: {error!r}"
        if error is None or isinstance(error, OSError | asyncio.CancelledError):
            self.note(Note("warning", "shell.trouble", text))
            return
        self.note(Note("critical", "shell.mistake", f"heartbeat ends because of a mistake in it: {text}"))
        self._log.close()
        traceback.print_exception(error)
        os._exit(MISTAKE)

    def _handle(self, event: Event) -> None:
        if self._ended is None or self._ended.done():
            return
        if isinstance(event, ChildAttached):
            self._children.attached(event)
        effects = self._node.handle(event, boot_clock())
        if self._node.me != self._me:
            self._new_life(self._node.me)
        for effect in effects:
            self._perform(effect)

    def _new_life(self, me: Member | None) -> None:
        self._me = me
        self._sealer = None if me is None else DatagramSealer(self._keys, me, os.urandom(SALT_BYTES))
        self._streams.new_life(me)

    def _datagram(self, link: UdpLink, data: bytes, source: tuple[str, int]) -> None:
        try:
            opened = self._opener.open(data, link.name)
            if opened.sender == self._me:
                return  # our own, as multicast and broadcast bring it back
            packet = _decode_packet(opened.payload)
            if packet.sender != opened.sender:
                raise Refused(f"{opened.sender.name} speaks for {packet.sender.name}")
        except (Refused, msgspec.MsgspecError) as error:
            self._count_refusal(f"{source[0]}:{source[1]}", str(error))
            return
        now = boot_clock()
        self._watch.heard(link, opened.sender.name, source[0], now)
        self._streams.heard(link, opened.sender, now)
        if not opened.repeated:
            self.give(DatagramReceived(packet, link.name))

    def _count_refusal(self, source: str, reason: str) -> None:
        note = self._refusals.count(source, reason, boot_clock())
        if note is not None:
            self.note(note)

    # effects

    def _perform(self, effect: Effect) -> None:
        match effect:
            case SendDatagram(to, packet):
                self._send(to, packet)
            case SendSegment(link=link, segment=segment):
                self._streams.send(link, segment)
            case CloseLink(link=link):
                self._streams.close_link(link)
            case ToController(message):
                self._control.to_controller(message)
            case ToExecutor(message):
                self._control.to_executor(message)
            case SetTimer(name, at):
                self._set_timer(name, at)
            case CancelTimer(name):
                self._cancel_timer(name)
            case Persist():
                self._persist(effect)
            case StartProcess(process):
                self._children.start(process)
            case KillProcess(pid=pid):
                self._children.kill(pid)
            case Note():
                self.note(effect)
            case Exit():
                if self._ended is not None and not self._ended.done():
                    self._ended.set_result(effect)
            case RebootNode(reason):
                self._reboot(reason)
            case _:
                assert_never(effect)

    def _send(self, to: tuple[str, ...], packet: Packet) -> None:
        if self._sealer is None:
            return
        self._watch.send(self._sealer.seal(_encode_packet(packet)), to)

    def _set_timer(self, name: str, at: Milliseconds) -> None:
        self._cancel_timer(name)
        delay = max(0, at - boot_clock()) / 1000
        self._timers[name] = asyncio.get_running_loop().call_later(delay, self._fire, name, at)

    def _cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, name: str, at: Milliseconds) -> None:
        if boot_clock() < at:
            self._set_timer(name, at)  # the two clocks round differently
            return
        del self._timers[name]
        self.give(TimerFired(name))

    def _persist(self, effect: Persist) -> None:
        loop = asyncio.get_running_loop()

        def write() -> None:
            event: Event
            try:
                write_state(self._place.directories.state, effect.state)
                event = Persisted(effect.token)
            except OSError as error:
                event = PersistFailed(effect.token, f"{self._place.directories.state}: {error.strerror}")
            loop.call_soon_threadsafe(self.give, event)

        self._disk.submit(write)

    def _reboot(self, reason: str) -> None:
        """The node must not go on: the machine reboots, or, where it is not the machine, all its processes end."""
        refused = "several nodes share this machine"
        if self._place.is_machine:
            self._log.close()
            refused = reboot_machine()
        self._children.kill_all()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(Exit(1, f"{reason}; no reboot: {refused}"))

    # what the control socket needs

    def note(self, note: Note) -> None:
        """Write to the log."""
        self._log.note(note)

    def status(self) -> Status:
        """Where things stand."""
        now = boot_clock()
        since = Milliseconds(now - self._config.deadtime)
        links = [LinkStatus(link.name, link.peers_heard(since)) for link in self._watch.links]
        links += [LinkStatus(f"ping {name}", (name,) if answers else ()) for name, answers in self._pings.status(now)]
        status = self._node.status(os.getpid(), tuple(links))
        if self._config.watchdog is None:
            return status
        armed = ("watchdog", f"{self._config.watchdog} is {'armed' if self._watchdog else 'not armed'}")
        return msgspec.structs.replace(status, processes=(*status.processes, armed))


def agents_log(config: HaConfig, directories: NodeDirectories) -> dict[str, str]:
    """Where resource agents log, in the variables that their shell library reads: where this process does.

    Source: the library's `ha_log` and `ha_debug`; without these variables it writes to standard error, of which only
    the end is kept, and only of what failed.
    """
    logfile = logfile_of(config, directories)
    places = {"HA_LOGFILE": logfile, "HA_DEBUGLOG": config.debugfile}
    found = {name: str(path) for name, path in places.items() if path is not None}
    return {**found, "HA_LOGFACILITY": config.logfacility or "none", "HA_debug": str(config.debug)}


def logfile_of(config: HaConfig, directories: NodeDirectories) -> Path | None:
    """ha.cf's logfile; without any of logfile, debugfile and logfacility the node's own log directory has one."""
    if config.logfile is not None:
        return Path(config.logfile)
    if config.debugfile is None and config.logfacility is None:
        return directories.log / "ha-log"
    return None
