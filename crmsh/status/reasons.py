"""Why a resource runs or does not, as crm_resource --why says it."""

from __future__ import annotations

from dataclasses import dataclass

from crmsh.status.model import ClusterStatus, NodeView, ResourceView


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a resource from running, or the cluster from acting on it."""

    attribute: str
    """Its name in XML; empty for what Pacemaker's form does not know."""
    value: str
    text: str


def reasons(status: ClusterStatus, view: ResourceView, node: str = "") -> list[Reason]:
    """What stands in the way of a resource, on one node or anywhere."""
    name = view.id
    found: list[Reason] = []
    wanted = view.configured_target_role.lower()
    if wanted == "stopped":
        found.append(Reason("remain_stopped", "true", f"the configuration wants '{name}' stopped (target-role)"))
    elif wanted in ("unpromoted", "slave"):
        found.append(Reason("promotable", "false", f"the configuration wants '{name}' unpromoted (target-role)"))
    if not view.managed:
        found.append(Reason("unmanaged", "true", f"'{name}' is unmanaged"))
    if view.lock_node:
        found.append(Reason("locked-to", view.lock_node, f"'{name}' is kept for {view.lock_node}, which was shut down"))
    nodes = [each for each in status.nodes if node in ("", each.name)]
    if node and any(each.health_colour == "red" for each in nodes):
        found.append(Reason("unhealthy", "true", f"'{name}' cannot run on {node}, which is unhealthy"))
    found += [Reason("", "", text) for each in nodes for text in _on_node(status, view, each)]
    found += [Reason("", "", note) for note in status.advice if note.startswith(f"{name} ")]
    return found


def _on_node(status: ClusterStatus, view: ResourceView, node: NodeView) -> list[str]:
    if not node.online:
        return [f"{node.name} is offline"]
    found = [f"{node.name} is in standby"] if node.standby else []
    if node.name in view.probe_failures:
        found.append(f"its probe failed on {node.name}: {view.probe_failures[node.name]}")
    mine = [h for where, histories in status.history if where.name == node.name for h in histories]
    found += [
        f"it failed {_times(history.fail_count)} on {node.name}: 'crm resource cleanup {view.id}' forgets that"
        for history in mine
        if history.resource == view.id and 0 < history.threshold <= history.fail_count
    ]
    found += [
        f"its {failure.task} on {node.name} ended as '{failure.rc_text}'"
        + (f": {failure.reason}" if failure.reason else "")
        for failure in status.failures
        if failure.resource == view.id and failure.node == node.name and failure.task == "start"
    ]
    return found


def _times(count: int) -> str:
    return "for good" if count >= 1_000_000 else f"{count} time{'s' if count != 1 else ''}"
