"""The simulated network: datagrams and streams that are late, lost, doubled, reordered and cut, one way or both."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.simulator.world import World

BREAK_AFTER_MS = (200, 1500)
"""How long after a cut the ends of a stream notice (keepalive and retransmission bounds of the shell)."""

RESEND_MS = 200
"""When TCP sends again what was lost."""


@dataclass
class Weather:
    """How bad the network is at the moment."""

    delay_ms: tuple[int, int] = (0, 3)
    loss: float = 0.0
    duplicates: float = 0.0


class Stream:
    """A connection between two lives of messaging layers: ordered in each direction, and lost as a whole.

    While there is no way, what was sent waits (as TCP sends it again); when the stream breaks it is lost.
    """

    def __init__(self, number: int, ends: tuple[str, str]) -> None:
        self.number = number
        self.ends = ends
        self.open = True
        self.queued: dict[str, list[Callable[[], None]]] = {end: [] for end in ends}
        self.busy_until: dict[str, int] = dict.fromkeys(ends, 0)
        self.on_break: dict[str, Callable[[], None]] = {}

    def other(self, end: str) -> str:
        """The machine at the other end."""
        return self.ends[1] if self.ends[0] == end else self.ends[0]


class Network:
    """Who can reach whom, and the delivery of everything between machines."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.weather = Weather()
        self._cut: dict[tuple[str, str], bool] = {}
        self._slow: dict[str, int] = {}
        self._no_streams: dict[frozenset[str], bool] = {}
        self._streams: list[Stream] = []
        self._numbers = 0

    # -- faults ----------------------------------------------------------------------------------------------------

    def cut(self, sender: str, receiver: str) -> None:
        """Nothing from `sender` arrives at `receiver` any more."""
        self._cut[(sender, receiver)] = True
        for stream in self._streams:
            if sender in stream.ends and receiver in stream.ends:
                delay = self._world.delay(*BREAK_AFTER_MS)
                self._world.after(delay, functools.partial(self._break_if_cut, stream))

    def slow(self, sender: str, delay_ms: int) -> None:
        """What `sender` says on streams takes so much longer; its datagrams do not."""
        self._slow[sender] = delay_ms

    def block_streams(self, first: str, second: str) -> None:
        """Only datagrams pass between two machines from now on, as with a firewall that knows only UDP."""
        self._no_streams[frozenset((first, second))] = True
        for stream in self._streams:
            if first in stream.ends and second in stream.ends:
                self._world.after(self._world.delay(*BREAK_AFTER_MS), functools.partial(self._break_if_cut, stream))

    def stream_passes(self, sender: str, receiver: str) -> bool:
        """Whether there is a way for streams in this direction."""
        return self.passes(sender, receiver) and frozenset((sender, receiver)) not in self._no_streams

    def heal(self) -> None:
        """Undo every cut and bad weather."""
        self._cut.clear()
        self._slow.clear()
        self._no_streams.clear()
        self.weather = Weather()

    def passes(self, sender: str, receiver: str) -> bool:
        """Whether there is a way in this direction."""
        return (sender, receiver) not in self._cut

    # -- datagrams -------------------------------------------------------------------------------------------------

    def datagram(self, sender: str, receiver: str, deliver: Callable[[], None]) -> None:
        """Deliver once, twice or never, at some time."""
        world = self._world
        copies = 2 if world.chance(self.weather.duplicates) else 1
        for _ in range(copies):
            if self.passes(sender, receiver) and not world.chance(self.weather.loss):
                world.after(world.delay(*self.weather.delay_ms), lambda: self._arrive(sender, receiver, deliver))

    def _arrive(self, sender: str, receiver: str, deliver: Callable[[], None]) -> None:
        if self.passes(sender, receiver):
            deliver()

    # -- streams ---------------------------------------------------------------------------------------------------

    def connect(self, first: str, second: str) -> Stream:
        """A new stream between two machines."""
        self._numbers += 1
        stream = Stream(self._numbers, (first, second))
        self._streams.append(stream)
        return stream

    def transmit(self, stream: Stream, sender: str, deliver: Callable[[], None]) -> None:
        """Deliver in order, unless the stream breaks first. Loss shows as delay, as with TCP."""
        if not stream.open:
            return
        world = self._world
        delay = world.delay(*self.weather.delay_ms) + self._slow.get(sender, 0)
        while world.chance(min(self.weather.loss, 0.5)):
            delay += RESEND_MS
        at = max(stream.busy_until[sender], world.now + delay)
        stream.busy_until[sender] = at
        stream.queued[sender].append(deliver)
        world.after(at - world.now, lambda: self._pump(stream, sender))

    def _pump(self, stream: Stream, sender: str) -> None:
        if not stream.open or not stream.queued[sender]:
            return
        if self.stream_passes(sender, stream.other(sender)):
            stream.queued[sender].pop(0)()
        else:
            self._world.after(RESEND_MS, lambda: self._pump(stream, sender))

    def close(self, stream: Stream, closer: str) -> None:
        """One end closes: the other end hears of it, where there is a way, else after the bound."""
        if not stream.open:
            return
        stream.on_break.pop(closer, None)
        if self.stream_passes(closer, stream.other(closer)):
            self._world.after(self._world.delay(*self.weather.delay_ms), lambda: self.break_stream(stream))
        else:
            self._break_later(stream)

    def vanish(self, machine: str) -> None:
        """A machine lost its power: the other ends notice after a while."""
        for stream in self._streams:
            if stream.open and machine in stream.ends:
                stream.on_break.pop(machine, None)
                self._break_later(stream)

    def process_ended(self, machine: str) -> None:
        """The messaging layer of a machine died: the kernel closes its streams."""
        for stream in list(self._streams):
            if machine in stream.ends:
                self.close(stream, machine)

    def _break_later(self, stream: Stream) -> None:
        self._world.after(self._world.delay(*BREAK_AFTER_MS), lambda: self.break_stream(stream))

    def _break_if_cut(self, stream: Stream) -> None:
        if any(not self.stream_passes(end, stream.other(end)) for end in stream.ends):
            self.break_stream(stream)

    def break_stream(self, stream: Stream) -> None:
        """The stream is over; each end that is still there is told."""
        if not stream.open:
            return
        stream.open = False
        self._streams.remove(stream)
        for end in stream.ends:
            told = stream.on_break.pop(end, None)
            if told is not None:
                told()
