"""Builds bundles: for each replica a container, perhaps an address, and a guest node with what runs inside.

Source: Pacemaker Explained, "Bundles"; design page 0010, "Bundles".
"""

from __future__ import annotations

import ipaddress

from cib.values import MINUS_INFINITY
from pengine.bounds import check_instances
from pengine.ledger import set_score
from pengine.nodes import add_node
from pengine.resources import build_resource, connection_operation
from pengine.state import (
    EMPTY_BLOCK,
    BundleDefinition,
    NameValueBlock,
    NameValueSet,
    OperationDefinition,
    PortMapping,
    ResourceDefinition,
    StorageMapping,
)
from pengine.vocabulary import ABSENT, PROBE_EXCLUSIVE, PROBE_NEVER
from pengine.working import Cluster, Node, Replica, Resource

_REMOTE_PORT = "3121"
_AUTHKEY = "/etc/pacemaker/authkey"
_LOG_ROOT = "/var/log/pacemaker/bundles"
_REMOTE_COMMAND = "/usr/sbin/pacemaker-remoted"
_HOST_OF_CONTAINER = "#uname"
_INSIDE_SCORE = 500


def build_bundle(cluster: Cluster, bundle: Resource) -> bool:
    """Make what is in a bundle; False where it can't be used."""
    definition = bundle.definition.bundle
    if definition is None:
        cluster.note(f"bundle {bundle.id} is ignored: it has no container runtime that is supported")
        return False
    inside = next((item for item in bundle.definition.children if item.tag == "primitive"), None)
    if inside is not None and definition.first_address is None and definition.control_port is None:
        cluster.note(f"bundle {bundle.id} is ignored: what runs inside needs ip-range-start or control-port")
        return False
    check_instances(f"bundle '{bundle.id}'", "replicas", definition.replicas)
    addresses = _addresses(definition)
    taken = _taken_name(cluster, bundle, definition, inside, addresses)
    if taken is not None:
        cluster.note(f"bundle {bundle.id} is ignored: the name of its part {taken} is taken")
        return False
    bundle.clone_max = definition.replicas
    bundle.clone_node_max = definition.replicas_per_host
    clone: Resource | None = None
    if inside is not None:
        clone = build_resource(cluster, _clone_definition(bundle, definition, inside), bundle, None)
        if clone is None:
            return False
    for offset in range(definition.replicas):
        child = clone.children[offset] if clone is not None and offset < len(clone.children) else None
        replica = Replica(offset, addresses[offset] if addresses else None, child)
        if child is not None:
            child.exclusive_discovery = True
        _build_replica(cluster, bundle, definition, replica, addresses)
        bundle.replicas.append(replica)
    if clone is not None:
        bundle.children.append(clone)
        bundle.bundled = clone
        _move_utilization(bundle, inside)
    return True


def _move_utilization(bundle: Resource, inside: ResourceDefinition | None) -> None:
    for replica in bundle.replicas:
        if replica.child is not None and inside is not None:
            replica.container.utilization = replica.child.utilization
            replica.child.utilization = {}


def _clone_definition(bundle: Resource, definition: BundleDefinition, inside: ResourceDefinition) -> ResourceDefinition:
    suffix = "master" if definition.promoted_max > 0 else "clone"
    identifier = f"{bundle.id}-{suffix}"
    meta = [
        ("ordered", "true"),
        ("clone-max", str(definition.replicas)),
        ("clone-node-max", str(definition.replicas_per_host)),
        ("globally-unique", "true" if definition.replicas_per_host > 1 else "false"),
    ]
    if definition.promoted_max > 0:
        meta += [("promotable", "true"), ("promoted-max", str(definition.promoted_max))]
    return ResourceDefinition(
        tag="clone",
        id=identifier,
        standard="",
        provider=None,
        type="",
        attributes={"id": identifier},
        meta=_block(f"{identifier}-meta", meta),
        parameters=EMPTY_BLOCK,
        utilization=EMPTY_BLOCK,
        children=(inside,),
    )


def _block(identifier: str, pairs: list[tuple[str, str]]) -> NameValueBlock:
    return NameValueBlock((NameValueSet(identifier, None, tuple(pairs)),))


