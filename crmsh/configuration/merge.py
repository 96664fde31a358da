"""Merging a new version of an object into the old one, name by name, as `load update` does."""

from __future__ import annotations

from crmsh.configuration.sections import RESOURCES
from crmsh.language.xml import Element, attributes_of, children, clone

_SETS = ("instance_attributes", "meta_attributes", "utilization", "cluster_property_set")


def merge(old: Element, new: Element) -> None:
    """Bring `new` into `old`: values of the same name are replaced, others stay, what is new is added.

    Sets without a rule are merged into the first such set; sets with rules, and constraints, are replaced as wholes.
    """
    for name, value in attributes_of(new).items():
        if name != "id":
            old.set(name, value)
    if old.tag in _SETS:
        _merge_pairs(old, new)
        return
    if old.tag not in (*RESOURCES, "template", "node"):
        _replace_content(old, new)
        return
    for child in children(new):
        if child.tag in _SETS:
            _merge_set(old, child)
        elif child.tag == "operations":
            _merge_operations(old, child)
        elif child.tag not in RESOURCES:
            _replace_or_add(old, child)


def _replace_content(old: Element, new: Element) -> None:
    for name in list(old.attrib):
        if name not in new.attrib:
            del old.attrib[name]
    for child in children(old):
        old.remove(child)
    for child in children(new):
        old.append(clone(child))


def _has_rule(element: Element) -> bool:
    return any(child.tag == "rule" for child in children(element)) or "id-ref" in element.attrib


def _merge_set(old: Element, content: Element) -> None:
    if not _has_rule(content):
        for child in children(old):
            same_score = child.get("score") == content.get("score")
            if child.tag == content.tag and not _has_rule(child) and same_score:
                _merge_pairs(child, content)
                return
    else:
        for child in children(old):
            if child.tag == content.tag and child.get("id") == content.get("id"):
                _replace_content(child, content)
                return
    _insert(old, clone(content))


def _merge_pairs(old: Element, new: Element) -> None:
    for pair in children(new):
        if pair.tag == "rule":
            continue
        known = next((child for child in children(old) if child.get("name") == pair.get("name") and pair.get("name")),
                     None)  # fmt: skip
        if known is None:
            made = clone(pair)
            if made.get("id", "").startswith(f"{new.get('id')}-"):
                made.set("id", f"{old.get('id')}-{made.get('name')}")
            old.append(made)
        elif pair.get("value") is None:
            known.attrib.pop("value", None)
        else:
            known.set("value", pair.get("value", ""))


def _merge_operations(old: Element, new: Element) -> None:
    own = next((child for child in children(old) if child.tag == "operations"), None)
    if own is None:
        _insert(old, clone(new))
        return
    for operation in children(new):
        key = (operation.get("name"), operation.get("interval"), operation.get("role"))
        known = next(
            (child for child in children(own) if (child.get("name"), child.get("interval"), child.get("role")) == key),
            None,
        )
        if known is None:
            own.append(clone(operation))
            continue
        for name, value in attributes_of(operation).items():
            if name != "id":
                known.set(name, value)
        for content in children(operation):
            _merge_set(known, content)


def _replace_or_add(old: Element, child: Element) -> None:
    for known in children(old):
        if known.tag == child.tag:
            old.replace(known, clone(child))
            return
    old.append(clone(child))


def _insert(parent: Element, child: Element) -> None:
    """Before the members of a container, else last."""
    for place, other in enumerate(parent):
        if other.tag in RESOURCES:
            parent.insert(place, child)
            return
    parent.append(child)
