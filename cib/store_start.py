"""What a node makes of the files it finds when it starts: the pure part of the store.

A document on disk is ours when its digest is that of a version in the record beside it. Writing puts the record before
the document, with the version that is being replaced in it, so that after a crash between any two steps the document is
still one of the two that the record names; anything else was edited by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

import msgspec

from cib.digests import FEATURE_SET
from cib.document import Document
from cib.errors import CibError
from cib.history import HistoryPoint, cut, extend, start
from cib.operations import Validator
from cib.places import located
from cib.reports import Report
from cib.values import compare_versions
from cib.version import CibVersion
from cib.xml import elements, name_of

Archives = Callable[[], Iterable[tuple[str, bytes]]]
"""Gives name and content of what is archived, newest first."""


class StoreRecord(msgspec.Struct, frozen=True):
    """The content of the sidecar file, written as one."""

    format: int
    point: HistoryPoint
    """The version that the document has, once the write is complete."""
    before: HistoryPoint | None
    """The version that the document had before this write."""


FORMAT = 1


class Origin(Enum):
    """Where the document that is used comes from."""

    OURS = "the version that was written last"
    EDITED = "cib.xml was edited"
    IMPORTED = "cib.xml was there before this software"
    ARCHIVE = "an archived version"
    EMPTY = "a new, empty document"


class Aside(msgspec.Struct, frozen=True):
    """A document that is not used, to be kept aside for people."""

    content: bytes
    reason: str
    version: str = ""


class Start(msgspec.Struct, frozen=True):
    """What to start with."""

    document: bytes
    point: HistoryPoint
    origin: Origin
    aside: Aside | None = None
    warnings: tuple[str, ...] = ()


class UnusableError(CibError):
    """There is a document that can't be used, and no earlier one that could take its place."""

    rc = 78


def encode_record(point: HistoryPoint, before: HistoryPoint | None) -> bytes:
    """Return the sidecar's content: JSON, one line."""
    if before is not None and any(entry.digest == before.digest for entry in point.recent):
        # Its past is the beginning of the new version's, no need to write it twice.
        before = msgspec.structs.replace(before, recent=())
    return msgspec.json.encode(StoreRecord(FORMAT, point, before)) + b"\n"


def decode_record(data: bytes | None) -> StoreRecord | None:
    """Read a sidecar; None for what is none (then nothing is known of any version)."""
    if data is None:
        return None
    try:
        record = msgspec.json.decode(data, type=StoreRecord)
    except msgspec.MsgspecError:
        return None
    if record.format != FORMAT:
        return None
    before, entries = record.before, record.point.recent
    if before is None or before.recent:
        return record
    index = next((index for index, entry in enumerate(entries) if entry.digest == before.digest), -1)
    return msgspec.structs.replace(record, before=msgspec.structs.replace(before, recent=entries[: index + 1]))


def decide(
    found: bytes | None,
    sidecar: bytes | None,
    archives: Archives,
    validator: Validator,
    empty: Callable[[], Document],
    source: str,
) -> Start:
    """Say what to start with. `archives` returns name and content of what is archived, newest first.

    Raises `UnusableError` with line and column where nothing can be used.
    """
    record = decode_record(sidecar)
    warnings = () if record is not None or sidecar is None else (f"the record beside {source} is damaged",)
    if found is None:
        return _without_document(record, archives, empty, source)
    try:
        document = Document.from_bytes(found, source)
        _require_valid(document, found, validator, source)
    except CibError as error:
        # A version that we wrote ourselves is used even if a newer grammar would refuse it: it was in force.
        own = _own(found, record, source)
        return own if own is not None else _instead(found, error, record, archives, source)
    digest = document.configuration_digest()
    if record is None:
        point = start(_on_disk(document.version), digest)
        return Start(found, point, Origin.IMPORTED, warnings=warnings)
    known = point_of(record, digest)
    if known is not None:
        return Start(found, known, Origin.OURS)
    return _edited(document, record, archives, source)


def point_of(record: StoreRecord, digest: str) -> HistoryPoint | None:
    """Return the history of the version with this digest, as far as the record knows it."""
    for point in (record.point, record.before):
        if point is not None and point.digest == digest:
            return point
    entries = record.point.recent
    for index in range(len(entries) - 1, -1, -1):
        if entries[index].digest == digest:
            return cut(entries[: index + 1])
    return None


