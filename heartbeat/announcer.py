"""What this node's heartbeats say, and when one is sent ahead of its time."""

import msgspec

from heartbeat.events import SendDatagram
from heartbeat.messages import Member, PeerState
from heartbeat.packets import Heartbeat, NodeStatus, ViewId
from ipc.timers import SetTimer
from ipc.units import Milliseconds

EARLY_TIMER = "heartbeat.early"

_GAP_MS_MIN = 10
_GAP_MS_MAX = 50


class Words(msgspec.Struct, frozen=True):
    """What a heartbeat says apart from counters: a change of it is sent at once."""

    status: NodeStatus
    view: ViewId | None
    view_size: int
    installed: int
    hears: tuple[Member, ...]
    ready: bool
    controller: PeerState


class Announcer:
    """The heartbeats of one life. Invariant: their sequence grows, and no two that are sent early are close."""

    def __init__(self, me: Member, keepalive_ms: int) -> None:
        self._me = me
        self._gap_ms = min(_GAP_MS_MAX, max(_GAP_MS_MIN, keepalive_ms // 10))
        self._sequence = 0
        self._said: Words | None = None
        self._said_at = Milliseconds(0)
        self._early_at = Milliseconds(0)

    def say(self, words: Words, voted: int, now: Milliseconds) -> SendDatagram:
        """A heartbeat to all, now."""
        self._said = words
        self._said_at = now
        self._sequence += 1
        heartbeat = Heartbeat(
            sender=self._me,
            sequence=self._sequence,
            status=words.status,
            view=words.view,
            view_size=words.view_size,
            installed=words.installed,
            voted=voted,
            hears=words.hears,
            ready=words.ready,
            controller=words.controller,
        )
        return SendDatagram((), heartbeat)

    def say_if_new(self, words: Words, voted: int, now: Milliseconds) -> list[SendDatagram | SetTimer]:
        """A heartbeat at once when it says something new, but not in floods: then a timer for the next possible time.

        While many nodes start, each hears of another one every moment, and all would tell all of it.
        """
        if words == self._said:
            return []
        at = Milliseconds(self._said_at + self._gap_ms)
        if self._said is None or now >= at:
            return [self.say(words, voted, now)]
        if at == self._early_at:
            return []
        self._early_at = at
        return [SetTimer(EARLY_TIMER, at)]
