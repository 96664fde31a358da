"""`crm_resource`: list, locate, move, clean up resources; their parameters."""

from __future__ import annotations

import sys
from io import StringIO
from typing import TYPE_CHECKING

from crmsh import exit_codes
from crmsh.actions.editing import ActionError, edit, read_copy
from crmsh.actions.parameters import found_resource
from crmsh.backend import Backend, BackendError, FileBackend, open_backend
from crmsh.configuration.sections import CONTAINERS
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.durations import seconds
from crmsh.failure import Failure
from crmsh.frame import Call, Tool, run
from crmsh.language.xml import parent_of, tag_of, to_text
from crmsh.options import REQUIRED, Option, UsageError
from crmsh.resource_history import history
from crmsh.resource_moves import ban_resource, clear_resource, move
from crmsh.resource_values import delete_value, get_value, set_value

if TYPE_CHECKING:
    from crmsh.status.reasons import Reason

_Q, _C, _L, _O = "Queries", "Commands", "Location", "Options"
_BY_HAND = "run the agent yourself with its OCF environment: its action"
TOOL = Tool(
    "crm_resource",
    "resources of the cluster",
    (
        Option("list", ("-L", "--list"), "print all resources with their state", section=_Q),
        Option("list-raw", ("-l", "--list-raw"), "print the ids of all instances", section=_Q),
        Option("list-cts", ("-c", "--list-cts"), "accepted as --list-raw", section=_Q),
        Option("list-operations", ("-O", "--list-operations"), "print active operations", section=_Q),
        Option("list-all-operations", ("-o", "--list-all-operations"), "print all operations", section=_Q),
        Option("query-xml", ("-q", "--query-xml"), "print the configuration of a resource", section=_Q),
        Option("query-xml-raw", ("-w", "--query-xml-raw"), "print it before templates", section=_Q),
        Option("locate", ("-W", "--locate"), "print where a resource runs", section=_Q),
        Option("constraints", ("-a", "--constraints"), "print the constraints of a resource", section=_Q),
        Option("stack", ("-A", "--stack"), "print them with those of what they lead to", section=_Q),
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
        Option("delete", ("-D", "--delete"), "remove a resource from the configuration (with -t)", section=_C),
        Option("resource", ("-r", "--resource"), "the resource", REQUIRED, "RSC", section=_O),
        Option("node", ("-N", "--node", "-H", "--host-uname"), "the node", REQUIRED, "NODE", section=_O),
        Option("recursive", ("--recursive",), "with --meta: what is placed with the resource too", section=_O),
        Option("resource-type", ("-t", "--resource-type"), "delete: primitive, group, clone …", REQUIRED, "TYPE",
               section=_O),
        Option("value", ("-v", "--parameter-value"), "the value", REQUIRED, "VALUE", section=_O),
        Option("meta", ("-m", "--meta"), "a meta attribute instead of a parameter", section=_O),
        Option("utilization", ("-z", "--utilization"), "a utilization attribute", section=_O),
        Option("element", ("--element",), "an attribute of the resource's element", section=_O),
        Option("operation", ("-n", "--operation"), "cleanup: only this operation", REQUIRED, "NAME", section=_O),
        Option("interval", ("-I", "--interval"), "cleanup: only of this interval", REQUIRED, "TIME", section=_O),
        Option("set-name", ("-s", "--set-name"), "only in the set of this id", REQUIRED, "ID", section=_O),
        Option("nvpair", ("-i", "--nvpair"), "only the value of this id", REQUIRED, "ID", section=_O),
        Option("timeout", ("-T", "--timeout"), "how long to wait", REQUIRED, "TIME", section=_O),
        Option("all", ("--all",), "accepted: --list-options prints all", section=_O),
        Option("force", ("-f", "--force"), "do it in spite of doubts", section=_O),
        Option("xml-file", ("-x", "--xml-file"), "work on the CIB in FILE", REQUIRED, "FILE", section=_O),
        Option("quiet", ("-Q", "--quiet"), "print the essentials only", section=_O),
        Option("digests", ("--digests",), ""),
        Option("validate", ("--validate",), ""),
        Option("force-start", ("--force-start",), ""),
        Option("force-stop", ("--force-stop",), ""),
        Option("force-check", ("--force-check",), ""),
        Option("force-promote", ("--force-promote",), ""),
        Option("force-demote", ("--force-demote",), ""),
        Option("list-options", ("--list-options",), "print what a primitive knows", REQUIRED, "primitive", section=_Q),
        Option("class", ("--class",), "for --validate and --force-* only", REQUIRED, "CLASS", section=_O),
        Option("agent", ("--agent",), "for --validate and --force-* only", REQUIRED, "AGENT", section=_O),
        Option("provider", ("--provider",), "for --validate and --force-* only", REQUIRED, "PROVIDER", section=_O),
        Option("option", ("--option",), "for --validate and --force-* only", REQUIRED, "NAME=VALUE", section=_O),
    ),
    refused={
        "digests": "digests of parameters are not shown; the history has them (cibadmin -Q -o status)",
        "validate": "parameters are checked by 'crm configure verify'",
        "force-start": f"{_BY_HAND} start",
        "force-stop": f"{_BY_HAND} stop",
        "force-check": f"{_BY_HAND} monitor",
        "force-promote": f"{_BY_HAND} promote",
        "force-demote": f"{_BY_HAND} demote",
    },
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return run(TOOL, argv, _answer)


_NEED_A_RESOURCE = (
    "query-xml", "query-xml-raw", "locate", "why", "constraints", "stack", "get-parameter", "set-parameter",
    "delete-parameter", "move", "ban", "restart", "delete",
)  # fmt: skip
_OF_AGENTS = ("class", "agent", "provider", "option")
_PROMOTED = {True: "Promoted", False: ""}


def _answer(call: Call) -> int:
    given = call.given
    if any(given.has(key) for key in _OF_AGENTS):
        if given.has("resource"):
            raise UsageError("--class, --agent, and --provider cannot be used with -r/--resource")
        raise UsageError("--class, --agent, and --provider can only be used with --validate and --force-*")
    handlers = (
        ("list-raw", _list_raw), ("list-cts", _list_raw), ("query-xml", _query_xml), ("query-xml-raw", _query_xml),
        ("locate", _locate), ("why", _why), ("constraints", _constraints), ("stack", _constraints),
        ("get-parameter", get_value), ("set-parameter", set_value), ("delete-parameter", delete_value),
        ("move", move), ("ban", ban_resource), ("clear", clear_resource), ("delete", _delete),
        ("cleanup", _cleanup), ("refresh", _cleanup), ("wait", _wait), ("restart", _restart),
        ("list-operations", history), ("list-all-operations", history), ("list-standards", _agents),
        ("list-ocf-providers", _agents), ("list-agents", _agents), ("list-ocf-alternatives", _agents),
        ("show-metadata", _metadata), ("list-options", _list_options),
    )  # fmt: skip
    backend = FileBackend(given.get("xml-file")) if given.has("xml-file") else open_backend()
    try:
        for key, handler in handlers:
            if given.has(key):
                if key in _NEED_A_RESOURCE and not given.get("resource"):
                    raise UsageError("Must supply a resource id with -r")
                return handler(call, backend)
        return _list(call, backend)
    except BackendError as error:
        last = f"Error performing operation: {exit_codes.text_of(error.rc)}"
        raise Failure(error.rc, error.text, (*error.details, last)) from None


# --- queries


def _list(call: Call, backend: Backend) -> int:
    from crmsh import crm_mon

    if call.as_xml:
        crm_mon.add_resources(call.root, backend)
        return exit_codes.OK
    options = ["-1", "-r", "--exclude=all", "--include=resources"]
    return crm_mon.run(options, backend, sys.stdout, sys.stderr, colours=False)


def _list_raw(call: Call, backend: Backend) -> int:
    from crmsh.status.reader import read_status

    names = [p.full_id for r in read_status(backend.read()).resources for p in r.primitives()]
    call.write("".join(f"{name}\n" for name in names) or "No resources are configured\n")
    return exit_codes.OK


def _query_xml(call: Call, backend: Backend) -> int:
    from crmsh.status.blocks import item_lines
    from crmsh.status.locating import find_views
    from crmsh.status.options import ShowOptions
    from crmsh.status.reader import read_status
    from crmsh.status.resource_text import resource_item

    data = backend.read()
    element = found_resource(WorkingCopy.from_bytes(data), call.given.get("resource"))
    for view in find_views(read_status(data).resources, element.get("id", ""))[:1]:
        item = resource_item(view, ShowOptions(inactive=True))
        if item is not None:
            call.write(f"{item.text}\n{item_lines(item.below, 1)}")
    call.write(f"Resource XML:\n{to_text(element)}")
    return exit_codes.OK


def _locate(call: Call, backend: Backend) -> int:
    from crmsh.status.locating import places_of

    data, name = backend.read(), call.given.get("resource")
    found_resource(WorkingCopy.from_bytes(data), name)
    places = places_of(data, name)
    if call.as_xml:
        listed = call.root.add("nodes", resource=name)
        for node, promoted in sorted(places):
            listed.add("node", node, state="promoted" if promoted else None)
        return exit_codes.OK
    for node, promoted in places:
        line = node if call.given.has("quiet") else f"resource {name} is running on: {node} {_PROMOTED[promoted]}"
        sys.stdout.write(f"{line}\n")
    if not places:
        sys.stdout.write(f"resource {name} is NOT running\n")
    return exit_codes.OK


def _why(call: Call, backend: Backend) -> int:
    name, where, found = _reasons(call, backend)
    node = call.given.get("node")
    if call.as_xml:
        checks = {reason.attribute.replace("-", "__"): reason.value for reason in found if reason.attribute}
        call.root.add("reason", running=None if node else bool(where)).add("check", **{"id": name, **checks})
        return exit_codes.OK
    if node:
        call.write(f"Resource {name} is {'' if node in where else 'not '}running on host {node}\n")
    else:
        call.write(f"Resource {name} is {'running on ' + ', '.join(where) if where else 'not running'}\n")
    call.write("".join(f"  * {reason.text}\n" for reason in found))
    return exit_codes.OK


def _reasons(call: Call, backend: Backend) -> tuple[str, list[str], list[Reason]]:
    from crmsh.status.locating import find_views, places_of
    from crmsh.status.reader import read_status
    from crmsh.status.reasons import reasons

    data = backend.read()
    name = found_resource(WorkingCopy.from_bytes(data), call.given.get("resource")).get("id", "")
    status = read_status(data)
    found = [
        reason
        for view in find_views(status.resources, name)[:1]
        for reason in reasons(status, view, call.given.get("node"))
    ]
    return name, [node for node, _ in places_of(data, name)], found


def _constraints(call: Call, backend: Backend) -> int:
    from crmsh.actions.constraint_listing import add_listing, listing

    copy = read_copy(backend)
    name, stack = _constrained(copy, call), call.given.has("stack")
    if call.as_xml:
        add_listing(call.root.add("constraints"), copy, name, stack)
    else:
        sys.stdout.write(listing(copy, name, stack))
    return exit_codes.OK


def _constrained(copy: WorkingCopy, call: Call) -> str:
    """The resource whose constraints are meant: what contains the one that is named, unless forced."""
    element = found_resource(copy, call.given.get("resource"))
    while not call.given.has("force") and (parent := parent_of(element)) is not None and parent.tag in CONTAINERS:
        element = parent
    return element.get("id", "")


def _agents(call: Call, backend: Backend) -> int:
    from crmsh.metadata import agent_types, providers_of, standards

    if call.given.has("list-standards"):
        names = standards()
    elif call.given.has("list-ocf-providers"):
        names = providers_of("ocf")
    elif call.given.has("list-agents"):
        standard, _, provider = call.given.get("list-agents").partition(":")
        names = agent_types(standard, provider)
    else:
        names = [
            name for name in providers_of("ocf") if call.given.get("list-ocf-alternatives") in agent_types("ocf", name)
        ]
    call.write("".join(f"{name}\n" for name in names))
    return exit_codes.OK


def _metadata(call: Call, backend: Backend) -> int:
    call.write(backend.client().metadata(call.given.get("show-metadata")).decode())
    return exit_codes.OK


# --- the running cluster


def _cleanup(call: Call, backend: Backend) -> int:
    from cib.values import interval_ms_or

    resource = call.given.get("resource")
    if resource:
        found_resource(read_copy(backend), resource)
    interval_ms = interval_ms_or(call.given.get("interval"), 0) if call.given.has("interval") else -1
    done = backend.client().cleanup(
        resource, call.given.get("node"), call.given.get("operation"), interval_ms, refresh=call.given.has("refresh")
    )
    what = resource or "all resources"
    call.say(f"{done.text or f'Cleaned up {what} on ' + (call.given.get('node') or 'all nodes')}\n")
    return exit_codes.OK


def _wait(call: Call, backend: Backend) -> int:
    backend.client().wait_idle(int(seconds(call.given.get("timeout", "1h"), "--timeout") * 1000))
    return exit_codes.OK


def _restart(call: Call, backend: Backend) -> int:
    from crmsh.levels.framework import CommandError, Session
    from crmsh.levels.resource import restart

    try:
        out = StringIO() if call.as_xml else sys.stdout
        restart(Session(backend, force=call.given.has("force"), out_stream=out), [call.given.get("resource")])
    except CommandError as error:
        raise ActionError(error.rc, error.text) from None
    return exit_codes.OK


def _delete(call: Call, backend: Backend) -> int:
    name, kind = call.given.get("resource"), call.given.get("resource-type")
    if not kind:
        raise UsageError("Must supply the resource's type with -t: primitive, group, clone or bundle")

    def change(copy: WorkingCopy) -> None:
        element = found_resource(copy, name)
        if tag_of(element) != kind:
            raise ActionError(exit_codes.USAGE, f"'{name}' is a {tag_of(element)}, not a {kind}")
        copy.delete([name], call.given.has("force"))

    edit(backend, change, call.given.has("force"))
    return exit_codes.OK


def _list_options(call: Call, backend: Backend) -> int:
    kind = call.given.get("list-options")
    if kind != "primitive":
        known = "expected primitive; the parameters of fencing devices are in their agents' metadata"
        raise UsageError(f"Error parsing option --list-options: '{kind}' is not known, {known}")
    from crmsh.configuration.properties import RESOURCE_META, VALUES

    call.write("Primitive meta-attributes\n\n")
    for name in RESOURCE_META:
        words = f"\n    * Possible values: {', '.join(VALUES[name])}" if name in VALUES else ""
        call.write(f"  * {name}{words}\n")
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main())
