"""From the parse tree of a line to its object, with the checks that a grammar cannot express."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lark import Token, Tree

from crmsh.language.acl import PermissionError_, permission_from_words
from crmsh.language.agents import find_agent
from crmsh.language.errors import did_you_mean
from crmsh.language.objects import (
    AclTarget,
    Agent,
    Alert,
    AttributeExpression,
    AttributeSet,
    Bundle,
    ConfigurationObject,
    Container,
    DateExpression,
    Expression,
    FencingLevel,
    FencingTopology,
    Location,
    Mapping,
    Monitor,
    Node,
    Operation,
    Operations,
    Pair,
    Permission,
    Primitive,
    Properties,
    Recipient,
    Role,
    Rule,
    Select,
    Tag,
)
from crmsh.language.resource_sets import (
    ROLES,
    TransformError,
    canonical_role,
    colocation_from,
    location_sets_from,
    order_from,
    score_text,
    ticket_from,
)

__all__ = ["TransformError", "to_object"]

Branch = Tree[Token]
OPERATION_ATTRIBUTES = ("interval", "timeout", "description", "start-delay", "interval-origin", "enabled",
                        "record-pending", "role", "requires", "on-fail", "id", "name")  # fmt: skip
"""Names behind `op NAME` that are attributes of the operation; others are parameters of it."""

_KEYWORD_OF_SET = {
    "params_set": "params",
    "meta_set": "meta",
    "utilization_set": "utilization",
    "attributes_set": "attributes",
    "op_params_set": "op_params",
    "op_meta_set": "op_meta",
}
NODE_TYPES = ("member", "remote", "ping", "normal")
_XML_NAME = re.compile(r"[A-Za-z_][\w.\-]*$")


def to_object(head: str, tree: Branch) -> ConfigurationObject:
    """The object of a tree; `head` is the word that began the line. Raises TransformError."""
    return _MAKERS[tree.data](head, tree)


def _tokens(tree: Branch, name: str = "") -> list[Token]:
    return [child for child in tree.children if isinstance(child, Token) and name in ("", child.type)]


def _branches(tree: Branch) -> list[Branch]:
    return [child for child in tree.children if isinstance(child, Tree)]


def _text(tree: Branch, name: str) -> str:
    found = _tokens(tree, name)
    return str(found[0]) if found else ""


def _setting(tree: Branch, name: str) -> str:
    return _text(tree, name).partition("=")[2]


def _identifier(tree: Branch, name: str = "ID") -> str:
    token = _tokens(tree, name)[0]
    return _checked_id(token, str(token))


def _checked_id(token: Token, text: str) -> str:
    if not _XML_NAME.match(text):
        raise TransformError(
            f"'{text}' cannot be an id: it must begin with a letter or '_' and have letters, digits, '.', '-', '_'",
            token,
        )
    return text


def _option(token: Token) -> tuple[str, str]:
    name, _, value = token.partition("=")
    return name, value


# --- sets, rules, operations


def _pair(tree: Branch) -> Pair:
    (token,) = _tokens(tree)
    return _pair_from(token)


def _pair_from(token: Token) -> Pair:
    text = str(token)
    if token.type == "PAIR_REFERENCE":
        reference, _, name = text[1:].partition(":")
        return Pair(name, reference=reference)
    if token.type == "NAME":
        return Pair(text)
    name, _, value = text.partition("=")
    if name.startswith("$") and ":" in name:
        identifier, _, name = name[1:].partition(":")
        return Pair(name, value, id=_checked_id(token, identifier))
    return Pair(name, value)


def _set(keyword: str, tree: Branch) -> AttributeSet:
    if tree.data == "set_reference":
        return AttributeSet(keyword, reference=_setting(tree, "ID_REFERENCE"))
    token = next(iter(_tokens(tree, "ID_SETTING") + _tokens(tree, "SET_ID")), None)
    identifier = ""
    if token is not None:
        identifier = _checked_id(token, _setting(tree, "ID_SETTING") or str(token).removesuffix(":"))
    score = _tokens(tree, "SCORE")
    return AttributeSet(
        keyword,
        identifier,
        score=score_text(score[0], or_attribute=False) if score else "",
        rules=tuple(_rule(child) for child in _branches(tree) if child.data in ("rule", "rule_reference")),
        pairs=tuple(_pair(child) for child in _branches(tree) if child.data == "pair"),
    )


def _keyword_set(tree: Branch) -> AttributeSet:
    return _set(_KEYWORD_OF_SET[tree.data], _branches(tree)[0])


def _bare_set(keyword: str, tree: Branch) -> AttributeSet:
    first = _pair_from(_tokens(tree, "OPTION")[0])
    return AttributeSet(keyword, pairs=(first, *(_pair(child) for child in _branches(tree))))


def _sets(tree: Branch, bare_keyword: str = "params") -> Iterator[AttributeSet]:
    for child in _branches(tree):
        if child.data == "bare_set":
            yield _bare_set(bare_keyword, child)
        elif child.data in _KEYWORD_OF_SET:
            yield _keyword_set(child)


def _rule(tree: Branch) -> Rule:
    if tree.data == "rule_reference":
        return Rule(reference=_setting(tree, "ID_REFERENCE"))
    operators = _tokens(tree, "AND") + _tokens(tree, "OR")
    names = {str(operator).lower() for operator in operators}
    if len(names) > 1:
        odd = _tokens(tree, "OR")[0]
        raise TransformError("'and' and 'or' cannot be mixed in one rule: write two rules", odd)
    score, attribute = "", ""
    if scores := _tokens(tree, "SCORE"):
        score = score_text(scores[0], or_attribute=True)
        if not re.match(r"[+-]?(\d+|INFINITY)$", score):
            score, attribute = "", score
    return Rule(
        id=_checked_id(_tokens(tree, "ID_SETTING")[0], _setting(tree, "ID_SETTING"))
        if _tokens(tree, "ID_SETTING")
        else "",
        role=_setting_role(tree),
        score=score,
        score_attribute=attribute,
        boolean_op=names.pop() if names else "",
        expressions=tuple(_expression(child) for child in _branches(tree)),
    )


def _setting_role(tree: Branch) -> str:
    roles = _tokens(tree, "ROLE_SETTING")
    return canonical_role(roles[0], roles[0].partition("=")[2]) if roles else ""


def _expression(tree: Branch) -> Expression:
    words = [str(token) for token in _tokens(tree)]
    match tree.data:
        case "unary":
            return AttributeExpression(words[0].lower(), words[1])
        case "comparison":
            return _comparison(*words)
        case "date_comparison":
            operation = words[1].lower()
            return DateExpression("lt", end=words[2]) if operation == "lt" else DateExpression("gt", start=words[2])
        case "date_in":
            return _date_in(tree)
        case _:
            return DateExpression("date_spec", spans=_spans(_tokens(tree, "SPAN"), ()))


def _comparison(attribute: str, comparison: str, value: str) -> AttributeExpression:
    kind, _, operation = comparison.lower().rpartition(":")
    source = re.match(r"(param|meta)\{(.*)\}$", value)
    if source:
        return AttributeExpression(operation, attribute, source.group(2), kind, source.group(1))
    return AttributeExpression(operation, attribute, value, kind)


def _spans(tokens: list[Token], skipped: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    spans = []
    for token in tokens:
        name, value = _option(token)
        if name in ("start", "end") and name not in skipped:
            raise TransformError(f"'{name}=' cannot stand in 'date spec': use 'date in'", token)
        if name not in skipped:
            spans.append((name, value))
    return tuple(spans)


def _date_in(tree: Branch) -> DateExpression:
    tokens = _tokens(tree, "SPAN")
    given = dict(_option(token) for token in tokens)
    spans = _spans(tokens, ("start", "end"))
    if "start" not in given and not ("end" in given and spans):
        raise TransformError("'date in' needs start=", tokens[0])
    if "end" not in given and not spans:
        raise TransformError("'date in' needs end= or a duration such as hours=8", tokens[-1])
    return DateExpression("in_range", given.get("start", ""), given.get("end", ""), spans)


def _operation(tree: Branch) -> Operation:
    token = _tokens(tree, "OPERATION_NAME")[0]
    attributes: list[tuple[str, str]] = []
    parameters: list[Pair] = []
    identifier = ""
    for child in _branches(tree):
        if child.data != "pair":
            continue
        pair, (word,) = _pair(child), _tokens(child)
        if pair.name in ("$id", "id") and pair.value:
            identifier = _checked_id(word, pair.value)
        elif pair.name in OPERATION_ATTRIBUTES and pair.value is not None:
            if parameters:
                raise TransformError(
                    f"'{pair.name}=' is an attribute of the operation and must stand before '{parameters[0].name}='",
                    word,
                )
            value = canonical_role(word, pair.value) if pair.name == "role" else pair.value
            attributes.append((pair.name, value))
        else:
            parameters.append(pair)
    sets = [_keyword_set(child) for child in _branches(tree) if child.data in _KEYWORD_OF_SET]
    if parameters:
        sets.insert(0, AttributeSet("op_params", pairs=tuple(parameters)))
    if "interval" not in dict(attributes) and token.lower() != "monitor":
        attributes.append(("interval", "0"))
    return Operation(str(token), tuple(attributes), tuple(sets), identifier)


# --- resources


def _primitive(head: str, tree: Branch) -> Primitive:
    agent, template = None, ""
    for child in (*_branches(tree), tree):
        if child.data == "agent" and _text(child, "TEMPLATE"):
            template = _text(child, "TEMPLATE")[1:]
        elif child.data in ("agent", "rsc_template"):
            token = _tokens(child, "AGENT")[0]
            agent = _agent(token)
    return Primitive(
        _identifier(tree),
        agent,
        template,
        _setting(tree, "DESCRIPTION"),
        _resource_parts(tree),
        is_template=tree.data == "rsc_template",
    )


def _agent(token: Token) -> Agent:
    try:
        return find_agent(str(token))
    except ValueError as error:
        raise TransformError(str(error), token) from None


def _resource_parts(tree: Branch) -> tuple[AttributeSet | Operations, ...]:
    parts: list[AttributeSet | Operations] = []
    operations: list[Operation] = []
    place, identifier, reference = -1, "", ""
    for child in _branches(tree):
        if child.data in ("operations", "operation") and place < 0:
            place = len(parts)
        if child.data == "operations":
            identifier, reference = _setting(child, "ID_SETTING"), _setting(child, "ID_REFERENCE")
        elif child.data == "operation":
            operations.append(_operation(child))
        elif child.data == "bare_set":
            parts.append(_bare_set("params", child))
        elif child.data in _KEYWORD_OF_SET:
            parts.append(_keyword_set(child))
    if place >= 0:
        parts.insert(place, Operations(tuple(operations), identifier, reference))
    return tuple(parts)


def _container(head: str, tree: Branch) -> Container:
    members = [str(token) for token in _tokens(tree, "RESOURCE")]
    for token in _tokens(tree, "RESOURCE"):
        if members.count(str(token)) > 1:
            raise TransformError(f"'{token}' is listed twice", token)
    sets = tuple(_sets(tree))
    keyword = "master" if head in ("ms", "master") else str(tree.data)
    return Container(keyword, _identifier(tree), tuple(members), _setting(tree, "DESCRIPTION"), sets)


def _bundle(head: str, tree: Branch) -> Bundle:
    network: tuple[tuple[str, str], ...] | None = None
    ports: tuple[Mapping, ...] = ()
    storage: tuple[Mapping, ...] = ()
    primitive = ""
    for child in _branches(tree):
        if child.data == "network":
            network = tuple(_option(token) for token in _tokens(child, "OPTION"))
            ports = tuple(_mapping(mapping) for mapping in _branches(child))
        elif child.data == "storage":
            storage = tuple(_mapping(mapping) for mapping in _branches(child))
        elif child.data == "bundle_primitive":
            primitive = _text(child, "RESOURCE")
    options = tuple(_option(token) for token in _tokens(tree, "OPTION"))
    runtime = _text(tree, "RUNTIME").lower()
    return Bundle(_identifier(tree), runtime, options, "", network, ports, storage, tuple(_sets(tree)), primitive)


def _mapping(tree: Branch) -> Mapping:
    return Mapping(tuple(_option(token) for token in _tokens(tree, "OPTION")))


# --- constraints


def _location(head: str, tree: Branch) -> Location:
    target = _branches(tree)[0]
    role = _setting_role(tree)
    score = node = ""
    for child in _branches(tree)[1:]:
        if child.data == "location_node":
            score, node = score_text(_tokens(child, "SCORE")[0], or_attribute=False), _text(child, "NODE_NAME")
            role = role or _setting_role(child)
    return Location(
        _identifier(tree),
        resource=_text(target, "RESOURCE"),
        pattern=_text(target, "REGEX")[1:-1],
        sets=location_sets_from(target) if _tokens(target, "LBRACE") else (),
        role=role,
        discovery=_setting(tree, "DISCOVERY_SETTING"),
        score=score,
        node=node,
        rules=tuple(_rule(child) for child in _branches(tree) if child.data in ("rule", "rule_reference")),
    )


def _colocation(head: str, tree: Branch) -> ConfigurationObject:
    return colocation_from(_identifier(tree), tree)


def _order(head: str, tree: Branch) -> ConfigurationObject:
    return order_from(_identifier(tree), tree)


def _ticket(head: str, tree: Branch) -> ConfigurationObject:
    return ticket_from(_identifier(tree), tree)


# --- the rest


def _properties(head: str, tree: Branch) -> Properties:
    content = _set(head, _branches(tree)[0])
    if not content.pairs and not content.id and not content.reference and not content.rules:
        raise TransformError("a name with a value is missing: NAME=VALUE", None)
    for pair in content.pairs:
        if head == "property" and not pair.value:
            raise TransformError(
                f"'{pair.name}' has no value: write {pair.name}=VALUE, or delete the property to have its default", None
            )
    return Properties(head, content)


def _node(head: str, tree: Branch) -> Node:
    token = _tokens(tree, "NODE_NAME")[0]
    name, colon, kind = token.rpartition(":")
    if not colon:
        name, kind = str(token), ""
    elif kind not in NODE_TYPES:
        raise TransformError(f"'{kind}' is not a type of node (member, remote){did_you_mean(kind, NODE_TYPES)}", token)
    identifier = _text(tree, "NODE_ID").removesuffix(":") or _setting(tree, "ID_SETTING")
    return Node(identifier, name, kind, _setting(tree, "DESCRIPTION"), tuple(_sets(tree, "attributes")))


def _fencing_topology(head: str, tree: Branch) -> FencingTopology:
    levels: list[FencingLevel] = []
    kind = target = ""
    found = True
    indexes: dict[str, int] = {}
    for token in _tokens(tree):
        if token.type == "DEVICES":
            found = True
            # Levels of one attribute are numbered through, whatever its value.
            key = target.partition("=")[0] if kind == "attr" else target
            indexes[key] = indexes.get(key, 0) + 1
            levels.append(FencingLevel(kind, target, str(token), indexes[key]))
            continue
        if not found:
            raise TransformError(f"'{target}' has no device", token)
        found = False
        kind, _, target = token.partition(":") if token.startswith(("pattern:", "attr:")) else ("node", "", token[:-1])
        if kind == "attr" and "=" not in target:
            raise TransformError("expected attr:NAME=VALUE", token)
    if not found:
        raise TransformError(f"'{target}' has no device", _tokens(tree)[-1])
    return FencingTopology(tuple(levels))


def _role(head: str, tree: Branch) -> Role:
    permissions: list[Permission] = []
    for child in _branches(tree):
        identifier = _text(child, "PERMISSION_ID").removesuffix(":")
        words = _tokens(child, "PERMISSION")
        try:
            made = permission_from_words(
                _text(child, "ACCESS").lower(),
                [str(word) for word in words],
                _setting(child, "DESCRIPTION"),
                identifier,
            )
        except PermissionError_ as error:
            raise TransformError(str(error), words[error.place]) from None
        permissions += made
    return Role(_identifier(tree), tuple(permissions), _setting(tree, "DESCRIPTION"))


def _acl_target(head: str, tree: Branch) -> AclTarget:
    return AclTarget(str(tree.data), _identifier(tree), tuple(str(token) for token in _tokens(tree, "ROLE_NAME")))


def _tag(head: str, tree: Branch) -> Tag:
    token = _tokens(tree, "TAG_ID")[0]
    return Tag(_checked_id(token, token.removesuffix(":")), tuple(str(member) for member in _tokens(tree, "OBJECT")))


def _alert(head: str, tree: Branch) -> Alert:
    parts: list[AttributeSet | Select | Recipient] = []
    for child in _branches(tree):
        if child.data == "select":
            parts.append(Select(tuple(_select_kind(item) for item in child.children)))
        elif child.data == "recipient":
            parts.append(Recipient(_text(child, "VALUE"), _setting(child, "DESCRIPTION"), tuple(_sets(child))))
        else:
            parts.append(_keyword_set(child))
    # The keyword `select` is a token of its branch; only what follows it is a kind.
    parts = [
        Select(tuple(kind for kind in part.kinds if kind[0] != "select")) if isinstance(part, Select) else part
        for part in parts
    ]
    return Alert(_identifier(tree), _text(tree, "PATH"), _setting(tree, "DESCRIPTION"), tuple(parts))


def _select_kind(item: Token | Branch) -> tuple[str, tuple[str, ...]]:
    if isinstance(item, Token):
        return str(item).lower(), ()
    return "attributes", tuple(str(name) for name in _tokens(item, "NAME"))


def _monitor(head: str, tree: Branch) -> Monitor:
    token = _tokens(tree, "MONITORED")[0]
    resource, _, role = token.partition(":")
    interval, _, timeout = _text(tree, "INTERVAL").partition(":")
    if role and canonical_role(token, role) not in ROLES:
        raise TransformError(f"'{role}' is not a role{did_you_mean(role, ROLES)}", token)
    return Monitor(resource, canonical_role(token, role) if role else "", interval, timeout)


_MAKERS: dict[str, Callable[[str, Branch], ConfigurationObject]] = {
    "node": _node,
    "primitive": _primitive,
    "rsc_template": _primitive,
    "group": _container,
    "clone": _container,
    "bundle": _bundle,
    "location": _location,
    "colocation": _colocation,
    "order": _order,
    "rsc_ticket": _ticket,
    "property": _properties,
    "rsc_defaults": _properties,
    "op_defaults": _properties,
    "fencing_topology": _fencing_topology,
    "role": _role,
    "acl_target": _acl_target,
    "acl_group": _acl_target,
    "tag": _tag,
    "alert": _alert,
    "monitor": _monitor,
}
