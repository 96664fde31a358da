"""What this node's executor was told to do and has not answered: requests out, and how their answers go on.

An order becomes a request to lrmd; the answer is either a result for the CIB (`crmd.recorder` takes it there), or
goes straight back to the DC as OrderDone. The workbook survives a change of the DC: what is in flight is told to the
new one in the join, which waits for it instead of doing it again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import msgspec

from crmd.events import ToExecutor
from crmd.peer_messages import CancelOrder, ForgetOrder, Order, OrderDone
from lrmd.messages import (
    Cancel,
    Execute,
    Finished,
    Forget,
    Forgotten,
    OcfExit,
    Operation,
    OperationStatus,
    OrderStamp,
    Refused,
    ResourceTable,
)

_NOT_KEPT = ("notify", "meta-data", "validate-all")
"""Operations whose results are no part of a resource's history."""


class TellDc(msgspec.Struct, frozen=True, tag=True):
    """Effect: send to the DC, if there is one."""

    message: OrderDone


class Keep(msgspec.Struct, frozen=True, tag=True):
    """Effect: this result belongs into the CIB."""

    result: Finished


class Local(msgspec.Struct, frozen=True, tag=True):
    """Effect: an operation that this node ordered itself ended."""

    result: Finished


class LocalRefused(msgspec.Struct, frozen=True, tag=True):
    """Effect: lrmd did not take an operation that this node ordered itself."""

    resource: str


WorkEffect = ToExecutor | TellDc | Keep | Local | LocalRefused


@dataclass(slots=True)
class _Entry:
    kind: Literal["execute", "cancel", "forget", "local"]
    key: str
    operation: Operation | None


class Workbook:
    """Open requests to lrmd by number. Invariant: each is closed by exactly one answer, or by lrmd's death."""

    def __init__(self, first_request: int = 0) -> None:
        self._last = first_request
        self._open: dict[int, _Entry] = {}
        self._adopted: dict[str, Operation] = {}
        """In flight in lrmd by transition key, ordered by an earlier controller of this node."""
        self._greetings: deque[int] = deque()
        """The newest request at each Hello that lrmd has not answered, oldest first."""

    def next_request(self) -> int:
        """A number for a request; also for those that are not orders."""
        self._last += 1
        return self._last

    def greeted(self) -> None:
        """Hello is sent: its answer tells what became of the requests that were sent before it."""
        self._greetings.append(self._last)

    def executor_gone(self) -> None:
        """lrmd died; it answers nothing more."""
        self._greetings.clear()

    def order(self, order: Order) -> list[WorkEffect]:
        """Run an operation for the DC."""
        request = self.next_request()
        self._open[request] = _Entry("execute", order.operation.transition_key, order.operation)
        return [ToExecutor(Execute(request, order.stamp, order.operation))]

    def cancel(self, order: CancelOrder) -> list[WorkEffect]:
        """End a recurring operation for the DC."""
        request = self.next_request()
        self._open[request] = _Entry("cancel", order.key, None)
        message = Cancel(request, order.stamp, order.resource, order.action, order.interval_ms, order.key)
        return [ToExecutor(message)]

    def forget(self, order: ForgetOrder) -> list[WorkEffect]:
        """Drop a resource's memory for the DC."""
        request = self.next_request()
        self._open[request] = _Entry("forget", order.key, None)
        return [ToExecutor(Forget(request, order.stamp, order.resource))]

    def local(self, stamp: OrderStamp, operation: Operation) -> list[WorkEffect]:
        """Run an operation by this node's own decision (a stop when it must not run anything)."""
        request = self.next_request()
        self._open[request] = _Entry("local", "", operation)
        return [ToExecutor(Execute(request, stamp, operation))]

    def finished(self, result: Finished) -> list[WorkEffect]:
        """An operation ended."""
        entry = self._open.pop(self._request_of(result), None)
        recurring = result.operation.interval_ms > 0
        self._adopted.pop(result.operation.transition_key, None)
        if result.status is OperationStatus.CANCELLED:
            key = entry.key if entry is not None else result.operation.transition_key
            return [TellDc(OrderDone(key, "done"))] if entry is None or entry.kind != "local" else []
        if result.operation.action in _NOT_KEPT:
            good = result.exit_code == OcfExit.OK and result.status is OperationStatus.DONE
            return [TellDc(OrderDone(result.operation.transition_key, "done" if good else "failed"))]
        effects: list[WorkEffect] = [Keep(result)]
        if entry is not None and entry.kind == "local" and not recurring:
            effects.append(Local(result))
        return effects

    def _request_of(self, result: Finished) -> int:
        """The open request that a result answers; an lrmd that was started since knows it by its key only."""
        if result.request in self._open:
            return result.request
        key = result.operation.transition_key
        return next((number for number, entry in self._open.items() if entry.operation and key and entry.key == key), 0)

    def refused(self, answer: Refused) -> list[WorkEffect]:
        """lrmd did not take an order."""
        entry = self._open.pop(answer.request, None)
        if entry is None:
            return []
        if entry.kind == "local":
            return [LocalRefused(entry.operation.resource)] if entry.operation is not None else []
        return [TellDc(OrderDone(entry.key, "refused", answer.reason))]

    def forgotten(self, answer: Forgotten) -> list[WorkEffect]:
        """lrmd forgot a resource, or could not."""
        entry = self._open.pop(answer.request, None)
        if entry is None:
            return []
        return [TellDc(OrderDone(entry.key, "failed" if answer.error else "done", answer.error))]

    def table(self, table: ResourceTable) -> list[WorkEffect]:
        """lrmd (a new one, or for a new controller) says what it has: close what never reached it.

        What a dead lrmd had begun is told by the new one as a result, so it is in its history or in flight there. What
        was sent after the Hello that this answers is still on its way to an lrmd that was slow.
        """
        asked_at = self._greetings.popleft() if self._greetings else self._last
        running = {operation.transition_key: operation for state in table.resources for operation in state.in_flight}
        known = {*running, *(done.operation.transition_key for state in table.resources for done in state.history)}
        effects: list[WorkEffect] = []
        for request, entry in list(self._open.items()):
            if request > asked_at or (entry.operation is not None and entry.key in known):
                continue
            del self._open[request]
            if entry.kind != "local":
                effects.append(TellDc(OrderDone(entry.key, "failed", "lost with the executor")))
        ours = {entry.key for entry in self._open.values()}
        self._adopted = {key: operation for key, operation in running.items() if key not in ours}
        return effects

    def in_flight(self) -> tuple[Operation, ...]:
        """Single operations without a result, in the order in which they were ordered."""
        opened = [entry.operation for entry in self._open.values() if entry.operation is not None]
        return tuple(operation for operation in (*self._adopted.values(), *opened) if not operation.interval_ms)

    def idle(self) -> bool:
        """Whether nothing is in flight here."""
        return not self._open and not self._adopted
