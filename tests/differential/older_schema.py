"""Writes a document as an older schema had it: its version, and the names of that time."""

from __future__ import annotations

from lxml import etree

_ROLES = {"Promoted": "Master", "Unpromoted": "Slave"}
_OPTIONS = {"promoted-max": "master-max", "promoted-node-max": "master-node-max"}
_VERSIONS = ("1.2", "1.3", "2.0", "2.5", "2.10", "3.0", "3.2", "3.5", "3.7")
_FIRST_WITH = {"bundle": "3.2", "tags": "2.0", "*[@rsc-pattern]": "2.10", "rsc_location/resource_set": "2.0"}


def versions_for(root: etree._Element) -> tuple[str, ...]:
    """Return the versions that know all that a document has."""
    needed = [version for path, version in _FIRST_WITH.items() if root.find(f".//{path}") is not None]
    return _VERSIONS[max([0, *map(_VERSIONS.index, needed)]) :]


def rewrite(root: etree._Element, version: str) -> None:
    """Change a document in place into one of the given schema version."""
    root.set("validate-with", f"pacemaker-{version}")
    major, minor = (int(part) for part in version.split("."))
    if (major, minor) >= (3, 7):
        return
    for element in root.iterfind("configuration//*"):
        if major < 2:
            element.attrib.pop("resource-discovery", None)
        for name in ("role", "rsc-role", "with-rsc-role"):
            if element.get(name) in _ROLES:
                element.set(name, _ROLES[str(element.get(name))])
        for name in ("first-action", "then-action", "action"):
            if element.get(name) == "started":
                element.set(name, "start")
        if element.tag == "nvpair":
            name = str(element.get("name"))
            element.set("name", _OPTIONS.get(name, name))
            if name == "target-role":
                element.set("value", _ROLES.get(str(element.get("value")), str(element.get("value"))))
        elif element.tag == "podman" and "promoted-max" in element.attrib:
            element.set("masters", str(element.attrib.pop("promoted-max")))
        if element.get("on-fail") == "demote":
            element.set("on-fail", "restart")
        if element.tag == "rsc_colocation":
            element.attrib.pop("influence", None)
        if element.tag == "expression" and element.get("type") == "integer":
            element.set("type", "number")
    if major < 3:
        _masters(root)


def _masters(root: etree._Element) -> None:
    """Until 3.0 a clone that is promotable was an element of its own."""
    for clone in list(root.iterfind("configuration/resources/clone")):
        flags = [pair for pair in clone.iterfind("meta_attributes/nvpair") if pair.get("name") == "promotable"]
        if not flags:
            continue
        clone.tag = "master"
        for pair in flags:
            block = pair.getparent()
            assert block is not None
            block.remove(pair)
            if len(block) == 0:
                clone.remove(block)
