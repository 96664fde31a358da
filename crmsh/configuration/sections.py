"""Where objects live in the configuration, what kind they are, and the order in which they are shown."""

from __future__ import annotations

from crmsh.language.xml import Element, add, children, make, parent_of, tag_of

SECTION_OF = {
    "node": "nodes",
    "primitive": "resources",
    "template": "resources",
    "group": "resources",
    "clone": "resources",
    "master": "resources",
    "bundle": "resources",
    "rsc_location": "constraints",
    "rsc_colocation": "constraints",
    "rsc_order": "constraints",
    "rsc_ticket": "constraints",
    "cluster_property_set": "crm_config",
    "fencing-topology": "",
    "acl_role": "acls",
    "acl_target": "acls",
    "acl_group": "acls",
    "tag": "tags",
    "alert": "alerts",
}
"""Element to section; defaults (meta_attributes) live in the section of their name."""

SECTION_ORDER = (
    "crm_config",
    "nodes",
    "resources",
    "constraints",
    "fencing-topology",
    "acls",
    "tags",
    "alerts",
    "rsc_defaults",
    "op_defaults",
)

CONTAINERS = ("group", "clone", "master", "bundle")
RESOURCES = ("primitive", *CONTAINERS)

KIND_OF = {
    "node": "node",
    "template": "rsc_template",
    "primitive": "primitive",
    "bundle": "bundle",
    "group": "group",
    "master": "ms",
    "clone": "clone",
    "tag": "tag",
    "rsc_location": "location",
    "rsc_colocation": "colocation",
    "rsc_order": "order",
    "rsc_ticket": "rsc_ticket",
    "fencing-topology": "fencing_topology",
    "cluster_property_set": "property",
    "acl_role": "role",
    "acl_target": "acl_target",
    "acl_group": "acl_group",
    "alert": "alert",
}
"""Element to the word that begins its line."""

_SHOW_ORDER = (
    ("node",), ("rsc_template",), ("primitive",), ("bundle",), ("group",), ("ms",), ("clone",), ("tag",),
    ("location", "colocation", "order"), ("rsc_ticket",), ("fencing_topology",), ("property",), ("rsc_defaults",),
    ("op_defaults",), ("role",), ("acl_target", "acl_group"), ("alert",),
)  # fmt: skip
_RANK = {kind: rank for rank, kinds in enumerate(_SHOW_ORDER) for kind in kinds}


def kind_of(element: Element) -> str:
    """The word that begins an object's line; the element's own name where it has no such word."""
    if element.tag == "meta_attributes":
        parent = parent_of(element)
        return tag_of(parent) if parent is not None else "rsc_defaults"
    return KIND_OF.get(tag_of(element), tag_of(element))


def a_kind(element: Element) -> str:
    """`a group`, `an order`."""
    kind = kind_of(element)
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def object_id(element: Element) -> str:
    """What people call an object by: a node by its name, the fencing topology by its keyword, others by id."""
    if element.tag == "fencing-topology":
        return "fencing_topology"
    if element.tag == "node":
        return element.get("uname", "") or element.get("id", "")
    return element.get("id", "")


def show_rank(element: Element) -> int:
    """The place of an object's kind in what `show` prints."""
    return _RANK.get(kind_of(element), len(_SHOW_ORDER))


def section_for(root: Element, element_tag: str, keyword: str = "") -> Element:
    """The section element for an object, made in its place where it is missing. `root` is `configuration`."""
    name = SECTION_OF.get(element_tag) or keyword
    assert name in SECTION_ORDER, f"no section for {element_tag}"
    for section in children(root):
        if section.tag == name:
            return section
    place = SECTION_ORDER.index(name)
    for index, section in enumerate(root):
        if tag_of(section) in SECTION_ORDER[place + 1 :]:
            made = make(name)
            root.insert(index, made)
            return made
    return add(root, name)


def objects_of(root: Element) -> list[Element]:
    """All objects below `configuration` in document order; those inside containers follow their container."""
    found: list[Element] = []
    for section in children(root):
        if section.tag == "fencing-topology":
            if children(section):
                found.append(section)
            continue
        for element in children(section):
            found.append(element)
            if element.tag in CONTAINERS:
                found += _inside(element)
    return found


def _inside(container: Element) -> list[Element]:
    found: list[Element] = []
    for child in children(container):
        if child.tag in RESOURCES:
            found.append(child)
            if child.tag in CONTAINERS:
                found += _inside(child)
    return found
