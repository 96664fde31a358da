"""Describes an action as the controller needs it: keys, places, parameters and settings.

Source: design page 0010, "Attributes of actions".
"""

from __future__ import annotations

import re

from cib.digests import FEATURE_SET
from pengine import graph
from pengine.actions import notify_key, operation_key
from pengine.digest_check import name_host
from pengine.resource_state import current_node
from pengine.resources import parameters_on
from pengine.vocabulary import (
    CLONE,
    KIND_NAMES,
    PRIMITIVE,
    PSEUDO,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)

# What the graph can have as an attribute: other names, such as those that begin with a digit, go into elements.
_ATTRIBUTE_NAME = re.compile(r"[^\W\d][\w.\-]*")
_CRM_EVENTS = frozenset({"do_shutdown", "clear_failcount", "lrm_delete"})


MAINTENANCE_TASK = "maintenance_nodes"


def maintenance_changes(cluster: Cluster) -> list[tuple[str, str]]:
    """Return (node id, "1" or "0") of remote and guest nodes whose maintenance is not as last recorded."""
    changes: list[tuple[str, str]] = []
    for node in cluster.nodes:
        if not node.is_remote_kind or not node.history_unpacked:
            continue  # nothing is known of a node that can't be reached
        recorded = node.status_attributes.get("node_in_maintenance", "0") not in ("", "0")
        if node.maintenance != recorded:
            changes.append((node.id, "1" if node.maintenance else "0"))
    return changes


def describe_action(cluster: Cluster, action: Action) -> graph.Action:
    """Return the action as it stands in the graph."""
    pseudo = bool(action.flags & PSEUDO)
    if action.task == "stonith":
        kind = graph.PSEUDO_EVENT if pseudo else graph.CRM_EVENT
    elif action.task in _CRM_EVENTS:
        kind = graph.CRM_EVENT
    else:
        kind = graph.PSEUDO_EVENT if pseudo else graph.RSC_OP
    described = graph.Action(action.id, kind, action.task, action.key)
    if action.task == "lrm_delete":
        described.mode = "cib"
    resource = action.resource
    meta = dict(action.meta)
    if resource is not None and resource.history_id is not None and resource.history_id != resource.id:
        described.task_key = _history_key(resource, action)
        described.internal_key = action.key
    node = action.node
    if node is not None and (not pseudo or action.task == "stonith"):
        described.node_name = node.name
        described.node_uuid = node.id
        meta["on_node"] = node.name
        meta["on_node_uuid"] = node.id
        described.router_node = _router(action, node)
    if resource is not None and not pseudo:
        described.resource = _resource_ref(resource)
        _add_shutdown_lock(described, resource, action)
    _add_attributes(cluster, described, action, meta)
    described.downed = _downed(cluster, action)
    if action.task == MAINTENANCE_TASK:
        described.maintenance = maintenance_changes(cluster)
    return described


def _history_key(resource: Resource, action: Action) -> str:
    name = resource.history_id or resource.id
    if action.task == "notify":
        kind, task = action.meta.get("notify_type", ""), action.meta.get("notify_operation", "")
        return notify_key(name, kind, task)
    return operation_key(name, action.cancel_task or action.task, action.interval_ms)


def _resource_ref(resource: Resource) -> graph.ResourceRef:
    identifier, long_id = resource.id, None
    if resource.removed and resource.history_id is not None:
        identifier, long_id = resource.history_id, resource.id
    elif not resource.unique:
        identifier = resource.base_id
        if resource.history_id is not None and resource.history_id != identifier:
            long_id = resource.history_id
        else:
            long_id = resource.id
    return graph.ResourceRef(
        identifier,
        resource.standard,
        resource.provider,
        resource.type,
        long_id,
        KIND_NAMES[resource.kind],
    )


def _add_shutdown_lock(described: graph.Action, resource: Resource, action: Action) -> None:
    if resource.lock_node is None or action.node is not resource.lock_node:
        return
    if action.node.shutdown and action.task != "stop":
        return
    described.shutdown_lock = resource.lock_time


def _router(action: Action, node: Node) -> str | None:
    """Return the node through which a remote or guest node is reached."""
    if not node.is_remote_kind or action.task == "stonith" or node.connection is None:
        return None
    connection = node.connection
    began = current_node(connection)
    ended = connection.assigned
    if began is None:
        return ended.name if ended is not None else None
    if ended is None or began is ended:
        return began.name
    task = action.task
    if task == "notify":
        task = action.meta.get("notify_operation", task)
    leaving = task in ("cancel", "stop", "demote", "migrate_to", "migrate_from")
    if leaving and (connection.migration_target is None or connection.launcher is not None):
        return began.name
    return ended.name


