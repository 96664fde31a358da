"""View agreement of several nodes over a virtual network."""

from heartbeat.detector import TIMER_PREFIX
from heartbeat.events import DurableState, ExecutorReported
from heartbeat.messages import QuorumChanged, View, ViewInstalled, ViewLost
from heartbeat.packets import Accept, Heartbeat, Install, Packet, Propose
from ipc.supervision import ExecutorState
from tests.unit.heartbeat.cluster import SETTINGS, Cluster


def running(*names: str, seed: int = 1) -> Cluster:
    cluster = Cluster(names, seed)
    cluster.boot()
    cluster.run(500)
    assert cluster.in_one_view()
    return cluster


def number(cluster: Cluster, name: str) -> int:
    view = cluster.view(name)
    assert view is not None
    return view.number


def last_installed(cluster: Cluster, name: str) -> ViewInstalled:
    return cluster.told(name, ViewInstalled)[-1]


# the first view


def test_a_view_forms_at_once_when_all_configured_nodes_are_here() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.boot()
    cluster.run(120)
    assert cluster.in_one_view()
    assert last_installed(cluster, "a").quorum.basis == "majority"
    assert len(cluster.told("a", ViewInstalled)) == 1


def test_the_order_of_start_does_not_matter() -> None:
    for first, second in (("a", "b"), ("b", "a")):
        cluster = Cluster(["a", "b"])
        cluster.boot(first)
        cluster.run(1000)
        assert cluster.view(first) is None
        cluster.boot(second)
        cluster.run(300)
        assert cluster.in_one_view()


def test_a_node_that_starts_alone_waits_for_initdead() -> None:
    cluster = Cluster(["a", "b"])
    cluster.boot("a")
    cluster.run(SETTINGS.initdead_ms - 100)
    assert cluster.view("a") is None
    cluster.run(200)
    assert cluster.members("a") == ("a",)
    assert last_installed(cluster, "a").quorum.basis == "alone"
    assert not last_installed(cluster, "a").quorum.config_writes


def test_a_node_is_in_no_view_before_its_executor_has_reported() -> None:
    cluster = Cluster(["a", "b"])
    cluster.hosts["b"].executor = ExecutorState(empty=False, settled=False)
    cluster.boot()
    cluster.run(SETTINGS.initdead_ms + 500)
    assert cluster.members("a") == ("a",)
    assert cluster.view("b") is None
    cluster.give("b", ExecutorReported(ExecutorState(empty=False, settled=True)))
    cluster.run(100)
    assert cluster.in_one_view()


def test_a_node_that_is_not_in_the_node_list_joins_without_a_vote() -> None:
    cluster = Cluster(["a", "b", "c"])
    cluster.configured = ("a", "b")
    cluster.boot()
    cluster.run(500)
    assert cluster.in_one_view()
    assert cluster.members("a") == ("a", "b", "c")
    quorum = last_installed(cluster, "a").quorum
    assert (quorum.votes, quorum.expected) == (2, 2)
    assert any("c takes part without a vote; `crm node add c`" in line for line in cluster.trace)


# losing members


def test_the_survivor_of_two_is_in_its_view_in_the_instant_its_detector_expires() -> None:
    cluster = running("a", "b")
    cluster.crash("b")
    cluster.run(1300)
    message = last_installed(cluster, "a")
    (installed_at,) = (at for at, told in cluster.hosts["a"].told if told == message)
    assert (message.lost, message.left) == (("b",), ())
    assert installed_at == message.detected_at
    assert message.quorum.basis == "two_node"


def test_survivors_of_three_agree_within_milliseconds_whoever_is_lost() -> None:
    for victim in "abc":
        cluster = running("a", "b", "c")
        cluster.crash(victim)
        cluster.run(1500)
        for name in "abc".replace(victim, ""):
            message = last_installed(cluster, name)
            (installed_at,) = (at for at, told in cluster.hosts[name].told if told == message)
            assert message.lost == (victim,)
            assert installed_at - message.detected_at <= 20
        assert cluster.in_one_view()


def test_a_member_that_lost_the_last_heartbeat_does_not_hold_up_the_others() -> None:
    """c heard the dead node one keepalive later than b; b's word and the silence so far are enough for c."""
    cluster = running("a", "b", "c")
    cluster.run(150)
    cluster.cut("a", "b", both=False)
    cluster.run(210)
    cluster.crash("a")
    cluster.run(2000)
    times = {name: last_installed(cluster, name).detected_at for name in "bc"}
    assert cluster.in_one_view()
    (installed_at,) = (at for at, told in cluster.hosts["c"].told if told == last_installed(cluster, "c"))
    assert installed_at - min(times.values()) <= 20


