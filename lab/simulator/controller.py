"""The simulated shell of crmd over the real controller core, with the store and the policy engine's worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cib.apart import work_apart
from cib.replica_events import Diverged, Persist, Persisted, PersistFailed
from cib.status_view import resource_history
from crmd.controller import Controller
from crmd.events import (
    Answer,
    CibPatched,
    CibReplaced,
    ClientAsked,
    ControllerSettings,
    Effect,
    Event,
    ExecutorConnected,
    ExecutorGone,
    FromExecutor,
    FromHeartbeat,
    FromStore,
    HeartbeatGone,
    KeepInput,
    Paused,
    Schedule,
    ScheduleFailed,
    StateChanged,
    StopWorker,
    ToExecutor,
    ToHeartbeat,
    ToStore,
    WallClock,
    WorkApart,
    WorkedApart,
)
from crmd.states import State
from heartbeat.messages import StillHere, StopReady, StopRequested
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from lab.simulator.clients import MARK
from lab.simulator.policy import PolicyProcess
from lab.simulator.process import Connection, Process
from lab.simulator.world import BOOT_OFFSET_MS
from lrmd.messages import Cancel, Execute, Forget
from pengine.scheduler import schedule
from pengine.unpack import unpack
from stonith.fencer import Fencer

if TYPE_CHECKING:
    from crmd.messages import ClientRequest, ClusterState
    from lab.simulator.machine import Machine

FSYNC_MS = (1, 60)
SLOW_FSYNC_MS = (200, 3000)
SCHEDULE_MS = (5, 80)
APART_MS = (1, 1500)
STILL_HERE_MS = 1000
DIGEST_EVERY = 8
"""Of so many versions of a replica's document the digest of one is compared; that of every configuration version."""


