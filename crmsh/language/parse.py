"""From a line to the object that it describes; the same grammar completes lines and explains errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lark import Lark, Token
from lark.exceptions import UnexpectedInput

from crmsh.language import terminals
from crmsh.language.errors import LanguageError, did_you_mean
from crmsh.language.objects import ConfigurationObject, RawXml
from crmsh.language.parser_cache import load_parser
from crmsh.language.transform import TransformError, to_object
from crmsh.language.words import UnbalancedQuote, Word, split_words
from crmsh.language.xml import MalformedXml, parse_xml

if TYPE_CHECKING:
    from lark.parsers.lalr_interactive_parser import InteractiveParser

KEYWORDS = ("node", "primitive", "rsc_template", "group", "clone", "bundle", "location", "colocation", "order",
            "rsc_ticket", "property", "rsc_defaults", "op_defaults", "fencing_topology", "role", "acl_target",
            "acl_group", "tag", "alert", "monitor")  # fmt: skip
"""The start symbols of the grammar."""

OTHER_WORDS = {"resource": "primitive", "ms": "clone", "master": "clone", "collocation": "colocation"}
"""Other words that begin a line, and whose grammar they share."""

OBJECT_WORDS = (*KEYWORDS, *OTHER_WORDS, "xml")
"""Everything that a configuration line can begin with."""


@cache
def _parser() -> Lark:
    grammar = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    return load_parser(grammar, KEYWORDS)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the grammar accepts at a place of a line."""

    keyword: str
    terminals: tuple[str, ...]
    words: tuple[str, ...]
    """Words before the place, without the keyword."""


def is_object_word(word: str) -> bool:
    """True for a word that begins a configuration line."""
    return word.lower() in OBJECT_WORDS


def parse_line(line: str) -> ConfigurationObject:
    """The object that a configuration line describes. Raises LanguageError with the place of the fault."""
    try:
        words = split_words(line)
    except UnbalancedQuote as error:
        raise LanguageError("", str(error), line, error.column, error.column + 1, syntax=True) from None
    return parse_words(words, line)


def parse_words(words: list[Word], line: str) -> ConfigurationObject:
    """As `parse_line`, for a line that was split already."""
    if not words:
        raise LanguageError("", "the line is empty", syntax=True)
    head = words[0].text.lower()
    if head == "xml":
        return _raw_xml(words, line)
    keyword = OTHER_WORDS.get(head, head)
    if keyword not in KEYWORDS:
        message = f"'{words[0].text}' is not a kind of object{did_you_mean(head, OBJECT_WORDS)}"
        raise LanguageError("", message, line, words[0].start, words[0].end, syntax=True)
    parser = _parser().parse_interactive("", start=keyword)
    for place, word in enumerate(words[1:], 1):
        following = words[place + 1].text if place + 1 < len(words) else ""
        _feed(parser, keyword, word, following, line)
    accepted = _accepted(parser)
    try:
        tree = parser.feed_eof()  # type: ignore[no-untyped-call]
    except UnexpectedInput:
        message = f"the line ends early: expected {_listed(terminals.labels(accepted))}"
        raise LanguageError(keyword, message, line, len(line.rstrip()), len(line.rstrip()) + 1, syntax=True) from None
    try:
        return to_object(head, tree)
    except TransformError as error:
        start, end = (error.start, error.end) if error.start >= 0 else (words[0].start, words[0].end)
        raise LanguageError(keyword, str(error), line, start, end, syntax=True) from None


def _accepted(parser: InteractiveParser) -> list[str]:
    """The terminals that the parser's state has an action for."""
    choices: dict[str, object] = parser.choices()  # type: ignore[no-untyped-call]
    return [name for name in choices if name.isupper() or name == "$END"]


def _feed(parser: InteractiveParser, keyword: str, word: Word, following: str, line: str) -> None:
    accepted = _accepted(parser)
    terminal = terminals.classify(word.text, following, accepted)
    if terminal is not None:
        token = Token(terminal.name, word.text, start_pos=word.start, end_pos=word.end)
        try:
            parser.feed_token(token)
            return
        except UnexpectedInput as error:
            accepted = list(getattr(error, "accepts", None) or accepted)
    else:
        # The table merges states; what can really stand here is found by trying.
        exact: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
        accepted = sorted(exact) or accepted
    message = f"'{word.text}' cannot stand here"
    if expected := terminals.labels(accepted):
        message += f": expected {_listed(expected)}"
    elif "$END" in accepted:
        message += ": the line was complete before it"
    message += did_you_mean(word.text, terminals.literals(accepted))
    raise LanguageError(keyword, message, line, word.start, word.end, syntax=True)


def _listed(names: list[str], limit: int = 6) -> str:
    shown = names[:limit] + (["…"] if len(names) > limit else [])
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " or " + shown[-1]


def _raw_xml(words: list[Word], line: str) -> RawXml:
    if len(words) == 2:
        text = words[1].text
    else:
        text = line[words[0].end :].strip()
    try:
        element = parse_xml(text)
    except MalformedXml as error:
        start = words[1].start if len(words) > 1 else words[0].start
        raise LanguageError("xml", f"not well-formed XML: {error}", line, start, len(line), syntax=True) from None
    return RawXml(text, element.get("id", ""))


def expectation(words: list[Word]) -> Expectation | None:
    """What may follow these words (the keyword first); None where the words before are no valid beginning."""
    if not words:
        return None
    head = words[0].text.lower()
    keyword = OTHER_WORDS.get(head, head)
    if keyword not in KEYWORDS:
        return None
    parser = _parser().parse_interactive("", start=keyword)
    try:
        for place, word in enumerate(words[1:], 1):
            following = words[place + 1].text if place + 1 < len(words) else ""
            _feed(parser, keyword, word, following, "")
    except LanguageError:
        return None
    return Expectation(keyword, tuple(_accepted(parser)), tuple(word.text for word in words[1:]))
