"""When nobody orders the stops: the messaging layer died, or the node leaves."""

from ipc.supervision import ExecutorState, StopEverything
from lrmd.events import CrmdGone, Exit, RebootNode, SupervisorGone
from lrmd.messages import Refused
from lrmd.resource import expected_exit
from tests.unit.lrmd.node import Node, operation


def started(*names: str) -> Node:
    """A node on which these were started, in this order."""
    node = Node.ready()
    for name in names:
        node.run(operation(name, "start", parameters={"name": name}))
    node.begun.clear()
    return node


def exits(node: Node) -> list[Exit]:
    return [effect for effect in node.effects if isinstance(effect, Exit)]


def test_without_a_controller_everything_is_stopped_in_reverse_order_of_start() -> None:
    node = started("fs", "vip", "web")
    node.give(CrmdGone())
    node.give(SupervisorGone())
    for name in ("web", "vip", "fs"):
        assert node.begun[-1] == f"{name} stop"
        assert len(node.running) == 1
        assert next(iter(node.running.values())).parameters == {"name": name}
        node.end(name)
    assert node.begun == ["web stop", "vip stop", "fs stop"]
    assert exits(node) == [Exit(0, "the messaging layer died")]


def test_its_own_stops_tell_which_result_was_expected() -> None:
    """Without that the policy engine takes the result for a failed stop."""
    node = started("vip")
    node.give(CrmdGone())
    node.give(SupervisorGone())
    (stop,) = node.running.values()
    assert expected_exit(stop.transition_key) == 0


def test_an_attached_controller_gets_the_chance_to_stop_everything_itself() -> None:
    node = started("fs", "vip")
    node.give(SupervisorGone())
    assert node.begun == []
    node.run(operation("vip", "stop"))
    node.run(operation("fs", "stop"))
    assert node.told()[-2:] == ["vip stop DONE 0", "fs stop DONE 0"]
    assert exits(node) == []
    node.give(CrmdGone())
    assert exits(node)[0].code == 0
    assert node.begun == ["vip stop", "fs stop"]


def test_meanwhile_only_stops_are_taken() -> None:
    node = started("vip")
    node.give(SupervisorGone())
    request = node.order(operation("db", "start"))
    assert node.reports[-1] == Refused(request, "only stops are taken: the messaging layer died")
    assert node.begun == []


def test_a_controller_that_takes_too_long_loses_the_chance() -> None:
    node = started("fs", "vip")
    node.give(SupervisorGone())
    node.order(operation("vip", "stop"))
    node.advance(node.now + 5_000)
    node.end("vip")
    assert node.begun == ["vip stop", "fs stop"]
    request = node.order(operation("fs", "stop"))
    assert any(isinstance(message, Refused) and message.request == request for message in node.reports)
    node.end("fs")
    assert exits(node)[0].code == 0


def test_a_controller_that_dies_meanwhile_loses_the_chance_at_once() -> None:
    node = started("vip")
    node.give(SupervisorGone())
    node.give(CrmdGone())
    assert node.begun == ["vip stop"]


def test_what_is_queued_is_dropped_and_what_is_in_flight_is_waited_for() -> None:
    node = started("fs")
    node.order(operation("db", "start"))
    node.order(operation("db", "promote"))
    node.order(operation("fs", "monitor", 10_000))
    node.give(CrmdGone())
    node.give(SupervisorGone())
    assert node.begun == ["db start", "fs monitor"]
    node.end("db")
    assert node.begun[-1] == "db stop"
    node.end("db")
    assert node.begun[-1] == "db stop"
    node.end("fs")
    assert node.begun[-1] == "fs stop"
    node.end("fs")
    assert "db promote" not in node.begun
    assert exits(node)[0].code == 0


def test_a_stop_that_fails_asks_for_a_reboot_and_the_others_are_stopped_all_the_same() -> None:
    node = started("fs", "vip")
    node.give(CrmdGone())
    node.give(SupervisorGone())
    node.end("vip", 1)
    reboots = [effect for effect in node.effects if isinstance(effect, RebootNode)]
    assert [effect.reason for effect in reboots] == ["vip could not be stopped: exit code 1 (the messaging layer died)"]
    assert "self-stop.failed" in node.notes()
    node.end("fs")
    assert exits(node) == [Exit(1, "the messaging layer died; not stopped: vip")]
    assert node.directory.order == ("vip",)
    assert node.directory.resources["vip"].unknown


def test_a_stop_that_hangs_is_killed_and_counts_as_failed() -> None:
    node = started("vip")
    node.order(operation("vip", "monitor", 10_000))
    node.end("vip")
    node.give(CrmdGone())
    node.give(SupervisorGone())
    node.advance(node.now + 30_000)
    assert [effect.code for effect in exits(node)] == [1]


def test_the_stop_has_the_limit_that_the_last_ordered_stop_had() -> None:
    node = Node.ready()
    node.run(operation("vip", "stop", timeout_ms=90_000))
    node.run(operation("vip", "start"))
    node.give(CrmdGone())
    node.give(SupervisorGone())
    stop = next(iter(node.running.values()))
    assert (stop.action, stop.timeout_ms, stop.meta["CRM_meta_timeout"]) == ("stop", 90_000, "90000")


def test_a_node_that_leaves_stops_what_is_left_and_ends() -> None:
    node = started("fs", "vip")
    node.give(StopEverything("the node leaves"))
    node.end("vip")
    node.end("fs")
    assert node.supervisor()[-1].message == ExecutorState(empty=True, settled=False)
    assert exits(node) == [Exit(0, "the node leaves")]
    order = [type(effect).__name__ for effect in node.effects if type(effect).__name__ in ("ToSupervisor", "Exit")]
    assert order[-2:] == ["ToSupervisor", "Exit"]


def test_a_node_that_runs_nothing_ends_at_once() -> None:
    node = Node.ready()
    node.give(StopEverything("the node leaves"))
    assert exits(node) == [Exit(0, "the node leaves")]


def test_a_regular_stop_raises_no_alarm() -> None:
    node = Node.ready()
    node.give(StopEverything("the node leaves"))
    assert "self-stop.begin" not in node.notes()


def test_while_everything_is_stopped_no_order_is_taken() -> None:
    node = started("vip")
    node.give(StopEverything("the node leaves"))
    request = node.order(operation("db", "start"))
    assert node.reports[-1] == Refused(request, "the executor stops everything itself: the node leaves")


def test_an_executor_restarted_in_the_middle_goes_on_with_what_is_left() -> None:
    old = started("fs", "vip")
    old.give(CrmdGone())
    old.give(SupervisorGone())
    new = Node(old.directory)
    new.recover()
    assert new.directory.resources["vip"].unknown
    new.give(SupervisorGone())
    assert new.begun == ["vip stop"]
    new.end("vip")
    new.end("fs")
    assert exits(new)[0].code == 0
