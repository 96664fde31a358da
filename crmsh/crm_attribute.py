"""`crm_attribute`, `crm_standby`, `crm_failcount`, `crm_master`: one attribute of a node or of the cluster.

Runs inside monitors: the live path for node attributes imports only what an answer needs; files, cluster options and
patterns load the rest.
"""

from __future__ import annotations

import os
import sys

from crmsh.options import OPTIONAL, REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from crmd.thin_client import ThinClient

OPTIONS = (
    Option("name", ("-n", "--name", "--attr-name"), "the attribute", REQUIRED, "NAME"),
    Option("pattern", ("-P", "--pattern"), "all attributes that match", REQUIRED, "REGEX"),
    Option("promotion", ("-p", "--promotion"), "the promotion score of a resource", OPTIONAL, "RSC"),
    Option("query", ("-G", "--query", "--get-value"), "print the value"),
    Option("update", ("-v", "--update", "--attr-value"), "set this value", REQUIRED, "VALUE"),
    Option("delete", ("-D", "--delete", "--delete-attr"), "remove the attribute"),
    Option("list-options", ("--list-options",), "print known options", REQUIRED, "cluster"),
    Option("all", ("-a", "--all"), ""),
    Option("node", ("-N", "--node", "-U", "--node-uname"), "the node (default: this one)", REQUIRED, "NODE"),
    Option("type", ("-t", "--type"), "crm_config, nodes, status, rsc_defaults, op_defaults", REQUIRED, "SECTION"),
    Option("lifetime", ("-l", "--lifetime"), "reboot or forever", REQUIRED, "WHEN"),
    Option("set", ("-s", "--set-name"), "the set to write to", REQUIRED, "ID"),
    Option("id", ("-i", "--id", "--attr-id"), "the id of the attribute", REQUIRED, "ID"),
    Option("default", ("-d", "--default"), "print this where there is none", REQUIRED, "VALUE"),
    Option("utilization", ("-z", "--utilization"), "a capacity instead of an attribute"),
    Option("score", ("--score",), "accepted: value++ and value+=N always add"),
    Option("wait", ("-W", "--wait"), "", REQUIRED),
    Option("inhibit", ("-!", "--inhibit-policy-engine"), ""),
    Option("quiet", ("-q", "--quiet", "-Q"), "print the value only"),
    Option("resource", ("-r", "--resource", "--resource-id"), "the resource", REQUIRED, "RSC"),
    Option("operation", ("--operation",), "", REQUIRED),
    Option("interval", ("-I", "--interval"), "the interval of the operation", REQUIRED, "TIME"),
    Option("output-as", ("--output-as",), "", REQUIRED),
    Option("verbose", ("-V", "--verbose"), "more detail"),
    Option("version", ("-$", "--version"), "print the version"),
    Option("help", ("-?", "--help", "--help-all"), "this text"),
)
USAGE, NO_SUCH, MULTIPLE = 64, 105, 109
_MISSING = "Error performing operation: No such device or address"


class Wanted:
    """What a command line asks for, in one place for all four tools."""

    __slots__ = ("default", "delete", "identifier", "name", "node", "pattern", "quiet", "section", "set_id", "tag",
                 "told", "value")  # fmt: skip

    def __init__(self) -> None:
        self.name = self.pattern = self.node = self.set_id = self.identifier = ""
        self.section = "crm_config"
        """crm_config, rsc_defaults, op_defaults, tickets, nodes or status."""
        self.tag = "instance_attributes"
        self.value: str | None = None
        self.default: str | None = None
        self.delete = self.quiet = False
        self.told: list[dict[str, str]] | None = None
        """Where answers are collected instead of printed."""


def main(argv: list[str] | None = None) -> int:
    """Run crm_attribute; returns the exit code."""
    return _main("crm_attribute", "attributes of nodes and of the cluster", argv, _for_attribute)


def main_standby(argv: list[str] | None = None) -> int:
    """Run crm_standby."""
    return _main("crm_standby", "whether a node is in standby", argv, _for_standby)


def main_failcount(argv: list[str] | None = None) -> int:
    """Run crm_failcount."""
    return _main("crm_failcount", "fail counts of a resource", argv, _for_failcount)


