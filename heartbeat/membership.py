"""View agreement: which view this node wants, which proposals it agrees with, and the view that it is in.

The rules and their safety argument are in docs/design/0002-membership.md.
"""

import msgspec

from heartbeat.agreement import ROUND_TIMER, Agreed, Agreement, AgreementEffect, RoundFailed
from heartbeat.clique import Candidate, choose, is_clique
from heartbeat.detector import Detector
from heartbeat.events import Persist, SendDatagram
from heartbeat.messages import Member, View
from heartbeat.packets import (
    Accept,
    AgreementPacket,
    Heartbeat,
    Install,
    Propose,
    RefusalReason,
    Refuse,
    Withdraw,
    view_id,
)
from heartbeat.promises import Promises
from heartbeat.succession import Installed, note_installed, succeed
from heartbeat.timing import Timing
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds

TRY_TIMER = "membership.try"
BOUND_TIMER = "membership.bound"
INITDEAD_TIMER = "membership.initdead"
SETTLE_TIMER = "membership.settle"
CONFIRM_TIMER = "membership.confirm"


class Dropped(msgspec.Struct, frozen=True):
    """This node is in no view any more."""

    reason: str


MembershipEffect = SendDatagram | Persist | SetTimer | CancelTimer | Note | Installed | Dropped

_Signature = tuple[tuple[Member, ...], tuple[int, ...]]
"""The members of a wanted view, sorted by name, and the view that each comes from."""


