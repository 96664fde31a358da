"""Resources as text, in the layout of crm_mon."""

from __future__ import annotations

import re

from crmsh.status.blocks import Block, Item, plural
from crmsh.status.model import ClusterStatus, NodeView, ResourceView
from crmsh.status.options import ShowOptions, named_itself, shown_node, shown_resource


def resource_line(
    resource: ResourceView, options: ShowOptions, node: NodeView | None, *, name: str = "", many: bool = False
) -> str:
    """A primitive's line: name, agent, state, node, flags. `many`: list all nodes where it is active on several."""
    text = f"{name or resource.id}\t({resource.agent}):\t"
    if resource.orphaned:
        text += " ORPHANED"
    if resource.failed:
        text += " FAILED" + (f" {resource.role}" if resource.role == "Promoted" else "")
    else:
        text += f" {resource.pending or resource.role}"
    listed = many and len(resource.nodes) > 1
    if node is not None and not listed:
        text += f" {node.name}"
    if resource.role == "Stopped" and resource.probe_failures:
        where = node.name if node is not None else next(iter(resource.probe_failures))
        if where in resource.probe_failures:
            text += f" ({resource.probe_failures[where]}) "
    flags = _flags(resource, node)
    if flags:
        text += f" ({', '.join(flags)})"
    if resource.description and (options.description or len(resource.nodes) > 1):
        text += f" ({resource.description})"
    if listed:
        text += f" [ {' '.join(other.name for other in resource.nodes)} ]"
    return text


def _flags(resource: ResourceView, node: NodeView | None) -> list[str]:
    flags = []
    if node is not None and not node.online and node.unclean:
        flags.append("UNCLEAN")
    if node is not None and node.name == resource.lock_node:
        flags.append("LOCKED")
    if resource.pending_task == "monitor":
        flags.append("Monitoring")
    if resource.disabled:
        flags.append("disabled")
    elif resource.promotable and resource.configured_target_role.lower() in ("unpromoted", "slave"):
        flags.append(f"target-role:{resource.configured_target_role}")
    flags += _management(resource)
    if resource.failure_ignored:
        flags.append("failure ignored")
    return flags


def _management(resource: ResourceView) -> list[str]:
    if resource.blocked:
        return ["blocked"]
    if resource.maintenance:
        return ["maintenance"]
    return [] if resource.managed else ["unmanaged"]


def resource_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """The list of resources."""
    if not options.shows("resources"):
        return []
    if options.by_node and not options.inactive:
        return []
    title = (
        "Inactive Resources"
        if options.by_node
        else "Full List of Resources"
        if options.inactive
        else "Active Resources"
    )
    items: list[Item] = []
    if options.brief and not options.by_node:
        plain = [r for r in status.resources if r.kind == "primitive" and shown_resource(options, r)]
        items += brief_items(plain, options, with_nodes=True)
    for resource in status.resources:
        if not _listed(resource, options):
            continue
        item = resource_item(resource, options)
        if item is not None:
            items.append(item)
    if not items:
        what = "inactive " if options.by_node else "" if options.inactive else "active "
        items = [Item(f"No {what}resources")]
    return [Block(title, items)]


def _listed(resource: ResourceView, options: ShowOptions) -> bool:
    active, partly = resource.is_active(True), resource.is_active(False)
    if resource.internal:
        return False  # counted in the brief list, but not told one by one
    if not shown_resource(options, resource) or (resource.orphaned and not active):
        return False
    if options.by_node:
        if active:
            return False
    elif options.brief and resource.kind == "primitive":
        return False
    if not partly:
        return options.inactive
    return options.only_nodes is None or any(shown_node(options, node) for node in resource.running_on())


def resource_item(resource: ResourceView, options: ShowOptions, parent_named: bool = True) -> Item | None:
    """A resource with its members; None where nothing of it is shown."""
    match resource.kind:
        case "group":
            return _group_item(resource, options)
        case "clone":
            return _clone_item(resource, options)
        case "bundle":
            return _bundle_item(resource, options)
        case _:
            return Item(resource_line(resource, options, _first_node(resource), many=True))


