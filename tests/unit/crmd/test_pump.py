"""The pump: order of events and effects, timers, the wall clock, and pauses, with a clock that the test moves."""

import asyncio
from collections.abc import Callable

from crmd.events import Effect, Event, HeartbeatGone, Paused, ScheduleFailed, WallClock
from crmd.pump import Pump
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds


class Bench:
    """A core that answers from a table and writes down what it hears."""

    def __init__(self) -> None:
        self.now = 10_000
        self.wall = 1_000_000
        self.heard: list[tuple[int, Event]] = []
        self.performed: list[Effect] = []
        self.answers: dict[str, list[Effect]] = {}
        self.pump = Pump(self.handle, self.performed.append, self.clock, self.wall_clock)

    def clock(self) -> Milliseconds:
        return Milliseconds(self.now)

    def wall_clock(self) -> int:
        return self.wall + self.now

    def handle(self, event: Event, now: Milliseconds) -> list[Effect]:
        self.heard.append((now, event))
        key = event.name if isinstance(event, TimerFired) else type(event).__name__
        return self.answers.get(key, [])

    def run(self, *steps: Callable[[], None]) -> list[Event]:
        """Do the steps, with the loop running after each; what the core heard, in order."""

        async def scenario() -> None:
            self.pump.start()
            for step in steps:
                step()
                for _ in range(5):
                    await asyncio.sleep(0.001)
            self.pump.stop()

        asyncio.run(scenario())
        return [event for _, event in self.heard]

    def at(self, now: int) -> Callable[[], None]:
        def step() -> None:
            self.now = now
            self.pump.post(ScheduleFailed(0, "wakes the pump"))

        return step


def test_the_wall_clock_is_told_before_anything_else_and_again_when_it_jumps() -> None:
    bench = Bench()

    def jump() -> None:
        bench.wall += 600
        bench.pump.post(HeartbeatGone())

    heard = bench.run(lambda: bench.pump.post(HeartbeatGone()), jump)
    assert heard == [WallClock(1_000_000), HeartbeatGone(), WallClock(1_000_600), HeartbeatGone()]


def test_effects_are_performed_in_order_and_before_the_next_event() -> None:
    bench = Bench()
    bench.answers["HeartbeatGone"] = [Note("info", "a", "first"), Note("info", "b", "second")]
    bench.run(lambda: bench.pump.post(HeartbeatGone()))
    assert [note.event for note in bench.performed if isinstance(note, Note)] == ["a", "b"]


def test_timers_fire_once_in_the_order_of_their_time_and_not_when_cancelled_or_replaced() -> None:
    bench = Bench()
    bench.answers["HeartbeatGone"] = [
        SetTimer("late", Milliseconds(10_500)),
        SetTimer("early", Milliseconds(10_100)),
        SetTimer("cancelled", Milliseconds(10_050)),
        SetTimer("moved", Milliseconds(10_010)),
        CancelTimer("cancelled"),
        SetTimer("moved", Milliseconds(10_600)),
    ]
    heard = bench.run(lambda: bench.pump.post(HeartbeatGone()), bench.at(10_550), bench.at(10_560), bench.at(10_600))
    assert [event.name for event in heard if isinstance(event, TimerFired)] == ["early", "late", "moved"]


def test_a_pause_is_told_before_what_came_in_meanwhile() -> None:
    bench = Bench()

    def wake() -> None:
        bench.pump.post(HeartbeatGone())
        bench.now += 5_000

    heard = bench.run(lambda: bench.pump.watch_for_pauses(1_000), wake)
    assert heard == [WallClock(1_000_000), Paused(5_000), HeartbeatGone()]


def test_a_flood_of_events_does_not_keep_others_from_the_loop() -> None:
    bench = Bench()
    seen_between: list[int] = []

    def flood() -> None:
        for number in range(1000):
            bench.pump.post(ScheduleFailed(number, ""))
        asyncio.get_running_loop().call_soon(lambda: seen_between.append(len(bench.heard)))

    heard = bench.run(flood)
    assert len(heard) == 1001
    assert seen_between[0] < 1000


def test_a_timer_that_an_event_sets_wakes_the_pump_by_itself() -> None:
    bench = Bench()
    bench.answers["HeartbeatGone"] = [SetTimer("soon", Milliseconds(10_001))]

    def pass_time() -> None:
        bench.now = 10_002

    heard = bench.run(lambda: bench.pump.post(HeartbeatGone()), pass_time)
    assert heard[-1] == TimerFired("soon")


def test_an_event_that_takes_too_long_is_noted_with_its_name() -> None:
    bench = Bench()

    def slow(effect: Effect) -> None:
        bench.performed.append(effect)
        bench.now += 60

    bench.pump = Pump(bench.handle, slow, bench.clock, bench.wall_clock)
    bench.answers["HeartbeatGone"] = [Note("info", "a", "work")]
    bench.run(lambda: bench.pump.post(HeartbeatGone()))
    note = bench.performed[1]
    assert isinstance(note, Note)
    assert (note.event, note.fields) == ("turn.slow", {"event": "HeartbeatGone", "took_ms": 60})
