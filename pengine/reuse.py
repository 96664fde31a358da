"""What was read of a document, kept for as long as what it was read from stays as it is.

A *part* is a typed value that was read from one element: a resource, a constraint, the history of one resource on one
node, a whole section. While it is read it is noted what else it looked at: the parts inside (and what those looked
at), sections searched for an `id-ref`, the list of templates. A part is read again when its element, or something
below it, or something that it looked at has changed since; nobody has to know which kinds of parts depend on which
kinds of changes. What is read again and says the same as before stays the same object, so that whoever keeps
something about a part may go by its identity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

from cib.xml import Element

if TYPE_CHECKING:
    from cib.tree import JournalEntry

T = TypeVar("T")


class Part(Generic[T]):
    """A value, when it was read, and what it depends on besides its own element."""

    __slots__ = ("contents", "listings", "read_at", "value")

    def __init__(self, value: T, read_at: int, contents: tuple[Element, ...], listings: tuple[Element, ...]) -> None:
        self.value = value
        self.read_at = read_at
        self.contents = contents
        """Elements that it depends on with everything below them."""
        self.listings = listings
        """Elements of which it depends on which children they have (names and ids)."""


class Changes:
    """Which elements have changed, and when; what the part that is being read looks at.

    Invariant: `changed` has every element at or below which something changed since it was first seen (unless it left
    the tree), with the time of the latest change, and `relisted` every element whose children came, went or changed
    their id.
    """

    __slots__ = (
        "_changed",
        "_closers",
        "_forgetters",
        "_relisted",
        "contents",
        "listings",
        "now",
        "readings",
        "replaced",
    )

    def __init__(self) -> None:
        self.now = 0
        """Counts the batches of changes."""
        self.contents: dict[Element, None] = {}
        self.listings: dict[Element, None] = {}
        self.readings = 0
        """How many parts were read, ever: what work there was."""
        self.replaced = 0
        """When a whole section came or went, and everything has to be read again."""
        self._changed: dict[Element, int] = {}
        self._relisted: dict[Element, int] = {}
        self._forgetters: list[Callable[[Element], None]] = []
        self._closers: list[Callable[[], None]] = []

    def on_forget(self, forget: Callable[[Element], None], close: Callable[[], None]) -> None:
        """Have `forget` called with every element that has left the tree, and `close` when all is over."""
        self._forgetters.append(forget)
        self._closers.append(close)

    def close(self) -> None:
        """Let go of everything: what keeps parts refers to this, and this to them."""
        for close in self._closers:
            close()
        for kept in (self._forgetters, self._closers, self._changed, self._relisted):
            kept.clear()

    def note(self, root: Element, entries: list[JournalEntry]) -> None:
        """Take what was done to the tree of `root`."""
        from cib.tree import AttributesChanged, Inserted  # who works on files never gets here, and need not load it

        self.now += 1
        for entry in entries:
            if isinstance(entry, AttributesChanged):
                self._note_changed(entry.element)
                if dict(entry.before).get("id") != entry.element.get("id"):
                    self._note_listing(root, entry.element.getparent())
            elif isinstance(entry, Inserted):
                self._note_listing(root, entry.node.getparent())
            else:
                self._note_listing(root, entry.parent)
                self._forget(entry.node)

    def _note_changed(self, element: Element | None) -> None:
        while element is not None:
            self._changed[element] = self.now
            element = element.getparent()

    def _note_listing(self, root: Element, parent: Element | None) -> None:
        if parent is None:
            return
        self._relisted[parent] = self.now
        self._note_changed(parent)
        if parent is root:
            self.replaced = self.now

    def _forget(self, gone: Element) -> None:
        """What left the tree is not kept alive; were it to come back, it would be read again."""
        for element in gone.iter():
            self._changed.pop(element, None)
            self._relisted.pop(element, None)
            for forget in self._forgetters:
                forget(element)

    @property
    def remembered(self) -> int:
        """Of how many elements it is remembered that they changed."""
        return len(self._changed)

    def changed_at(self, element: Element) -> int:
        """Return when something last changed at or below an element; 0: never."""
        return self._changed.get(element, 0)

    def holds(self, element: Element, part: Part[T]) -> bool:
        """Say whether a part would be read as it was."""
        since = part.read_at
        if self.replaced > since or self._changed.get(element, 0) > since:
            return False
        if not part.contents and not part.listings:
            return True
        return all(self._changed.get(item, 0) <= since for item in part.contents) and all(
            self._relisted.get(item, 0) <= since for item in part.listings
        )


class Parts(Generic[T]):
    """The parts of one kind, by the element that they are read from."""

    __slots__ = ("_changes", "_parts", "_read")

    def __init__(self, changes: Changes | None, read: Callable[[Element], T]) -> None:
        """`read` makes the value; without `changes` nothing is kept, since no change will follow."""
        self._changes = changes
        self._read = read
        self._parts: dict[Element, Part[T]] = {}
        if changes is not None:
            changes.on_forget(self._forget, self._close)

    def of(self, element: Element) -> T:
        """Return the part of an element: the one that is there already if it still holds."""
        changes = self._changes
        if changes is None:
            return self._read(element)
        part = self._parts.get(element)
        if part is None or not changes.holds(element, part):
            part = self._parts[element] = self._read_part(changes, element, part)
        if part.contents:
            changes.contents.update(dict.fromkeys(part.contents))
        if part.listings:
            changes.listings.update(dict.fromkeys(part.listings))
        return part.value

    def _read_part(self, changes: Changes, element: Element, before: Part[T] | None) -> Part[T]:
        changes.readings += 1
        contents, listings = changes.contents, changes.listings
        changes.contents, changes.listings = {}, {}
        try:
            value = self._read(element)
            if before is not None and before.value == value:
                value = before.value
            return Part(value, changes.now, tuple(changes.contents), tuple(changes.listings))
        finally:
            changes.contents, changes.listings = contents, listings

    def _forget(self, element: Element) -> None:
        self._parts.pop(element, None)

    def _close(self) -> None:
        self._parts.clear()
        self._read = _closed


def _closed(element: Element) -> NoReturn:
    raise AssertionError(f"nothing is read of a document that was let go: {element.tag!s}")