def _first_node(resource: ResourceView) -> NodeView | None:
    nodes = [node for node in resource.nodes if node.online] or resource.nodes
    return nodes[0] if nodes else resource.pending_node


def _container_flags(resource: ResourceView) -> list[str]:
    flags = []
    if resource.disabled:
        flags.append("disabled")
    if resource.maintenance:
        flags.append("maintenance")
    elif not resource.managed:
        flags.append("unmanaged")
    return flags


def _member_shown(child: ResourceView, options: ShowOptions, whole: bool) -> bool:
    if not shown_resource(options, child, whole):
        return False
    if child.is_active(False):
        return options.only_nodes is None or any(shown_node(options, node) for node in child.running_on())
    return options.inactive


def _group_item(group: ResourceView, options: ShowOptions) -> Item:
    whole = options.only_resources is None or named_itself(options, group)
    members = [child for child in group.children if _member_shown(child, options, whole)]
    hidden = 0 if options.inactive else sum(not child.is_active(False) for child in group.children)
    flags = [f"{plural(hidden, 'member')} inactive"] if hidden else []
    flags += _container_flags(group)
    text = f"Resource Group: {group.full_id}" + (f" ({', '.join(flags)})" if flags else "")
    if group.description and options.description:
        text += f" ({group.description})"
    if options.brief:
        return Item(f"{text}:", brief_items(group.children, options, with_nodes=True, totals=True))
    return Item(f"{text}:", [Item(resource_line(m, options, _first_node(m), many=True)) for m in members])


def _clone_item(clone: ResourceView, options: ShowOptions) -> Item | None:
    flags = ["promotable"] if clone.promotable else []
    flags += ["unique"] if clone.unique else []
    flags += _container_flags(clone)
    base = clone.children[0].id if clone.children else ""
    base = (
        base.rpartition(":")[0] or base
        if clone.unique or (clone.children and clone.children[0].kind == "group")
        else base
    )
    text = f"Clone Set: {clone.id} [{base}]" + (f" ({', '.join(flags)})" if flags else "")
    whole = named_itself(options, clone) or base in (options.only_resources or ())
    items: list[Item] = []
    promoted: list[str] = []
    started: list[str] = []
    stopped = 0
    for child in clone.children:
        if not shown_resource(options, child, whole):
            continue
        if child.is_active(False) and not any(shown_node(options, node) for node in child.running_on()):
            continue
        how = _instance_display(child, clone, options)
        if how == "full":
            item = resource_item(child, options)
            if item is not None:
                items.append(item)
        elif how == "stopped":
            stopped += 1
        elif how in ("promoted", "started"):
            (promoted if how == "promoted" else started).append(child.running_on()[0].name)
    _add_instance_lists(items, clone, options, promoted, started, stopped)
    return Item(f"{text}:", items) if items else None


def _bundle_item(bundle: ResourceView, options: ShowOptions) -> Item:
    """A bundle: a line for each replica; with detail, all parts of each."""
    several = len(bundle.children) > 1
    flags = [flag for flag in _container_flags(bundle) if flag != "disabled"]
    text = f"Container bundle{' set' if several else ''}: {bundle.id} [{bundle.image}]"
    text += "".join(f" ({flag})" for flag in flags)
    whole = named_itself(options, bundle)
    items: list[Item] = []
    for replica in bundle.children:
        places = replica.container.nodes if replica.container is not None else []
        if places and not any(shown_node(options, node) for node in places):
            continue
        shown = [p for p in replica.children if whole or shown_resource(options, p)]
        if not shown:
            continue
        parts = [Item(resource_line(p, options, _first_node(p), many=True)) for p in shown]
        if whole and not options.detail:
            items.append(Item(_replica_line(replica, options)))
        elif several:
            items.append(Item(f"Replica[{replica.id}]", parts))
        else:
            items.append(Item("", parts))
    return Item(f"{text}:", items)


