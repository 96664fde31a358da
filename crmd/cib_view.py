"""What the controller reads from the CIB and writes into it, by node names and typed values.

Reading goes by what the local replica has at the moment of the call; writing returns requests, which change nothing
until they are carried out. Node ids are looked up in the nodes section; an unlisted node's id is its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from cib import status
from cib.attribute_names import SHUTDOWN, failures_of
from cib.configuration import ClusterOptions, cluster_options, node_id, nodes, voters
from cib.digests import operation_digest, restart_digest, secure_digest
from cib.document import Document
from cib.history import HistoryPoint
from cib.requests import Request
from cib.settings import add_node, delete_node_attribute, set_node_attribute, set_property
from cib.status_view import (
    HistoryEntryView,
    NodeState,
    node_history,
    node_states,
    resource_history,
    transient_attributes,
)
from cib.version import ConfigurationVersion
from ipc.version import NAME, VERSION
from lrmd.messages import AgentTraits, Finished, OcfExit, ResourceTable

SINGLE_LAST = "_last_0"


class HasDocument(Protocol):
    """A replica, as far as reading goes."""

    @property
    def document(self) -> Document:
        """The document now."""

    @property
    def point(self) -> HistoryPoint:
        """Where its history stands."""


class NodeRow(msgspec.Struct, frozen=True):
    """What the CIB says of a node."""

    id: str
    in_ccm: int
    """Wall clock seconds since when it is a member of the view; 0: it is not."""
    online: int
    """The same for its controller."""
    expected_member: bool
    pending: bool
    """It takes part and is given nothing."""


class CibView:
    """The CIB as the controller sees it. `wall` and `voters` are kept up to date by the controller."""

    def __init__(self, replica: HasDocument) -> None:
        self._replica = replica
        self.wall = 0
        """Wall clock seconds now."""
        self.voters: tuple[str, ...] = ()
        """Nodes that have a vote, as heartbeat said."""
        self._options: ClusterOptions | None = None
        self._options_of: Document | None = None
        self._options_version: ConfigurationVersion | None = None

    # reading

    @property
    def document(self) -> Document:
        """The document now."""
        return self._replica.document

    def point(self) -> HistoryPoint:
        """Where the replica's history stands."""
        return self._replica.point

    def options(self) -> ClusterOptions:
        """The cluster's options, with defaults; read anew for each configuration version (they are asked for often)."""
        document = self.document
        version = document.version.configuration
        if self._options is None or self._options_of is not document or self._options_version != version:
            self._options, self._options_of, self._options_version = cluster_options(document), document, version
        return self._options

    def node_names(self) -> tuple[str, ...]:
        """The cluster nodes of the configuration, in the document's order."""
        return voters(self.document)

    def id_of(self, name: str) -> str:
        """A node's id."""
        return node_id(self.document, name)

    def node_rows(self) -> dict[str, NodeRow]:
        """State of each cluster node that has one, by name."""
        return {row.uname: _row(row) for row in node_states(self.document)}

    def transient(self, name: str) -> dict[str, str]:
        """A node's transient attributes."""
        return transient_attributes(self.document, self.id_of(name))

    def history(self, name: str, resource: str = "") -> tuple[HistoryEntryView, ...]:
        """What is recorded of a node's operations, of one resource or of all."""
        node_id = self.id_of(name)
        if resource:
            return resource_history(self.document, node_id, resource)
        return node_history(self.document, node_id)

    def newest_call_id(self, name: str, resource: str) -> int:
        """The newest call id recorded of a resource on a node; 0 if there is none."""
        return max((entry.call_id for entry in self.history(name, resource)), default=0)

    def has_single_result(self, name: str, resource: str) -> bool:
        """Whether the result of an operation that is not a recurring one is recorded of a resource on a node."""
        return any(not entry.interval_ms for entry in self.history(name, resource))

    def is_same(self, name: str, result: Finished) -> bool:
        """Whether exactly this result is recorded."""
        return any(
            (entry.call_id, entry.rc, entry.status, entry.last_rc_change)
            == (result.call_id, result.exit_code, int(result.status), result.changed_at)
            for entry in self.history(name, result.operation.resource)
        )

    def is_recorded(self, name: str, result: Finished) -> bool:
        """Whether this result, or a later one in its place, is recorded."""
        if self.is_same(name, result):
            return True
        operation = result.operation
        entries = self.history(name, operation.resource)
        if operation.interval_ms:
            same = (operation.action, operation.interval_ms)
            later = [entry for entry in entries if (entry.operation, entry.interval_ms) == same]
        else:
            later = [entry for entry in entries if entry.entry == f"{operation.resource}{SINGLE_LAST}"]
        return any(entry.call_id > result.call_id for entry in later)

    # writing: histories

    def record_result(self, name: str, result: Finished) -> list[Request]:
        """Write one result.

        One that was lost with its executor says only that nothing is known of the resource there: its history goes, so
        that the policy engine has it probed. A stop that was lost so is no reason to fence the node.
        """
        resource = result.operation.resource
        if result.exit_code == OcfExit.UNKNOWN:
            newest = self.newest_call_id(name, resource)
            return self.delete_resource_history(name, resource) if 0 < newest <= result.call_id else []
        return [status.record_operation(self.id_of(name), _resource(result), _record(name, result))]

    def replace_history(self, name: str, table: ResourceTable) -> list[Request]:
        """Let a node's history be what its executor knows.

        Of a resource whose state it does not know, nothing is written, so that the policy engine has it probed before
        it starts it anywhere: the last result there may be of a time before an operation that was lost.
        """
        resources = []
        for state in table.resources:
            results = sorted(state.history, key=lambda result: result.call_id)
            if results and not state.unknown:
                resources.append((_resource(results[-1]), tuple(_record(name, result) for result in results)))
        return list(status.replace_history(self.id_of(name), resources))

    def delete_resource_history(self, name: str, resource: str) -> list[Request]:
        """Forget a resource on a node."""
        return [status.delete_history(self.id_of(name), resource)] if resource else []

    def delete_operation(self, name: str, resource: str, operation: str, interval_ms: int) -> list[Request]:
        """Forget a recurring operation that was cancelled, its last failure too."""
        node_id = self.id_of(name)
        return [
            status.delete_history_entry(node_id, resource, entry.entry)
            for entry in self.history(name, resource)
            if entry.operation == operation and entry.interval_ms == interval_ms
        ]

    # writing: attributes

    def set_transient(self, name: str, attribute: str, value: str) -> list[Request]:
        """Set a transient attribute; `value++` and `value+=N` count from 0 where there is none."""
        if attribute not in self.transient(name):
            value = _first(value)
        return [status.set_transient_attribute(self.id_of(name), attribute, value)]

    def delete_transient(self, name: str, attributes: Iterable[str]) -> list[Request]:
        """Delete transient attributes."""
        return [status.delete_transient_attribute(self.id_of(name), attribute) for attribute in attributes]

    def replace_transient(self, name: str, attributes: dict[str, str]) -> list[Request]:
        """Let a node's transient attributes be these."""
        present = self.transient(name)
        if present == attributes:
            return []
        requests = [status.delete_transient_attributes(self.id_of(name))] if present else []
        node_id = self.id_of(name)
        return requests + [
            status.set_transient_attribute(node_id, attribute, value) for attribute, value in attributes.items()
        ]

    def set_attribute(
        self, name: str, attribute: str, value: str | None, *, permanent: bool, set_name: str = ""
    ) -> list[Request]:
        """Set an attribute of a node, or with None delete it; a permanent one is part of the configuration."""
        if not permanent:
            return (
                self.delete_transient(name, (attribute,))
                if value is None
                else self.set_transient(name, attribute, value)
            )
        node_id = self.id_of(name)
        if value is None:
            return [delete_node_attribute(node_id, attribute)]
        entry = next((node for node in nodes(self.document) if node.id == node_id), None)
        present = entry is not None and attribute in entry.attributes
        requests = [] if entry is not None else [add_node(node_id, name)]
        return [*requests, set_node_attribute(node_id, attribute, value if present else _first(value), set_name)]

    def clear_failures(self, name: str, resource: str, operation: str = "", interval_ms: int = -1) -> list[Request]:
        """Delete fail counts and last failures on a node."""
        return self.delete_transient(name, failures_of(self.transient(name), resource, operation, interval_ms))

    def ask_to_leave(self, name: str) -> list[Request]:
        """A node wants to leave: its resources are to be moved away. Since when is kept where it is known.

        It is written even where the document has it already, since what goes before in the same change may replace
        the node's attributes.
        """
        since = self.transient(name).get(SHUTDOWN, "0")
        return [status.set_transient_attribute(self.id_of(name), SHUTDOWN, since if since != "0" else str(self.wall))]

    # writing: nodes

    def missing_nodes(self) -> list[Request]:
        """Enter the nodes that have a vote and are not in the configuration."""
        listed = {node.uname for node in nodes(self.document)}
        return [add_node(name, name) for name in self.voters if name not in listed]

    def missing_marks(self) -> list[Request]:
        """Enter what the cluster runs on and the DC's version, where the configuration says otherwise."""
        marks = {"cluster-infrastructure": NAME, "dc-version": VERSION}
        present = self.options().values
        return [set_property(name, value) for name, value in marks.items() if present.get(name) != value]

    def dc(self, name: str, quorate: bool) -> list[Request]:
        """Write who is DC and whether the view has quorum, for the policy engine."""
        return [status.update_cib_attributes(have_quorum="1" if quorate else "0", dc_uuid=self.id_of(name))]

    def member_joined(self, name: str) -> list[Request]:
        """A member takes part; times that are recorded stay."""
        return [self._present(name, join="member", expected="member")]

    def member_waits(self, name: str) -> list[Request]:
        """A member takes part and is to be given nothing yet."""
        return [self._present(name, join="pending")]

    def _present(self, name: str, *, join: str, expected: str | None = None) -> Request:
        row = self.node_rows().get(name)
        since = row.in_ccm if row is not None and row.in_ccm else self.wall
        online = row.online if row is not None and row.online else self.wall
        return self._update(name, in_ccm=since, crmd=online, join=join, expected=expected)

    def member_gone(self, name: str, *, clean: bool) -> list[Request]:
        """A node is not in the view; `clean`: it said that nothing runs there and left."""
        return [self._update(name, in_ccm=0, crmd=0, join="down", expected="down" if clean else None)]

    def controller_gone(self, name: str) -> list[Request]:
        """A node is in the view, but nobody takes orders there.

        What runs there is not known. It was to be a member, so the policy engine calls it unclean.
        """
        row = self.node_rows().get(name)
        since = row.in_ccm if row is not None and row.in_ccm else self.wall
        return [self._update(name, in_ccm=since, crmd=0, join="down", expected="member")]

    def expect_down(self, name: str) -> list[Request]:
        """A member has nothing left to do and will leave."""
        return [self._update(name, expected="down")]

    def fenced(self, name: str) -> list[Request]:
        """A node is known to be down: nothing that was recorded of it holds any more."""
        node_id = self.id_of(name)
        return [
            self._update(name, in_ccm=0, crmd=0, join="down", expected="down"),
            status.delete_history(node_id),
            status.delete_transient_attributes(node_id),
        ]

    def _update(
        self,
        name: str,
        *,
        in_ccm: int | None = None,
        crmd: int | None = None,
        join: str | None = None,
        expected: str | None = None,
    ) -> Request:
        return status.update_node_state(
            status.NodeStateUpdate(self.id_of(name), name, in_ccm, crmd, join, expected), origin="controller"
        )


