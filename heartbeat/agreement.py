"""Two-phase agreement on one view: numbers, votes and rounds. Which view is wanted is the membership's business.

A vote is given once for a number, in all lives of a node, because it is on disk first. A view is installed only when
all its members voted for it. So two views with the same number have no member in common.
"""

from dataclasses import dataclass, field

import msgspec

from heartbeat.events import Persist, SendDatagram
from heartbeat.messages import Member, View
from heartbeat.packets import Accept, Install, Propose, RefusalReason, Refuse, ViewId, Withdraw, view_id
from heartbeat.promises import Promises
from ipc.timers import SetTimer
from ipc.units import Milliseconds

ROUND_TIMER = "membership.round"


class Agreed(msgspec.Struct, frozen=True):
    """All members voted for this view, this node among them."""

    view: View
    origins: tuple[int, ...]


class RoundFailed(msgspec.Struct, frozen=True):
    """This node's proposal came to nothing. `missing`: who did not answer; `by` and `reason`: who refused it, why."""

    view: View
    missing: tuple[str, ...] = ()
    by: str = ""
    reason: RefusalReason | None = None


AgreementEffect = SendDatagram | Persist | SetTimer | Agreed | RoundFailed


@dataclass(slots=True)
class Ballot:
    """The newest vote of this node: for its own proposal, or for another's."""

    view: View
    origins: tuple[int, ...]
    until: Milliseconds
    """Other proposals wait until then for the outcome."""
    cast: bool = False
    """The vote is on disk, and so may count. Until then nobody knows of it, and it can be forgotten without a trace."""
    accepted: set[str] = field(default_factory=set)
    """Who voted for it, as far as this node, being the coordinator, knows."""


