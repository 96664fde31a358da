"""How a DC takes members in, and which DC a member takes.

`Allegiance` is the member's side: it accepts at most one DC for each (view, round), the latest, and refuses whatever
another one sends. `Join` is the DC's side: for each member of the view where its join stands.

The DC decides nothing while a member is on its way (OFFERED, REQUESTED, ACKED), or is away for a moment (ABSENT: its
controller is being restarted). A bound ends each of these waits; then the member counts as GONE: part of the view, but
with nobody to take orders, and the policy engine says what that means.

Without fencing that engine starts elsewhere at once what a member that is gone still runs. A member of the view has a
living messaging layer, which has everything stopped before it says `gone`: it is waited for, for UNFENCED_BOUND_MS.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec
from msgspec.structs import replace

from crmd.peer_messages import NO_TERM, JoinRequest, Term, result_key
from heartbeat.messages import Member, PeerState
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.messages import Finished

JOIN_TIMER = "join.bound"
UNFENCED_BOUND_MS = 90_000
"""Without fencing: how long a member of the view may take to come back or to say that its controller is gone. Longer
than its messaging layer needs to find that a controller hangs, and to have everything stopped."""


class Verdict(Enum):
    """What a member makes of an offer."""

    ACCEPT = "accept"
    """It is from the latest DC."""
    AGAIN = "again"
    """It is from the DC that was accepted before: tell the state again."""
    REFUSE = "refuse"
    """It is from a DC of an earlier round, or from a second one of the same round."""


class Allegiance:
    """Which DC this node obeys. Invariant: in one (view, round) at most one DC is ever accepted."""

    def __init__(self) -> None:
        self.term: Term = NO_TERM
        """The accepted DC's term; NO_TERM: nobody."""
        self.serving = False
        """Whether the join is complete, so that orders may be taken."""
        self._newest: Term = NO_TERM

    def offered(self, term: Term) -> Verdict:
        """Judge an offer; what is accepted holds from now on."""
        if self.term == term:
            self.serving = False
            return Verdict.AGAIN
        if not term.newer(self._newest):
            return Verdict.REFUSE
        self.term = self._newest = term
        self.serving = False
        return Verdict.ACCEPT

    def obeys(self, term: Term) -> bool:
        """Whether an order of this term is to be carried out."""
        return self.serving and term == self.term

    def forget(self) -> None:
        """Obey nobody until the next offer. What was accepted once stays the lower bound for what comes."""
        self.term = NO_TERM
        self.serving = False

    @property
    def newest(self) -> Term:
        """The latest term ever accepted."""
        return self._newest


class Phase(Enum):
    """Where a member's join stands."""

    OFFERED = "offered"
    REQUESTED = "requested"
    ACKED = "acknowledged"
    CONFIRMED = "confirmed"
    ABSENT = "absent"
    """Its controller is being started or restarted."""
    GONE = "gone"
    """Its controller did not come (back) in time."""


_EVER, _NEVER = Milliseconds(0), Milliseconds(2**62)
_AWAITED_FIRST = (Phase.OFFERED, Phase.ABSENT)


@dataclass(slots=True)
class JoinMember:
    """One member of the view, as the DC sees it."""

    member: Member
    phase: Phase
    deadline: Milliseconds
    """Until when OFFERED, ACKED or ABSENT is waited for."""
    request: JoinRequest | None = None
    recorded: bool = False
    """Whether the state that it told is in the CIB."""
    missed: bool = False
    """Whether people were told that it does not answer."""
    since: Milliseconds = _EVER
    """When it was last seen to be away, or was offered to."""


class SendOffer(msgspec.Struct, frozen=True, tag=True):
    """Effect: offer to this member."""

    to: str


JoinEffect = SendOffer | SetTimer | CancelTimer | Note


