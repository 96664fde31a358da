"""Results that come late never take the place of later ones."""

from cib.document import Document
from cib.history import HistoryPoint, start
from crmd.cib_view import CibView
from crmd.result_places import call_place, newest_calls, unknown_resources, with_a_place
from lrmd.messages import AgentName, Finished, OcfExit, Operation, OperationStatus, ResourceState, ResourceTable

DUMMY = AgentName("ocf", "heartbeat", "Dummy")


class Kept:
    """A replica, as far as reading goes."""

    def __init__(self, *entries: str) -> None:
        self.document = Document.from_bytes(
            b'<cib admin_epoch="0" epoch="1" num_updates="0"><configuration/><status><node_state id="n1" uname="n1">'
            b'<lrm id="n1"><lrm_resources><lrm_resource id="a" class="ocf" provider="heartbeat" type="Dummy">'
            + "".join(entries).encode()
            + b"</lrm_resource></lrm_resources></lrm></node_state></status></cib>"
        )

    @property
    def point(self) -> HistoryPoint:
        return start(self.document.version, self.document.configuration_digest())


def entry(identity: str, operation: str, interval_ms: int, call_id: int) -> str:
    return (
        f'<lrm_rsc_op id="{identity}" operation="{operation}" interval="{interval_ms}" call-id="{call_id}" '
        f'rc-code="0" op-status="0" last-rc-change="100"/>'
    )


def result(action: str, interval_ms: int, call_id: int, exit_code: int = 0) -> Finished:
    operation = Operation("a", DUMMY, action, interval_ms, 20_000, {})
    return Finished(0, call_id, operation, None, exit_code, OperationStatus.DONE, "", "", 90, 90, 1, 0)


def test_a_monitor_that_was_ordered_anew_is_past_the_results_of_the_old_one() -> None:
    view = CibView(Kept(entry("a_monitor_2000", "monitor", 2000, 15)))
    assert view.is_recorded("n1", result("monitor", 2000, 14))
    assert not view.is_recorded("n1", result("monitor", 2000, 16))


def test_a_change_that_the_same_monitor_tells_is_new() -> None:
    view = CibView(Kept(entry("a_monitor_2000", "monitor", 2000, 15)))
    assert not view.is_recorded("n1", result("monitor", 2000, 15, exit_code=7))


def test_another_monitor_says_nothing_about_this_one() -> None:
    view = CibView(Kept(entry("a_monitor_2000", "monitor", 2000, 15)))
    assert not view.is_recorded("n1", result("monitor", 10_000, 14))


def test_a_later_stop_is_past_an_earlier_start() -> None:
    view = CibView(Kept(entry("a_last_0", "stop", 0, 7)))
    assert view.is_recorded("n1", result("start", 0, 5))
    assert not view.is_recorded("n1", result("start", 0, 8))


def test_single_operations_share_a_place_and_each_recurring_one_has_its_own() -> None:
    history = (result("start", 0, 5), result("stop", 0, 7), result("monitor", 2000, 6))
    table = ResourceTable((ResourceState("a", DUMMY, history, (), (), unknown=False),), (), None)
    assert newest_calls(table) == {call_place(history[0]): 7, call_place(history[2]): 6}
    assert newest_calls(None) == {}


def test_the_word_of_a_monitor_alone_is_no_history() -> None:
    """A resource with such a history would not be probed, although nobody knows whether it runs."""
    monitor, start = result("monitor", 2000, 6), result("start", 0, 5)
    assert with_a_place((monitor,), lambda _resource: False) == ()
    assert with_a_place((monitor,), lambda _resource: True) == (monitor,)
    assert with_a_place((start, monitor), lambda _resource: False) == (start, monitor)


def test_a_result_that_was_lost_removes_the_place_of_the_monitors_that_come_with_it() -> None:
    lost, monitor = result("stop", 0, 7, exit_code=int(OcfExit.UNKNOWN)), result("monitor", 2000, 6)
    assert with_a_place((lost, monitor), lambda _resource: True) == (lost,)


def test_only_a_probe_or_another_single_operation_counts_as_history() -> None:
    assert CibView(Kept(entry("a_last_0", "monitor", 0, 7))).has_single_result("n1", "a")
    assert not CibView(Kept(entry("a_monitor_2000", "monitor", 2000, 15))).has_single_result("n1", "a")


def test_an_executor_tells_of_which_resource_it_does_not_know_the_state() -> None:
    known = ResourceState("a", DUMMY, (), (), (), unknown=False)
    unknown = ResourceState("b", DUMMY, (), (), (), unknown=True)
    assert unknown_resources(ResourceTable((known, unknown), (), None)) == {"b"}
    assert unknown_resources(None) == set()
