"""Writing the status section: requests made of typed values, in Pacemaker's format.

All of them name what they change by ids from the root down, so that none is searched for. `classify` (in
`cib.changes`) reads patches of the status back into typed values.

Source: Pacemaker's status section (node_state, lrm history, transient attributes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from cib.attribute_names import attribute_id
from cib.changes import Change, classify
from cib.digests import FEATURE_SET
from cib.requests import Request

__all__ = [
    "Change",
    "HistoryResource",
    "NodeStateUpdate",
    "OperationRecord",
    "classify",
    "delete_history",
    "delete_history_entry",
    "delete_node_state",
    "delete_transient_attribute",
    "delete_transient_attributes",
    "failed",
    "history_ids",
    "record_operation",
    "replace_history",
    "set_transient_attribute",
    "update_cib_attributes",
    "update_node_state",
]

PENDING_RC = 193
"""`rc-code` of an operation without a result."""

_STATUS_PENDING = -1
_STATUS_DONE = 0
_STATUS_CANCELLED = 1
_ORIGIN = "pacekeeper"


class NodeStateUpdate(msgspec.Struct, frozen=True):
    """What to write into a node's `node_state`; None leaves a value as it is."""

    id: str
    """The node's id in the CIB (in clusters that we create: its name)."""
    uname: str
    in_ccm: int | None = None
    """Wall clock seconds when it became a member; 0: it is none."""
    crmd: int | None = None
    """Wall clock seconds when its controller came online; 0: it is offline."""
    join: str | None = None
    """member, down, pending or banned."""
    expected: str | None = None
    """member or down: what the cluster waits for before it calls an absence a failure."""


class HistoryResource(msgspec.Struct, frozen=True):
    """The resource that an operation belongs to, as history names it."""

    id: str
    standard: str
    provider: str
    """Empty where the standard has none."""
    type: str
    container: str = ""


class OperationRecord(msgspec.Struct, frozen=True):
    """One result (or start, while pending) of an operation."""

    operation: str
    interval_ms: int
    transition_key: str
    """`action:transition:expected rc:uuid`."""
    rc: int
    status: int
    """`op-status`; -1 pending, 0 done, 1 cancelled, 2 timeout, …"""
    call_id: int
    node: str
    exit_reason: str = ""
    last_rc_change: int = 0
    """Wall clock seconds; 0: not written (nor the two durations)."""
    exec_ms: int = 0
    queue_ms: int = 0
    digest: str = ""
    """`op-digest`."""
    restart_digest: str = ""
    """`op-restart-digest`: of the parameters in `force_restart`; empty where the agent can't reload."""
    force_restart: tuple[str, ...] = ()
    """`op-force-restart`: the parameters that are not reloadable."""
    secure_digest: str = ""
    """`op-secure-digest`: of all parameters but those in `secure_params`; empty where nothing is secret."""
    secure_params: tuple[str, ...] = ()
    """`op-secure-params`: the secret ones."""
    migrate_source: str = ""
    migrate_target: str = ""
    user_data: tuple[tuple[str, str], ...] = ()
    """Further attributes, as they are."""

    @property
    def expected_rc(self) -> int:
        """The result that the transition waits for; 0 where the key does not tell."""
        parts = self.transition_key.split(":")
        return int(parts[2]) if len(parts) > 2 and parts[2].lstrip("-").isdigit() else 0


def failed(record: OperationRecord) -> bool:
    """Say whether the result is a failure: another one than expected, or no proper end of the execution."""
    if record.status in (_STATUS_PENDING, _STATUS_CANCELLED):
        return False
    return record.status != _STATUS_DONE or record.rc != record.expected_rc


def recorded_task(action: str, status: int) -> str:
    """Return the operation under which the history keeps the result of an action.

    A reload stands in the place of the start whose parameters it replaced, so that the next comparison of parameters
    finds it; one that did not end properly says no more of the resource than a monitor would.
    """
    if action not in ("reload", "reload-agent"):
        return action
    return "start" if status == _STATUS_DONE else "monitor"


