"""ha.cf's watchdog, with a FIFO in the place of the device: what is written to it is all that a device sees."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.namespaces.node import Node
from tests.lab.conftest import KEYS, ClusterMaker, TestCluster, ha_cf

pytestmark = pytest.mark.lab


class StandIn:
    """The device's side: what was written to it."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self.written = b""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self) -> bytes:
        """All that was written so far."""
        try:
            while data := os.read(self._descriptor, 4096):
                self.written += data
        except BlockingIOError:
            pass
        return self.written

    def close(self) -> None:
        """Remove it."""
        os.close(self._descriptor)


@contextmanager
def armed(make_cluster: ClusterMaker) -> Iterator[tuple[TestCluster, Node, StandIn]]:
    """A node that runs everything alone, and its device."""
    cluster = make_cluster(1, fencing=False, start=False)
    node = cluster.lab["node1"]
    device = StandIn(cluster.lab.directory / "watchdog")
    cluster.lab.write_node_files(node, ha_cf(cluster.names, extra=f"watchdog {device.path}\n"), KEYS)
    node.start()
    cluster.wait_running(on="node1")
    try:
        yield cluster, node, device
    finally:
        device.close()


def log(node: Node) -> str:
    return node.file("/var/log/ha-log").read_text(errors="replace")


def test_the_device_is_fed_while_the_node_runs_and_disarmed_when_it_left_in_good_order(
    make_cluster: ClusterMaker,
) -> None:
    with armed(make_cluster) as (cluster, node, device):
        before = len(device.read())
        assert before
        assert f"watchdog: {device.path} is armed" in node.run(["heartbeat", "status"]).stdout
        cluster.lab.wait_for("it is fed", lambda: len(device.read()) > before, 10)
        assert b"V" not in device.written
        node.stop()
        assert device.read().endswith(b"V")
        assert device.written.count(b"V") == 1


def test_a_heartbeat_that_dies_leaves_the_device_armed_and_a_new_one_feeds_it_again(make_cluster: ClusterMaker) -> None:
    with armed(make_cluster) as (cluster, node, device):
        node.kill_daemon("heartbeat")
        cluster.lab.wait_for("everything is stopped", lambda: list(node.processes()) == [], 30)
        assert b"V" not in device.read()
        assert node.run(["find", "/run", "-name", "Logged-*"]).stdout == ""
        fed = len(device.written)
        node.start()
        cluster.lab.wait_for("it is fed again", lambda: len(device.read()) > fed, 10)


def test_a_stop_that_fails_after_heartbeat_died_reboots_a_node_with_a_watchdog(make_cluster: ClusterMaker) -> None:
    with armed(make_cluster) as (cluster, node, device):
        (cluster.lab.directory / "faults/two.stop").write_text("1\n")
        node.kill_daemon("heartbeat")
        cluster.lab.wait_for("the node is rebooted", lambda: not node.is_on, 30)
        assert "Rebooting this node: two could not be stopped" in log(node)
        assert b"V" not in device.read()


def test_without_a_watchdog_a_stop_that_fails_is_told_and_nothing_is_rebooted(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(1, fencing=False)
    node = cluster.lab["node1"]
    (cluster.lab.directory / "faults/two.stop").write_text("1\n")
    node.kill_daemon("heartbeat")
    cluster.lab.wait_for("the daemons ended", lambda: list(node.processes()) == [], 30)
    assert node.is_on
    assert "no watchdog is armed: two could not be stopped" in log(node)
    left = node.run(["find", "/run", "-name", "Logged-*"]).stdout.split()
    assert left == ["/run/Logged-two"]


def test_a_device_that_is_not_there_is_an_error_and_the_node_goes_on_without(make_cluster: ClusterMaker) -> None:
    cluster = make_cluster(1, fencing=False, start=False)
    node = cluster.lab["node1"]
    cluster.lab.write_node_files(node, ha_cf(cluster.names, extra="watchdog /dev/no-watchdog\n"), KEYS)
    node.start()
    cluster.wait_running(on="node1")
    assert "error: The watchdog /dev/no-watchdog is not armed: No such file or directory" in log(node)
    assert "watchdog: /dev/no-watchdog is not armed" in node.run(["heartbeat", "status"]).stdout
