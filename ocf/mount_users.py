"""Which processes keep a mount busy: found by the links in /proc alone, so that a dead NFS server can't hang us."""

import contextlib
import os
import signal
from pathlib import Path

from ocf.mounts import mounted_at, parse_mountinfo


def users_of(directory: str, proc: Path = Path("/proc")) -> list[int]:
    """Processes with a working directory, root, program, open file or mapped file at or below it, but for ourselves.

    A process in another mount namespace counts only if it has the same filesystem there: in a container the same path
    may be something else.
    """
    prefix = directory.rstrip("/") + "/"
    found = []
    for entry in sorted(proc.iterdir(), key=lambda each: each.name):
        if not entry.name.isdigit() or int(entry.name) in (1, os.getpid()):
            continue
        uses = any(path == directory or path.startswith(prefix) for path in _paths(entry))
        if uses and _has_same_mount(entry, directory, proc):
            found.append(int(entry.name))
    return found


def signal_all(pids: list[int], number: signal.Signals) -> None:
    """Signal these processes; those that are gone already are fine."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _paths(process: Path) -> list[str]:
    links = [process / "cwd", process / "root", process / "exe"]
    with contextlib.suppress(OSError):
        links += [process / "fd" / name for name in os.listdir(process / "fd")]
    paths = []
    for link in links:
        try:
            paths.append(os.readlink(link))
        except OSError:
            continue
    return paths + _mapped(process)


def _mapped(process: Path) -> list[str]:
    try:
        lines = (process / "maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [line[line.index("/") :] for line in lines if "/" in line]


def _has_same_mount(process: Path, directory: str, proc: Path) -> bool:
    try:
        if os.readlink(process / "ns" / "mnt") == os.readlink(proc / "self" / "ns" / "mnt"):
            return True
        theirs = _mount(process, directory)
        ours = _mount(proc / "self", directory)
    except OSError:
        return False
    return theirs is not None and theirs == ours


def _mount(process: Path, directory: str) -> tuple[int, int, str] | None:
    text = (process / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    mount = mounted_at(parse_mountinfo(text), directory)
    return (mount.major, mount.minor, mount.root) if mount is not None else None
