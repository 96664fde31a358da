"""`crm_resource -O` and `-o`: the operations that are recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from cib.document import Document
from crmsh import exit_codes
from crmsh.backend import Backend
from crmsh.frame import Call
from crmsh.status.blocks import when
from crmsh.status.codes import status_text
from crmsh.status.model import ResourceView
from crmsh.status.reader import read_status
from pengine.history_order import active_range, sort_entries
from pengine.local_zone import local_zone
from pengine.state import HistoryEntry
from pengine.unpack import unpack

_PENDING = 193


def _recorded(
    data: bytes, resource: str, node: str, everything: bool
) -> Iterator[tuple[str, str, str, ResourceView | None, HistoryEntry]]:
    """What ran, oldest first: node, resource, operation key, the resource's view, the result. Empty names mean all.

    Without `everything` only what counts now: nothing of a resource that was stopped last, nothing before its last
    start.
    """
    document = Document.from_bytes(data)
    views = {p.id: p for r in read_status(data).resources for p in r.primitives()}
    for state in unpack(document, local_zone(os.environ.get("TZ"))).node_status:
        name = state.name or state.id or ""
        for history in state.resources:
            if (node and name != node) or (resource and history.id != resource):
                continue
            entries = sort_entries(history.entries)
            start, stop = active_range(entries)
            if not everything and start < stop:
                continue
            for place, entry in enumerate(entries):
                if everything or place >= start:
                    yield name, history.id, entry.key, views.get(history.id), entry


def _times(data: bytes) -> dict[tuple[str, str], str]:
    """Execution times in milliseconds by node name and entry id of the history."""
    found: dict[tuple[str, str], str] = {}
    for entry in Document.from_bytes(data).root.iter("lrm_rsc_op"):
        state = next(entry.iterancestors("node_state"), None)
        if state is not None:
            found[state.get("uname", ""), entry.get("id", "")] = entry.get("exec-time", "")
    return found


def _word(entry: HistoryEntry) -> str:
    status = status_text(entry.status or 0)
    return {"complete": "Done", "pending": "Pending"}.get(status, status)


def operation_lines(data: bytes, resource: str = "", node: str = "", *, everything: bool = False) -> list[str]:
    """The operations, one a line, as crm_resource prints them."""
    times = _times(data)
    lines = []
    for where, name, key, view, entry in _recorded(data, resource, node, everything):
        head = f"{view.id}\t({view.agent}):\t {view.role}" if view else name
        rc = entry.rc if entry.rc is not None else _PENDING
        since = f", last-rc-change='{when(entry.last_change)}'" if entry.last_change else ""
        took = times.get((where, entry.id)) or "0"
        lines.append(
            f"{head}: {key} (node={where}, call={entry.call_id}, rc={rc}{since}, exec={took}ms): {_word(entry)}"
        )
    return lines


def history(call: Call, backend: Backend) -> int:
    """Print the operations, one a line, or as XML."""
    given, data = call.given, backend.read()
    resource, node, everything = given.get("resource"), given.get("node"), given.has("list-all-operations")
    if not call.as_xml:
        lines = operation_lines(data, resource, node, everything=everything)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return exit_codes.OK
    times = _times(data)
    listed = call.root.add("operations")
    for where, name, key, view, entry in _recorded(data, resource, node, everything):
        standard, _, rest = view.agent.partition(":") if view else ("", "", "")
        listed.add(
            "operation", op=key, node=where, call=entry.call_id,
            rc=entry.rc if entry.rc is not None else _PENDING, status=_word(entry), rsc=name,
            agent=f"{standard}{':' if ':' in rest else '::'}{rest}" if view else None,
            last__rc__change=when(entry.last_change) if entry.last_change else None,
            exec__time=times.get((where, entry.id)) or "0",
        )  # fmt: skip
    return exit_codes.OK
