"""Where the installed Pacemaker (Debian 12: 2.1.5) is older than the one that we follow (3.0.2).

Some differences are avoided by the generator, which says so where it does. The others are made equal here; each of
them is backed by the recorded decisions of the newer version.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lxml import etree

from tests.differential.decisions import Decision

_FENCING_SETTINGS = frozenset(
    {"on_node", "on_node_uuid", "stonith_action", "digests_all", "digests_secure", "priority_fencing_delay"}
)

_STOP_BEFORE_START = re.compile(
    r"\w+ (?:stop|monitor) (\S+?)(?::\d+)?_(?:stop|monitor)_0 .*-> \w+ start (\S+?)(?::\d+)?_start_0 "
)

_GROUP = re.compile(r"\* Resource Group: (\w+)")


def forgive(peer: Decision, ours: Decision) -> tuple[Decision, Decision]:
    """Return both decisions with what the versions write differently made equal."""
    peer, ours = _forgive_one(peer), _forgive_one(ours)
    if any(" cancel=" in step for step in peer.steps):
        # The older one takes a cancelled monitor in the history for a sign that the resource is active.
        peer, ours = replace(peer, revised=()), replace(ours, revised=())
    return (
        replace(peer, status=_resources(peer.status), revised=_resources(peer.revised)),
        replace(
            ours,
            status=_resources(_without_hidden_groups(ours.status, peer.status)),
            revised=_resources(_without_hidden_groups(ours.revised, peer.revised)),
        ),
    )


def _resources(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for line in lines if line != "* No resources")


def _without_hidden_groups(ours: tuple[str, ...], peer: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out a group that 2.1.5 does not list: what is active of it is unmanaged, and on a node that is offline.

    What is recorded of the newer version has no such group, so this is no more than a drawing that we keep complete.
    The generator names a group's members after it.
    """
    kept = []
    group = ""
    for line in ours:
        if header := _GROUP.match(line):
            group = header[1] if line not in peer else ""
            if group:
                continue
        if not (group and line.startswith(f"* {group}m")):
            kept.append(line)
    return tuple(kept)


def _forgive_one(decision: Decision) -> Decision:
    return replace(
        decision,
        actions=tuple(sorted(_plain_action(action) for action in decision.actions)),
        edges=tuple(edge for edge in decision.edges if not edge.startswith("missing ")),
        scores=tuple(sorted(_same_inactive(line) for line in decision.scores)),
        status=tuple(_same_state(line) for line in decision.status),
        revised=tuple(_same_state(line) for line in decision.revised),
        summary=tuple(_same_reason(line) for line in decision.summary),
    )


def _plain_action(action: str) -> str:
    """Before 2.1.6 fencing carried all attributes of the node as settings.

    Of several results of a monitor that is cancelled the older version names the first, the newer the last.
    """
    if " attributes/CRM_meta_operation=" in action:
        return re.sub(r"attributes/CRM_meta_call_id=\d+ ", "", action)
    if not action.startswith("crm_event stonith "):
        return action
    kept = [
        fact
        for fact in action.split(" ")
        if not fact.startswith("attributes/CRM_meta_")
        or fact.removeprefix("attributes/CRM_meta_").partition("=")[0] in _FENCING_SETTINGS
    ]
    return " ".join(kept)


def _same_inactive(line: str) -> str:
    """An instance without a node was given the score 0 on 'none', now it is inactive and has none."""
    return re.sub(r"promotion score (on none|\(inactive\)): \S+", "promotion score (inactive)", line)


def _same_state(line: str) -> str:
    """What is in maintenance was called unmanaged, and what a probe found missing was told in other words."""
    line = re.sub(r"(?<=[( ])maintenance(?=[,)])", "unmanaged", line)
    line = line.replace("(unmanaged, disabled)", "(disabled, unmanaged)")
    return line.replace("(Not installed)", "(not installed)").replace("(Invalid parameter)", "(invalid parameter)")


def _same_reason(line: str) -> str:
    """Some reasons are given in other words."""
    line = line.replace("due to unmigrateable ", "due to unrunnable ")
    return line.replace("'termination was requested'", "'fencing was requested'")


def owed_to_version(document: bytes, peer: Decision, ours: Decision) -> bool:
    """Say whether decisions that differ do so for what the older version does otherwise."""
    root = etree.fromstring(document)
    return (
        _has_reworked_colocation(root)
        or (peer.scores != ours.scores and _has_alternatives(root))
        or _waits_for_later_member(root, ours)
        or _has_node_in_maintenance(root)
        or _is_shown_only_now(peer, ours)
    )


def _has_reworked_colocation(root: etree._Element) -> bool:
    """2.1.6 and 2.1.7 changed how scores travel along colocations: of groups, in chains, and against each other."""
    groups = {element.get("id") for element in root.iter("group")}
    groups |= {member.get("id") for group in root.iter("group") for member in group}
    ends_seen: set[str] = set()
    for element in root.iter("rsc_colocation"):
        ends = {element.get("rsc", ""), element.get("with-rsc", "")}
        if element.find("resource_set") is not None or ends & groups or ends & ends_seen:
            return True
        if element.get("score", "0").startswith("-"):
            return True
        ends_seen |= ends
    return False


def _has_alternatives(root: etree._Element) -> bool:
    """The older version adds the score of a rule with "or" to that of the node itself, which is down for good."""
    return any(rule.get("boolean-op") == "or" for rule in root.iter("rule"))


def _is_shown_only_now(peer: Decision, ours: Decision) -> bool:
    """The older version leaves out groups and clones that are active on lost nodes only."""
    more = [line for line in (*ours.status, *ours.revised) if line not in (*peer.status, *peer.revised)]
    return set(ours.differing(peer)) <= {"status", "revised"} and any("UNCLEAN" in line for line in more)


def _waits_for_later_member(root: etree._Element, ours: Decision) -> bool:
    """Since 2.1.6 a member of a group starts only when one after it, which runs without it, has stopped."""
    members = {member.get("id"): group.get("id") for group in root.iter("group") for member in group}
    active = {
        entry.get("id", "").partition(":")[0]
        for entry in root.iter("lrm_resource")
        if any(item.get("rc-code") != "7" for item in entry)
    }
    for edge in ours.edges:
        match = _STOP_BEFORE_START.match(edge)
        if match is None or match[1] == match[2] or match[1] not in members:
            continue
        if members[match[1]] == members.get(match[2]):
            return True
    blocked = {line.split()[2].partition(":")[0] for line in ours.summary if "blocked" in line and "Start " in line}
    return any(
        members.get(later) == members[earlier] and later != earlier
        for earlier in blocked & set(members)
        for later in active
    )


def _has_node_in_maintenance(root: etree._Element) -> bool:
    """Newer versions count what is active on such a node as in maintenance on every other node, too."""
    return any(
        pair.get("name") == "maintenance"
        for path in ("configuration/nodes", "status")
        for section in root.iterfind(path)
        for pair in section.iter("nvpair")
    )
