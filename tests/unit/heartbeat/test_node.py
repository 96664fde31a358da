"""The aggregate core: which effects, in which order."""

import pytest

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
    PersistFailed,
    ProcessExited,
    ProcessStarted,
    RebootNode,
    SendDatagram,
    StartProcess,
    StopNodeAsked,
    ToController,
    ToExecutor,
)
from heartbeat.messages import (
    Delivered,
    Member,
    NodeList,
    PeerProcess,
    PeerState,
    QuorumChanged,
    Reset,
    StopReady,
    Transmit,
    View,
    ViewInstalled,
    ViewLost,
    Welcome,
)
from heartbeat.node import HeartbeatNode
from heartbeat.packets import Accept, Heartbeat, Install, NodeStatus, Packet, Propose, ViewId
from heartbeat.session_messages import Chunk, CloseLink, PeerLinkUp, Resume, SegmentReceived, SendSegment
from ipc.note import Note
from ipc.supervision import ExecutorState, ViewState
from ipc.timers import SetTimer, TimerFired
from ipc.units import Milliseconds
from tests.unit.heartbeat.cluster import SETTINGS

A = Member("a", 1)
B = Member("b", 1)


class Bench:
    """Node `a` of a and b, with a hand on every event."""

    def __init__(self, saved: DurableState = DurableState(), nodes: tuple[str, ...] = ("a", "b")) -> None:  # noqa: B008
        self.node = HeartbeatNode("a", nodes, SETTINGS, saved)
        self.now = Milliseconds(10_000)
        self.sequence = 0

    def give(self, event: Event, after_ms: int = 0) -> list[Effect]:
        self.now = Milliseconds(self.now + after_ms)
        return self.node.handle(event, self.now)

    def sync(self, effects: list[Effect]) -> list[Effect]:
        """Say that all that was to be written is on disk."""
        return [
            later for effect in effects if isinstance(effect, Persist) for later in self.give(Persisted(effect.token))
        ]

    def live(self) -> list[Effect]:
        effects = self.sync(self.give(Booted()))
        for process, pid in (("lrmd", 10), ("crmd", 11)):
            self.give(ProcessStarted(process, pid))  # type: ignore[arg-type]
            self.give(ChildAttached(process, pid))  # type: ignore[arg-type]
        self.give(ExecutorReported(ExecutorState(empty=True, settled=True)))
        return effects

    def receive(self, packet: Packet, after_ms: int = 0) -> list[Effect]:
        return self.give(DatagramReceived(packet, "eth0"), after_ms)

    def beat(
        self,
        sender: Member = B,
        view: ViewId | None = None,
        hears: tuple[Member, ...] = (A,),
        status: NodeStatus = "active",
        controller: PeerState = "up",
        after_ms: int = 0,
        ready: bool = True,
    ) -> list[Effect]:
        self.sequence += 1
        heartbeat = Heartbeat(
            sender=sender,
            sequence=self.sequence,
            status=status,
            view=view,
            view_size=0 if view is None else 2,
            installed=0 if view is None else view.number,
            voted=0 if view is None else view.number,
            hears=hears,
            ready=ready,
            controller=controller,
        )
        return self.receive(heartbeat, after_ms)

    def in_view(self) -> list[Effect]:
        """A view of a and b, proposed by a."""
        self.live()
        self.beat()
        effects = self.receive(Accept(B, ViewId(1, "a")))
        self.beat(view=ViewId(1, "a"))
        return effects


def of(kind: type, effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, kind)]


def heartbeats(effects: list[Effect]) -> list[Heartbeat]:
    return [
        effect.packet for effect in effects if isinstance(effect, SendDatagram) and isinstance(effect.packet, Heartbeat)
    ]


def told(effects: list[Effect]) -> list[object]:
    return [effect.message for effect in effects if isinstance(effect, ToController)]


# the beginning


def test_nothing_is_sent_before_the_generation_is_on_disk() -> None:
    bench = Bench(DurableState(generation=6))
    effects = bench.give(Booted())
    assert [effect.state.generation for effect in effects if isinstance(effect, Persist)] == [7]
    assert of(SendDatagram, effects) == []
    assert of(StartProcess, effects) == [StartProcess("lrmd"), StartProcess("crmd")]
    assert bench.node.me is None
    assert bench.beat() == []
    assert bench.give(TimerFired("heartbeat.next")) == []

    effects = bench.give(Persisted(1))
    assert bench.node.me == Member("a", 7)
    assert [heartbeat.sender for heartbeat in heartbeats(effects)] == [Member("a", 7)]


