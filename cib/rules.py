"""Rules: conditions that switch options, preferences and name/value sets on and off.

The types here are what a `rule` element means (cib.rule_parse reads them); `passes` evaluates one
against a context. One evaluator serves the policy engine, the controller and the tools.

Source: Pacemaker Explained, "Rules".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo

from cib.dates import DatePattern, Duration, add_duration, matches_pattern
from cib.record import Record
from cib.values import compare_versions, leading_integer


class NodeCondition(Record):
    """`expression`: compares a node attribute with a literal, a parameter or a meta-attribute."""

    __slots__ = ("attribute", "operation", "source", "type", "valid", "value")

    def __init__(
        self,
        attribute: str,
        operation: str,
        value: str | None = None,
        type: str | None = None,
        source: str = "literal",
        valid: bool = True,
    ) -> None:
        self.attribute = attribute
        self.operation = operation
        self.value = value
        self.type = type
        self.source = source
        self.valid = valid


class DateCondition(Record):
    """`date_expression`; start and end are in seconds since the epoch."""

    __slots__ = ("duration", "end", "operation", "pattern", "start", "valid")

    def __init__(
        self,
        operation: str,
        start: int | None = None,
        end: int | None = None,
        duration: Duration | None = None,
        pattern: DatePattern | None = None,
        valid: bool = True,
    ) -> None:
        self.operation = operation
        self.start = start
        self.end = end
        self.duration = duration
        self.pattern = pattern
        self.valid = valid


class ResourceCondition(Record):
    """`rsc_expression`: the agent's standard, provider and type, each where given."""

    __slots__ = ("provider", "standard", "type")

    def __init__(self, standard: str | None = None, provider: str | None = None, type: str | None = None) -> None:
        self.standard = standard
        self.provider = provider
        self.type = type


class OperationCondition(Record):
    """`op_expression`: the operation's name and, where given, its interval."""

    __slots__ = ("interval_ms", "name")

    def __init__(self, name: str | None, interval_ms: int | None = None) -> None:
        self.name = name
        self.interval_ms = interval_ms


class Rule(Record):
    """A rule: conditions joined by "and" or "or", and what a location gives where it passes."""

    __slots__ = ("conditions", "conjunction", "id", "role", "score", "score_attribute", "valid")

    def __init__(
        self,
        id: str,
        conjunction: str = "and",
        conditions: tuple[Condition, ...] = (),
        score: int | None = None,
        score_attribute: str | None = None,
        role: str | None = None,
        valid: bool = True,
    ) -> None:
        self.id = id
        self.conjunction = conjunction
        self.conditions = conditions
        self.score = score
        self.score_attribute = score_attribute
        self.role = role
        self.valid = valid


Condition = NodeCondition | DateCondition | ResourceCondition | OperationCondition | Rule

_NO_VALUES: Mapping[str, str] = {}


class RuleContext(Record):
    """What a rule may look at. `recheck_at` collects the earliest instant at which a result may change."""

    __slots__ = (
        "interval_ms",
        "meta",
        "node_attributes",
        "now",
        "operation",
        "parameters",
        "provider",
        "recheck_at",
        "standard",
        "submatches",
        "type",
        "zone",
    )

    def __init__(
        self,
        now: int,
        node_attributes: Mapping[str, str] | None = None,
        standard: str | None = None,
        provider: str | None = None,
        type: str | None = None,
        operation: str | None = None,
        interval_ms: int = 0,
        parameters: Mapping[str, str] = _NO_VALUES,
        meta: Mapping[str, str] = _NO_VALUES,
        submatches: tuple[str, ...] = (),
        zone: tzinfo = UTC,
        recheck_at: int | None = None,
    ) -> None:
        self.now = now
        self.node_attributes = node_attributes
        self.standard = standard
        self.provider = provider
        self.type = type
        self.operation = operation
        self.interval_ms = interval_ms
        self.parameters = parameters
        self.meta = meta
        self.submatches = submatches
        self.zone = zone
        self.recheck_at = recheck_at

    def note_recheck(self, instant: int) -> None:
        """Remember that something changes at `instant`, when it is in the future."""
        if instant > self.now and (self.recheck_at is None or instant < self.recheck_at):
            self.recheck_at = instant


