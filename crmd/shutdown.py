"""How a node gives up what runs on it by its own decision, and how it leaves in good order.

Stopping by itself: outside any view a node must not go on with resources that others may be recovering. The resources
are stopped one after the other, the one started last first, because what was started later may rest on what was
started before. A stop that fails means that this node cannot be made safe from inside.

Leaving: the wish to leave is a node attribute, so the policy engine moves everything away and then says do_shutdown.
Without a DC that hears of it within a bound, the node stops its resources itself.
"""

from __future__ import annotations

import msgspec

from lrmd.messages import AgentName, Finished, OcfExit, Operation, OperationStatus, OrderStamp, ResourceTable

LEAVE_TIMER = "shutdown.leave"
LOCAL_STOP_TIMER = "shutdown.local_stop"
DEFAULT_STOP_TIMEOUT_MS = 60_000
LOCAL_STOP_KEY = "0:0:0:stopped-by-its-own-node"
"""The transition key of such a stop: no transition's, but what was expected (0) has to be told, because the policy
engine takes a result without an expectation for a failure."""


def local_stamp(node: str) -> OrderStamp:
    """The stamp of what a node orders itself; lrmd takes it for stops only, in or out of a view."""
    return OrderStamp(view=0, round=0, dc=node, transition=0)


class StopNext(msgspec.Struct, frozen=True, tag=True):
    """Effect: run this stop here."""

    operation: Operation


class AllStopped(msgspec.Struct, frozen=True, tag=True):
    """Effect: every resource was stopped, those in `failed` without success."""

    failed: tuple[str, ...]


StopEffect = StopNext | AllStopped


class ActiveResources:
    """What may be running on this node, in the order of start, with what is needed to stop it."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def table(self, table: ResourceTable) -> None:
        """lrmd says what it has."""
        newest: dict[str, Operation] = {}
        for state in table.resources:
            runs = [result.operation for result in sorted(state.history, key=lambda done: done.call_id)]
            runs += [*(recurring.operation for recurring in state.recurring), *state.in_flight]
            if runs:
                newest[state.resource] = runs[-1]
        order = [name for name in table.active_order if name in newest]
        order += [state.resource for state in table.resources if state.unknown and state.resource not in order]
        self._operations = {name: newest[name] for name in order if name in newest}

    def ordered(self, operation: Operation) -> None:
        """An operation is about to run here that may make a resource active."""
        if operation.action in ("start", "promote", "migrate_from") and operation.resource not in self._operations:
            self._operations[operation.resource] = operation

    def finished(self, result: Finished) -> None:
        """An operation ended."""
        operation = result.operation
        name = operation.resource
        done = result.status is OperationStatus.DONE
        stopped = (operation.action == "stop" and done and result.exit_code == OcfExit.OK) or (
            operation.action == "monitor" and done and result.exit_code == OcfExit.NOT_RUNNING
        )
        if stopped:
            self._operations.pop(name, None)
        elif operation.action in ("start", "promote", "demote", "migrate_from") or (
            operation.action == "monitor" and done and result.exit_code in (OcfExit.OK, OcfExit.RUNNING_PROMOTED)
        ):
            self._operations.setdefault(name, operation)

    def names(self) -> tuple[str, ...]:
        """The resources that may be active, oldest first."""
        return tuple(self._operations)

    def stop_of(self, name: str) -> Operation:
        """The stop of an active resource, with the parameters of its last operation."""
        last = self._operations[name]
        timeout = last.meta.get("CRM_meta_timeout", "")
        return Operation(
            resource=name,
            agent=AgentName(last.agent.standard, last.agent.provider, last.agent.type),
            action="stop",
            interval_ms=0,
            timeout_ms=max(DEFAULT_STOP_TIMEOUT_MS, int(timeout) if timeout.isdigit() else 0),
            parameters=last.parameters,
            meta={key: value for key, value in last.meta.items() if key not in ("CRM_meta_interval",)},
            transition_key=LOCAL_STOP_KEY,
        )


class LocalStop:
    """One run of stopping everything, newest first, one at a time."""

    def __init__(self) -> None:
        self._active = False
        self._current = ""
        self._failed: list[str] = []

    @property
    def active(self) -> bool:
        """Whether it is going on."""
        return self._active

    def begin(self, resources: ActiveResources) -> list[StopEffect]:
        """Start, or go on if it is going on already."""
        if self._active:
            return []
        self._active, self._current, self._failed = True, "", []
        return self.advance(resources)

    def advance(self, resources: ActiveResources) -> list[StopEffect]:
        """Order the next stop when none is running."""
        if not self._active or self._current:
            return []
        left = [name for name in resources.names() if name not in self._failed]
        if not left:
            self._active = False
            return [AllStopped(tuple(self._failed))]
        self._current = left[-1]
        return [StopNext(resources.stop_of(self._current))]

    def finished(self, result: Finished, resources: ActiveResources) -> list[StopEffect]:
        """A stop that this ordered ended; `resources` has taken the result in already."""
        if not self._active or result.operation.resource != self._current or result.operation.action != "stop":
            return []
        if self._current in resources.names():
            self._failed.append(self._current)
        self._current = ""
        return self.advance(resources)

    def refused(self, resource: str, resources: ActiveResources) -> list[StopEffect]:
        """lrmd did not take a stop."""
        if not self._active or resource != self._current:
            return []
        self._failed.append(resource)
        self._current = ""
        return self.advance(resources)

    def again(self, resources: ActiveResources) -> list[StopEffect]:
        """lrmd was restarted: order the stop that it may have lost once more."""
        self._current = ""
        return self.advance(resources)

    def cancel(self) -> None:
        """This node obeys a DC again; what runs is the DC's matter."""
        self._active, self._current = False, ""