def test_a_heartbeat_follows_each_keepalive() -> None:
    bench = Bench()
    effects = bench.live()
    assert SetTimer("heartbeat.next", Milliseconds(10_200)) in effects
    effects = bench.give(TimerFired("heartbeat.next"), after_ms=200)
    assert [heartbeat.sequence for heartbeat in heartbeats(effects)] == [2]
    assert SetTimer("heartbeat.next", Milliseconds(10_400)) in effects


def test_a_heartbeat_is_sent_at_once_when_it_says_something_new_but_not_in_floods() -> None:
    bench = Bench(nodes=("a", "b", "c", "d"))
    bench.live()
    effects = bench.beat(after_ms=100)
    assert [heartbeat.hears for heartbeat in heartbeats(effects)] == [(B,)]
    effects = bench.beat(sender=Member("c", 1), after_ms=1)
    assert heartbeats(effects) == []
    assert SetTimer("heartbeat.early", Milliseconds(10_120)) in effects
    effects = bench.give(TimerFired("heartbeat.early"), after_ms=19)
    assert [heartbeat.hears for heartbeat in heartbeats(effects)] == [(B, Member("c", 1))]


def test_a_state_that_cannot_be_written_ends_the_node() -> None:
    bench = Bench()
    bench.give(Booted())
    effects = bench.give(PersistFailed(1, "no space left on device"))
    assert isinstance(effects[-1], Exit)
    assert effects[-1].code == 1
    assert bench.give(TimerFired("heartbeat.next")) == []


# views


def test_the_executor_hears_of_a_view_before_the_controller() -> None:
    effects = Bench().in_view()
    kinds = [type(effect) for effect in effects if isinstance(effect, ToExecutor | ToController)]
    assert kinds == [ToExecutor, ToController]
    assert of(ToExecutor, effects) == [ToExecutor(ViewState(1, 1))]
    (installed,) = told(effects)
    assert isinstance(installed, ViewInstalled)
    assert installed.view == View(1, "a", (A, B))
    assert installed.quorum.basis == "majority"


def test_the_others_are_told_to_install_in_the_same_turn() -> None:
    bench = Bench()
    bench.live()
    bench.beat(after_ms=30)
    effects = bench.receive(Accept(B, ViewId(1, "a")), after_ms=2)
    assert SendDatagram(("b",), Install(A, ViewId(1, "a"))) in effects
    assert heartbeats(effects) == []  # one was sent a moment ago; the next tells the view
    assert SetTimer("heartbeat.early", Milliseconds(10_050)) in effects


def test_the_survivor_installs_its_view_in_the_turn_in_which_the_detector_expires() -> None:
    bench = Bench()
    bench.in_view()
    effects = bench.give(TimerFired("detector.b"), after_ms=SETTINGS.deadtime_ms)
    (installed,) = told(effects)
    assert isinstance(installed, ViewInstalled)
    assert (installed.view.members, installed.lost) == ((A,), ("b",))
    assert installed.detected_at == bench.now
    assert installed.quorum.basis == "two_node"
    assert [heartbeat.view for heartbeat in heartbeats(effects)] == [ViewId(2, "a")]


def test_a_vote_is_sent_when_it_is_on_disk_and_not_before() -> None:
    bench = Bench(DurableState(generation=0, voted=0))
    bench.live()
    bench.beat(view=ViewId(100, "b"))
    proposal = Propose(B, View(101, "b", (A, B)), (0, 100))
    effects = bench.receive(proposal)
    assert [effect.state.voted >= 101 for effect in effects if isinstance(effect, Persist)] == [True]
    assert of(SendDatagram, effects) == []
    effects = bench.sync(effects)
    assert SendDatagram(("b",), Accept(A, ViewId(101, "b"))) in effects


def test_a_heartbeat_that_shows_the_view_is_as_good_as_a_lost_install() -> None:
    bench = Bench()
    bench.live()
    bench.beat(view=ViewId(5, "b"))
    bench.receive(Propose(B, View(6, "b", (A, B)), (0, 5)))
    (installed,) = told(bench.beat(view=ViewId(6, "b")))
    assert isinstance(installed, ViewInstalled)
    assert installed.view.number == 6


