"""The fencer: devices in turn, retries, delays, help of other members, and no success without a device's word."""

from dataclasses import dataclass, field

from ipc.timers import SetTimer, TimerFired
from ipc.units import Milliseconds, WallSeconds
from stonith.device import Device, FenceAction, Level
from stonith.events import (
    AgentRan,
    DevicesChanged,
    ExecutorLost,
    FenceConfirmed,
    FencerEffect,
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
from stonith.messages import FenceRecord, ForwardRequest, ForwardResult, ShareRecords

WALL = WallSeconds(1_700_000_000)
METADATA = (
    '<resource-agent><parameters><parameter name="port"/></parameters><actions>{}</actions></resource-agent>'.format(
        "".join(f'<action name="{name}"/>' for name in ("on", "off", "reboot", "list", "status"))
    )
)
NO_REBOOT = METADATA.replace('<action name="reboot"/>', "")


class Largest:
    """A generator that always gives the upper end."""

    def randint(self, low: int, high: int) -> int:
        return high


@dataclass
class Bench:
    """A fencer, the time, and what it asked for since the last look."""

    fencer: Fencer = field(default_factory=lambda: Fencer("n1", Largest()))
    now: int = 1000
    out: list[FencerEffect] = field(default_factory=list)

    def give(self, *events: FencerEvent) -> list[FencerEffect]:
        self.out = [effect for event in events for effect in self.fencer.handle(event, Milliseconds(self.now))]
        return self.out

    def configure(self, *devices: Device, levels: tuple[Level, ...] = (), metadata: str = METADATA) -> None:
        self.give(MembersChanged(("n1", "n2", "n3")))
        self.give(DevicesChanged(devices, levels))
        for run in self.runs():
            self.give(AgentRan(run.run, 0, metadata, "", WALL))

    def ask(self, action: FenceAction = "off", target: str = "n2", number: int = 1, timeout_ms: int = 60_000) -> None:
        self.give(FenceRequested(number, target, action, timeout_ms, "crmd", WALL))

    def runs(self) -> list[RunAgent]:
        return [effect for effect in self.out if isinstance(effect, RunAgent)]

    def run(self) -> RunAgent:
        (run,) = self.runs()
        return run

    def answer(self, exit_code: int | None, output: str = "", errors: str = "") -> None:
        self.give(AgentRan(self.run().run, exit_code, output, errors, WALL))

    def done(self) -> list[FencingDone]:
        return [effect for effect in self.out if isinstance(effect, FencingDone)]

    def sent(self) -> list[SendFencer]:
        return [effect for effect in self.out if isinstance(effect, SendFencer)]

    def asked(self) -> str:
        """The key of the one request that was made to another member."""
        (key,) = [send.message.key for send in self.sent() if isinstance(send.message, ForwardRequest)]
        return key


def static(name: str, hosts: str = "n2", **parameters: str) -> Device:
    return Device(name, "fence_lab", {"pcmk_host_list": hosts, **parameters})


def test_a_device_that_says_so_makes_the_request_succeed() -> None:
    bench = Bench()
    bench.configure(static("ipmi", ip="10.0.0.2"))
    bench.ask()
    assert bench.run().action == "off"
    assert bench.run().parameters == {"ip": "10.0.0.2", "nodename": "n2", "port": "n2"}
    bench.answer(0)
    assert bench.done() == [FencingDone(1, "n2", "off", True, "ipmi", "n1", "")]
    assert [(r.state, r.device) for r in bench.fencer.records("n2")] == [("success", "ipmi")]


def test_a_failing_device_is_tried_again_then_the_next_one_has_its_turn() -> None:
    bench = Bench()
    bench.configure(static("second"), static("first", priority="5"))
    bench.ask()
    tried = []
    while not bench.done():
        tried.append(bench.run().device)
        bench.answer(0 if len(tried) == 3 else 1)
    assert tried == ["first", "first", "second"]
    assert bench.done()[0].ok


def test_when_all_fails_here_other_members_are_asked_and_then_the_reason_is_told() -> None:
    bench = Bench()
    bench.configure(static("ipmi", pcmk_off_retries="1"))
    bench.ask()
    bench.answer(1, errors="noise\nUnable to connect\n")
    assert bench.sent()[-1].to == ("n3",), "neither ourselves nor the victim"
    bench.give(PeerSaid("n3", ForwardResult(bench.asked(), False, "", "no device can fence n2")))
    (done,) = bench.done()
    assert not done.ok
    assert "off by ipmi: Unable to connect (exit code 1)" in done.reason
    assert "on n3: no device can fence n2" in done.reason


def test_an_agent_that_did_not_end_is_a_failure() -> None:
    bench = Bench()
    bench.configure(static("ipmi", pcmk_off_retries="1"))
    bench.give(MembersChanged(("n1", "n2")))
    bench.ask()
    bench.answer(None)
    assert [done.ok for done in bench.done()] == [False]


def test_success_that_comes_after_the_outcome_was_told_is_ignored() -> None:
    bench = Bench()
    bench.configure(static("ipmi", pcmk_off_retries="1"))
    bench.give(MembersChanged(("n1", "n2")))
    bench.ask()
    run = bench.run().run
    bench.give(TimerFired(f"fence:run:{run}"))
    assert [done.ok for done in bench.done()] == [False]
    assert KillAgent(run) in bench.out
    bench.give(AgentRan(run, 0, "", "", WALL))
    assert not bench.done()
    assert [r.state for r in bench.fencer.records()] == ["failed"]


def test_a_dead_executor_means_failure_of_what_it_ran() -> None:
    bench = Bench()
    bench.configure(static("ipmi"))
    bench.ask()
    bench.give(ExecutorLost())
    assert bench.run().device == "ipmi", "tried again by the next executor"
    assert not bench.done()


def test_equal_requests_share_one_action_and_every_asker_is_answered() -> None:
    bench = Bench()
    bench.configure(static("ipmi"))
    bench.ask(number=1)
    run = bench.run()
    bench.ask(number=2)
    assert not bench.runs()
    bench.give(AgentRan(run.run, 0, "", "", WALL))
    assert [(done.id, done.ok) for done in bench.done()] == [(1, True), (2, True)]


def test_different_actions_on_one_target_wait_for_each_other() -> None:
    bench = Bench()
    bench.configure(static("ipmi"))
    bench.ask("off", number=1)
    run = bench.run()
    bench.ask("on", number=2)
    assert not bench.runs()
    bench.give(AgentRan(run.run, 0, "", "", WALL))
    assert bench.run().action == "on"


def test_a_device_that_cannot_reboot_is_switched_off_and_on() -> None:
    bench = Bench()
    bench.configure(static("pdu"), metadata=NO_REBOOT)
    bench.ask("reboot")
    assert bench.run().action == "off"
    bench.answer(0)
    assert not bench.done()
    assert bench.run().action == "on"
    bench.answer(1)
    bench.answer(1)
    assert [done.ok for done in bench.done()] == [True], "off was confirmed; that it stays off is safe"


def test_pcmk_reboot_action_replaces_the_agents_word() -> None:
    bench = Bench()
    bench.configure(static("pdu", pcmk_reboot_action="cycle"), metadata=NO_REBOOT)
    bench.ask("reboot")
    assert bench.run().action == "cycle"


def test_all_devices_of_a_level_have_to_succeed_and_reboot_is_off_for_all_first() -> None:
    bench = Bench()
    levels = (Level("n2", 2, ("ipmi",)), Level("n2", 1, ("psu1", "psu2")))
    bench.configure(static("ipmi"), static("psu1"), static("psu2"), levels=levels)
    bench.ask("reboot")
    order = []
    while not bench.done():
        order.append(f"{bench.run().action} {bench.run().device}")
        bench.answer(0)
    assert order == ["off psu1", "off psu2", "on psu1", "on psu2"]
    assert bench.done()[0].device == "psu1,psu2"


def test_a_level_that_fails_gives_way_to_the_next() -> None:
    bench = Bench()
    levels = (Level("n2", 1, ("psu1", "psu2")), Level("n2", 2, ("ipmi",)))
    bench.configure(static("ipmi"), static("psu1"), static("psu2", pcmk_off_retries="1"), levels=levels)
    bench.ask("off")
    bench.answer(0)
    bench.answer(1)
    assert bench.run().device == "ipmi"
    assert not bench.done(), "half of a level is no success"


def test_a_device_is_asked_for_its_list_when_the_configuration_has_none() -> None:
    bench = Bench()
    bench.configure(Device("virt", "fence_lab", {}))
    bench.ask()
    assert bench.run().action == "list"
    bench.answer(0, "n2,\nn3,\n")
    assert bench.run().action == "off"


def test_a_device_whose_list_lacks_the_target_is_not_used() -> None:
    bench = Bench()
    bench.configure(Device("virt", "fence_lab", {}))
    bench.give(MembersChanged(("n1", "n2")))
    bench.ask()
    bench.answer(0, "n7\n")
    (done,) = bench.done()
    assert not done.ok
    assert done.reason == "no device can fence n2"


def test_a_delay_passes_before_the_agent_runs() -> None:
    bench = Bench()
    bench.configure(static("ipmi", pcmk_delay_base="n2:2s", pcmk_delay_max="5s"))
    bench.ask()
    assert not bench.runs()
    assert SetTimer("fence:delay:1", Milliseconds(6000)) in bench.out
    bench.give(TimerFired("fence:delay:1"))
    assert bench.run().action == "off"


def test_without_devices_the_reason_says_so() -> None:
    bench = Bench()
    bench.ask()
    (done,) = bench.done()
    assert (done.ok, done.reason) == (False, "no fencing device is configured")


def test_a_node_asks_another_member_to_fence_itself() -> None:
    bench = Bench()
    bench.configure(static("ipmi", "n1"))
    bench.ask("reboot", "n1")
    assert not bench.runs()
    assert bench.sent()[-1].to == ("n2",)
    bench.give(PeerSaid("n2", ForwardResult(bench.asked(), True, "ipmi", "")))
    assert bench.done() == [FencingDone(1, "n1", "reboot", True, "ipmi", "n2", "")]


def test_a_member_that_leaves_while_it_was_asked_is_replaced_by_the_next() -> None:
    bench = Bench()
    bench.configure()
    bench.ask("off", "n1")
    bench.give(MembersChanged(("n1", "n3")))
    (send,) = [s for s in bench.sent() if isinstance(s.message, ForwardRequest)]
    assert send.to == ("n3",)


def test_what_a_member_was_asked_is_asked_again_in_a_new_view() -> None:
    """A message ends with the view that it was sent in; the patience for a member is more than three minutes."""
    bench = Bench()
    bench.configure()
    bench.ask("off", "n1")
    (asked,) = [s for s in bench.sent() if isinstance(s.message, ForwardRequest)]
    bench.give(MembersChanged(("n1", "n2")))
    assert [s for s in bench.sent() if isinstance(s.message, ForwardRequest)] == [asked]


def test_a_request_that_comes_again_is_carried_out_once_and_answered_again() -> None:
    bench = Bench()
    bench.configure(static("ipmi", "n2"))
    request = PeerSaid("n3", ForwardRequest("n3.4", "n2", "off", 1000, "crmd"))
    bench.give(request, request)
    bench.answer(0)
    answer = SendFencer(("n3",), ForwardResult("n3.4", True, "ipmi", ""))
    assert [s for s in bench.sent() if isinstance(s.message, ForwardResult)] == [answer]
    bench.give(request)
    assert bench.sent() == [answer]
    assert not bench.runs()


def test_an_answer_to_an_earlier_life_of_the_controller_counts_for_nothing() -> None:
    """The first request of each life would otherwise be mistaken for that of another: a node would count as fenced."""
    before, bench = Bench(), Bench(fencer=Fencer("n1", Largest(), life=2))
    keys = []
    for each, target in ((before, "n2"), (bench, "n3")):
        each.configure()
        each.ask("off", target)
        keys.append(each.asked())
    assert keys[0] != keys[1]
    bench.give(MembersChanged(("n1", "n2", "n3")))
    bench.give(PeerSaid("n2", ForwardResult(keys[0], True, "ipmi", "")))
    assert bench.done() == []


def test_we_refuse_to_fence_ourselves_for_others() -> None:
    bench = Bench()
    bench.configure(static("ipmi", "n1"))
    bench.give(PeerSaid("n2", ForwardRequest("n2.4", "n1", "off", 1000, "crmd")))
    assert bench.sent() == [SendFencer(("n2",), ForwardResult("n2.4", False, "", "a node does not fence itself"))]


def test_two_members_that_ask_each_other_do_not_wait_for_each_other() -> None:
    bench = Bench()
    bench.configure()
    bench.ask("off", "n2")
    bench.give(PeerSaid("n3", ForwardRequest("n2.4", "n2", "off", 1000, "crmd")))
    (send,) = bench.sent()
    assert isinstance(send.message, ForwardResult)
    assert not send.message.ok


def test_a_persons_word_ends_what_is_going_on() -> None:
    bench = Bench()
    bench.configure(static("ipmi"))
    bench.ask()
    run = bench.run().run
    bench.give(FenceConfirmed(9, "n2", "stonith_admin", WALL))
    assert [(done.id, done.ok, done.device) for done in bench.done()] == [(1, True, "manual"), (9, True, "manual")]
    assert KillAgent(run) in bench.out


def test_new_members_get_the_history_from_one_of_the_old_ones() -> None:
    bench = Bench()
    bench.configure(static("ipmi"))
    bench.ask()
    bench.answer(0)
    bench.give(MembersChanged(("n1", "n2", "n3", "n4")))
    (send,) = bench.sent()
    assert send.to == ("n4",)
    assert isinstance(send.message, ShareRecords)
    assert [record.target for record in send.message.records] == ["n2"]


def record(origin: str, key: str = "k") -> FenceRecord:
    return FenceRecord(
        key=key,
        target="n2",
        action="off",
        state="pending",
        origin=origin,
        client="crmd",
        executed_by="",
        device="",
        asked_at=WALL,
        completed_at=WallSeconds(0),
    )


def test_what_a_lost_member_had_asked_for_does_not_stay_pending() -> None:
    bench = Bench()
    bench.configure()
    bench.give(PeerSaid("n3", ShareRecords((record("n3"),))))
    assert [r.state for r in bench.fencer.records()] == ["pending"]
    bench.give(MembersChanged(("n1", "n2")))
    assert [r.state for r in bench.fencer.records()] == ["failed"]


def test_what_our_own_earlier_life_had_asked_for_is_closed() -> None:
    bench = Bench()
    bench.configure()
    bench.give(PeerSaid("n3", ShareRecords((record("n1"),))))
    (it,) = bench.fencer.records()
    assert (it.state, it.reason) == ("failed", "the controller that asked was restarted")


def test_serial_fencing_takes_one_target_after_the_other() -> None:
    bench = Bench()
    bench.configure(static("ipmi", "n2 n3"))
    bench.give(DevicesChanged((static("ipmi", "n2 n3"),), (), concurrent=False))
    bench.ask(target="n2", number=1)
    first = bench.run()
    bench.ask(target="n3", number=2)
    assert not bench.runs()
    bench.give(AgentRan(first.run, 0, "", "", WALL))
    assert bench.run().parameters["port"] == "n3"
