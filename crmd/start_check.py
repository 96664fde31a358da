"""`python -m crmd.start_check FILE NODE...`: what would prevent a start, told to heartbeat, which can't look itself.

FILE is haresources, which may be missing. Standard input has ha.cf's stonith lines as JSON (`[{"line": 7, "words":
["stonith_host", ...]}]`). These are imported at the very first start only: later, what is wrong with them is no reason
to stay down. cib.xml is looked at where no version of this software is recorded beside it: where there is one, a
cib.xml that can't be used does not prevent a start, since the last good version takes its place.
"""

import sys
from pathlib import Path

import msgspec

from crmd.haresources import ResourceLine, read_haresources
from crmd.legacy_fencing import FencingProblem, convert_line
from crmd.legacy_files import fence_directories, init_directories, parameter_files
from crmd.legacy_resources import convert, script_finder
from heartbeat.messages import StonithLine
from ipc.directories import NodeDirectories
from ipc.problems import Problem, has_errors, render


def main(arguments: list[str], given: bytes = b"") -> int:
    """Print what is wrong, or can't work on this node. `given` is what standard input had.

    Returns 0, 1 when there is an error, 64 for wrong arguments.
    """
    if not arguments:
        sys.stderr.write("usage: python -m crmd.start_check FILE [NODE...]\n")
        return 64
    path = Path(arguments[0])
    result = read_haresources(path, tuple(arguments[1:]))
    problems = [*result.problems, *_doubts(path, result.lines)]
    directories = NodeDirectories.from_environment()
    if not (directories.cib / "cib.history").exists():
        stonith = msgspec.json.decode(given, type=tuple[StonithLine, ...]) if given else ()
        is_imported = bool(result.lines) or has_errors(result.problems)
        problems += _fencing(path.parent / "ha.cf", stonith, is_imported=is_imported)
    for problem in problems:
        sys.stderr.write(render(problem) + "\n")
    unusable = _cib_problems(directories)
    for line in unusable:
        sys.stderr.write(line + "\n")
    return 1 if unusable or has_errors(problems) else 0


def _doubts(path: Path, lines: tuple[ResourceLine, ...]) -> list[Problem]:
    """What this node could not start: scripts that it does not have."""
    find = script_finder(path.parent / "resource.d", init_directories())
    found = [(resource.line, convert(resource, find).warning) for line in lines for resource in line.resources]
    return [Problem("warning", path, number, warning) for number, warning in found if warning]


def _fencing(path: Path, stonith: tuple[StonithLine, ...], *, is_imported: bool) -> list[Problem]:
    """What the import would refuse, and devices that this node could not use."""
    problems: list[Problem] = []
    files = parameter_files(stonith)
    for each in stonith:
        try:
            agent = convert_line(each.words, files).primitive.type
        except FencingProblem as error:
            problems.append(Problem("error", path, each.line, str(error), error.value, error.expected))
            continue
        if not any((directory / agent).is_file() for directory in fence_directories()):
            text = f"there is no fence agent '{agent}' on this node; it can't fence with this device"
            problems.append(Problem("warning", path, each.line, text))
        if not is_imported:
            text = f"{each.words[0]}: devices are imported together with haresources, which has no line"
            problems.append(Problem("warning", path, each.line, text, expected="`crm configure primitive` for it"))
    return problems


def _cib_problems(directories: NodeDirectories) -> list[str]:
    if not (directories.cib / "cib.xml").exists() or (directories.cib / "cib.history").exists():
        return []
    from crmd.configuration_check import cib_problems

    return cib_problems(directories)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], b"" if sys.stdin.isatty() else sys.stdin.buffer.read()))
