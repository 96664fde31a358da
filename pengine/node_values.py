"""What the nodes have of one node attribute, side by side."""

from __future__ import annotations


class NodeValues:
    """By node index the value of a node attribute; whether no two nodes have the same one, for any resource."""

    __slots__ = ("distinct", "values")

    def __init__(self, values: list[str | None], distinct: bool) -> None:
        self.values = values
        self.distinct = distinct
