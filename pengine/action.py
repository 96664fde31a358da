"""Actions of a run and the edges between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pengine.vocabulary import NEEDS_NOTHING

if TYPE_CHECKING:
    from pengine.state import OperationDefinition
    from pengine.working import Node, Resource


class ChangeCount:
    """Counts changes, so that what was concluded from something can be kept until the count is another one."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Action:
    """Something that may have to be done, and everything that the ordering of it needs."""

    __slots__ = (
        "after",
        "after_marks",
        "before",
        "blocked_by",
        "cancel_call_id",
        "cancel_task",
        "changes",
        "deduplicated",
        "flags",
        "id",
        "interval_ms",
        "judged",
        "judged_at",
        "key",
        "meta",
        "needs",
        "node",
        "operation",
        "original_task",
        "parameters",
        "priority",
        "reason",
        "required_before",
        "required_by",
        "resource",
        "runnable_before",
        "task",
    )

    def __init__(self, identifier: int, key: str, task: str, resource: Resource | None) -> None:
        self.id = identifier
        self.key = key
        self.task = task
        self.resource = resource
        self.node: Node | None = None
        self.flags = 0
        """Changed by `set` and `clear` alone."""
        self.changes = resource.changes if resource is not None else ChangeCount()
        self.judged: dict[int, int] | None = None
        """Of a collective resource's action: the flags that its parts give it, by node index (-1: on any node)."""
        self.judged_at = -1
        """The count of `changes` for which `judged` holds."""
        self.original_task: str | None = None
        """See `effective_flags.original_task`."""
        self.interval_ms = 0
        self.reason: str | None = None
        self.priority = 0
        self.needs = NEEDS_NOTHING
        self.operation: OperationDefinition | None = None
        self.meta: dict[str, str] = {}
        self.parameters: dict[str, str] | None = None
        self.before: list[Edge] = []
        self.after: list[Edge] = []
        self.after_marks: dict[int, int] = {}
        """By the id of a later action the marks of all edges to it, to find duplicates at once."""
        self.required_before = 0
        self.runnable_before = 0
        self.cancel_task: str | None = None
        """For a cancellation the task of the operation that is cancelled."""
        self.cancel_call_id: str | None = None
        self.deduplicated = False
        self.required_by: Action | None = None
        """The action that made it required, and `blocked_by` the one that made it impossible: the first of each."""
        self.blocked_by: Action | None = None

    def set(self, flags: int) -> None:
        """Set flags."""
        if self.flags & flags != flags:
            self.flags |= flags
            self.changed()

    def clear(self, flags: int) -> None:
        """Clear flags."""
        if self.flags & flags:
            self.flags &= ~flags
            self.changed()

    def place(self, node: Node) -> None:
        """Take the action to a node."""
        self.node = node
        self.changed(structure=True)

    def changed(self, *, structure: bool = False) -> None:
        """Count a change; one of `structure` is a new action, or one that has got another node or task."""
        if self.resource is None:
            self.changes.count += 1
        else:
            self.resource.count_change(structure=structure)

    def __repr__(self) -> str:
        return f"<action {self.id} {self.key} on {self.node.name if self.node else '-'} {self.flags:x}>"


class Edge:
    """One side of an ordering: marks and the action on the other side."""

    __slots__ = ("action", "in_graph", "marks", "settled")

    def __init__(self, action: Action, marks: int) -> None:
        self.action = action
        self.marks = marks
        self.in_graph = False
        self.settled = -1
        """The sum of the changes on both sides at which the edge was found to have no effect.

        Where the later side makes no difference, -2 less the changes of the earlier one.
        """
