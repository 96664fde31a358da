"""The controller of one node: the aggregate of its cores, and their only door.

`handle` takes one event and returns effects in order. Inside, what one core asks for is given to another at once, and
messages of this node to itself take the way of all others, so that a DC treats itself as any member.
"""

from __future__ import annotations

from typing import assert_never

from cib.document import Document
from cib.replica_events import RoleChanged
from crmd.cib_side import (
    NodeWrite,
)
from crmd.conductor import ARRIVED_TIMER, FOREIGN_TIMER, Conductor
from crmd.coordinator import BEAT_TIMER, FETCH_TIMER, HOLD_TIMER, RECHECK_TIMER, RETRY_TIMER, Coordinator
from crmd.desk import (
    Desk,
)
from crmd.election import Standing
from crmd.events import (
    ClientAsked,
    Effect,
    Event,
    ExecutorConnected,
    ExecutorGone,
    FromExecutor,
    FromHeartbeat,
    FromStore,
    HeartbeatGone,
    Paused,
    Scheduled,
    ScheduleFailed,
    StateChanged,
    StopWorker,
    ToHeartbeat,
    WallClock,
    WorkedApart,
)
from crmd.join import JOIN_TIMER, Join, Verdict
from crmd.member_side import OFFER_TIMER
from crmd.peer_messages import (
    NO_TERM,
    CancelOrder,
    CibHere,
    DcStatus,
    FetchCib,
    ForgetOrder,
    Forward,
    ForwardAnswer,
    JoinAck,
    JoinConfirm,
    JoinRequest,
    LeaveOrder,
    OfFencer,
    Offer,
    OfReplica,
    Order,
    OrderDone,
    PeerMessage,
    PeerMessageError,
    Recorded,
    Refuse,
    Results,
    Term,
    Vote,
    VotersCommitted,
    decode,
)
from crmd.shutdown import LEAVE_TIMER, LOCAL_STOP_TIMER
from crmd.states import Action, Input, State, step
from crmd.wiring import Wiring
from heartbeat.messages import (
    NO_QUORUM,
    Delivered,
    HeartbeatToController,
    Member,
    NodeList,
    PeerProcess,
    PeerState,
    QuorumChanged,
    StopReady,
    StopRequested,
    ViewInstalled,
    ViewLost,
    Welcome,
)
from ipc.note import Level
from ipc.timers import TimerFired
from ipc.units import Milliseconds

_OFFICE_TIMERS = (
    BEAT_TIMER,
    RECHECK_TIMER,
    HOLD_TIMER,
    FETCH_TIMER,
    RETRY_TIMER,
    JOIN_TIMER,
    FOREIGN_TIMER,
    ARRIVED_TIMER,
)


