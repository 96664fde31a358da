"""The watchdog: a device that reboots the machine unless it is written to again and again (ha.cf: `watchdog`).

It is fed by the event loop itself, so that a loop that hangs is a reason to reboot. Left in good order, nothing of the
cluster's runs here any more, and the device is told so (the letter V before it is closed). However else this process
ends, the machine reboots when the device's time is over, unless another heartbeat feeds it before.

Source: the kernel's Documentation/watchdog/watchdog-api.rst ("magic close").
"""

import array
import contextlib
import fcntl
import os

FEED_S = 1.0
"""How often it is fed."""

_WDIOC_GETTIMEOUT = 0x80045707


class Watchdog:
    """An armed device."""

    def __init__(self, device: str) -> None:
        """Opening it arms it. Raises OSError."""
        self.device = device
        # Not blocking: a FIFO that somebody laid there must not keep the messaging layer from starting.
        self._descriptor = os.open(device, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.feed()

    @property
    def timeout_s(self) -> int | None:
        """After so many seconds without food it reboots the machine; None: the device does not say."""
        answer = array.array("i", [0])
        try:
            fcntl.ioctl(self._descriptor, _WDIOC_GETTIMEOUT, answer)
        except OSError:
            return None
        return answer[0]

    def feed(self) -> None:
        """Put the reboot off. Raises OSError."""
        os.write(self._descriptor, b"\0")

    def disarm(self) -> None:
        """No reboot any more, as far as the device allows that (some are built with "nowayout")."""
        with contextlib.suppress(OSError):
            os.write(self._descriptor, b"V")
        self.abandon()

    def abandon(self) -> None:
        """Close it without a word: it reboots the machine."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
