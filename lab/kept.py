"""`./run lab`: clusters that `./run demo --keep` left running.

usage: ./run lab list                       which clusters go on running; the other commands mean the newest
       ./run lab enter NODE [COMMAND...]    a shell on a node, or a command
       ./run lab kill NODE                  a power cut
       ./run lab start NODE                 power on and `heartbeat start`
       ./run lab stop                       end it and clean up
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from lab import loopback
from lab.loopback import LoopbackStage
from lab.namespaces.lab import KEPT, PREFIX, Lab, detach_disks
from lab.namespaces.node import LabError, Node

SHELL = ("/bin/bash", "--norc")


class Kept(Protocol):
    """What can be done with a cluster that goes on running. Methods raise LabError."""

    def enter(self, name: str, command: list[str]) -> tuple[list[str], dict[str, str]]:
        """The command line and environment for a command on a node."""

    def kill(self, name: str) -> None:
        """Cut a node's power."""

    def start(self, name: str) -> None:
        """Power on, and `heartbeat start`."""

    def stop(self) -> None:
        """End it and clean up."""


class KeptLab:
    """A cluster in network namespaces."""

    def __init__(self, directory: Path) -> None:
        self._lab = Lab.take_over(directory)

    def _node(self, name: str) -> Node:
        nodes = {**self._lab.nodes, self._lab.client.name: self._lab.client}
        return nodes[full_name(name, nodes)]

    def enter(self, name: str, command: list[str]) -> tuple[list[str], dict[str, str]]:
        """See Kept."""
        node = self._node(name)
        return node.command(command), {**node.environment(), "HOME": os.environ.get("HOME", "/")}

    def kill(self, name: str) -> None:
        """See Kept."""
        node = self._node(name)
        if not node.is_on:
            raise LabError(f"{node.name} is off")
        if node is self._lab.client:
            raise LabError("the client is no node of the cluster")
        self._lab.power_cut(node.name)
        self._lab.write_kept()

    def start(self, name: str) -> None:
        """See Kept."""
        node = self._node(name)
        if node is self._lab.client:
            raise LabError("the client is no node of the cluster")
        if not node.is_on:
            node.boot()
        node.start()
        self._lab.write_kept()

    def stop(self) -> None:
        """See Kept."""
        self._lab.close()


class KeptLoopback:
    """A cluster on loopback addresses."""

    def __init__(self, directory: Path) -> None:
        self._stage = LoopbackStage.take_over(directory)

    def enter(self, name: str, command: list[str]) -> tuple[list[str], dict[str, str]]:
        """See Kept."""
        environment = self._stage.environment(full_name(name, loopback.NODES))
        return command, {**environment, "HOME": os.environ.get("HOME", "/"), "TERM": os.environ.get("TERM", "dumb")}

    def kill(self, name: str) -> None:
        """See Kept."""
        self._stage.kill(full_name(name, loopback.NODES))

    def start(self, name: str) -> None:
        """See Kept."""
        self._stage.start(full_name(name, loopback.NODES))

    def stop(self) -> None:
        """See Kept."""
        self._stage.close()


def full_name(name: str, known: Iterable[str]) -> str:
    """A node by its name, with or without domain. Raises LabError."""
    for each in known:
        if name in (each, each.partition(".")[0]):
            return each
    raise LabError(f"no node {name}; there are {', '.join(known)}")


def find() -> list[Path]:
    """Directories of this user's clusters that go on running, newest first."""
    temporary = Path(tempfile.gettempdir())
    found = [*temporary.glob(f"{PREFIX}*/{KEPT}"), *temporary.glob(f"{loopback.PREFIX}*/{loopback.KEPT}")]
    mine = [(path.stat().st_mtime, path.parent) for path in found if path.stat().st_uid == os.geteuid()]
    return [directory for _, directory in sorted(mine, reverse=True)]


def take_over(directory: Path) -> Kept:
    """The cluster of a directory. Raises LabError when it is gone."""
    return KeptLoopback(directory) if directory.name.startswith(loopback.PREFIX) else KeptLab(directory)


def main() -> int:
    """Do one of the things that `usage` names."""
    words = sys.argv[1:]
    directories = find()
    if words == ["list"]:
        sys.stdout.write("".join(f"{path}\n" for path in directories) or "no cluster goes on running\n")
        return 0
    if not (words in (["stop"],) or (words[:1] == ["enter"] and len(words) > 1) or _is_power(words)):
        sys.stderr.write((__doc__ or "").partition("\n\n")[2])
        return 2
    if not directories:
        sys.stderr.write("lab: no cluster goes on running; `./run demo --keep` leaves one\n")
        return 1
    try:
        return act(directories[0], words)
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1


def _is_power(words: list[str]) -> bool:
    return len(words) == 2 and words[0] in ("kill", "start")


def act(directory: Path, words: list[str]) -> int:
    """Carry out a command on a cluster. Raises LabError."""
    if words == ["stop"]:
        stop(directory)
        sys.stdout.write(f"ended; {directory} is removed\n")
        return 0
    cluster = take_over(directory)
    if words[0] == "enter":
        command, environment = cluster.enter(words[1], words[2:] or list(SHELL))
        environment["PS1"] = f"[{words[1].partition('.')[0]}] # "
        try:
            os.execvpe(command[0], command, environment)
        except OSError as error:
            raise LabError(f"{command[0]}: {error.strerror}") from error
    elif words[0] == "kill":
        cluster.kill(words[1])
        sys.stdout.write(f"{words[1]} is off\n")
    else:
        cluster.start(words[1])
        sys.stdout.write(f"{words[1]} is on, and heartbeat is started there\n")
    return 0


def stop(directory: Path) -> None:
    """End a cluster; of one whose processes are gone, remove what is left."""
    try:
        cluster = take_over(directory)
    except LabError:
        detach_disks(directory)
        shutil.rmtree(directory, ignore_errors=True)
    else:
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
