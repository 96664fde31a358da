"""What a patch changed, as typed values: so that the controller reacts to changes without looking at XML.

The cost depends on the patch only, except that a node's name is looked up by its id.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cib.document import Document
from cib.patch import Attributes, Create, Delete, Modify, Move, Patch, read_fragment
from cib.patch import Change as PatchChange
from cib.tree import attributes_of, split_path
from cib.values import leading_integer
from cib.xml import Element, elements, name_of


class ConfigurationChanged(msgspec.Struct, frozen=True, tag=True):
    """Something below `configuration` changed; `sections` in the order of the patch, each once."""

    sections: tuple[str, ...]


class CibAttributesChanged(msgspec.Struct, frozen=True, tag=True):
    """Attributes of `cib` itself, other than the version and the origin of the last change."""

    changed: Attributes
    removed: tuple[str, ...]


class NodeStateChanged(msgspec.Struct, frozen=True, tag=True):
    """A `node_state` came into being or has other attributes; `attributes` are all that it has now."""

    node: str
    changed: Attributes
    attributes: Attributes


class NodeStateRemoved(msgspec.Struct, frozen=True, tag=True):
    """Everything about a node's state is gone."""

    node: str


class OperationRecorded(msgspec.Struct, frozen=True, tag=True):
    """A history entry was written."""

    node: str
    resource: str
    entry: str
    """The entry's id: vip_last_0, vip_last_failure_0, vip_monitor_10000."""
    operation: str
    interval_ms: int
    operation_key: str
    transition_key: str
    transition_magic: str
    rc: int
    status: int
    call_id: int
    last_rc_change: int
    exit_reason: str


class OperationForgotten(msgspec.Struct, frozen=True, tag=True):
    """A history entry was removed."""

    node: str
    resource: str
    entry: str


class ResourceHistoryRemoved(msgspec.Struct, frozen=True, tag=True):
    """The history of a resource on a node was removed; `resource` empty: of all resources."""

    node: str
    resource: str


class AttributeChanged(msgspec.Struct, frozen=True, tag=True):
    """A transient attribute of a node has another value; None: it is gone.

    Of one that is gone only the id is known; its name is what follows the prefix that we give ids.
    """

    node: str
    name: str
    value: str | None


class AttributesRemoved(msgspec.Struct, frozen=True, tag=True):
    """All transient attributes of a node are gone."""

    node: str


class TicketsChanged(msgspec.Struct, frozen=True, tag=True):
    """A ticket was granted, revoked or changed."""


class DocumentReplaced(msgspec.Struct, frozen=True, tag=True):
    """Too much changed to say what: read everything anew."""


Change = (
    ConfigurationChanged
    | CibAttributesChanged
    | NodeStateChanged
    | NodeStateRemoved
    | OperationRecorded
    | OperationForgotten
    | ResourceHistoryRemoved
    | AttributeChanged
    | AttributesRemoved
    | TicketsChanged
    | DocumentReplaced
)

_UNINTERESTING = frozenset(
    {
        "admin_epoch",
        "epoch",
        "num_updates",
        "cib-last-written",
        "update-origin",
        "update-client",
        "update-user",
        "crm-debug-origin",
    }
)
_Steps = list[tuple[str, str | None]]


def classify(patch: Patch, document: Document) -> list[Change]:
    """Return what the patch changed, in its order; `document` is the one after it."""
    reading = _Reading(document)
    for change in patch.changes:
        reading.add(change)
    return reading.result()


