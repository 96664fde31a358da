"""Constraints that concern a resource, as crm_resource -a lists them."""

from __future__ import annotations

from crmsh.configuration.references import constraints_of
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.xml import Element


def listing(copy: WorkingCopy, name: str, recursive: bool) -> str:
    """Locations of the resource, what is colocated with it, and what it is colocated with."""
    lines: list[str] = []
    _add(copy, name, 0, recursive, lines, {name})
    return "".join(f"{line}\n" for line in lines)


def _add(copy: WorkingCopy, name: str, depth: int, recursive: bool, lines: list[str], seen: set[str]) -> None:
    pad = "  " * depth
    bullet = "* " if depth else ""
    locations = [e for e in constraints_of(copy.root) if e.tag == "rsc_location" and e.get("rsc") == name]
    if locations:
        lines.append(f"{pad}{bullet}Locations:")
        lines += [
            f"{pad}  * Node {e.get('node')} (score={e.get('score')}, id={e.get('id')}, rsc={name})"
            for e in locations
            if e.get("node")
        ]
    for dependents, title in (
        (True, f"Resources colocated with {name}:"),
        (False, f"Resources {name} is colocated with:"),
    ):
        found = _colocated(copy, name, dependents)
        if not found:
            continue
        lines.append(f"{pad}{bullet}{title}")
        for element, other in found:
            lines.append(f"{pad}  * {other} (score={element.get('score')}, id={element.get('id')})")
            if other in seen:
                continue
            if recursive:
                _add(copy, other, depth + 2, recursive, lines, seen | {other})


def _colocated(copy: WorkingCopy, name: str, dependents: bool) -> list[tuple[Element, str]]:
    mine, theirs = ("with-rsc", "rsc") if dependents else ("rsc", "with-rsc")
    return [
        (element, element.get(theirs, ""))
        for element in constraints_of(copy.root)
        if element.tag == "rsc_colocation" and element.get(mine) == name
    ]
