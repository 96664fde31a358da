"""Which results take each other's place in a history: later calls stand where earlier ones stood (pure functions)."""

from __future__ import annotations

from collections.abc import Callable

from lrmd.messages import Finished, OcfExit, ResourceTable

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


def unknown_resources(table: ResourceTable | None) -> set[str]:
    """The resources whose state an executor does not know; none without a table."""
    return {state.resource for state in table.resources if state.unknown} if table is not None else set()


def with_a_place(results: tuple[Finished, ...], has_single: Callable[[str], bool]) -> tuple[Finished, ...]:
    """Those of results that come together which belong into the history of their resource.

    `has_single` says of a resource whether its history holds the result of a single operation. Beside such a one only
    belongs the result of a recurring operation: where there is none nobody knows the state of the resource (its
    history was removed because a result was lost), and the word of a monitor alone would keep the policy engine from
    having it probed.
    """
    known: dict[str, bool] = {}
    placed = []
    for result in results:
        resource = result.operation.resource
        if not result.operation.interval_ms:
            known[resource] = result.exit_code != OcfExit.UNKNOWN
        elif not known.setdefault(resource, has_single(resource)):
            continue
        placed.append(result)
    return tuple(placed)
