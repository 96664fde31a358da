"""The status section: what is written, in Pacemaker's format, and what a patch of it says."""

import msgspec

from cib.changes import (
    AttributeChanged,
    AttributesRemoved,
    Change,
    CibAttributesChanged,
    ConfigurationChanged,
    NodeStateChanged,
    NodeStateRemoved,
    OperationForgotten,
    OperationRecorded,
    ResourceHistoryRemoved,
    classify,
)
from cib.document import Document
from cib.initial import empty_document
from cib.operations import Request, apply_requests
from cib.settings import add_node, delete_node_attribute, set_node_attribute, set_property
from cib.status import (
    HistoryResource,
    NodeStateUpdate,
    OperationRecord,
    delete_history,
    delete_history_entry,
    delete_node_state,
    delete_transient_attribute,
    delete_transient_attributes,
    failed,
    history_ids,
    record_operation,
    replace_history,
    set_transient_attribute,
    update_cib_attributes,
    update_node_state,
)

VIP = HistoryResource("vip", "ocf", "heartbeat", "IPaddr2")
START = OperationRecord(
    "start", 0, "5:3:0:uuid", 0, 0, 7, "n1", last_rc_change=1700000000, exec_ms=40, queue_ms=1, digest="d"
)
MONITOR = OperationRecord("monitor", 10_000, "6:3:0:uuid", 0, 0, 8, "n1", last_rc_change=1700000001)
FAILED = OperationRecord(
    "monitor", 10_000, "6:3:0:uuid", 7, 0, 8, "n1", exit_reason='not "up"', last_rc_change=1700000002
)


def after(document: Document, *requests: Request) -> list[Change]:
    """Carry the requests out as one and return what the patch says."""
    patch = apply_requests(document, requests).patch
    return classify(patch, document) if patch is not None else []


def with_state() -> Document:
    document = empty_document()
    after(document, update_node_state(NodeStateUpdate("1", "n1", 1700000000, 1700000001, "member", "member")))
    return document


def test_a_node_state_is_created_and_updated() -> None:
    document = with_state()
    [change] = after(document, update_node_state(NodeStateUpdate("1", "n1", crmd=0, join="down")))
    assert isinstance(change, NodeStateChanged)
    assert change.node == "n1"
    assert change.changed == (("crmd", "0"), ("join", "down"))
    assert dict(change.attributes)["in_ccm"] == "1700000000"


def test_an_update_that_changes_nothing_makes_no_patch() -> None:
    document = with_state()
    assert after(document, update_node_state(NodeStateUpdate("1", "n1", join="member"))) == []


def test_a_result_is_recorded_as_pacemaker_does() -> None:
    document = with_state()
    after(document, record_operation("1", VIP, START))
    entry = document.find(
        "/cib/status/node_state[@id='1']/lrm[@id='1']/lrm_resources/lrm_resource[@id='vip']/lrm_rsc_op[@id='vip_last_0']"
    )
    assert entry is not None
    values = {str(name): str(value) for name, value in entry.attrib.items()}
    assert values | {"crm-debug-origin": "", "crm_feature_set": ""} == {
        "id": "vip_last_0",
        "operation_key": "vip_start_0",
        "operation": "start",
        "crm-debug-origin": "",
        "crm_feature_set": "",
        "transition-key": "5:3:0:uuid",
        "transition-magic": "0:0;5:3:0:uuid",
        "exit-reason": "",
        "on_node": "n1",
        "call-id": "7",
        "rc-code": "0",
        "op-status": "0",
        "interval": "0",
        "last-rc-change": "1700000000",
        "exec-time": "40",
        "queue-time": "1",
        "op-digest": "d",
    }


def test_a_patch_tells_the_result_that_was_recorded() -> None:
    document = with_state()
    [change] = after(document, record_operation("1", VIP, FAILED))
    assert change == OperationRecorded(
        node="n1",
        resource="vip",
        entry="vip_last_failure_0",
        operation="monitor",
        interval_ms=10_000,
        operation_key="vip_monitor_10000",
        transition_key="6:3:0:uuid",
        transition_magic="0:7;6:3:0:uuid",
        rc=7,
        status=0,
        call_id=8,
        last_rc_change=1700000002,
        exit_reason='not "up"',
    )


def test_a_result_that_overwrites_another_is_told_too() -> None:
    document = with_state()
    after(document, record_operation("1", VIP, MONITOR))
    later = OperationRecord("monitor", 10_000, "9:4:0:uuid", 0, 0, 9, "n1")
    [change] = after(document, record_operation("1", VIP, later))
    assert isinstance(change, OperationRecorded)
    assert (change.call_id, change.transition_key) == (9, "9:4:0:uuid")


