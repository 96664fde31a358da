"""The failure detector: exact times, and what late, repeated and old heartbeats do."""

from heartbeat.detector import Detector
from heartbeat.messages import Member
from heartbeat.packets import Heartbeat, NodeStatus
from ipc.note import Note
from ipc.timers import SetTimer
from ipc.units import Milliseconds


def beat(
    sequence: int, generation: int = 1, status: NodeStatus = "active", hears: tuple[Member, ...] = ()
) -> Heartbeat:
    return Heartbeat(
        sender=Member("b", generation),
        sequence=sequence,
        status=status,
        view=None,
        view_size=0,
        installed=0,
        voted=0,
        hears=hears,
        ready=True,
        controller="up",
    )


def at(ms: int) -> Milliseconds:
    return Milliseconds(ms)


def detector() -> Detector:
    return Detector(deadtime_ms=1000, warntime_ms=500)


def notes(effects: object) -> list[str]:
    assert isinstance(effects, list)
    return [effect.event for effect in effects if isinstance(effect, Note)]


def test_a_peer_is_lost_exactly_deadtime_after_its_last_heartbeat() -> None:
    peers = detector()
    _, effects = peers.receive(beat(1), at(100))
    assert SetTimer("detector.b", at(1100)) in effects
    peers.receive(beat(2), at(300))

    died, effects = peers.expire("b", at(1100))
    assert not died
    assert effects == [SetTimer("detector.b", at(1300))]

    died, effects = peers.expire("b", at(1300))
    assert died
    assert peers.hears == ()
    assert peers.lost_at(Member("b", 1)) == 1300
    (note,) = effects
    assert isinstance(note, Note)
    assert note.level == "notice"
    assert note.fields["last_heard_at"] == 300


def test_a_heartbeat_does_not_move_the_timer_so_that_it_costs_little() -> None:
    peers = detector()
    peers.receive(beat(1), at(0))
    assert peers.receive(beat(2), at(200)) == (False, [])


def test_repeated_and_reordered_heartbeats_do_not_keep_a_peer_alive() -> None:
    peers = detector()
    peers.receive(beat(5), at(0))
    assert peers.receive(beat(5), at(900)) == (False, [])
    assert peers.receive(beat(4), at(950)) == (False, [])
    died, _ = peers.expire("b", at(1000))
    assert died


def test_an_old_life_changes_nothing_once_a_later_one_was_heard_even_if_that_is_dead() -> None:
    peers = detector()
    peers.receive(beat(1, generation=7), at(0))
    peers.expire("b", at(1000))
    assert peers.receive(beat(99, generation=6), at(1100)) == (False, [])
    assert peers.hears == ()


def test_a_new_life_makes_the_old_one_lost_before_its_silence_was_noticed() -> None:
    peers = detector()
    peers.receive(beat(9, generation=1), at(0))
    changed, effects = peers.receive(beat(1, generation=2), at(400))
    assert changed
    assert peers.hears == (Member("b", 2),)
    assert peers.lost_at(Member("b", 1)) == 400
    assert peers.lost_at(Member("b", 2)) is None
    assert "peer.restarted" in notes(effects)


def test_a_goodbye_is_remembered_over_the_next_life() -> None:
    peers = detector()
    peers.receive(beat(1), at(0))
    peers.receive(beat(2, status="leaving"), at(100))
    _, effects = peers.receive(beat(1, generation=2), at(300))
    assert peers.said_goodbye(Member("b", 1))
    assert not peers.said_goodbye(Member("b", 2))
    assert "peer.restarted" not in notes(effects)


def test_a_late_heartbeat_is_warned_about_with_the_length_of_the_silence() -> None:
    peers = detector()
    peers.receive(beat(1), at(0))
    _, effects = peers.receive(beat(2), at(734))
    (note,) = effects
    assert isinstance(note, Note)
    assert (note.level, note.fields["silent_ms"]) == ("warning", 734)


def test_only_what_a_heartbeat_says_counts_as_a_change_not_its_number() -> None:
    peers = detector()
    peers.receive(beat(1), at(0))
    assert peers.receive(beat(2), at(200))[0] is False
    assert peers.receive(beat(3, hears=(Member("a", 1),)), at(400))[0] is True


def test_a_suspected_peer_is_deaf_for_deadtime_and_then_heard_again() -> None:
    peers = detector()
    peers.receive(beat(1), at(0))
    effects = peers.suspect(Member("b", 1), "its stream broke", at(100))
    assert notes(effects) == ["peer.suspected"]
    assert peers.receive(beat(2), at(300)) == (False, [])
    assert list(peers.heard) == []
    changed, _ = peers.receive(beat(3), at(1100))
    assert changed
    assert list(peers.heard) == ["b"]


def test_suspecting_another_life_than_the_present_one_changes_nothing() -> None:
    peers = detector()
    peers.receive(beat(1, generation=2), at(0))
    assert peers.suspect(Member("b", 1), "its stream broke", at(100)) == []
    assert peers.hears == (Member("b", 2),)
