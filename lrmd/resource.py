"""One resource as the executor knows it: its queue, its recurring operations and its history."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from ipc.units import Milliseconds
from lrmd.events import SavedJob, SavedRecurring, SavedResource
from lrmd.messages import (
    AgentName,
    Finished,
    OcfExit,
    Operation,
    OperationStatus,
    OrderStamp,
    RecurringState,
    ResourceState,
)

MAX_UNACKNOWLEDGED = 16
"""Reports of one call that are kept while nobody acknowledges them; the newest ones."""

CHANGES_STATE = frozenset(
    {"start", "stop", "promote", "demote", "migrate_to", "migrate_from", "reload", "reload-agent"}
)
"""Actions after which older recurring operations say nothing any more; they are cancelled when one is accepted."""

BEGINS = frozenset({"start", "promote", "migrate_from"})
"""Actions from whose first instant on the resource may be active here."""

ACTIVE_EXITS = frozenset(
    {OcfExit.OK, OcfExit.RUNNING_PROMOTED, OcfExit.FAILED_PROMOTED, OcfExit.DEGRADED, OcfExit.DEGRADED_PROMOTED}
)
_ABSENT_EXITS = frozenset({OcfExit.ARGS, OcfExit.UNIMPLEMENTED, OcfExit.NOT_INSTALLED, OcfExit.NOT_CONFIGURED})

RecurringKey = tuple[str, int]
"""Action and interval."""

_NOT_BEGUN = Milliseconds(0)

JobKind = Literal["order", "recurring", "self_stop", "leftover"]


@dataclass(slots=True)
class Recurring:
    """A recurring operation; its executions stay on the grid that begins at `anchor`."""

    call_id: int
    operation: Operation
    stamp: OrderStamp | None
    request: int
    anchor: Milliseconds
    last_exit_code: int = OcfExit.UNKNOWN
    last_status: OperationStatus = OperationStatus.PENDING
    cancelled: bool = False
    cancel_requests: list[tuple[int, str]] = field(default_factory=list)
    """(request, transition key) of those who wait for the execution in flight to end."""

    @property
    def key(self) -> RecurringKey:
        """Action and interval: at most one of each in a resource."""
        return (self.operation.action, self.operation.interval_ms)


@dataclass(slots=True)
class Job:
    """One execution, waiting or running."""

    kind: JobKind
    call_id: int
    operation: Operation
    stamp: OrderStamp | None
    request: int
    queued_at: Milliseconds
    ready_at: Milliseconds
    begun_at: Milliseconds = _NOT_BEGUN
    run_id: int = 0
    recurring: Recurring | None = None
    reported: bool = False
    """Its result was given although the process could not be killed: the rest of its life is only waited for."""


@dataclass(slots=True)
class Forgetting:
    """The place in the queue at which the history is dropped."""

    request: int


@dataclass(slots=True)
class Resource:
    """Owns the rule that at most one job runs, in the order in which they came."""

    name: str
    agent: AgentName
    parameters: dict[str, str] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    stop_timeout_ms: int = 0
    unknown: bool = False
    queue: deque[Job | Forgetting] = field(default_factory=deque)
    running: Job | None = None
    recurring: dict[RecurringKey, Recurring] = field(default_factory=dict)
    history: dict[tuple[str, int, bool], Finished] = field(default_factory=dict)
    """By action, interval, and whether the result was the expected one."""
    unacknowledged: dict[int, list[Finished]] = field(default_factory=dict)
    """By call id, oldest first."""

    @property
    def busy(self) -> bool:
        """Whether anything is waiting or running."""
        return self.running is not None or bool(self.queue)

    def recurring_but_expecting(self, exit_code: int | None) -> list[Recurring]:
        """All recurring operations but those that expect this code: 7 watches that a resource does not run."""
        found = list(self.recurring.values())
        if exit_code is None:
            return found
        return [each for each in found if expected_exit(each.operation.transition_key) != exit_code]

    @property
    def is_stuck(self) -> bool:
        """Whether what runs was given up and can't be ended."""
        return self.running is not None and self.running.reported

    def learn(self, operation: Operation) -> None:
        """Keep what a stop by ourselves would need."""
        self.agent = operation.agent
        self.parameters = operation.parameters
        self.meta = operation.meta
        if operation.action == "stop":
            self.stop_timeout_ms = operation.timeout_ms

    def remember(self, result: Finished) -> None:
        """Put a result into the history, and among those that wait for Acknowledge."""
        operation = result.operation
        good = is_expected(result)
        self.history[(operation.action, operation.interval_ms, good)] = result
        if good and operation.action in CHANGES_STATE:
            for key in [key for key, old in self.history.items() if key[1] and key[2] and old.call_id < result.call_id]:
                del self.history[key]
        self.await_acknowledgement(result)

    def await_acknowledgement(self, result: Finished) -> None:
        """Keep a report until the controller says that it is in the CIB."""
        waiting = self.unacknowledged.setdefault(result.call_id, [])
        waiting.append(result)
        del waiting[:-MAX_UNACKNOWLEDGED]

    def acknowledge(self, call_id: int) -> None:
        """The oldest report of this call is in the CIB."""
        waiting = self.unacknowledged.get(call_id, [])
        del waiting[:1]
        if not waiting:
            self.unacknowledged.pop(call_id, None)

    def is_pending(self, recurring: Recurring) -> bool:
        """Whether an execution of this recurring operation waits or runs."""
        jobs = [job for job in (self.running, *self.queue) if isinstance(job, Job)]
        return any(job.recurring is recurring for job in jobs)

    def unqueue(self, recurring: Recurring) -> None:
        """Take a waiting execution of it out of the queue."""
        kept = [job for job in self.queue if not (isinstance(job, Job) and job.recurring is recurring)]
        self.queue = deque(kept)

    def is_over(self) -> bool:
        """Whether nothing at all is left to remember."""
        return not (self.busy or self.recurring or self.history or self.unacknowledged or self.unknown)

    def saved(self) -> SavedResource:
        """The record for the run directory."""
        waiting = [job for job in (self.running, *self.queue) if isinstance(job, Job) and job.kind in _PENDING_KINDS]
        return SavedResource(
            resource=self.name,
            agent=self.agent,
            parameters=self.parameters,
            meta=self.meta,
            stop_timeout_ms=self.stop_timeout_ms,
            unknown=self.unknown,
            history=self.results(),
            unacknowledged=tuple(result for waiting in self.unacknowledged.values() for result in waiting),
            recurring=tuple(
                SavedRecurring(
                    each.call_id, each.operation, each.stamp, each.anchor, each.last_exit_code, each.last_status
                )
                for each in self.recurring.values()
            ),
            pending=tuple(
                SavedJob(job.call_id, job.operation, job.stamp)
                for job in waiting
                if job.recurring is None and not job.reported
            ),
        )

    @classmethod
    def restored(cls, record: SavedResource) -> "Resource":
        """What `saved` wrote, without the pending jobs: they need more than memory."""
        resource = cls(
            name=record.resource,
            agent=record.agent,
            parameters=record.parameters,
            meta=record.meta,
            stop_timeout_ms=record.stop_timeout_ms,
            unknown=record.unknown,
        )
        for result in record.history:
            key = (result.operation.action, result.operation.interval_ms, is_expected(result))
            resource.history[key] = result
        for result in record.unacknowledged:
            resource.await_acknowledgement(result)
        for each in record.recurring:
            recurring = Recurring(
                each.call_id, each.operation, each.stamp, 0, each.anchor, each.last_exit_code, each.last_status
            )
            resource.recurring[recurring.key] = recurring
        return resource

    def results(self) -> tuple[Finished, ...]:
        """The history by call id."""
        return tuple(sorted(self.history.values(), key=lambda result: result.call_id))

    def state(self) -> ResourceState:
        """What a controller that attaches is told."""
        jobs = [job for job in (self.running, *self.queue) if isinstance(job, Job)]
        return ResourceState(
            resource=self.name,
            agent=self.agent,
            history=self.results(),
            recurring=tuple(
                RecurringState(each.call_id, each.operation, each.last_exit_code, each.last_status)
                for each in self.recurring.values()
            ),
            in_flight=tuple(job.operation for job in jobs if job.recurring is None and not job.reported),
            unknown=self.unknown,
        )


