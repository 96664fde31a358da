"""Brings every result of this node's operations into the CIB, and keeps it until it has been seen there.

A result goes to the DC, which writes it and says so. The DC's word comes after its patch in the same ordered stream, so
the local replica has the result by then, and the CIB that the next DC chooses is at least as new as any member's: only
then may lrmd drop it. Until then it is sent again: after a while, and with the join request whenever the DC or the
view changes. So a result that was lost with a message, a DC or a view still arrives before anything is decided without
it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from crmd.events import ToExecutor
from crmd.peer_messages import ResultKey, Results, result_key
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.messages import Acknowledge, Finished

RESEND_TIMER = "recorder.resend"


class SendResults(msgspec.Struct, frozen=True, tag=True):
    """Effect: send to the DC, if this node has joined one."""

    message: Results


RecorderEffect = SendResults | ToExecutor | SetTimer | CancelTimer


class Recorder:
    """Results that the DC has not written yet, oldest first.

    A recurring operation reports each change under the same call id, so a result's key has more than that.
    """

    def __init__(self, resend_ms: int) -> None:
        self._resend_ms = resend_ms
        self._open: dict[ResultKey, Finished] = {}

    def unrecorded(self) -> tuple[Finished, ...]:
        """What the DC did not say that it wrote, oldest first."""
        return tuple(self._open.values())

    def keep(self, result: Finished, now: Milliseconds) -> list[RecorderEffect]:
        """A new result, or one that lrmd tells again."""
        self._open[result_key(result)] = result
        return [SendResults(Results((result,))), SetTimer(RESEND_TIMER, Milliseconds(now + self._resend_ms))]

    def recorded(self, keys: Iterable[ResultKey]) -> list[RecorderEffect]:
        """The DC wrote these results of this node."""
        closed = [key for key in keys if self._open.pop(key, None) is not None]
        still_open = {key.call_id for key in self._open}
        effects: list[RecorderEffect] = [
            ToExecutor(Acknowledge(key.call_id)) for key in closed if key.call_id not in still_open
        ]
        if closed and not self._open:
            effects.append(CancelTimer(RESEND_TIMER))
        return effects

    def expired(self, now: Milliseconds) -> list[RecorderEffect]:
        """RESEND_TIMER fired."""
        if not self._open:
            return []
        return [
            SendResults(Results(self.unrecorded())),
            SetTimer(RESEND_TIMER, Milliseconds(now + self._resend_ms)),
        ]
