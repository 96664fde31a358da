"""What a result means, which changes abort, and what failures are called."""

import pytest

from cib.attribute_names import FailureName, fail_count_name, failures_of, last_failure_name
from cib.changes import (
    AttributeChanged,
    Change,
    CibAttributesChanged,
    ConfigurationChanged,
    DocumentReplaced,
    NodeStateChanged,
    OperationRecorded,
    ResourceHistoryRemoved,
)
from crmd.abort import abort_for
from crmd.judgement import FailureOffsets, Judgement, judge
from crmd.orders import TransitionKey, operation_of
from crmd.transition import Transition
from ipc.units import Milliseconds
from lrmd.messages import AgentName, Finished, Operation, OperationStatus
from pengine.graph import RSC_OP, Action, Graph, ResourceRef, Synapse

T0 = Milliseconds(0)
OFFSETS = FailureOffsets()


def transition(task: str = "start", interval: str = "0", **meta: str) -> Transition:
    attributes = {"CRM_meta_interval": interval, **{f"CRM_meta_{name}": value for name, value in meta.items()}}
    action = Action(
        4,
        RSC_OP,
        task,
        f"a_{task}_{interval}",
        "n1",
        "n1",
        resource=ResourceRef("a", "ocf", "x", "Dummy"),
        attributes=attributes,
    )
    running = Transition(
        7, Graph(1, 60_000, 60_000, "INFINITY", "INFINITY", 0, 0, None, (Synapse(0, 0, (action,), ()),)), "u"
    )
    running.start(T0)
    return running


def result(
    key: str = "4:7:0:u",
    code: int = 0,
    status: OperationStatus = OperationStatus.DONE,
    action: str = "start",
    interval_ms: int = 0,
) -> Finished:
    operation = Operation("a", AgentName("ocf", "x", "Dummy"), action, interval_ms, 1000, {}, transition_key=key)
    return Finished(0, 1, operation, None, code, status, "", "", 1, 1, 1, 0)


def test_the_expected_result_of_an_action_in_flight_confirms_it() -> None:
    assert judge(result(), transition(), "u", OFFSETS) == Judgement(4, "expected", "")


def test_another_exit_code_than_expected_fails_the_action() -> None:
    assert judge(result(code=1), transition(), "u", OFFSETS) == Judgement(4, "failed", "INFINITY")


def test_a_timeout_fails_the_action_whatever_the_exit_code() -> None:
    assert judge(result(status=OperationStatus.TIMEOUT), transition(), "u", OFFSETS).verdict == "failed"


def test_a_probe_that_finds_the_resource_fails_without_being_counted() -> None:
    probe = transition("monitor", op_target_rc="7")

    assert judge(result("4:7:7:u", 0, action="monitor"), probe, "u", OFFSETS) == Judgement(4, "failed", "")


def test_a_failed_start_counts_once_where_it_is_not_fatal() -> None:
    assert judge(result(code=1), transition(), "u", FailureOffsets("1", "INFINITY")).count == "value++"


def test_a_failed_monitor_counts_once() -> None:
    recurring = transition("monitor", "10000")

    assert judge(result("4:7:0:u", 7, action="monitor", interval_ms=10_000), recurring, "u", OFFSETS).count == "value++"


def test_on_fail_ignore_confirms_the_action_and_counts_all_the_same() -> None:
    ignored = transition(on_fail="ignore")

    assert judge(result(code=1), ignored, "u", OFFSETS) == Judgement(4, "expected", "INFINITY")


@pytest.mark.parametrize("key", ["4:6:0:u", "4:7:0:other", "", "nonsense"])
def test_a_result_of_another_transition_is_unexpected(key: str) -> None:
    assert judge(result(key), transition(), "u", OFFSETS).verdict == "unexpected"


def test_a_recurring_operation_that_says_again_that_all_is_well_changes_nothing() -> None:
    recurring = transition("monitor", "10000")
    recurring.confirm(4, T0)
    good = result("4:7:0:u", 0, action="monitor", interval_ms=10_000)

    assert judge(good, recurring, "u", OFFSETS) == Judgement(None, "known", "")