def test_a_node_that_says_goodbye_has_left_and_the_others_do_not_wait_for_deadtime() -> None:
    cluster = running("a", "b", "c")
    cluster.stop("b")
    cluster.run(100)
    assert cluster.members("a") == ("a", "c")
    message = last_installed(cluster, "a")
    assert (message.left, message.lost, message.detected_at) == (("b",), (), 0)
    cluster.run(400)
    exited = cluster.hosts["b"].exited
    assert exited is not None
    assert exited.code == 0


def test_a_node_that_is_back_before_its_death_was_noticed_is_lost_and_joins() -> None:
    cluster = running("a", "b", "c")
    cluster.crash("b")
    cluster.run(100)
    cluster.boot("b")
    cluster.run(400)
    assert cluster.in_one_view()
    generations = [member.generation for member in last_installed(cluster, "a").view.members]
    assert generations == [1, 2, 1]
    assert [message.lost for message in cluster.told("a", ViewInstalled)][1] == ("b",)


def test_messages_of_the_agreement_that_are_lost_are_sent_again() -> None:
    for kind in (Propose, Accept, Install):
        swallowed: list[Packet] = []

        def once(
            sender: str, receiver: str, packet: Packet, kind: type = kind, swallowed: list[Packet] = swallowed
        ) -> bool:
            if isinstance(packet, kind) and len(swallowed) < 2:
                swallowed.append(packet)
                return True
            return False

        cluster = running("a", "b", "c")
        cluster.network.swallows = once
        cluster.crash("a")
        cluster.run(1300)
        assert swallowed
        assert cluster.in_one_view()


def test_who_sends_heartbeats_but_does_not_vote_is_left_behind_after_two_rounds() -> None:
    cluster = running("a", "b", "c")
    cluster.network.swallows = lambda sender, receiver, packet: sender == "c" and not isinstance(packet, Heartbeat)
    cluster.crash("a")
    cluster.run(2000)
    assert cluster.told("b", ViewLost) == []
    assert cluster.told("b", ViewInstalled)[1].view.names == ("b",)


def test_a_node_without_agreement_for_deadtime_leaves_its_view_and_returns_when_it_can_vote() -> None:
    """The disk stands still: when all numbers that were promised are used up, no view can be voted for."""
    cluster = Cluster(["a", "b"])
    cluster.boot("a")
    cluster.run(SETTINGS.initdead_ms + 200)
    cluster.boot("b")
    cluster.run(300)
    cluster.fsync_ms = (40_000, 40_000)
    for _ in range(10):
        cluster.cut("a", "b")
        cluster.run(2600)
        cluster.network.cuts.clear()
        cluster.run(500)
    (lost, *_) = cluster.told("a", ViewLost)
    assert "no view was agreed on within 1000 ms" in lost.reason
    cluster.run(90_000)
    assert cluster.in_one_view()


# links that work in one direction, and partitions


def test_a_link_cut_in_one_direction_leaves_the_quorum_of_two_with_one_node() -> None:
    cluster = running("a", "b")
    cluster.cut("a", "b", both=False)
    cluster.run(3000)
    assert cluster.members("a") == ("a",)
    assert cluster.members("b") == ("b",)
    quorums = {name: cluster.hosts[name].quorum for name in "ab"}
    assert quorums["b"] is not None
    assert quorums["b"].basis == "two_node"
    assert quorums["a"] is not None
    assert not quorums["a"].quorate


def test_a_link_cut_in_one_direction_neither_wedges_nor_flaps() -> None:
    cluster = running("a", "b", "c")
    cluster.cut("a", "c", both=False)
    cluster.run(3000)
    assert cluster.members("b") == ("a", "b")
    assert cluster.members("c") == ("c",)
    before = [number(cluster, name) for name in "abc"]
    cluster.run(20_000)
    assert [number(cluster, name) for name in "abc"] == before
    cluster.heal()
    cluster.run(600)
    assert cluster.in_one_view()


def test_partitions_merge_without_either_side_leaving_its_view() -> None:
    cluster = running("a", "b", "c", "d")
    cluster.partition("ab", "cd")
    cluster.run(1500)
    assert cluster.members("a") == ("a", "b")
    assert cluster.members("d") == ("c", "d")
    cluster.heal()
    cluster.run(500)
    assert cluster.in_one_view()
    for name in "abcd":
        assert cluster.told(name, ViewLost) == []
        assert last_installed(cluster, name).lost == ()


def test_two_views_of_one_number_have_no_member_in_common() -> None:
    cluster = running("a", "b")
    cluster.cut("a", "b")
    cluster.run(1500)
    assert number(cluster, "a") == number(cluster, "b") == 2
    assert (cluster.members("a"), cluster.members("b")) == (("a",), ("b",))


