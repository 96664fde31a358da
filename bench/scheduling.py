"""The policy engine on generated clusters: its warm worker against crm_simulate, and against its own growth.

usage: python -m bench.scheduling [--largest N] [--repeat N]

Two questions: `start`, where everything is to be probed and started, and `lost`, where all of that runs and one node is
gone; and of clusters with resources of every kind (see bench.mixed) `mixed idle`, `mixed lost` and `mixed cold`.
Figures are processor milliseconds, which other load on the machine disturbs least. Ours: reading the document and
deciding in a worker process that runs already, as it does beside a DC, and deciding alone (the worker is kept up to
date by patches). The peer's: the whole process crm_simulate, its start and printing included (its scheduler daemon has
no door of its own); what it takes for an empty cluster is shown so that it can be taken off.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec

from bench.figures import clean_up_on_sigterm, machine, say, table
from bench.generated import cluster, without
from bench.mixed import SITUATIONS, mixed
from bench.peer import TOOLS, missing, versions
from ipc.frames import FrameReader, encode_frame
from pengine.wire import ApplyPatch, LoadDocument, Outcome, Schedule, WorkerRequest, decode_reply, encode_request

SIZES = (10, 100, 1000)
NODES = (3, 16)
MIXED = ((3, 20), (8, 300), (16, 1000))
"""Nodes and primitives of the clusters with resources of every kind."""
NOW = 1_700_000_000


class Figure(msgspec.Struct, frozen=True):
    """One cluster, one question; processor milliseconds. `peer` is 0 where there is none."""

    question: str
    primitives: int
    nodes: int
    actions: int
    load_and_decide: float
    decide: float
    peer: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scheduling", description=__doc__)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="the most primitives")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    clean_up_on_sigterm()
    say(machine())
    if reason := missing():
        say(f"left out: crm_simulate: {reason}")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        if not reason:
            floor = statistics.median(_simulate_ms(_written(path, cluster(0, 1))) for _ in range(options.repeat))
            say(f"{versions()}; crm_simulate on an empty cluster: {floor:.0f} ms")
        try:
            figures = list(_measure(path, options.largest, options.repeat, with_peer=not reason))
        except KeyboardInterrupt:
            return 130
    say("\n" + _report(figures))
    return 0


def _measure(path: Path, largest: int, repeat: int, *, with_peer: bool) -> Iterator[Figure]:
    for nodes in NODES:
        for size in (size for size in SIZES if size <= largest):
            document = cluster(size, nodes)
            with WarmWorker() as worker:
                outcome = worker.ask(Schedule(0, NOW), LoadDocument(document.encode()))
            places = {place.resource: place.node for place in outcome.placements if place.node is not None}
            yield _figure("start", size, nodes, _written(path, document), repeat, with_peer)
            lost = without(document, places, "node2")
            yield _figure("lost", size, nodes, _written(path, lost), repeat, with_peer)
    for nodes, size in (each for each in MIXED if each[1] <= largest):
        for situation in SITUATIONS:
            file = _written(path, mixed(nodes, size, situation))
            yield _figure(f"mixed {situation}", size, nodes, file, repeat, with_peer)


def _figure(question: str, primitives: int, nodes: int, file: Path, repeat: int, with_peer: bool) -> Figure:
    document = file.read_bytes()
    with WarmWorker() as worker:
        outcome = worker.ask(Schedule(0, NOW), LoadDocument(document))
        both, decide = [], []
        for _ in range(repeat):
            both.append(worker.timed_ms(LoadDocument(document)))
            decide.append(worker.timed_ms())
    peer = statistics.median(_simulate_ms(file, "--run") for _ in range(repeat)) if with_peer else 0.0
    actions = len(outcome.graph.synapses)
    if with_peer and (theirs := _peer_actions(file)) != actions:
        raise RuntimeError(
            f"not the same decision: {actions} actions here, {theirs} of crm_simulate ({question}, "
            f"{primitives} primitives, {nodes} nodes)"
        )
    figure = Figure(question, primitives, nodes, actions, statistics.median(both), statistics.median(decide), peer)
    say(f"  {figure}")
    return figure


def _peer_actions(file: Path) -> int:
    """How many actions the peer's graph for the same cluster has."""
    graph = file.with_suffix(".graph")
    _simulate_ms(file, "--run", "--save-graph", str(graph))
    return graph.read_text().count("<synapse ")


def _report(figures: list[Figure]) -> str:
    rows = [("processor ms", "actions", "read, decide", "decide", "crm_simulate", "read, decide / peer", "growth")]
    smaller: dict[tuple[str, int], Figure] = {}
    for one in sorted(figures, key=lambda figure: (figure.question, figure.nodes, figure.primitives)):
        before = smaller.get((one.question, one.nodes))
        smaller[one.question, one.nodes] = one
        growth = ""
        if before is not None:
            steps = math.log(one.primitives / before.primitives)
            growth = f"n^{math.log(one.load_and_decide / before.load_and_decide) / steps:.2f}"
            if one.peer:
                growth += f" (peer n^{math.log(one.peer / before.peer) / steps:.2f})"
        rows.append(
            (
                f"{one.question}: {one.primitives} primitives, {one.nodes} nodes",
                str(one.actions),
                f"{one.load_and_decide:.1f}",
                f"{one.decide:.1f}",
                f"{one.peer:.1f}" if one.peer else "-",
                f"{one.load_and_decide / one.peer:.2f} x" if one.peer else "-",
                growth,
            )
        )
    return table(rows)


class WarmWorker:
    """The policy engine's process, asked over its pipes as a controller does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pengine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._frames = FrameReader()

    def __enter__(self) -> "WarmWorker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, request: Schedule, *before: LoadDocument | ApplyPatch) -> Outcome:
        """Send it all, wait for the one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        messages: list[WorkerRequest] = [*before, request]
        for message in messages:
            self._process.stdin.write(encode_frame(encode_request(message)))
        self._process.stdin.flush()
        while True:
            data = os.read(self._process.stdout.fileno(), 1 << 20)
            if not data:
                raise RuntimeError("the policy engine's worker ended")
            for payload in self._frames.feed(data):
                answer = decode_reply(payload)
                if not isinstance(answer, Outcome):
                    raise RuntimeError(f"the policy engine refuses: {answer.reason}")
                return answer

    def timed_ms(self, *before: LoadDocument | ApplyPatch) -> float:
        """The worker's processor time for one question."""
        return self.timed(Schedule(1, NOW), *before)[0]

    def timed(self, request: Schedule, *before: LoadDocument | ApplyPatch) -> tuple[float, Outcome]:
        """The worker's processor time (ms) until it has answered, and its answer."""
        self._wait_until_idle()
        begun = self._cpu_ms()
        outcome = self.ask(request, *before)
        return self._cpu_ms() - begun, outcome

    def _wait_until_idle(self) -> None:
        """What the worker tidies up after an answer does not count for the next."""
        end = time.monotonic() + 60
        while Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            if time.monotonic() > end:
                raise RuntimeError("the policy engine's worker does not come to rest")
            time.sleep(0.002)

    def _cpu_ms(self) -> float:
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0]) / 1e6


def _simulate_ms(file: Path, *options: str) -> float:
    """The processor time of one crm_simulate."""
    command = [f"{TOOLS}/crm_simulate", "--xml-file", str(file), *(options or ("--run",))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def _written(path: Path, document: str) -> Path:
    file = path / "cib.xml"
    file.write_text(document)
    return file


if __name__ == "__main__":
    sys.exit(main())
