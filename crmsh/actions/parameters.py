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


def get_parameter(element: Element, tag: str, name: str) -> str | None:
    """The first value of that name among the resource's own sets without a rule, then any."""
    for content in children(element):
        if content.tag == tag:
            for pair in children(content):
                if pair.tag == "nvpair" and pair.get("name") == name:
                    return pair.get("value", "")
    return None


def _free_id(element: Element, base: str) -> str:
    root = element.getroottree().getroot()
    used = {other.get("id") for other in descendants(root)}
    return base if base not in used else next(f"{base}-{n}" for n in range(len(used) + 1) if f"{base}-{n}" not in used)


def set_parameter(element: Element, tag: str, name: str, value: str, join: bool = False) -> Written:
    """Set a value where it is, else add it. `join` adds to an existing set, else the resource's standard set is used.

    The standard set is `<resource>-<kind>`, as the tools make it.
    """
    resource = element.get("id", "")
    sets = [child for child in children(element) if child.tag == tag]
    for content in sets:
        for pair in children(content):
            if pair.tag == "nvpair" and pair.get("name") == name:
                pair.set("value", value)
                return Written(resource, name, value, pair.get("id", ""), content.get("id", ""), made=False)
    standard = f"{resource}-{tag}"
    wanted = next((content for content in sets if content.get("id") == standard or (join and _joinable(content))), None)
    if wanted is None:
        wanted = make(tag, {"id": _free_id(element, standard)})
        _insert_set(element, wanted)
    set_id = wanted.get("id", "")
    pair_id = _free_id(element, f"{set_id}-{name}")
    add(wanted, "nvpair", {"id": pair_id, "name": name, "value": value})
    return Written(resource, name, value, pair_id, set_id, made=True)


def _joinable(content: Element) -> bool:
    return "id-ref" not in content.attrib and all(child.tag != "rule" for child in children(content))


def _insert_set(element: Element, content: Element) -> None:
    element.append(content)


def delete_parameter(element: Element, tag: str, name: str) -> Written | None:
    """Remove a value; None when it is not there."""
    for content in children(element):
        if content.tag != tag:
            continue
        for pair in children(content):
            if pair.tag == "nvpair" and pair.get("name") == name:
                content.remove(pair)
                return Written(
                    element.get("id", ""), name, pair.get("value", ""), pair.get("id", ""), content.get("id", ""), False
                )
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
