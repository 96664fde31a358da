"""Order constraints: which action of which resource waits for which other.

Source: Pacemaker Explained, "Ordering constraints"; design page 0010, "Order constraints".
"""

from __future__ import annotations

import itertools

from cib.values import is_false, is_true, leading_integer, score_or
from pengine.actions import global_pseudo_action, operation_key, request_ordering
from pengine.constraint_targets import expand_tags, find_constrained, is_tag, set_members, set_of
from pengine.state import OrderDefinition, ResourceSet
from pengine.vocabulary import (
    ASYMMETRIC,
    CLONE,
    FIRST_IMPLIES_THEN,
    FIRST_IMPLIES_THEN_GRAPHED,
    MIN_RUNNABLE,
    ORDERED,
    SERIALIZE,
    THEN_IMPLIES_FIRST,
    UNRUNNABLE_FIRST_BLOCKS,
)
from pengine.working import (
    Action,
    Cluster,
    Resource,
)

OPTIONAL_KIND, MANDATORY_KIND, SERIALIZE_KIND = "optional", "mandatory", "serialize"
_ASYMMETRIC_SIDE, _SYMMETRIC_SIDE, _INVERSE_SIDE = 0, 1, 2
_INVERSE = {
    "start": "stop",
    "stop": "start",
    "promote": "demote",
    "demote": "promote",
    "promoted": "demoted",
    "demoted": "promoted",
    "running": "stopped",
    "stopped": "running",
}
_BLOCKING = frozenset({"start", "promote", "migrate_from"})


def unpack_order(cluster: Cluster, definition: OrderDefinition) -> None:
    """Ask for the orderings that a configured constraint means."""
    kind = _kind(definition.kind, definition.score)
    symmetric = _is_symmetric(definition.symmetrical, kind, None)
    if definition.sets:
        _unpack_sets(cluster, definition, expand_tags(cluster, definition.sets), kind, symmetric)
        return
    first_id, then_id = definition.first, definition.then
    if first_id is None or then_id is None:
        return
    if is_tag(cluster, first_id) or is_tag(cluster, then_id):
        first_action = definition.first_action or "start"
        sets = (
            set_of(cluster, first_id, action=definition.first_action),
            set_of(cluster, then_id, action=definition.then_action or first_action),
        )
        _unpack_sets(cluster, definition, sets, kind, symmetric)
        return
    first = find_constrained(cluster, definition.id, first_id)
    then = find_constrained(cluster, definition.id, then_id)
    if first is None or then is None:
        return
    _order_pair(cluster, definition, first, then, kind, symmetric)


def _kind(text: str | None, score: str | None) -> str:
    if text is None:
        if score is not None and score_or(score) == 0:
            return OPTIONAL_KIND
        return MANDATORY_KIND
    lowered = text.lower()
    return lowered if lowered in (OPTIONAL_KIND, SERIALIZE_KIND) else MANDATORY_KIND


def _is_symmetric(text: str | None, kind: str, inherited: bool | None) -> bool:
    """Say whether stops happen in the reverse order; for serialised pairs there is no reverse."""
    if kind == SERIALIZE_KIND:
        return False
    if text is None:
        return True if inherited is None else inherited
    return is_true(text)


def _marks(kind: str, first_action: str, side: int) -> int:
    if kind == OPTIONAL_KIND:
        return ORDERED
    if kind == SERIALIZE_KIND:
        return SERIALIZE
    if side == _ASYMMETRIC_SIDE:
        return ORDERED | ASYMMETRIC
    if side == _INVERSE_SIDE:
        return ORDERED | THEN_IMPLIES_FIRST
    marks = ORDERED | FIRST_IMPLIES_THEN
    if first_action in _BLOCKING:
        marks |= UNRUNNABLE_FIRST_BLOCKS
    return marks


def _order_pair(
    cluster: Cluster,
    definition: OrderDefinition,
    first: Resource,
    then: Resource,
    kind: str,
    symmetric: bool,
) -> None:
    first_action = definition.first_action or "start"
    then_action = definition.then_action or first_action
    side = _SYMMETRIC_SIDE if symmetric else _ASYMMETRIC_SIDE
    marks = _marks(kind, first_action, side)
    minimum = _minimum_instances(first, definition)
    if minimum > 0:
        _order_after_minimum(cluster, definition.id, first, first_action, then, then_action, marks, minimum)
    else:
        _order(cluster, definition.id, first, first_action, then, then_action, marks)
    if not symmetric:
        return
    inverse_first, inverse_then = _INVERSE.get(first_action), _INVERSE.get(then_action)
    if inverse_first is None or inverse_then is None:
        cluster.note(f"constraint {definition.id}: '{first_action}' has no opposite to order when stopping")
        return
    _order(cluster, definition.id, then, inverse_then, first, inverse_first, _marks(kind, inverse_then, _INVERSE_SIDE))