def passes(rule: Rule, context: RuleContext) -> bool:
    """Say whether the rule holds. A rule without conditions holds; a malformed one does not."""
    if not rule.valid:
        return False
    if not rule.conditions:
        return True
    if rule.conjunction == "or":
        return any(_condition_passes(condition, context) for condition in rule.conditions)
    return all(_condition_passes(condition, context) for condition in rule.conditions)


def uses_node_attributes(rule: Rule) -> bool:
    """Say whether the result may differ from node to node."""
    for condition in rule.conditions:
        if isinstance(condition, NodeCondition):
            return True
        if isinstance(condition, Rule) and uses_node_attributes(condition):
            return True
    return False


def _condition_passes(condition: Condition, context: RuleContext) -> bool:
    if isinstance(condition, Rule):
        return passes(condition, context)
    if isinstance(condition, NodeCondition):
        return _node_condition_passes(condition, context)
    if isinstance(condition, DateCondition):
        return condition.valid and _date_condition_passes(condition, context)
    if isinstance(condition, ResourceCondition):
        return (
            condition.standard in (None, context.standard)
            and condition.provider in (None, context.provider)
            and condition.type in (None, context.type)
        )
    return condition.name == context.operation and condition.interval_ms in (None, context.interval_ms)


def expand_submatches(text: str, submatches: tuple[str, ...]) -> str:
    """Replace %0 to %9 by the sub-matches of the location's resource pattern."""
    if "%" not in text or not submatches:
        return text
    parts: list[str] = []
    position = 0
    while position < len(text):
        following = text[position + 1 : position + 2]
        if text[position] == "%" and following.isdigit():
            index = int(following)
            parts.append(submatches[index] if index < len(submatches) else "")
            position += 2
        else:
            parts.append(text[position])
            position += 1
    return "".join(parts)


def _node_condition_passes(condition: NodeCondition, context: RuleContext) -> bool:
    if not condition.valid:
        return False
    attribute = expand_submatches(condition.attribute, context.submatches)
    actual = context.node_attributes.get(attribute) if context.node_attributes is not None else None
    if condition.operation == "defined":
        return actual is not None
    if condition.operation == "not_defined":
        return actual is None
    reference = condition.value
    if condition.source == "param":
        reference = context.parameters.get(condition.value or "")
    elif condition.source == "meta":
        reference = context.meta.get(condition.value or "")
    if condition.operation in ("eq", "ne"):
        order = _compare(actual, reference, condition.type or "string")
        return (order == 0) == (condition.operation == "eq")
    if actual is None or reference is None:
        return False
    kind = condition.type or ("number" if "." in actual or "." in reference else "integer")
    order = _compare(actual, reference, kind)
    if condition.operation == "lt":
        return order < 0
    if condition.operation == "lte":
        return order <= 0
    if condition.operation == "gt":
        return order > 0
    return order >= 0


def _compare(left: str | None, right: str | None, kind: str) -> int:
    """Compare two values of a kind; what is missing is less than what is there."""
    if left is None or right is None:
        return (left is not None) - (right is not None)
    if kind == "version":
        return compare_versions(left, right)
    if kind == "integer":
        left_number, right_number = leading_integer(left), leading_integer(right)
        if left_number is not None and right_number is not None:
            return (left_number > right_number) - (left_number < right_number)
    elif kind == "number":
        try:
            left_float, right_float = float(left), float(right)
        except ValueError:
            pass
        else:
            return (left_float > right_float) - (left_float < right_float)
    left, right = left.lower(), right.lower()
    return (left > right) - (left < right)


def _date_condition_passes(condition: DateCondition, context: RuleContext) -> bool:
    now = context.now
    if condition.operation == "date_spec":
        return condition.pattern is not None and matches_pattern(now, condition.pattern, context.zone)
    if condition.operation == "gt":
        return condition.start is not None and _after(condition.start, context)
    if condition.operation == "lt":
        if condition.end is None or now >= condition.end:
            return False
        context.note_recheck(condition.end)
        return True
    end = condition.end
    if end is None and condition.duration is not None and condition.start is not None:
        end = add_duration(condition.start, condition.duration, context.zone)
    if condition.start is None and end is None:
        return False
    if condition.start is not None and now < condition.start:
        context.note_recheck(condition.start)
        return False
    if end is not None:
        if now > end:
            return False
        context.note_recheck(end + 1)
    return True


def _after(start: int, context: RuleContext) -> bool:
    if context.now > start:
        return True
    context.note_recheck(start + 1)
    return False
