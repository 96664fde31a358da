"""Finds agents, and knows how one of each class is called.

Where an agent is looked for, the first place that has it wins:

- ocf: `<OCF_ROOT>/resource.d/<provider>/<type>`; then, for the providers `pacekeeper` and `heartbeat`, the agents that
  are shipped. So a configuration with ocf:heartbeat:IPaddr2 works where no other package is installed, and an
  administrator's installed agent is never replaced unseen; PACEKEEPER_PREFER_SHIPPED=1 turns the two around.
- lsb (service): the directories of PACEKEEPER_LSB_DIRS (colons between them), then /etc/init.d.
- heartbeat: resource.d in the configuration directory, then as lsb.
- stonith: the directories of PACEKEEPER_FENCE_DIRS, then /usr/sbin and /sbin; only `fence_*`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ipc.directories import NodeDirectories
from lrmd.agent_environment import (
    DEFAULT_OCF_ROOT,
    base_environment,
    device_input,
    ocf_environment,
    positional_arguments,
    provide_state_directory,
)
from lrmd.lsb_header import metadata
from lrmd.messages import AgentName, OcfExit, Operation, OperationStatus
from ocf import AGENTS

LSB_VARIABLE = "PACEKEEPER_LSB_DIRS"
FENCE_VARIABLE = "PACEKEEPER_FENCE_DIRS"
PREFER_SHIPPED_VARIABLE = "PACEKEEPER_PREFER_SHIPPED"

OWN_PROVIDER = "pacekeeper"
_SHIPPED_PROVIDERS = (OWN_PROVIDER, "heartbeat")
_STANDARDS = ("heartbeat", "lsb", "ocf", "service", "stonith")
_DEVICE_ACTIONS = {"start": "monitor", "meta-data": "metadata"}


class AgentNotFound(LookupError):
    """No such agent is installed, or it can't be executed; the text says where it was looked for."""

    def __init__(self, agent: AgentName, reason: str, exit_code: OcfExit = OcfExit.NOT_INSTALLED) -> None:
        super().__init__(f"{agent}: {reason}")
        self.agent = agent
        self.exit_code = exit_code
        self.status = OperationStatus.NOT_INSTALLED if exit_code == OcfExit.NOT_INSTALLED else OperationStatus.ERROR


