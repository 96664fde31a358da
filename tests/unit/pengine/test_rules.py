"""Rules: reading them and evaluating them."""

from __future__ import annotations

from datetime import UTC

import pytest
from lxml import etree

from cib.dates import Duration, add_duration, parse_instant
from cib.rule_parse import parse_rule
from cib.rules import RuleContext, passes, uses_node_attributes
from cib.values import ValueFormatError


def holds(xml: str, context: RuleContext | None = None, **attributes: str) -> bool:
    rule = parse_rule(etree.fromstring(xml))
    return passes(rule, context or RuleContext(now=1_000_000, node_attributes=attributes))


def expression(operation: str, value: str | None = None, **extra: str) -> str:
    element = etree.Element("rule", id="r")
    attributes = {"id": "e", "attribute": "a", "operation": operation, **extra}
    if value is not None:
        attributes["value"] = value
    etree.SubElement(element, "expression", attributes)
    return etree.tostring(element).decode()


@pytest.mark.parametrize(
    ("operation", "value", "actual", "expected"),
    [
        ("eq", "x", "X", True),
        ("ne", "x", "y", True),
        ("lt", "10", "9", True),
        ("gt", "10", "9", False),
        ("lte", "9.5", "9.50", True),
        ("gte", "abc", "abd", True),
    ],
)
def test_attributes_compare_as_numbers_where_both_are_numbers(
    operation: str, value: str, actual: str, expected: bool
) -> None:
    assert holds(expression(operation, value), a=actual) is expected


def test_a_missing_attribute_is_different_from_any_value_but_neither_less_nor_more() -> None:
    assert holds(expression("ne", "x"))
    assert not holds(expression("eq", "x"))
    assert not holds(expression("lt", "x"))
    assert not holds(expression("gt", "0"))


def test_defined_takes_no_value_and_the_others_need_one() -> None:
    assert holds(expression("defined"), a="1")
    assert holds(expression("not_defined"))
    assert not holds(expression("defined", "1"), a="1")
    assert not holds(expression("eq"), a="1")


def test_versions_and_strings_compare_as_such_when_told_so() -> None:
    assert holds(expression("gt", "1.9", type="version"), a="1.10")
    assert holds(expression("lt", "9", type="string"), a="10")


def test_the_value_may_be_that_of_a_parameter_or_a_meta_attribute() -> None:
    context = RuleContext(now=0, node_attributes={"a": "v"}, parameters={"p": "v"}, meta={"m": "w"})
    assert holds(expression("eq", "p", **{"value-source": "param"}), context)
    assert not holds(expression("eq", "m", **{"value-source": "meta"}), context)


def test_conditions_are_joined_by_and_unless_or_is_said() -> None:
    both = '<rule id="r"{}><expression id="x" attribute="a" operation="defined"/>' + (
        '<expression id="y" attribute="b" operation="defined"/></rule>'
    )
    assert not holds(both.format(""), a="1")
    assert holds(both.format(' boolean-op="or"'), a="1")
    assert holds('<rule id="r"/>')
    assert not holds("<rule/>"), "a rule without id is malformed"


def test_a_date_range_tells_when_it_will_end() -> None:
    xml = '<rule id="r"><date_expression id="d" operation="in_range" start="1970-01-01" end="1970-01-20"/></rule>'
    context = RuleContext(now=1_000_000)
    assert holds(xml, context)
    assert context.recheck_at == parse_instant("1970-01-20") + 1


def test_a_range_may_end_by_a_duration() -> None:
    xml = (
        '<rule id="r"><date_expression id="d" operation="in_range" start="1970-01-01 00:00:00Z">'
        '<duration days="{}"/></date_expression></rule>'
    )
    assert holds(xml.format(12))
    assert not holds(xml.format(10))


def test_a_date_pattern_matches_numbers_and_ranges() -> None:
    # 1 000 000 s is Monday 1970-01-12 13:46:40 UTC
    xml = '<rule id="r"><date_expression id="d" operation="date_spec"><date_spec id="s" {}/></date_expression></rule>'
    assert holds(xml.format('weekdays="1" hours="9-16"'))
    assert holds(xml.format('years="1970-"'))
    assert not holds(xml.format('weekdays="6-7"'))
    assert not holds(xml.format('hours="soon"'))


def test_resources_and_operations_can_be_asked_for() -> None:
    context = RuleContext(
        now=0, standard="ocf", provider="heartbeat", type="IPaddr2", operation="monitor", interval_ms=10_000
    )
    assert holds('<rule id="r"><rsc_expression id="e" class="ocf" type="IPaddr2"/></rule>', context)
    assert not holds('<rule id="r"><rsc_expression id="e" class="lsb"/></rule>', context)
    assert holds('<rule id="r"><op_expression id="e" name="monitor" interval="10s"/></rule>', context)
    assert not holds('<rule id="r"><op_expression id="e" name="start"/></rule>', context)


def test_only_rules_about_attributes_differ_from_node_to_node() -> None:
    assert uses_node_attributes(parse_rule(etree.fromstring(expression("defined"))))
    assert not uses_node_attributes(parse_rule(etree.fromstring('<rule id="r"><rsc_expression id="e"/></rule>')))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00Z", 3600),
        ("1970-01-01 01:00:00 +01:00", 0),
        ("1970-002", 86_400),
        ("1970-W01-5", 86_400),
        ("19700102", 86_400),
        ("2005-020T12:30", 1_106_224_200),
    ],
)
def test_dates_come_in_calendar_ordinal_and_week_form(text: str, seconds: int) -> None:
    assert parse_instant(text) == seconds


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "2026-02-30", "2026-01-01 25:61"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueFormatError):
        parse_instant(text)


def test_a_month_more_ends_at_the_last_day_that_the_month_has() -> None:
    assert add_duration(parse_instant("2026-01-31"), Duration(months=1), UTC) == parse_instant("2026-02-28")
