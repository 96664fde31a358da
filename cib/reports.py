"""A report: one thing that is wrong with a document, as a value; text is made from it at the edge."""

from __future__ import annotations

from cib.record import Record

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from typing import Literal

    Severity = Literal["error", "warning"]

REPORTS_MAX = 25
"""More errors of one document are not looked for."""


class Report(Record):
    """What is wrong, with which element, and where it stands. It is never changed."""

    __slots__ = ("attribute", "code", "column", "element", "id", "line", "severity", "source", "text")

    def __init__(
        self,
        code: str,
        severity: Severity,
        text: str,
        element: str = "",
        id: str = "",
        line: int = 0,
        source: str = "",
        attribute: str = "",
        column: int = 0,
    ) -> None:
        self.code = code
        """Stable dotted name: `schema.attribute.unknown`, `reference.missing`."""
        self.severity = severity
        self.text = text
        """One sentence that names the value that was found and what is expected."""
        self.element = element
        self.id = id
        self.line = line
        """Line in the file that was read; 0 when the element did not come from a file."""
        self.source = source
        """The file, where there is one."""
        self.attribute = attribute
        """The attribute that is wrong, where it is one that stands there."""
        self.column = column
        """Column in that line, from 1; 0 when it is not known (`cib.places` finds it)."""

    def at(self, line: int, column: int = 0) -> Report:
        """Return this report about another place in the same file."""
        return Report(
            self.code, self.severity, self.text, self.element, self.id, line, self.source, self.attribute, column
        )

    def of_file(self, source: str) -> Report:
        """Return this report about something in a file."""
        return Report(
            self.code, self.severity, self.text, self.element, self.id, self.line, source, self.attribute, self.column
        )

    def sentence(self) -> str:
        """The report as one line: place, element, what is wrong."""
        numbers = [str(number) for number in (self.line, self.column) if number]
        if self.source:
            place = f"{':'.join([self.source, *numbers])}: "
        else:
            place = f"line {', column '.join(numbers)}: " if numbers else ""
        subject = f"{self.element} '{self.id}': " if self.id else f"{self.element}: " if self.element else ""
        return f"{place}{subject}{self.text}"
