"""Which modules may touch the outside world; all others are cores: events in, effects out.

A new module is a core unless it is named here. `pathlib` alone may be used for names of files.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTSIDE = {
    "asyncio", "fcntl", "logging", "multiprocessing", "os", "queue", "random", "select", "selectors", "shutil",
    "signal", "socket", "subprocess", "tempfile", "threading", "time",
}  # fmt: skip
FILE_ACCESS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink"}

SHELLS = {
    "cib": {"files", "store"},
    "crmd": {
        "__main__", "apart_worker", "client", "client_api", "configuration_check", "daemon", "haresources",
        "input_keeper", "legacy_files", "link", "log",
        "pe_inputs", "pengine_worker", "persistence", "pump", "thin_client",
    },
    "heartbeat": {
        "__main__", "authkeys", "checks", "children", "client", "command", "control", "daemon", "ha_cf", "link_watch",
        "links", "log", "pings", "realtime", "state_file", "streams", "watchdog",
    },
    "lrmd": {
        "__main__", "agent_environment", "agent_processes", "agent_worker", "agents", "client", "clients", "commands",
        "daemon", "run_directory", "supervisor_link", "traits_keeper",
    },
    "pengine": {"__main__", "local_zone"},
    "stonith": set[str](),
}  # fmt: skip


def cores() -> list[Path]:
    """Every module of the packages above that is not one of their shells."""
    return sorted(
        path for package, shells in SHELLS.items() for path in (ROOT / package).glob("*.py") if path.stem not in shells
    )


def reaches_outside(tree: ast.Module) -> Iterator[str]:
    """What a core must not do, by line."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    if name.name.partition(".")[0] in OUTSIDE:
                        yield f"{node.lineno}: imports {name.name}"
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in OUTSIDE:
                yield f"{node.lineno}: imports from {module}"
            case ast.Call(func=ast.Name(id="open")):
                yield f"{node.lineno}: opens a file"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attribute)) if (
                attribute in FILE_ACCESS and owner in ("path", "file", "Path")
            ):
                yield f"{node.lineno}: {owner}.{attribute}"


@pytest.mark.parametrize("path", cores(), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_core_does_not_reach_outside(path: Path) -> None:
    assert list(reaches_outside(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_list_of_shells_names_nothing_that_is_gone() -> None:
    gone = [f"{package}.{name}" for package, names in SHELLS.items() for name in names
            if not (ROOT / package / f"{name}.py").exists()]  # fmt: skip
    assert gone == []


def test_a_core_that_asks_for_the_time_is_found() -> None:
    assert list(reaches_outside(ast.parse("def f():\n    import time\n    return time.time()\n"))) == [
        "2: imports time"
    ]
