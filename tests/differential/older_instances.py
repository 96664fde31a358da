"""Where the installed Pacemaker (Debian 12: 2.1.5) treats the instances of clones and bundles in an older way.

Paragraphs are those of the specifications of 3.0.2's placement and actions.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from lxml import etree

from cib.values import is_true
from tests.differential.decisions import Decision

_INSTANCE = re.compile(r"(\S+):(\d+)$")
_CONTAINER = re.compile(r"\S+-(?:podman|docker)-\d+$")
_KEY = re.compile(r"(\S+):(\d+)_(start|running|stop|stopped|promote|promoted|demote|demoted)_0$")
_UPWARDS = frozenset({"start", "running", "promote", "promoted"})
_MOVE = re.compile(r"\* (?:Move|Migrate) (\S+) \(.* -> ")


def forgive_instances(root: etree._Element, peer: Decision, ours: Decision) -> tuple[Decision, Decision]:
    """Return both decisions with what the older version writes differently of instances made equal."""
    peer = _without_serialized_mates(root, peer, ours)
    peer, ours = _with_ordered_instances(root, peer, ours)
    return _with_tries_once(root, peer, ours)


def _without_serialized_mates(root: etree._Element, peer: Decision, ours: Decision) -> Decision:
    """Leave out what serializing interleaved clones orders between their instances.

    The older version marks such an order as an optional one, too, and hands that to the instances (actions, 1.1 and
    7.1: the newer one marks it "serialize" only, and that mark is for the clones themselves).
    """
    pairs = {
        frozenset((constraint.get("first", ""), constraint.get("then", "")))
        for constraint in root.iter("rsc_order")
        if constraint.get("kind") == "Serialize" and constraint.find("resource_set") is None
    }
    for constraint in root.iter("rsc_order"):
        names = [str(reference.get("id")) for reference in constraint.iter("resource_ref")]
        if "Serialize" in {item.get("kind") for item in (constraint, *constraint)}:
            pairs |= {frozenset((left, right)) for left in names for right in names if left != right}
    owners = _owners(root)
    kept = []
    for edge in peer.edges:
        first, then = (_key_of(side) for side in edge.split(" -> "))
        if edge not in ours.edges and first is not None and then is not None:
            ends = frozenset((owners.get(first[0], ""), owners.get(then[0], "")))
            if ends in pairs:
                continue
        kept.append(edge)
    return replace(peer, edges=tuple(kept))


def _with_ordered_instances(root: etree._Element, peer: Decision, ours: Decision) -> tuple[Decision, Decision]:
    """Leave out the edges between instances of an ordered clone that do not follow each other, and their order.

    The older version orders each action with that of the next instance that has one, when it creates actions, and
    sorts the instances by number at that time; the newer one orders all pairs and sorts before it assigns
    (placement, 14; actions, 7.4; the recorded case is clone-order-16instances).
    """
    ordered = _ordered_parts(root)
    if not ordered:
        return peer, ours
    known = set(peer.edges)
    kept = tuple(edge for edge in ours.edges if edge in known or not _is_within(edge, ordered))
    mentioned = Counter(match[1] for match in map(_summary_instance, ours.summary) if match is not None)
    if len(kept) != len(ours.edges) or any(mentioned[part] > 1 for part in ordered):
        peer, ours = (
            replace(side, steps=tuple(sorted(side.steps)), summary=tuple(sorted(side.summary))) for side in (peer, ours)
        )
    return peer, replace(ours, edges=kept)


def _summary_instance(line: str) -> re.Match[str] | None:
    words = line.split(" ")
    return _INSTANCE.match(words[2]) if len(words) > 2 else None


def _is_within(edge: str, ordered: set[str]) -> bool:
    """Say whether an edge joins two instances of one ordered clone, in the direction that the order demands."""
    first, then = (_key_of(side) for side in edge.split(" -> "))
    if first is None or then is None or first[0] not in ordered or first[0] != then[0]:
        return False
    if first[2] in _UPWARDS and then[2] in _UPWARDS:
        return first[1] < then[1]
    return first[2] not in _UPWARDS and then[2] not in _UPWARDS and first[1] > then[1]


def _key_of(side: str) -> tuple[str, int, str] | None:
    """Return what is cloned, the number and the task of an instance's action, given one side of an edge."""
    words = side.split(" ")
    match = _KEY.match(words[3] if words[3] != "-" else words[2])
    return (match[1], int(match[2]), match[3]) if match is not None else None


def _ordered_parts(root: etree._Element) -> set[str]:
    """Return the ids of what ordered clones (what runs in bundles is one) clone, and of members of cloned groups."""
    parts: set[str] = set()
    for clone in root.iter("clone", "master"):
        if is_true(_meta(root, clone, "ordered")):
            parts |= {str(item.get("id")) for item in clone.iter("group", "primitive")}
    for bundle in root.iter("bundle"):
        parts |= {str(item.get("id")) for item in bundle.iter("primitive")}
    return parts


def _meta(root: etree._Element, element: etree._Element, name: str) -> str | None:
    for block in (*element.iterfind("meta_attributes"), *root.iterfind("configuration/rsc_defaults/meta_attributes")):
        for pair in block:
            if pair.get("name") == name:
                return pair.get("value")
    return None


def _owners(root: etree._Element) -> dict[str, str]:
    """Return the clone of everything that is cloned."""
    return {
        str(item.get("id")): str(clone.get("id"))
        for clone in root.iter("clone", "master", "bundle")
        for item in clone.iter("group", "primitive")
    }


