"""What only the DC can do for tools: wait until the cluster is idle, clean up, fence."""

from __future__ import annotations

from dataclasses import dataclass

from cib.attribute_names import FailureName, base_name, failures_of
from cib.configuration import resources
from crmd.cib_view import CibView
from crmd.conductor import Conductor
from crmd.desk import CleanedUp, Desk, FenceForTool
from crmd.join import Join
from crmd.messages import (
    CleanupResource,
    ClusterState,
    ConfirmFenced,
    Done,
    Failed,
    Fence,
    WaitIdle,
)
from crmd.peer_messages import ForgetOrder, Forward, ForwardAnswer, OrderDone, Term
from ipc.units import Milliseconds
from lrmd.messages import OrderStamp
from stonith.events import FencingDone

CLEANUP = "cleanup."
"""Prefix of the keys of orders that are part of no transition."""


@dataclass(slots=True)
class _Cleanup:
    """One resource on one node that is being forgotten."""

    origin: str
    number: int
    node: str
    resource: str
    request: CleanupResource


class DcClients:
    """Requests that the members' tools have given to this DC."""

    def __init__(self, desk: Desk, term: Term, cib: CibView, join: Join, conductor: Conductor) -> None:
        self._desk = desk
        self._term = term
        self._cib = cib
        self._join = join
        self._conductor = conductor
        self._queue: list[tuple[str, Forward]] = []
        self._waiting: dict[tuple[str, int], None] = {}
        self._cleanups: dict[str, _Cleanup] = {}
        self._last = 0

    def asked(self, origin: str, message: Forward) -> None:
        """A tool at `origin` asks; answered by ForwardAnswer, once the members have joined."""
        self._queue.append((origin, message))

    def serve(self) -> None:
        """The members have joined: do what was asked."""
        queue, self._queue = self._queue, []
        for origin, message in queue:
            self._serve(origin, message)

    def _serve(self, origin: str, message: Forward) -> None:
        request = message.request
        match request:
            case WaitIdle():
                self._waiting[origin, message.number] = None
            case CleanupResource():
                self._clean_up(origin, message.number, request)
            case Fence():
                self._desk.put(
                    FenceForTool(
                        origin, message.number, request.target, request.action, request.timeout_ms, confirmed=False
                    )
                )
            case ConfirmFenced():
                self._desk.put(FenceForTool(origin, message.number, request.target, "off", 0, confirmed=True))
            case _:
                self._answer(origin, message.number, Failed(request.id, 76, "this is not for the DC to answer"))

    def _answer(self, origin: str, number: int, reply: Done | Failed | ClusterState) -> None:
        self._desk.say(origin, ForwardAnswer(number, reply))

    @property
    def waiting(self) -> bool:
        """Whether anybody waits for the cluster to be idle."""
        return bool(self._waiting)

    def idle(self, state: ClusterState) -> None:
        """There is nothing left to do."""
        for origin, number in self._waiting:
            self._answer(origin, number, state)
        self._waiting.clear()

    # fencing

    def fenced(self, origin: str, number: int, done: FencingDone, now: Milliseconds) -> None:
        """The fencer answered a tool's request."""
        if done.ok:
            self._conductor.fenced_by_tool(done.target, done.action, now)
            self._answer(origin, number, Done(0, f"{done.target} was fenced ({done.action}) by {done.device}"))
        else:
            self._answer(origin, number, Failed(0, 1, f"{done.target} could not be fenced: {done.reason}"))

    # cleaning up

    def _clean_up(self, origin: str, number: int, request: CleanupResource) -> None:
        found = 0
        for node in self._cib.node_rows():
            if request.node and node != request.node:
                continue
            for resource in self._resources_on(node, request):
                found += 1
                self._forget(_Cleanup(origin, number, node, resource, request))
        if not found:
            what = request.resource or "any resource"
            self._answer(origin, number, Done(request.id, f"there is nothing to clean up of {what}"))

    def _resources_on(self, node: str, request: CleanupResource) -> list[str]:
        wanted = self._names(request.resource)
        entries = self._cib.history(node)
        names = dict.fromkeys(entry.resource for entry in entries)
        if not request.refresh:
            failed = {base_name(entry.resource) for entry in entries if entry.entry.endswith("_last_failure_0")}
            counted = failures_of(self._cib.transient(node), "", request.operation, request.interval_ms)
            failed |= {parsed.resource for parsed in map(FailureName.parse, counted) if parsed is not None}
            names = dict.fromkeys(
                [*(name for name in names if base_name(name) in failed), *sorted(failed - set(names))]
            )
        return [name for name in names if wanted is None or base_name(name) in wanted]

    def _names(self, resource: str) -> set[str] | None:
        """The primitives that a name stands for (a group's or clone's are its members); None: all."""
        if not resource:
            return None
        configured = resources(self._cib.document)
        inner = {entry.id for entry in configured if entry.container == resource}
        return {base_name(resource), *inner}

    def _forget(self, cleanup: _Cleanup) -> None:
        self._last += 1
        key = f"{CLEANUP}{self._term.view}.{self._term.round}.{self._last}"
        self._cleanups[key] = cleanup
        if self._join.joined(cleanup.node):
            stamp = OrderStamp(self._term.view, self._term.round, self._term.dc, self._conductor.number)
            self._desk.say(cleanup.node, ForgetOrder(stamp, key, cleanup.resource))
        else:
            self._write(key, cleanup)

    def order_done(self, done: OrderDone) -> bool:
        """A member forgot a resource; False if the order was not of this module."""
        cleanup = self._cleanups.get(done.key)
        if cleanup is None:
            return False
        self._write(done.key, cleanup)
        return True

    def _write(self, key: str, cleanup: _Cleanup) -> None:
        request = cleanup.request
        requests = self._cib.clear_failures(cleanup.node, cleanup.resource, request.operation, request.interval_ms)
        requests += self._cib.delete_resource_history(cleanup.node, cleanup.resource)
        self._desk.write(CleanedUp(cleanup.origin, cleanup.number, key), requests)

    def cleaned_up(self, purpose: CleanedUp, ok: bool, now: Milliseconds) -> None:
        """One resource on one node is forgotten; the answer goes out with the last one of its request."""
        cleanup = self._cleanups.pop(purpose.key, None)
        if cleanup is None:
            return
        self._conductor.abort(f"{cleanup.resource} was cleaned up on {cleanup.node}", now)
        same = (purpose.origin, purpose.number)
        if all((entry.origin, entry.number) != same for entry in self._cleanups.values()):
            text = f"{cleanup.request.resource or 'everything'} was cleaned up; it will be probed again"
            self._answer(*same, Done(0, text) if ok else Failed(0, 1, "the CIB refused the change"))
