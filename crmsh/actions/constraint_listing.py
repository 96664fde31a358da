"""Constraints that concern a resource, as crm_resource -a and -A list them."""

from __future__ import annotations

from dataclasses import dataclass, field

from crmsh.configuration.references import constraints_of
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.envelope import Tag
from crmsh.language.xml import Element


@dataclass(frozen=True, slots=True)
class _Entry:
    """A constraint, and what is listed below the resource at its other end."""

    text: str
    tag: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class _List:
    """A title and the entries under it."""

    title: str
    entries: list[tuple[_Entry, list[_List]]] = field(default_factory=list)


def listing(copy: WorkingCopy, name: str, recursive: bool) -> str:
    """Locations of the resource, what is colocated with it, and what it is colocated with, as text."""
    return "".join(f"{line}\n" for line in _lines(_lists(copy, name, recursive), 0))


def add_listing(below: Tag, copy: WorkingCopy, name: str, recursive: bool) -> None:
    """The same as XML, all constraints side by side."""
    _add(below, _lists(copy, name, recursive))


def _lists(copy: WorkingCopy, name: str, recursive: bool) -> list[_List]:
    # Resources that were walked through are marked for good: a second way to one of them is told as a loop.
    found = [
        _locations(copy, name),
        _colocations(copy, name, True, recursive, {name}),
        _colocations(copy, name, False, recursive, {name}),
    ]
    return [each for each in found if each.entries]


def _locations(copy: WorkingCopy, name: str) -> _List:
    found = _List("Locations:")
    for element in constraints_of(copy.root):
        node = element.get("node", "")
        if element.tag != "rsc_location" or element.get("rsc") != name or not node:
            continue
        score, identifier = element.get("score", ""), element.get("id", "")
        text = f"Node {node} (score={score}, id={identifier}, rsc={name})"
        attributes = {"node": node, "rsc": name, "id": identifier, "score": score}
        found.entries.append((_Entry(text, "rsc_location", attributes), []))
    return found


def _colocations(copy: WorkingCopy, name: str, dependents: bool, recursive: bool, walked: set[str]) -> _List:
    found = _List(f"Resources colocated with {name}:" if dependents else f"Resources {name} is colocated with:")
    for element, other in _colocated(copy, name, dependents):
        if other in walked:
            found.entries.append((_colocation(element, other, loop=True), []))
            continue
        below = [_locations(copy, other)]
        if recursive:
            walked.add(other)
            below.append(_colocations(copy, other, dependents, recursive, walked))
        found.entries.append((_colocation(element, other), [each for each in below if each.entries]))
    return found


def _colocated(copy: WorkingCopy, name: str, dependents: bool) -> list[tuple[Element, str]]:
    """Colocations with the resource at one end and the other end's resource, by its name."""
    mine, theirs = ("with-rsc", "rsc") if dependents else ("rsc", "with-rsc")
    found = [
        (element, element.get(theirs, ""))
        for element in constraints_of(copy.root)
        if element.tag == "rsc_colocation" and element.get(mine) == name
    ]
    return sorted(found, key=lambda pair: pair[1])


def _colocation(element: Element, other: str, *, loop: bool = False) -> _Entry:
    identifier, score = element.get("id", ""), element.get("score", "INFINITY")
    role = element.get("with-rsc-role", "")
    needs = f"needs role {role}, " if role and role != "Started" else ""
    text = f"{other} (id={identifier} - loop)" if loop else f"{other} (score={score}, {needs}id={identifier})"
    attributes = {"id": identifier, "rsc": element.get("rsc", ""), "with-rsc": element.get("with-rsc", "")}
    attributes["score"] = score
    attributes["node-attribute"] = element.get("node-attribute", "#uname")
    attributes.update({key: element.get(key, "") for key in ("rsc-role", "with-rsc-role") if element.get(key)})
    return _Entry(text, "rsc_colocation", attributes)


def _lines(lists: list[_List], depth: int) -> list[str]:
    pad, bullet = "  " * depth, "* " if depth else ""
    lines: list[str] = []
    for each in lists:
        lines.append(f"{pad}{bullet}{each.title}")
        for entry, below in each.entries:
            lines.append(f"{pad}  * {entry.text}")
            lines += _lines(below, depth + 2)
    return lines


def _add(parent: Tag, lists: list[_List]) -> None:
    for each in lists:
        for entry, below in each.entries:
            parent.add(entry.tag, **{key.replace("-", "__"): value for key, value in entry.attributes.items()})
            _add(parent, below)
