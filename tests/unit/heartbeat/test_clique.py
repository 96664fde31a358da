"""Which nodes a view should have."""

from hypothesis import given
from hypothesis import strategies as st

from heartbeat.clique import Candidate, choose, connected, is_clique
from heartbeat.messages import Member
from heartbeat.packets import ViewId


def graph(edges: str, views: dict[str, tuple[int, str, int]] | None = None, late: str = "") -> dict[str, Candidate]:
    """`ab bc` connects a with b and b with c; `a>b` means that only b hears a. `views`: number, coordinator, size."""
    names = sorted(set(edges) - set(" >"))
    hears: dict[str, set[Member]] = {name: set() for name in names}
    for edge in edges.split():
        hears[edge[-1]].add(Member(edge[0], 1))
        if ">" not in edge:
            hears[edge[0]].add(Member(edge[-1], 1))
    return {
        name: Candidate(
            member=Member(name, 1),
            view=ViewId(*views[name][:2]) if views and name in views else None,
            view_size=views[name][2] if views and name in views else 0,
            hears=frozenset(hears[name]),
            late=name in late,
        )
        for name in names
    }


def chosen(candidates: dict[str, Candidate], me: str, keep: str = "", tear: bool = False) -> str:
    others = [candidate for name, candidate in candidates.items() if name != me]
    return "".join(
        one.member.name for one in choose(candidates[me], others, frozenset(Member(n, 1) for n in keep + me), tear)
    )


def test_nodes_that_all_hear_each_other_are_one_view_in_the_order_of_their_names() -> None:
    assert chosen(graph("ab bc ac"), "b") == "abc"


def test_a_connection_needs_both_directions() -> None:
    one_way = graph("ab bc a>c")
    assert not connected(one_way["a"], one_way["c"])
    assert chosen(one_way, "c") == "bc"


def test_a_node_that_hears_two_sides_takes_the_first_by_name_when_they_are_equal() -> None:
    assert chosen(graph("ab bc"), "b") == "ab"


def test_a_node_torn_off_by_half_is_left_out_rather_than_the_two_that_it_does_not_hear() -> None:
    """a hears d only; b, c and d hear each other."""
    torn = graph("ad bc bd cd")
    assert chosen(torn, "d", keep="abcd") == "bcd"
    assert chosen(torn, "b", keep="abcd") == "bcd"


def test_of_two_that_do_not_hear_each_other_the_late_one_is_dropped() -> None:
    """c says that it does not hear a any more; a is late here too, so c is believed."""
    assert chosen(graph("ab bc", late="a"), "b", keep="abc") == "bc"


def test_the_members_of_the_present_view_come_before_a_larger_set_of_strangers() -> None:
    """m is in a view with x; p, q and r hear m but not x."""
    view = (5, "m", 2)
    candidates = graph("mx mp mq mr pq pr qr", {"m": view, "x": view})
    assert chosen(candidates, "m", keep="mx") == "mx"


def test_strangers_may_take_a_node_out_of_its_view_only_for_a_larger_one() -> None:
    view = (5, "b", 2)
    assert chosen(graph("ab bc", {"a": view, "b": view}), "c", tear=True) == "c"
    assert chosen(graph("ab bc bd cd", {"a": view, "b": view}), "c", tear=True) == "bcd"
    assert chosen(graph("ab bc bd cd", {"a": view, "b": view}), "c") == "cd"


def test_a_whole_view_is_joined_and_its_members_propose_first() -> None:
    view = (5, "y", 2)
    assert chosen(graph("ay az yz", {"y": view, "z": view}), "a") == "yza"


def test_of_two_views_the_one_with_more_members_proposes_their_merge() -> None:
    small, large = (9, "a", 1), (5, "c", 2)
    assert chosen(graph("ab ac bc", {"a": small, "b": large, "c": large}), "a", keep="a") == "bca"


NAMES = "abcdefg"
EDGES = st.sets(st.sampled_from([one + other for one in NAMES for other in NAMES if one < other]))


@given(EDGES)
def test_the_choice_is_always_a_clique_with_the_chooser_that_nobody_could_join(edges: set[str]) -> None:
    candidates = graph(" ".join(sorted(edges) + [name * 2 for name in NAMES]))
    for name, me in candidates.items():
        clique = choose(me, [one for other, one in candidates.items() if other != name], frozenset((me.member,)))
        assert me in clique
        assert is_clique(clique)
        assert not [one for one in candidates.values() if one not in clique and is_clique([*clique, one])]
