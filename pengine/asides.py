"""What a run says between the scores: what nodes can hold, what resources take of it, and notices.

Source: design page 0010, "Text of a run".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pengine.working import Cluster

ORIGINAL, REMAINING = "Original", "Remaining"


class Capacity:
    """What a node has left to give, at the beginning (`comment` Original) or at the end (Remaining)."""

    __slots__ = ("amounts", "comment", "node")

    def __init__(self, comment: str, node: str, amounts: dict[str, int]) -> None:
        self.comment = comment
        self.node = node
        self.amounts = amounts


class Use:
    """What a primitive takes of the node that it was assigned to."""

    __slots__ = ("amounts", "node", "resource")

    def __init__(self, resource: str, node: str, amounts: dict[str, int]) -> None:
        self.resource = resource
        self.node = node
        self.amounts = amounts


class Notice:
    """A sentence about what is about to be done, or need not be."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


Aside = Capacity | Use | Notice


def say(cluster: Cluster, aside: Aside) -> None:
    """Keep what came about at this point of the run, for those who look at scores and utilization."""
    cluster.asides.append((len(cluster.score_rows), aside))
