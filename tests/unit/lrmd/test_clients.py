"""Who counts as the controller on the executor's socket."""

import asyncio
from typing import cast

from ipc.unix import Connection
from lrmd.clients import Clients
from lrmd.messages import AgentName, ControllerToExecutor, ExecutorToController, Hello, RunOnce
from lrmd.wire import encode


class FakeConnection:
    """Says what it was given, then ends."""

    def __init__(self, *messages: ControllerToExecutor) -> None:
        self._payloads = [encode(cast(ExecutorToController, message)) for message in messages]

    async def receive(self) -> bytes | None:
        return self._payloads.pop(0) if self._payloads else None

    def close(self) -> None: ...


def test_a_controller_that_greets_again_is_the_same_controller() -> None:
    happened: list[str] = []

    def on_controller(*, connected: bool) -> None:
        happened.append("connected" if connected else "gone")

    clients = Clients(lambda message: happened.append(type(message).__name__), on_controller)
    fence = RunOnce(1, AgentName("stonith", "", "fence_x"), "metadata", 1000)
    asyncio.run(clients.serve(cast(Connection, FakeConnection(Hello("crmd"), fence, Hello("crmd")))))

    assert happened == ["connected", "Hello", "RunOnce", "Hello", "gone"]
