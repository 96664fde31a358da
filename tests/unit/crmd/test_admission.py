"""A node that comes up in a part of the cluster without quorum gets nothing there: the others hold it for down."""

from cib.configuration import ClusterOptions, cluster_options
from cib.document import Document
from cib.history import start
from cib.status_view import node_states
from cib.version import CibVersion
from crmd.admission import waits_for_quorum
from crmd.cib_view import NodeRow
from crmd.peer_messages import JoinRequest, Term
from lrmd.messages import ResourceTable
from tests.unit.crmd.cluster import Cluster, cib, dummy, option, running_cluster


def options(policy: str, *, stonith: bool) -> ClusterOptions:
    return cluster_options(
        Document.from_bytes(cib(stonith=stonith, options=option("no-quorum-policy", policy)).encode())
    )


FREEZE = options("freeze", stonith=True)
PENDING = NodeRow("n5", 1, 1, expected_member=False, pending=True)


def request(*active: str, met_quorum: bool = False, table: bool = True) -> JoinRequest:
    here = ResourceTable((), active, None) if table else None
    point = start(CibVersion(0, 1, 0), "")
    return JoinRequest(Term(1, 1, "n2"), 1, point, here, (), (), None, stopping=False, cold=True, met_quorum=met_quorum)


def test_a_node_that_has_been_in_no_quorate_view_waits_where_what_is_there_may_be_moved() -> None:
    assert waits_for_quorum(request(), None, FREEZE)
    assert not waits_for_quorum(request(met_quorum=True), None, FREEZE)


def test_a_controller_that_was_restarted_where_something_runs_does_not_wait() -> None:
    assert not waits_for_quorum(request("db"), None, FREEZE)


def test_a_node_that_waited_goes_on_waiting_when_it_tells_nothing_new() -> None:
    assert waits_for_quorum(request(table=False), PENDING, FREEZE)
    assert not waits_for_quorum(request(table=False), None, FREEZE)


def test_where_nothing_is_fenced_or_quorum_is_ignored_nobody_waits() -> None:
    assert not waits_for_quorum(request(), None, options("freeze", stonith=False))
    assert not waits_for_quorum(request(), None, options("ignore", stonith=True))


def joins(cluster: Cluster, witness: str) -> dict[str, str]:
    """How the nodes take part, as one of them has it."""
    controller = cluster.machines[witness].controller
    assert controller is not None
    return {state.uname: state.join for state in node_states(controller.document)}


def test_what_the_others_hold_for_down_gets_nothing_of_the_minority_before_they_meet() -> None:
    """n5 was fenced by the majority, came up with n2, and ran what n2 had to give; then the majority fenced n2 only."""
    frozen = cib(dummy("a"), stonith=True, options=option("no-quorum-policy", "freeze"))
    cluster = running_cluster("n1", "n2", "n3", "n4", "n5", cib=frozen)
    cluster.crash_and_view("n5")
    cluster.run(3000)
    cluster.settle()
    cluster.fence_ok = False  # n2 stays in reach of this test
    cluster.install("n1", "n3", "n4", lost=("n2",))
    cluster.machines["n2"].view = None
    cluster.boot("n5")
    cluster.run(20)
    cluster.install("n2", "n5", lost=("n1", "n3", "n4"))
    cluster.run(2000)

    assert joins(cluster, "n2")["n5"] == "pending"
    assert "a" not in cluster.machines["n5"].running
    cluster.install("n1", "n2", "n3", "n4", "n5")
    cluster.run(5000)
    cluster.settle()
    assert joins(cluster, "n2")["n5"] == "member"
