"""What a node's process 1 mounts before anything runs, so that a node has files of its own.

/etc, /usr and /var are overlays: the machine's files below, the node's own on top, kept in the lab's directory over
power cuts. /run is empty after each boot. /proc and /sys show the node's processes and
interfaces only.
"""

import ctypes
import os
import socket
from pathlib import Path

import msgspec

OVERLAID = ("etc", "usr", "var")

_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
_MS_NOSUID_NODEV = 0x2 | 0x4


class RootPlan(msgspec.Struct, frozen=True):
    """What to mount; written by the lab, read by process 1."""

    hostname: str
    directory: str
    """The node's directory in the lab: holds `etc`, `usr`, `var` (upper layers) and `work`."""
    directories: tuple[str, ...] = ()
    """Made inside when missing: mount points, document roots."""


class MountFailed(OSError):
    """A mount was refused; says which and why."""

    def __init__(self, source: str, target: str, kind: str, code: int) -> None:
        super().__init__(code, f"cannot mount {source} ({kind}) on {target}: {os.strerror(code)}")


def prepare(plan: RootPlan) -> None:
    """Make this mount and UTS namespace the node's. Raises MountFailed."""
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    base = Path(plan.directory)
    for name in OVERLAID:
        upper, work = base / name, base / "work" / name
        upper.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        _mount("overlay", f"/{name}", "overlay", 0, f"lowerdir=/{name},upperdir={upper},workdir={work}")
    _mount("tmpfs", "/run", "tmpfs", _MS_NOSUID_NODEV, "mode=755")
    _mount("proc", "/proc", "proc", 0)
    _mount("sysfs", "/sys", "sysfs", 0)
    socket.sethostname(plan.hostname)
    for directory in ("/run/lock", *plan.directories):
        Path(directory).mkdir(parents=True, exist_ok=True)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) != 0:
        raise MountFailed(source, target, kind, ctypes.get_errno())
