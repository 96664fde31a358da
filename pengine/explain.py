"""Explains a resource: why it is where it is, why not elsewhere, and what is done about it.

Pure and afterwards: it reads the ledger, the scores and the actions of a run that is over.

Source: design page 0010, "Explanations".
"""

from __future__ import annotations

from cib.values import INFINITY, MINUS_INFINITY, format_score
from pengine.action_reasons import action_views, why_impossible
from pengine.actions import first_action
from pengine.explanation import ActionView, Explanation, NodeView, PartView, Reason
from pengine.ledger import Contribution
from pengine.obstacles import STRUCTURAL, counted, is_blocked_by_copies, lost_and_frozen, obstacles, withheld_promotion
from pengine.vocabulary import (
    ABSENT,
    BUNDLE,
    GROUP,
    IN_GRAPH,
    KIND_NAMES,
    OPTIONAL,
    PRIMITIVE,
    PROMOTED,
    ROLE_NAMES,
    RUNNABLE,
    STOPPED,
    UNPROMOTED,
)
from pengine.working import Cluster, Node, Resource


class NothingToExplain(Exception):
    """There is no such resource or node; `known` are the names that there are."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        super().__init__(f"there is no {what} '{name}'")
        self.what = what
        self.name = name
        self.known = known


def explain(cluster: Cluster, name: str, node_name: str | None = None) -> Explanation:
    """Explain a resource, or an instance of one, on one node or on all.

    To be asked after the graph was built. The name of what a clone consists of means all instances of it. Raises
    NothingToExplain for a name that is not there.
    """
    node: Node | None = None
    if node_name is not None:
        node = cluster.node_by_name.get(node_name.lower())
        if node is None:
            raise NothingToExplain("node", node_name, [item.name for item in cluster.nodes])
    found = _find(cluster, name)
    if not found:
        raise NothingToExplain("resource", name, sorted(_all_names(cluster)))
    primitives = [part for item in found for part in _primitives(item)]
    rows = cluster.ledger.contributions({part.id for part in primitives})
    explainer = _Explainer(cluster, node, {key: counted(value) for key, value in rows.items()})
    parts = [explainer.part(part) for part in primitives]
    actions: list[ActionView] = []
    for item in found:
        for resource in _collectives(item):
            actions += action_views(cluster, resource)
    kind = KIND_NAMES[found[0].kind] if len(found) == 1 else "clone"
    return Explanation(name, kind, node.name if node is not None else None, parts, actions)


def _find(cluster: Cluster, name: str) -> list[Resource]:
    everything = [item for resource in cluster.resources for item in _all(resource)]
    exact = [item for item in everything if item.id == name]
    return exact or [item for item in everything if item.base_id == name or item.history_id == name]


def _all(resource: Resource) -> list[Resource]:
    found = [resource]
    for child in resource.children:
        found += _all(child)
    if resource.kind == BUNDLE:
        for part in _bundle_parts(resource):
            found += [item for item in _all(part) if item not in found]
    return found


def _bundle_parts(bundle: Resource) -> list[Resource]:
    return [
        part
        for replica in bundle.replicas
        for part in (replica.ip, replica.container, replica.connection, replica.child)
        if part is not None
    ]


def _all_names(cluster: Cluster) -> set[str]:
    everything = [item for resource in cluster.resources for item in _all(resource)]
    return {item.id for item in everything} | {item.base_id for item in everything}


def _primitives(resource: Resource) -> list[Resource]:
    return [item for item in _all(resource) if item.kind == PRIMITIVE]


def _collectives(resource: Resource) -> list[Resource]:
    return [item for item in _all(resource) if item.kind != PRIMITIVE]


class _Explainer:
    def __init__(self, cluster: Cluster, node: Node | None, rows: dict[str, list[Contribution]]) -> None:
        self._cluster = cluster
        self._node = node
        self._rows = rows

    def part(self, resource: Resource) -> PartView:
        """Explain one primitive."""
        views = self._node_views(resource)
        target = resource.assigned
        verdict = self._verdict(resource)
        ignored = [constraint for identifier, constraint in self._cluster.ledger.ignored if identifier == resource.id]
        return PartView(
            resource.id,
            verdict,
            [node.name for node in resource.running_on],
            target.name if target is not None else None,
            ROLE_NAMES[resource.next_role],
            self._causes(resource, verdict, views),
            [view for view in views if self._is_told(view)],
            action_views(self._cluster, resource),
            self._promotion(resource),
            list(dict.fromkeys(ignored)),
        )

    def _is_told(self, view: NodeView) -> bool:
        if self._node is not None:
            return view.node == self._node.name
        return view.chosen or view.current or not any(reason.kind in STRUCTURAL for reason in view.obstacles)

    def _node_views(self, resource: Resource) -> list[NodeView]:
        cluster = self._cluster
        withheld = withheld_promotion(cluster, resource)
        rows = self._rows[resource.id]
        views = []
        for node in cluster.nodes:
            score = resource.allowed.scores[node.index]
            mine = [row for row in rows if row.node == node.name]
            if withheld is not None and any(row.constraint == withheld.id for row in mine):
                # said after the places were chosen, and of the promotion alone
                mine = [row for row in mine if row.constraint != withheld.id]
                score = mine[-1].result if mine else node.score
            view = NodeView(
                node.name,
                None if score == ABSENT else score,
                node is resource.assigned,
                node in resource.running_on,
                obstacles(cluster, resource, node, mine),
                mine,
            )
            views.append(view)
        chosen = next((view for view in views if view.chosen), None)
        if chosen is not None:
            for view in views:
                if not view.chosen and not view.obstacles:
                    view.against = self._against(resource, chosen, view)
        return views

    def _against(self, resource: Resource, chosen: NodeView, other: NodeView) -> Reason:
        """Say why a node that could be used lost against the one that was chosen."""
        best, mine = chosen.score or 0, other.score or 0
        if not resource.managed:
            return Reason("stays-unmanaged", chosen.node, node=other.node)
        if mine < best:
            return Reason("lower", chosen.node, "", f"{format_score(mine)} < {format_score(best)}", other.node)
        reason = self._tie(resource, chosen.node, other.node)
        reason.node = other.node
        return reason

    def _tie(self, resource: Resource, chosen: str, other: str) -> Reason:
        """Say what decided between two nodes with the same score."""
        choice = self._cluster.ledger.choice(resource.id)
        if choice is None:
            return Reason("tie-order", chosen)
        counts = dict(choice.tied)
        if choice.rule == "present" or (choice.rule == "preferred" and chosen in _names(resource.running_on)):
            return Reason("tie-present", chosen)
        if choice.rule == "preferred":
            target = resource.migration_target
            return Reason("tie-migration" if target is not None else "tie-capable", chosen)
        strategy = self._cluster.options.placement_strategy
        if strategy == "balanced" and _capacities_differ(self._cluster, chosen, other):
            return Reason("tie-capacity", chosen)
        mine, theirs = counts.get(chosen, 0), counts.get(other, 0)
        if strategy != "minimal":
            if mine < theirs:
                return Reason("tie-fewer", chosen, detail=f"{mine} < {theirs}")
            if chosen in _names(resource.running_on):
                return Reason("tie-present", chosen)
        return Reason("tie-order", chosen)

    # What becomes of it

    def _verdict(self, resource: Resource) -> str:
        target = resource.assigned
        if not resource.managed:
            return "kept"
        start = first_action(resource, "start", target) if target is not None else None
        if target is None or resource.next_role == STOPPED:
            return "stops" if resource.running_on else "stopped"
        if start is not None and not start.flags & (RUNNABLE | OPTIONAL) and not _graphed(resource, "start"):
            return "stops" if _graphed(resource, "stop") else "waits"
        if start is not None and not start.flags & RUNNABLE and target not in resource.running_on:
            return "waits"
        if _graphed(resource, "migrate_from"):
            return "migrates"
        if not resource.running_on:
            return "starts"
        if target not in resource.running_on:
            return "moves"
        if _graphed(resource, "stop") and _graphed(resource, "start"):
            return "recovers" if resource.failed else "restarts"
        if _graphed(resource, "reload-agent"):
            return "reloads"
        if _graphed(resource, "promote"):
            return "promotes"
        if _graphed(resource, "demote"):
            return "demotes"
        return "stays"

    # Why

    def _causes(self, resource: Resource, verdict: str, views: list[NodeView]) -> list[Reason]:
        if verdict == "kept":
            return self._why_kept(resource)
        if verdict in ("stopped", "stops"):
            return self._why_stopped(resource, views)
        chosen = next(view for view in views if view.chosen)
        if verdict == "waits":
            start = first_action(resource, "start", resource.assigned)
            return why_impossible(self._cluster, start) if start is not None else []
        if verdict in ("restarts", "recovers", "reloads"):
            return self._why_again(resource, verdict)
        here = self._why_here(resource, chosen, views)
        causes: list[Reason] = []
        if verdict in ("moves", "migrates"):
            for view in views:
                if view.current and not view.chosen:
                    causes += [reason for reason in view.obstacles if not reason.kind.startswith("with-")]
        return causes + here

    def _why_here(self, resource: Resource, chosen: NodeView, views: list[NodeView]) -> list[Reason]:
        rivals = [
            view
            for view in views
            if not view.chosen
            and view.score is not None
            and all(reason.kind == "negative" for reason in view.obstacles)
        ]
        place = self._bound(resource, chosen)
        if place is not None:
            return [place]
        if not rivals:
            return [Reason("only-node", chosen.node)]
        best = max(rivals, key=lambda view: view.score or 0)
        if (chosen.score or 0) > (best.score or 0):
            gains = [row for row in chosen.contributions if row.amount > 0 and row.source != "node"]
            losses = [row for row in best.contributions if row.amount < 0]
            reasons = [
                Reason(f"by-{row.source}", row.node, row.constraint, format_score(row.amount))
                for row in sorted(gains, key=lambda row: -row.amount)[:3]
            ]
            reasons += [
                Reason(f"by-{row.source}", row.node, row.constraint, format_score(row.amount))
                for row in sorted(losses, key=lambda row: row.amount)[:3]
                if not reasons
            ]
            scores = f"{format_score(chosen.score or 0)}, {best.node}: {format_score(best.score or 0)}"
            return [Reason("highest", chosen.node, detail=scores), *reasons]
        reason = self._tie(resource, chosen.node, best.node)
        reason.detail = reason.detail or best.node
        reason.node = best.node
        return [reason]

    def _bound(self, resource: Resource, chosen: NodeView) -> Reason | None:
        """Return what a resource has to follow to its node, if it has no choice of its own."""
        parent = resource.parent
        if parent is not None and parent.kind == GROUP and parent.collocated:
            position = parent.children.index(resource)
            if position:
                return Reason("follows-group", parent.children[position - 1].id, parent.id, node=chosen.node)
        for colocation in resource.this_with:
            if colocation.score >= INFINITY:
                constraint = colocation.id if colocation.explicit else ""
                return Reason("follows", colocation.primary.id, constraint, node=chosen.node)
        return None

    def _why_again(self, resource: Resource, verdict: str) -> list[Reason]:
        if verdict == "recovers":
            return self._failures(resource) or [Reason("recovery")]
        views = action_views(self._cluster, resource)
        told = [view.why for view in views if view.task in ("stop", "start", "reload-agent")]
        return [why for why in told if why.kind != "required-by-itself"][:1] or told[:1]

    def _failures(self, resource: Resource) -> list[Reason]:
        return [
            Reason(
                "failed",
                failed.entry.task,
                failed.entry.id,
                _outcome(failed.entry.rc, failed.entry.exit_reason),
                failed.node.name,
            )
            for failed in self._cluster.failed_operations
            if failed.resource_id == resource.id and failed.node in resource.running_on
        ]

    def _why_kept(self, resource: Resource) -> list[Reason]:
        cluster = self._cluster
        options = cluster.options
        if resource.blocked:
            ticket = lost_and_frozen(cluster, resource)
            if ticket is not None:
                return [Reason("ticket-frozen", ticket.ticket, ticket.id)]
            if is_blocked_by_copies(resource):
                return [Reason("blocked-multiple", resource.base_id, detail=", ".join(_names(resource.running_on)))]
            return [Reason("blocked", resource.base_id), *self._failures(resource)]
        if resource.removed:
            return [Reason("removed-kept", resource.id)]
        if options.maintenance_mode:
            return [Reason("maintenance-mode")]
        for node in resource.running_on:
            if node.maintenance:
                return [Reason("node-maintenance", node=node.name)]
        if resource.maintenance:
            return [Reason("resource-maintenance", resource.base_id)]
        if options.fencing_enabled and not cluster.fence_device_exists:
            return [Reason("no-fence-device")]
        return [Reason("is-managed", resource.base_id)]

    def _why_stopped(self, resource: Resource, views: list[NodeView]) -> list[Reason]:
        cluster = self._cluster
        if resource.removed:
            return [Reason("removed", resource.id)]
        if resource.target_role == STOPPED:
            return [Reason("target-role", resource.top().base_id)]
        if cluster.options.stop_all_resources:
            return [Reason("stop-all")]
        start = first_action(resource, "start", resource.assigned) if resource.assigned is not None else None
        if start is not None and not start.flags & RUNNABLE:
            return why_impossible(cluster, start)
        if not cluster.quorate and cluster.quorum_policy in ("stop", "demote"):
            return [Reason("no-quorum")]
        if resource.id in cluster.ledger.nowhere:
            clone, constraint = cluster.ledger.nowhere[resource.id]
            return [Reason("no-partner", clone, constraint)]
        top = resource.top()
        placed = sum(1 for item in top.instances() if _placed(item)) if top is not resource else 0
        if placed and placed >= top.clone_max > 0:
            return [Reason("clone-max", top.id, detail=str(top.clone_max))]
        if any(reason.kind == "on-fail" for view in views for reason in view.obstacles):
            failures = self._failures(resource)
            if failures:
                return [*failures, Reason("on-fail-stop", resource.base_id)]
        usable = [view for view in views if view.score is not None or not cluster.options.symmetric]
        told = [
            reason
            for view in usable
            if not any(item.kind in STRUCTURAL for item in view.obstacles)
            for reason in view.obstacles[:1]
        ]
        everywhere = {reason.kind for reason in told}
        if len(told) > 1 and everywhere <= _EVERYWHERE:
            first = told[0]
            return [Reason(first.kind, first.subject, first.constraint, first.detail)]
        instances = placed and all(item.kind == "clone-full" or item.kind in _STATES for item in told)
        if instances:
            return [Reason("clone-surplus", top.id, detail=str(placed))]
        return [Reason("no-usable-node"), *told]

    # Promotion

    def _promotion(self, resource: Resource) -> Reason | None:
        top = resource.top()
        if not top.promotable or resource.assigned is None or resource.next_role < UNPROMOTED:
            return None
        instance = resource
        while instance.parent is not None and instance.parent is not top:
            instance = instance.parent
        score = format_score(instance.promotion_priority)
        if resource.next_role == PROMOTED:
            others = [
                f"{item.id}: {format_score(item.promotion_priority)}" for item in top.children if item is not instance
            ]
            return Reason("promoted", detail=score, subject=", ".join(others))
        withheld = withheld_promotion(self._cluster, resource)
        if withheld is not None:
            return Reason("promotion-ticket", withheld.ticket, withheld.id)
        promoted = [item for item in top.children if item.next_role == PROMOTED]
        if not self._cluster.quorate and self._cluster.quorum_policy in ("freeze", "demote"):
            return Reason("promotion-no-quorum")
        if instance.promotion_priority <= MINUS_INFINITY:
            return Reason("promotion-banned", detail=score)
        if instance.promotion_priority < 0:
            return Reason("promotion-negative", resource.base_id, detail=score, node=resource.assigned.name)
        if promoted:
            better = ", ".join(f"{item.id} ({format_score(item.promotion_priority)})" for item in promoted)
            return Reason("promotion-lower", better, detail=score)
        return Reason("promotion-none", detail=score)


_EVERYWHERE = frozenset({"with-nowhere", "with-nowhere-role", "ticket", "fatal-error", "multiple-active"})
"""Obstacles that are the same on every node, so that they are told once."""
_STATES = frozenset({"offline", "unclean", "standby", "standby-on-fail", "pending", "shutdown", "node-maintenance"})


def _names(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


def _placed(resource: Resource) -> bool:
    return resource.assigned is not None or any(_placed(child) for child in resource.children)


def _graphed(resource: Resource, task: str) -> bool:
    return any(action.task == task and action.flags & IN_GRAPH for action in resource.actions)


def _outcome(rc: int | None, text: str | None) -> str:
    return f"exit code {rc}" + (f", {text}" if text else "")


def _capacities_differ(cluster: Cluster, left: str, right: str) -> bool:
    nodes = cluster.node_by_name
    return nodes[left.lower()].utilization != nodes[right.lower()].utilization
