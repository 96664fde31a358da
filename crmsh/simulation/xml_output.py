"""The answer of `crm_simulate` as XML, with the elements of Pacemaker's api/crm_simulate schema."""

from __future__ import annotations

from cib.values import format_score
from crmsh.envelope import Tag
from crmsh.simulation.details import Details
from crmsh.simulation.injection import Injections, Modification, NodeModified, ResultInjected, TicketModified
from crmsh.simulation.summary import ResourceChange, Summary
from pengine.asides import Capacity, Use
from pengine.score_rows import lines_of
from pengine.simulation_events import (
    AttributeSet,
    ClusterActionDone,
    Event,
    FencingDone,
    PseudoActionDone,
    ResourceActionDone,
)
from pengine.working import Cluster


class XmlWriter:
    """Puts the parts of an answer into the envelope."""

    def __init__(self, root: Tag) -> None:
        self._root = root

    def clock(self, line: str) -> None:
        """Nothing: the time is told as text only."""

    def current_status(self, cluster: Cluster, details: Details | None) -> None:
        """Add the status before anything is done."""
        assert details is not None
        details.add_to(self._root.add("cluster_status"))

    def revised_status(self, cluster: Cluster, details: Details | None) -> None:
        """Add the status afterwards."""
        assert details is not None
        details.add_to(self._root.add("revised_cluster_status"))

    def modifications(self, injections: Injections, done: list[Modification]) -> None:
        """Add what was put in."""
        tag = self._root.add("modifications", quorum=injections.quorum or None, watchdog=injections.watchdog or None)
        for item in done:
            if isinstance(item, NodeModified):
                tag.add("modify_node", action=item.action, node=item.node)
            elif isinstance(item, TicketModified):
                tag.add("modify_ticket", action=item.action, ticket=item.ticket)
            elif isinstance(item, ResultInjected):
                tag.add("inject_spec", spec=item.spec)
            else:
                _attribute(tag, item)

    def scores(self, cluster: Cluster, *, scores: bool, utilization: bool) -> None:
        """Add what the nodes got for each resource, and what they can hold."""
        parts = [name for name, shown in (("allocations", scores), ("utilizations", utilization)) if shown]
        tag = self._root.add("_".join(parts))
        position = 0
        for before, aside in [*cluster.asides, (len(cluster.score_rows), None)]:
            if scores:
                for line in lines_of(cluster.score_rows[position:before], cluster.nodes):
                    _score(tag, *line)
            position = before
            if utilization and isinstance(aside, Capacity | Use):
                _amounts(tag, aside)

    def summary(self, summary: Summary) -> None:
        """Add what is to be done."""
        tag = self._root.add("actions")
        for node in summary.nodes:
            if node.reason:
                tag.add("node_action", task=node.task, node=node.name, reason=node.reason)
        for change in summary.resources:
            _resource_change(tag, change)

    def transition(self, events: list[Event]) -> None:
        """Add what was done, step by step."""
        tag = self._root.add("transition")
        for event in events:
            if isinstance(event, PseudoActionDone):
                tag.add("pseudo_action", task=event.task_key, node=event.node)
            elif isinstance(event, ResourceActionDone):
                interval = event.interval_ms or None
                tag.add("rsc_action", resource=event.resource, op=event.task, node=event.node, interval=interval)
            elif isinstance(event, ClusterActionDone):
                tag.add("cluster_action", task=event.task, node=event.node, id=event.resource)
            elif isinstance(event, FencingDone):
                tag.add("fencing_action", target=event.node, op=event.operation)
            elif isinstance(event, AttributeSet):
                _attribute(tag, event)

    def timings(self, timings: list[tuple[str, float]]) -> None:
        """Add how long each file took, in seconds."""
        tag = self._root.add("timings")
        for name, seconds in timings:
            tag.add("timing", file=name, duration=f"{seconds:f}")


def _attribute(tag: Tag, done: AttributeSet) -> None:
    tag.add("inject_attr", name=done.name, value=done.value, node_path="/node_state", cib_node=done.node_id)


def _score(tag: Tag, function: str, resource: str, node: str | None, score: int) -> None:
    if function == "promotion":
        tag.add("promotion_score", id=resource, score=format_score(score), node=node)
    else:
        tag.add("node_weight", function=function, node=node, score=format_score(score), id=resource)


def _amounts(tag: Tag, aside: Capacity | Use) -> None:
    if isinstance(aside, Capacity):
        below = tag.add("capacity", node=aside.node, comment=aside.comment)
    else:
        below = tag.add("utilization", resource=aside.resource, node=aside.node, function="pcmk__assign_resource")
    for name, value in sorted(aside.amounts.items()):
        # What is no name in XML, because it begins with a digit or so, gets a mark in front.
        below.add(name if name[:1].isalpha() else f"_{name}", str(value))


def _resource_change(tag: Tag, change: ResourceChange) -> None:
    origin, destination = change.origin, change.destination
    moves = origin is not None and destination is not None
    changes_role = change.with_roles and change.old_role != change.new_role
    below = tag.add("rsc_action", action=change.change.lower(), resource=change.resource)
    values: dict[str, object] = {}
    if change.with_roles:
        values["role"] = change.old_role
    if changes_role and destination is not None:
        values["next-role"] = change.new_role
    if moves:
        values["source"] = origin
        if destination != origin:
            values["dest"] = destination
    elif origin is None and change.with_roles:
        values["dest"] = destination
    else:
        values["node"] = origin if origin is not None else destination
    values["reason"] = change.reason
    values["blocked"] = True if change.blocked else None
    below.attributes.update({name: _text(value) for name, value in values.items() if value is not None})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
