"""Why a score is what it is: every contribution that was made to it, in order.

All changes of a resource's table go through the functions here, so that the ledger is complete: the
contributions for a resource and a node, added up in order, give the score that decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cib.values import MINUS_INFINITY, add_scores
from pengine.vocabulary import ABSENT, PROBE_ALWAYS

if TYPE_CHECKING:
    from pengine.working import Cluster, Node, Resource


class Contribution:
    """One change of one score.

    `source` names the kind of reason (location, stickiness, colocation, failures, ...), `constraint` the id
    of the constraint or option, `amount` what was added, `result` the score afterwards.
    """

    __slots__ = ("amount", "constraint", "node", "resource", "result", "source")

    def __init__(self, resource: str, node: str, source: str, constraint: str, amount: int, result: int) -> None:
        self.resource = resource
        self.node = node
        self.source = source
        self.constraint = constraint
        self.amount = amount
        self.result = result


class Choice:
    """How a primitive got its node.

    `rule` is "score" (the best node, with `tied` the first of several that are as good), "present" (it stays, being as
    good there as anywhere) or "preferred" (what assigns it wanted this one, being as good as any). `tied` are the nodes
    with the best score and how many resources each of them had been given by then, best first; empty for a single one.
    """

    __slots__ = ("node", "rule", "tied")

    def __init__(self, node: str, rule: str, tied: tuple[tuple[str, int], ...]) -> None:
        self.node = node
        self.rule = rule
        self.tied = tied


class Ledger:
    """All contributions of a run. Kept as plain tuples until somebody asks."""

    __slots__ = ("_choices", "_names", "_rows", "changed", "ignored", "nowhere", "orders")

    def __init__(self) -> None:
        self._rows: list[tuple[str, int, str, str, int, int]] = []
        self._choices: dict[str, tuple[int, str, tuple[tuple[int, int], ...]]] = {}
        self._names: list[str] = []
        self.orders: list[tuple[str, str, str, str, str]] = []
        """(constraint, resource, task, later resource, later task): what configured orders ask for."""
        self.ignored: list[tuple[str, str]] = []
        """(resource, constraint): colocations without effect, because they would have left no node."""
        self.changed: set[str] = set()
        """Resources that restart because their definition is not that of the recorded operation any more."""
        self.nowhere: dict[str, tuple[str, str]] = {}
        """By resource: the clone of which it needs an instance that is not there, and the colocation (or "") that says
        so."""

    def record(self, resource: str, index: int, source: str, constraint: str, amount: int, result: int) -> None:
        """Note one change of the score of `resource` on the node with this index."""
        self._rows.append((resource, index, source, constraint, amount, result))

    def choose(self, resource: str, index: int, rule: str, tied: tuple[tuple[int, int], ...]) -> None:
        """Note how a primitive got its node (see `Choice`); the last choice counts."""
        self._choices[resource] = (index, rule, tied)

    def choice(self, resource: str) -> Choice | None:
        """Return how a primitive got its node; None where there was nothing to choose."""
        found = self._choices.get(resource)
        if found is None:
            return None
        index, rule, tied = found
        return Choice(self._names[index], rule, tuple((self._names[place], count) for place, count in tied))

    def name_nodes(self, names: list[str]) -> None:
        """Tell the names behind the node indices."""
        self._names = names

    def explain(self, resource: str, node: str | None = None) -> list[Contribution]:
        """Return the contributions to the scores of a resource, for one node or for all."""
        rows = self.contributions({resource})[resource]
        return [row for row in rows if node is None or row.node == node]

    def contributions(self, resources: set[str]) -> dict[str, list[Contribution]]:
        """Return, for each of some resources, all contributions to its scores in order."""
        found: dict[str, list[Contribution]] = {resource: [] for resource in resources}
        names = self._names
        for resource, index, source, constraint, amount, result in self._rows:
            if resource in found:
                found[resource].append(Contribution(resource, names[index], source, constraint, amount, result))
        return found


def contribute(cluster: Cluster, resource: Resource, index: int, amount: int, source: str, constraint: str) -> None:
    """Add to the score of an entry that exists."""
    scores = resource.allowed.scores
    result = add_scores(scores[index], amount)
    if amount:
        cluster.ledger.record(resource.id, index, source, constraint, amount, result)
    scores[index] = result


def set_score(cluster: Cluster, resource: Resource, index: int, score: int, source: str, constraint: str) -> None:
    """Replace a score (creating the entry): a ban, or the score with which an entry begins."""
    if resource.allowed.scores[index] != score:
        cluster.ledger.record(resource.id, index, source, constraint, score, score)
        resource.allowed.scores[index] = score


def replace_scores(cluster: Cluster, resource: Resource, scores: list[int], source: str, constraint: str) -> None:
    """Take a table of scores that was computed on a copy, and note what it changes."""
    old = resource.allowed.scores
    for index, score in enumerate(scores):
        before = old[index]
        if score != before:
            amount = score if score <= MINUS_INFINITY or before == ABSENT else score - before
            cluster.ledger.record(resource.id, index, source, constraint, amount, score)
    resource.allowed.scores = scores


def note_restored(cluster: Cluster, resource: Resource, scores: list[int]) -> None:
    """Note that a table becomes again what it was: everything since that score was reached counts no longer."""
    if scores == resource.allowed.scores:
        return
    for index, score in enumerate(scores):
        if score != resource.allowed.scores[index]:
            cluster.ledger.record(resource.id, index, "rollback", "", 0, score)


def note_without_partner(cluster: Cluster, resource: Resource, clone: Resource, constraint: str = "") -> None:
    """Note that a resource and all below it get no node, for want of an instance of a clone that it belongs with."""
    cluster.ledger.nowhere[resource.id] = (clone.id, constraint)
    for child in resource.children:
        note_without_partner(cluster, child, clone, constraint)


def add_on_node(
    cluster: Cluster, resource: Resource, node: Node, amount: int, source: str, constraint: str = ""
) -> None:
    """Add a score for a resource and everything below it; an entry begins as the node's global one."""
    for child in resource.children:
        add_on_node(cluster, child, node, amount, source, constraint)
    table = resource.allowed
    if table.scores[node.index] == ABSENT:
        table.scores[node.index] = node.score
        table.modes[node.index] = node.mode
        if node.score:
            cluster.ledger.record(resource.id, node.index, "node", node.id, node.score, node.score)
    contribute(cluster, resource, node.index, amount, source, constraint)


def ban(cluster: Cluster, resource: Resource, node: Node, source: str, constraint: str = "") -> None:
    """Keep a resource and everything below it off a node."""
    add_on_node(cluster, resource, node, MINUS_INFINITY, source, constraint)


def ban_everywhere(cluster: Cluster, resource: Resource, source: str, constraint: str = "") -> None:
    """Keep a resource and everything below it off all nodes, also those that it had no entry for."""
    for node in cluster.nodes:
        add_on_node(cluster, resource, node, MINUS_INFINITY, source, constraint)


def fresh_banned_table(cluster: Cluster, resource: Resource, source: str, constraint: str = "") -> None:
    """Replace a resource's own table by one that bans it from every node."""
    for node in cluster.nodes:
        set_score(cluster, resource, node.index, MINUS_INFINITY, source, constraint)
        resource.allowed.modes[node.index] = PROBE_ALWAYS
        resource.allowed.counts[node.index] = 0
