"""The worker's side of the conversation: keeps one document, decides when asked.

Pure but for what it keeps: bytes of a request in, bytes of the answer (or nothing) out. The process around it is
`pengine.__main__`.
"""

from __future__ import annotations

from datetime import UTC, tzinfo

from cib.document import Document
from cib.errors import CibError
from cib.patch import Patch
from cib.version import CibVersion
from pengine import wire
from pengine.scheduler import schedule
from pengine.unpack import LiveDocument


class Worker:
    """Answers requests in order.

    Invariant: either there is a document, which contains all patches that came after it, or there is the reason why
    there is none. Patches are applied as they come, while nobody waits; what they touched is read again when something
    is to be decided, once for all of them.
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._document: LiveDocument | None = None
        self._broken = "no document has been loaded"

    def handle(self, payload: bytes) -> bytes | None:
        """Take one request; return the answer where the request has one. Raises `WireError`."""
        request = wire.decode_request(payload)
        match request:
            case wire.LoadDocument(data):
                self._load(data)
            case wire.ApplyPatch(data):
                self._apply(data)
            case wire.Schedule():
                return wire.encode_reply(self._schedule(request))
        return None

    def _let_go(self) -> None:
        if self._document is not None:
            self._document.close()
            self._document = None

    def _load(self, data: bytes) -> None:
        self._let_go()
        try:
            document = LiveDocument(Document.from_bytes(data, "the document"), self._zone)
            document.state()
            self._document = document
        except CibError as error:
            self._broken = f"the document can't be used: {error}"

    def _apply(self, data: bytes) -> None:
        if self._document is None:
            return
        try:
            patch = Patch.from_xml(data)
            # A document that was loaded may be newer than a patch that was on its way by then.
            if patch.target is None or patch.target > self._document.version:
                self._document.take(patch)
        except CibError as error:
            self._let_go()
            self._broken = f"a patch can't be applied: {error}"

    def _schedule(self, request: wire.Schedule) -> wire.WorkerReply:
        if self._document is not None and (difference := self._difference(self._document, request)):
            self._let_go()
            self._broken = difference
        if self._document is None:
            return wire.Refused(request.request, self._broken)
        try:
            outcome = schedule(self._document.state(), request.now)
        except CibError as error:
            return wire.Refused(request.request, f"nothing can be decided: {error}")
        placements = tuple(
            wire.PlacementSummary(item.resource, item.current, item.role, item.node, item.next_role)
            for item in outcome.placements.values()
        )
        return wire.Outcome(request.request, outcome.graph, tuple(outcome.notes), tuple(outcome.deeds), placements)

    def _difference(self, document: LiveDocument, request: wire.Schedule) -> str:
        """Say in what our document is not the asker's; empty where it is.

        Status is compared by its version alone: a patch leads from one exact version to another. A configuration that
        patches have changed is compared by its digest, which the asker has at hand and which is computed here once for
        each version of it. What was loaded whole is the asker's; it may be newer than what was asked for.
        """
        ours, theirs = document.version, CibVersion(*request.version)
        if ours < theirs:
            return f"the document is at version {ours}, the decision is wanted for {theirs}"
        if not request.configuration or ours.configuration != theirs.configuration:
            return ""
        if document.configuration_changed and document.configuration_digest() != request.configuration:
            return f"the configuration at version {ours} is another one than the asker's"
        return ""
