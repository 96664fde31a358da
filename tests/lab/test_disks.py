"""Disks that are full or out of date: what is refused, what is lost (nothing), and how it ends."""

import pytest

from lab.namespaces.journal import read, starts
from lab.namespaces.node import Node
from lab.probe import boottime_ms
from tests.lab.conftest import RESOURCES, ClusterMaker, TestCluster, cib

pytestmark = pytest.mark.lab

STATE = "/var/lib/pacekeeper"


def show(node: Node) -> str:
    return node.run(["crm", "configure", "show"]).stdout


def on_a_small_disk(cluster: TestCluster, node: Node) -> None:
    """Its state directory is a file system of its own, with its first configuration on it."""
    node.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=750", "small", STATE])
    node.run(["mkdir", f"{STATE}/cib"])
    node.run(["tee", f"{STATE}/cib/cib.xml"], stdin=cib(cluster.lab, fencing=True, first="node1"))


def fill(node: Node, directory: str) -> None:
    """Not a byte is left."""
    node.run(["sh", "-c", f"cat /dev/zero >{directory}/filler"], check=False)
    node.run(["sh", "-c", f"n=0; while n=$((n+1)); [ $n -lt 600 ] && echo x >{directory}/filler.$n; do :; done"])
    probe = node.run(["sh", "-c", f"for n in 1 2 3; do echo x >{directory}/probe.$n; done"], check=False)
    assert probe.stderr.count("I/O error") == 3


def test_a_full_disk_refuses_changes_stops_nothing_and_is_forgotten_when_there_is_room(
    make_cluster: ClusterMaker,
) -> None:
    cluster = make_cluster(2, start=False)
    node, other = cluster.lab["node1"], cluster.lab["node2"]
    on_a_small_disk(cluster, node)
    cluster.lab.start()
    cluster.wait_running(on="node1")
    fill(node, STATE)
    refused = other.run(["crm", "configure", "property", "batch-limit=7"], check=False)
    assert refused.returncode == 1
    told = refused.stderr + refused.stdout
    assert "is in force but is not kept, a crash may lose it: 2 of node1, node2 must keep it" in told
    assert "these can't: node1 (No space left on device)" in told
    node.run(["sh", "-c", f"rm {STATE}/filler* {STATE}/probe*"])
    change = ["crm", "configure", "property", "batch-limit=8"]
    cluster.lab.wait_for("changes are taken", lambda: other.run(change, check=False).returncode == 0, 30)
    assert "batch-limit=8" in show(node)
    assert cluster.lab.fencings == []
    assert {name: len(starts(read(cluster.lab.journal), name)) for name in RESOURCES} == dict.fromkeys(RESOURCES, 1)


def test_a_node_with_a_full_disk_takes_over_all_the_same(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2, start=False)
    node = cluster.lab["node1"]
    on_a_small_disk(cluster, node)
    cluster.lab.start()
    cluster.wait_running(on="node1")
    fill(node, STATE)
    cause = boottime_ms()
    cluster.lab.power_cut("node2")
    cluster.wait(
        "node1 runs everything",
        lambda seen: seen.idle and all(seen.placements.get(name) == "node1" for name in RESOURCES),
        on="node1",
        since=cause,
    )


def test_a_disk_for_logs_that_is_full_disturbs_nobody(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2, start=False)
    node = cluster.lab["node1"]
    node.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", "/var/log"])
    cluster.lab.start()
    cluster.wait_running(on="node1")
    fill(node, "/var/log")
    before = {daemon: node.daemon_pids(daemon) for daemon in ("heartbeat", "crmd", "lrmd")}
    for mode in ("on", "off"):
        cause = boottime_ms()
        node.run(["crm_attribute", "-N", "node1", "-n", "standby", "-v", mode])
        home = "node2" if mode == "on" else "node1"
        cluster.wait(
            f"the group is on {home}",
            lambda seen, home=home: seen.idle and seen.placements.get("two") == home,  # type: ignore[misc]
            on="node2",
            since=cause,
        )
    assert {daemon: node.daemon_pids(daemon) for daemon in before} == before
    node.run(["sh", "-c", "rm /var/log/filler* /var/log/probe*"])
    cluster.lab.power_cut("node2")
    log = ["grep", "-c", "node2 was fenced", "/var/log/ha-log"]
    cluster.lab.wait_for("the log goes on", lambda: node.run(log, check=False).stdout.strip() not in ("", "0"), 30)


def test_of_two_disks_the_newer_one_counts_whichever_node_starts_first(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cluster.lab["node1"].stop()
    cluster.lab["node2"].run(["crm", "configure", "property", "batch-limit=7"])
    cluster.lab.power_cut("node2")
    cluster.lab["node2"].boot()
    cause = boottime_ms()
    cluster.lab["node1"].start()
    cluster.wait("node1 is alone", lambda seen: seen.members == ("node1",), on="node1", since=cause)
    refused = cluster.lab["node1"].run(["crm", "configure", "property", "batch-limit=5"], check=False)
    assert refused.returncode != 0
    cause = boottime_ms()
    cluster.lab["node2"].start()
    cluster.wait("both", lambda seen: len(seen.members) == 2 and seen.idle, on="node1", since=cause)
    cluster.wait_running(on="node1", since=boottime_ms())
    for name in cluster.names:
        assert "batch-limit=7" in show(cluster.lab[name])
    assert set(RESOURCES) <= set(cluster.wait_running(on="node2", since=boottime_ms()).placements)