def _addresses(definition: BundleDefinition) -> list[str]:
    """Return an address for each replica, counting up; the last octet ends at 254."""
    if definition.first_address is None:
        return []
    addresses = [definition.first_address]
    while len(addresses) < definition.replicas:
        try:
            current = ipaddress.ip_address(addresses[-1])
        except ValueError:
            return addresses * definition.replicas
        if current.version == 4 and int(current) & 0xFF > 253:
            addresses.append(str(ipaddress.ip_address((int(current) & ~0xFF) + 0x101)))
        else:
            addresses.append(str(current + 1))
    return addresses


def _taken_name(
    cluster: Cluster,
    bundle: Resource,
    definition: BundleDefinition,
    inside: ResourceDefinition | None,
    addresses: list[str],
) -> str | None:
    """Return the first name of a part of a bundle that another resource, or another of its parts, has already."""
    names = [f"{bundle.id}-{definition.runtime}-{offset}" for offset in range(definition.replicas)]
    names += [_address_id(bundle, address) for address in addresses[: definition.replicas]]
    if inside is not None:
        names += [f"pcmk-internal-{inside.id}-remote-{offset}" for offset in range(definition.replicas)]
    return next((name for place, name in enumerate(names) if name in cluster.by_id or name in names[:place]), None)


def _address_id(bundle: Resource, address: str) -> str:
    return f"{bundle.id}-ip-{address.replace(':', '.')}"


def _build_replica(
    cluster: Cluster, bundle: Resource, definition: BundleDefinition, replica: Replica, addresses: list[str]
) -> None:
    container = _build_primitive(
        cluster,
        bundle,
        f"{bundle.id}-{definition.runtime}-{replica.offset}",
        definition.runtime,
        "heartbeat",
        _container_parameters(bundle, definition, replica, addresses),
        (connection_operation(f"{bundle.id}-{definition.runtime}-{replica.offset}", "monitor", "60s", ""),),
    )
    replica.container = container
    if replica.address is not None:
        identifier = _address_id(bundle, replica.address)
        parameters = [("ip", replica.address)]
        if definition.host_interface is not None:
            parameters.append(("nic", definition.host_interface))
        parameters.append(("cidr_netmask", definition.host_netmask or "32"))
        operations = (connection_operation(identifier, "monitor", "60s", ""),)
        replica.ip = _build_primitive(cluster, bundle, identifier, "IPaddr2", "heartbeat", parameters, operations)
    if replica.child is not None:
        _build_connection(cluster, bundle, definition, replica, replica.child)


def _build_primitive(
    cluster: Cluster,
    bundle: Resource,
    identifier: str,
    agent: str,
    provider: str,
    parameters: list[tuple[str, str]],
    operations: tuple[OperationDefinition, ...],
    meta: NameValueBlock = EMPTY_BLOCK,
) -> Resource:
    definition = ResourceDefinition(
        tag="primitive",
        id=identifier,
        standard="ocf",
        provider=provider,
        type=agent,
        attributes={"id": identifier, "class": "ocf", "provider": provider, "type": agent},
        meta=meta,
        parameters=_block(f"{identifier}-parameters", parameters),
        utilization=EMPTY_BLOCK,
        operations=operations,
    )
    resource = build_resource(cluster, definition, bundle, None)
    assert resource is not None
    bundle.children.append(resource)
    return resource


