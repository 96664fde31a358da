"""Assigns groups: member by member, the first one deciding where a collocated group goes."""

from __future__ import annotations

from pengine.assigner import Assigner
from pengine.primitive_assignment import print_scores_below
from pengine.working import Cluster, Node, Resource


def assign_group(
    cluster: Cluster, assigner: Assigner, group: Resource, prefer: Node | None, stop_if_fail: bool
) -> Node | None:
    """Assign all members; return the first node that one of them got (for a collocated group)."""
    if not group.unassigned:
        return group.assigned
    if group.assigning:
        return None
    group.assigning = True
    group.orig_role = group.children[0].orig_role
    print_scores_below(cluster, group, "group")
    first: Node | None = None
    for member in group.children:
        node = assigner.assign(member, prefer, stop_if_fail)
        if first is None:
            first = node
    group.next_role = group.children[0].next_role
    group.assigning = False
    group.unassigned = False
    return first if group.collocated else None
