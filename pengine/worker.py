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


class Worker:
    """Answers requests in order.

    Invariant: either there is a state, and it is that of the document with all patches so far applied, or there is
    the reason why there is none.
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._state: ClusterState | None = None
        self._broken = "no document has been loaded"

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
        try:
            self._state = unpack(Document.from_bytes(data, "the document"), self._zone)
        except CibError as error:
            self._broken = f"the document can't be used: {error}"

    def _apply(self, data: bytes) -> None:
        if self._state is None:
            return
        state, self._state = self._state, None
        try:
            self._state = state.apply(Patch.from_xml(data))
        except CibError as error:
            self._broken = f"a patch can't be applied: {error}"

    def _schedule(self, number: int, now: int) -> wire.WorkerReply:
        if self._state is None:
            return wire.Refused(number, self._broken)
        outcome = schedule(self._state, now)
        placements = tuple(
            wire.PlacementSummary(item.resource, item.current, item.role, item.node, item.next_role)
            for item in outcome.placements.values()
        )
        return wire.Outcome(number, outcome.graph, tuple(outcome.notes), placements)
