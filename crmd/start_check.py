"""`python -m crmd.start_check FILE NODE...`: what would prevent a start, told to heartbeat, which can't look itself.

FILE is haresources, which may be missing. cib.xml is looked at where no version of this software is recorded beside it:
where there is one, a cib.xml that can't be used does not prevent a start, since the last good version takes its place.
"""

import sys
from pathlib import Path

from crmd.haresources import ResourceLine, read_haresources
from crmd.legacy_files import init_directories
from crmd.legacy_resources import convert, script_finder
from ipc.directories import NodeDirectories
from ipc.problems import Problem, has_errors, render


def main(arguments: list[str]) -> int:
    """Print what is wrong, or can't work on this node.

    Returns 0, 1 when there is an error, 64 for wrong arguments.
    """
    if not arguments:
        sys.stderr.write("usage: python -m crmd.start_check FILE [NODE...]\n")
        return 64
    path = Path(arguments[0])
    result = read_haresources(path, tuple(arguments[1:]))
    for problem in (*result.problems, *_doubts(path, result.lines)):
        sys.stderr.write(render(problem) + "\n")
    unusable = _cib_problems(NodeDirectories.from_environment())
    for line in unusable:
        sys.stderr.write(line + "\n")
    return 1 if unusable or has_errors(result.problems) else 0


def _doubts(path: Path, lines: tuple[ResourceLine, ...]) -> list[Problem]:
    """What this node could not start: scripts that it does not have."""
    find = script_finder(path.parent / "resource.d", init_directories())
    found = [(resource.line, convert(resource, find).warning) for line in lines for resource in line.resources]
    return [Problem("warning", path, number, warning) for number, warning in found if warning]


def _cib_problems(directories: NodeDirectories) -> list[str]:
    if not (directories.cib / "cib.xml").exists() or (directories.cib / "cib.history").exists():
        return []
    from crmd.configuration_check import cib_problems

    return cib_problems(directories)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
