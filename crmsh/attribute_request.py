"""What a command line of crm_attribute, crm_standby, crm_failcount or crm_master asks for.

Runs inside monitors: imports only what reading a command line needs.
"""

from __future__ import annotations

import os
import sys

from crmsh.options import OPTIONAL, REQUIRED, Option, Parsed, UsageError

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from crmsh.frame import Call

OPTIONS = (
    Option("name", ("-n", "--name", "--attr-name"), "the attribute", REQUIRED, "NAME"),
    Option("pattern", ("-P", "--pattern"), "all attributes that match", REQUIRED, "REGEX"),
    Option("promotion", ("-p", "--promotion"), "the promotion score of a resource", OPTIONAL, "RSC"),
    Option("query", ("-G", "--query", "--get-value"), "print the value"),
    Option("update", ("-v", "--update", "--attr-value"), "set this value", REQUIRED, "VALUE"),
    Option("delete", ("-D", "--delete", "--delete-attr"), "remove the attribute"),
    Option("list-options", ("--list-options",), "print known options", REQUIRED, "cluster"),
    Option("all", ("-a", "--all"), "with --list-options: those for developers too"),
    Option("node", ("-N", "--node", "-U", "--node-uname"), "the node (default: this one)", REQUIRED, "NODE"),
    Option("type", ("-t", "--type"), "crm_config, nodes, status, rsc_defaults, op_defaults", REQUIRED, "SECTION"),
    Option("lifetime", ("-l", "--lifetime"), "reboot or forever", REQUIRED, "WHEN"),
    Option("set", ("-s", "--set-name"), "the set to write to", REQUIRED, "ID"),
    Option("id", ("-i", "--id", "--attr-id"), "the id of the attribute", REQUIRED, "ID"),
    Option("default", ("-d", "--default"), "print this where there is none", REQUIRED, "VALUE"),
    Option("utilization", ("-z", "--utilization"), "a capacity instead of an attribute"),
    Option("score", ("--score",), "accepted: value++ and value+=N always add"),
    Option("wait", ("-W", "--wait"), "accepted: a change is in force when the tool ends", REQUIRED, "no|local|cluster"),
    Option("inhibit", ("-!", "--inhibit-policy-engine"), ""),
    Option("quiet", ("-q", "--quiet", "-Q"), "print the value only"),
    Option("resource", ("-r", "--resource", "--resource-id"), "the resource", REQUIRED, "RSC"),
    Option("operation", ("--operation",), "fail counts of this operation only", REQUIRED, "NAME"),
    Option("interval", ("-I", "--interval"), "the interval of the operation", REQUIRED, "TIME"),
)
REFUSED = {"inhibit": "the policy engine runs after every change: set maintenance-mode=true for the time of yours"}
MISSING = "Error performing operation: No such device or address"
SECTIONS = ("crm_config", "nodes", "status", "rsc_defaults", "op_defaults")


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


def tell_value(call: Call, section: str, name: str, value: str) -> None:
    """The answer, as agents take it apart."""
    if call.as_xml:
        call.root.add("attribute", name=name, value=value, scope=section)
    elif call.given.has("quiet"):
        sys.stdout.write(f"{value}\n")
    else:
        sys.stdout.write(f"scope={section} name={name} value={value}\n")


def _common(given: Parsed) -> Wanted:
    if given.get("lifetime", "reboot") not in ("reboot", "forever"):
        raise UsageError(f"Invalid value '{given.get('lifetime')}' for -l/--lifetime, expected reboot or forever")
    if given.get("wait", "no") not in ("no", "local", "cluster"):
        raise UsageError(f"Invalid value '{given.get('wait')}' for -W/--wait, expected no, local or cluster")
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


def for_attribute(given: Parsed) -> Wanted:
    """What crm_attribute is asked for. Raises UsageError."""
    wanted = _common(given)
    lifetime = given.get("lifetime")
    if given.has("promotion"):
        # The resource may follow as a word of its own, as an agent's environment may name it.
        own = given.words.pop(0) if given.words and not given.get("promotion") else given.get("promotion")
        resource = own or os.environ.get("OCF_RESOURCE_INSTANCE", "")
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
        if wanted.section == "tickets":
            raise UsageError("-t tickets: a ticket's attributes are not kept here; expected " + ", ".join(SECTIONS))
        if wanted.section not in SECTIONS:
            raise UsageError(f"Invalid value '{given.get('type')}' for -t/--type, expected {', '.join(SECTIONS)}")
    elif lifetime:
        wanted.section = "status" if lifetime == "reboot" else "nodes"
    elif wanted.node or given.has("promotion") or given.has("utilization") or wanted.pattern:
        wanted.section = "nodes"
    return wanted


def for_standby(given: Parsed) -> Wanted:
    """The attribute standby, and its default. Raises UsageError."""
    wanted = _common(given)
    wanted.name = "standby"
    wanted.section = "status" if given.get("lifetime") == "reboot" else "nodes"
    if wanted.value is None and not wanted.delete and wanted.default is None:
        wanted.default = "off"
        if not given.has("lifetime"):
            wanted.section = "any"
    return wanted


def for_failcount(given: Parsed) -> Wanted:
    """The resource whose fail counts are meant, as the name. Raises UsageError."""
    wanted = _common(given)
    resource = _resource(given, "--resource is required")
    if given.has("update"):
        raise UsageError("fail counts are set by the cluster: use -D to remove them")
    wanted.name = resource
    wanted.section = "status"
    return wanted


def for_master(given: Parsed) -> Wanted:
    """The promotion score of a resource. Raises UsageError."""
    wanted = _common(given)
    resource = _resource(given, "crm_master must be called from an OCF resource agent or with -r RSC")
    wanted.name = f"master-{resource}"
    wanted.section = "nodes" if given.get("lifetime") == "forever" else "status"
    return wanted


def _resource(given: Parsed, complaint: str) -> str:
    """The resource that is named, or whose agent asks. Raises UsageError."""
    resource = given.get("resource") or os.environ.get("OCF_RESOURCE_INSTANCE", "")
    if not resource:
        raise UsageError(complaint)
    return resource
