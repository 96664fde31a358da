"""A status as text, in the layout of crm_mon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crmsh.status.model import (
    ClusterStatus,
    FailureView,
    FencingView,
    HistoryView,
    NodeView,
    OperationView,
    ResourceView,
)
from crmsh.status.options import ShowOptions, named_itself, shown_node, shown_resource


@dataclass(slots=True)
class Item:
    """A line with what belongs below it."""

    text: str
    below: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """A part of the status with its title."""

    title: str
    items: list[Item]
    always: bool = False
    """Show the title even without items."""


def when(seconds: int) -> str:
    """A time as people read it."""
    import time

    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(seconds))


def render_text(status: ClusterStatus, options: ShowOptions) -> str:
    """The whole text, ending in a newline."""
    parts: list[str] = []
    summary = _summary(status, options)
    if summary:
        parts.append("Cluster Summary:\n" + _lines(summary, 1))
    parts += _disabled_notice(status, options)
    blocks = [
        *_advice(status, options),
        *_nodes(status, options),
        *_resources(status, options),
        *_attributes(status, options),
        *_history(status, options),
        *_failures(status, options),
        *_fencing(status, options),
        *_tickets(status, options),
        *_bans(status, options),
    ]
    for block in blocks:
        if block.items or block.always:
            parts.append(f"{block.title}:\n" + _lines(block.items, 1))
    return "\n".join(parts)


def _lines(items: list[Item], depth: int) -> str:
    out = []
    for item in items:
        out.append(f"{'  ' * depth}* {item.text}\n")
        out.append(_lines(item.below, depth + 1))
    return "".join(out)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# --- summary


def _summary(status: ClusterStatus, options: ShowOptions) -> list[Item]:
    summary, items = status.summary, []
    if not options.headers:
        return []
    if options.shows("stack"):
        items.append(Item(f"Stack: {summary.stack}"))
    if options.shows("dc"):
        items.append(Item(f"Current DC: {_coordinator(status, options)}"))
    if options.shows("times"):
        items.append(Item(f"Last updated: {summary.updated}"))
        items.append(Item(f"Last change:  {_last_change(status)}"))
    if options.shows("counts"):
        items.append(Item(f"{_plural(summary.nodes, 'node')} configured"))
        items.append(Item(f"{_plural(summary.resources, 'resource instance')} configured{_counts(status)}"))
    if options.shows("options"):
        items += [Item(text) for text in _cluster_options(status)]
    return items


def _coordinator(status: ClusterStatus, options: ShowOptions) -> str:
    coordinator = status.summary.coordinator
    if not coordinator.name:
        return "NONE"
    name = coordinator.name
    if options.detail and coordinator.id != name:
        name += f" ({coordinator.id})"
    quorum = "with quorum" if coordinator.quorate else "WITHOUT quorum"
    return f"{name} (version {coordinator.version}) - partition {quorum}"


def _last_change(status: ClusterStatus) -> str:
    summary = status.summary
    text = summary.changed
    for word, value in (("by", summary.changed_user), ("via", summary.changed_client), ("on", summary.changed_origin)):
        if value:
            text += f" {word} {value}"
    return text


def _counts(status: ClusterStatus) -> str:
    disabled, blocked = status.summary.disabled, status.summary.blocked
    parts = []
    if disabled:
        parts.append(f"{disabled} DISABLED")
    if blocked:
        parts.append(f"{blocked} BLOCKED from further action due to failure")
    return f" ({', '.join(parts)})" if parts else ""


def _cluster_options(status: ClusterStatus) -> list[str]:
    summary = status.summary
    policies = {
        "freeze": "Freeze resources",
        "stop": "Stop ALL resources",
        "demote": "Demote promotable resources and stop all other resources",
        "ignore": "Ignore",
        "fence": "Fence all nodes in partition",
        "suicide": "Fence all nodes in partition",
    }
    return [
        f"Fencing of failed nodes is {'enabled' if summary.fencing_enabled else 'disabled'}",
        f"Cluster is {'symmetric' if summary.symmetric else 'asymmetric'}",
        f"No quorum policy: {policies.get(summary.quorum_policy, summary.quorum_policy)}",
    ]


def _disabled_notice(status: ClusterStatus, options: ShowOptions) -> list[str]:
    head = "              *** Resource management is DISABLED ***\n"
    if not options.shows("maint-mode") or not options.headers:
        return []
    if status.summary.maintenance_mode:
        return [head + "  The cluster will not attempt to start, stop or recover services\n"]
    if status.summary.stop_all:
        return [head + "  The cluster will keep all resources stopped\n"]
    return []


def _advice(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    if not options.shows("advice") or not options.headers:
        return []
    return [Block("Notes", [Item(sentence) for sentence in status.advice])]


# --- nodes


def node_name(node: NodeView, detail: bool) -> str:
    """A node's name; with detail its host and id."""
    name = node.name
    if detail and node.kind == "guest" and node.host:
        name += f"@{node.host}"
    return f"{name} ({node.id})" if detail and node.id != node.name and node.kind != "guest" else name


