"""Who is DC of a view: one round, all to all.

Each member whose controller is up sends its vote to all; when the votes of all of them are in, everyone computes the
same winner from the same votes. The acting DC stays where there is one; otherwise the controller that has run longest
wins, and the lowest name among equals.

A member that stays silent is waited for up to a bound, then left out. So two members may have counted different votes
and name different winners; that is why a winner only offers, and why each member accepts one DC for each round (see
`crmd.join`). A vote of a later round takes everybody who sees it into that round.
"""

from __future__ import annotations

import msgspec

from crmd.peer_messages import Vote
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds

VOTE_TIMER = "election.votes"
"""Fires when the silent members have been waited for long enough."""

MINUTE_MS = 60_000


class Standing(msgspec.Struct, frozen=True):
    """What speaks for this node in an election."""

    is_dc: bool
    served: int
    """Members that it leads, itself included; 0 if it is no DC."""


class SendVote(msgspec.Struct, frozen=True, tag=True):
    """Effect: send the vote to this member, or to every other one."""

    to: str
    vote: Vote


class RoundBegan(msgspec.Struct, frozen=True, tag=True):
    """Effect: this round begins; whoever was DC in an earlier one is not any more."""

    round: int
    reason: str


class Won(msgspec.Struct, frozen=True, tag=True):
    """Effect: this node is to be DC."""

    round: int


class Lost(msgspec.Struct, frozen=True, tag=True):
    """Effect: `winner` is to be DC."""

    round: int
    winner: str


class VotedLate(msgspec.Struct, frozen=True, tag=True):
    """Effect: a member voted in a round that is over: its controller is new, it should be offered to join."""

    node: str
    incarnation: int


ElectionEffect = SendVote | RoundBegan | Won | Lost | VotedLate | SetTimer | CancelTimer | Note


def rank(name: str, vote: Vote) -> tuple[bool, int, int, str]:
    """The order of candidates; the smallest wins."""
    return (not vote.is_dc, -vote.served, -vote.uptime_minutes, name)


class Election:
    """The election of one node's controller. Within a view the round only grows."""

    def __init__(self, me: str, incarnation: int, started: Milliseconds, vote_bound_ms: int) -> None:
        self._me = me
        self._incarnation = incarnation
        self._started = started
        self._vote_bound_ms = vote_bound_ms
        self._view = 0
        self._members: tuple[str, ...] = ()
        self._up: dict[str, bool] = {}
        self._round = 0
        self._votes: dict[str, Vote] = {}
        self._over = True
        self.standing = Standing(is_dc=False, served=0)
        """Kept up to date by the aggregate; read when a round begins."""

    @property
    def round(self) -> int:
        """The newest round of this view that this node takes part in; 0 in no view."""
        return self._round

    @property
    def over(self) -> bool:
        """Whether the newest round has a winner here."""
        return self._over

    def view(
        self, number: int, members: tuple[str, ...], up: dict[str, bool], now: Milliseconds
    ) -> list[ElectionEffect]:
        """A view was installed: its first round begins. `up` says for each member whether its controller is there."""
        self._view, self._members, self._up = number, members, dict(up)
        self._round = 0
        return self._begin(1, "view", now)

    def leave(self) -> list[ElectionEffect]:
        """There is no view any more."""
        self._view, self._round, self._members, self._votes, self._over = 0, 0, (), {}, True
        return [CancelTimer(VOTE_TIMER)]

    def next_round(self, reason: str, now: Milliseconds, beyond: int = 0) -> list[ElectionEffect]:
        """Begin a new round, later than `beyond` too: the DC died or is silent, or two claim to be it."""
        if not self._view:
            return []
        return self._begin(max(self._round, beyond) + 1, reason, now)

    def accept(self, round_: int, now: Milliseconds) -> list[ElectionEffect]:
        """A DC of this round was accepted, so no winner is looked for any more; a later round is entered silently."""
        effects: list[ElectionEffect] = []
        if round_ > self._round:
            self._round, self._votes = round_, {}
            effects.append(RoundBegan(round_, "offer of a later round"))
        self._over = True
        effects.append(CancelTimer(VOTE_TIMER))
        return effects

    def peer(self, node: str, up: bool, now: Milliseconds) -> list[ElectionEffect]:
        """A member's controller went away or came back."""
        self._up[node] = up
        if not up:
            self._votes.pop(node, None)
        return self._decide(complete_only=True)

    def received(self, sender: str, vote: Vote, now: Milliseconds) -> list[ElectionEffect]:
        """A member voted."""
        if vote.view != self._view or sender not in self._members:
            return []
        self._up[sender] = True
        if vote.round < self._round:
            # It is behind (its controller is new): our vote takes it into this round; if that is over, it is offered
            # to join by whoever is DC.
            effects: list[ElectionEffect] = []
            if not self._over and self._me in self._votes:
                effects.append(SendVote(sender, self._votes[self._me]))
            elif self._over:
                effects.append(VotedLate(sender, vote.incarnation))
            return effects
        if vote.round > self._round:
            effects = self._begin(vote.round, f"vote of {sender}", now, decide=False)
            self._votes[sender] = vote
            return effects + self._decide(complete_only=True)
        if self._over:
            return [VotedLate(sender, vote.incarnation)]
        self._votes[sender] = vote
        return self._decide(complete_only=True)

    def expired(self, now: Milliseconds) -> list[ElectionEffect]:
        """VOTE_TIMER fired: go on with the votes that came."""
        if self._over:
            return []
        silent = [name for name in self._awaited() if name not in self._votes]
        note = Note(
            "warning",
            "election.silent",
            f"no vote of {', '.join(silent)} within {self._vote_bound_ms} ms: electing without",
            {"view": self._view, "round": self._round},
        )
        return [note, *self._decide(complete_only=False)]

    def _awaited(self) -> list[str]:
        return [name for name in self._members if name == self._me or self._up.get(name, False)]

    def _begin(self, round_: int, reason: str, now: Milliseconds, *, decide: bool = True) -> list[ElectionEffect]:
        self._round, self._votes, self._over = round_, {}, False
        # Read before RoundBegan makes the aggregate resign.
        vote = Vote(
            self._view,
            round_,
            self._incarnation,
            self.standing.is_dc,
            self.standing.served,
            (now - self._started) // MINUTE_MS,
        )
        self._votes[self._me] = vote
        effects: list[ElectionEffect] = [
            RoundBegan(round_, reason),
            SendVote("", vote),
            SetTimer(VOTE_TIMER, Milliseconds(now + self._vote_bound_ms)),
        ]
        return effects + self._decide(complete_only=True) if decide else effects

    def _decide(self, *, complete_only: bool) -> list[ElectionEffect]:
        if self._over or not self._view:
            return []
        if complete_only and any(name not in self._votes for name in self._awaited()):
            return []
        winner = min(self._votes, key=lambda name: rank(name, self._votes[name]))
        self._over = True
        outcome = Won(self._round) if winner == self._me else Lost(self._round, winner)
        return [CancelTimer(VOTE_TIMER), outcome]
