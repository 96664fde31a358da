"""The element tree of a CIB: found by path without scanning, changed with an undo log.

Every change goes through the methods of `Tree`, which keep the index of children and the journal. The cost of a
change depends on what it touches, not on the size of the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from cib.xml import Element, is_comment, name_of, path_step

_STEP = re.compile(r"/([^/\[]+)(?:\[@id='(.*?)'\])?(?=/|$)")
_INDEX_FROM = 12
"""Parents with fewer children are searched; an index would cost more than it saves."""

Attributes = tuple[tuple[str, str], ...]


class AttributesChanged(msgspec.Struct, frozen=True, eq=False):
    """Journal: the attributes of `element` were `before`, in this order."""

    element: Element
    before: Attributes


class Inserted(msgspec.Struct, frozen=True, eq=False):
    """Journal: `node` (element or comment) came in."""

    node: Element


class Removed(msgspec.Struct, frozen=True, eq=False):
    """Journal: `node` stood below `parent`, before `following` (None: last)."""

    node: Element
    parent: Element
    following: Element | None
    path: str
    position: int
    """Among its siblings; counted only for comments, which have no id to be found by."""
    ambiguous: bool
    """Earlier siblings on the way have the same name and id, so that `path` names another node."""


JournalEntry = AttributesChanged | Inserted | Removed


class _Children:
    """The children of one element by name and id; the first counts where several are alike."""

    __slots__ = ("by_key", "count", "unique")

    def __init__(self, parent: Element) -> None:
        self.by_key: dict[tuple[str, str | None], Element] = {}
        self.count = 0
        self.unique = True
        for child in parent:
            self.count += 1
            if not is_comment(child) and self.by_key.setdefault((name_of(child), child.get("id")), child) is not child:
                self.unique = False


class Tree:
    """An element tree with an index and a journal; whoever changes it uses the methods here."""

    __slots__ = ("_children", "_journal", "root")

    def __init__(self, root: Element) -> None:
        self.root = root
        self._children: dict[Element, _Children] = {}
        self._journal: list[JournalEntry] = []

    # finding

    def child(self, parent: Element, name: str, identity: str | None) -> Element | None:
        """Return the first child element of this name and id (None: without id)."""
        index = self._children.get(parent)
        if index is None:
            if len(parent) < _INDEX_FROM:
                for child in parent:
                    if child.tag == name and child.get("id") == identity:
                        return child
                return None
            index = self._children[parent] = _Children(parent)
        return index.by_key.get((name, identity))

    def first_child(self, parent: Element, name: str) -> Element | None:
        """Return the first child element of this name, whatever its id."""
        return parent.find(name)

    def find(self, path: str) -> Element | None:
        """Return the element at a patch path (/cib/status/node_state[@id='n1']/…), None where a step is missing."""
        steps = split_path(path)
        if not steps or steps[0][0] != self.root.tag:
            return None
        element: Element | None = self.root
        for name, identity in steps[1:]:
            if element is None:
                return None
            element = self.child(element, name, identity)
        return element

    def path(self, node: Element) -> str:
        """Return the patch path of an element, or of a comment (whose last step is `/comment`)."""
        steps: list[str] = []
        current: Element | None = node
        while current is not None:
            steps.append("/comment" if is_comment(current) else path_step(current))
            current = current.getparent()
        return "".join(reversed(steps))

    def position(self, node: Element) -> int:
        """Return how many siblings (elements and comments) stand before `node`."""
        parent = node.getparent()
        assert parent is not None
        index = self._children.get(parent)
        if index is not None and node.getnext() is None:
            return index.count - 1
        return parent.index(node)

    def contains(self, node: Element) -> bool:
        """Say whether the node hangs in this tree."""
        current: Element | None = node
        while current is not None:
            if current is self.root:
                return True
            current = current.getparent()
        return False

    # changing

    def set_attribute(self, element: Element, name: str, value: str) -> None:
        """Set an attribute."""
        if element.get(name) != value:
            self._note_attributes(element, identity=name == "id")
            element.set(name, value)

    def remove_attribute(self, element: Element, name: str) -> None:
        """Remove an attribute; it may be absent."""
        if element.get(name) is not None:
            self._note_attributes(element, identity=name == "id")
            del element.attrib[name]

    def set_attributes(self, element: Element, attributes: Iterable[tuple[str, str]]) -> None:
        """Make these the attributes of the element, in this order and no others."""
        wanted = tuple(attributes)
        self._note_attributes(element, identity=dict(wanted).get("id") != element.get("id"))
        _write_attributes(element, wanted)

    def insert(self, parent: Element, node: Element, position: int = -1) -> None:
        """Put a node that hangs in no tree below `parent`, at a position among its children; -1: last."""
        assert node.getparent() is None
        self._attach(parent, node, position)
        self._journal.append(Inserted(node))

    def remove(self, node: Element) -> None:
        """Take a node with everything below it out of the tree."""
        parent = node.getparent()
        assert parent is not None, "the root is replaced, not removed"
        path = self.path(node)
        comment = is_comment(node)
        entry = Removed(
            node=node,
            parent=parent,
            following=node.getnext(),
            path=path,
            position=parent.index(node) if comment else -1,
            ambiguous=self.find(self.path(parent) if comment else path) is not (parent if comment else node),
        )
        self._detach(parent, node)
        self._journal.append(entry)

    # the journal

    def mark(self) -> int:
        """Return the present point of the journal, for `undo_to` and `entries_since`."""
        return len(self._journal)

    def entries_since(self, mark: int) -> list[JournalEntry]:
        """Return what was done since `mark`, oldest first."""
        return self._journal[mark:]

    def forget_journal(self) -> None:
        """Make everything done so far final."""
        self._journal.clear()

    def undo_to(self, mark: int) -> None:
        """Take back everything that was done since `mark`; the tree is as it was, attribute order included."""
        while len(self._journal) > mark:
            entry = self._journal.pop()
            if isinstance(entry, AttributesChanged):
                if dict(entry.before).get("id") != entry.element.get("id"):
                    self._forget_siblings(entry.element)
                _write_attributes(entry.element, entry.before)
            elif isinstance(entry, Inserted):
                parent = entry.node.getparent()
                assert parent is not None
                self._detach(parent, entry.node)
            else:
                self._reattach(entry)

    # details

    def _note_attributes(self, element: Element, *, identity: bool) -> None:
        if identity:
            self._forget_siblings(element)
        self._journal.append(AttributesChanged(element, attributes_of(element)))

    def _forget_siblings(self, element: Element) -> None:
        parent = element.getparent()
        if parent is not None:
            self._children.pop(parent, None)

    def _attach(self, parent: Element, node: Element, position: int) -> None:
        index = self._children.get(parent)
        if position < 0 or (index is not None and position >= index.count):
            parent.append(node)
        else:
            parent.insert(position, node)
            if index is not None and not is_comment(node) and (name_of(node), node.get("id")) in index.by_key:
                # It may now be the first of its kind.
                del self._children[parent]
                return
        if index is not None:
            index.count += 1
            if not is_comment(node) and index.by_key.setdefault((name_of(node), node.get("id")), node) is not node:
                index.unique = False

    def _reattach(self, entry: Removed) -> None:
        if entry.following is None:
            self._attach(entry.parent, entry.node, -1)
            return
        entry.following.addprevious(entry.node)
        self._children.pop(entry.parent, None)

    def _detach(self, parent: Element, node: Element) -> None:
        if self._children:
            for below in node.iter():
                self._children.pop(below, None)
        parent.remove(node)
        index = self._children.get(parent)
        if index is None:
            return
        if not index.unique:
            del self._children[parent]
            return
        index.count -= 1
        if not is_comment(node):
            index.by_key.pop((name_of(node), node.get("id")), None)


def attributes_of(element: Element) -> Attributes:
    """Return the attributes of an element in their order."""
    return tuple((str(name), str(value)) for name, value in element.attrib.items())


def _write_attributes(element: Element, attributes: Iterable[tuple[str, str]]) -> None:
    element.attrib.clear()
    for name, value in attributes:
        element.set(name, value)


def split_path(path: str) -> list[tuple[str, str | None]]:
    """Return the steps of a patch path as (name, id); empty where it is none."""
    steps: list[tuple[str, str | None]] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            return []
        steps.append((match.group(1), match.group(2)))
        position = match.end()
    return steps
