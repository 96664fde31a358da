"""`crm_simulate`: what the cluster would do with a given document, without doing it."""

from __future__ import annotations

import bz2
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cib.dates import parse_instant
from cib.errors import CibError
from cib.values import ValueFormatError, leading_integer
from cib.xml import parse
from crmsh.backend import BackendError, open_backend
from crmsh.simulate_status import counts, status_lines
from crmsh.simulate_summary import summary_lines
from pengine.collector import paused_collector
from pengine.graph import Graph
from pengine.graph_builder import build_graph
from pengine.graph_dot import graph_to_dot
from pengine.graph_xml import graph_to_xml
from pengine.local_zone import local_zone
from pengine.reading import read_cluster
from pengine.scheduler import decide, score_lines
from pengine.simulation import simulate
from pengine.state import ClusterState
from pengine.unpack import unpack_element
from pengine.working import Cluster

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 64
EXIT_NO_INPUT = 66
EXIT_CANNOT_CREATE = 73
EXIT_BAD_DOCUMENT = 78
EXIT_BAD_DATE = 65

_WITH_VALUE = {
    "-x": "xml_file",
    "--xml-file": "xml_file",
    "-G": "graph",
    "--save-graph": "graph",
    "-D": "dot",
    "--save-dotfile": "dot",
    "-t": "set_datetime",
    "--set-datetime": "set_datetime",
}
_SWITCHES = {
    "-S": "simulate",
    "--simulate": "simulate",
    "-R": "run",
    "--run": "run",
    "-s": "scores",
    "--show-scores": "scores",
    "-Q": "quiet",
    "--quiet": "quiet",
    "-a": "all_actions",
    "--all-actions": "all_actions",
    "-L": "live",
    "--live-check": "live",
    "-p": "pipe",
    "--xml-pipe": "pipe",
    "-V": "verbose",
    "--verbose": "verbose",
}
_NO_VALIDATION = (
    'Schema validation of configuration is disabled (support for validate-with set to "none" is deprecated and '
    "will be removed in a future release)\n"
)
_HELP = """\
Usage: crm_simulate [-L | -p | -x FILE] [-S] [-s] [-Q] [-G FILE] [-D FILE] [-t DATETIME]

  -L, --live-check          Work on the cluster's document, as without any of these three
  -p, --xml-pipe            Work on the document on standard input
  -x, --xml-file=FILE       Work on this document ('-': standard input; .bz2 is understood)
  -R, --run                 Process the document and show what would be done
  -S, --simulate            Like --run, and show what would be done, step by step, and the status afterwards
  -s, --show-scores         Show the assignment scores
  -Q, --quiet               Show only what was asked for
  -G, --save-graph=FILE     Save the transition graph as XML
  -D, --save-dotfile=FILE   Save the transition graph in DOT format
  -a, --all-actions         Show in the DOT file also what is not needed
  -t, --set-datetime=TIME   Pretend that it is this time (ISO 8601)
"""


class UsageError(Exception):
    """The command line can't be understood."""


