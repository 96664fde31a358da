"""RELAX NG patterns and their derivatives: what a grammar allows after a part of a document was read.

Patterns are interned, so that equal ones are identical and derivatives can be remembered.

Source: James Clark, "An algorithm for RELAX NG validation".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar


class Pattern:
    """Base of all patterns; compared by identity."""

    __slots__ = ("nullable",)
    nullable: bool


class Empty(Pattern):
    """Matches nothing more."""

    __slots__ = ()


class NotAllowed(Pattern):
    """Matches nothing at all."""

    __slots__ = ()


class Text(Pattern):
    """Any text."""

    __slots__ = ()


class Value(Pattern):
    """One word."""

    __slots__ = ("text",)
    text: str


class Data(Pattern):
    """A value of a datatype, restricted by a regular expression where there is one."""

    __slots__ = ("kind", "regex")
    kind: str
    regex: str


class Attribute(Pattern):
    """An attribute; `name` None: any."""

    __slots__ = ("content", "name")
    name: str | None
    content: Pattern


class ElementPattern(Pattern):
    """An element; its content is looked up when it is needed, because definitions are recursive."""

    __slots__ = ("content", "name")
    name: str | None
    content: Callable[[], Pattern]


class _Pair(Pattern):
    __slots__ = ("left", "right")
    left: Pattern
    right: Pattern


class Choice(_Pair):
    """Either of two."""

    __slots__ = ()


class Group(_Pair):
    """Both, one after the other (attributes in any order)."""

    __slots__ = ()


class Interleave(_Pair):
    """Both, mixed."""

    __slots__ = ()


class After(_Pair):
    """The rest of an element's content, then the rest after the element."""

    __slots__ = ()


class OneOrMore(Pattern):
    """Repeated."""

    __slots__ = ("inner",)
    inner: Pattern


def _constant(kind: type[Pattern], *, nullable: bool) -> Pattern:
    pattern = kind()
    pattern.nullable = nullable
    return pattern


EMPTY = _constant(Empty, nullable=True)
NOT_ALLOWED = _constant(NotAllowed, nullable=False)
TEXT = _constant(Text, nullable=True)


class _Interned:
    """Patterns made so far."""

    pairs: ClassVar[dict[tuple[type[_Pair], Pattern, Pattern], _Pair]] = {}
    repeats: ClassVar[dict[Pattern, OneOrMore]] = {}


def _pair(kind: type[_Pair], left: Pattern, right: Pattern, *, nullable: bool) -> Pattern:
    found = _Interned.pairs.get((kind, left, right))
    if found is None:
        found = kind()
        found.left, found.right, found.nullable = left, right, nullable
        _Interned.pairs[kind, left, right] = found
    return found


def choice(left: Pattern, right: Pattern) -> Pattern:
    """Either of two patterns."""
    if left is NOT_ALLOWED or left is right:
        return right
    if right is NOT_ALLOWED:
        return left
    if _among(right, left):
        return left
    return _pair(Choice, left, right, nullable=left.nullable or right.nullable)


def _among(pattern: Pattern, alternatives: Pattern) -> bool:
    while isinstance(alternatives, Choice):
        if alternatives.right is pattern:
            return True
        alternatives = alternatives.left
    return alternatives is pattern


def group(left: Pattern, right: Pattern) -> Pattern:
    """One pattern after the other."""
    return _both(Group, left, right)


def interleave(left: Pattern, right: Pattern) -> Pattern:
    """Two patterns mixed."""
    return _both(Interleave, left, right)


def _both(kind: type[_Pair], left: Pattern, right: Pattern) -> Pattern:
    if left is NOT_ALLOWED or right is NOT_ALLOWED:
        return NOT_ALLOWED
    if left is EMPTY:
        return right
    if right is EMPTY:
        return left
    return _pair(kind, left, right, nullable=left.nullable and right.nullable)


def after(left: Pattern, right: Pattern) -> Pattern:
    """The rest of an element, then what follows it."""
    if left is NOT_ALLOWED or right is NOT_ALLOWED:
        return NOT_ALLOWED
    return _pair(After, left, right, nullable=False)


