"""The executor's shell: sockets, timers, files and processes become events of the core, its effects are performed."""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import IO, Any, assert_never

import msgspec

from ipc import unix
from ipc.directories import NodeDirectories
from ipc.note import Note, render
from ipc.output import reopen_output
from ipc.reboot import WATCHDOG_VARIABLE, reboot_machine
from ipc.supervision import ExecutorState, StopEverything, SupervisorToChild, ViewState
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds
from lrmd.agent_environment import exit_reason
from lrmd.agent_processes import METADATA_BYTES, OUTPUT_BYTES, AgentProcesses, ProcessEnd, signal_group
from lrmd.agent_traits import NEED_TRAITS, RELOAD, RELOADS
from lrmd.agents import AgentFinder, AgentNotFound, Answer, Launch
from lrmd.class_codes import to_ocf
from lrmd.clients import Clients
from lrmd.commands import installed_commands, provide_commands
from lrmd.events import (
    AgentExited,
    AgentNotRun,
    AgentsFound,
    ClearNote,
    CrmdConnected,
    CrmdGone,
    CrmdMessage,
    DropResource,
    Effect,
    Event,
    Exit,
    FindAgents,
    LeftoverGone,
    NoteOperation,
    RebootNode,
    Report,
    SaveHead,
    SaveOrder,
    SaveResource,
    SignalGroup,
    SpawnAgent,
    SupervisorConnected,
    SupervisorGone,
    ToSupervisor,
    ViewChanged,
)
from lrmd.executor import Executor
from lrmd.messages import AgentName, ControllerToExecutor, OcfExit, Operation, OperationStatus
from lrmd.registry import STONITH
from lrmd.run_directory import RunDirectory
from lrmd.runs import DEFAULT_TIMEOUT_MS
from lrmd.supervisor_link import SupervisorLink
from lrmd.traits_keeper import LIMIT_S, TraitsKeeper, is_own

_WITH_PARAMETERS = ("ocf", STONITH)
"""Classes whose agents have meta-data about their parameters."""

LOCK_ATTEMPTS = 5
LOCK_INTERVAL_S = 0.05

EXIT_LOCKED = 75
"""Another executor holds this run directory (EX_TEMPFAIL)."""


