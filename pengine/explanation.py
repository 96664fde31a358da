"""What there is to say about a decision, as values: who reads it, and in which words, is decided elsewhere.

`pengine.explain` makes an `Explanation` of a resource, `crmsh.simulation.explanation` words of it. Every value is plain
data.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pengine.ledger import Contribution


@dataclass(slots=True)
class Reason:
    """One reason, told by its kind.

    Each kind has its words, and what would change it, in `crmsh.simulation.explanation_words`.

    `subject` is the other resource, ticket or node that it is about, `constraint` the id of the constraint or of the
    recorded operation, `detail` what else belongs to it (places, numbers), `node` the node that it concerns.
    """

    kind: str
    subject: str = ""
    constraint: str = ""
    detail: str = ""
    node: str = ""


@dataclass(slots=True)
class NodeView:
    """A resource seen from one node: what its score is made of, and what keeps it from there.

    `score` is None where the resource has no entry for the node at all. With `obstacles` the node can't be used.
    `contributions` are those that counted, in the order in which they were added.
    """

    node: str
    score: int | None
    chosen: bool
    current: bool
    obstacles: list[Reason] = field(default_factory=list)
    contributions: list[Contribution] = field(default_factory=list)
    against: Reason | None = None
    """For a node that could be used and is not: why another one was chosen."""


@dataclass(slots=True)
class Wait:
    """What an action waits for: another action, and the relation that makes it wait."""

    relation: Reason
    task: str
    resource: str | None
    node: str | None
    interval_ms: int = 0


@dataclass(slots=True)
class ActionView:
    """An action: why it exists, what it waits for, and, where it can't be done, why that is so."""

    task: str
    resource: str
    node: str | None
    interval_ms: int
    why: Reason
    waits: list[Wait] = field(default_factory=list)
    impossible: list[Reason] = field(default_factory=list)
    """From the action itself to what is at the bottom of it; empty where it is done."""


@dataclass(slots=True)
class PartView:
    """A primitive, or an instance of one.

    `verdict` says what becomes of it: stays, starts, moves, migrates, restarts, recovers, reloads, promotes, demotes,
    stops, stopped, waits (it has a node but can't start), kept (nobody manages it). `causes` say why, the decisive one
    first.
    """

    id: str
    verdict: str
    current: list[str]
    target: str | None
    role: str
    causes: list[Reason]
    nodes: list[NodeView]
    actions: list[ActionView]
    promotion: Reason | None = None
    ignored: list[str] = field(default_factory=list)
    """Colocations without effect, because they would have left no node."""


@dataclass(slots=True)
class Explanation:
    """All that there is to say about a resource. `node` is the one that was asked about, if one was."""

    id: str
    kind: str
    node: str | None
    parts: list[PartView]
    actions: list[ActionView]
    """Those of a group, clone or bundle itself."""
