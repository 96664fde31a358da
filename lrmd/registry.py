"""What is known of the resources of this node, and the order in which they were started; both outlive the process."""

from ipc.note import Note
from lrmd.events import (
    DropResource,
    Effect,
    Recovered,
    SavedHead,
    SavedResource,
    SaveHead,
    SaveOrder,
    SaveResource,
)
from lrmd.messages import Finished, OcfExit, Operation, OperationStatus, OrderStamp, ResourceTable
from lrmd.resource import ACTIVE_EXITS, Resource, may_be_active
from lrmd.results import Outcome

STONITH = "stonith"
"""The class of fence devices."""


class Registry:
    """Owns the rule that whatever may be active here is in the order of start, in memory and on disk.

    `out` is the executor's list of effects; saves are appended there at the moment of the change, so that they come
    before what relies on them.
    """

    def __init__(self, out: list[Effect]) -> None:
        self._out = out
        self._resources: dict[str, Resource] = {}
        self.active: list[str] = []
        """Resources that may be active here, oldest start first."""
        self.generation = 0
        self._next_call_id = 1

    def get(self, name: str) -> Resource | None:
        """The resource of this name, if it is known."""
        return self._resources.get(name)

    def all(self) -> list[Resource]:
        """Every resource, in the order in which they became known."""
        return list(self._resources.values())

    def require(self, operation: Operation) -> Resource:
        """The resource that an operation is for, made known where it was not."""
        resource = self._resources.get(operation.resource)
        if resource is None:
            resource = self._resources[operation.resource] = Resource(operation.resource, operation.agent)
        resource.learn(operation)
        return resource

    def is_active(self, name: str) -> bool:
        """Whether it may be active here."""
        return name in self.active

    def new_call_id(self, newest: OrderStamp | None) -> int:
        """The next call id; it is never given again, in no later life of the executor either."""
        call_id = self._next_call_id
        self._next_call_id += 1
        self.save_head(newest)
        return call_id

    def mark_active(self, name: str, *, again: bool) -> None:
        """It may be active from now on; `again` moves it to the end of the order (a new start)."""
        if name in self.active:
            if not again or self.active[-1] == name:
                return
            self.active.remove(name)
        self.active.append(name)
        self._out.append(SaveOrder(tuple(self.active)))

    def track(self, resource: Resource, operation: Operation, outcome: Outcome) -> None:
        """Keep the order of start true to what a result says."""
        good = outcome.status is OperationStatus.DONE and outcome.exit_code in ACTIVE_EXITS
        if operation.action == "stop":
            if outcome.status is OperationStatus.DONE and outcome.exit_code == OcfExit.OK:
                self._mark_inactive(resource)
        elif operation.action == "monitor" and not operation.interval_ms:
            active = may_be_active(outcome.exit_code, outcome.status)
            if active:
                self.mark_active(resource.name, again=False)
            elif active is False:
                self._mark_inactive(resource)
            if good:
                resource.unknown = False
        elif operation.action == "start" and good:
            resource.unknown = False

    def lost(self, resource: Resource, operation: Operation) -> None:
        """An operation has no result: only a probe can tell what the resource does now.

        A fence device has no process that could tell; it counts as not started, so that it is started anew.
        """
        if operation.agent.standard == STONITH:
            self._mark_inactive(resource)
        resource.unknown = True

    def forget(self, resource: Resource, *, orderer_gone: bool) -> None:
        """Drop the history. A resource that may be active stays known, because a self-stop must find it.

        Where the controller that ordered this is gone, reports that it may never have got are kept for the next one.
        """
        resource.history.clear()
        if not orderer_gone:
            resource.unacknowledged.clear()
        resource.unknown = self.is_active(resource.name)
        self._save_or_drop(resource)

    def acknowledge(self, call_id: int) -> None:
        """The oldest report of this call is in the CIB."""
        for resource in self._resources.values():
            if call_id in resource.unacknowledged:
                resource.acknowledge(call_id)
                self._save_or_drop(resource)
                return

    def new_generation(self) -> None:
        """This node was dead to its peers in between: what runs here counts only after a probe."""
        for resource in self._resources.values():
            if self.is_active(resource.name) and not resource.unknown:
                resource.unknown = True
                self.save(resource)

    def restore(self, event: Recovered) -> list[tuple[Resource, SavedResource]]:
        """Take over what an earlier executor wrote; every resource with its record."""
        if event.head is not None:
            self._next_call_id = event.head.next_call_id
            self.generation = event.head.generation
        restored = [(Resource.restored(record), record) for record in event.resources]
        self._resources = {resource.name: resource for resource, _ in restored}
        for name in event.active_order:
            if name in self._resources:
                self.active.append(name)
            else:
                text = f"{name} may be active here, but its record is lost; it can't be stopped without an order"
                self._out.append(Note("critical", "registry.lost", text, {"resource": name}))
        return restored

    def table(self, newest: OrderStamp | None) -> ResourceTable:
        """Everything known here, for a controller that attaches."""
        return ResourceTable(
            resources=tuple(resource.state() for resource in self._resources.values()),
            active_order=tuple(self.active),
            newest_stamp=newest,
        )

    def unacknowledged(self) -> list[Finished]:
        """Reports that may not be in the CIB, by call id."""
        waiting = [
            result
            for resource in self._resources.values()
            for results in resource.unacknowledged.values()
            for result in results
        ]
        return sorted(waiting, key=lambda result: result.call_id)

    def save(self, resource: Resource) -> None:
        """Write the record of one resource."""
        self._out.append(SaveResource(resource.saved()))

    def save_head(self, newest: OrderStamp | None) -> None:
        """Write the common record."""
        self._out.append(SaveHead(SavedHead(self._next_call_id, newest, self.generation)))

    def _save_or_drop(self, resource: Resource) -> None:
        if resource.is_over():
            del self._resources[resource.name]
            self._out.append(DropResource(resource.name))
        else:
            self.save(resource)

    def _mark_inactive(self, resource: Resource) -> None:
        resource.unknown = False
        if resource.name in self.active:
            self.active.remove(resource.name)
            self._out.append(SaveOrder(tuple(self.active)))
