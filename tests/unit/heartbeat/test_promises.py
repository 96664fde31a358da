"""What is on disk before it is used."""

from heartbeat.events import DurableState
from heartbeat.promises import RESERVE, Promises

SAVED = DurableState(generation=4, voted=20, nodes=("a", "b"))


def test_a_life_begins_above_every_generation_and_number_that_was_used() -> None:
    promises = Promises(SAVED)
    persist = promises.begin_life()
    assert persist.state == DurableState(generation=5, voted=20 + RESERVE, nodes=("a", "b"))
    assert promises.synced == SAVED


def test_a_number_is_covered_only_when_the_disk_has_it() -> None:
    promises = Promises(SAVED)
    persist = promises.begin_life()
    assert not promises.covers(21)
    promises.persisted(persist.token)
    assert promises.covers(21)
    assert promises.covers(20 + RESERVE)
    assert not promises.covers(21 + RESERVE)


def test_more_numbers_are_promised_before_the_reserve_runs_out_and_only_once() -> None:
    promises = Promises(SAVED)
    promises.persisted(promises.begin_life().token)
    assert promises.reserve(20 + RESERVE // 2) == []
    (persist,) = promises.reserve(21 + RESERVE // 2)
    assert persist.state.voted == 21 + RESERVE // 2 + RESERVE
    assert promises.reserve(21 + RESERVE // 2) == []


def test_a_later_write_holds_what_the_earlier_ones_did() -> None:
    promises = Promises(SAVED)
    first, second = promises.begin_life(), promises.keep_nodes(("a", "b", "c"))
    promises.persisted(second.token)
    assert promises.synced == DurableState(generation=5, voted=20 + RESERVE, nodes=("a", "b", "c"))
    promises.persisted(first.token)
    assert promises.synced.nodes == ("a", "b", "c")


def test_an_unknown_token_promises_nothing() -> None:
    promises = Promises(SAVED)
    promises.begin_life()
    promises.persisted(77)
    assert promises.synced == SAVED
