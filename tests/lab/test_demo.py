"""The demo as people and programs run it: what it prints, and that nothing is left however it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lab.namespaces.lab import available, detach_disks

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "lab.demo", "--example", str(ROOT / "examples/web-ha")]
STAGES = [
    pytest.param(["--loopback"], id="loopback"),
    pytest.param([], id="namespaces", marks=[pytest.mark.lab, pytest.mark.skipif(available() != "", reason="no lab")]),
]


def begin(directory: Path, *options: str) -> "subprocess.Popen[str]":
    """Start the demo as a shell would: a process group of its own, temporary files in `directory`."""
    return subprocess.Popen(
        [*DEMO, *options],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def left_of(directory: Path) -> list[str]:
    """Processes whose command line names the directory, zombies left out, and what lies in it."""
    found = [str(path) for path in directory.iterdir()]
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(directory) in command and int(entry.name) != os.getpid():
            found.append(command)
    return found


@pytest.fixture
def place() -> "Path":
    """A directory for the demo's own; short, since sockets lie below it."""
    return Path(tempfile.mkdtemp(prefix="demo-"))


@pytest.mark.slow
@pytest.mark.parametrize("options", STAGES)
def test_json_is_one_object_with_both_moves_and_nothing_else(place: Path, options: list[str]) -> None:
    demo = begin(place, "--json", *options)
    out, err = demo.communicate(timeout=100)
    assert demo.returncode == 0, err
    story = json.loads(out)
    assert [move["cause"] for move in story["moves"]] == ["node1 killed", "node1 returned"]
    assert [(move["from"][:5], move["to"][:5]) for move in story["moves"]] == [("node1", "node2"), ("node2", "node1")]
    assert all(move["outage_ms"] > 0 and move["started_ms"] > 0 for move in story["moves"])
    assert story["moves"][0]["declared_dead_ms"] > 0
    assert [set(moment["resources"].values()) for moment in story["moments"]] == [
        {f"{node}.example.com"} for node in ("node1", "node2", "node1")
    ]
    assert left_of(place) == []
    place.rmdir()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [0.7, 1.2, "The service answers", "has taken over"])
@pytest.mark.parametrize("options", STAGES)
def test_an_interrupted_demo_leaves_nothing(
    place: Path, options: list[str], moment: "float | str", number: signal.Signals
) -> None:
    """At a moment of the start, in seconds, and at moments of the story, by the line that it has just printed."""
    demo = begin(place, *options)
    if isinstance(moment, str):
        assert demo.stdout is not None
        assert any(moment in line for line in demo.stdout), "the demo ended before"
    else:
        time.sleep(moment)
    os.killpg(demo.pid, number)
    demo.communicate(timeout=30)
    assert demo.returncode in (130, -number), "it was not interrupted"
    # A node that was just being booted ends by itself when its lifeline does, a moment after the demo.
    deadline = time.monotonic() + 5
    while left_of(place) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_of(place) == []
    place.rmdir()


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.skipif(available() != "", reason="no lab")
def test_the_nodes_of_a_killed_demo_end_with_it(place: Path) -> None:
    demo = begin(place)
    time.sleep(3)
    demo.kill()
    demo.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while any("lab.namespaces.reaper" in each for each in left_of(place)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any("lab.namespaces.reaper" in each for each in left_of(place))
    for directory in place.iterdir():
        detach_disks(directory)
    shutil.rmtree(place)
