"""What one part of the controller asks for, given to the others: the paths between the cores, without a decision."""

from __future__ import annotations

from msgspec.structs import replace

from cib.replica import Replica
from cib.replica_events import TIMER_PREFIX
from cib.requests import Request as CibRequest
from crmd import advice
from crmd.abort import abort_for
from crmd.cib_side import (
    CibAdopted,
    CibSide,
    CibSignal,
    ConfigurationHere,
    DcWrite,
    NodesCommitted,
    NodeWrite,
    OthersChanged,
    ReplicaInStep,
    ToolWrite,
    WriteEnded,
    Writer,
    dc_role,
)
from crmd.cib_view import CibView
from crmd.clients import WAIT_TIMER, ClientEffect, Clients, PassOn, Reply, RunMetadata, WriteForTool
from crmd.conductor import ARRIVED_TIMER, FENCE_RETRY_TIMER, FOREIGN_TIMER
from crmd.coordinator import BEAT_TIMER, FETCH_TIMER, HOLD_TIMER, RECHECK_TIMER, RETRY_TIMER, Coordinator
from crmd.desk import (
    AdoptCib,
    AskOwnTable,
    AskSchedule,
    DcEffect,
    FenceForTool,
    FenceTarget,
    Happened,
    KeepGraphInput,
    Say,
    TakeRole,
    TellDown,
    Write,
)
from crmd.election import VOTE_TIMER, Election, ElectionEffect, Lost, RoundBegan, SendVote, VotedLate, Won
from crmd.events import Answer, ClientAsked, ControllerSettings, KeepInput, Schedule, ToExecutor, ToHeartbeat
from crmd.fence_side import Asked, FenceSide
from crmd.fencing_link import shown
from crmd.join import JOIN_TIMER
from crmd.member_side import OFFER_TIMER, SILENCE_TIMER, MemberSide
from crmd.messages import ClusterState, FenceHistory, FenceRecords
from crmd.node_side import EverythingStopped, NodeEffect, NodeSide, RanHere, TableHere, ToDc
from crmd.peer_messages import NO_TERM, Offer, VotersCommitted
from crmd.post import Post
from crmd.recorder import RESEND_TIMER
from crmd.shutdown import LEAVE_TIMER, LOCAL_STOP_TIMER
from crmd.states import Input, State
from crmd.transition import ACTION_TIMER
from heartbeat.messages import NO_QUORUM, ClusterSettings, KnownDown, Member, PeerState, Quorum, View
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from stonith.events import FencingDone
from stonith.fencer import Fencer

_CONDUCTOR_TIMERS = (ACTION_TIMER, FENCE_RETRY_TIMER, FOREIGN_TIMER, ARRIVED_TIMER)
_NO_CLUSTER = ClusterSettings(
    keepalive_ms=1000, deadtime_ms=10_000, warntime_ms=5000, initdead_ms=30_000, auto_failback="off"
)


