"""What the configuration says about an operation: its settings, and what its failure leads to.

Source: Pacemaker Explained, "Operation properties"; design page 0010.
"""

from __future__ import annotations

from cib.dates import parse_instant
from cib.rules import RuleContext
from cib.values import ValueFormatError, interval_ms_or
from pengine.namevalue import evaluate, merge_missing
from pengine.resources import parameters_on, parse_role
from pengine.state import OperationDefinition
from pengine.vocabulary import (
    BAN,
    BLOCK,
    DEMOTE,
    FENCE,
    IGNORE,
    PROMOTED,
    RESET_REMOTE,
    RESTART,
    RESTART_CONTAINER,
    STANDBY,
    STARTED,
    STOP,
    STOPPED,
    UNPROMOTED,
)
from pengine.working import (
    Cluster,
    Node,
    Resource,
)

_DEFAULT_TIMEOUT_MS = 20_000
_ON_FAIL = {
    "block": BLOCK,
    "fence": FENCE,
    "standby": STANDBY,
    "ignore": IGNORE,
    "nothing": IGNORE,
    "migrate": BAN,
    "stop": STOP,
    "restart": RESTART,
    "demote": DEMOTE,
}


def find_operation(
    resource: Resource, task: str, interval_ms: int, include_disabled: bool
) -> OperationDefinition | None:
    """Return the configured operation with this name and interval; the first of several counts."""
    for operation in resource.definition.operations:
        same = operation.name == task and operation.interval_ms == interval_ms
        if same and (include_disabled or operation.enabled):
            return operation
    return None


def find_action_operation(resource: Resource, key: str, task: str, interval_ms: int) -> OperationDefinition | None:
    """Return the operation whose settings an action takes, with the fall-backs for migration and notify."""
    operation = find_operation(resource, task, interval_ms, True)
    if operation is not None:
        return operation
    if task in ("migrate_to", "migrate_from"):
        return find_operation(resource, "migrate", 0, True)
    if "_notify_" in key:
        return find_operation(resource, "notify", 0, True)
    return None


def operation_meta(
    cluster: Cluster,
    resource: Resource,
    task: str,
    interval_ms: int,
    operation: OperationDefinition | None,
    node: Node | None,
) -> dict[str, str]:
    """Return the settings of an operation as they appear with an action (timeout in milliseconds).

    `operation` is the one that is configured for this, if any. They are the same on all nodes, except of fence devices,
    and for all instances of a clone, so they are worked out once.
    """
    if resource.is_fence_device:
        return _operation_meta(cluster, resource, task, interval_ms, operation, node)
    key = (id(resource.definition), id(operation), task, interval_ms)
    known = cluster.operation_settings.get(key)
    if known is None:
        known = cluster.operation_settings[key] = _operation_meta(cluster, resource, task, interval_ms, operation, node)
    return known.copy()


def _operation_meta(
    cluster: Cluster,
    resource: Resource,
    task: str,
    interval_ms: int,
    operation: OperationDefinition | None,
    node: Node | None,
) -> dict[str, str]:
    meta: dict[str, str] = dict(operation.attributes) if operation is not None else {}
    context = RuleContext(
        now=cluster.now,
        zone=cluster.state.zone,
        standard=resource.standard,
        provider=resource.provider,
        type=resource.type,
        operation=task,
        interval_ms=interval_ms,
        recheck_at=cluster.context.recheck_at,
    )
    if operation is not None and operation.meta.sets:
        merge_missing(meta, evaluate(operation.meta, context))
    probe = task == "monitor" and interval_ms == 0
    if probe and "timeout" not in meta:
        timeout = _probe_timeout(resource)
        if timeout is not None:
            meta["timeout"] = timeout
    if cluster.state.operation_defaults.sets:
        merge_missing(meta, evaluate(cluster.state.operation_defaults, context))
    cluster.context.recheck_at = context.recheck_at
    if interval_ms:
        meta["interval"] = str(interval_ms)
    else:
        meta.pop("interval", None)
    if resource.is_fence_device and (probe or task == "start"):
        timeout = parameters_on(cluster, resource, node).get("pcmk_monitor_timeout")
        if timeout is not None:
            meta["timeout"] = timeout
    meta["timeout"] = str(interval_ms_or(meta.get("timeout")) or _DEFAULT_TIMEOUT_MS)
    _check_on_fail(cluster, resource, task, interval_ms, meta)
    _set_start_delay(cluster, interval_ms, meta)
    return meta


