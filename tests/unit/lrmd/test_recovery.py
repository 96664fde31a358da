"""An executor that dies: what its successor finds, waits for, reports and goes on with."""

from ipc.note import Note
from ipc.supervision import ViewState
from lrmd.events import CrmdConnected, LeftoverGone, SavedResource, SupervisorConnected, ViewChanged
from lrmd.messages import AgentName, Hello, OcfExit, OperationStatus, ResourceTable, RunOnce
from tests.unit.lrmd.node import DUMMY, WALL, Node, RunDirectory, operation

SIGTERM, SIGKILL = 15, 9


def successor(old: Node, alive: tuple[int, ...] = (), generation: int = 7) -> Node:
    """Another executor on the same run directory, attached and in the same view."""
    node = Node(old.directory)
    node.now = old.now
    node.recover(alive)
    node.give(SupervisorConnected())
    node.give(ViewChanged(ViewState(number=1, generation=generation)))
    node.give(CrmdConnected())
    node.say(Hello("crmd"))
    return node


def table(node: Node) -> ResourceTable:
    return next(message for message in node.reports if isinstance(message, ResourceTable))


def test_healthy_resources_keep_their_monitors_on_the_same_grid_and_are_not_touched() -> None:
    old = Node.ready()
    old.run(operation("vip", "start"))
    old.order(operation("vip", "monitor", 10_000))
    old.end("vip")
    old.advance(5_000)
    new = successor(old)
    assert new.begun == []
    assert new.executor.active_order == ("vip",)
    assert not table(new).resources[0].unknown
    new.advance(10_999)
    assert new.begun == []
    new.advance(11_000)
    assert new.begun == ["vip monitor"]
    new.end("vip", 7)
    assert new.told()[-1] == "vip monitor DONE 7"
    assert new.finished()[-1].call_id == 2


def test_an_operation_that_is_still_running_is_waited_for_and_reported_as_unknown() -> None:
    old = Node.ready()
    old.order(operation("db", "start"))
    new = successor(old, alive=(1,))
    state = table(new).resources[0]
    assert [each.action for each in state.in_flight] == ["start"]
    assert new.told() == []
    new.order(operation("db", "monitor"))
    assert new.begun == []
    new.give(LeftoverGone(1, WALL))
    assert new.told() == ["db start ERROR 193"]
    assert new.begun == ["db monitor"]
    assert new.directory.resources["db"].unknown
    new.end("db", 0)
    assert not new.directory.resources["db"].unknown
    assert new.executor.active_order == ("db",)


def test_a_fence_device_whose_stop_was_lost_counts_as_not_started() -> None:
    """There is no process that could tell what became of it."""
    device = AgentName("stonith", "", "fence_lab")
    old = Node.ready()
    old.run(operation("ipmi", "start", agent=device))
    old.order(operation("ipmi", "stop", agent=device))
    new = successor(old)
    new.run(operation("ipmi", "monitor", agent=device), 0)
    assert new.told() == ["ipmi start DONE 0", "ipmi stop ERROR 193", "ipmi monitor DONE 7"]
    assert new.executor.active_order == ()


def test_a_leftover_keeps_what_is_left_of_its_time_and_is_then_killed() -> None:
    old = Node.ready()
    old.order(operation("db", "stop", timeout_ms=10_000))
    old.advance(8_000)
    new = successor(old, alive=(1,))
    new.advance(10_999)
    assert new.signals == []
    new.advance(11_000)
    assert new.signals == [(1, SIGTERM)]
    new.advance(13_000)
    assert new.signals == [(1, SIGTERM), (1, SIGKILL)]
    new.give(LeftoverGone(1, WALL))
    assert new.told() == ["db stop ERROR 193"]


def test_an_operation_whose_agent_ended_with_nobody_looking_is_unknown_at_once() -> None:
    old = Node.ready()
    old.order(operation("db", "start"))
    new = successor(old)
    assert new.told() == ["db start ERROR 193"]
    assert table(new).resources[0].unknown
    assert new.executor.active_order == ("db",)
    assert new.directory.notes == {}


def test_an_unknown_result_is_repeated_until_it_is_acknowledged() -> None:
    old = Node.ready()
    old.order(operation("db", "start"))
    middle = successor(old)
    new = successor(middle)
    assert new.told() == ["db start ERROR 193"]


