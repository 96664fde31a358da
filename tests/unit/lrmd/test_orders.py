"""Which orders the executor takes: never those of a DC, a view or a transition of the past."""

import pytest

from ipc.supervision import ViewState
from lrmd.events import SupervisorConnected, ViewChanged
from lrmd.messages import Accepted, Cancel, Execute, Finished, Forget, OrderStamp, Refused
from tests.unit.lrmd.node import Node, operation


def stamp(view: int, round_: int = 1, dc: str = "n1", transition: int = 1) -> OrderStamp:
    return OrderStamp(view, round_, dc, transition)


def refusal(node: Node, request: int) -> str | None:
    """Why the request was refused; None when it was accepted."""
    for message in node.reports:
        if isinstance(message, Refused) and message.request == request:
            return message.reason
    assert any(isinstance(message, Accepted) and message.request == request for message in node.reports)
    return None


def test_orders_of_the_newest_dc_are_taken_in_any_newer_transition() -> None:
    node = Node.ready()
    for transition in (1, 1, 2, 9):
        assert refusal(node, node.order(operation("vip", "monitor"), stamp(1, transition=transition))) is None


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (stamp(3, 2, "n2", 5), "view 3 round 2, n1 has ordered in view 4 round 2"),
        (stamp(4, 1, "n2", 50), "view 4 round 1, n1 has ordered in view 4 round 2"),
        (stamp(4, 2, "n2", 50), "ordered by n2"),
        (stamp(4, 2, "n1", 2), "transition 2, n1 has ordered in view 4 round 2 transition 3"),
    ],
    ids=["older view", "older round", "another DC of the same round", "older transition"],
)
def test_an_order_older_than_the_newest_seen_is_refused_and_named_stale(late: OrderStamp, expected: str) -> None:
    node = Node.ready()
    node.order(operation("vip", "monitor"), stamp(4, 2, "n1", 3))
    reason = refusal(node, node.order(operation("db", "start"), late))
    assert reason is not None
    assert expected in reason
    assert "db start" not in node.begun
    assert "order.stale" in node.notes()


def test_a_view_that_is_installed_makes_orders_of_earlier_views_stale_even_if_none_came_in_it() -> None:
    node = Node.ready()
    node.give(ViewChanged(ViewState(number=6, generation=7)))
    reason = refusal(node, node.order(operation("vip", "start"), stamp(5)))
    assert reason == "ordered in view 5, view 6 holds"
    assert node.begun == []


def test_an_order_of_a_view_that_the_messaging_layer_told_the_controller_first_is_taken() -> None:
    node = Node.ready()
    assert refusal(node, node.order(operation("vip", "start"), stamp(2))) is None


def test_outside_a_view_every_order_is_refused() -> None:
    node = Node.ready()
    node.give(ViewChanged(ViewState(number=0, generation=7)))
    for request, message in (
        (1, Execute(1, stamp(9), operation("vip", "start"))),
        (2, Execute(2, stamp(9), operation("vip", "stop"))),
        (3, Cancel(3, stamp(9), "vip", "monitor", 10_000)),
        (4, Forget(4, stamp(9), "vip")),
    ):
        node.say(message)
        assert Refused(request, "this node is in no view") in node.reports
    assert node.begun == []


def test_before_the_first_view_is_known_every_order_is_refused() -> None:
    node = Node()
    node.recover()
    node.give(SupervisorConnected())
    node.order(operation("vip", "start"))
    assert node.begun == []


def test_the_local_controller_may_stop_a_resource_while_its_node_is_in_no_view() -> None:
    node = Node.ready()
    node.run(operation("vip", "start"))
    node.order(operation("vip", "monitor", 10_000))
    node.end("vip")
    node.give(ViewChanged(ViewState(number=0, generation=7)))
    node.say(Cancel(50, stamp(0, dc=""), "vip", "monitor", 10_000))
    assert [each.request for each in node.finished()][-1] == 50
    assert refusal(node, node.order(operation("vip", "stop"), stamp(0, dc=""))) is None
    assert node.begun[-1] == "vip stop"


def test_a_local_order_that_is_no_stop_is_refused() -> None:
    node = Node.ready()
    reason = refusal(node, node.order(operation("vip", "start"), stamp(0, dc="")))
    assert reason == "an order without a view may only stop a resource"


def test_a_local_stop_does_not_change_which_dc_is_the_newest() -> None:
    node = Node.ready()
    node.order(operation("db", "monitor"), stamp(1, transition=4))
    node.order(operation("vip", "stop"), stamp(0, dc="", transition=99))
    assert refusal(node, node.order(operation("db", "monitor"), stamp(1, transition=4))) is None


def test_a_new_executor_remembers_the_newest_order_of_the_old_one() -> None:
    old = Node.ready()
    old.run(operation("vip", "start"), 0)
    old.order(operation("db", "monitor"), stamp(4, 2, "n1", 3))
    old.end("db", 7)
    new = Node.ready(old.directory)
    reason = refusal(new, new.order(operation("db", "start"), stamp(4, 1, "n2", 9)))
    assert reason is not None
    assert "n1 has ordered in view 4 round 2" in reason


def test_a_refused_order_leaves_nothing_behind() -> None:
    node = Node.ready()
    before = dict(node.directory.resources)
    node.order(operation("ghost", "start"), stamp(0, dc=""))
    assert node.directory.resources == before
    assert not [message for message in node.reports if isinstance(message, Finished)]
