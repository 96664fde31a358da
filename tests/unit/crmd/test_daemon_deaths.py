"""What a cluster of controllers does when daemons die or stop, and what is lost with them."""

import pytest

from cib.requests import Request
from cib.settings import set_property
from crmd.controller import Controller
from crmd.events import ExecutorConnected, ExecutorGone, Paused, ToHeartbeat
from crmd.member_side import SILENCE_TIMER
from crmd.messages import ApplyCib, CibApplied
from crmd.states import State
from ipc.timers import TimerFired
from ipc.units import Milliseconds
from lrmd.messages import OcfExit
from tests.unit.crmd.cluster import Cluster, cib, dummy, option, running_cluster
from tests.unit.crmd.stack import STACK, attributes_of, everything_runs_once, three, two


@pytest.mark.parametrize("victim", ["n1", "n2"])
def test_a_killed_crmd_changes_nothing_that_runs(victim: str) -> None:
    cluster = two(stonith=True)
    starts = {resource: cluster.started(resource) for resource in ("a", "b", "c")}
    place = {resource: cluster.where(resource) for resource in ("a", "b", "c")}
    cluster.kill_controller(victim, restart_ms=200)
    cluster.run(100)

    cluster.run(500)
    cluster.settle()

    assert {resource: cluster.where(resource) for resource in place} == place
    assert {resource: cluster.started(resource) for resource in starts} == starts
    assert cluster.fence_log == []


def test_the_only_nodes_controller_restarts_without_touching_its_resources() -> None:
    cluster = running_cluster("n1", cib=cib(*STACK))
    cluster.kill_controller("n1")
    cluster.run(300)
    cluster.settle()

    assert [cluster.started(resource) for resource in ("a", "b", "c")] == [1, 1, 1]


def test_controllers_that_all_die_in_one_view_go_on_after_the_last_order_that_an_executor_took() -> None:
    """The count of the rounds dies with them; an order of a round that is over would be refused for ever."""
    cluster = two()
    cluster.kill_controller("n1")  # the DC: round 2 makes n2 DC
    cluster.run(500)
    cluster.process_dies(cluster.where("a")[0], "a")
    cluster.run(11_000)
    cluster.settle()
    cluster.kill_controller("n1")
    cluster.kill_controller("n2")
    cluster.run(500)
    cluster.settle()
    place = cluster.where("a")[0]

    cluster.process_dies(place, "a")
    cluster.run(11_000)
    cluster.settle()

    assert cluster.started("a") == 3
    assert cluster.noted("order.stale") == []
    everything_runs_once(cluster)


def test_orders_that_are_refused_again_and_again_are_repeated_once_a_second() -> None:
    """Without a pause the same transition would fill the log, as often as the policy engine can compute it."""
    cluster = two()
    for name in cluster.names:
        cluster.executor_alone_hears_of_view(name, 1000)
    cluster.process_dies(cluster.where("a")[0], "a")
    cluster.run(12_000)
    begun = len(cluster.noted("transition.begins"))
    cluster.run(10_000)

    assert 9 <= len(cluster.noted("transition.begins")) - begun <= 10


def test_a_crmd_that_does_not_come_back_gets_its_node_fenced() -> None:
    cluster = three(stonith=True)
    cluster.kill_controller("n3", restart_ms=None)
    cluster.run(4000)
    assert cluster.fence_log == []

    cluster.run(5000)
    cluster.settle()

    assert [target for _, target in cluster.fence_log] == ["n3"]
    everything_runs_once(cluster)


def test_operations_that_run_when_the_dc_dies_are_taken_over_and_not_repeated() -> None:
    cluster = Cluster("n1", "n2", "n3", cib=cib(dummy("a"), dummy("b"), dummy("c")))
    for node in cluster.names:
        for resource in ("a", "b", "c"):
            cluster.results[node, resource, "start"] = (-1, 3000)
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.run(500)
    assert sum(cluster.started(resource) for resource in ("a", "b", "c")) == 3

    cluster.kill_controller("n1")
    cluster.run(1000)
    cluster.settle()

    assert [cluster.started(resource) for resource in ("a", "b", "c")] == [1, 1, 1]
    everything_runs_once(cluster)


