"""What is wrong with a line or with an object, for people: the object, the word, what was expected."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches


@dataclass
class LanguageError(Exception):
    """A line that cannot be understood or an object that cannot be made.

    `subject` is what kind of object it is about ("primitive"), `message` what is wrong and how to put it right;
    `line`, `start`, `end` mark the word, with `start` below 0 where there is none.
    """

    subject: str
    message: str
    line: str = ""
    start: int = -1
    end: int = -1
    syntax: bool = False
    """True where the line itself cannot be understood, apart from the configuration around it."""
    about: object = None
    """The parsed object that cannot be made, where a whole text of them is taken in."""

    def __str__(self) -> str:
        if not self.subject:
            return self.message
        return f"{'syntax in ' if self.syntax else ''}{self.subject}: {self.message}"

    def pointer(self) -> list[str]:
        """The line and, below it, carets under the word; cut to what surrounds the word in a long line."""
        if self.start < 0:
            return []
        left = max(0, self.start - 50)
        shown = self.line.replace("\t", " ").replace("\n", " ")[left : left + 100]
        width = max(1, min(self.end, left + 100) - self.start)
        return [f"  {shown}", "  " + " " * (self.start - left) + "^" * width]


def did_you_mean(word: str, known: list[str] | tuple[str, ...]) -> str:
    """`; did you mean 'x'?`, or nothing when no known word is close."""
    close = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    if not close:
        return ""
    original = next(name for name in known if name.lower() == close[0])
    return f"; did you mean '{original}'?"
