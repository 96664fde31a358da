"""The few file operations that the store needs, so that tests can record them and stop after any of them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class Files:
    """Files in one directory, named without their directory. Errors are the system's (`OSError`)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def prepare(self) -> None:
        """Make the directory, for its owner only."""
        self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None where there is no such file."""
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Return the names of the regular files, sorted."""
        return sorted(entry.name for entry in self.directory.iterdir() if entry.is_file())

    def identity(self, name: str) -> tuple[int, int, int] | None:
        """Return what changes when anybody writes a file (inode, size, time of change); None where there is none."""
        try:
            status = (self.directory / name).stat()
        except FileNotFoundError:
            return None
        return (status.st_ino, status.st_size, status.st_mtime_ns)

    def write(self, name: str, content: bytes) -> None:
        """Write a new file (or a left-over one anew) and bring its content to the disk."""
        descriptor = os.open(self.directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        """Let a file take the place of another, in one step."""
        (self.directory / old).rename(self.directory / new)

    def sync(self) -> None:
        """Bring the names in the directory to the disk."""
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError):
            (self.directory / name).unlink()
