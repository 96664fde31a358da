"""What can be wrong with a document or a request: one exception for each kind, with Pacemaker's exit status."""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself is slow to import, and so is what the reports are made with
if TYPE_CHECKING:
    from cib.reports import Report
    from cib.version import CibVersion


class CibError(Exception):
    """Root of all errors of this package. Whoever raises one has changed nothing."""

    rc = 1
    """Exit status that a tool ends with (Pacemaker's crm_exit codes)."""

    def __init__(self, text: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.details = details
        """One line for each single thing that is wrong, for people."""


class RefusedError(CibError):
    """An error that another node reported; it keeps the status and the text of the original."""

    def __init__(self, rc: int, text: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(text, details)
        self.rc = rc


class ParseError(CibError):
    """The input is no well-formed XML, or is beyond the bounds (size, depth, document type declaration)."""

    rc = 78

    def __init__(self, source: str, line: int, column: int, problem: str) -> None:
        where = f"{source}:{line}:{column}" if line else source
        super().__init__(f"{where}: {problem}")
        self.source = source
        self.line = line
        self.column = column
        self.problem = problem


class NotFoundError(CibError):
    """The section, path or element that the request names is not there."""

    rc = 105


class ExistsError(CibError):
    """An element of this name and id is already there."""

    rc = 108


class InvalidRequestError(CibError):
    """The request itself makes no sense (no input, unknown operation, wrong root element)."""

    rc = 70


class UnsupportedError(CibError):
    """The request is understood but cannot be carried out here."""

    rc = 3


class FeatureSetError(CibError):
    """The document was written by software with a newer feature set than ours."""

    rc = 76


class OldDataError(CibError):
    """The input is older than what is in force, or a patch was already applied."""

    rc = 103


class PatchError(CibError):
    """A patch does not fit the document: wrong source version, a path that is missing, another digest."""

    rc = 1


class DigestError(CibError):
    """The digest that came with a document is not that of the document."""

    rc = 104


class SchemaError(CibError):
    """The result would not be a valid configuration; `reports` says what is wrong and where."""

    rc = 78

    def __init__(self, text: str, reports: tuple[Report, ...]) -> None:
        super().__init__(text, tuple(report.sentence() for report in reports))
        self.reports = reports


class NoQuorumError(CibError):
    """The configuration may not be written without quorum."""

    rc = 106


class NotKeptError(CibError):
    """The change is in force but could not be kept on enough disks in time; a crash may lose it."""

    rc = 124

    def __init__(self, text: str, version: CibVersion) -> None:
        super().__init__(text)
        self.version = version
