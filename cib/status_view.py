"""Reading the status section as typed values: node states, transient attributes, histories.

Each function finds what it reads by ids from the root down; its cost depends on what it returns.
"""

from __future__ import annotations

import msgspec

from cib.document import Document
from cib.values import is_true, leading_integer
from cib.xml import Element, elements


class NodeState(msgspec.Struct, frozen=True):
    """The attributes of a `node_state`. Times are wall clock seconds; 0: it is not, 1: it is, since when is unknown."""

    id: str
    uname: str
    in_ccm: int
    crmd: int
    join: str
    expected: str


class HistoryEntryView(msgspec.Struct, frozen=True):
    """One recorded result."""

    resource: str
    entry: str
    operation: str
    interval_ms: int
    transition_key: str
    rc: int
    status: int
    call_id: int
    last_rc_change: int


def node_states(document: Document) -> tuple[NodeState, ...]:
    """All node states of cluster nodes (remote nodes have none of these values), in the document's order."""
    status = document.section("status")
    if status is None:
        return ()
    return tuple(
        NodeState(
            element.get("id", ""),
            element.get("uname", element.get("id", "")),
            _since(element.get("in_ccm")),
            _since(element.get("crmd")),
            element.get("join", ""),
            element.get("expected", ""),
        )
        for element in elements(status)
        if element.tag == "node_state" and not is_true(element.get("remote_node"))
    )


def transient_attributes(document: Document, node_id: str) -> dict[str, str]:
    """Name and value of each transient attribute of a node."""
    block = document.find(f"/cib/status/node_state[@id='{node_id}']/transient_attributes[@id='{node_id}']")
    if block is None:
        return {}
    return {
        pair.get("name", ""): pair.get("value", "")
        for block_set in elements(block)
        for pair in elements(block_set)
        if pair.tag == "nvpair"
    }


def resource_history(document: Document, node_id: str, resource: str) -> tuple[HistoryEntryView, ...]:
    """What is recorded of one resource on a node."""
    path = f"/cib/status/node_state[@id='{node_id}']/lrm[@id='{node_id}']/lrm_resources/lrm_resource[@id='{resource}']"
    element = document.find(path)
    return _entries(element) if element is not None else ()


def node_history(document: Document, node_id: str) -> tuple[HistoryEntryView, ...]:
    """Everything that is recorded of a node's operations."""
    block = document.find(f"/cib/status/node_state[@id='{node_id}']/lrm[@id='{node_id}']/lrm_resources")
    if block is None:
        return ()
    return tuple(entry for element in elements(block) if element.tag == "lrm_resource" for entry in _entries(element))


def _entries(resource: Element) -> tuple[HistoryEntryView, ...]:
    name = resource.get("id", "")
    return tuple(
        HistoryEntryView(
            name,
            element.get("id", ""),
            element.get("operation", ""),
            _number(element.get("interval"), 0),
            element.get("transition-key", ""),
            _number(element.get("rc-code"), 0),
            _number(element.get("op-status"), 0),
            _number(element.get("call-id"), -1),
            _number(element.get("last-rc-change"), 0),
        )
        for element in elements(resource)
        if element.tag == "lrm_rsc_op"
    )


def _number(text: str | None, default: int) -> int:
    value = leading_integer(text)
    return default if value is None else value


def _since(text: str | None) -> int:
    """Feature sets before 3.18 write true, false, online and offline; later ones the time."""
    if text == "online" or is_true(text):
        return 1
    return max(0, _number(text, 0))
