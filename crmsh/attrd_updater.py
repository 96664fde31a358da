"""`attrd_updater`: set, read and remove attributes of nodes that last until the next boot.

Runs inside monitors: imports only what an answer needs.
"""

from __future__ import annotations

import sys

from crmsh.failure import Failure
from crmsh.frame import Call, Tool, run
from crmsh.options import OPTIONAL, REQUIRED, Option, UsageError

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from crmd.thin_client import ThinClient

TOOL = Tool(
    "attrd_updater",
    "attributes of nodes",
    (
        Option("name", ("-n", "--name"), "the attribute", REQUIRED, "NAME"),
        Option("pattern", ("-P", "--pattern"), "with -U or -D: all attributes that match", REQUIRED, "REGEX"),
        Option("update", ("-U", "--update", "-v"), "set this value", REQUIRED, "VALUE"),
        Option("update-both", ("-B", "--update-both"), "set this value (and the dampening)", REQUIRED, "VALUE"),
        Option("update-delay", ("-Y", "--update-delay"), "accepted: there is no dampening to set"),
        Option("query", ("-Q", "--query"), "print the value"),
        Option("delete", ("-D", "--delete"), "remove the attribute"),
        Option("refresh", ("-R", "--refresh"), "accepted: every attribute is in the CIB already"),
        Option("delay", ("-d", "--delay"), "accepted: updates go at once", REQUIRED, "TIME"),
        Option("set", ("-s", "--set"), "the set to write to", REQUIRED, "ID"),
        Option("node", ("-N", "--node"), "the node (default: this one)", REQUIRED, "NODE"),
        Option("all", ("-A", "--all"), "print the value of every node"),
        Option("lifetime", ("-l", "--lifetime"), "reboot or forever", REQUIRED, "WHEN"),
        Option("private", ("-p", "--private"), "accepted: kept in the status as all others"),
        Option("wait", ("-W", "--wait"), "accepted: an update is in force when the tool ends", REQUIRED, "WHERE"),
        Option("utilization", ("-z", "--utilization"), ""),
        Option("quiet", ("-q", "--quiet"), "print no answer besides a value"),
        Option("section", ("-S",), "accepted: attributes are in the status", OPTIONAL),
    ),
    refused={"utilization": "capacities are permanent: use 'crm_attribute --utilization'"},
)
NO_SUCH = 105
WAITS = ("no", "local", "cluster")


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return run(TOOL, argv, _answer)


def _answer(call: Call) -> int:
    given = call.given
    if given.has("wait") and given.get("wait") not in WAITS:
        raise UsageError(f"Invalid value '{given.get('wait')}' for --wait, expected {', '.join(WAITS)}")
    if given.get("lifetime", "reboot") not in ("reboot", "forever"):
        raise UsageError(f"Invalid value '{given.get('lifetime')}' for --lifetime, expected reboot or forever")
    if given.has("refresh") or given.has("update-delay"):
        return 0
    if not given.get("name") and not given.get("pattern"):
        raise UsageError("Command requires --name or --pattern argument")
    changes = given.has("delete") or given.has("update") or given.has("update-both")
    if given.has("pattern") and (given.has("query") or not changes):
        raise UsageError("--pattern works with -U, -B and -D; a query needs --name")
    from crmd.thin_client import ThinClient

    with ThinClient() as client:
        if given.has("query") or not changes:
            return _query(call, client)
        value = None if given.has("delete") else given.get("update-both") or given.get("update")
        names = [given.get("name")] if given.has("name") else _matching(call, client)
        for name in names:
            client.ask(
                "UpdateAttribute",
                node=given.get("node"),
                name=name,
                value=value,
                lifetime=given.get("lifetime", "reboot"),
                set_name=given.get("set"),
            )
    return 0


def _here(call: Call, client: ThinClient) -> str:
    return call.given.get("node") or str(client.ask("AskClusterState")["node"])


def _matching(call: Call, client: ThinClient) -> list[str]:
    """The attributes of the node whose names match the pattern. Raises UsageError, Failure."""
    import re

    from crmsh.pairs import quoted, tags

    try:
        pattern = re.compile(call.given.get("pattern"))
    except re.error as error:
        raise UsageError(f"--pattern '{call.given.get('pattern')}' is no regular expression: {error}") from None
    where = f"/cib/status/node_state[@uname={quoted(_here(call, client))}]"
    pairs = _ask_cib(client, f"{where}/transient_attributes/instance_attributes/nvpair")
    names = [pair.get("name", "") for pair in tags(pairs, "nvpair")]
    found = [name for name in dict.fromkeys(names) if pattern.search(name)]
    if not found:
        raise Failure(NO_SUCH, f"no attribute matches '{call.given.get('pattern')}'")
    return found


def _ask_cib(client: ThinClient, xpath: str) -> str:
    """What an XPath matches, as text; empty for nothing."""
    try:
        answer = client.ask("QueryCib", xpath=xpath)
    except Exception as error:
        if getattr(error, "rc", 0) != NO_SUCH:
            raise
        return ""
    xml = answer["xml"]
    assert isinstance(xml, bytes)
    return xml.decode()


def _query(call: Call, client: ThinClient) -> int:
    from crmsh.pairs import quoted, tags

    name = call.given.get("name")
    where = "" if call.given.has("all") else f"[@uname={quoted(_here(call, client))}]"
    pair = f"transient_attributes/instance_attributes/nvpair[@name={quoted(name)}]"
    xml = _ask_cib(client, f"/cib/status/node_state{where}[{pair}]")
    told = False
    for part in xml.split("<node_state ")[1:]:
        host = tags(f"<node_state {part}", "node_state")[0].get("uname", "")
        for found in tags(part, "nvpair"):
            if found.get("name") != name:
                continue
            told, value = True, found.get("value", "")
            if call.as_xml:
                call.root.add("attribute", name=name, value=value, host=host)
            call.say(f"{value}\n" if call.given.has("quiet") else f'name="{name}" host="{host}" value="{value}"\n')
    if not told:
        raise Failure(NO_SUCH, f"Could not query value of {name}: attribute does not exist")
    return 0


if __name__ == "__main__":
    sys.exit(main())
