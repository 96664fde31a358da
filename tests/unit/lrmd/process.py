"""A real executor process with its own directories, a stand-in for its supervisor, and a controller to talk to it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from ipc import unix
from ipc.directories import NodeDirectories
from ipc.supervision import Attach, ChildToSupervisor, ExecutorState, SupervisorToChild, ViewState
from lrmd.client import ExecutorClient
from lrmd.messages import (
    Acknowledge,
    AgentName,
    ControllerToExecutor,
    Execute,
    ExecutorToController,
    Finished,
    Hello,
    Operation,
    OrderStamp,
    ResourceTable,
)

ROOT = Path(__file__).parents[3]
LIMIT_S = 20
STAMP = OrderStamp(1, 1, "n1", 1)
T = TypeVar("T")
_decoder = msgspec.msgpack.Decoder(ChildToSupervisor)


def directories_below(path: Path) -> NodeDirectories:
    """Directories of a node, and the files that the tests' agents want."""
    for name in ("config/resource.d", "state", "run", "log", "init.d", "fence", "ocf/resource.d/test"):
        (path / name).mkdir(parents=True)
    return NodeDirectories(path / "config", path / "state", path / "run", path / "log")


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def ocf_agent(path: Path, text: str) -> Path:
    """The same as an OCF agent, which has nothing to say of itself: meta-data fails and leaves no trace."""
    return script(path, f'[ "$1" = meta-data ] && exit 3\n{text}')


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds, for a bounded time."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class ExecutorProcess:
    """`python -m lrmd` on the directories below `path`, and both of its peers.

    `prefix` is put before the command (unshare, chrt), `environ` is added to its environment.
    """

    def __init__(self, path: Path, prefix: tuple[str, ...] = (), environ: dict[str, str] | None = None) -> None:
        self.path = path
        self.directories = directories_below(path)
        self._command = [*prefix, sys.executable, "-m", "lrmd"]
        self._extra = environ or {}
        self.heard: list[ChildToSupervisor] = []
        self._supervisor: unix.Connection | None = None
        self._server: asyncio.Server | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._client: ExecutorClient | None = None
        self._events: AsyncIterator[ExecutorToController] | None = None
        self._request = 0

    @classmethod
    @asynccontextmanager
    async def running(
        cls, path: Path, prefix: tuple[str, ...] = (), environ: dict[str, str] | None = None
    ) -> AsyncIterator["ExecutorProcess"]:
        """An executor in view 1 with a controller attached; everything is gone afterwards."""
        node = cls(path, prefix, environ)
        try:
            await node.supervise()
            node.start()
            await node.attach()
            yield node
        finally:
            await node.clean_up()

    async def supervise(self) -> None:
        """Listen as the messaging layer does."""
        self._server = await unix.serve(self.directories.heartbeat_socket, self._serve)

    async def supervisor_dies(self) -> None:
        """The messaging layer is gone."""
        assert self._server is not None
        self._server.close()
        if self._supervisor is not None:
            self._supervisor.close()
        self.directories.heartbeat_socket.unlink(missing_ok=True)

    def tell(self, message: SupervisorToChild) -> None:
        """The messaging layer says something."""
        assert self._supervisor is not None
        self._supervisor.send(msgspec.msgpack.encode(message))

    def start(self) -> None:
        """Start the process."""
        with open(self.path / "log" / "lrmd.log", "ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environ(), cwd=ROOT, stderr=log)

    def start_another(self) -> int:
        """Start a second one on the same directories; its exit code."""
        with open(self.path / "log" / "lrmd.log", "ab") as log:
            return subprocess.run(self._command, env=self._environ(), cwd=ROOT, stderr=log, timeout=LIMIT_S).returncode

    def _environ(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.directories.environment(),
            "PYTHONPATH": str(ROOT),
            "OCF_ROOT": str(self.path / "ocf"),
            "PACEKEEPER_LSB_DIRS": str(self.path / "init.d"),
            "PACEKEEPER_FENCE_DIRS": str(self.path / "fence"),
            **self._extra,
        }

    def kill(self) -> None:
        """SIGKILL, as a crash does it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def exit_code(self) -> int:
        """Wait for the process to end by itself."""
        process = self._process
        assert process is not None
        await eventually(lambda: process.poll() is not None)
        return process.returncode

    @property
    def pid(self) -> int:
        """Of the executor."""
        assert self._process is not None
        return self._process.pid

    def worker(self) -> int:
        """Of the worker, the executor's only child."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()[0])

    async def connect(self) -> ExecutorClient:
        """A client that has said nothing yet."""
        for _ in range(LIMIT_S * 100):
            with suppress(OSError):
                return await ExecutorClient.connect(self.directories)
            await asyncio.sleep(0.01)
        raise AssertionError(f"the executor does not answer: {self.log()}")

    async def attach(self) -> ResourceTable:
        """Attach as the controller, once the executor knows its view; what it knows."""
        await eventually(lambda: any(isinstance(message, ExecutorState) for message in self.heard))
        self._client = await self.connect()
        self._events = self._client.events()
        self.say(Hello("crmd"))
        return await self.expect(ResourceTable)

    def detach(self) -> None:
        """The controller dies."""
        assert self._client is not None
        self._client.close()

    def say(self, message: ControllerToExecutor) -> None:
        """The controller says something."""
        assert self._client is not None
        self._client.send(message)

    def order(
        self,
        agent: AgentName,
        action: str,
        parameters: dict[str, str] | None = None,
        *,
        resource: str = "",
        interval_ms: int = 0,
        timeout_ms: int = 10_000,
    ) -> None:
        """The DC orders an operation."""
        self._request += 1
        what = Operation(resource or agent.type, agent, action, interval_ms, timeout_ms, parameters or {})
        self.say(Execute(self._request, STAMP, what))

    async def run(self, agent: AgentName, action: str, parameters: dict[str, str] | None = None) -> Finished:
        """Order, wait for the result, acknowledge it."""
        self.order(agent, action, parameters)
        result = await self.expect(Finished)
        self.say(Acknowledge(result.call_id))
        return result

    async def expect(self, kind: type[T]) -> T:
        """The next message of this kind; others are passed over."""
        assert self._events is not None
        async with asyncio.timeout(LIMIT_S):
            async for message in self._events:
                if isinstance(message, kind):
                    return message
        raise AssertionError(f"the connection ended: {self.log()}")

    def log(self) -> str:
        """What the executor has logged."""
        return (self.path / "log" / "lrmd.log").read_text(encoding="utf-8")

    async def clean_up(self) -> None:
        """End the process, and whatever agents left in its run directory's notes."""
        if self._client is not None:
            self._client.close()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            await self.exit_code()
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)

    async def _serve(self, connection: unix.Connection) -> None:
        self._supervisor = connection
        while (payload := await connection.receive()) is not None:
            message = _decoder.decode(payload)
            self.heard.append(message)
            if isinstance(message, Attach):
                self.tell(ViewState(number=1, generation=1))