def history_ids(resource: str, record: OperationRecord) -> tuple[str, ...]:
    """Return the ids of the history entries that a result is written to."""
    key = f"{resource}_{record.operation}_{record.interval_ms}"
    if record.operation in ("migrate_to", "migrate_from"):
        return (key,)
    if failed(record):
        last_failure = f"{resource}_last_failure_0"
        return (last_failure,) if record.interval_ms else (last_failure, f"{resource}_last_0")
    return (key,) if record.interval_ms else (f"{resource}_last_0",)


def update_node_state(update: NodeStateUpdate, *, origin: str = _ORIGIN) -> Request:
    """Write a `node_state`, creating it where it is missing."""
    return _into_status(f"{_node_state_tag(update, origin)}/>")


def _node_state_tag(update: NodeStateUpdate, origin: str) -> str:
    values = [("id", update.id), ("uname", update.uname)]
    for name, number in (("in_ccm", update.in_ccm), ("crmd", update.crmd)):
        if number is not None:
            values.append((name, str(number)))
    for name, text in (("join", update.join), ("expected", update.expected)):
        if text is not None:
            values.append((name, text))
    values.append(("crm-debug-origin", origin))
    return tag("node_state", values)


def record_operation(
    node_id: str, resource: HistoryResource, record: OperationRecord, *, origin: str = _ORIGIN
) -> Request:
    """Write a result into the history of a resource on a node."""
    return _into_status(
        f"{tag('node_state', [('id', node_id)])}>{tag('lrm', [('id', node_id)])}><lrm_resources>"
        f"{_history_resource(resource, (record,), origin)}"
        "</lrm_resources></lrm></node_state>"
    )


def replace_history(
    node_id: str, resources: Iterable[tuple[HistoryResource, tuple[OperationRecord, ...]]], *, origin: str = _ORIGIN
) -> tuple[Request, ...]:
    """Replace everything that is recorded of a node's operations by what its executor knows."""
    inside = "".join(_history_resource(resource, records, origin) for resource, records in resources)
    return (
        delete_history(node_id),
        _into_status(
            f"{tag('node_state', [('id', node_id)])}>{tag('lrm', [('id', node_id)])}>"
            f"<lrm_resources>{inside}</lrm_resources></lrm></node_state>"
        ),
    )


def _history_resource(resource: HistoryResource, records: Iterable[OperationRecord], origin: str) -> str:
    values = [("id", resource.id), ("class", resource.standard)]
    if resource.provider:
        values.append(("provider", resource.provider))
    values.append(("type", resource.type))
    if resource.container:
        values.append(("container", resource.container))
    # Two records may share an entry (a later failure): the last one stands.
    entries = {entry: record for record in records for entry in history_ids(resource.id, record)}
    inside = "".join(_entry(entry, resource.id, record, origin) for entry, record in entries.items())
    return f"{tag('lrm_resource', values)}>{inside}</lrm_resource>"


def _entry(entry: str, resource: str, record: OperationRecord, origin: str) -> str:
    values = [
        ("id", entry),
        ("operation_key", f"{resource}_{record.operation}_{record.interval_ms}"),
        ("operation", record.operation),
        ("crm-debug-origin", origin),
        ("crm_feature_set", FEATURE_SET),
        ("transition-key", record.transition_key),
        ("transition-magic", f"{record.status}:{record.rc};{record.transition_key}"),
        ("exit-reason", record.exit_reason),
        ("on_node", record.node),
        ("call-id", str(record.call_id)),
        ("rc-code", str(record.rc)),
        ("op-status", str(record.status)),
        ("interval", str(record.interval_ms)),
    ]
    if record.last_rc_change:
        values += [
            ("last-rc-change", str(record.last_rc_change)),
            ("exec-time", str(record.exec_ms)),
            ("queue-time", str(record.queue_ms)),
        ]
    optional = [
        ("migrate_source", record.migrate_source),
        ("migrate_target", record.migrate_target),
        ("op-digest", record.digest),
    ]
    values += [(name, value) for name, value in optional if value]
    if record.restart_digest:
        # an empty list is written too: without one, all parameters would count as not reloadable
        values += [("op-force-restart", _words(record.force_restart)), ("op-restart-digest", record.restart_digest)]
    if record.secure_digest:
        values += [("op-secure-params", _words(record.secure_params)), ("op-secure-digest", record.secure_digest)]
    values += record.user_data
    return f"{tag('lrm_rsc_op', values)}/>"


