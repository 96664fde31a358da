"""Which objects refer to a resource, and what becomes of them when it is renamed or removed."""

from __future__ import annotations

from crmsh.language.xml import Element, children, descendants, parent_of, remove, tag_of

_REFERRING = {
    "rsc_location": ("rsc",),
    "rsc_colocation": ("rsc", "with-rsc"),
    "rsc_order": ("first", "then"),
    "rsc_ticket": ("rsc",),
    "primitive": ("template",),
    "acl_permission": ("reference",),
}
_REFERENCE_ELEMENTS = ("resource_ref", "obj_ref")


def constraints_of(root: Element) -> list[Element]:
    """All constraints below `configuration`."""
    return [element for section in children(root) if section.tag == "constraints" for element in children(section)]


def refers_to(element: Element, identifier: str) -> bool:
    """True where a constraint, tag or primitive names the object."""
    names = _REFERRING.get(str(element.tag), ())
    if any(element.get(name) == identifier for name in names):
        return True
    return any(child.tag in _REFERENCE_ELEMENTS and child.get("id") == identifier for child in descendants(element))


def rename_references(root: Element, old: str, new: str) -> None:
    """Let everything that names `old` name `new`."""
    for element in descendants(root):
        for name in _REFERRING.get(str(element.tag), ()):
            if element.get(name) == old:
                element.set(name, new)
        if element.tag in _REFERENCE_ELEMENTS and element.get("id") == old:
            element.set("id", new)
        if element.tag == "fencing-level":
            devices = element.get("devices", "").split(",")
            if old in devices:
                element.set("devices", ",".join(new if device == old else device for device in devices))


def drop_references(root: Element, identifier: str) -> list[str]:
    """Take a removed object out of constraints and tags; returns a sentence for each that changed or went."""
    said: list[str] = []
    for element in [*constraints_of(root), *_tags(root)]:
        if not refers_to(element, identifier):
            continue
        name = f"{tag_of(element)} {element.get('id')}"
        if _drop_from(element, identifier):
            remove(element)
            said.append(f"{name} removed: it was about {identifier}")
        else:
            said.append(f"{name} adjusted: {identifier} taken out")
    return said


def _tags(root: Element) -> list[Element]:
    return [element for section in children(root) if section.tag == "tags" for element in children(section)]


def _drop_from(element: Element, identifier: str) -> bool:
    """Take the reference out; True where nothing sensible is left of the element."""
    if element.tag == "tag":
        for child in children(element):
            if child.get("id") == identifier:
                element.remove(child)
        return not children(element)
    if any(element.get(name) == identifier for name in _REFERRING[str(element.tag)]):
        return True
    for content in children(element):
        for child in children(content):
            if child.tag == "resource_ref" and child.get("id") == identifier:
                content.remove(child)
        if content.tag == "resource_set" and not children(content):
            element.remove(content)
    return _simplify(element)


def _simplify(element: Element) -> bool:
    """Two members that are left of sets become a plain constraint; True where fewer are left than it needs."""
    sets = [child for child in children(element) if child.tag == "resource_set"]
    members = [child for content in sets for child in children(content)]
    if element.tag in ("rsc_location", "rsc_ticket"):
        return not members
    if len(members) < 2:
        return True
    parallel = any(
        content.get("sequential") == "false" and len(children(content)) > 1 for content in sets
    )  # the members of a parallel set have no order among them, so it stays a set
    if len(members) > 2 or parallel:
        return False
    first, second = members
    if element.tag == "rsc_colocation" and len(sets) == 1:
        # Within one set, each member is placed with the one before it.
        first, second = second, first
    names = ("rsc", "with-rsc", "-role") if element.tag == "rsc_colocation" else ("first", "then", "-action")
    for name, member in zip(names[:2], (first, second), strict=True):
        content = parent_of(member)
        assert content is not None
        element.set(name, member.get("id", ""))
        mark = content.get("role" if element.tag == "rsc_colocation" else "action")
        if mark:
            element.set(name + names[2], mark)
    for content in sets:
        element.remove(content)
    return False
