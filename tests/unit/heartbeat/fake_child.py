"""Stands in for lrmd and crmd in tests of the daemon: attaches, answers, and writes down what it is told."""

import asyncio
import fcntl
import os
import sys

import msgspec

from heartbeat.client import HeartbeatClient
from heartbeat.messages import Delivered, StopReady, StopRequested, Transmit, ViewInstalled
from ipc import unix
from ipc.directories import NodeDirectories
from ipc.supervision import Attach, ExecutorState, StopEverything, SupervisorToChild

LARGE = 3_000_000


async def be_executor(directories: NodeDirectories) -> None:
    """An lrmd without any resource."""
    connection = await unix.connect(directories.heartbeat_socket)
    connection.send(msgspec.msgpack.encode(Attach("lrmd", os.getpid())))
    connection.send(msgspec.msgpack.encode(ExecutorState(empty=True, settled=True)))
    while (frame := await connection.receive()) is not None:
        if isinstance(msgspec.msgpack.decode(frame, type=SupervisorToChild), StopEverything):
            return


async def be_controller(directories: NodeDirectories) -> None:
    """A crmd that greets every new view with a small and a large message."""
    client = await HeartbeatClient.connect(directories)
    with (directories.run / "told").open("a", encoding="utf-8") as told:
        async for message in client.events():
            if isinstance(message, Delivered):
                line = f"delivered {message.sender.name} {message.view} {len(message.payload)}"
            else:
                line = repr(message)
            told.write(line + "\n")
            told.flush()
            if isinstance(message, ViewInstalled) and len(message.view.members) > 1:
                client.send(Transmit((), message.view.number, b"hello"))
                client.send(Transmit((), message.view.number, bytes(LARGE)))
            elif isinstance(message, StopRequested):
                client.send(StopReady())


def main() -> None:
    """`fake_child.py lrmd|crmd`, with the directories in the environment."""
    directories = NodeDirectories.from_environment()
    process = sys.argv[1]
    lock = os.open(directories.run / f"{process}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    asyncio.run(be_executor(directories) if process == "lrmd" else be_controller(directories))


if __name__ == "__main__":
    main()
