"""Keeps the node's two children alive, tells what became of crmd, and takes the node down in good order (pure core).

Starting: lrmd, then crmd; the node may join once lrmd has said that nothing unknown is active here and crmd is there.
Respawning: at once; a child that dies for the third time within a minute waits longer and longer.
Stopping, one phase after the other: crmd moves resources away, lrmd stops what is left and exits, the node says
goodbye and ends. A goodbye tells the peers that nothing runs here, and they act on it without fencing: so it is said
only after lrmd reported that it is empty. Where that fails the node leaves without one.

Surrendering: as soon as crmd counts as gone, the peers may start elsewhere what runs here. With fencing they fence
first; without, this node has to stop everything before it says that its crmd is gone.
"""

from enum import Enum

from heartbeat.events import (
    Booted,
    ChildAttached,
    ChildDetached,
    CompanyChanged,
    ControllerSaid,
    ExecutorReported,
    Exit,
    KillProcess,
    Leave,
    ProcessExited,
    ProcessStarted,
    StartProcess,
    StopNodeAsked,
    SupervisorEffect,
    SupervisorEvent,
    ToController,
    ToExecutor,
)
from heartbeat.messages import PeerState, StillHere, StopReady, StopRequested
from ipc.note import Level, Note
from ipc.supervision import ProcessName, StopEverything
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds

DEATHS_MAX = 3
"""So many deaths within DEATHS_WINDOW_MS make crmd count as gone, and any child wait before it is started again."""

DEATHS_WINDOW_MS = 60_000
ATTACH_MS = 20_000
"""A child that runs but does not attach within this time is killed and started again."""

HANG_MS = 10_000
"""A crmd that has said StillHere and is silent for so long hangs: it is killed, and a new one started."""

BACKOFF_FIRST_MS = 1000
BACKOFF_MAX_MS = 30_000
MOVING_MS_MAX = 20 * 60_000
"""How long crmd may take to move resources away (as Pacemaker's shutdown-escalation)."""

EMPTYING_MS_MAX = 20 * 60_000
"""How long lrmd may take to stop what crmd left."""

SURRENDER_MS_MAX = 60_000
"""Without fencing: how long lrmd may take to stop everything before the peers are told that crmd is gone."""

_BOUND_TIMER = "supervisor.bound"
_PHASE_TIMER = "supervisor.phase"
_SILENCE_TIMER = "supervisor.silence"
_SURRENDER_TIMER = "supervisor.surrender"


class Phase(Enum):
    """Where the node is between its start and its end; it only goes forward."""

    RUNNING = "running"
    MOVING = "moving resources away"
    EMPTYING = "stopping what is left"
    OVER = "leaving"


class ChildState(Enum):
    """Where a child is."""

    ABSENT = "not started"
    """Not there, and not wanted (any more)."""
    STARTING = "starting"
    """StartProcess was asked for; the shell waits until no process of an earlier life is there."""
    WAITING = "waiting to be started again"
    """It died too often: a timer will ask for StartProcess."""
    RUNNING = "running, not attached"
    ATTACHED = "running"


class _Child:
    """What is known of one child. `pid` is 0 unless it is there."""

    def __init__(self, name: ProcessName) -> None:
        self.name: ProcessName = name
        self.state = ChildState.ABSENT
        self.pid = 0
        self.deaths: list[Milliseconds] = []
        self.timer = f"supervisor.{name}"

    @property
    def alive(self) -> bool:
        return self.state in (ChildState.RUNNING, ChildState.ATTACHED)


