"""What can follow in a line: names of levels and commands, ids, agents, parameters, values.

Configuration lines ask the grammar what it accepts; everything else is in the tables of the levels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from crmsh.backend import BackendError
from crmsh.configuration.sections import CONTAINERS, RESOURCES
from crmsh.language.words import Word, split_words
from crmsh.levels.dispatch import EVERYWHERE
from crmsh.levels.framework import Command, CommandError, Level, Session, level_below

REQUIRED = "required: "
"""How the help of a parameter begins that must be given."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that can stand at the end of the line, and what it is."""

    text: str
    help: str = ""


def complete_line(session: Session, line: str) -> list[Candidate]:
    """The candidates for the last word of a line that begin as it does: what is required first, else sorted."""
    words = split_words(line, partial=True)
    current = words.pop() if words and not line[-1:].isspace() else Word("", len(line), len(line))
    try:
        found = _candidates(session, words, current)
    except (BackendError, CommandError):
        found = []
    fitting = {c.text: c for c in found if c.text.startswith(current.text) and c.text}
    return sorted(fitting.values(), key=lambda candidate: (not candidate.help.startswith(REQUIRED), candidate.text))


def _candidates(session: Session, words: list[Word], current: Word) -> list[Candidate]:
    level = session.path[-1]
    for place, word in enumerate(words):
        if level.is_object is not None and level.is_object(word.text):
            return _object_candidates(session, words[place:], current)
        aliases = {alias: c for c in level.commands.values() for alias in c.aliases}
        command = level.commands.get(word.text) or aliases.get(word.text)
        if command is not None:
            return _argument_candidates(session, command, len(words) - place - 1)
        if word.text in ("help", "?", "cd"):
            continue
        below = level_below(level, word.text)
        if below is None:
            return []
        level = below
    return _level_candidates(level, bool(words))


def _level_candidates(level: Level, nested: bool) -> list[Candidate]:
    found = [Candidate(name, "level") for name in level.below]
    found += [Candidate(name, command.summary) for name, command in level.commands.items() if name[0] != "_"]
    if level.is_object is not None:
        from crmsh.language.grammar_help import USAGES

        found += [Candidate(word, usage) for word, (usage, _) in USAGES.items()]
    if not nested:
        found += [
            Candidate(name, "everywhere") for name in EVERYWHERE if name not in ("?", "back", "end", "bye", "exit")
        ]
    return found


def _argument_candidates(session: Session, command: Command, place: int) -> list[Candidate]:
    if not command.arguments:
        return []
    if place >= len(command.arguments):
        if not command.repeat:
            return []
        place = len(command.arguments) - 1
    return source(session, command.arguments[place])


def source(session: Session, name: str) -> list[Candidate]:
    """The candidates of a source by its name, or the literal words of it."""
    if name in SOURCES:
        return SOURCES[name](session)
    return [Candidate(word) for word in name.split("|") if word]


def _ids(*tags: str) -> Callable[[Session], list[Candidate]]:
    def names(session: Session) -> list[Candidate]:
        from crmsh.configuration.sections import kind_of, object_id

        return [Candidate(object_id(e), kind_of(e)) for e in session.copy.objects() if not tags or e.tag in tags]

    return names


def _shown(session: Session) -> list[Candidate]:
    from crmsh.configuration.sections import KIND_OF

    types = [Candidate(f"type:{kind}") for kind in dict.fromkeys(KIND_OF.values())]
    tags = [Candidate(f"tag:{name}") for name in session.copy.names("tag")]
    return [Candidate("xml"), Candidate("changed"), *types, *tags, *_ids()(session)]


def _properties(session: Session) -> list[Candidate]:
    from crmsh.configuration.properties import PROPERTY_DEFAULTS

    return [Candidate(name, f"default {value}" if value else "") for name, value in PROPERTY_DEFAULTS.items()]


def _shadows(session: Session) -> list[Candidate]:
    from crmsh.backend import shadow_directory

    names = [path.name.removeprefix("shadow.") for path in shadow_directory().glob("shadow.*")]
    return [Candidate("live"), *map(Candidate, names)]


def _files(session: Session) -> list[Candidate]:
    from pathlib import Path

    return [Candidate(str(path) + ("/" if path.is_dir() else "")) for path in Path().iterdir()]


def _standards(session: Session) -> list[Candidate]:
    from crmsh.metadata import standards

    return [Candidate(name) for name in standards()]


def _providers(session: Session) -> list[Candidate]:
    from crmsh.metadata import providers_of

    return [Candidate(name) for name in providers_of("ocf")]


def _agents(session: Session) -> list[Candidate]:
    from crmsh.metadata import agent_types, providers_of, standards

    found = [Candidate(f"{name}:", "class") for name in standards()]
    for provider in providers_of("ocf"):
        types = agent_types("ocf", provider)
        found += [Candidate(f"ocf:{provider}:{kind}") for kind in types]
        if provider == "heartbeat":
            found += [Candidate(kind, "ocf:heartbeat") for kind in types]
    found += [Candidate(f"stonith:{kind}") for kind in agent_types("stonith")]
    return found + [Candidate(f"lsb:{kind}") for kind in agent_types("lsb")]


SOURCES: dict[str, Callable[[Session], list[Candidate]]] = {
    "resource": _ids(*RESOURCES),
    "primitive": _ids("primitive"),
    "group": _ids("group"),
    "clone": _ids("clone", "master"),
    "node": _ids("node"),
    "id": _ids(),
    "shown": _shown,
    "property": _properties,
    "shadow": _shadows,
    "file": _files,
    "standard": _standards,
    "provider": _providers,
    "agent": _agents,
}


