"""What people decide and what failures decide, on real nodes: fail counts, maintenance, orphans, fencing that fails."""

import pytest

from lab.namespaces.journal import read, starts
from lab.probe import boottime_ms
from tests.lab.conftest import RESOURCES, ClusterMaker, TestCluster, logged

pytestmark = pytest.mark.lab


def start_count(cluster: TestCluster, resource: str) -> int:
    return len(starts(read(cluster.lab.journal), resource))


def is_active(cluster: TestCluster, node: str, resource: str) -> bool:
    return cluster.lab[node].run(["test", "-e", f"/run/Logged-{resource}"], check=False).returncode == 0


def crm(cluster: TestCluster, *words: str) -> str:
    return cluster.lab["node1"].run(["crm", *words]).stdout


def test_nothing_is_recovered_while_fencing_fails_and_all_is_once_it_works(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    device, unplugged = cluster.lab.directory / "power", cluster.lab.directory / "power.unplugged"
    device.rename(unplugged)
    cluster.lab.power_cut("node1")
    cluster.lab.wait_for(
        "the failed fencing is told",
        lambda: "node1 could not be fenced" in cluster.lab["node2"].file("/var/log/ha-log").read_text(),
        20,
    )
    assert start_count(cluster, "one") == 1
    assert "UNCLEAN" in cluster.lab["node2"].run(["crm_mon", "-1"]).stdout
    unplugged.rename(device)
    cluster.wait(
        "node2 runs everything",
        lambda seen: all(seen.placements.get(name) == "node2" for name in RESOURCES),
        on="node2",
        timeout_s=40,
    )
    assert [name for _, _, name in cluster.lab.fencings] == ["node1"]


def test_a_resource_that_fails_too_often_moves_and_its_failures_are_forgotten_in_time(
    make_cluster: ClusterMaker,
) -> None:
    cluster = make_cluster(2)
    crm(cluster, "configure", "rsc_defaults", "migration-threshold=2", "failure-timeout=8s")
    crm(cluster, "configure", "property", "cluster-recheck-interval=2s")
    here = cluster.wait_running(on="node1").placements["three"]
    other = "node2" if here == "node1" else "node1"
    cause = boottime_ms()
    cluster.lab[here].run(["rm", "/run/Logged-three"])
    cluster.lab.wait_for("three was started again", lambda: start_count(cluster, "three") == 2, 20)
    cluster.wait_running(on="node1", since=boottime_ms())
    cluster.lab[here].run(["rm", "/run/Logged-three"])
    cluster.wait("three moved", lambda seen: seen.placements.get("three") == other, on="node1", since=cause)
    shown = ["crm_mon", "-1", "--failcounts"]
    assert "three: migration-threshold=2 fail-count=2" in cluster.lab["node1"].run(shown).stdout
    cluster.lab.wait_for(
        "the failures are forgotten",
        lambda: "three:" not in cluster.lab["node1"].run(shown).stdout,
        20,
    )


def test_in_maintenance_nothing_is_touched_and_what_was_deleted_is_stopped_afterwards(
    make_cluster: ClusterMaker,
) -> None:
    cluster = make_cluster(2)
    here = cluster.wait_running(on="node1").placements["four"]
    before = {name: start_count(cluster, name) for name in RESOURCES}
    crm(cluster, "configure", "property", "maintenance-mode=true")
    cluster.lab["node1"].run(["rm", "/run/Logged-two"])
    crm(cluster, "configure", "delete", "--force", "four")
    cluster.wait("the DC is idle", lambda seen: seen.idle, on="node1", since=boottime_ms() - 50)
    assert is_active(cluster, here, "four")
    assert {name: start_count(cluster, name) for name in RESOURCES} == before
    crm(cluster, "configure", "property", "maintenance-mode=false")
    cluster.lab.wait_for("two was started again", lambda: start_count(cluster, "two") == before["two"] + 1, 20)
    cluster.lab.wait_for("four is stopped", lambda: not is_active(cluster, here, "four"), 20)
    assert "four" not in cluster.lab["node1"].run(["crm_mon", "-1r"]).stdout


def test_a_failed_start_is_explained_in_the_status_and_in_the_log_of_its_node(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    (cluster.lab.directory / "faults").mkdir(exist_ok=True)
    (cluster.lab.directory / "faults/five.start").write_text("1\n")
    five = logged("five", cluster.lab)
    cluster.lab["node1"].run(["cibadmin", "-C", "-o", "resources", "-X", five])
    cluster.lab.wait_for(
        "the failure is shown", lambda: "told to fail by" in cluster.lab["node1"].run(["crm_mon", "-1"]).stdout, 20
    )
    logs = [cluster.lab[name].file("/var/log/ha-log").read_text() for name in cluster.names]
    assert any("five: start failed (1); ocf:lab:Logged said: ocf-exit-reason:told to fail by" in log for log in logs)
    assert any("five_start_0 on node" in log and "returned 1 (error): told to fail by" in log for log in logs)
