"""Who becomes DC, and that everybody comes to the same result."""

from crmd.election import (
    VOTE_TIMER,
    Election,
    ElectionEffect,
    Lost,
    RoundBegan,
    SendVote,
    Standing,
    VotedLate,
    Won,
)
from crmd.peer_messages import Vote
from ipc.timers import SetTimer
from ipc.units import Milliseconds

T0 = Milliseconds(0)


class Electorate:
    """Several elections whose votes reach each other at once, unless a node is deaf."""

    def __init__(self, *names: str, started: dict[str, int] | None = None) -> None:
        self.names = names
        self.nodes = {
            name: Election(name, 1, Milliseconds((started or {}).get(name, 0)), vote_bound_ms=1000) for name in names
        }
        self.outcome: dict[str, Won | Lost] = {}
        self.late: list[tuple[str, str]] = []
        self.silent: set[str] = set()
        self._queue: list[tuple[str, str, Vote]] = []

    def install(self, number: int, *names: str, now: Milliseconds = T0, up: tuple[str, ...] | None = None) -> None:
        members = tuple(sorted(names))
        for name in members:
            if name not in self.silent:
                states = {other: other in (up or members) for other in members}
                self.perform(name, self.nodes[name].view(number, members, states, now))
        self.deliver(now)

    def perform(self, node: str, effects: list[ElectionEffect]) -> None:
        for effect in effects:
            match effect:
                case SendVote(to, vote):
                    targets = [to] if to else [name for name in self.names if name != node]
                    self._queue += [(node, target, vote) for target in targets]
                case Won() | Lost():
                    self.outcome[node] = effect
                case VotedLate(late, _):
                    self.late.append((node, late))

    def deliver(self, now: Milliseconds = T0) -> None:
        while self._queue:
            sender, target, vote = self._queue.pop(0)
            if target not in self.silent:
                self.perform(target, self.nodes[target].received(sender, vote, now))


def test_in_a_fresh_cluster_the_lowest_name_wins_and_all_agree() -> None:
    cluster = Electorate("n1", "n2", "n3")
    cluster.install(1, "n1", "n2", "n3")

    assert cluster.outcome == {"n1": Won(1), "n2": Lost(1, "n1"), "n3": Lost(1, "n1")}


def test_a_node_alone_wins_within_the_event_that_installs_the_view() -> None:
    effects = Election("n1", 1, T0, 1000).view(7, ("n1",), {}, T0)

    assert Won(1) in effects


def test_the_acting_dc_stays_although_another_has_a_lower_name_and_runs_longer() -> None:
    cluster = Electorate("n1", "n2", started={"n2": 600_000})
    cluster.nodes["n2"].standing = Standing(is_dc=True, served=1)
    cluster.install(2, "n1", "n2", now=Milliseconds(700_000))

    assert cluster.outcome == {"n1": Lost(1, "n2"), "n2": Won(1)}


def test_when_partitions_meet_the_dc_of_the_larger_one_stays() -> None:
    cluster = Electorate("n1", "n2", "n3")
    cluster.nodes["n1"].standing = Standing(is_dc=True, served=1)
    cluster.nodes["n3"].standing = Standing(is_dc=True, served=2)
    cluster.install(5, "n1", "n2", "n3")

    assert cluster.outcome["n3"] == Won(1)
    assert cluster.outcome["n1"] == Lost(1, "n3")


def test_without_a_dc_the_controller_that_has_run_longest_wins() -> None:
    cluster = Electorate("n1", "n2", started={"n1": 3_600_000, "n2": 0})
    cluster.install(1, "n1", "n2", now=Milliseconds(4_000_000))

    assert cluster.outcome["n2"] == Won(1)


def test_a_member_whose_controller_is_away_is_not_waited_for() -> None:
    cluster = Electorate("n1", "n2")
    cluster.silent = {"n1"}
    cluster.install(1, "n1", "n2", up=("n2",))

    assert cluster.outcome == {"n2": Won(1)}


def test_a_silent_member_is_waited_for_only_up_to_the_bound() -> None:
    cluster = Electorate("n1", "n2", "n3")
    cluster.silent = {"n1"}
    cluster.install(1, "n1", "n2", "n3")
    assert cluster.outcome == {}

    for name in ("n2", "n3"):
        cluster.perform(name, cluster.nodes[name].expired(Milliseconds(1000)))

    assert cluster.outcome == {"n2": Won(1), "n3": Lost(1, "n2")}


def test_a_member_that_dies_during_the_election_is_left_out_at_once() -> None:
    cluster = Electorate("n1", "n2")
    cluster.silent = {"n1"}
    cluster.install(1, "n1", "n2")

    cluster.perform("n2", cluster.nodes["n2"].peer("n1", up=False, now=T0))

    assert cluster.outcome == {"n2": Won(1)}


def test_a_round_begun_by_one_takes_everybody_along() -> None:
    cluster = Electorate("n1", "n2", "n3")
    cluster.install(1, "n1", "n2", "n3")
    cluster.silent = {"n1"}
    for name in ("n2", "n3"):
        cluster.nodes[name].peer("n1", up=False, now=T0)

    cluster.perform("n3", cluster.nodes["n3"].next_round("the DC died", T0))
    cluster.deliver()

    assert cluster.outcome["n2"] == Won(2)
    assert cluster.outcome["n3"] == Lost(2, "n2")


def test_a_controller_that_comes_after_the_election_is_reported_as_late() -> None:
    cluster = Electorate("n1", "n2")
    cluster.silent = {"n2"}
    cluster.install(1, "n1", "n2", up=("n1",))
    cluster.silent = set()

    cluster.perform("n2", cluster.nodes["n2"].view(1, ("n1", "n2"), {"n1": True}, T0))
    cluster.deliver()

    assert ("n1", "n2") in cluster.late


def test_a_vote_of_another_view_changes_nothing() -> None:
    election = Election("n1", 1, T0, 1000)
    election.view(4, ("n1", "n2"), {"n2": True}, T0)

    assert election.received("n2", Vote(3, 1, 1, True, 2, 99), T0) == []


def test_a_node_behind_in_rounds_is_taken_into_the_running_one() -> None:
    election = Election("n1", 1, T0, 1000)
    election.view(4, ("n1", "n2", "n3"), {"n2": True, "n3": True}, T0)
    election.next_round("x", T0)

    effects = election.received("n2", Vote(4, 1, 1, False, 0, 0), T0)

    assert [(e.to, e.vote.round) for e in effects if isinstance(e, SendVote)] == [("n2", 2)]


def test_each_round_begins_with_its_announcement_the_vote_and_the_bound() -> None:
    effects = Election("n1", 9, T0, 1000).view(4, ("n1", "n2"), {"n2": True}, Milliseconds(60_000))

    assert effects == [
        RoundBegan(1, "view"),
        SendVote("", Vote(4, 1, 9, False, 0, 1)),
        SetTimer(VOTE_TIMER, Milliseconds(61_000)),
    ]
