"""From objects to XML. Ids that a line does not name are kept from the object's previous version, or made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from crmsh.language.errors import LanguageError
from crmsh.language.objects import (
    AclTarget,
    Alert,
    AttributeExpression,
    AttributeSet,
    Bundle,
    Colocation,
    ConfigurationObject,
    Container,
    Expression,
    FencingTopology,
    Location,
    Member,
    Monitor,
    Node,
    Operation,
    Operations,
    Order,
    Primitive,
    Properties,
    RawXml,
    Recipient,
    ResourceSet,
    Role,
    Rule,
    Select,
    Tag,
    Ticket,
)
from crmsh.language.xml import Element, add, children, descendants, find_by_id, make, parse_xml

SET_TAGS = {
    "params": "instance_attributes",
    "attributes": "instance_attributes",
    "op_params": "instance_attributes",
    "meta": "meta_attributes",
    "op_meta": "meta_attributes",
    "utilization": "utilization",
    "property": "cluster_property_set",
    "rsc_defaults": "meta_attributes",
    "op_defaults": "meta_attributes",
}
DEFAULT_SET_IDS = {"property": "cib-bootstrap-options", "rsc_defaults": "rsc-options", "op_defaults": "op-options"}

_WITHOUT_ID = frozenset(
    {"operations", "select", "select_nodes", "select_fencing", "select_resources", "select_attributes", "docker",
     "podman", "rkt", "network", "storage", "fencing-topology", "resource_ref", "obj_ref", "role"}
)  # fmt: skip


@dataclass(slots=True)
class Context:
    """What building needs to know of the configuration around the object."""

    root: Element
    """The `configuration` element: where references lead, and which ids are in use."""
    node_names: tuple[str, ...] = ()
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, root: Element, without: Element | None = None) -> Context:
        """A context with the ids in use, those of an object that is about to be replaced left out."""
        old = set() if without is None else {e.get("id", "") for e in descendants(without)}
        used = {e.get("id", "") for e in descendants(root)} - old
        names = tuple(e.get("uname", "") for section in children(root) if section.tag == "nodes" for e in section)
        return cls(root, names, used)


def build(thing: ConfigurationObject, context: Context, previous: Element | None = None) -> Element:
    """The element of an object; members of groups, clones and bundles are not in it.

    Raises LanguageError for a reference that leads nowhere.
    """
    element = _build(thing, context)
    _assign_ids(element, previous, element.get("id", ""), context)
    return element


def _build(thing: ConfigurationObject, context: Context) -> Element:
    match thing:
        case Primitive():
            return _primitive(thing, context)
        case Container():
            element = make(thing.keyword, _present(id=thing.id, description=thing.description))
            _add_sets(element, thing.sets, context)
            return element
        case Bundle():
            return _bundle(thing, context)
        case Location():
            return _location(thing, context)
        case Colocation():
            return _colocation(thing)
        case Order():
            return _order(thing)
        case Ticket():
            return _ticket(thing)
        case Properties():
            return _properties(thing, context)
        case FencingTopology():
            return _fencing_topology(thing, context)
        case Role():
            return _role(thing)
        case AclTarget():
            element = make(thing.keyword, {"id": thing.id})
            for role in thing.roles:
                add(element, "role", {"id": role})
            return element
        case Tag():
            element = make("tag", {"id": thing.id})
            for member in thing.members:
                add(element, "obj_ref", {"id": member})
            return element
        case Alert():
            return _alert(thing, context)
        case Node():
            return _node(thing, context)
        case RawXml():
            return parse_xml(thing.text)
        case Monitor():
            raise AssertionError("a monitor is added to its resource, it has no element of its own")
        case _:
            assert_never(thing)


def _present(**values: str) -> dict[str, str]:
    """Attributes that have a value; `_` in a name stands for a dash, a trailing one protects a Python keyword."""
    return {name.rstrip("_").replace("_", "-"): value for name, value in values.items() if value}


# --- sets, rules, operations


def _add_sets(parent: Element, sets: Iterable[AttributeSet], context: Context) -> None:
    for content in sets:
        parent.append(_set(content, context))


def _set(content: AttributeSet, context: Context) -> Element:
    tag = SET_TAGS[content.keyword]
    if content.reference:
        return make(tag, {"id-ref": _resolve(content.reference, tag, content.keyword, context)})
    element = make(tag, _present(id=content.id, score=content.score))
    for rule in content.rules:
        element.append(_rule(rule, context))
    for pair in content.pairs:
        if pair.reference:
            _resolve(pair.reference, "nvpair", content.keyword, context)
            add(element, "nvpair", _present(id_ref=pair.reference, name=pair.name))
        else:
            attributes = _present(id=pair.id, name=pair.name)
            if pair.value is not None:
                attributes["value"] = pair.value
            add(element, "nvpair", attributes)
    return element


def _resolve(reference: str, tag: str, subject: str, context: Context) -> str:
    """The id that a reference means: of such an element itself, or of the first one inside the object named."""
    target = find_by_id(context.root, reference)
    if target is not None:
        for element in descendants(target):
            if element.tag == tag and element.get("id"):
                return element.get("id", "")
    raise LanguageError(subject, f"there is no {tag} with the id '{reference}' to refer to")


def _rule(rule: Rule, context: Context) -> Element:
    if rule.reference:
        return make("rule", {"id-ref": _resolve(rule.reference, "rule", "rule", context)})
    attributes = _present(id=rule.id, role=rule.role)
    if rule.score_attribute:
        attributes["score-attribute"] = rule.score_attribute
    else:
        attributes["score"] = rule.score or "INFINITY"
    if rule.boolean_op == "or":
        attributes["boolean-op"] = "or"
    element = make("rule", attributes)
    for expression in rule.expressions:
        _add_expression(element, expression)
    return element


def _add_expression(parent: Element, expression: Expression) -> None:
    if isinstance(expression, AttributeExpression):
        add(
            parent,
            "expression",
            _present(
                id=expression.id,
                operation=expression.operation,
                attribute=expression.attribute,
                type=expression.type,
                value_source=expression.value_source,
            )
            | ({} if expression.value is None else {"value": expression.value}),
        )
        return
    element = add(
        parent,
        "date_expression",
        _present(id=expression.id, operation=expression.operation, start=expression.start, end=expression.end),
    )
    if expression.spans:
        tag = "date_spec" if expression.operation == "date_spec" else "duration"
        add(element, tag, _present(id=expression.spans_id) | dict(expression.spans))


def _operations(operations: Operations, context: Context) -> Element:
    if operations.reference:
        return make("operations", {"id-ref": _resolve(operations.reference, "operations", "operations", context)})
    element = make("operations", _present(id=operations.id))
    for operation in operations.operations:
        element.append(operation_element(operation, context))
    return element


def operation_element(operation: Operation, context: Context) -> Element:
    """The `op` of an operation; without an id where none is named."""
    element = make("op", _present(id=operation.id) | {"name": operation.name} | dict(operation.attributes))
    _add_sets(element, operation.sets, context)
    return element


# --- resources


def _primitive(thing: Primitive, context: Context) -> Element:
    tag = "template" if thing.is_template else "primitive"
    attributes = {"id": thing.id}
    if thing.template:
        attributes["template"] = thing.template
    elif thing.agent is not None:
        attributes |= _present(class_=thing.agent.standard, provider=thing.agent.provider, type=thing.agent.type)
    if thing.description:
        attributes["description"] = thing.description
    element = make(tag, attributes)
    for part in thing.parts:
        element.append(_operations(part, context) if isinstance(part, Operations) else _set(part, context))
    return element


def _bundle(thing: Bundle, context: Context) -> Element:
    element = make("bundle", _present(id=thing.id, description=thing.description))
    add(element, thing.runtime, dict(thing.options))
    if thing.network is not None:
        network = add(element, "network", dict(thing.network))
        for port in thing.ports:
            add(network, "port-mapping", dict(port.attributes))
    if thing.storage:
        storage = add(element, "storage")
        for mapping in thing.storage:
            add(storage, "storage-mapping", dict(mapping.attributes))
    _add_sets(element, thing.sets, context)
    return element


# --- constraints


def _location(thing: Location, context: Context) -> Element:
    element = make(
        "rsc_location",
        _present(
            id=thing.id,
            rsc=thing.resource,
            rsc_pattern=thing.pattern,
            role=thing.role,
            resource_discovery=thing.discovery,
            score=thing.score,
            node=thing.node,
        ),
    )
    for content in thing.sets:
        _add_resource_set(element, content, "role")
    for rule in thing.rules:
        element.append(_rule(rule, context))
    return element


def _add_resource_set(parent: Element, content: ResourceSet, mark: str) -> None:
    attributes = _present(
        id=content.id, require_all=content.require_all, sequential=content.sequential, **{mark: content.mark}
    )
    element = add(parent, "resource_set", attributes)
    for member in content.members:
        add(element, "resource_ref", {"id": member})


def _colocation(thing: Colocation) -> Element:
    element = make("rsc_colocation", _present(id=thing.id, score=thing.score, node_attribute=thing.node_attribute))
    if thing.members:
        first, second = thing.members
        _set_member(element, "rsc", "rsc-role", first)
        _set_member(element, "with-rsc", "with-rsc-role", second)
    for content in thing.sets:
        _add_resource_set(element, content, "role")
    return element


def _set_member(element: Element, name: str, mark_name: str, member: Member) -> None:
    element.set(name, member.resource)
    if member.mark:
        element.set(mark_name, member.mark)


def _order(thing: Order) -> Element:
    element = make("rsc_order", _present(id=thing.id, kind=thing.kind, symmetrical=thing.symmetrical))
    if thing.members:
        first, then = thing.members
        _set_member(element, "first", "first-action", first)
        _set_member(element, "then", "then-action", then)
    for content in thing.sets:
        _add_resource_set(element, content, "action")
    return element


def _ticket(thing: Ticket) -> Element:
    element = make("rsc_ticket", _present(id=thing.id, ticket=thing.ticket, loss_policy=thing.loss_policy))
    for member in thing.members:
        _set_member(element, "rsc", "rsc-role", member)
    for content in thing.sets:
        _add_resource_set(element, content, "role")
    return element


# --- the rest


def _properties(thing: Properties, context: Context) -> Element:
    element = _set(thing.content, context)
    if not thing.content.reference and not thing.id:
        element.set("id", DEFAULT_SET_IDS[thing.keyword])
    return element


def _fencing_topology(thing: FencingTopology, context: Context) -> Element:
    element = make("fencing-topology")
    if all(not level.target_kind for level in thing.levels):
        if not context.node_names:
            raise LanguageError("fencing_topology", "no node is known yet: name the target, as in 'node1: device'")
        for node in sorted(context.node_names):
            for level in thing.levels:
                add(element, "fencing-level", {"target": node, "index": str(level.index), "devices": level.devices})
        return element
    for level in thing.levels:
        attributes = {"index": str(level.index), "devices": level.devices}
        if level.target_kind == "pattern":
            attributes["target-pattern"] = level.target
        elif level.target_kind == "attr":
            name, _, value = level.target.partition("=")
            attributes |= {"target-attribute": name, "target-value": value}
        else:
            attributes["target"] = level.target
        add(element, "fencing-level", attributes)
    return element


def _role(thing: Role) -> Element:
    element = make("acl_role", _present(id=thing.id, description=thing.description))
    for permission in thing.permissions:
        add(
            element,
            "acl_permission",
            _present(
                id=permission.id,
                kind=permission.access,
                description=permission.description,
                xpath=permission.xpath,
                reference=permission.reference,
                object_type=permission.object_type,
                attribute=permission.attribute,
            ),
        )
    return element


def _alert(thing: Alert, context: Context) -> Element:
    element = make("alert", _present(id=thing.id, path=thing.path, description=thing.description))
    for part in thing.parts:
        match part:
            case AttributeSet():
                element.append(_set(part, context))
            case Select():
                select = add(element, "select")
                for kind, names in part.kinds:
                    chosen = add(select, f"select_{kind}")
                    for name in names:
                        add(chosen, "attribute", {"name": name})
            case Recipient():
                recipient = add(
                    element, "recipient", _present(id=part.id, value=part.value, description=part.description)
                )
                _add_sets(recipient, part.sets, context)
            case _:
                assert_never(part)
    return element


def _node(thing: Node, context: Context) -> Element:
    attributes = {"id": thing.id or thing.name, "uname": thing.name}
    element = make("node", attributes | _present(type=thing.type, description=thing.description))
    _add_sets(element, thing.sets, context)
    return element


# --- ids


def _base_id(element: Element, owner: str) -> str:
    tag = str(element.tag)
    match tag:
        case "nvpair":
            return f"{owner}-{element.get('name', '')}"
        case "op":
            return f"{owner}-{element.get('name')}-{element.get('interval', '0s')}"
        case "resource_set" | "acl_permission" | "attribute" | "port-mapping" | "storage-mapping":
            return owner
        case "fencing-level":
            return "fencing"
        case "expression" | "date_expression":
            return f"{owner}-expression"
        case _:
            return f"{owner}-{tag}"


def _key(element: Element) -> tuple[str, ...]:
    names: dict[str, tuple[str, ...]] = {
        "nvpair": ("name",),
        "op": ("name", "interval", "role"),
        "recipient": ("value",),
        "fencing-level": ("target", "target-pattern", "target-attribute", "target-value", "index"),
        "acl_permission": ("kind", "xpath", "reference", "object-type", "attribute"),
        "expression": ("attribute", "operation"),
        "date_expression": ("operation",),
        "port-mapping": ("port", "range"),
        "storage-mapping": ("target-dir",),
    }
    return (str(element.tag), *(element.get(name, "") for name in names.get(str(element.tag), ())))


def _assign_ids(element: Element, previous: Element | None, owner: str, context: Context) -> None:
    """Give ids to all that lack one below an element: those of the previous version first, for the same thing."""
    if element.get("id"):
        context.used.add(element.get("id", ""))
    former = [] if previous is None else children(previous)
    pairs: list[tuple[Element, Element | None]] = []
    for child in children(element):
        match_ = next((other for other in former if _key(other) == _key(child)), None)
        if match_ is not None:
            former.remove(match_)
        pairs.append((child, match_))
    for child, match_ in pairs:
        if "id" in child.attrib:
            context.used.add(child.get("id", ""))
        elif "id-ref" not in child.attrib and str(child.tag) not in _WITHOUT_ID:
            kept = match_.get("id", "") if match_ is not None else ""
            child.set("id", kept if kept and kept not in context.used else _made_id(child, owner, context))
            context.used.add(child.get("id", ""))
        elif str(child.tag) == "operations" and match_ is not None and match_.get("id") and not child.attrib:
            child.set("id", match_.get("id", ""))
        _assign_ids(child, match_, child.get("id") or owner, context)


def _made_id(element: Element, owner: str, context: Context) -> str:
    base = re.sub(r"[^\w.\-]", ".", _base_id(element, owner))
    if re.match(r"\d+$", owner) or not re.match(r"[A-Za-z_]", base):
        base = f"num-{base}"
    if element.tag == "recipient":
        return _first_free(lambda number: f"{base}-{number + 1}", context)
    return base if base not in context.used else _first_free(lambda number: f"{base}-{number}", context)


def _first_free(name: Callable[[int], str], context: Context) -> str:
    number = 0
    while name(number) in context.used:
        number += 1
    return name(number)
