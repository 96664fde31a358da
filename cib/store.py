"""The CIB on disk: the only place that reads and writes its files.

Files in the directory: `cib.xml` (without status; the same as Pacemaker's, may be edited while the cluster is
stopped), `cib.history` (the record beside it), `cib-N.raw` (archives, the newest with the content of cib.xml),
`kept-N.xml` with `kept-N.json` (documents that were set aside, and why).

Order of a write, each step on disk before the next: archive copy, record (which names the new and the replaced
version), then cib.xml. Whatever is found after a crash is therefore known to the record.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cib.document import Document, laid_out
from cib.errors import CibError
from cib.files import Files
from cib.history import HistoryPoint
from cib.initial import empty_document
from cib.operations import Validator
from cib.replica_events import Diverged, Persist, Persisted, PersistFailed, StoreEffect, StoreEvent
from cib.store_start import Aside, Origin, Start, decide, encode_record
from cib.version import VERSION_ATTRIBUTES
from cib.xml import new_element
from ipc.note import Level, Note

DOCUMENT = "cib.xml"
RECORD = "cib.history"
ARCHIVES_MAX = 100
"""Archived versions that are kept (as many as Pacemaker keeps)."""
KEPT_MAX = 50
"""Documents that are kept aside; the oldest goes when there are more."""

_ARCHIVE = re.compile(r"cib-(\d+)\.raw$")
_KEPT = re.compile(r"kept-(\d+)\.json$")


class KeptCib(msgspec.Struct, frozen=True):
    """A document that was set aside."""

    name: str
    """File name in the store's directory."""
    version: str
    digest: str
    reason: str
    kept_at: int
    """Wall clock seconds."""


