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
from pengine.history import active_range, sort_entries
from pengine.local_zone import local_zone
from pengine.state import HistoryEntry
from pengine.unpack import unpack

_PENDING = 193


def _recorded(call: Call, backend: Backend) -> Iterator[tuple[str, str, str, ResourceView | None, HistoryEntry]]:
    """What ran, oldest first: node, resource, operation key, the resource's view, the result.

    With -O only what counts now: nothing of a resource that was stopped last, nothing before its last start.
    """
    given = call.given
    wanted, node, everything = given.get("resource"), given.get("node"), given.has("list-all-operations")
    data = backend.read()
    document = Document.from_bytes(data)
    views = {p.id: p for r in read_status(data).resources for p in r.primitives()}
    for state in unpack(document, local_zone(os.environ.get("TZ"))).node_status:
        name = state.name or state.id or ""
        for history in state.resources:
            if (node and name != node) or (wanted and history.id != wanted):
                continue
            entries = sort_entries(history.entries)
            start, stop = active_range(entries)
            if not everything and start < stop:
                continue
            for place, entry in enumerate(entries):
                if everything or place >= start:
                    yield name, history.id, entry.key, views.get(history.id), entry


def _times(backend: Backend) -> dict[tuple[str, str], str]:
    """Execution times in milliseconds by node name and entry id of the history."""
    found: dict[tuple[str, str], str] = {}
    for entry in Document.from_bytes(backend.read()).root.iter("lrm_rsc_op"):
        state = next(entry.iterancestors("node_state"), None)
        if state is not None:
            found[state.get("uname", ""), entry.get("id", "")] = entry.get("exec-time", "")
    return found


def history(call: Call, backend: Backend) -> int:
    """Print the operations, one a line, or as XML."""
    times = _times(backend)
    listed = call.root.add("operations") if call.as_xml else None
    for node, resource, key, view, entry in _recorded(call, backend):
        rc = entry.rc if entry.rc is not None else _PENDING
        changed = when(entry.last_change) if entry.last_change else ""
        took = times.get((node, entry.id)) or "0"
        status = status_text(entry.status or 0)
        word = {"complete": "Done", "pending": "Pending"}.get(status, status)
        if listed is not None:
            standard, _, rest = view.agent.partition(":") if view else ("", "", "")
            agent = f"{standard}{':' if ':' in rest else '::'}{rest}" if view else None
            listed.add(
                "operation", op=key, node=node, call=entry.call_id, rc=rc, status=word, rsc=resource,
                agent=agent, last__rc__change=changed or None, exec__time=took,
            )  # fmt: skip
            continue
        head = f"{view.id}\t({view.agent}):\t {view.role}" if view else resource
        since = f", last-rc-change='{changed}'" if changed else ""
        sys.stdout.write(f"{head}: {key} (node={node}, call={entry.call_id}, rc={rc}{since}, exec={took}ms): {word}\n")
    return exit_codes.OK
