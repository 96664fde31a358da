"""What is wrong with a configuration that is valid: things that the cluster would ignore or do otherwise than meant.

Source: what `crm_verify` reports, and sentences of ours that say what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from cib.configuration import ClusterOptions, cluster_options, resources
from cib.dates import parse_instant
from cib.document import Document
from cib.namevalue import BOOTSTRAP_OPTIONS
from cib.option_checks import KNOWN_OPTIONS, any_of, option_problem
from cib.order_loops import order_loops
from cib.reports import Report
from cib.values import ValueFormatError, boolean_or, parse_boolean, parse_interval_ms, parse_score
from cib.xml import Element, elements, name_of

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from cib.reports import Severity

_RESOURCE_NAMES = frozenset({"primitive", "group", "clone", "master", "bundle", "template", "tag"})
_ONCE_ONLY = frozenset({"start", "stop", "promote", "demote", "notify", "migrate_to", "migrate_from", "reload"})
_TARGET_ROLES = ("Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave")
_SCORE_META = ("resource-stickiness", "migration-threshold", "priority")
_NUMBER_META = ("clone-max", "clone-min", "clone-node-max", "promoted-max", "promoted-node-max", "master-max")
_WORD_META = {
    "multiple-active": ("stop_start", "stop_only", "block", "stop_unexpected"),
    "requires": ("nothing", "quorum", "fencing", "unfencing"),
}
_BOOLEAN_META = ("is-managed", "maintenance", "allow-migrate", "interleave", "ordered", "notify", "globally-unique")


def check(document: Document) -> tuple[Report, ...]:
    """Return errors and warnings about a valid document, options first, then in document order."""
    options = cluster_options(document)
    return (
        *_check_options(document, options),
        *_check_fencing(document, options),
        *_check_nodes(document),
        *_check_resources(document),
        *_check_constraints(document),
        *_check_tags(document),
        *_check_levels(document),
    )


def _report(code: str, severity: Severity, text: str, element: Element | None) -> Report:
    if element is None:
        return Report(code, severity, text)
    return Report(code, severity, text, name_of(element), element.get("id", ""), element.sourceline or 0)


# options


def _check_options(document: Document, options: ClusterOptions) -> Iterable[Report]:
    section = document.section("crm_config")
    for pair in section.iterdescendants("nvpair") if section is not None else ():
        name, value = pair.get("name", ""), pair.get("value", "")
        expected = option_problem(name, value)
        if expected:
            text = f"option {name} has the value '{value}', expected {expected}; its default is used"
            yield _report("option.value", "error", text, pair)
        parent = pair.getparent()
        # Tools keep options of their own in sets of their own: those are none of the cluster's.
        own = parent is not None and parent.get("id") == BOOTSTRAP_OPTIONS
        if own and name and name not in KNOWN_OPTIONS:
            near = get_close_matches(name, sorted(KNOWN_OPTIONS), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            yield _report("option.unknown", "warning", f"the cluster has no option '{name}'{hint}", pair)
    fences = options.values.get("no-quorum-policy", "").lower() in ("fence", "suicide")
    if fences and not options.stonith_enabled:
        text = f"no-quorum-policy={options.values['no-quorum-policy']} needs fencing, which is disabled; stop is used"
        yield _report("option.policy", "error", text, section)


def _check_fencing(document: Document, options: ClusterOptions) -> Iterable[Report]:
    if options.stonith_enabled and not any(each.standard == "stonith" for each in resources(document)):
        text = (
            "no resource will be started: fencing is enabled (stonith-enabled, on by default), but there is no fencing "
            "device. Configure a resource of class stonith, or set stonith-enabled=false if no data is shared "
            "between the nodes; with shared data a cluster without fencing destroys it sooner or later"
        )
        yield _report("fencing.none", "error", text, None)


# nodes


def _check_nodes(document: Document) -> Iterable[Report]:
    section = document.section("nodes")
    seen: set[str] = set()
    for node in section.iterchildren("node") if section is not None else ():
        uname = node.get("uname", "")
        if uname in seen:
            yield _report("node.duplicate", "warning", f"another node is also named '{uname}'", node)
        seen.add(uname)


# resources


def _check_resources(document: Document) -> Iterable[Report]:
    section = document.section("resources")
    for element in section.iterdescendants("*") if section is not None else ():
        match element.tag:
            case "primitive":
                yield from _check_template(document, element)
            case "operations":
                yield from _check_operations(element)
            case "clone" | "master":
                yield from _check_clone(element)
            case "meta_attributes":
                yield from _check_meta(element)
    defaults = document.section("rsc_defaults")
    for holder in defaults.iterchildren("meta_attributes") if defaults is not None else ():
        yield from _check_meta(holder)
    defaults = document.section("op_defaults")
    for pair in defaults.iterdescendants("nvpair") if defaults is not None else ():
        yield from _check_operation_default(pair)


def _check_operation_default(pair: Element) -> Iterable[Report]:
    name, value = pair.get("name", ""), pair.get("value", "")
    if name in ("timeout", "start-delay", "interval"):
        try:
            parse_interval_ms(value)
        except ValueFormatError as error:
            yield _report("op.default", "warning", f"{name} '{value}' is not {error.expected}; it is ignored", pair)


def _is_promotable(clone: Element) -> bool:
    pairs = [pair for holder in clone.iterchildren("meta_attributes") for pair in holder.iterchildren("nvpair")]
    return clone.tag == "master" or any(
        pair.get("name") == "promotable" and boolean_or(pair.get("value"), default=False) for pair in pairs
    )


def _check_clone(clone: Element) -> Iterable[Report]:
    """A promotable clone needs an agent that can promote, which no init script and no systemd unit can."""
    for primitive in clone.iterdescendants("primitive") if _is_promotable(clone) else ():
        standard = primitive.get("class")
        if standard in ("systemd", "lsb", "service", "upstart", "nagios"):
            name = primitive.get("id", "")
            text = (
                f"Resource {name}:0 is of type {standard} and therefore cannot be used as a promotable clone resource; "
                f"use an agent of class ocf, or remove 'promotable' from {clone.get('id')}"
            )
            yield _report("clone.promotable", "error", text, clone)


def _check_template(document: Document, primitive: Element) -> Iterable[Report]:
    name = primitive.get("template")
    section = document.section("resources")
    if name is not None and section is not None and document.child(section, "template", name) is None:
        yield _report("template.kind", "error", f"'{name}' is not a template; the resource is ignored", primitive)


def _check_operations(holder: Element) -> Iterable[Report]:
    seen: dict[tuple[str, int], Element] = {}
    for operation in holder.iterchildren("op"):
        name = operation.get("name", "")
        try:
            interval_ms = parse_interval_ms(operation.get("interval", "0"))
        except ValueFormatError as error:
            yield _report("op.interval", "error", f"interval '{error.value}' is not {error.expected}", operation)
            continue
        if interval_ms and name in _ONCE_ONLY:
            yield _report("op.recurring", "error", f"{name} cannot be repeated, expected interval 0", operation)
        other = seen.setdefault((name, interval_ms), operation)
        if other is not operation:
            text = (
                f"'{other.get('id', '')}' is also a {name} every {interval_ms} ms, so that this one is ignored; "
                "operations of one name need different intervals (their roles do not tell them apart)"
            )
            yield _report("op.clash", "error", text, operation)
        yield from _check_operation_values(operation, name)


def _check_operation_values(operation: Element, name: str) -> Iterable[Report]:
    timeout = operation.get("timeout")
    if timeout is not None:
        try:
            parse_interval_ms(timeout)
        except ValueFormatError as error:
            text = f"timeout '{timeout}' is not {error.expected}; the default is used"
            yield _report("op.timeout", "warning", text, operation)
    on_fail = operation.get("on-fail")
    if name == "stop" and on_fail is not None and on_fail not in ("ignore", "block", "fence"):
        text = f"on-fail={on_fail} is not possible for stop, expected ignore, block or fence; the default is used"
        yield _report("op.on-fail", "error", text, operation)


def _check_meta(holder: Element) -> Iterable[Report]:
    for pair in holder.iterchildren("nvpair"):
        name, value = pair.get("name", ""), pair.get("value")
        if value is None or value in ("#default", "default"):
            continue
        expected = _meta_problem(name, value)
        if expected:
            severity: Severity = "error" if name in ("target-role", *_WORD_META) else "warning"
            text = f"meta attribute {name} has the value '{value}', expected {expected}; it is ignored"
            yield _report("meta.value", severity, text, pair)


def _meta_problem(name: str, value: str) -> str:
    try:
        if name in _SCORE_META:
            parse_score(value)
        elif name in _BOOLEAN_META:
            parse_boolean(value)
        elif name == "failure-timeout":
            parse_interval_ms(value)
    except ValueFormatError as error:
        return error.expected
    if name in _NUMBER_META and not re.match(r"[0-9]+$", value):
        return "a whole number, 0 or more"
    if name in _WORD_META and value.lower() not in _WORD_META[name]:
        return any_of(_WORD_META[name])
    if name == "target-role" and value.capitalize() not in _TARGET_ROLES:
        return ", ".join(_TARGET_ROLES[:4])
    return ""


# constraints


def _check_constraints(document: Document) -> Iterable[Report]:
    section = document.section("constraints")
    if section is None:
        return
    kinds = _kinds_of_ids(document)
    unpromotable = _unpromotable(document)
    for constraint in elements(section):
        for attribute in ("rsc", "with-rsc", "first", "then"):
            yield from _check_reference(constraint, constraint.get(attribute), kinds)
        for reference in constraint.iterdescendants("resource_ref"):
            yield from _check_reference(constraint, reference.get("id"), kinds)
        yield from _check_itself(constraint)
        yield from _check_roles(constraint, unpromotable)
        if constraint.tag == "rsc_location":
            yield from _check_location(document, constraint)
    for loop in order_loops(section):
        names = ", ".join(each.get("first", "") for each in loop)
        others = ", ".join(each.get("id", "") for each in loop)
        text = f"{names} wait for each other, so that none of them starts ({others}); remove one of these orders"
        yield _report("constraint.loop", "warning", text, loop[0])


def _unpromotable(document: Document) -> frozenset[str]:
    """Return the ids of resources that are never promoted: those outside promotable clones and bundles."""
    section = document.section("resources")
    found: set[str] = set()
    for top in elements(section) if section is not None else ():
        may_promote = top.tag == "bundle" or (top.tag in ("clone", "master") and _is_promotable(top))
        if not may_promote:
            found |= {each.get("id", "") for each in top.iter("primitive", "group", "clone")}
    return frozenset(found)


def _check_roles(constraint: Element, unpromotable: frozenset[str]) -> Iterable[Report]:
    pairs = (
        ("rsc", "role"), ("rsc", "rsc-role"), ("with-rsc", "with-rsc-role"),
        ("first", "first-action"), ("then", "then-action"),
    )  # fmt: skip
    for who, what in pairs:
        name, value = constraint.get(who), constraint.get(what, "")
        if name in unpromotable and value in ("Promoted", "Master", "Unpromoted", "Slave", "promote", "demote"):
            text = f"{what} is {value}, but '{name}' is never promoted: it is in no promotable clone"
            yield _report("constraint.role", "warning", text, constraint)


def _check_itself(constraint: Element) -> Iterable[Report]:
    """A constraint between a resource and itself, or a set that names one twice."""
    for one, other in (("rsc", "with-rsc"), ("first", "then")):
        name = constraint.get(one)
        same_role = constraint.get("rsc-role") == constraint.get("with-rsc-role")
        same_action = (constraint.get("first-action") or "start") == (constraint.get("then-action") or "start")
        if name is not None and name == constraint.get(other) and same_role and same_action:
            text = f"it relates '{name}' to itself, which does nothing; name two different resources"
            yield _report("constraint.itself", "warning", text, constraint)
    names = [reference.get("id", "") for reference in constraint.iterdescendants("resource_ref")]
    if constraint.tag in ("rsc_order", "rsc_colocation") and len(names) == 1:
        text = f"it names '{names[0]}' only, which does nothing; name two resources or more"
        yield _report("constraint.itself", "warning", text, constraint)
    for name in dict.fromkeys(each for each in names if constraint.tag != "rsc_order" and names.count(each) > 1):
        yield _report("constraint.itself", "warning", f"it names '{name}' more than once", constraint)
    if constraint.tag == "rsc_order":
        for holder in constraint.iterchildren("resource_set"):
            inside = [reference.get("id", "") for reference in holder.iterchildren("resource_ref")]
            for name in dict.fromkeys(each for each in inside if inside.count(each) > 1):
                text = f"its set '{holder.get('id', '')}' names '{name}' more than once"
                yield _report("constraint.itself", "warning", text, constraint)


def _kinds_of_ids(document: Document) -> dict[str, str]:
    configuration = document.section("configuration")
    found = configuration.iterdescendants(*_RESOURCE_NAMES) if configuration is not None else ()
    return {element.get("id", ""): name_of(element) for element in found}


def _check_reference(constraint: Element, wanted: str | None, kinds: dict[str, str]) -> Iterable[Report]:
    if wanted is not None and wanted not in kinds:
        text = f"there is no resource, template or tag '{wanted}'; the constraint is ignored"
        yield _report("constraint.reference", "error", text, constraint)


def _check_location(document: Document, constraint: Element) -> Iterable[Report]:
    pattern = constraint.get("rsc-pattern")
    if pattern is not None:
        try:
            re.compile(pattern.removeprefix("!"))
        except re.error as error:
            text = f"rsc-pattern '{pattern}' is no regular expression: {error}"
            yield _report("constraint.pattern", "error", text, constraint)
    node = constraint.get("node")
    nodes = document.section("nodes")
    names = {each.get("uname", "") for each in nodes.iterchildren("node")} if nodes is not None else set()
    if node is not None and names and node not in names:
        text = f"there is no node '{node}' (yet); nodes: {', '.join(sorted(names))}"
        yield _report("constraint.node", "warning", text, constraint)
    for date in constraint.iterdescendants("date_expression"):
        for attribute in ("start", "end"):
            value = date.get(attribute)
            if value is not None and not _is_instant(value):
                text = f"{attribute} '{value}' is no date, expected one such as 2030-12-31 or 2030-12-31T23:00:00Z"
                yield _report("rule.date", "error", text, date)
    for rule in constraint.iterchildren("rule"):
        if all(rule.get(name) is None for name in ("score", "score-attribute", "id-ref")):
            yield _report("rule.score", "error", "a rule of a location needs a score or a score-attribute", rule)


def _is_instant(text: str) -> bool:
    try:
        parse_instant(text)
    except ValueFormatError:
        return False
    return True


# tags


def _check_tags(document: Document) -> Iterable[Report]:
    section, configuration = document.section("tags"), document.section("configuration")
    if section is None or configuration is None:
        return
    known = {element.get("id") for element in configuration.iterdescendants("*") if element.tag != "obj_ref"}
    for reference in section.iterdescendants("obj_ref"):
        if reference.get("id") not in known:
            text = f"nothing has the id '{reference.get('id', '')}' that the tag names"
            yield _report("tag.reference", "warning", text, reference.getparent())


# fencing levels


def _check_levels(document: Document) -> Iterable[Report]:
    section = document.section("fencing-topology")
    devices = {each.id for each in resources(document) if each.standard == "stonith"}
    for level in section.iterchildren("fencing-level") if section is not None else ():
        for name in level.get("devices", "").split(","):
            if name not in devices:
                yield _report("level.device", "warning", f"there is no fencing device '{name}'", level)
