"""Computes a status from a CIB: the policy engine reads it, this turns its working data into views."""

from __future__ import annotations

import os
import time

from msgspec.structs import replace

from cib.document import Document
from cib.values import add_scores, leading_integer, score_or
from crmsh.language.xml import Element
from crmsh.status.codes import rc_text, status_text
from crmsh.status.model import (
    UNKNOWN,
    AttributeView,
    BanView,
    ClusterStatus,
    Coordinator,
    FailureView,
    HistoryView,
    NodeView,
    OperationView,
    ResourceView,
    Summary,
    TicketView,
)
from crmsh.status.words import PENDING_STATES
from pengine.history_order import sort_entries
from pengine.local_zone import local_zone
from pengine.locations import unpack_location
from pengine.nodes import find_node, health_state
from pengine.reading import read_cluster
from pengine.state import ClusterState, HistoryEntry, LocationDefinition, ResourceHistory
from pengine.unpack import unpack
from pengine.vocabulary import ABSENT, BUNDLE, CLONE, GROUP, PROMOTED, ROLE_NAMES, STARTED, STOPPED, UNPROMOTED
from pengine.working import Cluster, Node, Resource

_KINDS = {GROUP: "group", CLONE: "clone", BUNDLE: "bundle"}
_INVALID_PARAMETER, _NOT_INSTALLED, _STATUS_NOT_INSTALLED = 2, 5, 7
_HIDDEN_ATTRIBUTES = ("fail-count-", "last-failure-", "shutdown", "terminate", "standby", "#")


def when(seconds: int | float) -> str:
    """A time as people read it."""
    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(seconds))


