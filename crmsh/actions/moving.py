"""Moving and banning resources by constraints, and taking those constraints away again.

Source: Pacemaker's crm_resource --move, --ban and --clear (names and form of the constraints).
"""

from __future__ import annotations

import datetime
import re

from crmsh import exit_codes
from crmsh.actions.editing import ActionError
from crmsh.configuration.sections import section_for
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.errors import did_you_mean
from crmsh.language.xml import Element, add, children, descendants

_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")


def lifetime_end(text: str, now: datetime.datetime) -> str:
    """The end of an ISO 8601 duration from now, or the time itself, as constraints have it. Raises ActionError."""
    match = _DURATION.match(text)
    if match and any(match.groups()):
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        span = datetime.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        return f"{(now + span).strftime('%Y-%m-%d %H:%M:%S')}Z"
    months = re.match(r"P(?:(\d+)Y)?(?:(\d+)M)?$", text)
    if months and any(months.groups()):
        years, count = int(months.group(1) or 0), int(months.group(2) or 0)
        span = datetime.timedelta(days=years * 365 + count * 30)
        return f"{(now + span).strftime('%Y-%m-%d %H:%M:%S')}Z"
    try:
        end = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ActionError(
            exit_codes.INVALID_PARAMETER, f"'{text}' is not a lifetime: expected a duration such as PT1H or P1D"
        ) from None
    return f"{end.astimezone(datetime.UTC).strftime('%Y-%m-%d %H:%M:%S')}Z"


def _checked_node(copy: WorkingCopy, node: str) -> str:
    names = copy.node_names()
    known = {e.get("id"): e.get("uname", "") for e in copy.objects() if e.tag == "node"}
    if node in names:
        return node
    if node in known:
        return known[node]
    raise ActionError(exit_codes.NO_SUCH, f"node '{node}' is not known{did_you_mean(node, names)}")


def _drop(copy: WorkingCopy, identifiers: list[str]) -> list[str]:
    dropped = []
    section = section_for(copy.root, "rsc_location")
    for element in children(section):
        if element.get("id") in identifiers:
            section.remove(element)
            dropped.append(element.get("id", ""))
    return dropped


def _constrain(copy: WorkingCopy, identifier: str, resource: str, node: str, score: str, role: str, end: str) -> None:
    section = section_for(copy.root, "rsc_location")
    if not end:
        add(
            section,
            "rsc_location",
            {"id": identifier, "rsc": resource, "role": role, "node": node, "score": score},
        )
        return
    element = add(section, "rsc_location", {"id": identifier, "rsc": resource, "role": role})
    rule_id, expression_id, lifetime_id = (f"{identifier}-{part}" for part in ("rule", "expr", "lifetime"))
    if identifier.startswith("cli-prefer-"):
        rule_id, expression_id, lifetime_id = (
            f"cli-prefer-{part}-{resource}" for part in ("rule", "expr", "lifetime-end")
        )
    rule = add(element, "rule", {"id": rule_id, "score": score, "boolean-op": "and"})
    add(
        rule,
        "expression",
        {"id": expression_id, "attribute": "#uname", "operation": "eq", "value": node, "type": "string"},
    )
    add(rule, "date_expression", {"id": lifetime_id, "operation": "lt", "end": end})


def prefer(copy: WorkingCopy, resource: str, node: str, role: str = "Started", end: str = "") -> str:
    """Let a resource run on a node (`cli-prefer-…`); a ban from that node goes. Returns the constraint's id."""
    node = _checked_node(copy, node)
    _drop(copy, [f"cli-prefer-{resource}", f"cli-ban-{resource}-on-{node}"])
    _constrain(copy, f"cli-prefer-{resource}", resource, node, "INFINITY", role, end)
    return f"cli-prefer-{resource}"


def ban(copy: WorkingCopy, resource: str, node: str, role: str = "Started", end: str = "") -> str:
    """Keep a resource from a node (`cli-ban-…-on-…`). Returns the constraint's id."""
    node = _checked_node(copy, node)
    identifier = f"cli-ban-{resource}-on-{node}"
    _drop(copy, [identifier])
    _constrain(copy, identifier, resource, node, "-INFINITY", role, end)
    return identifier


def clear(copy: WorkingCopy, resource: str, node: str = "") -> list[str]:
    """Remove what move and ban made for a resource (with `node`: of that node only). Returns the ids removed."""
    if node:
        node = _checked_node(copy, node)
    wanted = []
    for element in children(section_for(copy.root, "rsc_location")):
        identifier = element.get("id", "")
        if element.get("rsc") != resource:
            continue
        named = _node_of(element)
        prefers = identifier == f"cli-prefer-{resource}"
        bans = identifier.startswith(f"cli-ban-{resource}-on-")
        if (prefers or bans) and (not node or named == node):
            wanted.append(identifier)
    return _drop(copy, wanted)


def _node_of(element: Element) -> str:
    if element.get("node"):
        return element.get("node", "")
    return next(
        (e.get("value", "") for e in descendants(element) if e.tag == "expression" and e.get("attribute") == "#uname"),
        "",
    )


def leftovers(copy: WorkingCopy) -> list[str]:
    """The ids of constraints that move and ban left."""
    return [
        e.get("id", "")
        for e in children(section_for(copy.root, "rsc_location"))
        if e.get("id", "").startswith(("cli-prefer-", "cli-ban-"))
    ]