# --- configuration lines


def _object_candidates(session: Session, words: list[Word], current: Word) -> list[Candidate]:
    from crmsh.language.parse import expectation
    from crmsh.language.terminals import literals

    texts = [word.text for word in words]
    if "=" in current.text:
        return _value_candidates(session, texts, current.text)
    expected = expectation(words)
    if expected is None:
        return []
    found = [Candidate(word, "keyword") for word in literals(list(expected.terminals))]
    accepted = set(expected.terminals)
    if "RESOURCE" in accepted:
        found += _free_members(session, expected.keyword, texts)
    if "MEMBER" in accepted or "MONITORED" in accepted or "OBJECT" in accepted:
        found += source(session, "resource")
        found += _marks(expected.keyword, current.text)
    if "NODE_NAME" in accepted and expected.keyword != "node":
        found += source(session, "node")
    if "AGENT" in accepted:
        found += _agents(session)
    if "TEMPLATE" in accepted:
        found += [Candidate(f"@{name}", "template") for name in session.copy.names("template")]
    if "OPERATION_NAME" in accepted:
        found += [
            Candidate(name) for name in ("monitor", "start", "stop", "promote", "demote", "migrate_to", "migrate_from")
        ]
    if "ROLE_NAME" in accepted:
        found += [Candidate(name, "role") for name in session.copy.names("acl_role")]
    if "DEVICES" in accepted:
        found += [Candidate(e.get("id", "")) for e in session.copy.objects() if e.get("class") == "stonith"]
    if "FENCING_TARGET" in accepted:
        found += [Candidate(f"{name}:") for name in session.copy.node_names()]
    if "OPTION" in accepted:
        found += [Candidate(f"{name}=", help_) for name, help_ in _option_names(session, expected.keyword, texts)]
    return found


def _marks(keyword: str, text: str) -> list[Candidate]:
    """Actions or roles behind the colon of a member."""
    from crmsh.language.resource_sets import ACTIONS, ROLES

    name, colon, _ = text.partition(":")
    if not colon:
        return []
    return [Candidate(f"{name}:{mark}") for mark in (ACTIONS if keyword == "order" else ROLES[:4])]


def _free_members(session: Session, keyword: str, texts: list[str]) -> list[Candidate]:
    """Resources that can go into a container: for a group primitives outside of one, not listed yet."""
    if keyword == "location":
        return source(session, "resource")
    tags = ("primitive",) if keyword in ("group", "bundle") else ("primitive", "group")
    found = []
    for element in session.copy.objects():
        parent = element.getparent()
        inside = parent is not None and parent.tag in CONTAINERS
        if element.tag in tags and not inside and element.get("id") not in texts:
            found.append(Candidate(element.get("id", ""), str(element.tag)))
    return found


def _block(texts: list[str]) -> str:
    """The last word that opened a set or an operation."""
    for text in reversed(texts[1:]):
        if text.lower() in ("params", "meta", "op", "utilization", "attributes", "op_params", "op_meta", "rule"):
            return text.lower()
    return ""


def _option_names(session: Session, keyword: str, texts: list[str]) -> list[tuple[str, str]]:
    from crmsh.configuration import properties as known

    block = _block(texts)
    if keyword == "property":
        return [(name, f"default {value}") for name, value in known.PROPERTY_DEFAULTS.items()]
    if keyword == "rsc_defaults":
        return [(name, "") for name in known.RESOURCE_META]
    if keyword == "op_defaults" or block == "op":
        return [(name, "") for name in known.OPERATION_ATTRIBUTES]
    if keyword in ("primitive", "rsc_template", "group", "clone") and block == "meta":
        return [(name, "") for name in (*(known.CLONE_META if keyword == "clone" else ()), *known.RESOURCE_META)]
    if keyword in ("primitive", "rsc_template") and block in ("", "params"):
        return _parameters(session, texts)
    if keyword == "order":
        return [("symmetrical", "")]
    return []


def _parameters(session: Session, texts: list[str]) -> list[tuple[str, str]]:
    """Parameters of the line's agent, required ones first by their help; those given already are left out."""
    from crmsh.language.agents import find_agent
    from crmsh.metadata import read_metadata

    if len(texts) < 3:
        return []
    try:
        if texts[2].startswith("@"):
            template = session.copy.find(texts[2][1:])
            if template is None:
                return []
            standard, provider, kind = (template.get(n, "") for n in ("class", "provider", "type"))
        else:
            agent = find_agent(texts[2])
            standard, provider, kind = agent.standard, agent.provider, agent.type
    except ValueError:
        return []
    metadata = read_metadata(standard, provider, kind)
    if metadata is None:
        return []
    given = {text.partition("=")[0] for text in texts}
    return [
        (p.name, (REQUIRED if p.required else "") + (p.short or p.kind))
        for p in metadata.parameters if p.name not in given
    ]  # fmt: skip


def _value_candidates(session: Session, texts: list[str], text: str) -> list[Candidate]:
    from crmsh.configuration.properties import PROPERTY_DEFAULTS, VALUES

    name = re.split(r"[=]", text)[0]
    bare = name.removeprefix("$")
    values = VALUES.get(bare, ())
    if not values and PROPERTY_DEFAULTS.get(bare) in ("true", "false"):
        values = ("true", "false")
    if bare == "timeout":
        values = ("20s", "30s", "60s", "120s")
    if bare == "interval":
        values = ("10s", "20s", "30s", "60s")
    return [Candidate(f"{name}={value}") for value in values]
