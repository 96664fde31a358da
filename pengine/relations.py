"""What joins resources and actions with each other: constraints, wishes for an order, notifications, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pengine.state import HistoryEntry
from pengine.vocabulary import BUNDLE, UNKNOWN

if TYPE_CHECKING:
    from pengine.working import Action, Node, Resource


class Notification:
    """The pseudo actions around a task of a clone, and what the instances are told.

    Before a fencing nobody can be told: then there is no `pre`.
    """

    __slots__ = ("entries", "post", "post_done", "pre", "pre_done", "task")

    def __init__(self, task: str, pre: Action | None, pre_done: Action | None, post: Action, post_done: Action) -> None:
        self.task = task
        self.pre = pre
        self.pre_done = pre_done
        self.post = post
        self.post_done = post_done
        self.entries: dict[str, str] = {}


class OrderingRequest:
    """A wish that one thing come before another; resolved into edges once all actions exist.

    Each side is an action, or a resource with the key of an action.
    """

    __slots__ = ("first", "first_key", "first_resource", "marks", "then", "then_key", "then_resource")

    def __init__(
        self,
        first_resource: Resource | None,
        first_key: str,
        first: Action | None,
        then_resource: Resource | None,
        then_key: str,
        then: Action | None,
        marks: int,
    ) -> None:
        self.first_resource = first_resource
        self.first_key = first_key
        self.first = first
        self.then_resource = then_resource
        self.then_key = then_key
        self.then = then
        self.marks = marks


class Colocation:
    """One pair of a colocation constraint: `dependent` is placed relative to `primary`."""

    __slots__ = (
        "dependent",
        "dependent_role",
        "explicit",
        "id",
        "influence",
        "node_attribute",
        "primary",
        "primary_role",
        "score",
    )

    def __init__(
        self,
        identifier: str,
        dependent: Resource,
        primary: Resource,
        score: int,
        dependent_role: int = UNKNOWN,
        primary_role: int = UNKNOWN,
        node_attribute: str = "#uname",
        influence: bool = True,
        explicit: bool = True,
    ) -> None:
        self.id = identifier
        self.dependent = dependent
        self.primary = primary
        self.score = score
        self.dependent_role = dependent_role
        self.primary_role = primary_role
        self.node_attribute = node_attribute
        self.influence = influence
        self.explicit = explicit

    def has_influence(self, tested: Resource | None = None) -> bool:
        """Say whether the dependent's preferences may move the primary (or the resource named)."""
        target = tested if tested is not None else self.primary
        if (
            self.dependent.is_connection
            and self.dependent.internal
            and self.dependent.parent is not None
            and self.dependent.parent.kind == BUNDLE
            and not target.failed
            and len(target.running_on) == 1
        ):
            return False
        return self.influence or not target.running_on


class Location:
    """A location constraint for one resource: scores by node index."""

    __slots__ = ("id", "mode", "resource", "role", "scores")

    def __init__(self, identifier: str, resource: Resource, role: int, mode: int) -> None:
        self.id = identifier
        self.resource = resource
        self.role = role
        """UNKNOWN: for any role."""
        self.mode = mode
        self.scores: dict[int, int] = {}


class TicketConstraint:
    """A resource that needs a ticket."""

    __slots__ = ("id", "loss_policy", "resource", "role", "ticket")

    def __init__(self, identifier: str, resource: Resource, ticket: str, policy: str, role: int) -> None:
        self.id = identifier
        self.resource = resource
        self.ticket = ticket
        self.loss_policy = policy
        self.role = role


class FailedOperation:
    """A recorded failure, for people to see."""

    __slots__ = ("entry", "node", "resource_id")

    def __init__(self, resource_id: str, node: Node, entry: HistoryEntry) -> None:
        self.resource_id = resource_id
        self.node = node
        self.entry = entry


class OperationDigests:
    """The digests that an operation would have now.

    They are calculated once for each operation of a resource on a node, for the first result that asks: that one
    decides which parameters the restart digest covers, and whether there is any.
    """

    __slots__ = ("full", "own", "restart")

    def __init__(self, full: str, restart: str | None, own: bool) -> None:
        self.full = full
        self.restart = restart
        self.own = own
