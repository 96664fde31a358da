"""Real processes, real agents, real faults: what fails comes back, and nothing is ever active twice."""

import time

import pytest

from lab.namespaces.journal import read, starts
from lab.probe import boottime_ms
from tests.lab.conftest import KEYS, RESOURCES, ClusterMaker, TestCluster, ha_cf

pytestmark = pytest.mark.lab


def start_count(cluster: TestCluster, resource: str) -> int:
    return len(starts(read(cluster.lab.journal), resource))


def assert_nothing_restarted(cluster: TestCluster, before: dict[str, int]) -> None:
    assert {name: start_count(cluster, name) for name in RESOURCES} == before


def test_a_cluster_starts_and_runs_everything_once(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    sight = cluster.wait_running(on="node2")
    assert sight.members == ("node1", "node2")
    assert sight.placements["one"] == sight.placements["two"] == "node1"
    assert {name: start_count(cluster, name) for name in RESOURCES} == dict.fromkeys(RESOURCES, 1)


def test_the_resources_of_a_node_that_lost_its_power_run_on_the_other_after_fencing(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cause = boottime_ms()
    cluster.lab.power_cut("node1")
    sight = cluster.wait(
        "node2 runs everything",
        lambda seen: all(seen.placements.get(name) == "node2" for name in RESOURCES),
        on="node2",
        since=cause,
    )
    assert [name for _, _, name in cluster.lab.fencings] == ["node1"]
    fenced_at = cluster.lab.fencings[0][0]
    begun = [entry.at for entry in read(cluster.lab.journal) if entry.node == "node2" and entry.resource == "one"]
    assert min(begun) >= fenced_at - 0.02
    assert sight.at - cause < 15_000


def test_a_link_cut_in_both_directions_fences_one_node_and_starts_nothing_twice(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cluster.lab.cut("node1", "node2")
    cluster.lab.wait_for("one node was fenced", lambda: bool(cluster.lab.fencings), 20)
    cluster.lab.heal()
    survivor = "node2" if cluster.lab.fencings[0][2] == "node1" else "node1"
    cluster.wait_running(on=survivor, since=boottime_ms())


def test_a_one_way_cut_does_not_wedge_the_cluster(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cluster.lab.cut("node1", "node2", both=False)
    cluster.lab.wait_for("one node was fenced", lambda: bool(cluster.lab.fencings), 20)
    cluster.lab.heal()
    survivor = "node2" if cluster.lab.fencings[0][2] == "node1" else "node1"
    cluster.wait_running(on=survivor, since=boottime_ms())


def test_a_resource_that_died_is_started_again_where_it_was(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cause = boottime_ms()
    cluster.lab["node1"].run(["rm", "/run/Logged-two"])
    cluster.lab.wait_for("two was started again", lambda: start_count(cluster, "two") == 2, 20)
    sight = cluster.wait_running(on="node1", since=cause)
    assert sight.placements["two"] == "node1"
    assert start_count(cluster, "one") == 1


def test_a_monitor_that_hangs_is_a_failure(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    fault = cluster.lab.directory / "faults/two.monitor"
    fault.write_text("hang\n")
    time.sleep(2.5)
    fault.unlink()
    cluster.lab.wait_for("two was started again", lambda: start_count(cluster, "two") == 2, 20)
    assert start_count(cluster, "one") == 1


def test_a_stop_that_fails_fences_the_node(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    (cluster.lab.directory / "faults/two.stop.node1").write_text("1\n")
    cause = boottime_ms()
    cluster.lab["node2"].run(["crm", "node", "standby", "node1"])
    cluster.lab.wait_for("node1 was fenced", lambda: [name for _, _, name in cluster.lab.fencings] == ["node1"], 30)
    cluster.wait(
        "node2 runs everything",
        lambda seen: all(seen.placements.get(name) == "node2" for name in RESOURCES),
        on="node2",
        since=cause,
    )


def test_standby_moves_resources_away_and_online_brings_them_back(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cause = boottime_ms()
    cluster.lab["node1"].run(["crm", "node", "standby", "node1"])
    cluster.wait(
        "node1 is empty",
        lambda seen: seen.idle and all(seen.placements.get(name) == "node2" for name in RESOURCES),
        on="node1",
        since=cause,
    )
    cause = boottime_ms()
    cluster.lab["node1"].run(["crm", "node", "online", "node1"])
    cluster.wait(
        "the group is back",
        lambda seen: seen.idle and seen.placements.get("one") == seen.placements.get("two") == "node1",
        on="node1",
        since=cause,
    )


def test_a_node_that_stops_in_good_order_moves_its_resources_before_it_leaves(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cluster.lab["node1"].stop()
    after = boottime_ms()
    cluster.wait(
        "node2 runs everything",
        lambda seen: all(seen.placements.get(name) == "node2" for name in RESOURCES),
        on="node2",
        since=after,
    )
    assert cluster.lab.fencings == []
    assert cluster.lab["node1"].daemon_pids("heartbeat") == []
    assert cluster.lab["node1"].run(["find", "/run", "-name", "Logged-*"]).stdout == ""


@pytest.mark.parametrize("daemon", ["crmd", "lrmd", "pengine"])
@pytest.mark.parametrize("where", ["the DC", "the other node"])
def test_a_killed_daemon_restarts_no_healthy_resource(make_cluster: ClusterMaker, daemon: str, where: str) -> None:
    cluster = make_cluster(2)
    before = {name: start_count(cluster, name) for name in RESOURCES}
    with_dc = cluster.lab["node1"].run(["crmadmin", "-D", "-q"]).stdout.split()[-1]
    other = "node2" if with_dc == "node1" else "node1"
    target = with_dc if where == "the DC" else other
    if daemon == "pengine" and not cluster.lab[target].daemon_pids("pengine"):
        pytest.skip("only the DC has a policy engine")
    killed = cluster.lab[target].kill_daemon(daemon)
    cluster.lab.wait_for(
        f"{daemon} runs again",
        lambda: cluster.lab[target].daemon_pids(daemon) not in ([], [killed]) or daemon == "pengine",
        10,
    )
    time.sleep(3)
    cluster.wait_running(on=other, since=boottime_ms() - 1)
    assert_nothing_restarted(cluster, before)
    assert cluster.lab.fencings == []
    # And the cluster still does its work.
    cluster.lab[other].run(["rm", "-f", "/run/Logged-three"], check=False)
    cluster.lab[target].run(["rm", "-f", "/run/Logged-three"], check=False)
    cluster.lab.wait_for("three was started again", lambda: start_count(cluster, "three") == before["three"] + 1, 20)


def test_a_killed_heartbeat_is_a_node_failure(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cause = boottime_ms()
    cluster.lab["node1"].kill_daemon("heartbeat")
    cluster.wait(
        "node2 runs everything",
        lambda seen: all(seen.placements.get(name) == "node2" for name in RESOURCES),
        on="node2",
        since=cause,
    )
    assert [name for _, _, name in cluster.lab.fencings] == ["node1"]


def test_both_nodes_start_cold_from_disk_with_the_configuration_they_had(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cluster.lab["node1"].run(["crm", "configure", "property", "cluster-recheck-interval=7min"])
    for name in cluster.names:
        cluster.lab.power_cut(name)
    cluster.lab.boot()
    cause = boottime_ms()
    cluster.lab.start()
    cluster.wait_running(on="node2", since=cause)
    shown = cluster.lab["node2"].run(["crm", "configure", "show"]).stdout
    assert "cluster-recheck-interval=7min" in shown


def test_a_third_node_can_be_added_while_the_cluster_runs(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    before = {name: start_count(cluster, name) for name in RESOURCES}
    third = cluster.lab.add_node("node3")
    cluster.lab.write_node_files(third, ha_cf([*cluster.names, "node3"]), KEYS)
    third.boot()
    third.start()
    cluster.wait("node3 is heard", lambda seen: "node3" in seen.members, on="node1")
    cluster.lab["node1"].run(["crm", "node", "add", "node3"])
    sight = cluster.wait(
        "node3 is a member", lambda seen: seen.members == ("node1", "node2", "node3") and seen.idle, on="node1"
    )
    assert set(RESOURCES) <= set(sight.placements)
    assert_nothing_restarted(cluster, before)
    # Two of three nodes are a majority now.
    cause = boottime_ms()
    cluster.lab.power_cut("node3")
    cluster.wait("node3 is gone", lambda seen: seen.members == ("node1", "node2"), on="node1", since=cause)
    assert "partition with quorum" in cluster.lab["node1"].run(["crm_mon", "-1"]).stdout


def test_nodes_that_hear_each_other_but_cannot_talk_start_nothing_and_say_why(make_cluster: ClusterMaker) -> None:
    """A firewall that lets the datagrams pass, and not the streams."""
    cluster = make_cluster(2, fencing=False, start=False)
    rules = (
        "add table inet fw\n"
        "add chain inet fw in { type filter hook input priority 0; }\n"
        "add rule inet fw in tcp dport 694 drop\n"
    )
    for name in cluster.names:
        cluster.lab[name].run(["nft", "-f", "-"], stdin=rules)
    cluster.lab.start()
    time.sleep(9)
    assert [entry for entry in read(cluster.lab.journal) if entry.what == "start-begin"] == []
    for name in cluster.names:
        assert "join.unheard" in cluster.lab[name].file("/var/log/ha-log").read_text()
    for name in cluster.names:
        cluster.lab[name].run(["nft", "delete", "table", "inet", "fw"])
    cluster.wait_running(on="node1", timeout_s=60)


def test_a_controller_that_hangs_is_replaced(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    before = {name: start_count(cluster, name) for name in RESOURCES}
    hung = cluster.lab["node1"].daemon_pids("crmd")
    cluster.lab["node1"].pause("crmd")
    cluster.lab.wait_for(
        "another crmd runs on node1", lambda: cluster.lab["node1"].daemon_pids("crmd") not in ([], hung), 30
    )
    cluster.wait_running(on="node1", since=boottime_ms())
    assert_nothing_restarted(cluster, before)
