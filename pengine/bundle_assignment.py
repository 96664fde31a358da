"""Assigns bundles: containers like instances of a clone, then what belongs to each, then what runs inside.

Source: design page 0010, "Bundles".
"""

from __future__ import annotations

from cib.values import INFINITY, MINUS_INFINITY
from pengine.assigner import Assigner
from pengine.colocations import add_colocation
from pengine.failcounts import reaches_threshold
from pengine.instances import distribute_instances, sort_instances
from pengine.ledger import set_score
from pengine.primitive_assignment import print_scores_below
from pengine.relations import Colocation
from pengine.vocabulary import ABSENT
from pengine.working import Cluster, Replica, Resource


def assign_bundle(cluster: Cluster, assigner: Assigner, bundle: Resource) -> None:
    """Assign all replicas of a bundle; parts that have been assigned already stay as they are.

    What runs inside may, against all sense, have to be with its own bundle: that is not asked for again meanwhile.
    """
    if bundle.assigning:
        return
    bundle.assigning = True
    print_scores_below(cluster, bundle, "bundle")
    containers = sort_instances(cluster, bundle.instances())
    distribute_instances(cluster, assigner, bundle, containers, bundle.clone_max, bundle.clone_node_max)
    for replica in bundle.replicas:
        _assign_replica(cluster, assigner, bundle, replica)
    if bundle.bundled is not None:
        _confine_clone(cluster, bundle, bundle.bundled)
        assigner.assign(bundle.bundled, None, False)
    bundle.assigning = False
    bundle.unassigned = False


def _assign_replica(cluster: Cluster, assigner: Assigner, bundle: Resource, replica: Replica) -> None:
    if replica.ip is not None:
        assigner.assign(replica.ip, None, False)
    host = replica.container.assigned
    connection = replica.connection
    if connection is not None:
        if host is not None and host.is_remote_kind and host.connection is not None:
            add_colocation(
                cluster,
                Colocation("#replica-remote-with-host-remote", connection, host.connection, INFINITY, explicit=False),
            )
        assigner.assign(connection, None, False)
    child, node = replica.child, replica.node
    if child is None or node is None:
        return
    for index, score in enumerate(child.allowed.scores):
        if score == ABSENT:
            continue
        if index != node.index:
            set_score(cluster, child, index, MINUS_INFINITY, "bundle", bundle.id)
        elif not reaches_threshold(cluster, child, node):
            set_score(cluster, child, index, INFINITY, "bundle", bundle.id)
    clone = child.parent
    assert clone is not None
    clone.assigning = True
    assigner.assign(child, node, False)
    clone.assigning = False


def _confine_clone(cluster: Cluster, bundle: Resource, clone: Resource) -> None:
    own = {replica.node.index for replica in bundle.replicas if replica.node is not None}
    for index, score in enumerate(clone.allowed.scores):
        if score != ABSENT:
            set_score(cluster, clone, index, 0 if index in own else MINUS_INFINITY, "bundle", bundle.id)
