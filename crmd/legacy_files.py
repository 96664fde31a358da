"""The classic files of this node, read from disk for the import: scripts, parameter files, and settings of ha.cf."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import msgspec

from crmd.haresources import read_haresources
from crmd.legacy_import import ImportRefused, LegacySettings, plan_import
from crmd.legacy_plan import Plan
from crmd.legacy_resources import script_finder
from heartbeat.messages import ClusterSettings, StonithLine
from ipc.problems import has_errors, render

INIT_DIRECTORIES = (Path("/etc/init.d"),)
INIT_VARIABLE = "PACEKEEPER_LSB_DIRS"
"""More directories with init scripts, separated by colons; they go before the usual ones."""
FENCE_DIRECTORIES = (Path("/usr/sbin"), Path("/sbin"))
FENCE_VARIABLE = "PACEKEEPER_FENCE_DIRS"
"""The same for fence agents."""
_FILE_BYTES_MAX = 64 * 1024
_READ_HA_CF = """
import sys
from pathlib import Path
import msgspec
from heartbeat.ha_cf import read_ha_cf
from ipc.problems import render
result = read_ha_cf(Path(sys.argv[1]), sys.argv[2])
for problem in result.problems:
    print(render(problem), file=sys.stderr)
if result.config is None:
    sys.exit(1)
sys.stdout.buffer.write(msgspec.json.encode((result.config.nodes, result.config.settings())))
"""


class HaCfUnusable(ValueError):
    """ha.cf has errors; the message has one line for each."""


def read_ha_cf_apart(config: Path, node: str = "") -> tuple[tuple[str, ...], ClusterSettings, str]:
    """The node names and settings of ha.cf, and warnings. Raises HaCfUnusable.

    It is read by a process of the messaging layer's own parser: the controller knows heartbeat only by its messages.
    """
    command = [sys.executable, *(["-I"] if sys.flags.isolated else []), "-c", _READ_HA_CF]
    done = subprocess.run(
        [*command, str(config / "ha.cf"), node or platform.node()], capture_output=True, timeout=30, check=False
    )
    warnings = done.stderr.decode(errors="replace").strip()
    if done.returncode:
        raise HaCfUnusable(warnings or f"{config / 'ha.cf'} can't be read")
    nodes, settings = msgspec.json.decode(done.stdout, type=tuple[tuple[str, ...], ClusterSettings])
    return nodes, settings, warnings


def read_plan(config: Path, nodes: tuple[str, ...], settings: ClusterSettings) -> Plan | None:
    """What the files of `config` become; None where there is no haresources or nothing in it.

    Raises ImportRefused with every error of haresources and of ha.cf's stonith lines.
    """
    path = config / "haresources"
    result = read_haresources(path, nodes)
    if has_errors(result.problems):
        raise ImportRefused(result.problems)
    if not result.lines:
        return None
    legacy = LegacySettings(
        config=config,
        nodes=nodes,
        auto_failback=settings.auto_failback,
        stonith=settings.stonith,
        stonith_files=parameter_files(settings.stonith),
    )
    plan = plan_import(result.lines, legacy, script_finder(config / "resource.d", init_directories()))
    told = tuple(render(problem) for problem in result.problems)
    return msgspec.structs.replace(plan, warnings=told + plan.warnings)


def init_directories() -> tuple[Path, ...]:
    """Where init scripts are looked for."""
    extra = tuple(Path(part) for part in os.environ.get(INIT_VARIABLE, "").split(":") if part)
    return extra + INIT_DIRECTORIES


def fence_directories() -> tuple[Path, ...]:
    """Where fence agents are looked for."""
    extra = tuple(Path(part) for part in os.environ.get(FENCE_VARIABLE, "").split(":") if part)
    return extra + FENCE_DIRECTORIES


def parameter_files(lines: tuple[StonithLine, ...]) -> dict[str, str]:
    """Text of the files that `stonith` lines name, of those that can be read."""
    found: dict[str, str] = {}
    for words in (stonith.words for stonith in lines):
        if words[0] != "stonith" or len(words) != 3:
            continue
        try:
            with Path(words[2]).open("rb") as file:
                found[words[2]] = file.read(_FILE_BYTES_MAX).decode(errors="replace")
        except OSError:
            continue  # the import says that it can't be read
    return found
