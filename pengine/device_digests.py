"""Notices that the definition of an unfencing device has changed since a node was unfenced.

Source: Pacemaker Explained, "Unfencing"; design page 0010, "Unfencing".
"""

from __future__ import annotations

from cib.digests import DEFAULT_SECRETS, FEATURE_SET, operation_digest, secure_digest
from pengine.asides import Notice, say
from pengine.resources import parameters_on
from pengine.vocabulary import (
    NEEDS_UNFENCING,
)
from pengine.working import (
    Action,
    Cluster,
    Node,
    Resource,
)


def add_device_digests(cluster: Cluster, action: Action, node: Node) -> bool:
    """Let a fencing action carry the digests of all unfencing devices; True where one has changed."""
    devices: list[Resource] = []
    for resource in cluster.resources:
        _find_devices(resource, devices)
    changed = False
    feature_set = cluster.state.attributes.get("crm_feature_set") or FEATURE_SET
    all_parts: list[str] = []
    secure_parts: list[str] = []
    for device in reversed(devices):
        values = parameters_on(cluster, device, node)
        prefix = f"{device.id}:{device.meta.get('type', device.type)}:"
        full = prefix + operation_digest(values, 0)
        secure = prefix + secure_digest(values, 0, DEFAULT_SECRETS, feature_set=feature_set, fence_device=True)
        all_parts.append(full + ",")
        secure_parts.append(secure + ",")
        known = node.attributes.get("#digests-all")
        if known is not None and full not in known and secure not in node.attributes.get("#digests-secure", ""):
            changed = True
            say(cluster, Notice(f"notice: Unfencing node {node.name} because the definition of {device.id} changed"))
    action.meta["digests_all"] = "".join(all_parts)
    action.meta["digests_secure"] = "".join(secure_parts)
    return changed


def _find_devices(resource: Resource, found: list[Resource]) -> None:
    for child in resource.children:
        _find_devices(child, found)
    if is_unfencing_device(resource):
        found.append(resource)


def is_unfencing_device(resource: Resource) -> bool:
    """Say whether a resource is a fence device that also unfences."""
    texts = (resource.meta.get("provides", "").lower(), resource.meta.get("requires", "").lower())
    return resource.is_fence_device and (resource.requires == NEEDS_UNFENCING or "unfencing" in texts)
