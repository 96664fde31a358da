"""`crm_resource -O`: the operations that are recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from crmsh import exit_codes
from crmsh.backend import Backend
from crmsh.options import Parsed
from crmsh.status.blocks import when
from crmsh.status.model import OperationView, ResourceView
from crmsh.status.reader import read_status
from crmsh.status.xml_output import Tag


def _recorded(given: Parsed, backend: Backend) -> Iterator[tuple[str, str, ResourceView | None, OperationView]]:
    """What ran: node, operation key, the resource, the result; newest resources first, as they are recorded."""
    wanted, node = given.get("resource"), given.get("node")
    status = read_status(backend.read())
    views = {p.id: p for r in status.resources for p in r.primitives()}
    for where, histories in status.history:
        for history in histories:
            if (node and where.name != node) or (wanted and history.resource != wanted):
                continue
            for op in history.operations:
                task = "monitor" if op.task == "probe" else op.task
                yield where.name, f"{history.resource}_{task}_{op.interval_ms}", views.get(history.resource), op


def operations(given: Parsed, backend: Backend) -> int:
    """Print them, one a line."""
    for node, key, view, op in _recorded(given, backend):
        head = f"{view.id}\t({view.agent}):\t {view.role}" if view else key.rsplit("_", 2)[0]
        changed = f", last-rc-change='{when(op.last_change)}'" if op.last_change else ""
        sys.stdout.write(
            f"{head}: {key} (node={node}, call={op.call}, "
            f"rc={op.rc}{changed}, exec={op.exec_ms or 0}ms): {_status_word(op)}\n"
        )
    return exit_codes.OK


def _status_word(op: OperationView) -> str:
    return {"complete": "Done", "pending": "Pending"}.get(op.status, op.status)


def operations_xml(given: Parsed, backend: Backend, root: Tag) -> None:
    """Add them to an answer in XML."""
    listed = root.add("operations")
    for node, key, view, op in _recorded(given, backend):
        standard, _, rest = view.agent.partition(":") if view else ("", "", "")
        listed.add(
            "operation",
            op=key,
            node=node,
            call=op.call,
            rc=op.rc,
            status=_status_word(op),
            rsc=key.rsplit("_", 2)[0],
            agent=(rest and f"{standard}:{rest}" if ":" in rest else f"{standard}::{rest}") if view else None,
            last__rc__change=when(op.last_change) if op.last_change else None,
            exec__time=op.exec_ms or 0,
        )
