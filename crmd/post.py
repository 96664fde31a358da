"""Where the parts of the controller put what leaves it: effects for the shell, messages for members, this node too."""

from __future__ import annotations

from collections import deque

from crmd.events import Effect, ToHeartbeat
from crmd.peer_messages import PeerMessage, encode
from heartbeat.messages import Transmit
from ipc.note import Level, Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds


class Post:
    """Collects in order. `view` is the number of the view that messages are sent in, 0 outside any."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._out: list[Effect] = []
        self.inbox: deque[PeerMessage] = deque()
        """Messages of this node to itself; they take the same way as those of others."""
        self.view = 0

    def put(self, effect: Effect) -> None:
        """Add an effect."""
        self._out.append(effect)

    def say(self, to: str, message: PeerMessage) -> None:
        """Send to a member, or to every other one if `to` is empty; nothing is sent outside a view."""
        if not self.view:
            return
        if to == self._me:
            self.inbox.append(message)
        else:
            self._out.append(ToHeartbeat(Transmit((to,) if to else (), self.view, encode(message))))

    def note(self, level: Level, event: str, text: str, **fields: str | int | bool) -> None:
        """Add a note."""
        self._out.append(Note(level, event, text, fields))

    def timer(self, name: str, at: int) -> None:
        """Set a timer."""
        self._out.append(SetTimer(name, Milliseconds(at)))

    def cancel(self, *names: str) -> None:
        """Cancel timers."""
        self._out += [CancelTimer(name) for name in names]

    def take(self) -> list[Effect]:
        """Return what was collected and begin anew."""
        effects, self._out = self._out, []
        return effects
