"""`crm_resource`: list, locate, move, clean up resources; their parameters."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from crmsh import exit_codes
from crmsh.actions.editing import ActionError, edit, read_copy
from crmsh.actions.moving import ban, clear, lifetime_end, prefer
from crmsh.actions.parameters import (
    delete_parameter,
    find_resource,
    get_parameter,
    set_parameter,
)
from crmsh.backend import Backend, BackendError, open_backend
from crmsh.configuration.sections import CONTAINERS, RESOURCES
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.xml import Element, children, descendants, parent_of, to_text
from crmsh.options import OPTIONAL, REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

if TYPE_CHECKING:
    from crmsh.status.reasons import Reason
    from crmsh.status.xml_output import Tag

_Q, _C, _L, _O = "Queries", "Commands", "Location", "Options"
OPTIONS = (
    Option("list", ("-L", "--list"), "print all resources with their state", section=_Q),
    Option("list-raw", ("-l", "--list-raw"), "print the ids of all instances", section=_Q),
    Option("list-cts", ("-c", "--list-cts"), "", section=_Q),
    Option("list-operations", ("-O", "--list-operations"), "print active operations", section=_Q),
    Option("list-all-operations", ("-o", "--list-all-operations"), "print all operations", section=_Q),
    Option("query-xml", ("-q", "--query-xml"), "print the configuration of a resource", section=_Q),
    Option("query-xml-raw", ("-w", "--query-xml-raw"), "print it before templates", section=_Q),
    Option("locate", ("-W", "--locate"), "print where a resource runs", section=_Q),
    Option("constraints", ("-a", "--constraints"), "print the constraints of a resource", section=_Q),
    Option("stack", ("-A", "--stack"), "", section=_Q),
    Option("why", ("-Y", "--why"), "print why a resource runs or does not (with -N: there)", section=_Q),
    Option("get-parameter", ("-g", "--get-parameter"), "print a parameter", REQUIRED, "NAME", section=_Q),
    Option("list-standards", ("--list-standards",), "print classes of agents", section=_Q),
    Option("list-ocf-providers", ("--list-ocf-providers",), "print ocf providers", section=_Q),
    Option("list-agents", ("--list-agents",), "print agents of STD[:PROVIDER]", REQUIRED, "SPEC", section=_Q),
    Option("list-ocf-alternatives", ("--list-ocf-alternatives",), "print providers of TYPE", REQUIRED, "TYPE",
           section=_Q),
    Option("show-metadata", ("--show-metadata",), "print an agent's metadata", REQUIRED, "SPEC", section=_Q),
    Option("cleanup", ("-C", "--cleanup"), "forget failures", section=_C),
    Option("refresh", ("-R", "--refresh"), "forget the history and probe", section=_C),
    Option("set-parameter", ("-p", "--set-parameter"), "set a parameter (with -v)", REQUIRED, "NAME", section=_C),
    Option("delete-parameter", ("-d", "--delete-parameter"), "remove a parameter", REQUIRED, "NAME", section=_C),
    Option("move", ("-M", "--move"), "let a resource run elsewhere", section=_L),
    Option("ban", ("-B", "--ban"), "keep a resource from a node", section=_L),
    Option("clear", ("-U", "--clear"), "remove what move and ban made", section=_L),
    Option("expired", ("-e", "--expired"), "clear: only what has expired", section=_L),
    Option("lifetime", ("-u", "--lifetime"), "for how long (ISO 8601)", REQUIRED, "TIME", section=_L),
    Option("promoted", ("--promoted", "--master"), "for the promoted role only", section=_L),
    Option("wait", ("--wait",), "wait until the cluster is idle", section=_C),
    Option("restart", ("--restart",), "stop a resource and start it again", section=_C),
    Option("delete", ("-D", "--delete"), "", section=_C),
    Option("resource", ("-r", "--resource"), "the resource", REQUIRED, "RSC", section=_O),
    Option("node", ("-N", "--node", "-H", "--host-uname"), "the node", REQUIRED, "NODE", section=_O),
    Option("recursive", ("--recursive",), "for a group: its members too", section=_O),
    Option("resource-type", ("-t", "--resource-type"), "", REQUIRED, section=_O),
    Option("value", ("-v", "--parameter-value"), "the value", REQUIRED, "VALUE", section=_O),
    Option("meta", ("-m", "--meta"), "a meta attribute instead of a parameter", section=_O),
    Option("utilization", ("-z", "--utilization"), "a utilization attribute", section=_O),
    Option("element", ("--element",), "an attribute of the resource's element", section=_O),
    Option("operation", ("-n", "--operation"), "cleanup: only this operation", REQUIRED, "NAME", section=_O),
    Option("interval", ("-I", "--interval"), "cleanup: only of this interval", REQUIRED, "TIME", section=_O),
    Option("set-name", ("-s", "--set-name"), "", REQUIRED, section=_O),
    Option("nvpair", ("-i", "--nvpair"), "", REQUIRED, section=_O),
    Option("timeout", ("-T", "--timeout"), "how long to wait", REQUIRED, "TIME", section=_O),
    Option("all", ("--all",), "", section=_O),
    Option("force", ("-f", "--force"), "do it in spite of doubts", section=_O),
    Option("xml-file", ("-x", "--xml-file"), "", OPTIONAL, section=_O),
    Option("output-as", ("--output-as",), "text or xml", REQUIRED, "FORMAT", section=_O),
    Option("verbose", ("-V", "--verbose"), "more detail", section=_O),
    Option("quiet", ("-Q", "--quiet"), "print the essentials only", section=_O),
    Option("version", ("-$", "--version"), "print the version", section=_O),
    Option("help", ("-?", "--help", "--help-all"), "this text", section=_O),
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(OPTIONS, arguments)
        if given.has("help"):
            sys.stdout.write(help_text("crm_resource", "resources of the cluster", OPTIONS))
            return exit_codes.OK
        if given.has("version"):
            sys.stdout.write(VERSION_LINE)
            return exit_codes.OK
        if given.words:
            count = len(given.words)
            listed = "\n".join(f"[{place} of {count}] {word}" for place, word in enumerate(given.words, 1))
            raise UsageError(f"non-option ARGV-elements:\n{listed}")
        if given.get("output-as") == "xml" and any(given.has(command) for command in _SILENT_IN_XML):
            return _run_in_envelope(given, " ".join(["crm_resource", *arguments]))
        if given.get("output-as") == "xml":
            for key, answer in _XML_QUERIES:
                if given.has(key):
                    return _answer(given, " ".join(["crm_resource", *arguments]), answer)
        return _run(given, open_backend())
    except UsageError as error:
        sys.stderr.write(f"crm_resource: {error}\n")
        return exit_codes.USAGE
    except (ActionError, BackendError) as error:
        sys.stderr.write(f"crm_resource: {error.text}\n")
        sys.stderr.write(f"Error performing operation: {exit_codes.text_of(error.rc)}\n")
        return error.rc


_SILENT_IN_XML = (
    "set-parameter", "delete-parameter", "move", "ban", "clear", "cleanup", "refresh", "wait", "restart",
)  # fmt: skip
"""Commands whose sentences are for people: in XML only their success or failure is said."""


def _run_in_envelope(given: Parsed, request: str) -> int:
    from contextlib import redirect_stdout
    from io import StringIO

    from crmsh.status.xml_output import envelope, finish

    errors: list[str] = []
    try:
        with redirect_stdout(StringIO()):
            code = _run(given, open_backend())
    except (ActionError, BackendError) as error:
        code = error.rc
        errors = [f"crm_resource: {error.text}", f"Error performing operation: {exit_codes.text_of(code)}"]
    sys.stdout.write(finish(envelope(request), code, errors))
    return code


def _answer(given: Parsed, request: str, answer: Callable[[Parsed, Backend, Tag], None]) -> int:
    from crmsh.status.xml_output import envelope, finish

    root = envelope(request)
    answer(given, open_backend(), root)
    sys.stdout.write(finish(root, exit_codes.OK))
    return exit_codes.OK


def _run(given: Parsed, backend: Backend) -> int:
    handlers = (
        ("list-raw", _list_raw), ("list-cts", _list_raw), ("query-xml", _query_xml), ("query-xml-raw", _query_xml),
        ("locate", _locate), ("why", _why), ("constraints", _constraints), ("stack", _constraints),
        ("get-parameter", _get),
        ("set-parameter", _set), ("delete-parameter", _delete), ("move", _move), ("ban", _ban), ("clear", _clear),
        ("cleanup", _cleanup), ("refresh", _cleanup), ("wait", _wait), ("restart", _restart),
        ("list-operations", _history), ("list-all-operations", _history), ("list-standards", _agents),
        ("list-ocf-providers", _agents), ("list-agents", _agents), ("list-ocf-alternatives", _agents),
        ("show-metadata", _metadata),
    )  # fmt: skip
    for key, handler in handlers:
        if given.has(key):
            return handler(given, backend)
    return _list(given, backend)


def _resource_name(given: Parsed) -> str:
    name = given.get("resource")
    if not name:
        raise UsageError("Must supply a resource id with -r")
    return name


def _found(copy: WorkingCopy, given: Parsed) -> Element:
    name = _resource_name(given)
    try:
        return find_resource(copy, name)
    except ActionError as error:
        raise ActionError(exit_codes.NO_SUCH, f"Resource '{name}' not found ({error.text})") from None


# --- queries


def _list(given: Parsed, backend: Backend) -> int:
    from crmsh import crm_mon

    form = ["--output-as=xml"] if given.get("output-as") == "xml" else []
    options = ["-1", "-r", "--exclude=all", "--include=resources", *form]
    return crm_mon.run(options, backend, sys.stdout, sys.stderr, colours=False)


def _list_raw(given: Parsed, backend: Backend) -> int:
    from crmsh.status.reader import read_status

    names = [p.full_id for r in read_status(backend.read()).resources for p in r.primitives()]
    sys.stdout.write("".join(f"{name}\n" for name in names) or "No resources are configured\n")
    return exit_codes.OK


def _query_xml(given: Parsed, backend: Backend) -> int:
    from crmsh.status.blocks import item_lines
    from crmsh.status.locating import find_views
    from crmsh.status.options import ShowOptions
    from crmsh.status.reader import read_status
    from crmsh.status.resource_text import resource_item

    data = backend.read()
    element = _found(WorkingCopy.from_bytes(data), given)
    for view in find_views(read_status(data).resources, element.get("id", ""))[:1]:
        item = resource_item(view, ShowOptions(inactive=True))
        if item is not None:
            sys.stdout.write(f"{item.text}\n{item_lines(item.below, 1)}")
    sys.stdout.write(f"Resource XML:\n{to_text(element)}")
    return exit_codes.OK


def _locate(given: Parsed, backend: Backend) -> int:
    from crmsh.status.locating import location_lines

    data = backend.read()
    _found(WorkingCopy.from_bytes(data), given)
    running, missing = location_lines(data, _resource_name(given))
    if given.has("quiet"):
        running = [line.partition(": ")[2].split()[0] for line in running]
    sys.stdout.write("".join(f"{line}\n" for line in running))
    sys.stdout.write("".join(f"{line}\n" for line in missing))
    return exit_codes.OK


def _why(given: Parsed, backend: Backend) -> int:
    name, where, found = _reasons(given, backend)
    node = given.get("node")
    if node:
        sys.stdout.write(f"Resource {name} is {'' if node in where else 'not '}running on host {node}\n")
    else:
        sys.stdout.write(f"Resource {name} is {'running on ' + ', '.join(where) if where else 'not running'}\n")
    sys.stdout.write("".join(f"  * {reason.text}\n" for reason in found))
    return exit_codes.OK


def _why_xml(given: Parsed, backend: Backend, root: Tag) -> None:
    name, where, found = _reasons(given, backend)
    checks = {reason.attribute.replace("-", "__"): reason.value for reason in found if reason.attribute}
    root.add("reason", running=None if given.get("node") else bool(where)).add("check", **{"id": name, **checks})


def _reasons(given: Parsed, backend: Backend) -> tuple[str, list[str], list[Reason]]:
    from crmsh.status.locating import find_views, places_of
    from crmsh.status.reader import read_status
    from crmsh.status.reasons import reasons

    data = backend.read()
    name = _found(WorkingCopy.from_bytes(data), given).get("id", "")
    status = read_status(data)
    found = [
        reason for view in find_views(status.resources, name)[:1] for reason in reasons(status, view, given.get("node"))
    ]
    return name, [node for node, _ in places_of(data, name)], found


def _constraints(given: Parsed, backend: Backend) -> int:
    from crmsh.actions.constraint_listing import listing

    copy = read_copy(backend)
    sys.stdout.write(listing(copy, _constrained(copy, given), given.has("stack")))
    return exit_codes.OK


def _constraints_xml(given: Parsed, backend: Backend, root: Tag) -> None:
    from crmsh.actions.constraint_listing import add_listing

    copy = read_copy(backend)
    add_listing(root.add("constraints"), copy, _constrained(copy, given), given.has("stack"))


def _constrained(copy: WorkingCopy, given: Parsed) -> str:
    """The resource whose constraints are meant: what contains the one that is named, unless forced."""
    element = _found(copy, given)
    while not given.has("force") and (parent := parent_of(element)) is not None and parent.tag in CONTAINERS:
        element = parent
    return element.get("id", "")


def _history(given: Parsed, backend: Backend) -> int:
    from crmsh.resource_history import operations

    return operations(given, backend)


def _history_xml(given: Parsed, backend: Backend, root: Tag) -> None:
    from crmsh.resource_history import operations_xml

    operations_xml(given, backend, root)


def _agents(given: Parsed, backend: Backend) -> int:
    from crmsh.metadata import agent_types, providers_of, standards

    if given.has("list-standards"):
        names = standards()
    elif given.has("list-ocf-providers"):
        names = providers_of("ocf")
    elif given.has("list-agents"):
        standard, _, provider = given.get("list-agents").partition(":")
        names = agent_types(standard, provider)
    else:
        names = [name for name in providers_of("ocf") if given.get("list-ocf-alternatives") in agent_types("ocf", name)]
    sys.stdout.write("".join(f"{name}\n" for name in names))
    return exit_codes.OK


def _metadata(given: Parsed, backend: Backend) -> int:
    from crmd.client import ClientError

    try:
        sys.stdout.write(backend.client().metadata(given.get("show-metadata")).decode())
    except ClientError as error:
        raise ActionError(error.rc, error.text) from None
    return exit_codes.OK


# --- parameters


def _tag(given: Parsed) -> str:
    if given.has("meta"):
        return "meta_attributes"
    return "utilization" if given.has("utilization") else "instance_attributes"


def _get(given: Parsed, backend: Backend) -> int:
    name = given.get("get-parameter")
    element = _found(read_copy(backend), given)
    value = element.get(name) if given.has("element") else get_parameter(element, _tag(given), name)
    if value is None and not given.has("element") and (template := element.get("template")):
        source = read_copy(backend).find(template)
        value = None if source is None else get_parameter(source, _tag(given), name)
    if value is None:
        raise ActionError(exit_codes.NO_SUCH, f"Attribute '{name}' not found for '{element.get('id')}'")
    sys.stdout.write(f"{value}\n")
    return exit_codes.OK


def _holder(element: Element, given: Parsed, name: str) -> tuple[Element, str]:
    """Where a meta attribute of a clone's primitive belongs: to the clone, unless the primitive has its own."""
    parent = parent_of(element)
    own = get_parameter(element, _tag(given), name)
    if given.has("meta") and not given.has("force") and own is None and parent is not None and parent.tag == "clone":
        return parent, element.get("id", "")
    return element, ""


