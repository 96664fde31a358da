"""Runs the membership transcripts: blocks of commands, `----`, and what the controllers were told.

`REWRITE_TRANSCRIPTS=1` writes what happens now into the files; a difference is committed once it is understood.

Commands: `cluster NAME...` (with `votes=NAME,...` where not all have one), `boot [NAME...]`, `run MILLISECONDS`,
`crash NAME`, `pause NAME`, `wake NAME`, `stop NAME`, `cut ONE OTHER`, `cut FROM > TO`, `partition NAMES | NAMES`,
`heal`. Times are seconds since the cluster was made.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from heartbeat.messages import HeartbeatToController, QuorumChanged, ViewInstalled, ViewLost
from ipc.units import Milliseconds
from tests.unit.heartbeat.cluster import Cluster

FILES = sorted((Path(__file__).parent / "membership").glob("*.txt"))
REWRITE = bool(os.environ.get("REWRITE_TRANSCRIPTS"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    replayed = replay(text)
    if REWRITE:
        path.write_text(replayed, encoding="utf-8")
    assert replayed == text


def replay(text: str) -> str:
    """The same blocks with the output of today."""
    stage = Stage()
    return "\n".join("\n".join(stage.block(block)) + "\n" for block in text.strip().split("\n\n"))


class Stage:
    """The cluster of one transcript, and how much of what it said was written down."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        self._start = Milliseconds(0)
        self._written: dict[str, int] = {}

    def block(self, block: str) -> Iterator[str]:
        """The commands of a block as they are, and their output."""
        for line in block.splitlines():
            if line == "----":
                break
            yield line
            if not line.startswith("#"):
                self._command(line.split())
        yield "----"
        yield from self._output()

    def _command(self, words: list[str]) -> None:
        match words:
            case ["cluster", *names]:
                self._make(names)
                return
            case _:
                assert self._cluster is not None, "the first command is `cluster`"
        cluster = self._cluster
        match words:
            case ["boot", *names]:
                cluster.boot(*names)
            case ["run", duration]:
                cluster.run(int(duration))
            case ["cut", source, ">", target]:
                cluster.cut(source, target, both=False)
            case ["cut", one, other]:
                cluster.cut(one, other)
            case ["partition", *names]:
                cluster.partition(*(side.split() for side in " ".join(names).split("|")))
            case ["heal"]:
                cluster.network.cuts.clear()
            case ["crash" | "pause" | "wake" | "stop" as verb, name]:
                {"crash": cluster.crash, "pause": cluster.pause, "wake": cluster.wake, "stop": cluster.stop}[verb](name)
            case _:
                raise AssertionError(f"unknown command: {' '.join(words)}")

    def _make(self, words: list[str]) -> None:
        names = [word for word in words if "=" not in word]
        self._cluster = Cluster(names, seed=7)
        self._start = self._cluster.now
        self._written.clear()
        for word in words:
            if word.startswith("votes="):
                self._cluster.configured = tuple(word.removeprefix("votes=").split(","))

    def _output(self) -> Iterator[str]:
        assert self._cluster is not None
        lines: list[tuple[Milliseconds, str, str]] = []
        for name, host in self._cluster.hosts.items():
            for at, message in host.told[self._written.get(name, 0) :]:
                text = describe(message)
                if text:
                    lines.append((at, name, text))
            self._written[name] = len(host.told)
        for at, name, text in sorted(lines, key=lambda line: line[0]):
            yield f"{(at - self._start) / 1000:07.3f} {name}  {text}"


def describe(message: HeartbeatToController) -> str:
    """What a controller was told, in a line; nothing where it is not about views."""
    match message:
        case ViewInstalled(view, quorum, left, lost):
            members = " ".join(f"{member.name}.{member.generation}" for member in view.members)
            gone = f" left={','.join(left)}" * bool(left) + f" lost={','.join(lost)}" * bool(lost)
            return f"view {view.number} by {view.coordinator} {{{members}}} quorum={quorum.basis}{gone}"
        case QuorumChanged(quorum):
            return f"quorum={quorum.basis}"
        case ViewLost(reason):
            return f"no view: {reason}"
        case _:
            return ""
