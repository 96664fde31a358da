"""Whose CIB holds from now on, of all that the members of a view have (pure)."""

from __future__ import annotations

from cib.history import HistoryPoint, Relation, choose, relation
from crmd.join import JoinMember


def chosen_member(candidates: list[JoinMember], me: str) -> JoinMember:
    """Return the member with the best CIB; `candidates` have told their state, there is at least one.

    The history decides (see `cib.history.choose`). Of those with the same configuration a controller that was running
    comes before one that read it from disk, whatever their stamps: what is on disk has no status, and would be another
    document of the same version. Of these our own comes first, so that it stays where nothing is better.
    """
    ordered = sorted(candidates, key=lambda entry: (_is_cold(entry), entry.member.name != me, entry.member.name))
    best = ordered[choose([_point(entry) for entry in ordered], cold_start=all(map(_is_cold, ordered)))]
    if not _is_cold(best):
        return best
    same = [one for one in ordered if not _is_cold(one) and relation(_point(one), _point(best)) is Relation.SAME]
    return same[choose([_point(entry) for entry in same])] if same else best


def _point(entry: JoinMember) -> HistoryPoint:
    assert entry.request is not None, "a candidate has told its state"
    return entry.request.point


def _is_cold(entry: JoinMember) -> bool:
    return entry.request is not None and entry.request.cold