class Membership:
    """One life of this node in the cluster. Invariant: this node is a member of `view`, and its number only grows."""

    def __init__(self, me: Member, timing: Timing, promises: Promises, detector: Detector, voted: int) -> None:
        self._me = me
        self._timing = timing
        self._detector = detector
        self._agreement = Agreement(me, promises, voted, timing.resend_ms, timing.round_ms)
        self._view: View | None = None
        self._installed = 0
        self._expected: tuple[str, ...] = ()
        self._ready = False
        self._leaving = False
        self._initdead_passed = False
        self._bound_at: Milliseconds | None = None
        self._settled_at = Milliseconds(0)
        self._confirmed_by = Milliseconds(0)
        self._wanted: _Signature | None = None
        self._tears = False
        """The wanted view takes some members of another view and not all."""
        self._rank = 0
        self._missed: tuple[str, ...] = ()
        """Who did not answer in the last round that ended for want of answers."""
        self._try_at = Milliseconds(0)

    @property
    def view(self) -> View | None:
        """The installed view, None outside any."""
        return self._view

    @property
    def installed(self) -> int:
        """The highest view number that this life installed."""
        return self._installed

    @property
    def voted(self) -> int:
        """The highest view number that this node voted for."""
        return self._agreement.voted

    # events

    def begin(self, expected: tuple[str, ...], ready: bool, now: Milliseconds) -> list[MembershipEffect]:
        """The life begins. A first view is formed when all expected nodes are here, or after initdead."""
        self._expected = expected
        self._ready = ready
        return [SetTimer(INITDEAD_TIMER, Milliseconds(now + self._timing.initdead_ms)), *self._evaluate(now)]

    def set_ready(self, ready: bool, now: Milliseconds) -> list[MembershipEffect]:
        """Whether this node may join a view (one that is in a view stays there)."""
        self._ready = ready
        return self._evaluate(now)

    def heard(self, heartbeat: Heartbeat, changed: bool, now: Milliseconds) -> list[MembershipEffect]:
        """The detector took this heartbeat; `changed`: it says something new."""
        self._agreement.see_number(heartbeat.voted)
        effects: list[MembershipEffect] = []
        if heartbeat.view is not None:
            effects += self._perform(self._agreement.installed_elsewhere(heartbeat.view), now)
        if changed:
            effects += self._evaluate(now)
        return effects

    def hearing_changed(self, now: Milliseconds) -> list[MembershipEffect]:
        """The detector gave somebody up."""
        return self._evaluate(now)

    def packet(self, packet: AgreementPacket, now: Milliseconds) -> list[MembershipEffect]:
        """A message of the agreement. Those of lives that this node does not hear are nobody's word."""
        known = self._detector.heard.get(packet.sender.name)
        if known is None or known.sender != packet.sender or self._leaving:
            return []
        match packet:
            case Propose():
                return self._proposed(packet, now)
            case Accept():
                return self._perform(self._agreement.accepted(packet), now)
            case Refuse():
                return self._perform(self._agreement.refused(packet), now)
            case Withdraw(view=view):
                self._agreement.withdrawn(view)
                return self._evaluate(now)
            case Install(view=view):
                return self._perform(self._agreement.installed_elsewhere(view), now)

    def promised(self, now: Milliseconds) -> list[MembershipEffect]:
        """More of what this node promised is on disk."""
        return self._perform(self._agreement.promised(now), now)

    def timer(self, name: str, now: Milliseconds) -> list[MembershipEffect]:
        """One of the timers named `membership.*` fired; each only makes this node look again."""
        if name == ROUND_TIMER:
            return self._perform(self._agreement.round_timer(now), now)
        if name == INITDEAD_TIMER:
            self._initdead_passed = True
        if name == BOUND_TIMER and self._bound_at is not None and now >= self._bound_at and not self._is_intact(now):
            reason = f"no view was agreed on within {self._timing.deadtime_ms} ms after a member was lost"
            return [*self._drop(reason, now), *self._evaluate(now)]
        return self._evaluate(now)

    def leave(self, now: Milliseconds) -> list[MembershipEffect]:
        """Leave the cluster in good order: the heartbeats say so from now on."""
        self._leaving = True
        self._view = None
        return self._perform(self._agreement.forget_ballot(), now)

    # the wanted view

    def _evaluate(self, now: Milliseconds) -> list[MembershipEffect]:
        """Look at who hears whom, and work for another view where the present one is not the right one."""
        if self._leaving:
            return []
        intact = self._is_intact(now)
        effects = self._watch_bound(intact, now)
        wish = self._wish(intact, now)
        if wish is None:
            return [*effects, *self._stop_wanting(now)]
        return [*effects, *self._pursue(wish, now)]

    def _is_intact(self, now: Milliseconds) -> bool:
        """Whether the view's members are all there and hear each other; true outside a view."""
        if self._view is None:
            return True
        if len(self._fit(now)) < len(self._view.members):
            return False
        if now < self._settled_at:
            return True
        return is_clique([self._myself(), *self._candidates(now, self._view.members)])

    def _fit(self, now: Milliseconds) -> frozenset[Member]:
        """The members of the view that are still in it, as far as this node can tell."""
        if self._view is None:
            return frozenset((self._me,))
        return frozenset(member for member in self._view.members if member == self._me or self._is_fit(member, now))

    def _is_fit(self, member: Member, now: Milliseconds) -> bool:
        assert self._view is not None
        heartbeat = self._detector.heard.get(member.name)
        if heartbeat is None or heartbeat.sender != member or heartbeat.status == "leaving":
            return False
        if self._me not in heartbeat.hears and now >= self._settled_at:
            return False
        if heartbeat.view == view_id(self._view):
            return True
        # It did not install the view yet, or it left it: `installed` tells these apart.
        return heartbeat.installed < self._view.number and now < self._confirmed_by

    def _watch_bound(self, intact: bool, now: Milliseconds) -> list[MembershipEffect]:
        if intact and self._bound_at is not None:
            self._bound_at = None
            return [CancelTimer(BOUND_TIMER)]
        if not intact and self._bound_at is None:
            self._bound_at = Milliseconds(now + self._timing.deadtime_ms)
            return [SetTimer(BOUND_TIMER, self._bound_at)]
        return []

    def _wish(self, intact: bool, now: Milliseconds) -> tuple[Candidate, ...] | None:
        """The view that this node works for, in the order of proposal; None when it is content (or has to wait).

        Another view is torn apart only where nothing else helps, and after a wait (`_pursue`): where partitions meet,
        their members are heard one after the other, and a view that is half heard will be there as a whole.
        """
        if self._view is None and not self._ready:
            return None
        keep = self._fit(now)
        candidates = self._candidates(now)
        for tear in (False, True):
            clique = choose(self._myself(), candidates, keep, tear)
            self._tears = tear
            if self._view is None:
                if self._may_form(clique):
                    return clique
            elif not intact or (len(clique) > len(self._view.members) and keep <= {one.member for one in clique}):
                return clique
        return None

    def _may_form(self, clique: tuple[Candidate, ...]) -> bool:
        """A node that starts waits for all that are expected, for a view to join, or for initdead to pass."""
        if self._initdead_passed or self._installed or any(one.view is not None for one in clique):
            return True
        names = {one.member.name for one in clique}
        return bool(self._expected) and all(name in names for name in self._expected)

    def _myself(self) -> Candidate:
        view = self._view
        return Candidate(
            member=self._me,
            view=None if view is None else view_id(view),
            view_size=0 if view is None else len(view.members),
            hears=frozenset(self._detector.hears),
            late=False,
        )

    def _candidates(self, now: Milliseconds, among: tuple[Member, ...] | None = None) -> list[Candidate]:
        return [
            Candidate(
                member=heartbeat.sender,
                view=heartbeat.view,
                view_size=heartbeat.view_size,
                hears=frozenset(heartbeat.hears),
                late=self._detector.is_late(name, now),
            )
            for name, heartbeat in sorted(self._detector.heard.items())
            if heartbeat.status != "leaving"
            and (heartbeat.ready or heartbeat.view is not None)
            and (among is None or heartbeat.sender in among)
        ]

    def _pursue(self, wish: tuple[Candidate, ...], now: Milliseconds) -> list[MembershipEffect]:
        """Propose the wanted view when it is this node's turn, and not again while the round lasts."""
        by_name = sorted(wish, key=lambda one: one.member)
        members = tuple(one.member for one in by_name)
        signature = members, tuple(0 if one.view is None else one.view.number for one in by_name)
        own = self._agreement.own_ballot
        withdrawal: list[MembershipEffect] = []
        if own is not None:
            if (own.view.members, own.origins) == signature:
                return []
            withdrawal = self._perform(self._agreement.forget_ballot(), now)
        if signature != self._wanted:
            self._wanted = signature
            self._rank = next(place for place, one in enumerate(wish) if one.member == self._me)
            patience_ms = self._timing.deadtime_ms if self._tears else 0
            self._try_at = Milliseconds(now + patience_ms + self._rank * self._timing.takeover_ms)
        at = max(self._try_at, self._held_until(now))
        if now < at:
            return [*withdrawal, SetTimer(TRY_TIMER, Milliseconds(at))]
        return [*withdrawal, *self._perform(self._agreement.propose(*signature, now), now)]

    def _held_until(self, now: Milliseconds) -> int:
        """When this node need not wait for the outcome of another's proposal any more."""
        ballot = self._agreement.ballot
        if ballot is None or ballot.view.coordinator == self._me.name or not self._hears_coordinator(ballot.view):
            return now
        return ballot.until

    def _hears_coordinator(self, view: View) -> bool:
        heartbeat = self._detector.heard.get(view.coordinator)
        return heartbeat is not None and heartbeat.sender in view.members

    def _stop_wanting(self, now: Milliseconds) -> list[MembershipEffect]:
        self._wanted = None
        return self._perform(self._agreement.forget_ballot(), now) if self._agreement.own_ballot is not None else []

    # others' proposals

    def _proposed(self, propose: Propose, now: Milliseconds) -> list[MembershipEffect]:
        if not self._is_well_formed(propose):
            return []
        if self._agreement.has_voted_for(propose):
            return self._perform(self._agreement.vote_again(), now)
        reason = self._objection(propose, now)
        if reason is not None:
            self._agreement.see_number(propose.view.number)
            return [self._agreement.refusal(propose, reason)]
        return self._perform(self._agreement.vote(propose, now), now)

    def _is_well_formed(self, propose: Propose) -> bool:
        view = propose.view
        return (
            view.coordinator == propose.sender.name
            and propose.sender in view.members
            and self._me in view.members
            and len(propose.origins) == len(view.members)
            and list(view.members) == sorted(view.members)
            and len(set(view.names)) == len(view.members)
        )

    def _objection(self, propose: Propose, now: Milliseconds) -> RefusalReason | None:
        """Why this node does not vote for a proposal; None when it does.

        A member's suspicion of others counts, so that one that does not hear a dead node any more need not wait for
        all the others' detectors. An outsider's does not: it may not take this node out of an intact view, unless
        the result is larger than what this node leaves.
        """
        view = propose.view
        if not self._agreement.may_vote(view.number) or view.number <= self._installed:
            return "number"
        if self._view is None and not self._ready:
            return "unwilling"
        if self._is_busy(view, now):
            return "busy"
        if not all(member == self._me or self._is_here(member) for member in view.members):
            return "unheard"
        if propose.origins[view.members.index(self._me)] != (0 if self._view is None else self._view.number):
            return "origin"
        return "worse" if self._is_worse(propose, now) else None

    def _is_busy(self, view: View, now: Milliseconds) -> bool:
        """One proposal at a time; of two for the same nodes the larger one wins, then the coordinator's name.

        That order is the same everywhere, so that of several proposers one comes through. A proposal that leaves out
        members of the open one never wins over it: this node would be torn between the two.
        """
        ballot = self._agreement.ballot
        if ballot is None or now >= ballot.until or ballot.view.coordinator == view.coordinator:
            return False
        open_view = ballot.view
        if open_view.coordinator != self._me.name and not self._hears_coordinator(open_view):
            return False
        if open_view.coordinator != self._me.name and not frozenset(open_view.members) <= frozenset(view.members):
            return True
        return (-len(open_view.members), open_view.coordinator) < (-len(view.members), view.coordinator)

    def _is_here(self, member: Member) -> bool:
        heartbeat = self._detector.heard.get(member.name)
        return heartbeat is not None and heartbeat.sender == member and heartbeat.status != "leaving"

    def _is_worse(self, propose: Propose, now: Milliseconds) -> bool:
        if self._view is None:
            return False
        members = frozenset(propose.view.members)
        fit = self._fit(now)
        if fit <= members:
            return False
        if propose.sender not in self._view.members:
            return len(members) <= len(fit)
        # The coordinator's heartbeat that says whom it hears no more may still be on its way: the proposal says it.
        candidates = [
            msgspec.structs.replace(one, hears=one.hears & members) if one.member == propose.sender else one
            for one in self._candidates(now)
        ]
        return len(choose(self._myself(), candidates, fit)) > len(members)

    # outcomes

    def _perform(self, effects: list[AgreementEffect], now: Milliseconds) -> list[MembershipEffect]:
        performed: list[MembershipEffect] = []
        for effect in effects:
            match effect:
                case Agreed(view, origins):
                    performed += self._install(view, origins, now)
                case RoundFailed():
                    performed += self._round_failed(effect, now)
                case _:
                    performed.append(effect)
        return performed

    def _install(self, view: View, origins: tuple[int, ...], now: Milliseconds) -> list[MembershipEffect]:
        assert self._me in view.members, "a node installs only views that it is in"
        assert view.number > self._installed, "view numbers only grow"
        before, self._view = self._view, view
        self._installed = view.number
        withdrawal = self._perform(self._agreement.forget_ballot(), now)
        self._wanted = None
        self._missed = ()
        self._settled_at = Milliseconds(now + self._timing.settle_ms)
        self._confirmed_by = Milliseconds(now + self._timing.deadtime_ms)
        installed = succeed(self._me, before, view, origins, self._detector, now)
        effects: list[MembershipEffect] = [*withdrawal, installed, note_installed(installed)]
        if len(view.members) > 1:
            effects += [SetTimer(SETTLE_TIMER, self._settled_at), SetTimer(CONFIRM_TIMER, self._confirmed_by)]
        if self._bound_at is not None:
            self._bound_at = None
            effects.append(CancelTimer(BOUND_TIMER))
        return [*effects, *self._evaluate(now)]

    def _round_failed(self, failed: RoundFailed, now: Milliseconds) -> list[MembershipEffect]:
        resend = self._timing.resend_ms
        delay_ms = 2 * (1 + self._rank) * resend
        if failed.reason == "number":
            delay_ms = self._rank * resend
        elif failed.reason == "busy":
            delay_ms = (1 + self._rank) * resend
        elif failed.reason == "worse" and (self._view is None or failed.by not in self._view.names):
            delay_ms = self._timing.deadtime_ms  # an outsider that is content will not change its mind soon
        self._try_at = Milliseconds(now + delay_ms)
        effects: list[MembershipEffect] = [_note_failed(failed)]
        return [*effects, *self._suspect_silent(failed.missing, now), *self._evaluate(now)]

    def _suspect_silent(self, missing: tuple[str, ...], now: Milliseconds) -> list[MembershipEffect]:
        """Who sends heartbeats but twice did not vote is in the way of a view: the others must see it as lost.

        Once may be a slow disk, which by the next round has promised enough numbers. Members of an intact view are
        never suspected for it: they are asked on behalf of a node that wants to join, which can wait.
        """
        if not missing:
            return []
        again = [name for name in missing if name in self._missed]
        self._missed = missing
        safe = self._view.names if self._view is not None and self._is_intact(now) else ()
        effects: list[MembershipEffect] = []
        for name in again:
            heartbeat = self._detector.heard.get(name)
            if heartbeat is not None and name not in safe:
                effects += self._detector.suspect(heartbeat.sender, "it does not answer when asked to vote", now)
        return effects

    def _drop(self, reason: str, now: Milliseconds) -> list[MembershipEffect]:
        self._view = None
        self._bound_at = None
        self._wanted = None
        return [
            *self._perform(self._agreement.forget_ballot(), now),
            Dropped(reason),
            Note("warning", "view.lost", f"This node is in no view: {reason}", {"reason": reason}),
        ]


def _note_failed(failed: RoundFailed) -> Note:
    if failed.reason is not None:
        why = f"{failed.by} does not vote for it ({failed.reason})"
    elif failed.missing:
        why = f"no answer of {', '.join(failed.missing)}"
    else:
        why = "this node's own vote is not on disk yet"
    text = f"The proposed view {failed.view.number} of {', '.join(failed.view.names)} came to nothing: {why}"
    return Note("info", "view.round_failed", text, {"view": failed.view.number})