class Join:
    """The joins of one DC's term."""

    def __init__(self, term: Term, me: Member, join_bound_ms: int, restart_bound_ms: int) -> None:
        self.term = term
        self._me = me.name
        self._join_bound_ms = join_bound_ms
        self._restart_bound_ms = restart_bound_ms
        self.fencing = True
        """Whether a member that counts as gone is fenced before anything of it is recovered; the DC keeps it true."""
        self._members: dict[str, JoinMember] = {}

    def begin(
        self, members: tuple[Member, ...], peers: dict[str, PeerState], own: JoinRequest | None, now: Milliseconds
    ) -> list[JoinEffect]:
        """Take office: offer to every member whose controller is there; wait for those that are being started."""
        effects: list[JoinEffect] = []
        for member in members:
            if member.name == self._me:
                # Our own state is waited for without a bound: a DC without its executor decides nothing.
                phase = Phase.REQUESTED if own is not None else Phase.OFFERED
                self._members[member.name] = JoinMember(member, phase, _NEVER, own)
            else:
                self._members[member.name] = JoinMember(member, Phase.GONE, now)
                effects += self.peer(member.name, peers.get(member.name, "up"), now)
        return effects + self._timer()

    def peer(self, name: str, state: PeerState, now: Milliseconds) -> list[JoinEffect]:
        """A member's controller came, went away for a moment, or is gone for longer."""
        entry = self._members.get(name)
        if entry is None or name == self._me:
            return []
        match state:
            case "up":
                if entry.phase in (Phase.ABSENT, Phase.GONE):
                    return self.offer(name, now)
            case "restarting" | "emptying" if state == "restarting" or not self.fencing:
                if entry.phase not in (Phase.ABSENT, Phase.GONE) or entry.request is None:
                    entry.phase = Phase.ABSENT
                    entry.since = now
                    entry.deadline = Milliseconds(now + self._restart_bound_ms)
            case _:
                entry.phase = Phase.GONE
        return self._timer()

    def offer(self, name: str, now: Milliseconds) -> list[JoinEffect]:
        """Offer (again) to a member whose controller showed itself."""
        entry = self._members.get(name)
        if entry is None or name == self._me:
            return []
        entry.phase = Phase.OFFERED
        entry.since = now
        entry.deadline = Milliseconds(now + self._join_bound_ms)
        return [SendOffer(name), *self._timer()]

    def requested(self, name: str, request: JoinRequest, now: Milliseconds) -> bool:
        """A member told its state; False if it is not one that can join."""
        entry = self._members.get(name)
        if entry is None or request.term != self.term:
            return False
        entry.phase = Phase.REQUESTED
        entry.request = request
        entry.recorded = False
        return True

    def acked(self, now: Milliseconds) -> list[str]:
        """The members that are acknowledged now: all that requested, this node included (which needs no message)."""
        names = []
        for name, entry in self._members.items():
            if entry.phase is Phase.REQUESTED:
                names.append(name)
                entry.phase = Phase.CONFIRMED if name == self._me else Phase.ACKED
                entry.since = now
                entry.deadline = Milliseconds(now + self._join_bound_ms)
        return names

    def confirmed(self, name: str) -> bool:
        """A member confirmed; False if that was not expected."""
        entry = self._members.get(name)
        if entry is None or entry.phase is not Phase.ACKED:
            return False
        entry.phase = Phase.CONFIRMED
        return True

    def told_later(self, name: str, results: tuple[Finished, ...]) -> bool:
        """A joined member's results came before the state that it told was written: they become a part of it.

        Written at once they would be lost, because that state, which is older, is written over them. False if the
        state is written already.
        """
        entry = self._members.get(name)
        if entry is None or entry.request is None or entry.recorded or entry.phase is not Phase.CONFIRMED:
            return False
        known = {result_key(result) for result in entry.request.unrecorded}
        new = tuple(result for result in results if result_key(result) not in known)
        entry.request = replace(entry.request, unrecorded=(*entry.request.unrecorded, *new))
        return True

    def no_longer_in_flight(self, name: str, key: str) -> None:
        """A member said how an order ended; where its state is not written yet, it is to be waited for no more."""
        entry = self._members.get(name)
        if entry is not None and entry.request is not None and not entry.recorded:
            left = tuple(each for each in entry.request.in_flight if each.transition_key != key)
            entry.request = replace(entry.request, in_flight=left)

    def expired(self, now: Milliseconds) -> list[JoinEffect]:
        """JOIN_TIMER fired: whoever did not come in time is gone, as far as that is safe."""
        effects: list[JoinEffect] = []
        accepted = self._accepted_by_most
        for name, entry in self._members.items():
            if entry.phase not in (Phase.OFFERED, Phase.ACKED, Phase.ABSENT) or entry.deadline > now:
                continue
            if entry.phase is Phase.OFFERED and not accepted:
                entry.deadline = Milliseconds(now + self._join_bound_ms)
                effects += [*self._miss(name, entry), SendOffer(name)]
                continue
            if not self.fencing and now < entry.since + UNFENCED_BOUND_MS:
                entry.deadline = Milliseconds(min(now + self._join_bound_ms, entry.since + UNFENCED_BOUND_MS))
                continue
            effects.append(
                Note(
                    "warning",
                    "join.gone",
                    f"the controller of {name} did not come in time ({entry.phase.value}): going on without it",
                    {"node": name, "phase": entry.phase.value},
                )
            )
            entry.phase = Phase.GONE
        return effects + self._timer()

    @property
    def _accepted_by_most(self) -> bool:
        """Whether more than half of the controllers that are said to run have accepted this DC, itself included."""
        running = [entry for entry in self._members.values() if entry.phase not in (Phase.ABSENT, Phase.GONE)]
        return 2 * sum(entry.phase is not Phase.OFFERED for entry in running) > len(running)

    def _miss(self, name: str, entry: JoinMember) -> list[JoinEffect]:
        if entry.missed:
            return []
        entry.missed = True
        text = (
            f"{name} is heard, but its controller does not answer: nothing is decided until it does. Does a firewall "
            "let TCP pass between the nodes, on the port of udpport?"
        )
        return [Note("error", "join.unheard", text, {"node": name})]

    def exclude(self, name: str) -> None:
        """Count a member as gone at once (it was fenced, or its CIB could not be fetched)."""
        entry = self._members.get(name)
        if entry is not None and name != self._me:
            entry.phase = Phase.GONE

    @property
    def members(self) -> tuple[JoinMember, ...]:
        """All members of the view, sorted by name."""
        return tuple(self._members.values())

    def find(self, name: str) -> JoinMember | None:
        """The entry of a member."""
        return self._members.get(name)

    def joined(self, name: str) -> bool:
        """Whether the member takes orders."""
        entry = self._members.get(name)
        return entry is not None and entry.phase is Phase.CONFIRMED

    @property
    def requests_in(self) -> bool:
        """Whether nobody's state is waited for."""
        return not any(entry.phase in _AWAITED_FIRST for entry in self._members.values())

    @property
    def complete(self) -> bool:
        """Whether every member is either joined or gone."""
        return all(entry.phase in (Phase.CONFIRMED, Phase.GONE) for entry in self._members.values())

    def waiting(self) -> tuple[str, ...]:
        """The members that are waited for."""
        return tuple(
            name for name, entry in self._members.items() if entry.phase in (Phase.OFFERED, Phase.ACKED, Phase.ABSENT)
        )

    def _timer(self) -> list[JoinEffect]:
        deadlines = [
            entry.deadline
            for entry in self._members.values()
            if entry.phase in (Phase.OFFERED, Phase.ACKED, Phase.ABSENT) and entry.deadline != _NEVER
        ]
        return [SetTimer(JOIN_TIMER, min(deadlines))] if deadlines else [CancelTimer(JOIN_TIMER)]
