"""What a grammar by section cannot say: ids are unique in the configuration, references lead somewhere.

Both make a document invalid, as in Pacemaker, whose grammars type these attributes as XML ids. Also the two demands of
older versions that their successors dropped: objects of tags exist (before 3.3), rules have a score (before 3.9).
"""

from __future__ import annotations

from cib.reports import Report
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


_Version = tuple[int, int]
_TAGS_MAY_NAME_ANYTHING: _Version = (3, 3)
_RULES_NEED_NO_SCORE: _Version = (3, 9)


def _claimed(root: Element) -> _Version:
    major, _, minor = root.get("validate-with", "").removeprefix("pacemaker-").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def integrity(root: Element) -> tuple[Report, ...]:
    """Return ids that are used twice and references that lead nowhere, in document order."""
    configuration = root.find("configuration")
    if configuration is None:
        return ()
    version = _claimed(root)
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
        elif (
            name == "rule" and version < _RULES_NEED_NO_SCORE and not {"score", "score-attribute"} & set(element.attrib)
        ):
            text = "attribute 'score' or 'score-attribute' is missing (needed before pacemaker-3.9)"
            reports.append(_report("rule.score", text, element))
        for attribute in _REFERENCE_ATTRIBUTES.get(name, ()):
            wanted = element.get(attribute)
            if wanted is not None:
                references.append((element, attribute, wanted))
    reports += [_dangling(*reference) for reference in references if reference[2] not in owners]
    return tuple(sorted(reports, key=lambda report: report.line))


def _duplicate(element: Element, identity: str, owner: Element) -> Report:
    place = f" in line {owner.sourceline}" if owner.sourceline else ""
    text = f"the id '{identity}' is taken: {_with_article(owner)}{place} has it already"
    return _report("id.duplicate", text, element)


def _dangling(element: Element, attribute: str, wanted: str) -> Report:
    return _report("reference.missing", f"attribute '{attribute}' names '{wanted}', but nothing has that id", element)


def _report(code: str, text: str, element: Element) -> Report:
    holder = element.getparent() if name_of(element) in _REFERENCES_BY_ID else element
    identity = (holder if holder is not None else element).get("id", "")
    name = name_of(holder) if holder is not None else name_of(element)
    return Report(code, "error", text, name, identity, element.sourceline or 0)


def _with_article(element: Element) -> str:
    name = name_of(element)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
