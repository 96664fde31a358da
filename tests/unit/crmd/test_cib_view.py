"""What the controller reads from the CIB, and what its writes make of it."""

from cib import history
from cib.document import Document
from cib.history import HistoryPoint
from cib.operations import apply_requests
from cib.requests import Request
from cib.status_view import node_states, transient_attributes
from crmd.cib_view import CibView
from crmd.peer_messages import PeerMessageError, Vote, decode, encode
from lrmd.messages import AgentName, Finished, Operation, OperationStatus, ResourceState, ResourceTable
from tests.unit.crmd.cluster import cib, dummy

AGENT = AgentName("ocf", "pacekeeper", "Dummy")


class Held:
    """A document that is written at once."""

    def __init__(self, xml: str) -> None:
        self.document = Document.from_bytes(xml.encode())
        self.view = CibView(self)
        self.view.wall = 1_700_000_000

    @property
    def point(self) -> HistoryPoint:
        return history.start(self.document.version, self.document.configuration_digest())

    def write(self, requests: list[Request]) -> None:
        apply_requests(self.document, requests)


def held(*nodes: str) -> Held:
    return Held(cib(dummy("a"), nodes=nodes))


def result(call_id: int, action: str = "start", code: int = 0, interval_ms: int = 0, changed: int = 5) -> Finished:
    operation = Operation("a", AGENT, action, interval_ms, 1000, {}, transition_key="1:1:0:u")
    return Finished(0, call_id, operation, None, code, OperationStatus.DONE, "", "", changed, changed, 1, 0)


def test_a_member_is_written_with_the_time_since_when_and_keeps_it() -> None:
    world = held("n1")
    world.write(world.view.member_joined("n1"))
    world.view.wall += 100
    world.write(world.view.member_joined("n1"))

    row = world.view.node_rows()["n1"]
    assert (row.in_ccm, row.online, row.expected_member) == (1_700_000_000, 1_700_000_000, True)


def test_a_lost_node_stays_expected_and_one_that_said_goodbye_does_not() -> None:
    world = held("n1", "n2")
    for name, clean in (("n1", False), ("n2", True)):
        world.write(world.view.member_joined(name))
        world.write(world.view.member_gone(name, clean=clean))

    rows = world.view.node_rows()
    assert [(rows[name].in_ccm, rows[name].expected_member) for name in ("n1", "n2")] == [(0, True), (0, False)]


def test_a_fenced_node_has_no_history_and_no_attributes() -> None:
    world = held("n1")
    world.write(world.view.member_joined("n1"))
    world.write(world.view.record_result("n1", result(1)))
    world.write(world.view.set_transient("n1", "x", "1"))
    world.write(world.view.fenced("n1"))

    assert world.view.history("n1") == ()
    assert world.view.transient("n1") == {}
    assert not world.view.node_rows()["n1"].expected_member


def test_a_count_begins_with_one_and_grows() -> None:
    world = held("n1")
    for _ in range(2):
        world.write(world.view.set_transient("n1", "fail-count-a#start_0", "value++"))

    assert world.view.transient("n1") == {"fail-count-a#start_0": "2"}


def test_a_result_is_known_when_it_or_a_later_one_of_the_resource_is_recorded() -> None:
    world = held("n1")
    world.write(world.view.record_result("n1", result(7, "stop")))

    assert world.view.is_recorded("n1", result(7, "stop"))
    assert world.view.is_recorded("n1", result(5, "start"))
    assert not world.view.is_recorded("n1", result(8, "start"))
    assert not world.view.is_same("n1", result(5, "start"))


def test_a_recurring_result_is_known_only_when_exactly_it_is_recorded() -> None:
    world = held("n1")
    world.write(world.view.record_result("n1", result(7, "monitor", 0, 10_000)))

    assert world.view.is_recorded("n1", result(7, "monitor", 0, 10_000))
    assert not world.view.is_recorded("n1", result(7, "monitor", 7, 10_000, changed=9))


def test_a_history_is_replaced_by_what_the_executor_has() -> None:
    world = held("n1")
    world.write(world.view.record_result("n1", result(40)))
    state = ResourceState("a", AGENT, (result(1, "monitor", 7), result(2, "start")), (), (), unknown=False)
    world.write(world.view.replace_history("n1", ResourceTable((state,), ("a",), None)))

    assert [(entry.entry, entry.operation, entry.call_id) for entry in world.view.history("n1")] == [
        ("a_last_failure_0", "monitor", 1),
        ("a_last_0", "start", 2),
    ]


def test_a_resource_whose_state_the_executor_does_not_know_has_no_history_so_that_it_is_probed() -> None:
    world = held("n1")
    world.write(world.view.record_result("n1", result(1, "monitor", 7)))
    state = ResourceState("a", AGENT, (result(1, "monitor", 7),), (), (), unknown=True)
    world.write(world.view.replace_history("n1", ResourceTable((state,), ("a",), None)))

    assert world.view.history("n1") == ()


def test_node_states_of_older_feature_sets_are_read_too() -> None:
    document = Document.from_bytes(
        b'<cib><configuration/><status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member"/>'
        b'<node_state id="2" uname="n2" in_ccm="false" crmd="offline"/><node_state id="r" remote_node="true"/>'
        b"</status></cib>"
    )

    assert [(row.uname, row.in_ccm, row.crmd) for row in node_states(document)] == [("n1", 1, 1), ("n2", 0, 0)]


def test_an_id_that_differs_from_the_name_is_used_for_all_that_is_written() -> None:
    world = Held(cib(dummy("a")).replace("<nodes>", '<nodes><node id="17" uname="n1"/>'))
    world.write(world.view.set_transient("n1", "x", "1"))

    assert transient_attributes(world.document, "17") == {"x": "1"}


def test_only_nodes_that_are_missing_are_entered() -> None:
    world = held("n1")
    world.view.voters = ("n1", "n2")
    world.write(world.view.missing_nodes())

    assert world.view.node_names() == ("n1", "n2")
    assert world.view.missing_nodes() == []


def test_a_permanent_attribute_goes_into_the_configuration_and_is_deleted_there() -> None:
    world = held("n1")
    world.write(world.view.set_attribute("n1", "standby", "on", permanent=True))
    assert b'name="standby" value="on"' in world.document.to_bytes()

    world.write(world.view.set_attribute("n1", "standby", None, permanent=True))
    assert b"standby" not in world.document.to_bytes()


def test_a_message_survives_the_wire_and_garbage_is_a_typed_error() -> None:
    vote = Vote(1, 2, 3, True, 4, 5)
    assert decode(encode(vote)) == vote

    for garbage in (b"", b"\xc1", b"\x81\xa4type\xa4Nope", encode(vote)[:-1]):
        try:
            decode(garbage)
        except PeerMessageError:
            continue
        raise AssertionError(f"{garbage!r} was taken for a message")
