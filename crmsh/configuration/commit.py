"""Writing a working copy as one change on top of what is in force by then."""

from __future__ import annotations

from crmsh.backend import Backend
from crmsh.configuration.sections import CONTAINERS, RESOURCES, kind_of, object_id, section_for
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.xml import Element, children, clone, parent_of, parse_xml, tag_of, to_line

Key = tuple[str, str, str]


class Conflict(Exception):
    """Somebody else changed the same object since the working copy was read; `objects` names them."""

    def __init__(self, objects: list[str]) -> None:
        super().__init__(
            "changed by somebody else meanwhile: "
            + ", ".join(objects)
            + " (refresh drops your changes and reads again)"
        )
        self.objects = objects


def _top_objects(root: Element) -> dict[Key, Element]:
    """Objects directly in their sections, and whole sections where those are objects."""
    found: dict[Key, Element] = {}
    for section in children(root):
        if section.tag == "fencing-topology":
            found[("", "fencing-topology", "")] = section
            continue
        for element in children(section):
            found[(tag_of(section), tag_of(element), element.get("id", ""))] = element
    return found


def rebased(copy: WorkingCopy, current: Element) -> Element:
    """The document in force with this working copy's changes in it. Raises Conflict."""
    before, after = _top_objects(WorkingCopy(copy.base).root), _top_objects(copy.root)
    merged = clone(current)
    root = WorkingCopy(merged).root
    root = next(child for child in children(merged) if child.tag == "configuration")
    now = _top_objects(root)
    conflicts = []
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        old_text, new_text = _text(old), _text(new)
        if old_text == new_text:
            continue
        there = now.get(key)
        if _text(there) != old_text and _text(there) != new_text:
            conflicts.append(f"{key[1]} {key[2]}".strip())
            continue
        _put(root, key, there, new)
    if conflicts:
        raise Conflict(conflicts)
    _keep_order(root, copy.root)
    for name in ("validate-with",):
        if copy.cib.get(name) != copy.base.get(name):
            merged.set(name, copy.cib.get(name, ""))
    return merged


def _text(element: Element | None) -> str:
    return "" if element is None else to_line(element)


def _put(root: Element, key: Key, there: Element | None, new: Element | None) -> None:
    if new is None:
        if there is not None:
            parent = parent_of(there)
            assert parent is not None
            parent.remove(there)
    elif there is not None:
        parent = parent_of(there)
        assert parent is not None
        parent.replace(there, clone(new))
    elif key[0]:
        section_for(root, "", key[0]).append(clone(new))
    else:
        made = section_for(root, "", key[1])
        root.replace(made, clone(new))


def _keep_order(root: Element, wanted: Element) -> None:
    """Sections keep the order of the working copy where they have the same objects."""
    for section in children(wanted):
        there = next((child for child in children(root) if child.tag == section.tag), None)
        if there is None or section.tag == "fencing-topology":
            continue
        names = [(tag_of(e), e.get("id")) for e in children(section)]
        own = {(tag_of(e), e.get("id")): e for e in children(there)}
        if list(own) != names and set(own) == set(names):
            for name in names:
                there.append(own[name])


def commit(copy: WorkingCopy, backend: Backend, force: bool = False) -> None:
    """Write the changes as one patch. Raises Conflict, BackendError."""
    from cib.document import Document
    from cib.patch import Patch
    from cib.patch_diff import compare
    from cib.requests import Request

    current = parse_xml(backend.read())
    merged = rebased(copy, current)
    before = Document.from_bytes(to_line(current).encode())
    after = Document.from_bytes(to_line(merged).encode())
    changes = compare(before.root, after.root)
    if changes:
        # Without versions in it: it applies to this configuration whatever happened to the status meanwhile.
        backend.apply([Request(op="patch", xml=Patch(changes=changes).to_xml())], force=force)


def touched_names(copy: WorkingCopy) -> list[str]:
    """Names of objects that are new, changed or removed."""
    before, after = _all(WorkingCopy(copy.base)), _all(copy)
    return [key[1] for key in {**before, **after} if before.get(key) != after.get(key)]


def _all(copy: WorkingCopy) -> dict[tuple[str, str], str]:
    return {(kind_of(e), object_id(e)): _own_text(e) for e in copy.objects()}


def _own_text(element: Element) -> str:
    """An object's text with its members by name only: a change inside a member is not its container's."""
    if element.tag not in CONTAINERS:
        return to_line(element)
    copy = clone(element)
    for child in children(copy):
        if child.tag in RESOURCES:
            name = child.get("id", "")
            for inner in list(child):
                child.remove(inner)
            child.attrib.clear()
            child.set("id", name)
    return to_line(copy)
