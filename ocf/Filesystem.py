"""Filesystem: mounts a filesystem and unmounts it, with the processes that keep it busy where that is allowed.

Parameters and meta-data are those of the agent of the same name in resource-agents, so that configurations move
unchanged.
"""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ocf import agent
from ocf.agent import Action, Agent, Call, Exit, fail
from ocf.Filesystem_parameters import PARAMETERS
from ocf.mount_users import signal_all, users_of
from ocf.mounts import Mount, is_surely_other, mounted_at, mounted_below, read_mounts

_NEEDS_FSCK = frozenset({"ext2", "msdos", "vfat", "minix"})
"""Without a journal; the others look after themselves at the mount."""
_SHARED = frozenset({"nfs", "nfs4", "cifs", "smbfs", "gfs2", "ocfs2", "glusterfs", "ceph", "lustre", "tmpfs"})
"""May be mounted on several nodes at once."""
_NO_DEVICE = frozenset({"tmpfs", "overlay", "proc", "sysfs", "none", ""})
_FSCK_REPAIRED = 1
"""fsck(8): 0 no errors, 1 errors corrected; 2 and above need a person."""

_FAST_ROUNDS = 6
_ROUND_S = 1.0
_POLL_S = 0.05
_RAW_BLOCKS = 16
_BLOCK_BYTES = 512


def _directory(call: Call) -> str:
    """The mount point as the kernel's table names it.

    The last part is looked at only when nothing is mounted there: on a dead NFS server that look would hang.
    """
    given = call.text("directory").rstrip("/") or "/"
    parent, name = os.path.split(given)
    path = os.path.join(os.path.realpath(parent), name)
    return path if mounted_at(read_mounts(), path) is not None else os.path.realpath(given)


def _options(call: Call) -> list[str]:
    return [option for option in call.text("options").split(",") if option]


def _is_bind(call: Call) -> bool:
    return any(option in ("bind", "rbind") for option in _options(call))


def _validate(call: Call) -> None:
    if not call.text("directory").startswith("/"):
        fail(Exit.NOT_CONFIGURED, f"parameter directory: {call.text('directory')!r} is no absolute path")
    for name, known in (("run_fsck", ("auto", "force", "no")), ("force_unmount", ("true", "false", "safe"))):
        value = call.text(name)
        if value not in known and name == "run_fsck":
            fail(Exit.NOT_CONFIGURED, f"parameter {name}: {value!r} is none of {', '.join(known)}")
        if name == "force_unmount" and value != "safe":
            call.flag(name)
    cloned = call.meta("clone_max") not in ("", "1")
    shareable = call.text("fstype") in _SHARED or _is_bind(call) or "ro" in _options(call)
    if cloned and not shareable and not call.flag("force_clones"):
        text = f"{call.text('fstype')} on {call.text('device')} must not be mounted on several nodes at once"
        fail(Exit.NOT_CONFIGURED, f"{text}; force_clones says that it may")


def _mounted(call: Call) -> Mount | None:
    return mounted_at(read_mounts(), _directory(call))


def _monitor(call: Call) -> Exit:
    mount = _mounted(call)
    if mount is None or is_surely_other(mount, call.text("device")):
        return Exit.NOT_RUNNING
    if call.check_level >= 20:
        _check_by_file(call)
    elif call.check_level >= 10:
        _check_by_reading(call)
    return Exit.OK


def _check_by_reading(call: Call) -> None:
    device = call.text("device")
    if not _is_block_device(device):
        return
    try:
        with open(device, "rb", buffering=0) as file:
            file.read(_RAW_BLOCKS * _BLOCK_BYTES)
    except OSError as error:
        fail(Exit.GENERIC, f"{device} can't be read: {error.strerror}")


def _check_by_file(call: Call) -> None:
    if "ro" in _options(call):
        return
    path = Path(_directory(call), f"{call.text('statusfile_prefix')}{call.instance}_{socket.gethostname()}")
    content = f"{time.time()}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+", encoding="ascii") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            if file.read() != content:
                fail(Exit.GENERIC, f"{path} does not hold what was written to it")
    except OSError as error:
        fail(Exit.GENERIC, f"{path} can't be written and read: {error.strerror}")


