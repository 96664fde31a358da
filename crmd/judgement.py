"""What a result means for the running transition, and whether it counts as a failure (pure functions)."""

from __future__ import annotations

from typing import Literal

import msgspec

from cib.status import recorded_task
from cib.values import INFINITY, parse_score
from crmd.orders import TransitionKey, meta
from crmd.transition import Progress, Transition
from lrmd.messages import Finished, OcfExit, OperationStatus

DONE = OperationStatus.DONE
_MEANINGS = {int(code): code.name.lower().replace("_", " ") for code in OcfExit} | {int(OcfExit.GENERIC): "error"}


class Judgement(msgspec.Struct, frozen=True):
    """What to do about a result once it is in the CIB."""

    action: int | None
    """The action of the running transition whose result this is; None: of none."""
    verdict: Literal["expected", "failed", "unexpected", "known"]
    """expected: confirm the action. failed: it failed. unexpected: something else happened, compute again.
    known: it changes nothing."""
    count: str
    """How the fail count changes: `value++`, `INFINITY`, or empty for not at all."""


class FailureOffsets(msgspec.Struct, frozen=True):
    """How much a failed start or stop counts, as the last graph said: `1` or INFINITY."""

    start: str = "INFINITY"
    stop: str = "INFINITY"


def judge(result: Finished, transition: Transition | None, uuid: str, offsets: FailureOffsets) -> Judgement:
    """Judge a result against the transition in progress.

    Source: Pacemaker's rules for unexpected results and fail counts.
    """
    key = TransitionKey.parse(result.operation.transition_key)
    good = result.status is DONE and key is not None and result.exit_code == key.expected_rc
    action = transition.action(key.action) if transition is not None and key is not None else None
    ours = (
        key is not None
        and transition is not None
        and action is not None
        and key.uuid == uuid
        and key.transition == transition.number
    )
    if not ours or transition is None or action is None:
        return Judgement(None, "unexpected", "" if good else failure_value(result, offsets))
    if transition.progress(action.id) is not Progress.IN_FLIGHT:
        # A recurring operation tells again: that it is as it should be changes nothing.
        return Judgement(None, "known" if good else "unexpected", "" if good else failure_value(result, offsets))
    if good:
        return Judgement(action.id, "expected", "")
    ignored = meta(action, "on_fail") == "ignore"
    if ignored:
        return Judgement(action.id, "expected", failure_value(result, offsets))
    return Judgement(action.id, "failed", failure_value(result, offsets))


def in_words(result: Finished) -> str:
    """How an operation ended, for the log: `returned 6 (not configured): the reason`."""
    if result.status is not DONE:
        ended = f"ended as {result.status.name.lower().replace('_', ' ')}"
    else:
        ended = f"returned {result.exit_code} ({_MEANINGS.get(result.exit_code, 'no code of the OCF')})"
    return f"{ended}: {result.exit_reason}" if result.exit_reason else ended


def failure_value(result: Finished, offsets: FailureOffsets) -> str:
    """How a failed operation changes its fail count.

    Probes do not count: they find out, and the policy engine acts on what they found. Nor does what was lost with its
    executor: the probe that follows finds out. A failed start or stop counts for ever unless the configuration says
    otherwise (start-failure-is-fatal).
    """
    operation = result.operation
    if result.exit_code == OcfExit.UNKNOWN:
        return ""
    if operation.action == "monitor" and operation.interval_ms == 0:
        return ""
    if operation.action in ("notify", "meta-data", "validate-all") or result.status is OperationStatus.CANCELLED:
        return ""
    task = recorded_task(operation.action, int(result.status))
    offset = {"start": offsets.start, "stop": offsets.stop}.get(task, "1")
    return "INFINITY" if parse_score(offset) >= INFINITY else "value++"