def main_master(argv: list[str] | None = None) -> int:
    """Run crm_master."""
    return _main("crm_master", "the promotion score of a resource", argv, _for_master)


def _main(tool: str, summary: str, argv: list[str] | None, reader: Reader) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(OPTIONS, arguments)
        if given.has("help"):
            sys.stdout.write(help_text(tool, summary, OPTIONS))
            return 0
        if given.has("version"):
            sys.stdout.write(VERSION_LINE)
            return 0
        if given.has("list-options"):
            return _list_options(tool, given)
        wanted = reader(given)
    except UsageError as error:
        sys.stderr.write(f"{tool}: {error}\n")
        return USAGE
    if given.get("output-as") == "xml":
        return _in_envelope(tool, given, wanted, arguments)
    return _carry_out(tool, given, wanted)


def _in_envelope(tool: str, given: Parsed, wanted: Wanted, arguments: list[str]) -> int:
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from crmsh.status.xml_output import envelope, finish

    wanted.told = []
    errors = StringIO()
    with redirect_stdout(StringIO()), redirect_stderr(errors):
        code = _carry_out(tool, given, wanted)
    root = envelope(" ".join([tool, *arguments]))
    for answer in wanted.told:
        root.add("attribute", **answer)
    sys.stdout.write(finish(root, code, errors.getvalue().splitlines()))
    return code


def _carry_out(tool: str, given: Parsed, wanted: Wanted) -> int:
    if tool == "crm_failcount" and (given.has("delete") or given.has("query")):
        return _failcount(tool, given, wanted)
    live = not os.environ.get("CIB_file") and not os.environ.get("CIB_shadow")  # noqa: SIM112
    if live and not wanted.pattern and wanted.tag == "instance_attributes":
        return _live(tool, wanted)
    from crmsh.attribute_tool import run

    return run(tool, wanted)


def _common(given: Parsed) -> Wanted:
    wanted = Wanted()
    wanted.name = given.get("name")
    wanted.pattern = given.get("pattern")
    wanted.node = given.get("node")
    wanted.set_id = given.get("set")
    wanted.identifier = given.get("id")
    wanted.quiet = given.has("quiet")
    wanted.delete = given.has("delete")
    wanted.value = given.get("update") if given.has("update") and not given.has("query") else None
    wanted.default = given.get("default") if given.has("default") else None
    return wanted


def _for_attribute(given: Parsed) -> Wanted:
    wanted = _common(given)
    lifetime = given.get("lifetime")
    if given.has("promotion"):
        resource = given.get("promotion") or os.environ.get("OCF_RESOURCE_INSTANCE", "")
        if not resource:
            raise UsageError("-p/--promotion must be called from an OCF resource agent or with a resource ID specified")
        wanted.name = f"master-{resource}"
        lifetime = lifetime or "reboot"
    elif not wanted.name and not wanted.pattern and not wanted.identifier:
        raise UsageError("-n/--name is required")
    if given.has("utilization"):
        wanted.tag = "utilization"
    if given.has("type"):
        wanted.section = {"reboot": "status", "forever": "nodes"}.get(given.get("type"), given.get("type"))
        if wanted.section not in ("crm_config", "nodes", "status", "rsc_defaults", "op_defaults", "tickets"):
            raise UsageError(f"Invalid value '{given.get('type')}' for -t/--type")
    elif lifetime:
        wanted.section = "status" if lifetime == "reboot" else "nodes"
    elif wanted.node or given.has("promotion") or given.has("utilization") or wanted.pattern:
        wanted.section = "nodes"
    return wanted


def _for_standby(given: Parsed) -> Wanted:
    wanted = _common(given)
    wanted.name = "standby"
    wanted.section = "status" if given.get("lifetime") == "reboot" else "nodes"
    if wanted.value is None and not wanted.delete and wanted.default is None:
        wanted.default = "off"
        if not given.has("lifetime"):
            wanted.section = "any"
    return wanted


def _for_failcount(given: Parsed) -> Wanted:
    wanted = _common(given)
    resource = given.get("resource") or os.environ.get("OCF_RESOURCE_INSTANCE", "")
    if not resource:
        raise UsageError("--resource is required")
    if given.has("update"):
        raise UsageError("fail counts are set by the cluster: use -D to remove them")
    wanted.name = resource
    wanted.section = "status"
    return wanted


