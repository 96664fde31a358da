"""Reads the journal of the lab's agents: who had which resource when, and whether two ever had it at once.

A node has a resource from the begin of a start to the end of a successful stop, or to its power cut.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: seconds since boot of the machine, node, resource (`-` for the node itself), what happened."""

    at: float
    node: str
    resource: str
    what: str


def read(path: Path) -> list[Entry]:
    """All entries in the order in which they were written."""
    entries = []
    for line in path.read_text().splitlines():
        at, node, resource, what = line.split()
        entries.append(Entry(float(at), node, resource, what))
    return entries


def double_starts(entries: list[Entry]) -> list[str]:
    """A sentence for each time that a resource was started where another node still had it."""
    holders: dict[str, list[str]] = {}
    found = []
    for entry in entries:
        if entry.what == "power-off":
            for nodes in holders.values():
                if entry.node in nodes:
                    nodes.remove(entry.node)
        elif entry.what == "start-begin":
            nodes = holders.setdefault(entry.resource, [])
            others = [node for node in nodes if node != entry.node]
            if others:
                found.append(
                    f"{entry.at:.2f}: {entry.resource} starts on {entry.node} while {', '.join(others)} has it"
                )
            if entry.node not in nodes:
                nodes.append(entry.node)
        elif entry.what == "stop-end" and entry.node in holders.get(entry.resource, []):
            holders[entry.resource].remove(entry.node)
    return found


def starts(entries: list[Entry], resource: str) -> list[str]:
    """The nodes on which a resource was started, in order."""
    return [entry.node for entry in entries if entry.resource == resource and entry.what == "start-end"]
