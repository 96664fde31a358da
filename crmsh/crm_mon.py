"""`crm_mon`: the status of the cluster, once or live, as text, XML, HTML or JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from crmsh import exit_codes
from crmsh.backend import Backend, BackendError, FileBackend, open_backend
from crmsh.options import OPTIONAL, REQUIRED, VERSION_LINE, Option, Parsed, UsageError, help_text, parse

if TYPE_CHECKING:
    from crmd.messages import FenceRecord
    from crmsh.status.model import ClusterStatus, FencingView
    from crmsh.status.options import ShowOptions

OPTIONS = (
    Option("once", ("-1", "--one-shot"), "display the status once and exit"),
    Option("output-as", ("--output-as",), "text, xml, html, json, console or none", REQUIRED, "FORMAT"),
    Option("output-to", ("--output-to",), "write to FILE (- is standard output)", REQUIRED, "FILE"),
    Option("include", ("-I", "--include"), "sections to add: all, none, default, names", REQUIRED, "LIST"),
    Option("exclude", ("-U", "--exclude"), "sections to leave out", REQUIRED, "LIST"),
    Option("node", ("--node",), "only this node, or the nodes of this tag", REQUIRED, "NODE"),
    Option("resource", ("--resource",), "only this resource, or the resources of this tag", REQUIRED, "RSC"),
    Option("group-by-node", ("-n", "--group-by-node"), "list resources by node"),
    Option("inactive", ("-r", "--inactive"), "list inactive resources too"),
    Option("failcounts", ("-f", "--failcounts"), "show fail counts"),
    Option("operations", ("-o", "--operations"), "show the history of operations"),
    Option("timing", ("-t", "--timing-details"), "show the history with times"),
    Option("tickets", ("-c", "--tickets"), "show tickets"),
    Option("fence-history", ("-m", "--fence-history"), "fencing actions: 0 none, 1 failed and pending, 2 all",
           OPTIONAL, "LEVEL"),
    Option("neg-locations", ("-L", "--neg-locations"), "show what keeps resources from nodes", OPTIONAL, "PREFIX"),
    Option("show-node-attributes", ("-A", "--show-node-attributes"), "show node attributes"),
    Option("hide-headers", ("-D", "--hide-headers"), "hide all headers"),
    Option("show-detail", ("-R", "--show-detail"), "show ids, single instances, details of failures"),
    Option("show-description", ("--show-description",), "show descriptions"),
    Option("brief", ("-b", "--brief"), "counts instead of single resources"),
    Option("simple", ("-s", "--simple-status"), "one line, as Nagios checks want it"),
    Option("interval", ("-i", "--interval"), "accepted; the display follows the changes", REQUIRED, "SECONDS"),
    Option("pending", ("-j", "--pending"), ""),
    Option("as-xml", ("-X", "--as-xml"), ""),
    Option("as-html", ("-h", "--as-html"), "", REQUIRED),
    Option("web-cgi", ("-w", "--web-cgi"), ""),
    Option("watch-fencing", ("-W", "--watch-fencing"), ""),
    Option("daemonize", ("-d", "--daemonize"), ""),
    Option("pid-file", ("-p", "--pid-file"), "", REQUIRED),
    Option("xml-file", ("-x", "--xml-file"), "", REQUIRED),
    Option("html-title", ("--html-title",), "title of the page", REQUIRED, "TITLE"),
    Option("html-cgi", ("--html-cgi",), ""),
    Option("html-stylesheet", ("--html-stylesheet",), "", REQUIRED),
    Option("html-charset", ("--html-charset",), "", REQUIRED),
    Option("verbose", ("-V", "--verbose"), "more detail"),
    Option("quiet", ("-Q", "--quiet"), "only the essentials"),
    Option("version", ("-$", "--version"), "print the version"),
    Option("help", ("-?", "--help", "--help-all"), "this text"),
)  # fmt: skip
FORMATS = ("text", "xml", "html", "json", "console", "none")


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        given = parse(OPTIONS, arguments)
    except UsageError as error:
        sys.stderr.write(f"crm_mon: {error}\n")
        return exit_codes.USAGE
    if given.has("help"):
        sys.stdout.write(help_text("crm_mon", "the status of the cluster", OPTIONS))
        return exit_codes.OK
    if given.has("version"):
        sys.stdout.write(VERSION_LINE)
        return exit_codes.OK
    backend: Backend = FileBackend(given.get("xml-file")) if given.has("xml-file") else open_backend()
    try:
        return run(arguments, backend, sys.stdout, sys.stderr, colours=_wants_colours())
    except KeyboardInterrupt:
        return exit_codes.OK
    except BrokenPipeError:
        return exit_codes.OK


def _wants_colours() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def run(arguments: list[str], backend: Backend, out: TextIO, err: TextIO, *, colours: bool) -> int:
    """As `main`, on a given CIB and given streams."""
    try:
        given = parse(OPTIONS, arguments)
        form = _format(given)
        show_options = _sections(given, form)
    except UsageError as error:
        err.write(f"crm_mon: {error}\n")
        return exit_codes.USAGE
    request = " ".join(["crm_mon", *arguments])
    live = backend.live and not given.has("once") and form in ("text", "console") and not given.has("simple")
    try:
        if live:
            from crmsh.live_view import watch

            return watch(backend, lambda data, live_parts: _rendered(
                data, given, show_options, form, request, live_parts, colours), out)  # fmt: skip
        text = _rendered(backend.read(), given, show_options, form, request, _live_parts(backend), colours)
    except BackendError as error:
        return _failure(error, form, request, out, err)
    target = given.get("output-to") or given.get("as-html")
    if target not in ("", "-"):
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        return exit_codes.OK
    out.write(text)
    return exit_codes.OK if not given.has("simple") else _simple_code(text)


def _failure(error: BackendError, form: str, request: str, out: TextIO, err: TextIO) -> int:
    if form == "xml":
        from crmsh.status.xml_output import envelope, finish

        out.write(finish(envelope(request), error.rc, [f"crm_mon: {error.text}"]))
    else:
        err.write(f"crm_mon: {error.text}\n")
        for line in error.details:
            err.write(f"{line}\n")
    return error.rc


def _format(given: Parsed) -> str:
    form = given.get("output-as", "text")
    if given.has("as-xml"):
        form = "xml"
    if given.has("as-html") or given.has("web-cgi") or given.has("html-cgi"):
        form = "html"
    if form not in FORMATS:
        raise UsageError(f"Unknown output format {form}: expected {', '.join(FORMATS)}")
    return form


def _sections(given: Parsed, form: str) -> ShowOptions:
    from crmsh.status.options import GROUPS, ShowOptions

    options = ShowOptions()
    if form == "xml":
        options.sections = set(GROUPS["all"])
    for key, value in given.given:
        if key in ("include", "exclude"):
            _change_sections(options.sections, value, key == "include", options)
    simple = {
        "failcounts": "failcounts", "operations": "operations", "timing": "operations", "tickets": "tickets",
        "show-node-attributes": "attributes",
    }  # fmt: skip
    options.sections |= {section for key, section in simple.items() if given.has(key)}
    if given.has("neg-locations"):
        options.sections.add("bans")
        options.ban_prefix = given.get("neg-locations")
    if given.has("hide-headers"):
        options.headers = False
        options.sections -= set(GROUPS["summary"])
    if given.has("fence-history"):
        level = given.get("fence-history") or "2"
        options.sections -= set(GROUPS["fencing"])
        options.sections |= {"0": set(), "1": {"fencing-failed", "fencing-pending"}}.get(level, set(GROUPS["fencing"]))
    options.inactive = given.has("inactive")
    options.by_node = given.has("group-by-node")
    options.brief = given.has("brief")
    options.detail = given.has("show-detail")
    options.description = given.has("show-description") or given.has("show-detail")
    options.timing = given.has("timing")
    return options


def _change_sections(sections: set[str], value: str, include: bool, options: ShowOptions) -> None:
    from crmsh.language.errors import did_you_mean
    from crmsh.status.options import ALWAYS_KNOWN, GROUPS

    for word in value.split(","):
        name, adding = word.strip(), include
        if name.startswith(("+", "-")):
            adding, name = name.startswith("+"), name[1:]
        if name == "all":
            sections.clear()
            sections |= set(GROUPS["all"]) if adding else set()
        elif name == "none":
            sections.clear()
            sections |= set() if adding else set(GROUPS["all"])
        elif name == "default":
            sections.clear()
            sections |= set(GROUPS["default"])
        elif name.startswith("bans:"):
            options.ban_prefix = name[5:]
            sections.add("bans")
        elif name in GROUPS or name in ALWAYS_KNOWN or name == "list":
            names = set(GROUPS.get(name, (name,)))
            sections |= names if adding else set()
            options.options_named = options.options_named or (adding and name == "options")
            sections -= set() if adding else names
        else:
            raise UsageError(f"Unknown section {name}{did_you_mean(name, (*ALWAYS_KNOWN, *GROUPS))}")


class LiveParts:
    """What only the running cluster knows: the controller's advice and the fencing history."""

    __slots__ = ("advice", "fencing")

    def __init__(self, advice: list[str], fencing: list[FencingView]) -> None:
        self.advice, self.fencing = advice, fencing


