"""The two-phase agreement on one view."""

from heartbeat.agreement import Agreed, Agreement, RoundFailed
from heartbeat.events import DurableState, Persist, SendDatagram
from heartbeat.messages import Member, View
from heartbeat.packets import Accept, Install, Packet, Propose, Refuse, ViewId, Withdraw
from heartbeat.promises import RESERVE, Promises
from ipc.units import Milliseconds

A, B, C = (Member(name, 1) for name in "abc")
NOW = Milliseconds(1000)


def node(me: Member = A, voted: int = 0, synced: bool = True) -> tuple[Agreement, Promises]:
    promises = Promises(DurableState(generation=0, voted=voted))
    persist = promises.begin_life()
    if synced:
        promises.persisted(persist.token)
    return Agreement(me, promises, voted, resend_ms=50, round_ms=300), promises


def packets(effects: object) -> list[Packet]:
    assert isinstance(effects, list)
    return [effect.packet for effect in effects if isinstance(effect, SendDatagram)]


def agreed(effects: object) -> list[Agreed]:
    assert isinstance(effects, list)
    return [effect for effect in effects if isinstance(effect, Agreed)]


def proposal(number: int, coordinator: Member = B) -> Propose:
    return Propose(coordinator, View(number, coordinator.name, (A, B, C)), (0, 0, 0))


def test_a_view_is_agreed_when_all_members_voted_and_not_before() -> None:
    agreement, _ = node()
    view = View(1, "a", (A, B, C))
    assert packets(agreement.propose((A, B, C), (0, 0, 0), NOW)) == [Propose(A, view, (0, 0, 0))]
    assert agreement.accepted(Accept(B, ViewId(1, "a"))) == []
    assert agreement.accepted(Accept(B, ViewId(1, "a"))) == []
    effects = agreement.accepted(Accept(C, ViewId(1, "a")))
    assert packets(effects) == [Install(A, ViewId(1, "a"))]
    assert agreed(effects) == [Agreed(view, (0, 0, 0))]


def test_a_view_of_one_needs_no_messages() -> None:
    agreement, _ = node()
    effects = agreement.propose((A,), (0,), NOW)
    assert packets(effects) == []
    assert len(agreed(effects)) == 1


def test_the_vote_of_another_life_does_not_count() -> None:
    agreement, _ = node()
    agreement.propose((A, B), (0, 0), NOW)
    assert agreement.accepted(Accept(Member("b", 2), ViewId(1, "a"))) == []


def test_a_proposal_goes_above_every_number_that_was_heard_of() -> None:
    agreement, _ = node(voted=4)
    agreement.see_number(9)
    agreement.propose((A, B), (0, 0), NOW)
    assert agreement.voted == 10


def test_who_did_not_answer_is_asked_again_until_the_round_ends() -> None:
    agreement, _ = node()
    agreement.propose((A, B, C), (0, 0, 0), NOW)
    agreement.accepted(Accept(C, ViewId(1, "a")))
    again = agreement.round_timer(Milliseconds(1050))
    assert [effect.to for effect in again if isinstance(effect, SendDatagram)] == [("b",)]
    effects = agreement.round_timer(Milliseconds(1300))
    assert packets(effects) == [Withdraw(A, ViewId(1, "a"))]
    assert effects[-1] == RoundFailed(View(1, "a", (A, B, C)), missing=("b",))


def test_one_refusal_ends_the_round_and_tells_what_to_go_above() -> None:
    agreement, _ = node()
    agreement.propose((A, B, C), (0, 0, 0), NOW)
    effects = agreement.refused(Refuse(C, ViewId(1, "a"), voted=7, reason="number"))
    assert effects[-1] == RoundFailed(View(1, "a", (A, B, C)), by="c", reason="number")
    assert agreement.accepted(Accept(B, ViewId(1, "a"))) == []
    agreement.propose((A, B), (0, 0), NOW)
    assert agreement.voted == 8


def test_a_vote_leaves_the_node_only_when_it_is_on_disk() -> None:
    agreement, promises = node(synced=False)
    assert packets(agreement.vote(proposal(1), NOW)) == []
    assert agreement.voted == 0
    assert agreement.vote_again() == []
    promises.persisted(1)
    assert packets(agreement.promised(NOW)) == [Accept(A, ViewId(1, "b"))]
    assert agreement.voted == 1


def test_a_number_beyond_the_reserve_is_written_first() -> None:
    agreement, promises = node()
    effects = agreement.vote(proposal(RESERVE + 1), NOW)
    (persist,) = (effect for effect in effects if isinstance(effect, Persist))
    assert persist.state.voted > RESERVE
    assert packets(effects) == []
    promises.persisted(persist.token)
    assert packets(agreement.promised(NOW)) == [Accept(A, ViewId(RESERVE + 1, "b"))]


def test_a_vote_that_never_reached_the_disk_uses_up_no_number() -> None:
    agreement, promises = node(synced=False)
    agreement.propose((A, B), (0, 0), NOW)
    agreement.forget_ballot()
    promises.persisted(1)
    assert agreement.promised(NOW) == []
    agreement.propose((A, B), (0, 0), NOW)
    assert agreement.voted == 1


def test_what_is_installed_elsewhere_is_agreed_if_this_node_voted_for_it() -> None:
    agreement, _ = node()
    agreement.vote(proposal(1), NOW)
    assert agreement.installed_elsewhere(ViewId(1, "c")) == []
    assert agreed(agreement.installed_elsewhere(ViewId(1, "b"))) == [Agreed(proposal(1).view, (0, 0, 0))]
    assert agreement.installed_elsewhere(ViewId(1, "b")) == []


def test_a_forgotten_vote_installs_nothing() -> None:
    agreement, _ = node()
    agreement.vote(proposal(1), NOW)
    agreement.forget_ballot()
    assert agreement.installed_elsewhere(ViewId(1, "b")) == []


def test_a_withdrawn_proposal_holds_its_voters_no_more_but_their_vote_stays_used() -> None:
    agreement, _ = node()
    agreement.vote(proposal(1), NOW)
    agreement.withdrawn(ViewId(1, "c"))
    assert agreement.ballot is not None
    agreement.withdrawn(ViewId(1, "b"))
    assert agreement.ballot is None
    assert not agreement.may_vote(1)
    assert agreement.may_vote(2)