def test_a_view_is_installed_once_however_often_it_is_said() -> None:
    bench = Bench()
    bench.in_view()
    assert told(bench.receive(Install(B, ViewId(1, "a")))) == []
    assert told(bench.beat(view=ViewId(1, "a"))) == []


def test_an_installation_that_this_node_did_not_vote_for_changes_nothing() -> None:
    bench = Bench()
    bench.in_view()
    assert told(bench.receive(Install(B, ViewId(9, "b")))) == []
    assert bench.node.view == View(1, "a", (A, B))


def test_packets_of_an_old_life_or_of_a_stranger_change_nothing() -> None:
    bench = Bench()
    bench.live()
    bench.beat(sender=Member("b", 3), hears=())
    view = View(9, "b", (A, B))
    assert bench.receive(Propose(B, view, (0, 0))) == []
    assert bench.receive(Propose(Member("x", 1), View(9, "x", (A, Member("x", 1))), (0, 0))) == []


# pauses


def test_a_pause_takes_the_node_out_of_its_view_before_anything_else_and_begins_a_new_life() -> None:
    bench = Bench()
    bench.in_view()
    effects = bench.give(Paused(Milliseconds(4000)), after_ms=4000)
    assert effects[0] == ToExecutor(ViewState(0, 1))
    assert isinstance(told(effects)[0], ViewLost)
    assert of(SendDatagram, effects) == []
    assert [effect.state.generation for effect in effects if isinstance(effect, Persist)] == [2]

    assert bench.beat(view=ViewId(1, "a")) == []
    assert bench.give(TimerFired("detector.b")) == []
    assert bench.give(ControllerSaid(Transmit((), 1, b"late order"))) == []

    after = bench.sync(effects)
    assert [heartbeat.sender for heartbeat in heartbeats(after)] == [Member("a", 2)]
    assert [heartbeat.hears for heartbeat in heartbeats(after)] == [()]


# controllers


def test_a_controller_that_attaches_is_welcomed_with_where_things_stand() -> None:
    bench = Bench()
    bench.in_view()
    bench.beat(view=ViewId(1, "a"), controller="restarting")
    (welcome,) = told(bench.give(ChildAttached("crmd", 77)))
    assert isinstance(welcome, Welcome)
    assert (welcome.node, welcome.generation, welcome.nodes) == ("a", 1, ("a", "b"))
    assert welcome.view == View(1, "a", (A, B))
    assert welcome.quorum.quorate
    assert welcome.peers == (("b", "restarting"),)


def test_an_executor_that_attaches_learns_the_view() -> None:
    bench = Bench()
    bench.in_view()
    assert of(ToExecutor, bench.give(ChildAttached("lrmd", 78))) == [ToExecutor(ViewState(1, 1))]


def test_the_state_of_a_members_controller_is_told_when_it_changes() -> None:
    bench = Bench()
    bench.in_view()
    view = ViewId(1, "a")
    assert told(bench.beat(view=view)) == []
    assert told(bench.beat(view=view, controller="restarting")) == [PeerProcess("b", "restarting")]
    assert told(bench.beat(view=view, controller="restarting")) == []
    assert told(bench.beat(view=view, controller="up")) == [PeerProcess("b", "up")]


def test_what_a_member_said_of_its_controller_before_it_was_ready_to_join_is_not_told() -> None:
    """It can join only with a controller; that heartbeat is merely older than its vote."""
    bench = Bench()
    bench.in_view()
    assert told(bench.beat(view=ViewId(1, "a"), controller="gone", ready=False)) == []


def test_the_state_of_this_nodes_controller_is_in_its_heartbeats() -> None:
    bench = Bench()
    bench.in_view()
    (heartbeat,) = heartbeats(bench.give(ProcessExited("crmd", 11, "signal KILL"), after_ms=50))
    assert heartbeat.controller == "restarting"


def test_messages_travel_within_the_view() -> None:
    bench = Bench()
    bench.in_view()
    assert of(SendSegment, bench.give(PeerLinkUp(B, 4))) == [SendSegment(B, 4, Resume(0))]
    bench.give(SegmentReceived(B, 4, Resume(0)))
    effects = bench.give(ControllerSaid(Transmit(("b",), 1, b"question")))
    assert [effect.segment.data for effect in effects if isinstance(effect, SendSegment)] == [b"question"]  # type: ignore[union-attr]
    effects = bench.give(SegmentReceived(B, 4, Chunk(1, 1, True, False, 1, b"answer")))
    assert told(effects) == [Delivered(B, 1, b"answer")]


