"""The member's small cores: results on their way, requests to lrmd, stopping by itself."""

from crmd.events import ToExecutor
from crmd.peer_messages import CancelOrder, ForgetOrder, Order, OrderDone, ResultKey, result_key
from crmd.recorder import RESEND_TIMER, Recorder, SendResults
from crmd.shutdown import ActiveResources, AllStopped, LocalStop, StopNext, local_stamp
from crmd.workbook import Keep, Local, LocalRefused, TellDc, Workbook
from ipc.timers import CancelTimer
from ipc.units import Milliseconds
from lrmd.messages import (
    Acknowledge,
    AgentName,
    Execute,
    Finished,
    Forgotten,
    Operation,
    OperationStatus,
    OrderStamp,
    Refused,
    ResourceState,
    ResourceTable,
)

T0 = Milliseconds(0)
STAMP = OrderStamp(1, 1, "n1", 3)
AGENT = AgentName("ocf", "pacekeeper", "Dummy")


def operation(resource: str = "a", action: str = "start", interval_ms: int = 0, key: str = "1:3:0:u") -> Operation:
    return Operation(resource, AGENT, action, interval_ms, 20_000, {}, transition_key=key)


def finished(
    call_id: int,
    of: Operation | None = None,
    code: int = 0,
    status: OperationStatus = OperationStatus.DONE,
    request: int = 0,
    changed: int = 100,
) -> Finished:
    return Finished(request, call_id, of or operation(), STAMP, code, status, "", "", changed, changed, 5, 0)


class TestRecorder:
    def test_a_result_is_sent_until_the_dc_wrote_it_and_only_then_acknowledged_to_lrmd(self) -> None:
        recorder = Recorder(2000)
        result = finished(4)
        assert isinstance(recorder.keep(result, T0)[0], SendResults)

        assert isinstance(recorder.expired(Milliseconds(2000))[0], SendResults)
        effects = recorder.recorded((result_key(result),))

        assert effects == [ToExecutor(Acknowledge(4)), CancelTimer(RESEND_TIMER)]
        assert recorder.expired(Milliseconds(4000)) == []

    def test_a_recurring_operation_is_acknowledged_only_when_its_newest_result_is_written(self) -> None:
        recorder = Recorder(2000)
        failed, good = finished(4, code=7, changed=100), finished(4, code=0, changed=130)
        recorder.keep(failed, T0)
        recorder.keep(good, T0)

        assert recorder.recorded((result_key(failed),)) == []
        assert recorder.recorded((result_key(good),))[0] == ToExecutor(Acknowledge(4))

    def test_results_are_told_in_the_order_in_which_they_came(self) -> None:
        recorder = Recorder(2000)
        for call_id in (3, 1, 2):
            recorder.keep(finished(call_id), T0)

        assert [result.call_id for result in recorder.unrecorded()] == [3, 1, 2]

    def test_a_word_about_a_result_that_is_not_open_changes_nothing(self) -> None:
        assert Recorder(2000).recorded((ResultKey(9, 0, 0, 1),)) == []


