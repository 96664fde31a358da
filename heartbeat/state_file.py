"""The one file of the messaging layer that must survive a power cut: generation, highest vote, nodes with a vote.

Written to a spare file, fsynced, put into the place of the state, and the directory fsynced: after a crash at any
instant either the old or the new state is there, whole. The old one becomes the spare, whose blocks are written again
the next time: so a disk that is full keeps no node from voting, which would end it just when it has to take over.
A file that can't be understood is an error: taking it for an empty one would let a node vote twice.
"""

import contextlib
import ctypes
import os
import zlib
from pathlib import Path

import msgspec

from heartbeat.events import DurableState

FILE_NAME = "heartbeat.state"
SPARE_NAME = "heartbeat.state.spare"
FILE_BYTES_MAX = 1024 * 1024

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class StateUnreadable(ValueError):
    """The state file exists and is not a whole state; the message says what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}; expected a state that heartbeat wrote. Restore the file from a backup, or remove it "
            "when no other node of the cluster is running"
        )
        self.path = path
        self.reason = reason


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content, as JSON."""

    version: int
    state: DurableState
    checksum: int


def read_state(directory: Path, first_generation: int) -> DurableState:
    """The state on disk. Where there is none, one whose lives come after `first_generation`.

    (Seconds since the epoch serve well as that: a node whose disk was replaced comes with a generation above all that
    its peers remember, and they would take a lower one for a replay.)

    Raises StateUnreadable; OSError when the file can't be read.
    """
    path = directory / FILE_NAME
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX)
    except FileNotFoundError:
        return DurableState(generation=first_generation)
    try:
        record = msgspec.json.decode(data, type=_Record)
    except msgspec.MsgspecError as error:
        raise StateUnreadable(path, str(error)) from error
    state = record.state
    if record.version != 1 or record.checksum != _checksum(state) or state.generation < 0 or state.voted < 0:
        raise StateUnreadable(path, "wrong version or checksum")
    return state


def write_state(directory: Path, state: DurableState) -> None:
    """Put the state on disk; when this returns, it is there. Raises OSError: then nothing may rely on it."""
    path, spare = directory / FILE_NAME, directory / SPARE_NAME
    data = msgspec.json.encode(_Record(1, state, _checksum(state)))
    _overwrite(spare, data)
    if not _exchange(spare, path):
        spare.replace(path)
    _sync_directory(directory)
    if not spare.exists():
        with contextlib.suppress(OSError):  # the first one: it is there to keep room for the next
            _overwrite(spare, data)


def _overwrite(path: Path, data: bytes) -> None:
    """Write into the blocks that the file has, so that none has to be found. Raises OSError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _exchange(first: Path, second: Path) -> bool:
    """Let two files change their names in one step; False where one of them or the ability is missing."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):
        return False
    return bool(libc.renameat2(_AT_FDCWD, bytes(first), _AT_FDCWD, bytes(second), _RENAME_EXCHANGE) == 0)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(state: DurableState) -> int:
    return zlib.crc32(msgspec.json.encode(state))
