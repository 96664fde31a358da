"""The policy engine's worker beside a simulated controller: the real one, fed as the daemon feeds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmd.events import Schedule, Scheduled, ScheduleFailed
from pengine.wire import ApplyPatch, LoadDocument, Outcome, Refused, WorkerRequest, decode_reply, encode_request
from pengine.wire import Schedule as Question
from pengine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from cib.patch import Patch
    from lab.simulator.promises.broken import Watch


class PolicyProcess:
    """A worker that gets the whole document once, and then what changed.

    Its document must always be the controller's (promise 3): every refusal because it is another one breaks that.
    """

    def __init__(self, node: str, document: Callable[[], bytes], watch: Watch) -> None:
        self._node = node
        self._document = document
        self._watch = watch
        self._worker: Worker | None = None

    def patched(self, patch: Patch) -> None:
        """The controller's document changed."""
        if self._worker is not None:
            self._tell(ApplyPatch(patch.to_xml()))

    def replaced(self) -> None:
        """The controller's document is another one, or the worker died: the next one loads it."""
        self._worker = None

    def schedule(self, wanted: Schedule) -> Scheduled | ScheduleFailed:
        """Ask for a decision."""
        if self._worker is None:
            self._worker = Worker()
            self._tell(LoadDocument(self._document()))
        answer = self._tell(Question(wanted.request, wanted.at, wanted.version, wanted.configuration))
        assert answer is not None
        match decode_reply(answer):
            case Outcome(_, graph, notes, deeds):
                return Scheduled(wanted.request, graph, notes, deeds)
            case Refused(_, reason):
                if not reason.startswith("nothing can be decided"):
                    self._watch.fail(3, f"{self._node}: the policy engine's document is not the controller's: {reason}")
                return ScheduleFailed(wanted.request, reason)

    def _tell(self, request: WorkerRequest) -> bytes | None:
        assert self._worker is not None
        return self._worker.handle(encode_request(request))
