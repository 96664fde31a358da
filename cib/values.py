"""Scalar values as they are written in a CIB: scores, booleans, durations, versions and node names.

Each `parse_*` function is strict and raises `ValueFormatError`; each `*_or` function takes what is
absent or malformed as a default, because that is what the cluster does with values that are already
in the document.

Source: Pacemaker Explained, "Scores", "Boolean values", "Durations and intervals".
"""

from __future__ import annotations

import re

INFINITY = 1_000_000
"""The score that means "always"; its negative means "never"."""

MINUS_INFINITY = -INFINITY

_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)")
_DURATION = re.compile(r"\s*([+-]?\d+)(?:\.\d*)?\s*([A-Za-z]*)")
_ISO_PART = re.compile(r"(\d+)([YMWDHS])")
_ISO_DATE_MS = {
    "Y": 31_536_000_000,
    "M": 2_592_000_000,
    "W": 604_800_000,
    "D": 86_400_000,
    "H": 3_600_000,
    "S": 1_000,
}
_ISO_TIME_MS = {"H": 3_600_000, "M": 60_000, "S": 1_000}
_TRUE = frozenset({"true", "on", "yes", "y", "1"})
_FALSE = frozenset({"false", "off", "no", "n", "0"})
_LARGEST_INTEGER = 2_147_483_647


class ValueFormatError(ValueError):
    """A value that is not of the kind that its place requires."""

    def __init__(self, value: str, expected: str) -> None:
        super().__init__(f"'{value}' is not {expected}")
        self.value = value
        self.expected = expected


def parse_score(text: str) -> int:
    """Return the score that `text` spells, clipped to the infinities.

    Leading digits count and what follows them does not ("10x" is 10). Raises `ValueFormatError` where
    there are no leading digits.
    """
    if text == "-INFINITY":
        return MINUS_INFINITY
    if text in ("INFINITY", "+INFINITY"):
        return INFINITY
    match = _LEADING_INTEGER.match(text)
    if match is None:
        raise ValueFormatError(text, "a score (a whole number, INFINITY or -INFINITY)")
    return max(MINUS_INFINITY, min(INFINITY, int(match.group(1))))


def score_or(text: str | None, default: int = 0) -> int:
    """Return the score, or `default` where it is absent or malformed."""
    if text is None:
        return default
    try:
        return parse_score(text)
    except ValueFormatError:
        return default


def format_score(score: int) -> str:
    """Return the text of a score, with the infinities by name."""
    if score >= INFINITY:
        return "INFINITY"
    if score <= MINUS_INFINITY:
        return "-INFINITY"
    return str(score)


def add_scores(left: int, right: int) -> int:
    """Add two placement scores, saturating at the infinities.

    Minus infinity beats plus infinity, so that no preference can outvote a ban.

    Source: Pacemaker Explained, "Scores" (infinity math).
    """
    if left <= MINUS_INFINITY or right <= MINUS_INFINITY:
        return MINUS_INFINITY
    if left >= INFINITY or right >= INFINITY:
        return INFINITY
    total = left + right
    if total >= INFINITY:
        return INFINITY
    if total <= MINUS_INFINITY:
        return MINUS_INFINITY
    return total


def parse_boolean(text: str) -> bool:
    """Return the truth value that `text` spells in any case; raises `ValueFormatError`."""
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueFormatError(text, "a boolean (true or false)")


def is_true(text: str | None) -> bool:
    """Say whether `text` spells true; what is absent or malformed does not."""
    return text is not None and text.lower() in _TRUE


def is_false(text: str | None) -> bool:
    """Say whether `text` spells false; what is absent or malformed does not."""
    return text is not None and text.lower() in _FALSE


def boolean_or(text: str | None, default: bool) -> bool:
    """Return the truth value, or `default` where it is absent or malformed."""
    if text is None:
        return default
    try:
        return parse_boolean(text)
    except ValueFormatError:
        return default


def leading_integer(text: str | None) -> int | None:
    """Return the whole number at the start of `text`, or None where there is none."""
    if text is None:
        return None
    match = _LEADING_INTEGER.match(text)
    return int(match.group(1)) if match is not None else None


