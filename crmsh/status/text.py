"""A status as text, in the layout of crm_mon."""

from __future__ import annotations

from crmsh.status.blocks import Block, Item, item_lines, plural
from crmsh.status.event_text import (
    attribute_blocks,
    ban_blocks,
    failure_blocks,
    fencing_blocks,
    history_blocks,
    ticket_blocks,
)
from crmsh.status.model import ClusterStatus
from crmsh.status.node_text import node_blocks
from crmsh.status.options import ShowOptions
from crmsh.status.resource_text import resource_blocks


def render_text(status: ClusterStatus, options: ShowOptions) -> str:
    """The whole text, ending in a newline."""
    parts: list[str] = []
    summary = _summary(status, options)
    if summary:
        parts.append("Cluster Summary:\n" + item_lines(summary, 1))
    parts += _disabled_notice(status, options)
    blocks = [
        *_advice(status, options),
        *node_blocks(status, options),
        *resource_blocks(status, options),
        *attribute_blocks(status, options),
        *history_blocks(status, options),
        *failure_blocks(status, options),
        *fencing_blocks(status, options),
        *ticket_blocks(status, options),
        *ban_blocks(status, options),
    ]
    for block in blocks:
        if block.items or block.always:
            parts.append(f"{block.title}:\n" + item_lines(block.items, 1))
    return "\n".join(parts)


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
        items.append(Item(f"{plural(summary.nodes, 'node')} configured"))
        items.append(Item(f"{plural(summary.resources, 'resource instance')} configured{_counts(status)}"))
    if options.shows("options") and options.options_named:
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
    mixed = "MIXED-VERSION " if coordinator.mixed else ""
    return f"{name} (version {coordinator.version}) - {mixed}partition {quorum}"


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
