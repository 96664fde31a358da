"""Writes a graph as Pacemaker's `transition_graph` document."""

from __future__ import annotations

from pengine.graph import Action, Graph, Synapse


def graph_to_xml(graph: Graph) -> str:
    """Return the document's text, laid out as Pacemaker does."""
    lines = [_header(graph)]
    by_id = {action.id: action for synapse in graph.synapses for action in synapse.actions}
    by_id.update((action.id, action) for action in graph.outside)
    for synapse in graph.synapses:
        _write_synapse(synapse, by_id, lines)
    lines.append("</transition_graph>\n")
    return "\n".join(lines)


def _header(graph: Graph) -> str:
    parts = [
        f'cluster-delay="{escape(graph.cluster_delay)}"',
        f'fencing-timeout="{escape(graph.stonith_timeout)}"',
        f'failed-stop-offset="{graph.failed_stop_offset}"',
        f'failed-start-offset="{graph.failed_start_offset}"',
    ]
    if graph.batch_limit:
        parts.append(f'batch-limit="{graph.batch_limit}"')
    parts.append(f'transition_id="{graph.transition_id}"')
    if graph.migration_limit > 0:
        parts.append(f'migration-limit="{graph.migration_limit}"')
    if graph.recheck_at is not None:
        parts.append(f'recheck-by="{graph.recheck_at}"')
    return f"<transition_graph {' '.join(parts)}>"


def _write_synapse(synapse: Synapse, by_id: dict[int, Action], lines: list[str]) -> None:
    priority = f' priority="{synapse.priority}"' if synapse.priority > 0 else ""
    lines.append(f'  <synapse id="{synapse.id}"{priority}>')
    lines.append("    <action_set>")
    for action in synapse.actions:
        _write_action(action, lines)
    lines.append("    </action_set>")
    inputs = [by_id[identifier] for identifier in synapse.inputs]
    if not inputs:
        lines.append("    <inputs/>")
    else:
        lines.append("    <inputs>")
        for action in inputs:
            lines.extend(("      <trigger>", f"        <{_element(action)}/>", "      </trigger>"))
        lines.append("    </inputs>")
    lines.append("  </synapse>")


def _element(action: Action) -> str:
    pairs: list[tuple[str, str | None]] = [
        ("id", str(action.id)),
        ("mode", action.mode),
        ("operation", action.task),
        ("operation_key", action.task_key),
        ("internal_operation_key", action.internal_key),
        ("on_node", action.node_name),
        ("on_node_uuid", action.node_uuid),
        ("router_node", action.router_node),
        ("shutdown-lock", None if action.shutdown_lock is None else str(action.shutdown_lock)),
    ]
    return action.kind + "".join(f' {name}="{escape(value)}"' for name, value in pairs if value is not None)


def _write_action(action: Action, lines: list[str]) -> None:
    children: list[str] = []
    resource = action.resource
    if resource is not None:
        pairs: list[tuple[str, str | None]] = [
            ("id", resource.id),
            ("long-id", resource.long_id),
            ("class", resource.standard),
            ("provider", resource.provider),
            ("type", resource.type),
        ]
        text = "".join(f' {name}="{escape(value)}"' for name, value in pairs if value)
        children.append(f"        <{resource.tag}{text}/>")
    if action.attributes is not None:
        text = "".join(f' {name}="{escape(value)}"' for name, value in sorted(action.attributes.items()))
        if action.parameters:
            children.append(f"        <attributes{text}>")
            children.extend(
                f'          <param name="{escape(name)}" value="{escape(value)}"/>' for name, value in action.parameters
            )
            children.append("        </attributes>")
        else:
            children.append(f"        <attributes{text}/>")
    if action.downed is not None:
        children.append("        <downed>")
        children.extend(f'          <node id="{escape(node)}"/>' for node in action.downed)
        children.append("        </downed>")
    if action.maintenance is not None:
        children.append("        <maintenance>")
        children.extend(
            f'          <node id="{escape(node)}" node_in_maintenance="{value}"/>' for node, value in action.maintenance
        )
        children.append("        </maintenance>")
    lines.append(f"      <{_element(action)}>")
    lines.extend(children)
    lines.append(f"      </{action.kind}>")


def escape(value: str) -> str:
    """Return `value` as it may stand in an attribute."""
    if not any(character in value for character in '&<>"\n\r\t'):
        return value
    for plain, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("\n", "&#10;"),
        ("\r", "&#13;"),
        ("\t", "&#9;"),
    ):
        value = value.replace(plain, entity)
    return value
