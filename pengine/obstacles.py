"""Why a resource can't be on a node: the state of the node, and the bans that the ledger knows.

Source: design page 0010, "Explanations".
"""

from __future__ import annotations

from cib.values import MINUS_INFINITY
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.explanation import Reason
from pengine.ledger import Contribution
from pengine.node_choice import assigned_nodes
from pengine.relations import Colocation, TicketConstraint
from pengine.resource_state import is_multiply_active
from pengine.vocabulary import ABSENT, IN_GRAPH, MULTIPLE_BLOCK, PROMOTED, ROLE_NAMES, UNKNOWN
from pengine.working import Cluster, Node, Resource

_HISTORY = frozenset({"not-installed", "hard-error", "fatal-error", "stop-failure", "on-fail", "masked-probe-failure"})
_ELSEWHERE = frozenset({"target-role", "clone-max"})
"""Bans that concern all nodes alike; they are told once, not for each node."""
STRUCTURAL = frozenset({"container", "remote", "bundle", "not-considered"})
"""Bans by what a resource is: nobody would expect it there."""


def counted(rows: list[Contribution]) -> list[Contribution]:
    """Return the contributions that counted in the end: without attempts that were taken back."""
    kept: list[Contribution] = []
    by_node: dict[str, list[Contribution]] = {}
    for row in rows:
        line = by_node.setdefault(row.node, [])
        if row.source == "rollback":
            while line and line[-1].result != row.result:
                kept.remove(line.pop())
            continue
        line.append(row)
        kept.append(row)
    return kept


def is_fenced(cluster: Cluster, node: Node) -> bool:
    """Say whether the graph fences a node."""
    fencings = (action for action in cluster.actions if action.task == "stonith" and action.flags & IN_GRAPH)
    return any(action.node is node and action.meta.get("stonith_action") != "on" for action in fencings)


def node_state(cluster: Cluster, node: Node) -> Reason | None:
    """Return what is the matter with a node as such."""
    kind = ""
    subject = ""
    if node.unclean:
        kind = "unclean-fenced" if is_fenced(cluster, node) else "unclean"
    elif node.is_remote_kind and not node.online:
        kind = "unconnected" if node.connection is not None else "without-connection"
        subject = node.connection.id if node.connection is not None else ""
    elif not node.online:
        kind = "offline"
    elif node.shutdown:
        kind = "shutdown"
    elif node.pending:
        kind = "pending"
    elif node.standby_on_fail:
        kind = "standby-on-fail"
    elif node.standby:
        kind = "standby"
    elif node.maintenance:
        kind = "node-maintenance"
    return Reason(kind, subject, node=node.name) if kind else None


def obstacles(cluster: Cluster, resource: Resource, node: Node, rows: list[Contribution]) -> list[Reason]:
    """Return everything that keeps a resource off a node, by its contributions there."""
    found: list[Reason] = []
    state = node_state(cluster, node)
    if state is not None and not (node.is_guest and node.online):
        found.append(state)
    score = resource.allowed.scores[node.index]
    if score == ABSENT:
        kind = "not-considered" if cluster.options.symmetric else "not-allowed"
        return [*found, Reason(kind, node=node.name)]
    for row in rows:
        if row.amount > MINUS_INFINITY or row.source in _ELSEWHERE:
            continue
        if row.source == "node" and state is not None:
            continue
        for reason in _of_row(cluster, resource, node, row):
            if reason not in found:
                found.append(reason)
    if MINUS_INFINITY < score < 0 and not found:
        found.append(Reason("negative", detail=str(score), node=node.name))
    return found


def _of_row(cluster: Cluster, resource: Resource, node: Node, row: Contribution) -> list[Reason]:
    name = node.name
    if row.source == "location":
        if row.constraint.startswith("health-"):
            return [Reason("health", constraint=row.constraint, node=name)]
        kind = "moved-away" if row.constraint.startswith("cli-ban-") else "location"
        return [Reason(kind, constraint=row.constraint, node=name)]
    if row.source == "ticket":
        ticket = next((item.ticket for item in tickets_of(resource) if item.id == row.constraint), "")
        return [Reason("ticket", ticket, row.constraint, node=name)]
    if row.source == "colocation":
        return [_with_primary(resource, node, row.constraint)]
    if row.source == "dependent":
        other = next((item.dependent for item in with_this_colocations(resource) if item.id == row.constraint), None)
        return [Reason("dependent", other.id if other is not None else "", row.constraint, node=name)]
    if row.source == "clone":
        return _of_clone(cluster, resource, node, row.constraint)
    if row.source == "utilization":
        return [Reason("utilization", detail=_lack(resource, node), node=name)]
    if row.source == "migration-threshold":
        return [Reason("migration-threshold", resource.base_id, detail=row.constraint, node=name)]
    if row.source == "shutdown-lock":
        return [Reason("shutdown-lock", row.constraint, node=name)]
    if row.source in _HISTORY:
        said = exit_reason(cluster, row.constraint, node)
        return [Reason(row.source, resource.base_id, row.constraint, said, name)]
    return [Reason(row.source, row.constraint, row.constraint, node=name)]


