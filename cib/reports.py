"""A report: one thing that is wrong with a document, as a value; text is made from it at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

REPORTS_MAX = 25
"""More errors of one document are not looked for."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is wrong, with which element, and where it stands."""

    code: str
    """Stable dotted name: `schema.attribute.unknown`, `reference.missing`."""
    severity: Severity
    text: str
    """One sentence that names the value that was found and what is expected."""
    element: str = ""
    id: str = ""
    line: int = 0
    """Line in the file that was read; 0 when the element did not come from a file."""
    source: str = ""
    """The file, where there is one."""
    attribute: str = ""
    """The attribute that is wrong, where it is one that stands there."""
    column: int = 0
    """Column in that line, from 1; 0 when it is not known (`cib.places` finds it)."""

    def sentence(self) -> str:
        """The report as one line: place, element, what is wrong."""
        numbers = [str(number) for number in (self.line, self.column) if number]
        if self.source:
            place = f"{':'.join([self.source, *numbers])}: "
        else:
            place = f"line {', column '.join(numbers)}: " if numbers else ""
        subject = f"{self.element} '{self.id}': " if self.id else f"{self.element}: " if self.element else ""
        return f"{place}{subject}{self.text}"
