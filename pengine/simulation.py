"""Carries out a transition graph on paper: what would happen, and what the status would then be.

Every action succeeds at once, but for those that are to fail. The order is that in which the controller would find
actions ready when it goes over the graph again and again. After a failure only what has the highest priority goes on,
and points of the graph that do not depend on what failed.

Source: design page 0010, "Simulation".
"""

from __future__ import annotations

from cib.attribute_names import fail_count_name, last_failure_name
from cib.digests import FEATURE_SET, operation_digest
from cib.values import INFINITY, format_score, leading_integer, score_or
from pengine.actions import notify_key, operation_key
from pengine.graph import CRM_EVENT, PSEUDO_EVENT, Action, Graph, Synapse
from pengine.simulation_events import (
    AttributeSet,
    Change,
    ClusterActionDone,
    Event,
    FencingDone,
    NodeDown,
    PseudoActionDone,
    ResourceActionDone,
    ResultPretended,
    ResultsRecorded,
)
from pengine.state import (
    EMPTY_BLOCK,
    ClusterState,
    HistoryEntry,
    NameValueBlock,
    NameValueSet,
    NodeStatus,
    ResourceHistory,
)
from pengine.working import Cluster, Resource

FAKE_UUID = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
"""Stands for the controller in the transition keys of results that no controller asked for."""
NOT_RUNNING = 7
PRETENDED_REASON = "User-injected result"
DOWN = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}
"""What the state of a node says after it was fenced or went away."""
_KEPT_BY_KEY = frozenset({"migrate_to", "migrate_from", "notify"})


class OperationFailure:
    """A result that an operation is to have: of a resource (or an instance of one), on a node."""

    __slots__ = ("interval_ms", "node", "rc", "resource", "task")

    def __init__(self, resource: str, task: str, interval_ms: int, node: str, rc: int) -> None:
        self.resource = resource
        self.task = task
        self.interval_ms = interval_ms
        self.node = node
        self.rc = rc


class Simulation:
    """What came out.

    `events` tells what was done, `changes` what that wrote into the status, `state` is the document afterwards;
    `complete` says whether the graph could be carried out (one that a failure stopped counts as carried out).
    """

    __slots__ = ("changes", "complete", "events", "state")

    def __init__(self, events: list[Event], changes: list[Change], state: ClusterState, complete: bool) -> None:
        self.events = events
        self.changes = changes
        self.state = state
        self.complete = complete


def simulate(cluster: Cluster, graph: Graph, failures: tuple[OperationFailure, ...] = ()) -> Simulation:
    """Carry out a graph that was made for a cluster."""
    return _Simulator(cluster, graph, failures).run()


def fail_count_after(count: str | None, *, fatal: bool) -> str:
    """Return a fail count after one more failure; `fatal` where one is enough for the resource to leave the node."""
    return format_score(INFINITY) if fatal else format_score(min(score_or(count) + 1, INFINITY))


def counts_as_failure(rc: int, interval_ms: int) -> bool:
    """Say whether a pretended result is a failure; a probe that finds nothing active is none."""
    return rc != 0 and (rc != NOT_RUNNING or interval_ms > 0)