class Daemon:
    """One executor process. Events are handled one after the other, in the order in which they came."""

    def __init__(self, directories: NodeDirectories, environ: Mapping[str, str]) -> None:
        """Start the worker at once: it warms up while the rest gets ready."""
        self._processes = AgentProcesses(self._begun, self._agent_ended, self._agent_lost)
        self._processes.start_worker()
        self._directories = directories
        self._environ = environ
        self._core = Executor()
        self._run = RunDirectory(directories, self._log)
        commands = provide_commands(directories.run / "commands", installed_commands())
        self._finder = AgentFinder(directories, commands, environ)
        self._finder.provide_state_directory()
        self._clients = Clients(self._controller_said, self._controller_changed)
        self._supervisor = SupervisorLink(directories, self._supervisor_said, self._supervisor_changed)
        self._traits = TraitsKeeper(self._ask_for_traits, self._no_traits)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._operations: dict[int, Operation] = {}
        self._groups: dict[int, int] = {}
        """Run id to the pid that leads its process group, until the note is cleared."""
        self._early_signals: dict[int, int] = {}
        """Run id to the signal that came before its pid was known."""
        self._queue: deque[Event] = deque()
        self._handling = False
        self._ended: asyncio.Future[int] | None = None

    async def serve(self) -> int:
        """Run until the core says Exit or somebody ends the process; the exit code."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        loop.set_exception_handler(self._crashed)
        self._processes.attach(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, 0)
        loop.add_signal_handler(signal.SIGHUP, self._reopen_logs)
        recovered, alive = self._run.load()
        for run_id, pid in alive.items():
            self._groups[run_id] = pid
        self._take(recovered)
        for run_id, pid in alive.items():
            self._watch(run_id, pid, self._leftover_gone)
        server = await unix.serve(self._directories.lrmd_socket, self._clients.serve)
        supervisor = asyncio.create_task(self._supervisor.follow())
        supervisor.add_done_callback(self._link_ended)
        try:
            return await self._ended
        finally:
            supervisor.cancel()
            server.close()
            self._end_meta_data()
            self._processes.close()

    def _reopen_logs(self) -> None:
        """The log file was renamed."""
        reopen_output()
        self._processes.reopen_logs()

    def _link_ended(self, task: "asyncio.Task[None]") -> None:
        """An error in there is a programming error: it ends the process, and the supervisor starts another."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error in a callback leaves effects half performed: better a new executor that settles what is left."""
        error = context.get("exception") or RuntimeError(context["message"])
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)

    # events

    def _take(self, event: Event) -> None:
        self._queue.append(event)
        if self._handling:
            return  # an effect gave rise to it: its turn comes when the effects before it are done
        self._handling = True
        try:
            while self._queue:
                for effect in self._core.handle(self._queue.popleft(), boottime()):
                    self._perform(effect)
        finally:
            self._handling = False

    def _controller_said(self, message: ControllerToExecutor) -> None:
        self._take(CrmdMessage(message))

    def _controller_changed(self, *, connected: bool) -> None:
        self._take(CrmdConnected() if connected else CrmdGone())

    def _supervisor_said(self, message: SupervisorToChild) -> None:
        match message:
            case ViewState():
                self._take(ViewChanged(message))
            case StopEverything():
                self._take(message)

    def _supervisor_changed(self, *, connected: bool) -> None:
        self._take(SupervisorConnected() if connected else SupervisorGone())

    def _begun(self, run_id: int, pid: int) -> None:
        """An agent waits at its gate: write down who it is."""
        self._groups[run_id] = pid
        if not is_own(run_id):
            self._run.note_pid(run_id, pid)
        if (number := self._early_signals.pop(run_id, None)) is not None:
            signal_group(pid, number)

    def _agent_ended(self, end: ProcessEnd) -> None:
        """An agent's leader has exited."""
        if is_own(end.run_id):
            self._groups.pop(end.run_id, None)
            self._early_signals.pop(end.run_id, None)
            self._traits.ended(end.run_id, end.exit_code or end.signal, end.output)
            return
        operation = self._operations[end.run_id]
        exit_code = end.exit_code
        if operation.resource:
            exit_code = to_ocf(operation.agent.standard, operation.action, exit_code, end.output)
        event = AgentExited(
            run_id=end.run_id,
            exit_code=exit_code,
            signal=end.signal,
            output=end.output,
            errors=end.errors,
            exit_reason=exit_reason(end.errors),
            exec_ms=end.exec_ms,
            started_at=end.started_at,
            ended_at=end.ended_at,
        )
        if _needs_traits(operation):
            self._take_with_traits(event, operation)
        else:
            self._take(event)

    def _take_with_traits(self, event: AgentExited, operation: Operation) -> None:
        """Give a result together with what is known of the agent, for which it may have to wait a little."""
        limit: list[asyncio.TimerHandle] = []

        def give() -> None:
            if limit:
                limit.pop().cancel()
                self._take(msgspec.structs.replace(event, traits=self._traits.traits(operation.agent)))

        left_ms = max(0, (operation.timeout_ms or DEFAULT_TIMEOUT_MS) // 2 - event.exec_ms)
        limit.append(asyncio.get_running_loop().call_later(left_ms / 1000, give))
        if not self._traits.when_learned(operation.agent, give):
            give()

    def _agent_lost(self, run_id: int, pid: int, reason: str) -> None:
        """Nobody will learn an agent's exit code; when it is gone, that much is known."""
        if is_own(run_id):
            self._traits.lost(run_id, reason)
            return
        code = OcfExit.UNKNOWN if pid else OcfExit.GENERIC

        def event(run_id: int) -> Event:
            return AgentNotRun(run_id, code, OperationStatus.ERROR, reason, int(time.time()))

        if pid:
            self._watch(run_id, pid, event)
        else:
            self._take(event(run_id))

    def _leftover_gone(self, run_id: int) -> Event:
        return LeftoverGone(run_id, int(time.time()))

    def _watch(self, run_id: int, pid: int, event: Callable[[int], Event]) -> None:
        """Take an event when this process, which is not our child, is gone."""
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            loop.call_soon(lambda: self._take(event(run_id)))
            return
        if not self._run.is_leader_alive(run_id, pid):
            os.close(descriptor)  # its pid is another process's now
            loop.call_soon(lambda: self._take(event(run_id)))
            return

        def gone() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self._take(event(run_id))

        loop.add_reader(descriptor, gone)

    # effects

    def _perform(self, effect: Effect) -> None:
        match effect:
            case SpawnAgent():
                self._spawn(effect)
            case NoteOperation():
                self._operations[effect.run_id] = effect.operation
                self._run.note(effect)
            case ClearNote():
                self._operations.pop(effect.run_id, None)
                self._groups.pop(effect.run_id, None)
                self._early_signals.pop(effect.run_id, None)
                self._run.clear_note(effect.run_id)
            case SignalGroup():
                self._signal(effect)
            case Report():
                self._clients.report(effect.message)
            case SetTimer():
                self._set_timer(effect)
            case CancelTimer():
                self._cancel_timer(effect.name)
            case SaveResource():
                self._run.save_resource(effect.record)
            case DropResource():
                self._run.drop_resource(effect.resource)
            case SaveHead():
                self._run.save_head(effect.head)
            case SaveOrder():
                self._run.save_order(effect.active_order)
            case FindAgents():
                names = self._finder.find(effect.standard, effect.provider)
                self._take(AgentsFound(effect.request, names))
            case ToSupervisor():
                self._tell_supervisor(effect.message)
            case RebootNode():
                self._reboot(effect.reason)
            case Note():
                self._log(effect)
            case Exit():
                self._log(Note("notice", "executor.exit", f"The executor ends: {effect.reason}", {"code": effect.code}))
                self._end(effect.code)
            case _:
                assert_never(effect)

    def _spawn(self, effect: SpawnAgent) -> None:
        operation = effect.operation
        if _begins_learning(operation):
            self._learn(operation.agent)
        # which action an agent has for a reload is known when its meta-data is
        is_reload = operation.agent.standard == "ocf" and operation.action in RELOADS
        if not (is_reload and self._traits.when_learned(operation.agent, lambda: self._launch(effect))):
            self._launch(effect)

    def _launch(self, effect: SpawnAgent) -> None:
        now = int(time.time())
        operation = effect.operation
        if operation.agent.standard == "ocf" and operation.action in RELOADS:
            action = self._traits.reload_action(operation.agent) or RELOAD
            operation = msgspec.structs.replace(operation, action=action)
        try:
            prepared = self._finder.prepare(operation)
            if isinstance(prepared, Answer):
                answer = AgentExited(
                    effect.run_id, prepared.exit_code, output=prepared.output, started_at=now, ended_at=now
                )
                self._take(answer)
                return
            metadata = operation.action in ("meta-data", "metadata")
            self._processes.spawn(effect.run_id, prepared, METADATA_BYTES if metadata else OUTPUT_BYTES)
        except AgentNotFound as error:
            self._take(AgentNotRun(effect.run_id, error.exit_code, error.status, str(error), now))
        except OSError as error:
            reason = f"the agent could not be started: {error.strerror}"
            self._take(AgentNotRun(effect.run_id, OcfExit.GENERIC, OperationStatus.ERROR, reason, now))

    def _learn(self, agent: AgentName) -> None:
        """See to it that the agent's meta-data is known when its operation has ended."""
        try:
            launch = self._finder.prepare(Operation("", agent, "meta-data", 0, int(LIMIT_S * 1000), {}))
        except AgentNotFound:
            return  # the operation's result says so
        assert isinstance(launch, Launch), f"meta-data of {agent} needs a process"
        if run_id := self._traits.learn(agent, launch):
            asyncio.get_running_loop().call_later(LIMIT_S, self._traits_overdue, run_id)

    def _ask_for_traits(self, run_id: int, launch: Launch) -> None:
        self._processes.spawn(run_id, launch, METADATA_BYTES)

    def _traits_overdue(self, run_id: int) -> None:
        """The limit of a meta-data action; it may have ended long ago."""
        if self._traits.is_asked(run_id):
            self._signal(SignalGroup(run_id, signal.SIGKILL))
            self._traits.lost(run_id, f"its meta-data action did not end within {LIMIT_S:g} s")

    def _end_meta_data(self) -> None:
        """No successor would find these: they have no note."""
        for run_id, pid in self._groups.items():
            if is_own(run_id):
                signal_group(pid, signal.SIGKILL)

    def _no_traits(self, agent: AgentName, reason: str) -> None:
        text = f"{agent}: {reason}; a change of its parameters will restart its resources"
        self._log(Note("warning", "agent.metadata", text))

    def _signal(self, effect: SignalGroup) -> None:
        pid = self._groups.get(effect.run_id)
        if pid is None:
            self._early_signals[effect.run_id] = effect.signal
        else:
            signal_group(pid, effect.signal)

    def _set_timer(self, effect: SetTimer) -> None:
        self._cancel_timer(effect.name)
        delay_s = max(0, effect.at - boottime()) / 1000
        loop = asyncio.get_running_loop()
        self._timers[effect.name] = loop.call_later(delay_s, self._timer_fired, effect)

    def _timer_fired(self, effect: SetTimer) -> None:
        if boottime() < effect.at:
            self._set_timer(effect)  # the loop's clock rounds down
            return
        self._timers.pop(effect.name, None)
        self._take(TimerFired(effect.name))

    def _cancel_timer(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()

    def _tell_supervisor(self, state: ExecutorState) -> None:
        self._supervisor.send(state)

    def _reboot(self, reason: str) -> None:
        device = self._environ.get(WATCHDOG_VARIABLE)
        if not device:
            text = f"This node should be rebooted, but no watchdog is armed: {reason}"
            self._log(Note("critical", "node.unclean", text))
            return
        self._log(Note("critical", "node.reboot", f"Rebooting this node: {reason}", {"watchdog": device}))
        refused = reboot_machine()
        self._log(Note("critical", "node.not_rebooted", f"This node could not be rebooted: {refused}"))

    def _end(self, code: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(code)

    def _log(self, note: Note) -> None:
        stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        line = f"{stamp} {os.uname().nodename} lrmd[{os.getpid()}] {render(note)}\n"
        with contextlib.suppress(OSError):  # a full disk is no reason to leave the resources alone
            os.write(2, line.encode(errors="replace"))


def _needs_traits(operation: Operation) -> bool:
    """Whether the history says of this operation which parameters need a restart, or are secret."""
    return bool(operation.resource and operation.agent.standard in _WITH_PARAMETERS and operation.action in NEED_TRAITS)


def _begins_learning(operation: Operation) -> bool:
    """Whether the agent's meta-data is read beside it. The probe of a device runs no process, on any node."""
    is_device = operation.agent.standard == STONITH
    return _needs_traits(operation) and not operation.interval_ms and (not is_device or operation.action == "start")


def boottime() -> Milliseconds:
    """Now, on the clock that goes on while the machine sleeps."""
    return Milliseconds(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


def take_lock(directories: NodeDirectories) -> IO[str] | None:
    """Hold run/lrmd.lock as long as the returned file is open; None when another executor holds it.

    The lock is what tells a supervisor that an executor of an earlier life is still at work. It is not inherited by
    agents: what they start may outlive this process by far.
    """
    directories.run.mkdir(parents=True, exist_ok=True)
    lock = open(directories.run / "lrmd.lock", "a", encoding="ascii")  # noqa: SIM115
    for attempt in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            # a supervisor that only tries the lock holds it for an instant
            time.sleep(LOCK_INTERVAL_S if attempt < LOCK_ATTEMPTS - 1 else 0)
    else:
        lock.close()
        return None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock
