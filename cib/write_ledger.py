"""Which writes were carried out: so that one that is sent again to another DC is not carried out twice.

Every replica keeps it, fed by the DC's updates, because any replica may be the next DC. It is bounded by what the
nodes have outstanding: each write tells below which number its replica waits for nothing any more.
"""

from __future__ import annotations

from cib.history import WriteId
from cib.replica_messages import Settled


class _Origin:
    """The writes of one life of one replica."""

    __slots__ = ("floor", "incarnation", "settled")

    def __init__(self, incarnation: int) -> None:
        self.incarnation = incarnation
        self.floor = 0
        self.settled: dict[int, Settled] = {}


class WriteLedger:
    """Settled writes by node; only a node's latest life counts, earlier ones wait for nothing."""

    def __init__(self) -> None:
        self._origins: dict[str, _Origin] = {}

    def add(self, settled: Settled) -> None:
        """Note that a write was carried out."""
        origin = self._origin(settled.id)
        if origin is None:
            return
        origin.settled[settled.id.number] = settled
        if settled.floor > origin.floor:
            origin.floor = settled.floor
            for number in [number for number in origin.settled if number < settled.floor]:
                del origin.settled[number]

    def find(self, write: WriteId) -> Settled | None:
        """Return what is known of a write that was carried out."""
        origin = self._origins.get(write.node)
        if origin is None or origin.incarnation != write.incarnation:
            return None
        return origin.settled.get(write.number)

    def is_over(self, write: WriteId) -> bool:
        """Say whether nobody waits for this write any more (an old duplicate)."""
        origin = self._origins.get(write.node)
        if origin is None or origin.incarnation < write.incarnation:
            return False
        return origin.incarnation > write.incarnation or write.number < origin.floor

    def content(self) -> tuple[Settled, ...]:
        """Return everything, for a replica that takes the whole document."""
        return tuple(
            origin.settled[number] for _, origin in sorted(self._origins.items()) for number in sorted(origin.settled)
        )

    def replace(self, content: tuple[Settled, ...]) -> None:
        """Take what came with a whole document."""
        self._origins.clear()
        for settled in content:
            self.add(settled)

    def _origin(self, write: WriteId) -> _Origin | None:
        origin = self._origins.get(write.node)
        if origin is not None and origin.incarnation > write.incarnation:
            return None
        if origin is None or origin.incarnation < write.incarnation:
            origin = self._origins[write.node] = _Origin(write.incarnation)
        return origin