def _set(given: Parsed, backend: Backend) -> int:
    name, value = given.get("set-parameter"), given.get("value")
    if not given.has("value"):
        raise UsageError("You need to supply a value with the -v option")
    done: list[str] = []

    def change(copy: WorkingCopy) -> None:
        element = _found(copy, given)
        if given.has("element"):
            element.set(name, value)
            done.append(f"Set attribute: name={name} value={value}")
            return
        target, child = _holder(element, given, name)
        if child:
            done.append(f"Performing update of '{name}' on '{target.get('id')}', the parent of '{child}'")
        for one in _with_members(target, given):
            written = set_parameter(one, _tag(given), name, value)
            inside = f" set={written.set_id}" if written.made else ""
            done.append(f"Set '{written.resource}' option: id={written.pair_id}{inside} name={name} value={value}")

    edit(backend, change, given.has("force"))
    sys.stdout.write("".join(f"{line}\n" for line in done))
    return exit_codes.OK


def _with_members(element: Element, given: Parsed) -> list[Element]:
    if not given.has("recursive"):
        return [element]
    return [e for e in descendants(element) if e.tag in RESOURCES]


def _delete(given: Parsed, backend: Backend) -> int:
    name = given.get("delete-parameter")
    done: list[str] = []

    def change(copy: WorkingCopy) -> None:
        element = _found(copy, given)
        if given.has("element"):
            element.attrib.pop(name, None)
            done.append(f"Deleted attribute: {name}")
            return
        target, child = _holder(element, given, name)
        if child:
            done.append(f"Performing delete of '{name}' on '{target.get('id')}', the parent of '{child}'")
        for one in _with_members(target, given):
            written = delete_parameter(one, _tag(given), name)
            if written is not None:
                done.append(f"Deleted '{written.resource}' option: id={written.pair_id} name={name}")

    edit(backend, change, given.has("force"))
    sys.stdout.write("".join(f"{line}\n" for line in done))
    return exit_codes.OK


