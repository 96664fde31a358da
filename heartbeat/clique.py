"""Which nodes a view should have: the choice of a clique in the graph of who hears whom.

Two lives are connected when each says that it hears the other. A view must be a clique of that graph, or else a node
would wait for messages of one that it can't hear.
"""

from collections.abc import Sequence

import msgspec

from heartbeat.messages import Member
from heartbeat.packets import ViewId


class Candidate(msgspec.Struct, frozen=True):
    """A life that could be a member, as its newest heartbeat describes it."""

    member: Member
    view: ViewId | None
    view_size: int
    hears: frozenset[Member]
    late: bool
    """It was silent for longer than warntime: where somebody must be dropped, drop it first."""


def connected(one: Candidate, other: Candidate) -> bool:
    """Whether each hears the other."""
    return one.member in other.hears and other.member in one.hears


def is_clique(candidates: Sequence[Candidate]) -> bool:
    """Whether all hear each other."""
    everyone = frozenset(candidate.member for candidate in candidates)
    return all(everyone - {candidate.member} <= candidate.hears for candidate in candidates)


def choose(
    me: Candidate, others: Sequence[Candidate], keep: frozenset[Member], tear: bool = False
) -> tuple[Candidate, ...]:
    """The best clique that contains `me`, in the order in which its members may propose it.

    First come the members of `keep` (this node's view, as far as it is intact), then the views with most candidates,
    then nodes without a view; within these, those that were heard on time, that have more connections, by name.
    Members of another view are taken only if the whole view comes along; with `tear`, also if the result is larger
    than that view. That, and keeping one's own view, is what ends every dispute over a node that hears two sides.

    Finding the largest clique is not tractable in general; this takes one greedy pass, which is exact where the graph
    is a clique with some nodes torn off, and deterministic everywhere.
    """
    reachable = [other for other in others if connected(me, other)]
    refused: list[ViewId] = []
    while True:
        pool = [other for other in reachable if other.member in keep or other.view not in refused]
        clique = [me, *pool] if is_clique([me, *pool]) else _grow(me, pool, keep)
        torn = _torn_views(clique, keep, tear)
        if not torn:
            return _in_order_of_proposal(clique)
        refused += torn


def _grow(me: Candidate, pool: list[Candidate], keep: frozenset[Member]) -> list[Candidate]:
    strength = _strength([me, *pool])
    degree = {one.member: sum(connected(one, other) for other in pool) for one in pool}

    def preference(one: Candidate) -> tuple[bool, bool, tuple[int, int, str], int, str]:
        return (one.member not in keep, one.late, strength[one.view], -degree[one.member], one.member.name)

    clique = [me]
    for one in sorted(pool, key=preference):
        if all(connected(one, other) for other in clique):
            clique.append(one)
    return clique


def _torn_views(clique: list[Candidate], keep: frozenset[Member], tear: bool) -> list[ViewId]:
    torn: list[ViewId] = []
    for one in clique:
        if one.view is None or one.member in keep or one.view in torn or (tear and len(clique) > one.view_size):
            continue
        if sum(other.view == one.view for other in clique) < one.view_size:
            torn.append(one.view)
    return torn


def _in_order_of_proposal(clique: list[Candidate]) -> tuple[Candidate, ...]:
    """The strongest view's members first: they know most, and a node that joins waits to be asked."""
    strength = _strength(clique)
    return tuple(sorted(clique, key=lambda one: (strength[one.view], one.member.name)))


def _strength(candidates: Sequence[Candidate]) -> dict[ViewId | None, tuple[int, int, str]]:
    """Sort keys of the candidates' views: more candidates first, then the later view; no view comes last."""
    counts: dict[ViewId | None, int] = {}
    for candidate in candidates:
        counts[candidate.view] = counts.get(candidate.view, 0) + 1
    return {
        view: (0, 0, "") if view is None else (-count, -view.number, view.coordinator) for view, count in counts.items()
    }