def test_a_recurring_operation_that_fails_later_is_unexpected_and_counted() -> None:
    recurring = transition("monitor", "10000")
    recurring.confirm(4, T0)
    bad = result("4:7:0:u", 7, action="monitor", interval_ms=10_000)

    assert judge(bad, recurring, "u", OFFSETS) == Judgement(None, "unexpected", "value++")


RECORDED = OperationRecorded("n1", "a", "a_last_0", "start", 0, "a_start_0", "k", "m", 0, 0, 3, 1, "")


@pytest.mark.parametrize(
    "change",
    [
        ConfigurationChanged(("resources",)),
        CibAttributesChanged((("have-quorum", "0"),), ()),
        NodeStateChanged("n1", (("crmd", "0"),), ()),
        RECORDED,
        ResourceHistoryRemoved("n1", "a"),
        AttributeChanged("n1", "standby", "on"),
        AttributeChanged("n1", "standby", None),
        DocumentReplaced(),
    ],
)
def test_what_others_change_aborts_with_a_reason(change: Change) -> None:
    abort = abort_for([change])

    assert abort is not None
    assert abort.reason


def test_attributes_of_the_document_that_nobody_computes_with_do_not_abort() -> None:
    assert abort_for([CibAttributesChanged((("dc-uuid", "n2"),), ("execution-date",))]) is None


def test_fail_counts_have_pacemakers_names_with_the_number_of_an_instance_that_is_told_apart() -> None:
    assert fail_count_name("vip", "monitor", 10_000) == "fail-count-vip#monitor_10000"
    assert last_failure_name("web:2", "start", 0) == "last-failure-web:2#start_0"
    assert FailureName.parse("fail-count-a#b#migrate_to_0") == FailureName("a#b", "migrate_to", 0)
    assert FailureName.parse("standby") is None


def test_failures_are_found_by_resource_operation_and_interval() -> None:
    names = ("fail-count-a#start_0", "last-failure-a#start_0", "fail-count-a#monitor_5000", "fail-count-b#start_0", "x")

    assert failures_of(names, "a") == names[:3]
    assert failures_of(names, "a", "monitor", 5000) == names[2:3]
    assert failures_of(names, "") == names[:4]


def test_the_failures_of_a_clone_are_those_of_all_its_instances_and_of_one_those_that_it_shares() -> None:
    apart, shared = ("fail-count-w:0#start_0", "fail-count-w:1#start_0"), ("fail-count-w#start_0",)
    assert failures_of(apart, "w") == apart
    assert failures_of(apart, "w:1") == apart[1:]
    assert failures_of(shared, "w:1") == shared


def test_a_transition_key_is_read_and_anything_else_is_none() -> None:
    assert TransitionKey.parse("4:7:0:a:b") == TransitionKey(4, 7, 0, "a:b")
    assert TransitionKey.parse("4:7:0") is None
    assert TransitionKey.parse("x:7:0:u") is None


def test_an_action_becomes_an_operation_with_parameters_and_meta_apart() -> None:
    attributes = {"crm_feature_set": "3", "ip": "10.0.0.1", "CRM_meta_timeout": "9000", "CRM_meta_interval": "5000"}
    action = Action(
        1,
        RSC_OP,
        "monitor",
        "a_monitor_5000",
        "n1",
        "n1",
        resource=ResourceRef("a", "ocf", "heartbeat", "IPaddr2"),
        attributes=attributes,
        parameters=[("1", "x")],
    )

    operation = operation_of(action, "k")

    assert operation.parameters == {"ip": "10.0.0.1", "1": "x"}
    assert operation.meta == {"CRM_meta_timeout": "9000", "CRM_meta_interval": "5000"}
    assert (operation.interval_ms, operation.timeout_ms) == (5000, 9000)
    assert str(operation.agent) == "ocf:heartbeat:IPaddr2"
