"""Changing what tools and daemons set most: cluster properties, permanent node attributes, node entries."""

from __future__ import annotations

from cib.attribute_names import attribute_id
from cib.namevalue import BOOTSTRAP_OPTIONS
from cib.requests import Request
from cib.status import tag


def set_property(name: str, value: str) -> Request:
    """Set a cluster property."""
    pair = tag("nvpair", [("id", attribute_id(BOOTSTRAP_OPTIONS, name)), ("name", name), ("value", value)])
    inside = f"{tag('cluster_property_set', [('id', BOOTSTRAP_OPTIONS)])}>{pair}/></cluster_property_set>"
    return _modify("crm_config", inside)


def delete_property(name: str) -> Request:
    """Delete a cluster property that `set_property` set."""
    path = f"/cib/configuration/crm_config/cluster_property_set[@id='{BOOTSTRAP_OPTIONS}']"
    return Request("delete", xpath=f"{path}/nvpair[@id='{attribute_id(BOOTSTRAP_OPTIONS, name)}']")


def set_node_attribute(node_id: str, name: str, value: str, set_id: str = "") -> Request:
    """Set a permanent attribute of a node that has an entry; `value++` and `value+=N` add to a present value."""
    used = set_id or f"nodes-{node_id}"
    pair = tag("nvpair", [("id", attribute_id(used, name)), ("name", name), ("value", value)])
    inside = f"{tag('instance_attributes', [('id', used)])}>{pair}/></instance_attributes>"
    return _modify("nodes", f"{tag('node', [('id', node_id)])}>{inside}</node>", score_update=True)


def delete_node_attribute(node_id: str, name: str) -> Request:
    """Delete a permanent attribute of a node, in whichever set it stands."""
    path = f"/cib/configuration/nodes/node[@id='{node_id}']/instance_attributes/nvpair[@name='{name}']"
    return Request("delete", xpath=path, multiple=True)


def add_node(node_id: str, uname: str) -> Request:
    """Enter a node; it has a vote as soon as the change is in force."""
    return _modify("nodes", f"{tag('node', [('id', node_id), ('uname', uname)])}/>")


def remove_node(node_id: str) -> Request:
    """Delete a node's entry and with it its vote."""
    return Request("delete", xpath=f"/cib/configuration/nodes/node[@id='{node_id}']")


def _modify(section: str, inside: str, *, score_update: bool = False) -> Request:
    xml = f"<{section}>{inside}</{section}>".encode()
    return Request("modify", section=section, xml=xml, allow_create=True, score_update=score_update)
