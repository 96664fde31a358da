"""What our grammar does not say: ids are unique, references lead somewhere, numbers and the claimed version fit.

All of them make a document invalid, as in Pacemaker, whose grammars type ids and references as XML ids.
"""

from __future__ import annotations

from cib.reports import REPORTS_MAX, Report
from cib.schema_versions import Version, claimed_version, missing_feature
from cib.version import VERSION_ATTRIBUTES
from cib.xml import Element, name_of

_FREE_IDS = frozenset({"node", "obj_ref", "acl_target"})
"""Elements whose id is plain text."""
_REFERENCES_BY_ID = frozenset({"resource_ref", "role", "role_ref"})
"""Elements whose id names another element."""
_REFERENCE_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "primitive": ("template",),
    "rsc_location": ("rsc",),
    "rsc_colocation": ("rsc", "with-rsc"),
    "rsc_order": ("first", "then"),
    "rsc_ticket": ("rsc",),
    "acl_permission": ("reference",),
    "read": ("ref",),
    "write": ("ref",),
    "deny": ("ref",),
}


NUMBER_MAX = 2_000_000_000
"""Greatest number of a version triple that is taken from outside; Pacemaker counts in 32 bits with a sign."""

_TAGS_MAY_NAME_ANYTHING: Version = (3, 3)


def integrity(root: Element) -> tuple[Report, ...]:
    """Return ids that are used twice, references that lead nowhere and what the version has not, in document order.

    Of more than REPORTS_MAX the first are returned.
    """
    configuration = root.find("configuration")
    if configuration is None:
        return ()
    return (*_version_numbers(root), *_inside(root, configuration))[:REPORTS_MAX]


def _version_numbers(root: Element) -> list[Report]:
    """Return the numbers of the version triple that no program could count up."""
    found: list[Report] = []
    for name in VERSION_ATTRIBUTES:
        digits = root.get(name, "0").strip().lstrip("+0")
        if len(digits) > len(str(NUMBER_MAX)) or int(digits or "0") > NUMBER_MAX:
            text = f"attribute '{name}' has the value '{digits[:40]}', expected a number of at most {NUMBER_MAX}"
            found.append(_report("version.too_great", text, root, name))
    return found


def _inside(root: Element, configuration: Element) -> list[Report]:
    version = claimed_version(root)
    by_id = _REFERENCES_BY_ID if version >= _TAGS_MAY_NAME_ANYTHING else _REFERENCES_BY_ID | {"obj_ref"}
    owners: dict[str, Element] = {}
    reports: list[Report] = []
    references: list[tuple[Element, str, str]] = []
    for element in configuration.iter("*"):
        name, identity = name_of(element), element.get("id")
        if identity is not None:
            if name in by_id:
                references.append((element, "id", identity))
            elif name not in _FREE_IDS:
                owner = owners.setdefault(identity, element)
                if owner is not element:
                    reports.append(_duplicate(element, identity, owner))
        reference = element.get("id-ref")
        if reference is not None:
            references.append((element, "id-ref", reference))
        if problem := missing_feature(element, version):
            reports.append(_report("schema.version", problem, element))
        for attribute in _REFERENCE_ATTRIBUTES.get(name, ()):
            wanted = element.get(attribute)
            if wanted is not None:
                references.append((element, attribute, wanted))
    reports += [_dangling(*reference) for reference in references if reference[2] not in owners]
    return sorted(reports, key=lambda report: report.line)


def _duplicate(element: Element, identity: str, owner: Element) -> Report:
    place = f" in line {owner.sourceline}" if owner.sourceline else ""
    text = f"the id '{identity}' is taken: {_with_article(owner)}{place} has it already"
    return _report("id.duplicate", text, element, "id")


def _dangling(element: Element, attribute: str, wanted: str) -> Report:
    return _report(
        "reference.missing", f"attribute '{attribute}' names '{wanted}', but nothing has that id", element, attribute
    )


def _report(code: str, text: str, element: Element, attribute: str = "") -> Report:
    holder = element.getparent() if name_of(element) in _REFERENCES_BY_ID else element
    identity = (holder if holder is not None else element).get("id", "")
    name = name_of(holder) if holder is not None else name_of(element)
    return Report(code, "error", text, name, identity, element.sourceline or 0, attribute=attribute)


def _with_article(element: Element) -> str:
    name = name_of(element)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
