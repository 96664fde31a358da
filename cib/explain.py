"""Why a document does not conform to the grammar, in words: element, line, what stands there, what is allowed.

libxml2 decides whether a document is valid and does so fast; this slow way is only taken for one that is not, because
its messages do not tell people what to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from cib.grammar import Grammar, described, fits
from cib.patterns import (
    NOT_ALLOWED,
    After,
    Attribute,
    Choice,
    ElementPattern,
    Group,
    Interleave,
    OneOrMore,
    Pattern,
    close_tag,
    end_tag,
    open_tag,
    take_attribute,
)
from cib.reports import REPORTS_MAX, Report
from cib.xml import Element, elements, name_of

ELEMENTS_MAX = 20_000
"""More elements of one document are not looked at, so that the cost is bounded."""


def explain(grammar: Grammar, root: Element) -> tuple[Report, ...]:
    """Return what is wrong with a document, in document order; empty when nothing was found within the bounds."""
    explanation = _Explanation()
    explanation.element(root, grammar.start)
    return tuple(explanation.reports)


class _Explanation:
    """Follows the document through the grammar; after an error it goes on as if the place were right."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._seen = 0
        self._opened: dict[tuple[Pattern, str], Pattern] = {}

    @property
    def _enough(self) -> bool:
        return len(self.reports) >= REPORTS_MAX or self._seen >= ELEMENTS_MAX

    def element(self, element: Element, pattern: Pattern) -> Pattern:
        """Take an element where `pattern` is allowed; returns what is allowed after it."""
        if self._enough:
            return pattern
        self._seen += 1
        name = name_of(element)
        opened = self._open(pattern, name)
        if opened is NOT_ALLOWED:
            self._unknown_element(element, pattern)
            return pattern
        if name == "status":
            # Anything goes inside, and there may be a lot of it.
            return end_tag(opened, lenient=True)
        opened = self._attributes(element, opened)
        closed = close_tag(opened)
        if closed is NOT_ALLOWED:
            self._missing_attribute(element, opened)
            closed = close_tag(opened, lenient=True)
        for child in elements(element):
            closed = self.element(child, closed)
        ended = end_tag(closed)
        if ended is NOT_ALLOWED:
            if not self._enough:
                self._missing_element(element, opened, closed)
            ended = end_tag(closed, lenient=True)
        return ended

    def _open(self, pattern: Pattern, name: str) -> Pattern:
        opened = self._opened.get((pattern, name))
        if opened is None:
            opened = self._opened[pattern, name] = open_tag(pattern, name)
        return opened

    def _attributes(self, element: Element, opened: Pattern) -> Pattern:
        for key, text in element.attrib.items():
            if self._enough:
                break
            name, value = str(key), str(text)
            following = take_attribute(opened, name, lambda pattern, value=value: fits(pattern, value))  # type: ignore[misc]
            if following is NOT_ALLOWED:
                self._wrong_attribute(element, opened, name, value)
            else:
                opened = following
        return opened

    # what is said

    def _say(self, element: Element, code: str, text: str, attribute: str = "") -> None:
        identity = element.get("id", "") or element.get("id-ref", "")
        line = element.sourceline or 0
        self.reports.append(Report(code, "error", text, name_of(element), identity, line, attribute=attribute))

    def _unknown_element(self, element: Element, pattern: Pattern) -> None:
        parent = element.getparent()
        where = f"in <{name_of(parent)}>" if parent is not None else "as the outermost element"
        allowed = _element_names(pattern)
        if name_of(element) in allowed:
            text = f"is not allowed here {where}"
        elif allowed:
            text = f"is not allowed {where} here; allowed: {_listed(allowed)}{_meant(name_of(element), allowed)}"
        else:
            text = f"is not allowed {where}, where no further element may stand"
        self._say(element, "schema.element", text)

    def _wrong_attribute(self, element: Element, opened: Pattern, name: str, value: str) -> None:
        known = [each for each in _open_attributes(opened) if each.name == name]
        if not known:
            allowed = sorted({each.name for each in _open_attributes(opened) if each.name})
            others = f"allowed besides what is there: {_listed(allowed)}" if allowed else "no further one is allowed"
            text = f"attribute '{name}' is not allowed here; {others}{_meant(name, allowed)}"
            self._say(element, "schema.attribute", text, name)
            return
        expected = list(dict.fromkeys(words for each in known for words in described(each.content)))
        text = (
            f"attribute '{name}' has the value '{value}', expected {_listed(expected, 'or')}{_meant(value, expected)}"
        )
        self._say(element, "schema.value", text, name)

    def _missing_attribute(self, element: Element, opened: Pattern) -> None:
        # One that is there has a wrong value, which is told already.
        needed = [
            tuple(name for name in each if name not in element.attrib) for each in _needed(opened, attributes=True)
        ]
        if not all(needed):
            return
        if len(needed) == 1:
            text = f"attribute {_quoted(needed[0])} is missing"
        else:
            text = f"an attribute is missing: {' or '.join(_quoted(each) for each in needed)}"
        self._say(element, "schema.attribute.missing", text)

    def _missing_element(self, element: Element, opened: Pattern, pattern: Pattern) -> None:
        needed = " or ".join(_tags(each) for each in _needed(pattern, attributes=False))
        instead = self._completing_attributes(element, opened)
        if instead:
            text = f"an attribute is missing: {' or '.join(_quoted((name,)) for name in instead)} (or {needed} inside)"
            self._say(element, "schema.attribute.missing", text)
        else:
            self._say(element, "schema.element.missing", f"an element is missing inside: {needed}")

    def _completing_attributes(self, element: Element, opened: Pattern) -> list[str]:
        """Return the attributes of which each alone would make the element complete as it is."""
        found: list[str] = []
        for name in dict.fromkeys(each.name for each in _open_attributes(opened) if each.name is not None):
            pattern = close_tag(take_attribute(opened, name, lambda _: True))
            for child in elements(element):
                pattern = end_tag(self._open(pattern, name_of(child)), lenient=True)
            if end_tag(pattern) is not NOT_ALLOWED:
                found.append(name)
        return found


