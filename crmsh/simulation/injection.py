"""Puts what somebody wants to see the consequences of into a document: nodes, tickets, quorum, results of operations.

Source: Pacemaker Administration, "Simulating cluster activity with crm_simulate".
"""

from __future__ import annotations

from cib.attribute_names import attribute_id, fail_count_name, last_failure_name
from cib.namevalue import BOOTSTRAP_OPTIONS
from cib.values import is_false, is_true, node_name_key
from cib.xml import Element, add_element
from crmsh import exit_codes
from crmsh.failure import Failure
from crmsh.options import UsageError
from crmsh.simulation.status_document import ORIGIN, StatusDocument, set_attribute, set_values
from pengine.simulation import DOWN, OperationFailure, counts_as_failure, fail_count_after, result_entries
from pengine.simulation_events import AttributeSet
from pengine.state import ResourceHistory
from pengine.unpack_status import read_history
from pengine.vocabulary import PRIMITIVE
from pengine.working import Cluster, Resource

ONLINE, OFFLINE, FAILING = "Online", "Offline", "Failing"
GRANTING, REVOKING, STANDBY, ACTIVATING = "Granting", "Revoking", "Standby", "Activating"
_UP = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
_NODE_STATES = {ONLINE: _UP, OFFLINE: DOWN, FAILING: {**_UP, "in_ccm": "false"}}
_TICKET_STATES = {
    GRANTING: ("granted", "true"),
    REVOKING: ("granted", "false"),
    STANDBY: ("standby", "true"),
    ACTIVATING: ("standby", "false"),
}
_REASON = "Simulated action result"
_WATCHDOG = "have-watchdog"


class NodeModified:
    """A node is said to be online, offline or failing."""

    __slots__ = ("action", "node")

    def __init__(self, action: str, node: str) -> None:
        self.action = action
        self.node = node


class TicketModified:
    """A ticket is granted, revoked, made standby or activated."""

    __slots__ = ("action", "ticket")

    def __init__(self, action: str, ticket: str) -> None:
        self.action = action
        self.ticket = ticket


class ResultInjected:
    """An operation is said to have had a result; `spec` as it was given."""

    __slots__ = ("result", "spec")

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.result = parse_operation(spec)


Modification = NodeModified | TicketModified | ResultInjected | AttributeSet


class Injections:
    """What is to be put in. Empty texts: quorum and watchdog stay as they are."""

    __slots__ = ("nodes", "quorum", "results", "tickets", "watchdog")

    def __init__(self) -> None:
        self.quorum = ""
        self.watchdog = ""
        self.nodes: list[NodeModified] = []
        self.tickets: list[TicketModified] = []
        self.results: list[ResultInjected] = []

    def __bool__(self) -> bool:
        return bool(self.quorum or self.watchdog or self.nodes or self.tickets or self.results)


def parse_operation(spec: str) -> OperationFailure:
    """Read RESOURCE_TASK_INTERVAL@NODE=RC. Raises UsageError."""
    expected = "expected RESOURCE_TASK_INTERVAL@NODE=RC, for instance db_monitor_10000@alpha=7"
    key, at, rest = spec.partition("@")
    node, equals, rc = rest.rpartition("=")
    name, _, interval = key.rpartition("_")
    if not at or not equals or not node:
        raise UsageError(f"Invalid operation spec: {spec}: {expected}")
    if not rc.isdigit() or int(rc) > 255:
        raise UsageError(f"Invalid operation spec: {spec}: the result '{rc}' is no number from 0 to 255; {expected}")
    if not interval.isdigit():
        raise UsageError(f"Invalid operation spec: {spec}: '{interval}' is no interval in milliseconds; {expected}")
    resource, _, task = name.rpartition("_")
    if task in ("to", "from") and resource.endswith("_migrate"):
        resource, task = resource.removesuffix("_migrate"), f"migrate_{task}"
    if not resource or not task:
        raise UsageError(f"Invalid operation spec: {spec}: resource or task is missing; {expected}")
    return OperationFailure(resource, task, int(interval), node, int(rc))


def parse_flag(option: str, value: str) -> str:
    """Return a value of --quorum or --watchdog as it was given. Raises UsageError."""
    if not is_true(value) and not is_false(value):
        raise UsageError(f"Option {option} has the value '{value}', expected 'true' or 'false' (or 1, 0, yes, no)")
    return value


def inject(root: Element, cluster: Cluster, injections: Injections) -> tuple[list[Modification], list[str]]:
    """Change a document as asked; `cluster` is what it said before.

    Returns what was done, in its order, and sentences about what could not be. Raises Failure, before anything is
    changed, where a node is named that is not there.
    """
    return _Injector(root, cluster, injections).run()