def test_what_was_queued_behind_it_is_reported_as_without_result_too() -> None:
    old = Node.ready()
    old.order(operation("db", "start"))
    old.order(operation("db", "promote"))
    new = successor(old)
    assert sorted(new.told()) == ["db promote ERROR 193", "db start ERROR 193"]
    assert new.begun == []


def test_a_monitor_that_was_in_flight_is_run_again_and_nothing_is_reported_as_unknown() -> None:
    old = Node.ready()
    old.run(operation("vip", "start"))
    old.order(operation("vip", "monitor", 10_000))
    old.end("vip")
    old.advance(11_000)
    new = successor(old, alive=(3,))
    assert new.begun == []
    new.give(LeftoverGone(3, WALL))
    assert new.begun == ["vip monitor"]
    new.end("vip")
    assert "ERROR" not in " ".join(new.told())


def test_a_first_monitor_result_that_is_owed_is_still_given() -> None:
    old = Node.ready()
    old.order(operation("vip", "monitor", 10_000))
    new = successor(old)
    new.end("vip")
    assert new.told() == ["vip monitor DONE 0"]


def test_a_result_that_was_saved_before_the_note_went_is_not_doubted() -> None:
    old = Node.ready()
    old.order(operation("vip", "start"))
    note = old.directory.notes[1]
    old.end("vip")
    old.directory.notes[1] = note
    new = successor(old)
    assert new.told() == ["vip start DONE 0"]
    assert not table(new).resources[0].unknown
    assert new.directory.notes == {}


def test_a_fence_agent_that_nobody_waits_for_is_killed_at_once() -> None:
    old = Node.ready()
    old.say(RunOnce(1, AgentName("stonith", "", "fence_lab"), "off", 60_000))
    new = successor(old, alive=(1,))
    assert new.signals == [(1, SIGKILL)]
    new.give(LeftoverGone(1, WALL))
    assert new.directory.notes == {}
    assert new.told() == []


def test_call_ids_and_run_ids_are_never_given_again() -> None:
    old = Node.ready()
    old.run(operation("vip", "start"))
    old.order(operation("db", "start"))
    new = successor(old, alive=(2,))
    new.order(operation("vip", "monitor"))
    assert max(new.directory.notes) == 3
    assert new.directory.notes[3].call_id == 3


def test_the_messaging_layer_hears_that_leftovers_are_settled_only_when_they_are() -> None:
    old = Node.ready()
    old.order(operation("db", "start"))
    new = successor(old, alive=(1,))
    assert [(each.message.empty, each.message.settled) for each in new.supervisor()] == [(False, False)]
    new.give(LeftoverGone(1, WALL))
    assert [(each.message.empty, each.message.settled) for each in new.supervisor()][-1] == (False, True)


def test_a_new_generation_makes_what_runs_here_unknown_until_it_is_probed() -> None:
    old = Node.ready()
    old.run(operation("vip", "start"))
    new = successor(old, generation=8)
    assert table(new).resources[0].unknown


def test_a_resource_in_the_order_of_start_whose_record_is_lost_is_reported_loudly() -> None:
    node = Node(RunDirectory(order=("ghost",)))
    node.recover()
    notes = [effect for effect in node.effects if isinstance(effect, Note)]
    assert [(note.level, note.event) for note in notes] == [("critical", "registry.lost")]


def test_a_record_survives_a_round_through_the_run_directory() -> None:
    old = Node.ready()
    old.run(operation("vip", "start", parameters={"ip": "10.0.0.1"}, meta={"CRM_meta_timeout": "20000"}))
    old.run(operation("vip", "monitor", 10_000))
    record: SavedResource = old.directory.resources["vip"]
    new = successor(old)
    new.run(operation("vip", "monitor", 5_000))
    after = new.directory.resources["vip"]
    assert after.parameters == {}
    assert after.agent == record.agent == DUMMY
    assert [each.call_id for each in after.recurring] == [2, 3]
    assert [(each.call_id, each.exit_code, each.status) for each in after.history] == [
        (1, OcfExit.OK, OperationStatus.DONE),
        (2, OcfExit.OK, OperationStatus.DONE),
        (3, OcfExit.OK, OperationStatus.DONE),
    ]