def _own(found: bytes, record: StoreRecord | None, source: str) -> Start | None:
    try:
        document = Document.from_bytes(found, source)
    except CibError:
        return None
    sections = [name_of(child) for child in elements(document.root)]
    if sections not in (["configuration"], ["configuration", "status"]):
        # The digest says nothing of what else stands in it.
        return None
    known = point_of(record, document.configuration_digest()) if record is not None else None
    return Start(found, known, Origin.OURS) if known is not None else None


def _require_valid(document: Document, content: bytes, validator: Validator, source: str) -> None:
    errors = file_errors(document, content, validator, source)
    if errors:
        raise _Invalid(errors)


def file_errors(document: Document, content: bytes, validator: Validator, source: str) -> tuple[Report, ...]:
    """Return why a cib.xml may not be used, with file, line and column; `document` was read from `content`.

    Besides what is no valid configuration, one that a later software wrote is refused: no change of such a document is
    accepted, so that a cluster could not even record what runs.
    """
    errors = [report for report in validator(document) if report.severity == "error"]
    wanted = document.root.get("crm_feature_set", "")
    if wanted and compare_versions(wanted, FEATURE_SET) > 0:
        text = f"attribute 'crm_feature_set' has the value '{wanted}', expected at most {FEATURE_SET}, which we have"
        line = document.root.sourceline or 0
        errors.append(Report("feature_set", "error", text, "cib", line=line, attribute="crm_feature_set"))
    return located(errors, document.root, content, source)


class _Invalid(CibError):
    def __init__(self, reports: tuple[Report, ...]) -> None:
        lines = tuple(report.sentence() for report in reports)
        super().__init__(lines[0], lines)


def _on_disk(version: CibVersion) -> CibVersion:
    return CibVersion(version.admin_epoch, version.epoch, 0)


def _edited(document: Document, record: StoreRecord, archives: Archives, source: str) -> Start:
    """An edit of the newest version becomes the next one; an edit of an older version cannot stand over later ones."""
    newest, claimed = record.point, document.version
    if claimed.configuration < newest.version.configuration:
        reason = (
            f"{source} was edited, but from version {claimed.configuration}; "
            f"the newest one here is {newest.version.configuration}"
        )
        aside = Aside(document.to_bytes(), reason, str(claimed.configuration))
        good = _newest_good(record, archives)
        if good is None:
            raise UnusableError(f"{reason}, and no copy of that one is left")
        return Start(good[0], good[1], Origin.ARCHIVE, aside, (f"{reason}: it is kept aside and not used",))
    if claimed.configuration == newest.version.configuration:
        document.root.set("epoch", str(newest.version.epoch + 1))
    document.root.set("num_updates", "0")
    point = extend(newest, document.version, document.configuration_digest(), newest.members, forced=True)
    text = f"{source} was edited while the cluster was stopped: it is taken as version {document.version.configuration}"
    return Start(document.to_bytes(), point, Origin.EDITED, warnings=(text,))


def _instead(
    found: bytes,
    error: CibError,
    record: StoreRecord | None,
    archives: Archives,
    source: str,
) -> Start:
    good = _newest_good(record, archives) if record is not None else None
    details = error.details or (error.text,)
    if good is None:
        raise UnusableError(f"{source} can't be used: {error.text}", details)
    reason = f"{source} can't be used: {error.text}"
    text = f"{reason}; it is kept aside, version {good[1].version.configuration} is used instead"
    return Start(good[0], good[1], Origin.ARCHIVE, Aside(found, reason), (text, *details[1:]))


def _without_document(
    record: StoreRecord | None,
    archives: Archives,
    empty: Callable[[], Document],
    source: str,
) -> Start:
    good = _newest_good(record, archives) if record is not None else None
    if good is not None:
        text = f"{source} is missing, the archived version {good[1].version.configuration} is used"
        return Start(good[0], good[1], Origin.ARCHIVE, warnings=(text,))
    document = empty()
    point = start(document.version, document.configuration_digest())
    return Start(document.to_bytes(), point, Origin.EMPTY)


def _newest_good(record: StoreRecord | None, archives: Archives) -> tuple[bytes, HistoryPoint] | None:
    """Return the newest archived document that the record knows, with its history."""
    if record is None:
        return None
    for name, content in archives():
        try:
            digest = Document.from_bytes(content, name).configuration_digest()
        except CibError:
            continue
        known = point_of(record, digest)
        if known is not None:
            return content, known
    return None
