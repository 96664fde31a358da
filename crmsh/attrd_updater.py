"""`attrd_updater`: set, read and remove attributes of nodes that last until the next boot.

Runs inside monitors: imports only what an answer needs.
"""

from __future__ import annotations

import sys

from crmsh.options import OPTIONAL, REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from crmd.thin_client import ThinClient

OPTIONS = (
    Option("name", ("-n", "--name"), "the attribute", REQUIRED, "NAME"),
    Option("pattern", ("-P", "--pattern"), "", REQUIRED),
    Option("update", ("-U", "--update", "-v"), "set this value", REQUIRED, "VALUE"),
    Option("update-both", ("-B", "--update-both"), "set this value (and the dampening)", REQUIRED, "VALUE"),
    Option("update-delay", ("-Y", "--update-delay"), "set the dampening only"),
    Option("query", ("-Q", "--query"), "print the value"),
    Option("delete", ("-D", "--delete"), "remove the attribute"),
    Option("refresh", ("-R", "--refresh"), "write all attributes again (nothing is ever missing here)"),
    Option("delay", ("-d", "--delay"), "dampening; accepted, updates go at once", REQUIRED, "TIME"),
    Option("set", ("-s", "--set"), "the set to write to", REQUIRED, "ID"),
    Option("node", ("-N", "--node"), "the node (default: this one)", REQUIRED, "NODE"),
    Option("all", ("-A", "--all"), "print the value of every node"),
    Option("lifetime", ("-l", "--lifetime"), "reboot or forever", REQUIRED, "WHEN"),
    Option("private", ("-p", "--private"), "not in the CIB; accepted, kept in the status"),
    Option("wait", ("-W", "--wait"), "", REQUIRED),
    Option("utilization", ("-z", "--utilization"), ""),
    Option("quiet", ("-q", "--quiet"), "only the essentials"),
    Option("output-as", ("--output-as",), "", REQUIRED),
    Option("section", ("-S",), "", OPTIONAL),
    Option("verbose", ("-V", "--verbose"), "more detail"),
    Option("version", ("-$", "--version"), "print the version"),
    Option("help", ("-?", "--help", "--help-all"), "this text"),
)
USAGE, NO_SUCH = 64, 105


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(OPTIONS, arguments)
    except UsageError as error:
        sys.stderr.write(f"attrd_updater: {error}\n")
        return USAGE
    if given.has("help"):
        sys.stdout.write(help_text("attrd_updater", "attributes of nodes", OPTIONS))
        return 0
    if given.has("version"):
        sys.stdout.write(VERSION_LINE)
        return 0
    if given.has("refresh") or given.has("update-delay"):
        return 0
    if not given.get("name"):
        sys.stderr.write("attrd_updater: Command requires --name argument\n")
        return USAGE
    from crmd.client_errors import ClientError
    from crmd.thin_client import ThinClient

    try:
        with ThinClient() as client:
            return _run(given, client)
    except ClientError as error:
        sys.stderr.write(f"attrd_updater: {error.text}\n")
        return error.rc


def _run(given: Parsed, client: ThinClient) -> int:
    if given.has("query"):
        return _query(given, client)
    value: str | None = given.get("update-both") or given.get("update")
    if given.has("delete"):
        value = None
    elif not given.has("update") and not given.has("update-both"):
        return _query(given, client)
    lifetime = "forever" if given.get("lifetime") == "forever" else "reboot"
    client.ask(
        "UpdateAttribute",
        node=given.get("node"),
        name=given.get("name"),
        value=value,
        lifetime=lifetime,
        set_name=given.get("set"),
    )
    return 0


def _query(given: Parsed, client: ThinClient) -> int:
    from crmsh.pairs import quoted, tags

    name = given.get("name")
    node = given.get("node")
    if not node and not given.has("all"):
        node = str(client.ask("AskClusterState")["node"])
    where = f"[@uname={quoted(node)}]" if node else ""
    pair = f"transient_attributes/instance_attributes/nvpair[@name={quoted(name)}]"
    try:
        answer = client.ask("QueryCib", xpath=f"/cib/status/node_state{where}[{pair}]")
    except Exception as error:
        if getattr(error, "rc", 0) != NO_SUCH:
            raise
        sys.stderr.write(f"attrd_updater: Could not query value of {name}: attribute does not exist\n")
        return NO_SUCH
    xml = answer["xml"]
    assert isinstance(xml, bytes)
    for part in xml.decode().split("<node_state ")[1:]:
        host = tags(f"<node_state {part}", "node_state")[0].get("uname", "")
        for found in tags(part, "nvpair"):
            if found.get("name") == name:
                sys.stdout.write(f'name="{name}" host="{host}" value="{found.get("value", "")}"\n')
    return 0


if __name__ == "__main__":
    sys.exit(main())
