"""What a clone or bundle consists of: where its instances are known and active, and their actions of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pengine.working import Action, Resource


class InstanceActions:
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


class MemberPlaces:
    """By node index the first instance (or member of one) that is active there; and where any is known of."""

    __slots__ = ("active", "known")

    def __init__(self, members: list[Resource]) -> None:
        self.active: dict[int, Resource] = {}
        self.known: set[int] = set()
        for member in members:
            for node in member.running_on:
                self.active.setdefault(node.index, member)
            self.known.update(member.known_on)