def _replica_line(replica: ResourceView, options: ShowOptions) -> str:
    named = replica.connection or replica.container
    shown = replica.inside or replica.container
    assert named is not None
    assert shown is not None
    address = f" ({replica.image})" if replica.image else ""
    node = _first_node(replica.container) if replica.container is not None else None
    return resource_line(shown, options, node, name=f"{named.id}{address}")


def _instance_display(child: ResourceView, clone: ResourceView, options: ShowOptions) -> str:
    """How an instance is shown: full, promoted, started, stopped, or empty for not at all."""
    partly = child.is_active(False)
    if options.detail:
        cannot_run = any(p.probe_failures for p in child.primitives())
        return "full" if partly or (not child.orphaned and (options.inactive or clone.unique or cannot_run)) else ""
    if clone.unique:
        return "full" if (partly or not child.orphaned) and (partly or options.inactive) else ""
    if any(p.pending_task and p.pending_task != "probe" for p in child.primitives()):
        return "full"
    if not partly:
        return "stopped" if not child.orphaned else ""
    parts = child.primitives()
    if any(p.orphaned or p.failed or not p.managed for p in parts):
        return "full"
    if not child.is_active(True):
        return "full"
    nodes = child.running_on()
    if len(nodes) != 1 or any(len(p.nodes) > 1 for p in parts) or (not nodes[0].online and nodes[0].unclean):
        return "full"
    return "promoted" if any(p.role == "Promoted" for p in parts) else "started"


def _add_instance_lists(
    items: list[Item],
    clone: ResourceView,
    options: ShowOptions,
    promoted: list[str],
    started: list[str],
    stopped: int,
) -> None:
    if promoted:
        items.append(Item(f"Promoted: [ {' '.join(sorted(promoted, key=natural))} ]"))
    if started:
        title = "Started"
        if clone.promotable:
            limited = clone.configured_target_role.lower() in ("unpromoted", "slave")
            title = f"Unpromoted (target-role:{clone.configured_target_role})" if limited else "Unpromoted"
        items.append(Item(f"{title}: [ {' '.join(sorted(started, key=natural))} ]"))
    if not options.inactive or options.detail or clone.unique or not stopped:
        return
    busy = {node.name for node in clone.running_on()}
    by_state: dict[str, list[str]] = {}
    for node in clone.possible_nodes:
        if node.name in busy or not shown_node(options, node):
            continue
        state = "Stopped (disabled)" if clone.disabled else "Stopped"
        for child in clone.children:
            for primitive in child.primitives():
                if node.name in primitive.probe_failures:
                    state = f"Stopped ({primitive.probe_failures[node.name]})"
        by_state.setdefault(state, []).append(node.name)
    for state, names in sorted(by_state.items()):
        items.append(Item(f"{state}: [ {' '.join(sorted(names, key=natural))} ]"))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers inside names as numbers, before letters."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in re.split(r"(\d+)", name) if part]


def brief_items(
    resources: list[ResourceView], options: ShowOptions, *, with_nodes: bool, totals: bool = False
) -> list[Item]:
    """Counts by agent, as -b shows primitives."""
    counts: dict[str, list[int]] = {}
    where: dict[str, dict[str, int]] = {}
    for resource in resources:
        total = counts.setdefault(resource.agent, [0, 0])
        total[1] += 1
        if resource.is_active(False):
            total[0] += 1
            name = resource.nodes[0].name if resource.nodes else ""
            places = where.setdefault(resource.agent, {})
            places[name] = places.get(name, 0) + 1
    items = []
    for agent, (active, total_number) in sorted(counts.items()):
        if not with_nodes:
            items.append(Item(f"{active}\t({agent}):\tActive "))
            continue
        for node, number in sorted(where.get(agent, {}).items()):
            shown = f"{number}/{total_number}" if options.inactive or totals else str(number)
            items.append(Item(f"{shown}\t({agent}):\tActive {node}"))
        if not active and options.inactive:
            items.append(Item(f"0/{total_number}\t({agent}):\tActive"))
    return items
