"""`crmadmin`: who is the DC, the state of a controller, the nodes."""

from __future__ import annotations

import sys

from crmsh import exit_codes
from crmsh.backend import BackendError, open_backend
from crmsh.options import OPTIONAL, REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

OPTIONS = (
    Option("dc-lookup", ("-D", "--dc-lookup"), "print the name of the DC"),
    Option("status", ("-S", "--status"), "print the state of a node's controller", REQUIRED, "NODE"),
    Option("nodes", ("-N", "--nodes"), "print the nodes (types: cluster, guest, remote)", OPTIONAL, "TYPES"),
    Option("pacemakerd", ("-P", "--pacemakerd"), "print whether the daemons run"),
    Option("bash-export", ("-B", "--bash-export"), "print nodes as shell assignments"),
    Option("timeout", ("-t", "--timeout"), "", REQUIRED),
    Option("ipc-name", ("-i", "--ipc-name"), "", REQUIRED),
    Option("health", ("-H", "--health"), ""),
    Option("output-as", ("--output-as",), "", REQUIRED),
    Option("quiet", ("-q", "--quiet"), "print the essentials only"),
    Option("verbose", ("-V", "--verbose"), "more detail"),
    Option("version", ("-$", "--version"), "print the version"),
    Option("help", ("-?", "--help", "--help-all"), "this text"),
)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(OPTIONS, arguments)
    except UsageError as error:
        sys.stderr.write(f"crmadmin: {error}\n")
        return exit_codes.USAGE
    if given.has("help"):
        sys.stdout.write(help_text("crmadmin", "the DC, the state of controllers, the nodes", OPTIONS))
        return exit_codes.OK
    if given.has("version"):
        sys.stdout.write(VERSION_LINE)
        return exit_codes.OK
    try:
        return _run(given, arguments)
    except BackendError as error:
        sys.stderr.write(f"crmadmin: {error.text}\n")
        return error.rc


def _run(given: Parsed, arguments: list[str]) -> int:
    from crmd.client import ClientError

    if given.has("nodes"):
        # Bundled as -Nq or followed by a word, the types come as a word of their own.
        types = given.get("nodes") or next(iter(given.words), "")
        return _nodes(given, types, arguments)
    client = open_backend().client()
    try:
        state = client.state()
    except ClientError as error:
        sys.stderr.write(f"crmadmin: {error.text}\n")
        return error.rc
    if given.has("dc-lookup"):
        if not state.dc:
            sys.stderr.write("crmadmin: DC not yet elected\n")
            return exit_codes.NO_DC
        sys.stdout.write(f"{state.dc}\n" if given.has("quiet") else f"Designated Controller is: {state.dc}\n")
        return exit_codes.OK
    if given.has("status"):
        name = given.get("status")
        if name == state.node:
            condition = state.fsa_state
        elif name in state.members:
            condition = (
                "S_IDLE" if name == state.dc and state.idle else "S_NOT_DC" if name != state.dc else "S_POLICY_ENGINE"
            )
        else:
            sys.stderr.write(f"crmadmin: node '{name}' is not a member of the cluster\n")
            return exit_codes.NO_HOST
        sys.stdout.write(f"{condition}\n" if given.has("quiet") else f"Controller on {name} in state {condition}: ok\n")
        return exit_codes.OK
    if given.has("pacemakerd"):
        sys.stdout.write(f"Status of pacemakerd: 'Pacemaker is running' (node {state.node})\n")
        return exit_codes.OK
    sys.stderr.write("crmadmin: Must specify a command option\n")
    return exit_codes.USAGE


def _nodes(given: Parsed, types: str, arguments: list[str]) -> int:
    from crmsh.status.reader import read_status

    wanted = [word for word in types.split(",") if word] or ["cluster", "guest", "remote"]
    if "all" in wanted:
        wanted = ["cluster", "guest", "remote"]
    status = read_status(open_backend().read())
    bundled = {p.id for r in status.resources if r.kind == "bundle" for p in r.primitives()}
    nodes = [node for node in status.nodes if node.container not in bundled or node.kind != "guest"]
    shown = [(kind, n) for kind in ("cluster", "guest", "remote") for n in nodes if n.kind == kind and kind in wanted]
    if given.get("output-as") == "xml":
        from crmsh.status.xml_output import envelope, finish

        root = envelope(" ".join(["crmadmin", *arguments]))
        listed = root.add("nodes")
        for kind, node in shown:
            listed.add("node", type=kind, name=node.name, id=node.id)
        sys.stdout.write(finish(root, exit_codes.OK))
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
