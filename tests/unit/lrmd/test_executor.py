"""The executor's core: order in a resource, time limits, recurring operations, what the controller is told."""

from ipc.note import Note
from lrmd.events import AgentNotRun, AgentsFound, CrmdConnected, CrmdGone, FindAgents
from lrmd.messages import (
    Accepted,
    Acknowledge,
    AgentName,
    Agents,
    Execute,
    Forget,
    Forgotten,
    Hello,
    KillOnce,
    ListAgents,
    OcfExit,
    OperationStatus,
    Ran,
    ResourceTable,
    RunOnce,
)
from lrmd.settings import ExecutorSettings
from tests.unit.lrmd.node import DUMMY, STAMP, WALL, Node, operation

SIGTERM, SIGKILL = 15, 9


def test_operations_of_one_resource_run_one_at_a_time_in_their_order() -> None:
    node = Node.ready()
    node.order(operation("vip", "start"))
    node.order(operation("vip", "monitor"))
    node.order(operation("vip", "stop"))
    assert node.begun == ["vip start"]
    node.end("vip")
    node.end("vip")
    node.end("vip")
    assert node.begun == ["vip start", "vip monitor", "vip stop"]
    assert node.told() == ["vip start DONE 0", "vip monitor DONE 0", "vip stop DONE 0"]


def test_different_resources_run_at_the_same_time_up_to_the_bound() -> None:
    node = Node.ready(settings=ExecutorSettings(max_parallel=2))
    for name in ("a", "b", "c"):
        node.order(operation(name, "start"))
    assert node.begun == ["a start", "b start"]
    node.end("b")
    assert node.begun == ["a start", "b start", "c start"]


def test_a_result_carries_what_the_history_of_the_cib_needs() -> None:
    node = Node.ready()
    request = node.order(operation("vip", "start", transition_key="4:2:0:uuid"))
    node.now = node.now + 30  # type: ignore[assignment]
    node.end("vip", 1, output="hello\n", errors="no such device\n", exit_reason="no such device")
    assert node.reports[1] == Accepted(request, 1)
    result = node.finished()[0]
    assert (result.request, result.call_id, result.stamp) == (request, 1, STAMP)
    assert (result.exit_code, result.status, result.exit_reason) == (1, OperationStatus.DONE, "no such device")
    assert result.output == "hello\nno such device"
    assert (result.started_at, result.changed_at, result.exec_ms, result.queue_ms) == (WALL, WALL, 5, 0)
    assert result.operation.transition_key == "4:2:0:uuid"


def test_what_an_agent_said_when_it_failed_goes_into_the_log_of_its_node() -> None:
    node = Node.ready()
    node.order(operation("vip", "start"))
    node.end("vip", 6, errors="INFO: starting\nERROR: no such device\n")
    node.order(operation("vip", "monitor"))
    node.end("vip", 7, errors="INFO: it does not run\n")
    assert [effect.text for effect in node.effects if isinstance(effect, Note)] == [
        "vip: start failed (6); ocf:heartbeat:Dummy said: INFO: starting | ERROR: no such device"
    ]


def test_an_operation_over_its_time_gets_term_then_kill_and_is_reported_as_timeout() -> None:
    node = Node.ready()
    node.order(operation("db", "start", timeout_ms=10_000))
    node.advance(11_000)
    assert node.signals == [(1, SIGTERM)]
    assert node.finished() == []
    node.advance(13_000)
    assert node.signals == [(1, SIGTERM), (1, SIGKILL)]
    node.end("db", 0, signal=SIGKILL)
    result = node.finished()[0]
    assert (result.exit_code, result.status) == (OcfExit.GENERIC, OperationStatus.TIMEOUT)
    assert "10000 ms" in result.exit_reason


def test_what_a_timed_out_agent_left_of_its_group_is_killed_although_the_agent_obeyed_term() -> None:
    node = Node.ready()
    node.order(operation("db", "start", timeout_ms=10_000))
    node.advance(11_000)
    node.end("db", 0, signal=SIGTERM)
    assert node.signals == [(1, SIGTERM), (1, SIGKILL)]