class Controller(Wiring):
    """See the module. Invariant: `_dc` is there exactly in the states in which this node is DC."""

    # the door

    def handle(self, event: Event, now: Milliseconds) -> list[Effect]:
        """Take one event; the effects are to be performed in their order."""
        self._now = now
        self._cib.wall = (now + self._offset_ms) // 1000
        self._take(event)
        self._settle()
        if self._leave and self._state is not State.STOPPING:
            self._input(Input.LEAVE)
        state = self.cluster_state()
        if state != self._told:
            self._told = state
            self._post.put(StateChanged(state))
        return self._post.take()

    @property
    def document(self) -> Document:
        """The CIB as it is here."""
        return self._cib_side.document

    @property
    def state(self) -> State:
        """The state of the state machine."""
        return self._state

    @property
    def is_dc(self) -> bool:
        """Whether this node is the acting DC."""
        return self._dc is not None

    @property
    def fencing(self) -> bool:
        """Whether the cluster fences, as this node's replica has it."""
        return self._cib.options().stonith_enabled

    @property
    def stale_orders(self) -> int:
        """How many offers and orders of a DC of the past were refused here."""
        return self._member.stale

    def _take(self, event: Event) -> None:
        match event:
            case FromHeartbeat(message):
                self._heartbeat(message)
            case HeartbeatGone():
                self._stopping, self._leave = "", False
                self._out_of_view("the messaging layer died", grace_ms=0)
            case ExecutorConnected():
                self._perform_node(self._node.executor_connected())
                self._executor_replaced()
                self._fence_side.executor_connected()
            case FromExecutor(message):
                self._perform_node(self._node.from_executor(message, self._now))
            case ExecutorGone():
                self._perform_node(self._node.executor_gone(leaving=self._state is State.STOPPING))
                self._fencing_done(self._fence_side.executor_lost(self._now))
                self._perform_clients(self._clients.executor_gone())
            case Scheduled(request, graph, notes, deeds):
                if self._dc is not None:
                    self._dc.scheduled(request, graph, notes, deeds, self._state)
            case ScheduleFailed(request, reason):
                if self._dc is not None:
                    self._dc.schedule_failed(request, reason, self._now)
            case ClientAsked():
                self._client_asked(event)
            case FromStore(store_event):
                self._hear_cib(self._cib_side.stored(store_event, self._now))
            case WorkedApart(result):
                self._hear_cib(self._cib_side.worked_apart(result, self._now))
            case WallClock(offset_ms):
                self._offset_ms = offset_ms
                self._cib.wall = (self._now + offset_ms) // 1000
                if self._dc is not None:
                    self._dc.set_wall_offset(offset_ms)
            case Paused(duration_ms):
                # Whatever it decided before may be out of date: a new round, before anything that came meanwhile.
                self._post.note("warning", "paused", f"this controller did not run for {duration_ms} ms")
                # Nor does it claim to be DC: the others may have one by now.
                if self._view is not None and self._state is not State.STOPPING:
                    self._election.standing = Standing(is_dc=False, served=0)
                    self._perform_election(self._election.next_round("paused", self._now))
            case TimerFired(name):
                self._timer(name)
            case _:
                assert_never(event)

    def _executor_replaced(self) -> None:
        """A new lrmd may have lost what the old one was asked: the DC is told all that it has."""
        if not self._node.replaced:
            return
        self._node.replaced = False
        if self._dc is not None:
            self._member.wait_for_table(Offer(self._dc.term, self._settings.incarnation, NO_TERM))
        elif self._member.serving:
            self._member.join_again()
            self._input(Input.OFFER)

    def _settle(self) -> None:
        """Carry out what the cores ask of each other until nothing is left to do."""
        while True:
            self._perform_dc()
            if self._post.inbox:
                self._peer_message(self._me, self._post.inbox.popleft())
                continue
            dc = self._dc
            if dc is None:
                return
            dc.advance(self._state, self._now)
            if self._state in (State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE):
                dc.clients.serve()
            if dc.clients.waiting and dc.idle(self._state):
                dc.clients.idle(self.cluster_state())
            if not self._perform_dc() and not self._post.inbox:
                return

    # heartbeat

    def _heartbeat(self, message: HeartbeatToController) -> None:
        match message:
            case Welcome():
                self._welcome(message)
            case ViewInstalled():
                self._view_installed(message)
            case ViewLost(reason):
                if self._state is not State.STOPPING:
                    self._out_of_view(reason, self._grace_ms())
            case QuorumChanged(quorum):
                self._quorum = quorum
                self._member.quorum_changed(quorate=quorum.quorate)
                if self._dc is not None:
                    self._dc.quorum(quorum, self._state, self._now)
                    self._dc.take_role()
            case Delivered(sender, view, payload):
                self._delivered(sender, view, payload)
            case PeerProcess(node, peer_state):
                self._peer_process(node, peer_state)
            case StopRequested(reason):
                self._stop_requested(reason)
            case _:
                pass

    def _welcome(self, message: Welcome) -> None:
        self._cluster = message.settings
        self._cib.voters = message.nodes
        self._peers = dict(message.peers)
        self._fence_side.configure(self.document, self._now)
        if message.view is not None:
            self._view_installed(ViewInstalled(message.view, message.quorum, message.down, (), Milliseconds(0)))
        elif self._view is not None or self._state is State.STARTING:
            self._out_of_view("this node has not joined a view yet", self._grace_ms())

    def _view_installed(self, message: ViewInstalled) -> None:
        before, view = self._view, message.view
        self._view, self._quorum, self._post.view = view, message.quorum, view.number
        stayed = set(before.members if before is not None else ()) & set(view.members)
        kept = {member.name for member in stayed}
        if before is not None:
            self._peers = {name: state for name, state in self._peers.items() if name in kept}
        self._left |= {name: self._lives.get(name, 0) for name in message.left}
        for member in view.members:
            self._lives[member.name] = member.generation
        for name in (*message.lost, *view.names):
            self._left.pop(name, None)
        parts = [f"view {view.number}: {', '.join(view.names)}"]
        parts += [
            f"{word} {', '.join(names)}" for word, names in (("lost", message.lost), ("left", message.left)) if names
        ]
        self._post.note("notice", "view", "; ".join(parts), view=view.number, quorate=message.quorum.quorate)
        grace = message.lost and message.quorum.quorate and not self._cib.options().stonith_enabled
        if grace and self._cluster.stop_grace_ms:
            since = message.detected_at or self._now
            self._hold_until = Milliseconds(max(self._hold_until, since + self._cluster.stop_grace_ms))
        self._node.go_on()
        self._post.cancel(LOCAL_STOP_TIMER)
        self._fence_side.members(view.names, self._now)
        self._input(Input.VIEW)

    def _grace_ms(self) -> int:
        """How long what runs here may go on without a view; -1: for ever.

        Without fencing the others recover after deadtime, so it must stop at once. With fencing they wait until this
        node is down, so that a view that comes back soon saves a restart of everything.
        """
        options = self._cib.options()
        if options.no_quorum_policy in ("ignore", "freeze"):
            return -1
        return self._cluster.deadtime_ms if options.stonith_enabled else 0

    def _out_of_view(self, reason: str, grace_ms: int) -> None:
        had_view = self._view is not None
        self._view, self._quorum, self._post.view = None, NO_QUORUM, 0
        self._election.standing = Standing(is_dc=False, served=0)
        self._perform_election(self._election.leave())
        level: Level = "warning" if had_view else "info"
        self._post.note(level, "view.lost", f"this node is in no view: {reason}")
        self._input(Input.VIEW_LOST)
        if grace_ms < 0:
            return
        if grace_ms:
            self._post.timer(LOCAL_STOP_TIMER, self._now + grace_ms)
        else:
            self._perform_node(self._node.give_up(reason, self._now))

    def _delivered(self, sender: Member, view: int, payload: bytes) -> None:
        if self._view is None or view != self._view.number or self._state is State.STOPPING:
            return
        try:
            message = decode(payload)
        except PeerMessageError as error:
            self._post.note("warning", "peer.garbled", f"a message of {sender.name} is dropped: {error}")
            return
        self._peer_message(sender.name, message)

    def _peer_process(self, node: str, peer_state: PeerState) -> None:
        self._peers[node] = peer_state
        if self._view is None or self._state is State.STOPPING or node == self._me:
            return
        up = peer_state == "up"
        self._perform_election(self._election.peer(node, up, self._now))
        if not up and node == self._member.term.dc:
            reason = f"the controller of the DC {node} is {peer_state}"
            self._post.note("notice", "dc.gone", reason, dc=node)
            self._perform_election(self._election.next_round(reason, self._now))
        elif self._dc is not None:
            self._dc.peer(node, peer_state, self._state, self._now)

    def _stop_requested(self, reason: str) -> None:
        self._stopping = reason or "asked to stop"
        self._post.note("notice", "stop.asked", f"this node is to stop: {self._stopping}")
        self._post.timer(LEAVE_TIMER, self._now + self._settings.leave_bound_ms)
        if self._member.serving:
            self._write_here(NodeWrite(), self._cib.ask_to_leave(self._me))
        elif self._view is None:
            # No DC will hear of it: there is nothing to wait for.
            self._perform_node(self._node.give_up(f"this node is to stop: {self._stopping}", self._now))

    # the state machine

    def _input(self, happened: Input) -> None:
        before = self._state
        entry = step(before, happened)
        self._state = entry.state
        if entry.state is not before:
            self._post.note("info", "fsa", f"{before.value} -> {entry.state.value} ({happened.value})")
        for action in entry.actions:
            self._act(action)
        if self._dc is not None and entry.state is not before:
            self._dc.tell(self._state, self.cluster_state().advice)

    def _act(self, action: Action) -> None:
        match action:
            case Action.VOTE:
                assert self._view is not None
                up = {name: self._peers.get(name, "up") == "up" for name in self._view.names}
                self._perform_election(self._election.view(self._view.number, self._view.names, up, self._now))
            case Action.RESIGN:
                self._resign()
            case Action.FORGET_DC:
                self._member.forget_dc()
                self._hear_cib(self._cib_side.role(RoleChanged("none"), self._now))
            case Action.OFFER:
                self._take_office()
            case Action.WAIT_FOR_OFFER:
                self._election.standing = Standing(is_dc=False, served=0)
                self._post.timer(OFFER_TIMER, self._now + self._settings.join_bound_ms)
            case Action.REQUEST:
                self._election.standing = Standing(is_dc=False, served=0)
                self._hear_cib(self._cib_side.role(RoleChanged("none"), self._now))
                self._member.answer_offer(bool(self._stopping), self._now)
            case Action.SERVE:
                self._member.serve(quorate=self._quorum.quorate)
                self._perform_clients(self._clients.new_dc())
            case Action.FINALIZE:
                self._office().finalize(self._now)
            case Action.RECORD:
                self._member.serve_oneself(quorate=self._quorum.quorate)
                # Only now: a winner that nobody has confirmed has nothing that would speak for it.
                served = len(self._office().taking_part())
                self._election.standing = Standing(is_dc=True, served=served)
                self._office().record(self._now)
                self._record_downs()
                self._perform_clients(self._clients.new_dc())
            case Action.COMPUTE:
                self._office().compute()
            case Action.EXECUTE:
                self._office().execute(self._now)
            case Action.REST:
                self._office().rest(self._now)
            case Action.DEPART:
                # A round that began now, by a timer that was set before, would concern nobody.
                self._perform_election(self._election.leave())
                self._post.cancel(LEAVE_TIMER)
                self._post.put(ToHeartbeat(StopReady()))
            case Action.INTEGRATE:
                pass
            case _:
                assert_never(action)

    def _record_downs(self) -> None:
        """What the fencer said while nobody was DC."""
        downs, self._downs = self._downs, {}
        for name, life in downs.items():
            if self._lives.get(name, 0) == life:
                self._office().conductor.fenced_by_tool(name, "off", self._now)

    def _office(self) -> Coordinator:
        assert self._dc is not None, "only a DC does this"
        return self._dc

    def _resign(self) -> None:
        dc, self._dc = self._dc, None
        if dc is None:
            return
        self._last_term, self._last_known = dc.term, dc.recorded_members()
        self._transitions, self._last_request = dc.conductor.number, dc.last_request
        self._post.cancel(*_OFFICE_TIMERS)
        self._post.put(StopWorker())

    def _take_office(self) -> None:
        assert self._view is not None
        term = Term(self._view.number, self._election.round, self._me)
        continuing = self._member.served == self._last_term != NO_TERM
        if not self._member.take_office(term):
            # Another DC of this very round was accepted before the votes were counted.
            self._perform_election(self._election.next_round("two winners in one round", self._now))
            return
        me = Member(self._me, self._lives[self._me])
        desk = Desk()
        join = Join(term, me, self._settings.join_bound_ms, self._cluster.crmd_restart_bound_ms)
        conductor = Conductor(
            desk, term, self._me, self._settings.uuid, self._cib, self._transitions, self._last_seen, join.joined
        )
        dc = self._dc = Coordinator(desk, term, me, self._settings, self._cib, conductor, join, self._last_request)
        dc.set_wall_offset(self._offset_ms)
        self._post.note(
            "notice", "dc.elected", f"{self._me} is DC of view {term.view}, round {term.round}", dc=self._me
        )
        known = self._last_known if continuing else {}
        own = self._member.request(term, None, bool(self._stopping)) if known.get(self._me) == me else None
        dc.begin(
            self._view.members,
            self._peers,
            own,
            self._quorum,
            known,
            self._last_term,
            self._left,
            self._hold_until,
            self._now,
        )
        if own is None:
            self._member.wait_for_table(Offer(term, self._settings.incarnation, NO_TERM))

    def _last_seen(self, name: str) -> int:
        return self._lives.get(name, 0)

    # members

    def _peer_message(self, sender: str, message: PeerMessage) -> None:
        dc = self._dc
        match message:
            case Vote():
                self._perform_election(self._election.received(sender, message, self._now))
            case Offer():
                self._offered(sender, message)
            case Refuse(term, accepted):
                if dc is not None and term == dc.term != accepted:
                    self._perform_election(self._election.next_round(f"{sender} serves another DC", self._now))
            case FetchCib(term):
                if term == self._member.term:
                    document = self.document.to_compact_bytes()
                    self._post.say(sender, CibHere(term, document, self._cib.point(), self._cib_side.settled))
            case JoinAck(term):
                if self._member.acknowledged(term):
                    self._follow()
            case DcStatus():
                self._member.dc_status(sender, message, self._now)
            case VotersCommitted(term, nodes):
                if term == self._member.term:
                    self._voters(nodes)
            case Order() | CancelOrder() | ForgetOrder() | LeaveOrder():
                effects = self._member.order(sender, message, self._now)
                self._leave = self._leave or effects is None
                self._perform_node(effects or [])
            case Recorded(keys):
                self._perform_node(self._node.recorded(keys))
            case ForwardAnswer():
                self._perform_clients(self._clients.answered(message))
            case OfReplica(inner):
                self._hear_cib(self._cib_side.peer(sender, inner, self._now))
            case OfFencer(inner):
                self._fencing_done(self._fence_side.peer(sender, inner, self._now))
            case JoinRequest() | CibHere() | JoinConfirm() | OrderDone() | Results() | Forward():
                if dc is not None:
                    self._to_office(dc, sender, message)
            case _:
                assert_never(message)

    def _to_office(
        self,
        dc: Coordinator,
        sender: str,
        message: JoinRequest | CibHere | JoinConfirm | OrderDone | Results | Forward,
    ) -> None:
        match message:
            case JoinRequest() if dc.is_outranked_by(message):
                reason = f"{sender} has a newer configuration than the one that was agreed on"
                self._perform_election(self._election.next_round(reason, self._now))
            case JoinRequest() if (beyond := dc.outranking_round(message)) is not None:
                reason = f"{sender} has taken orders of a DC of round {beyond}"
                self._perform_election(self._election.next_round(reason, self._now, beyond))
            case JoinRequest():
                dc.requested(sender, message, self._state, self._now)
            case CibHere():
                dc.cib_here(sender, message)
            case JoinConfirm(term):
                if term == dc.term:
                    dc.confirmed(sender)
            case OrderDone():
                dc.order_done(sender, message, self._now)
            case Results():
                dc.results(sender, message, self._now)
            case Forward():
                dc.clients.asked(sender, message)

    def _offered(self, sender: str, offer: Offer) -> None:
        if offer.term.round < self._election.round:
            self._member.refuse(sender, offer.term, "an offer")
            return
        verdict = self._member.judge_offer(sender, offer)
        if verdict is Verdict.REFUSE:
            if self._dc is not None and offer.term.round == self._dc.term.round:
                self._perform_election(self._election.next_round("two DCs in one round", self._now))
            return
        self._perform_election(self._election.accept(offer.term.round, self._now))
        self._input(Input.OFFER)

    def _follow(self) -> None:
        term = self._member.term
        role = RoleChanged(
            "member",
            term.dc,
            term.view,
            term.round,
            votes=self._cib.voters,
            quorate=self._quorum.quorate,
            majority=self._quorum.basis == "majority",
            config_writes=self._quorum.config_writes,
        )
        self._hear_cib(self._cib_side.role(role, self._now))

    def _voters(self, nodes: tuple[str, ...]) -> None:
        if nodes and nodes != self._cib.voters:
            self._cib.voters = nodes
            self._post.put(ToHeartbeat(NodeList(nodes)))
            if self._dc is not None:
                self._dc.take_role()