class _Simulator:
    def __init__(self, cluster: Cluster, graph: Graph, failures: tuple[OperationFailure, ...]) -> None:
        self._cluster = cluster
        self._graph = graph
        self._failures = failures
        self._events: list[Event] = []
        self._changes: list[Change] = []
        self._status = list(cluster.state.node_status)
        self._names = set(cluster.by_id) | _history_names(cluster.resources)
        self._failed: set[int] = set()

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
                if self._is_given_up(synapse):
                    continue
                for action in synapse.actions:
                    self._execute(action)
                    confirmed.add(action.id)
                progress = True
            waiting = remaining
        return Simulation(self._events, self._changes, self._state(), not waiting or bool(self._failed))

    def _is_given_up(self, synapse: Synapse) -> bool:
        """Say whether a failure keeps a synapse from being carried out.

        What has the highest priority goes on in any case; of the rest only points of the graph that do not depend on
        what failed.
        """
        if not self._failed or synapse.priority >= INFINITY:
            return False
        pseudo = all(action.kind == PSEUDO_EVENT for action in synapse.actions)
        return not pseudo or any(identifier in self._failed for identifier in synapse.inputs)

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
            self._events.append(PseudoActionDone(action.task_key, action.node_name))
        elif action.kind == CRM_EVENT:
            self._execute_cluster_action(action)
        else:
            self._execute_operation(action)

    def _execute_cluster_action(self, action: Action) -> None:
        node = action.node_name or ""
        if action.task == "stonith":
            operation = (action.attributes or {}).get("CRM_meta_stonith_action", "")
            self._events.append(FencingDone(node, operation))
            if operation != "on":
                self._fence(action)
            return
        resource = action.resource.id if action.resource is not None else None
        self._events.append(ClusterActionDone(action.task, resource, node))

    def _fence(self, action: Action) -> None:
        position = self._position(action)
        if position is None:
            attributes = {"id": action.node_uuid or "", "uname": action.node_name or "", **DOWN}
            status = NodeStatus(action.node_uuid, action.node_name, attributes, EMPTY_BLOCK, EMPTY_BLOCK, ())
            self._status.append(status)
        else:
            old = self._status[position]
            status = NodeStatus(old.id, old.name, {**old.attributes, **DOWN}, EMPTY_BLOCK, EMPTY_BLOCK, ())
            self._status[position] = status
        self._changes.append(NodeDown(status.id or "", status.name or ""))

    def _position(self, action: Action) -> int | None:
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
        self._events.append(ResourceActionDone(name, action.task, action.node_name or "", interval))
        if action.task in ("delete", "meta-data"):
            return
        position = self._position(action)
        if position is None:
            identifier = (action.node_name if action.router_node else action.node_uuid) or ""
            own = {"id": identifier, "uname": action.node_name or ""}
            self._status.append(NodeStatus(identifier, action.node_name, own, EMPTY_BLOCK, EMPTY_BLOCK, ()))
            position = len(self._status) - 1
        old = self._status[position]
        rc = self._pretend(action, interval, position)
        before = _history_of(old.resources, name, action)
        entries = self._entries(action, attributes, interval, rc, before)
        after = _with_entries(before, entries)
        resources = _replaced(old.resources, before, after)
        transient = self._status[position].transient
        self._status[position] = NodeStatus(old.id, old.name, old.attributes, transient, old.utilization, resources)
        self._changes.append(ResultsRecorded(old.id or "", old.name or "", after, entries))

    def _pretend(self, action: Action, interval_ms: int, position: int) -> int | None:
        """Return the result that an operation is to have, after its failure was counted; None: as expected."""
        assert action.resource is not None
        node = action.node_name or ""
        names = [action.resource.id] + ([action.resource.long_id] if action.resource.long_id is not None else [])
        for failure in self._failures:
            if failure.task.lower() != action.task.lower() or failure.interval_ms != interval_ms:
                continue
            name = next((name for name in names if name.lower() == failure.resource.lower()), None)
            if name is None or failure.node.lower() != node.lower():
                continue
            self._failed.add(action.id)
            self._events.append(ResultPretended(action.id, failure.rc))
            if counts_as_failure(failure.rc, interval_ms):
                self._count_failure(position, name, action.task, interval_ms)
            return failure.rc
        return None

    def _count_failure(self, position: int, resource: str, task: str, interval_ms: int) -> None:
        offsets = {"start": self._graph.failed_start_offset, "stop": self._graph.failed_stop_offset}
        fatal = score_or(offsets.get(task)) >= INFINITY
        counter = fail_count_name(resource, task, interval_ms)
        count = _value_of(self._status[position].transient, counter)
        self._set_attribute(position, counter, fail_count_after(count, fatal=fatal))
        date = last_failure_name(resource, task, interval_ms)
        self._set_attribute(position, date, str(self._cluster.now))

    def _set_attribute(self, position: int, name: str, value: str) -> None:
        old = self._status[position]
        transient = _with_value(old.transient, f"status-{old.id}", name, value)
        self._status[position] = NodeStatus(old.id, old.name, old.attributes, transient, old.utilization, old.resources)
        done = AttributeSet(old.id or "", old.name or "", name, value)
        self._events.append(done)
        self._changes.append(done)

    def _entries(
        self, action: Action, attributes: dict[str, str], interval: int, rc: int | None, history: ResourceHistory
    ) -> tuple[HistoryEntry, ...]:
        """Return what the result of an operation writes into the history: one entry, or two of a failure."""
        target_rc = leading_integer(attributes.get("CRM_meta_op_target_rc")) or 0
        task = "start" if action.task == "reload-agent" else action.task
        assert action.resource is not None
        # Named by what the graph calls the resource, also in a history that is kept under another name.
        return result_entries(
            history,
            action.resource.id,
            task,
            interval,
            target_rc if rc is None else rc,
            target_rc=target_rc,
            now=self._cluster.now,
            reason=PRETENDED_REASON,
            digest=operation_digest({**attributes, **dict(action.parameters)}, interval),
            migrate_source=attributes.get("CRM_meta_migrate_source"),
            migrate_target=attributes.get("CRM_meta_migrate_target"),
            notify_id=_notify_id(action, attributes),
        )


def _notify_id(action: Action, attributes: dict[str, str]) -> str | None:
    """Return the id of the entry of a notification: it says before or after what; None: it is none."""
    kind, operation = attributes.get("CRM_meta_notify_type"), attributes.get("CRM_meta_notify_operation")
    if action.task != "notify" or action.resource is None or kind is None or operation is None:
        return None
    return notify_key(action.resource.id, kind, operation)


