"""What a cluster of controllers does: joins, recoveries, fencing, crashes of daemons, leaving."""

import pytest
from msgspec import structs

from cib.settings import add_node, set_property
from crmd.events import FromHeartbeat
from crmd.messages import (
    ApplyCib,
    CibApplied,
    CleanupResource,
    ClusterState,
    Done,
    Failed,
    Fence,
    UpdateAttribute,
    WaitIdle,
)
from heartbeat.messages import Quorum, QuorumChanged
from tests.unit.crmd.cluster import SETTINGS, Cluster, cib, dummy, running_cluster
from tests.unit.crmd.stack import STACK, attributes_of, everything_runs_once, three, two


def test_a_cluster_starts_elects_one_dc_and_runs_everything_once() -> None:
    cluster = three()

    assert cluster.dc() == "n1"
    assert {cluster.state(name).dc for name in ("n1", "n2", "n3")} == {"n1"}
    everything_runs_once(cluster)
    assert cluster.now < 200


def test_all_replicas_have_the_same_document_when_the_cluster_is_idle() -> None:
    cluster = three()

    digests = {m.controller.document.digest() for m in cluster.live() if m.controller}

    assert len(digests) == 1


def test_a_node_that_starts_alone_enters_the_nodes_and_runs_everything() -> None:
    cluster = Cluster("n1", "n2", cib=cib(*STACK))
    cluster.boot("n1")
    cluster.install("n1")
    cluster.settle()

    everything_runs_once(cluster)


def test_without_fencing_a_dead_node_is_recovered_within_milliseconds_of_the_view() -> None:
    cluster = two()
    victim = cluster.where("b")[0]
    cluster.crash_and_view(victim, detect_ms=1000)
    cluster.run(1000)

    took = cluster.run_until(lambda: bool(cluster.where("b")) and bool(cluster.where("c")))

    assert took < 40
    cluster.settle()
    everything_runs_once(cluster)
    assert cluster.fence_log == []


def test_with_fencing_nothing_of_a_dead_node_is_recovered_before_it_is_fenced() -> None:
    cluster = two(stonith=True)
    victim = cluster.where("b")[0]
    cluster.fence_ms = 2000
    cluster.crash_and_view(victim, detect_ms=500)

    cluster.run(500 + 1900)
    assert cluster.where("b") == []
    cluster.settle()

    everything_runs_once(cluster)
    assert [target for _, target in cluster.fence_log] == [victim]


def test_what_must_be_fenced_is_told_until_it_was_fenced() -> None:
    cluster = two(stonith=True)
    victim = cluster.where("b")[0]
    survivor = "n2" if victim == "n1" else "n1"
    cluster.fence_ms = 2000
    cluster.crash_and_view(victim, detect_ms=500)

    def told() -> bool:
        return any(f"node {victim} must be fenced" in text for text in cluster.state(survivor).advice)

    cluster.run(500 + 1900)
    assert told()
    cluster.settle()
    assert not told()


def test_while_fencing_fails_nothing_is_recovered_and_it_is_tried_again() -> None:
    cluster = two(stonith=True)
    victim = cluster.where("b")[0]
    cluster.fence_ok = False
    cluster.crash_and_view(victim)
    cluster.run(30_000)

    assert cluster.where("b") == []
    assert len(cluster.fence_log) >= 3

    cluster.fence_ok = True
    cluster.settle(120_000)
    everything_runs_once(cluster)


def test_a_node_that_returns_joins_and_nothing_is_restarted_for_it() -> None:
    cluster = two()
    victim = cluster.where("b")[0]
    cluster.crash_and_view(victim)
    cluster.run(1000)
    cluster.settle()
    started = cluster.started("a")

    cluster.boot(victim)
    cluster.install("n1", "n2")
    cluster.settle()

    everything_runs_once(cluster)
    assert cluster.started("a") - started <= 1


def test_the_dc_dies_and_another_takes_over() -> None:
    cluster = three()
    cluster.crash_and_view("n1")
    cluster.run(1100)
    cluster.settle()

    assert cluster.dc() == "n2"
    everything_runs_once(cluster)


