"""What an agent says about itself: parameters, operations, whether it can be promoted.

Read from the agent on this node, found where the executor finds it.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from crmsh.language.xml import Element, MalformedXml, children, descendants, parse_xml
from ipc.directories import NodeDirectories
from lrmd.agents import AgentFinder, AgentNotFound, Answer, Launch
from lrmd.messages import AgentName, Operation

METADATA_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter."""

    name: str
    required: bool
    unique: bool
    default: str
    kind: str
    short: str
    long: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One operation with the values that the agent advises (timeout, interval, role)."""

    name: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AgentMetadata:
    """All of it."""

    name: str
    version: str
    short: str
    long: str
    parameters: tuple[Parameter, ...]
    actions: tuple[Action, ...]

    @property
    def promotable(self) -> bool:
        """Whether the agent has a promote action."""
        return any(action.name == "promote" for action in self.actions)


def standards() -> list[str]:
    """Classes of agents that the executor runs."""
    return ["ocf", "lsb", "heartbeat", "service", "stonith"]


@cache
def finder() -> AgentFinder:
    """The executor's own way to find agents, so that what is listed is what is run."""
    directories = NodeDirectories.from_environment(os.environ)
    return AgentFinder(directories, directories.run / "commands", os.environ)


def providers_of(standard: str) -> list[str]:
    """Providers of a class."""
    return sorted({agent.provider for agent in finder().find(standard, "") if agent.provider})


def agent_types(standard: str, provider: str = "") -> list[str]:
    """Types of agents of a class (and provider) on this node, sorted."""
    known = "lsb" if standard == "service" else standard
    return sorted({agent.type for agent in finder().find(known, provider)})


@cache
def read_metadata(standard: str, provider: str, kind: str) -> AgentMetadata | None:
    """The agent's metadata, None where it is not on this node or says nothing sensible."""
    agent = AgentName(standard, provider, kind)
    try:
        how = finder().prepare(Operation("", agent, "meta-data", 0, METADATA_TIMEOUT_S * 1000, {}))
        if isinstance(how, Answer):
            return parse_metadata(how.output.encode())
        if how.module:
            return parse_metadata(import_module(how.module).AGENT.metadata().encode())
        return parse_metadata(_run(how).stdout)
    except (AgentNotFound, OSError, subprocess.TimeoutExpired, MalformedXml):
        return None


@dataclass(frozen=True, slots=True)
class FenceAnswer:
    """What a fence agent said when it was asked directly. `rc` 0: it did what it was asked."""

    rc: int
    output: str
    errors: str


def run_fence_agent(kind: str, action: str, parameters: dict[str, str]) -> FenceAnswer:
    """Run a fence agent of this node with an action that changes nothing (list, metadata, validate-all)."""
    timeout_ms = METADATA_TIMEOUT_S * 1000
    try:
        how = finder().prepare(Operation("", AgentName("stonith", "", kind), action, 0, timeout_ms, parameters))
        assert not isinstance(how, Answer)
        done = _run(how)
    except subprocess.TimeoutExpired:
        return FenceAnswer(124, "", f"it did not answer within {METADATA_TIMEOUT_S} s")
    except (AgentNotFound, OSError) as error:
        return FenceAnswer(1, "", str(error))
    return FenceAnswer(
        done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )  # fmt: skip


def _run(how: Launch) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        how.argv,
        env=how.environment,
        input=how.standard_input,
        capture_output=True,
        timeout=METADATA_TIMEOUT_S,
        check=False,
    )


def parse_metadata(data: bytes) -> AgentMetadata:
    """Read an agent's XML. Raises MalformedXml."""
    root = parse_xml(data)
    parameters = [_parameter(e) for e in descendants(root) if e.tag == "parameter"]
    actions = [
        Action(e.get("name", ""), tuple((str(k), str(v)) for k, v in e.attrib.items() if k != "name"))
        for e in descendants(root)
        if e.tag == "action"
    ]
    return AgentMetadata(
        root.get("name", ""),
        root.get("version", ""),
        _text(root, "shortdesc"),
        _text(root, "longdesc"),
        tuple(parameters),
        tuple(actions),
    )


def _text(element: Element, tag: str) -> str:
    return next(((child.text or "").strip() for child in children(element) if child.tag == tag), "")


def _parameter(element: Element) -> Parameter:
    content = next((child for child in children(element) if child.tag == "content"), None)
    values = () if content is None else tuple(e.get("value", "") for e in children(content) if e.tag == "option")
    return Parameter(
        element.get("name", ""),
        element.get("required", "0").lower() in ("1", "true", "yes"),
        element.get("unique", "0").lower() in ("1", "true", "yes"),
        "" if content is None else content.get("default", ""),
        "" if content is None else content.get("type", ""),
        _text(element, "shortdesc"),
        _text(element, "longdesc"),
        values,
    )


def describe(metadata: AgentMetadata) -> str:
    """The metadata as a page: required parameters first."""
    lines = [f"{metadata.short or metadata.name}", ""]
    if metadata.long:
        lines += [metadata.long, ""]
    lines.append("Parameters (*: required, []: default):")
    for parameter in sorted(metadata.parameters, key=lambda p: not p.required):
        default = f", [{parameter.default}]" if parameter.default else ""
        star = "*" if parameter.required else ""
        lines += ["", f"{parameter.name}{star} ({parameter.kind}{default}): {parameter.short}"]
        lines += [f"    {line.strip()}" for line in parameter.long.splitlines() if line.strip()]
    lines += ["", "Operations' advised values:", ""]
    for action in metadata.actions:
        values = " ".join(f"{name}={value}" for name, value in action.attributes if name != "depth")
        lines.append(f"    {action.name:<13} {values}")
    return "\n".join(lines)
