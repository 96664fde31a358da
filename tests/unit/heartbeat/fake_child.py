"""Stands in for lrmd and crmd in tests of the daemon: attaches, answers, and writes down what it is told."""

import asyncio
import fcntl
import os
import sys
from typing import TextIO

import msgspec

from heartbeat.client import HeartbeatClient
from heartbeat.messages import Delivered, StopReady, StopRequested, Transmit, ViewInstalled
from ipc import unix
from ipc.directories import NodeDirectories
from ipc.supervision import Attach, ExecutorState, StopEverything, SupervisorToChild

LARGE = 3_000_000
TICK_VARIABLE = "PACEKEEPER_TEST_TICK_MS"
"""Set: the controller sends numbered messages at this interval, and writes down where the peers' numbers have holes."""


async def be_executor(directories: NodeDirectories) -> None:
    """An lrmd without any resource."""
    connection = await unix.connect(directories.heartbeat_socket)
    connection.send(msgspec.msgpack.encode(Attach("lrmd", os.getpid())))
    connection.send(msgspec.msgpack.encode(ExecutorState(empty=True, settled=True)))
    while (frame := await connection.receive()) is not None:
        if isinstance(msgspec.msgpack.decode(frame, type=SupervisorToChild), StopEverything):
            return


class Controller:
    """A crmd that greets every new view with a small and a large message, or counts."""

    def __init__(self, client: HeartbeatClient, told: TextIO) -> None:
        self.client = client
        self.told = told
        self.view = 0
        self.sent = 0
        self.last: dict[tuple[str, int], int] = {}

    def write(self, line: str) -> None:
        self.told.write(line + "\n")
        self.told.flush()

    async def listen(self) -> None:
        """Until heartbeat is gone."""
        async for message in self.client.events():
            match message:
                case Delivered(sender, view, payload) if payload.startswith(b"number "):
                    number = int(payload.split()[1])
                    last = self.last.get((sender.name, view), 0)
                    self.last[sender.name, view] = number
                    if number != last + 1:
                        self.write(f"hole in what {sender.name} sent: {last} {number}")
                    elif number % 50 == 0:
                        self.write(f"counted {sender.name} {number}")
                case Delivered(sender, view, payload):
                    self.write(f"delivered {sender.name} {view} {len(payload)}")
                case ViewInstalled(view):
                    self.write(repr(message))
                    self.view, self.sent = view.number, 0
                    if len(view.members) > 1 and TICK_VARIABLE not in os.environ:
                        self.client.send(Transmit((), view.number, b"hello"))
                        self.client.send(Transmit((), view.number, bytes(LARGE)))
                case StopRequested():
                    self.client.send(StopReady())
                case _:
                    self.write(repr(message))

    async def count(self) -> None:
        """Send numbered messages."""
        while TICK_VARIABLE in os.environ:
            await asyncio.sleep(int(os.environ[TICK_VARIABLE]) / 1000)
            if self.view:
                self.sent += 1
                self.client.send(Transmit((), self.view, b"number %d " % self.sent + bytes(self.sent % 3 * 30_000)))


async def be_controller(directories: NodeDirectories) -> None:
    """A crmd without any opinion."""
    client = await HeartbeatClient.connect(directories)
    with (directories.run / "told").open("a", encoding="utf-8") as told:
        controller = Controller(client, told)
        counting = asyncio.create_task(controller.count())
        await controller.listen()
        counting.cancel()


def main() -> None:
    """`fake_child.py lrmd|crmd`, with the directories in the environment."""
    directories = NodeDirectories.from_environment()
    process = sys.argv[1]
    lock = os.open(directories.run / f"{process}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    asyncio.run(be_executor(directories) if process == "lrmd" else be_controller(directories))


if __name__ == "__main__":
    main()