def _words(names: tuple[str, ...]) -> str:
    """Names between blanks, two at the ends, as documents of these feature sets have them."""
    return f"  {' '.join(names)}  " if names else ""


def delete_history(node_id: str, resource: str = "") -> Request:
    """Forget the history of one resource on a node, or (empty) of all."""
    path = f"{_node_path(node_id)}/lrm[@id='{node_id}']"
    return Request("delete", xpath=f"{path}/lrm_resources/lrm_resource[@id='{resource}']" if resource else path)


def delete_history_entry(node_id: str, resource: str, entry: str) -> Request:
    """Forget one history entry, such as `vip_last_failure_0`."""
    path = f"{_node_path(node_id)}/lrm[@id='{node_id}']/lrm_resources/lrm_resource[@id='{resource}']"
    return Request("delete", xpath=f"{path}/lrm_rsc_op[@id='{entry}']")


def delete_node_state(node_id: str) -> Request:
    """Forget everything about a node's state."""
    return Request("delete", xpath=_node_path(node_id))


def set_transient_attribute(node_id: str, name: str, value: str) -> Request:
    """Set an attribute that is lost when the node restarts; `value++` and `value+=N` add to a present value."""
    set_id = f"status-{node_id}"
    pair = [("id", attribute_id(set_id, name)), ("name", name), ("value", value)]
    return _into_status(
        f"{tag('node_state', [('id', node_id)])}>{tag('transient_attributes', [('id', node_id)])}>"
        f"{tag('instance_attributes', [('id', set_id)])}>{tag('nvpair', pair)}/></instance_attributes>"
        "</transient_attributes></node_state>",
        score_update=True,
    )


def delete_transient_attribute(node_id: str, name: str) -> Request:
    """Delete a transient attribute that `set_transient_attribute` made; deleting what is not there is success."""
    set_id = f"status-{node_id}"
    path = f"{_node_path(node_id)}/transient_attributes[@id='{node_id}']/instance_attributes[@id='{set_id}']"
    return Request("delete", xpath=f"{path}/nvpair[@id='{attribute_id(set_id, name)}']")


def delete_transient_attributes(node_id: str) -> Request:
    """Delete all transient attributes of a node (it was restarted)."""
    return Request("delete", xpath=f"{_node_path(node_id)}/transient_attributes[@id='{node_id}']")


def update_cib_attributes(**attributes: str) -> Request:
    """Set attributes of `cib` itself; underscores become hyphens (have_quorum="1", dc_uuid="n1")."""
    values = [(name.replace("_", "-"), value) for name, value in attributes.items()]
    return Request("modify", xml=f"{tag('cib', values)}/>".encode())


def _node_path(node_id: str) -> str:
    return f"/cib/status/node_state[@id='{node_id}']"


def _into_status(inside: str, *, score_update: bool = False) -> Request:
    xml = f"<status>{inside}</status>".encode()
    return Request("modify", section="status", xml=xml, allow_create=True, score_update=score_update)


def tag(name: str, values: Iterable[tuple[str, str]]) -> str:
    """Return the opening of a tag with its attributes, still without the end: `<nvpair id="x"`."""
    return f"<{name}" + "".join(f' {key}="{_escaped(value)}"' for key, value in values)


_MARKUP = re.compile('[&<>"\x00-\x1f\ud800-\udfff\ufffe\uffff]')
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def _escaped(value: str) -> str:
    # Other control characters and these code points cannot stand in XML at all; agents' output may hold them.
    return _MARKUP.sub(lambda match: _ENTITIES.get(match.group(), "?"), value)
