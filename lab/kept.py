"""`./run lab`: clusters that `./run demo --keep` left running.

usage: ./run lab list | enter NODE [COMMAND...] | kill NODE | start NODE | stop
"""

import os
import sys
import tempfile
from pathlib import Path

from lab.namespaces.lab import KEPT, PREFIX, Lab
from lab.namespaces.node import LabError, Node


def find() -> list[Path]:
    """Directories of labs that go on running, newest first."""
    found = [path.parent for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{KEPT}")]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def choose(lab: Lab, name: str) -> Node:
    """A node by its name, with or without domain. Raises LabError."""
    for node in (*lab.nodes.values(), lab.client):
        if name in (node.name, node.name.partition(".")[0]):
            return node
    raise LabError(f"no node {name}; there are {', '.join([*lab.nodes, lab.client.name])}")


def main() -> int:
    """Do one of the things that `usage` names."""
    words = sys.argv[1:]
    labs = find()
    if words[:1] == ["list"] or not words:
        sys.stdout.write("".join(f"{path}\n" for path in labs) or "no cluster goes on running\n")
        return 0
    if not labs:
        sys.stderr.write("no cluster goes on running; `./run demo --keep` leaves one\n")
        return 1
    try:
        return act(Lab.take_over(labs[0]), words)
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1


def act(lab: Lab, words: list[str]) -> int:
    """Carry out a command on a lab."""
    match words:
        case ["enter", name, *command]:
            node = choose(lab, name)
            argv = node.command(command or ["/bin/bash", "--norc"])
            prompt = {"PS1": f"[{node.name.partition('.')[0]}] # "}
            os.execvpe(argv[0], argv, {**node.environment(), **prompt})
        case ["kill", name]:
            lab.power_cut(choose(lab, name).name)
            lab.write_kept()
        case ["start", name]:
            node = choose(lab, name)
            if not node.is_on:
                node.boot()
            node.start()
            lab.write_kept()
        case ["stop"]:
            lab.close()
        case _:
            sys.stderr.write((__doc__ or "").partition("usage: ")[2])
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
