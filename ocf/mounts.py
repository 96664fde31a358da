"""What is mounted where, from the kernel's table; nothing here touches a filesystem that may hang."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo (proc(5))."""

    directory: str
    source: str
    fstype: str
    root: str
    """What of the filesystem is mounted; not `/` for a bind mount of a part."""
    major: int
    minor: int


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts in the order of the table: a later one on the same directory covers an earlier one."""
    mounts = []
    for line in text.splitlines():
        head, separator, tail = line.partition(" - ")
        fields, rest = head.split(" "), tail.split(" ")
        if separator and len(fields) >= 6 and len(rest) >= 2:
            major, _, minor = fields[2].partition(":")
            mounts.append(
                Mount(
                    directory=_plain(fields[4]),
                    source=_plain(rest[1]),
                    fstype=rest[0],
                    root=_plain(fields[3]),
                    major=int(major),
                    minor=int(minor),
                )
            )
    return mounts


def read_mounts() -> list[Mount]:
    """What this process sees mounted."""
    return parse_mountinfo(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))


def mounted_at(mounts: list[Mount], directory: str) -> Mount | None:
    """What is on top at this directory."""
    found = [mount for mount in mounts if mount.directory == directory]
    return found[-1] if found else None


def mounted_below(mounts: list[Mount], directory: str) -> list[Mount]:
    """What is mounted below this directory, in the order in which it can be unmounted."""
    prefix = directory.rstrip("/") + "/"
    return [mount for mount in reversed(mounts) if mount.directory.startswith(prefix)]


def is_surely_other(mount: Mount, device: str) -> bool:
    """Whether a mount is certainly not one of `device`; in doubt (labels, pseudo filesystems, bind mounts) it is."""
    if ":" in device and not device.startswith("/"):
        return ":" in mount.source and mount.source.rstrip("/") != device.rstrip("/")
    if not device.startswith("/"):
        return False
    try:
        mode = os.stat(device)
    except OSError:
        return False
    if stat.S_ISBLK(mode.st_mode):
        try:
            source = os.stat(mount.source)
        except OSError:
            return False
        return stat.S_ISBLK(source.st_mode) and source.st_rdev != mode.st_rdev
    if stat.S_ISREG(mode.st_mode):
        backing = loop_backing(mount.source)
        return backing is not None and backing != os.path.realpath(device)
    return False


def loop_backing(source: str) -> str | None:
    """The file behind a loop device; None when `source` is none."""
    name = Path(source).name
    if not source.startswith("/dev/loop"):
        return None
    try:
        text = Path(f"/sys/block/{name}/loop/backing_file").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return text.rstrip("\n").removesuffix(" (deleted)")


def _plain(text: str) -> str:
    """Undo the table's octal escapes (blank, tab, newline, backslash)."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
