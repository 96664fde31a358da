"""Whatever happens in whatever order: one answer for each request, and no success without a reason to believe it."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds, WallSeconds
from stonith.device import Device, Level
from stonith.events import (
    AgentRan,
    DevicesChanged,
    ExecutorLost,
    FenceConfirmed,
    FenceRequested,
    FencerEvent,
    FencingDone,
    KillAgent,
    MembersChanged,
    PeerSaid,
    RunAgent,
    SendFencer,
)
from stonith.fencer import Fencer
from stonith.messages import ForwardRequest, ForwardResult

WALL = WallSeconds(1_700_000_000)
NODES = ("n1", "n2", "n3")
METADATA = (
    '<resource-agent><parameters><parameter name="port"/></parameters><actions>'
    '<action name="on"/><action name="off"/><action name="{}"/></actions></resource-agent>'
)


class World:
    """A fencer on n1, agents that run, timers, other members; a seeded generator decides what happens next."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.fencer = Fencer("n1", random.Random(seed + 1))
        self.now = 0
        self.last = 0
        self.running: dict[int, RunAgent] = {}
        self.timers: dict[str, int] = {}
        self.open: dict[int, tuple[str, str]] = {}
        self.peers_asked: list[tuple[str, str]] = []
        self.asked_by_peers: dict[int, str] = {}
        self.believed: set[str] = set()
        """Targets for which an agent said `off`/`reboot`/`on` with 0, or a member or a person gave its word."""

    def give(self, event: FencerEvent) -> None:
        for effect in self.fencer.handle(event, Milliseconds(self.now)):
            match effect:
                case RunAgent():
                    assert effect.parameters.get("nodename") != "n1", "a node must not fence itself"
                    assert effect.timeout_ms > 0
                    self.running[effect.run] = effect
                case KillAgent(run):
                    self.running.pop(run, None)
                case SetTimer(name, at):
                    self.timers[name] = at
                case CancelTimer(name):
                    self.timers.pop(name, None)
                case FencingDone():
                    target, _ = self.open.pop(effect.id)
                    assert target == effect.target
                    assert not effect.ok or target in self.believed
                    assert effect.ok or effect.reason
                case SendFencer(to, ForwardRequest() as request):
                    self.peers_asked += [(name, request.key) for name in to]
                case SendFencer(_, ForwardResult() as result):
                    target = self.asked_by_peers.pop(int(result.key))
                    assert not result.ok or target in self.believed
                case _:
                    pass

    def step(self) -> None:
        self.now += self.chance.choice((0, 1, 50, 2_000, 30_000))
        match self.chance.randrange(12):
            case 0 | 1:
                self.last += 1
                target, action = self.chance.choice(NODES), self.chance.choice(("off", "on", "reboot"))
                self.open[self.last] = (target, action)
                self.give(FenceRequested(self.last, target, action, 20_000, "test", WALL))  # type: ignore[arg-type]
            case 2:
                self.last += 1
                target = self.chance.choice(NODES)
                self.asked_by_peers[self.last] = target
                self.give(PeerSaid("n3", ForwardRequest(str(self.last), target, "off", 20_000, "test")))
            case 3 | 4 | 5 | 6 if self.running:
                self.end_a_run()
            case 7 if self.peers_asked:
                name, key = self.peers_asked.pop(self.chance.randrange(len(self.peers_asked)))
                ok = self.chance.random() < 0.5
                if ok:
                    self.believed.update(NODES)
                self.give(PeerSaid(name, ForwardResult(key, ok, "d", "" if ok else "no")))
            case 8:
                self.fire_what_is_due()
            case 9:
                self.asked_by_peers.clear()
                self.give(MembersChanged(("n1",)))
                self.give(MembersChanged(NODES))
            case 10 if self.chance.random() < 0.3:
                self.running.clear()
                self.give(ExecutorLost())
            case 11 if self.chance.random() < 0.2:
                self.last += 1
                target = self.chance.choice(NODES)
                self.open[self.last] = (target, "off")
                self.believed.add(target)
                self.give(FenceConfirmed(self.last, target, "test", WALL))
            case _:
                pass

    def end_a_run(self) -> None:
        run = self.running.pop(self.chance.choice(sorted(self.running)))
        if run.action == "metadata":
            self.give(AgentRan(run.run, 0, METADATA.format(self.chance.choice(("reboot", "list", "status"))), "", WALL))
            return
        code = self.chance.choice((0, 0, 1, 2, None))
        if code == 0 and run.action in ("off", "on", "reboot"):
            self.believed.add(run.parameters["nodename"])
        output = " ".join(self.chance.sample(NODES, 2)) if run.action == "list" else ""
        self.give(AgentRan(run.run, code, output, "", WALL))

    def fire_what_is_due(self) -> None:
        for name in [name for name, at in self.timers.items() if at <= self.now]:
            if self.timers.pop(name, None) is not None:
                self.give(TimerFired(name))

    def settle(self) -> None:
        """Nobody asks any more; agents end or their timers fire."""
        for _ in range(500):
            if not self.timers and not self.running:
                return
            if self.running and self.chance.random() < 0.7:
                self.end_a_run()
            else:
                self.now += 10_000
                self.fire_what_is_due()


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), concurrent=st.booleans(), with_levels=st.booleans(), devices=st.integers(0, 3))
def test_every_request_is_answered_once_and_success_has_a_cause(
    seed: int, concurrent: bool, with_levels: bool, devices: int
) -> None:
    world = World(seed)
    all_devices = (
        Device("list", "fence_a", {}),
        Device("static", "fence_b", {"pcmk_host_list": "n1 n2", "pcmk_delay_max": "3s"}),
        Device("any", "fence_c", {"pcmk_host_check": "none", "pcmk_off_retries": "1"}),
    )
    levels = (Level("n2", 1, ("static", "any")), Level("n2", 2, ("list",))) if with_levels else ()
    world.give(MembersChanged(NODES))
    world.give(DevicesChanged(all_devices[:devices], levels, concurrent))
    for _ in range(60):
        world.step()
    world.settle()
    assert world.open == {}
    assert all(record.state != "pending" for record in world.fencer.records())
