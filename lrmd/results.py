"""From the end of a process to the result that the controller is told."""

from typing import NamedTuple

import msgspec

from ipc.note import Note
from ipc.units import Milliseconds
from lrmd.events import AgentExited, AgentNotRun
from lrmd.messages import AgentTraits, Finished, OcfExit, Operation, OperationStatus
from lrmd.resource import Job
from lrmd.runs import Run

_NO_FAILURES = (OcfExit.OK, OcfExit.NOT_RUNNING, OcfExit.RUNNING_PROMOTED)
_SAID_LINES = 5
_SAID_LENGTH = 1000


class Outcome(NamedTuple):
    """How an execution ended, whoever asked for it."""

    exit_code: int
    status: OperationStatus
    reason: str
    output: str
    exec_ms: int
    started_at: int
    """Wall clock seconds."""
    traits: AgentTraits | None = None


def outcome_of(event: AgentExited | AgentNotRun, run: Run) -> Outcome:
    """Judge the end of a run. A run over its limit is TIMEOUT, a signal from elsewhere an ERROR, as in Pacemaker."""
    if isinstance(event, AgentNotRun):
        return Outcome(event.exit_code, event.status, event.reason, "", 0, event.at)
    output = "\n".join(part for part in (event.output.rstrip("\n"), event.errors.rstrip("\n")) if part)
    exit_code: int
    if run.timed_out:
        reason = event.exit_reason or f"{run.operation.action} did not complete within {run.operation.timeout_ms} ms"
        exit_code, status = OcfExit.GENERIC, OperationStatus.TIMEOUT
    elif event.signal:
        reason = f"the agent was ended by signal {event.signal}"
        exit_code, status = OcfExit.GENERIC, OperationStatus.ERROR
    else:
        exit_code, status, reason = event.exit_code, OperationStatus.DONE, event.exit_reason
    return Outcome(exit_code, status, reason, output, event.exec_ms, event.started_at, event.traits)


def finished(job: Job, outcome: Outcome) -> Finished:
    """The report of a job's end."""
    return Finished(
        request=job.request,
        call_id=job.call_id,
        operation=job.operation,
        stamp=job.stamp,
        exit_code=outcome.exit_code,
        status=outcome.status,
        exit_reason=outcome.reason,
        output=outcome.output,
        started_at=0 if job.recurring is not None else outcome.started_at,
        changed_at=outcome.started_at,
        exec_ms=outcome.exec_ms,
        queue_ms=max(0, job.begun_at - job.ready_at) if job.begun_at else 0,
        traits=outcome.traits,
    )


def lost(job: Job, reason: str, at: int) -> Finished:
    """The report of an operation whose result nobody will ever know."""
    return finished(job, Outcome(OcfExit.UNKNOWN, OperationStatus.ERROR, reason, "", 0, at))


def stuck(run: Run, now: Milliseconds, begun_at: Milliseconds, at: int) -> Outcome:
    """The outcome of an agent that outlived SIGKILL."""
    reason = f"{run.operation.action} did not complete within {run.operation.timeout_ms} ms and can't be killed"
    return Outcome(OcfExit.GENERIC, OperationStatus.TIMEOUT, reason, "", now - begun_at, at)


def cancelled(request: int, call_id: int, operation: Operation, transition_key: str) -> Finished:
    """The answer to Cancel. `call_id` 0: there was nothing to cancel."""
    return Finished(
        request=request,
        call_id=call_id,
        operation=msgspec.structs.replace(operation, transition_key=transition_key or operation.transition_key),
        stamp=None,
        exit_code=OcfExit.OK,
        status=OperationStatus.CANCELLED,
        exit_reason="",
        output="",
        started_at=0,
        changed_at=0,
        exec_ms=0,
        queue_ms=0,
    )


def failure_note(result: Finished) -> Note | None:
    """What the agent said when it failed, for the log of its node; None where nothing failed.

    The configuration only has room for an exit reason, and many agents say what is wrong just on their standard error.
    """
    if result.status in (OperationStatus.CANCELLED, OperationStatus.NOT_INSTALLED) or not result.output:
        return None
    if result.status is OperationStatus.DONE and result.exit_code in _NO_FAILURES:
        return None
    said = " | ".join(line.strip() for line in result.output.splitlines()[-_SAID_LINES:] if line.strip())
    operation = result.operation
    text = f"{operation.resource}: {operation.action} failed ({result.exit_code}); {operation.agent} said: {said}"
    return Note("warning", "operation.failed", text[:_SAID_LENGTH], {"resource": operation.resource})


def without_request(result: Finished) -> Finished:
    """The same report for a controller that did not order it."""
    return msgspec.structs.replace(result, request=0)
