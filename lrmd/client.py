"""The client side of the lrmd socket, for asyncio programs. It holds no policy: no retry, no request numbers."""

from collections.abc import AsyncIterator

from ipc import unix
from ipc.directories import NodeDirectories
from lrmd.messages import ControllerToExecutor, ExecutorToController
from lrmd.wire import decode_from_executor, encode


class ExecutorClient:
    """One connection to the executor of this node.

    The controller sends `Hello("crmd")` first. Any other name is a tool, which may only ask for agents and their
    meta-data; it may leave out Hello.
    """

    def __init__(self, connection: unix.Connection) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, directories: NodeDirectories) -> "ExecutorClient":
        """Connect once. Raises OSError when lrmd does not run."""
        return cls(await unix.connect(directories.lrmd_socket))

    def send(self, message: ControllerToExecutor) -> None:
        """Queue one message; never waits. Lost without a sign when lrmd is gone: `events` ends then."""
        self._connection.send(encode(message))

    async def events(self) -> AsyncIterator[ExecutorToController]:
        """What lrmd says, in order, until the connection ends. Raises MalformedExecutorMessage."""
        while (payload := await self._connection.receive()) is not None:
            yield decode_from_executor(payload)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
