"""A node's directories with right files in them, and ways to run the commands on them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from heartbeat import command
from ipc.directories import NodeDirectories

HA_CF = "auto_failback on\nbcast lo\nnode node1 node2\n"
AUTHKEYS = "auth 1\n1 sha256 a-secret\n"
HARESOURCES = "node1 10.0.0.1/24/lo\n"


class Installation:
    """A node that is not started yet, with right files."""

    def __init__(self, base: Path) -> None:
        self.directories = NodeDirectories(base / "config", base / "state", base / "run", base / "log")
        self.directories.config.mkdir()
        self.put("ha.cf", HA_CF)
        self.put("authkeys", AUTHKEYS)

    def put(self, name: str, text: str) -> Path:
        """Write one of the files."""
        path = self.directories.config / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def heartbeat(self, action: str) -> int:
        """`heartbeat ACTION` on this node; returns the exit code."""
        places = [f"--{name}={getattr(self.directories, name)}" for name in ("config", "state", "run", "log")]
        return command.main([action, "--node=node1", *places])

    def untouched(self) -> bool:
        """Whether nothing was made for a daemon: no state, no run directory, no log."""
        return not any(path.exists() for path in (self.directories.state, self.directories.run, self.directories.log))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation; the variables of its directories are set for what is run in this process."""
    installation = Installation(tmp_path)
    for name, value in installation.directories.environment().items():
        monkeypatch.setenv(name, value)
    return installation


@pytest.fixture
def refused_start(node: Installation, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Runs `heartbeat start`, which has to refuse; returns what it said."""

    def start() -> str:
        assert node.heartbeat("start") == command.NOT_CONFIGURED
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.splitlines()[-1] == "heartbeat: nothing was started"
        assert node.untouched()
        return said.err

    return start
