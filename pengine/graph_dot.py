"""Writes the actions of a run and their orderings for Graphviz."""

from __future__ import annotations

from pengine.vocabulary import (
    IN_GRAPH,
    OPTIONAL,
    PSEUDO,
)
from pengine.working import (
    Action,
    Cluster,
)


def graph_to_dot(cluster: Cluster, all_actions: bool, *, numbers: bool = False) -> str:
    """Return the graph in the DOT language.

    With `all_actions` also what is not needed is in it; with `numbers` the number of each action is in its name.
    """
    lines = [' digraph "g" {']
    shown: set[int] = set()
    for action in reversed(cluster.actions):
        style = _style(action, all_actions)
        if style is None:
            continue
        shown.add(action.id)
        line, colour = style
        unmanaged = action.resource is not None and not action.resource.managed and not action.flags & IN_GRAPH
        font = "purple" if unmanaged else "orange" if action.flags & PSEUDO else "black"
        lines.append(f'"{_name(action, numbers)}" [ style={line} color="{colour}" fontcolor="{font}"]')
    for action in reversed(cluster.actions):
        for edge in action.before:
            if edge.in_graph and edge.action.flags & IN_GRAPH and action.flags & IN_GRAPH:
                style_text = " [ style = bold]"
            elif all_actions and edge.marks and edge.action.id in shown and action.id in shown:
                style_text = " [ style = dashed]"
            else:
                continue
            lines.append(f'"{_name(edge.action, numbers)}" -> "{_name(action, numbers)}"{style_text}')
    lines.append("}")
    return "\n".join(lines) + "\n"


def _style(action: Action, all_actions: bool) -> tuple[str, str] | None:
    if action.flags & IN_GRAPH:
        return "bold", "green"
    if action.resource is not None and not action.resource.managed:
        return ("dashed", "red") if all_actions else None
    if action.flags & OPTIONAL:
        return ("dashed", "blue") if all_actions else None
    return "dashed", "red"


def _name(action: Action, numbers: bool) -> str:
    return f"{_plain_name(action)} ({action.id})" if numbers else _plain_name(action)


def _plain_name(action: Action) -> str:
    where = action.node.name if action.node is not None else ""
    if action.task == "stonith":
        return f"stonith '{action.meta.get('stonith_action', '')}' {where}"
    if action.task == "cancel":
        return f"Cancel {action.key} {where}"
    if action.resource is None and not action.flags & PSEUDO:
        return f"{action.task} {where}"
    if action.node is None and not action.flags & PSEUDO:
        where = "<none>"
    return f"{action.key} {where}" if where else action.key
