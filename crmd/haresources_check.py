"""`python -m crmd.haresources_check FILE NODE...`: what is wrong in haresources, told to heartbeat."""

import sys
from pathlib import Path

from crmd.haresources import ResourceLine, read_haresources
from crmd.legacy_files import init_directories
from crmd.legacy_resources import convert, script_finder
from ipc.problems import Problem, has_errors, render


def main(arguments: list[str]) -> int:
    """Print what is wrong in a file, or can't work on this node.

    Returns 0, 1 when there is an error, 64 for wrong arguments.
    """
    if not arguments:
        sys.stderr.write("usage: python -m crmd.haresources_check FILE [NODE...]\n")
        return 64
    path = Path(arguments[0])
    result = read_haresources(path, tuple(arguments[1:]))
    for problem in (*result.problems, *_doubts(path, result.lines)):
        sys.stderr.write(render(problem) + "\n")
    return 1 if has_errors(result.problems) else 0


def _doubts(path: Path, lines: tuple[ResourceLine, ...]) -> list[Problem]:
    """What this node could not start: scripts that it does not have."""
    find = script_finder(path.parent / "resource.d", init_directories())
    found = [(resource.line, convert(resource, find).warning) for line in lines for resource in line.resources]
    return [Problem("warning", path, number, warning) for number, warning in found if warning]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
