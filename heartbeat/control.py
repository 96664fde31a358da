"""The Unix socket of heartbeat: its children (crmd, lrmd) and tools (`heartbeat status`, `heartbeat stop`)."""

import asyncio
import os
from typing import Protocol

import msgspec

from heartbeat.events import ChildAttached, ChildDetached, ControllerSaid, ExecutorReported, StopNodeAsked
from heartbeat.messages import (
    HeartbeatToController,
    KnownDown,
    NodeList,
    Reset,
    Status,
    StatusQuery,
    StillHere,
    StopNode,
    StopReady,
    Transmit,
    Welcome,
)
from ipc import unix
from ipc.note import Note
from ipc.supervision import Attach, ExecutorState, ProcessName, SupervisorToChild

_encode = msgspec.msgpack.Encoder().encode
_decode_first = msgspec.msgpack.Decoder(Attach | StatusQuery | StopNode).decode
_decode_controller = msgspec.msgpack.Decoder(Transmit | StopReady | StillHere | NodeList | KnownDown | Reset).decode
_decode_executor = msgspec.msgpack.Decoder(ExecutorState).decode

CLOSE_S_MAX = 1.0

ControlEvent = ChildAttached | ChildDetached | ControllerSaid | ExecutorReported | StopNodeAsked


class Shell(Protocol):
    """What the socket needs of the daemon."""

    def give(self, event: ControlEvent) -> None:
        """Queue an event for the core."""

    def status(self) -> Status:
        """Where things stand."""

    def note(self, note: Note) -> None:
        """Write to the log."""


class ControlSocket:
    """Turns what clients say into events. Per child process the newest connection counts."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._children: dict[ProcessName, unix.Connection] = {}
        self._open: dict[asyncio.Task[object], unix.Connection] = {}
        self._welcomed = False
        """crmd was told where things stand; before that, it is told nothing else."""

    def to_controller(self, message: HeartbeatToController) -> None:
        """Tell crmd, if it is attached."""
        self._welcomed = self._welcomed or isinstance(message, Welcome)
        if self._welcomed:
            self._tell("crmd", message)

    def to_executor(self, message: SupervisorToChild) -> None:
        """Tell lrmd, if it is attached."""
        self._tell("lrmd", message)

    def _tell(self, process: ProcessName, message: HeartbeatToController) -> None:
        connection = self._children.get(process)
        if connection is not None:
            connection.send(_encode(message))

    async def serve(self, connection: unix.Connection) -> None:
        """One client, from its first message to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = connection
        try:
            await self._converse(connection)
        finally:
            del self._open[task]

    async def close(self) -> None:
        """End all connections: that is how clients learn that this process goes."""
        for connection in self._open.values():
            connection.close()
        if self._open:
            await asyncio.wait(list(self._open), timeout=CLOSE_S_MAX)

    async def _converse(self, connection: unix.Connection) -> None:
        frame = await connection.receive()
        if frame is None:
            return
        try:
            match _decode_first(frame):
                case Attach(process):
                    await self._serve_child(connection, process)
                case StatusQuery():
                    await self._serve_status(connection)
                case StopNode(reason):
                    await self._serve_stop(connection, reason)
        except msgspec.MsgspecError as error:
            fields: dict[str, str | int | bool] = {"pid": connection.peer.pid, "uid": connection.peer.uid}
            text = f"A client of {connection.peer.pid} said what is not understood: {error}"
            self._shell.note(Note("warning", "control.malformed", text, fields))

    async def _serve_child(self, connection: unix.Connection, process: ProcessName) -> None:
        if not _is_ours(connection):
            return
        pid = connection.peer.pid  # what the kernel says, not what the message does
        earlier = self._children.get(process)
        self._children[process] = connection
        self._welcomed = self._welcomed and process != "crmd"
        if earlier is not None:
            earlier.close()
        self._shell.give(ChildAttached(process, pid))
        try:
            while (frame := await connection.receive()) is not None:
                if self._children.get(process) is not connection:
                    return
                if process == "crmd":
                    self._shell.give(ControllerSaid(_decode_controller(frame)))
                else:
                    self._shell.give(ExecutorReported(_decode_executor(frame)))
        finally:
            if self._children.get(process) is connection:  # else a newer one took its place: nobody is missing
                del self._children[process]
                self._welcomed = self._welcomed and process != "crmd"
                self._shell.give(ChildDetached(process, pid))

    async def _serve_status(self, connection: unix.Connection) -> None:
        """A client may ask again and again."""
        while True:
            connection.send(_encode(self._shell.status()))
            frame = await connection.receive()
            if frame is None or not isinstance(_decode_first(frame), StatusQuery):
                return

    async def _serve_stop(self, connection: unix.Connection, reason: str) -> None:
        """The end of the connection, which comes with the end of the process, is the answer."""
        if not _is_ours(connection):
            return
        self._shell.give(StopNodeAsked(reason))
        while await connection.receive() is not None:
            pass


def _is_ours(connection: unix.Connection) -> bool:
    """Commands are for root and the user that runs heartbeat; members of group haclient may only look."""
    return connection.peer.uid in (0, os.geteuid())
