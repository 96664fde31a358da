"""What crmd and lrmd tell each other over the lrmd socket."""

from enum import IntEnum

import msgspec


class OcfExit(IntEnum):
    """Exit codes of the OCF resource agent API, with Pacemaker's extensions."""

    OK = 0
    GENERIC = 1
    ARGS = 2
    UNIMPLEMENTED = 3
    PERMISSION = 4
    NOT_INSTALLED = 5
    NOT_CONFIGURED = 6
    NOT_RUNNING = 7
    RUNNING_PROMOTED = 8
    FAILED_PROMOTED = 9
    DEGRADED = 190
    DEGRADED_PROMOTED = 191
    UNKNOWN = 193
    """No result yet: the operation is in flight or was lost."""


class OperationStatus(IntEnum):
    """Pacemaker's `op-status`: how an execution ended, apart from the agent's exit code."""

    PENDING = -1
    DONE = 0
    CANCELLED = 1
    TIMEOUT = 2
    NOT_SUPPORTED = 3
    ERROR = 4
    ERROR_HARD = 5
    ERROR_FATAL = 6
    NOT_INSTALLED = 7
    NOT_CONNECTED = 8
    INVALID = 9
    NO_FENCE_DEVICE = 10
    NO_SECRETS = 11


class OrderStamp(msgspec.Struct, frozen=True, order=True):
    """Who ordered it, and when in the cluster's history; compared field by field, the view first.

    `round` is the election round within the view (a DC whose crmd died is replaced in the same view).

    View 0 stands for no DC at all: the node's own controller stops something by itself (its node is in no view, or
    leaves without a DC). Only `stop` and Cancel may carry it; they are taken outside a view too.
    """

    view: int
    round: int
    dc: str
    transition: int


class AgentName(msgspec.Struct, frozen=True, order=True):
    """Class, provider (ocf only, else empty) and type, as in a primitive."""

    standard: str
    provider: str
    type: str

    def __str__(self) -> str:
        return ":".join(part for part in (self.standard, self.provider, self.type) if part)


class Operation(msgspec.Struct, frozen=True):
    """One operation of one resource, complete: nothing else is needed to run it."""

    resource: str
    agent: AgentName
    action: str
    """start, stop, monitor, promote, demote, notify, reload, reload-agent, migrate_to, migrate_from, meta-data,
    validate-all."""
    interval_ms: int
    """0 for a single execution; otherwise repeated every so many milliseconds until cancelled."""
    timeout_ms: int
    parameters: dict[str, str]
    """The resource's instance attributes, names as in the CIB (OCF_RESKEY_ is added by lrmd)."""
    meta: dict[str, str] = {}
    """CRM_meta_* values, names complete."""
    start_delay_ms: int = 0
    transition_key: str = ""
    """`action:transition:expected-rc:uuid`; kept with the result."""


class AgentTraits(msgspec.Struct, frozen=True):
    """What an agent's meta-data says about its parameters, as far as it matters when one of them changes."""

    restart_parameters: tuple[str, ...] | None = None
    """Those that the agent can't take over by a reload; None: it can't reload at all."""
    private_parameters: tuple[str, ...] = ()
    """Those that hold secrets."""


# crmd -> lrmd


class Hello(msgspec.Struct, frozen=True, tag=True):
    """First message. Answered with ResourceTable; unreported results follow as Finished."""

    client: str


class Execute(msgspec.Struct, frozen=True, tag=True):
    """Run it (after what is queued for the same resource). Answered with Accepted or Refused, later Finished.

    A recurring operation with the same resource, action and interval replaces the old one.
    """

    request: int
    stamp: OrderStamp
    operation: Operation


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop a recurring operation. Answered with Finished (status CANCELLED), at once if it did not exist."""

    request: int
    stamp: OrderStamp
    resource: str
    action: str
    interval_ms: int
    transition_key: str = ""


class Forget(msgspec.Struct, frozen=True, tag=True):
    """Drop all that is remembered of a resource that is not active (lrm_delete). Answered with Forgotten."""

    request: int
    stamp: OrderStamp
    resource: str


class RunOnce(msgspec.Struct, frozen=True, tag=True):
    """Run an agent outside any resource's history: fence agents, meta-data. Answered with Ran.

    Needs no stamp; parameters of the stonith class go to the agent's standard input as name=value lines.
    """

    request: int
    agent: AgentName
    action: str
    timeout_ms: int
    parameters: dict[str, str] = {}


class KillOnce(msgspec.Struct, frozen=True, tag=True):
    """Give up on a RunOnce: kill its process group."""

    request: int


class Acknowledge(msgspec.Struct, frozen=True, tag=True):
    """The result of this call is in the CIB; lrmd need not report it again to a new crmd."""

    call_id: int


class ListAgents(msgspec.Struct, frozen=True, tag=True):
    """Which agents are installed; empty strings match all. Answered with Agents."""

    request: int
    standard: str = ""
    provider: str = ""


ControllerToExecutor = Hello | Execute | Cancel | Forget | RunOnce | KillOnce | Acknowledge | ListAgents

# lrmd -> crmd


class Finished(msgspec.Struct, frozen=True, tag=True):
    """One execution ended. For a recurring operation: the first one, and each whose result differs from the last."""

    request: int
    """The request that ordered it; 0 when reported to a crmd that did not order it."""
    call_id: int
    operation: Operation
    stamp: OrderStamp | None
    exit_code: int
    status: OperationStatus
    exit_reason: str
    output: str
    """stdout and stderr, the last 4096 bytes."""
    started_at: int
    """Wall clock seconds: `last-run` of a single operation; 0 for recurring ones."""
    changed_at: int
    """Wall clock seconds: `last-rc-change`."""
    exec_ms: int
    queue_ms: int
    traits: AgentTraits | None = None
    """None: the operation needs none, or the agent's meta-data could not be had in time."""


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """The order is queued under this call id."""

    request: int
    call_id: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The order was not taken: stale stamp, no view, settling leftovers, or leaving."""

    request: int
    reason: str


class Forgotten(msgspec.Struct, frozen=True, tag=True):
    """Answer to Forget; `error` is empty when it worked."""

    request: int
    resource: str
    error: str = ""


class Ran(msgspec.Struct, frozen=True, tag=True):
    """Answer to RunOnce."""

    request: int
    exit_code: int
    status: OperationStatus
    output: str
    errors: str
    exec_ms: int


class Agents(msgspec.Struct, frozen=True, tag=True):
    """Answer to ListAgents, sorted."""

    request: int
    names: tuple[AgentName, ...]


class RecurringState(msgspec.Struct, frozen=True):
    """A recurring operation that is going on."""

    call_id: int
    operation: Operation
    last_exit_code: int
    last_status: OperationStatus


class ResourceState(msgspec.Struct, frozen=True):
    """What lrmd knows of one resource: its history, as a join request carries it."""

    resource: str
    agent: AgentName
    history: tuple[Finished, ...]
    """Last result of each action and interval, by call id (a failed one beside the last good one)."""
    recurring: tuple[RecurringState, ...]
    in_flight: tuple[Operation, ...]
    unknown: bool
    """An operation was cut off with an lrmd that died; only a probe can tell the state."""


class ResourceTable(msgspec.Struct, frozen=True, tag=True):
    """Answer to Hello: everything known here; `active_order` is the order of start, oldest first."""

    resources: tuple[ResourceState, ...]
    active_order: tuple[str, ...]
    newest_stamp: OrderStamp | None


ExecutorToController = Finished | Accepted | Refused | Forgotten | Ran | Agents | ResourceTable
