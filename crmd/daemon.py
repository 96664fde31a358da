"""The controller's shell: sockets, files, the policy engine's process and the clocks around the core.

It connects what happens to `Controller.handle` and performs what comes back. It decides nothing about the cluster; the
only things that it brings in by itself are the import of the classic files and its own end.
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import random
import signal
import sys
import traceback
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from io import FileIO
from typing import Any, assert_never

from cib.errors import CibError
from cib.query import query
from cib.replica import Replica, ReplicaSettings
from cib.requests import Request
from cib.schema import separate_validator, validate
from cib.store import Store
from crmd.apart_worker import ApartWorker
from crmd.client_api import ClientApi
from crmd.controller import Controller
from crmd.events import (
    Answer,
    CibPatched,
    CibReplaced,
    ClientAsked,
    ControllerSettings,
    Effect,
    ExecutorConnected,
    ExecutorGone,
    FromExecutor,
    FromHeartbeat,
    HeartbeatGone,
    KeepInput,
    Schedule,
    StateChanged,
    StopWorker,
    ToExecutor,
    ToHeartbeat,
    ToStore,
    WorkApart,
)
from crmd.first_import import IMPORT_CLIENT, FirstImport
from crmd.input_keeper import InputKeeper
from crmd.link import Link
from crmd.log import NoteLog
from crmd.messages import ClientRequest, Failed
from crmd.pe_inputs import InputFiles
from crmd.pengine_worker import PolicyWorker
from crmd.persistence import Persistence
from crmd.pump import Pump, boottime_ms
from heartbeat.client import HeartbeatClient
from heartbeat.messages import (
    ControllerToHeartbeat,
    HeartbeatToController,
    StillHere,
    StopReady,
    StopRequested,
    Welcome,
)
from ipc.directories import NodeDirectories
from ipc.note import Note
from ipc.output import follow_rotation, reopen_output
from ipc.timers import CancelTimer, SetTimer
from lrmd.client import ExecutorClient
from lrmd.messages import ControllerToExecutor, ExecutorToController, Hello
from stonith.fencer import Fencer

PROCESS = "crmd"
EX_OK = 0
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_BUSY = 75
"""Another controller holds the lock, or a request came while too many waited (EX_TEMPFAIL)."""
EX_CONFIG = 78
WELCOME_S = 20.0
"""How long the messaging layer may take to say who we are; without it there is nothing to control."""
MAX_BACKLOG = 10_000
"""Events that may wait before tools' requests are refused; all other sources are bounded by their own protocols."""
STILL_HERE_S = 1.0
"""How often the messaging layer, which supervises this process, is told that the event loop turns."""
CLOSE_S = 2.0
"""How long the store and the tasks may take to finish at the end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a controller lives: its directories, its log, and the CIB as its store had it."""

    directories: NodeDirectories
    log: NoteLog
    store: Store


