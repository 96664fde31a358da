"""How long the command line tools take that agents call inside monitors and people type all day.

usage: python -m bench.commands [--batches N]

On a file (CIB_file): their start, a query, their end. On a node of a running cluster: with an answer of the cluster.
Each figure is for one call, out of batches of calls in a row from one shell; processor time is what other load on the
machine disturbs least. `true` shows what such a call costs in any case, `python` what our interpreter costs before it
does anything.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench.figures import cell, clean_up_on_sigterm, machine, ratio, say, table
from bench.generated import cluster
from bench.ours import Ours
from bench.pair import NODES, resting
from bench.peer import TOOLS, Peer, missing, versions
from lab.namespaces.lab import available
from lab.namespaces.node import COMMANDS, LabError

CALLS = 5
"""In one batch."""

QUERY = ("crm_attribute", "--type", "crm_config", "--name", "stonith-enabled", "--query")
ON_A_FILE: tuple[tuple[str, ...], ...] = (("crm_mon", "-1"), ("cibadmin", "-Q"), QUERY)
ON_A_NODE: tuple[tuple[str, ...], ...] = (
    *ON_A_FILE,
    ("crm_node", "-n"),
    ("crm_attribute", "--node", NODES[0], "--name", "weight", "--update", "1", "--lifetime", "reboot"),
)

Wrap = Callable[[Sequence[str]], list[str]]


class Call(msgspec.Struct, frozen=True):
    """One call of a tool."""

    cpu_ms: float
    """Processor time, its children's and a part of the shell's included."""
    elapsed_ms: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.commands", description=__doc__)
    parser.add_argument("--batches", type=int, default=10)
    options = parser.parse_args()
    clean_up_on_sigterm()
    say(machine())
    absent = missing()
    if absent:
        say(f"left out: Debian's tools: {absent}")
    rows: list[tuple[str, ...]] = [
        ("ms for one call", "processor: ours", "Debian's", "ours / Debian's", "elapsed: ours", "Debian's")
    ]
    try:
        _on_a_file(options.batches, not absent, rows)
        reason = available()
        if reason:
            say(f"left out: tools on a running node: {reason}")
        else:
            _on_a_node(options.batches, not absent, rows)
    except KeyboardInterrupt:
        return 130
    except LabError as error:
        sys.stderr.write(f"commands: {error}\n")
        return 1
    say("\n" + table(rows) + ("" if absent else versions() + "\n"))
    return 0


def _on_a_file(batches: int, with_peer: bool, rows: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "cib.xml"
        file.write_text(cluster(10, 3))
        file.chmod(0o644)
        environment = {**os.environ, "CIB_file": str(file)}
        rows.append(_row("true", _calls(["true"], batches, environment, list), []))
        python = [str(COMMANDS / "python"), "-I", "-c", "pass"]
        rows.append(_row("python", _calls(python, batches, environment, list), []))
        for name, *arguments in ON_A_FILE:
            ours = _calls([str(COMMANDS / name), *arguments], batches, environment, list)
            theirs = _calls([f"{TOOLS}/{name}", *arguments], batches, environment, list) if with_peer else []
            rows.append(_row(f"{_label(name, arguments)}, on a file", ours, theirs))


def _on_a_node(batches: int, with_peer: bool, rows: list[tuple[str, ...]]) -> None:
    found: dict[str, dict[tuple[str, ...], list[Call]]] = {"ours": {}, "peer": {}}
    contestants: list[tuple[str, type[Ours] | type[Peer], str]] = [("ours", Ours, str(COMMANDS))]
    if with_peer:
        contestants.append(("peer", Peer, TOOLS))
    for key, make, directory in contestants:
        with resting(make) as lab:
            environment = lab[NODES[0]].environment()
            for command in ON_A_NODE:
                whole = [f"{directory}/{command[0]}", *command[1:]]
                found[key][command] = _calls(whole, batches, environment, lab[NODES[0]].command)
    for command in ON_A_NODE:
        ours, theirs = found["ours"][command], found["peer"].get(command, [])
        rows.append(_row(f"{_label(command[0], command[1:])}, on a node", ours, theirs))


def _row(label: str, ours: list[Call], theirs: list[Call]) -> tuple[str, ...]:
    cpu = [call.cpu_ms for call in ours], [call.cpu_ms for call in theirs]
    elapsed = [call.elapsed_ms for call in ours], [call.elapsed_ms for call in theirs]
    return (label, cell(cpu[0]), cell(cpu[1]), ratio(cpu[1], cpu[0]), cell(elapsed[0]), cell(elapsed[1]))


def _label(name: str, arguments: Sequence[str]) -> str:
    if name == "crm_attribute":
        return f"{name} {arguments[-1] if arguments[-1] == '--query' else '--update'}"
    return " ".join((name, *arguments))


def _calls(command: Sequence[str], batches: int, environment: dict[str, str], wrap: Wrap) -> list[Call]:
    """What one call costs, for each batch. Raises LabError when the command fails."""
    loop = f'n=0; while [ $n -lt {CALLS} ]; do "$@" >/dev/null 2>&1 || exit $?; n=$((n + 1)); done; date +%s%N'
    # The shell tells the time itself: what it costs to get onto the node is not the tool's.
    script = wrap(["sh", "-c", f"date +%s%N; {loop}", "sh", *command])
    found = []
    for _ in range(batches):
        with subprocess.Popen(script, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            times = process.stdout.read().split()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise LabError(f"{' '.join(command)} exited with {process.returncode}")
        elapsed_ms = (int(times[1]) - int(times[0])) / 1e6
        found.append(Call((usage.ru_utime + usage.ru_stime) * 1000 / CALLS, elapsed_ms / CALLS))
    return found


if __name__ == "__main__":
    sys.exit(main())
