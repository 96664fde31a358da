"""A CIB in memory: the lxml tree, found by path without scanning, changed with an undo log.

Every change goes through the methods of `Document`, which keep the index of children and the journal. The cost of a
change depends on what it touches, not on the size of the document.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable

import msgspec

from cib.digest import configuration_digest, filtered_digest
from cib.errors import ParseError
from cib.version import VERSION_ATTRIBUTES, CibVersion
from cib.xml import MAX_BYTES, Element, is_comment, name_of, parse, path_step, serialise, serialise_pretty, shell_of

_STEP = re.compile(r"/([^/\[]+)(?:\[@id='(.*?)'\])?(?=/|$)")
_INDEX_FROM = 12
"""Parents with fewer children are searched; an index would cost more than it saves."""

CONFIGURATION_SECTIONS = (
    "crm_config",
    "nodes",
    "resources",
    "constraints",
    "rsc_defaults",
    "op_defaults",
    "acls",
    "fencing-topology",
    "tags",
    "alerts",
)

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
    """An earlier sibling has the same name and id, so that `path` names the wrong one."""


class RootReplaced(msgspec.Struct, frozen=True, eq=False):
    """Journal: the whole tree was exchanged; `before` was its root."""

    before: Element


JournalEntry = AttributesChanged | Inserted | Removed | RootReplaced


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


class Document:
    """A CIB. `root` is the `cib` element; whoever changes the tree uses the methods here."""

    __slots__ = ("_children", "_journal", "root")

    def __init__(self, root: Element) -> None:
        self.root = root
        self._children: dict[Element, _Children] = {}
        self._journal: list[JournalEntry] = []

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "the input", max_bytes: int = MAX_BYTES) -> Document:
        """Read a document; `source` names it in errors. Raises `ParseError` (also where the root is not `cib`)."""
        root = parse(data, source, max_bytes)
        if root.tag != "cib":
            raise ParseError(
                source, root.sourceline or 0, 1, f"the outermost element is <{name_of(root)}>, expected <cib>"
            )
        return cls(root)

    def to_bytes(self) -> bytes:
        """Return the document as Pacemaker's files have it: indented, no XML declaration."""
        return serialise_pretty(self.root)

    def to_compact_bytes(self) -> bytes:
        """Return the document in one line, as it travels."""
        return serialise(self.root)

    def to_disk_bytes(self) -> bytes:
        """Return what is kept in cib.xml: the document without status, with num_updates 0."""
        root = shell_of(self.root)
        root.set("num_updates", "0")
        configuration = self.root.find("configuration")
        if configuration is not None:
            root.append(copy.deepcopy(configuration))
        return serialise_pretty(root)

    def copy(self) -> Document:
        """Return an independent copy, with an empty journal."""
        return Document(copy.deepcopy(self.root))

    def digest(self) -> str:
        """Return Pacemaker's digest of the whole document."""
        return filtered_digest(self.root)

    def configuration_digest(self) -> str:
        """Return the digest that names this configuration version."""
        return configuration_digest(self.root)

    @property
    def version(self) -> CibVersion:
        """The version triple."""
        get = self.root.get
        try:
            return CibVersion(*[int(get(name, "0")) for name in VERSION_ATTRIBUTES])
        except ValueError:
            return CibVersion.of({name: get(name, "0") for name in VERSION_ATTRIBUTES})

    # finding

    def section(self, name: str) -> Element | None:
        """Return the element of a section; empty, `cib` and `all` name the root. None: unknown or not there."""
        if name in ("", "cib", "all"):
            return self.root
        if name in ("status", "configuration"):
            return self.root.find(name)
        if name in CONFIGURATION_SECTIONS:
            return self.root.find(f"configuration/{name}")
        return None

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
        comment = is_comment(node)
        first = node if comment else self.child(parent, name_of(node), node.get("id"))
        entry = Removed(
            node=node,
            parent=parent,
            following=node.getnext(),
            path=self.path(node),
            position=parent.index(node) if comment else -1,
            ambiguous=first is not node,
        )
        self._detach(parent, node)
        self._journal.append(entry)

    def replace_root(self, root: Element) -> None:
        """Exchange the whole tree."""
        self._journal.append(RootReplaced(self.root))
        self.root = root
        self._children.clear()

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
            elif isinstance(entry, Removed):
                self._reattach(entry)
            else:
                self.root = entry.before
                self._children.clear()

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
