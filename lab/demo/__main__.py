"""`./run demo`: see lab.demo."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from lab.demo.report import as_json, as_text
from lab.demo.stage import NamespaceStage
from lab.demo.story import Stage, play
from lab.loopback import LoopbackStage
from lab.namespaces.lab import available
from lab.namespaces.node import LabError


def main() -> int:
    """Play the demo; 0 when everything happened, 130 after Ctrl-C, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="./run demo", description="A cluster on this machine: failover and failback.")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    parser.add_argument("--loopback", action="store_true", help="play on loopback addresses even as root")
    parser.add_argument("--example", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()

    def say(line: str) -> None:
        if not options.json:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    _interrupt_on_sigterm()
    stage: Stage | None = None
    kept = False
    try:
        stage = _stage(options, say)
        story = play(stage, say)
        sys.stdout.write(as_json(story) + "\n" if options.json else "\n" + as_text(story))
        if stage.double_mounts():
            raise LabError("the shared disk was mounted twice: " + stage.double_mounts()[0])
        if options.keep:
            sys.stdout.write("\n" + stage.keep())
            kept = True
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; cleaning up\n")
        return 130
    except (LabError, TimeoutError) as error:
        sys.stderr.write(f"demo: {error}\n")
        if stage is not None:
            sys.stderr.write(_logs(stage))
        return 1
    finally:
        if stage is not None and not kept:
            stage.close()
    return 0


def _interrupt_on_sigterm() -> None:
    """SIGTERM ends the demo as Ctrl-C does. Processes that a library forks from this one just end."""
    mine = os.getpid()

    def interrupt(number: int, frame: object) -> None:
        if os.getpid() != mine:
            os._exit(128 + number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _stage(options: argparse.Namespace, say: Callable[[str], None]) -> Stage:
    reason = "told so" if options.loopback else available()
    if not reason:
        return NamespaceStage(options.example, keep=options.keep)
    stage = LoopbackStage(options.example, keep=options.keep)
    say(f"Playing on loopback addresses ({reason}). What this leaves out:")
    for line in stage.left_out:
        say(f"  - {line}")
    return stage


def _logs(stage: Stage) -> str:
    text = ""
    for node in stage.nodes:
        try:
            text += f"--- log of {node}\n" + stage.log(node)[-3000:]
        except OSError:
            continue
    return text


if __name__ == "__main__":
    sys.exit(main())