@dataclass(slots=True)
class Arguments:
    """What the command line asks for."""

    xml_file: str = ""
    """Empty: the cluster's."""
    live: bool = False
    pipe: bool = False
    verbose: bool = False
    graph: str | None = None
    dot: str | None = None
    set_datetime: str | None = None
    simulate: bool = False
    run: bool = False
    scores: bool = False
    quiet: bool = False
    all_actions: bool = False
    help: bool = False


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; return the exit status."""
    try:
        arguments = parse_arguments(sys.argv[1:] if argv is None else argv)
    except UsageError as error:
        sys.stderr.write(f"crm_simulate: {error}\n")
        return EXIT_USAGE
    if arguments.help:
        sys.stdout.write(_HELP)
        return EXIT_OK
    try:
        source = "" if arguments.live else "-" if arguments.pipe else arguments.xml_file
        data = _read(source)
        state = unpack_element(parse(data, source), local_zone(os.environ.get("TZ")))
        now = _now(arguments, state)
    except OSError as error:
        sys.stderr.write(f"crm_simulate: {arguments.xml_file}: {error.strerror}\n")
        return EXIT_NO_INPUT
    except BackendError as error:
        sys.stderr.write(f"crm_simulate: {error.text}\n")
        return error.rc
    except CibError as error:
        sys.stderr.write(f"crm_simulate: {error}\n")
        return EXIT_BAD_DOCUMENT
    except ValueFormatError as error:
        sys.stderr.write(f"crm_simulate: {error}\n")
        return EXIT_BAD_DATE
    if state.attributes.get("validate-with") == "none":
        sys.stderr.write(_NO_VALIDATION)
    with paused_collector():
        lines, graph, cluster, status = report(arguments, state, now)
    try:
        _save(arguments, graph, cluster)
    except OSError as error:
        sys.stderr.write(f"crm_simulate: {error.filename}: {error.strerror}\n")
        return EXIT_CANNOT_CREATE
    sys.stdout.write("\n".join(lines) + "\n")
    return status


def parse_arguments(argv: list[str]) -> Arguments:
    """Return what the words of a command line mean; switches may be joined (-sSQ)."""
    arguments = Arguments()
    words = list(argv)
    while words:
        word = words.pop(0)
        if word in ("--help", "-?"):
            arguments.help = True
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            if name in _SWITCHES and not equals:
                setattr(arguments, _SWITCHES[name], True)
            elif name in _WITH_VALUE:
                setattr(arguments, _WITH_VALUE[name], value if equals else _next(words, name))
            else:
                raise UsageError(f"unknown option '{word}'")
        elif word.startswith("-") and len(word) > 1:
            _take_letters(arguments, word[1:], words)
        else:
            raise UsageError(f"unexpected argument '{word}'")
    return arguments


def _take_letters(arguments: Arguments, letters: str, words: list[str]) -> None:
    while letters:
        name, letters = "-" + letters[0], letters[1:]
        if name in _SWITCHES:
            setattr(arguments, _SWITCHES[name], True)
        elif name in _WITH_VALUE:
            setattr(arguments, _WITH_VALUE[name], letters or _next(words, name))
            return
        else:
            raise UsageError(f"unknown option '{name}'")


def _next(words: list[str], name: str) -> str:
    if not words:
        raise UsageError(f"option '{name}' needs a value")
    return words.pop(0)


def _read(name: str) -> bytes:
    if not name:
        return open_backend().read()
    if name == "-":
        return sys.stdin.buffer.read()
    data = Path(name).read_bytes()
    return bz2.decompress(data) if name.endswith(".bz2") else data


def _now(arguments: Arguments, state: ClusterState) -> int:
    if arguments.set_datetime is not None:
        return parse_instant(arguments.set_datetime, state.zone)
    recorded = leading_integer(state.attributes.get("execution-date"))
    return recorded if recorded is not None else int(time.time())


def report(arguments: Arguments, state: ClusterState, now: int) -> tuple[list[str], Graph, Cluster, int]:
    """Return the text, the graph, the working data and the exit status of a run."""
    lines: list[str] = []
    clock = _clock_line(arguments, state)
    cluster = read_cluster(state, now, sanitized=True)
    show = not arguments.quiet
    if show:
        lines += clock
        lines += _banner(cluster)
        lines.append("Current cluster status:")
        lines += status_lines(cluster, True)
    decide(cluster)
    graph = build_graph(cluster)
    if arguments.scores:
        if show:
            lines.append("Assignment Scores:")
        bullet = "  * " if show else ""
        lines += [bullet + line for line in score_lines(cluster)]
        lines.append("")
    if show:
        lines.append("Transition Summary:")
        lines += [*summary_lines(cluster), ""]
    status = EXIT_OK
    if arguments.simulate:
        simulation = simulate(cluster, graph)
        if not simulation.complete:
            sys.stderr.write("An invalid transition was produced\n")
            status = EXIT_ERROR
        if show:
            lines.append("Executing Cluster Transition:")
            lines += [f"  * {line}" for line in simulation.lines]
            lines += [*clock, ""]
            lines.append("Revised Cluster Status:")
            lines += status_lines(read_cluster(simulation.state, now, sanitized=True), False)
    return lines, graph, cluster, status


def _clock_line(arguments: Arguments, state: ClusterState) -> list[str]:
    if arguments.set_datetime is not None:
        return [f"Setting effective cluster time: {arguments.set_datetime}"]
    recorded = leading_integer(state.attributes.get("execution-date"))
    if recorded is None:
        return []
    return [f"Using the original execution date of: {datetime.fromtimestamp(recorded, UTC):%Y-%m-%d %H:%M:%SZ}"]


def _banner(cluster: Cluster) -> list[str]:
    lines: list[str] = []
    if cluster.options.maintenance_mode:
        lines += [
            "",
            "              *** Resource management is DISABLED ***",
            "  The cluster will not attempt to start, stop or recover services",
        ]
    total, disabled, blocked = counts(cluster)
    if disabled or blocked:
        if lines:
            lines.append("")
        lines.append(
            f"{disabled} of {total} resource instances DISABLED and {blocked} BLOCKED "
            "from further action due to failure"
        )
    if lines:
        lines.append("")
    return lines


def _save(arguments: Arguments, graph: Graph, cluster: Cluster) -> None:
    if arguments.graph is not None:
        Path(arguments.graph).write_text(graph_to_xml(graph), encoding="utf-8")
    if arguments.dot is not None:
        Path(arguments.dot).write_text(graph_to_dot(cluster, arguments.all_actions), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
