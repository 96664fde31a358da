"""Daemons that die or stall amid their work, and what people find in the logs and lists afterwards."""

import time
from collections.abc import Iterator

import pytest

from lab.namespaces.journal import double_starts, read, starts
from lab.namespaces.lab import Lab, available
from lab.probe import boottime_ms
from tests.lab.conftest import KEYS, RESOURCES, ClusterMaker, TestCluster, cib, ha_cf

pytestmark = pytest.mark.lab
CIB_XML = "/var/lib/pacekeeper/cib/cib.xml"


@pytest.fixture
def unfenced() -> Iterator[TestCluster]:
    """Two nodes without fencing, both running: what a split does to the resources is not asked here."""
    if reason := available():
        pytest.skip(f"the lab can't run here: {reason}")
    names = ["node1", "node2"]
    with Lab.create(names) as lab:
        lab.write_cluster_files(ha_cf(names), KEYS)
        lab.write_cib(cib(lab, fencing=False, first="node1"))
        lab.boot()
        lab.start()
        cluster = TestCluster(lab, names)
        cluster.wait_running(on="node1")
        yield cluster
        cluster.close()


def counts(cluster: TestCluster) -> dict[str, int]:
    return {name: len(starts(read(cluster.lab.journal), name)) for name in RESOURCES}


def said(cluster: TestCluster, node: str, command: str) -> str:
    result = cluster.lab[node].run(["sh", "-c", command], check=False)
    return result.stdout + result.stderr


def log(cluster: TestCluster, node: str) -> str:
    return cluster.lab[node].file("/var/log/ha-log").read_text(errors="replace")


