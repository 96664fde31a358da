"""Power cut of the active node of two: until it is known, until the address answers, until the page is there.

usage: python -m bench.failover [--runs N] [--only ours|ours-debian-agents|peer]

The cluster goes on between the runs: the cut node is started again, and the next cut hits the node that took over,
which in each case is the coordinator as well. Address and page are a client's word: it opens a new connection every
20 ms. All times count from the cut.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import msgspec

from bench import service
from bench.figures import cell, clean_up_on_sigterm, machine, ratio, say, table
from bench.ours import EXAMPLE, Ours
from bench.peer import Peer, missing, versions
from lab.namespaces.lab import Lab
from lab.namespaces.node import LabError
from lab.outage import Kind, Recording, outage_after
from lab.probe import boottime_ms

NODES = ("node1.example.com", "node2.example.com")
CLOSED_PORT = 9
ANSWER_S = 60.0
SETTLE_S = 0.5


class Contestant(Protocol):
    """What bench.ours and bench.peer have in common."""

    def boot(self, name: str, cib: str = "") -> None: ...
    def start(self, names: list[str]) -> None: ...
    def settle(self, name: str, *, online: int, active: dict[str, str] | None = None) -> None: ...
    def coordinator(self, name: str) -> str: ...
    def lost_at(self, name: str, since_ms: int) -> int | None: ...


class Move(msgspec.Struct, frozen=True):
    """One failover, in milliseconds from the power cut."""

    dead: int
    address: int
    page: int
    was_coordinator: bool


def main() -> int:
    """Measure and print; 1 when a cluster does not do what it must."""
    parser = argparse.ArgumentParser(prog="python -m bench.failover", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", choices=("ours", "ours-debian-agents", "peer"))
    options = parser.parse_args()
    clean_up_on_sigterm()
    say(f"{machine()}\n{options.runs} power cuts of the active node, 2 nodes, times in ms from the cut")
    moves: dict[str, list[Move]] = {}
    try:
        for title, key, make, provider in (
            ("Pacekeeper", "ours", Ours, "pacekeeper"),
            ("Pacekeeper, Debian's agents", "ours-debian-agents", Ours, "heartbeat"),
            ("Pacemaker and Corosync", "peer", Peer, "heartbeat"),
        ):
            if options.only not in (None, key):
                continue
            reason = _missing(key, provider)
            if reason:
                say(f"left out: {title}: {reason}")
                continue
            moves[title] = measure(make, provider, options.runs)
    except KeyboardInterrupt:
        return 130
    except (LabError, TimeoutError) as error:
        sys.stderr.write(f"failover: {error}\n")
        return 1
    say(report(moves))
    return 0


def measure(make: Callable[[Lab], Contestant], provider: str, runs: int) -> list[Move]:
    """Start a cluster in a lab of its own and cut the power of its active node again and again."""
    with ExitStack() as stack:
        lab = stack.enter_context(Lab.create(NODES))
        device = lab.shared_disk(content="<h1>the page</h1>\n")
        for script in sorted((EXAMPLE / "init.d").iterdir()):
            lab.install_script(script, f"/etc/init.d/{script.name}")
        cluster = make(lab)
        document = service.document(
            # Corosync numbers its nodes; we take the numbers of a configuration as they are.
            ids={str(number): name for number, name in enumerate(NODES, 1)},
            body=service.resources(device, provider),
            tail=service.defaults(),
        )
        lab.client.boot()
        # Where the first node is up alone for a moment, it becomes coordinator and active.
        for name in NODES:
            cluster.boot(name, document)
        cluster.start(list(NODES))
        cluster.settle(NODES[0], online=2)
        active = _active(lab)
        probe = _probe(lab)
        stack.callback(probe.close)
        moves = []
        for number in range(runs):
            survivor = NODES[1 - NODES.index(active)]
            cluster.settle(survivor, online=2, active=dict.fromkeys(service.RESOURCES, active))
            _answering(probe)
            moves.append(_cut(lab, cluster, probe, active, survivor))
            say(f"  {number + 1}: {moves[-1]}")
            cluster.boot(active)
            cluster.start([active])
            active = survivor
            if lab.double_mounts:
                raise LabError(f"the disk was mounted twice: {lab.double_mounts[0]}")
        return moves


def report(moves: dict[str, list[Move]]) -> str:
    """Medians with the least and the most of each, then how many times longer the peer takes."""
    rows = [("ms from the cut", "known dead", "address", "page", "address after known", "DC hit")]
    for title, runs in moves.items():
        rows.append(
            (
                title,
                cell([move.dead for move in runs]),
                cell([move.address for move in runs]),
                cell([move.page for move in runs]),
                cell([move.address - move.dead for move in runs]),
                f"{sum(move.was_coordinator for move in runs)} of {len(runs)}",
            )
        )
    *ours, peer = moves.values()
    if ours and list(moves)[-1].startswith("Pacemaker"):
        rows.append(
            (
                f"{list(moves)[-1]} / Pacekeeper",
                ratio([move.dead for move in ours[0]], [move.dead for move in peer]),
                ratio([move.address for move in ours[0]], [move.address for move in peer]),
                ratio([move.page for move in ours[0]], [move.page for move in peer]),
                ratio([move.address - move.dead for move in ours[0]], [move.address - move.dead for move in peer]),
                "",
            )
        )
    note = f"Pacemaker and Corosync: {versions()}\n" if "Pacemaker and Corosync" in moves else ""
    return "\n" + table(rows) + note


def _missing(key: str, provider: str) -> str:
    if provider == "heartbeat" and not Path("/usr/lib/ocf/resource.d/heartbeat/IPaddr2").exists():
        return "agents not found (Debian: resource-agents)"
    return missing() if key == "peer" else ""


def _cut(lab: Lab, cluster: Contestant, probe: Recording, active: str, survivor: str) -> Move:
    coordinator = cluster.coordinator(survivor)
    cut = boottime_ms()
    lab.power_cut(active)
    deadline = time.monotonic() + ANSWER_S
    while not probe.answering("page", cut + 100):
        if time.monotonic() > deadline:
            raise LabError(f"{survivor} does not take over within {ANSWER_S:.0f} s")
        time.sleep(0.05)
    time.sleep(SETTLE_S)
    lost = cluster.lost_at(survivor, cut)
    if lost is None:
        raise LabError(f"{survivor} took over, but its log does not say when {active} was lost")
    return Move(lost - cut, _first_good(probe, "address", cut), _first_good(probe, "page", cut), coordinator == active)


def _first_good(probe: Recording, kind: Kind, cut: int) -> int:
    outage = outage_after(probe.samples(), kind, cut)
    if outage is None:
        raise LabError(f"the probe saw no outage of the {kind}")
    return outage.first_good - cut


def _active(lab: Lab) -> str:
    return next(name for name in NODES if lab[name].has_address(service.ADDRESS))


def _probe(lab: Lab) -> Recording:
    command = [sys.executable, "-m", "lab.probe", service.ADDRESS, "80", str(CLOSED_PORT)]
    return Recording(lab.client.spawn(["env", f"PYTHONPATH={Path(__file__).parent.parent}", *command]))


def _answering(probe: Recording) -> None:
    since, deadline = boottime_ms(), time.monotonic() + ANSWER_S
    while not probe.answering("page", since):
        if time.monotonic() > deadline:
            raise LabError("the page does not answer although everything runs")
        time.sleep(0.05)
    time.sleep(SETTLE_S)


if __name__ == "__main__":
    sys.exit(main())
