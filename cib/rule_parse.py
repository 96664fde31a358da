"""Reads `rule` elements of a CIB into the types of `cib.rules`."""

from __future__ import annotations

from datetime import UTC, tzinfo

from cib.dates import DatePattern, Duration, parse_instant
from cib.rules import (
    Condition,
    DateCondition,
    NodeCondition,
    OperationCondition,
    ResourceCondition,
    Rule,
)
from cib.values import ValueFormatError, interval_ms_or, leading_integer, parse_score
from cib.xml import Element

_NODE_OPERATIONS = frozenset({"defined", "not_defined", "eq", "ne", "lt", "lte", "gt", "gte"})
_NODE_TYPES = frozenset({"string", "integer", "number", "version"})
_PATTERN_UNITS = (
    "years",
    "months",
    "monthdays",
    "hours",
    "minutes",
    "seconds",
    "yeardays",
    "weekyears",
    "weeks",
    "weekdays",
)


def parse_rule(element: Element, zone: tzinfo = UTC) -> Rule:
    """Return the rule that a `rule` element says; what is malformed in it never passes."""
    conditions: list[Condition] = []
    for child in element:
        condition = _parse_condition(child, zone)
        if condition is not None:
            conditions.append(condition)
    conjunction = (element.get("boolean-op") or "and").lower()
    return Rule(
        id=element.get("id") or "",
        conjunction=conjunction,
        conditions=tuple(conditions),
        score=_optional_score(element.get("score")),
        score_attribute=element.get("score-attribute"),
        role=element.get("role"),
        valid=element.get("id") is not None and conjunction in ("and", "or"),
    )


def _optional_score(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_score(text)
    except ValueFormatError:
        return None


def _parse_condition(element: Element, zone: tzinfo) -> Condition | None:
    if element.tag == "rule":
        return parse_rule(element, zone)
    if element.tag == "expression":
        return _parse_node_condition(element)
    if element.tag == "date_expression":
        return _parse_date_condition(element, zone)
    if element.tag == "rsc_expression":
        return ResourceCondition(element.get("class"), element.get("provider"), element.get("type"))
    if element.tag == "op_expression":
        interval = element.get("interval")
        return OperationCondition(element.get("name"), None if interval is None else interval_ms_or(interval))
    return None


def _parse_node_condition(element: Element) -> NodeCondition:
    operation = (element.get("operation") or "").lower()
    value = element.get("value")
    kind = element.get("type")
    kind = kind.lower() if kind is not None else None
    unary = operation in ("defined", "not_defined")
    valid = (
        element.get("id") is not None
        and element.get("attribute") is not None
        and operation in _NODE_OPERATIONS
        and (value is None) == unary
        and kind in (None, *_NODE_TYPES)
    )
    return NodeCondition(
        attribute=element.get("attribute") or "",
        operation=operation,
        value=value,
        type=kind,
        source=(element.get("value-source") or "literal").lower(),
        valid=valid,
    )


def _parse_date_condition(element: Element, zone: tzinfo) -> DateCondition:
    operation = (element.get("operation") or "in_range").lower()
    valid = element.get("id") is not None and operation in ("in_range", "gt", "lt", "date_spec")
    start = end = None
    try:
        start_text, end_text = element.get("start"), element.get("end")
        start = parse_instant(start_text, zone) if start_text is not None else None
        end = parse_instant(end_text, zone) if end_text is not None else None
    except ValueFormatError:
        valid = False
    duration = pattern = None
    for child in element:
        if child.tag == "duration":
            duration = _parse_duration(child)
        elif child.tag == "date_spec":
            pattern = _parse_pattern(child)
            valid = valid and pattern is not None
    return DateCondition(operation, start, end, duration, pattern, valid)


def _parse_duration(element: Element) -> Duration:
    def amount(unit: str) -> int:
        return leading_integer(element.get(unit)) or 0

    return Duration(
        years=amount("years"),
        months=amount("months"),
        weeks=amount("weeks"),
        days=amount("days"),
        hours=amount("hours"),
        minutes=amount("minutes"),
        seconds=amount("seconds"),
    )


def _parse_pattern(element: Element) -> DatePattern | None:
    """Return the pattern, or None where one of its ranges is malformed."""
    ranges: list[tuple[str, int | None, int | None]] = []
    for unit in _PATTERN_UNITS:
        text = element.get(unit)
        if text is None:
            continue
        low_text, dash, high_text = text.partition("-")
        low, high = leading_integer(low_text), leading_integer(high_text)
        if not dash:
            high = low
        if low is None and high is None:
            return None
        ranges.append((unit, low, high))
    return DatePattern(tuple(ranges))
