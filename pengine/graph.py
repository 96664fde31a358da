"""The transition graph: what is to be done, and what must be done before it.

Plain values that travel from the worker to the controller (`pengine.wire`) and that can be written as
Pacemaker's XML (`pengine.graph_xml`). A synapse's action may start when every action whose id is in its
`inputs` has been confirmed.
"""

from __future__ import annotations

from cib.record import Record

RSC_OP = "rsc_op"
"""Kind: an operation of a resource, done by the executor of `node_name` (or through `router_node`)."""
PSEUDO_EVENT = "pseudo_event"
"""Kind: nothing to do; a point that other actions wait for."""
CRM_EVENT = "crm_event"
"""Kind: the controller's own work: fencing (`stonith`), `do_shutdown`, `clear_failcount`, `lrm_delete`."""


class ResourceRef(Record):
    """Which resource an action is about: what a `primitive` child of the action says."""

    __slots__ = ("id", "long_id", "provider", "standard", "tag", "type")

    def __init__(
        self,
        id: str,
        standard: str,
        provider: str | None,
        type: str,
        long_id: str | None = None,
        tag: str = "primitive",
    ) -> None:
        self.id = id
        self.standard = standard
        self.provider = provider
        self.type = type
        self.long_id = long_id
        self.tag = tag


class Action(Record):
    """One action. `attributes` are exactly those of Pacemaker's graph (CRM_meta_*, parameters)."""

    __slots__ = (
        "attributes",
        "downed",
        "id",
        "internal_key",
        "kind",
        "maintenance",
        "mode",
        "node_name",
        "node_uuid",
        "parameters",
        "resource",
        "router_node",
        "shutdown_lock",
        "task",
        "task_key",
    )

    def __init__(
        self,
        id: int,
        kind: str,
        task: str,
        task_key: str,
        node_name: str | None = None,
        node_uuid: str | None = None,
        router_node: str | None = None,
        internal_key: str | None = None,
        mode: str | None = None,
        shutdown_lock: int | None = None,
        resource: ResourceRef | None = None,
        attributes: dict[str, str] | None = None,
        parameters: list[tuple[str, str]] | None = None,
        downed: list[str] | None = None,
        maintenance: list[tuple[str, str]] | None = None,
    ) -> None:
        self.id = id
        self.kind = kind
        self.task = task
        self.task_key = task_key
        self.node_name = node_name
        self.node_uuid = node_uuid
        self.router_node = router_node
        self.internal_key = internal_key
        self.mode = mode
        self.shutdown_lock = shutdown_lock
        self.resource = resource
        self.attributes = attributes
        self.parameters: list[tuple[str, str]] = parameters if parameters is not None else []
        """Parameters whose names are not XML names (they begin with a digit)."""
        self.downed = downed
        """Ids of the nodes that are down once this action has succeeded."""
        self.maintenance = maintenance
        """For `maintenance_nodes`: (node id, "0" or "1")."""


class Synapse(Record):
    """Actions (always one) and the ids of those that must be confirmed before."""

    __slots__ = ("actions", "id", "inputs", "priority")

    def __init__(self, id: int, priority: int, actions: tuple[Action, ...], inputs: tuple[int, ...]) -> None:
        self.id = id
        self.priority = priority
        self.actions = actions
        self.inputs = inputs


class Graph(Record):
    """A whole transition."""

    __slots__ = (
        "batch_limit",
        "cluster_delay",
        "cluster_delay_ms",
        "failed_start_offset",
        "failed_stop_offset",
        "migration_limit",
        "outside",
        "recheck_at",
        "stonith_timeout",
        "stonith_timeout_ms",
        "synapses",
        "transition_id",
    )

    def __init__(
        self,
        transition_id: int,
        cluster_delay_ms: int,
        stonith_timeout_ms: int,
        failed_stop_offset: str,
        failed_start_offset: str,
        batch_limit: int,
        migration_limit: int,
        recheck_at: int | None,
        synapses: tuple[Synapse, ...],
        cluster_delay: str = "60s",
        stonith_timeout: str = "60s",
        outside: tuple[Action, ...] = (),
    ) -> None:
        self.transition_id = transition_id
        self.cluster_delay_ms = cluster_delay_ms
        self.stonith_timeout_ms = stonith_timeout_ms
        self.failed_stop_offset = failed_stop_offset
        self.failed_start_offset = failed_start_offset
        self.batch_limit = batch_limit
        self.migration_limit = migration_limit
        self.recheck_at = recheck_at
        self.synapses = synapses
        self.cluster_delay = cluster_delay
        """As configured; what the XML form shows."""
        self.stonith_timeout = stonith_timeout
        self.outside = outside
        """What synapses wait for and nobody will do, so that they never start; the XML form names these too."""
