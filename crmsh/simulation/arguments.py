"""The command line of `crm_simulate`: its options, and what they ask for."""

from __future__ import annotations

from crmsh.frame import Tool
from crmsh.options import REQUIRED, Option, Parsed, UsageError
from crmsh.simulation.injection import (
    ACTIVATING,
    FAILING,
    GRANTING,
    OFFLINE,
    ONLINE,
    REVOKING,
    STANDBY,
    Injections,
    NodeModified,
    ResultInjected,
    TicketModified,
    parse_flag,
    parse_operation,
)
from pengine.form import form
from pengine.simulation import OperationFailure

_O, _E, _A, _S = "Operations", "Synthetic cluster events", "Artifacts", "Data source"
_NOTES = """
Operation specification:
  An OPSPEC is RESOURCE_TASK_INTERVAL@NODE=RC, the interval in milliseconds, RC the OCF result of the agent:
  memcached_monitor_20000@alpha=7 is a recurring monitor that finds memcached stopped on alpha.

Examples:
  What would follow if that monitor found memcached stopped, and if then its stop failed:
    crm_simulate -LS --op-inject memcached_monitor_20000@alpha=7 --op-fail memcached_stop_0@alpha=1 \\
        --save-output /tmp/after.xml
  And what would follow from that:
    crm_simulate -S --xml-file /tmp/after.xml
"""
TOOL = Tool(
    "crm_simulate",
    "what the cluster would do in a situation, without doing it",
    (
        Option("run", ("-R", "--run"), "process the document and show what would be done", section=_O),
        Option("simulate", ("-S", "--simulate"), "like --run, and show the steps and the status after them",
               section=_O),
        Option("in-place", ("-X", "--in-place"), "like --simulate, and store the result in the input file",
               section=_O),
        Option("show-attrs", ("-A", "--show-attrs"), "show node attributes", section=_O),
        Option("show-failcounts", ("-c", "--show-failcounts"), "show fail counts and failed actions", section=_O),
        Option("show-scores", ("-s", "--show-scores"), "show the assignment scores", section=_O),
        Option("show-utilization", ("-U", "--show-utilization"), "show capacities and what is taken of them",
               section=_O),
        Option("explain", ("--explain",), "say why a resource is where, and why not elsewhere; a node may follow",
               REQUIRED, "RSC", section=_O),
        Option("profile", ("-P", "--profile"), "process all XML files in DIR and show how long each takes", REQUIRED,
               "DIR", section=_O),
        Option("repeat", ("-N", "--repeat"), "with --profile: process each file N times", REQUIRED, "N", section=_O),
        # What these two ask for is done in any case, in Pacemaker's too: they are taken for the scripts that name them.
        Option("pending", ("-j", "--pending"), ""),
        Option("fancy", ("--text-fancy",), ""),
        Option("node-up", ("-u", "--node-up"), "bring a node online; one that is not there is added", REQUIRED, "NODE",
               section=_E),
        Option("node-down", ("-d", "--node-down"), "take a node offline", REQUIRED, "NODE", section=_E),
        Option("node-fail", ("-f", "--node-fail"), "let a node fail", REQUIRED, "NODE", section=_E),
        Option("op-inject", ("-i", "--op-inject"), "put the result of an operation into the document", REQUIRED,
               "OPSPEC", section=_E),
        Option("op-fail", ("-F", "--op-fail"), "let an operation have this result if it is simulated; that ends the "
               "transition", REQUIRED, "OPSPEC", section=_E),
        Option("set-datetime", ("-t", "--set-datetime"), "pretend that it is this time (ISO 8601)", REQUIRED,
               "DATETIME", section=_E),
        Option("quorum", ("-q", "--quorum"), "whether the cluster has quorum: true or false", REQUIRED, "QUORUM",
               section=_E),
        Option("watchdog", ("-w", "--watchdog"), "whether a watchdog device is active: true or false", REQUIRED,
               "DEVICE", section=_E),
        Option("ticket-grant", ("-g", "--ticket-grant"), "grant a ticket", REQUIRED, "TICKET", section=_E),
        Option("ticket-revoke", ("-r", "--ticket-revoke"), "revoke a ticket", REQUIRED, "TICKET", section=_E),
        Option("ticket-standby", ("-b", "--ticket-standby"), "make a ticket standby", REQUIRED, "TICKET", section=_E),
        Option("ticket-activate", ("-e", "--ticket-activate"), "activate a ticket", REQUIRED, "TICKET", section=_E),
        Option("save-input", ("-I", "--save-input"), "save the document that is processed, with what was put in",
               REQUIRED, "FILE", section=_A),
        Option("save-output", ("-O", "--save-output"), "save the document as it is at the end", REQUIRED, "FILE",
               section=_A),
        Option("save-graph", ("-G", "--save-graph"), "save the transition graph as XML", REQUIRED, "FILE", section=_A),
        Option("save-dotfile", ("-D", "--save-dotfile"), "save the transition graph in the DOT language", REQUIRED,
               "FILE", section=_A),
        Option("all-actions", ("-a", "--all-actions"), "show in the DOT file also what is not needed", section=_A),
        Option("live-check", ("-L", "--live-check"), "work on the cluster's document, as without any of these three",
               section=_S),
        Option("xml-file", ("-x", "--xml-file"), "work on this document (-: standard input; .bz2 is understood)",
               REQUIRED, "FILE", section=_S),
        Option("xml-pipe", ("-p", "--xml-pipe"), "work on the document on standard input", section=_S),
        Option("quiet", ("-Q", "--quiet"), "show only what was asked for", section="General"),
        Option("verbose", ("-V", "--verbose"), "show the numbers of actions in the DOT file", section="General"),
        Option("help", ("-h", "-?", "--help", "--help-all", "--help-output", "--help-operations", "--help-synthetic",
                        "--help-artifact", "--help-source"), "this text", section="General"),
    ),
    usage="[options] [--explain RSC [NODE]]",
    words=True,
    notes=_NOTES,
    about=lambda: f"policy engine: {form()}\n",
)  # fmt: skip
_NODES = (("node-up", ONLINE), ("node-down", OFFLINE), ("node-fail", FAILING))
_TICKETS = (
    ("ticket-grant", GRANTING),
    ("ticket-revoke", REVOKING),
    ("ticket-standby", STANDBY),
    ("ticket-activate", ACTIVATING),
)
_SHOWS_DECISION = ("run", "explain", "show-scores", "show-utilization", "save-graph", "save-dotfile")
_SIMULATES = ("simulate", "in-place", "op-fail")
LIVE, STANDARD_INPUT = "", "-"