class TestWorkbook:
    def test_an_orders_result_is_kept_for_the_cib(self) -> None:
        book = Workbook()
        book.order(Order(STAMP, operation()))
        result = finished(1, request=1)

        assert book.in_flight() == (operation(),)
        assert book.finished(result) == [Keep(result)]
        assert book.in_flight() == ()

    def test_a_refused_order_is_told_to_the_dc_with_the_reason(self) -> None:
        book = Workbook()
        book.order(Order(STAMP, operation()))

        assert book.refused(Refused(1, "stale")) == [TellDc(OrderDone("1:3:0:u", "refused", "stale"))]

    def test_the_end_of_a_recurring_operation_is_answered_without_a_result_for_the_cib(self) -> None:
        book = Workbook()
        book.cancel(CancelOrder(STAMP, "5:3:0:u", "a", "monitor", 10_000))
        result = finished(1, operation("a", "monitor", 10_000), status=OperationStatus.CANCELLED, request=1)

        assert book.finished(result) == [TellDc(OrderDone("5:3:0:u", "done"))]

    def test_a_notification_is_answered_without_a_result_for_the_cib(self) -> None:
        book = Workbook()
        book.order(Order(STAMP, operation(action="notify")))

        assert book.finished(finished(1, operation(action="notify"), request=1)) == [
            TellDc(OrderDone("1:3:0:u", "done"))
        ]

    def test_forgetting_is_answered_with_its_error(self) -> None:
        book = Workbook()
        book.forget(ForgetOrder(STAMP, "6:3:0:u", "a"))

        assert book.forgotten(Forgotten(1, "a", "busy")) == [TellDc(OrderDone("6:3:0:u", "failed", "busy"))]

    def test_what_a_new_lrmd_does_not_know_was_lost_and_the_dc_is_told(self) -> None:
        book = Workbook()
        book.order(Order(STAMP, operation("a", key="1:3:0:u")))
        book.order(Order(STAMP, operation("b", key="2:3:0:u")))
        running = ResourceState("b", AGENT, (), (), (operation("b", key="2:3:0:u"),), unknown=False)

        effects = book.table(ResourceTable((running,), (), None))

        assert effects == [TellDc(OrderDone("1:3:0:u", "failed", "lost with the executor"))]
        assert [each.resource for each in book.in_flight()] == ["b"]

    def test_what_was_ordered_after_the_hello_that_a_slow_lrmd_answers_is_still_open(self) -> None:
        book = Workbook()
        book.order(Order(STAMP, operation("a", key="1:3:0:u")))
        book.greeted()
        book.order(Order(STAMP, operation("b", key="2:3:0:u")))

        effects = book.table(ResourceTable((), (), None))

        assert effects == [TellDc(OrderDone("1:3:0:u", "failed", "lost with the executor"))]
        assert [each.resource for each in book.in_flight()] == ["b"]

    def test_the_result_that_a_new_lrmd_tells_without_the_request_ends_the_order(self) -> None:
        book = Workbook()
        book.order(Order(STAMP, operation("b")))
        book.table(ResourceTable((ResourceState("b", AGENT, (), (), (operation("b"),), unknown=False),), (), None))
        lost = finished(1, operation("b"), code=193, status=OperationStatus.ERROR)

        assert book.finished(lost) == [Keep(lost)]
        assert book.in_flight() == ()

    def test_a_new_controller_learns_what_is_in_flight_from_lrmd(self) -> None:
        book = Workbook()
        running = ResourceState("b", AGENT, (), (), (operation("b"),), unknown=False)
        book.table(ResourceTable((running,), (), None))

        assert book.in_flight() == (operation("b"),)
        book.finished(finished(1, operation("b")))
        assert book.in_flight() == ()

    def test_recurring_operations_are_not_waited_for(self) -> None:
        book = Workbook()
        book.order(Order(STAMP, operation("a", "monitor", 10_000)))

        assert book.in_flight() == ()

    def test_an_operation_of_ones_own_is_reported_as_such(self) -> None:
        book = Workbook()
        book.local(local_stamp("n1"), operation(action="stop"))
        result = finished(1, operation(action="stop"), request=1)

        assert book.finished(result) == [Keep(result), Local(result)]

    def test_an_operation_of_ones_own_that_lrmd_refuses_is_reported_as_such(self) -> None:
        book = Workbook()
        book.local(local_stamp("n1"), operation(action="stop"))

        assert book.refused(Refused(1, "no")) == [LocalRefused("a")]


class TestStopping:
    def started(self, *names: str) -> ActiveResources:
        active = ActiveResources()
        for number, name in enumerate(names):
            active.finished(finished(number, operation(name)))
        return active

    def test_what_was_started_last_is_stopped_first_and_one_at_a_time(self) -> None:
        active, stop = self.started("a", "b"), LocalStop()

        first = stop.begin(active)
        assert [e.operation.resource for e in first if isinstance(e, StopNext)] == ["b"]
        done = finished(9, operation("b", "stop"))
        active.finished(done)
        second = stop.finished(done, active)
        assert [e.operation.resource for e in second if isinstance(e, StopNext)] == ["a"]

    def test_a_stop_that_fails_is_named_at_the_end_and_does_not_keep_the_rest(self) -> None:
        active, stop = self.started("a", "b"), LocalStop()
        stop.begin(active)
        failed = finished(9, operation("b", "stop"), code=1)
        active.finished(failed)
        stop.finished(failed, active)
        done = finished(10, operation("a", "stop"))
        active.finished(done)

        assert stop.finished(done, active) == [AllStopped(("b",))]

    def test_with_nothing_active_it_is_over_at_once(self) -> None:
        assert LocalStop().begin(ActiveResources()) == [AllStopped(())]

    def test_a_new_lrmd_gets_the_stop_that_the_old_one_may_have_lost(self) -> None:
        active, stop = self.started("a"), LocalStop()
        stop.begin(active)

        assert [e.operation.resource for e in stop.again(active) if isinstance(e, StopNext)] == ["a"]

    def test_a_stop_has_the_parameters_of_the_last_operation(self) -> None:
        active = ActiveResources()
        start = Operation("a", AGENT, "start", 0, 1000, {"ip": "10.0.0.1"}, {"CRM_meta_timeout": "90000"})
        active.finished(finished(1, start))

        stop = active.stop_of("a")

        assert (stop.action, stop.parameters, stop.timeout_ms) == ("stop", {"ip": "10.0.0.1"}, 90_000)

    def test_a_probe_that_finds_nothing_makes_nothing_active(self) -> None:
        active = self.started("a")
        active.finished(finished(5, operation("a", "monitor"), code=7))

        assert active.names() == ()

    def test_ones_own_orders_name_no_view(self) -> None:
        book = Workbook()
        effect = book.local(local_stamp("n1"), operation(action="stop"))[0]

        assert isinstance(effect, ToExecutor)
        assert isinstance(effect.message, Execute)
        assert effect.message.stamp.view == 0
