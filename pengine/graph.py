"""The transition graph: what is to be done, and what must be done before it.

Plain values that travel from the worker to the controller (`pengine.wire`) and that can be written as
Pacemaker's XML (`pengine.graph_xml`). A synapse's action may start when every action whose id is in its
`inputs` has been confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RSC_OP = "rsc_op"
"""Kind: an operation of a resource, done by the executor of `node_name` (or through `router_node`)."""
PSEUDO_EVENT = "pseudo_event"
"""Kind: nothing to do; a point that other actions wait for."""
CRM_EVENT = "crm_event"
"""Kind: the controller's own work: fencing (`stonith`), `do_shutdown`, `clear_failcount`, `lrm_delete`."""


@dataclass(slots=True)
class ResourceRef:
    """Which resource an action is about: what a `primitive` child of the action says."""

    id: str
    standard: str
    provider: str | None
    type: str
    long_id: str | None = None
    tag: str = "primitive"


@dataclass(slots=True)
class Action:
    """One action. `attributes` are exactly those of Pacemaker's graph (CRM_meta_*, parameters)."""

    id: int
    kind: str
    task: str
    task_key: str
    node_name: str | None = None
    node_uuid: str | None = None
    router_node: str | None = None
    internal_key: str | None = None
    mode: str | None = None
    shutdown_lock: int | None = None
    resource: ResourceRef | None = None
    attributes: dict[str, str] | None = None
    parameters: list[tuple[str, str]] = field(default_factory=list)
    """Parameters whose names are not XML names (they begin with a digit)."""
    downed: list[str] | None = None
    """Ids of the nodes that are down once this action has succeeded."""
    maintenance: list[tuple[str, str]] | None = None
    """For `maintenance_nodes`: (node id, "0" or "1")."""


@dataclass(slots=True)
class Synapse:
    """Actions (always one) and the ids of those that must be confirmed before."""

    id: int
    priority: int
    actions: tuple[Action, ...]
    inputs: tuple[int, ...]


@dataclass(slots=True)
class Graph:
    """A whole transition."""

    transition_id: int
    cluster_delay_ms: int
    stonith_timeout_ms: int
    failed_stop_offset: str
    failed_start_offset: str
    batch_limit: int
    migration_limit: int
    recheck_at: int | None
    synapses: tuple[Synapse, ...]
    cluster_delay: str = "60s"
    """As configured; what the XML form shows."""
    stonith_timeout: str = "60s"
