"""Which changes of the CIB make the last computation out of date (a pure function).

Changes that the DC wrote itself as part of a transition do not come here: it knows what they mean. What comes here was
written by people, tools and other programs.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cib.changes import (
    AttributeChanged,
    AttributesRemoved,
    Change,
    CibAttributesChanged,
    ConfigurationChanged,
    DocumentReplaced,
    NodeStateChanged,
    NodeStateRemoved,
    OperationForgotten,
    OperationRecorded,
    ResourceHistoryRemoved,
    TicketsChanged,
)
from cib.values import INFINITY
from lrmd.messages import OperationStatus

_CIB_ATTRIBUTES = ("have-quorum", "no-quorum-panic")
"""Attributes of `cib` that the policy engine reads."""


class Abort(msgspec.Struct, frozen=True):
    """Why, and which synapses may still start: those of at least this priority."""

    reason: str
    priority: int = INFINITY


def abort_for(changes: Iterable[Change]) -> Abort | None:
    """The first reason among these changes; None if none of them matters."""
    for change in changes:
        reason = _reason(change)
        if reason:
            return Abort(reason)
    return None


def _reason(change: Change) -> str:
    match change:
        case ConfigurationChanged(sections):
            return f"the configuration changed ({', '.join(sections)})"
        case CibAttributesChanged(changed, removed):
            names = [name for name, _ in changed] + list(removed)
            found = [name for name in names if name in _CIB_ATTRIBUTES]
            return f"{found[0]} changed" if found else ""
        case NodeStateChanged(node):
            return f"the state of {node} was changed"
        case NodeStateRemoved(node):
            return f"the state of {node} was removed"
        case OperationRecorded():
            pending = change.status == OperationStatus.PENDING
            return "" if pending else f"a result of {change.operation_key} on {change.node} was written by hand"
        case OperationForgotten(node, resource):
            return f"a result of {resource} on {node} was removed"
        case ResourceHistoryRemoved(node, resource):
            return f"the history of {resource or 'everything'} on {node} was removed"
        case AttributeChanged(node, name):
            return f"attribute {name} of {node} changed"
        case AttributesRemoved(node):
            return f"the attributes of {node} were removed"
        case TicketsChanged():
            return "a ticket changed"
        case DocumentReplaced():
            return "the CIB was replaced"