def _start(call: Call) -> Exit:
    directory, device = _directory(call), call.text("device")
    mount = _mounted(call)
    if mount is not None:
        if is_surely_other(mount, device):
            fail(Exit.GENERIC, f"{mount.source} is mounted on {directory} already, not {device}")
        return Exit.OK
    _require_device(call)
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(Exit.GENERIC, f"mount point {directory} can't be made: {error.strerror}")
    _fsck(call)
    _run(_mount_command(call, directory), f"{device} could not be mounted on {directory}")
    return Exit.OK


def _mount_command(call: Call, directory: str) -> list[str]:
    fstype = call.text("fstype")
    command = ["mount"]
    if fstype not in ("", "none"):
        command += ["-t", fstype]
    if _options(call):
        command += ["-o", ",".join(_options(call))]
    # `-U uuid` and `-L label` are words of the command line in this parameter
    device = call.text("device")
    return [*command, *(device.split() if device.startswith("-") else [device]), directory]


def _require_device(call: Call) -> None:
    """A local device must be there. Raises AgentError with the code that sends the resource to another node."""
    device = call.text("device")
    if device.startswith("/") and call.text("fstype") not in _NO_DEVICE and not os.path.exists(device):
        fail(Exit.NOT_INSTALLED, f"device {device} does not exist on this node")
    if _is_bind(call) and not os.path.exists(device):
        fail(Exit.NOT_INSTALLED, f"{device} does not exist on this node")


def _fsck(call: Call) -> None:
    wanted = call.text("run_fsck")
    fstype = call.text("fstype")
    if wanted == "no" or (wanted == "auto" and fstype not in _NEEDS_FSCK) or not os.path.exists(call.text("device")):
        return
    done = subprocess.run(
        ["fsck", "-t", fstype, "-a", call.text("device")], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode > _FSCK_REPAIRED:
        fail(Exit.GENERIC, f"fsck of {call.text('device')} needs a person (exit code {done.returncode})")


def _stop(call: Call) -> Exit:
    directory = _directory(call)
    if _mounted(call) is None:
        return Exit.OK
    rounds = _FAST_ROUNDS if call.flag("fast_stop") else sys.maxsize
    number = 0
    while reason := _unmount_all(directory):
        if number == rounds:
            fail(Exit.GENERIC, reason)
        if call.text("force_unmount") == "safe" or call.flag("force_unmount"):
            _free(directory, signal.SIGTERM if number == 0 else signal.SIGKILL)
        else:
            time.sleep(_ROUND_S)
        number += 1
    return Exit.OK


def _unmount_all(directory: str) -> str:
    """Unmount what is below, then the directory itself as often as something is mounted there; why that failed."""
    mounts = read_mounts()
    targets = [mount.directory for mount in mounted_below(mounts, directory)]
    targets += [mount.directory for mount in mounts if mount.directory == directory]
    for target in targets:
        done = subprocess.run(["umount", target], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0 and mounted_at(read_mounts(), target) is not None:
            return f"{target} could not be unmounted: {_last_line(done.stderr)}"
    return ""


def _free(directory: str, number: signal.Signals) -> None:
    """Signal the processes that keep it busy, and wait a moment for them to go."""
    users = users_of(directory)
    sys.stderr.write(f"{number.name} to {len(users)} processes that use {directory}\n")
    signal_all(users, number)
    deadline = time.monotonic() + _ROUND_S
    while time.monotonic() < deadline:
        time.sleep(_POLL_S)
        if not users_of(directory):
            return


def _run(command: list[str], failure: str) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        fail(Exit.NOT_INSTALLED, f"{failure}: the command {command[0]} is not installed")
    if done.returncode != 0:
        fail(Exit.GENERIC, f"{failure}: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("dmesg")]
    return lines[-1] if lines else "no reason was given"


def _is_block_device(path: str) -> bool:
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


AGENT = Agent(
    name="Filesystem",
    version="1.1",
    short="Manages filesystem mounts",
    long="Mounts a filesystem and unmounts it. The monitor of depth 0 looks whether it is mounted; OCF_CHECK_LEVEL 10\n"
    "reads the first blocks of the device, 20 writes a status file and reads it back.",
    parameters=PARAMETERS,
    actions=(
        Action("start", 60),
        Action("stop", 60),
        Action("monitor", 40, interval_s=20, depth=0),
        Action("validate-all", 5),
        Action("meta-data", 5),
    ),
    handlers={"start": _start, "stop": _stop, "monitor": _monitor},
    validate=_validate,
)


def main(argv: Sequence[str]) -> int:
    """The agent as a command."""
    return agent.main(AGENT, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
