"""Where the installed Pacemaker (Debian 12: 2.1.5) is older than the one that we follow (3.0.2).

Some differences are avoided by the generator, which says so where it does. What the versions only write differently is
made equal here (`forgive`); what they decide differently is named (`version_difference`). Each is backed by the
recorded decisions of the newer version, or by the paragraph of its specification that is given.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from lxml import etree

from tests.differential.decisions import Decision
from tests.differential.older_instances import forgive_instances, instance_difference

_FENCING_SETTINGS = frozenset(
    {"on_node", "on_node_uuid", "stonith_action", "digests_all", "digests_secure", "priority_fencing_delay"}
)

_SETTINGS = tuple(
    f"attributes/CRM_meta_{name}=" for name in ("name", "on_fail", "role", "timeout", "enabled", "start_delay")
)

_STOP_BEFORE_START = re.compile(
    r"\w+ (?:stop|monitor) (\S+?)(?::\d+)?_(?:stop|monitor)_0 .*-> \w+ start (\S+?)(?::\d+)?_start_0 "
)

_GROUP_START = re.compile(r"pseudo_event start g\w+_start_0 ")

_GROUP = re.compile(r"\* Resource Group: (\w+)")


def forgive(document: bytes, peer: Decision, ours: Decision) -> tuple[Decision, Decision]:
    """Return both decisions with what the versions write differently made equal."""
    peer, ours = _forgive_one(peer), _forgive_one(ours)
    if any(" cancel=" in step for step in peer.steps):
        # The older one takes a cancelled monitor in the history for a sign that the resource is active.
        peer, ours = replace(peer, revised=()), replace(ours, revised=())
    peer = replace(peer, status=_resources(peer.status), revised=_resources(peer.revised))
    ours = replace(
        ours,
        status=_resources(_without_hidden_groups(ours.status, peer.status)),
        revised=_resources(_without_hidden_groups(ours.revised, peer.revised)),
    )
    peer, ours = _with_cancelled_alike(peer, ours)
    peer, ours = _with_inactive_last(peer, ours)
    return forgive_instances(etree.fromstring(document), peer, ours)


def _with_cancelled_alike(peer: Decision, ours: Decision) -> tuple[Decision, Decision]:
    """Leave out the settings of an operation that is cancelled on a node that is not reached.

    Elsewhere its action is there already and keeps them. A new one is looked up in the configuration by its task, which
    is "cancel" (actions, 1); the older version looks for the task that is cancelled.
    """
    bare = {_name_of(action) for action in ours.actions if _is_bare_cancel(action)}

    def plain(actions: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(_without_settings(action) if _name_of(action) in bare else action for action in actions))

    return replace(peer, actions=plain(peer.actions)), replace(ours, actions=plain(ours.actions))


def _name_of(action: str) -> str:
    return action.partition(" priority=")[0]


def _is_bare_cancel(action: str) -> bool:
    return action.startswith("rsc_op cancel ") and " attributes/CRM_meta_name=" not in action


def _without_settings(action: str) -> str:
    return " ".join(fact for fact in action.split(" ") if not fact.startswith(_SETTINGS))


def _with_inactive_last(peer: Decision, ours: Decision) -> tuple[Decision, Decision]:
    """Let the order of instances not count where one has no node: for the older version that promotes it like 0.

    So it comes before those that have a negative score (placement, 15.3, step 4: it comes last).
    """
    if not any("promotion score (inactive)" in line for line in ours.scores):
        return peer, ours
    if any(sorted(getattr(peer, part)) != sorted(getattr(ours, part)) for part in ("summary", "steps")):
        return peer, ours
    return replace(peer, summary=ours.summary, steps=ours.steps), ours


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
    if action.startswith("crm_event lrm_delete "):
        # What a failure of this means is written down since it is settled (actions, 2, "on-fail validity").
        return re.sub(r" attributes/CRM_meta_on_fail=\w+", "", action)
    if not action.startswith(("crm_event stonith ", "pseudo_event stonith ")):
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
    line = line.replace("target-role:Slave", "target-role:Unpromoted").replace(
        "target-role:Master", "target-role:Promoted"
    )
    return line.replace("(Not installed)", "(not installed)").replace("(Invalid parameter)", "(invalid parameter)")


def _same_reason(line: str) -> str:
    """Some reasons are given in other words."""
    line = line.replace("due to unmigrateable ", "due to unrunnable ")
    return line.replace("'termination was requested'", "'fencing was requested'")


def version_difference(document: bytes, peer: Decision, ours: Decision) -> str:
    """Return what the older version does otherwise, where decisions that differ do so for that; else ''."""
    root = etree.fromstring(document)
    reasons = (
        ("rule with or", peer.scores != ours.scores and _has_alternatives(root)),
        ("later member first", _waits_for_later_member(root, ours)),
        ("node in maintenance", _is_active_in_maintenance(root)),
        ("unmanaged on a lost node", _is_unmanaged_and_lost(peer, ours)),
        ("failure that blocks has expired", _is_banned_by_blocking_failure(root, peer, ours)),
        ("score attribute that is missing", _weighs_missing_attributes(root, peer, ours)),
        ("start of a group that stays", _begins_no_start(peer, ours)),
        ("migration that failed", _is_restarted_after_migration(root, peer, ours)),
    )
    return next((name for name, holds in reasons if holds), "") or instance_difference(root, peer, ours)


def _begins_no_start(peer: Decision, ours: Decision) -> bool:
    """The older version keeps the pseudo action that begins the start of a group although none of it can start.

    What must be with something that cannot start cannot start either, the group's own action included (the
    specification of actions, 1.4): so it is no part of the graph. Nothing is done otherwise: all else must be equal.
    """
    if (peer.scores, peer.status, peer.revised) != (ours.scores, ours.status, ours.revised):
        return False
    if _without_blocked_reasons(peer.summary) != _without_blocked_reasons(ours.summary):
        return False
    extra, missing = set(peer.actions) - set(ours.actions), set(ours.actions) - set(peer.actions)
    return bool(extra) and not missing and all(_GROUP_START.match(action) for action in extra)


def _without_blocked_reasons(lines: tuple[str, ...]) -> list[str]:
    """What blocks a member is the partner of its group now, and was the member before it."""
    return [re.sub(r"due to (unrunnable \S+ start|colocation with \S+)", "blocked", line) for line in lines]


def differs_in_colocated_parts(root: etree._Element, peer: Decision, ours: Decision) -> bool:
    """2.1.6 and 2.1.7 changed which colocations count for the members of groups and of sets, and for instances.

    What differs must be the score of something that a colocation of what has parts reaches.
    """
    if peer.scores == ours.scores:
        return False
    reached: set[str] = set().union(*(ends for ends, parted in _colocated(root) if parted))
    differing = (Counter(peer.scores) - Counter(ours.scores)) + (Counter(ours.scores) - Counter(peer.scores))
    bundles = tuple(f"{bundle.get('id')}-" for bundle in root.iter("bundle") if bundle.get("id") in reached)
    return any(_scored(line) in reached or _scored(line).startswith(bundles) for line in differing)


def _scored(line: str) -> str:
    """Return the resource that a score line is about, without the number of an instance."""
    return line.partition(" ")[0].partition(":")[0]


def _colocated(root: etree._Element) -> list[tuple[set[str], bool]]:
    """Return the sets of resources that hang together by colocations, and whether by one of what has parts."""
    parts = {
        str(item.get("id"))
        for kind in ("group", "clone", "master", "bundle")
        for top in root.iter(kind)
        for item in (top, *top)
    }
    several = {
        str(tag.get("id")): {str(reference.get("id")) for reference in tag}
        for tag in root.iterfind("configuration/tags/tag")
    }
    for item in root.iterfind("configuration/resources//primitive[@template]"):
        several.setdefault(str(item.get("template")), set()).add(str(item.get("id")))
    sets: list[tuple[set[str], bool]] = []
    for element in root.iter("rsc_colocation"):
        ends = {element.get("rsc", ""), element.get("with-rsc", "")} - {""}
        ends |= {str(reference.get("id")) for reference in element.iter("resource_ref")}
        parted = element.find("resource_set") is not None or bool(ends & set(several)) or bool(ends & parts)
        ends = ends.union(*(several[name] for name in ends & set(several)))
        sets.append((_with_parts(root, ends), parted))
    merged: list[tuple[set[str], bool]] = []
    for ends, parted in sets:
        for other in [item for item in merged if item[0] & ends]:
            merged.remove(other)
            ends, parted = ends | other[0], parted or other[1]
        merged.append((ends, parted))
    return merged


def _with_parts(root: etree._Element, names: set[str]) -> set[str]:
    """Return the names with all that lies below or above them, in the resources section."""
    found = set(names)
    for top in root.iterfind("configuration/resources/*"):
        inside = {str(item.get("id")) for item in top.iter("primitive", "group", "clone", "bundle")}
        if inside & names:
            found |= inside
    return found


def _has_alternatives(root: etree._Element) -> bool:
    """The older version adds the score of a rule with "or" to that of the node itself, which is down for good."""
    return any(rule.get("boolean-op") == "or" for rule in root.iterfind("configuration/constraints//rule"))


def _is_unmanaged_and_lost(peer: Decision, ours: Decision) -> bool:
    """The older version does not say of groups, clones and bundles that they are active on a node that is offline.

    That is where something in them is unmanaged; for what is managed both do. The recorded cases are
    stop-failure-no-fencing and unmanaged-promoted. What is active there is shown, and not called stopped any more.
    """
    if not set(ours.differing(peer)) <= {"status", "revised"}:
        return False
    own, theirs = (*ours.status, *ours.revised), (*peer.status, *peer.revised)
    return any(re.search(r"\(.*(unmanaged|blocked)\)", line) for line in own) and all(
        line.startswith("* Stopped") for line in theirs if line not in own
    )


def _is_banned_by_blocking_failure(root: etree._Element, peer: Decision, ours: Decision) -> bool:
    """A failure that blocks does not expire; for the older version it still does where failures are counted.

    What has failed too often is then banned (the recorded cases are bug-cl-5170 and expire-non-blocked-failure).
    """
    blocking = any(item.get("on-fail") == "block" for item in root.iterfind("configuration/resources//op"))
    timeout = any(pair.get("name") == "failure-timeout" for pair in root.iterfind("configuration//nvpair"))
    return blocking and timeout and _has_more_bans(ours, peer)


def _weighs_missing_attributes(root: etree._Element, peer: Decision, ours: Decision) -> bool:
    """Where a rule takes its score from an attribute that a node has not, the older version bans the node.

    Since then such a node is left out (placement, 9.1).
    """
    used = any("score-attribute" in rule.attrib for rule in root.iterfind("configuration/constraints//rule"))
    return used and _has_more_bans(peer, ours)


def _has_more_bans(one: Decision, other: Decision) -> bool:
    return any(line.endswith(": -INFINITY") for line in Counter(one.scores) - Counter(other.scores))


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


def _is_active_in_maintenance(root: etree._Element) -> bool:
    """Newer versions count what is active on such a node as in maintenance on every other node, too."""
    resting = {
        str(element.get("id"))
        for path in ("configuration/nodes/node", "status/node_state")
        for element in root.iterfind(path)
        if any(pair.get("name") == "maintenance" for pair in element.iter("nvpair"))
    }
    return any(
        any(entry.get("rc-code") != "7" for entry in state.iter("lrm_rsc_op"))
        for state in root.iterfind("status/node_state")
        if state.get("id") in resting
    )


_TASK = re.compile(r"\* (Start|Restart) (\S+) \(")


def _is_restarted_after_migration(root: etree._Element, peer: Decision, ours: Decision) -> bool:
    """The older version does not call it a restart where history has a resource stopped, yet on a migration's target.

    The recorded case is migrate-fail-7: only the newer version has a line for what is started there again.
    """
    if ours.differing(peer) != ["summary"]:
        return False
    migrated = {
        str(entry.get("id"))
        for entry in root.iter("lrm_resource")
        if any("migrate" in item.get("operation", "") for item in entry)
    }
    more = [line for line in ours.summary if line not in peer.summary]
    matches = [_TASK.match(line) for line in more]
    return all(match is not None and match[1] == "Restart" and match[2] in migrated for match in matches)