class StatusReader:
    """One reading: keeps the views by the engine's own objects while it runs."""

    def __init__(self, document: Document, now: int) -> None:
        self._now = now
        self._root: Element = document.root
        self._state: ClusterState = unpack(document, local_zone(os.environ.get("TZ")))
        self._cluster: Cluster = read_cluster(self._state, now)
        self._nodes: dict[int, NodeView] = {}
        self._views: dict[str, ResourceView] = {}
        self._times = self._operation_times()
        self._descriptions = self._read_descriptions()

    def read(self) -> ClusterStatus:
        """The whole status."""
        cluster = self._cluster
        for definition in self._state.constraints:
            if isinstance(definition, LocationDefinition):
                unpack_location(cluster, definition)
        self._read_nodes()
        resources = [self._resource(resource) for resource in cluster.resources]
        for node in cluster.nodes:
            self._nodes[node.index].running = [self._views[r.id] for r in node.running if r.id in self._views]
        return ClusterStatus(
            summary=self._summary(),
            nodes=[self._nodes[node.index] for node in cluster.nodes],
            resources=resources,
            history=self._history(),
            failures=self._failures(),
            bans=self._bans(),
            tickets=self._tickets(),
            tags=dict(self._state.tags),
            advice=list(cluster.notes),
        )

    # --- summary and nodes

    def _summary(self) -> Summary:
        cluster, attributes = self._cluster, self._state.attributes
        options = cluster.options
        values = self._option_values()
        dc = find_node(cluster, attributes.get("dc-uuid"), None)
        coordinator = Coordinator()
        if dc is not None:
            sets = {view.feature_set for view in self._nodes.values() if view.online and view.kind == "cluster"}
            version = values.get("dc-version", UNKNOWN)
            coordinator = Coordinator(dc.name, dc.id, version, cluster.quorate, mixed=len(sets) > 1)
        counts = [0, 0, 0]
        for resource in cluster.resources:
            self._count(resource, counts)
        return Summary(
            stack=values.get("cluster-infrastructure", UNKNOWN),
            coordinator=coordinator,
            updated=when(self._now),
            changed=attributes.get("cib-last-written", ""),
            changed_user=attributes.get("update-user", ""),
            changed_client=attributes.get("update-client", ""),
            changed_origin=attributes.get("update-origin", ""),
            nodes=len(cluster.nodes),
            resources=counts[0],
            disabled=counts[1],
            blocked=counts[2],
            fencing_enabled=options.fencing_enabled,
            fencing_timeout_ms=_milliseconds(options.fencing_timeout),
            symmetric=options.symmetric,
            quorum_policy=options.no_quorum_policy,
            maintenance_mode=options.maintenance_mode,
            stop_all=options.stop_all_resources,
            priority_fencing_delay_ms=options.priority_fencing_delay_s * 1000,
        )

    def _option_values(self) -> dict[str, str]:
        from pengine.namevalue import evaluate

        return dict(evaluate(self._state.options, self._cluster.context))

    def _count(self, resource: Resource, counts: list[int]) -> None:
        """Instances, disabled and blocked ones; orphans that are not active do not count."""
        if resource.children:
            for child in resource.children:
                self._count(child, counts)
            return
        if resource.kind in (GROUP, CLONE) or (resource.removed and not resource.running_on):
            return
        counts[0] += 1
        if _target_role(resource).lower() == "stopped":
            counts[1] += 1
        elif resource.blocked:
            counts[2] += 1

    def _read_nodes(self) -> None:
        cluster = self._cluster
        dc = find_node(cluster, self._state.attributes.get("dc-uuid"), None)
        for node in cluster.nodes:
            host = container = ""
            if node.is_guest and node.connection is not None and node.connection.launcher is not None:
                container = node.connection.launcher.id
                host = next((n.name for n in node.connection.launcher.running_on), "")
            self._nodes[node.index] = NodeView(
                name=node.name,
                id=node.id,
                kind="guest" if node.is_guest else "remote" if node.is_remote_kind else "cluster",
                online=node.online,
                standby=node.standby,
                standby_on_fail=node.standby_on_fail,
                maintenance=node.maintenance,
                pending=node.pending,
                unclean=node.unclean,
                shutdown=node.shutdown,
                expected_up=node.expected_up,
                coordinator=node is dc,
                health_colour=self._health(node),
                feature_set=""
                if node.is_remote_kind or not node.online
                else node.attributes.get("#feature-set", "<3.15.1"),
                host=host,
                container=container,
                attributes=self._attributes(node),
            )

    def _health(self, node: Node) -> str:
        state = health_state(self._cluster, node)
        return "red" if state < 0 else "green" if state else "yellow"

    def _attributes(self, node: Node) -> list[AttributeView]:
        if not node.online:
            return []
        shown = sorted(name for name in node.attributes if not name.startswith(_HIDDEN_ATTRIBUTES))
        return [AttributeView(name, node.attributes[name], self._expected(node, name)) for name in shown]

    def _expected(self, node: Node, name: str) -> int | None:
        """For an attribute that a ping resource keeps: the value when every host answers."""
        for resource in node.running:
            found = self._ping_expectation(resource, name)
            if found is not None:
                return found
        return None

    def _ping_expectation(self, resource: Resource, name: str) -> int | None:
        if resource.type not in ("ping", "pingd"):
            return None
        from pengine.resources import parameters_on

        parameters = parameters_on(self._cluster, resource, None)
        if parameters.get("name", "pingd") != name:
            return None
        hosts = len(parameters.get("host_list", "").split())
        multiplier = parameters.get("multiplier", "1")
        return hosts * int(multiplier) if multiplier.isdigit() else hosts

    # --- resources

    def _resource(self, resource: Resource) -> ResourceView:
        top = resource.top()
        anonymous = resource.kind != CLONE and not resource.unique
        name = resource.history_id if anonymous and resource.history_id else resource.id
        promotable = top.kind == CLONE and top.promotable
        role = resource.orig_role
        if role == STARTED and promotable:
            role = UNPROMOTED
        view = ResourceView(
            kind=_KINDS.get(resource.kind, "primitive"),
            id=_without_number(name) if anonymous else name,
            full_id=resource.id,
            agent=":".join(part for part in (resource.standard, resource.provider, resource.type) if part),
            role=ROLE_NAMES[role if role else STOPPED],
            target_role=resource.meta.get("target-role", ""),
            configured_target_role=_target_role(resource),
            pending=PENDING_STATES.get(resource.pending_task or "", ""),
            pending_task=resource.pending_task or "",
            orphaned=resource.removed,
            blocked=resource.blocked,
            managed=resource.managed,
            maintenance=resource.maintenance,
            failed=resource.failed,
            failure_ignored=resource.failure_ignored,
            promotable=promotable,
            unique=resource.unique,
            description=self._descriptions.get(resource.base_id, ""),
            nodes=[self._nodes[node.index] for node in resource.running_on],
            pending_node=None if resource.pending_node is None else self._nodes[resource.pending_node.index],
            lock_node="" if resource.lock_node is None else resource.lock_node.name,
            probe_failures=self._probe_failures(resource),
        )
        view.internal = resource.internal
        if resource.kind == BUNDLE:
            view.children = self._replicas(resource, view)
        else:
            view.children = [self._resource(child) for child in resource.children]
        if resource.kind == CLONE:
            view.possible_nodes = [
                self._nodes[node.index] for node in self._cluster.nodes
                if resource.allowed.scores[node.index] != ABSENT
            ]  # fmt: skip
        self._views[resource.id] = view
        return view

    def _replicas(self, bundle: Resource, view: ResourceView) -> list[ResourceView]:
        definition = bundle.definition.bundle
        if definition is not None:
            view.image, view.launcher = definition.image, definition.runtime
        found = []
        for replica in bundle.replicas:
            one = replace(view, kind="replica", id=str(replica.offset), children=[], image=replica.address or "")
            parts = (replica.ip, replica.child, replica.container, replica.connection)
            views = [None if part is None else self._resource(part) for part in parts]
            _, one.inside, one.container, one.connection = views
            one.children = [part for part in views if part is not None]
            found.append(one)
        return found

    def _probe_failures(self, resource: Resource) -> dict[str, str]:
        found: dict[str, str] = {}
        names = (resource.id, resource.history_id, _without_number(resource.id))
        for failure in self._cluster.failed_operations:
            entry = failure.entry
            # Instances of an anonymous clone are interchangeable: what one found out holds for the others.
            known_as = failure.resource_id if resource.unique else _without_number(failure.resource_id)
            if _cannot_run_there(entry) and known_as in names:
                found.setdefault(failure.node.name, rc_text(entry.rc if entry.rc is not None else 193))
        return found

    def _read_descriptions(self) -> dict[str, str]:
        return {
            e.get("id", ""): e.get("description", "") for e in self._root.iter("primitive", "group", "clone", "bundle")
            if e.get("description")
        }  # fmt: skip

    # --- history

    def _operation_times(self) -> dict[tuple[str, str, str], tuple[str, str, str]]:
        """By node id, resource and entry id: execution time, queue time, operation key."""
        found: dict[tuple[str, str, str], tuple[str, str, str]] = {}
        for entry in self._root.iter("lrm_rsc_op"):
            resource = entry.getparent()
            state = next(entry.iterancestors("node_state"), None)
            if resource is None or state is None:
                continue
            key = (state.get("id", ""), resource.get("id", ""), entry.get("id", ""))
            found[key] = (entry.get("exec-time", ""), entry.get("queue-time", ""), entry.get("operation_key", ""))
        return found

    def _history(self) -> list[tuple[NodeView, list[HistoryView]]]:
        found: list[tuple[NodeView, list[HistoryView]]] = []
        for status in self._state.node_status:
            node = find_node(self._cluster, status.id, status.name)
            if node is None or not node.online:
                continue
            histories = [view for r in status.resources if (view := self._resource_history(node, r)) is not None]
            found.append((self._nodes[node.index], histories))
        return found

    def _resource_history(self, node: Node, history: ResourceHistory) -> HistoryView | None:
        resource = self._cluster.by_history.get(history.id) or self._cluster.by_id.get(history.id)
        if resource is None:
            resource = next(
                (r for r in self._all_resources() if history.id in (r.id, r.history_id, r.base_id) and not r.children),
                None,
            )
        if resource is None:
            return None
        count, last = _failures_of(resource, node)
        view = HistoryView(history.id, resource.removed, resource.threshold, count, last)
        for entry in sort_entries(history.entries):
            operation = self._operation(node, history, entry)
            if operation is not None:
                view.operations.append(operation)
        return view

    def _all_resources(self) -> list[Resource]:
        found: list[Resource] = []
        pending = list(self._cluster.resources)
        while pending:
            resource = pending.pop(0)
            found.append(resource)
            pending[:0] = resource.children
        return found

    def _operation(self, node: Node, history: ResourceHistory, entry: HistoryEntry) -> OperationView | None:
        rc = entry.rc if entry.rc is not None else 193
        task, interval = entry.task, entry.interval_ms
        if task == "monitor" and interval == 0:
            if rc == 7 or entry.status == -1:
                return None
            task = "probe"
        if task == "notify" or entry.call_id < 0:
            return None
        exec_ms, queue_ms, _ = self._times.get((node.id, history.id, entry.id), ("", "", ""))
        return OperationView(
            str(entry.call_id), task, interval, rc, rc_text(rc), status_text(entry.status or 0), entry.last_change,
            exec_ms, queue_ms,
        )  # fmt: skip

    def _failures(self) -> list[FailureView]:
        found: list[FailureView] = []
        told: set[tuple[str, str]] = set()
        for failure in self._cluster.failed_operations:
            entry = failure.entry
            if _cannot_run_there(entry):
                continue
            # One probe that failed stands twice in the history: as the last operation, and as the last failure.
            if (entry.key, failure.node.name) in told:
                continue
            told.add((entry.key, failure.node.name))
            rc = entry.rc if entry.rc is not None else 193
            times = ("", "", "")
            for (node_id, _, entry_id), value in self._times.items():
                if node_id == failure.node.id and entry_id == entry.id:
                    times = value
            resource, task, interval = _split_key(entry.key, failure.resource_id, entry.task, entry.interval_ms)
            found.append(
                FailureView(
                    key=entry.key,
                    resource=resource,
                    task=task,
                    interval_ms=interval,
                    node=failure.node.name,
                    rc=rc,
                    rc_text=rc_text(rc),
                    reason=entry.exit_reason or "",
                    call=str(entry.call_id),
                    status_code=entry.status or 0,
                    status=status_text(entry.status or 0),
                    last_change=entry.last_change,
                    exec_ms=times[0],
                    queue_ms=times[1],
                )
            )
        return found

    # --- the rest

    def _bans(self) -> list[BanView]:
        """Newest constraint first; one with a rule goes by the rule's id, as people see it in Pacemaker."""
        rules = {
            definition.id: definition.rule.id
            for definition in self._state.constraints
            if isinstance(definition, LocationDefinition) and definition.rule is not None and definition.rule.id
        }
        found: list[BanView] = []
        for location in reversed(self._cluster.locations):
            scores = sorted(location.scores.items(), reverse=location.id in rules)
            for index, score in scores:
                if score < 0:
                    node = self._cluster.nodes_by_index[index]
                    shown = rules.get(location.id, location.id)
                    found.append(BanView(shown, location.resource.id, node.name, score, location.role == PROMOTED))
        return found

    def _tickets(self) -> list[TicketView]:
        found: list[TicketView] = []
        for ticket in self._state.tickets:
            granted = ticket.attributes.get("last-granted", "")
            found.append(
                TicketView(ticket.id, ticket.granted, ticket.standby, int(granted) if granted.isdigit() else None)
            )
        return found