def _live_parts(backend: Backend) -> LiveParts | None:
    if not backend.live:
        return None
    from crmd.client import ClientError

    client = backend.client()
    try:
        return LiveParts(list(client.state().advice), fencing_views(client.fence_history()))
    except ClientError as error:
        raise BackendError(error.rc, error.text, error.details) from error


def fencing_views(records: tuple[FenceRecord, ...]) -> list[FencingView]:
    """The controller's records as views."""
    from crmsh.status.model import FencingView

    return [
        FencingView(r.target, r.action, r.state, r.origin, r.executed_by, r.client, r.device, r.reason, r.completed_at)
        for r in records
    ]


def _rendered(
    data: bytes, given: Parsed, options: ShowOptions, form: str, request: str, live: LiveParts | None, colours: bool
) -> str:
    from cib.errors import CibError
    from crmsh.status.options import nodes_named, parts_of, resources_named
    from crmsh.status.reader import read_status

    try:
        status = read_status(data)
    except CibError as error:
        raise BackendError(error.rc, error.text, error.details) from error
    if live is None:
        # A file shows what its text says, as the classic tool does.
        status.advice = []
    else:
        status.advice = list(dict.fromkeys([*live.advice, *status.advice]))
        status.fencing = live.fencing
    if given.has("node"):
        options.only_nodes = nodes_named(status, given.get("node"))
    if given.has("resource"):
        options.only_resources = resources_named(status, given.get("resource"))
        options.parts = parts_of(status, options.only_resources)
    if given.has("simple"):
        return _simple(status)
    match form:
        case "xml":
            from crmsh.status.xml_output import render_xml

            return render_xml(status, options, request)
        case "json":
            from crmsh.status.other_output import render_json

            return render_json(status, options)
        case "html":
            from crmsh.status.other_output import render_html

            return render_html(status, options, given.get("html-title", "Cluster Status"))
        case "none":
            return ""
        case _:
            from crmsh.status.text import render_text

            text = render_text(status, options)
            return coloured(text) if colours else text


