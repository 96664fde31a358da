"""From objects to lines, as `configure show` prints them: one object, its sets and operations on their own lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import assert_never

from crmsh.language.acl import shortcut_of
from crmsh.language.agents import agent_text
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
    Mapping,
    Member,
    Monitor,
    Node,
    Operation,
    Operations,
    Order,
    Pair,
    Permission,
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

_BARE = re.compile(r"[\w.\-]+$", re.ASCII)
_SCORE = re.compile(r"([+-]?)INFINITY$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Style:
    """How the parts of a line are marked: functions from text to text."""

    keyword: Callable[[str], str]
    identifier: Callable[[str], str]
    name: Callable[[str], str]
    value: Callable[[str], str]
    reference: Callable[[str], str]
    score: Callable[[str], str]


def _same(text: str) -> str:
    return text


def _colour(code: str) -> Callable[[str], str]:
    return lambda text: f"\x1b[{code}m{text}\x1b[0m"


PLAIN = Style(_same, _same, _same, _same, _same, _same)
COLOUR = Style(_colour("33"), _same, _colour("36"), _colour("31"), _colour("32"), _colour("35"))
UPPERCASE = Style(str.upper, _same, _same, _same, _same, _same)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes objects. `referenced` are the ids that something refers to: only those are shown.

    Values whose name matches `obscure` are masked.
    """

    style: Style = PLAIN
    referenced: frozenset[str] = frozenset()
    obscure: tuple[str, ...] = ()
    node_names: tuple[str, ...] = ()

    def write(self, thing: ConfigurationObject) -> str:
        """The line of an object, its continuation lines joined by ` \\` and a tab."""
        return " \\\n\t".join(self._parts(thing))

    def _parts(self, thing: ConfigurationObject) -> list[str]:
        match thing:
            case Primitive():
                return self._primitive(thing)
            case Container():
                return self._container(thing)
            case Bundle():
                return self._bundle(thing)
            case Location():
                return self._location(thing)
            case Colocation():
                return [self._colocation(thing)]
            case Order():
                return [self._order(thing)]
            case Ticket():
                return [self._ticket(thing)]
            case Properties():
                return self._properties(thing)
            case FencingTopology():
                return self._fencing_topology(thing)
            case Role():
                return self._role(thing)
            case AclTarget():
                return [self._head(thing.keyword, thing.id), *(self.style.reference(role) for role in thing.roles)]
            case Tag():
                return [" ".join([self._head("tag", thing.id), *map(self.style.reference, thing.members)])]
            case Alert():
                return self._alert(thing)
            case Node():
                return self._node(thing)
            case RawXml():
                lines = thing.text.rstrip("\n").split("\n")
                return [self.style.keyword("xml") + " " + " \\\n".join(lines)]
            case Monitor():
                timeout = f":{thing.timeout}" if thing.timeout else ""
                return [f"{self._head('monitor', thing.id)} {thing.interval}{timeout}"]
            case _:
                assert_never(thing)

    def _head(self, keyword: str, identifier: str) -> str:
        return f"{self.style.keyword(keyword)} {self.style.identifier(identifier)}"

    def _id_setting(self, identifier: str) -> str:
        return f"$id={_quoted(identifier)} " if identifier in self.referenced else ""

    def _pair(self, pair: Pair) -> str:
        if pair.reference:
            return f"@{pair.reference}" + (f":{pair.name}" if pair.name else "")
        if pair.value is None:
            return self.style.name(pair.name)
        value = "******" if any(fnmatch(pair.name, pattern) for pattern in self.obscure) else pair.value
        return self._option(pair.name, value)

    def _option(self, name: str, value: str) -> str:
        return f"{self.style.name(name)}={self.style.value(_quoted(value))}"

    def _set(self, content: AttributeSet) -> str:
        return " ".join([self.style.keyword(content.keyword), *self._set_content(content)]).rstrip()

    def _set_content(self, content: AttributeSet) -> list[str]:
        if content.reference:
            return [f"$id-ref={self.style.reference(_quoted(content.reference))}"]
        words = [self._id_setting(content.id).strip()] if content.id in self.referenced else []
        if content.score:
            words.append(self.style.score(f"{_score(content.score)}:"))
        words += [self._rule(rule) for rule in content.rules]
        return words + [self._pair(pair) for pair in content.pairs]

    def _rule(self, rule: Rule) -> str:
        keyword = self.style.keyword("rule")
        if rule.reference:
            return f"{keyword} $id-ref={self.style.reference(_quoted(rule.reference))}"
        words = [keyword]
        if rule.id in self.referenced:
            words.append(self._id_setting(rule.id).strip())
        if rule.role:
            words.append(f"$role={_quoted(rule.role)}")
        if rule.score_attribute:
            words.append(self.style.score(f"{rule.score_attribute}:"))
        elif rule.score and rule.score != "INFINITY":
            words.append(self.style.score(f"{_score(rule.score)}:"))
        operator = self.style.keyword(rule.boolean_op or "and")
        words.append(f" {operator} ".join(self._expression(expression) for expression in rule.expressions))
        return " ".join(words)

    def _expression(self, expression: Expression) -> str:
        if isinstance(expression, AttributeExpression):
            if expression.value is None:
                return f"{expression.operation} {_quoted_word(expression.attribute)}"
            kind = f"{expression.type}:" if expression.type not in ("", "string") else ""
            value = _quoted_word(expression.value)
            if expression.value_source:
                value = _quoted_word(f"{expression.value_source}{{{expression.value}}}")
            return f"{_quoted_word(expression.attribute)} {kind}{expression.operation} {value}"
        match expression.operation:
            case "lt":
                return f"date lt {_quoted(expression.end)}"
            case "gt":
                return f"date gt {_quoted(expression.start)}"
            case operation:
                given = [("start", expression.start), ("end", expression.end), *expression.spans]
                spans = " ".join(self._option(name, value) for name, value in given if value)
                return f"date {'spec' if operation == 'date_spec' else 'in'} {spans}"

    def _operation(self, operation: Operation) -> list[str]:
        options = [self._option(name, value) for name, value in operation.attributes]
        head = " ".join([self.style.keyword("op"), operation.name, *options])
        return [head, *(self._set(content) for content in operation.sets)]

    def _operations(self, operations: Operations) -> list[str]:
        keyword = self.style.keyword("operations")
        if operations.reference:
            return [f"{keyword} $id-ref={self.style.reference(operations.reference)}"]
        lines = [f"{keyword} $id={operations.id}"] if operations.id else []
        for operation in operations.operations:
            lines += self._operation(operation)
        return lines

    def _description(self, description: str) -> list[str]:
        return [self._option("description", description)] if description else []

    def _primitive(self, thing: Primitive) -> list[str]:
        keyword = "rsc_template" if thing.is_template else "primitive"
        agent = f"@{thing.template}"
        if thing.agent is not None:
            agent = agent_text(thing.agent.standard, thing.agent.provider, thing.agent.type)
        lines = [f"{self._head(keyword, thing.id)} {agent}", *self._description(thing.description)]
        for part in thing.parts:
            lines += self._operations(part) if isinstance(part, Operations) else [self._set(part)]
        return lines

    def _container(self, thing: Container) -> list[str]:
        keyword = "ms" if thing.keyword == "master" else thing.keyword
        members = " ".join(self.style.reference(member) for member in thing.members)
        return [
            f"{self._head(keyword, thing.id)} {members}",
            *self._description(thing.description),
            *(self._set(content) for content in thing.sets),
        ]

    def _bundle(self, thing: Bundle) -> list[str]:
        def options(pairs: Iterable[tuple[str, str]]) -> str:
            return "".join(f" {self._option(name, value)}" for name, value in pairs)

        def mappings(keyword: str, content: tuple[Mapping, ...]) -> str:
            return "".join(f" {self.style.keyword(keyword)}{options(mapping.attributes)}" for mapping in content)

        lines = [self._head("bundle", thing.id), self.style.keyword(thing.runtime) + options(thing.options)]
        if thing.network is not None:
            network = self.style.keyword("network") + options(thing.network)
            lines.append(network + mappings("port-mapping", thing.ports))
        if thing.storage:
            lines.append(self.style.keyword("storage") + mappings("storage-mapping", thing.storage))
        lines += [self._set(content) for content in thing.sets]
        if thing.primitive:
            lines.append(f"{self.style.keyword('primitive')} {self.style.reference(thing.primitive)}")
        return lines

    # --- constraints

    def _location(self, thing: Location) -> list[str]:
        if thing.sets:
            target = f"{{ {self._resource_sets(thing.sets, frozenset())} }}"
        else:
            target = f"/{thing.pattern}/" if thing.pattern else self.style.reference(thing.resource)
        words = [self._head("location", thing.id), target]
        if thing.role:
            words.append(self._option("role", thing.role))
        if thing.discovery:
            words.append(self._option("resource-discovery", thing.discovery))
        if thing.node:
            words += [self.style.score(f"{_score(thing.score)}:"), self.style.reference(thing.node)]
        return [" ".join(words), *(self._rule(rule) for rule in thing.rules)]

    def _member(self, member: Member) -> str:
        return self.style.reference(member.resource) + (f":{member.mark}" if member.mark else "")

    def _resource_sets(self, sets: tuple[ResourceSet, ...], ambiguous: frozenset[int]) -> str:
        """Sets in words; a mark in front where the words alone would be two plain members (`ambiguous` counts)."""
        words: list[str] = []
        plain = all(not content.sequential and not content.require_all for content in sets)
        if plain and sum(len(content.members) for content in sets) in ambiguous:
            words.append("_rsc_set_")
        for content in sets:
            members = [self._member(Member(member, content.mark)) for member in content.members]
            words += _bracketed(content, members)
        return " ".join(words)

    def _members(self, members: tuple[Member, ...], sets: tuple[ResourceSet, ...]) -> str:
        if members:
            return " ".join(self._member(member) for member in members)
        return self._resource_sets(sets, frozenset({2}))

    def _colocation(self, thing: Colocation) -> str:
        words = [
            self._head("colocation", thing.id),
            self.style.score(f"{_score(thing.score)}:"),
            self._members(thing.members, thing.sets),
        ]
        if thing.node_attribute:
            words.append(self._option("node-attribute", thing.node_attribute))
        return " ".join(words)

    def _order(self, thing: Order) -> str:
        words = [self._head("order", thing.id)]
        if thing.kind:
            words.append(self.style.score(f"{thing.kind}:"))
        words.append(self._members(thing.members, thing.sets))
        if thing.symmetrical:
            words.append(self._option("symmetrical", thing.symmetrical))
        return " ".join(words)

    def _ticket(self, thing: Ticket) -> str:
        words = [self._head("rsc_ticket", thing.id), self.style.score(f"{thing.ticket}:")]
        if thing.members:
            words += [self._member(member) for member in thing.members]
        else:
            words.append(self._resource_sets(thing.sets, frozenset({1})))
        if thing.loss_policy:
            words.append(self._option("loss-policy", thing.loss_policy))
        return " ".join(words)

    # --- the rest

    def _properties(self, thing: Properties) -> list[str]:
        head = self._head(thing.keyword, f"{thing.id}:")
        if thing.content.reference:
            return [f"{self.style.keyword(thing.keyword)} $id-ref={thing.content.reference}"]
        rules = [self._rule(rule) for rule in thing.content.rules]
        return [head, *rules, *(self._pair(pair) for pair in thing.content.pairs)]

    def _fencing_topology(self, thing: FencingTopology) -> list[str]:
        by_target: dict[str, list[str]] = {}
        for level in thing.levels:
            target = f"{level.target}:" if level.target_kind == "node" else f"{level.target_kind}:{level.target}"
            by_target.setdefault(target, []).append(level.devices)
        keyword = self.style.keyword("fencing_topology")
        same = len({tuple(devices) for devices in by_target.values()}) == 1
        if same and by_target.keys() == {f"{name}:" for name in self.node_names}:
            return [f"{keyword} {' '.join(next(iter(by_target.values())))}"]
        return [
            keyword,
            *(
                f"{self.style.identifier(target)} {' '.join(map(self.style.reference, devices))}"
                for target, devices in by_target.items()
            ),
        ]

    def _role(self, thing: Role) -> list[str]:
        return [
            self._head("role", thing.id),
            *self._description(thing.description),
            *(self._permission(permission) for permission in thing.permissions),
        ]

    def _permission(self, permission: Permission) -> str:
        words = [self.style.keyword(permission.access), *self._description(permission.description)]
        if permission.xpath:
            words.append(shortcut_of(permission.xpath) or f"xpath:{_always_quoted(permission.xpath)}")
        if permission.reference:
            words.append(f"ref:{self.style.reference(permission.reference)}")
        if permission.attribute:
            words.append(f"attr:{permission.attribute}")
        if permission.object_type:
            words.append(f"type:{permission.object_type}")
        return " ".join(words)

    def _alert(self, thing: Alert) -> list[str]:
        lines = [f"{self._head('alert', thing.id)} {_quoted(thing.path)}", *self._description(thing.description)]
        for place, part in enumerate(thing.parts):
            match part:
                case AttributeSet():
                    lines.append(self._set(part))
                case Select():
                    lines.append(" ".join([self.style.keyword("select"), *map(_select_kind, part.kinds)]))
                case Recipient():
                    following = thing.parts[place + 1] if place + 1 < len(thing.parts) else None
                    lines.append(self._recipient(part, braces=isinstance(following, AttributeSet)))
                case _:
                    assert_never(part)
        return lines

    def _recipient(self, recipient: Recipient, braces: bool) -> str:
        """Braces keep a set that follows from being taken for the recipient's."""
        words = [_quoted(recipient.value), *self._description(recipient.description)]
        words += [self._set(content) for content in recipient.sets]
        inner = " ".join(words)
        return f"{self.style.keyword('to')} " + (f"{{ {inner} }}" if braces else inner)

    def _node(self, thing: Node) -> list[str]:
        name = thing.name + (f":{thing.type}" if thing.type not in ("", "member") else "")
        head = self._head("node", name if thing.id in ("", thing.name) else f"{thing.id}: {name}")
        return [head, *self._description(thing.description), *(self._set(content) for content in thing.sets)]


def _select_kind(kind: tuple[str, tuple[str, ...]]) -> str:
    name, attributes = kind
    return f"{name} {{ {' '.join(attributes)} }}" if name == "attributes" else name


def _bracketed(content: ResourceSet, members: list[str]) -> list[str]:
    sequential, require_all = content.sequential == "false", content.require_all == "false"
    if require_all:
        return ["[", *members, *([] if sequential else ["sequential=true"]), "]"]
    if sequential:
        return ["(", *members, ")"]
    return members


def _score(text: str) -> str:
    match = _SCORE.match(text)
    return f"{match.group(1)}inf" if match else text


def _quoted(value: str) -> str:
    """A value, in double quotes where it is not a plain word."""
    return value if _BARE.match(value) else _always_quoted(value)


def _always_quoted(value: str) -> str:
    escaped = re.sub(r'\\(?=["\\]|$)', r"\\\\", value).replace('"', '\\"')
    return f'"{escaped}"'


def _quoted_word(word: str) -> str:
    """A word of a rule: quoted only where a reader of the line would split or change it."""
    return word if word and not re.search(r"""[\s"'\\]""", word) else _always_quoted(word)
