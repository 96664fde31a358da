"""From actions of a graph to orders: what exactly a node's executor is told (pure functions)."""

from __future__ import annotations

import msgspec

from cib.values import is_true
from lrmd.messages import AgentName, Operation
from pengine.graph import CRM_EVENT, RSC_OP, Action

__all__ = ["RSC_OP", "TransitionKey", "action_timeout_ms", "is_cancel", "migration_nodes", "operation_of"]

META = "CRM_meta_"
_NOT_PARAMETERS = ("crm_feature_set",)
DEFAULT_TIMEOUT_MS = 20_000
"""Pacemaker's default for an operation without a timeout."""


class TransitionKey(msgspec.Struct, frozen=True):
    """`action:transition:expected-rc:uuid`, taken apart."""

    action: int
    transition: int
    expected_rc: int
    uuid: str

    @classmethod
    def parse(cls, text: str) -> TransitionKey | None:
        """Read a key; None where it is none."""
        parts = text.split(":", 3)
        if len(parts) != 4:
            return None
        try:
            return cls(int(parts[0]), int(parts[1]), int(parts[2]), parts[3])
        except ValueError:
            return None


def meta(action: Action, name: str, default: str = "") -> str:
    """A meta-attribute of an action."""
    return (action.attributes or {}).get(META + name, default)


def _meta_ms(action: Action, name: str, default: int) -> int:
    text = meta(action, name)
    return int(text) if text.isdigit() else default


def interval_ms(action: Action) -> int:
    """The interval of a recurring operation, 0 for a single one."""
    return _meta_ms(action, "interval", 0)


def action_timeout_ms(action: Action) -> int:
    """How long the executor may take: the operation's timeout and its start delay."""
    return _meta_ms(action, "timeout", DEFAULT_TIMEOUT_MS) + _meta_ms(action, "start_delay", 0)


def is_cancel(action: Action) -> bool:
    """Whether the action ends a recurring operation."""
    return action.kind == RSC_OP and action.task == "cancel"


def is_delete(action: Action) -> bool:
    """Whether the action makes an executor forget a resource."""
    return action.kind == RSC_OP and action.task in ("delete", "lrm_delete")


def waits_for_result(action: Action) -> bool:
    """Whether what depends on the action waits for more than its start (op_no_wait says no)."""
    if action.kind == CRM_EVENT and action.task in ("clear_failcount", "lrm_delete"):
        # Both are writes to the CIB by the DC itself, done when fired.
        return False
    return not is_true(meta(action, "op_no_wait")) or action.task == "do_shutdown"


def migration_nodes(action: Action) -> tuple[str, ...]:
    """The nodes for which a running migration counts against migration-limit; empty for other actions."""
    if action.kind != RSC_OP or action.task not in ("migrate_to", "migrate_from") or action.node_name is None:
        return ()
    target = meta(action, "migrate_target")
    if action.task == "migrate_to" and target and target != action.node_name:
        return (action.node_name, target)
    return (action.node_name,)


def operation_of(action: Action, key: str) -> Operation:
    """The complete operation that an `rsc_op` stands for."""
    assert action.resource is not None, f"action {action.id} ({action.task_key}) has no resource"
    attributes = action.attributes or {}
    parameters = {
        name: value for name, value in attributes.items() if not name.startswith(META) and name not in _NOT_PARAMETERS
    }
    parameters.update(action.parameters)
    return Operation(
        resource=action.resource.id,
        agent=AgentName(action.resource.standard, action.resource.provider or "", action.resource.type),
        action=action.task,
        interval_ms=interval_ms(action),
        timeout_ms=_meta_ms(action, "timeout", DEFAULT_TIMEOUT_MS),
        parameters=parameters,
        meta={name: value for name, value in attributes.items() if name.startswith(META)},
        start_delay_ms=_meta_ms(action, "start_delay", 0),
        transition_key=key,
    )