# --- location


def _end(given: Parsed) -> str:
    if not given.has("lifetime"):
        return ""
    end = lifetime_end(given.get("lifetime"), datetime.datetime.now(datetime.UTC))
    sys.stdout.write(f"Migration will take effect until: {end}\n")
    return end


def _role(given: Parsed) -> str:
    return "Promoted" if given.has("promoted") else "Started"


def _where(backend: Backend, name: str) -> list[str]:
    from crmsh.status.locating import places_of

    return [node for node, _ in places_of(backend.read(), name)]


def _checked_node(copy: WorkingCopy, node: str) -> str:
    if node not in copy.node_names() and not any(e.get("id") == node for e in copy.objects() if e.tag == "node"):
        raise ActionError(exit_codes.NO_SUCH, f"Node '{node}' not found")
    return node


def _move(given: Parsed, backend: Backend) -> int:
    name = _found(read_copy(backend), given).get("id", "")
    node = given.get("node")
    if not node:
        return _ban_from_here(given, backend, name)
    _checked_node(read_copy(backend), node)
    if _where(backend, name) == [node] and not given.has("force"):
        raise ActionError(exit_codes.EXISTS, f"{name} is already active on {node}")
    end = _end(given)
    edit(backend, lambda copy: prefer(copy, name, node, _role(given), end), given.has("force"))
    return exit_codes.OK


