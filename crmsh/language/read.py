"""From XML to objects. What the language has no words for raises NotExpressible and is shown as XML."""

from __future__ import annotations

from collections.abc import Callable

from crmsh.language.objects import (
    AclTarget,
    Agent,
    Alert,
    AttributeExpression,
    AttributeSet,
    Bundle,
    Colocation,
    ConfigurationObject,
    Container,
    DateExpression,
    Expression,
    FencingLevel,
    FencingTopology,
    Location,
    Mapping,
    Member,
    Node,
    Operation,
    Operations,
    Order,
    Pair,
    Permission,
    Primitive,
    Properties,
    Recipient,
    ResourceSet,
    Role,
    Rule,
    Select,
    Tag,
    Ticket,
)
from crmsh.language.xml import Element, attributes_of, children, tag_of

RESOURCE_TAGS = ("primitive", "group", "clone", "master", "bundle", "template")
_KEYWORDS = {"instance_attributes": "params", "meta_attributes": "meta", "utilization": "utilization"}
_COMPARISON_TYPES = ("", "string", "number", "version", "integer")


class NotExpressible(Exception):
    """An element that has no form as a line."""


def read(element: Element) -> ConfigurationObject:
    """The object of an element of the configuration. Raises NotExpressible."""
    reader = _READERS.get(str(element.tag))
    if reader is None:
        raise NotExpressible(str(element.tag))
    return reader(element)


def _only(element: Element, *names: str, tags: tuple[str, ...] = ()) -> None:
    """Refuse attributes and children that the language does not know."""
    for name in attributes_of(element):
        if name not in names:
            raise NotExpressible(f"{tag_of(element)}@{name}")
    for child in children(element):
        if child.tag not in tags:
            raise NotExpressible(f"{tag_of(element)}/{tag_of(child)}")
    if (element.text or "").strip():
        raise NotExpressible(f"text in {tag_of(element)}")


def _set(element: Element, keyword: str) -> AttributeSet:
    _only(element, "id", "id-ref", "score", tags=("rule", "nvpair"))
    if "id-ref" in element.attrib:
        return AttributeSet(keyword, reference=element.get("id-ref", ""))
    rules = tuple(_rule(child) for child in children(element) if child.tag == "rule")
    pairs = tuple(_pair(child) for child in children(element) if child.tag == "nvpair")
    return AttributeSet(keyword, element.get("id", ""), "", element.get("score", ""), rules, pairs)


def _pair(element: Element) -> Pair:
    _only(element, "id", "id-ref", "name", "value")
    if "id-ref" in element.attrib:
        return Pair(element.get("name", ""), reference=element.get("id-ref", ""))
    if not element.get("name"):
        raise NotExpressible("nvpair without a name")
    return Pair(element.get("name", ""), element.get("value"), element.get("id", ""))


def _sets(element: Element, keywords: dict[str, str] | None = None) -> tuple[AttributeSet, ...]:
    words = keywords or _KEYWORDS
    return tuple(_set(child, words[str(child.tag)]) for child in children(element) if child.tag in words)


def _rule(element: Element) -> Rule:
    names = ("id", "id-ref", "role", "score", "score-attribute", "boolean-op")
    _only(element, *names, tags=("expression", "date_expression"))
    if "id-ref" in element.attrib:
        return Rule(reference=element.get("id-ref", ""))
    expressions = tuple(_expression(child) for child in children(element))
    if not expressions:
        raise NotExpressible("rule without an expression")
    return Rule(
        element.get("id", ""),
        "",
        element.get("role", ""),
        element.get("score", ""),
        element.get("score-attribute", ""),
        element.get("boolean-op", ""),
        expressions,
    )


def _expression(element: Element) -> Expression:
    if element.tag == "date_expression":
        return _date_expression(element)
    _only(element, "id", "attribute", "operation", "type", "value", "value-source")
    kind, source = element.get("type", ""), element.get("value-source", "")
    operation = element.get("operation", "")
    unary = operation in ("defined", "not_defined")
    if kind not in _COMPARISON_TYPES or source == "literal" or (unary and (kind or "value" in element.attrib)):
        raise NotExpressible("expression")
    if not unary and "value" not in element.attrib:
        raise NotExpressible("expression without a value")
    return AttributeExpression(
        operation, element.get("attribute", ""), element.get("value"), kind, source, element.get("id", "")
    )


