"""Runs the control transcripts: what controllers decide when views, daemons, agents and people act.

`REWRITE_TRANSCRIPTS=1` writes what happens now into the files; a difference is committed once it is understood.

Commands: `cluster NAME... resources=NAME,... [fencing] [option=NAME:VALUE]`, `boot [NAME...]`,
`view NAME... [lost=NAME,...] [left=NAME,...]`, `run MILLISECONDS`, `settle`, `crash NAME` (the others get their view
1 s later), `kill crmd NAME`, `stop crmd NAME`, `go on NAME`, `stop NAME`, `lose view NAME`, `dies RESOURCE on NAME`,
`slow RESOURCE ACTION on NAME MILLISECONDS`, `fails RESOURCE ACTION on NAME`, `property NAME VALUE at NAME`.
Times are seconds since the cluster was
made. Shown are the state machine, what the DC orders, what agents do, and warnings.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cib.settings import set_property
from crmd.events import Paused
from crmd.messages import ApplyCib
from tests.unit.crmd.cluster import Cluster, cib, dummy, option

FILES = sorted((Path(__file__).parent / "control").glob("*.txt"))
REWRITE = bool(os.environ.get("REWRITE_TRANSCRIPTS"))
_SHOWN = re.compile(
    r" view \d+ [a-z0-9,]+ quorate|info fsa: |notice order: | agent (start|stop|promote|demote) "
    r"|fence agent|warning |error |power cut|crmd killed|leaves;|reset:"
    r"|notice (dc\.elected|dc\.gone|transition\.aborted)"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    replayed = replay(text)
    if REWRITE:
        path.write_text(replayed, encoding="utf-8")
    assert replayed == text


def test_there_are_transcripts() -> None:
    assert FILES


def replay(text: str) -> str:
    """The same blocks with the output of today."""
    stage = Stage()
    return "\n".join("\n".join(stage.block(block)) + "\n" for block in text.strip().split("\n\n"))


class Stage:
    """The cluster of one transcript, and how much of its trace was written down."""

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        self._written = 0

    def block(self, block: str) -> Iterator[str]:
        """The commands of a block as they are, and their output."""
        for line in block.splitlines():
            if line == "----":
                break
            yield line
            if not line.startswith("#"):
                self._command(line.split())
        yield "----"
        cluster = self._the_cluster()
        lines, self._written = cluster.trace[self._written :], len(cluster.trace)
        for line in lines:
            if _SHOWN.search(line):
                at, text = line.strip().split(" ", 1)
                yield f"{int(at) // 1000:03}.{int(at) % 1000:03} {text}"

    def _the_cluster(self) -> Cluster:
        assert self._cluster is not None, "the first command is `cluster`"
        return self._cluster

    def _command(self, words: list[str]) -> None:
        if words[0] == "cluster":
            self._make(words[1:])
            return
        cluster = self._the_cluster()
        match words:
            case ["boot", *names]:
                cluster.boot(*(names or cluster.names))
            case ["view", *rest]:
                named = {word.split("=")[0]: tuple(word.split("=")[1].split(",")) for word in rest if "=" in word}
                names = [word for word in rest if "=" not in word]
                cluster.install(*names, lost=named.get("lost", ()), left=named.get("left", ()))
            case ["run", duration]:
                cluster.run(int(duration))
            case ["settle"]:
                cluster.settle()
            case ["crash", name]:
                cluster.crash_and_view(name)
            case ["kill", "crmd", name]:
                cluster.kill_controller(name)
            case ["stop", "crmd", name]:
                cluster.machines[name].deaf_crmd = True
            case ["go", "on", name]:
                cluster.resume_controller(name, Paused(5000))
            case ["stop", name]:
                cluster.stop_node(name)
            case ["lose", "view", name]:
                cluster.lose_view(name)
            case ["dies", resource, "on", name]:
                cluster.process_dies(name, resource)
            case ["slow", resource, action, "on", name, duration]:
                cluster.results[name, resource, action] = (-1, int(duration))
            case ["fails", resource, action, "on", name]:
                cluster.results[name, resource, action] = (1, 20)
            case ["property", prop, value, "at", name]:
                cluster.ask(name, ApplyCib(1, (set_property(prop, value),)))
            case _:
                raise AssertionError(f"unknown command: {' '.join(words)}")

    def _make(self, words: list[str]) -> None:
        names = [word for word in words if "=" not in word and word != "fencing"]
        named = dict(word.split("=", 1) for word in words if "=" in word)
        options = option(*named["option"].split(":", 1)) if "option" in named else ""
        resources = [dummy(name) for name in named.get("resources", "").split(",") if name]
        self._cluster = Cluster(*names, cib=cib(*resources, stonith="fencing" in words, options=options))