def _ban(given: Parsed, backend: Backend) -> int:
    name = _found(read_copy(backend), given).get("id", "")
    node = given.get("node")
    if not node:
        return _ban_from_here(given, backend, name)
    _checked_node(read_copy(backend), node)
    return _ban_from(given, backend, name, node)


def _ban_from_here(given: Parsed, backend: Backend, name: str) -> int:
    here = _where(backend, name)
    if len(here) != 1:
        raise ActionError(
            exit_codes.USAGE,
            f"Resource '{name}' not moved: active in {len(here)} locations. To prevent '{name}' from running on a "
            "specific location, specify a node.",
        )
    return _ban_from(given, backend, name, here[0])


def _ban_from(given: Parsed, backend: Backend, name: str, node: str) -> int:
    end = _end(given)
    identifier = edit(backend, lambda copy: ban(copy, name, node, _role(given), end), given.has("force"))
    if not given.has("quiet"):
        sys.stdout.write(
            f"WARNING: Creating rsc_location constraint '{identifier}' with a score of -INFINITY for resource {name} "
            f"on {node}.\n\tThis will prevent {name} from running on {node} until the constraint is removed using the "
            "clear option or by editing the CIB with an appropriate tool.\n"
            f"\tThis will be the case even if {node} is the "
            "last node in the cluster\n"
        )
    return exit_codes.OK