def _date_expression(element: Element) -> DateExpression:
    _only(element, "id", "operation", "start", "end", tags=("duration", "date_spec"))
    operation, inner = element.get("operation", "in_range"), children(element)
    if len(inner) > 1 or operation not in ("lt", "gt", "in_range", "date_spec"):
        raise NotExpressible("date_expression")
    spans: tuple[tuple[str, str], ...] = ()
    spans_id = ""
    if inner:
        _only(inner[0], *inner[0].attrib)
        spans_id = inner[0].get("id", "")
        spans = tuple((name, value) for name, value in attributes_of(inner[0]).items() if name != "id")
        if inner[0].tag != ("date_spec" if operation == "date_spec" else "duration") or "id-ref" in dict(spans):
            raise NotExpressible("date_expression")
    start, end = element.get("start", ""), element.get("end", "")
    complete = {
        "lt": bool(end and not start and not spans),
        "gt": bool(start and not end and not spans),
        "in_range": bool((start and (end or spans)) or (end and spans)),
        "date_spec": bool(spans and not start and not end),
    }
    if not complete[operation]:
        raise NotExpressible("date_expression")
    return DateExpression(operation, start, end, spans, element.get("id", ""), spans_id)


# --- resources


def _primitive(element: Element) -> Primitive:
    tags = ("instance_attributes", "meta_attributes", "utilization", "operations")
    _only(element, "id", "class", "provider", "type", "template", "description", tags=tags)
    template = element.get("template", "")
    agent = None
    if not template:
        agent = Agent(element.get("class", ""), element.get("provider", ""), element.get("type", ""))
    elif "class" in element.attrib:
        raise NotExpressible("primitive with a template and a class")
    parts: list[AttributeSet | Operations] = []
    for child in children(element):
        if child.tag == "operations":
            if any(isinstance(part, Operations) for part in parts):
                raise NotExpressible("two operations elements")
            parts.append(_operations(child))
        else:
            parts.append(_set(child, _KEYWORDS[str(child.tag)]))
    return Primitive(
        element.get("id", ""), agent, template, element.get("description", ""), tuple(parts),
        is_template=element.tag == "template",
    )  # fmt: skip


def _operations(element: Element) -> Operations:
    _only(element, "id", "id-ref", tags=("op",))
    if "id-ref" in element.attrib:
        return Operations(reference=element.get("id-ref", ""))
    return Operations(tuple(_operation(child) for child in children(element)), element.get("id", ""))


def _operation(element: Element) -> Operation:
    known = ("id", "name", "interval", "timeout", "description", "start-delay", "interval-origin", "enabled",
             "record-pending", "role", "requires", "on-fail")  # fmt: skip
    _only(element, *known, tags=("instance_attributes", "meta_attributes"))
    attributes = tuple((n, v) for n, v in attributes_of(element).items() if n not in ("id", "name"))
    sets = _sets(element, {"instance_attributes": "op_params", "meta_attributes": "op_meta"})
    return Operation(element.get("name", ""), attributes, sets, element.get("id", ""))


def _container(element: Element) -> Container:
    tags = ("instance_attributes", "meta_attributes", *RESOURCE_TAGS)
    _only(element, "id", "description", tags=tags)
    members = tuple(child.get("id", "") for child in children(element) if child.tag in RESOURCE_TAGS)
    if not members:
        raise NotExpressible(f"{tag_of(element)} without members")
    return Container(str(element.tag), element.get("id", ""), members, element.get("description", ""), _sets(element))


def _bundle(element: Element) -> Bundle:
    runtimes = ("docker", "podman", "rkt")
    _only(element, "id", tags=(*runtimes, "network", "storage", "primitive", "meta_attributes"))
    by_tag = {str(child.tag): child for child in children(element)}
    runtime = next((name for name in runtimes if name in by_tag), "")
    if not runtime or not by_tag[runtime].attrib:
        raise NotExpressible("bundle without a container")
    network, storage = by_tag.get("network"), by_tag.get("storage")
    return Bundle(
        element.get("id", ""),
        runtime,
        tuple(attributes_of(by_tag[runtime]).items()),
        "",
        None if network is None else tuple(attributes_of(network).items()),
        () if network is None else tuple(_mapping(child) for child in children(network)),
        () if storage is None else tuple(_mapping(child) for child in children(storage)),
        _sets(element),
        by_tag["primitive"].get("id", "") if "primitive" in by_tag else "",
    )