class _Injector:
    def __init__(self, root: Element, cluster: Cluster, injections: Injections) -> None:
        self._root = root
        self._cluster = cluster
        self._injections = injections
        self._status = StatusDocument(root)
        self._nodes = {node.name.lower(): (node.name, node.id) for node in cluster.nodes}
        """Name and id of each node, by its name in small letters."""
        self._done: list[Modification] = []
        self._problems: list[str] = []

    def run(self) -> tuple[list[Modification], list[str]]:
        self._check_nodes()
        injections = self._injections
        if injections.quorum:
            self._status.update(self._root, {"have-quorum": injections.quorum})
        if injections.watchdog:
            self._set_watchdog(injections.watchdog)
        for node in injections.nodes:
            self._done.append(node)
            self._modify_node(node)
        for ticket in injections.tickets:
            self._done.append(ticket)
            self._modify_ticket(ticket)
        for result in injections.results:
            self._done.append(result)
            self._inject_result(result.result)
        return self._done, self._problems

    def _check_nodes(self) -> None:
        """A node that is up or fails is added; one that goes away, or had a result, must be known."""
        added = {item.node.lower() for item in self._injections.nodes if item.action != OFFLINE}
        asked = [item.node for item in self._injections.nodes if item.action == OFFLINE]
        asked += [item.result.node for item in self._injections.results]
        for name in asked:
            if name.lower() not in self._nodes and name.lower() not in added:
                known = ", ".join(sorted((node.name for node in self._cluster.nodes), key=node_name_key))
                raise Failure(exit_codes.NO_SUCH, f"there is no node '{name}' in the document, which has: {known}")

    def _count_configuration(self) -> None:
        """Count a change of the configuration in the document's version."""
        number = self._root.get("epoch", "0")
        self._root.set("epoch", str(int(number) + 1 if number.isdigit() else 1))
        self._root.set("num_updates", "0")

    def _section(self, tag: str) -> Element:
        configuration = self._root.find("configuration")
        assert configuration is not None, "a document that conforms to the schema has it"
        found = configuration.find(tag)
        return found if found is not None else add_element(configuration, tag)

    def _set_watchdog(self, value: str) -> None:
        section = self._section("crm_config")
        pair = next((pair for pair in section.iter("nvpair") if pair.get("name") == _WATCHDOG), None)
        if pair is None:
            sets = section.iterchildren("cluster_property_set")
            target = next((item for item in sets if item.get("id") == BOOTSTRAP_OPTIONS), None)
            if target is None:
                target = add_element(section, "cluster_property_set", id=BOOTSTRAP_OPTIONS)
            add_element(target, "nvpair", id=attribute_id(target.get("id", ""), _WATCHDOG), name=_WATCHDOG, value=value)
        elif not set_values(pair, {"value": value}):
            return
        self._count_configuration()

    def _modify_node(self, modification: NodeModified) -> None:
        name = modification.node
        if name.lower() not in self._nodes:
            self._add_node(name)
        state = self._status.node_state(*self._nodes[name.lower()])
        self._status.update(state, {**_NODE_STATES[modification.action], "crm-debug-origin": ORIGIN})
        if modification.action == OFFLINE:
            self._status.forget(state)

    def _add_node(self, name: str) -> None:
        add_element(self._section("nodes"), "node", id=name, uname=name)
        self._count_configuration()
        self._nodes[name.lower()] = (name, name)

    def _modify_ticket(self, modification: TicketModified) -> None:
        section = self._status.section
        tickets = section.find("tickets")
        if tickets is None:
            tickets = add_element(section, "tickets")
        name = modification.ticket
        ticket = next((item for item in tickets if item.get("id") == name), None)
        if ticket is None:
            ticket = add_element(tickets, "ticket_state", id=name)
        attribute, value = _TICKET_STATES[modification.action]
        self._status.update(ticket, {attribute: value})

    def _inject_result(self, result: OperationFailure) -> None:
        resource = self._find_resource(result.resource)
        if resource is None:
            self._problems.append(f"Invalid resource name: {result.resource}")
            return
        name, identifier = self._nodes[result.node.lower()]
        state = self._status.node_state(name, identifier)
        if counts_as_failure(result.rc, result.interval_ms):
            self._count_failure(state, name, result)
        history = _history(state, result.resource, resource)
        entries = result_entries(
            history,
            history.id,
            result.task,
            result.interval_ms,
            result.rc,
            target_rc=0,
            now=self._cluster.now,
            reason=_REASON,
        )
        self._status.write_results(state, name, history, entries)

    def _find_resource(self, name: str) -> Resource | None:
        """Return the primitive of this name, be it that of an instance or of all instances of a clone."""
        found = self._cluster.by_id.get(name)
        if found is None:
            known_as = (resource for resource in self._cluster.by_id.values() if resource.kind == PRIMITIVE)
            found = next((item for item in known_as if name in (item.history_id, item.base_id)), None)
        return found if found is not None and found.kind == PRIMITIVE else None

    def _count_failure(self, state: Element, node: str, result: OperationFailure) -> None:
        fatal = result.task == "stop" or (result.task == "start" and self._cluster.options.start_failure_is_fatal)
        counter = fail_count_name(result.resource, result.task, result.interval_ms)
        count = next((pair.get("value") for pair in state.iter("nvpair") if pair.get("name") == counter), None)
        self._set_attribute(state, node, counter, fail_count_after(count, fatal=fatal))
        date = last_failure_name(result.resource, result.task, result.interval_ms)
        self._set_attribute(state, node, date, str(self._cluster.now))

    def _set_attribute(self, state: Element, node: str, name: str, value: str) -> None:
        set_attribute(state, name, value)
        self._done.append(AttributeSet(state.get("id", ""), node, name, value))


def _history(state: Element, name: str, resource: Resource) -> ResourceHistory:
    """Return the history that a result continues, or the beginning of a new one under the name that was given."""
    for element in state.iterfind("lrm/lrm_resources/lrm_resource"):
        if element.get("id") == name:
            return read_history(element)
    return ResourceHistory(name, resource.standard, resource.provider, resource.type, None, None, ())
