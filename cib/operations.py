"""Carrying requests out: all of them or none, with Pacemaker's rules for versions, as one patch.

The document is changed in place and a refused request is taken back from the journal, so that the cost of a small
change does not depend on the size of the document.

Source: Pacemaker's CIB manager (version triple, validation, origin attributes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cib import edits
from cib.digests import FEATURE_SET
from cib.document import Document
from cib.errors import CibError, FeatureSetError, InvalidRequestError, OldDataError, SchemaError
from cib.patch import Patch
from cib.patch_record import changes_of
from cib.query import query
from cib.reports import Report
from cib.requests import OperationName, Request
from cib.tree import AttributesChanged, Inserted, JournalEntry
from cib.values import compare_versions
from cib.version import CibVersion
from cib.xml import Element

__all__ = ["Applied", "OperationName", "Origin", "Request", "Validator", "apply_requests", "query", "seal"]

Validator = Callable[[Document], tuple[Report, ...]]
"""Returns what is wrong with the configuration; anything of severity error refuses the change."""


class Origin(msgspec.Struct, frozen=True):
    """Who changes the configuration and when; kept as attributes of `cib`. Empty: not recorded."""

    written: str = ""
    """Local time as ctime prints it."""
    node: str = ""
    client: str = ""
    user: str = ""


class Applied(msgspec.Struct, frozen=True):
    """What was done: the patch (None when nothing changed) and what each request returned."""

    patch: Patch | None
    results: tuple[bytes, ...]


def apply_requests(
    document: Document,
    requests: Sequence[Request],
    *,
    origin: Origin | None = None,
    validator: Validator | None = None,
    keep_status: bool = False,
) -> Applied:
    """Carry out all requests on the document, for good. Raises `CibError` and then changes nothing.

    `validator` is asked when anything but the status changed. `keep_status`: a whole document without status leaves
    the present status in place (a running cluster's status is not the client's to lose).
    """
    source = document.version
    mark = document.mark()
    results = perform(document, requests, origin=origin, validator=validator, keep_status=keep_status)
    patch = seal(document, mark, source)
    document.forget_journal()
    return Applied(patch, results)


def perform(
    document: Document,
    requests: Sequence[Request],
    *,
    origin: Origin | None = None,
    validator: Validator | None = None,
    keep_status: bool = False,
) -> tuple[bytes, ...]:
    """Carry out the requests and leave them in the journal; on `CibError` they are taken back.

    Several clients' requests can so become one patch: `perform` for each, then `seal`.
    """
    mark = document.mark()
    try:
        return tuple(_perform_one(document, request, origin, validator, keep_status) for request in requests)
    except CibError:
        document.undo_to(mark)
        raise


def seal(document: Document, mark: int, source: CibVersion, *, with_digest: bool = True) -> Patch | None:
    """Return the patch of everything since `mark`, when the version was `source`; None when nothing changed.

    A patch of the configuration names the digest of the whole document, unless that takes too long (`with_digest`).
    """
    changes = changes_of(document, document.entries_since(mark))
    if not changes:
        return None
    patch = Patch(changes=changes, source=source, target=document.version)
    changes_configuration = patch.changes_configuration or document.version.configuration != source.configuration
    if with_digest and changes_configuration:
        return msgspec.structs.replace(patch, digest=document.digest())
    return patch


def _perform_one(
    document: Document, request: Request, origin: Origin | None, validator: Validator | None, keep_status: bool
) -> bytes:
    if request.op == "query":
        return query(document, request)
    mark = document.mark()
    before = document.version
    whole = _edit(document, request, keep_status)
    entries = document.entries_since(mark)
    if not entries and not whole:
        return b""
    _check_feature_set(document)
    after = document.version
    if after.configuration < before.configuration:
        raise OldDataError(f"the change would set the version back from {before} to {after}")
    touched = {_section_of(document, entry) for entry in entries}
    _count_up(document, configuration="configuration" in touched)
    if "configuration" in touched and origin is not None and origin.written:
        _record_origin(document, origin)
    if validator is not None and touched - {"status"}:
        _validate(document, validator)
    return b""


def _edit(document: Document, request: Request, keep_status: bool) -> bool:
    """Carry out the operation; returns whether it counts as a change whatever it did."""
    match request.op:
        case "modify":
            edits.modify(document, request)
        case "create":
            edits.create(document, request)
        case "delete":
            edits.delete(document, request)
        case "replace":
            return edits.replace(document, request, keep_status=keep_status)
        case "erase":
            edits.erase(document)
        case "bump":
            edits.bump(document)
        case "patch":
            edits.patch(document, request)
        case "upgrade":
            edits.upgrade(document)
        case _:
            raise InvalidRequestError(f"unknown operation '{request.op}'")
    return False


def _check_feature_set(document: Document) -> None:
    wanted = document.root.get("crm_feature_set", "")
    if wanted and compare_versions(wanted, FEATURE_SET) > 0:
        raise FeatureSetError(f"the document needs feature set {wanted}, this software has {FEATURE_SET}")


def _section_of(document: Document, entry: JournalEntry) -> str:
    """Return `configuration`, `status`, or `cib` for a change of the root's attributes or its other children."""
    if isinstance(entry, AttributesChanged):
        node = entry.element
    elif isinstance(entry, Inserted):
        node = entry.node
    else:
        node = entry.node if entry.parent is document.root else entry.parent
    below = node
    parent = node.getparent()
    while parent is not None and parent is not document.root:
        below, parent = parent, parent.getparent()
    return "cib" if below is document.root else str(below.tag)


def _count_up(document: Document, *, configuration: bool) -> None:
    version = document.version
    if configuration:
        _set(document, document.root, "epoch", version.epoch + 1)
        _set(document, document.root, "num_updates", 0)
    else:
        _set(document, document.root, "num_updates", version.num_updates + 1)


def _set(document: Document, element: Element, name: str, number: int) -> None:
    document.set_attribute(element, name, str(number))


def _record_origin(document: Document, origin: Origin) -> None:
    document.set_attribute(document.root, "cib-last-written", origin.written)
    for name, value in (
        ("update-origin", origin.node),
        ("update-client", origin.client),
        ("update-user", origin.user),
    ):
        if value:
            document.set_attribute(document.root, name, value)
        else:
            document.remove_attribute(document.root, name)


def _validate(document: Document, validator: Validator) -> None:
    refuse_errors(validator(document))


def refuse_errors(found: Sequence[Report]) -> None:
    """Raise `SchemaError` when any of the reports is an error."""
    reports = tuple(report for report in found if report.severity == "error")
    if reports:
        raise SchemaError("the change would make the configuration invalid", reports)
