"""What a scheduler decides about a document, in a form in which two of them can be compared.

Both are asked the same way (`crm_simulate -sS -G`). Left out of the comparison is what says nothing about decisions:
numbers of actions, their order in the file, the header of the graph, the names of functions before scores, notices
among them.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from crmsh import crm_simulate

PEER = shutil.which("crm_simulate", path="/usr/sbin:/usr/bin")
"""Pacemaker's own crm_simulate, if it is installed."""
_SECTIONS = {
    "Current cluster status:": "status",
    "Assignment Scores:": "scores",
    "Allocation Scores:": "scores",
    "Transition Summary:": "summary",
    "Executing Cluster Transition:": "steps",
    "Revised Cluster Status:": "revised",
}
_NOTICES = ("Using the original execution date", "Parameters to ", "Only 'private' parameters ", "notice: ")
_IGNORED_ATTRIBUTES = frozenset({"crm_feature_set", "batch-limit"})
_VERIFY = shutil.which("crm_verify", path="/usr/sbin:/usr/bin")
_INVALID = "did not pass schema validation"
_TIMEOUT_SECONDS = 20


class Refused(Exception):
    """A scheduler does not take the document; `kind` says in two words why."""

    def __init__(self, kind: str, text: str = "") -> None:
        super().__init__(f"{kind} {text}".strip())
        self.kind = kind


@dataclass(frozen=True)
class Decision:
    """Each part is sorted lines, `steps`, `summary` and the states excepted, whose order counts."""

    actions: tuple[str, ...]
    edges: tuple[str, ...]
    scores: tuple[str, ...]
    summary: tuple[str, ...]
    steps: tuple[str, ...]
    status: tuple[str, ...]
    revised: tuple[str, ...]

    def differing(self, other: Decision) -> list[str]:
        """Return the names of the parts that are not equal, what decides first."""
        return [name for name in PARTS if getattr(self, name) != getattr(other, name)]


PARTS = ("scores", "actions", "edges", "summary", "steps", "status", "revised")


def ask_peer(document: bytes, scratch: Path) -> Decision:
    """Return what Pacemaker decides; raises Refused where it does not take the document."""
    assert PEER is not None
    source, graph = scratch / "peer.xml", scratch / "peer.graph"
    source.write_bytes(document)
    graph.unlink(missing_ok=True)
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "CIB_shadow_dir": str(scratch)}
    try:
        process = subprocess.run(
            [PEER, "-x", str(source), "--text-fancy", "-sS", "-G", str(graph)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused("no answer") from None
    if process.returncode < 0:
        raise Refused("peer crashed", f"by signal {-process.returncode}")
    if process.returncode not in (0, 1) or not graph.exists():
        raise Refused(f"exit status {process.returncode}", process.stdout[-300:] + process.stderr[-300:])
    return read_decision(process.stdout, graph.read_bytes())


def check_validity(document: bytes, scratch: Path) -> None:
    """Raise Refused where Pacemaker's crm_verify, if it is installed, finds the document against its schema."""
    if _VERIFY is None:
        return
    source = scratch / "verified.xml"
    source.write_bytes(document)
    process = subprocess.run(
        [_VERIFY, "-V", "-x", str(source)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if _INVALID in process.stdout + process.stderr:
        raise Refused("not valid", process.stderr[-600:])


def ask_ours(document: bytes, scratch: Path) -> Decision:
    """Return what we decide."""
    source, graph = scratch / "ours.xml", scratch / "ours.graph"
    source.write_bytes(document)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = crm_simulate.main(["-x", str(source), "-sS", "-G", str(graph)])
    if status not in (0, 1):
        raise Refused(f"our exit status {status}", err.getvalue()[:600])
    return read_decision(out.getvalue(), graph.read_bytes())


def read_decision(text: str, graph: bytes) -> Decision:
    """Read the output of crm_simulate and the graph that it saved."""
    sections: dict[str, list[str]] = {name: [] for name in (*_SECTIONS.values(), "before")}
    current = sections["before"]
    for line in text.splitlines():
        if line in _SECTIONS:
            current = sections[_SECTIONS[line]]
        elif line.strip() and not line.startswith(_NOTICES):
            current.append(" ".join(line.split()))
    actions, edges = _read_graph(graph)
    return Decision(
        actions=actions,
        edges=edges,
        scores=tuple(sorted(_plain_score(line) for line in sections["scores"] if " score " in line)),
        summary=tuple(sections["summary"]),
        steps=tuple(sections["steps"]),
        status=(*sections["before"], *sections["status"]),
        revised=tuple(sections["revised"]),
    )


def _plain_score(line: str) -> str:
    return re.sub(r"^\* (pcmk__)?\w+: ", "", line).removeprefix("* ")


def _name(element: etree._Element) -> str:
    """What identifies an action within one graph."""
    names = ("operation", "operation_key", "internal_operation_key", "on_node", "mode")
    return " ".join([str(element.tag), *(element.get(name) or "-" for name in names)])


def _read_graph(graph: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    root = etree.fromstring(graph)
    names: dict[str, str] = {}
    actions: list[str] = []
    waiting: list[tuple[etree._Element, str]] = []
    for synapse in root.iter("synapse"):
        for action in synapse.iterfind("action_set/*"):
            names[str(action.get("id"))] = _name(action)
            facts = sorted(_facts(action, ""))
            actions.append(f"{_name(action)} priority={synapse.get('priority', '0')} {' '.join(facts)}")
            waiting += [(item, _name(action)) for item in synapse.iterfind("inputs/trigger/*")]
    # What is waited for need not be in the graph; it is named nevertheless.
    edges = {f"{names.get(str(first.get('id')), f'missing {_name(first)}')} -> {then}" for first, then in waiting}
    return tuple(sorted(actions)), tuple(sorted(edges))


def _facts(element: etree._Element, path: str) -> list[str]:
    facts = [
        f"{path}{name}={element.get(name)}"
        for name in map(str, element.attrib)
        if name not in _IGNORED_ATTRIBUTES and (path or name != "id")
    ]
    for child in element:
        inner = f"{path}{child.tag!s}"
        facts += _facts(child, f"{inner}/") or [inner]
    return facts
