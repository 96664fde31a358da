"""The resources of colocations, orders and tickets: two members, or sets, from the items of a line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lark import Token, Tree

from crmsh.language.errors import did_you_mean
from crmsh.language.objects import Colocation, Member, Order, ResourceSet, Ticket

ROLES = ("Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave")
ACTIONS = ("start", "promote", "demote", "stop")
KINDS = ("Mandatory", "Optional", "Serialize")
LOSS_POLICIES = ("stop", "demote", "fence", "freeze")
_SCORE_WORDS = {"mandatory": "INFINITY", "advisory": "0"}
_INFINITY = re.compile(r"([+-]?)inf(inity)?$", re.IGNORECASE)
_FALSE = ("false", "no", "off", "0", "n")


class TransformError(Exception):
    """A line that the grammar accepts but that means nothing; where it is in the line."""

    def __init__(self, message: str, token: Token | None) -> None:
        super().__init__(message)
        self.start = -1 if token is None or token.start_pos is None else token.start_pos
        self.end = -1 if token is None or token.end_pos is None else token.end_pos


def score_text(token: Token, or_attribute: bool) -> str:
    """The score of a word with its colon, as the CIB spells it. A node attribute's name where that is allowed."""
    text = str(token).removesuffix(":")
    if match := _INFINITY.match(text):
        return f"{match.group(1)}INFINITY"
    if text.lower() in _SCORE_WORDS:
        return _SCORE_WORDS[text.lower()]
    if re.match(r"[+-]?\d+$", text) or or_attribute:
        return text
    raise TransformError(f"'{text}' is not a score: expected a whole number, inf or -inf", token)


def canonical_role(token: Token, text: str) -> str:
    """The role as it is typed, when it is one. Raises TransformError."""
    if text.lower() not in (role.lower() for role in ROLES):
        raise TransformError(f"'{text}' is not a role ({', '.join(ROLES)}){did_you_mean(text, ROLES)}", token)
    return text


def _mark(token: Token, text: str, known: tuple[str, ...], what: str) -> str:
    """The role or action in the spelling of the CIB."""
    for word in known:
        if word.lower() == text.lower():
            return word
    raise TransformError(f"'{text}' is not {what} ({', '.join(known)}){did_you_mean(text, known)}", token)


@dataclass(slots=True)
class _Reading:
    """What the items of a line amount to."""

    sets: list[ResourceSet]
    options: dict[str, tuple[str, Token]]
    members: list[Member]
    simple: bool = True


def _read(items: list[Token | Tree[Token]], known: tuple[str, ...], what: str) -> _Reading:
    """Split items into sets: a change of role or action, or a bracket, begins a new one."""
    reading = _Reading([], {}, [])
    run: list[Member] = []
    run_options: dict[str, tuple[str, Token]] = {}

    def close_run() -> None:
        if run:
            reading.sets += _sets_of(run, run_options, {})
        run.clear()
        run_options.clear()

    for item in items:
        if isinstance(item, Tree):
            close_run()
            reading.simple = False
            reading.sets += _bracket(item, known, what)
        elif item.type == "SET_MARK":
            reading.simple = False
        elif item.type == "MEMBER":
            member = _member(item, known, what)
            run.append(member)
            reading.members.append(member)
        elif item.partition("=")[0] in ("sequential", "require-all"):
            name, _, value = item.partition("=")
            run_options[name] = (value, item)
            reading.simple = False
        else:
            name, _, value = item.partition("=")
            reading.options[name] = (value, item)
    close_run()
    return reading


def _member(token: Token, known: tuple[str, ...], what: str) -> Member:
    resource, colon, mark = token.partition(":")
    return Member(resource, _mark(token, mark, known, what) if colon else "")


def _bracket(tree: Tree[Token], known: tuple[str, ...], what: str) -> list[ResourceSet]:
    members: list[Member] = []
    options: dict[str, tuple[str, Token]] = {}
    for token in tree.children:
        assert isinstance(token, Token)
        if token.type == "MEMBER":
            members.append(_member(token, known, what))
        elif token.type == "OPTION":
            name, _, value = token.partition("=")
            if name not in ("sequential", "require-all"):
                raise TransformError(f"'{name}=' cannot stand in a set: expected sequential= or require-all=", token)
            options[name] = (value, token)
    if not members:
        raise TransformError("the set is empty", next((t for t in tree.children if isinstance(t, Token)), None))
    default = {"sequential": "false"} if tree.data == "parallel_set" else {
        "sequential": "false", "require-all": "false",
    }  # fmt: skip
    return _sets_of(members, options, default)


