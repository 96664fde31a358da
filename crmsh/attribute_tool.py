"""What crm_attribute and its relatives do beyond the quick live path: files, cluster options, patterns, fail counts."""

from __future__ import annotations

import re

from crmsh import exit_codes
from crmsh.actions.editing import edit, read_copy
from crmsh.actions.failcounts import delete_failcount, failcounts_of
from crmsh.actions.nodes import (
    Lifetime,
    change_attribute,
    delete_attribute,
    find_attribute,
    node_element,
    set_attribute,
)
from crmsh.attribute_request import MISSING, Wanted, tell_value
from crmsh.backend import Backend, open_backend
from crmsh.configuration.sections import section_for
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.failure import Failure
from crmsh.frame import Call
from crmsh.language.build import DEFAULT_SET_IDS, Context
from crmsh.language.xml import Element, add, children, descendants
from crmsh.options import UsageError

_SET_TAGS = {"crm_config": "cluster_property_set", "rsc_defaults": "meta_attributes", "op_defaults": "meta_attributes"}
_KEYWORDS = {"crm_config": "property", "rsc_defaults": "rsc_defaults", "op_defaults": "op_defaults"}


def run(call: Call, wanted: Wanted) -> int:
    """Carry out what the command line asks for; returns the exit code. Raises Failure."""
    backend = open_backend()
    if wanted.section in _SET_TAGS:
        return _options(call, wanted, backend)
    return _node(call, wanted, backend)


def new_value(old: str | None, value: str) -> str:
    """The value to write: `value++` and `value+=N` add to the old one, as the cluster does for node attributes."""
    match = re.match(r"value(\+\+|\+=(-?\d+))$", value)
    if match is None:
        return value
    number = int(old) if old and re.match(r"-?\d+$", old) else 0
    return str(max(-1_000_000, min(1_000_000, number + (1 if match.group(1) == "++" else int(match.group(2))))))


# --- options of the cluster


def _pairs(copy: WorkingCopy, wanted: Wanted) -> list[Element]:
    section = next((e for e in children(copy.root) if e.tag == wanted.section), None)
    found = []
    for content in [] if section is None else children(section):
        for pair in children(content):
            if pair.tag != "nvpair" or (wanted.set_id and content.get("id") != wanted.set_id):
                continue
            if wanted.identifier and pair.get("id") != wanted.identifier:
                continue
            if not wanted.name or pair.get("name") == wanted.name:
                found.append(pair)
    return found


def _options(call: Call, wanted: Wanted, backend: Backend) -> int:
    found = _pairs(read_copy(backend), wanted)
    if wanted.value is None and not wanted.delete:
        if not found and wanted.default is None:
            raise Failure(exit_codes.NO_SUCH, MISSING)
        value = found[0].get("value", "") if found else wanted.default or ""
        tell_value(call, wanted.section, wanted.name, value)
        return exit_codes.OK
    if len(found) > 1:
        call.say(f"Multiple attributes match name={wanted.name}\n")
        for pair in found:
            call.say(f"  Value: {pair.get('value')} \t(id={pair.get('id')})\n")
        text = "Please choose from one of the matches below and supply the 'id' with --attr-id"
        raise Failure(exit_codes.MULTIPLE, text)
    edit(backend, lambda copy: _write_option(copy, wanted))
    if wanted.delete and not wanted.quiet:
        identifier = found[0].get("id") if found else "(null)"
        call.say(f"Deleted {wanted.section} option: id={identifier} name={wanted.name}\n")
    return exit_codes.OK


def _write_option(copy: WorkingCopy, wanted: Wanted) -> None:
    found = _pairs(copy, wanted)
    if wanted.delete:
        for pair in found:
            parent = pair.getparent()
            assert parent is not None
            parent.remove(pair)
        return
    assert wanted.value is not None
    if found:
        found[0].set("value", new_value(found[0].get("value"), wanted.value))
        return
    section = section_for(copy.root, "", wanted.section)
    set_id = wanted.set_id or DEFAULT_SET_IDS[_KEYWORDS[wanted.section]]
    content = next((e for e in children(section) if e.get("id") == set_id), None)
    if content is None:
        content = add(section, _SET_TAGS[wanted.section], {"id": set_id})
    identifier = wanted.identifier or f"{set_id}-{wanted.name}"
    used = Context.of(copy.root).used
    if identifier in used:
        identifier = next(f"{identifier}-{n}" for n in range(len(used) + 1) if f"{identifier}-{n}" not in used)
    value = new_value(None, wanted.value)
    add(content, "nvpair", {"id": identifier, "name": wanted.name, "value": value})


