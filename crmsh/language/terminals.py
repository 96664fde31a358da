"""What kinds of word there are: how each is recognised and what it is called in an error message.

The order of the table is the order of preference among the terminals that the grammar accepts at a place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

KEYWORDS = {
    "PARAMS": ("params",),
    "META": ("meta",),
    "UTILIZATION": ("utilization",),
    "OPERATIONS": ("operations",),
    "OP": ("op",),
    "OP_PARAMS": ("op_params",),
    "OP_META": ("op_meta",),
    "RULE": ("rule",),
    "AND": ("and",),
    "OR": ("or",),
    "UNARY": ("defined", "not_defined"),
    "DATE": ("date",),
    "DATE_COMPARISON": ("lt", "gt"),
    "DATE_IN": ("in", "in_range"),
    "DATE_SPEC": ("spec", "date_spec"),
    "NETWORK": ("network",),
    "PORT_MAPPING": ("port-mapping",),
    "STORAGE": ("storage",),
    "STORAGE_MAPPING": ("storage-mapping",),
    "PRIMITIVE": ("primitive",),
    "RUNTIME": ("docker", "podman", "rkt"),
    "ACCESS": ("read", "write", "deny"),
    "SELECT": ("select",),
    "SELECT_KIND": ("nodes", "fencing", "resources"),
    "TO": ("to",),
}
"""Terminals that are one of a few words, in any case of letters."""

DATE_FIELDS = ("hours", "monthdays", "weekdays", "yearsdays", "yeardays", "months", "weeks", "years", "weekyears",
               "moon", "days", "minutes", "seconds")  # fmt: skip
COMPARISONS = ("lt", "gt", "lte", "gte", "eq", "ne")
PERMISSION_WORDS = ("xpath", "ref", "type", "tag", "attr", "attribute", "meta", "params", "utilization", "location",
                    "property", "node", "nodeattr", "nodeutil", "status", "cib")  # fmt: skip

_PAIR = re.compile(r"[^\s=]+=")
_BRACKETS = frozenset("(){}[]")


@dataclass(frozen=True, slots=True)
class Terminal:
    """A kind of word: its name in the grammar, the test, and its name for people."""

    name: str
    matches: Callable[[str, str], bool]
    """Given the word and the next word (empty at the end of the line)."""
    label: str
    words: tuple[str, ...] = field(default=())
    """The literal words, where there are few: for completion and for suggestions."""


def _setting(*names: str) -> Callable[[str, str], bool]:
    prefixes = tuple(f"{name}=" for name in names)
    return lambda word, following: word.lower().startswith(prefixes)


def _keyword(words: tuple[str, ...]) -> Callable[[str, str], bool]:
    return lambda word, following: word.lower() in words


def _literal(text: str) -> Callable[[str, str], bool]:
    return lambda word, following: word == text


def _colon(word: str, following: str) -> bool:
    return len(word) > 1 and word.endswith(":") and "=" not in word


def _plain(word: str, following: str) -> bool:
    return bool(word) and word not in _BRACKETS and _PAIR.match(word) is None and not word.endswith(":")


def _word(word: str, following: str) -> bool:
    return bool(word) and word not in _BRACKETS


def _any(word: str, following: str) -> bool:
    return True


def _comparison(word: str, following: str) -> bool:
    kind, _, operation = word.lower().rpartition(":")
    return operation in COMPARISONS and kind in ("", "string", "number", "version", "integer")


def _span(word: str, following: str) -> bool:
    name = word.partition("=")[0].lower()
    return "=" in word and name in (*DATE_FIELDS, "start", "end")


def _permission_id(word: str, following: str) -> bool:
    return _colon(word, following) and word[:-1].lower() not in PERMISSION_WORDS


def _fencing_target(word: str, following: str) -> bool:
    return _colon(word, following) or word.startswith(("pattern:", "attr:"))


TERMINALS: tuple[Terminal, ...] = (
    Terminal(
        "SELECT_ATTRIBUTES", lambda word, following: word.lower() == "attributes" and following == "{",
        "attributes {", ("attributes",),
    ),
    *(Terminal(name, _keyword(words), " or ".join(words), words) for name, words in KEYWORDS.items()),
    Terminal("ATTRIBUTES", _keyword(("attributes",)), "attributes", ("attributes",)),
    Terminal("LPAR", _literal("("), "'('"),
    Terminal("RPAR", _literal(")"), "')'"),
    Terminal("LBRACKET", _literal("["), "'['"),
    Terminal("RBRACKET", _literal("]"), "']'"),
    Terminal("LBRACE", _literal("{"), "'{'"),
    Terminal("RBRACE", _literal("}"), "'}'"),
    Terminal("SET_MARK", _literal("_rsc_set_"), "_rsc_set_"),
    Terminal("ID_REFERENCE", _setting("$id-ref"), "$id-ref=ID"),
    Terminal("ID_SETTING", _setting("$id"), "$id=ID"),
    Terminal("ROLE_SETTING", _setting("role", "$role"), "role=ROLE", ("role=",)),
    Terminal(
        "DISCOVERY_SETTING", _setting("resource-discovery", "$resource-discovery"), "resource-discovery=VALUE",
        ("resource-discovery=",),
    ),
    Terminal("DESCRIPTION", _setting("description"), "description=TEXT"),
    Terminal("SPAN", _span, "start=, end= or a field such as hours=9-17"),
    Terminal("COMPARISON", _comparison, "a comparison (lt, gt, lte, gte, eq, ne)", COMPARISONS),
    Terminal("TEMPLATE", lambda word, following: len(word) > 1 and word.startswith("@"), "@TEMPLATE"),
    Terminal("PAIR_REFERENCE", lambda word, following: len(word) > 1 and word.startswith("@"), "@ID"),
    Terminal("REGEX", lambda word, following: len(word) > 2 and word[0] == word[-1] == "/", "/PATTERN/"),
    Terminal("NODE_ID", _colon, "ID:"),
    Terminal("SET_ID", _colon, "ID:"),
    Terminal("KIND", _colon, "a kind (Mandatory:, Optional:, Serialize:)", ("Mandatory:", "Optional:", "Serialize:")),
    Terminal("TICKET", _colon, "TICKET:"),
    Terminal("PERMISSION_ID", _permission_id, "ID:"),
    Terminal("SCORE", _colon, "a score with a colon (100:, inf:, -inf:)", ("inf:", "-inf:", "100:")),
    Terminal("FENCING_TARGET", _fencing_target, "NODE:, pattern:REGEX or attr:NAME=VALUE"),
    Terminal("TAG_ID", lambda word, following: _plain(word.removesuffix(":"), following), "the tag's id"),
    Terminal("OPTION", lambda word, following: _PAIR.match(word) is not None, "NAME=VALUE"),
    Terminal("ID", _plain, "an id"),
    Terminal("NODE_NAME", _plain, "a node's name"),
    Terminal("AGENT", _plain, "an agent (class:provider:type)"),
    Terminal("RESOURCE", _plain, "a resource"),
    Terminal("MEMBER", _plain, "a resource"),
    Terminal("DEVICES", _plain, "a fencing device"),
    Terminal("PERMISSION", _word, "what the permission is about (xpath:, ref:, type:, meta:, property, …)"),
    Terminal("ROLE_NAME", _plain, "a role's id"),
    Terminal("OBJECT", _plain, "an object's id"),
    Terminal("OPERATION_NAME", _plain, "an operation (monitor, start, stop, …)"),
    Terminal("MONITORED", _plain, "a resource"),
    Terminal("INTERVAL", _plain, "INTERVAL[:TIMEOUT]"),
    Terminal("NAME", _plain, "a name"),
    Terminal("ATTRIBUTE", _word, "a node attribute"),
    Terminal("PATH", _word, "the path of the alert agent"),
    Terminal("VALUE", _any, "a value"),
)  # fmt: skip

BY_NAME = {terminal.name: terminal for terminal in TERMINALS}
_ORDER = {terminal.name: place for place, terminal in enumerate(TERMINALS)}


def classify(word: str, following: str, accepted: list[str]) -> Terminal | None:
    """The kind of a word among the accepted ones, or None."""
    for name in sorted((name for name in accepted if name in _ORDER), key=_ORDER.__getitem__):
        terminal = BY_NAME[name]
        if terminal.matches(word, following):
            return terminal
    return None


def labels(accepted: list[str]) -> list[str]:
    """What is accepted, in words, without repetition."""
    names = sorted((name for name in accepted if name in _ORDER), key=_ORDER.__getitem__)
    return list(dict.fromkeys(BY_NAME[name].label for name in names))


def literals(accepted: list[str]) -> list[str]:
    """The literal words among what is accepted."""
    return list(dict.fromkeys(word for name in accepted if name in _ORDER for word in BY_NAME[name].words))
