"""A report: one thing that is wrong with a document, as a value; text is made from it at the edge."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning"]


class Report(msgspec.Struct, frozen=True):
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

    def sentence(self) -> str:
        """The report as one line: place, element, what is wrong."""
        where = [part for part in (self.source, str(self.line) if self.line else "") if part]
        place = f"{':'.join(where)}: " if self.source else f"line {self.line}: " if self.line else ""
        subject = f"{self.element} '{self.id}': " if self.id else f"{self.element}: " if self.element else ""
        return f"{place}{subject}{self.text}"