def _order(
    cluster: Cluster,
    constraint: str,
    first: Resource,
    first_action: str,
    then: Resource,
    then_action: str,
    marks: int,
) -> None:
    cluster.ledger.orders.append((constraint, first.id, first_action, then.id, then_action))
    request_ordering(
        cluster,
        first,
        operation_key(first.id, first_action),
        None,
        then,
        operation_key(then.id, then_action),
        None,
        marks,
    )


def _minimum_instances(first: Resource, definition: OrderDefinition) -> int:
    """Return how many instances of a clone are enough; 0 where all that will run are needed."""
    if first.kind != CLONE:
        return 0
    minimum = leading_integer(first.meta.get("clone-min"))
    if minimum is not None and minimum > 0:
        return minimum
    return 1 if is_false(definition.require_all) else 0


def _order_after_minimum(
    cluster: Cluster,
    identifier: str,
    clone: Resource,
    first_action: str,
    then: Resource,
    then_action: str,
    marks: int,
    minimum: int,
) -> None:
    enough = global_pseudo_action(cluster, f"clone-one-or-more:{identifier}")
    enough.required_before = minimum
    for instance in clone.children:
        _order_into(cluster, instance, first_action, enough)
    request_ordering(
        cluster,
        None,
        enough.key,
        enough,
        then,
        operation_key(then.id, then_action),
        None,
        marks | UNRUNNABLE_FIRST_BLOCKS,
    )


def _order_into(cluster: Cluster, first: Resource, first_action: str, enough: Action) -> None:
    request_ordering(
        cluster,
        first,
        operation_key(first.id, first_action),
        None,
        None,
        enough.key,
        enough,
        MIN_RUNNABLE | FIRST_IMPLIES_THEN_GRAPHED,
    )


# Sets


def _unpack_sets(
    cluster: Cluster,
    definition: OrderDefinition,
    sets: tuple[ResourceSet, ...],
    kind: str,
    symmetric: bool,
) -> None:
    previous: ResourceSet | None = None
    for item in sets:
        if set_members(cluster, definition.id, item) is None:
            return
        _order_within(cluster, definition, item, kind, symmetric)
        if previous is not None:
            side = _SYMMETRIC_SIDE if symmetric else _ASYMMETRIC_SIDE
            _order_between(cluster, definition, previous, item, kind, side)
            if symmetric:
                _order_between(cluster, definition, item, previous, kind, _INVERSE_SIDE)
        previous = item


def _order_within(cluster: Cluster, definition: OrderDefinition, item: ResourceSet, kind: str, symmetric: bool) -> None:
    members = set_members(cluster, definition.id, item) or []
    if len(members) < 2:
        return
    if item.kind is not None:
        kind = _kind(item.kind, None)
        symmetric = _is_symmetric(None, kind, symmetric)
    action = item.action or "start"
    sequential = not is_false(item.sequential)
    marks = _marks(kind, action, _SYMMETRIC_SIDE if symmetric else _ASYMMETRIC_SIDE)
    if kind == SERIALIZE_KIND:
        for position, member in enumerate(members):
            for later in members[position + 1 :]:
                _order(cluster, definition.id, member, action, later, action, marks)
        return
    if not sequential:
        return
    for earlier, later in itertools.pairwise(members):
        _order(cluster, definition.id, earlier, action, later, action, marks)
    inverse = _INVERSE.get(action)
    if not symmetric or inverse is None:
        return
    inverse_marks = _marks(kind, inverse, _INVERSE_SIDE)
    for earlier, later in itertools.pairwise(members):
        _order(cluster, definition.id, later, inverse, earlier, inverse, inverse_marks)


def _order_between(
    cluster: Cluster,
    definition: OrderDefinition,
    left: ResourceSet,
    right: ResourceSet,
    kind: str,
    side: int,
) -> None:
    """Order everything of one set before everything of the next (for the inverse: the other way round)."""
    inverse = side == _INVERSE_SIDE
    first_action, then_action = left.action or "start", right.action or "start"
    if inverse:
        first_action = _INVERSE.get(first_action, first_action)
        then_action = _INVERSE.get(then_action, then_action)
    marks = _marks(kind, first_action, side)
    firsts = set_members(cluster, definition.id, left) or []
    thens = set_members(cluster, definition.id, right) or []
    # When things go down nothing is enough but all of them.
    if is_false(left.require_all) and first_action not in ("stop", "demote"):
        enough = global_pseudo_action(cluster, f"one-or-more:{left.id}")
        enough.required_before = 1
        for first in firsts:
            _order_into(cluster, first, first_action, enough)
        for then in thens:
            key = operation_key(then.id, then_action)
            request_ordering(cluster, None, enough.key, enough, then, key, None, marks | UNRUNNABLE_FIRST_BLOCKS)
        return
    if is_true(left.sequential) and firsts:
        firsts = firsts[:1] if inverse else firsts[-1:]
    if is_true(right.sequential) and thens:
        thens = thens[-1:] if inverse else thens[:1]
    for first in firsts:
        for then in thens:
            _order(cluster, definition.id, first, first_action, then, then_action, marks)