def test_an_agent_that_outlives_sigkill_is_reported_but_its_resource_stays_blocked() -> None:
    node = Node.ready()
    node.order(operation("nfs", "stop", timeout_ms=10_000))
    node.order(operation("nfs", "monitor"))
    node.advance(20_000)
    assert node.told() == ["nfs stop TIMEOUT 1"]
    assert node.begun == ["nfs stop"]
    assert "agent.stuck" in node.notes()
    node.end("nfs")
    assert node.told() == ["nfs stop TIMEOUT 1"]
    assert node.begun == ["nfs stop", "nfs monitor"]


def test_an_agent_ended_by_somebody_elses_signal_is_an_error() -> None:
    node = Node.ready()
    node.order(operation("db", "monitor"))
    node.end("db", 0, signal=SIGKILL)
    assert node.told() == ["db monitor ERROR 1"]
    assert "signal 9" in node.finished()[0].exit_reason


def test_an_agent_that_is_not_installed_is_a_result_like_any_other() -> None:
    node = Node.ready()
    node.order(operation("db", "monitor"))
    node.give(
        AgentNotRun(1, OcfExit.NOT_INSTALLED, OperationStatus.NOT_INSTALLED, "no agent ocf:heartbeat:Dummy", WALL)
    )
    assert node.told() == ["db monitor NOT_INSTALLED 5"]
    assert node.executor.active_order == ()


def test_a_start_delay_holds_the_operation_and_what_is_behind_it() -> None:
    node = Node.ready()
    node.order(operation("db", "start", start_delay_ms=3_000))
    node.order(operation("db", "stop"))
    assert node.begun == []
    node.advance(3_999)
    assert node.begun == []
    node.advance(4_000)
    assert node.begun == ["db start"]
    node.end("db")
    assert node.begun == ["db start", "db stop"]


def test_a_recurring_operation_stays_on_its_grid_however_long_an_execution_takes() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000))
    begun_at = [int(node.now)]
    for took_ms in (1_500, 14_000, 2_000):
        node.advance(node.now + took_ms)
        node.end("vip")
        while not node.running:
            node.advance(min(node.timers.values()))
        begun_at.append(int(node.now))
    # the second execution takes 14 s: the instant 21000 is skipped, and 31000 is not shifted
    assert begun_at == [1_000, 11_000, 31_000, 41_000]


def test_a_recurring_operation_reports_its_first_result_and_every_change() -> None:
    node = Node.ready()
    request = node.order(operation("vip", "monitor", 10_000))
    for exit_code in (0, 0, 7, 7, 0):
        node.end("vip", exit_code)
        node.advance(node.now + 10_000)
    assert node.told() == ["vip monitor DONE 0", "vip monitor DONE 7", "vip monitor DONE 0"]
    assert {(each.request, each.call_id, each.started_at) for each in node.finished()} == {(request, 1, 0)}


def test_a_recurring_operation_with_the_same_action_and_interval_replaces_the_old_one() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000, timeout_ms=1_000))
    node.order(operation("vip", "monitor", 10_000, timeout_ms=2_000))
    node.end("vip", 7)
    assert node.told() == []
    node.end("vip", 0)
    assert node.told() == ["vip monitor DONE 0"]
    assert node.finished()[0].operation.timeout_ms == 2_000
    assert [name for name in node.timers if name.startswith("recurring")] == ["recurring:monitor:10000:vip"]


def test_a_cancelled_operation_in_flight_is_waited_for_and_its_result_not_reported() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000))
    request = node.cancel("vip", "monitor", 10_000)
    assert node.told() == []
    node.end("vip", 7)
    assert node.told() == ["vip monitor CANCELLED 0"]
    assert node.finished()[0].request == request
    node.advance(60_000)
    assert node.begun == ["vip monitor"]


def test_a_cancel_between_executions_or_of_nothing_is_answered_at_once() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000))
    node.end("vip")
    first = node.cancel("vip", "monitor", 10_000)
    second = node.cancel("vip", "monitor", 10_000)
    third = node.cancel("nobody", "monitor", 5_000)
    answers = [each for each in node.finished() if each.status is OperationStatus.CANCELLED]
    assert [(each.request, each.call_id) for each in answers] == [(first, 1), (second, 0), (third, 0)]