def test_a_stop_whose_result_is_lost_is_no_failed_stop_but_a_reason_to_probe() -> None:
    """As a failed stop it would get a node fenced whose executor died at a bad moment."""
    cluster = two(stonith=True)
    node = cluster.where("a")[0]
    cluster.results[node, "a", "stop"] = (int(OcfExit.UNKNOWN), 50)
    cluster.ask(node, ApplyCib(1, (set_property("stop-all-resources", "true"),)))
    cluster.run(60)
    del cluster.results[node, "a", "stop"]
    cluster.run(1000)
    cluster.settle()

    assert [line for line in cluster.noted("order") if "a_monitor_0" in line][
        -1
    ] == f"{cluster.dc()}: a_monitor_0 on {node}"
    assert cluster.where("a") == []
    assert cluster.fence_log == []
    assert attributes_of(cluster, node) == {}


def test_when_the_messaging_layer_dies_everything_is_stopped_whatever_the_policy() -> None:
    cluster = running_cluster("n1", cib=cib(*STACK, options=option("no-quorum-policy", "ignore")))
    cluster.heartbeat_dies("n1")
    cluster.run(1000)

    assert all(cluster.where(resource) == [] for resource in ("a", "b", "c"))


def test_a_controller_whose_messaging_layer_died_leaves_as_soon_as_everything_is_stopped() -> None:
    """A new messaging layer waits for its end; its shell asks for it in this order."""
    cluster = running_cluster("n1", cib=cib(dummy("a"), options=option("no-quorum-policy", "ignore")))
    cluster.heartbeat_dies("n1")
    cluster.stop_node("n1")
    cluster.run(1000)

    assert any("n1 leaves; active []" in line for line in cluster.trace)


def test_a_stopped_dc_process_is_replaced_and_its_orders_are_refused_when_it_goes_on() -> None:
    cluster = three(stonith=True)
    cluster.machines["n1"].deaf_crmd = True
    cluster.run(5000)
    assert sorted(m.name for m in cluster.live() if m.controller and m.controller.is_dc and not m.deaf_crmd) == ["n2"]

    cluster.resume_controller("n1", Paused(5000))
    cluster.run(3000)
    cluster.settle(60_000)

    everything_runs_once(cluster)


def test_a_lost_result_message_is_sent_again() -> None:
    cluster = Cluster("n1", "n2", cib=cib(dummy("a")))
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.run(15)
    cluster.cut_messages = lambda sender, to: (sender, to) == ("n2", "n1")
    cluster.run(500)
    cluster.cut_messages = lambda sender, to: False
    cluster.settle()

    everything_runs_once(cluster, "a")


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_a_new_lrmd_that_knows_nothing_is_probed_and_gets_its_monitors_back(node: str) -> None:
    cluster = two(stonith=True)
    starts = [cluster.started(resource) for resource in ("a", "b", "c")]
    cluster.replace_executor(node)
    cluster.run(500)
    cluster.settle()

    assert [cluster.started(resource) for resource in ("a", "b", "c")] == starts
    assert cluster.fence_log == []
    resource = next(name for name in ("a", "b", "c") if cluster.where(name) == [node])
    cluster.process_dies(node, resource)
    cluster.run(12_000)
    cluster.settle()
    everything_runs_once(cluster)


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_an_order_that_came_while_the_node_had_no_lrmd_is_not_waited_for(node: str) -> None:
    cluster = two(stonith=True)
    cluster.lose_executor(node)
    cluster.ask("n1", ApplyCib(1, (set_property("stop-all-resources", "true"),)))
    cluster.run(200)
    cluster.return_executor(node)
    cluster.run(1000)

    assert [cluster.where(resource) for resource in ("a", "b", "c")] == [[], [], []]
    assert cluster.state("n1").idle
    assert cluster.fence_log == []


