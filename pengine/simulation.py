"""Carries out a transition graph on paper: what would happen, and what the status would then be.

Every action succeeds at once. The order is that in which the controller would find actions ready when it goes over
the graph again and again.

Source: design page 0010, "Simulation".
"""

from __future__ import annotations

from cib.digests import FEATURE_SET, operation_digest
from cib.values import leading_integer
from pengine.graph import CRM_EVENT, PSEUDO_EVENT, Action, Graph
from pengine.state import EMPTY_BLOCK, ClusterState, HistoryEntry, NodeStatus, ResourceHistory
from pengine.working import Cluster, Resource

_FAKE_UUID = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
_KEPT_BY_KEY = frozenset({"migrate_to", "migrate_from"})


class Simulation:
    """What came out: the lines that tell what was done, the state afterwards, whether all could be done."""

    __slots__ = ("complete", "lines", "state")

    def __init__(self, lines: list[str], state: ClusterState, complete: bool) -> None:
        self.lines = lines
        self.state = state
        self.complete = complete


def simulate(cluster: Cluster, graph: Graph) -> Simulation:
    """Carry out a graph that was made for a cluster."""
    return _Simulator(cluster, graph).run()


class _Simulator:
    def __init__(self, cluster: Cluster, graph: Graph) -> None:
        self._cluster = cluster
        self._graph = graph
        self._lines: list[str] = []
        self._status = list(cluster.state.node_status)
        self._names = set(cluster.by_id) | _history_names(cluster.resources)

    def run(self) -> Simulation:
        confirmed: set[int] = set()
        waiting = list(self._graph.synapses)
        progress = True
        while waiting and progress:
            progress = False
            remaining = []
            for synapse in waiting:
                if any(identifier not in confirmed for identifier in synapse.inputs):
                    remaining.append(synapse)
                    continue
                for action in synapse.actions:
                    self._execute(action)
                    confirmed.add(action.id)
                progress = True
            waiting = remaining
        return Simulation(self._lines, self._state(), not waiting)

    def _state(self) -> ClusterState:
        old = self._cluster.state
        return ClusterState(
            source=None,
            attributes=old.attributes,
            options=old.options,
            nodes=old.nodes,
            resources=old.resources,
            constraints=old.constraints,
            tags=old.tags,
            resource_defaults=old.resource_defaults,
            operation_defaults=old.operation_defaults,
            tickets=old.tickets,
            node_status=tuple(self._status),
            zone=old.zone,
            any_unfencing=old.any_unfencing,
        )

    def _execute(self, action: Action) -> None:
        if action.kind == PSEUDO_EVENT:
            where = f" on {action.node_name}" if action.node_name is not None else ""
            self._lines.append(f"Pseudo action:   {action.task_key}{where}")
        elif action.kind == CRM_EVENT:
            self._execute_cluster_action(action)
        else:
            self._execute_operation(action)

    def _execute_cluster_action(self, action: Action) -> None:
        if action.task == "stonith":
            operation = (action.attributes or {}).get("CRM_meta_stonith_action", "")
            self._lines.append(f"Fencing {action.node_name} ({operation})")
            if operation != "on":
                self._fence(action)
            return
        subject = f" for {action.resource.id}" if action.resource is not None else ""
        self._lines.append(f"Cluster action:  {action.task}{subject} on {action.node_name}")

    def _fence(self, action: Action) -> None:
        position = self._find_node(action)
        down = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}
        if position is None:
            attributes = {"id": action.node_uuid or "", "uname": action.node_name or "", **down}
            self._status.append(
                NodeStatus(action.node_uuid, action.node_name, attributes, EMPTY_BLOCK, EMPTY_BLOCK, ())
            )
            return
        old = self._status[position]
        self._status[position] = NodeStatus(old.id, old.name, {**old.attributes, **down}, EMPTY_BLOCK, EMPTY_BLOCK, ())

    def _find_node(self, action: Action) -> int | None:
        for position, status in enumerate(self._status):
            if (status.name or "").lower() == (action.node_name or "").lower():
                return position
        return None

    def _execute_operation(self, action: Action) -> None:
        assert action.resource is not None
        attributes = action.attributes or {}
        name = action.resource.id
        if name not in self._names and action.resource.long_id is not None:
            name = action.resource.long_id
        interval = leading_integer(attributes.get("CRM_meta_interval")) or 0
        suffix = f"={interval}" if interval else ""
        self._lines.append(f"Resource action: {name:<15} {action.task}{suffix} on {action.node_name}")
        if action.task in ("delete", "meta-data"):
            return
        position = self._find_node(action)
        if position is None:
            identifier = action.node_name if action.router_node else action.node_uuid
            attributes_of_node = {"id": identifier or "", "uname": action.node_name or ""}
            self._status.append(
                NodeStatus(identifier, action.node_name, attributes_of_node, EMPTY_BLOCK, EMPTY_BLOCK, ())
            )
            position = len(self._status) - 1
        old = self._status[position]
        resources = _with_result(old.resources, name, action, self._entry(action, attributes, interval))
        self._status[position] = NodeStatus(old.id, old.name, old.attributes, old.transient, old.utilization, resources)

    def _entry(self, action: Action, attributes: dict[str, str], interval: int) -> HistoryEntry:
        target_rc = leading_integer(attributes.get("CRM_meta_op_target_rc")) or 0
        task = "start" if action.task == "reload-agent" else action.task
        key = f"{self._graph.transition_id}:{action.id}:{target_rc}:{_FAKE_UUID}"
        return HistoryEntry(
            id="",
            task=task,
            key="",
            interval_ms=interval,
            call_id=-1,
            rc=target_rc,
            status=0,
            last_change=self._cluster.now,
            transition_key=key,
            transition_magic=f"0:{target_rc};{key}",
            digest=operation_digest(attributes, interval),
            restart_digest=None,
            secure_digest=None,
            force_restart=None,
            secure_parameters=None,
            feature_set=FEATURE_SET,
            migrate_source=attributes.get("CRM_meta_migrate_source"),
            migrate_target=attributes.get("CRM_meta_migrate_target"),
        )


