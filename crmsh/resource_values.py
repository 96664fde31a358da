"""One value of a resource with crm_resource: --get-parameter, --set-parameter, --delete-parameter."""

from __future__ import annotations

import sys

from crmsh import exit_codes
from crmsh.actions.editing import ActionError, edit, read_copy
from crmsh.actions.parameters import (
    SET_TAGS,
    Written,
    delete_parameter,
    find_resource,
    found_resource,
    get_parameter,
    set_parameter,
)
from crmsh.backend import Backend
from crmsh.configuration.references import constraints_of
from crmsh.configuration.sections import RESOURCES
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.frame import Call
from crmsh.language.xml import Element, children, descendants, parent_of
from crmsh.options import UsageError


def _tag(call: Call) -> str:
    if call.given.has("meta"):
        return "meta_attributes"
    return "utilization" if call.given.has("utilization") else "instance_attributes"


def get_value(call: Call, backend: Backend) -> int:
    """Print a value. Raises ActionError where there is none."""
    given, copy = call.given, read_copy(backend)
    name, element = given.get("get-parameter"), found_resource(copy, given.get("resource"))
    if given.has("element"):
        value = element.get(name)
    else:
        value = get_parameter(element, _tag(call), name, given.get("set-name"), given.get("nvpair"))
        if value is None and (source := copy.find(element.get("template", ""))) is not None:
            value = get_parameter(source, _tag(call), name, given.get("set-name"), given.get("nvpair"))
    if value is None:
        text = f"Attribute '{name}' not found for '{element.get('id')}'"
        if not given.has("element"):
            raise ActionError(exit_codes.NO_SUCH, text)
        # An attribute of an element is optional: its absence is told, and is no failure.
        call.errors.append(text)
        if not call.as_xml:
            sys.stderr.write(f"{text}\n")
        return exit_codes.OK
    if call.as_xml:
        holder = call.root.add("item-list" if given.has("element") else "output")
        holder.raw = f"{value}\n"
    call.say(f"{value}\n")
    return exit_codes.OK


def set_value(call: Call, backend: Backend) -> int:
    """Set a value where it is, else add it. Raises ActionError, UsageError."""
    name, value = call.given.get("set-parameter"), call.given.get("value")
    if not call.given.has("value"):
        raise UsageError("You need to supply a value with the -v option")
    written: list[Written] = []

    def change(copy: WorkingCopy) -> None:
        element = found_resource(copy, call.given.get("resource"))
        if call.given.has("element"):
            element.set(name, value)
            call.say(f"Set attribute: name={name} value={value}\n")
            return
        for one in _targets(call, copy, element, name, "update"):
            done = set_parameter(one, _tag(call), name, value, call.given.get("set-name"), call.given.get("nvpair"))
            written.append(done)
            inside = f" set={done.set_id}" if done.made else ""
            call.say(f"Set '{done.resource}' option: id={done.pair_id}{inside} name={name} value={value}\n")

    edit(backend, change, call.given.has("force"))
    if call.as_xml and written:
        _tell_written(call, read_copy(backend), written)
    return exit_codes.OK


def _tell_written(call: Call, copy: WorkingCopy, written: list[Written]) -> None:
    below = call.root.add("resource-settings")
    for done in written:
        resource = below.add(str(find_resource(copy, done.resource).tag), id=done.resource)
        holder = resource.add(_tag(call), id=done.set_id)
        holder.add("nvpair", id=done.pair_id, value=done.value, name=done.name)


def delete_value(call: Call, backend: Backend) -> int:
    """Remove a value; it is no error where there is none. Raises ActionError."""
    name = call.given.get("delete-parameter")

    def change(copy: WorkingCopy) -> None:
        element = found_resource(copy, call.given.get("resource"))
        if call.given.has("element"):
            element.attrib.pop(name, None)
            call.say(f"Deleted attribute: {name}\n")
            return
        for one in _targets(call, copy, element, name, "delete"):
            done = delete_parameter(one, _tag(call), name, call.given.get("set-name"), call.given.get("nvpair"))
            if done is not None:
                call.say(f"Deleted '{done.resource}' option: id={done.pair_id} name={name}\n")

    edit(backend, change, call.given.has("force"))
    return exit_codes.OK


# --- which resources are meant


def _targets(call: Call, copy: WorkingCopy, element: Element, name: str, what: str) -> list[Element]:
    """The resources to change: the named one, or those whose own value would override it.

    A clone and its primitive share meta attributes: the one that has the value is changed. Members of a group that
    have a value of their own are changed with the group. --force changes the named resource only. --recursive adds
    what is colocated with it.
    """
    given = call.given
    if not given.has("force") and not given.has("nvpair"):
        _tell_duplicates(call, element, name)
    if not given.has("meta") or given.has("force"):
        return [element]
    chosen = _holders(call, element, name, what)
    if given.has("recursive"):
        chosen = _with_colocated(copy, chosen)
    return chosen


def _tell_duplicates(call: Call, element: Element, name: str) -> None:
    top = element
    while (parent := parent_of(top)) is not None and parent.tag in RESOURCES:
        top = parent
    pairs = [
        pair
        for holder in descendants(top)
        if holder.tag in SET_TAGS
        for pair in children(holder)
        if pair.tag == "nvpair" and pair.get("name") == name
    ]
    if len(pairs) > 1:
        lines = "".join(f"  Value: {pair.get('value')} \t(id={pair.get('id')})\n" for pair in pairs)
        call.say(f"Multiple attributes match name={name}\n{lines}\n")


def _holders(call: Call, element: Element, name: str, what: str) -> list[Element]:
    def has(one: Element) -> bool:
        return get_parameter(one, _tag(call), name) is not None

    parent, identifier = parent_of(element), element.get("id")
    if parent is not None and parent.tag == "clone":
        if has(element):
            return [element]
        call.say(f"Performing {what} of '{name}' on '{parent.get('id')}', the parent of '{identifier}'\n")
        return [parent]
    if element.tag == "clone":
        inner = next((child for child in children(element) if child.tag == "primitive"), None)
        if inner is not None and has(inner):
            child = inner.get("id")
            call.say(f"A value for '{name}' already exists in child '{child}', performing {what} on that instead of "
                     f"'{identifier}'\n")  # fmt: skip
            return [inner]
        return [element]
    members = [child for child in children(element) if child.tag == "primitive"] if element.tag == "group" else []
    return [*(member for member in members if has(member)), element]


def _with_colocated(copy: WorkingCopy, start: list[Element]) -> list[Element]:
    """These and, in depth, the resources that a positive score places with them."""
    found: list[Element] = []
    pending = list(reversed(start))
    while pending:
        element = pending.pop()
        if element in found:
            continue
        found.append(element)
        names = [
            constraint.get("rsc", "")
            for constraint in constraints_of(copy.root)
            if constraint.tag == "rsc_colocation" and constraint.get("with-rsc") == element.get("id")
            and not constraint.get("score", "0").startswith("-") and constraint.get("score", "0") != "0"
        ]  # fmt: skip
        dependents = [copy.find(name) for name in sorted(names, reverse=True)]
        pending += [dependent for dependent in dependents if dependent is not None]
    return found