def _probe_timeout(resource: Resource) -> str | None:
    best: OperationDefinition | None = None
    for operation in resource.definition.operations:
        counts = operation.name == "monitor" and operation.interval_ms and operation.enabled
        if counts and (best is None or operation.interval_ms < best.interval_ms):
            best = operation
    return best.attributes.get("timeout") if best is not None else None


def _check_on_fail(cluster: Cluster, resource: Resource, task: str, interval_ms: int, meta: dict[str, str]) -> None:
    """Drop an on-fail that the operation can't have; find the one of a demote."""
    value = meta.get("on-fail", "").lower()
    if task == "stop" and value in ("standby", "demote", "stop"):
        del meta["on-fail"]
    elif task == "demote" and not value:
        for operation in resource.definition.operations:
            if (
                operation.name == "monitor"
                and operation.interval_ms
                and operation.enabled
                and parse_role(operation.attributes.get("role")) == PROMOTED
            ):
                explicit = operation.attributes.get("on-fail")
                if explicit is not None and explicit.lower() != "demote":
                    meta["on-fail"] = explicit
    elif task == "lrm_delete":
        meta["on-fail"] = "ignore"
    elif value == "demote":
        role = parse_role(meta.get("role"))
        recurring = task == "monitor" and interval_ms and role == PROMOTED
        if task != "promote" and not recurring:
            del meta["on-fail"]


def _set_start_delay(cluster: Cluster, interval_ms: int, meta: dict[str, str]) -> None:
    delay = meta.get("start-delay")
    if delay is not None:
        meta["start-delay"] = str(interval_ms_or(delay))
        return
    origin_text = meta.get("interval-origin")
    if origin_text is None or not interval_ms:
        return
    try:
        origin = parse_instant(origin_text, cluster.context.zone)
    except ValueFormatError:
        return
    elapsed = cluster.now - origin
    interval = interval_ms // 1000
    remainder = abs(elapsed) % interval if interval else 0
    if elapsed < 0:
        remainder = -remainder
    meta["start-delay"] = str((-remainder if remainder <= 0 else interval - remainder) * 1000)


def on_fail(cluster: Cluster, resource: Resource, task: str, interval_ms: int, value: str | None) -> int:
    """Return what a failure of the operation leads to. `value` is the setting that passed the check."""
    lowered = value.lower() if value is not None else None
    needs_reset = (
        resource.is_connection
        and resource.launcher is None
        and not (task == "start" or (task == "monitor" and interval_ms == 0))
    )
    if needs_reset and not resource.managed:
        lowered = None
    if lowered == "restart-container" and resource.launcher is not None:
        return RESTART_CONTAINER
    if lowered is not None and lowered in _ON_FAIL:
        chosen = _ON_FAIL[lowered]
        if chosen == FENCE and not cluster.options.fencing_enabled:
            return STOP
        return chosen
    if resource.launcher is not None:
        return RESTART_CONTAINER
    if needs_reset:
        return RESET_REMOTE if resource.managed else STOP
    if task == "stop":
        return FENCE if cluster.options.fencing_enabled else BLOCK
    return RESTART


def role_after_failure(resource: Resource, task: str, reaction: int) -> int:
    """Return the role that the resource is left with once the failure has been dealt with."""
    if reaction == STOP:
        return STOPPED
    if reaction == RESET_REMOTE and resource.reconnect_interval_ms:
        return STOPPED
    if task == "promote":
        return UNPROMOTED
    return STARTED
