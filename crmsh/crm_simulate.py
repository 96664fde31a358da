"""`crm_simulate`: what the cluster would do in a situation, without doing it."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from cib.dates import parse_instant
from cib.errors import CibError
from cib.values import ValueFormatError, leading_integer
from cib.xml import Element
from crmsh import exit_codes
from crmsh.failure import Failure
from crmsh.frame import Call, run
from crmsh.simulation.arguments import TOOL, Arguments
from crmsh.simulation.injection import inject
from crmsh.simulation.source import place_to_write_back, read_document, write_document, write_text
from crmsh.simulation.status_document import write_changes
from crmsh.simulation.summary import summarize
from crmsh.simulation.text import TextWriter
from pengine.collector import paused_collector
from pengine.graph import Graph
from pengine.graph_builder import build_graph
from pengine.graph_dot import graph_to_dot
from pengine.graph_xml import graph_to_xml
from pengine.local_zone import local_zone
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.simulation import simulate
from pengine.state import ClusterState
from pengine.unpack import unpack_element
from pengine.working import Cluster

if TYPE_CHECKING:
    from typing import NoReturn

    from crmsh.simulation.details import Details
    from crmsh.simulation.xml_output import XmlWriter


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; return the exit status."""
    return run(TOOL, argv, _answer)


def command() -> NoReturn:
    """Run as a process of its own, and end it without taking the interpreter apart, which takes as long as a decision.

    What was written has been flushed by then, and every file is closed.
    """
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _answer(call: Call) -> int:
    arguments = Arguments(call.given)
    writer = _writer(call, arguments)
    if arguments.profile:
        from crmsh.simulation.profile import profile

        writer.timings(profile(arguments.profile, arguments.repeat))
        return _finish(writer, exit_codes.OK)
    store = place_to_write_back(arguments.source) if arguments.in_place else None
    root, warnings = read_document(arguments.source)
    _tell(call, warnings)
    try:
        with paused_collector():
            simulation = _Simulation(call, arguments, writer, root)
            code = simulation.run()
    except CibError as error:
        raise Failure(error.rc, f"{arguments.source or 'the document'}: {error}") from error
    if store is not None:
        store(root)
    elif arguments.save_output:
        write_document(arguments.save_output, root)
    return _finish(writer, code)


def _writer(call: Call, arguments: Arguments) -> TextWriter | XmlWriter:
    if not call.as_xml:
        return TextWriter(quiet=arguments.quiet)
    from crmsh.simulation.xml_output import XmlWriter

    return XmlWriter(call.root)


def _finish(writer: TextWriter | XmlWriter, code: int) -> int:
    if isinstance(writer, TextWriter):
        sys.stdout.write(writer.text())
    return code


def _tell(call: Call, sentences: list[str]) -> None:
    """Tell what is no answer: on standard error, in XML among the errors."""
    if call.as_xml:
        call.errors += sentences
    else:
        sys.stderr.write("".join(f"{sentence}\n" for sentence in sentences))


class _Simulation:
    """One run: what is put into a document, what is decided, what comes of it."""

    def __init__(self, call: Call, arguments: Arguments, writer: TextWriter | XmlWriter, root: Element) -> None:
        self._call = call
        self._arguments = arguments
        self._writer = writer
        self._root = root
        state = self._read()
        self._clock = _clock(arguments, state)
        self._now = _now(arguments, state)
        self._cluster = self._cluster_of(state)

    def run(self) -> int:
        """Write the answer and all files but the document at the end; return the exit status."""
        arguments, writer = self._arguments, self._writer
        writer.clock(self._clock)
        writer.current_status(self._cluster, self._details())
        if arguments.injections:
            self._inject()
        if arguments.save_input:
            write_document(arguments.save_input, self._root)
        if not arguments.decide:
            return exit_codes.OK
        decide(self._cluster)
        graph = build_graph(self._cluster)
        if arguments.scores or arguments.utilization:
            writer.scores(self._cluster, scores=arguments.scores, utilization=arguments.utilization)
        if arguments.graph:
            write_text(arguments.graph, graph_to_xml(graph))
        if arguments.dot:
            drawing = graph_to_dot(self._cluster, arguments.all_actions, numbers=arguments.verbose)
            write_text(arguments.dot, drawing)
        writer.summary(summarize(self._cluster))
        if arguments.explain and isinstance(writer, TextWriter):
            from crmsh.simulation.explanation import explain

            writer.explanation(explain(self._cluster, arguments.explain, arguments.explain_node))
        return self._simulate(graph) if arguments.simulate else exit_codes.OK

    def _read(self) -> ClusterState:
        return unpack_element(self._root, local_zone(os.environ.get("TZ")))

    def _cluster_of(self, state: ClusterState) -> Cluster:
        return read_cluster(state, self._now, sanitized=True)

    def _inject(self) -> None:
        injections = self._arguments.injections
        done, problems = inject(self._root, self._cluster, injections)
        self._writer.modifications(injections, done)
        self._writer.clock(self._clock)
        _tell(self._call, problems)
        self._cluster = self._cluster_of(self._read())

    def _simulate(self, graph: Graph) -> int:
        simulation = simulate(self._cluster, graph, self._arguments.failures)
        self._writer.transition(simulation.events)
        self._writer.clock(self._clock)
        details = None
        if self._keeps_document():
            write_changes(self._root, simulation.changes)
            details = self._details()
        self._writer.revised_status(self._cluster_of(simulation.state), details)
        if simulation.complete:
            return exit_codes.OK
        _tell(self._call, ["Transition failed: terminated", "An invalid transition was produced"])
        return exit_codes.ERROR

    def _keeps_document(self) -> bool:
        """Say whether the document is needed after the simulation."""
        arguments = self._arguments
        return arguments.in_place or bool(arguments.save_output) or self._wants_details()

    def _wants_details(self) -> bool:
        return self._call.as_xml or self._arguments.attributes or self._arguments.failcounts

    def _details(self) -> Details | None:
        if not self._wants_details():
            return None
        from crmsh.simulation.details import Details

        arguments = self._arguments
        return Details(self._root, self._now, attributes=arguments.attributes, failcounts=arguments.failcounts)


def _now(arguments: Arguments, state: ClusterState) -> int:
    if arguments.date is not None:
        try:
            return parse_instant(arguments.date, state.zone)
        except ValueFormatError as error:
            raise Failure(exit_codes.DATA_ERROR, f"Option --set-datetime: {error}") from None
    recorded = leading_integer(state.attributes.get("execution-date"))
    return recorded if recorded is not None else int(time.time())


def _clock(arguments: Arguments, state: ClusterState) -> str:
    """Return the sentence that says which time it is taken to be; empty where it is the present."""
    if arguments.date is not None:
        return f"Setting effective cluster time: {arguments.date}"
    recorded = leading_integer(state.attributes.get("execution-date"))
    if recorded is None:
        return ""
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(recorded))
    return f"Using the original execution date of: {when}"


if __name__ == "__main__":
    sys.exit(main())