@dataclass(frozen=True, slots=True)
class Launch:
    """How to run one operation."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    module: str = ""
    """Module of `ocf` to run in a warm process; empty: execute argv[0]."""
    standard_input: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """An operation that needs no process."""

    exit_code: int
    output: str = ""


class AgentFinder:
    """Turns operations into processes; reads directories each time, because agents come and go with packages."""

    def __init__(self, directories: NodeDirectories, commands: Path, environ: Mapping[str, str]) -> None:
        self._base = base_environment(environ, directories, commands)
        self._ocf_root = environ.get("OCF_ROOT") or DEFAULT_OCF_ROOT
        self._prefer_shipped = environ.get(PREFER_SHIPPED_VARIABLE, "") not in ("", "0")
        self._init_dirs = [*_paths(environ.get(LSB_VARIABLE)), Path("/etc/init.d")]
        self._v1_dirs = [directories.config / "resource.d", *self._init_dirs]
        self._fence_dirs = [*_paths(environ.get(FENCE_VARIABLE)), Path("/usr/sbin"), Path("/sbin")]

    def provide_state_directory(self) -> None:
        """Make the directory in which agents keep their state files, before the first one runs."""
        provide_state_directory(self._base)

    def prepare(self, operation: Operation) -> Launch | Answer:
        """How to run it, or its answer. Raises AgentNotFound."""
        match operation.agent.standard:
            case "ocf":
                return self._ocf(operation)
            case "lsb" | "service":
                return self._script(operation, self._init_dirs, [])
            case "heartbeat":
                return self._script(operation, self._v1_dirs, positional_arguments(operation.parameters))
            case "stonith":
                return self._device(operation)
            case "systemd":
                reason = "systemd units are not run here; class service runs the script of that name in /etc/init.d"
                raise AgentNotFound(operation.agent, reason)
            case other:
                known = ", ".join(_STANDARDS)
                raise AgentNotFound(operation.agent, f"the class {other!r} is not supported; supported are {known}")

    def find(self, standard: str, provider: str) -> tuple[AgentName, ...]:
        """The agents that are installed, sorted; empty strings match all."""
        names: set[AgentName] = set()
        root = Path(self._ocf_root) / "resource.d"
        for directory in _subdirectories(root):
            names.update(AgentName("ocf", directory.name, each) for each in _executables(directory))
        names.update(AgentName("ocf", each, own) for each in _SHIPPED_PROVIDERS for own in AGENTS)
        for where in self._init_dirs:
            names.update(AgentName("lsb", "", each) for each in _executables(where))
        names.update(AgentName("heartbeat", "", each) for each in _executables(self._v1_dirs[0]))
        for where in self._fence_dirs:
            names.update(AgentName("stonith", "", each) for each in _executables(where) if each.startswith("fence_"))
        wanted = (name for name in names if standard in ("", name.standard) and provider in ("", name.provider))
        return tuple(sorted(wanted))

    def _ocf(self, operation: Operation) -> Launch:
        agent = operation.agent
        environment = {**self._base, **ocf_environment(operation, self._ocf_root)}
        shipped = agent.provider in _SHIPPED_PROVIDERS and agent.type in AGENTS
        path = Path(self._ocf_root, "resource.d", agent.provider, agent.type)
        installed = _is_name(agent.provider) and _is_name(agent.type) and path.is_file()
        if shipped and (self._prefer_shipped or not installed):
            return Launch((agent.type, operation.action), environment, module=f"ocf.{agent.type}")
        if not installed:
            raise AgentNotFound(agent, f"{path} does not exist")
        return Launch((_executable(agent, path), operation.action), environment)

    def _script(self, operation: Operation, where: list[Path], arguments: list[str]) -> Launch | Answer:
        agent = operation.agent
        found = [each / agent.type for each in where if _is_name(agent.type) and (each / agent.type).is_file()]
        if not found:
            raise AgentNotFound(agent, f"not found in {', '.join(str(each) for each in where)}")
        if operation.action == "meta-data":
            return Answer(OcfExit.OK, metadata(agent.type, _read_text(found[0]), agent.standard))
        action = "status" if operation.action == "monitor" else operation.action
        if action not in ("start", "stop", "status", "reload", "restart"):
            return Answer(OcfExit.UNIMPLEMENTED)
        return Launch((_executable(agent, found[0]), *arguments, action), self._base)

    def _device(self, operation: Operation) -> Launch | Answer:
        agent = operation.agent
        if not agent.type.startswith("fence_") or not _is_name(agent.type):
            raise AgentNotFound(agent, "only fence agents (fence_*) are supported")
        found = [each / agent.type for each in self._fence_dirs if (each / agent.type).is_file()]
        if not found:
            raise AgentNotFound(agent, f"not found in {', '.join(str(each) for each in self._fence_dirs)}")
        probe = operation.action == "monitor" and operation.interval_ms == 0
        if operation.resource and (operation.action == "stop" or probe):
            return Answer(OcfExit.OK)
        action = _DEVICE_ACTIONS.get(operation.action, operation.action)
        given = device_input(action, operation.parameters)
        return Launch((_executable(agent, found[0]),), self._base, standard_input=given)


def _paths(variable: str | None) -> list[Path]:
    return [Path(part) for part in (variable or "").split(":") if part]


def _is_name(text: str) -> bool:
    return bool(text) and "/" not in text and not text.startswith(".") and "\0" not in text


def _executable(agent: AgentName, path: Path) -> str:
    if not os.access(path, os.X_OK):
        raise AgentNotFound(agent, f"{path} may not be executed", OcfExit.PERMISSION)
    return str(path)


def _subdirectories(root: Path) -> list[Path]:
    try:
        return sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return []


def _executables(directory: Path) -> list[str]:
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return []
    return [each.name for each in entries if _is_name(each.name) and each.is_file() and os.access(each, os.X_OK)]


def _read_text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(64 * 1024)
    except OSError:
        return ""