def _first(value: str) -> str:
    """A value that counts, where there is nothing to count on."""
    return "1" if value == "value++" else value.removeprefix("value+=")


def _row(state: NodeState) -> NodeRow:
    return NodeRow(state.id, state.in_ccm, state.crmd, state.expected == "member", state.join == "pending")


def _resource(result: Finished) -> status.HistoryResource:
    operation = result.operation
    agent = operation.agent
    return status.HistoryResource(operation.resource, agent.standard, agent.provider, agent.type)


def _record(name: str, result: Finished) -> status.OperationRecord:
    operation = result.operation
    attributes = {**operation.parameters, **operation.meta}
    interval_ms = operation.interval_ms
    traits = result.traits or AgentTraits()
    reloads = traits.restart_parameters is not None and not interval_ms
    restart, private = traits.restart_parameters or (), traits.private_parameters
    return status.OperationRecord(
        operation=status.recorded_task(operation.action, int(result.status)),
        interval_ms=interval_ms,
        transition_key=operation.transition_key,
        rc=result.exit_code,
        status=int(result.status),
        call_id=result.call_id,
        node=name,
        exit_reason=result.exit_reason,
        last_rc_change=result.changed_at,
        exec_ms=result.exec_ms,
        queue_ms=result.queue_ms,
        digest=operation_digest(attributes, interval_ms),
        # a recurring operation is simply begun anew when parameters change: only single ones tell what needs a restart
        restart_digest=restart_digest(attributes, interval_ms, restart) if reloads else "",
        force_restart=restart if reloads else (),
        secure_digest=secure_digest(attributes, interval_ms, private) if private else "",
        secure_params=private,
        migrate_source=operation.meta.get("CRM_meta_migrate_source", ""),
        migrate_target=operation.meta.get("CRM_meta_migrate_target", ""),
    )
