"""Random rules: by node attributes, by dates, by resource and operation, nested.

What may stand in a rule depends on where it is: node attributes in locations and parameters, resources and operations
in defaults.
"""

from __future__ import annotations

from lxml import etree

from tests.differential.configuration import Document

_MOMENTS = (
    "2023-11-14 20:00:00Z",
    "2023-11-14T22:13:20Z",
    "2023-11-14 22:13:21Z",
    "2024-01-01",
    "2023-W46-2",
    "2022-200",
)
"""Around the time of all documents, which is 2023-11-14 22:13:20 UTC."""
_SPECIFICATIONS = (
    {"hours": "22"},
    {"hours": "9-17"},
    {"weekdays": "1-5"},
    {"weekdays": "6-7"},
    {"monthdays": "14", "months": "11"},
    {"years": "2023-"},
    {"weeks": "46", "weekyears": "2023"},
    {"yeardays": "318"},
    {"minutes": "0-12"},
    {"seconds": "20"},
)


def date_rule(document: Document, parent: etree._Element, *, score: str | None = None) -> etree._Element:
    """Append a rule about dates, now and then with rules inside."""
    rule = _rule(document, parent, score)
    _date(document, rule)
    if document.maybe(35):
        _date(document, rule)
        if document.maybe(40):
            rule.set("boolean-op", "and" if parent.tag == "rsc_location" else "or")
    if document.maybe(20):
        _date(document, _rule(document, rule, None))
    return rule


def resource_rule(document: Document, parent: etree._Element, *, operations: bool) -> etree._Element:
    """Append a rule about what resources (and operations) a default is for."""
    rule = _rule(document, parent, None)
    expression = etree.SubElement(rule, "rsc_expression", id=document.new_id("expression"))
    # Where none is given the older version takes only what has no provider.
    if document.maybe(70):
        expression.set("provider", document.chance.choice(("heartbeat", "heartbeat", "pacemaker")))
        if document.maybe(50):
            expression.set("class", "ocf")
    else:
        expression.set("class", "lsb")
    if document.maybe(50):
        expression.set("type", document.chance.choice(("Dummy", "thing")))
    if operations:
        task = document.chance.choice(("monitor", "start", "stop"))
        expression = etree.SubElement(rule, "op_expression", id=document.new_id("expression"), name=task)
        if task == "monitor" and document.maybe(60):
            expression.set("interval", document.chance.choice(("10s", "10", "1min", "0")))
        rule.set("boolean-op", document.chance.choice(("and", "or")))
    return rule


def attribute_rule(document: Document, parent: etree._Element) -> etree._Element:
    """Append a rule about a node's attributes."""
    rule = _rule(document, parent, None)
    name = document.chance.choice(("site", "size", "#uname"))
    value = {"site": "a", "size": "2", "#uname": "n1"}[name]
    etree.SubElement(
        rule,
        "expression",
        id=document.new_id("expression"),
        attribute=name,
        operation=document.chance.choice(("eq", "ne")),
        value=value,
    )
    return rule


def _rule(document: Document, parent: etree._Element, score: str | None) -> etree._Element:
    rule = etree.Element("rule", id=document.new_id("rule"))
    # In a set the rule goes before the pairs.
    if parent.tag in ("rsc_location", "rule"):
        parent.append(rule)
    else:
        parent.insert(0, rule)
    rule.set("score", score if score is not None else "0")
    return rule


def _date(document: Document, rule: etree._Element) -> None:
    expression = etree.SubElement(rule, "date_expression", id=document.new_id("date"))
    operation = document.chance.choice(("in_range", "in_range", "gt", "lt", "date_spec"))
    expression.set("operation", operation)
    if operation == "date_spec":
        choice = document.chance.choice(_SPECIFICATIONS)
        etree.SubElement(expression, "date_spec", {"id": document.new_id("spec")} | choice)
        return
    first, last = sorted(document.chance.sample(_MOMENTS, 2))
    if operation == "gt":
        expression.set("start", first)
    elif operation == "lt":
        expression.set("end", last)
    elif document.maybe(25):
        expression.set("start", first)
        unit = document.chance.choice(("hours", "minutes", "days", "months"))
        etree.SubElement(expression, "duration", {"id": document.new_id("duration"), unit: "3"})
    else:
        if document.maybe(75):
            expression.set("start", first)
        if "start" not in expression.attrib or document.maybe(75):
            expression.set("end", last)
