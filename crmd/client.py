"""The client for people's tools: typed requests, one blocking method for each, and a stream of what changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from types import TracebackType
from typing import Literal, TypeVar

from cib.requests import Request
from crmd.client_errors import EX_NOT_CONNECTED, EX_PROTOCOL, EX_TIMEOUT, ClientError, NotConnected
from crmd.messages import (
    ApplyCib,
    AskClusterState,
    CibApplied,
    CibChanged,
    CibContent,
    CleanupResource,
    ClientReply,
    ClientRequest,
    ClusterState,
    ConfirmFenced,
    Divergence,
    Divergences,
    Done,
    Failed,
    Fence,
    FenceHistory,
    FenceRecord,
    FenceRecords,
    ListDivergences,
    Metadata,
    QueryCib,
    ReadMetadata,
    Subscribe,
    UpdateAttribute,
    WaitIdle,
)
from crmd.wire import MalformedClientMessage, decode_reply, encode
from ipc.blocking import BlockingConnection, DaemonUnreachable
from ipc.directories import NodeDirectories

__all__ = ["EX_NOT_CONNECTED", "AsyncClient", "Client", "ClientError", "NotConnected", "WatchEvent"]

WatchEvent = CibContent | CibChanged | ClusterState
"""What a watch yields: the whole document and the state first; afterwards a patch (or, after a change that is no
patch, the whole document) and the state whenever they change."""

DEFAULT_TIMEOUT_S = 60.0
_GRACE_S = 10.0
"""How much longer than a request's own limit its answer is waited for."""

ReplyType = TypeVar("ReplyType", CibContent, CibApplied, ClusterState, Done, FenceRecords, Divergences, Metadata)


class Client:
    """One connection to the controller of this node; a context manager.

    Every method raises ClientError: NotConnected (rc 102) when the controller does not run, rc 124 when it does not
    answer in time, otherwise what the controller said.
    """

    def __init__(
        self, directories: NodeDirectories, connection: BlockingConnection, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> None:
        self._directories = directories
        self._connection = connection
        self._timeout_s = timeout_s
        """How long an answer is waited for that has no limit of its own."""
        self._last = 0

    @classmethod
    def connect(cls, directories: NodeDirectories | None = None, timeout_s: float = DEFAULT_TIMEOUT_S) -> Client:
        """Connect to the node whose directories these are (None: those that the environment names)."""
        where = directories or NodeDirectories.from_environment()
        return cls(where, _open(where), timeout_s)

    def query(self, xpath: str = "", *, no_children: bool = False) -> bytes:
        """XML of the local replica: all of it, or what the XPath matches."""
        return self._ask(lambda n: QueryCib(n, xpath, no_children), CibContent).xml

    def apply(self, requests: Sequence[Request], *, force: bool = False) -> CibApplied:
        """Change the CIB, all requests or none; returns when the change is in force and kept."""
        return self._ask(lambda n: ApplyCib(n, tuple(requests), force), CibApplied)

    def state(self) -> ClusterState:
        """The state of this node's controller."""
        return self._ask(AskClusterState, ClusterState)

    def wait_idle(self, timeout_ms: int) -> ClusterState:
        """Return once the DC has nothing left to do; ClientError with rc 124 after `timeout_ms`."""
        return self._ask(lambda n: WaitIdle(n, timeout_ms), ClusterState, timeout_ms)

    def cleanup(
        self,
        resource: str = "",
        node: str = "",
        operation: str = "",
        interval_ms: int = -1,
        *,
        refresh: bool = False,
    ) -> Done:
        """Forget failures (with `refresh`: the whole history) and probe again; empty strings mean all."""
        return self._ask(lambda n: CleanupResource(n, resource, node, operation, interval_ms, refresh), Done)

    def update_attribute(
        self,
        name: str,
        value: str | None,
        *,
        node: str = "",
        lifetime: Literal["forever", "reboot"] = "forever",
        set_name: str = "",
    ) -> Done:
        """Set a node attribute, or delete it (None); `node` empty: this node."""
        return self._ask(lambda n: UpdateAttribute(n, node, name, value, lifetime, set_name), Done)

    def fence(self, target: str, action: Literal["off", "on", "reboot"] = "reboot", timeout_ms: int = 60_000) -> Done:
        """Fence a node now; returns when a device has confirmed it. `timeout_ms` is for each action on each device."""
        return self._ask(lambda n: Fence(n, target, action, timeout_ms), Done, timeout_ms * 5)

    def confirm_fenced(self, target: str) -> Done:
        """Tell the cluster that a node is down, on the operator's word."""
        return self._ask(lambda n: ConfirmFenced(n, target), Done)

    def fence_history(self, target: str = "") -> tuple[FenceRecord, ...]:
        """The cluster's fencing actions, newest first."""
        return self._ask(lambda n: FenceHistory(n, target), FenceRecords).records

    def divergences(self) -> tuple[Divergence, ...]:
        """Documents that were set aside when histories of the CIB parted."""
        return self._ask(ListDivergences, Divergences).kept

    def metadata(self, agent: str) -> bytes:
        """The XML that the agent prints for meta-data on this node."""
        return self._ask(lambda n: ReadMetadata(n, agent), Metadata).xml

    def watch(self) -> Iterator[WatchEvent]:
        """What changes, as it changes, over a connection of its own; ends with NotConnected when crmd goes away."""
        with _open(self._directories) as connection:
            _send(connection, Subscribe(1))
            while True:
                reply = _receive(connection, None)
                if isinstance(reply, CibContent | CibChanged | ClusterState):
                    yield reply

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, make: Callable[[int], ClientRequest], kind: type[ReplyType], limit_ms: int = 0) -> ReplyType:
        self._last += 1
        _send(self._connection, make(self._last))
        timeout_s = max(self._timeout_s, limit_ms / 1000 + _GRACE_S if limit_ms else 0)
        while True:
            reply = _receive(self._connection, timeout_s)
            if reply.id == self._last:
                return _expect(reply, kind)


