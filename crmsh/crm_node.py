"""`crm_node`: names, ids and membership of nodes. Runs inside monitors: imports only what an answer needs."""

from __future__ import annotations

import os
import sys

from crmsh.options import REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from crmd.thin_client import ThinClient

OPTIONS = (
    Option("name", ("-n", "--name"), "print this node's name"),
    Option("cluster-id", ("-i", "--cluster-id"), "print this node's id"),
    Option("list", ("-l", "--list"), "print all nodes: id, name, state"),
    Option("partition", ("-p", "--partition"), "print the members of this node's partition"),
    Option("quorum", ("-q", "--quorum"), "print 1 with quorum, else 0"),
    Option("name-for-id", ("-N", "--name-for-id"), "print the name of the node with this id", REQUIRED, "ID"),
    Option("remove", ("-R", "--remove"), "take a node out of the cluster (needs --force)", REQUIRED, "NAME"),
    Option("force", ("-f", "--force"), "do it"),
    Option("cluster", ("-C", "--corosync"), ""),
    Option("quiet", ("-Q", "--quiet"), "only the essentials"),
    Option("output-as", ("--output-as",), "text or xml", REQUIRED, "FORMAT"),
    Option("verbose", ("-V", "--verbose"), "more detail"),
    Option("version", ("-$", "--version"), "print the version"),
    Option("help", ("-?", "--help", "--help-all"), "this text"),
)
COMMANDS = ("name", "cluster-id", "list", "partition", "quorum", "name-for-id", "remove")
USAGE, NO_SUCH, UNSAFE = 64, 105, 107


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(OPTIONS, arguments)
    except UsageError as error:
        sys.stderr.write(f"crm_node: {error}\n")
        return USAGE
    if given.has("help"):
        sys.stdout.write(help_text("crm_node", "nodes of the cluster", OPTIONS))
        return 0
    if given.has("version"):
        sys.stdout.write(VERSION_LINE)
        return 0
    chosen = [name for name in COMMANDS if given.has(name)]
    if not chosen:
        sys.stderr.write("crm_node: Must supply a command option\n")
        return USAGE
    # An agent asks for its own name at every call: the environment of the executor tells it without the cluster.
    if chosen[-1] == "name" and (name := os.environ.get("OCF_RESKEY_CRM_meta_on_node")):  # noqa: SIM112
        sys.stdout.write(f"{name}\n")
        return 0
    if chosen[-1] == "remove":
        return _remove(given)
    from crmd.client_errors import ClientError
    from crmd.thin_client import ThinClient

    try:
        with ThinClient() as client:
            return _answer(chosen[-1], given, client)
    except ClientError as error:
        sys.stderr.write(f"crm_node: {error.text}\n")
        return error.rc


def _answer(command: str, given: Parsed, client: ThinClient) -> int:
    if command in ("list", "name-for-id", "cluster-id"):
        return _from_nodes(command, given, client)
    state = client.ask("AskClusterState")
    if command == "name":
        sys.stdout.write(f"{state['node']}\n")
    elif command == "quorum":
        sys.stdout.write(f"{int(bool(state['quorate']))}\n")
    else:
        members = state["members"]
        assert isinstance(members, list)
        sys.stdout.write(" ".join(str(member) for member in members) + "\n")
    return 0


def _from_nodes(command: str, given: Parsed, client: ThinClient) -> int:
    from crmsh.pairs import tags

    answer = client.ask("QueryCib", xpath="/cib/configuration/nodes/node", no_children=True)
    xml = answer["xml"]
    assert isinstance(xml, bytes)
    nodes = [(node.get("id", ""), node.get("uname", "")) for node in tags(xml.decode(), "node")]
    state = client.ask("AskClusterState")
    if command == "list":
        members = state["members"]
        assert isinstance(members, list)
        for identifier, name in nodes:
            sys.stdout.write(f"{identifier} {name} {'member' if name in members else 'lost'}\n")
        return 0
    if command == "cluster-id":
        found = [identifier for identifier, name in nodes if name == state["node"]]
    else:
        found = [name for identifier, name in nodes if identifier == given.get("name-for-id")]
    if not found:
        what = f"Node {given.get('name-for-id')}" if command == "name-for-id" else "This node"
        sys.stderr.write(f"crm_node: {what} is not known to the cluster\n")
        return NO_SUCH
    sys.stdout.write(f"{found[0]}\n")
    return 0


def _remove(given: Parsed) -> int:
    name = given.get("remove")
    if not given.has("force"):
        sys.stderr.write("crm_node: The supplied command is considered dangerous: use --force to go on\n")
        return UNSAFE
    from crmsh.actions.editing import ActionError, edit, read_copy
    from crmsh.actions.nodes import forget_node_status, node_element, remove_node
    from crmsh.backend import BackendError, open_backend

    backend = open_backend()
    try:
        identifier = node_element(read_copy(backend), name).get("id", "")
        edit(backend, lambda copy: remove_node(copy, name), force=True)
        forget_node_status(backend, identifier, name)
    except (ActionError, BackendError) as error:
        sys.stderr.write(f"crm_node: {error.text}\n")
        return error.rc
    return 0


if __name__ == "__main__":
    sys.exit(main())
