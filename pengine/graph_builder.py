"""Makes the transition graph: which actions are really carried out, and what each of them waits for.

Source: design page 0010, "The graph".
"""

from __future__ import annotations

from cib.values import interval_ms_or
from pengine.action_attributes import MAINTENANCE_TASK, describe_action, maintenance_changes
from pengine.actions import global_pseudo_action
from pengine.effective_flags import flags_of
from pengine.graph import Action as DescribedAction
from pengine.graph import Graph, Synapse
from pengine.notifications import create_notifications
from pengine.vocabulary import (
    ALWAYS_IN_GRAPH,
    BUNDLE,
    CLONE,
    FIRST_IMPLIES_THEN_GRAPHED,
    IF_FIRST_UNMIGRATABLE,
    IF_ON_SAME_NODE_OR_TARGET,
    IF_REQUIRED_ON_SAME_NODE,
    IN_GRAPH,
    MIGRATABLE,
    MIN_RUNNABLE,
    ON_DC,
    OPTIONAL,
    ORDERED,
    PSEUDO,
    RUNNABLE,
    THEN_IMPLIES_FIRST_GRAPHED,
    UNMIGRATABLE_THEN_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Edge,
    Resource,
)

_TRANSITION_ID = 1
_GRAPHED = FIRST_IMPLIES_THEN_GRAPHED | THEN_IMPLIES_FIRST_GRAPHED


def build_graph(cluster: Cluster) -> Graph:
    """Return the graph of everything that must be done."""
    builder = _Builder(cluster)
    for resource in cluster.resources:
        builder.add_resource(resource)
    _tell_maintenance(cluster)
    for action in reversed(cluster.actions):
        if not action.flags & IN_GRAPH:
            builder.add(action)
    options = cluster.options
    return Graph(
        transition_id=_TRANSITION_ID,
        cluster_delay_ms=interval_ms_or(options.cluster_delay),
        stonith_timeout_ms=interval_ms_or(options.fencing_timeout),
        failed_stop_offset="INFINITY",
        failed_start_offset="INFINITY" if options.start_failure_is_fatal else "1",
        batch_limit=options.batch_limit,
        migration_limit=options.migration_limit,
        recheck_at=cluster.context.recheck_at,
        synapses=tuple(builder.synapses),
        cluster_delay=options.cluster_delay,
        stonith_timeout=options.fencing_timeout,
        outside=builder.outside(),
    )


def _tell_maintenance(cluster: Cluster) -> None:
    """Let the controller record which remote and guest nodes have gone into, or come out of, maintenance."""
    if maintenance_changes(cluster):
        action = global_pseudo_action(cluster, MAINTENANCE_TASK)
        action.set(ALWAYS_IN_GRAPH)


class _Builder:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.synapses: list[Synapse] = []
        self._awaited: dict[int, Action] = {}

    def add_resource(self, resource: Resource) -> None:
        """Add the actions of a resource and of all below it (of clones: first those below)."""
        if resource.kind == BUNDLE:
            self._add_bundle(resource)
            return
        if resource.kind == CLONE:
            for action in resource.actions:
                flags_of(action, None)  # takes in what became of the instances since it was evaluated
            if resource.notify:
                create_notifications(self._cluster, resource)
            for child in resource.children:
                self.add_resource(child)
        for action in reversed(resource.actions):
            self.add(action)
        if resource.kind != CLONE:
            for child in resource.children:
                self.add_resource(child)

    def _add_bundle(self, bundle: Resource) -> None:
        """Add what belongs to a bundle; its own actions come with those that belong to no resource."""
        if bundle.bundled is not None:
            self.add_resource(bundle.bundled)
        for replica in bundle.replicas:
            for part in (replica.ip, replica.container, replica.connection):
                if part is not None:
                    self.add_resource(part)

    def add(self, action: Action) -> None:
        """Add one action with its inputs, if it is to be carried out."""
        if not action.deduplicated:
            merge_duplicate_edges(action)
        if action.flags & IN_GRAPH or not belongs_in_graph(self._cluster, action):
            return
        action.set(IN_GRAPH)
        inputs: list[int] = []
        for edge in sorted(action.before, key=_edge_id):
            if edge.in_graph or is_input(self._cluster, action, edge):
                edge.in_graph = True
                inputs.append(edge.action.id)
                self._awaited[edge.action.id] = edge.action
        resource_priority = action.resource.priority if action.resource is not None else 0
        priority = max(resource_priority, action.priority)
        described = describe_action(self._cluster, action)
        self.synapses.append(Synapse(len(self.synapses), max(priority, 0), (described,), tuple(inputs)))

    def outside(self) -> tuple[DescribedAction, ...]:
        """Return what is waited for and is not in the graph."""
        missing = (action for action in self._awaited.values() if not action.flags & IN_GRAPH)
        return tuple(describe_action(self._cluster, action) for action in missing)