def _clear(given: Parsed, backend: Backend) -> int:
    removed: list[str] = []

    def change(copy: WorkingCopy) -> None:
        if given.has("expired"):
            removed.extend(_clear_expired(copy, given.get("resource"), given.get("node")))
        else:
            name = _found(copy, given).get("id", "")
            removed.extend(clear(copy, name, given.get("node")))

    edit(backend, change, given.has("force"))
    sys.stdout.write("".join(f"Removing constraint: {identifier}\n" for identifier in removed))
    return exit_codes.OK


def _clear_expired(copy: WorkingCopy, resource: str, node: str) -> list[str]:
    now = datetime.datetime.now(datetime.UTC)
    gone = []
    for section in children(copy.root):
        for element in children(section) if section.tag == "constraints" else []:
            if not element.get("id", "").startswith(("cli-prefer-", "cli-ban-")):
                continue
            if resource and element.get("rsc") != resource:
                continue
            ends = [e.get("end", "") for e in descendants(element) if e.tag == "date_expression" and e.get("end")]
            if ends and _passed(ends[0], now):
                section.remove(element)
                gone.append(element.get("id", ""))
    return gone


def _passed(end: str, now: datetime.datetime) -> bool:
    try:
        moment = datetime.datetime.fromisoformat(end.replace("Z", "+00:00"))
    except ValueError:
        return False
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)) <= now