def result_entries(
    history: ResourceHistory,
    resource: str,
    task: str,
    interval_ms: int,
    rc: int,
    *,
    target_rc: int,
    now: int,
    reason: str,
    digest: str | None = None,
    migrate_source: str | None = None,
    migrate_target: str | None = None,
    notify_id: str | None = None,
) -> tuple[HistoryEntry, ...]:
    """Return what a result writes into a history: one entry, or two where an operation that does not recur failed.

    `resource` is the name in their keys. `now` is in seconds since the epoch; `reason` is kept with a failure. The
    history is not changed.
    """
    key = operation_key(resource, task, interval_ms)
    if task in _KEPT_BY_KEY:
        identifiers = [notify_id or key]
    elif rc != target_rc:
        identifiers = [f"{resource}_last_failure_0"] + ([] if interval_ms else [f"{resource}_last_0"])
    else:
        identifiers = [key if interval_ms else f"{resource}_last_0"]
    if task == "notify":
        rc = 0  # its failures are not heeded
    call_id = max((item.call_id for item in history.entries), default=0) + 1
    transition_key = f"{call_id}:-1:{target_rc}:{FAKE_UUID}"
    return tuple(
        HistoryEntry(
            id=identifier,
            task=task,
            key=key,
            interval_ms=interval_ms,
            call_id=call_id,
            rc=rc,
            status=0,
            last_change=now,
            transition_key=transition_key,
            transition_magic=f"0:{rc};{transition_key}",
            digest=digest,
            restart_digest=None,
            secure_digest=None,
            force_restart=None,
            secure_parameters=None,
            feature_set=FEATURE_SET,
            migrate_source=migrate_source,
            migrate_target=migrate_target,
            exit_reason=reason if rc != target_rc and task not in _KEPT_BY_KEY else None,
        )
        for identifier in identifiers
    )


def _history_names(resources: list[Resource]) -> set[str]:
    names: set[str] = set()
    for resource in resources:
        if resource.history_id is not None:
            names.add(resource.history_id)
        names |= _history_names(resource.children)
    return names


def _history_of(histories: tuple[ResourceHistory, ...], name: str, action: Action) -> ResourceHistory:
    """Return the history of a node that a result continues, or the beginning of a new one."""
    assert action.resource is not None
    for candidate in (name, action.resource.id):
        found = [history for history in histories if history.id == candidate]
        if len(found) == 1:  # where a document has several, none of them is the one to continue
            return found[0]
    resource = action.resource
    return ResourceHistory(resource.id, resource.standard, resource.provider, resource.type, None, None, ())


def _replaced(
    histories: tuple[ResourceHistory, ...], before: ResourceHistory, after: ResourceHistory
) -> tuple[ResourceHistory, ...]:
    if any(history is before for history in histories):
        return tuple(after if history is before else history for history in histories)
    return (*histories, after)


def _with_entries(history: ResourceHistory, entries: tuple[HistoryEntry, ...]) -> ResourceHistory:
    """Return a history with new results: in the place of older ones, of which what was not written anew remains."""
    kept = list(history.entries)
    for entry in entries:
        for position, item in enumerate(kept):
            if item.id == entry.id:
                entry.restart_digest = item.restart_digest
                entry.force_restart = item.force_restart
                entry.secure_digest = item.secure_digest
                entry.secure_parameters = item.secure_parameters
                kept[position] = entry
                break
        else:
            kept.append(entry)
    return ResourceHistory(
        history.id,
        history.standard,
        history.provider,
        history.type,
        history.container,
        history.shutdown_lock,
        tuple(kept),
    )


def _value_of(block: NameValueBlock, name: str) -> str | None:
    for values in block.sets:
        for known, value in values.pairs:
            if known == name:
                return value
    return None


def _with_value(block: NameValueBlock, set_id: str, name: str, value: str) -> NameValueBlock:
    """Return a block with one value changed, or added to its first set in the document (which comes last here)."""
    position = next(
        (place for place, item in enumerate(block.sets) if any(known == name for known, _ in item.pairs)),
        len(block.sets) - 1,
    )
    if position < 0:
        return NameValueBlock((NameValueSet(set_id, None, ((name, value),)),))
    old = block.sets[position]
    if any(known == name for known, _ in old.pairs):
        pairs = tuple((known, value if known == name else other) for known, other in old.pairs)
    else:
        pairs = (*old.pairs, (name, value))
    sets = (*block.sets[:position], NameValueSet(old.id, old.rule, pairs), *block.sets[position + 1 :])
    return NameValueBlock(sets, block.has_rules, block.per_node)