def test_connections_of_the_old_life_are_closed_when_a_new_one_begins() -> None:
    bench = Bench()
    bench.in_view()
    bench.give(PeerLinkUp(B, 4))
    effects = bench.give(Paused(Milliseconds(4000)), after_ms=4000)
    assert [type(effect) for effect in bench.give(PeerLinkUp(B, 5))] == [CloseLink]
    assert [effect.link for effect in bench.sync(effects) if isinstance(effect, CloseLink)] == [4]


# the node list


def test_the_node_list_is_kept_when_a_majority_of_it_first_met_and_counts_before_ha_cf() -> None:
    bench = Bench()
    (persist,) = of(Persist, bench.in_view())
    assert isinstance(persist, Persist)
    assert persist.state.nodes == ("a", "b")

    later = Bench(DurableState(generation=1, voted=16, nodes=("a", "b")), nodes=("a", "b", "c"))
    notes = [effect for effect in later.give(Booted()) if isinstance(effect, Note)]
    assert any("ha.cf names c, without a vote" in note.text for note in notes)


def test_a_changed_node_list_counts_once_it_is_on_disk() -> None:
    bench = Bench()
    bench.sync(bench.in_view())
    effects = bench.give(ControllerSaid(NodeList(("a", "b", "c", "d"))))
    assert bench.node.quorum.expected == 2
    (changed,) = told(bench.sync(effects))
    assert isinstance(changed, QuorumChanged)
    assert (changed.quorum.quorate, changed.quorum.expected) == (False, 4)
    assert bench.give(ControllerSaid(NodeList(("a", "b", "c", "d")))) == []


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        (("a", "b"), "With 2 votes, both halves go on after an even split: without fencing its loser can't be known"),
        (("a", "b", "c", "d"), "With 4 votes, neither half goes on after an even split"),
    ],
)
def test_an_even_number_of_votes_is_explained_at_start(nodes: tuple[str, ...], sentence: str) -> None:
    notes = [effect.text for effect in Bench(nodes=nodes).give(Booted()) if isinstance(effect, Note)]
    assert any(sentence in text for text in notes)


def test_two_nodes_of_one_name_are_reported_once() -> None:
    bench = Bench()
    bench.live()
    (note,) = bench.beat(sender=Member("a", 9))
    assert isinstance(note, Note)
    assert (note.level, note.event) == ("error", "node.same_name")
    assert bench.beat(sender=Member("a", 9)) == []
    assert bench.beat(sender=A) == []


# the end


def test_a_node_that_stops_says_goodbye_a_few_times_and_ends() -> None:
    bench = Bench()
    bench.in_view()
    bench.give(StopNodeAsked("an operator"))
    bench.give(ControllerSaid(StopReady()))
    bench.give(ExecutorReported(ExecutorState(empty=True, settled=True)))
    effects = bench.give(ProcessExited("lrmd", 10, "exit code 0"))
    goodbyes = heartbeats(effects)
    for _ in range(10):
        if of(Exit, effects):
            break
        effects = bench.give(TimerFired("node.goodbye"), after_ms=50)
        goodbyes += heartbeats(effects)
    assert [(heartbeat.status, heartbeat.view) for heartbeat in goodbyes] == [("leaving", None)] * 5
    assert of(Exit, effects) == [Exit(0, "this node left the cluster")]


def test_a_leaving_node_votes_for_nothing() -> None:
    bench = Bench()
    bench.in_view()
    bench.give(StopNodeAsked("an operator"))
    bench.give(ControllerSaid(StopReady()))
    bench.give(ExecutorReported(ExecutorState(empty=True, settled=True)))
    bench.give(ProcessExited("lrmd", 10, "exit code 0"))
    assert of(SendDatagram, bench.receive(Propose(B, View(2, "b", (A, B)), (1, 1)))) == []


def test_a_reset_reboots_at_once() -> None:
    bench = Bench()
    bench.in_view()
    effects = bench.give(ControllerSaid(Reset("a stop failed")))
    assert effects[-1] == RebootNode("a stop failed")
