"""Random lives of a node: orders, results, lost controllers, executors that crash between any two effects.

Whatever happens, one operation of a resource runs at a time, nothing runs unnoted, every accepted operation has a
result in the end, and what may be active is in the order of start, so that a self-stop stops it.
"""

import random

import pytest

from ipc.supervision import ViewState
from ipc.timers import TimerFired
from ipc.units import Milliseconds
from lrmd.events import (
    AgentExited,
    CrmdConnected,
    CrmdGone,
    CrmdMessage,
    Effect,
    Event,
    Exit,
    Leftover,
    LeftoverGone,
    Recovered,
    Report,
    SignalGroup,
    SpawnAgent,
    SupervisorConnected,
    SupervisorGone,
    ViewChanged,
)
from lrmd.messages import Accepted, Acknowledge, Cancel, Execute, Finished, Forget, Hello, OcfExit, OrderStamp
from tests.unit.lrmd.node import STAMP, WALL, Node, operation

RESOURCES = ("a", "b", "c")
STEPS = 150


class Crash(Exception):
    """The executor dies here."""


class Life(Node):
    """A node whose agents live in a world that does not end with the executor."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.leftovers: set[int] = set()
        self.really_active: set[str] = set()
        self.accepted: dict[int, bool] = {}
        """Call id to whether a result of it was told; of single operations."""
        self.ordered: dict[int, bool] = {}
        """Request to whether it is a single operation."""
        self.crash_at = -1
        self.attached = False
        self.exited = False

    # performing

    def give(self, event: Event) -> list[Effect]:
        effects = self.executor.handle(event, self.now)
        try:
            for index, effect in enumerate(effects):
                if index == self.crash_at:
                    raise Crash
                self._perform(effect)
                self.effects.append(effect)
                self._judge(effect)
        except Crash:
            self.crash_at = -1
            self.restart()
        return effects

    def _judge(self, effect: Effect) -> None:
        match effect:
            case SpawnAgent() if effect.operation.action == "start":
                self.really_active.add(effect.operation.resource)
            case Report(Accepted() as message):
                if self.ordered.get(message.request):
                    self.accepted.setdefault(message.call_id, False)
            case Report(Finished() as message) if message.call_id in self.accepted:
                self.accepted[message.call_id] = True
            case SignalGroup():
                if effect.run_id in self.running:
                    self.agent_ends(effect.run_id, killed=True)
            case Exit():
                self.exited = True
            case _:
                pass

    def restart(self) -> None:
        """Another executor on what the dead one left; nobody is attached."""
        self.timers.clear()
        self.attached = False
        self.executor = type(self.executor)()
        leftovers = []
        for note in self.directory.notes.values():
            alive = note.run_id in self.running
            leftovers.append(Leftover(note.run_id, note.call_id, note.operation, 1, note.started, alive))
        self.leftovers = {each.run_id for each in leftovers if each.alive}
        records = tuple(self.directory.resources.values())
        self.give(Recovered(self.directory.head, records, self.directory.order, tuple(leftovers), WALL))
        self.give(SupervisorConnected())
        self.give(ViewChanged(ViewState(number=1, generation=7)))

    # what happens in the world

    def agent_ends(self, run_id: int, *, killed: bool = False) -> None:
        what = self.running.pop(run_id)
        code = self.random.choice((0, 0, 0, 7, 1))
        if what.action == "stop" and not killed:
            code = self.random.choice((0, 0, 0, 1))
            if code == 0:
                self.really_active.discard(what.resource)
        if what.action == "monitor" and what.interval_ms == 0:
            code = OcfExit.OK if what.resource in self.really_active else OcfExit.NOT_RUNNING
        self.now = Milliseconds(self.now + 1)
        if run_id in self.leftovers:
            self.leftovers.discard(run_id)
            self.give(LeftoverGone(run_id, WALL))
        else:
            self.give(AgentExited(run_id, code, signal=9 if killed else 0, started_at=WALL, ended_at=WALL))

    def step(self) -> None:
        self.now = Milliseconds(self.now + self.random.randrange(2_000))
        self.fire_due()
        if self.random.random() < 0.1:
            self.crash_at = self.random.randrange(6)
        choice = self.random.random()
        if not self.attached and choice < 0.5:
            self.attached = True
            self.give(CrmdConnected())
            self.tell(Hello("crmd"))
        elif choice < 0.4:
            self.tell_an_order()
        elif choice < 0.45:
            self.tell(Cancel(self.next_request(single=False), STAMP, self.resource(), "monitor", 5_000))
        elif choice < 0.5:
            self.tell(Forget(self.next_request(single=False), STAMP, self.resource()))
        elif choice < 0.6 and (told := [call for call, was_told in self.accepted.items() if was_told]):
            self.tell(Acknowledge(self.random.choice(told)))
        elif choice < 0.65:
            self.attached = False
            self.give(CrmdGone())
        elif self.running:
            self.agent_ends(self.random.choice(sorted(self.running)))
        self.crash_at = -1
        assert self.really_active <= set(self.directory.order)

    def fire_due(self) -> None:
        while due := sorted((at, name) for name, at in self.timers.items() if at <= self.now):
            self.timers.pop(due[0][1], None)
            self.give(TimerFired(due[0][1]))

    def resource(self) -> str:
        return self.random.choice(RESOURCES)

    def next_request(self, *, single: bool) -> int:
        self.request += 1
        self.ordered[self.request] = single
        return self.request

    def tell(self, message: object) -> None:
        if self.attached:
            self.give(CrmdMessage(message))  # type: ignore[arg-type]

    def tell_an_order(self) -> None:
        action, interval = self.random.choice(
            (("start", 0), ("start", 0), ("stop", 0), ("monitor", 0), ("monitor", 5_000), ("promote", 0))
        )
        stamp = self.random.choice((STAMP, STAMP, STAMP, OrderStamp(1, 0, "n9", 1)))
        delay = self.random.choice((0, 0, 0, 1_500))
        what = operation(self.resource(), action, interval, start_delay_ms=delay, timeout_ms=8_000)
        self.tell(Execute(self.next_request(single=not interval), stamp, what))

    def calm_down(self) -> None:
        """No more orders: agents end, timers fire, a controller listens."""
        for _ in range(60):
            self.now = Milliseconds(self.now + 1_000)
            self.fire_due()
            for run_id in sorted(self.running):
                if run_id in self.running:
                    self.agent_ends(run_id)


@pytest.mark.parametrize("block", range(10))
def test_nothing_runs_twice_and_nothing_is_lost_in_random_lives(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        life = Life(seed)
        life.restart()
        for _ in range(STEPS):
            life.step()
        life.calm_down()
        life.attached = True
        life.give(CrmdConnected())
        life.tell(Hello("crmd"))
        life.calm_down()
        assert not life.running, f"seed {seed}: something runs for ever"
        lost = [call for call, told in life.accepted.items() if not told]
        assert not lost, f"seed {seed}: calls {lost} never had a result"


@pytest.mark.parametrize("block", range(5))
def test_a_self_stop_at_any_moment_stops_everything_that_is_active(block: int) -> None:
    for seed in range(1_000 + block * 40, 1_000 + block * 40 + 40):
        life = Life(seed)
        life.restart()
        for _ in range(STEPS // 3):
            life.step()
        life.give(SupervisorGone())
        if life.attached:
            life.give(CrmdGone())
        failed = False
        for _ in range(200):
            life.now = Milliseconds(life.now + 1_000)
            life.fire_due()
            for run_id in sorted(life.running):
                if run_id in life.running:
                    life.agent_ends(run_id)
            failed = failed or "self-stop.failed" in life.notes()
            if life.exited:
                break
        assert life.exited, f"seed {seed}: the executor did not end"
        assert failed or not life.really_active, f"seed {seed}: {sorted(life.really_active)} still active"
