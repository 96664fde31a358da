"""Which DC a member takes, and how a DC takes members in."""

from msgspec.structs import replace

from cib import history
from cib.document import Document
from cib.version import CibVersion
from crmd.cib_view import CibView
from crmd.join import JOIN_TIMER, UNFENCED_BOUND_MS, Allegiance, Join, Phase, SendOffer, Verdict
from crmd.member_side import MemberSide
from crmd.node_side import NodeSide
from crmd.peer_messages import NO_TERM, JoinRequest, Offer, Term
from crmd.post import Post
from heartbeat.messages import Member
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.messages import AgentName, Finished, Operation, OperationStatus, ResourceTable

T0 = Milliseconds(0)
TERM = Term(4, 1, "n1")
MEMBERS = (Member("n1", 1), Member("n2", 7), Member("n3", 1))


def request(term: Term = TERM) -> JoinRequest:
    point = history.start(CibVersion(0, 1, 0), "d")
    return JoinRequest(term, 1, point, None, (), (), None, stopping=False, cold=True)


def begun() -> Join:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    join.begin(MEMBERS, {}, request(), T0)
    return join


def test_a_member_accepts_the_first_dc_and_every_later_one() -> None:
    allegiance = Allegiance()

    assert allegiance.offered(Term(4, 1, "n1")) is Verdict.ACCEPT
    assert allegiance.offered(Term(4, 2, "n2")) is Verdict.ACCEPT
    assert allegiance.offered(Term(5, 1, "n1")) is Verdict.ACCEPT


def test_a_second_dc_of_the_same_round_is_refused_whatever_its_name() -> None:
    allegiance = Allegiance()
    allegiance.offered(Term(4, 1, "n2"))

    assert allegiance.offered(Term(4, 1, "n1")) is Verdict.REFUSE
    assert allegiance.offered(Term(4, 1, "n3")) is Verdict.REFUSE
    assert allegiance.term == Term(4, 1, "n2")


def test_a_dc_of_the_past_is_refused_even_after_the_present_one_was_forgotten() -> None:
    allegiance = Allegiance()
    allegiance.offered(Term(4, 2, "n2"))
    allegiance.forget()

    assert allegiance.term == NO_TERM
    assert allegiance.offered(Term(4, 1, "n1")) is Verdict.REFUSE
    assert allegiance.offered(Term(4, 2, "n2")) is Verdict.REFUSE


def test_the_same_offer_again_means_to_tell_the_state_again_and_to_take_no_orders_meanwhile() -> None:
    allegiance = Allegiance()
    allegiance.offered(TERM)
    allegiance.serving = True

    assert allegiance.offered(TERM) is Verdict.AGAIN
    assert not allegiance.obeys(TERM)


def test_orders_of_another_term_are_not_obeyed() -> None:
    allegiance = Allegiance()
    allegiance.offered(TERM)
    allegiance.serving = True

    assert allegiance.obeys(TERM)
    assert not allegiance.obeys(Term(4, 1, "n2"))
    assert not allegiance.obeys(Term(3, 1, "n1"))


def test_a_dc_offers_to_every_other_member_and_sets_one_bound() -> None:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)

    effects = join.begin(MEMBERS, {}, request(), T0)

    assert [effect.to for effect in effects if isinstance(effect, SendOffer)] == ["n2", "n3"]
    assert effects[-1] == SetTimer(JOIN_TIMER, Milliseconds(5000))


def test_a_member_whose_controller_is_restarting_is_waited_for_and_not_offered_anything() -> None:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    effects = join.begin(MEMBERS, {"n2": "restarting", "n3": "gone"}, request(), T0)

    assert not any(isinstance(effect, SendOffer) for effect in effects)
    assert join.waiting() == ("n2",)
    assert not join.requests_in
    assert SendOffer("n2") in join.peer("n2", "up", T0)


def test_with_fencing_a_member_that_stops_everything_because_its_controller_is_gone_is_not_waited_for() -> None:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    join.begin(MEMBERS[:2], {"n2": "emptying"}, request(), T0)

    assert join.waiting() == ()
    assert join.requests_in


def test_without_fencing_a_member_is_gone_only_when_its_messaging_layer_says_so() -> None:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    join.fencing = False
    join.begin(MEMBERS[:2], {"n2": "restarting"}, request(), T0)
    join.expired(Milliseconds(3000))
    assert join.waiting() == ("n2",)

    join.peer("n2", "emptying", Milliseconds(4000))
    for now in range(5000, UNFENCED_BOUND_MS, 5000):
        join.expired(Milliseconds(now))
        assert not join.requests_in

    join.peer("n2", "gone", Milliseconds(UNFENCED_BOUND_MS - 1))
    assert join.requests_in


def test_without_fencing_a_controller_that_hangs_is_waited_for_until_its_messaging_layer_has_replaced_it() -> None:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    join.fencing = False
    join.begin(MEMBERS, {}, request(), T0)
    join.requested("n3", request(), T0)
    effects = join.expired(Milliseconds(5000))

    assert join.waiting() == ("n2",)
    assert effects[-1] == SetTimer(JOIN_TIMER, Milliseconds(10_000))
    join.expired(Milliseconds(UNFENCED_BOUND_MS))
    assert join.waiting() == ()


def test_the_requests_are_in_when_all_have_told_their_state() -> None:
    join = begun()

    assert join.requested("n2", request(), T0)
    assert not join.requests_in
    assert join.requested("n3", request(), T0)
    assert join.requests_in


