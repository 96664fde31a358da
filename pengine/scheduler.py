"""The stages of a run, in order: from what the document says to a transition graph."""

from __future__ import annotations

import sys

from cib.values import format_score
from pengine.assignment import add_internal_colocations, assign_resources
from pengine.colocations import unpack_colocation
from pengine.config_check import check_configuration_changes, schedule_removed_cleanups
from pengine.constraint_targets import index_history_names
from pengine.fencing import schedule_fencing_and_shutdowns
from pengine.graph import Graph
from pengine.graph_builder import build_graph
from pengine.internal_orderings import add_anticolocation_orderings, add_internal_orderings
from pengine.ledger import Ledger
from pengine.locations import apply_node_criteria, unpack_location
from pengine.nodes import apply_node_health
from pengine.order_constraints import unpack_order
from pengine.ordering import apply_orderings
from pengine.probes import schedule_probes
from pengine.reading import read_cluster
from pengine.remote_orderings import order_remote_actions
from pengine.resource_actions import create_actions
from pengine.score_rows import PROMOTION, lines_of
from pengine.state import (
    ClusterState,
    ColocationDefinition,
    LocationDefinition,
    OrderDefinition,
    TicketDefinition,
)
from pengine.tickets import unpack_ticket
from pengine.unmet import unmet_reasons
from pengine.vocabulary import (
    BUNDLE,
    PRIMITIVE,
    ROLE_NAMES,
)
from pengine.working import (
    Cluster,
    Resource,
)

_RECURSION_MAX = 200_000
"""Orderings and colocations spread along chains of resources, each step of which is a call."""


class Placement:
    """Where a primitive is and where it shall be."""

    __slots__ = ("current", "next_role", "node", "resource", "role")

    def __init__(self, resource: str, current: tuple[str, ...], role: str, node: str | None, next_role: str) -> None:
        self.resource = resource
        self.current = current
        self.role = role
        self.node = node
        self.next_role = next_role


class Outcome:
    """What a run decided.

    `placements` by resource id; `scores` as people ask to see them (one line each); `graph` what must be done;
    `notes` what people should be told, `deeds` only until the graph is carried out; `ledger` why; `cluster` the working
    data, for those who render a status.
    """

    __slots__ = ("cluster", "deeds", "graph", "ledger", "notes", "placements")

    def __init__(
        self,
        placements: dict[str, Placement],
        graph: Graph,
        notes: list[str],
        deeds: list[str],
        ledger: Ledger,
        cluster: Cluster,
    ) -> None:
        self.placements = placements
        self.graph = graph
        self.notes = notes
        self.deeds = deeds
        self.ledger = ledger
        self.cluster = cluster

    @property
    def scores(self) -> list[str]:
        """The assignment scores; written when somebody asks, which the controller never does."""
        return score_lines(self.cluster)


def schedule(state: ClusterState, now: int, *, sanitized: bool = False) -> Outcome:
    """Decide what runs where and what must be done.

    `now` is in seconds since the epoch. With `sanitized` differences in secret parameters alone do not count
    (for documents that were published with secrets masked). The state is not changed.
    """
    cluster = read_cluster(state, now, sanitized=sanitized)
    decide(cluster)
    graph = build_graph(cluster)
    placements: dict[str, Placement] = {}
    for resource in cluster.resources:
        _add_placements(resource, placements)
    notes = [*cluster.notes, *unmet_reasons(cluster)]
    return Outcome(placements, graph, notes, cluster.deeds, cluster.ledger, cluster)


def decide(cluster: Cluster) -> None:
    """Choose nodes and roles, create the actions that follow, and settle their order."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION_MAX))
    index_history_names(cluster)
    apply_node_health(cluster)
    _unpack_constraints(cluster)
    apply_node_criteria(cluster)
    add_internal_colocations(cluster)
    add_internal_orderings(cluster)
    add_anticolocation_orderings(cluster)
    check_configuration_changes(cluster)
    _note_missing_fencing(cluster)
    assign_resources(cluster)
    if any(resource.kind == BUNDLE for resource in cluster.resources):
        check_configuration_changes(cluster, floating=True)
    schedule_probes(cluster)
    schedule_removed_cleanups(cluster)
    for resource in cluster.resources:
        create_actions(cluster, resource)
    order_remote_actions(cluster)
    schedule_fencing_and_shutdowns(cluster)
    apply_orderings(cluster)
    cluster.ledger.name_nodes([node.name for node in cluster.nodes_by_index])


def _note_missing_fencing(cluster: Cluster) -> None:
    if cluster.options.fencing_enabled and not cluster.fence_device_exists and cluster.resources:
        cluster.note(
            "no resource is started or stopped: fencing is enabled (fencing-enabled, stonith-enabled) but no "
            "fence device is configured; define one, or disable fencing knowing that shared data are then at risk"
        )


def _unpack_constraints(cluster: Cluster) -> None:
    for definition in cluster.state.constraints:
        if isinstance(definition, LocationDefinition):
            unpack_location(cluster, definition)
        elif isinstance(definition, ColocationDefinition):
            unpack_colocation(cluster, definition)
        elif isinstance(definition, OrderDefinition):
            unpack_order(cluster, definition)
        elif isinstance(definition, TicketDefinition):
            unpack_ticket(cluster, definition)


def score_lines(cluster: Cluster) -> list[str]:
    """Return the assignment scores in the order in which they came about, as text."""
    return [score_text(*line) for line in lines_of(cluster.score_rows, cluster.nodes)]


def score_text(function: str, resource: str, node: str | None, score: int) -> str:
    """Return a score as people ask to see it; `function` is `promotion` for one that decides about a role."""
    if function == PROMOTION:
        where = f"on {node}" if node is not None else "(inactive)"
        return f"{resource} promotion score {where}: {format_score(score)}"
    return f"{function}: {resource} allocation score on {node}: {format_score(score)}"


def _add_placements(resource: Resource, placements: dict[str, Placement]) -> None:
    if resource.kind == PRIMITIVE:
        placements[resource.id] = Placement(
            resource.id,
            tuple(node.name for node in resource.running_on),
            ROLE_NAMES[resource.orig_role],
            resource.assigned.name if resource.assigned is not None else None,
            ROLE_NAMES[resource.next_role],
        )
    for child in resource.children:
        _add_placements(child, placements)