def _sets_of(
    members: list[Member], options: dict[str, tuple[str, Token]], default: dict[str, str]
) -> list[ResourceSet]:
    values = default | {name: value for name, (value, _) in options.items()}
    # True is the default of both and is not written.
    flags = {name: "false" if value.lower() in _FALSE else "" for name, value in values.items()}
    sets: list[ResourceSet] = []
    for member in members:
        if sets and sets[-1].mark == member.mark:
            sets[-1] = ResourceSet(
                (*sets[-1].members, member.resource), member.mark, sets[-1].sequential, sets[-1].require_all
            )
        else:
            sets.append(
                ResourceSet((member.resource,), member.mark, flags.get("sequential", ""), flags.get("require-all", ""))
            )
    return sets


def _items(tree: Tree[Token], skipped: tuple[str, ...]) -> list[Token | Tree[Token]]:
    return [child for child in tree.children if isinstance(child, Tree) or child.type not in skipped]


def _finish(reading: _Reading, allowed: tuple[str, ...]) -> tuple[tuple[Member, ...], tuple[ResourceSet, ...]]:
    for name, (_, token) in reading.options.items():
        if name not in allowed:
            raise TransformError(
                f"'{name}=' is not an option here: expected {' or '.join(allowed)}{did_you_mean(name, allowed)}", token
            )
    if reading.simple and len(reading.members) == 2:
        return tuple(reading.members), ()
    return (), tuple(reading.sets)


def colocation_from(identifier: str, tree: Tree[Token]) -> Colocation:
    """`ID SCORE members…`. Raises TransformError."""
    score = next(child for child in tree.children if isinstance(child, Token) and child.type == "SCORE")
    reading = _read(_items(tree, ("ID", "SCORE")), ROLES, "a role")
    members, sets = _finish(reading, ("node-attribute",))
    attribute, token = reading.options.get("node-attribute", ("", None))
    if sets and token is not None:
        raise TransformError("node-attribute= is for two resources, it cannot stand with resource sets", token)
    return Colocation(identifier, score_text(score, or_attribute=False), members, sets, attribute)


def order_from(identifier: str, tree: Tree[Token]) -> Order:
    """`ID [KIND] members…`. Raises TransformError."""
    kinds = [child for child in tree.children if isinstance(child, Token) and child.type == "KIND"]
    reading = _read(_items(tree, ("ID", "KIND")), ACTIONS, "an action")
    members, sets = _finish(reading, ("symmetrical",))
    kind = _kind(kinds[0]) if kinds else ""
    return Order(identifier, kind, members, sets, reading.options.get("symmetrical", ("", None))[0])


def _kind(token: Token) -> str:
    text = str(token).removesuffix(":")
    for kind in KINDS:
        if kind.lower() == text.lower():
            return kind
    if re.match(r"[+-]?\d+$", text):
        return "Optional" if int(text) == 0 else "Mandatory"
    if _INFINITY.match(text):
        return "Mandatory"
    raise TransformError(f"'{text}' is not a kind of order ({', '.join(KINDS)}){did_you_mean(text, KINDS)}", token)


def ticket_from(identifier: str, tree: Tree[Token]) -> Ticket:
    """`ID TICKET: members…`. Raises TransformError."""
    ticket = next(child for child in tree.children if isinstance(child, Token) and child.type == "TICKET")
    reading = _read(_items(tree, ("ID", "TICKET")), ROLES, "a role")
    policy, token = reading.options.get("loss-policy", ("", None))
    if token is not None and policy not in LOSS_POLICIES:
        raise TransformError(
            f"'{policy}' is not a loss-policy ({', '.join(LOSS_POLICIES)}){did_you_mean(policy, LOSS_POLICIES)}", token
        )
    single = reading.simple and len(reading.members) == 1
    reading.simple = False
    _, sets = _finish(reading, ("loss-policy",))
    members = tuple(reading.members) if single else ()
    return Ticket(identifier, str(ticket).removesuffix(":"), members, () if single else sets, policy)


def location_sets_from(tree: Tree[Token]) -> tuple[ResourceSet, ...]:
    """The sets within the braces of a location. Raises TransformError."""
    reading = _read(_items(tree, ("LBRACE", "RBRACE")), ROLES, "a role")
    for name, (_, token) in reading.options.items():
        raise TransformError(f"'{name}=' cannot stand in a set: expected sequential= or require-all=", token)
    return tuple(reading.sets)
