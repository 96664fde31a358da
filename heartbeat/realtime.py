"""What the system may grant so that heartbeats are never late: locked memory and a real-time class; and its clock."""

import ctypes
import os
import resource
import time

from ipc.note import Note
from ipc.units import Milliseconds

PRIORITY_DEFAULT = 10

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 256 * 1024


def boot_clock() -> Milliseconds:
    """CLOCK_BOOTTIME: goes on while the machine is suspended, and is not set by anybody."""
    return Milliseconds(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


def keep_small() -> None:
    """Give the memory of large messages back at once, instead of keeping it (locked) for the next ones."""
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)


def become_realtime(priority: int | None) -> list[Note]:
    """Lock memory and take a real-time class; what is refused is told, once, and the process goes on.

    Neither is inherited: locks end with fork, and SCHED_RESET_ON_FORK gives children (and threads) the usual class.
    """
    notes: list[Note] = []
    refused = _lock_memory()
    if refused:
        text = f"Memory is not locked ({refused}): a beat may be late while this machine swaps"
        notes.append(Note("warning", "realtime.memory", text))
    try:
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(priority or PRIORITY_DEFAULT))
    except OSError as error:
        text = f"No real-time class ({error.strerror}): a beat may be late while this machine is busy"
        notes.append(Note("warning", "realtime.class", text))
    return notes


def _lock_memory() -> str:
    """Lock each page as it comes into use; the reason why not, or an empty string."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if os.geteuid() != 0 and soft != resource.RLIM_INFINITY:
        return f"the limit is {soft} bytes"  # with a limit, a later allocation would fail instead of not being locked
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        return os.strerror(ctypes.get_errno())
    return ""
