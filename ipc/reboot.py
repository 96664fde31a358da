"""How a node that must not go on is rebooted."""

import ctypes
import os

WATCHDOG_VARIABLE = "PACEKEEPER_WATCHDOG"
"""Names the watchdog device where one is armed: only there a stop that fails, with nobody to order anything, may reboot
the node. `heartbeat` sets it for its children."""

_RB_AUTOBOOT = 0x01234567


def reboot_machine() -> str:
    """Reboot at once, syncing nothing. Returns only when that is refused, with the reason.

    By reboot(2), which in a container ends the container and not its host; /proc/sysrq-trigger would not make that
    difference.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.reboot(_RB_AUTOBOOT)
    return os.strerror(ctypes.get_errno())
