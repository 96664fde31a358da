"""Who is connected to the executor's socket: one controller, and tools that only ask."""

import itertools
from collections.abc import Callable
from typing import Protocol

import msgspec

from ipc.unix import Connection
from lrmd.messages import Agents, ControllerToExecutor, ExecutorToController, Hello, ListAgents, Ran, Refused, RunOnce
from lrmd.wire import MalformedExecutorMessage, decode_from_controller, encode

CONTROLLER = "crmd"
_TOOL_ACTIONS = frozenset({"meta-data", "validate-all"})
_FIRST_TOOL_REQUEST = 1 << 48
"""Tools' requests get numbers from here on, so that they never meet those of the controller."""


class ControllerChanged(Protocol):
    """Called when a controller attached or left."""

    def __call__(self, *, connected: bool) -> None: ...


class Clients:
    """Routes messages: the newest connection that says Hello("crmd") is the controller, everything else is a tool."""

    def __init__(self, on_message: Callable[[ControllerToExecutor], None], on_controller: ControllerChanged) -> None:
        self._on_message = on_message
        self._on_controller = on_controller
        self._controller: Connection | None = None
        self._numbers = itertools.count(_FIRST_TOOL_REQUEST)
        self._tools: dict[int, tuple[Connection, int]] = {}
        """Our number to the tool and its own number."""

    async def serve(self, connection: Connection) -> None:
        """Serve one connection until it ends."""
        try:
            while (payload := await connection.receive()) is not None:
                try:
                    message = decode_from_controller(payload)
                except MalformedExecutorMessage:
                    break  # whoever it is does not speak this protocol; nothing was changed
                self._said(connection, message)
        finally:
            self._gone(connection)

    def report(self, message: ExecutorToController) -> None:
        """Send to whoever asked."""
        if isinstance(message, Ran | Agents) and message.request >= _FIRST_TOOL_REQUEST:
            tool, request = self._tools.pop(message.request, (None, 0))
            if tool is not None:
                tool.send(encode(msgspec.structs.replace(message, request=request)))
        elif self._controller is not None:
            self._controller.send(encode(message))

    def _said(self, connection: Connection, message: ControllerToExecutor) -> None:
        if isinstance(message, Hello) and message.client == CONTROLLER:
            old, self._controller = self._controller, connection
            if old is not connection:
                if old is not None:
                    old.close()
                self._on_controller(connected=True)
            # A controller may greet again to get the table; what it has running goes on.
            self._on_message(message)
        elif connection is self._controller:
            self._on_message(message)
        elif isinstance(message, ListAgents) or (isinstance(message, RunOnce) and message.action in _TOOL_ACTIONS):
            number = next(self._numbers)
            self._tools[number] = (connection, message.request)
            self._on_message(msgspec.structs.replace(message, request=number))
        elif not isinstance(message, Hello):
            request = getattr(message, "request", 0)
            connection.send(encode(Refused(request, "only the controller may order; tools may ask for meta-data")))

    def _gone(self, connection: Connection) -> None:
        self._tools = {number: entry for number, entry in self._tools.items() if entry[0] is not connection}
        if connection is self._controller:
            self._controller = None
            self._on_controller(connected=False)
