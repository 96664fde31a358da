"""The writes that this node's clients wait for, until the DC says how they ended or their time is over."""

from __future__ import annotations

import msgspec

from cib.history import WriteId
from cib.replica_events import ClientWrite
from cib.replica_messages import Forward
from ipc.units import Milliseconds

OUTSTANDING_MAX = 1024
"""Writes of one node that may wait at a time; further ones are refused."""


class Waiting(msgspec.Struct, frozen=True):
    """One write: the client's id, what is sent for it, and when the client is told that nothing came of it."""

    client_id: int
    forward: Forward
    deadline: Milliseconds


class Outbox:
    """Writes by their number, oldest first."""

    def __init__(self, node: str, incarnation: int, deadline_ms: int) -> None:
        self._node = node
        self._incarnation = incarnation
        self._deadline_ms = deadline_ms
        self._next = 1
        self._waiting: dict[int, Waiting] = {}

    @property
    def is_full(self) -> bool:
        """Whether no further write can wait."""
        return len(self._waiting) >= OUTSTANDING_MAX

    def add(self, write: ClientWrite, now: Milliseconds) -> Forward:
        """Take a client's write; returns what is to be sent to the DC."""
        number, self._next = self._next, self._next + 1
        floor = next(iter(self._waiting), number)
        forward = Forward(
            id=WriteId(self._node, self._incarnation, number),
            floor=floor,
            requests=write.requests,
            user=write.user,
            client=write.client,
            force=write.force,
            written_at=write.written_at,
            at_once=write.at_once,
        )
        self._waiting[number] = Waiting(write.id, forward, Milliseconds(now + self._deadline_ms))
        return forward

    def settle(self, write: WriteId) -> Waiting | None:
        """Take out a write that ended; None where nobody waits for it any more."""
        if (write.node, write.incarnation) != (self._node, self._incarnation):
            return None
        return self._waiting.pop(write.number, None)

    def outstanding(self) -> list[Forward]:
        """Return everything that is to be sent again, in the order in which it came."""
        return [waiting.forward for waiting in self._waiting.values()]

    def next_deadline(self) -> Milliseconds | None:
        """Return when the oldest write's time is over."""
        return next((waiting.deadline for waiting in self._waiting.values()), None)

    def overdue(self, now: Milliseconds) -> list[Waiting]:
        """Take out the writes whose time is over."""
        late = [waiting for waiting in self._waiting.values() if waiting.deadline <= now]
        for waiting in late:
            del self._waiting[waiting.forward.id.number]
        return late
