"""The worker's side of the conversation: keeps one document, decides when asked.

Pure but for what it keeps: bytes of a request in, bytes of the answer (or nothing) out. The process around it is
`pengine.__main__`.
"""

from __future__ import annotations

from datetime import UTC, tzinfo

from cib.document import Document
from cib.errors import CibError
from cib.patchset import Patch
from pengine import wire
from pengine.scheduler import schedule
from pengine.state import ClusterState
from pengine.unpack import unpack

WAITING_MAX = 1024
"""Patches that may wait for the next decision."""


class Worker:
    """Answers requests in order.

    Invariant: either there is a state, which with the patches that wait is that of the document, or there is the
    reason why there is none. Patches wait until something is to be decided: the state is made of the whole document
    anew, which costs more than all of them.
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._state: ClusterState | None = None
        self._broken = "no document has been loaded"
        self._waiting: list[Patch] = []

    def handle(self, payload: bytes) -> bytes | None:
        """Take one request; return the answer where the request has one. Raises `WireError`."""
        request = wire.decode_request(payload)
        match request:
            case wire.LoadDocument(data):
                self._load(data)
            case wire.ApplyPatch(data):
                self._apply(data)
            case wire.Schedule(number, now):
                return wire.encode_reply(self._schedule(number, now))
        return None

    def _load(self, data: bytes) -> None:
        self._state = None
        self._waiting.clear()
        try:
            self._state = unpack(Document.from_bytes(data, "the document"), self._zone)
        except CibError as error:
            self._broken = f"the document can't be used: {error}"

    def _apply(self, data: bytes) -> None:
        if self._state is None:
            return
        try:
            self._waiting.append(Patch.from_xml(data))
        except CibError as error:
            self._give_up(error)
        if len(self._waiting) >= WAITING_MAX:
            self._catch_up()

    def _catch_up(self) -> None:
        """Apply the patches that wait."""
        if self._state is None or not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        try:
            self._state = self._state.apply(*waiting)
        except CibError as error:
            self._give_up(error)

    def _give_up(self, error: CibError) -> None:
        self._state = None
        self._waiting.clear()
        self._broken = f"a patch can't be applied: {error}"

    def _schedule(self, number: int, now: int) -> wire.WorkerReply:
        self._catch_up()
        if self._state is None:
            return wire.Refused(number, self._broken)
        try:
            outcome = schedule(self._state, now)
        except CibError as error:
            return wire.Refused(number, f"nothing can be decided: {error}")
        placements = tuple(
            wire.PlacementSummary(item.resource, item.current, item.role, item.node, item.next_role)
            for item in outcome.placements.values()
        )
        return wire.Outcome(number, outcome.graph, tuple(outcome.notes), tuple(outcome.deeds), placements)
