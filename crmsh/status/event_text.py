"""Attributes, histories, failures, fencing, tickets and bans as text, in the layout of crm_mon."""

from __future__ import annotations

from collections.abc import Callable

from cib.values import readable_interval
from crmsh.status.blocks import Block, Item, when
from crmsh.status.model import ClusterStatus, FailureView, FencingView, HistoryView, OperationView
from crmsh.status.node_text import node_name
from crmsh.status.options import ShowOptions, shown_history, shown_node


def attribute_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """Attributes of nodes."""
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
        return f"{text}\t: Connectivity is lost"
    return f"{text}\t: Connectivity is degraded (Expected={expected})" if number < expected else text


def history_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """The history of operations, or of failures only."""
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
    if not shown_history(options, history.resource):
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


def failure_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """Failed operations."""
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
    interval = f"{readable_interval(failure.interval_ms)}-interval " if failure.interval_ms else ""
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
        text += f" after {readable_interval(int(failure.exec_ms))}"
    return text


def failure_detail(failure: FailureView) -> str:
    """A failed operation with everything that is known of it."""
    reason = f", exitreason='{failure.reason}'" if failure.reason else ""
    changed = f", last-rc-change='{when(failure.last_change)}'" if failure.last_change else ""
    times = f", queued={failure.queue_ms or 0}ms, exec={failure.exec_ms or 0}ms" if failure.last_change else ""
    return (
        f"{failure.key} on {failure.node} '{failure.rc_text}' ({failure.rc}): call={failure.call}, "
        f"status='{failure.status}'{reason}{changed}{times}"
    )


def fencing_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """Fencing actions."""
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


def ticket_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """Tickets."""
    if not options.shows("tickets"):
        return []
    items = []
    for ticket in status.tickets:
        state = "granted" if ticket.granted else "revoked"
        standby = " [standby]" if ticket.standby else ""
        granted = f" last-granted='{when(ticket.last_granted)}'" if ticket.last_granted is not None else ""
        items.append(Item(f"{ticket.id}\t{state}{standby}{granted}"))
    return [Block("Tickets", items)]


def ban_blocks(status: ClusterStatus, options: ShowOptions) -> list[Block]:
    """Constraints that keep resources from nodes."""
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
