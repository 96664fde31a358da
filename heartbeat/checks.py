"""Everything about the configuration that can be known before anything is started, told together."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec

from heartbeat.authkeys import AuthKeys, read_authkeys
from heartbeat.children import module_command
from heartbeat.ha_cf import HaConfig, HaConfigResult, read_ha_cf
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
            problems.append(Problem("error", path, result.link_lines.get(link, 0), f"{describe(link)}: {reason}"))
        problems += _check_logs(result, path, directories.log)
    lines = tuple(render(problem) for problem in problems)
    if has_errors(problems):
        return Checked(None, None, lines)
    return Checked(result.config, keys.keys, lines)


def _check_logs(result: HaConfigResult, path: Path, made: Path) -> list[Problem]:
    """Log files that can't be written where they are wanted: a daemon without its log is not started.

    `made` is the directory for logs, which the start makes.
    """
    config, lines = result.config, result.lines
    assert config is not None
    problems: list[Problem] = []
    for name, value in (("logfile", config.logfile), ("debugfile", config.debugfile)):
        if value is None:
            continue
        if os.path.isdir(value):
            problems.append(Problem("error", path, lines[name], f"{name}: is a directory", value, "the path of a file"))
        elif not os.path.isdir(os.path.dirname(value)) and Path(value).parent != made:
            expected = f"a file in a directory that exists: mkdir -p {os.path.dirname(value)}"
            problems.append(
                Problem("error", path, lines[name], f"{name}: its directory does not exist", value, expected)
            )
    return problems


def check_all(directories: NodeDirectories, node: str) -> Checked:
    """As `check_files`, and haresources and cib.xml too, with their own parsers in a process of its own."""
    checked = check_files(directories, node)
    right, lines = _check_apart(directories, checked.config)
    lines = (*checked.lines, *lines)
    return Checked(checked.config, checked.keys, lines) if right else Checked(None, None, lines)


def _check_apart(directories: NodeDirectories, config: HaConfig | None) -> tuple[bool, tuple[str, ...]]:
    path = directories.config / "haresources"
    nodes, stonith = (config.nodes, config.stonith) if config is not None else ((), ())
    if not path.exists() and not stonith and not (directories.cib / "cib.xml").exists():
        return True, ()
    command, environment = module_command("crmd.start_check")
    try:
        done = subprocess.run(
            [*command, str(path), *nodes],
            env={**os.environ, **environment, **directories.environment()},
            cwd="/",
            input=msgspec.json.encode(stonith).decode(),  # not an argument: passwords would be seen in `ps`
            capture_output=True,
            text=True,
            check=False,
            timeout=APART_S_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, (f"{path}: error: could not be checked: {error}",)
    return done.returncode == 0, tuple(done.stderr.splitlines())