def test_a_policy_engine_that_dies_is_asked_again() -> None:
    cluster = Cluster("n1", cib=cib(*STACK))
    cluster.schedule_failures = 2
    cluster.boot("n1")
    cluster.install("n1")
    cluster.settle()

    everything_runs_once(cluster)
    assert cluster.noted("schedule.failed") == ["n1: nothing is decided: the worker died"]  # once, though it was twice
    assert not [text for text in cluster.state("n1").advice if "nothing is decided" in text]


def test_an_order_that_is_lost_counts_as_failed_after_its_time_and_the_resource_is_recovered() -> None:
    cluster = Cluster("n1", "n2", cib=cib(dummy("a")))
    cluster.boot(*cluster.names)
    cluster.install(*cluster.names)
    cluster.run(7)
    cluster.cut_messages = lambda sender, to: (sender, to) == ("n1", "n2")
    cluster.run(30)
    cluster.cut_messages = lambda sender, to: False
    cluster.settle(200_000)

    assert cluster.noted("action.lost")
    everything_runs_once(cluster, "a")


def test_an_answer_of_the_policy_engine_to_a_question_of_an_earlier_term_decides_nothing() -> None:
    """The questions of all terms are told apart: the late answer is about a document of the past."""
    cluster = running_cluster("n1", cib=cib(*STACK))
    cluster.schedule_ms = 40

    def new_term() -> None:
        cluster.lose_view("n1")
        cluster.install("n1")
        cluster.run(10)

    cluster.ask("n1", ApplyCib(1, (Request("create", section="resources", xml=dummy("late").encode()),)))
    cluster.run(5)
    new_term()
    cluster.ask("n1", ApplyCib(2, (Request("delete", section="resources", xml=b'<primitive id="late"/>'),)))
    cluster.run(5)
    new_term()
    cluster.run(200)
    cluster.settle()

    assert any("late_monitor_0" in line for line in cluster.trace if " schedule " in line), "it was asked for"
    assert [line for line in cluster.trace if " agent " in line and " late " in line] == []
    everything_runs_once(cluster)


@pytest.mark.parametrize("earlier_ms", range(4))
def test_a_dc_whose_executor_is_being_replaced_still_keeps_what_it_acknowledges(earlier_ms: int) -> None:
    """Where two_node gives the quorum, every member of the view must have it: a view of none has nothing on disk."""
    cluster = two()
    cluster.crash_and_view("n2")
    cluster.run(2000)
    cluster.settle()
    cluster.lose_executor("n1")
    cluster.run(5)
    cluster.ask("n1", ApplyCib(1, (set_property("stop-all-resources", "false"),)))
    cluster.run(earlier_ms)
    cluster.return_executor("n1")
    cluster.run(1000)
    cluster.settle()

    applied = [reply for _, _, reply in cluster.answers if isinstance(reply, CibApplied)]
    assert [reply.kept_on for reply in applied] == [1]


def one_that_has_left(cluster: Cluster) -> Controller:
    """The controller of a node, not the DC, that has said that it is ready to leave; its daemons have not ended."""
    leaver = next(name for name in cluster.names if name != cluster.dc())
    controller = cluster.machines[leaver].controller
    assert controller is not None
    cluster.stop_node(leaver)
    cluster.run_until(lambda: controller.state is State.STOPPING)
    return controller


def test_a_timer_that_was_set_before_a_node_left_begins_no_election() -> None:
    cluster = two()
    controller = one_that_has_left(cluster)

    assert controller.handle(TimerFired(SILENCE_TIMER), Milliseconds(cluster.now)) == []


def test_a_node_that_has_left_joins_nobody_when_its_executor_is_replaced() -> None:
    """Its executor died between the last stop and the end of the messaging layer, and came back."""
    cluster = two()
    controller = one_that_has_left(cluster)

    effects = controller.handle(ExecutorGone(), Milliseconds(cluster.now))
    effects += controller.handle(ExecutorConnected(), Milliseconds(cluster.now))

    assert [effect for effect in effects if isinstance(effect, ToHeartbeat)] == []
    assert controller.state is State.STOPPING