_PENDING_KINDS = frozenset({"order", "self_stop", "leftover"})


def is_expected(result: Finished) -> bool:
    """Whether a result is what the DC wanted (by the transition key, where there is one) or else plainly good."""
    if result.status is not OperationStatus.DONE:
        return False
    target = expected_exit(result.operation.transition_key)
    if target is not None and result.exit_code == target:
        return True
    if result.operation.action == "monitor" and result.operation.interval_ms == 0:
        return result.exit_code in ACTIVE_EXITS or result.exit_code == OcfExit.NOT_RUNNING
    return target is None and result.exit_code in ACTIVE_EXITS - {OcfExit.FAILED_PROMOTED}


def expected_exit(transition_key: str) -> int | None:
    """The third part of `action:transition:expected-rc:uuid`; None where the key has another form."""
    parts = transition_key.split(":")
    if len(parts) == 4 and parts[2].isascii() and parts[2].isdigit():
        return int(parts[2])
    return None


def found_stopped(operation: Operation, exit_code: int, status: OperationStatus) -> bool:
    """Whether this was a probe, and found that the resource does not run: monitors of a running one say nothing now."""
    probe = operation.action == "monitor" and operation.interval_ms == 0
    return probe and may_be_active(exit_code, status) is False


def may_be_active(exit_code: int, status: OperationStatus) -> bool | None:
    """What a probe's result says: active (or broken in a way that may be active), not active, or nothing."""
    if status is OperationStatus.DONE and exit_code == OcfExit.NOT_RUNNING:
        return False
    if status is OperationStatus.NOT_INSTALLED or exit_code in _ABSENT_EXITS:
        return None
    return True
