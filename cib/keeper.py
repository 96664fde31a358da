"""Keeping configuration versions on this node's disk: one at a time, the newest next."""

from __future__ import annotations

from cib.document import Document
from cib.history import HistoryPoint, at_version
from cib.holding import ReplicaSettings
from cib.patch import Patch
from cib.replica_events import TIMER_PREFIX, Persist
from cib.version import CibVersion, ConfigurationVersion
from ipc.note import Note
from ipc.timers import SetTimer
from ipc.units import Milliseconds

RETRY_TIMER = f"{TIMER_PREFIX}persist"

KeeperEffect = Persist | SetTimer | Note


class Keeper:
    """Knows what is on disk, what is being written and whether something newer waits.

    While one write is under way further versions only wait: the next write takes the newest and so keeps them all
    (one fsync for many changes).
    """

    def __init__(self, kept: HistoryPoint | None, settings: ReplicaSettings, size: int) -> None:
        self.kept = kept
        """What is on disk; None: nothing, or not known."""
        self.failure = ""
        """Why the disk refused last; empty while it works."""
        self.size = size
        """Bytes of the document that was written last: what handling the whole configuration costs."""
        self._retry_ms = settings.retry_ms
        self._large = settings.apart_from
        self._token = 0
        self._writing: HistoryPoint | None = None
        self._dirty = False
        self._patches: list[Patch | None] = []
        self._prepared: tuple[ConfigurationVersion, bytes] | None = None
        """The content for the disk of a version that was examined apart."""

    @property
    def is_behind(self) -> bool:
        """Whether something is written or waits to be."""
        return self._dirty or self._writing is not None

    def keep(
        self, document: Document, point: HistoryPoint, patch: Patch | None, content: bytes = b""
    ) -> list[KeeperEffect]:
        """Keep the document as it is now; `patch` led to it (None: it came as a whole).

        `content` is what goes to the disk, if that is at hand already.
        """
        self._prepared = (document.version.configuration, content) if content else None
        self._patches.append(patch)
        self._dirty = True
        return [] if self._writing is not None else self._write(document, point)

    def persisted(self, token: int, document: Document, point: HistoryPoint) -> list[KeeperEffect]:
        """The disk has what was asked for; goes on with what waits."""
        if token != self._token or self._writing is None:
            return []
        effects: list[KeeperEffect] = []
        if self.failure:
            effects.append(Note("notice", "cib.disk.works", "the CIB can be written to disk again"))
        self.kept, self._writing, self.failure = self._writing, None, ""
        return effects + (self._write(document, point) if self._dirty else [])

    def failed(self, token: int, reason: str, now: Milliseconds) -> list[KeeperEffect]:
        """The disk refused; it is tried again after a while or at the next change."""
        if token != self._token or self._writing is None:
            return []
        self._writing, self._dirty = None, True
        self._patches.insert(0, None)
        new = reason != self.failure
        self.failure = reason
        note = Note("error", "cib.disk.failed", f"the CIB cannot be written to disk, going on from memory: {reason}")
        return [*([note] if new else []), SetTimer(RETRY_TIMER, Milliseconds(now + self._retry_ms))]

    def retry(self, document: Document, point: HistoryPoint) -> list[KeeperEffect]:
        """RETRY_TIMER fired."""
        return self._write(document, point) if self._dirty and self._writing is None else []

    def _write(self, document: Document, point: HistoryPoint) -> list[KeeperEffect]:
        version = document.version
        self._token += 1
        self._writing = at_version(point, CibVersion(version.admin_epoch, version.epoch, 0))
        patch = self._patches[0] if len(self._patches) == 1 else None
        self._patches.clear()
        self._dirty = False
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0] == version.configuration:
            content, one_line = prepared[1], False
        elif self.size >= self._large:
            content, one_line = document.to_compact_disk_bytes(), True
        else:
            content, one_line = document.to_disk_bytes(), False
        self.size = len(content)
        return [Persist(self._token, content, self._writing, patch, one_line)]
