"""What the policy engines of the lab's clusters were given: collected before a lab is thrown away, and compared later.

Each input is also decided by the installed Pacemaker; the graphs must be the same, but for what its version explains.
"""

from __future__ import annotations

import bz2
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lxml import etree

from tests.differential.decisions import Refused
from tests.differential.search import describe, disagreement

DECISIONS = frozenset({"scores", "actions", "edges", "summary", "steps"})
"""What must be the same; how a status is worded is another matter."""
PEER_FEATURES = "3.16.1"
"""Pacemaker refuses what a newer one wrote, though nothing in it is new."""
_VOLATILE = ("last-rc-change", "exec-time", "queue-time", "call-id", "transition-key", "transition-magic", "last-run")
_SINCE = {"in_ccm": ("false", "true"), "crmd": ("offline", "online")}
_COUNTERS = ("epoch", "num_updates", "admin_epoch", "cib-last-written", "execution-date", "update-client")


class HasFiles(Protocol):
    """A node, as far as its files can be found from outside."""

    def file(self, path: str) -> Path:
        """Where a file of the node lies."""


class HasNodes(Protocol):
    """A lab, as far as its nodes can be found."""

    @property
    def nodes(self) -> Mapping[str, HasFiles]:
        """By name."""


@dataclass
class KeptInputs:
    """Distinct inputs by what they say, each with the test whose cluster wrote it."""

    documents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    read: int = 0

    def collect(self, lab: HasNodes, test: str) -> None:
        """Take the inputs that the nodes of a lab hold; what can't be read any more (a disk was harmed) is left out."""
        for node in lab.nodes.values():
            for path in sorted(node.file("/var/lib/pacekeeper/pengine").glob("pe-*.bz2")):
                try:
                    root = etree.fromstring(bz2.decompress(path.read_bytes()))
                except (OSError, EOFError, ValueError, etree.XMLSyntaxError):
                    continue
                self.read += 1
                self.documents.setdefault(meaning(root), (test, etree.tostring(as_for_peer(root))))


def meaning(root: etree._Element) -> str:
    """Return what is the same for inputs that differ in counters and times alone."""
    copy = etree.fromstring(etree.tostring(root))
    for name in _COUNTERS:
        copy.attrib.pop(name, None)
    for element in copy.iter("lrm_rsc_op"):
        for name in _VOLATILE:
            element.attrib.pop(name, None)
    return hashlib.sha256(etree.tostring(copy, method="c14n")).hexdigest()


def as_for_peer(root: etree._Element) -> etree._Element:
    """Let a document look as if the installed Pacemaker's generation had written it.

    Since when a node is a member, and its controller online, was no time before 2.1.7 but only so or not so.
    """
    root.set("crm_feature_set", PEER_FEATURES)
    for element in root.iter(etree.Element):
        if element.get("crm_feature_set") is not None:
            element.set("crm_feature_set", PEER_FEATURES)
        if element.tag == "node_state":
            for name, words in _SINCE.items():
                value = element.get(name, "")
                if value.isdigit():
                    element.set(name, words[value != "0"])
    return root


def compare(inputs: KeptInputs, scratch: Path, seconds: float) -> tuple[int, list[str]]:
    """Let both decide, for so long at most; return how many inputs were compared, and the differences."""
    end = time.monotonic() + seconds
    compared = 0
    found: list[str] = []
    for test, document in inputs.documents.values():
        if time.monotonic() > end:
            break
        try:
            parts, peer, ours = disagreement(document, scratch)
        except Refused as error:
            found.append(f"{test}: refused: {error}")
            continue
        compared += 1
        differing = [part for part in parts if part in DECISIONS]
        if differing:
            kept = scratch / f"differs-{compared}.xml"
            kept.write_bytes(document)
            found += [f"{test}: {kept}", *describe(differing, peer, ours)]
    return compared, found