class Daemon:
    """One life of a controller, from the messaging layer's Welcome to its end."""

    def __init__(self, place: Place, welcome: Welcome) -> None:
        directories, log = place.directories, place.log
        self._directories = directories
        self._log = log
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._whole_xml: bytes | None = None
        self._leaving = False
        self._heartbeat_gone = False
        self._core = _make_core(place.store, welcome)
        self._pump = Pump(self._core.handle, self._perform)
        self._worker = PolicyWorker(self._whole_document, self._pump.post, log.note)
        self._inputs = InputKeeper(InputFiles(directories.state / "pengine"), log.note)
        self._decided_at = 0
        """The wall clock in seconds that the policy engine was last told."""
        self._persistence = Persistence(place.store, directories.cib, self._pump.post, log.note, self._broken)
        self._apart = ApartWorker(separate_validator(), self._pump.post, self._broken)
        self._api = ClientApi(self, self._ask, self._persistence.divergences, self._request_failed)
        self._import = FirstImport(
            directories,
            welcome.nodes,
            welcome.settings,
            lambda request: self._pump.post(ClientAsked(IMPORT_CLIENT, request, program="haresources")),
            log.note,
        )
        self._heartbeat: HeartbeatClient | None = None
        self._executor: Link[ControllerToExecutor, ExecutorToController] = Link(
            lambda: ExecutorClient.connect(directories),
            connected=lambda: self._pump.post(ExecutorConnected()),
            received=lambda message: self._pump.post(FromExecutor(message)),
            gone=self._executor_ended,
        )

    async def serve(self, heartbeat: HeartbeatClient, said: "HeartbeatMessages", welcome: Welcome) -> int:
        """Run until the node's life in the cluster is over; the exit code."""
        self._heartbeat = heartbeat
        self._pump.start()
        self._pump.watch_for_pauses(welcome.settings.deadtime_ms)
        self._pump.post(FromHeartbeat(welcome))
        server = await self._api.listen(self._directories.crmd_socket)
        tasks = [
            self._task(self._listen_to_heartbeat(said)),
            self._task(self._executor.run()),
            self._task(self._worker.run()),
            self._task(self._inputs.run()),
            self._task(self._say_that_it_turns()),
        ]
        try:
            return await self._end
        finally:
            self._pump.stop()
            server.close()
            self._apart.close()
            for task in tasks:
                task.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._persistence.close()
                    await asyncio.gather(*tasks, return_exceptions=True)

    # what happens

    async def _listen_to_heartbeat(self, said: "HeartbeatMessages") -> None:
        async for message in said:
            self._pump.post(FromHeartbeat(message))
        if self._leaving:
            self._finish(EX_OK)
            return
        reason = "the messaging layer of this node died"
        self._log.note(Note("critical", "heartbeat.gone", reason))
        self._heartbeat_gone = True
        # Whatever comes after it has other children; this process leaves when nothing runs here any more. In this
        # order: what the messaging layer that died had asked for ends with it.
        self._pump.post(HeartbeatGone())
        self._pump.post(FromHeartbeat(StopRequested(reason)))

    async def _say_that_it_turns(self) -> None:
        """Whoever supervises can't see from outside that an event loop hangs, nor what the CIB says of fencing."""
        while True:
            self._send_to_heartbeat(StillHere(self._core.fencing))
            await asyncio.sleep(STILL_HERE_S)

    def _executor_ended(self) -> None:
        self._pump.post(ExecutorGone())
        if self._heartbeat_gone:
            # It ended by itself, so everything is stopped; a new messaging layer waits for our end as well.
            self._finish(EX_OK)

    def _ask(self, client: int, request: ClientRequest, user: str, program: str) -> None:
        if self._pump.backlog > MAX_BACKLOG:
            self._api.answer(client, Failed(request.id, EX_BUSY, "the controller is too busy; try again"))
            return
        self._pump.post(ClientAsked(client, request, user, program))

    # what is asked of us

    def _perform(self, effect: Effect) -> None:
        match effect:
            case ToHeartbeat(message):
                self._send_to_heartbeat(message)
            case ToExecutor(Hello()):
                # lrmd takes orders from the process of this name; the core knows nothing of processes.
                self._executor.send(Hello(PROCESS))
            case ToExecutor(message):
                self._executor.send(message)
            case ToStore(store_effect):
                self._persistence.put(store_effect)
            case WorkApart(work):
                self._apart.put(work)
            case CibPatched(patch, version):
                self._whole_xml = None
                xml = _once(patch.to_xml)
                self._worker.patched(xml)
                self._api.patched(xml, version)
            case CibReplaced(version):
                self._whole_xml = None
                self._worker.replaced()
                self._api.replaced(version)
            case Schedule():
                self._decided_at = effect.at
                self._worker.schedule(effect)
            case StopWorker():
                pass  # it stays warm: this node may be DC again, and then every millisecond counts
            case Answer(client, reply):
                if client == IMPORT_CLIENT:
                    self._import.answered(reply)
                else:
                    self._api.answer(client, reply)
            case StateChanged(state):
                self._api.state_changed(state)
                self._import.state_changed(state, self._core.document)
            case KeepInput(transition, severity):
                self._inputs.keep(transition, severity, self._whole_document(), self._decided_at)
            case Note():
                self._log.note(effect)
            case SetTimer() | CancelTimer():
                raise AssertionError("timers are the pump's")
            case _:
                assert_never(effect)

    def _send_to_heartbeat(self, message: ControllerToHeartbeat) -> None:
        if isinstance(message, StopReady):
            self._leaving = True
            if self._heartbeat_gone:
                self._finish(EX_OK)
        assert self._heartbeat is not None
        self._heartbeat.send(message)

    # what others read

    def read(self, xpath: str, no_children: bool) -> bytes:
        """XML of the replica, for the client API."""
        if not xpath and not no_children:
            return self._whole_document()
        return query(self._core.document, Request("query", xpath=xpath, no_children=no_children))

    def version(self) -> tuple[int, int, int]:
        """Version of the replica."""
        version = self._core.document.version
        return (version.admin_epoch, version.epoch, version.num_updates)

    def _whole_document(self) -> bytes:
        """The document as XML, made once for all who want the same version."""
        if self._whole_xml is None:
            self._whole_xml = self._core.document.to_compact_bytes()
        return self._whole_xml

    # the end

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._broken(error)

    def _broken(self, error: BaseException) -> None:
        """A defect: this controller ends, and its supervisor starts another one."""
        lines = "".join(traceback.format_exception(error))
        self._log.note(Note("critical", "defect", f"the controller ends because of a defect: {error!r}\n{lines}"))
        self._finish(EX_SOFTWARE)

    def _request_failed(self, error: Exception) -> None:
        lines = "".join(traceback.format_exception(error))
        self._log.note(Note("critical", "client.defect", f"a tool's request caused a defect: {error!r}\n{lines}"))

    def loop_failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio caught in a callback: a defect of the core or of this shell."""
        self._broken(context.get("exception") or RuntimeError(context["message"]))

    def _finish(self, code: int) -> None:
        if not self._end.done():
            self._end.set_result(code)

    def reopen_logs(self) -> None:
        """SIGHUP: the log file was renamed."""
        reopen_output()
        self._worker.reopen_logs()

    def terminate(self) -> None:
        """SIGTERM: end now; resources stay with the executor."""
        self._finish(EX_OK)


HeartbeatMessages = AsyncIterator[HeartbeatToController]


def run(directories: NodeDirectories) -> int:
    """Run the controller of the node whose directories these are; the exit code."""
    follow_rotation()
    log = NoteLog()
    try:
        lock = _take_lock(directories)
    except BlockingIOError:
        log.note(Note("error", "lock.held", f"another controller runs with {directories.run}"))
        return EX_BUSY
    else:
        with lock:
            return asyncio.run(_live(directories, log))
    finally:
        log.close()


def _take_lock(directories: NodeDirectories) -> FileIO:
    """Hold run/crmd.lock, with our pid in it, while this process lives. Raises BlockingIOError."""
    directories.run.mkdir(parents=True, exist_ok=True)
    file = (directories.run / "crmd.lock").open("ab", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    file.truncate(0)
    file.write(b"%d\n" % os.getpid())
    return file


async def _live(directories: NodeDirectories, log: NoteLog) -> int:
    _watch_children_by_pidfd()
    opening = asyncio.create_task(asyncio.to_thread(_open_store, directories))
    try:
        async with asyncio.timeout(WELCOME_S):
            heartbeat = await HeartbeatClient.connect(directories)
            said = heartbeat.events()
            welcome = await anext(said, None)
    except TimeoutError:
        welcome = None
    if not isinstance(welcome, Welcome):
        log.note(Note("error", "heartbeat.silent", "the messaging layer of this node does not answer"))
        return EX_UNAVAILABLE
    log.configure(welcome.node, welcome.settings.debug)
    try:
        store = await opening
    except (CibError, OSError) as error:
        log.note(Note("critical", "cib.unusable", f"the CIB of this node can't be used: {error}"))
        return EX_CONFIG
    daemon = Daemon(Place(directories, log, store), welcome)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(daemon.loop_failed)
    loop.add_signal_handler(signal.SIGHUP, daemon.reopen_logs)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.terminate)
    return await daemon.serve(heartbeat, said, welcome)


def _open_store(directories: NodeDirectories) -> Store:
    """Read the CIB. Raises CibError, OSError."""
    store = Store.open(directories.cib, validate)
    validate(store.document)  # reads the grammar now, so that the first change need not wait for it
    return store


def _watch_children_by_pidfd() -> None:
    """Without a thread for each child; later versions of Python do that by themselves."""
    if sys.version_info < (3, 12):
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.get_event_loop_policy().set_child_watcher(watcher)


def _make_core(store: Store, welcome: Welcome) -> Controller:
    now = boottime_ms()
    replica = Replica(
        ReplicaSettings(welcome.node, incarnation=now), store.document, store.point, validate, kept=store.is_kept
    )
    settings = ControllerSettings(node=welcome.node, incarnation=now, uuid=str(uuid.uuid4()))
    return Controller(settings, replica, Fencer(welcome.node, random.Random(), now), now)


def _once(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """`make`, called at most once however often the result is asked for."""
    return functools.cache(make)
