"""Where in a file an element or an attribute stands: line and column, for reports about a document.

The parser tells for each element only the line in which its start tag ends, and RELAX NG tells nothing. So the start
tags of the text are counted: the tree has as many elements, in the same order.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

from cib.reports import Report
from cib.xml import Element, encoding_of, name_of

_MARKUP = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|</[^>]*>"
    r"|<(?P<name>[^\s/>!?]+)(?P<attributes>(?:[^\"'>]|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL,
)


def located(reports: Iterable[Report], root: Element, data: bytes, source: str) -> tuple[Report, ...]:
    """Return the reports with the file, and with line and column of what each is about.

    `root` was read from `data`. A report whose place cannot be told keeps the line that it has.
    """
    known = tuple(report.of_file(source) for report in reports)
    if not known:
        return ()
    numbers = _Numbers(root)
    wanted = {number: None for report in known if (number := numbers.of(report)) is not None}
    try:
        text = _text(data, encoding_of(root))
    except LookupError:
        # libxml2 knows encodings that Python does not.
        return known
    tags = _start_tags(text, set(wanted), numbers.count)
    return tuple(_with_place(report, text, tags.get(numbers.of(report))) for report in known)


_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""The longer before the shorter that it begins with."""

_Place = tuple[str, str, int]
"""Name, id and line of an element."""


class _Numbers:
    """Which element of the document, counted from 0, a report is about."""

    def __init__(self, root: Element) -> None:
        self.count = 0
        self._by_place: dict[_Place, int] = {}
        self._inside: dict[_Place, int] = {}
        for element in root.iter("*"):
            line, parent = element.sourceline or 0, element.getparent()
            # Of two that are alike and in one line, the second is the one too many.
            for identity in {element.get("id", ""), element.get("id-ref", element.get("id", ""))}:
                self._by_place[name_of(element), identity, line] = self.count
            if parent is not None:
                self._inside.setdefault((name_of(parent), parent.get("id", ""), line), self.count)
            self.count += 1

    def of(self, report: Report) -> int | None:
        """The element itself, or, for what is only named inside of it (a reference), what begins in that line."""
        place = (report.element, report.id, report.line)
        return self._by_place.get(place, self._inside.get(place))


def _text(data: bytes, encoding: str) -> str:
    for mark, marked in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            encoding = marked
            break
    # The mark itself is no column.
    return data.decode(encoding, errors="replace").removeprefix("\ufeff")


def _start_tags(text: str, wanted: set[int], count: int) -> dict[int | None, re.Match[str]]:
    """Return the start tags of these numbers; nothing where the text has not `count` of them in all."""
    found: dict[int | None, re.Match[str]] = {}
    number = 0
    for match in _MARKUP.finditer(text):
        if match.group("name") is None:
            continue
        if number in wanted:
            found[number] = match
        number += 1
    return found if number == count else {}


def _with_place(report: Report, text: str, tag: re.Match[str] | None) -> Report:
    if tag is None:
        return report
    offset = tag.start()
    if report.attribute:
        written = re.search(rf"(?<=\s){re.escape(report.attribute)}\s*=", tag.group("attributes"))
        if written is not None:
            offset = tag.start("attributes") + written.start()
    line = text.count("\n", 0, offset) + 1
    return report.at(line, offset - (text.rfind("\n", 0, offset) + 1) + 1)
