"""Which nodes are known to run nothing: by a goodbye or by fencing, and until they are seen again."""

from heartbeat.departed import Departed
from heartbeat.messages import Member, View


def view(number: int, **lives: int) -> View:
    return View(number, "a", tuple(Member(name, generation) for name, generation in sorted(lives.items())))


BOTH, ALONE = view(1, a=1, b=1), view(2, a=1)


def after(*views: tuple[View, tuple[str, ...]]) -> Departed:
    departed = Departed()
    for each, left in views:
        departed.installed(each, left)
    return departed


def test_a_node_that_said_goodbye_is_down_and_one_that_was_lost_is_not() -> None:
    assert after((BOTH, ()), (ALONE, ("b",))).outside(ALONE) == ("b",)
    assert after((BOTH, ()), (ALONE, ())).outside(ALONE) == ()


def test_a_node_that_is_fenced_while_it_is_still_in_the_view_is_down_when_it_is_lost() -> None:
    departed = after((BOTH, ()))
    departed.fenced("b", 1, BOTH)
    assert departed.outside(BOTH) == ()
    departed.installed(ALONE, ())
    assert departed.outside(ALONE) == ("b",)


def test_fencing_of_an_earlier_life_says_nothing_of_a_member() -> None:
    departed = after((view(3, a=1, b=2), ()))
    departed.fenced("b", 1, view(3, a=1, b=2))
    departed.installed(ALONE, ())
    assert departed.outside(ALONE) == ()


def test_a_crmd_that_has_never_seen_the_node_is_believed_while_it_is_outside_the_view() -> None:
    departed = after((BOTH, ()), (ALONE, ()))
    departed.fenced("b", 0, ALONE)
    assert departed.outside(ALONE) == ("b",)


def test_a_later_life_that_is_seen_ends_the_knowledge() -> None:
    departed = after((BOTH, ()), (ALONE, ("b",)), (view(3, a=1, b=2), ()), (view(4, a=1), ()))
    assert departed.outside(view(4, a=1)) == ()


def test_a_node_that_was_in_no_view_knows_nothing_any_more() -> None:
    departed = after((BOTH, ()), (ALONE, ("b",)))
    departed.forget()
    assert departed.outside(ALONE) == ()
    assert departed.outside(None) == ()
