"""Moving resources with crm_resource: --move, --ban, --clear."""

from __future__ import annotations

import datetime

from crmsh import exit_codes
from crmsh.actions.editing import ActionError, edit, read_copy
from crmsh.actions.moving import ban, clear, lifetime_end, prefer
from crmsh.actions.parameters import found_resource
from crmsh.backend import Backend
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.frame import Call
from crmsh.language.xml import children, descendants


def _end(call: Call) -> str:
    if not call.given.has("lifetime"):
        return ""
    end = lifetime_end(call.given.get("lifetime"), datetime.datetime.now(datetime.UTC))
    call.say(f"Migration will take effect until: {end}\n")
    return end


def _role(call: Call) -> str:
    return "Promoted" if call.given.has("promoted") else "Started"


def _where(backend: Backend, name: str) -> list[str]:
    from crmsh.status.locating import places_of

    return [node for node, _ in places_of(backend.read(), name)]


def _checked_node(copy: WorkingCopy, node: str) -> str:
    if node not in copy.node_names() and not any(e.get("id") == node for e in copy.objects() if e.tag == "node"):
        raise ActionError(exit_codes.NO_SUCH, f"Node '{node}' not found")
    return node


def move(call: Call, backend: Backend) -> int:
    """Let a resource run elsewhere. Raises ActionError."""
    name = found_resource(read_copy(backend), call.given.get("resource")).get("id", "")
    node = call.given.get("node")
    if not node:
        return _ban_from_here(call, backend, name)
    _checked_node(read_copy(backend), node)
    if _where(backend, name) == [node] and not call.given.has("force"):
        raise ActionError(exit_codes.EXISTS, f"{name} is already active on {node}")
    end = _end(call)
    edit(backend, lambda copy: prefer(copy, name, node, _role(call), end), call.given.has("force"))
    return exit_codes.OK


def ban_resource(call: Call, backend: Backend) -> int:
    """Keep a resource from a node. Raises ActionError."""
    name = found_resource(read_copy(backend), call.given.get("resource")).get("id", "")
    node = call.given.get("node")
    if not node:
        return _ban_from_here(call, backend, name)
    _checked_node(read_copy(backend), node)
    return _ban_from(call, backend, name, node)


def _ban_from_here(call: Call, backend: Backend, name: str) -> int:
    here = _where(backend, name)
    if len(here) != 1:
        raise ActionError(
            exit_codes.USAGE,
            f"Resource '{name}' not moved: active in {len(here)} locations. To prevent '{name}' from running on a "
            "specific location, specify a node.",
        )
    return _ban_from(call, backend, name, here[0])


def _ban_from(call: Call, backend: Backend, name: str, node: str) -> int:
    end = _end(call)
    identifier = edit(backend, lambda copy: ban(copy, name, node, _role(call), end), call.given.has("force"))
    if not call.given.has("quiet"):
        call.say(
            f"WARNING: Creating rsc_location constraint '{identifier}' with a score of -INFINITY for resource {name} "
            f"on {node}.\n\tThis will prevent {name} from running on {node} until the constraint is removed using the "
            "clear option or by editing the CIB with an appropriate tool.\n"
            f"\tThis will be the case even if {node} is the "
            "last node in the cluster\n"
        )
    return exit_codes.OK


def clear_resource(call: Call, backend: Backend) -> int:
    """Remove what move and ban made. Raises ActionError."""
    removed: list[str] = []

    def change(copy: WorkingCopy) -> None:
        if call.given.has("expired"):
            removed.extend(_clear_expired(copy, call.given.get("resource"), call.given.get("node")))
        else:
            name = found_resource(copy, call.given.get("resource")).get("id", "")
            removed.extend(clear(copy, name, call.given.get("node")))

    edit(backend, change, call.given.has("force"))
    call.say("".join(f"Removing constraint: {identifier}\n" for identifier in removed))
    return exit_codes.OK


def _clear_expired(copy: WorkingCopy, resource: str, node: str) -> list[str]:
    now = datetime.datetime.now(datetime.UTC)
    gone = []
    for section in children(copy.root):
        for element in children(section) if section.tag == "constraints" else []:
            if not element.get("id", "").startswith(("cli-prefer-", "cli-ban-")):
                continue
            if resource and element.get("rsc") != resource:
                continue
            ends = [e.get("end", "") for e in descendants(element) if e.tag == "date_expression" and e.get("end")]
            if ends and _passed(ends[0], now):
                section.remove(element)
                gone.append(element.get("id", ""))
    return gone


def _passed(end: str, now: datetime.datetime) -> bool:
    try:
        moment = datetime.datetime.fromisoformat(end.replace("Z", "+00:00"))
    except ValueError:
        return False
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)) <= now