class AsyncClient:
    """The watch of `Client` for programs with an event loop (live views)."""

    def __init__(self, directories: NodeDirectories | None = None) -> None:
        self._directories = directories or NodeDirectories.from_environment()

    async def watch(self) -> AsyncIterator[WatchEvent]:
        """As Client.watch. Raises NotConnected at the start or when the controller goes away."""
        from ipc import unix

        try:
            connection = await unix.connect(self._directories.crmd_socket)
        except OSError as error:
            path = self._directories.crmd_socket
            raise NotConnected(str(DaemonUnreachable(path, error.strerror or str(error)))) from error
        try:
            connection.send(encode(Subscribe(1)))
            while (payload := await connection.receive()) is not None:
                reply = decode_reply(payload)
                if isinstance(reply, CibContent | CibChanged | ClusterState):
                    yield reply
        finally:
            connection.close()
        raise NotConnected("the cluster on this node closed the connection; was it stopped?")


def _expect(reply: ClientReply, kind: type[ReplyType]) -> ReplyType:
    if isinstance(reply, Failed):
        raise ClientError(reply.rc, reply.text, reply.details)
    if not isinstance(reply, kind):
        raise ClientError(EX_PROTOCOL, f"the cluster answered with {type(reply).__name__}, expected {kind.__name__}")
    return reply


def _open(directories: NodeDirectories) -> BlockingConnection:
    try:
        return BlockingConnection(directories.crmd_socket, DEFAULT_TIMEOUT_S)
    except DaemonUnreachable as error:
        raise NotConnected(str(error)) from error


def _send(connection: BlockingConnection, request: ClientRequest) -> None:
    try:
        connection.send(encode(request))
    except DaemonUnreachable as error:
        raise NotConnected(str(error)) from error


def _receive(connection: BlockingConnection, timeout_s: float | None) -> ClientReply:
    connection.set_timeout(timeout_s)
    try:
        return decode_reply(connection.receive())
    except TimeoutError as error:
        raise ClientError(EX_TIMEOUT, f"the cluster did not answer within {timeout_s:g} s") from error
    except DaemonUnreachable as error:
        raise NotConnected(str(error)) from error
    except MalformedClientMessage as error:
        raise ClientError(EX_PROTOCOL, f"the cluster's answer can't be read: {error}") from error