def _add_attributes(cluster: Cluster, described: graph.Action, action: Action, meta: dict[str, str]) -> None:
    attributes: dict[str, str] = {"crm_feature_set": FEATURE_SET}
    resource = action.resource
    if action.parameters is not None:
        attributes.update(action.parameters)
    if resource is not None and (action.node is not None or resource.kind == PRIMITIVE):
        for name, value in parameters_on(cluster, resource, action.node).items():
            attributes.setdefault(name, value)
        name_host(resource, attributes)
    for name, value in meta.items():
        if "#" in name or ":" in name:
            continue
        attributes.setdefault("CRM_meta_" + name.replace("-", "_"), value)
    if resource is not None:
        _add_resource_meta(attributes, resource)
        _add_guest_meta(attributes, resource, action)
    elsewhere = [name for name in attributes if not (name.isidentifier() or _ATTRIBUTE_NAME.fullmatch(name))]
    if elsewhere:
        described.parameters = [(name, attributes.pop(name)) for name in sorted(elsewhere)]
    described.attributes = attributes


def _add_resource_meta(attributes: dict[str, str], resource: Resource) -> None:
    launcher: Resource | None = None
    current: Resource | None = resource
    while current is not None:
        if current.kind == PRIMITIVE:
            number = current.id.rpartition(":")[2] if current.id != current.base_id else None
            if number is not None:
                attributes["CRM_meta_clone"] = number
            external = current.meta.get("external-ip")
            if external is not None:
                attributes["pcmk_external_ip"] = external
            remote = current.meta.get("remote-node")
            if remote is not None:
                attributes["CRM_meta_remote_node"] = remote
        elif current.kind == CLONE:
            _add_clone_meta(attributes, current)
        if current.launcher is not None:
            launcher = current.launcher
        current = current.parent
    if launcher is not None:
        attributes["CRM_meta_container"] = launcher.id


def _add_clone_meta(attributes: dict[str, str], clone: Resource) -> None:
    attributes["CRM_meta_globally_unique"] = "true" if clone.unique else "false"
    attributes["CRM_meta_notify"] = "true" if clone.notify else "false"
    attributes["CRM_meta_clone_max"] = str(clone.clone_max)
    attributes["CRM_meta_clone_node_max"] = str(clone.clone_node_max)
    if clone.promotable:
        for prefix in ("promoted", "master"):
            attributes[f"CRM_meta_{prefix}_max"] = str(clone.promoted_max)
            attributes[f"CRM_meta_{prefix}_node_max"] = str(clone.promoted_node_max)


_WHILE_THERE = frozenset({"stop", "stopped", "demote", "demoted"})
_ONCE_THERE = frozenset({"start", "running", "monitor", "promote", "promoted"})


def _add_guest_meta(attributes: dict[str, str], resource: Resource, action: Action) -> None:
    node = action.node
    if node is None or not node.is_guest or node.connection is None or node.connection.launcher is None:
        return
    task = action.task
    if task == "notify":
        task = action.meta.get("notify_operation", task)
    launcher = node.connection.launcher
    host: Node | None = None
    if task in _WHILE_THERE:
        host = current_node(launcher)
    elif task in _ONCE_THERE:
        host = launcher.assigned
    if host is not None:
        target = resource.meta.get("container-attribute-target")
        if target is not None:
            attributes["CRM_meta_container_attribute_target"] = target
        attributes["CRM_meta_physical_host"] = host.name


def _downed(cluster: Cluster, action: Action) -> list[str] | None:
    node = action.node
    if action.task == "do_shutdown" and node is not None:
        return [node.id]
    if action.task == "stonith" and node is not None:
        if action.meta.get("stonith_action") not in ("off", "reboot"):
            return None
        # Which guests are there is told by the connections that are active on the node, in the order found.
        guests = [
            cluster.node_by_name[active.id.lower()].id
            for active in node.running
            if active.is_connection and active.launcher is not None and active.id.lower() in cluster.node_by_name
        ]
        return [node.id, *guests]
    resource = action.resource
    if resource is not None and resource.is_connection and action.task == "stop" and not action.flags & PSEUDO:
        migrating = any(
            edge.action.task == "migrate_from" and edge.action.resource is resource for edge in action.before
        )
        if not migrating:
            return [resource.id]
    return None
