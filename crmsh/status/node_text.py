"""Nodes as text, in the layout of crm_mon."""

from __future__ import annotations

from msgspec.structs import replace

from crmsh.status.blocks import Block, Item
from crmsh.status.model import ClusterStatus, NodeView
from crmsh.status.options import ShowOptions, shown_node, shown_resource
from crmsh.status.resource_text import brief_items, resource_line
from crmsh.status.words import node_state


def node_name(node: NodeView, detail: bool) -> str:
    """A node's name; with detail its host and id."""
    name = node.name
    if detail and node.kind == "guest":
        name += f"@{node.host}"
    return f"{name} ({node.id})" if detail and node.id != node.name and node.kind != "guest" else name


def _node_line(node: NodeView, options: ShowOptions) -> str:
    health = {"red": " (health is RED)", "yellow": " (health is YELLOW)"}.get(node.health_colour, "")
    text = f"{node.label} {node_name(node, options.detail)}: {node_state(node)}{health}"
    if options.detail and node.feature_set and node.online:
        text += f", feature set {node.feature_set}"
    return text


def node_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """The list of nodes, with what runs on each where that is asked for."""
    if not options.shows("nodes"):
        return []
    nodes = [node for node in status.nodes if shown_node(options, node)]
    if options.by_node:
        grouped = [_node_with_resources(node, options) for node in nodes]
        return [Block("Node List", [item for item in grouped if item is not None])]
    items: list[Item] = []
    lists: dict[tuple[bool, str], list[str]] = {}
    for node in nodes:
        state = node_state(node)
        if options.detail or state not in ("online", "OFFLINE") or node.health_colour != "green":
            items.append(Item(_node_line(node, options)))
        elif node.online or node.kind != "guest":
            lists.setdefault((node.online, node.kind), []).append(node.name)
    for online, kind, title in (
        (True, "cluster", "Online"),
        (False, "cluster", "OFFLINE"),
        (True, "remote", "RemoteOnline"),
        (False, "remote", "RemoteOFFLINE"),
        (True, "guest", "GuestOnline"),
    ):
        if names := lists.get((online, kind)):
            items.append(Item(f"{title}: [ {' '.join(names)} ]"))
    return [Block("Node List", items)]


def _node_with_resources(node: NodeView, options: ShowOptions) -> Item | None:
    running = [r for r in node.running if shown_resource(options, r) and (options.brief or not r.internal)]
    if options.brief:
        below = brief_items(running, options, with_nodes=False)
    else:
        described = replace(options, description=True)
        below = [Item(resource_line(r, described, None, name=r.id)) for r in running]
    if options.brief and not below and not node.online:
        return None
    item = Item(f"{_node_line(node, options)}:")
    item.below = [Item("Resources:", below)]
    return item
