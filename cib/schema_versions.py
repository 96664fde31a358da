"""What only some versions of the grammar have.

Our grammar accepts what any version accepts; this table takes away what the claimed version has not (yet, or any more).
"""

from __future__ import annotations

from typing import NamedTuple

from cib.xml import Element, name_of

Version = tuple[int, int]

_FIRST: Version = (1, 0)
_LAST: Version = (99, 0)


class Feature(NamedTuple):
    """An element, an attribute of it (empty: the element itself), or a value of that, and the versions that have it."""

    attribute: str
    value: str
    since: Version
    until: Version


def _since(major: int, minor: int, attribute: str = "", value: str = "") -> Feature:
    return Feature(attribute, value, (major, minor), _LAST)


def _until(major: int, minor: int, attribute: str = "", value: str = "") -> Feature:
    return Feature(attribute, value, _FIRST, (major, minor))


def _new_roles(*attributes: str) -> tuple[Feature, ...]:
    return tuple(_since(3, 7, attribute, value) for attribute in attributes for value in ("Promoted", "Unpromoted"))


_OLD_CLASSES = (_until(3, 10, "class", "upstart"), _until(3, 10, "class", "nagios"))
_OLD_ACL = (_until(1, 3),)

FEATURES: dict[str, tuple[Feature, ...]] = {
    "fencing-topology": (_since(1, 2),),
    "acls": (_since(1, 2),),
    "tags": (_since(1, 3),),
    "alerts": (_since(2, 5),),
    "select": (_since(2, 10),),
    "template": (_since(1, 2), *_OLD_CLASSES),
    "primitive": _OLD_CLASSES,
    "master": (_until(3, 10),),
    "bundle": (_since(2, 8),),
    "rkt": (Feature("", "", (2, 10), (3, 10)),),
    "podman": (_since(3, 2), _until(3, 10, "masters")),
    "docker": (_since(3, 0, "promoted-max"), _until(3, 10, "masters")),
    "network": (_since(3, 0, "add-host"),),
    "node": (
        _until(2, 10, "type", "normal"),
        _until(3, 10, "type", "ping"),
        _since(1, 3, "type", "remote"),
    ),
    "op": (_until(2, 10, "requires"), _since(3, 4, "on-fail", "demote"), *_new_roles("role")),
    "rsc_ticket": (_since(1, 2), *_new_roles("rsc-role")),
    "rsc_location": (_since(2, 2, "resource-discovery"), _since(2, 6, "rsc-pattern"), *_new_roles("role")),
    "rsc_colocation": (
        _since(3, 6, "influence"),
        _until(2, 10, "score-attribute"),
        _until(2, 10, "score-attribute-mangle"),
        *_new_roles("rsc-role", "with-rsc-role"),
    ),
    "rsc_order": (_since(2, 3, "require-all"),),
    "resource_set": (_since(2, 1, "ordering"), *_new_roles("role")),
    "lifetime": (_until(3, 10),),
    "fencing-level": (_since(2, 4, "target-attribute"),),
    "acl_user": _OLD_ACL,
    "role_ref": _OLD_ACL,
    "read": _OLD_ACL,
    "write": _OLD_ACL,
    "deny": _OLD_ACL,
    "acl_target": (_since(2, 0), _since(3, 8, "name")),
    "acl_group": (_since(2, 0), _since(3, 8, "name")),
    "acl_permission": (_since(2, 0),),
    "expression": (_since(2, 9, "value-source"), _since(3, 5, "type", "integer")),
    "rsc_expression": (_since(3, 4),),
    "op_expression": (_since(3, 4),),
    "date_spec": (_until(3, 10, "moon"),),
}


def claimed_version(root: Element) -> Version:
    """Return the version that a document claims; the latest where it claims none that is a number."""
    major, _, minor = root.get("validate-with", "").removeprefix("pacemaker-").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else _LAST


def missing_feature(element: Element, version: Version) -> str:
    """Return what of this element the version does not have, in words; empty when it has all."""
    for feature in FEATURES.get(name_of(element), ()):
        if feature.since <= version <= feature.until:
            continue
        if feature.attribute == "":
            return f"there is no such element in {_names(version)}{_range(feature)}"
        value = element.get(feature.attribute)
        if value is not None and feature.value in ("", value):
            what = f"value '{value}' of attribute" if feature.value else "attribute"
            return f"there is no {what} '{feature.attribute}' in {_names(version)}{_range(feature)}"
    if version >= (4, 0):
        return _gone_in_4(element)
    if (
        version < (3, 9)
        and name_of(element) == "rule"
        and not {"score", "score-attribute", "id-ref"} & set(element.attrib)
    ):
        return f"attribute 'score' or 'score-attribute' is missing, which {_names(version)} needs"
    return ""


def _gone_in_4(element: Element) -> str:
    match element.tag:
        case "nvpair" if element.get("id-ref") is not None and element.get("name") is not None:
            return "attribute 'name' beside 'id-ref' is not possible any more from pacemaker-4.0 on"
        case "nvpair" if element.get("id-ref") is None and element.get("value") is None:
            return "attribute 'value' is missing, which pacemaker-4.0 needs"
        case "rsc_location" if len(element.findall("rule")) > 1:
            return "more than one rule is not possible any more from pacemaker-4.0 on"
        case "fencing-level" if len(element.get("index", "").strip().lstrip("+0")) > 1:
            return f"attribute 'index' has the value '{element.get('index')}', expected 1 to 9 from pacemaker-4.0 on"
    return ""


def _names(version: Version) -> str:
    return f"pacemaker-{version[0]}.{version[1]}"


def _range(feature: Feature) -> str:
    if feature.since == _FIRST:
        return f" (until {_names(feature.until)})"
    if feature.until == _LAST:
        return f" (from {_names(feature.since)} on)"
    return f" ({_names(feature.since)} to {_names(feature.until)})"
