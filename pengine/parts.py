"""What a clone or bundle consists of, as far as one task goes: the actions of its instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pengine.working import Action


class Parts:
    """The newest actions of one task, found once for all orderings with the clone.

    `newest` are those of each instance, wherever they are. `by_node` are by node index those of each instance there;
    for an instance that is a group the group's own action, where any of its members has one there. `groups` is the
    number of instances that are groups and have the action.
    """

    __slots__ = ("by_node", "groups", "newest")

    def __init__(self) -> None:
        self.newest: list[Action] = []
        self.by_node: dict[int, list[Action]] = {}
        self.groups = 0

    def add(self, index: int, action: Action) -> None:
        """Note that an instance has an action on the node with this index."""
        self.by_node.setdefault(index, []).append(action)
