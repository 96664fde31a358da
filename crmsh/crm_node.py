"""`crm_node`: names, ids and membership of nodes. Runs inside monitors: imports only what an answer needs."""

from __future__ import annotations

import os
import sys

from crmsh.failure import Failure
from crmsh.frame import Call, Tool, run
from crmsh.options import REQUIRED, Option, UsageError

TYPE_CHECKING = False  # typing itself is too slow to import here
if TYPE_CHECKING:
    from crmd.thin_client import ThinClient

TOOL = Tool(
    "crm_node",
    "nodes of the cluster",
    (
        Option("name", ("-n", "--name"), "print this node's name"),
        Option("cluster-id", ("-i", "--cluster-id"), "print this node's id"),
        Option("list", ("-l", "--list"), "print all nodes: id, name, state"),
        Option("partition", ("-p", "--partition"), "print the members of this node's partition"),
        Option("quorum", ("-q", "--quorum"), "print 1 with quorum, else 0"),
        Option("name-for-id", ("-N", "--name-for-id"), "print the name of the node with this id", REQUIRED, "ID"),
        Option("remove", ("-R", "--remove"), "take a node out of the cluster (needs --force)", REQUIRED, "NAME"),
        Option("force", ("-f", "--force"), "do it"),
        Option("cluster", ("-C", "--corosync"), "accepted: there is one cluster layer only"),
        Option("quiet", ("-Q", "--quiet"), "accepted: answers are the essentials"),
    ),
)
COMMANDS = ("name", "cluster-id", "list", "partition", "quorum", "name-for-id", "remove")
NO_SUCH, UNSAFE = 105, 107


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return run(TOOL, argv, _answer)


def _answer(call: Call) -> int:
    given = call.given
    chosen = [name for name in COMMANDS if given.has(name)]
    if not chosen:
        raise UsageError("Must supply a command option: -n, -i, -l, -p, -q, -N ID or -R NAME")
    command = chosen[-1]
    # An agent asks for its own name at every call: the environment of the executor tells it without the cluster.
    if command == "name" and (name := os.environ.get("OCF_RESKEY_CRM_meta_on_node")):  # noqa: SIM112
        _tell_name(call, name)
        return 0
    if command == "remove":
        return _remove(call)
    from crmd.thin_client import ThinClient

    with ThinClient() as client:
        if command in ("list", "name-for-id", "cluster-id"):
            return _from_nodes(command, call, client)
        state = client.ask("AskClusterState")
        if command == "name":
            _tell_name(call, str(state["node"]))
        elif command == "quorum":
            if call.as_xml:
                call.root.add("cluster-info", quorum=bool(state["quorate"]))
            call.say(f"{int(bool(state['quorate']))}\n")
        else:
            members = state["members"]
            assert isinstance(members, list)
            if call.as_xml:
                listed = call.root.add("nodes")
                for member in members:
                    listed.add("node", name=str(member), state="member")
            call.say(" ".join(str(member) for member in members) + "\n")
    return 0


def _tell_name(call: Call, name: str) -> None:
    if call.as_xml:
        call.root.add("node-info", uname=name)
    call.say(f"{name}\n")


def _from_nodes(command: str, call: Call, client: ThinClient) -> int:
    from crmsh.pairs import tags

    wanted = call.given.get("name-for-id")
    answer = client.ask("QueryCib", xpath="/cib/configuration/nodes/node", no_children=True)
    xml = answer["xml"]
    assert isinstance(xml, bytes)
    nodes = [(node.get("id", ""), node.get("uname", "")) for node in tags(xml.decode(), "node")]
    state = client.ask("AskClusterState")
    if command == "list":
        members = state["members"]
        assert isinstance(members, list)
        listed = call.root.add("nodes") if call.as_xml else None
        for identifier, name in nodes:
            condition = "member" if name in members else "lost"
            if listed is not None:
                listed.add("node", id=identifier, name=name, state=condition)
            call.say(f"{identifier} {name} {condition}\n")
        return 0
    if command == "cluster-id":
        found = [node for node in nodes if node[1] == state["node"]]
    else:
        found = [node for node in nodes if node[0] == wanted]
    if not found:
        raise Failure(NO_SUCH, f"{f'Node {wanted}' if wanted else 'This node'} is not known to the cluster")
    identifier, name = found[0]
    if call.as_xml:
        call.root.add("node-info", nodeid=identifier, uname=name)
    call.say(f"{identifier if command == 'cluster-id' else name}\n")
    return 0


def _remove(call: Call) -> int:
    name = call.given.get("remove")
    if not call.given.has("force"):
        raise Failure(UNSAFE, "The supplied command is considered dangerous: use --force to go on")
    from crmsh.actions.editing import edit, read_copy
    from crmsh.actions.nodes import forget_node_status, node_element, remove_node
    from crmsh.backend import open_backend

    backend = open_backend()
    identifier = node_element(read_copy(backend), name).get("id", "")
    edit(backend, lambda copy: remove_node(copy, name), force=True)
    forget_node_status(backend, identifier, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
