"""The messaging layer of one node as one object: detector, membership, quorum, session and supervisor behind one door.

It hands events to the smaller cores, gives what one of them finds out to the others, and says in heartbeats what all
of them have to say. docs/design/0002-membership.md has the protocol.
"""

from enum import Enum

from heartbeat.announcer import EARLY_TIMER, Announcer, Words
from heartbeat.departed import Departed
from heartbeat.detector import TIMER_PREFIX as DETECTOR_TIMERS
from heartbeat.detector import Detector
from heartbeat.events import (
    Booted,
    ChildAttached,
    ChildDetached,
    CompanyChanged,
    ControllerSaid,
    DatagramReceived,
    DurableState,
    Effect,
    Event,
    ExecutorReported,
    Exit,
    Leave,
    Paused,
    Persisted,
    PersistFailed,
    ProcessExited,
    ProcessStarted,
    RebootNode,
    SendDatagram,
    StopNodeAsked,
    SupervisorEvent,
    ToController,
    ToExecutor,
)
from heartbeat.membership import Dropped, Membership, MembershipEffect
from heartbeat.messages import (
    ClusterSettings,
    Delivered,
    KnownDown,
    LinkStatus,
    Member,
    NodeList,
    PeerProcess,
    PeerState,
    Quorum,
    QuorumChanged,
    Reset,
    Status,
    StillHere,
    StopReady,
    Transmit,
    View,
    ViewInstalled,
    ViewLost,
    Welcome,
)
from heartbeat.packets import Heartbeat, NodeStatus, Packet, view_id
from heartbeat.promises import Promises
from heartbeat.quorum import QuorumCore
from heartbeat.session import Session
from heartbeat.session_messages import (
    CloseLink,
    LifeChanged,
    MembersChanged,
    MembersLost,
    PeerLinkDown,
    PeerLinkUp,
    SegmentReceived,
    SendPayload,
    SessionEvent,
    StreamBroken,
)
from heartbeat.succession import Installed
from heartbeat.supervisor import Supervisor
from heartbeat.timing import Timing
from ipc.note import Note
from ipc.supervision import ViewState
from ipc.timers import SetTimer, TimerFired
from ipc.units import Milliseconds

HEARTBEAT_TIMER = "heartbeat.next"
ALONE_TIMER = "quorum.alone"
GOODBYE_TIMER = "node.goodbye"


class Life(Enum):
    """Where this node is in its life as a member of the cluster."""

    BEGINNING = "beginning"
    """Its generation is not on disk yet: it sends nothing and hears nobody."""
    LIVING = "running"
    LEAVING = "leaving"
    """It said goodbye, and repeats that for a keepalive."""
    OVER = "stopped"


