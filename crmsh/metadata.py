"""What an agent says about itself: parameters, operations, whether it can be promoted.

Read from the agent on this node, or from the cluster's controller where the agent is not here.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from crmsh.language.xml import Element, MalformedXml, children, descendants, parse_xml

OCF_ROOT = Path("/usr/lib/ocf")
LSB_DIRECTORY = Path("/etc/init.d")
FENCE_DIRECTORIES = (Path("/usr/sbin"), Path("/sbin"))
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


def ocf_directories() -> list[Path]:
    """Directories with providers of ocf agents: the system's, and those shipped with the project."""
    own = Path(__file__).resolve().parent.parent / "ocf" / "resource.d"
    roots = [Path(os.environ.get("OCF_ROOT", str(OCF_ROOT))) / "resource.d", own]
    return [root for root in roots if root.is_dir()]


def standards() -> list[str]:
    """Classes of agents that this node can have."""
    return ["ocf", "lsb", "heartbeat", "service", "stonith", "systemd"]


def providers_of(standard: str) -> list[str]:
    """Providers of a class."""
    if standard != "ocf":
        return []
    return sorted({path.name for root in ocf_directories() for path in root.iterdir() if path.is_dir()})


def agent_types(standard: str, provider: str = "") -> list[str]:
    """Types of agents of a class (and provider) on this node."""
    if standard == "ocf":
        wanted = [provider] if provider else providers_of("ocf")
        return sorted({p.name for root in ocf_directories() for name in wanted for p in _executables(root / name)})
    if standard in ("lsb", "service"):
        return sorted(path.name for path in _executables(LSB_DIRECTORY))
    if standard == "stonith":
        return sorted(
            {p.name for place in FENCE_DIRECTORIES for p in _executables(place) if p.name.startswith("fence_")}
        )
    if standard == "heartbeat":
        from ipc.directories import NodeDirectories

        return sorted(p.name for p in _executables(NodeDirectories.from_environment().config / "resource.d"))
    return []


def _executables(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return [p for p in directory.iterdir() if p.is_file() and os.access(p, os.X_OK) and not p.name.startswith(".")]


@cache
def read_metadata(standard: str, provider: str, kind: str) -> AgentMetadata | None:
    """The agent's metadata, None where it is not on this node or says nothing sensible."""
    if standard == "ocf":
        path = next((r / provider / kind for r in ocf_directories() if (r / provider / kind).is_file()), None)
        arguments = ["meta-data"]
    elif standard == "stonith":
        path = next((d / kind for d in FENCE_DIRECTORIES if (d / kind).is_file()), None)
        arguments = ["-o", "metadata"]
    else:
        return None
    if path is None:
        return None
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OCF_ROOT": str(OCF_ROOT), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [str(path), *arguments],
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=METADATA_TIMEOUT_S,
            check=False,
        )
        return parse_metadata(done.stdout)
    except (OSError, subprocess.TimeoutExpired, MalformedXml):
        return None


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