def _history_names(resources: list[Resource]) -> set[str]:
    names: set[str] = set()
    for resource in resources:
        if resource.history_id is not None:
            names.add(resource.history_id)
        names |= _history_names(resource.children)
    return names


def _with_result(
    histories: tuple[ResourceHistory, ...], name: str, action: Action, entry: HistoryEntry
) -> tuple[ResourceHistory, ...]:
    """Return the histories of a node with one more result in that of the resource."""
    assert action.resource is not None
    for candidate in (name, action.resource.id):
        positions = [position for position, history in enumerate(histories) if history.id == candidate]
        if len(positions) == 1:  # where a document has several, none of them is the one to continue
            position = positions[0]
            changed = _add_entry(histories[position], entry)
            return (*histories[:position], changed, *histories[position + 1 :])
    resource = action.resource
    empty = ResourceHistory(resource.id, resource.standard, resource.provider, resource.type, None, None, ())
    return (*histories, _add_entry(empty, entry))


def _add_entry(history: ResourceHistory, entry: HistoryEntry) -> ResourceHistory:
    key = f"{history.id}_{entry.task}_{entry.interval_ms}"
    entry.key = key
    by_key = entry.interval_ms or entry.task in _KEPT_BY_KEY or entry.task == "notify"
    entry.id = key if by_key else f"{history.id}_last_0"
    entry.call_id = max((item.call_id for item in history.entries), default=0) + 1
    kept = []
    for item in history.entries:
        if item.id == entry.id:
            entry.restart_digest = item.restart_digest
            entry.force_restart = item.force_restart
        else:
            kept.append(item)
    return ResourceHistory(
        history.id,
        history.standard,
        history.provider,
        history.type,
        history.container,
        history.shutdown_lock,
        (*kept, entry),
    )
