"""Problems found in a configuration file, as values; text is made at the edge, where they are shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_LINE_END = re.compile(r"\r\n|\n|\r")

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or not used, in a file. With any `error` nothing is started."""

    severity: Severity
    file: Path
    line: int
    """Counted from 1; 0 when it is about the file as a whole."""
    text: str
    """What is wrong, naming the directive or field."""
    value: str = ""
    """The words that are wrong, as they stand in the file."""
    expected: str = ""
    """What would be right."""
    column: int = 0
    """Where `value` begins, counted from 1; 0 when that is not known."""


def render(problem: Problem) -> str:
    """One line in the form that editors understand: `FILE:LINE:COLUMN: severity: text; expected …`."""
    place = str(problem.file)
    if problem.line:
        place += f":{problem.line}"
        if problem.column:
            place += f":{problem.column}"
    value = f": {problem.value!r}" if problem.value else ""
    expected = f"; expected {problem.expected}" if problem.expected else ""
    return f"{place}: {problem.severity}: {problem.text}{value}{expected}"


def lines_of(text: str) -> list[str]:
    """The lines as editors count them: other characters at which `str.splitlines` breaks are part of a line."""
    return _LINE_END.split(text)


def is_plain(word: str) -> bool:
    """Whether a word holds only characters that people can see, and was valid UTF-8 before it was decoded."""
    return word.isprintable() and "\ufffd" not in word


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of them forbids a start."""
    return any(problem.severity == "error" for problem in problems)
