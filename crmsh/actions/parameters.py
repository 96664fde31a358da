"""Parameters, meta attributes and utilization of a resource: reading, setting, deleting one value."""

from __future__ import annotations

from dataclasses import dataclass

from crmsh import exit_codes
from crmsh.actions.editing import ActionError
from crmsh.configuration.sections import RESOURCES
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.errors import did_you_mean
from crmsh.language.xml import Element, add, children, descendants, make

SET_TAGS = ("instance_attributes", "meta_attributes", "utilization")


@dataclass(frozen=True, slots=True)
class Written:
    """What was set or deleted: the pair's id, its set's id, and whether the set was made."""

    resource: str
    name: str
    value: str
    pair_id: str
    set_id: str
    made: bool


def find_resource(copy: WorkingCopy, name: str) -> Element:
    """The resource of that id; `rsc:0` means the instance's resource. Raises ActionError."""
    element = copy.find(name)
    if element is None:
        element = copy.find(name.partition(":")[0])
    if element is None or element.tag not in (*RESOURCES, "template"):
        known = copy.names(*RESOURCES)
        raise ActionError(exit_codes.NO_SUCH, f"resource '{name}' does not exist{did_you_mean(name, known)}")
    return element


def found_resource(copy: WorkingCopy, name: str) -> Element:
    """As find_resource, with the words of the tools. Raises ActionError."""
    try:
        return find_resource(copy, name)
    except ActionError as error:
        raise ActionError(exit_codes.NO_SUCH, f"Resource '{name}' not found ({error.text})") from None


def _pairs(element: Element, tag: str, name: str, set_id: str, pair_id: str) -> list[tuple[Element, Element]]:
    """Set and pair of every value of that name in the resource's own sets; empty ids match all."""
    return [
        (content, pair)
        for content in children(element)
        if content.tag == tag and set_id in ("", content.get("id"))
        for pair in children(content)
        if pair.tag == "nvpair" and pair.get("name") == name and pair_id in ("", pair.get("id"))
    ]


def get_parameter(element: Element, tag: str, name: str, set_id: str = "", pair_id: str = "") -> str | None:
    """The first value of that name in the resource's own sets; with ids only that set's, only that pair."""
    found = _pairs(element, tag, name, set_id, pair_id)
    return found[0][1].get("value", "") if found else None


def _free_id(element: Element, base: str) -> str:
    root = element.getroottree().getroot()
    used = {other.get("id") for other in descendants(root)}
    return base if base not in used else next(f"{base}-{n}" for n in range(len(used) + 1) if f"{base}-{n}" not in used)


def set_parameter(
    element: Element, tag: str, name: str, value: str, set_id: str = "", pair_id: str = "", *, join: bool = False
) -> Written:
    """Set a value where it is, else add it. `join` adds to an existing set, else the resource's standard set is used.

    The standard set is `<resource>-<kind>`, as the tools make it. `set_id` and `pair_id` say which set and which pair
    is meant, and what they are called where they are made.
    """
    resource = element.get("id", "")
    for content, pair in _pairs(element, tag, name, set_id, pair_id):
        pair.set("value", value)
        return Written(resource, name, value, pair.get("id", ""), content.get("id", ""), made=False)
    standard = set_id or f"{resource}-{tag}"
    sets = [child for child in children(element) if child.tag == tag]
    wanted = next((content for content in sets if content.get("id") == standard or (join and _joinable(content))), None)
    if wanted is None:
        wanted = make(tag, {"id": _free_id(element, standard)})
        _insert_set(element, wanted)
    made_in = wanted.get("id", "")
    identifier = _free_id(element, pair_id or f"{made_in}-{name}")
    add(wanted, "nvpair", {"id": identifier, "name": name, "value": value})
    return Written(resource, name, value, identifier, made_in, made=True)


def _joinable(content: Element) -> bool:
    return "id-ref" not in content.attrib and all(child.tag != "rule" for child in children(content))


def _insert_set(element: Element, content: Element) -> None:
    element.append(content)


def delete_parameter(element: Element, tag: str, name: str, set_id: str = "", pair_id: str = "") -> Written | None:
    """Remove a value; None when it is not there."""
    for content, pair in _pairs(element, tag, name, set_id, pair_id):
        content.remove(pair)
        resource, value = element.get("id", ""), pair.get("value", "")
        return Written(resource, name, value, pair.get("id", ""), content.get("id", ""), made=False)
    return None


def set_meta_of(copy: WorkingCopy, name: str, attribute: str, value: str) -> list[str]:
    """Let a resource have a meta attribute, in the set that it has; what contradicts below it is removed.

    Returns a sentence for each child whose own value was removed.
    """
    element = find_resource(copy, name)
    said: list[str] = []
    for child in descendants(element):
        if child is not element and child.tag in RESOURCES:
            own = get_parameter(child, "meta_attributes", attribute)
            if own is not None and own != value:
                delete_parameter(child, "meta_attributes", attribute)
                said.append(f"{attribute}={own} of '{child.get('id')}' was removed: it contradicts '{name}'")
    written = set_parameter(element, "meta_attributes", attribute, value, join=True)
    assert written.value == value
    return said
