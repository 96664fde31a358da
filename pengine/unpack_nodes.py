"""Reads the configured nodes."""

from __future__ import annotations

from cib.values import score_or
from cib.xml import Element
from pengine.reuse import Changes, Parts
from pengine.state import NodeDefinition
from pengine.unpack_sets import SetReader

_KINDS = ("member", "remote", "ping")
Nodes = tuple[NodeDefinition, ...]


class NodeReader:
    """Reads the parts of the nodes section."""

    __slots__ = ("_nodes", "_sections", "_sets")

    def __init__(self, changes: Changes | None, sets: SetReader) -> None:
        self._sets = sets
        self._nodes: Parts[NodeDefinition] = Parts(changes, self._read_node)
        self._sections: Parts[Nodes] = Parts(changes, self._read_section)

    def nodes(self, section: Element | None) -> Nodes:
        """Return the nodes, in document order; none where there is no section."""
        return self._sections.of(section) if section is not None else ()

    def _read_section(self, section: Element) -> Nodes:
        nodes: list[NodeDefinition] = []
        for element in section:
            if element.tag != "node" or element.get("id") is None:
                continue
            if _kind(element) not in _KINDS:
                break
            nodes.append(self._nodes.of(element))
        return tuple(nodes)

    def _read_node(self, element: Element) -> NodeDefinition:
        identifier = element.get("id") or ""
        return NodeDefinition(
            id=identifier,
            name=element.get("uname") or identifier,
            kind=_kind(element),
            score=score_or(element.get("score")),
            attributes=self._sets.block(element, "instance_attributes"),
            utilization=self._sets.block(element, "utilization"),
        )


def _kind(element: Element) -> str:
    return (element.get("type") or "member").lower()
