"""What a fencer is told (events) and what it asks for (effects)."""

import msgspec

from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import WallSeconds
from stonith.device import Device, FenceAction, Level
from stonith.messages import FenceRecord, FencerMessage


class DevicesChanged(msgspec.Struct, frozen=True, tag=True):
    """Event: the devices and levels of the CIB now are these, in the document's order."""

    devices: tuple[Device, ...]
    levels: tuple[Level, ...] = ()
    concurrent: bool = True
    """concurrent-fencing: whether several targets may be fenced at the same time."""


class MembersChanged(msgspec.Struct, frozen=True, tag=True):
    """Event: the members of the view, ourselves included."""

    members: tuple[str, ...]


class FenceRequested(msgspec.Struct, frozen=True, tag=True):
    """Event: make `target` be off, on, or restarted. Answered with exactly one FencingDone of this id."""

    id: int
    target: str
    action: FenceAction
    timeout_ms: int
    """For each action on each device, where the device has no timeout of its own."""
    client: str
    wall: WallSeconds
    delay_ms: int = 0
    """Beyond the devices' own delays (priority-fencing-delay)."""


class AgentRan(msgspec.Struct, frozen=True, tag=True):
    """Event: a RunAgent ended. `exit_code` is the agent's; None when it did not end by itself (timeout, no such
    agent, the executor died)."""

    run: int
    exit_code: int | None
    output: str
    errors: str
    wall: WallSeconds


class ExecutorLost(msgspec.Struct, frozen=True, tag=True):
    """Event: the local executor died; what became of the agents that it ran for us will never be known."""


class FenceConfirmed(msgspec.Struct, frozen=True, tag=True):
    """Event: a person says that `target` is down. Answered with FencingDone of this id."""

    id: int
    target: str
    client: str
    wall: WallSeconds


class PeerSaid(msgspec.Struct, frozen=True, tag=True):
    """Event: another member's fencer sent a message."""

    sender: str
    message: FencerMessage


FencerEvent = (
    DevicesChanged | MembersChanged | FenceRequested | AgentRan | ExecutorLost | FenceConfirmed | PeerSaid | TimerFired
)


class RunAgent(msgspec.Struct, frozen=True, tag=True):
    """Effect: run a fence agent once; answered with AgentRan of the same `run`.

    `action` is what the agent is told; `parameters` are complete except for it.
    """

    run: int
    device: str
    agent: str
    action: str
    parameters: dict[str, str]
    timeout_ms: int


class KillAgent(msgspec.Struct, frozen=True, tag=True):
    """Effect: give up on a RunAgent; its answer is not waited for any more."""

    run: int


class FencingDone(msgspec.Struct, frozen=True, tag=True):
    """Effect: the outcome of a request. `ok` only when a device's agent said so, or a person did."""

    id: int
    target: str
    action: FenceAction
    ok: bool
    device: str
    executed_by: str
    reason: str


class SendFencer(msgspec.Struct, frozen=True, tag=True):
    """Effect: send to these members; empty: to every other one."""

    to: tuple[str, ...]
    message: FencerMessage


class RecordChanged(msgspec.Struct, frozen=True, tag=True):
    """Effect: the history changed here, by our own doing or by another node's word."""

    record: FenceRecord


FencerEffect = RunAgent | KillAgent | FencingDone | SendFencer | RecordChanged | SetTimer | CancelTimer | Note
