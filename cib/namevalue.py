"""Reading sets of names and values (nvpair) for programs: templates and references resolved, rules left out.

What the policy engine evaluates with rules it evaluates itself; daemons need plain values. Sets with a rule are
skipped here, because whether they hold depends on node and time.
"""

from __future__ import annotations

from cib.values import score_or
from cib.xml import Element, select_elements

SetKind = str
BOOTSTRAP_OPTIONS = "cib-bootstrap-options"
"""The set of cluster options that counts before all others."""


def values_of(parents: list[Element], kind: SetKind, preferred: str = "") -> dict[str, str]:
    """Return the values of all sets of a kind directly below `parents`; the first parent's go first.

    Order within a parent as Pacemaker's: the set with the `preferred` id, then by score, of equals the last one in the
    document. The first value found for a name stands.
    """
    values: dict[str, str] = {}
    for parent in parents:
        for found in _ordered(list(parent.iterchildren(kind)), preferred):
            for name, value in _pairs(found):
                values.setdefault(name, value)
    return values


def _ordered(sets: list[Element], preferred: str) -> list[Element]:
    resolved = [(_resolved(found), found) for found in sets]
    usable = [original for original, _ in resolved if original is not None and original.find("rule") is None]
    usable.reverse()
    usable.sort(key=lambda found: (found.get("id") != preferred or not preferred, -score_or(found.get("score"))))
    return usable


def _pairs(found: Element) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for pair in found.iterchildren("nvpair"):
        original = _resolved(pair)
        if original is None:
            continue
        name, value = pair.get("name") or original.get("name"), original.get("value")
        if name is not None and value is not None:
            pairs.append((name, value))
    return pairs


def _resolved(element: Element) -> Element | None:
    reference = element.get("id-ref")
    if reference is None:
        return element
    root = element.getroottree().getroot()
    same_name = [found for found in select_elements(root, f"//{element.tag!s}[@id]") if found.get("id") == reference]
    return same_name[0] if same_name else None