def test_an_executor_killed_amid_a_start_settles_it_before_anything_else(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    node = cluster.wait_running(on="node1").placements["four"]
    cluster.lab["node1"].run(["crm", "resource", "stop", "four"])
    cluster.wait("four is stopped", lambda seen: seen.idle and "four" not in seen.placements, on="node1")
    fault = cluster.lab.directory / "faults/four.start"
    fault.write_text("hang\n")
    cause = boottime_ms()
    cluster.lab["node1"].run(["crm", "resource", "start", "four"])
    cluster.lab.wait_for("the start hangs", lambda: "Logged start" in said(cluster, node, "ps ax"), 10)
    fault.unlink()
    cluster.lab[node].kill_daemon("lrmd")
    cluster.wait_running(on="node1", since=cause)
    assert "start of four has no result: the executor died while it ran" in log(cluster, node)
    assert "Logged start" not in said(cluster, node, "ps ax")
    assert {name: counts(cluster)[name] for name in ("one", "two", "three")} == {"one": 1, "two": 1, "three": 1}


def test_an_executor_killed_amid_a_stop_does_not_get_its_node_fenced(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    node = cluster.wait_running(on="node1").placements["four"]
    fault = cluster.lab.directory / "faults/four.stop"
    fault.write_text("hang\n")
    cluster.lab["node1"].run(["crm", "resource", "stop", "four"])
    cluster.lab.wait_for("the stop hangs", lambda: "Logged stop" in said(cluster, node, "ps ax"), 10)
    fault.unlink()
    cluster.lab[node].kill_daemon("lrmd")
    cluster.wait("four is stopped", lambda seen: seen.idle and "four" not in seen.placements, on="node1")
    assert "stop of four has no result: the executor died while it ran" in log(cluster, node)
    assert cluster.lab.fencings == []
    assert {name: counts(cluster)[name] for name in ("one", "two", "three")} == {"one": 1, "two": 1, "three": 1}


def test_a_controller_that_dies_three_times_in_a_minute_gets_its_node_fenced(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    for _ in range(3):
        assert cluster.lab.fencings == []
        cluster.lab["node2"].kill_daemon("crmd")
        time.sleep(2.5)
    cluster.lab.wait_for("node2 is fenced", lambda: [name for *_, name in cluster.lab.fencings] == ["node2"], 10)
    cluster.wait_running(on="node1", since=boottime_ms())


def test_without_fencing_a_node_whose_controller_dies_three_times_is_emptied_before_the_other_takes_over(
    unfenced: TestCluster,
) -> None:
    lab, killed = unfenced.lab, [0]
    for _ in range(3):
        killed[0] = lab["node1"].kill_daemon("crmd")
        lab.wait_for("there is another crmd", lambda: lab["node1"].daemon_pids("crmd") not in ([], killed))
    lab.wait_for("the group was started by the other node", lambda: "node2" in starts(read(lab.journal), "one"), 20)
    unfenced.wait_running(on="node1", since=boottime_ms())
    assert double_starts(read(lab.journal)) == []
    assert "Everything here is stopped: crmd is gone" in log(unfenced, "node1")


def test_a_paused_node_that_cannot_be_fenced_comes_back_with_what_it_runs(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    cluster.lab.fencing_refused = "no power today"
    cluster.lab["node2"].pause()
    time.sleep(3)
    assert "node2: UNCLEAN" in said(cluster, "node1", "crm_mon -1")
    cluster.lab["node2"].resume()
    cause = boottime_ms()
    sight = cluster.wait("all is as before", lambda seen: seen.idle and len(seen.members) == 2, on="node1", since=cause)
    assert set(RESOURCES) <= set(sight.placements)
    assert counts(cluster) == dict.fromkeys(RESOURCES, 1)


def test_a_regular_stop_alarms_nobody(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    begun = log(cluster, "node1")
    cluster.lab["node1"].stop()
    lines = log(cluster, "node1")[len(begun) :].splitlines()
    assert [line for line in lines if any(level in line for level in (" warning: ", " error: ", " critical: "))] == []


def test_changes_of_the_half_that_lost_are_listed_and_can_be_restored(unfenced: TestCluster) -> None:
    unfenced.lab.cut("node1", "node2")
    for node in ("node1", "node2"):
        unfenced.wait("the half is alone", lambda seen: len(seen.members) == 1, on=node)
    said(unfenced, "node1", "crm configure property cluster-recheck-interval=7min")
    said(unfenced, "node2", "crm configure property batch-limit=7; crm configure property batch-limit=8")
    unfenced.lab.heal()
    unfenced.wait(
        "both are together", lambda seen: len(seen.members) == 2 and seen.idle, on="node1", since=boottime_ms()
    )
    assert "batch-limit=8" in said(unfenced, "node1", "crm configure show")
    listed = said(unfenced, "node1", "crm cib divergences")
    assert "which does not contain this node's changes" in listed
    file = listed.partition(":")[0]
    text = said(unfenced, "node1", f"printf 'cib import {file} lost\ncib diff\ncib commit lost\n' | crm")
    assert "+\tcluster-recheck-interval=7min" in text
    assert "cluster-recheck-interval=7min" in said(unfenced, "node2", "crm configure show")


def test_an_edit_of_cib_xml_counts_while_the_cluster_is_stopped_and_never_while_it_runs(unfenced: TestCluster) -> None:
    lab = unfenced.lab
    said(unfenced, "node1", "crm configure property migration-limit=5")
    said(
        unfenced, "node1", f"sed -i s/migration-limit/migration-limits/ {CIB_XML}; crm configure property batch-limit=3"
    )
    lab.wait_for(
        "the edit is kept aside", lambda: "cib.xml was changed while" in said(unfenced, "node1", "crm cib divergences")
    )
    assert "migration-limits" not in said(unfenced, "node2", "crm configure show")
    for name in ("node2", "node1"):
        lab[name].stop()
    said(unfenced, "node1", f'sed -i \'/migration-limit/s/value="5"/value="9"/\' {CIB_XML}')
    said(unfenced, "node2", f'sed -i \'s/<constraints>/<constraints><rsc_location id="a" foo="1"\\/>/\' {CIB_XML}')
    cause = boottime_ms()
    lab.start()
    unfenced.wait_running(on="node2", since=cause)
    assert "migration-limit=9" in said(unfenced, "node2", "crm configure show")
    assert "rsc_location 'a': attribute 'foo' is not allowed here" in said(unfenced, "node2", "crm cib divergences")
