"""What tools ask of the controller: answered here, written through the replica, or passed on to the DC.

Each request is answered exactly once. What only the DC can do (clean up, fence, wait until idle) goes there and comes
back; when the DC changes meanwhile, a request that may be repeated is sent to the next one, and a fencing, which may
not, is answered with the truth that its outcome is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cib.replica_messages import Outcome
from cib.requests import Request as CibRequest
from crmd.cib_view import CibView
from crmd.messages import (
    ApplyCib,
    CibApplied,
    CleanupResource,
    ClientReply,
    ClientRequest,
    ClusterState,
    ConfirmFenced,
    Done,
    Failed,
    Fence,
    FenceHistory,
    FenceRecords,
    Metadata,
    ReadMetadata,
    UpdateAttribute,
    WaitIdle,
)
from crmd.peer_messages import Forward, ForwardAnswer
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.messages import AgentName, OperationStatus, Ran, RunOnce

ETIME = 124
UNAVAILABLE = 105
PROTOCOL = 76
WAIT_TIMER = "clients.wait."
METADATA_TIMEOUT_MS = 30_000
NUMBER_BITS = 20
"""Room for the requests of one incarnation, which is a time in milliseconds: a million in the first one."""
OPEN_MAX = 10_000
"""Requests that may be open at the same time; one beyond is refused."""


class Reply(msgspec.Struct, frozen=True, tag=True):
    """Effect: answer a tool of this node."""

    client: int
    reply: ClientReply


class WriteForTool(msgspec.Struct, frozen=True, tag=True):
    """Effect: write the CIB for request `number`."""

    number: int
    requests: tuple[CibRequest, ...]
    user: str
    program: str
    force: bool


class PassOn(msgspec.Struct, frozen=True, tag=True):
    """Effect: give this to the DC, which may be this node; if there is none, it waits."""

    message: Forward


class RunMetadata(msgspec.Struct, frozen=True, tag=True):
    """Effect: run an agent's meta-data action for request `number`."""

    number: int
    run: RunOnce


ClientEffect = Reply | WriteForTool | PassOn | RunMetadata | SetTimer | CancelTimer


@dataclass(slots=True)
class _Open:
    client: int
    request: ClientRequest
    user: str
    program: str