def node_state(node: NodeView) -> str:
    """A node's state in words."""
    if node.unclean:
        return f"UNCLEAN ({'online' if node.online else 'pending' if node.pending else 'offline'})"
    if node.pending:
        return "pending"
    if node.standby_on_fail and node.online:
        return "standby (on-fail)"
    if node.standby:
        if not node.online:
            return "OFFLINE (standby)"
        return "standby (with active resources)" if node.running else "standby"
    if node.maintenance:
        return "maintenance" if node.online else "OFFLINE (maintenance)"
    return "online" if node.online else "OFFLINE"


def _node_line(node: NodeView, options: ShowOptions) -> str:
    health = {"red": " (health is RED)", "yellow": " (health is YELLOW)"}.get(node.health_colour, "")
    text = f"{node.label} {node_name(node, options.detail)}: {node_state(node)}{health}"
    if options.detail and node.feature_set and node.online:
        text += f", feature set {node.feature_set}"
    return text


def _nodes(status: ClusterStatus, options: ShowOptions) -> list[Block]:
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
    running = [r for r in node.running if shown_resource(options, r)]
    if options.brief:
        below = _brief_items(running, options, with_nodes=False)
    else:
        below = [Item(resource_line(r, options, None, name=r.id)) for r in running]
    if options.brief and not below and not node.online:
        return None
    item = Item(f"{_node_line(node, options)}:")
    item.below = [Item("Resources:", below)]
    return item


# --- resources


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


def _resources(status: ClusterStatus, options: ShowOptions) -> list[Block]:
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
        items += _brief_items(plain, options, with_nodes=True)
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
    flags = [f"{_plural(hidden, 'member')} inactive"] if hidden else []
    flags += _container_flags(group)
    text = f"Resource Group: {group.full_id}" + (f" ({', '.join(flags)})" if flags else "")
    if group.description and options.description:
        text += f" ({group.description})"
    if options.brief:
        return Item(f"{text}:", _brief_items(group.children, options, with_nodes=True))
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


