"""Feeds the core: events one by one in the order in which they came, timers, the wall clock, and pauses."""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable

from crmd.events import Effect, Event, FromExecutor, FromHeartbeat, Paused, WallClock
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds

EVENTS_PER_TURN = 64
TURN_MS = 20
"""After so many events, or so long, other tasks of the loop have their turn."""
SLOW_MS = 50
"""No event may take longer; one that does is noted, with its name."""
WALL_STEP_MS = 500
"""A change of the wall clock against the monotonic one that is worth telling."""
_TICKS_PER_PAUSE = 4
_TICK_S_MAX = 1.0


def boottime_ms() -> Milliseconds:
    """The monotonic clock that goes on while the machine sleeps."""
    return Milliseconds(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


def wall_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class Pump:
    """Owns the queue of events and the timers of one core.

    `handle` is the core's door; `perform` is given every effect but timers, in order, before the next event is handled.
    """

    def __init__(
        self,
        handle: Callable[[Event, Milliseconds], list[Effect]],
        perform: Callable[[Effect], None],
        clock: Callable[[], Milliseconds] = boottime_ms,
        wall: Callable[[], int] = wall_ms,
    ) -> None:
        self._handle = handle
        self._perform = perform
        self._clock = clock
        self._wall = wall
        self._queue: deque[Event] = deque()
        self._due: dict[str, Milliseconds] = {}
        self._heap: list[tuple[Milliseconds, str]] = []
        self._wall_offset: int | None = None
        self._pause_ms = 0
        self._alive_at = clock()
        self._turn_planned = False
        self._wake: asyncio.TimerHandle | None = None
        self._stopped = False

    @property
    def backlog(self) -> int:
        """How many events wait to be handled."""
        return len(self._queue)

    def post(self, event: Event) -> None:
        """Queue an event; it is handled soon."""
        self._queue.append(event)
        if not self._turn_planned:
            self._turn_planned = True
            asyncio.get_running_loop().call_soon(self._turn)

    def watch_for_pauses(self, longest_ms: int) -> None:
        """From now on tell the core when this process did not run for longer than `longest_ms`."""
        self._pause_ms = longest_ms
        self._alive_at = self._clock()

    def start(self) -> None:
        """Keep time from now on: timers, pauses, the wall clock. Needs a running loop."""
        self._turn()

    def stop(self) -> None:
        """Handle nothing any more."""
        self._stopped = True
        if self._wake is not None:
            self._wake.cancel()

    def _sleep(self) -> None:
        """Nothing to do until an event comes, a timer is due, or the clocks are to be looked at."""
        if self._wake is not None:
            self._wake.cancel()
        self._wake = asyncio.get_running_loop().call_later(self._sleep_s(), self._turn)

    def _sleep_s(self) -> float:
        tick_s = min(_TICK_S_MAX, self._pause_ms / _TICKS_PER_PAUSE / 1000) if self._pause_ms else _TICK_S_MAX
        self._drop_stale_timers()
        if not self._heap:
            return tick_s
        return min(tick_s, max(0.0, (self._heap[0][0] - self._clock()) / 1000))

    def _turn(self) -> None:
        self._turn_planned = False
        if self._stopped:
            return
        began = self._clock()
        self._notice_time(began)
        for _ in range(EVENTS_PER_TURN):
            now = self._clock()
            event = self._next(now)
            if event is None:
                self._sleep()
                return
            self._give(event, now)
            if now - began >= TURN_MS:
                break
        self._turn_planned = True
        asyncio.get_running_loop().call_soon(self._turn)

    def _notice_time(self, now: Milliseconds) -> None:
        """What time did behind our back goes first: what waits in the queue was meant for another moment."""
        offset = self._wall() - now
        if self._wall_offset is None or abs(offset - self._wall_offset) >= WALL_STEP_MS:
            self._wall_offset = offset
            self._give(WallClock(offset), now)
        silent_ms = now - self._alive_at
        self._alive_at = now
        if self._pause_ms and silent_ms > self._pause_ms:
            self._give(Paused(silent_ms), now)

    def _next(self, now: Milliseconds) -> Event | None:
        self._drop_stale_timers()
        if self._heap and self._heap[0][0] <= now:
            _, name = heapq.heappop(self._heap)
            del self._due[name]
            return TimerFired(name)
        return self._queue.popleft() if self._queue else None

    def _drop_stale_timers(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _give(self, event: Event, now: Milliseconds) -> None:
        for effect in self._handle(event, now):
            match effect:
                case SetTimer(name, at):
                    self._due[name] = at
                    heapq.heappush(self._heap, (at, name))
                case CancelTimer(name):
                    self._due.pop(name, None)
                case _:
                    self._perform(effect)
        took_ms = self._clock() - now
        if took_ms > SLOW_MS:
            name = type(event.message if isinstance(event, FromHeartbeat | FromExecutor) else event).__name__
            text = f"the controller was busy with one event ({name}) for {took_ms} ms"
            self._perform(Note("info", "turn.slow", text, {"event": name, "took_ms": took_ms}))