class Clients:
    """Open requests of this node's tools."""

    def __init__(self, me: str, cib: CibView, incarnation: int) -> None:
        """`incarnation` tells this controller from those before it on this node.

        The numbers of requests begin with it: the DC may still answer what an earlier one passed on to it.
        """
        self._me = me
        self._cib = cib
        self._open: dict[int, _Open] = {}
        self._last = incarnation << NUMBER_BITS
        self._metadata: dict[int, int] = {}

    def asked(
        self, client: int, request: ClientRequest, user: str, program: str, now: Milliseconds
    ) -> list[ClientEffect]:
        """A tool asks."""
        if len(self._open) >= OPEN_MAX:
            return [Reply(client, Failed(request.id, ETIME, "too many requests are open, try again later"))]
        self._last += 1
        number = self._last
        self._open[number] = _Open(client, request, user, program)
        match request:
            case ApplyCib():
                return [WriteForTool(number, request.requests, user, program, request.force)]
            case UpdateAttribute():
                return self._update_attribute(number, request, user, program)
            case CleanupResource() | Fence() | ConfirmFenced():
                return [PassOn(Forward(number, request, user))]
            case WaitIdle():
                at = Milliseconds(now + request.timeout_ms)
                return [SetTimer(f"{WAIT_TIMER}{number}", at), PassOn(Forward(number, request, user))]
            case ReadMetadata():
                return self._read_metadata(number, request)
            case _:
                return self._close(number, Failed(request.id, PROTOCOL, "this request is answered elsewhere"))

    def fence_history(self, client: int, request: FenceHistory, records: FenceRecords) -> list[ClientEffect]:
        """FenceHistory is answered from what this node knows."""
        return [Reply(client, msgspec.structs.replace(records, id=request.id))]

    def _update_attribute(self, number: int, request: UpdateAttribute, user: str, program: str) -> list[ClientEffect]:
        node = request.node or self._me
        requests = self._cib.set_attribute(
            node, request.name, request.value, permanent=request.lifetime == "forever", set_name=request.set_name
        )
        if not requests:
            return self._close(number, Done(request.id))
        return [WriteForTool(number, tuple(requests), user, program, False)]

    def _read_metadata(self, number: int, request: ReadMetadata) -> list[ClientEffect]:
        parts = request.agent.split(":")
        if len(parts) == 2:
            parts.insert(1, "")
        if len(parts) != 3 or not all((parts[0], parts[2])):
            text = f"'{request.agent}' is no agent: expected class:type or class:provider:type"
            return self._close(number, Failed(request.id, 70, text))
        run = RunOnce(0, AgentName(parts[0], parts[1], parts[2]), "meta-data", METADATA_TIMEOUT_MS)
        return [RunMetadata(number, run)]

    def metadata_runs(self, request: int, number: int) -> None:
        """The run for request `number` has this number at lrmd."""
        self._metadata[request] = number

    def ran(self, answer: Ran) -> list[ClientEffect]:
        """An agent's meta-data is here."""
        number = self._metadata.pop(answer.request, None)
        entry = self._open.get(number) if number is not None else None
        if number is None or entry is None:
            return []
        if answer.exit_code == 0 and answer.status is OperationStatus.DONE:
            return self._close(number, Metadata(entry.request.id, answer.output.encode()))
        text = f"the agent has no meta-data (exit code {answer.exit_code})"
        return self._close(number, Failed(entry.request.id, UNAVAILABLE, text, (answer.errors,)))

    def executor_gone(self) -> list[ClientEffect]:
        """lrmd died: what it was running for tools will not be answered."""
        effects: list[ClientEffect] = []
        for number in list(self._metadata.values()):
            entry = self._open[number]
            effects += self._close(number, Failed(entry.request.id, UNAVAILABLE, "the executor died"))
        self._metadata.clear()
        return effects

    def written(self, number: int, outcome: Outcome) -> list[ClientEffect]:
        """The replica carried a tool's write out, or refused it."""
        entry = self._open.get(number)
        if entry is None:
            return []
        if outcome.rc:
            return self._close(number, Failed(entry.request.id, outcome.rc, outcome.text, outcome.details))
        if isinstance(entry.request, ApplyCib):
            version = (outcome.version.admin_epoch, outcome.version.epoch, outcome.version.num_updates)
            reply = CibApplied(entry.request.id, version, outcome.kept_on, outcome.members, outcome.results)
            return self._close(number, reply)
        return self._close(number, Done(entry.request.id))

    def answered(self, answer: ForwardAnswer) -> list[ClientEffect]:
        """The DC answered."""
        entry = self._open.get(answer.number)
        if entry is None:
            return []
        reply = answer.reply
        return self._close(answer.number, msgspec.structs.replace(reply, id=entry.request.id))

    def new_dc(self) -> list[ClientEffect]:
        """Another DC, or another term of the same: what the last one did not answer goes to it."""
        effects: list[ClientEffect] = []
        for number, entry in list(self._open.items()):
            match entry.request:
                case Fence():
                    text = "the DC changed; whether the node was fenced is in the fencing history"
                    effects += self._close(number, Failed(entry.request.id, UNAVAILABLE, text))
                case CleanupResource() | ConfirmFenced() | WaitIdle():
                    effects.append(PassOn(Forward(number, entry.request, entry.user)))
        return effects

    def expired(self, name: str) -> list[ClientEffect]:
        """A tool waited long enough."""
        number = int(name.removeprefix(WAIT_TIMER))
        entry = self._open.get(number)
        if entry is None:
            return []
        return self._close(number, Failed(entry.request.id, ETIME, "the cluster was not idle in time"))

    def _close(self, number: int, reply: ClientReply) -> list[ClientEffect]:
        entry = self._open.pop(number)
        effects: list[ClientEffect] = [Reply(entry.client, reply)]
        if isinstance(entry.request, WaitIdle):
            effects.append(CancelTimer(f"{WAIT_TIMER}{number}"))
        return effects


__all__ = ["ClientEffect", "Clients", "ClusterState"]