class Store:
    """One node's CIB directory. Calls block; use it from one thread at a time.

    After `open`: `document` and `point` are what to start with, `origin` says where they come from, `notes` what a
    person should know.
    """

    def __init__(self, directory: Path, files: Files, decision: Start) -> None:
        self._files = files
        self._source = str(directory / DOCUMENT)
        self._current: HistoryPoint | None = None
        self._attempted = ""
        self._identity: tuple[int, int, int] | None = None
        self.document = document_at_start(decision.document, self._source)
        self.point = decision.point
        self.origin = decision.origin
        self.is_kept = False
        """Whether document and record are on disk as they are used (`kept` of `Replica`)."""
        self.notes: list[Note] = []

    @classmethod
    def open(cls, directory: Path, validator: Validator, files: Files | None = None) -> Store:
        """Read what is there; raises `UnusableError` (with file, line and column) or `OSError`."""
        used = files if files is not None else Files(directory)
        used.prepare()
        found = used.read(DOCUMENT)
        archives = _Archives(used)
        decision = decide(
            found, used.read(RECORD), archives.newest_first, validator, empty_document, str(directory / DOCUMENT)
        )
        store = cls(directory, used, decision)
        for text in decision.warnings:
            store._say("warning", "cib.start", text)
        store._settle(decision)
        return store

    @property
    def is_new(self) -> bool:
        """Whether this node never had a CIB: the classic configuration may be imported."""
        return self.origin is Origin.EMPTY

    def take_notes(self) -> list[Note]:
        """Return what is new for people since the last call."""
        notes, self.notes = self.notes, []
        return notes

    def _settle(self, decision: Start) -> None:
        """Remember what stands on disk; bring what is used there, where it is something else.

        Here the document goes before the record: after a crash in between, an edited document is still one that the
        record does not know, or the good one that it does.
        """
        try:
            if decision.aside is not None:
                self._set_aside(decision.aside)
            if decision.origin in (Origin.EDITED, Origin.ARCHIVE):
                self._archive(decision.document)
                self._replace(DOCUMENT, decision.document)
                self._files.sync()
            if decision.origin in (Origin.EDITED, Origin.IMPORTED):
                self._replace(RECORD, encode_record(decision.point, None))
                self._files.sync()
        except OSError as error:
            reason = error.strerror or str(error)
            self._say("error", "cib.disk.failed", f"{self._source} cannot be written, going on from memory: {reason}")
            return
        if decision.origin is not Origin.EMPTY:
            self._current = decision.point
            self._identity = self._files.identity(DOCUMENT)
            self.is_kept = True

    def _say(self, level: Level, event: str, text: str, **fields: str) -> None:
        self.notes.append(Note(level, event, text, {"file": self._source, **fields}))

    def perform(self, effect: StoreEffect) -> StoreEvent | None:
        """Carry out an effect of the replica's; errors of the disk come back as `PersistFailed`."""
        try:
            if isinstance(effect, Diverged):
                version = str(effect.point.version)
                self._set_aside(Aside(effect.document, effect.reason, version), effect.point.digest)
                return None
            return self._persist(effect)
        except OSError as error:
            reason = error.strerror or str(error)
            if isinstance(effect, Persist):
                return PersistFailed(effect.token, reason)
            self._say("error", "cib.aside.failed", f"a CIB that lost could not be kept aside: {reason}")
            return None

    def divergences(self) -> tuple[KeptCib, ...]:
        """Return what was set aside, newest first."""
        found: list[KeptCib] = []
        for number in reversed(_numbers(self._files, _KEPT)):
            data = self._files.read(f"kept-{number}.json")
            try:
                found.append(msgspec.json.decode(data or b"", type=KeptCib))
            except msgspec.MsgspecError:
                continue
        return tuple(found)

    def read_kept(self, name: str) -> bytes | None:
        """Return a document that was set aside, by the name that `divergences` gives."""
        return self._files.read(name) if re.fullmatch(r"kept-\d+\.xml", name) else None

    # writing

    def _persist(self, effect: Persist) -> Persisted:
        self._keep_foreign_edit()
        if self._is_same_document(effect.point):
            # Only the stamp is new: the record alone says so.
            self._replace(RECORD, encode_record(effect.point, self._current))
            self._files.sync()
            self._current = effect.point
            return Persisted(effect.token)
        self._write(laid_out(effect.document) if effect.one_line else effect.document, effect.point)
        return Persisted(effect.token)

    def _is_same_document(self, point: HistoryPoint) -> bool:
        current = self._current
        return current is not None and current.digest == point.digest and self._identity is not None

    def _write(self, document: bytes, point: HistoryPoint) -> None:
        self._archive(document)
        self._replace(RECORD, encode_record(point, self._current))
        self._files.sync()
        self._attempted = point.digest
        self._replace(DOCUMENT, document)
        self._files.sync()
        self._current = point
        self._identity = self._files.identity(DOCUMENT)

    def _archive(self, document: bytes) -> None:
        archives = _numbers(self._files, _ARCHIVE)
        self._files.write(f"cib-{archives[-1] + 1 if archives else 0}.raw", document)
        for number in archives[: max(0, len(archives) + 1 - ARCHIVES_MAX)]:
            self._files.remove(f"cib-{number}.raw")

    def _replace(self, name: str, content: bytes) -> None:
        self._files.write(f"{name}.new", content)
        self._files.rename(f"{name}.new", name)

    # what others wrote

    def _keep_foreign_edit(self) -> None:
        """Keep a document aside that somebody wrote over ours while the cluster runs."""
        if self._identity is None or self._files.identity(DOCUMENT) == self._identity:
            return
        found = self._files.read(DOCUMENT)
        if found is None or self._is_own(found):
            self._identity = None
            return
        # If the disk refuses even that, it is tried again before anything is written over it.
        name = self._set_aside(Aside(found, "cib.xml was changed while the cluster was running"))
        # Whatever is there now, it is not the file that we wrote: write it anew.
        self._identity = None
        kept = self._files.directory / name
        text = (
            f"{self._source} was changed while the cluster is running: that is not taken over but kept as {kept}; "
            f"`crm configure load replace {kept}` or `cibadmin --replace --xml-file {kept}` brings it into force"
        )
        self._say("warning", "cib.edited.running", text, kept=name)

    def _is_own(self, content: bytes) -> bool:
        """Whether it is what this store wrote last, or was writing when the disk refused."""
        digest = _digest(content)
        last = self._current.digest if self._current is not None else ""
        return digest != "" and digest in (last, self._attempted)

    def _set_aside(self, aside: Aside, digest: str = "") -> str:
        numbers = _numbers(self._files, _KEPT)
        number = numbers[-1] + 1 if numbers else 1
        name = f"kept-{number}.xml"
        about = KeptCib(name, aside.version, digest, aside.reason, int(time.time()))
        self._files.write(name, aside.content)
        self._files.write(f"kept-{number}.json", msgspec.json.encode(about) + b"\n")
        self._files.sync()
        for old in numbers[: max(0, len(numbers) + 1 - KEPT_MAX)]:
            self._files.remove(f"kept-{old}.xml")
            self._files.remove(f"kept-{old}.json")
        return name


class _Archives:
    """The archived versions, read one at a time when they are needed."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def newest_first(self) -> Iterator[tuple[str, bytes]]:
        for number in reversed(_numbers(self._files, _ARCHIVE)):
            content = self._files.read(f"cib-{number}.raw")
            if content is not None:
                yield f"cib-{number}.raw", content


def document_at_start(content: bytes, source: str) -> Document:
    """Return the document that a node starts with: no status yet, no DC, all three version numbers."""
    document = Document.from_bytes(content, source)
    for status in list(document.root.iterchildren("status")):
        document.remove(status)
    document.insert(document.root, new_element("status"))
    document.remove_attribute(document.root, "dc-uuid")
    for name, number in zip(VERSION_ATTRIBUTES, (*document.version.configuration, 0), strict=True):
        document.set_attribute(document.root, name, str(number))
    document.forget_journal()
    return document


def _numbers(files: Files, pattern: re.Pattern[str]) -> list[int]:
    return sorted(int(match.group(1)) for name in files.names() if (match := pattern.match(name)))


def _digest(content: bytes) -> str:
    try:
        return Document.from_bytes(content).configuration_digest()
    except CibError:
        return ""