def test_a_member_that_went_on_elsewhere_for_a_while_is_lost_and_joins_though_its_life_is_the_same() -> None:
    """c forms a view of its own while a and b see nothing of that: in the next view it is a stranger to them."""
    cluster = running("a", "b", "c")
    cluster.run(100)
    cluster.network.swallows = lambda sender, receiver, packet: receiver == "c"
    cluster.run(790)
    cluster.network.swallows = lambda sender, receiver, packet: "c" in (sender, receiver)
    cluster.run(260)
    assert cluster.members("c") == ("c",)
    assert cluster.members("a") == ("a", "b", "c")
    cluster.network.swallows = lambda sender, receiver, packet: False
    cluster.run(600)
    assert cluster.in_one_view()
    lost = [message.lost for message in cluster.told("a", ViewInstalled)[1:]]
    assert ("c",) in lost
    cluster.check_continuity()


# time that passes without us, and what is on disk


def test_a_node_that_was_paused_leaves_its_view_first_and_joins_with_a_new_generation() -> None:
    cluster = running("a", "b", "c")
    cluster.pause("c")
    cluster.run(3000)
    assert cluster.members("a") == ("a", "b")
    cluster.wake("c")
    assert cluster.view("c") is None
    assert len(cluster.told("c", ViewLost)) == 1
    cluster.run(500)
    assert cluster.in_one_view()
    assert last_installed(cluster, "a").view.members[2].generation == 2


def test_a_pause_shorter_than_deadtime_costs_nobody_a_view() -> None:
    cluster = running("a", "b")
    before = number(cluster, "a")
    cluster.pause("b")
    cluster.run(700)
    cluster.wake("b")
    cluster.run(2000)
    assert number(cluster, "a") == before


def test_a_paused_node_of_two_does_not_come_back_with_the_quorum_that_it_had() -> None:
    cluster = running("a", "b")
    cluster.pause("b")
    cluster.run(2000)
    cluster.cut("a", "b")
    cluster.wake("b")
    cluster.run(SETTINGS.initdead_ms - 200)
    assert cluster.hosts["b"].quorum is None
    cluster.run(400)
    quorum = cluster.hosts["b"].quorum
    assert quorum is not None
    assert (quorum.basis, quorum.config_writes) == ("alone", False)


def test_view_numbers_and_generations_grow_over_a_cold_start_of_all_nodes() -> None:
    cluster = running("a", "b")
    before = number(cluster, "a")
    for name in "ab":
        cluster.crash(name)
    cluster.run(1000)
    cluster.boot()
    cluster.run(500)
    assert cluster.in_one_view()
    assert number(cluster, "a") > before
    assert cluster.view("a") == View(number(cluster, "a"), "a", last_installed(cluster, "b").view.members)
    assert [member.generation for member in last_installed(cluster, "a").view.members] == [2, 2]


def test_a_crash_before_the_generation_is_on_disk_leaves_no_trace_of_it() -> None:
    cluster = Cluster(["a", "b"], fsync_ms=(50, 50))
    cluster.boot("a")
    cluster.run(20)
    cluster.crash("a")
    assert cluster.hosts["a"].disk == DurableState()
    assert cluster.datagrams == 0


def test_a_slow_disk_does_not_hold_up_a_failover() -> None:
    cluster = Cluster(["a", "b", "c"], fsync_ms=(400, 400))
    cluster.boot()
    cluster.run(2000)
    assert cluster.in_one_view()
    cluster.crash("a")
    cluster.run(1100)
    assert cluster.members("b") == ("b", "c")


def test_heartbeats_go_on_while_a_vote_waits_for_the_disk() -> None:
    cluster = running("a", "b")
    cluster.fsync_ms = (3000, 3000)
    before = cluster.datagrams
    cluster.run(3000)
    assert cluster.datagrams - before >= 2 * 3000 // SETTINGS.keepalive_ms


# quorum that changes without a view


def test_a_lonely_node_becomes_quorate_when_the_silence_has_lasted_for_initdead() -> None:
    """b is heard and not ready, so a is not alone; then b dies without ever having joined."""
    cluster = Cluster(["a", "b"])
    cluster.hosts["b"].executor = ExecutorState(empty=False, settled=False)
    cluster.boot()
    cluster.run(SETTINGS.initdead_ms + 500)
    quorum = cluster.hosts["a"].quorum
    assert quorum is not None
    assert not quorum.quorate
    cluster.crash("b")
    cluster.run(SETTINGS.initdead_ms - 300)
    assert cluster.told("a", QuorumChanged) == []
    cluster.run(300)
    assert [message.quorum.basis for message in cluster.told("a", QuorumChanged)] == ["alone"]


def test_many_nodes_agree_on_the_first_view_in_one_round() -> None:
    cluster = Cluster([f"n{place:02}" for place in range(40)])
    cluster.boot()
    cluster.run(150)
    assert cluster.in_one_view()
    assert len(cluster.told("n00", ViewInstalled)) == 1


def test_every_living_peer_has_one_timer() -> None:
    cluster = running("a", "b", "c")
    timers = sorted(name for name in cluster.hosts["a"].timers if name.startswith(TIMER_PREFIX))
    assert timers == ["detector.b", "detector.c"]
