"""Follows `id-ref`: one element may stand for another, anywhere in the document."""

from __future__ import annotations

from cib.xml import Element
from pengine.reuse import Changes


class References:
    """Where the ids of a document are, section by section (the children of `cib`)."""

    __slots__ = ("_changes", "_root", "_sections")

    def __init__(self, root: Element, changes: Changes | None) -> None:
        self._root = root
        self._changes = changes
        self._sections: dict[Element, tuple[int, dict[str, Element]]] = {}
        """When the ids of a section were collected, and where each of them is first."""
        if changes is not None:
            changes.on_forget(self._forget, self._sections.clear)

    def resolve(self, element: Element) -> Element:
        """Return the element that `id-ref` names (the first one of that id), or the element itself."""
        reference = element.get("id-ref")
        if reference is None:
            return element
        for section in self._root:
            if self._changes is not None:
                # The answer is another one as soon as anything in a section that was searched is.
                self._changes.contents[section] = None
            found = self._ids(section).get(reference)
            if found is not None:
                return found
        return element

    def _ids(self, section: Element) -> dict[str, Element]:
        known = self._sections.get(section)
        if known is not None and (self._changes is None or self._changes.changed_at(section) <= known[0]):
            return known[1]
        ids: dict[str, Element] = {}
        for candidate in section.iter():
            identifier = candidate.get("id")
            if identifier is not None:
                ids.setdefault(identifier, candidate)
        self._sections[section] = (0 if self._changes is None else self._changes.now, ids)
        return ids

    def _forget(self, element: Element) -> None:
        self._sections.pop(element, None)
