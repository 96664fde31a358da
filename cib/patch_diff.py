"""The patch that leads from one document to another, found by comparing them.

Children are matched by name and id, comments by their text; the longest run of children that keep their order stays,
the others move.
"""

from __future__ import annotations

from bisect import bisect_left

from cib.patch import Change, Create, Delete, Move
from cib.patch_record import modification
from cib.tree import attributes_of
from cib.xml import Element, is_comment, name_of, path_step, serialise

_Key = tuple[str, str | None]


def compare(before: Element, after: Element, unchanged: Element | None = None) -> tuple[Change, ...]:
    """Return the changes that make a copy of `before` equal to `after`; both are roots of the same name.

    `unchanged` is an element of `before` whose partner in `after` only stands for it.
    """
    comparison = _Comparison(unchanged)
    comparison.element(before, after, path_step(after))
    return (*comparison.deleted, *comparison.others)


class _Comparison:
    """Collects the deletions, which come first in a patch, and all other changes in document order."""

    def __init__(self, unchanged: Element | None) -> None:
        self._unchanged = unchanged
        self.deleted: list[Delete] = []
        self.others: list[Change] = []

    def element(self, before: Element, after: Element, path: str) -> None:
        old, new = attributes_of(before), attributes_of(after)
        if old != new:
            self.others.append(modification(path, old, new))
        if len(before) == 0 and len(after) == 0:
            return
        self._children(before, after, path)

    def _children(self, before: Element, after: Element, path: str) -> None:
        old_nodes, new_nodes = list(before), list(after)
        pairs = _match(old_nodes, new_nodes)
        matched_old = set(pairs.values())
        self._delete([node for node in range(len(old_nodes)) if node not in matched_old], old_nodes, path)
        staying = _longest_ordered(pairs)
        for position, node in enumerate(new_nodes):
            partner = pairs.get(position)
            if partner is None:
                self.others.append(Create(path, position, serialise(node)))
                continue
            if not is_comment(node) and self._replaced(old_nodes[partner], node, path, position):
                continue
            if position not in staying:
                self.others.append(Move(f"{path}{path_step(node)}", position))

    def _replaced(self, before: Element, after: Element, path: str, position: int) -> bool:
        """Describe how a pair differs; True when it is deleted and created anew at its place, and so never moves."""
        if before is self._unchanged or serialise(before) == serialise(after):
            return False
        step = f"{path}{path_step(after)}"
        if _paths_are_ambiguous(before) or _paths_are_ambiguous(after):
            self.deleted.append(Delete(step))
            self.others.append(Create(path, position, serialise(after)))
            return True
        self.element(before, after, step)
        return False

    def _delete(self, gone: list[int], nodes: list[Element], path: str) -> None:
        for already, index in enumerate(gone):
            node = nodes[index]
            if is_comment(node):
                self.deleted.append(Delete(f"{path}/comment", index - already))
            else:
                self.deleted.append(Delete(f"{path}{path_step(node)}"))


def _key(node: Element) -> _Key:
    return ("<!--", node.text or "") if is_comment(node) else (name_of(node), node.get("id"))


def _match(old_nodes: list[Element], new_nodes: list[Element]) -> dict[int, int]:
    """Return for positions in the new list the position of the node in the old list that becomes it."""
    waiting: dict[_Key, list[int]] = {}
    for index, node in enumerate(old_nodes):
        waiting.setdefault(_key(node), []).append(index)
    for indexes in waiting.values():
        indexes.reverse()
    pairs: dict[int, int] = {}
    for position, node in enumerate(new_nodes):
        candidates = waiting.get(_key(node))
        if candidates:
            pairs[position] = candidates.pop()
    return _without_moved_comments(pairs, new_nodes)


def _without_moved_comments(pairs: dict[int, int], new_nodes: list[Element]) -> dict[int, int]:
    """Drop pairs of comments that would have to move: a path cannot name one comment of several."""
    staying = _longest_ordered(pairs)
    return {new: old for new, old in pairs.items() if new in staying or not is_comment(new_nodes[new])}


def _longest_ordered(pairs: dict[int, int]) -> set[int]:
    """Return the new positions of the longest run of nodes whose order is the same in both lists."""
    tails: list[int] = []
    ends: list[int] = []
    previous: dict[int, int | None] = {}
    for new in sorted(pairs):
        old = pairs[new]
        place = bisect_left(tails, old)
        previous[new] = ends[place - 1] if place else None
        if place == len(tails):
            tails.append(old)
            ends.append(new)
        else:
            tails[place] = old
            ends[place] = new
    staying: set[int] = set()
    current = ends[-1] if ends else None
    while current is not None:
        staying.add(current)
        current = previous[current]
    return staying


def _paths_are_ambiguous(parent: Element) -> bool:
    seen: set[_Key] = set()
    for child in parent:
        if is_comment(child):
            continue
        key = _key(child)
        if key in seen:
            return True
        seen.add(key)
    return False
