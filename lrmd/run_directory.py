"""What outlives the executor: records, the order of start and notes of running operations, as files.

Everything is below `lrmd/` in the run directory; a record is replaced by renaming, so that a reader never sees half
of one. A file `life` says in which life of the machine (or of the node's PID namespace) it was written: after a boot
nothing runs that was written down before it, and process ids mean other processes. Nothing is fsynced, because what
these files speak of does not outlive the machine either. The order of start is also kept in the state directory, for
people and for whoever looks after a node by hand.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec

from ipc.directories import NodeDirectories
from ipc.note import Note
from ipc.units import Milliseconds
from lrmd.events import Leftover, NoteOperation, Recovered, SavedHead, SavedResource
from lrmd.messages import Operation

T = TypeVar("T")


class OperationNote(msgspec.Struct, frozen=True):
    """A running operation, as it is written down before the agent is let go."""

    run_id: int
    call_id: int
    operation: Operation
    started: int
    """CLOCK_BOOTTIME milliseconds."""
    pid: int = 0
    """Leader, process group and session; 0 until it is forked."""
    start_time: int = 0
    """Clock ticks after boot at which the leader started, from /proc: tells it from a later process with its pid."""


class RunDirectory:
    """Reads at start, writes at each change."""

    def __init__(self, directories: NodeDirectories, on_problem: Callable[[Note], None]) -> None:
        self._root = directories.run / "lrmd"
        self._state = directories.state / "lrmd"
        self._on_problem = on_problem
        self._notes: dict[int, OperationNote] = {}

    def load(self) -> tuple[Recovered, dict[int, int]]:
        """What an earlier executor left, and the pids of leftovers that are alive by run id."""
        self._root.mkdir(parents=True, exist_ok=True)
        self._state.mkdir(parents=True, exist_ok=True)
        life = self._root / "life"
        if _read_text(life) != _current_life():
            self._wipe()
            self._replace(life, _current_life().encode())
        records = self._read_all("resource-", SavedResource)
        notes = self._read_all("run-", OperationNote)
        self._notes = {note.run_id: note for note in notes}
        leftovers = [_leftover(note) for note in sorted(notes, key=lambda note: note.run_id)]
        order = self._read(self._root / "order", tuple[str, ...])
        recovered = Recovered(
            head=self._read(self._root / "head", SavedHead),
            resources=tuple(records),
            active_order=order or (),
            leftovers=tuple(leftovers),
            at=int(time.time()),
        )
        return recovered, {each.run_id: each.pid for each in leftovers if each.alive}

    def save_resource(self, record: SavedResource) -> None:
        """Replace a resource's record."""
        self._replace(self._resource_path(record.resource), msgspec.msgpack.encode(record))

    def drop_resource(self, resource: str) -> None:
        """Remove a resource's record."""
        self._resource_path(resource).unlink(missing_ok=True)

    def save_head(self, head: SavedHead) -> None:
        """Replace the common record."""
        self._replace(self._root / "head", msgspec.msgpack.encode(head))

    def save_order(self, order: tuple[str, ...]) -> None:
        """Write the order of start, oldest first."""
        self._replace(self._root / "order", msgspec.msgpack.encode(order))
        self._replace(self._state / "start-order", "".join(f"{name}\n" for name in order).encode())

    def note(self, effect: NoteOperation) -> None:
        """Write down that an operation begins."""
        self._write_note(OperationNote(effect.run_id, effect.call_id, effect.operation, effect.started))

    def note_pid(self, run_id: int, pid: int) -> None:
        """Add the leader to a note, while it waits at its gate."""
        note = self._notes.get(run_id)
        if note is not None:
            self._write_note(msgspec.structs.replace(note, pid=pid, start_time=process_start_time(pid) or 0))

    def clear_note(self, run_id: int) -> None:
        """The operation is over."""
        self._notes.pop(run_id, None)
        (self._root / f"run-{run_id}").unlink(missing_ok=True)

    def is_leader_alive(self, run_id: int, pid: int) -> bool:
        """Whether `pid` is still the process that the note names."""
        note = self._notes.get(run_id)
        return note is not None and note.pid == pid and process_start_time(pid) == note.start_time

    def _write_note(self, note: OperationNote) -> None:
        self._notes[note.run_id] = note
        self._replace(self._root / f"run-{note.run_id}", msgspec.msgpack.encode(note))

    def _resource_path(self, resource: str) -> Path:
        return self._root / f"resource-{quote(resource, safe='')}"

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f".{path.name}.new")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, content)
            finally:
                os.close(descriptor)
            temporary.replace(path)
        except OSError as error:
            text = f"{path} can't be written: {error.strerror}; a restarted executor will not know of this change"
            self._on_problem(Note("critical", "run-directory.write", text, {"path": str(path)}))

    def _read_all(self, prefix: str, kind: type[T]) -> list[T]:
        paths = sorted(path for path in self._root.iterdir() if path.name.startswith(prefix))
        values = [self._read(path, kind) for path in paths]
        return [value for value in values if value is not None]

    def _read(self, path: Path, kind: type[T]) -> T | None:
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            text = f"{path} can't be read: {error}; what it said is lost, only a probe can tell"
            self._on_problem(Note("critical", "run-directory.damaged", text, {"path": str(path)}))
            return None

    def _wipe(self) -> None:
        for path in list(self._root.iterdir()):
            if path.is_file():
                path.unlink()


def process_start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat; None when there is no such process or it is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # the name in parentheses may hold blanks and parentheses itself
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _leftover(note: OperationNote) -> Leftover:
    alive = note.pid > 0 and process_start_time(note.pid) == note.start_time
    return Leftover(note.run_id, note.call_id, note.operation, note.pid, Milliseconds(note.started), alive)


def _current_life() -> str:
    """Names this boot and this PID namespace; process ids mean the same only within both."""
    boot = _read_text(Path("/proc/sys/kernel/random/boot_id")).strip()
    namespace = 0
    with contextlib.suppress(OSError):
        namespace = os.stat("/proc/self/ns/pid").st_ino
    return f"{boot} {namespace} {process_start_time(1)}\n"


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
