"""Writes the status of a simulated cluster as `crm_simulate` does: nodes, then resources."""

from __future__ import annotations

from cib.values import node_name_key
from crmsh.status.words import PENDING_STATES, node_state
from pengine.node_choice import (
    current_nodes,
    role_of,
)
from pengine.nodes import health_state
from pengine.operation_result import is_masked_probe_failure
from pengine.resource_state import current_node
from pengine.vocabulary import (
    ABSENT,
    CLONE,
    GROUP,
    PRIMITIVE,
    PROMOTED,
    ROLE_NAMES,
    STARTED,
    STOPPED,
    UNPROMOTED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_RC_TEXTS = {2: "Invalid parameter", 5: "Not installed"}


def status_lines(cluster: Cluster, show_pending: bool) -> list[str]:
    """Return the node list, if there are nodes, and the list of all resources."""
    lines: list[str] = []
    if cluster.nodes:
        lines += ["  * Node List:", *("    * " + text for text in _node_lines(cluster)), ""]
    lines.append("  * Full List of Resources:")
    resources = _ResourceWriter(cluster, show_pending)
    if not cluster.resources:
        lines.append("    * No resources")
    for resource in cluster.resources:
        resources.write(resource, 4, lines)
    return lines


def _node_lines(cluster: Cluster) -> list[str]:
    lines: list[str] = []
    lists: dict[str, list[str]] = {
        "Online": [],
        "OFFLINE": [],
        "RemoteOnline": [],
        "RemoteOFFLINE": [],
        "GuestOnline": [],
    }
    for node in cluster.nodes:
        health = health_state(cluster, node)
        if node.unclean or node.pending or node.standby or node.maintenance or health <= 0:
            lines.append(f"{_kind(node)} {node.name}: {node_state(node)}{_health_text(health)}")
            continue
        prefix = {"Node": "", "RemoteNode": "Remote", "GuestNode": "Guest"}[_kind(node)]
        title = f"{prefix}{'Online' if node.online else 'OFFLINE'}"
        if title in lists:
            lists[title].append(node.name)
    lines.extend(f"{title}: [ {' '.join(names)} ]" for title, names in lists.items() if names)
    return lines


def _kind(node: Node) -> str:
    if node.is_guest:
        return "GuestNode"
    return "RemoteNode" if node.is_remote_kind else "Node"


def _health_text(health: int) -> str:
    if health < 0:
        return " (health is RED)"
    return " (health is YELLOW)" if health == 0 else ""


def is_active(resource: Resource, every: bool) -> bool:
    """Say whether a resource is active: any part of it, or every part."""
    if resource.children:
        states = [is_active(child, every) for child in resource.children]
        return all(states) if every else any(states)
    return any(node.unclean or node.online or not resource.managed for node in resource.running_on)


def _any(resource: Resource, name: str) -> bool:
    return bool(getattr(resource, name)) or any(_any(child, name) for child in resource.children)


def _all_managed(resource: Resource) -> bool:
    return resource.managed and all(_all_managed(child) for child in resource.children)


class _ResourceWriter:
    def __init__(self, cluster: Cluster, show_pending: bool) -> None:
        self._cluster = cluster
        self._show_pending = show_pending
        self._failed_probes: dict[tuple[str, int], int] = {}
        """By the name under which it was probed, and the node; of several results the first counts."""
        for failure in cluster.failed_operations:
            entry = failure.entry
            if is_masked_probe_failure(entry) and entry.rc is not None:
                probed = entry.key.removesuffix("_monitor_0")
                self._failed_probes.setdefault((probed, failure.node.index), entry.rc)

    def write(self, resource: Resource, indent: int, lines: list[str]) -> None:
        """Append the lines of a resource."""
        if resource.internal or (resource.removed and not is_active(resource, False)):
            return
        if resource.kind == PRIMITIVE:
            lines.append(f"{' ' * indent}* {self.primitive_text(resource)}")
        elif resource.kind == GROUP:
            self._write_group(resource, indent, lines)
        elif resource.kind == CLONE:
            self._write_clone(resource, indent, lines)
        else:
            self._write_bundle(resource, indent, lines)

    def primitive_text(self, resource: Resource) -> str:
        """Return the text of one primitive."""
        name = resource.id if resource.unique else resource.base_id
        return self._text(resource, name, self._node_of(resource))

    def _text(self, resource: Resource, name: str, node: Node | None) -> str:
        agent = ":".join(part for part in (resource.standard, resource.provider, resource.type) if part)
        several = len(resource.running_on) > 1
        node = None if several else node
        parts = [f"{name}\t({agent}):\t"]
        if resource.removed:
            parts.append(" ORPHANED")
        parts.append(self._state_text(resource))
        if node is not None:
            parts.append(f" {node.name}")
        if self._display_role(resource) == STOPPED:
            parts.append(self._probe_text(resource, node))
        flags = self._flags(resource, node)
        if flags:
            parts.append(f" ({', '.join(flags)})")
        if several:
            parts.append(f" [ {' '.join(item.name for item in resource.running_on)} ]")
        return "".join(parts)

    def _node_of(self, resource: Resource) -> Node | None:
        node = current_node(resource)
        if node is None and resource.pending_node is not None:
            node = resource.pending_node
        return node if node is not None else resource.lock_node

    def _display_role(self, resource: Resource) -> int:
        role = resource.orig_role
        return UNPROMOTED if role == STARTED and resource.top().promotable else role

    def _state_text(self, resource: Resource) -> str:
        role = self._display_role(resource)
        if resource.failed:
            return " FAILED" + (f" {ROLE_NAMES[role]}" if role == PROMOTED else "")
        pending = PENDING_STATES.get(resource.pending_task or "") if self._show_pending else None
        return f" {pending or ROLE_NAMES[role]}"

    def _probe_text(self, resource: Resource, node: Node | None) -> str:
        name = _probed_name(resource)
        for (identifier, index), rc in self._failed_probes.items():
            if identifier == name and (node is None or node.index == index):
                text = _RC_TEXTS.get(rc)
                if text is not None:
                    return f" ({text}) "
        return ""

    def _flags(self, resource: Resource, node: Node | None) -> list[str]:
        flags: list[str] = []
        if node is not None and not node.online and node.unclean:
            flags.append("UNCLEAN")
        if node is not None and node is resource.lock_node:
            flags.append("LOCKED")
        if self._show_pending and resource.pending_task == "monitor":
            flags.append("Monitoring")
        if resource.target_role == STOPPED:
            flags.append("disabled")
        elif resource.target_role == UNPROMOTED and resource.top().promotable:
            flags.append("target-role:Unpromoted")
        if resource.blocked:
            flags.append("blocked")
        elif not resource.managed:
            flags.append("maintenance" if resource.maintenance else "unmanaged")
        if resource.failure_ignored:
            flags.append("failure ignored")
        return flags

    def _write_group(self, group: Resource, indent: int, lines: list[str]) -> None:
        name = group.id if group.parent is None else f"{group.base_id}:{group.id.rpartition(':')[2]}"
        flags = _collective_flags(group)
        lines.append(f"{' ' * indent}* Resource Group: {name}{flags}:")
        lines.extend(f"{' ' * (indent + 2)}* {self.primitive_text(member)}" for member in group.children)

    def _write_clone(self, clone: Resource, indent: int, lines: list[str]) -> None:
        child = clone.children[0].base_id if clone.children else ""
        extra = [name for name, on in (("promotable", clone.promotable), ("unique", clone.unique)) if on]
        flags = _collective_flags(clone, extra)
        lines.append(f"{' ' * indent}* Clone Set: {clone.id} [{child}]{flags}:")
        promoted: list[Node] = []
        started: list[Node] = []
        for instance in clone.children:
            node = self._plain_node(clone, instance)
            if node is None:
                if self._is_listed(clone, instance):
                    self.write(instance, indent + 2, lines)
            elif role_of(instance, True) > UNPROMOTED:
                promoted.append(node)
            else:
                started.append(node)
        bullet = f"{' ' * (indent + 2)}* "
        if promoted:
            lines.append(f"{bullet}Promoted: [ {_names(promoted)} ]")
        if started:
            title = "Unpromoted" if clone.promotable else "Started"
            if clone.promotable and clone.target_role == UNPROMOTED:
                title = "Unpromoted (target-role)"
            lines.append(f"{bullet}{title}: [ {_names(started)} ]")
        if not clone.unique and clone.clone_max > len(promoted) + len(started):
            for title, nodes in sorted(self._stopped(clone).items()):
                lines.append(f"{bullet}{title}: [ {_names(nodes)} ]")

    def _write_bundle(self, bundle: Resource, indent: int, lines: list[str]) -> None:
        definition = bundle.definition.bundle
        assert definition is not None
        kind = "Container bundle set" if len(bundle.replicas) > 1 else "Container bundle"
        unique = " (unique)" if bundle.clone_node_max > 1 else ""
        managed = " (maintenance)" if bundle.maintenance else ("" if bundle.managed else " (unmanaged)")
        title = f"{kind}: {bundle.id} [{definition.image}]{unique}{managed}:"
        lines.append(f"{' ' * indent}* {title}")
        for replica in bundle.replicas:
            named = replica.connection if replica.connection is not None else replica.container
            address = f" ({replica.address})" if replica.address is not None else ""
            shown = replica.child if replica.child is not None else replica.container
            text = self._text(shown, named.id + address, current_node(replica.container))
            lines.append(f"{' ' * (indent + 2)}* {text}")

    def _is_listed(self, clone: Resource, instance: Resource) -> bool:
        """Say whether an instance that is in no list gets a line of its own."""
        active = is_active(instance, False)
        if clone.unique:
            return active or not instance.removed
        return active or self._pending(instance)

    def _pending(self, instance: Resource) -> bool:
        return self._show_pending and instance.pending_task is not None and instance.pending_task != "monitor"

    def _plain_node(self, clone: Resource, instance: Resource) -> Node | None:
        """Return the node of an instance of which nothing needs to be said but where it is."""
        if clone.unique or self._pending(instance) or not is_active(instance, False):
            return None
        if _any(instance, "removed") or _any(instance, "failed") or not _all_managed(instance):
            return None
        if not is_active(instance, True):
            return None
        nodes = current_nodes(instance)
        if len(nodes) != 1 or (not nodes[0].online and nodes[0].unclean):
            return None
        return nodes[0]

    def _stopped(self, clone: Resource) -> dict[str, list[Node]]:
        cluster = self._cluster
        allowed = [node for node in cluster.nodes if clone.allowed.scores[node.index] != ABSENT]
        if not allowed:
            allowed = [node for node in cluster.nodes if node.index in clone.known_on]
        states: dict[str, list[Node]] = {}
        for node in allowed:
            if node in clone.running_on:
                continue
            title = "Stopped"
            if _clone_limit(clone) == STOPPED:
                title = "Stopped (disabled)"
            rc = self._failed_probes.get((_probed_name(clone), node.index))
            if rc is not None:
                title = f"Stopped ({_RC_TEXTS.get(rc, rc)})"
            states.setdefault(title, []).append(node)
        return states


def _probed_name(resource: Resource) -> str:
    """Return the name whose failed probes are shown: in a clone what is cloned, so neither instances nor members."""
    top = resource.top()
    return top.children[0].base_id if top.kind == CLONE and top.children else resource.id


def _is_disabled(resource: Resource) -> bool:
    """Say whether its target role keeps a resource from all that it could be."""
    return resource.target_role == STOPPED or (resource.target_role == UNPROMOTED and resource.top().promotable)


def _collective_flags(resource: Resource, extra: list[str] | None = None) -> str:
    flags = list(extra or [])
    if _is_disabled(resource):
        flags.append("disabled")
    if resource.maintenance:
        flags.append("maintenance")
    elif not resource.managed and not resource.blocked:
        flags.append("unmanaged")
    return f" ({', '.join(flags)})" if flags else ""


def _clone_limit(clone: Resource) -> int:
    """The target role that the clone gives, or else what it clones."""
    if "target-role" in clone.meta or not clone.children:
        return clone.target_role
    return clone.children[0].target_role


def _names(nodes: list[Node]) -> str:
    return " ".join(sorted((node.name for node in nodes), key=node_name_key))


def counts(cluster: Cluster) -> tuple[int, int, int]:
    """Return (resource instances, disabled ones, blocked ones)."""
    total = disabled = blocked = 0
    waiting = list(cluster.resources)
    while waiting:
        resource = waiting.pop()
        waiting.extend(resource.children)
        if resource.kind != PRIMITIVE or (resource.removed and not is_active(resource, False)):
            continue
        total += 1
        if _is_disabled(resource):
            disabled += 1
        if resource.blocked:
            blocked += 1
    return total, disabled, blocked
