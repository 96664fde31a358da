"""Writes into the status of a document what a simulation, or a person, says has happened there.

Each thing that is written counts in the document's version as a change of its own, as in a cluster.
"""

from __future__ import annotations

from cib.attribute_names import attribute_id
from cib.xml import Element, add_element
from pengine.simulation import DOWN
from pengine.simulation_events import AttributeSet, Change, NodeDown, ResultsRecorded
from pengine.state import HistoryEntry, ResourceHistory

ORIGIN = "crm_simulate"
"""What entries name as their origin."""


def write_changes(root: Element, changes: list[Change]) -> None:
    """Write what a simulation changed into the document that it was made for."""
    status = StatusDocument(root)
    for change in changes:
        if isinstance(change, ResultsRecorded):
            state = status.node_state(change.node_name, change.node_id)
            status.write_results(state, change.node_name, change.history, change.entries)
        elif isinstance(change, AttributeSet):
            # Counted together with the result that it belongs to.
            set_attribute(status.node_state(change.node_name, change.node_id), change.name, change.value)
        elif isinstance(change, NodeDown):
            state = status.node_state(change.node_name, change.node_id)
            status.update(state, {**DOWN, "crm-debug-origin": ORIGIN})
            status.forget(state)


class StatusDocument:
    """The status section of a document that is changed."""

    def __init__(self, root: Element) -> None:
        self._root = root
        found = root.find("status")
        self.section = found if found is not None else add_element(root, "status")

    def count(self) -> None:
        """Count a change of the status in the document's version."""
        number = self._root.get("num_updates", "0")
        self._root.set("num_updates", str(int(number) + 1 if number.isdigit() else 1))

    def node_state(self, name: str, identifier: str) -> Element:
        """Return the state of a node; one that is missing is added."""
        for state in self.section.iterchildren("node_state"):
            if state.get("uname", "").lower() == name.lower():
                return state
        self.count()
        return add_element(self.section, "node_state", id=identifier, uname=name)

    def update(self, element: Element, values: dict[str, str]) -> None:
        """Set attributes of an element and count that, if it changes anything."""
        if set_values(element, values):
            self.count()

    def forget(self, state: Element) -> None:
        """Remove the history and the transient attributes of a node."""
        for tag in ("lrm", "transient_attributes"):
            found = state.findall(tag)
            for element in found:
                state.remove(element)
            if found:
                self.count()

    def write_results(
        self, state: Element, node: str, history: ResourceHistory, entries: tuple[HistoryEntry, ...]
    ) -> None:
        """Write new entries of a resource's history, in the place of those of the same ids; that counts once."""
        element = _history_element(state, history)
        for entry in entries:
            values = entry_values(entry, node)
            present = next((item for item in element if item.get("id") == entry.id), None)
            set_values(present if present is not None else add_element(element, "lrm_rsc_op"), values)
        self.count()


def entry_values(entry: HistoryEntry, node: str) -> dict[str, str]:
    """Return the attributes of an entry as they stand in a document."""
    values = {
        "id": entry.id,
        "operation_key": entry.key,
        "operation": entry.task,
        "crm-debug-origin": ORIGIN,
        "crm_feature_set": entry.feature_set,
        "transition-key": entry.transition_key,
        "transition-magic": entry.transition_magic,
        "exit-reason": entry.exit_reason or "",
        "on_node": node,
        "call-id": str(entry.call_id),
        "rc-code": str(entry.rc),
        "op-status": str(entry.status),
        "interval": str(entry.interval_ms),
        "last-rc-change": str(entry.last_change),
        "exec-time": "0",
        "queue-time": "0",
        "op-digest": entry.digest,
        "migrate_source": entry.migrate_source,
        "migrate_target": entry.migrate_target,
    }
    return {name: value for name, value in values.items() if value is not None}


def set_attribute(state: Element, name: str, value: str) -> None:
    """Give a transient attribute of a node a value."""
    identifier = state.get("id", "")
    transient = _child(state, "transient_attributes", id=identifier)
    for pair in transient.iter("nvpair"):
        if pair.get("name") == name:
            pair.set("value", value)
            return
    values = _child(transient, "instance_attributes", id=f"status-{identifier}")
    add_element(values, "nvpair", id=attribute_id(values.get("id", ""), name), name=name, value=value)


def set_values(element: Element, values: dict[str, str]) -> bool:
    """Set attributes; say whether that changed anything."""
    changed = [name for name, value in values.items() if element.get(name) != value]
    for name in changed:
        element.set(name, values[name])
    return bool(changed)


def _history_element(state: Element, history: ResourceHistory) -> Element:
    listing = _child(_child(state, "lrm", id=state.get("id", "")), "lrm_resources")
    found = [item for item in state.iterfind("lrm/lrm_resources/lrm_resource") if item.get("id") == history.id]
    if len(found) == 1:  # where a document has several, none of them is the one to continue
        return found[0]
    values = {"id": history.id, "class": history.standard, "provider": history.provider, "type": history.type}
    return add_element(listing, "lrm_resource", **{name: value for name, value in values.items() if value is not None})


def _child(parent: Element, tag: str, **values: str) -> Element:
    found = parent.find(tag)
    return found if found is not None else add_element(parent, tag, **values)