# --- attributes of nodes


def _own_name(backend: Backend) -> str:
    if backend.live:
        return backend.client().state().node
    import os

    return os.uname().nodename


def _node(call: Call, wanted: Wanted, backend: Backend) -> int:
    copy = read_copy(backend)
    node = node_element(copy, wanted.node or _own_name(backend))
    names = _matching(copy, node, wanted) if wanted.pattern else [wanted.name]
    sections = ("status", "nodes") if wanted.section == "any" else (wanted.section,)
    if wanted.value is None and not wanted.delete:
        return _print(call, wanted, copy, node, names, sections)
    for name in names:
        _change(call, wanted, backend, copy, node, name)
    return exit_codes.OK


def _matching(copy: WorkingCopy, node: Element, wanted: Wanted) -> list[str]:
    try:
        pattern = re.compile(wanted.pattern)
    except re.error as error:
        raise UsageError(f"--pattern '{wanted.pattern}' is no regular expression: {error}") from None
    holders = [node]
    if wanted.section == "status":
        holders = [e for e in descendants(copy.cib) if e.tag == "node_state" and e.get("uname") == node.get("uname")]
    names = [e.get("name", "") for holder in holders for e in descendants(holder) if e.tag == "nvpair"]
    return [name for name in dict.fromkeys(names) if pattern.search(name)]


def _print(
    call: Call, wanted: Wanted, copy: WorkingCopy, node: Element, names: list[str], sections: tuple[str, ...]
) -> int:
    printed = False
    for name in names:
        for section in sections:
            lifetime: Lifetime = "reboot" if section == "status" else "forever"
            place = find_attribute(copy, node, name, lifetime, wanted.tag)
            if place is not None:
                tell_value(call, section, name, place.value)
                printed = True
                break
    if printed:
        return exit_codes.OK
    if wanted.default is not None:
        tell_value(call, sections[0], wanted.name, wanted.default)
        return exit_codes.OK
    raise Failure(exit_codes.NO_SUCH, MISSING)


def _change(call: Call, wanted: Wanted, backend: Backend, copy: WorkingCopy, node: Element, name: str) -> None:
    lifetime: Lifetime = "reboot" if wanted.section == "status" else "forever"
    old = find_attribute(copy, node, name, lifetime, wanted.tag)
    uname = node.get("uname", "")
    if wanted.delete:
        if lifetime == "reboot" or (backend.live and wanted.tag == "instance_attributes"):
            change_attribute(backend, uname, name, None, lifetime)
        else:
            edit(backend, lambda copy: delete_attribute(node_element(copy, uname), name, wanted.tag))
        if old is not None and not wanted.quiet:
            call.say(f"Deleted {wanted.section} attribute: id={old.pair_id} name={name}\n")
        return
    assert wanted.value is not None
    value = new_value(old.value if old else None, wanted.value)
    if lifetime == "reboot" or (backend.live and wanted.tag == "instance_attributes"):
        change_attribute(backend, uname, name, value, lifetime, wanted.set_id)
    else:
        edit(
            backend,
            lambda copy: set_attribute(copy, node_element(copy, uname), name, value, wanted.tag, wanted.set_id),
        )


# --- fail counts


def failcount(call: Call, wanted: Wanted, operation: str, interval: str) -> int:
    """Print or remove the fail counts of a resource on a node. Raises Failure."""
    from cib.values import interval_ms_or

    backend = open_backend()
    node = wanted.node or _own_name(backend)
    interval_ms = interval_ms_or(interval, 0) if interval else -1
    if wanted.delete:
        delete_failcount(backend, wanted.name, node, operation, interval_ms)
        return exit_codes.OK
    total = 0
    for _, name, value in failcounts_of(backend.read(), wanted.name, node):
        suffix = name.partition("#")[2]
        if operation and suffix != f"{operation}_{max(interval_ms, 0)}":
            continue
        total = 1_000_000 if value == "INFINITY" else min(1_000_000, total + int(value or 0))
    shown = "INFINITY" if total >= 1_000_000 else str(total)
    tell_value(call, "status", f"fail-count-{wanted.name}", shown)
    return exit_codes.OK
