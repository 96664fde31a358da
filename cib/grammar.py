"""Reading our RELAX NG files into patterns, and the datatypes that they use."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from cib.patterns import (
    EMPTY,
    NOT_ALLOWED,
    TEXT,
    Attribute,
    Choice,
    Data,
    ElementPattern,
    Pattern,
    Value,
    choice,
    group,
    interleave,
    one_or_more,
)
from cib.xml import Element, elements, is_comment

_NAMESPACE = "{http://relaxng.org/ns/structure/1.0}"
_NAME = re.compile(r"[^\W\d][\w.\-]*$")

_TYPES: dict[str, tuple[Callable[[str], bool], str]] = {
    "NCName": (lambda text: _NAME.match(text.strip()) is not None, "a name (letters, digits, '.', '-', '_')"),
    "integer": (lambda text: re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) is not None, "a whole number"),
    "nonNegativeInteger": (lambda text: re.fullmatch(r"\s*\+?[0-9]+\s*", text) is not None, "a number of 0 or more"),
    "positiveInteger": (
        lambda text: re.fullmatch(r"\s*\+?0*[1-9][0-9]*\s*", text) is not None,
        "a number of 1 or more",
    ),
    "boolean": (lambda text: text.strip() in ("true", "false", "1", "0"), "true or false"),
    "string": (lambda text: True, "text"),
    "token": (lambda text: True, "text"),
}


def fits(pattern: Pattern, text: str) -> bool:
    """Say whether an attribute's value has a pattern."""
    if isinstance(pattern, Choice):
        return fits(pattern.left, text) or fits(pattern.right, text)
    if isinstance(pattern, Value):
        return pattern.text == " ".join(text.split())
    if isinstance(pattern, Data):
        accepted = _TYPES[pattern.kind][0](text)
        value = text if pattern.kind == "string" else " ".join(text.split())
        return accepted and (not pattern.regex or re.fullmatch(pattern.regex, value) is not None)
    return pattern is TEXT


def described(pattern: Pattern) -> list[str]:
    """Return in words what values a pattern has, one entry for each alternative."""
    if isinstance(pattern, Choice):
        return [*described(pattern.left), *described(pattern.right)]
    if isinstance(pattern, Value):
        return [pattern.text]
    if isinstance(pattern, Data):
        return [f"text like {pattern.regex}" if pattern.regex else _TYPES[pattern.kind][1]]
    return ["text"]


class Grammar:
    """The definitions of a grammar, made of the root elements of its files."""

    def __init__(self, files: list[Element]) -> None:
        self._defines: dict[str, Element] = {}
        start: Element | None = None
        for root in files:
            for element in elements(root):
                if element.tag == f"{_NAMESPACE}define":
                    self._defines[element.get("name", "")] = element
                elif element.tag == f"{_NAMESPACE}start":
                    start = element
        assert start is not None, "a grammar has a start"
        self._define = cache(self._read_define)
        self.start = self._sequence(start)

    def _read_define(self, name: str) -> Pattern:
        return self._sequence(self._defines[name])

    def _sequence(self, parent: Element) -> Pattern:
        return self._combined(parent, group)

    def _combined(self, parent: Element, combine: Callable[[Pattern, Pattern], Pattern]) -> Pattern:
        result: Pattern | None = None
        for child in parent:
            if is_comment(child) or child.tag == f"{_NAMESPACE}anyName":
                continue
            pattern = self._read(child)
            result = pattern if result is None else combine(result, pattern)
        return EMPTY if result is None else result

    def _read(self, element: Element) -> Pattern:
        kind = str(element.tag).removeprefix(_NAMESPACE)
        match kind:
            case "ref":
                return self._define(element.get("name", ""))
            case "group":
                return self._sequence(element)
            case "choice":
                return self._combined(element, choice)
            case "interleave":
                return self._combined(element, interleave)
            case "optional":
                return choice(self._sequence(element), EMPTY)
            case "oneOrMore":
                return one_or_more(self._sequence(element))
            case "zeroOrMore":
                return choice(one_or_more(self._sequence(element)), EMPTY)
            case "empty":
                return EMPTY
            case "text":
                return TEXT
            case "notAllowed":
                return NOT_ALLOWED
            case "attribute":
                return self._attribute(element)
            case "element":
                return self._element(element)
            case "value" | "data":
                return _value(element, kind)
            case _:
                raise AssertionError(f"our grammars do not use <{kind}>")

    def _attribute(self, element: Element) -> Pattern:
        pattern = Attribute()
        pattern.name = element.get("name")
        content = self._sequence(element)
        pattern.content = TEXT if content is EMPTY else content
        pattern.nullable = False
        return pattern

    def _element(self, element: Element) -> Pattern:
        pattern = ElementPattern()
        pattern.name = element.get("name")
        pattern.content = cache(lambda: self._sequence(element))
        pattern.nullable = False
        return pattern


def _value(element: Element, kind: str) -> Pattern:
    if kind == "value":
        value = Value()
        value.text, value.nullable = element.text or "", False
        return value
    data = Data()
    parameter = next(elements(element), None)
    data.kind, data.regex, data.nullable = element.get("type", ""), "", False
    if parameter is not None:
        data.regex = parameter.text or ""
    return data
