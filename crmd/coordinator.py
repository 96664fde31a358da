"""The DC's head: takes the members in, agrees on the CIB, keeps node states true, and decides when to compute.

One call of `advance` after each event does whatever can be done next; each step has its precondition in one place:
members are acknowledged when all have told their state; their state is written when all confirmed; the policy engine
is asked when nothing is in flight, being written, or held back; a graph begins when nothing changed meanwhile.
"""

from __future__ import annotations

from msgspec.structs import replace

from cib.history import Relation, choose, relation
from cib.requests import Request as CibRequest
from crmd.admission import waits_for_quorum
from crmd.cib_choice import chosen_member
from crmd.cib_view import CibView, NodeRow
from crmd.conductor import Conductor
from crmd.dc_clients import DcClients
from crmd.desk import (
    ActionWritten,
    AdoptCib,
    AskOwnTable,
    AskSchedule,
    CleanedUp,
    DcEffect,
    Desk,
    FencedRecorded,
    Happened,
    JoinRecorded,
    KeepGraphInput,
    NodesEntered,
    Purpose,
    ResultsRecorded,
    TakeRole,
    Upkeep,
)
from crmd.events import ControllerSettings
from crmd.join import Join, JoinEffect, JoinMember, Phase, SendOffer
from crmd.peer_messages import (
    NO_TERM,
    CibHere,
    DcStatus,
    FetchCib,
    JoinAck,
    JoinRequest,
    Offer,
    OrderDone,
    Results,
    Term,
)
from crmd.states import Input, State
from heartbeat.messages import NO_QUORUM, Member, PeerState, Quorum
from ipc.timers import CancelTimer
from ipc.units import Milliseconds
from pengine.graph import Graph

BEAT_TIMER = "coordinator.beat"
RECHECK_TIMER = "coordinator.recheck"
HOLD_TIMER = "coordinator.hold"
FETCH_TIMER = "coordinator.fetch"
RETRY_TIMER = "coordinator.retry"
RETRY_MS = 1000
RECHECK_MIN_MS = 500


