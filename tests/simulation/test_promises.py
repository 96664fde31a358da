"""What breaks a promise, one small history each."""

import pytest

from heartbeat.events import DurableState
from heartbeat.messages import Member, View
from heartbeat.packets import Accept, ViewId
from lab.simulator.invariants import Invariants
from lab.simulator.promises.broken import InvariantBroken
from lab.simulator.scenario import Scenario
from lab.simulator.world import World
from lrmd.messages import AgentName, Execute, Operation, OrderStamp

NODES = ("n1", "n2", "n3")
BOTH = View(4, "n1", (Member("n1", 1), Member("n2", 1)))
ALONE = View(5, "n3", (Member("n3", 1),))


def watched(*, fencing: bool = True) -> Invariants:
    return Invariants(World(1), Scenario(1, NODES, fencing, ()))


def start(view: int, dc: str, *, round_: int = 1) -> Execute:
    operation = Operation(
        "vip", AgentName("ocf", "heartbeat", "Dummy"), "start", 0, 20_000, {}, transition_key="1:1:0:u"
    )
    return Execute(1, OrderStamp(view, round_, dc, 1), operation)


def test_a_start_while_another_node_has_the_resource_breaks_promise_1() -> None:
    resources = watched().resources
    resources.activated("n1", "vip")
    with pytest.raises(InvariantBroken, match=r"promise 1 .* n1 still has it"):
        resources.activated("n2", "vip")


def test_without_fencing_that_is_no_promise() -> None:
    resources = watched(fencing=False).resources
    resources.activated("n1", "vip")
    resources.activated("n2", "vip")


def test_a_start_after_a_power_cut_that_nobody_confirmed_breaks_promise_5() -> None:
    resources = watched().resources
    resources.activated("n1", "vip")
    resources.gone("n1", "vip")
    with pytest.raises(InvariantBroken, match="promise 5"):
        resources.activated("n2", "vip")


@pytest.mark.parametrize("why", ["fenced", "joined", "stopped by order"])
def test_a_node_that_is_known_not_to_have_it_lets_others_start_it(why: str) -> None:
    resources = watched().resources
    resources.activated("n1", "vip")
    resources.gone("n1", "vip")
    match why:
        case "fenced":
            resources.down("n1")
        case "joined":
            resources.told("n1", ())
        case _:
            resources.stopped("n1", "vip", heard=True)
    resources.activated("n2", "vip")


def test_an_order_of_an_earlier_view_breaks_promise_2() -> None:
    invariants = watched()
    invariants.membership.installed("n1", BOTH)
    with pytest.raises(InvariantBroken, match=r"promise 2 .* view 4 in view 5"):
        invariants.orders.taken("n1", start(4, "n2"), told_view=5)


def test_two_dcs_of_one_round_break_promise_2() -> None:
    invariants = watched()
    for node in BOTH.names:
        invariants.membership.installed(node, BOTH)
    invariants.orders.taken("n1", start(4, "n1"), told_view=4)
    with pytest.raises(InvariantBroken, match=r"promise 2 .* both DC"):
        invariants.orders.taken("n2", start(4, "n2"), told_view=4)


def test_a_start_in_a_minority_breaks_promise_2() -> None:
    invariants = watched()
    invariants.membership.installed("n3", ALONE)
    with pytest.raises(InvariantBroken, match="without quorum"):
        invariants.orders.taken("n3", start(5, "n3"), told_view=5)


def test_a_second_vote_for_a_number_breaks_promise_3() -> None:
    membership = watched().membership
    disk = DurableState(generation=1, voted=16)
    membership.sent("n1", 7, Accept(Member("n1", 1), ViewId(9, "n2")), disk)
    with pytest.raises(InvariantBroken, match=r"promise 3 .* votes twice"):
        membership.sent("n1", 7, Accept(Member("n1", 1), ViewId(9, "n3")), disk)


def test_a_life_that_is_not_on_disk_breaks_promise_3() -> None:
    with pytest.raises(InvariantBroken, match=r"promise 3 .* disk"):
        watched().membership.sent("n1", 7, Accept(Member("n1", 2), ViewId(9, "n2")), DurableState(1, 16))


def test_an_acknowledgement_of_more_disks_than_have_it_breaks_promise_4() -> None:
    with pytest.raises(InvariantBroken, match="promise 4"):
        watched().cib.acknowledged("mark-1", kept_on=2, disks=1)


def test_what_a_majority_acknowledged_has_to_be_there_and_what_less_did_may_be_kept_aside() -> None:
    cib = watched().cib
    cib.acknowledged("mark-1", kept_on=1, disks=1)
    cib.kept_aside(b'<nvpair id="mark-1"/>')
    cib.agreed("n1", set(), BOTH.names)
    cib.acknowledged("mark-2", kept_on=2, disks=2)
    cib.kept_aside(b'<nvpair id="mark-2"/>')
    with pytest.raises(InvariantBroken, match=r"promise 4 .* mark-2"):
        cib.agreed("n1", {"mark-1"}, BOTH.names)
