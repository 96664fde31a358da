"""What a view is worth."""

import pytest

from heartbeat.messages import Member, Quorum, View
from heartbeat.quorum import QuorumCore
from ipc.units import Milliseconds

NEVER = Milliseconds(0)
EARLY = Milliseconds(100)
LATE = Milliseconds(5000)


def view(number: int, *names: str) -> View:
    return View(number, names[0], tuple(Member(name, 1) for name in names))


def core(nodes: str, me: str = "a") -> QuorumCore:
    return QuorumCore(me, tuple(nodes), initdead_ms=3000)


def now(quorum: QuorumCore, at: Milliseconds = EARLY) -> Quorum:
    return quorum.result(silent_since=NEVER, now=at)


@pytest.mark.parametrize(
    ("nodes", "members", "quorate"),
    [
        ("a", "a", True),
        ("abc", "ab", True),
        ("abc", "a", False),
        ("abcd", "ab", False),
        ("abcd", "abc", True),
        ("abcde", "ab", False),
        ("abcde", "abc", True),
    ],
)
def test_a_majority_is_one_of_all_votes(nodes: str, members: str, quorate: bool) -> None:
    quorum = core(nodes)
    quorum.installed(view(1, *members), ())
    result = now(quorum, LATE)
    assert (result.quorate, result.votes, result.expected) == (quorate, len(members), len(nodes))
    assert result.config_writes is quorate
    assert result.basis == ("majority" if quorate else "none")


def test_views_that_shrink_one_by_one_do_not_keep_a_majority_of_themselves() -> None:
    quorum = core("abcde")
    for number, members in enumerate(("abcde", "abcd", "abc"), start=1):
        quorum.installed(view(number, *members), ())
        assert now(quorum).quorate
    quorum.installed(view(4, "a", "b"), ())
    assert not now(quorum).quorate


def test_a_member_that_is_not_in_the_node_list_has_no_vote() -> None:
    quorum = core("abc")
    quorum.installed(view(1, "a", "x", "y"), ())
    assert (now(quorum).quorate, now(quorum).votes) == (False, 1)


def test_no_view_no_quorum() -> None:
    assert not now(core("a"), LATE).quorate


def test_the_survivor_of_two_keeps_the_quorum_that_it_had_with_the_other() -> None:
    quorum = core("ab")
    quorum.installed(view(1, "a", "b"), ())
    quorum.installed(view(2, "a"), ())
    assert now(quorum) == Quorum(True, "two_node", 1, 2, config_writes=True)


def test_a_node_of_two_that_starts_alone_runs_resources_after_initdead_and_writes_no_configuration() -> None:
    quorum = core("ab")
    quorum.installed(view(1, "a"), ())
    assert not quorum.result(silent_since=NEVER, now=Milliseconds(2999)).quorate
    assert quorum.alone_at(NEVER) == 3000
    assert quorum.result(silent_since=NEVER, now=Milliseconds(3000)) == Quorum(True, "alone", 1, 2, config_writes=False)


def test_a_node_that_hears_the_other_is_not_alone_until_that_was_silent_for_initdead() -> None:
    quorum = core("ab")
    quorum.installed(view(1, "a"), ())
    assert not quorum.result(silent_since=Milliseconds(4000), now=LATE).quorate
    assert quorum.result(silent_since=Milliseconds(4000), now=Milliseconds(7000)).basis == "alone"


def test_a_node_that_runs_alone_does_not_stop_when_the_other_is_heard_again() -> None:
    quorum = core("ab")
    quorum.installed(view(1, "a"), ())
    now(quorum, LATE)
    assert quorum.result(silent_since=LATE, now=LATE).basis == "alone"
    quorum.installed(view(2, "a", "b"), ())
    assert now(quorum, LATE).basis == "majority"


def test_a_node_that_the_other_does_not_hear_gives_up_the_quorum_of_two() -> None:
    """One direction of the link is cut: b went on alone and is heard, so b keeps the quorum."""
    quorum = core("ab")
    quorum.installed(view(1, "a", "b"), ())
    quorum.installed(view(2, "a"), still_heard=("b",))
    assert not now(quorum).quorate
    assert not now(quorum, LATE).quorate, "it did not start alone: b may well go on unheard"
    quorum.installed(view(3, "a", "b"), ())
    quorum.installed(view(4, "a"), ())
    assert now(quorum).basis == "two_node"


def test_a_member_without_a_vote_is_of_one_mind_with_the_voter_of_its_view() -> None:
    voter, guest = core("ab"), core("ab", me="x")
    for quorum in (voter, guest):
        quorum.installed(view(1, "a", "b", "x"), ())
        quorum.installed(view(2, "a", "x"), ())
        assert now(quorum).basis == "two_node"
        assert quorum.absent_voters() == ("b",)


@pytest.mark.parametrize("forget", [QuorumCore.new_life, QuorumCore.left_view])
def test_a_new_life_and_a_lost_view_end_the_partnership(forget: object) -> None:
    quorum = core("ab")
    quorum.installed(view(1, "a", "b"), ())
    assert callable(forget)
    forget(quorum)
    quorum.installed(view(2, "a"), ())
    assert not now(quorum).quorate


def test_time_gives_a_lonely_node_of_three_nothing() -> None:
    quorum = core("abc")
    quorum.installed(view(1, "a"), ())
    result = now(quorum, LATE)
    assert not result.quorate
    assert not quorum.may_become_alone(result)


def test_a_new_node_list_counts_at_once() -> None:
    quorum = core("ab")
    quorum.installed(view(1, "a", "b"), ())
    quorum.count_by(("a", "b", "c"))
    assert (now(quorum).quorate, now(quorum).expected) == (True, 3)
    quorum.installed(view(2, "a"), ())
    assert not now(quorum).quorate
