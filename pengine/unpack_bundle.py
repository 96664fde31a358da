"""Reads what a `bundle` says of its containers: how many, with which network and storage."""

from __future__ import annotations

from cib.values import bounded_integer, is_false
from cib.xml import Element
from pengine.state import BundleDefinition, PortMapping, StorageMapping

_RUNTIMES = ("docker", "podman")


def unpack_bundle(element: Element) -> BundleDefinition | None:
    """Return what a bundle says; None where it has no container runtime that is supported."""
    container = next((child for child in element if child.tag in _RUNTIMES), None)
    if container is None:
        return None
    get = container.get
    promoted_text = get("promoted-max") or get("masters")
    promoted_max = bounded_integer(promoted_text, 0) if promoted_text is not None else 0
    replicas_text, per_host_text = get("replicas"), get("replicas-per-host")
    replicas = bounded_integer(replicas_text, 1) if replicas_text is not None else max(promoted_max, 1)
    per_host = bounded_integer(per_host_text, 1) if per_host_text is not None else 1
    network = element.find("network")
    address = network.get("ip-range-start") if network is not None else None
    port = network.get("control-port") if network is not None else None
    if port is not None and address is None:
        per_host = 1
    return BundleDefinition(
        runtime=str(container.tag),
        image=get("image") or "",
        replicas=replicas,
        replicas_per_host=per_host,
        promoted_max=promoted_max,
        network=get("network"),
        options=get("options"),
        run_command=get("run-command"),
        first_address=address,
        control_port=port,
        host_interface=network.get("host-interface") if network is not None else None,
        host_netmask=network.get("host-netmask") if network is not None else None,
        add_host=network is None or not is_false(network.get("add-host")),
        ports=_ports(network),
        storage=_storage(element),
    )


def _ports(network: Element | None) -> tuple[PortMapping, ...]:
    ports: list[PortMapping] = []
    for child in network if network is not None else ():
        if child.tag == "port-mapping":
            source = child.get("port") or child.get("range") or ""
            target = child.get("internal-port") or source
            ports.append(PortMapping(source, target))
    return tuple(ports)


def _storage(element: Element) -> tuple[StorageMapping, ...]:
    mappings: list[StorageMapping] = []
    for section in element:
        if section.tag != "storage":
            continue
        for child in section:
            if child.tag != "storage-mapping":
                continue
            source, root = child.get("source-dir"), child.get("source-dir-root")
            chosen = source if source is not None else root
            target = child.get("target-dir")
            if chosen is not None and target is not None:
                mappings.append(StorageMapping(chosen, target, child.get("options"), source is None))
    return tuple(mappings)
