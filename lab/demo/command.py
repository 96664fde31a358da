"""The command line of the demo: chooses the stage, plays the story, tells it, and cleans up whatever happens."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from lab.demo.interrupts import Interrupts
from lab.demo.report import as_json, as_text
from lab.demo.stage import NamespaceStage
from lab.demo.story import Stage, play
from lab.loopback import LoopbackStage
from lab.namespaces.lab import available
from lab.namespaces.node import LabError

LOG_TAIL = 3000
"""Characters of each node's log that are shown when something went wrong."""


def main() -> int:
    """Play the demo; 0 when everything happened, 130 after Ctrl-C, 1 otherwise."""
    options = _options()
    interrupts = Interrupts()
    stage: Stage | None = None
    kept = False
    try:
        stage = _stage(options, _say(options))
        story = play(stage, _say(options), interrupts.check)
        interrupts.check()
        sys.stdout.write(as_json(story) + "\n" if options.json else "\n" + as_text(story))
        sys.stdout.flush()
        if stage.double_mounts():
            raise LabError("the shared disk was mounted twice: " + stage.double_mounts()[0])
        if options.keep:
            (sys.stderr if options.json else sys.stdout).write("\n" + stage.keep())
            kept = True
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if interrupts.came:  # a command that the same Ctrl-C ended
            return _interrupted()
        if not isinstance(error, LabError | TimeoutError):
            raise
        sys.stderr.write(f"demo: {error}\n" + (_logs(stage) if stage is not None else ""))
        return 1
    finally:
        if stage is not None and not kept:
            stage.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run demo", description="A cluster on this machine: failover and failback.")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running, for ./run lab")
    parser.add_argument("--loopback", action="store_true", help="play on loopback addresses even as root")
    parser.add_argument("--example", type=lambda text: Path(text).resolve(), required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def _say(options: argparse.Namespace) -> Callable[[str], None]:
    def say(line: str) -> None:
        if not options.json:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    return say


def _interrupted() -> int:
    sys.stderr.write("interrupted; cleaning up\n")
    return 130


def _stage(options: argparse.Namespace, say: Callable[[str], None]) -> Stage:
    reason = "as asked" if options.loopback else available()
    stage: Stage = LoopbackStage(options.example) if reason else NamespaceStage(options.example)
    if reason:
        why = reason if options.loopback else f"no network namespaces: {reason}"
        say(f"Playing on loopback addresses ({why}).")
    if stage.left_out:
        say("What this leaves out:")
        for line in stage.left_out:
            say(f"  - {line}")
    return stage


def _logs(stage: Stage) -> str:
    text = ""
    for node in stage.nodes:
        try:
            text += f"--- log of {node}\n" + stage.log(node)[-LOG_TAIL:]
        except OSError:
            continue
    return text
