"""Whose CIB holds when members meet: the history decides, and of equals one that has a status."""

import pytest

from cib.history import HistoryPoint, Stamp, start
from cib.version import CibVersion
from crmd.cib_choice import chosen_member
from crmd.join import JoinMember, Phase
from crmd.peer_messages import JoinRequest, Term
from heartbeat.messages import Member
from ipc.units import Milliseconds


def member(name: str, epoch: int, stamp: int, *, cold: bool = False, updates: int = 0, digest: str = "") -> JoinMember:
    version = CibVersion(0, epoch, updates)
    point = start(version, digest or f"d{epoch}")
    point = HistoryPoint(version, point.digest, Stamp(1, stamp), point.confirmed, point.recent)
    request = JoinRequest(Term(1, 9, "n1"), 1, point, None, (), (), None, stopping=False, cold=cold)
    return JoinMember(Member(name, 1), Phase.REQUESTED, Milliseconds(0), request)


def test_the_later_history_wins_whoever_has_it() -> None:
    assert chosen_member([member("n1", 4, 1), member("n2", 5, 2, cold=True)], "n1").member.name == "n2"


def test_of_equals_our_own_stays() -> None:
    assert chosen_member([member("n1", 5, 1), member("n2", 5, 1)], "n2").member.name == "n2"


@pytest.mark.parametrize("stamp", [1, 2])
def test_of_the_same_configuration_a_running_controllers_is_taken_whatever_the_stamps(stamp: int) -> None:
    """A DC that died before it had begun left its stamp on disk, and a document of the same version without status."""
    cold, running = member("n1", 5, stamp, cold=True), member("n3", 5, 1)
    assert chosen_member([cold, running], "n1").member.name == "n3"


def test_another_configuration_of_the_same_version_is_not_the_same() -> None:
    cold, running = member("n1", 5, 2, cold=True, digest="x"), member("n3", 5, 1, digest="y")
    assert chosen_member([cold, running], "n1").member.name == "n1"


def test_of_several_running_controllers_with_the_same_configuration_the_one_with_the_newest_status_is_taken() -> None:
    members = [member("n1", 5, 2, cold=True), member("n2", 5, 1, updates=7), member("n3", 5, 1, updates=9)]
    assert chosen_member(members, "n1").member.name == "n3"