class Supervisor:
    """Owns the children's and the node's phases."""

    def __init__(self, crmd_restart_bound_ms: int = 5000) -> None:
        self._crmd_restart_bound_ms = crmd_restart_bound_ms
        self._phase = Phase.RUNNING
        self._lrmd = _Child("lrmd")
        self._crmd = _Child("crmd")
        self._controller: PeerState = "gone"
        self._executor_empty = False
        self._executor_settled = False
        self._was_ready = False
        self._stop_reason = ""
        self._surrender_reason = ""
        """While not empty, lrmd stops everything because crmd is gone and nothing fences."""
        self._fencing = True
        self._accompanied = False

    @property
    def phase(self) -> Phase:
        """Where the node is between its start and its end."""
        return self._phase

    @property
    def controller(self) -> PeerState:
        """What the peers should know of this node's crmd."""
        return self._controller

    @property
    def ready(self) -> bool:
        """Whether the node may ask to be in a view.

        The first time this needs an executor that is empty or settled, and a controller. Later deaths of the two
        leave the node in the cluster, and so does stopping, until all is stopped.
        """
        return self._was_ready and self._phase is not Phase.OVER

    @property
    def processes(self) -> tuple[tuple[str, str], ...]:
        """Name and state of each child, for `heartbeat status`; first the node itself, when it is stopping."""
        stopping = (("node", self._phase.value),) if self._phase is not Phase.RUNNING else ()
        return (*stopping, *((child.name, _describe(child)) for child in (self._lrmd, self._crmd)))

    def handle(self, event: SupervisorEvent, now: Milliseconds) -> list[SupervisorEffect]:
        """Take one event; the effects are to be performed in order."""
        effects: list[SupervisorEffect] = []
        match event:
            case Booted():
                self._start(self._lrmd, effects)
                self._start(self._crmd, effects)
            case ProcessStarted(process, pid):
                self._started(self._child(process), pid, now, effects)
            case ProcessExited(process, pid, status):
                self._exited(self._child(process), pid, status, now, effects)
            case ChildAttached(process, pid):
                self._attached(self._child(process), pid, effects)
            case ChildDetached(process, pid):
                self._detached(self._child(process), pid, now, effects)
            case ExecutorReported(state):
                self._executor_empty, self._executor_settled = state.empty, state.settled
            case StopNodeAsked(reason):
                self._stop_asked(reason, now, effects)
            case ControllerSaid(StopReady()):
                self._controller_ready(now, effects)
            case ControllerSaid(StillHere(fencing)):
                self._fencing = fencing
                effects.append(SetTimer(_SILENCE_TIMER, Milliseconds(now + HANG_MS)))
            case ControllerSaid():
                pass  # what else crmd says is not about this node's processes
            case CompanyChanged(accompanied):
                self._accompanied = accompanied
                if self._controller == "gone" and self._was_ready:
                    self._surrender("crmd is gone while other nodes may take over", now, effects)
            case TimerFired(timer):
                self._timer(timer, now, effects)
        self._notice_readiness()
        return effects

    def _child(self, name: ProcessName) -> _Child:
        return self._lrmd if name == "lrmd" else self._crmd

    def _notice_readiness(self) -> None:
        executor = self._lrmd.state is ChildState.ATTACHED and (self._executor_empty or self._executor_settled)
        if executor and self._crmd.state is ChildState.ATTACHED:
            self._was_ready = True

    # the life of a child

    def _start(self, child: _Child, effects: list[SupervisorEffect]) -> None:
        child.state = ChildState.STARTING
        child.pid = 0
        effects.append(StartProcess(child.name))

    def _started(self, child: _Child, pid: int, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if child.alive:
            return  # one of an earlier life attached meanwhile; the new one finds the lock held and exits
        child.state, child.pid = ChildState.RUNNING, pid
        effects.append(SetTimer(child.timer, Milliseconds(now + ATTACH_MS)))
        effects.append(_note("info", "process.started", f"{child.name} is started", child))

    def _attached(self, child: _Child, pid: int, effects: list[SupervisorEffect]) -> None:
        child.state, child.pid = ChildState.ATTACHED, pid
        effects.append(CancelTimer(child.timer))
        effects.append(_note("info", "process.attached", f"{child.name} is attached", child))
        if child is self._crmd:
            if self._surrender_reason:
                text = "crmd came back while everything is being stopped; it is started again afterwards"
                effects.append(_note("notice", "process.too_late", text, child))
                effects.append(KillProcess(child.name, pid))
                return
            effects.append(CancelTimer(_BOUND_TIMER))
            self._controller = "up"
            if self._phase is Phase.MOVING:
                effects.append(ToController(StopRequested(self._stop_reason)))
            return
        self._executor_empty = self._executor_settled = False  # what an earlier lrmd said no longer counts
        if self._phase is Phase.EMPTYING:
            effects.append(ToExecutor(StopEverything(self._stop_reason)))
        elif self._surrender_reason:
            effects.append(ToExecutor(StopEverything(self._surrender_reason)))

    def _detached(self, child: _Child, pid: int, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        """The connection ended. Usually the process did too, which the shell tells next; else it may come back."""
        if pid != child.pid or child.state is not ChildState.ATTACHED:
            return
        child.state = ChildState.RUNNING
        effects.append(SetTimer(child.timer, Milliseconds(now + ATTACH_MS)))
        if child is self._crmd:
            effects.append(CancelTimer(_SILENCE_TIMER))
            self._controller_down(now, effects)

    def _exited(self, child: _Child, pid: int, status: str, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        failed_to_start = pid == 0 and child.state is ChildState.STARTING
        if not failed_to_start and (pid != child.pid or not child.alive):
            return
        child.state, child.pid = ChildState.ABSENT, 0
        effects.append(CancelTimer(child.timer))
        if self._is_wanted_end(child):
            self._leave(child, effects)
            return
        if child is self._lrmd and self._surrender_reason and self._executor_empty:
            self._start(child, effects)
            self._surrendered(effects)
            return
        child.deaths = [*_recent(child.deaths, now), now]
        fields: dict[str, str | int | bool] = {"process": child.name, "pid": pid}
        effects.append(Note("error", "process.died", f"{child.name} ended: {status}", fields))
        if child is self._crmd:
            effects.append(CancelTimer(_SILENCE_TIMER))
            self._controller_down(now, effects)
        elif self._phase is Phase.EMPTYING and len(child.deaths) >= DEATHS_MAX:
            self._leave_without_goodbye(f"lrmd died {len(child.deaths)} times while it stopped resources", effects)
        if child is self._lrmd or self._phase in (Phase.RUNNING, Phase.MOVING):
            self._respawn(child, now, effects)

    def _is_wanted_end(self, child: _Child) -> bool:
        return self._phase is Phase.OVER or (
            child is self._lrmd and self._phase is Phase.EMPTYING and self._executor_empty
        )

    def _respawn(self, child: _Child, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if self._phase is Phase.OVER:
            return
        if child is self._crmd and self._surrender_reason:
            child.state = ChildState.WAITING  # it is started when everything is stopped
            return
        excess = len(child.deaths) - DEATHS_MAX
        if excess < 0:
            self._start(child, effects)
            return
        delay = min(BACKOFF_FIRST_MS << min(excess, 10), BACKOFF_MAX_MS)
        child.state = ChildState.WAITING
        text = f"{child.name} died {len(child.deaths)} times within a minute; it is started again in {delay} ms"
        effects.append(_note("error", "process.backoff", text, child))
        effects.append(SetTimer(child.timer, Milliseconds(now + delay)))

    def _child_timer(self, child: _Child, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if child.state is ChildState.WAITING and not (child is self._crmd and self._surrender_reason):
            self._start(child, effects)
        elif child.state is ChildState.RUNNING:
            text = f"{child.name} runs but is not attached; it is killed and started again"
            effects.append(_note("error", "process.unattached", text, child))
            effects.append(KillProcess(child.name, child.pid))
            effects.append(SetTimer(child.timer, Milliseconds(now + ATTACH_MS)))

    # what the peers know of crmd

    def _controller_down(self, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if len(_recent(self._crmd.deaths, now)) >= DEATHS_MAX:
            self._controller_gone(now, effects)
        elif self._controller == "up" and not self._fencing and self._phase is Phase.EMPTYING:
            self._controller = "emptying"
        elif self._controller == "up":
            self._controller = "restarting"
            effects.append(SetTimer(_BOUND_TIMER, Milliseconds(now + self._crmd_restart_bound_ms)))

    def _controller_gone(self, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if self._controller == "emptying":
            return
        effects.append(CancelTimer(_BOUND_TIMER))
        self._controller = "gone"
        if self._phase is Phase.MOVING:
            self._empty(now, effects)
        self._surrender("crmd is gone and nothing fences this node", now, effects)

    def _surrender(self, reason: str, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        """Where nothing fences, the peers start what runs here once they hear `gone`: so it is stopped before that.

        A node that is alone goes on as it is: nobody would take over, and crmd may come back.
        """
        if self._fencing or self._phase is Phase.OVER or self._surrender_reason:
            return
        if self._phase is Phase.EMPTYING:
            self._controller = "emptying"  # until it leaves, or its time to stop is over
            return
        if not self._accompanied:
            return
        self._controller = "emptying"
        self._surrender_reason = reason
        effects.append(_note("error", "node.surrender", f"Everything here is stopped: {reason}", self._crmd))
        effects.append(SetTimer(_SURRENDER_TIMER, Milliseconds(now + SURRENDER_MS_MAX)))
        if self._lrmd.state is ChildState.ATTACHED:
            effects.append(ToExecutor(StopEverything(reason)))

    def _surrendered(self, effects: list[SupervisorEffect]) -> None:
        """The peers may take over, and crmd begins anew."""
        self._surrender_reason = ""
        self._controller = "gone"
        effects.append(CancelTimer(_SURRENDER_TIMER))
        if self._crmd.state is ChildState.WAITING:
            effects.append(CancelTimer(self._crmd.timer))
            self._start(self._crmd, effects)

    # leaving

    def _stop_asked(self, reason: str, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if self._phase is not Phase.RUNNING:
            return
        self._stop_reason = reason
        effects.append(Note("notice", "node.stopping", f"This node stops: {reason}"))
        if self._controller in ("gone", "emptying"):
            self._surrender_reason = ""  # what lrmd has begun is now a part of leaving
            effects.append(CancelTimer(_SURRENDER_TIMER))
            self._empty(now, effects)
            return
        self._enter(Phase.MOVING, MOVING_MS_MAX, now, effects)
        if self._crmd.state is ChildState.ATTACHED:
            effects.append(ToController(StopRequested(reason)))

    def _controller_ready(self, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if self._phase is Phase.RUNNING:
            self._stop_reason = "the controller asks for it"
        if self._phase in (Phase.RUNNING, Phase.MOVING):
            self._empty(now, effects)

    def _empty(self, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        self._enter(Phase.EMPTYING, EMPTYING_MS_MAX, now, effects)
        if self._lrmd.state is ChildState.ATTACHED:
            effects.append(ToExecutor(StopEverything(self._stop_reason)))

    def _leave(self, child: _Child, effects: list[SupervisorEffect]) -> None:
        """The safety of a goodbye: lrmd reported that it is empty, and has exited since, so nothing can start."""
        if self._phase is Phase.OVER:
            return
        assert child is self._lrmd
        self._phase = Phase.OVER
        effects.append(CancelTimer(_PHASE_TIMER))
        effects.append(Leave(self._stop_reason))

    def _leave_without_goodbye(self, reason: str, effects: list[SupervisorEffect]) -> None:
        """Something may still be active here: the peers must take this node for lost, and fence it if they fence."""
        self._phase = Phase.OVER
        text = f"This node leaves without a goodbye, so that the others treat it as lost: {reason}"
        effects.append(Note("critical", "node.failed_stop", text))
        effects.append(Exit(1, reason))

    def _enter(self, phase: Phase, limit_ms: int, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        self._phase = phase
        effects.append(Note("info", "node.phase", f"This node is {phase.value}"))
        effects.append(SetTimer(_PHASE_TIMER, Milliseconds(now + limit_ms)))

    # timers

    def _timer(self, name: str, now: Milliseconds, effects: list[SupervisorEffect]) -> None:
        if name == self._lrmd.timer:
            self._child_timer(self._lrmd, now, effects)
        elif name == self._crmd.timer:
            self._child_timer(self._crmd, now, effects)
        elif name == _BOUND_TIMER and self._controller == "restarting":
            text = f"crmd did not come back within {self._crmd_restart_bound_ms} ms; the others count it as gone"
            effects.append(_note("error", "process.gone", text, self._crmd))
            self._controller_gone(now, effects)
        elif name == _SURRENDER_TIMER and self._surrender_reason:
            text = f"Not everything was stopped within {SURRENDER_MS_MAX} ms; the others may start it all the same"
            effects.append(Note("critical", "node.surrender_failed", text))
            self._surrendered(effects)
        elif name == _SILENCE_TIMER and self._crmd.alive:
            text = f"crmd has not turned for {HANG_MS} ms: it is killed and started again"
            effects.append(_note("error", "process.hangs", text, self._crmd))
            effects.append(KillProcess(self._crmd.name, self._crmd.pid))
        elif name == _PHASE_TIMER and self._phase is Phase.MOVING:
            text = "crmd did not move the resources away in time; lrmd stops them"
            effects.append(Note("error", "node.moving_timeout", text))
            self._empty(now, effects)
        elif name == _PHASE_TIMER and self._phase is Phase.EMPTYING:
            self._leave_without_goodbye("lrmd did not stop all resources in time", effects)


def _describe(child: _Child) -> str:
    return f"{child.state.value} (pid {child.pid})" if child.alive else child.state.value


def _note(level: Level, event: str, text: str, child: _Child) -> Note:
    return Note(level, event, text, {"process": child.name, "pid": child.pid})


def _recent(deaths: list[Milliseconds], now: Milliseconds) -> list[Milliseconds]:
    return [at for at in deaths if now - at < DEATHS_WINDOW_MS]
