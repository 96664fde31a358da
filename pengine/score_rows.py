"""The scores that people may ask to see, as they were when something was decided by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pengine.vocabulary import ABSENT

if TYPE_CHECKING:
    from pengine.working import Node

ScoreLine = tuple[str, str, str | None, int]
"""(function, resource id, node name or None, score)."""

PROMOTION = "promotion"


class ScoreRow:
    """A resource's scores on all nodes, by node index; of `PROMOTION` the one score of an instance, and its node."""

    __slots__ = ("function", "node", "resource", "scores")

    def __init__(self, function: str, resource: str, scores: list[int], node: str | None = None) -> None:
        self.function = function
        self.resource = resource
        self.scores = scores
        self.node = node


def lines_of(rows: Sequence[ScoreRow], nodes: list[Node]) -> Iterator[ScoreLine]:
    """Return the scores one by one, in the order of the rows and, in each, of the nodes."""
    for row in rows:
        if row.function == PROMOTION:
            yield row.function, row.resource, row.node, row.scores[0]
            continue
        for node in nodes:
            score = row.scores[node.index] if node.index < len(row.scores) else ABSENT
            if score != ABSENT:
                yield row.function, row.resource, node.name, score
