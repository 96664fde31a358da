"""`crmadmin`: who is the DC, the state of a controller, the nodes."""

from __future__ import annotations

import sys

from crmsh import exit_codes
from crmsh.backend import open_backend
from crmsh.durations import seconds
from crmsh.failure import Failure
from crmsh.frame import Call, Tool, run
from crmsh.options import OPTIONAL, REQUIRED, Option, UsageError

TOOL = Tool(
    "crmadmin",
    "the DC, the state of controllers, the nodes",
    (
        Option("dc-lookup", ("-D", "--dc-lookup"), "print the name of the DC"),
        Option("status", ("-S", "--status"), "print the state of a node's controller", REQUIRED, "NODE"),
        Option("health", ("-H", "--health"), "print the state of the DC's controller"),
        Option("nodes", ("-N", "--nodes"), "print the nodes (types: cluster, guest, remote)", OPTIONAL, "TYPES"),
        Option("pacemakerd", ("-P", "--pacemakerd"), "print whether the daemons run"),
        Option("bash-export", ("-B", "--bash-export"), "print nodes as shell assignments"),
        Option("timeout", ("-t", "--timeout"), "how long to wait for an answer (a bare number: ms)", REQUIRED, "TIME"),
        Option("ipc-name", ("-i", "--ipc-name"), "", REQUIRED, "NAME"),
        Option("quiet", ("-q", "--quiet"), "print the essentials only"),
    ),
    words=True,
    refused={"ipc-name": "connections to the controller have no names; leave it out"},
)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return run(TOOL, argv, _answer)


def _answer(call: Call) -> int:
    given = call.given
    if given.has("nodes"):
        # Bundled as -Nq or followed by a word, the types come as a word of their own.
        return _nodes(call, given.get("nodes") or next(iter(given.words), ""))
    if given.words:
        raise UsageError(f"unexpected word '{given.words[0]}'")
    if not any(given.has(key) for key in ("dc-lookup", "status", "health", "pacemakerd")):
        raise UsageError("Must specify a command option: -D, -S NODE, -N or -P")
    timeout_s = seconds(given.get("timeout"), "--timeout", bare_ms=True) if given.has("timeout") else 0
    state = open_backend(timeout_s=timeout_s).client().state()
    if given.has("pacemakerd"):
        if call.as_xml:
            call.root.add("pacemakerd", sys_from="pacemakerd", state="running")
        call.say(
            "running\n" if given.has("quiet") else f"Status of pacemakerd: 'Pacemaker is running' ({state.node})\n"
        )
        return exit_codes.OK
    if given.has("dc-lookup"):
        if not state.dc:
            raise Failure(exit_codes.NO_DC, "DC not yet elected")
        if call.as_xml:
            call.root.add("dc", node_name=state.dc)
        call.say(f"{state.dc}\n" if given.has("quiet") else f"Designated Controller is: {state.dc}\n")
        return exit_codes.OK
    name = given.get("status") if given.has("status") else state.dc
    if not name:
        raise Failure(exit_codes.NO_DC, "DC not yet elected")
    if name == state.node:
        condition = state.fsa_state
    elif name not in state.members:
        raise Failure(exit_codes.NO_HOST, f"node '{name}' is not a member of the cluster")
    elif name != state.dc:
        condition = "S_NOT_DC"
    else:
        condition = "S_IDLE" if state.idle else "S_POLICY_ENGINE"
    if call.as_xml:
        call.root.add("crmd", node_name=name, state=condition, result="ok")
    call.say(f"{condition}\n" if given.has("quiet") else f"Controller on {name} in state {condition}: ok\n")
    return exit_codes.OK


def _nodes(call: Call, types: str) -> int:
    from crmsh.status.reader import read_status

    given = call.given
    wanted = [word for word in types.split(",") if word] or ["cluster", "guest", "remote"]
    if "all" in wanted:
        wanted = ["cluster", "guest", "remote"]
    unknown = [word for word in wanted if word not in ("cluster", "guest", "remote")]
    if unknown:
        raise UsageError(f"unknown type of node '{unknown[0]}': expected all, cluster, guest or remote")
    status = read_status(open_backend().read())
    bundled = {p.id for r in status.resources if r.kind == "bundle" for p in r.primitives()}
    nodes = [node for node in status.nodes if node.container not in bundled or node.kind != "guest"]
    shown = [(kind, n) for kind in ("cluster", "guest", "remote") for n in nodes if n.kind == kind and kind in wanted]
    if call.as_xml:
        listed = call.root.add("nodes")
        for kind, node in shown:
            listed.add("node", type=kind, name=node.name, id=node.id)
        return exit_codes.OK
    for kind, node in shown:
        if given.has("bash-export"):
            sys.stdout.write(f"export {node.name}={node.id}\n")
        elif given.has("quiet"):
            sys.stdout.write(f"{node.name}\n")
        else:
            sys.stdout.write(f"{kind} node: {node.name} ({node.id})\n")
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main())