class Agreement:
    """Owns the numbers: what this node voted for only grows, and no number gets two votes of it."""

    def __init__(self, me: Member, promises: Promises, voted: int, resend_ms: int, round_ms: int) -> None:
        self._me = me
        self._promises = promises
        self._resend_ms = resend_ms
        self._round_ms = round_ms
        self._voted = voted
        self._highest_seen = voted
        self._ballot: Ballot | None = None

    @property
    def voted(self) -> int:
        """The highest number that was voted for, its vote being on disk."""
        return self._voted

    @property
    def ballot(self) -> Ballot | None:
        """The vote whose outcome is open."""
        return self._ballot

    @property
    def own_ballot(self) -> Ballot | None:
        """The vote whose outcome is open, if it is for this node's own proposal."""
        return self._ballot if self._ballot is not None and self._ballot.view.coordinator == self._me.name else None

    def see_number(self, number: int) -> None:
        """Somebody used this number: the next proposal goes above it."""
        self._highest_seen = max(self._highest_seen, number)

    def forget_ballot(self) -> list[AgreementEffect]:
        """The open vote must not lead to an installation any more (this node went on, or wants something else)."""
        ballot, self._ballot = self._ballot, None
        if ballot is None or ballot.view.coordinator != self._me.name or not ballot.cast:
            return []
        voters = tuple(name for name in ballot.view.names if name != self._me.name)
        return [SendDatagram(voters, Withdraw(self._me, view_id(ballot.view)))] if voters else []

    def withdrawn(self, view: ViewId) -> None:
        """The coordinator gave up: this node waits for its proposal no more. The vote stays used."""
        if self._ballot is not None and view_id(self._ballot.view) == view:
            self._ballot = None

    # proposing

    def propose(
        self, members: tuple[Member, ...], origins: tuple[int, ...], now: Milliseconds
    ) -> list[AgreementEffect]:
        """Vote for a new view of these members, sorted by name, and ask them to vote once the vote is on disk."""
        assert self._me in members, "a node proposes only views that it is in"
        number = max(self._voted, self._highest_seen) + 1
        return self._cast(Ballot(View(number, self._me.name, members), origins, self._end_of_round(now)), now)

    def accepted(self, accept: Accept) -> list[AgreementEffect]:
        """A member voted for this node's proposal."""
        ballot = self.own_ballot
        if ballot is None or view_id(ballot.view) != accept.view or accept.sender not in ballot.view.members:
            return []
        ballot.accepted.add(accept.sender.name)
        return self._conclude(ballot)

    def refused(self, refuse: Refuse) -> list[AgreementEffect]:
        """A member does not vote for this node's proposal; as all must, the round is over."""
        self.see_number(refuse.voted)
        ballot = self.own_ballot
        if ballot is None or view_id(ballot.view) != refuse.view or refuse.sender not in ballot.view.members:
            return []
        return [*self.forget_ballot(), RoundFailed(ballot.view, by=refuse.sender.name, reason=refuse.reason)]

    def round_timer(self, now: Milliseconds) -> list[AgreementEffect]:
        """Ask those again that did not answer; give up when the round lasted too long."""
        ballot = self.own_ballot
        if ballot is None:
            return []
        if now >= ballot.until:
            missing = self._missing(ballot) if ballot.cast else ()
            return [*self.forget_ballot(), RoundFailed(ballot.view, missing=missing)]
        return self._ask(ballot, now) if ballot.cast else [self._round_at(now)]

    # voting

    def vote(self, propose: Propose, now: Milliseconds) -> list[AgreementEffect]:
        """Vote for another's proposal that the membership agrees with; say so once the vote is on disk."""
        return self._cast(Ballot(propose.view, propose.origins, self._end_of_round(now)), now)

    def has_voted_for(self, propose: Propose) -> bool:
        """Whether this is the proposal of the open vote, come once more."""
        ballot = self._ballot
        return ballot is not None and ballot.view == propose.view and ballot.origins == propose.origins

    def vote_again(self) -> list[AgreementEffect]:
        """Repeat the answer to the open vote's coordinator."""
        ballot = self._ballot
        return [self._accept(ballot)] if ballot is not None and ballot.cast else []

    def may_vote(self, number: int) -> bool:
        """Whether this number is above all that were voted for."""
        return number > self._voted

    def refusal(self, propose: Propose, reason: RefusalReason) -> SendDatagram:
        """Why this node does not vote, with the number that a further proposal must exceed."""
        return SendDatagram((propose.sender.name,), Refuse(self._me, view_id(propose.view), self._voted, reason))

    def installed_elsewhere(self, view: ViewId) -> list[AgreementEffect]:
        """Somebody says that this view is installed: if this node voted for it, then all its members did."""
        ballot = self._ballot
        if ballot is None or not ballot.cast or view_id(ballot.view) != view:
            return []
        self._ballot = None
        return [Agreed(ballot.view, ballot.origins)]

    # both

    def promised(self, now: Milliseconds) -> list[AgreementEffect]:
        """More is on disk than before: a vote that waited for it counts now."""
        ballot = self._ballot
        if ballot is None or ballot.cast or not self._promises.covers(ballot.view.number):
            return []
        ballot.until = self._end_of_round(now)
        return self._count_own_vote(ballot, now)

    def _cast(self, ballot: Ballot, now: Milliseconds) -> list[AgreementEffect]:
        self._ballot = ballot
        reserve: list[AgreementEffect] = [*self._promises.reserve(ballot.view.number)]
        if self._promises.covers(ballot.view.number):
            return [*self._count_own_vote(ballot, now), *reserve]
        return [*reserve, self._round_at(now)]

    def _count_own_vote(self, ballot: Ballot, now: Milliseconds) -> list[AgreementEffect]:
        assert self._promises.covers(ballot.view.number), "a vote counts only when a crash can't take it back"
        assert ballot.view.number > self._voted, "no number gets two votes of one node"
        ballot.cast = True
        self._voted = ballot.view.number
        if ballot.view.coordinator != self._me.name:
            return [self._accept(ballot)]
        ballot.accepted.add(self._me.name)
        return self._conclude(ballot) or self._ask(ballot, now)

    def _conclude(self, ballot: Ballot) -> list[AgreementEffect]:
        others = self._missing(ballot)
        if others:
            return []
        self._ballot = None
        peers = tuple(name for name in ballot.view.names if name != self._me.name)
        install = [SendDatagram(peers, Install(self._me, view_id(ballot.view)))] if peers else []
        return [*install, Agreed(ballot.view, ballot.origins)]

    def _missing(self, ballot: Ballot) -> tuple[str, ...]:
        return tuple(name for name in ballot.view.names if name not in ballot.accepted)

    def _ask(self, ballot: Ballot, now: Milliseconds) -> list[AgreementEffect]:
        propose = Propose(self._me, ballot.view, ballot.origins)
        return [SendDatagram(self._missing(ballot), propose), self._round_at(now)]

    def _accept(self, ballot: Ballot) -> SendDatagram:
        return SendDatagram((ballot.view.coordinator,), Accept(self._me, view_id(ballot.view)))

    def _end_of_round(self, now: Milliseconds) -> Milliseconds:
        return Milliseconds(now + self._round_ms)

    def _round_at(self, now: Milliseconds) -> SetTimer:
        return SetTimer(ROUND_TIMER, Milliseconds(now + self._resend_ms))
