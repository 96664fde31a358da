"""Reads the status: what is known of each node, and the history of each resource there; tickets."""

from __future__ import annotations

from cib.values import is_true, leading_integer
from cib.xml import Element
from pengine.reuse import Changes, Parts
from pengine.state import EMPTY_BLOCK, HistoryEntry, NameValueBlock, NodeStatus, ResourceHistory, TicketStatus
from pengine.unpack_sets import SetReader, attributes_of

_NO_BLOCKS = (EMPTY_BLOCK, EMPTY_BLOCK)


class StatusReader:
    """Reads the parts of the status, each history by itself."""

    __slots__ = ("_histories", "_node_states", "_sets", "_tickets", "_transient")

    def __init__(self, changes: Changes | None, sets: SetReader) -> None:
        self._sets = sets
        self._histories: Parts[ResourceHistory] = Parts(changes, read_history)
        self._transient: Parts[tuple[NameValueBlock, NameValueBlock]] = Parts(changes, self._read_transient)
        self._node_states: Parts[NodeStatus] = Parts(changes, self._read_node_state)
        self._tickets: Parts[tuple[TicketStatus, ...]] = Parts(changes, _read_tickets)

    def node_status(self, status: Element | None) -> tuple[NodeStatus, ...]:
        """Return what is known of the nodes, in document order."""
        if status is None:
            return ()
        return tuple([self._node_states.of(element) for element in status if element.tag == "node_state"])

    def tickets(self, status: Element | None) -> tuple[TicketStatus, ...]:
        """Return the state of tickets."""
        found: tuple[TicketStatus, ...] = ()
        for section in status if status is not None else ():
            if section.tag == "tickets":
                tickets = self._tickets.of(section)
                found = (*found, *tickets) if found else tickets
        return found

    def _read_node_state(self, element: Element) -> NodeStatus:
        transient: list[Element] = []
        resources: list[ResourceHistory] = []
        for child in element:
            if child.tag == "transient_attributes":
                transient.append(child)
            elif child.tag == "lrm":
                for listing in child:
                    if listing.tag == "lrm_resources":
                        resources.extend([self._histories.of(item) for item in listing if item.tag == "lrm_resource"])
        if not transient:
            attributes, utilization = _NO_BLOCKS
        elif len(transient) == 1:
            attributes, utilization = self._transient.of(transient[0])
        else:
            # The order of the sets goes across all of them.
            attributes, utilization = self._blocks([item for section in transient for item in section])
        return NodeStatus(
            id=element.get("id"),
            name=element.get("uname"),
            attributes=attributes_of(element),
            transient=attributes,
            utilization=utilization,
            resources=tuple(resources),
        )

    def _read_transient(self, element: Element) -> tuple[NameValueBlock, NameValueBlock]:
        return self._blocks(list(element))

    def _blocks(self, items: list[Element]) -> tuple[NameValueBlock, NameValueBlock]:
        return self._sets.block(items, "instance_attributes"), self._sets.block(items, "utilization")


def _read_tickets(section: Element) -> tuple[TicketStatus, ...]:
    return tuple(
        TicketStatus(
            id=element.get("id") or "",
            granted=is_true(element.get("granted")),
            standby=is_true(element.get("standby")),
            attributes=attributes_of(element),
        )
        for element in section
        if element.tag == "ticket_state"
    )


def read_history(element: Element) -> ResourceHistory:
    """Return what an `lrm_resource` says."""
    return ResourceHistory(
        id=element.get("id") or "",
        standard=element.get("class") or "",
        provider=element.get("provider"),
        type=element.get("type") or "",
        container=element.get("container"),
        shutdown_lock=leading_integer(element.get("shutdown-lock")),
        entries=tuple([_history_entry(op) for op in element if op.tag == "lrm_rsc_op"]),
    )


def _history_entry(op: Element) -> HistoryEntry:
    get = dict(op.items()).get
    identifier = get("id") or ""
    call_id = leading_integer(get("call-id"))
    return HistoryEntry(
        id=identifier,
        task=get("operation") or "",
        key=get("operation_key") or identifier,
        interval_ms=leading_integer(get("interval")) or 0,
        call_id=-1 if call_id is None else call_id,
        rc=leading_integer(get("rc-code")),
        status=leading_integer(get("op-status")),
        last_change=leading_integer(get("last-rc-change")),
        transition_key=get("transition-key"),
        transition_magic=get("transition-magic"),
        digest=get("op-digest"),
        restart_digest=get("op-restart-digest"),
        secure_digest=get("op-secure-digest"),
        force_restart=get("op-force-restart"),
        secure_parameters=get("op-secure-params"),
        feature_set=get("crm_feature_set"),
        migrate_source=get("migrate_source"),
        migrate_target=get("migrate_target"),
        exit_reason=get("exit-reason"),
    )