class ControllerProcess(Process):
    """crmd."""

    name = "crmd"

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.state: ClusterState | None = None
        self.idle_since: int | None = None
        """Since when it says that nothing is left to do."""
        self._messaging: Connection | None = None
        self._executor: Connection | None = None
        self._store_until = 0
        self._apart_until = 0
        self._leaving = False
        self._messaging_gone = False
        settings = ControllerSettings(
            node=machine.name,
            incarnation=machine.world.now + 1,
            uuid=f"{machine.name}-{self.pid}-{machine.world.seed:x}",
        )
        replica = machine.disk.make_replica(machine.name, settings.incarnation, large=machine.cluster.scenario.large)
        self.core = Controller(
            settings, replica, Fencer(machine.name, machine.world.rng, machine.world.now), machine.world.now
        )
        self._policy = PolicyProcess(
            machine.name, lambda: self.core.document.to_compact_bytes(), machine.cluster.invariants.cib
        )
        self.later(machine.world.delay(50, 300), self._begin)

    def _begin(self) -> None:
        self.clock_set()
        self.machine.controller_started(self)

    def clock_set(self) -> None:
        """Tell the core how the wall clock stands."""
        self.post(WallClock(BOOT_OFFSET_MS + self.machine.clock_error_ms))

    def paused_for(self, duration_ms: int) -> None:
        """As the daemon does: the pause comes before all that is queued."""
        if duration_ms > self.machine.cluster.scenario.deadtime_ms:
            self.dispatch(Paused(duration_ms))

    def is_dc(self) -> bool:
        """Whether it acts as DC."""
        return self.core.is_dc

    # -- connections -----------------------------------------------------------------------------------------------

    def attach_supervisor(self, connection: Connection) -> None:
        """The socket to heartbeat stands; Attach was sent, Welcome follows."""
        self._messaging = connection
        connection.handlers[self] = _FromMessaging(self)
        self._say_that_it_turns()

    def _say_that_it_turns(self) -> None:
        if self._messaging is not None:
            self._messaging.send(self, StillHere(self.core.fencing))
            self.later(STILL_HERE_MS, self._say_that_it_turns)

    def attach_executor(self, connection: Connection) -> None:
        """The socket to lrmd stands; a process that stalls sees that only after the end of the one before."""
        connection.handlers[self] = _FromExecutor(self)
        self.later(0, lambda: self._executor_connected(connection))

    def _executor_connected(self, connection: Connection) -> None:
        self._executor = connection
        self.dispatch(ExecutorConnected())

    def messaging_ended(self) -> None:
        """As the daemon: in good order this is the end; otherwise the core has to stop everything."""
        self._messaging = None
        self._messaging_gone = True
        if self._leaving:
            self.die("left in good order")
            return
        # As the daemon: whatever comes after it has other children, so this process leaves when all is stopped.
        self.dispatch(HeartbeatGone())
        self.dispatch(FromHeartbeat(StopRequested("the messaging layer of this node died")))

    def executor_ended(self) -> None:
        """lrmd died; after the messaging layer's death this means that everything is stopped."""
        self._executor = None
        self.dispatch(ExecutorGone())
        if self._messaging_gone:
            self.die("nothing is left to control")

    def client_asks(self, request: ClientRequest) -> None:
        """A tool on this node asks."""
        self.post(ClientAsked(1, request), self.world.delay(1, 5))

    # -- the core --------------------------------------------------------------------------------------------------

    def dispatch(self, event: object) -> None:
        """Give an event to the core, perform what it asks for."""
        was_dc = self.core.is_dc
        for effect in self.core.handle(_event(event), self.world.now):
            self._perform(effect)
            if not self.alive:
                return
        if was_dc and not self.core.is_dc:
            self.world.reached["DC losses"] += 1

    def _perform(self, effect: Effect) -> None:
        match effect:
            case ToHeartbeat():
                if isinstance(effect.message, StopReady):
                    # From here on nothing that it does reaches the others; its document counts for nothing.
                    self._leaving = True
                    self.machine.cluster.invariants.cib.forget(self.machine.name)
                    if self._messaging_gone:
                        self.die("everything is stopped")
                        return
                if self._messaging is not None:
                    self._messaging.send(self, effect.message)
            case ToExecutor():
                if isinstance(effect.message, Execute | Cancel | Forget):
                    serves = self.state.dc if self.state is not None else ""
                    self.machine.cluster.invariants.orders.forwarded(self.machine.name, effect.message, serves)
                if self._executor is not None:
                    self._executor.send(self, effect.message)
            case ToStore():
                self._store(effect)
            case WorkApart():
                self._work_apart(effect)
            case CibPatched():
                self._policy.patched(effect.patch)
                self._document_changed(effect.version, replaced=False)
            case CibReplaced():
                self._policy.replaced()
                self._document_changed(effect.version, replaced=True)
            case Schedule():
                self._schedule(effect)
            case Answer():
                self.machine.cluster.clients.answered(effect.reply)
            case StateChanged():
                self._state_changed(effect.state)
            case SetTimer():
                self.set_timer(effect.name, effect.at)
            case CancelTimer():
                self.cancel_timer(effect.name)
            case Note():
                self.machine.note(self, effect)
            case StopWorker() | KeepInput():
                pass

    def _document_changed(self, version: tuple[int, int, int], *, replaced: bool) -> None:
        if self._leaving:
            return
        watch = self.machine.cluster.invariants.cib
        watch.version(self.machine.name, version, replaced=replaced)
        # Of several changes in one event only the last can be looked at: the core is there already.
        if version[2] % DIGEST_EVERY == 0 and version == self.version():
            watch.digest(self.machine.name, version, self.core.document.digest())

    def _state_changed(self, state: ClusterState) -> None:
        before, self.state = self.state, state
        self.world.trace(str(self), f"{state.fsa_state} dc={state.dc} idle={state.idle}")
        self.idle_since = (self.idle_since or self.world.now) if state.idle else None
        if before is not None and before.fsa_state == state.fsa_state:
            return
        invariants, name = self.machine.cluster.invariants, self.machine.name
        if state.fsa_state in (State.NOT_DC.value, State.POLICY_ENGINE.value):
            invariants.resources.told(name, self.machine.resources.active)
        if state.fsa_state == State.POLICY_ENGINE.value and state.quorate:
            served = [other for other in state.members if other == name or self._is_served_at(other)]
            invariants.cib.agreed(name, self.names_in_configuration(MARK), tuple(served))

    def _is_served_at(self, node: str) -> bool:
        """Whether a member takes this DC's orders, and so has told it what it has on disk."""
        state = self.machine.cluster.machines[node].controller_state()
        return state is not None and state.dc == self.machine.name

    # -- store -----------------------------------------------------------------------------------------------------

    def _store(self, effect: ToStore) -> None:
        action = effect.effect
        if isinstance(action, Diverged):
            self.world.reached["divergences kept"] += 1
            self.world.trace(str(self), f"keeps a diverged CIB: {action.reason}")
            self.machine.cluster.invariants.cib.kept_aside(action.document)
            return
        delay = self.world.delay(*(SLOW_FSYNC_MS if self.machine.disk.slow else FSYNC_MS))
        self._store_until = max(self._store_until, self.world.now + delay)
        self.later(self._store_until - self.world.now, lambda: self._stored(action))

    def _stored(self, action: Persist) -> None:
        if self.machine.disk.full:
            self.dispatch(FromStore(PersistFailed(action.token, "no space left on device")))
            return
        self.machine.disk.cib = (action.document, action.point)
        self.dispatch(FromStore(Persisted(action.token)))

    def _work_apart(self, effect: WorkApart) -> None:
        result = work_apart(effect.work, None)
        self.world.reached["works apart"] += 1
        delay = self.world.delay(*APART_MS)
        self._apart_until = max(self._apart_until, self.world.now + delay)
        self.post(WorkedApart(result), self._apart_until - self.world.now)

    # -- policy engine ---------------------------------------------------------------------------------------------

    def _schedule(self, effect: Schedule) -> None:
        delay = self.world.delay(*SCHEDULE_MS)
        if self.machine.worker_deaths > 0:
            self.machine.worker_deaths -= 1
            self._policy.replaced()
            self.post(ScheduleFailed(effect.request, "the worker died"), delay)
            return
        self.world.reached["schedules"] += 1
        self.post(self._policy.schedule(effect), delay)

    # -- for the last checks ---------------------------------------------------------------------------------------

    def version(self) -> tuple[int, int, int]:
        """Version of this replica."""
        version = self.core.document.version
        return (version.admin_epoch, version.epoch, version.num_updates)

    def names_in_configuration(self, prefix: str) -> set[str]:
        """Names of cluster options that begin like this."""
        found = self.core.document.root.iterfind("configuration/crm_config/cluster_property_set/nvpair")
        return {name for name in (str(pair.get("name")) for pair in found) if name.startswith(prefix)}

    def unsure(self, resource: str, node: str) -> bool:
        """Whether the last that this replica knows of a resource on a node is a stop or a monitor that failed."""
        known = resource_history(self.core.document, node, resource)
        singles = [one for one in known if not one.interval_ms]
        newest = max(singles, key=lambda one: one.call_id, default=None)
        stop_failed = newest is not None and newest.operation == "stop" and (newest.rc, newest.status) != (0, 0)
        last = max((one.call_id for one in known), default=0)
        monitors = (one for one in known if one.interval_ms and one.call_id == last)
        return stop_failed or any((one.rc, one.status) != (0, 0) for one in monitors)

    def recorded_active(self) -> dict[str, set[str]]:
        """Where each primitive is active, as the history in this replica says."""
        outcome = schedule(unpack(self.core.document.copy()), self.machine.wall_seconds(self.world.now))
        return {name: set(place.current) for name, place in outcome.placements.items() if place.current}


def _event(event: object) -> Event:
    assert isinstance(event, Event)
    return event


class _FromMessaging:
    def __init__(self, process: ControllerProcess) -> None:
        self._process = process

    def received(self, message: object) -> None:
        self._process.dispatch(FromHeartbeat(message))  # type: ignore[arg-type]

    def closed(self) -> None:
        self._process.messaging_ended()


class _FromExecutor:
    def __init__(self, process: ControllerProcess) -> None:
        self._process = process

    def received(self, message: object) -> None:
        self._process.dispatch(FromExecutor(message))  # type: ignore[arg-type]

    def closed(self) -> None:
        self._process.executor_ended()
