"""What an operator does every day: stopping all nodes at once, starting one alone, rotating logs, looking."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.namespaces.journal import read, starts
from lab.namespaces.node import Node
from lab.probe import boottime_ms
from tests.lab.conftest import RESOURCES, ClusterMaker

pytestmark = pytest.mark.lab

LOG = "/var/log/ha-log"


def test_all_nodes_can_be_stopped_at_the_same_moment_and_started_again(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    nodes = list(cluster.lab.nodes.values())
    with ThreadPoolExecutor(len(nodes)) as pool:
        for stopped in [pool.submit(node.stop, 45.0) for node in nodes]:
            stopped.result()
    for node in nodes:
        assert list(node.processes()) == []
        assert node.run(["find", "/run", "-name", "Logged-*"]).stdout == ""
    assert cluster.lab.fencings == []
    cause = boottime_ms()
    cluster.lab.start()
    cluster.wait_running(on="node1", since=cause)
    assert all(len(starts(read(cluster.lab.journal), name)) >= 2 for name in RESOURCES)
    assert cluster.lab.fencings == []


def test_a_node_that_is_alone_says_what_it_runs_on_and_what_it_waits_for(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2, start=False)
    node = cluster.lab["node1"]
    node.start()
    cluster.wait("node1 has a DC", lambda seen: seen.members == ("node1",), on="node1")
    shown = ""

    def has_dc() -> bool:
        nonlocal shown
        shown = node.run(["crm_mon", "-1"], check=False).stdout
        return "Current DC: node1" in shown

    cluster.lab.wait_for("crm_mon shows the DC", has_dc, 20)
    assert "Stack: pacekeeper" in shown
    assert "unknown" not in shown


def test_after_its_log_was_rotated_nothing_of_the_cluster_holds_the_old_file(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(2)
    node = cluster.lab["node1"]
    log = node.file(LOG)
    node.run(["mv", LOG, f"{LOG}.1"])
    assert holders(node, ".1")
    os.kill(node.daemon_pids("heartbeat")[0], signal.SIGHUP)
    cluster.lab.wait_for("all write to the new file", lambda: not holders(node, ".1"), 10)
    assert {daemon for daemon in ("heartbeat", "crmd", "lrmd", "pengine") if node.daemon_pids(daemon)} == set(
        holders(node, "ha-log")
    ) & {"heartbeat", "crmd", "lrmd", "pengine"}
    node.run(["crm", "configure", "property", "batch-limit=9"])
    killed = node.kill_daemon("lrmd")
    cluster.lab.wait_for("another lrmd runs", lambda: node.daemon_pids("lrmd") not in ([], [killed]), 10)
    cluster.lab.wait_for("both processes wrote", lambda: {"lrmd ended", "the local executor died"} <= told(log), 10)
    cluster.wait_running(on="node2", since=boottime_ms())


def told(log: Path) -> set[str]:
    """Which of the sentences of interest are in the log."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return {words for words in ("lrmd ended", "the local executor died") if words in text}


def holders(node: Node, suffix: str) -> list[str]:
    """The node's processes that have the log of this name open, by their module or command."""
    found = []
    for pid, command in node.processes():
        try:
            opened = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        if any("ha-log" in path and path.endswith(suffix) for path in opened):
            found.append(command[command.index("-m") + 1] if "-m" in command else command[0])
    return found
