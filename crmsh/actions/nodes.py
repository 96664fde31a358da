"""Nodes: their attributes (kept or until the next boot), standby, maintenance, adding and removing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crmsh import exit_codes
from crmsh.actions.editing import ActionError, edit, read_copy
from crmsh.backend import Backend, BackendError
from crmsh.configuration.sections import section_for
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.errors import did_you_mean
from crmsh.language.xml import Element, add, children, make

Lifetime = Literal["forever", "reboot"]


@dataclass(frozen=True, slots=True)
class AttributePlace:
    """Where an attribute is: the ids of pair and set, and its value."""

    value: str
    pair_id: str
    set_id: str


def node_element(copy: WorkingCopy, name: str) -> Element:
    """The node of that name or id. Raises ActionError."""
    for element in copy.objects():
        if element.tag == "node" and name in (element.get("uname"), element.get("id")):
            return element
    near = did_you_mean(name, copy.node_names()) or f"; nodes: {', '.join(copy.node_names()) or 'none'}"
    raise ActionError(exit_codes.NO_SUCH, f"node '{name}' is not known{near}")


def _status_element(cib: Element, node: Element) -> Element | None:
    for section in children(cib):
        if section.tag == "status":
            for state in children(section):
                if state.get("id") == node.get("id") or state.get("uname") == node.get("uname"):
                    return state
    return None


def find_attribute(
    copy: WorkingCopy, node: Element, name: str, lifetime: Lifetime, tag: str = "instance_attributes"
) -> AttributePlace | None:
    """An attribute of a node in its configuration or in its status; None where it has none."""
    holder: Element | None = node
    if lifetime == "reboot":
        state = _status_element(copy.cib, node)
        holder = (
            next((e for e in children(state) if e.tag == "transient_attributes"), None) if state is not None else None
        )
    if holder is None:
        return None
    for content in children(holder):
        if content.tag == tag:
            for pair in children(content):
                if pair.get("name") == name:
                    return AttributePlace(pair.get("value", ""), pair.get("id", ""), content.get("id", ""))
    return None


def set_attribute(
    copy: WorkingCopy, node: Element, name: str, value: str, tag: str = "instance_attributes", set_name: str = ""
) -> AttributePlace:
    """Set an attribute in the node's configuration, where it is or in the set `nodes-<id>`."""
    for known in children(node):
        if known.tag == tag:
            for pair in children(known):
                if pair.get("name") == name and (not set_name or known.get("id") == set_name):
                    pair.set("value", value)
                    return AttributePlace(value, pair.get("id", ""), known.get("id", ""))
    set_id = set_name or (f"nodes-{node.get('id')}" + ("-utilization" if tag == "utilization" else ""))
    content = next((e for e in children(node) if e.get("id") == set_id), None)
    if content is None:
        content = add(node, tag, {"id": set_id})
    pair_id = f"{set_id}-{name}".replace("#", ".")
    add(content, "nvpair", {"id": pair_id, "name": name, "value": value})
    return AttributePlace(value, pair_id, set_id)


def delete_attribute(node: Element, name: str, tag: str = "instance_attributes") -> AttributePlace | None:
    """Remove an attribute from the node's configuration; None when it is not there."""
    for content in children(node):
        if content.tag == tag:
            for pair in children(content):
                if pair.get("name") == name:
                    content.remove(pair)
                    return AttributePlace(pair.get("value", ""), pair.get("id", ""), content.get("id", ""))
    return None


def change_attribute(
    backend: Backend, node: str, name: str, value: str | None, lifetime: Lifetime, set_name: str = ""
) -> None:
    """Set an attribute of a node, or with None remove it. Raises ActionError, BackendError."""
    if backend.live:
        from crmd.client import ClientError

        try:
            backend.client().update_attribute(name, value, node=node, lifetime=lifetime, set_name=set_name)
        except ClientError as error:
            raise BackendError(error.rc, error.text, error.details) from error
        return
    if lifetime == "reboot":
        _change_status_attribute(backend, node, name, value)
        return

    def change(copy: WorkingCopy) -> None:
        element = node_element(copy, node)
        if value is None:
            delete_attribute(element, name)
        else:
            set_attribute(copy, element, name, value, set_name=set_name)

    edit(backend, change)


def _change_status_attribute(backend: Backend, node: str, name: str, value: str | None) -> None:
    """In a file: write the attribute into the node's status, as the attribute manager would."""
    from cib.requests import Request
    from crmsh.language.xml import to_line

    copy = read_copy(backend)
    element = node_element(copy, node)
    identifier, uname = element.get("id", ""), element.get("uname", "")
    path = f"/cib/status/node_state[@id='{identifier}']/transient_attributes[@id='{identifier}']/instance_attributes"
    if value is None:
        backend.apply([Request(op="delete", xpath=f"{path}/nvpair[@name='{name}']", multiple=True)])
        return
    set_id = f"status-{identifier}"
    state = make("node_state", {"id": identifier, "uname": uname})
    transient = add(state, "transient_attributes", {"id": identifier})
    content = add(transient, "instance_attributes", {"id": set_id})
    add(content, "nvpair", {"id": f"{set_id}-{name}".replace("#", "."), "name": name, "value": value})
    backend.apply([Request(op="modify", section="status", xml=to_line(state).encode(), allow_create=True)])


def add_node(copy: WorkingCopy, name: str) -> None:
    """Give a new node a vote: it may join once it is in the list. Raises ActionError."""
    if name in copy.node_names():
        raise ActionError(exit_codes.EXISTS, f"node '{name}' is in the configuration already")
    section = section_for(copy.root, "node")
    add(section, "node", {"id": name, "uname": name})


def remove_node(copy: WorkingCopy, name: str) -> None:
    """Take a node's vote away. Raises ActionError."""
    element = node_element(copy, name)
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def forget_node_status(backend: Backend, identifier: str, name: str) -> None:
    """Remove what the status keeps of a node."""
    from cib.requests import Request

    backend.apply([Request(op="delete", xpath=f"/cib/status/node_state[@uname='{name}']", multiple=True)])


def standby_value(copy: WorkingCopy, node: Element) -> tuple[str, Lifetime] | None:
    """The node's standby attribute and where it is; the one until the next boot goes first."""
    lifetimes: tuple[Lifetime, ...] = ("reboot", "forever")
    for lifetime in lifetimes:
        place = find_attribute(copy, node, "standby", lifetime)
        if place is not None:
            return place.value, lifetime
    return None