def _with_tries_once(root: etree._Element, peer: Decision, ours: Decision) -> tuple[Decision, Decision]:
    """Let the scores of instances count once where the newer version tries more often, and prints each try.

    The newer one tries again to keep an instance where it is (placement, 14.3; the recorded cases are
    clone-recover-no-shuffle-2 and those after it); the older one assigns a bundle more often (16.5).
    """
    owners = _owners(root)
    bundles = {str(bundle.get("id")) for bundle in root.iter("bundle")}

    def is_bundled(line: str) -> bool:
        name = line.partition(" ")[0]
        base = name.partition(":")[0]
        return owners.get(base) in bundles or any(base == item or base.startswith(f"{item}-") for item in bundles)

    def once(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line for index, line in enumerate(lines) if not (is_bundled(line) and line in lines[:index]))

    peer, ours = replace(peer, scores=once(peer.scores)), replace(ours, scores=once(ours.scores))
    more = Counter(ours.scores) - Counter(peer.scores)
    if not Counter(peer.scores) - Counter(ours.scores) and all(
        line.partition(" ")[0].partition(":")[0] in owners or is_bundled(line) for line in more
    ):
        ours = replace(ours, scores=peer.scores)
    return peer, ours


def instance_difference(root: etree._Element, peer: Decision, ours: Decision) -> str:
    """Return what the older version decides otherwise about instances, where decisions differ for that; else ''."""
    reasons = (
        ("instance that moves", _moves_instance(peer, ours)),
        ("colocation of a clone", _clone_follows(root, peer, ours)),
        ("member that is not promoted", _has_uneven_promotion(root)),
        ("instance tried again", _tries_in_another_order(root, peer, ours)),
        ("probe that can't be", _waits_for_probe(root, peer, ours)),
    )
    return next((name for name, holds in reasons if holds), "")


def _moves_instance(peer: Decision, ours: Decision) -> bool:
    """The older version may exchange instances although each could stay where it is (placement, 14.3, phase 1).

    The recorded cases are a-promote-then-b-migrate and clone-recover-no-shuffle-2 and those after it.
    """
    theirs, own = ({match[1] for match in map(_MOVE.match, side.summary) if match} for side in (peer, ours))
    return any(_INSTANCE.match(name) or _CONTAINER.match(name) for name in theirs - own)


def _clone_follows(root: etree._Element, peer: Decision, ours: Decision) -> bool:
    """What its clone would like, and what depends on that, counts for an instance; for the older one it is the clone's.

    Placement, 10.5: all colocations of the clone are the instance's, too, in both directions.
    """
    clones = {str(clone.get("id")): clone for clone in root.iter("clone", "master", "bundle")}
    following: set[str] = set()
    for constraint in root.iter("rsc_colocation"):
        ends = [clones.get(constraint.get("with-rsc", ""))]
        if "INFINITY" not in constraint.get("score", ""):
            ends.append(clones.get(constraint.get("rsc", "")))
        for clone in ends:
            if clone is not None:
                following |= {str(item.get("id")) for item in clone.iter("group", "primitive")}
    differing = (Counter(peer.scores) - Counter(ours.scores)) + (Counter(ours.scores) - Counter(peer.scores))
    return any(
        line.partition(" ")[0].partition(":")[0] in following and ":" in line.partition(" ")[0] for line in differing
    )


def _has_uneven_promotion(root: etree._Element) -> bool:
    """Of a promoted instance of a group, members that were only started count as unpromoted (placement, 15.2, step 1).

    The older version leaves their role at Started, and looks for demotions of them that never come.
    """
    for clone in root.iter("clone", "master"):
        group = clone.find("group")
        if group is None:
            continue
        members = {str(member.get("id")) for member in group}
        for state in root.iterfind("status/node_state"):
            roles = {
                any(item.get("operation") == "promote" or item.get("rc-code") in ("8", "9") for item in entry)
                for entry in state.iter("lrm_resource")
                if str(entry.get("id")).partition(":")[0] in members
            }
            if len(roles) > 1:
                return True
    return False


def _tries_in_another_order(root: etree._Element, peer: Decision, ours: Decision) -> bool:
    """An instance that did not get its own node is tried again at once; the older version takes the others first.

    So it is another one for which the nodes are taken meanwhile (placement, 14.3, phase 1). All else must be equal.
    """
    if ours.differing(peer) != ["scores"]:
        return False
    owners = _owners(root)
    again = Counter(line.partition(": ")[0] for line in ours.scores if " allocation score " in line)
    retried = {owners.get(_base(name)) for name, count in again.items() if count > _PRINTED_ONCE} - {None}
    differing = [*(Counter(peer.scores) - Counter(ours.scores)), *(Counter(ours.scores) - Counter(peer.scores))]
    places = {line.partition(": ")[0] for line in differing}
    return all(owners.get(_base(place)) in retried for place in places) and all(
        f"{place}: -INFINITY" in differing for place in places
    )


_PRINTED_ONCE = 2
"""How often the score of an instance on a node is printed: with its clone, and when it is assigned."""


def _base(line: str) -> str:
    return line.partition(" ")[0].partition(":")[0]


def _waits_for_probe(root: etree._Element, peer: Decision, ours: Decision) -> bool:
    """Inactive instances wait for a probe that can't be carried out also while others are active (actions, 6.4, a)."""
    owners = _owners(root)
    waiting = {line.split(" ")[2] for line in ours.summary if _BEHIND_PROBE.search(line)}
    waiting -= {line.split(" ")[2] for line in peer.summary if _BEHIND_PROBE.search(line)}
    return ours.scores == peer.scores and any(_base(name) in owners for name in waiting)


_BEHIND_PROBE = re.compile(r"\* Start .* due to unrunnable \S+ monitor \(blocked\)$")