def _cannot_run_there(entry: HistoryEntry) -> bool:
    """Whether a probe only found that its agent cannot run on the node: shown at the resource, not as a failure."""
    is_probe = entry.task == "monitor" and entry.interval_ms == 0
    return is_probe and (entry.rc in (_INVALID_PARAMETER, _NOT_INSTALLED) or entry.status == _STATUS_NOT_INSTALLED)


def _target_role(resource: Resource) -> str:
    """The target role that counts for the resource, its parents' included."""
    current: Resource | None = resource
    while current is not None:
        value = current.meta.get("target-role", "")
        if value:
            return value
        current = current.parent
    return ""


def _without_number(identifier: str) -> str:
    head, colon, tail = identifier.rpartition(":")
    return head if colon and tail.isdigit() else identifier


def _failures_of(resource: Resource, node: Node) -> tuple[int, int]:
    """Failures of a resource on a node and the time of the last, by the attributes `fail-count-ID#OPERATION`."""
    names = {resource.history_id or resource.id}
    if not resource.unique:
        names = {_without_number(name) for name in names}
    count = last = 0
    for attribute, value in node.attributes.items():
        head, hash_sign, _ = attribute.partition("#")
        if hash_sign and head.removeprefix("fail-count-") in names and head.startswith("fail-count-"):
            count = add_scores(count, score_or(value))
        elif hash_sign and head.removeprefix("last-failure-") in names and head.startswith("last-failure-"):
            last = max(last, leading_integer(value) or 0)
    return count, last


def _split_key(key: str, resource: str, task: str, interval: int) -> tuple[str, str, int]:
    """Resource, task and interval of an operation key such as `db_monitor_10000`."""
    head, _, number = key.rpartition("_")
    for known in ("migrate_from", "migrate_to", task):
        if head.endswith(f"_{known}") and number.isdigit():
            return head[: -len(known) - 1], known, int(number)
    return resource, task, interval


def _milliseconds(value: object) -> int:
    from cib.values import interval_ms_or

    if isinstance(value, int):
        return value
    return interval_ms_or(str(value), 60_000)


def read_status(data: bytes, now: int | None = None, source: str = "the CIB") -> ClusterStatus:
    """The status that a document describes. Raises cib.errors.CibError."""
    return StatusReader(Document.from_bytes(data, source), int(time.time()) if now is None else now).read()