def test_a_node_whose_clock_is_not_the_dcs_says_so_and_when_they_agree_again() -> None:
    cluster = two()
    cluster.set_clock("n2", ahead_ms=90_000)
    cluster.run(6_000)
    cluster.set_clock("n2", ahead_ms=0)
    cluster.run(6_000)

    assert [line.partition(":")[0] for line in cluster.noted("clock.apart")] == ["n2"]
    assert "90 s ahead of that of the DC n1: failure-timeout" in cluster.noted("clock.apart")[0]
    assert cluster.noted("clock.agrees") == ["n2: this node's clock and that of the DC n1 agree again"]


def test_a_dead_process_is_found_by_its_monitor_counted_and_recovered() -> None:
    cluster = two()
    node = cluster.where("a")[0]
    cluster.process_dies(node, "a")
    cluster.run(11_000)
    cluster.settle()

    everything_runs_once(cluster)
    assert cluster.started("a") == 2
    attributes = attributes_of(cluster, node)
    assert attributes["fail-count-a#monitor_10000"] == "1"
    assert int(attributes["last-failure-a#monitor_10000"]) > 1_700_000_000


def test_a_start_that_fails_counts_as_infinity_and_the_resource_goes_elsewhere() -> None:
    cluster = Cluster("n1", "n2", cib=cib(dummy("a")))
    cluster.results["n1", "a", "start"] = (1, 20)
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.settle()

    assert cluster.where("a") == ["n2"]


def test_a_stop_that_fails_gets_the_node_fenced() -> None:
    cluster = two(stonith=True)
    node = cluster.where("a")[0]
    cluster.results[node, "a", "stop"] = (1, 20)
    cluster.ask(node, UpdateAttribute(1, node, "standby", "on", "forever"))
    cluster.run(5000)
    cluster.settle()

    assert [target for _, target in cluster.fence_log] == [node]
    everything_runs_once(cluster)


def test_standby_moves_resources_away_and_online_takes_the_node_back() -> None:
    cluster = two()
    node = cluster.where("b")[0]
    other = "n2" if node == "n1" else "n1"
    cluster.ask(other, UpdateAttribute(1, node, "standby", "on", "forever"))
    cluster.run(100)
    cluster.settle()

    assert cluster.where("a") == cluster.where("b") == cluster.where("c") == [other]
    assert any(isinstance(reply, Done) for _, _, reply in cluster.answers)


def test_a_configuration_change_made_at_a_member_is_answered_and_acted_on() -> None:
    cluster = two()
    member = "n2"
    cluster.ask(member, ApplyCib(7, (set_property("stop-all-resources", "true"),)))
    cluster.run(200)
    cluster.settle()

    assert any(isinstance(reply, CibApplied) and reply.kept_on == 2 for _, _, reply in cluster.answers)
    assert all(cluster.where(resource) == [] for resource in ("a", "b", "c"))


def test_the_configuration_can_be_changed_after_a_node_was_lost_and_came_back() -> None:
    cluster = two()
    cluster.crash_and_view("n1")
    cluster.settle()
    cluster.boot("n1")
    cluster.install("n1", "n2")
    cluster.settle()
    cluster.ask(cluster.dc(), ApplyCib(9, (set_property("cluster-recheck-interval", "7min"),)))
    cluster.run(500)

    assert [reply for _, _, reply in cluster.answers if isinstance(reply, CibApplied)]


def test_a_change_in_mid_transition_aborts_it_and_what_is_in_flight_is_awaited() -> None:
    cluster = Cluster("n1", "n2", cib=cib(*STACK))
    for node in cluster.names:
        cluster.results[node, "b", "start"] = (-1, 2000)
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.run(300)
    cluster.ask("n2", ApplyCib(1, (set_property("stop-all-resources", "true"),)))
    cluster.run(100)

    assert cluster.noted("transition.aborted")
    assert cluster.where("b")
    cluster.settle()
    assert all(cluster.where(resource) == [] for resource in ("a", "b", "c"))
    assert cluster.started("c") == 0


@pytest.mark.parametrize("leaver", ["n1", "n2"])
def test_a_node_that_is_stopped_moves_its_resources_first_and_is_not_fenced(leaver: str) -> None:
    cluster = two(stonith=True)
    cluster.stop_node(leaver)
    cluster.run(2000)
    cluster.settle()

    assert any(f"{leaver} leaves; active []" in line for line in cluster.trace)
    assert cluster.fence_log == []
    everything_runs_once(cluster)