def one_or_more(inner: Pattern) -> Pattern:
    """A pattern repeated."""
    if inner is NOT_ALLOWED:
        return NOT_ALLOWED
    found = _Interned.repeats.get(inner)
    if found is None:
        found = OneOrMore()
        found.inner, found.nullable = inner, inner.nullable
        _Interned.repeats[inner] = found
    return found


def apply_after(function: Callable[[Pattern], Pattern], pattern: Pattern) -> Pattern:
    """Change what follows the element in an `After`."""
    if isinstance(pattern, After):
        return after(pattern.left, function(pattern.right))
    if isinstance(pattern, Choice):
        return choice(apply_after(function, pattern.left), apply_after(function, pattern.right))
    return NOT_ALLOWED


def open_tag(pattern: Pattern, name: str) -> Pattern:
    """Return what is allowed after the beginning of an element's start tag."""
    if isinstance(pattern, Choice):
        return choice(open_tag(pattern.left, name), open_tag(pattern.right, name))
    if isinstance(pattern, ElementPattern):
        return after(pattern.content(), EMPTY) if pattern.name in (None, name) else NOT_ALLOWED
    if isinstance(pattern, OneOrMore):
        again = choice(pattern, EMPTY)
        return apply_after(lambda rest: group(rest, again), open_tag(pattern.inner, name))
    if isinstance(pattern, After):
        following = pattern.right
        return apply_after(lambda rest: after(rest, following), open_tag(pattern.left, name))
    if isinstance(pattern, Group):
        left, right = pattern.left, pattern.right
        first = apply_after(lambda rest: group(rest, right), open_tag(left, name))
        return choice(first, open_tag(right, name)) if left.nullable else first
    if isinstance(pattern, Interleave):
        left, right = pattern.left, pattern.right
        return choice(
            apply_after(lambda rest: interleave(rest, right), open_tag(left, name)),
            apply_after(lambda rest: interleave(left, rest), open_tag(right, name)),
        )
    return NOT_ALLOWED


def take_attribute(pattern: Pattern, name: str, fits: Callable[[Pattern], bool]) -> Pattern:
    """Return what is allowed after an attribute; `fits` says whether its value has a pattern."""
    if isinstance(pattern, Attribute):
        return EMPTY if pattern.name in (None, name) and fits(pattern.content) else NOT_ALLOWED
    if isinstance(pattern, After):
        return after(take_attribute(pattern.left, name, fits), pattern.right)
    if isinstance(pattern, Choice):
        return choice(take_attribute(pattern.left, name, fits), take_attribute(pattern.right, name, fits))
    if isinstance(pattern, OneOrMore):
        return group(take_attribute(pattern.inner, name, fits), choice(pattern, EMPTY))
    if isinstance(pattern, Group | Interleave):
        combine = group if isinstance(pattern, Group) else interleave
        return choice(
            combine(take_attribute(pattern.left, name, fits), pattern.right),
            combine(pattern.left, take_attribute(pattern.right, name, fits)),
        )
    return NOT_ALLOWED


def close_tag(pattern: Pattern, *, lenient: bool = False) -> Pattern:
    """Return what is allowed after a complete start tag; lenient: as if missing attributes were there."""
    if isinstance(pattern, Attribute):
        return EMPTY if lenient else NOT_ALLOWED
    if isinstance(pattern, After):
        return after(close_tag(pattern.left, lenient=lenient), pattern.right)
    if isinstance(pattern, Choice):
        return choice(close_tag(pattern.left, lenient=lenient), close_tag(pattern.right, lenient=lenient))
    if isinstance(pattern, OneOrMore):
        return one_or_more(close_tag(pattern.inner, lenient=lenient))
    if isinstance(pattern, Group):
        return group(close_tag(pattern.left, lenient=lenient), close_tag(pattern.right, lenient=lenient))
    if isinstance(pattern, Interleave):
        return interleave(close_tag(pattern.left, lenient=lenient), close_tag(pattern.right, lenient=lenient))
    return pattern


def end_tag(pattern: Pattern, *, lenient: bool = False) -> Pattern:
    """Return what is allowed after an element; lenient: as if missing children were there."""
    if isinstance(pattern, Choice):
        return choice(end_tag(pattern.left, lenient=lenient), end_tag(pattern.right, lenient=lenient))
    if isinstance(pattern, After):
        return pattern.right if lenient or pattern.left.nullable else NOT_ALLOWED
    return NOT_ALLOWED
