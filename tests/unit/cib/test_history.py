"""Which history wins when nodes meet, and what is kept of the others."""

import pytest

from cib.history import (
    RECENT_MAX,
    HistoryPoint,
    Relation,
    Stamp,
    choose,
    confirm,
    extend,
    relation,
    start,
)
from cib.version import CibVersion


def point(*digests: str, view: int = 1, admin: int = 0, forced: int = 0) -> HistoryPoint:
    """A history of these versions, confirmed in a view; so many more versions were forced."""
    history = start(CibVersion(admin, 1, 0), digests[0])
    for epoch, digest in enumerate(digests[1:], 2):
        history = extend(history, CibVersion(admin, epoch, 0), digest, ())
    history = confirm(history, Stamp(view, 0), ())
    for number in range(forced):
        version = CibVersion(admin, history.version.epoch + 1, 0)
        history = extend(history, version, f"forced{number}", (), forced=True)
    return history


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (point("a", "b"), point("a")),
        (point("a", "x", view=9), point("a", "b", "c", "d", view=8)),
        (point("a", "b", view=8), point("a", forced=5, view=8)),
        (point("a", forced=1), point("a")),
        (point("a", "c"), point("a", "b")),
    ],
    ids=["longer", "later stamp", "confirmed against forced", "forced on top", "by digest"],
)
def test_who_wins_does_not_depend_on_the_order(winner: HistoryPoint, loser: HistoryPoint) -> None:
    assert choose([winner, loser]) == 0
    assert choose([loser, winner]) == 1


def test_admin_epoch_is_the_operators_word_at_a_cold_start_only() -> None:
    override, running = point("z", admin=1, view=2), point("a", "b", view=7)
    assert choose([running, override], cold_start=True) == 1
    assert choose([running, override]) == 0


def test_the_first_of_equals_stays() -> None:
    assert choose([point("a"), point("a"), point("a")]) == 0


def test_a_part_of_the_past_is_no_divergence() -> None:
    assert relation(point("a"), point("a", "b")) is Relation.BEHIND
    assert relation(point("a", "b"), point("a")) is Relation.AHEAD
    assert relation(point("a", "b"), point("a", "b", view=9)) is Relation.SAME


def test_other_content_at_the_same_version_is_a_divergence() -> None:
    assert relation(point("a", "b"), point("a", "c")) is Relation.PARTED
    assert relation(point("a", "b"), point("a", "c", "d", view=9)) is Relation.PARTED


def test_a_new_node_has_nothing_to_lose() -> None:
    assert relation(start(CibVersion(0, 0, 0), "empty"), point("a", "b")) is Relation.BEHIND


def test_a_history_remembers_a_limited_number_of_versions() -> None:
    long = point(*[f"d{number}" for number in range(RECENT_MAX + 10)])
    assert len(long.recent) == RECENT_MAX
    assert relation(point("d0"), long) is Relation.PARTED