def _element_names(pattern: Pattern) -> list[str]:
    """Return the names of the elements that may come next, sorted."""
    names: set[str] = set()
    waiting = [pattern]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ElementPattern):
            names.add(current.name or "any")
        elif isinstance(current, Choice | Interleave):
            waiting += [current.left, current.right]
        elif isinstance(current, Group):
            waiting += [current.left, current.right] if current.left.nullable else [current.left]
        elif isinstance(current, OneOrMore):
            waiting.append(current.inner)
        elif isinstance(current, After):
            waiting.append(current.left)
    return sorted(names)


def _open_attributes(pattern: Pattern) -> list[Attribute]:
    """Return the attributes that may still come in a start tag."""
    found: list[Attribute] = []
    waiting = [pattern]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Attribute):
            found.append(current)
        elif isinstance(current, Choice | Interleave | Group):
            waiting += [current.right, current.left]
        elif isinstance(current, OneOrMore):
            waiting.append(current.inner)
        elif isinstance(current, After):
            waiting.append(current.left)
    return found


_ALTERNATIVES_MAX = 8
_Names = tuple[str, ...]


def _needed(pattern: Pattern, *, attributes: bool) -> list[_Names]:
    """Return the sets of attributes (or of elements) that would complete the place, none with more than it needs."""
    found = _alternatives(pattern, attributes=attributes)
    return [each for each in found if not any(set(other) < set(each) for other in found)]


def _alternatives(pattern: Pattern, *, attributes: bool) -> list[_Names]:
    if isinstance(pattern, Attribute):
        return [(pattern.name or "any",)] if attributes else [()]
    if isinstance(pattern, ElementPattern):
        return [()] if attributes else [(pattern.name or "any",)]
    if isinstance(pattern, After):
        return _alternatives(pattern.left, attributes=attributes)
    if isinstance(pattern, OneOrMore):
        return _alternatives(pattern.inner, attributes=attributes)
    if isinstance(pattern, Choice):
        return _few(
            [*_alternatives(pattern.left, attributes=attributes), *_alternatives(pattern.right, attributes=attributes)]
        )
    if isinstance(pattern, Group | Interleave):
        left = _alternatives(pattern.left, attributes=attributes)
        right = _alternatives(pattern.right, attributes=attributes)
        return _few([(*one, *two) for one in left for two in right])
    return [] if pattern is NOT_ALLOWED else [()]


def _few(alternatives: Iterable[_Names]) -> list[_Names]:
    return sorted(dict.fromkeys(alternatives), key=len)[:_ALTERNATIVES_MAX]


def _listed(names: list[str], last: str = "and") -> str:
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def _quoted(names: _Names) -> str:
    return _listed([f"'{name}'" for name in names])


def _tags(names: _Names) -> str:
    return _listed([f"<{name}>" for name in names])


def _meant(word: str, known: list[str]) -> str:
    # Imported when somebody has to be told: a twentieth of what a tool costs that only reads a valid document.
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