def _mapping(element: Element) -> Mapping:
    return Mapping(tuple(attributes_of(element).items()))


# --- constraints


def _resource_sets(element: Element, mark: str) -> tuple[ResourceSet, ...]:
    return tuple(_resource_set(child, mark) for child in children(element) if child.tag == "resource_set")


def _resource_set(element: Element, mark: str) -> ResourceSet:
    _only(element, "id", "sequential", "require-all", mark, tags=("resource_ref",))
    members = tuple(child.get("id", "") for child in children(element))
    if not members or "id-ref" in element.attrib:
        raise NotExpressible("empty resource_set")
    return ResourceSet(
        members,
        element.get(mark, ""),
        element.get("sequential", ""),
        element.get("require-all", ""),
        element.get("id", ""),
    )


def _location(element: Element) -> Location:
    names = ("id", "rsc", "rsc-pattern", "role", "resource-discovery", "score", "node")
    _only(element, *names, tags=("rule", "resource_set"))
    thing = Location(
        element.get("id", ""),
        element.get("rsc", ""),
        element.get("rsc-pattern", ""),
        _resource_sets(element, "role"),
        element.get("role", ""),
        element.get("resource-discovery", ""),
        element.get("score", ""),
        element.get("node", ""),
        tuple(_rule(child) for child in children(element) if child.tag == "rule"),
    )
    targets = bool(thing.resource) + bool(thing.pattern) + bool(thing.sets)
    if targets != 1 or bool(thing.node) == bool(thing.rules) or (bool(thing.node) != bool(thing.score)):
        raise NotExpressible("rsc_location")
    return thing


def _colocation(element: Element) -> Colocation:
    names = ("id", "score", "rsc", "with-rsc", "rsc-role", "with-rsc-role", "node-attribute")
    _only(element, *names, tags=("resource_set",))
    if "score" not in element.attrib:
        raise NotExpressible("rsc_colocation without a score")
    sets = _resource_sets(element, "role")
    members = () if sets else (_member(element, "rsc", "rsc-role"), _member(element, "with-rsc", "with-rsc-role"))
    _plain_sets_only(sets)
    return Colocation(element.get("id", ""), element.get("score", ""), members, sets, element.get("node-attribute", ""))


def _plain_sets_only(sets: tuple[ResourceSet, ...]) -> None:
    """A line of one or two plain members would be read as another element."""
    if sets and sum(len(content.members) for content in sets) < 2:
        raise NotExpressible("one member in a set")


def _member(element: Element, name: str, mark: str) -> Member:
    if name not in element.attrib:
        raise NotExpressible(f"{tag_of(element)} without {name}")
    return Member(element.get(name, ""), element.get(mark, ""))


def _order(element: Element) -> Order:
    names = ("id", "kind", "first", "then", "first-action", "then-action", "symmetrical")
    _only(element, *names, tags=("resource_set",))
    sets = _resource_sets(element, "action")
    members = () if sets else (_member(element, "first", "first-action"), _member(element, "then", "then-action"))
    _plain_sets_only(sets)
    return Order(element.get("id", ""), element.get("kind", ""), members, sets, element.get("symmetrical", ""))


def _ticket(element: Element) -> Ticket:
    _only(element, "id", "ticket", "rsc", "rsc-role", "loss-policy", tags=("resource_set",))
    sets = _resource_sets(element, "role")
    members = () if sets else (_member(element, "rsc", "rsc-role"),)
    return Ticket(element.get("id", ""), element.get("ticket", ""), members, sets, element.get("loss-policy", ""))


# --- the rest


def _properties(element: Element) -> Properties:
    parent = element.getparent()
    section = "" if parent is None else str(parent.tag)
    keyword = {"crm_config": "property", "rsc_defaults": "rsc_defaults", "op_defaults": "op_defaults"}.get(section)
    if keyword is None:
        keyword = "property" if element.tag == "cluster_property_set" else "rsc_defaults"
    content = _set(element, keyword)
    if content.score:
        raise NotExpressible("score of a property set")
    return Properties(keyword, content)


