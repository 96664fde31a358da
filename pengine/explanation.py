"""What there is to say about a decision, as values: who reads it, and in which words, is decided elsewhere.

`pengine.explain` makes an `Explanation` of a resource, `crmsh.simulation.explanation` words of it. Every value is plain
data.
"""

from __future__ import annotations

from cib.record import Record
from pengine.ledger import Contribution


class Reason(Record):
    """One reason, told by its kind.

    Each kind has its words, and what would change it, in `crmsh.simulation.explanation_words`.

    `subject` is the other resource, ticket or node that it is about, `constraint` the id of the constraint or of the
    recorded operation, `detail` what else belongs to it (places, numbers), `node` the node that it concerns.
    """

    __slots__ = ("constraint", "detail", "kind", "node", "subject")

    def __init__(self, kind: str, subject: str = "", constraint: str = "", detail: str = "", node: str = "") -> None:
        self.kind = kind
        self.subject = subject
        self.constraint = constraint
        self.detail = detail
        self.node = node


class NodeView(Record):
    """A resource seen from one node: what its score is made of, and what keeps it from there.

    `score` is None where the resource has no entry for the node at all. With `obstacles` the node can't be used.
    `contributions` are those that counted, in the order in which they were added.
    """

    __slots__ = ("against", "chosen", "contributions", "current", "node", "obstacles", "score")

    def __init__(
        self,
        node: str,
        score: int | None,
        chosen: bool,
        current: bool,
        obstacles: list[Reason] | None = None,
        contributions: list[Contribution] | None = None,
        against: Reason | None = None,
    ) -> None:
        self.node = node
        self.score = score
        self.chosen = chosen
        self.current = current
        self.obstacles: list[Reason] = obstacles if obstacles is not None else []
        self.contributions: list[Contribution] = contributions if contributions is not None else []
        self.against = against
        """For a node that could be used and is not: why another one was chosen."""


class Wait(Record):
    """What an action waits for: another action, and the relation that makes it wait."""

    __slots__ = ("interval_ms", "node", "relation", "resource", "task")

    def __init__(
        self, relation: Reason, task: str, resource: str | None, node: str | None, interval_ms: int = 0
    ) -> None:
        self.relation = relation
        self.task = task
        self.resource = resource
        self.node = node
        self.interval_ms = interval_ms


class ActionView(Record):
    """An action: why it exists, what it waits for, and, where it can't be done, why that is so."""

    __slots__ = ("impossible", "interval_ms", "node", "resource", "task", "waits", "why")

    def __init__(
        self,
        task: str,
        resource: str,
        node: str | None,
        interval_ms: int,
        why: Reason,
        waits: list[Wait] | None = None,
        impossible: list[Reason] | None = None,
    ) -> None:
        self.task = task
        self.resource = resource
        self.node = node
        self.interval_ms = interval_ms
        self.why = why
        self.waits: list[Wait] = waits if waits is not None else []
        self.impossible: list[Reason] = impossible if impossible is not None else []
        """From the action itself to what is at the bottom of it; empty where it is done."""


class PartView(Record):
    """A primitive, or an instance of one.

    `verdict` says what becomes of it: stays, starts, moves, migrates, restarts, recovers, reloads, promotes, demotes,
    stops, stopped, waits (it has a node but can't start), kept (nobody manages it). `causes` say why, the decisive one
    first.
    """

    __slots__ = ("actions", "causes", "current", "id", "ignored", "nodes", "promotion", "role", "target", "verdict")

    def __init__(
        self,
        id: str,
        verdict: str,
        current: list[str],
        target: str | None,
        role: str,
        causes: list[Reason],
        nodes: list[NodeView],
        actions: list[ActionView],
        promotion: Reason | None = None,
        ignored: list[str] | None = None,
    ) -> None:
        self.id = id
        self.verdict = verdict
        self.current = current
        self.target = target
        self.role = role
        self.causes = causes
        self.nodes = nodes
        self.actions = actions
        self.promotion = promotion
        self.ignored: list[str] = ignored if ignored is not None else []
        """Colocations without effect, because they would have left no node."""


class Explanation(Record):
    """All that there is to say about a resource. `node` is the one that was asked about, if one was."""

    __slots__ = ("actions", "id", "kind", "node", "parts")

    def __init__(self, id: str, kind: str, node: str | None, parts: list[PartView], actions: list[ActionView]) -> None:
        self.id = id
        self.kind = kind
        self.node = node
        self.parts = parts
        self.actions = actions
        """Those of a group, clone or bundle itself."""
