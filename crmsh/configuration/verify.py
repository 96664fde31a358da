"""Checking a configuration: the schema first, then what the schema cannot say."""

from __future__ import annotations

from cib.reports import Report


def verify_cib(data: bytes, source: str = "") -> list[Report]:
    """Everything that is wrong with a document, errors first; with file, line and column where it is a file's."""
    from cib.checks import check
    from cib.document import Document
    from cib.errors import ParseError
    from cib.schema import validate

    try:
        document = Document.from_bytes(data, source or "the configuration")
    except ParseError as error:
        return [Report("xml.malformed", "error", str(error))]
    reports = list(validate(document))
    if not any(report.severity == "error" for report in reports):
        reports += check(document)
    if source:
        from cib.places import located

        reports = list(located(reports, document.root, data, source))
    return sorted(reports, key=lambda report: report.severity != "error")