def test_a_request_of_another_term_or_of_a_stranger_does_not_count() -> None:
    join = begun()

    assert not join.requested("n2", request(Term(3, 1, "n1")), T0)
    assert not join.requested("n9", request(), T0)


def test_the_join_is_complete_when_every_member_confirmed_or_is_gone() -> None:
    join = begun()
    join.requested("n2", request(), T0)
    join.peer("n3", "gone", T0)

    assert join.acked(T0) == ["n1", "n2"]
    assert not join.complete
    assert join.confirmed("n2")
    assert join.complete
    assert join.joined("n2")
    assert not join.joined("n3")


def test_a_confirmation_that_nobody_waits_for_changes_nothing() -> None:
    join = begun()

    assert not join.confirmed("n2")
    assert not join.joined("n2")


def test_whoever_does_not_come_in_time_is_gone_and_the_rest_goes_on() -> None:
    join = begun()
    join.requested("n2", request(), T0)

    notes = join.expired(Milliseconds(5000))

    assert join.requests_in
    entry = join.find("n3")
    assert entry is not None
    assert entry.phase is Phase.GONE
    assert CancelTimer(JOIN_TIMER) in notes


def test_a_dc_that_cannot_hear_the_only_other_controller_decides_nothing_until_it_does() -> None:
    """The other one may be DC in the same round: their datagrams pass, their streams do not."""
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    join.begin(MEMBERS[:2], {}, request(), T0)

    told = join.expired(Milliseconds(5000))
    assert SendOffer("n2") in told
    assert [effect.event for effect in told if isinstance(effect, Note)] == ["join.unheard"]
    assert not join.requests_in

    again = join.expired(Milliseconds(10_000))
    assert SendOffer("n2") in again
    assert not [effect for effect in again if isinstance(effect, Note)]

    join.requested("n2", request(), Milliseconds(11_000))
    assert join.requests_in


def test_a_controller_that_is_known_to_be_gone_is_not_waited_for() -> None:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    join.begin(MEMBERS[:2], {"n2": "gone"}, request(), T0)
    assert join.requests_in


def test_a_dc_waits_for_its_own_executor_without_a_bound() -> None:
    join = Join(TERM, MEMBERS[0], join_bound_ms=5000, restart_bound_ms=3000)
    join.begin(MEMBERS[:1], {}, None, T0)

    join.expired(Milliseconds(10**9))

    assert not join.requests_in


def test_a_member_that_was_gone_is_offered_again_when_its_controller_shows_itself() -> None:
    join = begun()
    join.peer("n2", "gone", T0)

    assert SendOffer("n2") in join.offer("n2", T0)
    assert join.waiting() == ("n2", "n3")


def result(call_id: int, key: str = "1:3:0:u") -> Finished:
    operation = Operation("a", AgentName("ocf", "pacekeeper", "Dummy"), "start", 0, 20_000, {}, transition_key=key)
    return Finished(0, call_id, operation, None, 0, OperationStatus.DONE, "", "", 90, 90, 1, 0)


def n2_joined_with(told: JoinRequest) -> Join:
    join = begun()
    join.requested("n2", told, T0)
    join.acked(T0)
    join.confirmed("n2")
    return join


def test_a_result_that_comes_before_its_members_state_is_written_becomes_a_part_of_that_state() -> None:
    join = n2_joined_with(replace(request(), unrecorded=(result(4),)))

    assert join.told_later("n2", (result(4), result(5)))
    entry = join.find("n2")
    assert entry is not None
    assert entry.request is not None
    assert entry.request.unrecorded == (result(4), result(5))


def test_a_result_that_comes_after_its_members_state_is_written_is_written_by_itself() -> None:
    join = n2_joined_with(request())
    entry = join.find("n2")
    assert entry is not None
    entry.recorded = True

    assert not join.told_later("n2", (result(5),))


def test_an_order_that_ended_before_the_state_is_written_is_waited_for_no_more() -> None:
    one, other = result(4, "1:3:0:u").operation, result(5, "2:3:0:u").operation
    join = n2_joined_with(replace(request(), in_flight=(one, other)))

    join.no_longer_in_flight("n2", "1:3:0:u")

    entry = join.find("n2")
    assert entry is not None
    assert entry.request is not None
    assert entry.request.in_flight == (other,)


def test_an_acknowledgement_counts_only_when_the_last_offer_was_answered() -> None:
    """A new controller is offered twice; the first answer's acknowledgement must not end the join, because the second
    answer begins it anew at the DC, which then waits for a confirmation that nobody would send."""
    member = MemberSide("n2", 1, NodeSide("n2", 2000), CibView(Nothing()), Post("n2"), 1000)
    offer = Offer(TERM, 1, NO_TERM)
    for _ in range(2):
        member.judge_offer("n1", offer)
        member.answer_offer(False, T0)
    assert not member.acknowledged(TERM)

    member.table_here(ResourceTable((), (), None), False)
    assert member.acknowledged(TERM)


class Nothing:
    """A replica of an empty document."""

    document = Document.from_bytes(b'<cib admin_epoch="0" epoch="1" num_updates="0"><configuration/><status/></cib>')
    point = history.start(CibVersion(0, 1, 0), "d")


def test_only_an_executor_that_ends_while_the_node_stays_is_warned_of() -> None:
    died = NodeSide("n1", 2000).executor_gone(leaving=False)
    ended = NodeSide("n1", 2000).executor_gone(leaving=True)
    assert [note.level for note in (*died, *ended) if isinstance(note, Note)] == ["warning", "info"]
