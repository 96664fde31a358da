"""`crm_mon`: the status of the cluster, once or live, as text, XML, HTML or JSON."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from crmsh import exit_codes
from crmsh.backend import Backend, BackendError, FileBackend, open_backend
from crmsh.envelope import Tag
from crmsh.failure import Failure
from crmsh.frame import INTERRUPTED, Call, Tool
from crmsh.frame import run as run_tool
from crmsh.options import OPTIONAL, REQUIRED, Option, Parsed, UsageError
from crmsh.status.live_parts import LiveParts, live_parts
from crmsh.status.model import ClusterStatus
from crmsh.status.options import ALWAYS_KNOWN, GROUPS, ShowOptions, nodes_named, parts_of, resources_named

_D, _S = "Display", "Sections"
TOOL = Tool(
    "crm_mon",
    "the status of the cluster",
    (
        Option("once", ("-1", "--one-shot"), "display the status once and exit", section=_D),
        Option("interval", ("-i", "--interval"), "accepted; the display follows the changes", REQUIRED, "SECONDS",
               section=_D),
        Option("include", ("-I", "--include"), "sections to add: all, none, default, names", REQUIRED, "LIST",
               section=_S),
        Option("exclude", ("-U", "--exclude"), "sections to leave out", REQUIRED, "LIST", section=_S),
        Option("node", ("--node",), "only this node, or the nodes of this tag", REQUIRED, "NODE", section=_S),
        Option("resource", ("--resource",), "only this resource, or the resources of this tag", REQUIRED, "RSC",
               section=_S),
        Option("group-by-node", ("-n", "--group-by-node"), "list resources by node", section=_S),
        Option("inactive", ("-r", "--inactive"), "list inactive resources too", section=_S),
        Option("failcounts", ("-f", "--failcounts"), "show fail counts", section=_S),
        Option("operations", ("-o", "--operations"), "show the history of operations", section=_S),
        Option("timing", ("-t", "--timing-details"), "show the history with times", section=_S),
        Option("tickets", ("-c", "--tickets"), "show tickets", section=_S),
        Option("fence-history", ("-m", "--fence-history"), "fencing actions: 0 none, 1 failed and pending, 2 all",
               OPTIONAL, "LEVEL", section=_S),
        Option("neg-locations", ("-L", "--neg-locations"), "show what keeps resources from nodes", OPTIONAL, "PREFIX",
               section=_S),
        Option("show-node-attributes", ("-A", "--show-node-attributes"), "show node attributes", section=_S),
        Option("hide-headers", ("-D", "--hide-headers"), "hide all headers", section=_S),
        Option("show-detail", ("-R", "--show-detail"), "show ids, single instances, details of failures", section=_S),
        Option("show-description", ("--show-description",), "show descriptions", section=_S),
        Option("brief", ("-b", "--brief"), "counts instead of single resources", section=_S),
        Option("pending", ("-j", "--pending"), "accepted: what is under way is always shown", section=_S),
        Option("quiet", ("-Q", "--quiet"), "without the times", section=_S),
        Option("simple", ("-s", "--simple-status"), "one line, as Nagios checks want it", section=_D),
        Option("as-xml", ("-X", "--as-xml"), "XML without the envelope, as older versions had it", section=_D),
        Option("as-html", ("-h", "--as-html"), "write a page to FILE", REQUIRED, "FILE", section=_D),
        Option("html-cgi", ("-w", "--html-cgi", "--web-cgi"), "a page with the header that a web server wants",
               section=_D),
        Option("html-title", ("--html-title",), "title of the page", REQUIRED, "TITLE", section=_D),
        Option("html-stylesheet", ("--html-stylesheet",), "style sheet of the page", REQUIRED, "URI", section=_D),
        Option("html-charset", ("--html-charset",), "character set that the page names", REQUIRED, "NAME",
               section=_D),
        Option("xml-file", ("-x", "--xml-file"), "show the CIB in FILE", REQUIRED, "FILE", section=_D),
        Option("daemonize", ("-d", "--daemonize"), ""),
        Option("pid-file", ("-p", "--pid-file"), "", REQUIRED, "FILE"),
        Option("watch-fencing", ("-W", "--watch-fencing"), ""),
        Option("external-agent", ("-E", "--external-agent"), "", REQUIRED, "AGENT"),
        Option("external-recipient", ("-e", "--external-recipient"), "", REQUIRED, "RECIPIENT"),
    ),
    formats=("text", "xml", "html", "json", "console", "none"),
    refused={
        "daemonize": "it does not run in the background; run 'crm_mon -1 --output-to=FILE' from a timer",
        "pid-file": "it does not run in the background",
        "watch-fencing": "configure an alert (crm configure alert) to be told of fencing",
        "external-agent": "configure an alert (crm configure alert) in its place",
        "external-recipient": "configure an alert with a recipient in its place",
    },
)  # fmt: skip
RELEASE = "3.0.2"
"""The release whose bare XML `--as-xml` prints."""


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns the exit code."""

    def answer(call: Call) -> int:
        file = call.given.get("xml-file")
        return _answer(call, FileBackend(file) if file else open_backend(), _wants_colours())

    code = run_tool(TOOL, argv, answer)
    # Leaving the live view by Ctrl-C is no failure.
    return exit_codes.OK if code == INTERRUPTED else code