class Coordinator:
    """One term of this node as DC. A new term is a new coordinator; what outlives terms is given to it."""

    def __init__(
        self,
        desk: Desk,
        term: Term,
        me: Member,
        settings: ControllerSettings,
        cib: CibView,
        conductor: Conductor,
        join: Join,
        last_request: int = 0,
    ) -> None:
        """`last_request` is the number of this node's last question to the policy engine in its earlier terms.

        An answer to that may still come: taken for one to a question of this term, it would be a decision about a
        document of the past.
        """
        self.term = term
        self.join = join
        self.conductor = conductor
        self.clients = DcClients(desk, term, cib, join, conductor)
        self._notes: tuple[str, ...] = ()
        """What the policy engine noted last."""
        self._deeds: tuple[str, ...] = ()
        """What the graph does that is being carried out."""
        self._desk = desk
        self._me = me
        self._settings = settings
        self._cib = cib
        self._known: dict[str, Member] = {}
        self._previous = NO_TERM
        self._agreed = False
        self._fetching = ""
        self._unfetched: set[str] = set()
        self._answered: set[str] = set()
        self._dirty: list[str] = []
        self.last_request = last_request
        self._asked = 0
        """The request that the policy engine is working on; 0: none."""
        self._retry_at: Milliseconds | None = None
        self._hold_until = Milliseconds(0)
        self._holding = False
        self._writes = 0
        self._left: dict[str, int] = {}
        self._quorum: Quorum = NO_QUORUM
        self._offset_ms = 0
        self._said: DcStatus | None = None

    def take_effects(self) -> list[DcEffect]:
        """What this DC asks for, in order."""
        return self._desk.take()

    # taking office

    def begin(
        self,
        members: tuple[Member, ...],
        peers: dict[str, PeerState],
        own: JoinRequest | None,
        quorum: Quorum,
        known: dict[str, Member],
        previous: Term,
        left: dict[str, int],
        hold_until: Milliseconds,
        now: Milliseconds,
    ) -> None:
        """Offer to all members.

        `known` are the members whose state was recorded in this node's term `previous`, the one before this.
        `left` are nodes that said goodbye, with their last life. Nothing is computed before `hold_until` (stop-grace).
        """
        self._known, self._previous, self._left = known, previous, left
        self._hold_until, self._quorum = hold_until, quorum
        if own is not None:
            self._answered.add(self._me.name)
        self.join.fencing = self._cib.options().stonith_enabled
        self._perform_join(self.join.begin(members, peers, own, now))
        self._beat(now)

    def set_wall_offset(self, offset_ms: int) -> None:
        """Wall clock minus monotonic clock."""
        self._offset_ms = offset_ms
        self.conductor.set_wall_offset(offset_ms)

    def _perform_join(self, effects: list[JoinEffect]) -> None:
        for effect in effects:
            if isinstance(effect, SendOffer):
                entry = self.join.find(effect.to)
                known = entry is not None and self._known.get(effect.to) == entry.member
                previous = self._previous if known else NO_TERM
                self._desk.say(effect.to, Offer(self.term, self._settings.incarnation, previous))
            else:
                self._desk.put(effect)

    # joins

    def is_outranked_by(self, request: JoinRequest) -> bool:
        """Whether a member that answers late has a better CIB than the one that was agreed on without it.

        While fewer than a majority have answered, nothing is confirmed in this term, and what is missing here may have
        been acknowledged; the choice has to be made again. Once a majority has, its choice contains all of that, and
        the stamp that this DC gave it beats whatever comes.
        """
        if not self._agreed or request.term != self.term:
            return False
        own = self._cib.point()
        return choose([own, request.point]) == 1 and relation(own, request.point) is not Relation.SAME

    def outranking_round(self, request: JoinRequest) -> int | None:
        """The round of an earlier DC of this view whose orders a member's executor would prefer to ours; None: none.

        Where the controllers of all members died within one view, the count of the rounds died with them. The
        executors did not: each refuses what is older than the newest order it has taken.
        """
        stamp = request.table.newest_stamp if request.table is not None else None
        if stamp is None or request.term != self.term:
            return None
        newest, term = Term(stamp.view, stamp.round, stamp.dc), self.term
        # An earlier controller of this node may have been DC of a round of this number.
        ours = newest == term and stamp.transition <= self.conductor.number
        return newest.round if newest.view == term.view and not ours and not term.newer(newest) else None

    def requested(self, sender: str, request: JoinRequest, state: State, now: Milliseconds) -> None:
        """A member told its state."""
        if self.conductor.fenced.get(sender) == self._generation(sender):
            return
        before = self.join.find(sender)
        if sender == self._me.name and before is not None and before.request is not None:
            # Our replica may have become another's since; our own attributes are those of before.
            request = replace(request, attributes=before.request.attributes)
        if not self.join.requested(sender, request, now):
            return
        self._answered.add(sender)
        if self._agreed:
            # Until it is acknowledged (again), its replica does not count.
            self.take_role()
        self._known.pop(sender, None)
        # What it was ordered and does not tell as being in flight never reached its executor, or was lost with it.
        self.conductor.node_away(sender, now)
        if state is not State.INTEGRATION:
            self._rejoin(sender, "joins", state, now)

    def confirmed(self, sender: str) -> None:
        """A member's replica is at the agreed version."""
        self.join.confirmed(sender)

    def results(self, sender: str, message: Results, now: Milliseconds) -> None:
        """A member's results came."""
        if self.join.joined(sender) and not self.join.told_later(sender, message.results):
            self.conductor.results(sender, message, now)

    def order_done(self, sender: str, message: OrderDone, now: Milliseconds) -> None:
        """A member answered an order whose outcome is no result for the CIB."""
        self.join.no_longer_in_flight(sender, message.key)
        if not self.clients.order_done(message):
            self.conductor.order_done(sender, message, now)

    def peer(self, name: str, peer_state: PeerState, state: State, now: Milliseconds) -> None:
        """The state of a member's controller changed."""
        before = self.join.find(name)
        phase = before.phase if before is not None else Phase.GONE
        self._known.pop(name, None)
        self.join.fencing = self._cib.options().stonith_enabled
        self._perform_join(self.join.peer(name, peer_state, now))
        entry = self.join.find(name)
        if entry is not None and entry.phase is not phase:
            self._phase_changed(entry, f"controller {peer_state}", state, now)

    def voted_late(self, name: str, incarnation: int, state: State, now: Milliseconds) -> None:
        """A controller that is new in this view showed itself."""
        entry = self.join.find(name)
        if entry is None or (entry.request is not None and entry.request.incarnation == incarnation):
            joined = entry is not None and entry.phase is not Phase.GONE
            if entry is None or joined:
                return
        self._known.pop(name, None)
        self._perform_join(self.join.offer(name, now))
        self._phase_changed(entry, "new controller", state, now)

    def join_expired(self, state: State, now: Milliseconds) -> None:
        """Somebody did not come in time."""
        before = {entry.member.name: entry.phase for entry in self.join.members}
        self.join.fencing = self._cib.options().stonith_enabled
        self._perform_join(self.join.expired(now))
        for entry in self.join.members:
            if entry.phase is not before[entry.member.name]:
                self._phase_changed(entry, "did not come in time", state, now)

    def _phase_changed(self, entry: JoinMember, why: str, state: State, now: Milliseconds) -> None:
        if entry.phase in (Phase.ABSENT, Phase.GONE, Phase.OFFERED):
            self.conductor.node_away(entry.member.name, now)
            if self._agreed:
                self.take_role()
        entry.recorded = False
        if state is not State.INTEGRATION:
            self._rejoin(entry.member.name, why, state, now)

    def _rejoin(self, name: str, why: str, state: State, now: Milliseconds) -> None:
        self._desk.note("info", "join.again", f"{name}: {why}", node=name)
        self.conductor.abort(f"{name}: {why}", now)
        if state is not State.INTEGRATION:
            self._desk.put(Happened(Input.REJOIN))

    def _generation(self, name: str) -> int:
        entry = self.join.find(name)
        return entry.member.generation if entry is not None else 0

    # the agreed CIB

    def _agree(self, now: Milliseconds) -> bool:
        """Whether the CIB is agreed; begins to fetch the chosen one where it is another's."""
        if self._fetching:
            return False
        if self._agreed:
            return True
        candidates = [
            entry
            for entry in self.join.members
            if entry.phase is Phase.REQUESTED and entry.request is not None and entry.member.name not in self._unfetched
        ]
        chosen = chosen_member(candidates, self._me.name)
        if chosen.member.name == self._me.name:
            self._agreed = True
            return True
        self._fetching = chosen.member.name
        self._desk.note("info", "join.fetch", f"the CIB of {self._fetching} is the newest", node=self._fetching)
        self._desk.say(self._fetching, FetchCib(self.term))
        self._desk.timer(FETCH_TIMER, now + self._settings.join_bound_ms)
        return False

    def cib_here(self, sender: str, message: CibHere) -> None:
        """The chosen CIB came. Nothing is agreed before it is this node's (`adopted`): it may take long to read, and
        with the role of a DC the replica would begin from the document that it has."""
        if sender == self._fetching and message.term == self.term:
            self._desk.put(CancelTimer(FETCH_TIMER))
            self._desk.put(AdoptCib(message.document, message.point, message.settled))

    def adopted(self, now: Milliseconds) -> None:
        """The chosen CIB is this node's now.

        It does not have what this DC recorded before, so whoever told its state in short has to tell all of it.
        """
        self._fetching = ""
        self._agreed = True
        self._known = {}
        for entry in self.join.members:
            if entry.phase is not Phase.REQUESTED or entry.request is None or entry.request.table is not None:
                continue
            if entry.member.name == self._me.name:
                entry.phase = Phase.OFFERED
                self._desk.put(AskOwnTable())
            else:
                self._perform_join(self.join.offer(entry.member.name, now))

    def fetch_failed(self, why: str) -> None:
        """The chosen CIB did not come, or was of no use: choose among the others."""
        if self._fetching:
            self._desk.note("warning", "join.fetch_failed", f"the CIB of {self._fetching} could not be had: {why}")
            self._unfetched.add(self._fetching)
            self._fetching = ""
            self._agreed = False

    # what is next

    def advance(self, state: State, now: Milliseconds) -> None:
        """Do what can be done next; to be called again whenever the state changed."""
        self._dirty += self.conductor.take_recompute()
        match state:
            case State.INTEGRATION:
                if self.join.requests_in and self._agree(now):
                    self._desk.put(Happened(Input.REQUESTS_IN))
            case State.FINALIZE_JOIN:
                if self.join.complete:
                    self._desk.put(Happened(Input.CONFIRMED))
                elif not self.join.requests_in or any(e.phase is Phase.REQUESTED for e in self.join.members):
                    self._desk.put(Happened(Input.REJOIN))
            case State.POLICY_ENGINE:
                self._ask(now)
            case State.TRANSITION_ENGINE:
                if not self.conductor.busy:
                    self._desk.put(Happened(Input.COMPUTE if self._dirty else Input.NOTHING_TO_DO))
            case State.IDLE:
                if self._dirty:
                    self._desk.put(Happened(Input.COMPUTE))
            case _:
                pass

    def finalize(self, now: Milliseconds) -> None:
        """Tell those that requested that they are in, then let the replicas agree (in this order: a replica must know
        its DC before it hears from it)."""
        for name in self.join.acked(now):
            if name != self._me.name:
                self._desk.say(name, JoinAck(self.term))
        self._perform_join(self.join.expired(now))
        self.take_role()

    def take_role(self) -> None:
        """Tell the replica who takes part, as soon as it has the CIB that everybody is to begin from."""
        if not self._agreed:
            return
        self._desk.put(TakeRole(self.taking_part()))

    def taking_part(self) -> tuple[str, ...]:
        """The members whose replica follows this DC; its own does so also while its executor is waited for."""
        return tuple(
            entry.member.name
            for entry in self.join.members
            if entry.phase in (Phase.ACKED, Phase.CONFIRMED) or entry.member.name == self._me.name
        )

    def record(self, now: Milliseconds) -> None:
        """Write what the members told, and what became of those that are not here."""
        entered = self._cib.missing_nodes()
        if self._quorum.config_writes:
            entered += self._cib.missing_marks()
        self._desk.write(NodesEntered(), entered, force=True)
        requests = self._cib.dc(self._me.name, self._quorum.quorate)
        rows = self._cib.node_rows()
        names = []
        for entry in self.join.members:
            name = entry.member.name
            if entry.phase is Phase.CONFIRMED and not entry.recorded and entry.request is not None:
                requests += self._member_requests(entry, entry.request, rows.get(name))
                self.conductor.adopt_in_flight(name, entry.request.in_flight, now)
                names.append(name)
            elif entry.phase is Phase.GONE and self.conductor.fenced.get(name) != entry.member.generation:
                requests += self._cib.controller_gone(name)
        present = {entry.member.name for entry in self.join.members}
        for name, row in rows.items():
            if name not in present:
                requests += self._absent_requests(name, row)
        for node in self._cib.node_names():
            if node in self._left and node not in present and node not in rows:
                # Of this one the CIB says nothing, as after a restart of the view's only controller.
                requests += self._cib.member_gone(node, clean=True)
        self._desk.write(JoinRecorded(tuple(names)), requests)
        for name in names:
            member = self.join.find(name)
            assert member is not None
            assert member.request is not None
            member.recorded = True
            self.conductor.missed_results(name, member.request.unrecorded, member.request.table, now)

    def _member_requests(self, entry: JoinMember, request: JoinRequest, row: NodeRow | None) -> list[CibRequest]:
        name = entry.member.name
        waits = not self._quorum.quorate and waits_for_quorum(request, row, self._cib.options())
        requests = self._cib.member_waits(name) if waits else self._cib.member_joined(name)
        if request.table is not None:
            requests += self._cib.replace_history(name, request.table)
        if request.table is not None and request.attributes is not None:
            requests += self._cib.replace_transient(name, dict(request.attributes))
        elif request.table is not None and self._is_new_life(row):
            requests += self._cib.replace_transient(name, {})
        if request.stopping:
            requests += self._cib.ask_to_leave(name)
        return requests

    @staticmethod
    def _is_new_life(row: NodeRow | None) -> bool:
        """Whether the node's attributes are of an earlier life: they end with it."""
        return row is None or not row.in_ccm

    def _absent_requests(self, name: str, row: NodeRow) -> list[CibRequest]:
        clean = name in self._left
        if row.in_ccm or row.online or (clean and row.expected_member):
            return self._cib.member_gone(name, clean=clean)
        return []

    @property
    def answered(self) -> tuple[str, ...]:
        """The members that told their CIB's history in this term."""
        return tuple(sorted(self._answered))

    # computing

    def compute(self) -> None:
        """The last computation is out of date."""
        self._dirty.append("compute")

    def _ask(self, now: Milliseconds) -> None:
        if self._asked or self._writes or self.conductor.busy or self._retry_at is not None:
            return
        if now < self._hold_until:
            if not self._holding:
                self._holding = True
                self._desk.note("notice", "hold", f"waiting {self._hold_until - now} ms of stop-grace")
                self._desk.timer(HOLD_TIMER, self._hold_until)
            return
        self._holding = False
        if self.conductor.take_vain():
            self._wait_before_retry(now)
            return
        self._dirty.clear()
        self.last_request += 1
        self._asked = self.last_request
        self._desk.put(AskSchedule(self._asked))

    @property
    def advice(self) -> tuple[str, ...]:
        """What people should be told."""
        return (*self._notes, *self._deeds)

    def scheduled(
        self, request: int, graph: Graph, notes: tuple[str, ...], deeds: tuple[str, ...], state: State
    ) -> None:
        """The policy engine answered."""
        if request != self._asked:
            return
        self._asked = 0
        self._dirty += self.conductor.take_recompute()
        if state is not State.POLICY_ENGINE or self._dirty or self._writes or self.conductor.busy:
            return
        actions = self.conductor.prepare(graph)
        # Where nothing can be done, what should be done stays worth telling.
        self._notes, self._deeds = (notes, deeds) if actions else ((*notes, *deeds), ())
        number = self.conductor.number
        if actions:
            self._desk.note("notice", "transition.begins", f"transition {number}: {actions} actions", transition=number)
            self._desk.put(KeepGraphInput(number, "input"))
            self._desk.put(Happened(Input.GRAPH))
        else:
            self._desk.put(Happened(Input.NOTHING_TO_DO))

    def schedule_failed(self, request: int, reason: str, now: Milliseconds) -> None:
        """The policy engine could not answer: again, after a moment. The same reason is told once."""
        if request == self._asked:
            self._asked = 0
            text = f"nothing is decided: {reason}"
            if text not in self._notes:
                self._notes = (text,)
                self._desk.note("error", "schedule.failed", text)
            self._wait_before_retry(now)

    def _wait_before_retry(self, now: Milliseconds) -> None:
        self._retry_at = Milliseconds(now + RETRY_MS)
        self._desk.timer(RETRY_TIMER, self._retry_at)

    def retry(self) -> None:
        """RETRY_TIMER fired."""
        self._retry_at = None

    def execute(self, now: Milliseconds) -> None:
        """Begin the graph."""
        self.conductor.start(now)

    def rest(self, now: Milliseconds) -> None:
        """Nothing to do: look again after the recheck interval, or when the graph says that something changes."""
        # What the graph was to do is done: nobody shall read that a node "must be fenced" which was.
        self._deeds = ()
        wait = self._cib.options().cluster_recheck_interval_ms
        graph = self.conductor.graph
        if graph is not None and graph.recheck_at is not None:
            until = graph.recheck_at * 1000 - (now + self._offset_ms)
            wait = min(wait, max(RECHECK_MIN_MS, until)) if wait else max(RECHECK_MIN_MS, until)
        if wait:
            self._desk.timer(RECHECK_TIMER, now + wait)

    # the CIB's answers

    def write_begins(self, purpose: Purpose) -> None:
        """A write of this term was given to the replica."""
        if not isinstance(purpose, NodesEntered):
            self._writes += 1

    def written(self, purpose: Purpose, ok: bool, reason: str, now: Milliseconds) -> None:
        """A write ended."""
        if not isinstance(purpose, NodesEntered):
            self._writes -= 1
        if not ok:
            self._desk.note(
                "error", "cib.refused", f"the CIB refused a write: {reason}", purpose=type(purpose).__name__
            )
        match purpose:
            case ResultsRecorded():
                self.conductor.results_written(purpose, ok, now)
            case ActionWritten():
                self.conductor.action_written(purpose, ok, now)
            case FencedRecorded():
                self.conductor.fencing_written(purpose, ok, now)
                self.join.exclude(purpose.target)
            case JoinRecorded():
                if not ok:
                    self._desk.put(Happened(Input.REJOIN))
            case CleanedUp():
                self.clients.cleaned_up(purpose, ok, now)
            case Upkeep() | NodesEntered():
                pass

    def quorum(self, quorum: Quorum, state: State, now: Milliseconds) -> None:
        """Quorum changed within the view."""
        self._quorum = quorum
        if state in (State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE):
            requests = self._cib.dc(self._me.name, quorum.quorate)
            for name, row in self._cib.node_rows().items():
                if quorum.quorate and row.pending and self.join.joined(name):
                    requests += self._cib.member_joined(name)
            self._desk.write(Upkeep("telling the quorum"), requests)
            self.conductor.abort("quorum changed", now)

    # sign of life

    def _beat(self, now: Milliseconds) -> None:
        self._desk.timer(BEAT_TIMER, now + self._settings.beat_ms)

    def beat(self, state: State, advice: tuple[str, ...], now: Milliseconds) -> None:
        """BEAT_TIMER fired."""
        self._desk.say("", DcStatus(self.term, state.value, self.idle(state), advice, self._cib.wall))
        self._beat(now)

    def tell(self, state: State, advice: tuple[str, ...]) -> None:
        """Tell the members what changed."""
        status = DcStatus(self.term, state.value, self.idle(state), advice)
        if status != self._said:
            self._said = status
            self._desk.say("", status)

    def idle(self, state: State) -> bool:
        """Whether there is nothing left to do."""
        return state is State.IDLE and not self._dirty and not self._writes

    def recorded_members(self) -> dict[str, Member]:
        """Members whose state the CIB has, by this term's word."""
        return {
            entry.member.name: entry.member
            for entry in self.join.members
            if entry.phase is Phase.CONFIRMED and entry.recorded
        }
