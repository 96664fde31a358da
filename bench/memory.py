"""What the daemons of a resting node hold and use: memory (PSS: shared pages counted in parts) and processor time.

usage: python -m bench.memory [--seconds N]

Two nodes with the example's service, idle but for heartbeats and recurring monitors. Resources are not counted.
"""

import argparse
import re
import sys
import time
from pathlib import Path

import msgspec

from bench.figures import clean_up_on_sigterm, machine, say, table
from bench.ours import Ours
from bench.pair import NODES, resting
from bench.peer import Peer, missing, versions
from lab.namespaces.lab import available
from lab.namespaces.node import LabError, Node

DAEMONS = re.compile(
    r"-m (heartbeat|crmd|lrmd|pengine)\b|from (lrmd\.agent_worker) |(?:^|/)(corosync|pacemaker[\w-]*)(?: |$)"
)


class Held(msgspec.Struct, frozen=True):
    """One daemon, or all of a node."""

    name: str
    pss_kib: int
    own_kib: int
    """Private pages: what would be free if it ended."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="over which processor time is counted")
    options = parser.parse_args()
    clean_up_on_sigterm()
    if reason := available():
        say(f"left out: {reason}")
        return 0
    say(machine())
    absent = missing()
    totals: dict[str, tuple[Held, float]] = {}
    try:
        contestants: list[tuple[str, type[Ours] | type[Peer]]] = [("Pacekeeper", Ours)]
        if absent:
            say(f"left out: Pacemaker and Corosync: {absent}")
        else:
            contestants.append(("Pacemaker and Corosync", Peer))
        for title, make in contestants:
            with resting(make) as lab:
                for name in NODES:
                    totals[f"{title}, {name}"] = _look(lab[name], f"{title}, {name}", options.seconds)
    except KeyboardInterrupt:
        return 130
    except LabError as error:
        sys.stderr.write(f"memory: {error}\n")
        return 1
    rows = [("all daemons of a node", "PSS MiB", "private MiB", "processor %")]
    rows += [
        (title, f"{held.pss_kib / 1024:.1f}", f"{held.own_kib / 1024:.1f}", f"{percent:.2f}")
        for title, (held, percent) in totals.items()
    ]
    if len(totals) == 2 * len(NODES):
        ours, theirs = ([held.pss_kib for held, _ in list(totals.values())[half]] for half in (slice(2), slice(2, 4)))
        rows.append(("Pacekeeper / Pacemaker and Corosync", f"{sum(ours) / sum(theirs):.2f} x", "", ""))
    say("\n" + table(rows) + ("" if absent else versions() + "\n"))
    return 0


def _look(node: Node, title: str, seconds: int) -> tuple[Held, float]:
    daemons = [(pid, _name(command)) for pid, command in node.processes() if DAEMONS.search(" ".join(command))]
    helds = [_held(pid, name) for pid, name in daemons]
    for held in sorted(helds, key=lambda held: -held.pss_kib):
        say(f"  {title}: {held.name} {held.pss_kib / 1024:.1f} MiB, private {held.own_kib / 1024:.1f} MiB")
    before = _cpu_ns([pid for pid, _ in daemons])
    time.sleep(seconds)
    used = _cpu_ns([pid for pid, _ in daemons]) - before
    total = Held("all", sum(held.pss_kib for held in helds), sum(held.own_kib for held in helds))
    return total, used / seconds / 1e7


def _name(command: list[str]) -> str:
    match = DAEMONS.search(" ".join(command))
    assert match is not None
    return next(name for name in match.groups() if name)


def _held(pid: int, name: str) -> Held:
    fields = dict(re.findall(r"^(\w+): +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE))
    return Held(name, int(fields["Pss"]), int(fields["Private_Clean"]) + int(fields["Private_Dirty"]))


def _cpu_ns(pids: list[int]) -> int:
    """All threads of these processes; agents that they run are not in it."""
    return sum(
        int(task.read_text().split()[0]) for pid in pids for task in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )


if __name__ == "__main__":
    sys.exit(main())
