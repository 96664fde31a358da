"""Why a resource is to be where it is to be, and why not elsewhere, in words: `crm_simulate --explain`.

The policy engine notes every contribution to every score; here they are told with what would have to change.
"""

from __future__ import annotations

from cib.values import MINUS_INFINITY, format_score
from crmsh import exit_codes
from crmsh.failure import Failure
from crmsh.language.errors import did_you_mean
from pengine.actions import find_actions, operation_key
from pengine.ledger import Contribution
from pengine.vocabulary import ABSENT, BUNDLE, PRIMITIVE, ROLE_NAMES, RUNNABLE, STARTED, STOPPED
from pengine.working import Cluster, Node, Resource

_CLEAN_UP = "crm_resource --cleanup --resource {resource} --node {node}"
_REASONS: dict[str, tuple[str, str]] = {
    "bundle": ("it belongs to a bundle, whose containers decide where it runs", ""),
    "clone": ("its clone decides where this instance goes", ""),
    "clone-max": ("clone '{id}' has as many instances as it may have", "raise clone-max"),
    "colocation": ("colocation '{id}'", "change or remove that constraint, or move what it is colocated with"),
    "container": ("it runs where '{id}' runs", ""),
    "dependent": ("what is to be with it by colocation '{id}'", ""),
    "exclusive-discovery": ("constraints with resource-discovery=exclusive name other nodes", "name this node as well"),
    "fatal-error": ("operation '{id}' ended with an error that holds on every node", f"repair it, then {_CLEAN_UP}"),
    "hard-error": ("operation '{id}' ended with an error that holds on this node", f"repair it, then {_CLEAN_UP}"),
    "location": ("location constraint '{id}'", "change or remove that constraint"),
    "masked-probe-failure": ("probe '{id}' failed", f"repair it, then {_CLEAN_UP}"),
    "migration-threshold": ("{id}, which is as often as migration-threshold allows", _CLEAN_UP),
    "node": ("score of node '{id}'", ""),
    "not-installed": ("operation '{id}' found something that is not installed", f"install it, then {_CLEAN_UP}"),
    "on-fail": ("an operation failed whose on-fail keeps it off", _CLEAN_UP),
    "promotion-score": ("promotion score", ""),
    "remote": ("it can't run on a remote or guest node", ""),
    "removed": ("it is not configured any more", ""),
    "rollback": ("colocation '{id}' is no use on any node and is left out", ""),
    "shutdown-lock": ("it is locked to '{id}', which was shut down", "wait for that node, or crm_resource --refresh"),
    "stickiness": ("resource-stickiness: it is active here", ""),
    "stop-failure": ("stop '{id}' failed", f"repair it, then {_CLEAN_UP}"),
    "target-role": (
        "its target-role is Stopped",
        "crm_resource --resource {resource} --meta -p target-role -v Started",
    ),
    "ticket": ("ticket constraint '{id}': the ticket is not granted, or is standby", "grant or activate the ticket"),
    "unmanaged": ("it is not managed and active here", ""),
    "utilization": ("the node has too little room left", "give the node more capacity, or move something away"),
}
"""Kind of reason: what it is, and what would have to change where it keeps the resource off a node."""
_INTERNAL = {
    "group:members": "it is to be with the other members of its group",
    "#resource-with-container": "it is to be with its container",
    "#ip-with-container": "the address is to be with its container",
}


def explain(cluster: Cluster, name: str, node: str) -> list[str]:
    """Return lines about a resource and all its parts, for one node or (empty) for all.

    The cluster has been decided about. Raises Failure where there is no such resource or node.
    """
    found = [resource for resource in cluster.by_id.values() if name in (resource.id, resource.base_id)]
    if not found:
        near = did_you_mean(name, sorted({resource.base_id for resource in cluster.by_id.values()}))
        raise Failure(exit_codes.NO_SUCH, f"there is no resource '{name}'{near}")
    nodes = [item for item in cluster.nodes if not node or item.name.lower() == node.lower()]
    if not nodes:
        raise Failure(exit_codes.NO_SUCH, f"there is no node '{node}'")
    primitives: list[Resource] = []
    for resource in found:
        _collect(resource, primitives)
    lines: list[str] = []
    for resource in primitives:
        lines += [*([""] if lines else []), *_explained(cluster, resource, nodes)]
    return lines


def _collect(resource: Resource, primitives: list[Resource]) -> None:
    if resource.kind == PRIMITIVE:
        if resource not in primitives:
            primitives.append(resource)
        return
    if resource.kind == BUNDLE:
        for replica in resource.replicas:
            for part in (replica.ip, replica.container, replica.connection, replica.child):
                if part is not None:
                    _collect(part, primitives)
        return
    for child in resource.children:
        _collect(child, primitives)


def _explained(cluster: Cluster, resource: Resource, nodes: list[Node]) -> list[str]:
    lines = [f"{resource.id}: {_outcome(resource)}"]
    scores = resource.allowed.scores
    shown = sorted(nodes, key=lambda node: (node is not resource.assigned, -scores[node.index], node.name))
    best = scores[resource.assigned.index] if resource.assigned is not None else ABSENT
    for node in shown:
        score = scores[node.index]
        chosen = node is resource.assigned
        text = "no score: nothing allows it here" if score == ABSENT else format_score(score)
        equal = not chosen and score == best and score != ABSENT and node.available()
        mark = ", chosen" if chosen else ", as good: the node with less to do, or the first by name, is taken" * equal
        lines.append(f"  * {node.name}: {text}{mark}")
        if not node.available():
            lines.append(f"    * {_state(node)}")
        for row in cluster.ledger.explain(resource.id, node.name):
            lines += _contribution(row)
    return lines


def _outcome(resource: Resource) -> str:
    """Say what becomes of a primitive."""
    here = resource.running_on[0].name if resource.running_on else ""
    there = resource.assigned.name if resource.assigned is not None else ""
    role = f" as {ROLE_NAMES[resource.next_role]}" if resource.next_role > STARTED else ""
    if not resource.managed:
        return f"is not managed and left alone{f' on {here}' if here else ''}"
    if not there or resource.next_role == STOPPED:
        return f"stops on {here}" if here else "stays stopped"
    start = next(iter(find_actions(resource, operation_key(resource.id, "start"), resource.assigned)), None)
    if here != there and start is not None and not start.flags & RUNNABLE:
        return f"can't start on {there}: {start.reason or 'something that it needs is missing'}"
    if here == there:
        return f"stays on {there}{role}"
    return f"moves from {here} to {there}{role}" if here else f"starts on {there}{role}"


def _state(node: Node) -> str:
    """Say why a node can run nothing."""
    if node.unclean:
        return "the node has to be fenced"
    if not node.online:
        return "the node is offline"
    if node.pending:
        return "the node is not a full member yet"
    if node.standby:
        return "the node is standby: crm_standby -D -N " + node.name
    if node.shutdown:
        return "the node is shutting down"
    return "the node can run nothing now" + (": it is in maintenance" if node.maintenance else "")


def _contribution(row: Contribution) -> list[str]:
    text, remedy = _REASONS.get(row.source, (row.source + " '{id}'" * bool(row.constraint), ""))
    text = _INTERNAL.get(row.constraint, text)
    sign = "+" if row.amount >= 0 else ""
    lines = [f"    * {sign}{format_score(row.amount)}: {text.format(id=row.constraint)}"]
    if remedy and row.amount <= MINUS_INFINITY:
        told = remedy.format(resource=row.resource.partition(":")[0], node=row.node)
        lines.append(f"      what would have to change: {told}")
    return lines