def _instance_display(child: ResourceView, clone: ResourceView, options: ShowOptions) -> str:
    """How an instance is shown: full, promoted, started, stopped, or empty for not at all."""
    partly = child.is_active(False)
    if options.detail:
        return "full" if partly or (not child.orphaned and (options.inactive or clone.unique)) else ""
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
    import re

    return [(0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in re.split(r"(\d+)", name) if part]


def _brief_items(resources: list[ResourceView], options: ShowOptions, *, with_nodes: bool) -> list[Item]:
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
            shown = f"{number}/{total_number}" if options.inactive else str(number)
            items.append(Item(f"{shown}\t({agent}):\tActive {node}"))
        if not active and options.inactive:
            items.append(Item(f"0/{total_number}\t({agent}):\tActive"))
    return items


# --- attributes, history, failures


def _attributes(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    if not options.shows("attributes"):
        return []
    items = []
    for node in status.nodes:
        if node.attributes and shown_node(options, node):
            lines = [Item(_attribute_line(a.name, a.value, a.expected)) for a in node.attributes]
            items.append(Item(f"Node: {node_name(node, options.detail)}:", lines))
    return [Block("Node Attributes", items)]


def _attribute_line(name: str, value: str, expected: int | None) -> str:
    text = f"{name:<32}\t: {value:<10}"
    if expected is None:
        return text
    number = int(value) if value.lstrip("-").isdigit() else 0
    if number <= 0:
        return f"{text}\t> Connectivity is lost"
    return f"{text}\t> Connectivity is degraded (Expected={expected})" if number < expected else text


def _history(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    operations = options.shows("operations")
    if not operations and not options.shows("failcounts"):
        return []
    items = []
    for node, histories in status.history:
        if not shown_node(options, node):
            continue
        lines = [_history_item(h, operations, options) for h in histories if _history_shown(h, options, operations)]
        if lines:
            items.append(Item(f"Node: {node_name(node, options.detail)}:", lines))
    return [
        Block(
            "Operations" if operations else "Migration Summary", items, always=not operations and bool(status.history)
        )
    ]


def _history_shown(history: HistoryView, options: ShowOptions, operations: bool) -> bool:
    if options.only_resources is not None and history.resource not in options.only_resources:
        return False
    return bool(history.operations) if operations else history.fail_count > 0


def _history_item(history: HistoryView, operations: bool, options: ShowOptions) -> Item:
    text = history.resource
    if history.orphaned:
        text += ": orphan"
    else:
        text += f": migration-threshold={history.threshold or 1_000_000}"
        if history.fail_count > 0:
            count = "INFINITY" if history.fail_count >= 1_000_000 else history.fail_count
            text += f" fail-count={count}"
        if history.last_failure > 0:
            text += f" last-failure='{when(history.last_failure)}'"
    if not operations:
        return Item(text)
    return Item(f"{text}:", [Item(_operation_line(operation, options)) for operation in history.operations])


def _operation_line(operation: OperationView, options: ShowOptions) -> str:
    text = f"({operation.call}) {operation.task}"
    if operation.interval_ms:
        text += f': interval="{operation.interval_ms}ms"'
    if options.timing:
        text += ":" if not operation.interval_ms else ""
        if operation.last_change:
            text += f' last-rc-change="{when(operation.last_change)}"'
        if operation.exec_ms:
            text += f' exec-time="{operation.exec_ms}ms"'
        if operation.queue_ms:
            text += f' queue-time="{operation.queue_ms}ms"'
        text += f" rc={operation.rc} ({operation.rc_text})"
    return text


def _failures(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    if not options.shows("failures"):
        return []
    line: Callable[[FailureView], str] = failure_detail if options.detail else failure_line
    items = []
    for failure in status.failures:
        if options.only_nodes is not None and failure.node not in options.only_nodes:
            continue
        if options.only_resources is not None and failure.resource not in options.only_resources:
            continue
        items.append(Item(line(failure)))
    return [Block("Failed Resource Actions", items)]


def failure_line(failure: FailureView) -> str:
    """A failed operation as a sentence."""
    interval = f"{_readable_interval(failure.interval_ms)}-interval " if failure.interval_ms else ""
    task = "probe" if failure.task == "monitor" and not failure.interval_ms else failure.task
    text = f"{failure.resource} {interval}{task} on {failure.node}"
    if failure.status_code == 0:
        text += f" returned '{failure.rc_text}'"
        text += f" ({failure.reason})" if failure.reason else ""
    else:
        text += f" could not be executed ({failure.status}"
        text += f": {failure.reason})" if failure.reason else ")"
    if failure.last_change:
        text += f" at {when(failure.last_change)}"
    if failure.exec_ms and failure.exec_ms.isdigit() and int(failure.exec_ms):
        text += f" after {_readable_interval(int(failure.exec_ms))}"
    return text


def _readable_interval(milliseconds: int) -> str:
    """A duration as Pacemaker's readable intervals: 1m30s, 10s, 20ms."""
    text = ""
    rest = milliseconds
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if rest > size:
            text += f"{rest // size}{unit}"
            rest %= size
    if rest >= 1000 or (rest and text):
        fraction = f".{rest % 1000:03d}" if rest % 1000 else ""
        return f"{text}{rest // 1000}{fraction}s"
    return text + (f"{rest}ms" if rest else "") or "0s"


def failure_detail(failure: FailureView) -> str:
    """A failed operation with everything that is known of it."""
    reason = f", exitreason='{failure.reason}'" if failure.reason else ""
    changed = f", last-rc-change='{when(failure.last_change)}'" if failure.last_change else ""
    times = f", queued={failure.queue_ms or 0}ms, exec={failure.exec_ms or 0}ms" if failure.last_change else ""
    return (
        f"{failure.key} on {failure.node} '{failure.rc_text}' ({failure.rc}): call={failure.call}, "
        f"status='{failure.status}'{reason}{changed}{times}"
    )


# --- fencing, tickets, bans


def _fencing(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    wanted = {
        "failed": options.shows("fencing-failed"),
        "pending": options.shows("fencing-pending"),
        "success": options.shows("fencing-succeeded"),
    }
    records = [record for record in status.fencing if wanted.get(record.state, False)]
    if options.shows("fencing-succeeded"):
        return [Block("Fencing History", [Item(fencing_line(record)) for record in records])]
    blocks = []
    for state, title in (("failed", "Failed Fencing Actions"), ("pending", "Pending Fencing Actions")):
        blocks.append(Block(title, [Item(fencing_line(record)) for record in records if record.state == state]))
    return blocks


def fencing_line(record: FencingView) -> str:
    """A fencing action as a sentence."""
    verb = {"off": "turning off", "on": "turning on"}.get(record.action, record.action)
    origin = f"client={record.client}, origin={record.origin}"
    if record.state == "pending":
        return f"{verb} of {record.target} pending: {origin}"
    result = "successful" if record.state == "success" else "failed"
    reason = f" ({record.reason})" if record.reason else ""
    by = f"delegate={record.executed_by}, " if record.executed_by else ""
    done = "completed" if record.state == "success" else "failed"
    return f"{verb} of {record.target} {result}{reason}: {by}{origin}, {done}='{when(record.when)}'"


def _tickets(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    if not options.shows("tickets"):
        return []
    items = []
    for ticket in status.tickets:
        state = "granted" if ticket.granted else "revoked"
        standby = " [standby]" if ticket.standby else ""
        granted = f" last-granted='{when(ticket.last_granted)}'" if ticket.last_granted is not None else ""
        items.append(Item(f"{ticket.id}\t{state}{standby}{granted}"))
    return [Block("Tickets", items)]


def _bans(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    if not options.shows("bans"):
        return []
    items = []
    for ban in status.bans:
        if not ban.id.startswith(options.ban_prefix):
            continue
        if options.only_resources is not None and ban.resource not in options.only_resources:
            continue
        doing = "becoming promoted" if ban.promoted_only else "running"
        items.append(Item(f"{ban.id}\tprevents {ban.resource} from {doing} on {ban.node}"))
    return [Block("Negative Location Constraints", items)]