def test_a_stop_ends_the_recurring_monitors_before_it_runs() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000))
    node.order(operation("vip", "stop"))
    node.end("vip", 7)
    node.end("vip", 0)
    node.advance(60_000)
    assert node.begun == ["vip monitor", "vip stop"]
    assert node.told() == ["vip stop DONE 0"]


def test_a_probe_that_finds_nothing_ends_the_monitors_of_what_ran_and_no_others() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000, transition_key="3:1:0:uuid"))
    node.end("vip", 0)
    node.order(operation("vip", "monitor", 15_000, transition_key="4:1:7:uuid"))
    node.end("vip", 7)
    node.run(operation("vip", "monitor", transition_key="5:2:7:uuid"), 7)
    begun = len(node.begun)
    node.advance(node.now + 14_000)
    assert node.begun[begun:] == []
    node.advance(node.now + 1_000)
    assert node.begun[begun:] == ["vip monitor"]


def test_a_probe_that_finds_the_resource_leaves_its_monitors_alone() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000, transition_key="3:1:0:uuid"))
    node.end("vip", 0)
    node.run(operation("vip", "monitor", transition_key="5:2:0:uuid"), 0)
    begun = len(node.begun)
    node.advance(node.now + 10_000)
    assert node.begun[begun:] == ["vip monitor"]


def test_a_controller_that_attaches_learns_history_monitors_and_what_is_in_flight() -> None:
    node = Node.ready()
    node.run(operation("vip", "start"))
    node.order(operation("vip", "monitor", 10_000))
    node.end("vip")
    node.order(operation("db", "start", transition_key="7:1:0:uuid"))
    node.give(CrmdGone())
    node.give(CrmdConnected())
    node.reports.clear()
    node.say(Hello("crmd"))
    table = node.reports[0]
    assert isinstance(table, ResourceTable)
    assert (table.active_order, table.newest_stamp) == (("vip", "db"), STAMP)
    vip, db = table.resources
    assert [(each.operation.action, each.exit_code) for each in vip.history] == [("start", 0), ("monitor", 0)]
    assert [(each.call_id, each.last_exit_code) for each in vip.recurring] == [(2, 0)]
    assert [each.transition_key for each in db.in_flight] == ["7:1:0:uuid"]
    assert not vip.unknown


def test_results_are_repeated_to_the_next_controller_until_they_are_acknowledged() -> None:
    node = Node.ready()
    node.run(operation("vip", "start"))
    node.run(operation("db", "start"))
    node.say(Acknowledge(1))
    node.give(CrmdGone())
    node.give(CrmdConnected())
    node.reports.clear()
    node.say(Hello("crmd"))
    assert node.told() == ["db start DONE 0"]
    assert node.finished()[0].request == 0


def test_a_result_that_comes_while_no_controller_is_there_waits_for_the_next_one() -> None:
    node = Node.ready()
    node.order(operation("db", "start"))
    node.give(CrmdGone())
    node.end("db")
    assert node.told() == []
    node.give(CrmdConnected())
    node.say(Hello("crmd"))
    assert node.told() == ["db start DONE 0"]


def test_an_acknowledgement_means_the_oldest_report_of_its_call() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor", 10_000))
    node.end("vip", 0)
    node.advance(11_000)
    node.end("vip", 7)
    node.say(Acknowledge(1))
    node.give(CrmdConnected())
    node.reports.clear()
    node.say(Hello("crmd"))
    assert node.told() == ["vip monitor DONE 7"]


def test_the_failed_result_stays_beside_the_good_one() -> None:
    node = Node.ready()
    node.run(operation("vip", "monitor", transition_key="1:1:7:u"), 7)
    node.run(operation("vip", "start", transition_key="2:1:0:u"), 1)
    node.run(operation("vip", "start", transition_key="3:2:0:u"), 0)
    node.give(CrmdConnected())
    node.say(Hello("crmd"))
    table = [each for each in node.reports if isinstance(each, ResourceTable)][-1]
    history = [(each.operation.action, each.exit_code) for each in table.resources[0].history]
    assert history == [("monitor", 7), ("start", 1), ("start", 0)]


