"""The toolkit for agents in Python: parameters and actions are declared once, meta-data and checks follow from them.

Source: Open Cluster Framework resource agent API 1.1 (actions, exit codes, meta-data), and the environment that
Pacemaker gives (OCF_RESKEY_*, OCF_RESKEY_CRM_meta_*, OCF_EXIT_REASON_PREFIX).
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Literal, NoReturn
from xml.sax.saxutils import escape, quoteattr

_DEFAULT_STATE_DIRECTORY = "/run/resource-agents"


class Exit(IntEnum):
    """Exit codes of the API."""

    OK = 0
    GENERIC = 1
    ARGS = 2
    UNIMPLEMENTED = 3
    PERMISSION = 4
    NOT_INSTALLED = 5
    NOT_CONFIGURED = 6
    NOT_RUNNING = 7
    RUNNING_PROMOTED = 8
    FAILED_PROMOTED = 9


class AgentError(Exception):
    """An action can't be done: the exit code, and the reason as a person reads it in the status."""

    def __init__(self, code: Exit, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def fail(code: Exit, reason: str) -> NoReturn:
    """Give up with this exit code and reason."""
    raise AgentError(code, reason)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One instance attribute."""

    name: str
    short: str
    long: str
    kind: Literal["string", "integer", "boolean"] = "string"
    default: str | None = None
    required: bool = False
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One action with the limits that the agent advises; seconds."""

    name: str
    timeout_s: int
    interval_s: int | None = None
    depth: int | None = None


class Call:
    """One call of an agent: its parameters, checked, and what the cluster says about it."""

    def __init__(self, parameters: Mapping[str, Parameter], environ: Mapping[str, str]) -> None:
        self._parameters = parameters
        self._environ = environ

    def text(self, name: str) -> str:
        """A parameter's value, its default when it is not set; empty when there is neither."""
        declared = self._parameters[name]
        value = self._environ.get(f"OCF_RESKEY_{name}")
        return value if value is not None else declared.default or ""

    def number(self, name: str) -> int:
        """An integer parameter. Raises AgentError when it is none."""
        value = self.text(name)
        try:
            return int(value)
        except ValueError:
            fail(Exit.NOT_CONFIGURED, f"parameter {name}: {value!r} is not a whole number")

    def flag(self, name: str) -> bool:
        """A boolean parameter, in the spellings of the API. Raises AgentError for any other."""
        value = self.text(name).lower()
        if value in ("yes", "true", "1", "on", "y"):
            return True
        if value in ("no", "false", "0", "off", "n", ""):
            return False
        fail(Exit.NOT_CONFIGURED, f"parameter {name}: {value!r} is not a boolean (true or false)")

    def meta(self, name: str) -> str:
        """A value of the cluster's (`clone_max`, `interval`, …); empty when it is not set."""
        return self._environ.get(f"OCF_RESKEY_CRM_meta_{name}", "")

    @property
    def instance(self) -> str:
        """The resource's id, with the instance's number in a unique clone."""
        return self._environ.get("OCF_RESOURCE_INSTANCE") or "default"

    @property
    def is_probe(self) -> bool:
        """Whether this monitor only asks what is there before anything was started."""
        return self.meta("name") in ("", "monitor") and self.meta("interval") in ("", "0")

    @property
    def check_level(self) -> int:
        """OCF_CHECK_LEVEL: how deep a monitor looks."""
        value = self._environ.get("OCF_CHECK_LEVEL") or self._environ.get("OCF_RESKEY_OCF_CHECK_LEVEL") or "0"
        return int(value) if value.isascii() and value.isdigit() else 0

    @property
    def state_directory(self) -> Path:
        """Where agents keep what must not survive a boot."""
        return Path(self._environ.get("HA_RSCTMP") or _DEFAULT_STATE_DIRECTORY)

    def check(self) -> None:
        """Raise AgentError for a required parameter that is missing, or a value of the wrong kind."""
        for parameter in self._parameters.values():
            if parameter.required and not self.text(parameter.name):
                fail(Exit.NOT_CONFIGURED, f"parameter {parameter.name} is required")
            if parameter.kind == "integer" and self.text(parameter.name):
                self.number(parameter.name)
            elif parameter.kind == "boolean":
                self.flag(parameter.name)


Handler = Callable[[Call], Exit]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent's declaration. `handlers` maps actions to functions; meta-data and validate-all are made here."""

    name: str
    version: str
    short: str
    long: str
    parameters: Sequence[Parameter]
    actions: Sequence[Action]
    handlers: Mapping[str, Handler]
    validate: Callable[[Call], None] = field(default=lambda _: None)
    """Raises AgentError for values that can't be right on any node."""

    def run(self, action: str, environ: Mapping[str, str]) -> int:
        """Perform one action. The exit code; the reason of a failure goes to standard error."""
        if action == "meta-data":
            sys.stdout.write(self.metadata())
            return Exit.OK
        if action in ("usage", "help"):
            sys.stdout.write(self.usage())
            return Exit.OK
        handler = self.handlers.get("monitor" if action == "status" else action)
        if handler is None and action != "validate-all":
            sys.stderr.write(self.usage())
            return Exit.UNIMPLEMENTED
        call = Call({parameter.name: parameter for parameter in self.parameters}, environ)
        try:
            call.check()
            self.validate(call)
            return handler(call) if handler is not None else Exit.OK
        except AgentError as error:
            prefix = environ.get("OCF_EXIT_REASON_PREFIX") or "ocf-exit-reason:"
            sys.stderr.write(f"{prefix}{error.reason}\n")
            return error.code

    def usage(self) -> str:
        """One line for people."""
        names = [*(action.name for action in self.actions), "usage"]
        return f"usage: {self.name} {{{'|'.join(dict.fromkeys(names))}}}\n"

    def metadata(self) -> str:
        """The meta-data XML."""
        parameters = "\n".join(_parameter_xml(parameter) for parameter in self.parameters)
        actions = "\n".join(_action_xml(action) for action in self.actions)
        return f"""\
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name={quoteattr(self.name)} version={quoteattr(self.version)}>
<version>1.0</version>

<longdesc lang="en">
{escape(self.long)}
</longdesc>
<shortdesc lang="en">{escape(self.short)}</shortdesc>

<parameters>
{parameters}
</parameters>

<actions>
{actions}
</actions>
</resource-agent>
"""


def main(agent: Agent, argv: Sequence[str]) -> int:
    """An agent's command line: the action is its only argument."""
    if len(argv) != 2:
        sys.stderr.write(agent.usage())
        return Exit.ARGS
    return agent.run(argv[1], os.environ)


def _parameter_xml(parameter: Parameter) -> str:
    default = f" default={quoteattr(parameter.default)}" if parameter.default is not None else ""
    return f"""\
<parameter name={quoteattr(parameter.name)} unique="{int(parameter.unique)}" required="{int(parameter.required)}">
<longdesc lang="en">
{escape(parameter.long)}
</longdesc>
<shortdesc lang="en">{escape(parameter.short)}</shortdesc>
<content type="{parameter.kind}"{default} />
</parameter>"""


def _action_xml(action: Action) -> str:
    interval = f' interval="{action.interval_s}s"' if action.interval_s is not None else ""
    depth = f' depth="{action.depth}"' if action.depth is not None else ""
    return f'<action name="{action.name}" timeout="{action.timeout_s}s"{interval}{depth} />'