def _container_parameters(
    bundle: Resource, definition: BundleDefinition, replica: Replica, addresses: list[str]
) -> list[tuple[str, str]]:
    name = f"{bundle.id}-{replica.offset}"
    has_child = replica.child is not None
    mounts = list(definition.storage)
    ports = list(definition.ports)
    if has_child:
        mounts += [StorageMapping(_AUTHKEY, _AUTHKEY, None, False), StorageMapping(_LOG_ROOT, "/var/log", None, True)]
        port = definition.control_port or _REMOTE_PORT
        ports.append(PortMapping(port, port))
    options: list[str] = []
    if definition.runtime == "docker":
        options.append(" --restart=no")
    if definition.first_address is not None:
        options.append(f" -h {name}")
    options.append(" -e PCMK_stderr=1")
    if definition.network is not None:
        options.append(f" --net={definition.network}")
    options.append(f" -e PCMK_remote_port={definition.control_port or _REMOTE_PORT}")
    made: list[str] = []
    for mount in mounts:
        source = f"{mount.source}/{name}" if mount.per_replica else mount.source
        if mount.per_replica:
            made.append(source)
        suffix = f":{mount.options}" if mount.options is not None else ""
        options.append(f" -v {source}:{mount.target}{suffix}")
    for port_mapping in ports:
        if replica.address is not None:
            options.append(f" -p {replica.address}:{port_mapping.source}:{port_mapping.target}")
        elif definition.network != "host":
            options.append(f" -p {port_mapping.source}:{port_mapping.target}")
    host_options = f"{definition.options} " if definition.options is not None else ""
    if definition.add_host:
        host_options += "".join(
            f" --add-host={bundle.id}-{offset}:{address}" for offset, address in enumerate(addresses)
        )
    options.append(f" {host_options}")
    parameters = [
        ("image", definition.image),
        ("allow_pull", "true"),
        ("force_kill", "false"),
        ("reuse", "false"),
        ("run_opts", "".join(options)),
        ("mount_points", ",".join(made)),
    ]
    parameters.append(("monitor_cmd", "/bin/true"))
    command = definition.run_command or (_REMOTE_COMMAND if has_child else None)
    if command is not None:
        parameters.append(("run_cmd", command))
    return parameters


def _build_connection(
    cluster: Cluster, bundle: Resource, definition: BundleDefinition, replica: Replica, child: Resource
) -> None:
    name = f"{bundle.id}-{replica.offset}"
    identifier = name
    if name in cluster.by_id:
        identifier = f"pcmk-internal-{child.id}-remote-{replica.offset}"
    node = _bundle_node(cluster, identifier)
    connection = _build_primitive(
        cluster,
        bundle,
        identifier,
        "remote",
        "pacemaker",
        [
            ("addr", replica.address or _HOST_OF_CONTAINER),
            ("port", definition.control_port or _REMOTE_PORT),
        ],
        (connection_operation(identifier, "monitor", "30s", "30s"),),
        _block(f"{identifier}-meta", [("internal", "true"), ("container", replica.container.id)]),
    )
    replica.connection = connection
    replica.node = node
    scores = connection.allowed.scores
    for other in cluster.nodes:
        if other.is_remote_kind and scores[other.index] != ABSENT:
            set_score(cluster, connection, other.index, MINUS_INFINITY, "remote", other.name)
    _confine(cluster, child, node, _INSIDE_SCORE, replace=True)
    clone = child.parent
    assert clone is not None
    _confine(cluster, clone, node, MINUS_INFINITY, replace=False)
    if replica.address is not None:
        child.meta["external-ip"] = replica.address


def _confine(cluster: Cluster, resource: Resource, node: Node, score: int, *, replace: bool) -> None:
    table = resource.allowed
    if replace:
        table.scores = [ABSENT] * len(table.scores)
    set_score(cluster, resource, node.index, score, "bundle", node.name)
    table.modes[node.index] = PROBE_EXCLUSIVE


def _bundle_node(cluster: Cluster, name: str) -> Node:
    """Return the guest node of a replica; other resources may not run there."""
    node = cluster.node_by_id.get(name.lower())
    if node is None:
        node = add_node(cluster, name, name, "remote", MINUS_INFINITY)
    node.score = MINUS_INFINITY
    node.mode = PROBE_NEVER
    node.kind = node.attributes["#kind"] = "container"
    for resource in cluster.resources:
        _keep_off(cluster, resource, node)
    return node


def _keep_off(cluster: Cluster, resource: Resource, node: Node) -> None:
    if resource.allowed.scores[node.index] != ABSENT:
        set_score(cluster, resource, node.index, MINUS_INFINITY, "bundle", node.name)
        resource.allowed.modes[node.index] = PROBE_NEVER
    for child in resource.children:
        _keep_off(cluster, child, node)