def test_a_node_alone_stops_everything_and_leaves() -> None:
    cluster = running_cluster("n1", cib=cib(*STACK))
    cluster.stop_node("n1")
    cluster.run(2000)

    assert any("n1 leaves; active []" in line for line in cluster.trace)


def test_a_node_that_is_stopped_without_a_dc_stops_its_resources_itself() -> None:
    cluster = two()
    cluster.lose_view("n2")
    cluster.stop_node("n2")
    cluster.run(11_000)

    assert any("n2 leaves; active []" in line for line in cluster.trace)


def test_a_node_outside_any_view_stops_what_it_runs_the_last_started_first() -> None:
    cluster = running_cluster("n1", cib=cib(*STACK))
    mark = len(cluster.trace)
    cluster.lose_view("n1")
    cluster.run(1000)

    stops = [line.split("agent stop ")[1].split()[0] for line in cluster.trace[mark:] if "agent stop" in line]
    assert stops[0] == "c"
    assert stops.index("c") < stops.index("b")
    assert all(cluster.where(resource) == [] for resource in ("a", "b", "c"))


def test_with_fencing_a_view_that_comes_back_soon_saves_the_restart() -> None:
    cluster = running_cluster("n1", cib=cib(*STACK, stonith=True))
    cluster.lose_view("n1")
    cluster.run(300)
    cluster.install("n1")
    cluster.settle()

    assert [cluster.started(resource) for resource in ("a", "b", "c")] == [1, 1, 1]


def test_what_a_node_stopped_by_itself_counts_as_stopped_when_it_is_back() -> None:
    cluster = running_cluster("n1", cib=cib(*STACK))
    cluster.lose_view("n1")
    cluster.run(1000)
    assert all(cluster.where(resource) == [] for resource in ("a", "b", "c"))
    cluster.install("n1")
    cluster.settle()

    everything_runs_once(cluster)


def test_a_stop_that_fails_outside_any_view_asks_for_a_reset() -> None:
    cluster = running_cluster("n1", cib=cib(dummy("a")))
    cluster.results["n1", "a", "stop"] = (1, 20)
    cluster.lose_view("n1")
    cluster.run(1000)

    assert any("n1 reset:" in line for line in cluster.trace)


def test_the_side_without_quorum_stops_and_the_majority_fences_before_it_recovers() -> None:
    cluster = three(stonith=True)
    loser = cluster.where("b")[0]
    others = [name for name in cluster.names if name != loser]
    cluster.fence_ms = 1500
    cluster.install(loser, lost=tuple(others))
    cluster.install(*others, lost=(loser,))
    cluster.run(1400)

    assert cluster.where("b") == []
    assert not [target for _, target in cluster.fence_log if target in others]
    cluster.run(1000)
    cluster.settle()
    assert cluster.violations == []
    assert cluster.where("b")[0] in others


def test_two_partitions_merge_under_one_dc_and_the_healthy_resources_stay() -> None:
    cluster = three(stonith=True)
    cluster.fence_ok = False
    cluster.install("n1", lost=("n2", "n3"))
    cluster.install("n2", "n3", lost=("n1",))
    cluster.run(3000)
    cluster.fence_ok = True
    before = {resource: cluster.started(resource) for resource in ("a", "b", "c")}

    cluster.install("n1", "n2", "n3")
    cluster.settle()

    assert cluster.dc() in ("n2", "n3")
    everything_runs_once(cluster)
    assert sum(cluster.started(r) - before[r] for r in before) <= 3


def test_without_fencing_stop_grace_gives_the_other_side_time_to_stop() -> None:
    settings = structs.replace(SETTINGS, stop_grace_ms=500)
    cluster = Cluster("n1", "n2", "n3", cib=cib(*STACK), settings=settings)
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.settle()
    loser = cluster.where("b")[0]
    others = [name for name in cluster.names if name != loser]
    cluster.install(loser, lost=tuple(others))
    cluster.install(*others, lost=(loser,))
    cluster.run(400)
    assert cluster.where("b") == []

    cluster.run(1000)
    everything_runs_once(cluster)