def bounded_integer(text: str | None, minimum: int) -> int:
    """Return the leading integer, at least `minimum` (also for what is absent or malformed)."""
    value = leading_integer(text)
    if value is None or value < minimum:
        return minimum
    return min(value, _LARGEST_INTEGER)


def parse_interval_ms(text: str) -> int:
    """Return a duration in milliseconds.

    Accepted are a number with a unit (none, s, sec: seconds; ms; us; m, min; h, hr; any case) and ISO
    8601 durations (PT1M30S). A negative duration is 0. Raises `ValueFormatError`.
    """
    stripped = text.strip()
    if stripped.startswith("P"):
        return _iso_duration_ms(stripped)
    match = _DURATION.match(text)
    if match is None:
        raise ValueFormatError(text, "a duration (such as 30s, 2min or PT30S)")
    number = max(0, int(match.group(1)))
    unit = match.group(2).lower()
    if unit in ("", "s", "sec") or unit.startswith("s"):
        return number * 1000
    if unit.startswith("ms"):
        return number
    if unit.startswith("us"):
        return number // 1000
    if unit.startswith("m"):
        return number * 60_000
    if unit.startswith("h"):
        return number * 3_600_000
    raise ValueFormatError(text, "a duration (such as 30s, 2min or PT30S)")


def _iso_duration_ms(text: str) -> int:
    """Return a duration such as P1DT2H; times of day are also taken before the T, as in P30S."""
    date_part, _, time_part = text[1:].partition("T")
    total = found = 0
    for part, units in ((date_part, _ISO_DATE_MS), (time_part, _ISO_TIME_MS)):
        position = 0
        for match in _ISO_PART.finditer(part):
            if match.start() != position or match.group(2) not in units:
                break
            total += int(match.group(1)) * units[match.group(2)]
            position = match.end()
            found += 1
        if position != len(part):
            raise ValueFormatError(text, "an ISO 8601 duration (such as PT1M30S)")
    if not found:
        raise ValueFormatError(text, "an ISO 8601 duration (such as PT1M30S)")
    return total


def interval_ms_or(text: str | None, default_ms: int = 0) -> int:
    """Return the duration in milliseconds, or `default_ms` where it is absent or malformed."""
    if text is None:
        return default_ms
    try:
        return parse_interval_ms(text)
    except ValueFormatError:
        return default_ms


def milliseconds_to_seconds(milliseconds: int) -> int:
    """Return whole seconds: rounded half up, but never 0 for a duration that is not 0."""
    if 0 < milliseconds < 1000:
        return 1
    return (milliseconds + 500) // 1000


def compare_versions(left: str, right: str) -> int:
    """Compare two dotted versions number by number; negative, 0 or positive. Missing parts count as 0."""
    left_parts = [int(part) if part.isdigit() else 0 for part in left.split(".")]
    right_parts = [int(part) if part.isdigit() else 0 for part in right.split(".")]
    width = max(len(left_parts), len(right_parts))
    left_parts += [0] * (width - len(left_parts))
    right_parts += [0] * (width - len(right_parts))
    return (left_parts > right_parts) - (left_parts < right_parts)


def node_name_key(name: str) -> tuple[tuple[int, int, int], ...]:
    """Return a sort key by which node2 comes before node10, ignoring case.

    Runs of digits compare as numbers, equal numbers by fewer digits; all else compares by character.
    """
    key: list[tuple[int, int, int]] = []
    position = 0
    lowered = name.lower()
    while position < len(lowered):
        character = lowered[position]
        if "0" <= character <= "9":
            end = position + 1
            while end < len(lowered) and "0" <= lowered[end] <= "9":
                end += 1
            key.append((ord("0"), int(lowered[position:end]), end - position))
            position = end
        else:
            key.append((ord(character), 0, 0))
            position += 1
    return tuple(key)


def readable_interval(milliseconds: int) -> str:
    """Return a duration as Pacemaker shows intervals: 1m30s, 10s, 1.500s, 20ms."""
    text = ""
    rest = milliseconds
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if rest >= size:
            text += f"{rest // size}{unit}"
            rest %= size
    if rest >= 1000 or (rest and text):
        fraction = f".{rest % 1000:03d}" if rest % 1000 else ""
        return f"{text}{rest // 1000}{fraction}s"
    return text + (f"{rest}ms" if rest else "") or "0s"