def test_forget_drops_the_history_after_what_is_queued() -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor"))
    node.say(Forget(90, STAMP, "vip"))
    assert Forgotten(90, "vip") not in node.reports
    node.end("vip", 7)
    assert Forgotten(90, "vip") in node.reports
    assert node.directory.resources == {}
    node.say(Forget(91, STAMP, "vip"))
    assert Forgotten(91, "vip") in node.reports


def test_a_forgotten_resource_that_may_be_active_stays_in_the_order_of_start_until_a_probe() -> None:
    node = Node.ready()
    node.run(operation("vip", "start"))
    node.order(operation("vip", "monitor", 10_000))
    node.end("vip")
    node.say(Forget(90, STAMP, "vip"))
    assert node.executor.active_order == ("vip",)
    assert node.directory.resources["vip"].history == ()
    assert node.directory.resources["vip"].unknown
    node.run(operation("vip", "monitor"), 0)
    assert not node.directory.resources["vip"].unknown


def test_the_order_of_start_follows_starts_stops_and_probes() -> None:
    node = Node.ready()
    node.run(operation("fs", "monitor"), 0)
    node.run(operation("vip", "start"))
    node.run(operation("web", "start"), 1)
    assert list(node.directory.order) == ["fs", "vip", "web"]
    node.run(operation("fs", "stop"))
    node.run(operation("vip", "stop"), 1)
    assert list(node.directory.order) == ["vip", "web"]
    node.run(operation("web", "monitor"), 7)
    assert list(node.directory.order) == ["vip"]
    node.run(operation("fs", "start"))
    node.run(operation("vip", "start"))
    assert list(node.directory.order) == ["fs", "vip"]


def test_a_fence_agent_runs_outside_the_queues_and_is_answered() -> None:
    node = Node.ready()
    agent = AgentName("stonith", "", "fence_lab")
    node.say(RunOnce(5, agent, "reboot", 60_000, {"port": "n2"}))
    node.end("", 0, output="ok\n", errors="")
    assert node.reports[-1] == Ran(5, 0, OperationStatus.DONE, "ok\n", "", 5)
    assert node.directory.notes == {}


def test_a_fence_agent_can_be_given_up() -> None:
    node = Node.ready()
    node.say(RunOnce(5, AgentName("stonith", "", "fence_lab"), "reboot", 60_000))
    node.say(KillOnce(5))
    assert node.signals == [(1, SIGKILL)]
    node.end("", 0, signal=SIGKILL)
    answer = node.reports[-1]
    assert isinstance(answer, Ran)
    assert answer.status is OperationStatus.CANCELLED


def test_a_probe_of_a_fence_device_asks_whether_it_was_started_here() -> None:
    node = Node.ready()
    device = AgentName("stonith", "", "fence_lab")
    node.run(operation("ipmi", "monitor", agent=device), 0)
    node.run(operation("ipmi", "start", agent=device), 0)
    node.run(operation("ipmi", "monitor", agent=device), 1)
    assert node.told() == ["ipmi monitor DONE 7", "ipmi start DONE 0", "ipmi monitor DONE 0"]


def test_installed_agents_are_looked_up_by_the_shell_and_reported() -> None:
    node = Node.ready()
    assert node.say(ListAgents(3, "ocf", "heartbeat")) == [FindAgents(3, "ocf", "heartbeat")]
    node.give(AgentsFound(3, (DUMMY,)))
    assert node.reports[-1] == Agents(3, (DUMMY,))


def test_an_execution_is_saved_and_noted_before_the_agent_is_spawned() -> None:
    node = Node.ready()
    effects = node.say(Execute(1, STAMP, operation("vip", "start")))
    names = [type(effect).__name__ for effect in effects]
    assert names.index("SaveResource") < names.index("NoteOperation") < names.index("SpawnAgent")
    assert names.index("SaveOrder") < names.index("SpawnAgent")


def test_a_result_is_saved_before_it_is_reported_and_the_note_goes_last() -> None:
    node = Node.ready()
    node.order(operation("vip", "start"))
    names = [type(effect).__name__ for effect in node.end("vip")]
    assert names.index("SaveResource") < names.index("Report") < names.index("ClearNote")