class _Reading:
    """Reads one patch."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._changes: list[Change] = []
        self._sections: dict[str, None] = {}

    def result(self) -> list[Change]:
        if not self._sections:
            return self._changes
        return [ConfigurationChanged(tuple(self._sections)), *self._changes]

    def add(self, change: PatchChange) -> None:
        steps = split_path(change.path)
        if isinstance(change, Create) and len(steps) <= 2 and not change.xml.startswith(b"<!--"):
            element = read_fragment(change.xml)
            steps = [*steps, (name_of(element), element.get("id"))]
            self._created(steps, element)
            return
        if len(steps) < 2:
            self._outer(change)
        elif steps[1][0] == "configuration":
            self._sections.setdefault(self._section_name(steps, change))
        elif steps[1][0] == "status":
            self._status(steps, change)
        else:
            self._changes.append(DocumentReplaced())

    def _created(self, steps: _Steps, element: Element) -> None:
        if steps[1][0] == "configuration":
            self._sections.setdefault(steps[2][0] if len(steps) > 2 else "configuration")
        elif len(steps) == 3 and steps[1][0] == "status":
            self._changes.extend(self._read_element(steps, element))
        else:
            self._changes.append(DocumentReplaced())

    def _section_name(self, steps: _Steps, change: PatchChange) -> str:
        if len(steps) > 2:
            return steps[2][0]
        return name_of(read_fragment(change.xml)) if isinstance(change, Create) else "configuration"

    def _outer(self, change: PatchChange) -> None:
        if not isinstance(change, Modify):
            self._changes.append(DocumentReplaced())
            return
        changed = tuple(pair for pair in change.changed if pair[0] not in _UNINTERESTING)
        removed = tuple(name for name in change.removed if name not in _UNINTERESTING)
        if changed or removed:
            self._changes.append(CibAttributesChanged(changed, removed))

    def _status(self, steps: _Steps, change: PatchChange) -> None:
        if isinstance(change, Move) or change.path.endswith("/comment"):
            return
        if isinstance(change, Modify):
            self._changes.extend(self._read_attributes(steps, change.result, change.changed))
        elif isinstance(change, Delete):
            self._changes.extend(self._read_removal(steps))
        elif not change.xml.startswith(b"<!--"):
            element = read_fragment(change.xml)
            self._changes.extend(self._read_element([*steps, (name_of(element), element.get("id"))], element))

    def _read_element(self, steps: _Steps, element: Element) -> Iterator[Change]:
        attributes = attributes_of(element)
        yield from self._read_attributes(steps, attributes, attributes)
        for child in elements(element):
            yield from self._read_element([*steps, (name_of(child), child.get("id"))], child)

    def _read_attributes(self, steps: _Steps, attributes: Attributes, changed: Attributes) -> Iterator[Change]:
        name = steps[-1][0]
        if name == "lrm_rsc_op":
            yield operation_of(self._node(steps), _id_of(steps, "lrm_resource"), dict(attributes))
        elif name == "nvpair":
            values = dict(attributes)
            yield AttributeChanged(self._node(steps), values.get("name", ""), values.get("value", ""))
        elif name == "node_state":
            interesting = tuple(pair for pair in changed if pair[0] not in _UNINTERESTING)
            if interesting:
                yield NodeStateChanged(dict(attributes).get("uname") or self._node(steps), interesting, attributes)
        elif name in ("tickets", "ticket_state"):
            yield TicketsChanged()

    def _read_removal(self, steps: _Steps) -> Iterator[Change]:
        name, identity = steps[-1]
        node = self._node(steps)
        if name == "status":
            yield DocumentReplaced()
        elif name == "node_state":
            yield NodeStateRemoved(node)
        elif name in ("lrm", "lrm_resources"):
            yield ResourceHistoryRemoved(node, "")
        elif name == "lrm_resource":
            yield ResourceHistoryRemoved(node, identity or "")
        elif name == "lrm_rsc_op":
            yield OperationForgotten(node, _id_of(steps, "lrm_resource"), identity or "")
        elif name == "nvpair":
            prefix = f"{_id_of(steps, 'instance_attributes')}-"
            yield AttributeChanged(node, (identity or "").removeprefix(prefix), None)
        elif name in ("transient_attributes", "instance_attributes"):
            yield AttributesRemoved(node)
        elif name in ("tickets", "ticket_state"):
            yield TicketsChanged()

    def _node(self, steps: _Steps) -> str:
        """Return the name of the node that a status path belongs to; its id where nothing tells the name."""
        identity = _id_of(steps, "node_state")
        for path in (f"/cib/status/node_state[@id='{identity}']", f"/cib/configuration/nodes/node[@id='{identity}']"):
            element = self._document.find(path)
            if element is not None and element.get("uname"):
                return element.get("uname", identity)
        return identity


def _id_of(steps: _Steps, name: str) -> str:
    return next((identity or "" for step, identity in steps if step == name), "")


def operation_of(node: str, resource: str, values: dict[str, str]) -> OperationRecorded:
    """Return the history entry that these attributes of an `lrm_rsc_op` make."""

    def number(name: str, default: int) -> int:
        found = leading_integer(values.get(name))
        return default if found is None else found

    return OperationRecorded(
        node=node,
        resource=resource,
        entry=values.get("id", ""),
        operation=values.get("operation", ""),
        interval_ms=number("interval", 0),
        operation_key=values.get("operation_key", ""),
        transition_key=values.get("transition-key", ""),
        transition_magic=values.get("transition-magic", ""),
        rc=number("rc-code", 0),
        status=number("op-status", 0),
        call_id=number("call-id", -1),
        last_rc_change=number("last-rc-change", 0),
        exit_reason=values.get("exit-reason", ""),
    )
