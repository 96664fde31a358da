"""What takes long with a large document, to be done outside of the event that asks for it: examining and reading it.

The replica asks by an effect and goes on; its shell carries the work out wherever it blocks nobody, and brings the
result as an event. Small documents are examined and read on the spot, which is quicker than any detour.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from cib.document import Document, laid_out
from cib.errors import ParseError
from cib.operations import Validator
from cib.reports import Report


class Examine(msgspec.Struct, frozen=True, tag=True):
    """Say whether this configuration may be in force; answered with Examined of the same `token`."""

    token: int
    document: bytes
    """The document as it would be, its status left empty."""


class ReadDocument(msgspec.Struct, frozen=True, tag=True):
    """Read another node's document; answered with DocumentRead of the same `token`."""

    token: int
    document: bytes


class Examined(msgspec.Struct, frozen=True, tag=True):
    """What is wrong with a configuration, and, for when nothing is, what belongs to it."""

    token: int
    reports: tuple[Report, ...]
    digest: str = ""
    """`Document.configuration_digest()`."""
    content: bytes = b""
    """`Document.to_disk_bytes()`."""


class DocumentRead(msgspec.Struct, frozen=True, tag=True):
    """Another node's document, which is the replica's alone from now on; None: `problem` says why it cannot be read."""

    token: int
    document: Document | None
    problem: str = ""


ApartWork = Examine | ReadDocument
ApartResult = Examined | DocumentRead


def read_document(data: bytes) -> Document:
    """Read what another node sent. Raises `ParseError`."""
    return Document.from_bytes(data, "the document of another node")


def work_apart(work: ApartWork, validator: Validator | None) -> ApartResult:
    """Carry the work out. It touches nothing but what it is given, so any thread may do it."""
    match work:
        case Examine(token, data):
            return _examine(token, data, validator)
        case ReadDocument(token, data):
            try:
                return DocumentRead(token, read_document(data))
            except ParseError as error:
                return DocumentRead(token, None, error.text)
        case _:
            assert_never(work)


def _examine(token: int, data: bytes, validator: Validator | None) -> Examined:
    document = Document.from_bytes(data, "the changed document")
    found = validator(document) if validator is not None else ()
    # All of it stands in one line, which tells nobody anything.
    reports = tuple(report.at(0, report.column) for report in found)
    if any(report.severity == "error" for report in reports):
        return Examined(token, reports)
    return Examined(token, reports, document.configuration_digest(), laid_out(document.to_compact_disk_bytes()))
