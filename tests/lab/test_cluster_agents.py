"""What agents expect of a cluster around them: promotion scores, reloads, and a log that is the cluster's."""

from pathlib import Path

import pytest

from tests.lab.conftest import ClusterMaker, TestCluster

pytestmark = pytest.mark.lab

DEBIANS = Path("/usr/lib/ocf/resource.d")


def create(cluster: TestCluster, xml: str) -> None:
    cluster.lab["node1"].run(["cibadmin", "-C", "-o", "resources", "-X", xml])


def status(cluster: TestCluster, node: str) -> str:
    return cluster.lab[node].run(["crm_mon", "-1r"]).stdout


def test_a_promotable_clone_of_the_shipped_agent_is_promoted_and_its_survivor_takes_over(
    make_cluster: ClusterMaker,
) -> None:
    cluster = make_cluster(2)
    create(
        cluster,
        '<clone id="states"><meta_attributes id="states-meta"><nvpair id="states-promotable" name="promotable" '
        'value="true"/></meta_attributes><primitive id="state" class="ocf" provider="pacekeeper" type="Stateful">'
        '<operations><op id="state-p" name="monitor" interval="2s" role="Promoted" timeout="10s"/>'
        '<op id="state-u" name="monitor" interval="3s" role="Unpromoted" timeout="10s"/></operations></primitive>'
        "</clone>",
    )
    promoted = ""

    def is_promoted() -> bool:
        nonlocal promoted
        text = status(cluster, "node1")
        names = [name for name in cluster.names if f"Promoted: [ {name} ]" in text.replace("Unpromoted", "other")]
        promoted = names[0] if len(names) == 1 else ""
        return bool(promoted) and "Unpromoted: [ node" in text

    cluster.lab.wait_for("one instance is promoted", is_promoted, 30)
    other = "node2" if promoted == "node1" else "node1"
    cluster.lab.power_cut(promoted)
    cluster.lab.wait_for(
        "the survivor is promoted",
        lambda: f"* Promoted: [ {other} ]" in status(cluster, other),
        40,
    )


@pytest.mark.skipif(not (DEBIANS / "pacemaker/Dummy").exists(), reason="no pacemaker-resource-agents")
def test_debians_agent_of_ocf_1_1_reloads_and_does_not_restart(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    create(
        cluster,
        '<primitive id="dummy" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="dummy-ia">'
        '<nvpair id="dummy-fake" name="fake" value="a"/></instance_attributes><operations>'
        '<op id="dummy-m" name="monitor" interval="5s" timeout="20s"/></operations></primitive>',
    )

    def ordered(task: str, times: int) -> bool:
        logs = [cluster.lab[name].file("/var/log/ha-log").read_text() for name in cluster.names]
        return sum(log.count(f" dummy_{task} on node") for log in logs) == times

    cluster.lab.wait_for("it runs and is watched", lambda: ordered("monitor_5000", 1), 30)
    cluster.lab["node1"].run(["crm_resource", "-r", "dummy", "--set-parameter", "fake", "--parameter-value", "b"])
    cluster.lab.wait_for("it is watched anew after the reload", lambda: ordered("monitor_5000", 2), 30)
    assert ordered("reload-agent_0", 1)
    assert ordered("start_0", 1)
    assert ordered("stop_0", 0)


@pytest.mark.skipif(not (DEBIANS / "heartbeat/IPaddr2").exists(), reason="no resource-agents")
def test_what_debians_agents_log_stands_in_the_clusters_log(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    create(
        cluster,
        '<primitive id="address" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="address-ia">'
        '<nvpair id="address-ip" name="ip" value="10.99.0.7"/><nvpair id="address-nic" name="nic" value="eth0"/>'
        '<nvpair id="address-mask" name="cidr_netmask" value="24"/></instance_attributes></primitive>',
    )
    cluster.lab.wait_for(
        "the agent's line is in a log",
        lambda: any(
            "IPaddr2(address)" in line and "INFO: Adding inet address 10.99.0.7/24" in line
            for name in cluster.names
            for line in cluster.lab[name].file("/var/log/ha-log").read_text().splitlines()
        ),
        30,
    )
