"""What the controller is told (events) and what it asks its shell for (effects).

The shell performs the effects of one `handle` in order. `CibPatched` and `CibReplaced` come before a `Schedule` that
builds on them, `ToStore` before the messages that say that something is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from crmd.messages import ClientReply, ClientRequest, ClusterState
from heartbeat.messages import ControllerToHeartbeat, HeartbeatToController
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds
from lrmd.messages import ControllerToExecutor, ExecutorToController

if TYPE_CHECKING:
    from cib.apart import ApartResult, ApartWork
    from cib.patchset import Patch
    from cib.replica import StoreEffect, StoreEvent
    from pengine.graph import Graph


# events


class FromHeartbeat(msgspec.Struct, frozen=True, tag=True):
    """A message on the heartbeat socket. The first one after each connection is Welcome."""

    message: HeartbeatToController


class HeartbeatGone(msgspec.Struct, frozen=True, tag=True):
    """The heartbeat socket ended: the messaging layer of this node died."""


class ExecutorConnected(msgspec.Struct, frozen=True, tag=True):
    """The lrmd socket is open (again); the controller greets it with Hello."""


class FromExecutor(msgspec.Struct, frozen=True, tag=True):
    """A message on the lrmd socket."""

    message: ExecutorToController


class ExecutorGone(msgspec.Struct, frozen=True, tag=True):
    """The lrmd socket ended; what is in flight there is unknown until a new lrmd answers Hello."""


class Scheduled(msgspec.Struct, frozen=True, tag=True):
    """The policy engine answered a Schedule."""

    request: int
    graph: Graph
    notes: tuple[str, ...] = ()
    """Sentences for people: what cannot be done and why."""
    deeds: tuple[str, ...] = ()
    """Sentences for people that hold until the graph is carried out: what it does and why."""


class ScheduleFailed(msgspec.Struct, frozen=True, tag=True):
    """The policy engine's worker died or could not use the document; the controller tries again later."""

    request: int
    reason: str


class ClientAsked(msgspec.Struct, frozen=True, tag=True):
    """A tool's request, other than those the shell answers from what it has (QueryCib, Subscribe,
    AskClusterState, ListDivergences). Answered with one Answer to the same client and request id."""

    client: int
    """The shell's number of the connection."""
    request: ClientRequest
    user: str = ""
    """Whose access lists hold; empty for root and the cluster's own user."""
    program: str = "tool"
    """What asks, as the record of the last change names it."""


class FromStore(msgspec.Struct, frozen=True, tag=True):
    """The store finished (or failed at) what a ToStore asked for."""

    event: StoreEvent


class WorkedApart(msgspec.Struct, frozen=True, tag=True):
    """What a WorkApart asked for is done."""

    result: ApartResult


class WallClock(msgspec.Struct, frozen=True, tag=True):
    """Wall clock minus monotonic clock. Sent before anything else, and again when it changed by 500 ms or more."""

    offset_ms: int


class Paused(msgspec.Struct, frozen=True, tag=True):
    """This process did not run for longer than deadtime; sent before anything that came in meanwhile."""

    duration_ms: int


Event = (
    FromHeartbeat
    | HeartbeatGone
    | ExecutorConnected
    | FromExecutor
    | ExecutorGone
    | Scheduled
    | ScheduleFailed
    | ClientAsked
    | FromStore
    | WorkedApart
    | WallClock
    | Paused
    | TimerFired
)


# effects


class ToHeartbeat(msgspec.Struct, frozen=True, tag=True):
    """Send on the heartbeat socket (drop it when there is none)."""

    message: ControllerToHeartbeat


class ToExecutor(msgspec.Struct, frozen=True, tag=True):
    """Send on the lrmd socket (drop it when there is none; ExecutorGone tells the controller)."""

    message: ControllerToExecutor


class ToStore(msgspec.Struct, frozen=True, tag=True):
    """Perform with cib.store, in order, outside the event loop; FromStore brings the result."""

    effect: StoreEffect


class WorkApart(msgspec.Struct, frozen=True, tag=True):
    """Do this with `cib.apart`, in order, outside the event loop; WorkedApart brings the result."""

    work: ApartWork


class CibPatched(msgspec.Struct, frozen=True, tag=True):
    """The replica took this patch: tell the subscribers, and the worker if there is one."""

    patch: Patch
    version: tuple[int, int, int]


class CibReplaced(msgspec.Struct, frozen=True, tag=True):
    """The replica has another document (`Controller.document`): tell the subscribers, load it into the worker."""

    version: tuple[int, int, int]


class Schedule(msgspec.Struct, frozen=True, tag=True):
    """Ask the policy engine with the document as it is now; start a worker if there is none.

    Answered with Scheduled or ScheduleFailed of the same `request`. `at` is the wall clock in seconds that the rules
    go by. `version` and `configuration` (the digest of what is configured) are those of the document that is meant, by
    which the worker knows that its own is the same.
    """

    request: int
    at: int
    version: tuple[int, int, int]
    configuration: str


class StopWorker(msgspec.Struct, frozen=True, tag=True):
    """This node is not DC any more: the policy engine's worker may go (or stay warm without being fed)."""


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Send this to the client."""

    client: int
    reply: ClientReply


class StateChanged(msgspec.Struct, frozen=True, tag=True):
    """`state` (its id is 0) differs from the last one: for subscribers and AskClusterState."""

    state: ClusterState


class KeepInput(msgspec.Struct, frozen=True, tag=True):
    """Store the policy engine's input of this transition (pe-input-N) as it is in the worker's document now."""

    transition: int
    severity: str
    """`input`, or `error` when the policy engine noted an error."""


Effect = (
    ToHeartbeat
    | ToExecutor
    | ToStore
    | WorkApart
    | CibPatched
    | CibReplaced
    | Schedule
    | StopWorker
    | Answer
    | StateChanged
    | KeepInput
    | SetTimer
    | CancelTimer
    | Note
)


class ControllerSettings(msgspec.Struct, frozen=True):
    """What the shell gives a new controller; bounds are named and may be shortened in tests."""

    node: str
    incarnation: int
    """Differs from that of every earlier controller of this node (the shell: CLOCK_BOOTTIME in ms at start)."""
    uuid: str
    """Marks this controller's transitions in transition keys; any text without colons that is unique."""
    vote_bound_ms: int = 1000
    """How long an election waits for a member whose crmd is said to be up."""
    join_bound_ms: int = 5000
    """How long the DC waits for a member's join request or confirmation before it counts its crmd as gone."""
    beat_ms: int = 1000
    """How often the DC says that it is there; after four silent periods the members elect again."""
    resend_ms: int = 2000
    """How long a result or a forwarded request may be without an answer before it is sent again."""
    leave_bound_ms: int = 10_000
    """How long a stopping node waits for a DC before it stops its resources itself."""


def seconds(at: Milliseconds, offset_ms: int) -> int:
    """The wall clock in whole seconds at a monotonic time, given what WallClock said."""
    return (at + offset_ms) // 1000