def test_results_go_to_the_entries_that_pacemaker_uses() -> None:
    assert history_ids("vip", START) == ("vip_last_0",)
    assert history_ids("vip", MONITOR) == ("vip_monitor_10000",)
    assert history_ids("vip", FAILED) == ("vip_last_failure_0",)
    failed_start = OperationRecord("start", 0, "5:3:0:uuid", 1, 0, 7, "n1")
    assert history_ids("vip", failed_start) == ("vip_last_failure_0", "vip_last_0")
    migrate = OperationRecord("migrate_to", 0, "5:3:0:uuid", 0, 0, 7, "n1")
    assert history_ids("vip", migrate) == ("vip_migrate_to_0",)
    pending = OperationRecord("start", 0, "5:3:0:uuid", 193, -1, -1, "n1")
    assert history_ids("vip", pending) == ("vip_last_0",)


def test_what_was_expected_is_no_failure() -> None:
    probe = OperationRecord("monitor", 0, "5:3:7:uuid", 7, 0, 7, "n1")
    assert not failed(probe)
    assert failed(OperationRecord("monitor", 0, "5:3:7:uuid", 0, 0, 7, "n1"))
    assert failed(OperationRecord("start", 0, "5:3:0:uuid", 0, 2, 7, "n1"))


def test_the_history_of_a_joining_node_is_replaced() -> None:
    document = with_state()
    after(document, record_operation("1", HistoryResource("old", "lsb", "", "x"), START))
    changes = after(document, *replace_history("1", [(VIP, (START, MONITOR))]))
    assert [type(change).__name__ for change in changes] == [
        "ResourceHistoryRemoved",
        "OperationRecorded",
        "OperationRecorded",
    ]


def test_removals_are_told() -> None:
    document = with_state()
    after(document, record_operation("1", VIP, START), record_operation("1", VIP, MONITOR))
    after(document, set_transient_attribute("1", "shutdown", "1"))
    assert after(document, delete_history_entry("1", "vip", "vip_monitor_10000")) == [
        OperationForgotten("n1", "vip", "vip_monitor_10000")
    ]
    assert after(document, delete_history("1", "vip")) == [ResourceHistoryRemoved("n1", "vip")]
    assert after(document, delete_history("1")) == [ResourceHistoryRemoved("n1", "")]
    assert after(document, delete_transient_attributes("1")) == [AttributesRemoved("n1")]
    assert after(document, delete_node_state("1")) == [NodeStateRemoved("1")]


def test_a_fail_count_counts_up_and_is_told_by_its_name() -> None:
    document = with_state()
    name = "fail-count-vip#monitor_10000"
    assert after(document, set_transient_attribute("1", name, "1")) == [AttributeChanged("n1", name, "1")]
    assert after(document, set_transient_attribute("1", name, "value++")) == [AttributeChanged("n1", name, "2")]
    infinite = set_transient_attribute("1", name, "value+=INFINITY")
    assert after(document, infinite) == [AttributeChanged("n1", name, "INFINITY")]
    [gone] = after(document, delete_transient_attribute("1", name))
    assert gone == AttributeChanged("n1", "fail-count-vip.monitor_10000", None)


def test_the_dc_and_the_quorum_are_attributes_of_the_document() -> None:
    document = empty_document()
    [change] = after(document, update_cib_attributes(have_quorum="1", dc_uuid="n1"))
    assert change == CibAttributesChanged((("have-quorum", "1"), ("dc-uuid", "n1")), ())


def test_a_configuration_change_names_its_sections() -> None:
    document = empty_document()
    changes = after(document, add_node("1", "n1"), set_property("stonith-enabled", "false"))
    assert changes == [ConfigurationChanged(("nodes", "crm_config"))]


def test_a_permanent_attribute_can_be_set_and_deleted() -> None:
    document = empty_document()
    after(document, add_node("1", "n1"), set_node_attribute("1", "standby", "on"))
    assert b'name="standby" value="on"' in document.to_bytes()
    after(document, delete_node_attribute("1", "standby"))
    assert b"standby" not in document.to_bytes()


def test_output_that_is_no_xml_text_is_made_harmless() -> None:
    document = with_state()
    odd = OperationRecord("start", 0, "5:3:0:uuid", 1, 0, 7, "n1", exit_reason="bell \a, tag <x>, line\n")
    [failure, _] = after(document, record_operation("1", VIP, odd))
    assert isinstance(failure, OperationRecorded)
    assert failure.exit_reason == "bell ?, tag <x>, line\n"


def test_what_an_agent_said_may_hold_characters_that_xml_can_not() -> None:
    document = with_state()
    said = 'bad <&> "q"\t\x00\x1b[31m\ufffe\uffff\ud800 \U0001f600'
    after(document, record_operation("1", VIP, msgspec.structs.replace(FAILED, exit_reason=said)))
    read_again = Document.from_bytes(document.to_bytes())
    assert read_again.root.xpath("string(//lrm_rsc_op/@exit-reason)") == 'bad <&> "q"\t??[31m??? \U0001f600'