class Arguments:
    """What a command line asks for."""

    __slots__ = (
        "all_actions",
        "attributes",
        "date",
        "decide",
        "dot",
        "explain",
        "explain_node",
        "failcounts",
        "failures",
        "graph",
        "in_place",
        "injections",
        "profile",
        "quiet",
        "repeat",
        "save_input",
        "save_output",
        "scores",
        "simulate",
        "source",
        "utilization",
        "verbose",
    )

    def __init__(self, given: Parsed) -> None:
        """Raises UsageError where values make no sense."""
        self.simulate = any(given.has(name) for name in _SIMULATES)
        self.decide = self.simulate or any(given.has(name) for name in _SHOWS_DECISION)
        self.in_place = given.has("in-place")
        self.attributes = given.has("show-attrs")
        self.failcounts = given.has("show-failcounts")
        self.scores = given.has("show-scores")
        self.utilization = given.has("show-utilization")
        self.all_actions = given.has("all-actions")
        asks_more = self.simulate or any(given.has(name) for name in _SHOWS_DECISION if name != "explain")
        self.quiet = given.has("quiet") or (given.has("explain") and not asks_more)
        self.verbose = given.has("verbose")
        self.date = given.get("set-datetime") if given.has("set-datetime") else None
        self.graph = given.get("save-graph")
        self.dot = given.get("save-dotfile")
        self.save_input = given.get("save-input")
        self.save_output = given.get("save-output")
        self.explain = given.get("explain")
        self.explain_node = given.words[0] if given.words else ""
        if len(given.words) > (1 if self.explain else 0):
            raise UsageError(f"unexpected argument '{given.words[-1]}'")
        self.profile = given.get("profile")
        self.repeat = _number("--repeat", given.get("repeat", "1"))
        self.source = _source(given)
        """The file to work on; `LIVE`: the cluster's document, or that of a shadow copy or CIB_file."""
        self.failures: tuple[OperationFailure, ...] = tuple(parse_operation(spec) for spec in given.all("op-fail"))
        self.injections = _injections(given)
        if self.explain and given.get("output-as", "text") != "text":
            raise UsageError("--explain answers in text only")
        if self.in_place and self.source == STANDARD_INPUT:
            raise UsageError("--in-place needs a file, standard input can't be written to: use --save-output")
        if self.in_place and self.save_output:
            raise UsageError("--in-place and --save-output exclude each other")


def _number(option: str, value: str) -> int:
    if not value.isdigit() or not int(value):
        raise UsageError(f"Option {option} has the value '{value}', expected a number from 1 on")
    return int(value)


def _source(given: Parsed) -> str:
    """Return where the document comes from; of several answers the last one counts."""
    source = LIVE
    for name, value in given.given:
        if name == "xml-file":
            source = value
        elif name == "xml-pipe":
            source = STANDARD_INPUT
        elif name == "live-check":
            source = LIVE
    return source


def _injections(given: Parsed) -> Injections:
    injections = Injections()
    if given.has("quorum"):
        injections.quorum = parse_flag("--quorum", given.get("quorum"))
    if given.has("watchdog"):
        injections.watchdog = parse_flag("--watchdog", given.get("watchdog"))
    injections.nodes = [NodeModified(action, node) for name, action in _NODES for node in given.all(name)]
    injections.tickets = [TicketModified(action, ticket) for name, action in _TICKETS for ticket in given.all(name)]
    injections.results = [ResultInjected(spec) for spec in given.all("op-inject")]
    return injections