def tickets_of(resource: Resource) -> list[TicketConstraint]:
    """Return the ticket constraints of a resource and of what it belongs to."""
    found = list(resource.tickets)
    parent = resource.parent
    while parent is not None:
        found += parent.tickets
        parent = parent.parent
    return found


def lost_and_frozen(cluster: Cluster, resource: Resource) -> TicketConstraint | None:
    """Return the ticket constraint for which a resource is left as it is, if there is one."""
    for constraint in tickets_of(resource):
        granted, _ = cluster.tickets.get(constraint.ticket, (False, False))
        if constraint.loss_policy == "freeze" and not granted:
            return constraint
    return None


def withheld_promotion(cluster: Cluster, resource: Resource) -> TicketConstraint | None:
    """Return the constraint that lets instances run but not be promoted, for want of its ticket, if there is one."""
    for constraint in tickets_of(resource):
        granted, standby = cluster.tickets.get(constraint.ticket, (False, False))
        if constraint.role == PROMOTED and constraint.loss_policy != "stop" and (not granted or standby):
            return constraint
    return None


def is_blocked_by_copies(resource: Resource) -> bool:
    """Say whether a resource is blocked for being active more often than it may be (multiple-active=block)."""
    return is_multiply_active(resource) and resource.multiple_active == MULTIPLE_BLOCK


def exit_reason(cluster: Cluster, operation: str, node: Node) -> str:
    """Return what the agent said when a recorded operation failed."""
    for failed in cluster.failed_operations:
        if failed.entry.id == operation and failed.node is node and failed.entry.exit_reason:
            return failed.entry.exit_reason
    return ""


def _with_primary(resource: Resource, node: Node, identifier: str) -> Reason:
    colocation = next((item for item in this_with_colocations(resource) if item.id == identifier), None)
    if colocation is None:
        return Reason("colocation", constraint=identifier, node=node.name)
    places = colocated_places(colocation)
    subject = colocation.primary.id
    if colocation.score < 0:
        return Reason("apart", subject, identifier, node=node.name)
    if not colocation.explicit:
        identifier = ""
    if not places:
        kind = "with-nowhere-role" if colocation.primary_role != UNKNOWN else "with-nowhere"
        return Reason(kind, subject, identifier, ROLE_NAMES[colocation.primary_role], node.name)
    if node.name in places:
        return Reason("with-instance", subject, identifier, node=node.name)
    return Reason("with-elsewhere", subject, identifier, ", ".join(places), node.name)


def colocated_places(colocation: Colocation) -> list[str]:
    """Return the names of the nodes where the primary of a colocation is, in the role that counts."""
    primary, role = colocation.primary, colocation.primary_role
    if role == UNKNOWN:
        return [node.name for node in assigned_nodes(primary)]
    return [
        node.name for part in (primary.children or [primary]) for node in assigned_nodes(part) if part.next_role == role
    ]


def _of_clone(cluster: Cluster, resource: Resource, node: Node, clone_id: str) -> list[Reason]:
    """Say why an instance may not be where its clone is concerned; what is against the clone is against it."""
    if not node.available():
        return []
    clone = cluster.by_id.get(clone_id)
    if clone is None:
        return []
    withheld = withheld_promotion(cluster, clone)
    rows = counted(cluster.ledger.explain(clone.id, node.name))
    if withheld is not None:
        rows = [row for row in rows if row.constraint != withheld.id]
    if clone.allowed.scores[node.index] < 0 and (withheld is None or (rows and rows[-1].result < 0)):
        return obstacles(cluster, clone, node, rows)
    there = [item.id for item in clone.instances() if item is not resource and node in assigned_nodes(item)]
    if not there:
        return [Reason("clone-taken", clone.id, node=node.name)]
    return [Reason("clone-full", clone.id, detail=", ".join(there), node=node.name)]


def _lack(resource: Resource, node: Node) -> str:
    """Return what a node has left of that which the resource needs."""
    return ", ".join(
        f"{name}: needs {value}, has {max(0, node.utilization.get(name, 0))}"
        for name, value in resource.utilization.items()
        if node.utilization.get(name, 0) < value
    )
