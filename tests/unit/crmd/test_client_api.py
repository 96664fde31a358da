"""Tools and the controller's socket: real clients against the real server, with a controller that is a few lines."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from cib.errors import NotFoundError
from cib.requests import Request
from crmd import thin_client
from crmd.client import AsyncClient, Client, ClientError, NotConnected, WatchEvent
from crmd.client_api import MAX_OUTSTANDING, ClientApi, program_of
from crmd.messages import (
    ApplyCib,
    CibApplied,
    CibChanged,
    CibContent,
    ClientRequest,
    ClusterState,
    Divergence,
    Done,
    Failed,
    UpdateAttribute,
    WaitIdle,
)
from crmd.thin_client import ThinClient
from crmd.wire import encode
from ipc.blocking import BlockingConnection
from ipc.directories import RUN_VARIABLE, NodeDirectories
from ipc.tiny_msgpack import packb, unpackb

T = TypeVar("T")
ROOT = Path(__file__).parents[3]
STATE = ClusterState(0, "n1", "n1", "S_IDLE", 3, ("n1", "n2"), True, "majority", True, (0, 5, 1), idle=True)
KEPT = Divergence("state/cib/set-aside-1.xml", (0, 4, 0), "abc", "another history was made with a later quorum", 7)


class Replica:
    """A CIB of one element."""

    def read(self, xpath: str, no_children: bool) -> bytes:
        if xpath == "//nothing":
            raise NotFoundError("nothing matches //nothing")
        if xpath == "//defect":
            raise ZeroDivisionError
        return b"<cib/>" if not xpath else b"<match/>"

    def version(self) -> tuple[int, int, int]:
        return (0, 5, 1)


class Node:
    """The server, and a controller that answers some requests at once and others never."""

    def __init__(self, directories: NodeDirectories) -> None:
        self.directories = directories
        self.asked: list[tuple[ClientRequest, str]] = []
        self.programs: set[str] = set()
        self.defects: list[Exception] = []
        self.api = ClientApi(Replica(), self._ask, self._kept, self.defects.append)

    def _ask(self, client: int, request: ClientRequest, user: str, program: str) -> None:
        self.programs.add(program)
        self.asked.append((request, user))
        match request:
            case ApplyCib(requests=requests) if requests[0].op == "erase":
                self.api.answer(client, Failed(request.id, 106, "no quorum", ("ask again later",)))
            case ApplyCib():
                self.api.answer(client, CibApplied(request.id, (0, 6, 0), 2, 2))
            case UpdateAttribute(name=name):
                self.api.answer(client, Done(request.id, name))
            case _:
                pass

    async def _kept(self) -> tuple[Divergence, ...]:
        return (KEPT,)

    def run(self, body: Callable[[], T]) -> T:
        """Serve while `body` runs in a thread."""

        async def both() -> T:
            async with await self.api.listen(self.directories.crmd_socket):
                return await asyncio.to_thread(body)

        return asyncio.run(both())


@pytest.fixture
def node(tmp_path: Path) -> Node:
    it = Node(NodeDirectories(tmp_path, tmp_path, tmp_path, tmp_path))
    it.api.state_changed(STATE)
    return it


def test_what_the_node_has_is_answered_without_the_controller(node: Node) -> None:
    def body() -> None:
        with Client.connect(node.directories) as client:
            assert client.query() == b"<cib/>"
            assert client.query("//match") == b"<match/>"
            assert client.state().dc == "n1"
            assert client.divergences() == (KEPT,)

    node.run(body)
    assert node.asked == []


def test_an_error_of_the_cib_reaches_the_tool_with_its_exit_code(node: Node) -> None:
    def body() -> None:
        with Client.connect(node.directories) as client, pytest.raises(ClientError, match="nothing matches") as caught:
            client.query("//nothing")
        assert caught.value.rc == 105

    node.run(body)


def test_changes_go_to_the_controller_and_come_back_with_the_version(node: Node) -> None:
    def body() -> None:
        with Client.connect(node.directories) as client:
            assert client.apply([Request("create", "resources", xml=b"<primitive/>")]).version == (0, 6, 0)
            with pytest.raises(ClientError) as caught:
                client.apply([Request("erase")], force=True)
            assert (caught.value.rc, caught.value.details) == (106, ("ask again later",))

    node.run(body)
    assert [user for _, user in node.asked] == ["", ""]
    assert node.programs == {program_of(Path("/proc/self/cmdline").read_text().split("\0"))}


def test_a_program_is_known_by_its_script() -> None:
    assert program_of(["/opt/x/bin/python3", "-I", "/opt/x/bin/crm", "status"]) == "crm"
    assert program_of(["python", "-m", "lab.demo"]) == "lab.demo"
    assert program_of(["/usr/bin/some-tool", "argument"]) == "some-tool"
    assert program_of([""]) == "tool"


def test_a_thin_client_says_the_same_as_a_typed_one(node: Node) -> None:
    def body() -> None:
        with ThinClient(str(node.directories.run)) as client:
            fields = {"node": "", "name": "master-db", "value": "100", "lifetime": "reboot"}
            assert client.ask("UpdateAttribute", **fields)["text"] == "master-db"
            with pytest.raises(ClientError, match="nothing matches"):
                client.ask("QueryCib", xpath="//nothing")

    node.run(body)
    assert node.asked == [(UpdateAttribute(1, "", "master-db", "100", "reboot"), "")]


def test_the_thin_client_loads_nothing_that_costs_time() -> None:
    code = "import sys; before = set(sys.modules); import crmd.thin_client; print(*(set(sys.modules) - before))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert sorted(loaded) == [
        "_socket",
        "_struct",
        "crmd",
        "crmd.client_errors",
        "crmd.thin_client",
        "ipc",
        "ipc.tiny_msgpack",
        "struct",
    ]


def test_the_thin_client_looks_for_the_socket_where_the_daemon_makes_it() -> None:
    assert thin_client.RUN_VARIABLE == RUN_VARIABLE
    assert NodeDirectories.from_environment({}).crmd_socket == Path(
        thin_client.DEFAULT_RUN_DIRECTORY, thin_client.SOCKET_NAME
    )


def test_a_watch_starts_with_everything_and_goes_on_with_changes(node: Node) -> None:
    loop_calls: list[Callable[[], None]] = [
        lambda: node.api.patched(lambda: b"<diff/>", (0, 5, 2)),
        lambda: node.api.replaced((0, 7, 0)),
    ]

    async def watch() -> list[WatchEvent]:
        seen: list[WatchEvent] = []
        async with await node.api.listen(node.directories.crmd_socket):
            async for event in AsyncClient(node.directories).watch():
                seen.append(event)
                if len(seen) >= 2 and loop_calls:
                    loop_calls.pop(0)()
                if len(seen) == 5:
                    break
        return seen

    assert asyncio.run(watch()) == [
        replace(STATE, id=1),
        CibContent(1, b"<cib/>"),
        CibChanged(1, b"<diff/>", (0, 5, 2)),
        CibChanged(1, b"", (0, 7, 0)),
        CibContent(1, b"<cib/>"),
    ]


def test_a_blocking_watch_ends_with_an_error_when_the_controller_goes(node: Node) -> None:
    watched: Iterator[WatchEvent] | None = None

    def body() -> Iterator[WatchEvent]:
        it = Client.connect(node.directories).watch()
        assert isinstance(next(it), ClusterState)
        assert isinstance(next(it), CibContent)
        return it

    watched = node.run(body)
    with pytest.raises(NotConnected):
        next(watched)


def test_a_daemon_that_ends_while_tools_are_connected_finds_no_defect_in_that(node: Node) -> None:
    errors: list[dict[str, object]] = []

    async def live() -> Client:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
        server = await node.api.listen(node.directories.crmd_socket)
        client = await asyncio.to_thread(Client.connect, node.directories)
        await asyncio.to_thread(client.state)
        server.close()
        return client

    with asyncio.run(live()):
        assert errors == []


def test_without_a_controller_the_tool_says_what_to_do_and_ends_with_102(tmp_path: Path) -> None:
    nowhere = NodeDirectories(tmp_path, tmp_path, tmp_path, tmp_path)
    with pytest.raises(NotConnected, match="is it started") as caught:
        Client.connect(nowhere)
    assert caught.value.rc == 102
    with pytest.raises(NotConnected):
        ThinClient(str(tmp_path))


def test_before_the_controller_knows_its_state_it_says_so(tmp_path: Path) -> None:
    starting = Node(NodeDirectories(tmp_path, tmp_path, tmp_path, tmp_path))

    def body() -> None:
        with Client.connect(starting.directories) as client, pytest.raises(ClientError, match="is starting"):
            client.state()

    starting.run(body)


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        (b"", 0),
        (b"\xc1", 0),
        (packb({"type": "Nonsense", "id": 7}), 7),
        (packb({"type": "QueryCib"}), 0),
        (packb({"type": "QueryCib", "id": "x"}), 0),
        (packb({"type": "ApplyCib", "id": 9, "requests": [{"type": "Request", "op": "destroy"}]}), 9),
        (packb([1, 2, 3]), 0),
    ],
)
def test_a_frame_that_is_no_request_is_refused_and_the_connection_goes_on(
    node: Node, frame: bytes, number: int
) -> None:
    def body() -> None:
        with closing(BlockingConnection(node.directories.crmd_socket, 5)) as connection:
            connection.send(frame)
            reply = unpackb(connection.receive())
            assert isinstance(reply, dict)
            assert (reply["type"], reply["rc"], reply["id"]) == ("Failed", 76, number)
            connection.send(packb({"type": "QueryCib", "id": 1}))
            assert unpackb(connection.receive()) == {"type": "CibContent", "id": 1, "xml": b"<cib/>"}

    node.run(body)


def test_one_connection_may_not_pile_up_requests_without_end(node: Node) -> None:
    def body() -> None:
        with closing(BlockingConnection(node.directories.crmd_socket, 5)) as connection:
            for number in range(MAX_OUTSTANDING + 1):
                connection.send(encode(WaitIdle(number + 1, 1000)))
            reply = unpackb(connection.receive())
            assert isinstance(reply, dict)
            assert (reply["type"], reply["id"]) == ("Failed", MAX_OUTSTANDING + 1)

    node.run(body)
    assert len(node.asked) == MAX_OUTSTANDING


def test_a_defect_ends_the_connection_that_caused_it_and_no_other(node: Node) -> None:
    def body() -> None:
        with Client.connect(node.directories) as other, Client.connect(node.directories) as client:
            with pytest.raises(NotConnected, match="closed the connection"):
                client.query("//defect")
            assert other.query() == b"<cib/>"

    node.run(body)
    assert [type(error) for error in node.defects] == [ZeroDivisionError]
