"""The directory that stands first in the agents' PATH: our commands, and nothing else of the virtual environment."""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

DISTRIBUTION = "pacekeeper"


def installed_commands() -> list[Path]:
    """Our commands beside the interpreter, sorted by name; none in a checkout that is not installed."""
    try:
        points = distribution(DISTRIBUTION).entry_points
    except PackageNotFoundError:
        return []
    directory = Path(sys.executable).parent
    names = sorted({point.name for point in points if point.group == "console_scripts"})
    return [directory / name for name in names if (directory / name).is_file()]


def provide_commands(directory: Path, commands: list[Path]) -> Path:
    """Make `directory` hold a link to each command, and no other; returns it."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = {command.name: command for command in commands}
    for entry in sorted(directory.iterdir()):
        if entry.is_symlink() and (entry.name not in wanted or entry.readlink() != wanted[entry.name]):
            entry.unlink()
    for name, command in wanted.items():
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(command)
    return directory
