"""The working data as a document describes them, before any decision: all that a status needs of the policy engine."""

from __future__ import annotations

from cib.values import is_true
from pengine.bundles import build_bundle
from pengine.namevalue import evaluate
from pengine.nodes import build_nodes
from pengine.options import Options
from pengine.resources import build_resources
from pengine.state import ClusterState
from pengine.status import read_status
from pengine.working import Cluster


def read_cluster(state: ClusterState, now: int, *, sanitized: bool = False) -> Cluster:
    """Return the working data as the document describes them, before any decision."""
    cluster = Cluster(state, now)
    cluster.sanitized = sanitized
    _read_options(cluster)
    build_nodes(cluster)
    build_resources(cluster, build_bundle)
    cluster.fence_device_exists = cluster.options.have_watchdog or any(
        resource.is_fence_device for resource in cluster.by_id.values()
    )
    read_status(cluster)
    cluster.fence_device_exists = cluster.fence_device_exists or any(
        resource.is_fence_device for resource in cluster.by_id.values()
    )
    return cluster


def _read_options(cluster: Cluster) -> None:
    state = cluster.state
    options = Options(evaluate(state.options, cluster.context))
    cluster.options = options
    cluster.quorate = is_true(state.attributes.get("have-quorum"))
    cluster.unfencing = state.any_unfencing
    policy = "fence" if options.no_quorum_policy == "suicide" else options.no_quorum_policy
    if policy == "fence":
        panic = state.attributes.get("no-quorum-panic", "0")
        if not options.fencing_enabled or (not cluster.quorate and panic in ("", "0")):
            policy = "stop"
    cluster.quorum_policy = policy
    if not cluster.quorate:
        cluster.note(f"the cluster has no quorum: no-quorum-policy {policy} applies")
