"""One real node on loopback: all its processes, a haresources, and what happens when each process is killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cib.requests import Request
from crmd.client import Client, ClientError
from crmd.messages import ClusterState
from ipc.directories import NodeDirectories

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
ADDRESS = "127.0.0.81"
SCRIPT = """#!/bin/sh
case $2 in
    start) touch {file}; echo start >> {log} ;;
    stop) rm -f {file}; echo stop >> {log} ;;
    status) if [ -e {file} ]; then echo running; else echo stopped; fi ;;
esac
exit 0
"""

RELOADING = """#!/bin/sh
case $1 in
    reload-agent) echo "$1-$OCF_RESKEY_level" >>{story} ;;
    *) echo "$1" >>{story} ;;
esac
case $1 in
    start) touch {active} ;;
    stop) rm -f {active} ;;
    monitor) [ -e {active} ] || exit 7 ;;
    meta-data) cat <<END
<resource-agent name="Reloading"><version>1.1</version>
<parameters><parameter name="file"/><parameter name="level" reloadable="1"/></parameters>
<actions><action name="reload-agent" timeout="20s"/></actions></resource-agent>
END
    ;;
esac
exit 0
"""


class Node:
    """A node whose directories are all below one."""

    def __init__(self, directory: Path) -> None:
        self.directories = NodeDirectories(*(directory / name for name in ("etc", "state", "run", "log")))
        self.active = directory / "active"
        self.story = directory / "story"
        for path in (self.directories.config / "resource.d", self.directories.log):
            path.mkdir(parents=True)
        self._write("ha.cf", f"keepalive 100ms\ndeadtime 2\nwarntime 1\ninitdead 2\nnode n1\n{self._link()}")
        self._write("authkeys", "auth 1\n1 sha256 for-a-test\n", 0o600)
        self._write("haresources", "n1 web::site\n")
        self._write("resource.d/web", SCRIPT.format(file=self.active, log=self.story), 0o755)
        self._pids: list[int] = []
        self._popen: subprocess.Popen[bytes] | None = None

    def _link(self) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((ADDRESS, 0))
            return f"logfile {self.directories.log}/ha-log\nudpport {sock.getsockname()[1]}\nucast lo {ADDRESS}\n"

    def _write(self, name: str, content: str, mode: int = 0o644) -> None:
        path = self.directories.config / name
        path.write_text(content)
        path.chmod(mode)

    def start(self) -> None:
        environment = {**os.environ, **self.directories.environment(), "PYTHONPATH": str(ROOT)}
        environment["OCF_ROOT"] = str(self.directories.config / "ocf")
        command = [sys.executable, "-m", "heartbeat.command", "start", "--foreground", "--node=n1", f"--bind={ADDRESS}"]
        self._popen = subprocess.Popen(
            command, env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._pids.append(self._popen.pid)

    def pid(self, process: str) -> int:
        if process == "heartbeat":
            assert self._popen is not None
            return self._popen.pid
        with contextlib.suppress(OSError, ValueError):
            return int((self.directories.run / f"{process}.lock").read_text())
        return 0

    def kill(self, process: str) -> int:
        pid = self.pid(process)
        os.kill(pid, signal.SIGKILL)
        if process == "heartbeat" and self._popen is not None:
            self._popen.wait(10)
        return pid

    def state(self) -> ClusterState | None:
        self._pids += [pid for name in ("crmd", "lrmd") if (pid := self.pid(name)) and pid not in self._pids]
        try:
            with Client.connect(self.directories) as client:
                return client.state()
        except ClientError:
            return None

    def is_idle(self) -> bool:
        state = self.state()
        return state is not None and state.idle and state.dc == "n1" and self.active.exists()

    def close(self) -> None:
        """End whatever this test started and what that started, by pid."""
        for pid in reversed(self._pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._popen is not None:
            self._popen.wait(10)


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    it = Node(tmp_path)
    it.start()
    try:
        wait_for(it.is_idle)
        yield it
    finally:
        it.close()


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_haresources_runs_and_no_death_of_crmd_or_lrmd_restarts_it(node: Node) -> None:
    with Client.connect(node.directories) as client:
        assert b'<group id="group_n1"' in client.query("//group")
        assert client.metadata("ocf:heartbeat:Dummy").startswith(b"<?xml")
    for process in ("crmd", "lrmd"):
        before = node.kill(process)

        def is_back(name: str = process, old: int = before) -> bool:
            return node.pid(name) not in (0, old) and node.is_idle()

        wait_for(is_back)
    assert node.story.read_text().split() == ["start"]


def test_a_reloadable_parameter_is_taken_over_without_a_restart_and_any_other_with_one(node: Node) -> None:
    story = node.directories.log / "reloading"

    def story_is(*actions: str) -> bool:
        told = story.read_text().split() if story.exists() else []
        return [line for line in told if line not in ("monitor", "meta-data")] == list(actions)

    agent = node.directories.config / "ocf" / "resource.d" / "test" / "Reloading"
    agent.parent.mkdir(parents=True)
    agent.write_text(RELOADING.format(story=story, active=f"{story}.active"))
    agent.chmod(0o755)

    def configure(**values: str) -> None:
        with Client.connect(node.directories) as client:
            client.apply((Request("modify", section="resources", xml=reloading(**values), allow_create=True),))

    configure(file="/a", level="1")
    wait_for(lambda: story_is("start") and node.is_idle())
    configure(file="/a", level="2")
    wait_for(lambda: story_is("start", "reload-agent-2") and node.is_idle())
    configure(file="/b", level="2")
    wait_for(lambda: story_is("start", "reload-agent-2", "stop", "start") and node.is_idle())


def reloading(**values: str) -> bytes:
    """A primitive of the agent below with these parameters."""
    pairs = "".join(f'<nvpair id="r-{name}" name="{name}" value="{value}"/>' for name, value in values.items())
    return (
        '<primitive id="r" class="ocf" provider="test" type="Reloading">'
        f'<instance_attributes id="r-ia">{pairs}</instance_attributes></primitive>'
    ).encode()


def test_when_heartbeat_dies_everything_is_stopped_and_all_processes_end(node: Node) -> None:
    children = [node.pid("crmd"), node.pid("lrmd")]
    node.kill("heartbeat")
    wait_for(lambda: not node.active.exists())
    wait_for(lambda: all(is_gone(pid) for pid in children))
    assert node.story.read_text().split() == ["start", "stop"]
