"""The environment and the standard input of an agent."""

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ipc.directories import NodeDirectories
from ipc.output import OUTPUT_VARIABLE
from lrmd.messages import Operation

EXIT_REASON_PREFIX = "ocf-exit-reason:"
DEFAULT_OCF_ROOT = "/usr/lib/ocf"
FEATURE_SET = "3.20.5"
"""What agents are told where an order names none; that of the CIBs we write."""
DEFAULT_STATE_DIRECTORY = "/run/resource-agents"

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NOT_INHERITED = ("PYTHON", "LD_")
_UNPREFIXED = {"OCF_CHECK_LEVEL": "OCF_CHECK_LEVEL", "trace_ra": "OCF_TRACE_RA", "trace_file": "OCF_TRACE_FILE"}
"""Parameters that also (or only) go in without OCF_RESKEY_."""
_NOT_FOR_DEVICES = frozenset({"provides", "crm_feature_set", "stonith-timeout", "action"})
"""Attributes of a stonith resource that are the cluster's and no fence agent knows."""


def base_environment(environ: Mapping[str, str], directories: NodeDirectories, commands: Path) -> dict[str, str]:
    """What every agent gets: our own environment without Python's and the loader's variables.

    PATH begins with `commands`, which holds only our commands, so that agents find `crm_attribute` and never the
    virtual environment's python. HA_SBIN_DIR names the same directory, because agents call the tools through it.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_NOT_INHERITED)
        and name not in ("VIRTUAL_ENV", "NOTIFY_SOCKET", "LISTEN_FDS", OUTPUT_VARIABLE)
    }
    own_bin = str(Path(sys.prefix) / "bin") if sys.prefix != sys.base_prefix else ""
    inherited = [part for part in kept.get("PATH", "").split(":") if part and part != own_bin]
    system = [part for part in _SYSTEM_PATH.split(":") if part not in inherited]
    kept["PATH"] = ":".join([str(commands), *inherited, *system])
    kept["HA_SBIN_DIR"] = str(commands)
    kept.update(directories.environment())
    if directories.run != NodeDirectories.from_environment({}).run and "HA_RSCTMP" not in environ:
        # several nodes on one machine must not share the agents' state files
        kept["HA_RSCTMP"] = str(directories.run / "resource-agents")
    return kept


def provide_state_directory(environment: Mapping[str, str]) -> None:
    """Make the directory in which agents keep their state files; many of them take it for granted.

    Where that is not permitted, the agents that need it say so.
    """
    with contextlib.suppress(PermissionError):
        directory = Path(environment.get("HA_RSCTMP") or DEFAULT_STATE_DIRECTORY)
        directory.mkdir(mode=0o1755, parents=True, exist_ok=True)


def ocf_environment(operation: Operation, ocf_root: str = DEFAULT_OCF_ROOT) -> dict[str, str]:
    """The variables of the OCF resource agent API, with Pacemaker's CRM_meta_* ones."""
    variables = {
        "OCF_ROOT": ocf_root,
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": operation.resource,
        "OCF_RESOURCE_TYPE": operation.agent.type,
        "OCF_RESOURCE_PROVIDER": operation.agent.provider,
        "OCF_EXIT_REASON_PREFIX": EXIT_REASON_PREFIX,
        "OCF_RESKEY_crm_feature_set": FEATURE_SET,
        "OCF_RESKEY_CRM_meta_name": operation.action,
        "OCF_RESKEY_CRM_meta_interval": str(operation.interval_ms),
        "OCF_RESKEY_CRM_meta_timeout": str(operation.timeout_ms),
    }
    for name, value in operation.parameters.items():
        if name in _UNPREFIXED:
            variables[_UNPREFIXED[name]] = value
        if name != "OCF_CHECK_LEVEL":
            variables[f"OCF_RESKEY_{name}"] = value
    for name, value in operation.meta.items():
        variables[f"OCF_RESKEY_{name.replace('-', '_')}"] = value
    return variables


def positional_arguments(parameters: Mapping[str, str]) -> list[str]:
    """The arguments of a version 1 script: the parameters named 1, 2, …, as far as they go without a gap."""
    arguments: list[str] = []
    while (value := parameters.get(str(len(arguments) + 1))) is not None:
        arguments.append(value)
    return arguments


def device_input(action: str, parameters: Mapping[str, str]) -> bytes:
    """What a fence agent reads from its standard input: the action and the options, one a line."""
    lines = [f"action={action}"]
    lines += [
        f"{name}={value}"
        for name, value in parameters.items()
        if name not in _NOT_FOR_DEVICES and not name.startswith(("pcmk_", "CRM_meta_"))
    ]
    return "".join(f"{line}\n" for line in lines if "\n" not in line).encode()


def exit_reason(errors: str) -> str:
    """The last exit reason that an agent gave on its standard error; empty when it gave none."""
    reasons = [line for line in errors.splitlines() if line.startswith(EXIT_REASON_PREFIX)]
    return reasons[-1].removeprefix(EXIT_REASON_PREFIX).strip() if reasons else ""


def inherited() -> dict[str, str]:
    """The process's own environment, as a plain mapping."""
    return dict(os.environ)
