"""A file layer in memory that records every operation, and what may be left of it after a power cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from cib.files import Files

Operation = tuple[str, ...]


class RecordedFiles(Files):
    """Behaves like a directory. `written` has the contents; `log` every operation on names, `sync` included."""

    def __init__(self, content: dict[str, bytes] | None = None) -> None:
        super().__init__(Path("/nowhere"))
        self.content = dict(content or {})
        self.log: list[tuple[Operation, bytes]] = []
        self.fail_from: int | None = None
        self._changes = 0

    def prepare(self) -> None:
        pass

    def read(self, name: str) -> bytes | None:
        return self.content.get(name)

    def names(self) -> list[str]:
        return sorted(self.content)

    def identity(self, name: str) -> tuple[int, int, int] | None:
        content = self.content.get(name)
        return None if content is None else (hash(content), len(content), 0)

    def _note(self, operation: Operation, content: bytes = b"") -> None:
        if self.fail_from is not None and len(self.log) >= self.fail_from:
            raise OSError(28, "No space left on device")
        self.log.append((operation, content))

    def write(self, name: str, content: bytes) -> None:
        self._note(("write", name), content)
        self.content[name] = content

    def rename(self, old: str, new: str) -> None:
        self._note(("rename", old, new), self.content[old])
        self.content[new] = self.content.pop(old)

    def sync(self) -> None:
        self._note(("sync",))

    def remove(self, name: str) -> None:
        if name in self.content:
            self._note(("remove", name))
            del self.content[name]


def remains(start: dict[str, bytes], log: list[tuple[Operation, bytes]], stop: int) -> Iterator[dict[str, bytes]]:
    """Yield every directory that a power cut after `stop` operations may leave.

    The contents of a file are safe once written (the layer syncs them), the last write may be torn (empty, a half,
    zeros); names are safe after `sync`, and of those since the last one any part may have reached the disk.
    """
    done = log[:stop]
    last_sync = max((index for index, (operation, _) in enumerate(done) if operation[0] == "sync"), default=-1)
    safe, open_ = done[: last_sync + 1], done[last_sync + 1 :]
    torn = log[stop] if stop < len(log) and log[stop][0][0] == "write" else None
    for kept in product((False, True), repeat=len(open_)):
        content = dict(start)
        for operation, data in [*safe, *[entry for entry, keep in zip(open_, kept, strict=True) if keep]]:
            carry_out(content, operation, data)
        yield content
        if torn is not None:
            for rest in (b"", torn[1][: len(torn[1]) // 2], bytes(len(torn[1]))):
                yield {**content, torn[0][1]: rest}


def carry_out(content: dict[str, bytes], operation: Operation, data: bytes) -> None:
    if operation[0] == "write":
        content[operation[1]] = data
    elif operation[0] == "rename":
        content[operation[2]] = data
        content.pop(operation[1], None)
    elif operation[0] == "remove":
        content.pop(operation[1], None)
