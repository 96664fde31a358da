"""Everything about the configuration that can be known before anything is started, told together."""

import os
import subprocess
from dataclasses import dataclass

from heartbeat.authkeys import AuthKeys, read_authkeys
from heartbeat.children import module_command
from heartbeat.ha_cf import HaConfig, read_ha_cf
from heartbeat.links import check_links
from heartbeat.links_config import describe
from ipc.directories import NodeDirectories
from ipc.problems import Problem, has_errors, render

APART_S_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Checked:
    """The configuration, when there is no error; and lines for people in any case."""

    config: HaConfig | None
    keys: AuthKeys | None
    lines: tuple[str, ...]


def check_files(directories: NodeDirectories, node: str) -> Checked:
    """Read ha.cf and authkeys, and look for the interfaces and names that ha.cf mentions."""
    path = directories.config / "ha.cf"
    result = read_ha_cf(path, node)
    keys = read_authkeys(directories.config / "authkeys")
    problems = [*result.problems, *keys.problems]
    if result.config is not None:
        for link, reason in check_links(result.config.links):
            problems.append(Problem("error", path, 0, f"{describe(link)}: {reason}"))
    lines = tuple(render(problem) for problem in problems)
    if has_errors(problems):
        return Checked(None, None, lines)
    return Checked(result.config, keys.keys, lines)


def check_all(directories: NodeDirectories, node: str) -> Checked:
    """As `check_files`, and haresources and cib.xml too, with their own parsers in a process of its own."""
    checked = check_files(directories, node)
    nodes = checked.config.nodes if checked.config is not None else ()
    right, lines = _check_apart(directories, nodes)
    lines = (*checked.lines, *lines)
    return Checked(checked.config, checked.keys, lines) if right else Checked(None, None, lines)


def _check_apart(directories: NodeDirectories, nodes: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    path = directories.config / "haresources"
    if not path.exists() and not (directories.cib / "cib.xml").exists():
        return True, ()
    command, environment = module_command("crmd.start_check")
    try:
        done = subprocess.run(
            [*command, str(path), *nodes],
            env={**os.environ, **environment, **directories.environment()},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=APART_S_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, (f"{path}: error: could not be checked: {error}",)
    return done.returncode == 0, tuple(done.stderr.splitlines())