# --- the running cluster


def _cleanup(given: Parsed, backend: Backend) -> int:
    from cib.values import interval_ms_or
    from crmd.client import ClientError

    resource = given.get("resource")
    if resource:
        _found(read_copy(backend), given)
    interval_ms = interval_ms_or(given.get("interval"), 0) if given.has("interval") else -1
    try:
        done = backend.client().cleanup(
            resource, given.get("node"), given.get("operation"), interval_ms, refresh=given.has("refresh")
        )
    except ClientError as error:
        raise ActionError(error.rc, error.text) from None
    what = resource or "all resources"
    sys.stdout.write(f"{done.text or f'Cleaned up {what} on ' + (given.get('node') or 'all nodes')}\n")
    return exit_codes.OK


def _wait(given: Parsed, backend: Backend) -> int:
    from cib.values import interval_ms_or
    from crmd.client import ClientError

    try:
        backend.client().wait_idle(interval_ms_or(given.get("timeout"), 0) or 3_600_000)
    except ClientError as error:
        raise ActionError(error.rc, error.text) from None
    return exit_codes.OK


def _restart(given: Parsed, backend: Backend) -> int:
    from crmsh.levels.framework import CommandError, Session
    from crmsh.levels.resource import restart

    try:
        restart(Session(backend, force=given.has("force")), [_resource_name(given)])
    except CommandError as error:
        raise ActionError(error.rc, error.text) from None
    return exit_codes.OK


_XML_QUERIES = (
    ("why", _why_xml), ("constraints", _constraints_xml), ("stack", _constraints_xml),
    ("list-operations", _history_xml), ("list-all-operations", _history_xml),
)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