def _for_master(given: Parsed) -> Wanted:
    wanted = _common(given)
    resource = given.get("resource") or os.environ.get("OCF_RESOURCE_INSTANCE", "")
    if not resource:
        raise UsageError("crm_master must be called from an OCF resource agent or with -r RSC")
    wanted.name = f"master-{resource}"
    wanted.section = "nodes" if given.get("lifetime") == "forever" else "status"
    return wanted


# --- the live path


def _live(tool: str, wanted: Wanted) -> int:
    from crmd.client_errors import ClientError
    from crmd.thin_client import ThinClient

    changes = wanted.value is not None or wanted.delete
    if changes and wanted.section not in ("nodes", "status"):
        from crmsh.attribute_tool import run

        return run(tool, wanted)
    try:
        with ThinClient() as client:
            return _change(wanted, client) if changes else _query(tool, wanted, client)
    except ClientError as error:
        sys.stderr.write(f"{tool}: {error.text}\n")
        return error.rc


def _change(wanted: Wanted, client: ThinClient) -> int:
    client.ask(
        "UpdateAttribute",
        node=wanted.node,
        name=wanted.name,
        value=None if wanted.delete else wanted.value,
        lifetime="reboot" if wanted.section == "status" else "forever",
        set_name=wanted.set_id,
    )
    if wanted.delete and not wanted.quiet:
        sys.stdout.write(f"Deleted {wanted.section} attribute: name={wanted.name}\n")
    return 0


def _query(tool: str, wanted: Wanted, client: ThinClient) -> int:
    from crmsh.pairs import quoted, tags

    node = wanted.node
    if wanted.section in ("nodes", "status", "any") and not node:
        node = str(client.ask("AskClusterState")["node"])
    pair = f"nvpair[@name={quoted(wanted.name)}]"
    paths = {
        "nodes": f"/cib/configuration/nodes/node[@uname={quoted(node)}]/instance_attributes/{pair}",
        "status": f"/cib/status/node_state[@uname={quoted(node)}]/transient_attributes/instance_attributes/{pair}",
        "crm_config": f"/cib/configuration/crm_config/cluster_property_set/{pair}",
        "rsc_defaults": f"/cib/configuration/rsc_defaults/meta_attributes/{pair}",
        "op_defaults": f"/cib/configuration/op_defaults/meta_attributes/{pair}",
    }
    for section in ("status", "nodes") if wanted.section == "any" else (wanted.section,):
        try:
            answer = client.ask("QueryCib", xpath=paths[section])
        except Exception as error:
            if getattr(error, "rc", 0) != NO_SUCH:
                raise
            continue
        xml = answer["xml"]
        assert isinstance(xml, bytes)
        found = tags(xml.decode(), "nvpair")
        if found:
            print_value(section, wanted.name, found[0].get("value", ""), wanted)
            return 0
    if wanted.default is not None:
        print_value("status" if wanted.section == "any" else wanted.section, wanted.name, wanted.default, wanted)
        return 0
    sys.stderr.write(f"{tool}: {_MISSING}\n")
    return NO_SUCH


def print_value(section: str, name: str, value: str, wanted: Wanted) -> None:
    """The answer, as agents take it apart."""
    if wanted.told is not None:
        wanted.told.append({"name": name, "value": value, "scope": section})
        return
    sys.stdout.write(f"{value}\n" if wanted.quiet else f"scope={section} name={name} value={value}\n")


def _failcount(tool: str, given: Parsed, wanted: Wanted) -> int:
    from crmsh.attribute_tool import failcount

    return failcount(tool, wanted, given.get("name") or given.get("operation"), given.get("interval"))


def _list_options(tool: str, given: Parsed) -> int:
    if given.get("list-options") != "cluster":
        raise UsageError(f"Invalid --list-options value '{given.get('list-options')}'. Allowed values: cluster")
    from crmsh.configuration.properties import PROPERTY_DEFAULTS

    sys.stdout.write("Pacemaker cluster options\n\n")
    for name, default in PROPERTY_DEFAULTS.items():
        sys.stdout.write(f"  * {name}\n    * Default: {default or '(none)'}\n")
    return 0


if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[Parsed], Wanted]

if __name__ == "__main__":
    sys.exit(main())
