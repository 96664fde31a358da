"""The clusters that most tests of the controllers begin with, and what they all look at in the end."""

from cib.status_view import transient_attributes
from tests.unit.crmd.cluster import Cluster, cib, dummy, group, running_cluster

STACK = (dummy("a"), group("g", dummy("b"), dummy("c")))


def two(*, stonith: bool = False, options: str = "") -> Cluster:
    return running_cluster("n1", "n2", cib=cib(*STACK, stonith=stonith, options=options))


def three(*, stonith: bool = False, options: str = "") -> Cluster:
    return running_cluster("n1", "n2", "n3", cib=cib(*STACK, stonith=stonith, options=options))


def everything_runs_once(cluster: Cluster, *resources: str) -> None:
    for resource in resources or ("a", "b", "c"):
        assert len(cluster.where(resource)) == 1, f"{resource} runs on {cluster.where(resource)}"
    assert cluster.violations == []


def attributes_of(cluster: Cluster, node: str) -> dict[str, str]:
    controller = cluster.machines[cluster.dc()].controller
    assert controller is not None
    return transient_attributes(controller.document, node)