def _wants_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def run(arguments: list[str], backend: Backend, out: TextIO, err: TextIO, *, colours: bool) -> int:
    """As `main`, on a given CIB and given streams."""
    from contextlib import redirect_stderr, redirect_stdout

    with redirect_stdout(out), redirect_stderr(err):
        return run_tool(TOOL, arguments, lambda call: _answer(call, backend, colours))


def add_resources(root: Tag, backend: Backend) -> None:
    """Put the resources of a CIB into an envelope, inactive ones too. Raises BackendError."""
    from cib.errors import CibError
    from crmsh.status.reader import read_status
    from crmsh.status.xml_output import add_status

    try:
        status = read_status(backend.read())
    except CibError as error:
        raise BackendError(error.rc, error.text, error.details) from error
    add_status(root, status, ShowOptions(sections={"resources"}, inactive=True))


def _answer(call: Call, backend: Backend, colours: bool) -> int:
    given = call.given
    if given.has("as-xml"):
        call.form = "xml"
    elif given.has("as-html") or given.has("html-cgi"):
        call.form = "html"
    show_options = _sections(given, call.form)
    simple = given.has("simple")
    # A pipe or a file gets one picture after the other only where that was asked for: not with an answer in a form.
    if backend.live and not given.has("once") and call.form in ("text", "console") and not simple:
        from crmsh.live_view import watch

        return watch(backend, lambda data, parts: _rendered(call, data, show_options, parts, colours), sys.stdout)
    text = _rendered(call, backend.read(), show_options, live_parts(backend), colours)
    target = given.get("as-html", "-")
    if target == "-":
        sys.stdout.write(text)
    else:
        try:
            with open(target, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise Failure(exit_codes.CANNOT_CREATE, f"cannot write {target}: {error.strerror}") from None
    return _simple_code(text) if simple else exit_codes.OK


def _sections(given: Parsed, form: str) -> ShowOptions:
    options = ShowOptions()
    if form == "xml":
        options.sections = set(GROUPS["all"])
    if given.has("quiet"):
        options.sections.discard("times")
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


def _rendered(call: Call, data: bytes, options: ShowOptions, live: LiveParts | None, colours: bool) -> str:
    """The status in the form that is wanted; empty for XML in its envelope, which the frame writes."""
    from cib.errors import CibError
    from crmsh.status.reader import read_status

    given = call.given
    try:
        status = read_status(data)
    except CibError as error:
        raise BackendError(error.rc, error.text, error.details) from error
    if live is None:
        # A file shows what its text says, as the classic tool does.
        status.advice = []
    else:
        live.complete(status)
    if given.has("node"):
        options.only_nodes = nodes_named(status, given.get("node"))
    if given.has("resource"):
        options.only_resources = resources_named(status, given.get("resource"))
        options.parts = parts_of(status, options.only_resources)
    if given.has("simple"):
        return _simple(status)
    match call.form:
        case "xml":
            return _xml(call, status, options)
        case "json":
            from crmsh.status.other_output import render_json

            return render_json(status, options)
        case "html":
            from crmsh.status.other_output import Page, render_html

            page = Page(
                given.get("html-title", "Cluster Status"), given.get("html-stylesheet"),
                given.get("html-charset", "utf-8"),
            )  # fmt: skip
            header = "Content-Type: text/html\n\n" if given.has("html-cgi") else ""
            return header + render_html(status, options, page)
        case "none":
            return ""
        case _:
            from crmsh.status.text import render_text

            text = render_text(status, options)
            return coloured(text) if colours else text


def _xml(call: Call, status: ClusterStatus, options: ShowOptions) -> str:
    from crmsh.status.xml_output import add_status

    if not call.given.has("as-xml"):
        add_status(call.root, status, options)
        return ""
    call.whole = True
    root = Tag("crm_mon", version=RELEASE)
    add_status(root, status, options)
    return "\n".join(root.lines()) + "\n"


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
