"""Assigns clones: gathers what others would like, distributes the instances, chooses who is promoted."""

from __future__ import annotations

from pengine.assigner import Assigner
from pengine.colocation_scores import add_dependent_preferences
from pengine.colocations import this_with_colocations, with_this_colocations
from pengine.instances import distribute_instances, sort_instances
from pengine.primitive_assignment import print_scores_below
from pengine.promotion import add_promotion_scores, choose_promoted
from pengine.working import Cluster, Node, Resource


def assign_clone(
    cluster: Cluster, assigner: Assigner, clone: Resource, prefer: Node | None, stop_if_fail: bool
) -> None:
    """Assign all instances of a clone and give them their roles."""
    if not clone.unassigned or clone.assigning:
        return
    clone.assigning = True
    if clone.promotable:
        add_promotion_scores(cluster, clone)
    for colocation in this_with_colocations(clone):
        assigner.assign(colocation.primary, prefer, stop_if_fail)
    for colocation in with_this_colocations(clone):
        add_dependent_preferences(cluster, clone, colocation)
    print_scores_below(cluster, clone, "clone")
    clone.children = sort_instances(cluster, clone.children)
    clone.changes.count += 1
    clone.in_order = False
    distribute_instances(cluster, assigner, clone, clone.children, clone.clone_max, clone.clone_node_max)
    if clone.promotable:
        choose_promoted(cluster, clone)
    clone.unassigned = False
    clone.assigning = False
