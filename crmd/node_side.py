"""This node as a member: its executor, what was ordered here, what has to be recorded, and giving up by itself."""

from __future__ import annotations

import msgspec

from crmd.events import ToExecutor, ToHeartbeat
from crmd.peer_messages import CancelOrder, ForgetOrder, Order, OrderDone, PeerMessage, ResultKey
from crmd.recorder import Recorder, RecorderEffect, SendResults
from crmd.shutdown import ActiveResources, AllStopped, LocalStop, StopEffect, StopNext, local_stamp
from crmd.workbook import Keep, Local, LocalRefused, TellDc, Workbook, WorkEffect
from heartbeat.messages import Reset
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.messages import (
    Accepted,
    Agents,
    ExecutorToController,
    Finished,
    Forgotten,
    Hello,
    Operation,
    Ran,
    Refused,
    ResourceTable,
)


class ToDc(msgspec.Struct, frozen=True, tag=True):
    """Effect: send to the DC that this node serves; nothing is sent when it serves none."""

    message: PeerMessage


class TableHere(msgspec.Struct, frozen=True, tag=True):
    """Effect: lrmd said all it knows."""

    table: ResourceTable


class RanHere(msgspec.Struct, frozen=True, tag=True):
    """Effect: an agent outside any history was run."""

    answer: Ran


class EverythingStopped(msgspec.Struct, frozen=True, tag=True):
    """Effect: giving up is over."""

    failed: tuple[str, ...]


NodeEffect = ToExecutor | ToHeartbeat | ToDc | TableHere | RanHere | EverythingStopped | SetTimer | CancelTimer | Note


class NodeSide:
    """Owns what is in flight, unrecorded and active on this node."""

    def __init__(self, node: str, resend_ms: int) -> None:
        self._node = node
        self.workbook = Workbook()
        self.recorder = Recorder(resend_ms)
        self.active = ActiveResources()
        self._local_stop = LocalStop()
        self.connected = False
        """Whether lrmd is there."""
        self.replaced = False
        """Whether lrmd died since this controller started: a new one may know less than the CIB says."""

    # the executor

    def executor_connected(self) -> list[NodeEffect]:
        """lrmd is there (again)."""
        self.connected = True
        return [self.greet()]

    def greet(self) -> ToExecutor:
        """Ask lrmd for all it knows."""
        self.workbook.greeted()
        return ToExecutor(Hello(self._node))

    def executor_gone(self, *, leaving: bool) -> list[NodeEffect]:
        """lrmd died; a new one tells what became of what was in flight. `leaving`: it ended because the node stops."""
        self.connected = False
        self.replaced = True
        self.workbook.executor_gone()
        if leaving:
            return [Note("info", "executor.ended", "the local executor ended, as this node stops")]
        return [Note("warning", "executor.gone", "the local executor died; waiting for the new one")]

    def from_executor(self, message: ExecutorToController, now: Milliseconds) -> list[NodeEffect]:
        """lrmd says something."""
        match message:
            case Finished():
                return self._finished(message, now)
            case Refused():
                return self._work(self.workbook.refused(message), now)
            case Forgotten():
                return self._work(self.workbook.forgotten(message), now)
            case ResourceTable():
                return self._table(message, now)
            case Ran():
                return [RanHere(message)]
            case Accepted() | Agents():
                return []

    def _table(self, table: ResourceTable, now: Milliseconds) -> list[NodeEffect]:
        self.active.table(table)
        effects = self._work(self.workbook.table(table), now)
        effects += self._stop(self._local_stop.again(self.active), now)
        return [*effects, TableHere(table)]

    def _finished(self, result: Finished, now: Milliseconds) -> list[NodeEffect]:
        self.active.finished(result)
        return self._work(self.workbook.finished(result), now)

    # orders

    def order(self, order: Order, now: Milliseconds) -> list[NodeEffect]:
        """Run an operation for the DC."""
        self.active.ordered(order.operation)
        return self._work(self.workbook.order(order), now)

    def cancel(self, order: CancelOrder, now: Milliseconds) -> list[NodeEffect]:
        """End a recurring operation for the DC."""
        return self._work(self.workbook.cancel(order), now)

    def forget(self, order: ForgetOrder, now: Milliseconds) -> list[NodeEffect]:
        """Drop a resource's memory for the DC."""
        return self._work(self.workbook.forget(order), now)

    def recorded(self, keys: tuple[ResultKey, ...]) -> list[NodeEffect]:
        """The DC wrote results."""
        return self._record(self.recorder.recorded(keys))

    def resend(self, now: Milliseconds) -> list[NodeEffect]:
        """Results were not answered for a while."""
        return self._record(self.recorder.expired(now))

    # giving up

    @property
    def giving_up(self) -> bool:
        """Whether everything is being stopped by this node's own decision."""
        return self._local_stop.active

    def give_up(self, reason: str, now: Milliseconds) -> list[NodeEffect]:
        """Stop everything here, the last started first."""
        if self._local_stop.active:
            return []
        count = len(self.active.names())
        if not count:
            return self._stop(self._local_stop.begin(self.active), now)
        note = Note("warning", "node.gives_up", f"stopping {count} resources here: {reason}", {"resources": count})
        return [note, *self._stop(self._local_stop.begin(self.active), now)]

    def go_on(self) -> None:
        """The cluster decides again what runs here."""
        self._local_stop.cancel()

    # facts for a join

    def unrecorded(self) -> tuple[Finished, ...]:
        """Results that the DC did not say that it wrote."""
        return self.recorder.unrecorded()

    def in_flight(self) -> tuple[Operation, ...]:
        """Single operations without a result."""
        return self.workbook.in_flight()

    # the parts' effects

    def _work(self, work: list[WorkEffect], now: Milliseconds) -> list[NodeEffect]:
        effects: list[NodeEffect] = []
        for effect in work:
            match effect:
                case ToExecutor():
                    effects.append(effect)
                case TellDc(message):
                    effects.append(ToDc(message))
                case Keep(result):
                    effects += self._record(self.recorder.keep(result, now))
                case Local(result):
                    effects += self._stop(self._local_stop.finished(result, self.active), now)
                case LocalRefused(resource):
                    effects += self._stop(self._local_stop.refused(resource, self.active), now)
        return effects

    def _record(self, records: list[RecorderEffect]) -> list[NodeEffect]:
        return [ToDc(effect.message) if isinstance(effect, SendResults) else effect for effect in records]

    def _stop(self, stops: list[StopEffect], now: Milliseconds) -> list[NodeEffect]:
        effects: list[NodeEffect] = []
        for effect in stops:
            match effect:
                case StopNext(operation):
                    effects += self._work(self.workbook.local(local_stamp(self._node), operation), now)
                case AllStopped(failed):
                    if failed:
                        reason = f"{', '.join(failed)} could not be stopped on a node that must not run it"
                        effects += [
                            Note("critical", "node.stop_failed", reason),
                            ToHeartbeat(Reset(reason)),
                        ]
                    effects.append(EverythingStopped(failed))
        return effects


__all__ = ["NodeEffect", "NodeSide", "OrderDone"]