def _simple(status: ClusterStatus) -> str:
    """One line: OK with counts, or WARN with what is wrong."""
    online = [node for node in status.nodes if node.online and not node.standby]
    standby = [node.name for node in status.nodes if node.standby]
    offline = [node.name for node in status.nodes if not node.online]
    problems = [f"offline node: {name}" for name in offline]
    if not status.summary.coordinator.name:
        problems.insert(0, "No DC")
    if problems:
        return f"CLUSTER WARN: {', '.join(problems)}\n"
    waiting = f", {len(standby)} standby node{'s' if len(standby) != 1 else ''}" if standby else ""
    return (
        f"CLUSTER OK: {len(online)} node{'s' if len(online) != 1 else ''} online{waiting},"
        f" {status.summary.resources} resource instance{'s' if status.summary.resources != 1 else ''} configured\n"
    )


def _simple_code(text: str) -> int:
    return 0 if text.startswith("CLUSTER OK") else 2


_COLOURS = (
    ("UNCLEAN", "31;1"), ("FAILED", "31;1"), ("OFFLINE", "31;1"), ("Online:", "32;1"), ("Started", "32"),
    ("Promoted", "32;1"), ("Stopped", "33"), ("WITHOUT quorum", "31;1"), ("standby", "33"), ("maintenance", "33"),
    ("DISABLED", "33;1"), ("pending", "33"),
)  # fmt: skip


def coloured(text: str) -> str:
    """The text with its telling words in colour."""
    import re

    codes = dict(_COLOURS)
    pattern = re.compile(
        "|".join(rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word, _ in _COLOURS).replace(
            r"Online:(?![\w-])", "Online:"
        )
    )
    return pattern.sub(lambda match: f"\x1b[{codes[match.group()]}m{match.group()}\x1b[0m", text)


if __name__ == "__main__":
    sys.exit(main())