def test_cleanup_forgets_failures_and_probes_again() -> None:
    cluster = Cluster("n1", "n2", cib=cib(dummy("a")))
    cluster.results["n1", "a", "start"] = (1, 20)
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.settle()
    cluster.results.clear()
    cluster.ask("n2", CleanupResource(5, "a"))
    cluster.run(500)
    cluster.settle()

    assert any(isinstance(reply, Done) and reply.id == 5 for _, _, reply in cluster.answers)
    attributes = attributes_of(cluster, "n1")
    assert not [name for name in attributes if name.startswith("fail-count")]


def test_a_tool_can_wait_until_the_cluster_is_idle_at_any_node() -> None:
    cluster = two()
    cluster.ask("n2", ApplyCib(1, (set_property("stop-all-resources", "true"),)))
    cluster.ask("n2", WaitIdle(2, 10_000))
    cluster.run(1000)

    assert any(isinstance(reply, ClusterState) and reply.id == 2 for _, _, reply in cluster.answers)


def test_a_tool_that_waits_too_long_is_told() -> None:
    cluster = Cluster("n1", "n2", cib=cib(dummy("a")))
    cluster.results["n1", "a", "start"] = (-1, 15_000)
    cluster.results["n2", "a", "start"] = (-1, 15_000)
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.run(200)
    cluster.ask("n2", WaitIdle(2, 1000))
    cluster.run(1500)

    assert any(isinstance(reply, Failed) and reply.rc == 124 for _, _, reply in cluster.answers)


def test_a_node_fenced_by_a_tool_is_recovered() -> None:
    cluster = two(stonith=True)
    victim = cluster.where("b")[0]
    cluster.ask("n2" if victim == "n1" else "n1", Fence(3, victim, "off"))
    cluster.run(3000)
    cluster.settle()

    assert any(isinstance(reply, (Done, Failed)) and reply.id == 3 for _, _, reply in cluster.answers)
    everything_runs_once(cluster)


def test_an_acknowledged_change_survives_that_the_dc_had_to_begin_without_those_who_know_it() -> None:
    cluster = three()
    cluster.lose_view("n1")
    cluster.install("n2", "n3", lost=("n1",))
    cluster.run(2000)
    cluster.ask("n2", ApplyCib(1, (set_property("cluster-recheck-interval", "77s"),)))
    cluster.run(1000)
    assert any(isinstance(reply, CibApplied) for _, _, reply in cluster.answers)
    for name in ("n2", "n3"):
        cluster.kill_controller(name, restart_ms=9000)
    cluster.install("n1", "n2", "n3")
    cluster.run(8000)
    assert cluster.machines["n1"].controller is not None
    assert cluster.machines["n1"].controller.is_dc, "it waited for the others and went on without them"
    cluster.run(6000)
    cluster.settle()

    for machine in cluster.machines.values():
        assert machine.controller is not None
        assert b"77s" in machine.controller.document.to_bytes()


def test_replicas_agree_after_a_node_missed_a_part_of_the_history() -> None:
    cluster = three()
    cluster.crash_and_view("n3")
    cluster.run(1100)
    cluster.settle()
    cluster.ask("n1", ApplyCib(1, (set_property("maintenance-mode", "false"),)))
    cluster.run(200)
    cluster.boot("n3")
    cluster.install("n1", "n2", "n3")
    cluster.settle()

    assert len({m.controller.document.digest() for m in cluster.live() if m.controller}) == 1


def test_a_fencing_is_told_once_when_it_begins_and_once_when_it_is_done() -> None:
    cluster = two(stonith=True)
    cluster.notes.clear()
    cluster.crash_and_view("n2")
    cluster.run(3000)
    cluster.settle()
    told = [note.text for _, _, note in cluster.notes if note.level == "notice" and note.event.startswith("fence.")]

    assert told == ["n2 is to be fenced", "n2 was fenced"]


