"""Which DC a member takes, and how a DC takes members in."""

from cib import history
from cib.version import CibVersion
from crmd.join import JOIN_TIMER, Allegiance, Join, Phase, SendOffer, Verdict
from crmd.peer_messages import NO_TERM, JoinRequest, Term
from heartbeat.messages import Member
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds

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