def _edge_id(edge: Edge) -> int:
    return edge.action.id


def merge_duplicate_edges(action: Action) -> None:
    """Unite several edges from the same action into one."""
    merged: dict[int, Edge] = {}
    for edge in sorted(action.before, key=_edge_id):
        earlier = merged.get(edge.action.id)
        if earlier is None:
            merged[edge.action.id] = edge
        else:
            earlier.marks |= edge.marks
    action.before = list(merged.values())
    action.deduplicated = True


def belongs_in_graph(cluster: Cluster, action: Action) -> bool:
    """Say whether an action is to be carried out."""
    if not action.flags & RUNNABLE:
        return False
    if action.flags & OPTIONAL and not action.flags & ALWAYS_IN_GRAPH:
        return False
    resource = action.resource
    if resource is not None and not resource.managed and not action.interval_ms and action.task != "monitor":
        return False
    if action.flags & PSEUDO or action.task in ("stonith", "do_shutdown"):
        return True
    node = action.node
    if node is None:
        return False
    if action.flags & ON_DC:
        return True
    if node.is_guest and not node.reset:
        return True
    return node.online and not node.unclean


def is_input(cluster: Cluster, action: Action, edge: Edge) -> bool:
    """Say whether an action really has to wait for the action on the other side of an edge."""
    first = edge.action
    marks = edge.marks
    if marks == 0:
        return False
    if not first.flags & RUNNABLE:
        if not marks & ~(ORDERED | _GRAPHED):
            return False
        if marks & (MIN_RUNNABLE | UNMIGRATABLE_THEN_BLOCKS):
            return False
    if marks & IF_FIRST_UNMIGRATABLE and first.flags & MIGRATABLE:
        return False
    if marks == ORDERED and first.flags & MIGRATABLE and first.key.endswith("_stop_0"):
        return False
    if marks == IF_ON_SAME_NODE_OR_TARGET:
        if not _same_node_or_target(action, first):
            edge.marks = 0
            return False
    elif marks == IF_REQUIRED_ON_SAME_NODE and (first.flags & OPTIONAL or _apart(first, action)):
        edge.marks = 0
        return False
    resource = first.resource
    if (
        resource is not None
        and resource is not action.resource
        and first.task == "stop"
        and resource.failed
        and not resource.managed
        and action.resource is not None
        and action.resource.top().kind == CLONE
    ):
        return False
    return not (
        first.flags & OPTIONAL
        and not first.flags & (ALWAYS_IN_GRAPH | IN_GRAPH)
        and not belongs_in_graph(cluster, first)
    )


def _apart(first: Action, then: Action) -> bool:
    return first.node is not None and then.node is not None and first.node is not then.node


def _same_node_or_target(action: Action, first: Action) -> bool:
    """Whether the place where room is made is the one where it is needed."""
    if action.resource is not None and action.task == "migrate_to":
        return first.node is action.resource.assigned
    return first.node is action.node and not first.flags & OPTIONAL
