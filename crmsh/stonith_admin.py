"""`stonith_admin`: fence nodes, confirm that one is down, the history and the devices."""

from __future__ import annotations

import sys

from crmsh import exit_codes
from crmsh.backend import BackendError, open_backend
from crmsh.options import OPTIONAL, REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

OPTIONS = (
    Option("fence", ("-F", "--fence"), "power NODE off", REQUIRED, "NODE"),
    Option("reboot", ("-B", "--reboot"), "reboot NODE", REQUIRED, "NODE"),
    Option("unfence", ("-U", "--unfence"), "power NODE on", REQUIRED, "NODE"),
    Option("confirm", ("-C", "--confirm"), "NODE is down, on my word", REQUIRED, "NODE"),
    Option("history", ("-H", "--history"), "fencing actions of NODE (* or empty: of all)", REQUIRED, "NODE"),
    Option("last", ("-h", "--last"), "", REQUIRED),
    Option("list", ("-l", "--list"), "devices that can fence NODE", REQUIRED, "NODE"),
    Option("list-registered", ("-L", "--list-registered"), "all configured devices"),
    Option("list-installed", ("-I", "--list-installed"), "fence agents on this node"),
    Option("timeout", ("-t", "--timeout"), "seconds for each action", REQUIRED, "SEC"),
    Option("tag", ("-T", "--tag"), "", REQUIRED),
    Option("as-node-id", ("-n", "--as-node-id"), ""),
    Option("broadcast", ("-b", "--broadcast"), ""),
    Option("cleanup", ("-c", "--cleanup"), ""),
    Option("tolerance", ("--tolerance",), "", REQUIRED),
    Option("output-as", ("--output-as",), "text or xml", REQUIRED, "FORMAT"),
    Option("list-targets", ("-s", "--list-targets"), "", REQUIRED),
    Option("delay", ("-y", "--delay"), "", REQUIRED),
    Option("agent", ("-a", "--agent"), "", REQUIRED),
    Option("option", ("-o", "--option"), "", REQUIRED),
    Option("metadata", ("-M", "--metadata"), "", OPTIONAL),
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
        sys.stderr.write(f"stonith_admin: {error}\n")
        return exit_codes.USAGE
    if given.has("help"):
        sys.stdout.write(help_text("stonith_admin", "fencing", OPTIONS))
        return exit_codes.OK
    if given.has("version"):
        sys.stdout.write(VERSION_LINE)
        return exit_codes.OK
    from crmd.client_errors import ClientError

    try:
        return _run(given, " ".join(["stonith_admin", *arguments]))
    except (BackendError, ClientError) as error:
        sys.stderr.write(f"stonith_admin: {error.text}\n")
        for line in error.details:
            sys.stderr.write(f"{line}\n")
        return error.rc


def _run(given: Parsed, request: str) -> int:
    if given.has("list-installed"):
        from crmsh.metadata import agent_types

        return _list_names(agent_types("stonith"))
    if given.has("list-registered") or given.has("list"):
        return _devices(given)
    client = open_backend().client()
    timeout_ms = int(given.get("timeout") or "60") * 1000
    if given.has("history") or given.has("last"):
        return _history(given, request)
    if given.has("confirm"):
        client.confirm_fenced(given.get("confirm"))
    elif given.has("fence"):
        client.fence(given.get("fence"), "off", timeout_ms)
    elif given.has("reboot"):
        client.fence(given.get("reboot"), "reboot", timeout_ms)
    elif given.has("unfence"):
        client.fence(given.get("unfence"), "on", timeout_ms)
    else:
        sys.stderr.write("stonith_admin: no action specified\n")
        return exit_codes.USAGE
    return exit_codes.OK


def _list_names(names: list[str]) -> int:
    for name in names:
        sys.stdout.write(f"{name}\n")
    count = len(names)
    sys.stdout.write(f"{count or 'No'} fence device{'' if count == 1 else 's'} found\n")
    return exit_codes.OK if names else exit_codes.NO_SUCH


def _devices(given: Parsed) -> int:
    from cib.configuration import fencing_devices
    from cib.document import Document

    devices = fencing_devices(Document.from_bytes(open_backend().read()))
    target = given.get("list")
    names = []
    for device in devices:
        hosts = device.parameters.get("pcmk_host_list", "").replace(",", " ").split()
        mapped = [pair.partition(":")[0] for pair in device.parameters.get("pcmk_host_map", "").split(";")]
        if not target or not (hosts or mapped != [""]) or target in hosts or target in mapped:
            names.append(device.id)
    return _list_names(names)


def _history(given: Parsed, request: str) -> int:
    from crmsh.crm_mon import fencing_views
    from crmsh.status.event_text import fencing_line

    target = given.get("history") or given.get("last")
    records = fencing_views(open_backend().client().fence_history("" if target in ("*", "all") else target))
    if given.get("output-as") == "xml":
        from crmsh.status.blocks import when
        from crmsh.status.xml_output import envelope, finish

        root = envelope(request)
        below = root.add("fence_history", target=target)
        for record in records:
            below.add(
                "fence_event", action=record.action, target=record.target, client=record.client,
                origin=record.origin, status=record.state, extended__status=record.state,
                delegate=record.executed_by or None, completed=when(record.when) if record.when else None,
            )  # fmt: skip
        sys.stdout.write(finish(root, exit_codes.OK))
        return exit_codes.OK
    for record in records[:1] if given.has("last") else records:
        sys.stdout.write(f"{fencing_line(record)}\n")
    count = len(records)
    if not given.has("quiet"):
        sys.stdout.write(f"{count or 'No'} event{'' if count == 1 else 's'} found\n")
    return exit_codes.OK


if __name__ == "__main__":
    sys.exit(main())