def test_a_node_that_was_fenced_is_not_fenced_again_because_the_only_controller_left_was_restarted() -> None:
    cluster = two(stonith=True)
    cluster.crash_and_view("n2")
    cluster.run(3000)
    cluster.settle()
    assert [target for _, target in cluster.fence_log] == ["n2"]
    for _ in range(2):
        cluster.kill_controller("n1")
        cluster.run(2000)
        cluster.settle()

    assert len(cluster.fence_log) == 1
    everything_runs_once(cluster)


def test_a_node_that_was_stopped_is_not_fenced_because_the_only_controller_left_was_restarted() -> None:
    cluster = two(stonith=True)
    cluster.stop_node("n2")
    cluster.run(3000)
    cluster.settle()
    assert not cluster.machines["n2"].up
    cluster.kill_controller("n1")
    cluster.run(2000)
    cluster.settle()

    assert cluster.fence_log == []
    everything_runs_once(cluster)


def test_a_node_that_was_fenced_and_came_back_is_fenced_again_when_it_is_lost_again() -> None:
    cluster = two(stonith=True)
    cluster.crash_and_view("n2")
    cluster.run(3000)
    cluster.boot("n2")
    cluster.install("n1", "n2")
    cluster.settle()
    cluster.kill_controller("n1")
    cluster.crash_and_view("n2")
    cluster.run(3000)
    cluster.settle()

    assert [target for _, target in cluster.fence_log] == ["n2", "n2"]
    everything_runs_once(cluster)


def test_a_third_node_joins_without_a_vote_and_gets_one_by_a_configuration_change() -> None:
    cluster = Cluster("n1", "n2", "n3", cib=cib(*STACK))
    cluster.voters = cluster.names[:2]
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.settle()
    assert not any("@n3" in line for line in cluster.trace if "schedule" in line)
    told = "n3 takes part without a vote and runs nothing: 'crm node add n3' gives it one."
    assert told in cluster.state("n1").advice

    cluster.ask("n3", ApplyCib(1, (add_node("n3", "n3"),)))
    cluster.run(500)
    cluster.settle()

    assert cluster.voters == cluster.names
    assert sum("votes n1,n2,n3" in line for line in cluster.trace) == 3
    assert told not in cluster.state("n1").advice
    everything_runs_once(cluster)


def test_a_failure_expires_by_itself_and_the_node_may_be_used_again() -> None:
    meta = '<meta_attributes id="a-t"><nvpair id="a-t1" name="failure-timeout" value="20s"/></meta_attributes>'
    cluster = Cluster("n1", "n2", cib=cib(dummy("a", meta=meta)))
    cluster.results["n1", "a", "start"] = (1, 20)
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.settle()
    assert "fail-count-a#start_0" in attributes_of(cluster, "n1")

    cluster.results.clear()
    cluster.run(25_000)
    cluster.settle()

    assert "fail-count-a#start_0" not in attributes_of(cluster, "n1")
    everything_runs_once(cluster, "a")


@pytest.mark.parametrize("what", ["quorum", "a member's controller", "the node it came from"])
def test_a_dc_waits_for_the_chosen_cib_whatever_happens_while_it_is_read(what: str) -> None:
    cluster = running_cluster("n1", "n2", "n3", cib=cib(*STACK), large=True)
    cluster.lose_view("n1")
    cluster.install("n2", "n3", lost=("n1",))
    cluster.run(2000)
    cluster.ask("n2", ApplyCib(1, (set_property("cluster-recheck-interval", "77s"),)))
    cluster.run(1000)
    cluster.apart_ms = 1500
    cluster.kill_controller("n2", restart_ms=500)
    cluster.kill_controller("n3", restart_ms=500)
    cluster.install("n1", "n2", "n3")
    cluster.run_until(lambda: bool(cluster.noted("join.fetch")))
    assert cluster.dc() == "n1"
    cluster.run(20)  # the document is here and is being read

    if what == "quorum":
        cluster.give("n1", FromHeartbeat(QuorumChanged(Quorum(True, "majority", 3, 3, config_writes=True))))
    elif what == "a member's controller":
        cluster.kill_controller("n2", restart_ms=100)
    else:
        cluster.crash_and_view("n3", detect_ms=300)
    cluster.settle()

    controller = cluster.machines[cluster.dc()].controller
    assert controller is not None
    assert b"77s" in controller.document.to_bytes()
    everything_runs_once(cluster)
