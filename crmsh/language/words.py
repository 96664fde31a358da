"""Splitting a line into words as a POSIX shell would, keeping where each word stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotes, and the columns (from 0) of its text in the line."""

    text: str
    start: int
    end: int
    quoted: bool = False


class UnbalancedQuote(ValueError):
    """A quotation that does not end in its line."""

    def __init__(self, column: int, quote: str) -> None:
        super().__init__(f"no closing quotation for {quote}")
        self.column = column


def split_words(line: str, partial: bool = False) -> list[Word]:
    """The words of a line. `partial` accepts an open quotation (a line that is being typed).

    Within double quotes a backslash protects `"` and `\\` only. Raises UnbalancedQuote.
    """
    words: list[Word] = []
    at, length = 0, len(line)
    while at < length:
        if line[at].isspace():
            at += 1
            continue
        word, at = _read_word(line, at, partial)
        words.append(word)
    return words


def _read_word(line: str, start: int, partial: bool) -> tuple[Word, int]:
    out: list[str] = []
    quote, opened, quoted = "", start, False
    at, length = start, len(line)
    while at < length:
        char = line[at]
        if quote:
            if char == quote:
                quote = ""
            elif char == "\\" and quote == '"' and at + 1 < length and line[at + 1] in '"\\':
                at += 1
                out.append(line[at])
            else:
                out.append(char)
        elif char in "'\"":
            quote, opened, quoted = char, at, True
        elif char == "\\" and at + 1 < length:
            at += 1
            out.append(line[at])
        elif char.isspace():
            break
        else:
            out.append(char)
        at += 1
    if quote and not partial:
        raise UnbalancedQuote(opened, quote)
    return Word("".join(out), start, at, quoted), at


def quote(word: str) -> str:
    """A word in a form that `split_words` reads back as the same word."""
    if word and not any(char.isspace() or char in "'\"\\" for char in word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