class Wiring:
    """The parts of a controller and the paths between them; `crmd.controller` decides what happens when."""

    def __init__(self, settings: ControllerSettings, replica: Replica, fencer: Fencer, now: Milliseconds) -> None:
        self._settings = settings
        self._me = settings.node
        self._now = now
        self._post = Post(self._me)
        self._cib_side = CibSide(replica, self._post)
        self._cib = CibView(replica)
        self._node = NodeSide(self._me, settings.resend_ms)
        self._member = MemberSide(self._me, settings.incarnation, self._node, self._cib, self._post, settings.beat_ms)
        self._fence_side = FenceSide(fencer, self._post, self._node.workbook)
        self._clients = Clients(self._me, self._cib, settings.incarnation)
        self._election = Election(self._me, settings.incarnation, now, settings.vote_bound_ms)
        self._cluster = _NO_CLUSTER
        self._state = State.STARTING
        self._view: View | None = None
        self._quorum: Quorum = NO_QUORUM
        self._peers: dict[str, PeerState] = {}
        self._lives: dict[str, int] = {}
        """The life in which each node was last in a view here."""
        self._left: dict[str, int] = {}
        """Nodes that said goodbye and have not come back."""
        self._dc: Coordinator | None = None
        self._last_term = NO_TERM
        """This node's last term as DC, and whose state it had recorded."""
        self._last_known: dict[str, Member] = {}
        self._transitions = 0
        self._last_request = 0
        """The number of the last question to the policy engine; it grows over all terms of this controller."""
        self._downs: dict[str, int] = {}
        """Nodes that were fenced while this node was no DC, with the life that ended."""
        self._hold_until = Milliseconds(0)
        self._stopping = ""
        self._leave = False
        self._offset_ms = 0
        self._told: ClusterState | None = None

    def _input(self, happened: Input) -> None:
        """Put something into the state machine."""
        raise NotImplementedError

    def _voters(self, nodes: tuple[str, ...]) -> None:
        """These nodes have a vote from now on."""
        raise NotImplementedError

    def cluster_state(self) -> ClusterState:
        """The controller's state as tools see it."""
        view, status, dc = self._view, self._member.status, self._dc
        version = self._cib_side.document.version
        own = advice.sentences(
            self._cib.options(),
            self._cluster,
            self._quorum,
            self._cib.voters,
            view.names if view is not None else (),
            dc.join.waiting() if dc is not None else (),
            dc.advice if dc is not None else (),
        )
        return ClusterState(
            id=0,
            node=self._me,
            dc=self._member.term.dc if self._member.serving else "",
            fsa_state=self._state.value,
            view=view.number if view is not None else 0,
            members=view.names if view is not None else (),
            quorate=self._quorum.quorate,
            quorum_basis=self._quorum.basis,
            config_writes=self._quorum.config_writes,
            cib_version=(version.admin_epoch, version.epoch, version.num_updates),
            advice=own if dc is not None or status is None else status.advice,
            idle=dc.idle(self._state) if dc is not None else status is not None and status.idle,
        )

    # election

    def _perform_election(self, effects: list[ElectionEffect]) -> None:
        for effect in effects:
            match effect:
                case SendVote(to, vote):
                    self._post.say(to, vote)
                case RoundBegan(round_, reason):
                    self._post.note("info", "election.round", f"election round {round_}: {reason}", round=round_)
                    self._input(Input.ELECTION)
                case Won():
                    self._input(Input.WON)
                case Lost(_, winner):
                    self._post.note("info", "election.lost", f"{winner} is to be DC", dc=winner)
                    self._input(Input.LOST)
                case VotedLate(node, incarnation):
                    self._voted_late(node, incarnation)
                case SetTimer() | CancelTimer() | Note():
                    self._post.put(effect)

    def _voted_late(self, node: str, incarnation: int) -> None:
        if self._dc is not None:
            self._dc.voted_late(node, incarnation, self._state, self._now)
        elif self._member.is_new_controller(node, incarnation):
            self._perform_election(self._election.next_round(f"the DC {node} has a new controller", self._now))

    # this node's executor

    def _perform_node(self, effects: list[NodeEffect]) -> None:
        for effect in effects:
            match effect:
                case ToDc(message):
                    if self._member.serving:
                        self._post.say(self._member.term.dc, message)
                case TableHere(table):
                    self._member.table_here(table, bool(self._stopping))
                case RanHere(answer):
                    done = self._fence_side.ran(answer, self._cib.wall, self._now)
                    if done is None:
                        self._perform_clients(self._clients.ran(answer))
                    else:
                        self._fencing_done(done)
                case EverythingStopped():
                    self._leave = self._leave or bool(self._stopping)
                case _:
                    self._post.put(effect)

    # the CIB

    def _write_here(
        self, writer: Writer, requests: list[CibRequest], *, user: str = "", client: str = "crmd", force: bool = False
    ) -> None:
        signals = self._cib_side.write(
            writer, tuple(requests), self._now, wall=self._cib.wall, user=user, client=client, force=force
        )
        self._hear_cib(signals)

    def _hear_cib(self, signals: list[CibSignal]) -> None:
        for signal in signals:
            match signal:
                case WriteEnded(writer, outcome):
                    match writer:
                        case DcWrite(term, purpose):
                            if self._dc is not None and self._dc.term == term:
                                self._dc.written(purpose, not outcome.rc, outcome.text, self._now)
                        case ToolWrite(number):
                            self._perform_clients(self._clients.written(number, outcome))
                        case NodeWrite():
                            pass
                case OthersChanged(changes):
                    abort = abort_for(changes) if self._dc is not None else None
                    if self._dc is not None and abort is not None:
                        self._dc.conductor.abort(abort.reason, self._now, abort.priority)
                case ConfigurationHere():
                    self._fence_side.configure(self._cib_side.document, self._now)
                case ReplicaInStep(view, round_):
                    if self._dc is None and self._member.in_step(view, round_):
                        self._input(Input.JOINED)
                case CibAdopted(ok):
                    self._cib_adopted(ok)
                case NodesCommitted(nodes):
                    if self._dc is not None:
                        self._post.say("", VotersCommitted(self._dc.term, nodes))
                    self._voters(nodes)

    def _cib_adopted(self, ok: bool) -> None:
        dc = self._dc
        if dc is None:
            return
        if ok:
            dc.adopted(self._now)
        else:
            dc.fetch_failed("it cannot be read")

    # fencing

    def _fencing_done(self, answers: list[tuple[Asked, FencingDone]]) -> None:
        dc = self._dc
        for asked, done in answers:
            if dc is None or asked.term != dc.term:
                self._fenced_for_another_term(asked, done)
            elif asked.origin:
                dc.clients.fenced(asked.origin, asked.number, done, self._now)
            else:
                dc.conductor.fencing_done(asked.number, done.ok, done.reason, self._now)

    def _fenced_for_another_term(self, asked: Asked, done: FencingDone) -> None:
        """What was asked in an earlier term is true all the same, unless the node has lived again since."""
        if not done.ok or done.action == "on":
            return
        if self._dc is None:
            self._downs[done.target] = asked.life
        elif self._lives.get(done.target, 0) == asked.life:
            self._dc.conductor.fenced_by_tool(done.target, done.action, self._now)

    # tools

    def _client_asked(self, event: ClientAsked) -> None:
        request = event.request
        if isinstance(request, FenceHistory):
            records = tuple(shown(record) for record in self._fence_side.records(request.target))
            self._post.put(Answer(event.client, FenceRecords(request.id, records)))
            return
        self._perform_clients(self._clients.asked(event.client, request, event.user, event.program, self._now))

    def _perform_clients(self, effects: list[ClientEffect]) -> None:
        for effect in effects:
            match effect:
                case Reply(client, reply):
                    self._post.put(Answer(client, reply))
                case WriteForTool(number, requests, user, program, force):
                    self._write_here(ToolWrite(number), list(requests), user=user, client=program, force=force)
                case PassOn(message):
                    if self._member.serving:
                        self._post.say(self._member.term.dc, message)
                case RunMetadata(number, run):
                    request = self._node.workbook.next_request()
                    self._clients.metadata_runs(request, number)
                    self._post.put(ToExecutor(replace(run, request=request)))
                case SetTimer() | CancelTimer():
                    self._post.put(effect)

    # being DC

    def _perform_dc(self) -> bool:
        """Perform what the DC's parts ask for; False if that was nothing. What a DC asked for ends with its term."""
        dc = self._dc
        done = False
        while dc is not None and dc is self._dc and (effects := dc.take_effects()):
            done = True
            for effect in effects:
                if dc is self._dc:
                    self._perform_one(dc, effect)
        if self._cib_side.commit_due:
            self._hear_cib(self._cib_side.commit(self._now))
            done = True
        return done

    def _perform_one(self, dc: Coordinator, effect: DcEffect) -> None:
        match effect:
            case Say(to, message):
                self._post.say(to, message)
            case Write(purpose, requests, force):
                dc.write_begins(purpose)
                self._write_here(DcWrite(dc.term, purpose), list(requests), force=force)
            case AskSchedule(request):
                point = self._cib_side.point
                self._post.put(Schedule(request, self._cib.wall, point.version, point.digest))
            case FenceTarget(number, target, action, timeout_ms, delay_ms):
                asked = Asked(dc.term, number, self._lives.get(target, 0))
                self._fencing_done(
                    self._fence_side.request(asked, target, action, timeout_ms, delay_ms, self._cib.wall, self._now)
                )
            case FenceForTool(origin, number, target, action, timeout_ms, confirmed):
                asked = Asked(dc.term, number, self._lives.get(target, 0), origin)
                if confirmed:
                    done = self._fence_side.confirm(asked, target, self._cib.wall, self._now)
                else:
                    done = self._fence_side.request(asked, target, action, timeout_ms, 0, self._cib.wall, self._now)
                self._fencing_done(done)
            case Happened(happened):
                self._input(happened)
            case TellDown(node, generation):
                self._post.put(ToHeartbeat(KnownDown(node, generation)))
            case AskOwnTable():
                self._member.wait_for_table(Offer(dc.term, self._settings.incarnation, NO_TERM))
            case TakeRole(members):
                self._take_role(dc, members)
            case AdoptCib(document, point, settled):
                self._hear_cib(self._cib_side.adopt(document, point, settled, self._now))
            case KeepGraphInput(transition, severity):
                self._post.put(KeepInput(transition, severity))
            case SetTimer() | CancelTimer() | Note():
                self._post.put(effect)

    def _take_role(self, dc: Coordinator, members: tuple[str, ...]) -> None:
        votes = self._cib.voters
        told = sum(name in votes for name in dc.answered)
        role = dc_role(dc.term, members, votes, self._quorum, answered_majority=2 * told > len(votes))
        self._hear_cib(self._cib_side.role(role, self._now))

    # time

    def _timer(self, name: str) -> None:
        now, dc = self._now, self._dc
        if name.startswith(TIMER_PREFIX):
            self._hear_cib(self._cib_side.fired(name, now))
        elif name.startswith(_FENCER_TIMERS):
            self._fencing_done(self._fence_side.fired(name, now))
        elif name.startswith(WAIT_TIMER):
            self._perform_clients(self._clients.expired(name))
        elif name == VOTE_TIMER:
            self._perform_election(self._election.expired(now))
        elif name == RESEND_TIMER:
            self._perform_node(self._node.resend(now))
        elif name == LOCAL_STOP_TIMER:
            if self._view is None:
                self._perform_node(self._node.give_up("there is no view", now))
        elif name == LEAVE_TIMER:
            self._leave_alone()
        elif name == OFFER_TIMER:
            if self._state is State.PENDING and self._member.term == NO_TERM:
                self._perform_election(self._election.next_round("the winner offers nothing", now))
        elif name == SILENCE_TIMER:
            if dc is None and self._view is not None:
                reason = f"the DC {self._member.term.dc} is silent"
                self._perform_election(self._election.next_round(reason, now))
        elif dc is not None:
            self._office_timer(dc, name)

    def _leave_alone(self) -> None:
        """A stopping node without a DC that hears it stops its resources itself; to one that does it says so again,
        since the wish may have been lost with the DC before."""
        if self._member.serving:
            self._write_here(NodeWrite(), self._cib.ask_to_leave(self._me))
            self._post.timer(LEAVE_TIMER, self._now + self._settings.leave_bound_ms)
        else:
            self._perform_node(self._node.give_up(f"nobody moves them away: {self._stopping}", self._now))

    def _office_timer(self, dc: Coordinator, name: str) -> None:
        if name == BEAT_TIMER:
            dc.beat(self._state, self.cluster_state().advice, self._now)
        elif name == RECHECK_TIMER:
            dc.conductor.abort("it is time to look again", self._now)
        elif name == JOIN_TIMER:
            dc.join_expired(self._state, self._now)
        elif name == FETCH_TIMER:
            dc.fetch_failed("it did not come in time")
        elif name == RETRY_TIMER:
            dc.retry()
        elif name.startswith(_CONDUCTOR_TIMERS):
            dc.conductor.expired(name, self._now)
        else:
            # After HOLD_TIMER the DC goes on by itself.
            assert name == HOLD_TIMER, f"unknown timer {name}"


_FENCER_TIMERS = "fence:"
