"""Which results take each other's place in a history: later calls stand where earlier ones stood (pure functions)."""

from __future__ import annotations

from lrmd.messages import Finished, ResourceTable

Place = tuple[str, str, int]
"""Resource, action and interval; single operations of a resource share one place."""


def call_place(result: Finished) -> Place:
    """The place of a result."""
    operation = result.operation
    return (operation.resource, operation.action if operation.interval_ms else "", operation.interval_ms)


def newest_calls(table: ResourceTable | None) -> dict[Place, int]:
    """The newest call that an executor has in each place; nothing without a table."""
    newest: dict[Place, int] = {}
    for state in table.resources if table is not None else ():
        for result in state.history:
            place = call_place(result)
            newest[place] = max(newest.get(place, 0), result.call_id)
    return newest
