"""The patch of changes that were just made, read off the journal instead of comparing two documents.

Its cost depends on what was changed only. The result says what the document looks like now: an element that was
created and then filled is one `Create`, one that was created and deleted again does not appear.
"""

from __future__ import annotations

from cib.patch import Attributes, Change, Create, Delete, Modify
from cib.tree import AttributesChanged, Inserted, JournalEntry, Removed, Tree, attributes_of
from cib.xml import Element, is_comment, serialise


def changes_of(tree: Tree, entries: list[JournalEntry]) -> tuple[Change, ...]:
    """Return the changes that lead from the tree before `entries` to the present one."""
    recording = _Recording(tree)
    for entry in entries:
        recording.add(entry)
    return recording.changes()


class _Recording:
    """Sums a journal up."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._deleted: list[Change] = []
        self._created: dict[Element, None] = {}
        self._ever_created: set[Element] = set()
        self._before: dict[Element, Attributes] = {}
        self._vanished = False
        """Whether something that was inserted is gone again; nobody knows any more where it was."""

    def add(self, entry: JournalEntry) -> None:
        if isinstance(entry, AttributesChanged):
            self._before.setdefault(entry.element, entry.before)
        elif isinstance(entry, Inserted):
            self._created[entry.node] = None
            self._ever_created.add(entry.node)
        else:
            self._add_removal(entry)

    def _add_removal(self, entry: Removed) -> None:
        if entry.node in self._created:
            del self._created[entry.node]
            self._vanished = True
            return
        if self._inside_created(entry.parent):
            return
        shifted = is_comment(entry.node) and self._may_have_shifted(entry.parent)
        if entry.ambiguous or shifted or self._was_renamed(entry.node):
            self._rewrite_section(entry.path)
        else:
            self._deleted.append(Delete(entry.path, entry.position))

    def _may_have_shifted(self, parent: Element) -> bool:
        """Whether positions below `parent` may be other ones than before: a patch deletes before it creates."""
        return self._vanished or any(node.getparent() is parent for node in self._ever_created)

    def _was_renamed(self, node: Element) -> bool:
        """Whether the node had another id before: its path was another one."""
        before = self._before.get(node)
        return before is not None and dict(before).get("id") != node.get("id")

    def _inside_created(self, node: Element) -> bool:
        current: Element | None = node
        while current is not None:
            if current in self._ever_created:
                return True
            current = current.getparent()
        return False

    def _rewrite_section(self, path: str) -> None:
        """Give up on describing the inside of a section in which paths mislead: it is deleted and created.

        That is right whatever else happened inside. It does not come up in documents whose elements have ids.
        """
        section_path = "/".join(path.split("/")[:3])
        section = self._tree.find(section_path)
        if section is None or section in self._ever_created:
            return
        self._deleted.append(Delete(section_path))
        self._created[section] = None
        self._ever_created.add(section)

    def changes(self) -> tuple[Change, ...]:
        modified = self._modified()
        for node in list(self._created):
            parent = node.getparent()
            if parent is not None and self._is_outermost(node) and self._is_ambiguous(parent):
                self._rewrite_section(self._tree.path(parent))
        created = [node for node in self._created if self._is_outermost(node)]
        still_there = [change for element, change in modified if not self._inside_created(element)]
        return (*self._deleted, *still_there, *(self._create(node) for node in created))

    def _is_ambiguous(self, element: Element) -> bool:
        return self._tree.find(self._tree.path(element)) is not element

    def _is_outermost(self, node: Element) -> bool:
        parent = node.getparent()
        return parent is not None and self._tree.contains(node) and not self._inside_created(parent)

    def _create(self, node: Element) -> Create:
        parent = node.getparent()
        assert parent is not None
        return Create(self._tree.path(parent), self._tree.position(node), serialise(node))

    def _modified(self) -> list[tuple[Element, Modify]]:
        found: list[tuple[Element, Modify]] = []
        for element, before in self._before.items():
            after = attributes_of(element)
            if after == before or not self._tree.contains(element) or self._inside_created(element):
                continue
            if self._is_ambiguous(element) or dict(before).get("id") != element.get("id"):
                self._rewrite_section(self._tree.path(element))
                continue
            found.append((element, modification(self._tree.path(element), before, after)))
        return found


def modification(path: str, before: Attributes, after: Attributes) -> Modify:
    """Return the change of attributes from `before` to `after`; all are listed from the first displaced one on."""
    old = dict(before)
    new = dict(after)
    kept = [name for name, _ in before if name in new]
    displaced = [name for name, _ in after if name in old] != kept
    return Modify(
        path=path,
        result=after,
        changed=tuple((name, value) for name, value in after if displaced or old.get(name) != value),
        removed=tuple(name for name, _ in before if name not in new),
    )
