"""Quick questions about a CIB: where a resource is active, whether a node is online."""

from __future__ import annotations

from crmsh.language.xml import Element, children, descendants, to_line


def _status(cib: Element) -> Element | None:
    return next((child for child in children(cib) if child.tag == "status"), None)


def node_is_online(cib: Element, name: str) -> bool:
    """Whether the status says that a node is a member of the cluster."""
    status = _status(cib)
    for state in [] if status is None else children(status):
        if state.get("uname") == name:
            membership = state.get("in_ccm", "").lower()
            member = membership in ("true", "1", "yes", "on") or (membership.isdigit() and int(membership) > 0)
            online = state.get("crmd", "").lower()
            up = online == "online" or (online.isdigit() and int(online) > 0)
            return member and up and state.get("join") == "member"
    return False


def active_nodes(cib: Element, resource: str) -> list[str]:
    """The nodes where any part of a resource is active; empty at once where the status knows nothing."""
    status = _status(cib)
    if status is None or not any(e.tag == "lrm_rsc_op" for e in descendants(status)):
        return []
    from crmsh.status.reader import read_status

    found = []
    pending = list(read_status(to_line(cib).encode()).resources)
    while pending:
        view = pending.pop(0)
        if resource in (view.id, view.full_id):
            found += [node.name for node in view.running_on() if node.name not in found]
        else:
            pending += view.children
    return found
