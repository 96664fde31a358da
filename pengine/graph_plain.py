"""A graph as plain tuples, and back: the form in which it travels (`pengine.wire`).

Each tuple holds the fields in the order of the class's `__init__`. What is outside of the graph does not travel:
whoever carries it out has no use for it.
"""

from __future__ import annotations

from pengine.graph import Action, Graph, ResourceRef, Synapse

PlainResource = tuple[str, str, str | None, str, str | None, str]
PlainAction = tuple[
    int,
    str,
    str,
    str,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    int | None,
    PlainResource | None,
    dict[str, str] | None,
    list[tuple[str, str]],
    list[str] | None,
    list[tuple[str, str]] | None,
]
PlainSynapse = tuple[int, int, list[PlainAction], list[int]]
PlainGraph = tuple[int, int, int, str, str, int, int, int | None, list[PlainSynapse], str, str]


def to_plain(graph: Graph) -> PlainGraph:
    """Return the graph as plain tuples."""
    return (
        graph.transition_id,
        graph.cluster_delay_ms,
        graph.stonith_timeout_ms,
        graph.failed_stop_offset,
        graph.failed_start_offset,
        graph.batch_limit,
        graph.migration_limit,
        graph.recheck_at,
        [
            (
                synapse.id,
                synapse.priority,
                [_action_to_plain(action) for action in synapse.actions],
                list(synapse.inputs),
            )
            for synapse in graph.synapses
        ],
        graph.cluster_delay,
        graph.stonith_timeout,
    )


def _action_to_plain(action: Action) -> PlainAction:
    about = action.resource
    return (
        action.id,
        action.kind,
        action.task,
        action.task_key,
        action.node_name,
        action.node_uuid,
        action.router_node,
        action.internal_key,
        action.mode,
        action.shutdown_lock,
        None if about is None else (about.id, about.standard, about.provider, about.type, about.long_id, about.tag),
        action.attributes,
        action.parameters,
        action.downed,
        action.maintenance,
    )


def from_plain(plain: PlainGraph) -> Graph:
    """Return the graph that `to_plain` made tuples of."""
    synapses = tuple(
        Synapse(number, priority, tuple([_action_from_plain(action) for action in actions]), tuple(inputs))
        for number, priority, actions, inputs in plain[8]
    )
    return Graph(*plain[:8], synapses, *plain[9:])


def _action_from_plain(plain: PlainAction) -> Action:
    about = plain[10]
    return Action(*plain[:10], None if about is None else ResourceRef(*about), *plain[11:])