class HeartbeatNode:
    """The aggregate core. The shell (or the simulator) performs what `handle` returns, in order."""

    def __init__(self, name: str, nodes: tuple[str, ...], settings: ClusterSettings, saved: DurableState) -> None:
        """`nodes`: the node lines of ha.cf; they count until a list of nodes with a vote is on disk (`saved`)."""
        self._name = name
        self._configured = nodes
        self._settings = settings
        self._timing = Timing(settings.keepalive_ms, settings.warntime_ms, settings.deadtime_ms, settings.initdead_ms)
        self._promises = Promises(saved)
        self._quorum = QuorumCore(name, saved.nodes or nodes, settings.initdead_ms)
        self._supervisor = Supervisor(settings.crmd_restart_bound_ms)
        self._life = Life.BEGINNING
        self._me = Member(name, saved.generation)
        self._detector = Detector(settings.deadtime_ms, settings.warntime_ms)
        self._membership = Membership(self._me, self._timing, self._promises, self._detector, saved.voted)
        self._session: Session | None = None
        self._voted_before = saved.voted
        self._began_at = Milliseconds(0)
        self._result = self._quorum.result(self._began_at, self._began_at)
        self._announcer = Announcer(self._me, settings.keepalive_ms)
        self._goodbyes_left = 0
        self._departed = Departed()
        self._peer_states: dict[Member, PeerState] = {}
        self._peers_changed = False
        self._noted: set[Member | str] = set()

    # what the shell may look at

    @property
    def me(self) -> Member | None:
        """This node's life, None while its generation is not on disk."""
        return self._me if self._life in (Life.LIVING, Life.LEAVING) else None

    @property
    def hears(self) -> tuple[Member, ...]:
        """The peers' lives that were heard within deadtime: those that stream connections are worth while with."""
        return self._detector.hears

    @property
    def view(self) -> View | None:
        """The installed view."""
        return self._membership.view

    @property
    def quorum(self) -> Quorum:
        """What the view is worth."""
        return self._result

    def status(self, pid: int, links: tuple[LinkStatus, ...]) -> Status:
        """The answer to StatusQuery."""
        return Status(
            node=self._name,
            pid=pid,
            generation=self._me.generation,
            state=self._life.value,
            view=self.view,
            quorum=self._result,
            links=links,
            processes=self._supervisor.processes,
        )

    # the door

    def handle(self, event: Event, now: Milliseconds) -> list[Effect]:
        """Take one event; the effects are to be performed in order."""
        if self._life is Life.OVER:
            return []
        return [*self._dispatch(event, now), *self._tell_peer_states(), *self._announce(now)]

    def _dispatch(self, event: Event, now: Milliseconds) -> list[Effect]:
        match event:
            case DatagramReceived(packet):
                return self._datagram(packet, now)
            case TimerFired(name):
                return self._timer(name, now)
            case PeerLinkUp(peer, link) if self._life is Life.BEGINNING:
                return [CloseLink(peer, link, "this node begins a new life")]
            case PeerLinkUp() | PeerLinkDown() | SegmentReceived():
                return self._converse(event, now)
            case Booted():
                return [*self._notes_on_votes(), *self._begin_life(), *self._supervise(event, now)]
            case Persisted(token):
                return self._persisted(token, now)
            case PersistFailed(reason=reason):
                return self._end(1, f"the node's state can't be written: {reason}")
            case Paused(duration_ms):
                return self._paused(duration_ms, now)
            case ControllerSaid(message):
                return self._controller_said(message, now)
            case ChildAttached():
                return [*self._greet(event), *self._supervise(event, now)]
            case StopNodeAsked() | ProcessStarted() | ProcessExited() | ChildDetached() | ExecutorReported():
                return self._supervise(event, now)

    def _timer(self, name: str, now: Milliseconds) -> list[Effect]:
        if name.startswith("supervisor."):
            return self._supervise(TimerFired(name), now)
        if self._life is Life.BEGINNING:
            return []
        if name == HEARTBEAT_TIMER:
            return [self._heartbeat(now), SetTimer(HEARTBEAT_TIMER, Milliseconds(now + self._timing.keepalive_ms))]
        if name == EARLY_TIMER:
            return []  # `handle` looks after every event whether there is something new to say
        if name == GOODBYE_TIMER:
            return self._say_goodbye(now)
        if name == ALONE_TIMER:
            return self._judge_quorum(now)
        if name.startswith("session."):
            return self._converse(TimerFired(name), now)
        if name.startswith(DETECTOR_TIMERS):
            return self._detector_timer(name.removeprefix(DETECTOR_TIMERS), now)
        return self._membership_effects(self._membership.timer(name, now), now)

    # the node's life

    def _begin_life(self) -> list[Effect]:
        self._life = Life.BEGINNING
        self._voted_before = self._promises.asked.voted
        return [self._promises.begin_life()]

    def _persisted(self, token: int, now: Milliseconds) -> list[Effect]:
        self._promises.persisted(token)
        synced = self._promises.synced
        effects = self._count_by(synced.nodes, now)
        if self._life is not Life.BEGINNING:
            return [*effects, *self._membership_effects(self._membership.promised(now), now)]
        if synced.generation < self._promises.asked.generation:
            return effects
        return [*effects, *self._live(Member(self._name, synced.generation), now)]

    def _live(self, me: Member, now: Milliseconds) -> list[Effect]:
        """The generation is on disk: from now on this life may be heard of."""
        assert me.generation == self._promises.synced.generation, "a generation is used only when it is on disk"
        self._life = Life.LIVING
        self._me = me
        self._began_at = now
        self._announcer = Announcer(me, self._timing.keepalive_ms)
        self._noted.clear()
        self._peer_states.clear()
        self._detector = Detector(self._timing.deadtime_ms, self._timing.warntime_ms)
        self._membership = Membership(me, self._timing, self._promises, self._detector, self._voted_before)
        effects: list[Effect] = [
            Note("info", "node.life", f"{me.name} begins its life {me.generation}", {"generation": me.generation}),
            SetTimer(HEARTBEAT_TIMER, Milliseconds(now + self._timing.keepalive_ms)),
        ]
        effects += self._converse(LifeChanged(me), now)  # closes the connections of the life before
        self._session = Session(me)
        began = self._membership.begin(self._quorum.nodes, self._supervisor.ready, now)
        return [*effects, *self._membership_effects(began, now)]

    def _paused(self, duration_ms: Milliseconds, now: Milliseconds) -> list[Effect]:
        """The others went on without this node: whatever it knows of them, and they of it, is over."""
        if self._life is not Life.LIVING:
            return []
        reason = f"this node did not run for {duration_ms} ms"
        effects: list[Effect] = []
        if self.view is not None:
            effects += self._out_of_view(reason, now)
        effects.append(
            Note("warning", "node.paused", f"{reason}; it begins a new life", {"duration_ms": int(duration_ms)})
        )
        self._membership.leave(now)  # whatever it would still say is not sent: the old life is over
        self._quorum.new_life()
        return [*effects, *self._begin_life()]

    def _leave(self, reason: str, now: Milliseconds) -> list[Effect]:
        if self._life is not Life.LIVING:
            return self._end(0, reason)
        self._life = Life.LEAVING
        withdrawal = self._membership_effects(self._membership.leave(now), now)
        self._goodbyes_left = 1 + self._timing.keepalive_ms // self._timing.resend_ms if self._detector.hears else 1
        note = Note("notice", "node.leaving", f"{self._name} leaves the cluster")
        return [note, *withdrawal, *self._say_goodbye(now)]

    def _say_goodbye(self, now: Milliseconds) -> list[Effect]:
        """Several times, as one datagram may be lost; without any, the others would wait for deadtime."""
        if self._life is not Life.LEAVING:
            return []
        if self._goodbyes_left == 0:
            return self._end(0, "this node left the cluster")
        self._goodbyes_left -= 1
        pause = self._timing.resend_ms if self._detector.hears else 0
        return [self._heartbeat(now), SetTimer(GOODBYE_TIMER, Milliseconds(now + pause))]

    def _end(self, code: int, reason: str) -> list[Effect]:
        self._life = Life.OVER
        return [Note("notice" if code == 0 else "critical", "node.exit", reason), Exit(code, reason)]

    # heartbeats

    def _announce(self, now: Milliseconds) -> list[Effect]:
        if self._life is not Life.LIVING:
            return []
        return [*self._announcer.say_if_new(self._words(), self._membership.voted, now)]

    def _heartbeat(self, now: Milliseconds) -> SendDatagram:
        return self._announcer.say(self._words(), self._membership.voted, now)

    def _words(self) -> Words:
        view = self.view
        status: NodeStatus = "starting" if view is None else "active"
        return Words(
            status="leaving" if self._life is Life.LEAVING else status,
            view=None if view is None else view_id(view),
            view_size=0 if view is None else len(view.members),
            installed=self._membership.installed,
            hears=self._detector.hears,
            ready=self._supervisor.ready,
            controller=self._supervisor.controller,
        )

    # the peers

    def _datagram(self, packet: Packet, now: Milliseconds) -> list[Effect]:
        if self._life is Life.BEGINNING:
            return []
        if packet.sender.name == self._name:
            return self._heard_myself(packet.sender)
        if isinstance(packet, Heartbeat):
            return self._heard(packet, now)
        return self._membership_effects(self._membership.packet(packet, now), now)

    def _heard_myself(self, sender: Member) -> list[Effect]:
        """Broadcast and multicast bring back our own; a life that is not ours means two nodes of one name."""
        if sender.generation <= self._me.generation or sender in self._noted:
            return []
        self._noted.add(sender)
        text = (
            f"another node calls itself {self._name} too; give each node a name of its own (`uname -n`, ha.cf `node`)"
        )
        return [Note("error", "node.same_name", text, {"generation": sender.generation})]

    def _heard(self, heartbeat: Heartbeat, now: Milliseconds) -> list[Effect]:
        changed, noticed = self._detector.receive(heartbeat, now)
        known = self._detector.heard.get(heartbeat.sender.name)
        if known is not heartbeat:
            return [*noticed]
        self._peers_changed = self._peers_changed or changed
        effects = [*noticed, *self._note_without_vote(heartbeat.sender.name)]
        return [*effects, *self._membership_effects(self._membership.heard(heartbeat, changed, now), now)]

    def _note_without_vote(self, name: str) -> list[Effect]:
        if name in self._quorum.nodes or name in self._noted:
            return []
        self._noted.add(name)
        text = f"{name} takes part without a vote; `crm node add {name}` gives it one"
        return [Note("notice", "peer.without_vote", text, {"peer": name})]

    def _detector_timer(self, name: str, now: Milliseconds) -> list[Effect]:
        died, noticed = self._detector.expire(name, now)
        if not died:
            return [*noticed]
        return [*noticed, *self._membership_effects(self._membership.hearing_changed(now), now)]

    # views

    def _membership_effects(self, effects: list[MembershipEffect], now: Milliseconds) -> list[Effect]:
        performed: list[Effect] = []
        for effect in effects:
            match effect:
                case Installed():
                    performed += self._installed(effect, now)
                case Dropped(reason):
                    performed += self._out_of_view(reason, now)
                    performed += self._converse(MembersLost(), now)
                case _:
                    performed.append(effect)
        return performed

    def _installed(self, installed: Installed, now: Milliseconds) -> list[Effect]:
        view = installed.view
        self._peers_changed = True
        self._departed.installed(view, installed.left)
        self._quorum.installed(view, installed.still_heard)
        self._result = self._quorum.result(self._silent_since(), now)
        message = ViewInstalled(view, self._result, installed.left, installed.lost, installed.detected_at)
        # The executor first: it must not take the controller's first order for one of another view.
        effects: list[Effect] = [ToExecutor(ViewState(view.number, self._me.generation)), ToController(message)]
        effects += self._supervise(CompanyChanged(accompanied=len(view.members) > 1), now)
        effects += self._converse(MembersChanged(view), now)
        if self._quorum.is_left_behind and not self._result.quorate and len(self._quorum.nodes) == 2:
            others = ", ".join(installed.still_heard or self._quorum.absent_voters())
            text = f"{others} does not hear this node and went on without it: no quorum here until both are in one view"
            effects.append(Note("warning", "quorum.left_behind", text, {"peer": others}))
        if self._result.basis == "majority" and not self._promises.asked.nodes:
            effects.append(self._promises.keep_nodes(self._quorum.nodes))
        return [*effects, *self._wait_alone()]

    def _out_of_view(self, reason: str, now: Milliseconds) -> list[Effect]:
        self._quorum.left_view()
        self._departed.forget()
        self._result = self._quorum.result(self._began_at, self._began_at)
        effects: list[Effect] = [ToExecutor(ViewState(0, self._me.generation)), ToController(ViewLost(reason))]
        return [*effects, *self._supervise(CompanyChanged(accompanied=False), now)]

    # quorum

    def _silent_since(self) -> Milliseconds:
        heard_at = self._detector.last_heard_of(self._quorum.absent_voters())
        return self._began_at if heard_at is None else max(self._began_at, heard_at)

    def _wait_alone(self) -> list[Effect]:
        if not self._quorum.may_become_alone(self._result):
            return []
        return [SetTimer(ALONE_TIMER, self._quorum.alone_at(self._silent_since()))]

    def _judge_quorum(self, now: Milliseconds) -> list[Effect]:
        result = self._quorum.result(self._silent_since(), now)
        if result == self._result:
            return self._wait_alone()
        self._result = result
        if self.view is None:
            return []
        text = f"The view is {'quorate' if result.quorate else 'not quorate'} now"
        note = Note("notice", "quorum.changed", text, {"votes": result.votes, "expected": result.expected})
        return [note, ToController(QuorumChanged(result)), *self._wait_alone()]

    def _count_by(self, nodes: tuple[str, ...], now: Milliseconds) -> list[Effect]:
        """The list of nodes with a vote counts once it is on disk."""
        if not nodes or nodes == self._quorum.nodes:
            return []
        self._quorum.count_by(nodes)
        note = Note("notice", "quorum.nodes", "The nodes with a vote changed", {"nodes": ",".join(nodes)})
        return [note, *self._judge_quorum(now)]

    def _notes_on_votes(self) -> list[Effect]:
        nodes = self._quorum.nodes
        effects: list[Effect] = []
        unlisted = [name for name in self._configured if name not in nodes]
        if unlisted:
            text = f"ha.cf names {', '.join(unlisted)}, without a vote so far; `crm node add NAME` gives one"
            effects.append(Note("warning", "quorum.unlisted", text))
        if len(nodes) % 2 == 0:
            fate = "both halves go on" if len(nodes) == 2 else "neither half goes on"
            text = f"With {len(nodes)} votes, {fate} after an even split: without fencing its loser can't be known"
            effects.append(Note("notice", "quorum.even", text, {"expected": len(nodes)}))
        return effects

    # controller, executor, supervisor

    def _controller_said(
        self, message: Transmit | StopReady | StillHere | NodeList | KnownDown | Reset, now: Milliseconds
    ) -> list[Effect]:
        match message:
            case Transmit(to, view, payload):
                return self._converse(SendPayload(to, view, payload), now)
            case StopReady() | StillHere():
                return self._supervise(ControllerSaid(message), now)
            case NodeList(nodes):
                return [self._promises.keep_nodes(nodes)] if nodes != self._promises.asked.nodes else []
            case KnownDown(name, generation):
                self._departed.fenced(name, generation, self.view)
                return []
            case Reset(reason):
                self._life = Life.OVER
                return [Note("critical", "node.reset", f"This node reboots: {reason}"), RebootNode(reason)]

    def _greet(self, event: ChildAttached) -> list[Effect]:
        view = self.view
        if event.process == "lrmd":
            return [ToExecutor(ViewState(0 if view is None else view.number, self._me.generation))]
        self._peer_states = dict(self._members_states())
        welcome = Welcome(
            node=self._name,
            generation=self._me.generation,
            nodes=self._quorum.nodes,
            settings=self._settings,
            view=view,
            quorum=self._result,
            peers=tuple((member.name, state) for member, state in self._peer_states.items()),
            down=self._departed.outside(view),
        )
        return [ToController(welcome)]

    def _members_states(self) -> list[tuple[Member, PeerState]]:
        """What members say of their crmd. One that was not ready when it was heard last said it before it joined."""
        heard = self._detector.heard
        return [
            (member, heard[member.name].controller)
            for member in (self.view.members if self.view is not None else ())
            if member.name in heard and heard[member.name].sender == member and heard[member.name].ready
        ]

    def _tell_peer_states(self) -> list[Effect]:
        """A member whose crmd is up when it joins is not worth a word; every change is."""
        if self._life is Life.OVER or not self._peers_changed:
            return []
        self._peers_changed = False
        effects: list[Effect] = []
        told, self._peer_states = self._peer_states, {}
        for member, state in self._members_states():
            self._peer_states[member] = state
            if state != told.get(member, "up"):
                effects.append(ToController(PeerProcess(member.name, state)))
        return effects

    def _supervise(self, event: SupervisorEvent, now: Milliseconds) -> list[Effect]:
        was_ready = self._supervisor.ready
        effects: list[Effect] = []
        for effect in self._supervisor.handle(event, now):
            match effect:
                case Leave(reason):
                    effects += self._leave(reason, now)
                case Exit():
                    self._life = Life.OVER
                    effects.append(effect)
                case _:
                    effects.append(effect)
        if self._supervisor.ready != was_ready and self._life is Life.LIVING:
            effects += self._membership_effects(self._membership.set_ready(self._supervisor.ready, now), now)
        return effects

    # messages between controllers

    def _converse(self, event: SessionEvent, now: Milliseconds) -> list[Effect]:
        if self._session is None or self._life is Life.BEGINNING:
            return []
        effects: list[Effect] = []
        for effect in self._session.handle(event, now):
            match effect:
                case Delivered():
                    effects.append(ToController(effect))
                case StreamBroken(peer, reason):
                    effects += self._detector.suspect(peer, reason, now)
                    effects += self._membership_effects(self._membership.hearing_changed(now), now)
                case _:
                    effects.append(effect)
        return effects
