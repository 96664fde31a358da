"""The daemon as a process of its own, with stand-ins for its children."""

import sys
from pathlib import Path

from heartbeat.__main__ import main

ROOT = Path(__file__).parents[3]


def command_of(process: str) -> tuple[list[str], dict[str, str]]:
    """Run the stand-in instead."""
    command = [sys.executable, "-P", "-m", "tests.unit.heartbeat.fake_child", process]
    return command, {"PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], command_of))