def _fencing_topology(element: Element) -> FencingTopology:
    _only(element, tags=("fencing-level",))
    levels = []
    for child in children(element):
        _only(child, "id", "target", "target-pattern", "target-attribute", "target-value", "index", "devices")
        if "target" in child.attrib:
            kind, target = "node", child.get("target", "")
        elif "target-pattern" in child.attrib:
            kind, target = "pattern", child.get("target-pattern", "")
        else:
            kind, target = "attr", f"{child.get('target-attribute')}={child.get('target-value')}"
        try:
            index = int(child.get("index", ""))
        except ValueError:
            raise NotExpressible("index of a fencing-level") from None
        levels.append(FencingLevel(kind, target, child.get("devices", ""), index, child.get("id", "")))
    if not levels:
        raise NotExpressible("no fencing-level")
    return FencingTopology(tuple(levels))


def _role(element: Element) -> Role:
    _only(element, "id", "description", tags=("acl_permission",))
    permissions = []
    for child in children(element):
        _only(child, "id", "kind", "description", "xpath", "reference", "object-type", "attribute")
        permissions.append(
            Permission(
                child.get("kind", ""),
                child.get("xpath", ""),
                child.get("reference", ""),
                child.get("object-type", ""),
                child.get("attribute", ""),
                child.get("description", ""),
                child.get("id", ""),
            )
        )
    return Role(element.get("id", ""), tuple(permissions), element.get("description", ""))


def _acl_target(element: Element) -> AclTarget:
    _only(element, "id", tags=("role",))
    roles = tuple(child.get("id", "") for child in children(element))
    if not roles:
        raise NotExpressible("no role")
    return AclTarget(str(element.tag), element.get("id", ""), roles)


def _tag(element: Element) -> Tag:
    _only(element, "id", tags=("obj_ref",))
    return Tag(element.get("id", ""), tuple(child.get("id", "") for child in children(element)))


def _alert(element: Element) -> Alert:
    _only(element, "id", "path", "description",
          tags=("instance_attributes", "meta_attributes", "select", "recipient"))  # fmt: skip
    words = {"instance_attributes": "attributes", "meta_attributes": "meta"}
    parts: list[AttributeSet | Select | Recipient] = []
    for child in children(element):
        if child.tag == "select":
            kinds = tuple(
                (str(kind.tag).removeprefix("select_"), tuple(name.get("name", "") for name in children(kind)))
                for kind in children(child)
            )
            if any(kind == "attributes" and not names for kind, names in kinds):
                raise NotExpressible("select_attributes without a name")
            parts.append(Select(kinds))
        elif child.tag == "recipient":
            _only(child, "id", "value", "description", tags=("instance_attributes", "meta_attributes"))
            parts.append(
                Recipient(
                    child.get("value", ""), child.get("description", ""), _sets(child, words), child.get("id", "")
                )
            )
        else:
            parts.append(_set(child, words[str(child.tag)]))
    return Alert(element.get("id", ""), element.get("path", ""), element.get("description", ""), tuple(parts))


def _node(element: Element) -> Node:
    _only(element, "id", "uname", "type", "description", tags=("instance_attributes", "utilization"))
    sets = _sets(element, {"instance_attributes": "attributes", "utilization": "utilization"})
    return Node(
        element.get("id", ""), element.get("uname", ""), element.get("type", ""), element.get("description", ""), sets
    )


_READERS: dict[str, Callable[[Element], ConfigurationObject]] = {
    "primitive": _primitive,
    "template": _primitive,
    "group": _container,
    "clone": _container,
    "master": _container,
    "bundle": _bundle,
    "rsc_location": _location,
    "rsc_colocation": _colocation,
    "rsc_order": _order,
    "rsc_ticket": _ticket,
    "cluster_property_set": _properties,
    "meta_attributes": _properties,
    "fencing-topology": _fencing_topology,
    "acl_role": _role,
    "acl_target": _acl_target,
    "acl_group": _acl_target,
    "tag": _tag,
    "alert": _alert,
    "node": _node,
}
