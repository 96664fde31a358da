"""Named timers: a core asks for them with an effect and gets them back as an event."""

import msgspec

from ipc.units import Milliseconds


class SetTimer(msgspec.Struct, frozen=True, tag=True):
    """Effect: send `TimerFired(name)` at `at` (monotonic milliseconds); replaces a timer of the same name."""

    name: str
    at: Milliseconds


class CancelTimer(msgspec.Struct, frozen=True, tag=True):
    """Effect: forget the timer of this name, if there is one."""

    name: str


class TimerFired(msgspec.Struct, frozen=True, tag=True):
    """Event: a timer's time has come."""

    name: str
