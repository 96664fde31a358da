"""Three nodes from the start of their daemons to an idle cluster with a coordinator that has all three.

usage: python -m bench.cold_start [--runs N]

The nodes have power and network already; `heartbeat start` (or corosync and pacemakerd) is called on all at once, with
an empty configuration. The peer runs twice: as it comes, and with dc-deadtime=1s, for which it waits at every start.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable

from bench import service
from bench.figures import cell, clean_up_on_sigterm, machine, ratio, say, table
from bench.ours import Ours
from bench.peer import Peer, missing, versions
from crmd.client import Client, ClientError
from crmd.messages import ClusterState
from ipc.directories import NodeDirectories
from lab.namespaces.lab import Lab
from lab.namespaces.node import LabError
from lab.probe import boottime_ms

NODES = ("node1", "node2", "node3")
IDLE_S = 90.0
CONNECT_EVERY_S = 0.01


def main() -> int:
    """Measure and print; 1 when a cluster does not come up."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    clean_up_on_sigterm()
    say(f"{machine()}\n{options.runs} cold starts of {len(NODES)} nodes, times in ms from the daemons' start")
    found: dict[str, list[int]] = {}
    reason = missing()
    try:
        found["Pacekeeper"] = _repeat(_ours, options.runs)
        if reason:
            say(f"left out: Pacemaker and Corosync: {reason}")
        else:
            found["Pacemaker, dc-deadtime 1s"] = _repeat(_peer_with_short_wait, options.runs)
            found["Pacemaker as it comes"] = _repeat(_peer, min(options.runs, 3))
    except KeyboardInterrupt:
        return 130
    except (LabError, TimeoutError) as error:
        sys.stderr.write(f"cold_start: {error}\n")
        return 1
    ours = found["Pacekeeper"]
    rows = [("ms to idle with a DC", "median (least … most)", "peer / Pacekeeper")]
    rows += [(title, cell(values), "" if values is ours else ratio(ours, values)) for title, values in found.items()]
    say("\n" + table(rows) + ("" if reason else f"Pacemaker: {versions()}\n"))
    return 0


def _repeat(once: Callable[[Lab], int], runs: int) -> list[int]:
    found = []
    for _ in range(runs):
        with Lab.create(NODES) as lab:
            found.append(once(lab))
        say(f"  {once.__name__.strip('_')}: {found[-1]}")
    return found


def _ours(lab: Lab) -> int:
    cluster = Ours(lab)
    for name in NODES:
        cluster.boot(name)
    watches = [_IdleWatch(lab[name].directories()) for name in NODES]
    begun = boottime_ms()
    cluster.start(NODES)
    return max(watch.wait() for watch in watches) - begun


def _peer(lab: Lab) -> int:
    return _start_peer(lab, "")


def _peer_with_short_wait(lab: Lab) -> int:
    wait = '<nvpair id="opt-wait" name="dc-deadtime" value="1s"/>'
    ids = {str(number): name for number, name in enumerate(NODES, 1)}
    return _start_peer(lab, service.document(ids=ids, more_options=wait))


def _start_peer(lab: Lab, document: str) -> int:
    cluster = Peer(lab)
    for name in NODES:
        cluster.boot(name, document)
    begun = boottime_ms()
    cluster.start(NODES)
    cluster.settle(NODES[0], online=len(NODES))
    idle = cluster.idle_at(begun)
    if idle is None:
        raise LabError("no log of the peer says that a DC became idle")
    return idle - begun


class _IdleWatch:
    """Waits for the first word of a node's controller that its cluster of three is idle."""

    def __init__(self, directories: NodeDirectories) -> None:
        self._directories = directories
        self._at: int | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def wait(self) -> int:
        """When that was, in milliseconds of CLOCK_BOOTTIME."""
        self._thread.join(IDLE_S)
        if self._at is None:
            raise LabError(f"{self._directories.run}: not idle after {IDLE_S:.0f} s")
        return self._at

    def _watch(self) -> None:
        deadline = time.monotonic() + IDLE_S
        while self._at is None and time.monotonic() < deadline:
            try:
                with Client.connect(self._directories) as client:
                    for event in client.watch():
                        if isinstance(event, ClusterState) and _is_up(event):
                            self._at = boottime_ms()
                            return
            except (ClientError, OSError):
                time.sleep(CONNECT_EVERY_S)


def _is_up(state: ClusterState) -> bool:
    return state.idle and bool(state.dc) and len(state.members) == len(NODES)


if __name__ == "__main__":
    sys.exit(main())
