"""The server side of the client API: connections, what they subscribed to, and who gets which answer.

What can be answered from what this node has (its replica, the controller's last state, documents that were set aside)
is answered here; all else goes to the controller and comes back as an Answer.
"""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, assert_never

from msgspec.structs import replace

from cib.errors import CibError
from crmd.messages import (
    ApplyCib,
    AskClusterState,
    CibChanged,
    CibContent,
    CleanupResource,
    ClientReply,
    ClientRequest,
    ClusterState,
    ConfirmFenced,
    Divergence,
    Divergences,
    Failed,
    Fence,
    FenceHistory,
    ListDivergences,
    QueryCib,
    ReadMetadata,
    Subscribe,
    UpdateAttribute,
    WaitIdle,
)
from crmd.wire import MalformedClientMessage, decode_request, encode
from ipc import unix

MAX_CONNECTIONS = 512
UNKNOWN_PROGRAM = "tool"
MAX_OUTSTANDING = 64
"""Requests of one connection that wait for the controller at the same time."""
EX_PROTOCOL = 76
EX_UNSATISFIED = 75
EX_NOT_CONNECTED = 102
CLUSTER_USER = "hacluster"
"""The user of the cluster's own daemons and consoles; access lists do not hold for it, as in Pacemaker."""


class Replica(Protocol):
    """What this node has of the CIB."""

    def read(self, xpath: str, no_children: bool) -> bytes:
        """XML of the document, or of what the XPath matches. Raises CibError."""

    def version(self) -> tuple[int, int, int]:
        """Version of the document."""


@dataclass(slots=True, eq=False)
class _Client:
    number: int
    connection: unix.Connection
    user: str
    program: str
    subscriptions: list[int] = field(default_factory=list)
    outstanding: set[int] = field(default_factory=set)

    def send(self, reply: ClientReply) -> None:
        self.connection.send(encode(reply))


class ClientApi:
    """All connections of tools.

    `ask` hands a request to the controller, with the user and the program that it is from; `divergences` reads what
    was set aside, `defect` is told of an exception that a request caused and that should not be; its connection is
    ended.
    """

    def __init__(
        self,
        replica: Replica,
        ask: Callable[[int, ClientRequest, str, str], None],
        divergences: Callable[[], Awaitable[tuple[Divergence, ...]]],
        defect: Callable[[Exception], None],
    ) -> None:
        self._defect = defect
        self._replica = replica
        self._ask = ask
        self._divergences = divergences
        self._clients: dict[int, _Client] = {}
        self._last_number = 0
        self._state: ClusterState | None = None

    async def listen(self, path: Path) -> asyncio.Server:
        """Take connections on `path` from now on, until the server is closed."""
        return await unix.serve(path, self._connected)

    def answer(self, client: int, reply: ClientReply) -> None:
        """Send the controller's answer; dropped when the client is gone."""
        it = self._clients.get(client)
        if it is not None:
            it.outstanding.discard(reply.id)
            it.send(reply)

    def state_changed(self, state: ClusterState) -> None:
        """The controller's state is another now; subscribers are told."""
        self._state = state
        for client, number in self._subscriptions():
            client.send(replace(state, id=number))

    def patched(self, patch: Callable[[], bytes], version: tuple[int, int, int]) -> None:
        """The replica took a patch; it is made into XML only when somebody listens."""
        listening = self._subscriptions()
        if listening:
            xml = patch()
            for client, number in listening:
                client.send(CibChanged(number, xml, version))

    def replaced(self, version: tuple[int, int, int]) -> None:
        """The replica has another document: subscribers get it whole."""
        listening = self._subscriptions()
        if listening:
            xml = self._replica.read("", no_children=False)
            for client, number in listening:
                client.send(CibChanged(number, b"", version))
                client.send(CibContent(number, xml))

    def _subscriptions(self) -> list[tuple[_Client, int]]:
        return [(client, number) for client in self._clients.values() for number in client.subscriptions]

    async def _connected(self, connection: unix.Connection) -> None:
        if len(self._clients) >= MAX_CONNECTIONS:
            connection.send(encode(Failed(0, EX_UNSATISFIED, f"{MAX_CONNECTIONS} clients are connected already")))
            return
        self._last_number += 1
        user, program = _access_user(connection.peer.uid), _program(connection.peer.pid)
        client = _Client(self._last_number, connection, user, program)
        self._clients[client.number] = client
        try:
            while (payload := await connection.receive()) is not None:
                await self._received(client, payload)
                await connection.drain()
        except Exception as error:
            # One tool's request must not end the node's controller: three such deaths would get the node fenced.
            self._defect(error)
        finally:
            del self._clients[client.number]

    async def _received(self, client: _Client, payload: bytes) -> None:
        try:
            request = decode_request(payload)
        except MalformedClientMessage as error:
            client.send(Failed(error.id, EX_PROTOCOL, f"the request is not understood: {error}"))
            return
        try:
            await self._take(client, request)
        except CibError as error:
            client.send(Failed(request.id, error.rc, error.text, error.details))

    async def _take(self, client: _Client, request: ClientRequest) -> None:
        match request:
            case QueryCib():
                client.send(CibContent(request.id, self._replica.read(request.xpath, request.no_children)))
            case AskClusterState():
                client.send(self._state_for(request.id))
            case Subscribe():
                client.send(self._state_for(request.id))
                client.send(CibContent(request.id, self._replica.read("", no_children=False)))
                client.subscriptions.append(request.id)
            case ListDivergences():
                client.send(Divergences(request.id, await self._divergences()))
            case (
                ApplyCib()
                | CleanupResource()
                | ConfirmFenced()
                | Fence()
                | FenceHistory()
                | ReadMetadata()
                | UpdateAttribute()
                | WaitIdle()
            ):
                self._hand_over(client, request)
            case _:
                assert_never(request)

    def _hand_over(self, client: _Client, request: ClientRequest) -> None:
        if len(client.outstanding) >= MAX_OUTSTANDING or request.id in client.outstanding:
            text = f"this connection has {len(client.outstanding)} requests without an answer; wait for them first"
            client.send(Failed(request.id, EX_UNSATISFIED, text))
            return
        client.outstanding.add(request.id)
        self._ask(client.number, request, client.user, client.program)

    def _state_for(self, number: int) -> ClusterState | Failed:
        if self._state is None:
            return Failed(number, EX_NOT_CONNECTED, "the controller of this node is starting; try again")
        return replace(self._state, id=number)


def _program(pid: int) -> str:
    """The name of the program at the other end, for the record of who changed the CIB last."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return UNKNOWN_PROGRAM
    return program_of(words)


def program_of(words: list[str]) -> str:
    """The program that a command line names: the script, where it is that of an interpreter."""
    names = [Path(word).name for word in words if word and not word.startswith("-")]
    if len(names) > 1 and names[0].startswith("python"):
        return names[1]
    return names[0] if names else UNKNOWN_PROGRAM


def _access_user(uid: int) -> str:
    """Whose access lists hold for a connection: nobody's (empty) for root and the cluster's own user."""
    if uid in (0, os.geteuid()):
        return ""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"
    return "" if name == CLUSTER_USER else name
