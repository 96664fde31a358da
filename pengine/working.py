"""The working data of one run: nodes, resources, actions, and how they hang together.

Everything here is made by a run, changed by its stages, and thrown away with it. Classes have slots and
plain fields; what they mean belongs to the stage that owns them and is said at the field.

Lists of actions and of edges are kept oldest first; where the rules say "newest first" they are walked
backwards.
"""

from __future__ import annotations

from cib.attribute_names import FAIL_COUNT
from cib.rules import RuleContext
from cib.values import MINUS_INFINITY
from pengine.action import Action, ChangeCount, Edge
from pengine.asides import Aside
from pengine.instance_index import InstanceActions, MemberPlaces
from pengine.ledger import Ledger
from pengine.node_values import NodeValues
from pengine.options import Options
from pengine.relations import (
    Colocation,
    FailedOperation,
    Location,
    Notification,
    OperationDigests,
    OrderingRequest,
    TicketConstraint,
)
from pengine.score_rows import ScoreRow
from pengine.state import (
    ClusterState,
    ResourceDefinition,
    ResourceHistory,
)
from pengine.table import Table
from pengine.vocabulary import (
    ABSENT,
    BUNDLE,
    CLONE,
    GROUP,
    NEEDS_FENCING,
    NEEDS_QUORUM,
    PRIMITIVE,
    PROBE_ALWAYS,
    PROMOTED,
    ROLE_NAMES,
    STARTED,
    STOP_START,
    STOPPED,
    UNKNOWN,
    UNPROMOTED,
)

__all__ = [
    "ABSENT",
    "BUNDLE",
    "CLONE",
    "GROUP",
    "PROMOTED",
    "ROLE_NAMES",
    "STARTED",
    "STOPPED",
    "UNPROMOTED",
    "Action",
    "Cluster",
    "Edge",
    "Node",
    "Replica",
    "Resource",
    "Table",
    "is_ban",
]


class Node:
    """A node in this run. `index` is its place in every table, `score` and `mode` its global entry."""

    __slots__ = (
        "assigned_count",
        "attributes",
        "connection",
        "digests",
        "expected_up",
        "expired_entries",
        "history_unpacked",
        "id",
        "index",
        "kind",
        "maintenance",
        "mode",
        "name",
        "name_lower",
        "online",
        "pending",
        "priority",
        "reset",
        "running",
        "score",
        "seen",
        "shutdown",
        "standby",
        "standby_on_fail",
        "status_attributes",
        "unclean",
        "utilization",
    )

    def __init__(self, index: int, identifier: str, name: str, kind: str, score: int) -> None:
        self.index = index
        self.id = identifier
        self.name = name
        self.name_lower = name.lower()
        self.kind = kind
        """cluster, remote, or container (guest and bundle nodes)."""
        self.score = score
        self.mode = PROBE_ALWAYS
        self.attributes: dict[str, str] = {}
        self.utilization: dict[str, int] = {}
        self.online = False
        self.unclean = False
        self.standby = False
        self.standby_on_fail = False
        self.pending = False
        self.maintenance = False
        self.shutdown = False
        self.expected_up = False
        self.seen = False
        self.reset = False
        """A remote or guest node that must be fenced before its connection is re-established."""
        self.history_unpacked = False
        self.connection: Resource | None = None
        self.status_attributes: dict[str, str] = {}
        self.running: list[Resource] = []
        self.assigned_count = 0
        self.priority = 0
        self.digests: dict[tuple[str, str, int], OperationDigests] = {}
        """By resource, task and interval in milliseconds."""
        self.expired_entries: dict[tuple[str, str], bool] = {}
        """Recurring operations whose failure has expired, so that they must be started anew."""

    def has_failures(self) -> bool:
        """Say whether any failure of any resource is recorded."""
        return any(name.startswith(FAIL_COUNT) for name in self.attributes)

    @property
    def is_remote_kind(self) -> bool:
        """True for remote, guest and bundle nodes."""
        return self.kind != "cluster"

    @property
    def is_guest(self) -> bool:
        """True for guest and bundle nodes: their connection has a launcher."""
        return self.connection is not None and self.connection.launcher is not None

    def available(self) -> bool:
        """Say whether resources may run here, apart from any score."""
        return self.online and not (self.shutdown or self.unclean or self.standby or self.maintenance)

    def __repr__(self) -> str:
        return f"<node {self.name}>"


class Resource:
    """A primitive, group, clone or bundle, or an instance of one, in this run."""

    __slots__ = (
        "actions",
        "actions_by_key",
        "actions_by_task",
        "allow_migrate",
        "allowed",
        "anonymous_class",
        "assigned",
        "assigned_score",
        "assigning",
        "base_id",
        "blocked",
        "bundled",
        "changes",
        "children",
        "clone_max",
        "clone_node_max",
        "collocated",
        "critical",
        "dangling_sources",
        "definition",
        "exclusive_discovery",
        "failed",
        "failure_ignored",
        "failure_timeout_ms",
        "guard",
        "history_id",
        "id",
        "in_order",
        "interleave",
        "internal",
        "kind",
        "known_on",
        "launched",
        "launcher",
        "locations",
        "lock_node",
        "lock_time",
        "maintenance",
        "managed",
        "members",
        "meta",
        "migration_source",
        "migration_target",
        "multiple_active",
        "next_role",
        "notifications",
        "notify",
        "number",
        "ordered",
        "orig_role",
        "parameter_cache",
        "parent",
        "parts",
        "pending_node",
        "pending_task",
        "placed",
        "placed_at",
        "priority",
        "promotable",
        "promoted_max",
        "promoted_node_max",
        "promotion_added",
        "promotion_ordered",
        "promotion_priority",
        "provider",
        "reconnect_interval_ms",
        "reload",
        "removed",
        "replicas",
        "requires",
        "running_on",
        "standard",
        "start_pending",
        "stickiness",
        "stop_if_failed",
        "target_role",
        "this_with",
        "threshold",
        "tickets",
        "type",
        "unassigned",
        "unique",
        "utilization",
        "with_this",
    )

    def __init__(self, identifier: str, kind: int, definition: ResourceDefinition, size: int) -> None:
        self.id = identifier
        self.base_id = definition.id
        """The id in the configuration (without the number of an instance)."""
        self.history_id: str | None = None
        """The name under which the history knows it, where that is another one."""
        self.kind = kind
        self.definition = definition
        self.standard = definition.standard
        self.provider = definition.provider
        self.type = definition.type
        self.meta: dict[str, str] = {}
        self.parameter_cache: dict[int, dict[str, str]] = {}
        self.parent: Resource | None = None
        self.children: list[Resource] = []
        self.allowed = Table(size)
        self.locations: list[Location] = []
        """Location constraints of its own, oldest first (the newest is applied first)."""
        self.this_with: list[Colocation] = []
        self.with_this: list[Colocation] = []
        self.tickets: list[TicketConstraint] = []
        self.utilization: dict[str, int] = {}

        self.managed = True
        self.maintenance = False
        self.blocked = False
        self.failed = False
        self.failure_ignored = False
        self.stop_if_failed = False
        self.removed = False
        self.internal = False
        self.unique = True
        self.promotable = False
        self.notify = False
        self.interleave = False
        self.ordered = False
        self.collocated = False
        self.critical = True
        self.allow_migrate = False
        self.exclusive_discovery = False
        self.start_pending = False
        self.reload = False
        self.anonymous_class = False

        self.priority = 0
        self.in_order = False
        """For a clone: that its instances are in the order of their numbers."""
        self.members: dict[str, MemberPlaces] = {}
        """For a promotable clone: by name where its instances, or their members, are (see `promotion`)."""
        self.number = -1
        """Of an instance, as soon as somebody has asked for it (see `instances`)."""
        self.promotion_priority = 0
        self.promotion_added = False
        self.promotion_ordered = False
        self.stickiness = 0
        self.threshold = 0
        self.failure_timeout_ms = 0
        self.reconnect_interval_ms = 0
        self.multiple_active = STOP_START
        self.requires = NEEDS_QUORUM
        self.clone_max = 0
        self.clone_node_max = 0
        self.promoted_max = 0
        self.promoted_node_max = 0

        self.orig_role = STOPPED
        self.next_role = UNKNOWN
        self.target_role = UNKNOWN
        self.running_on: list[Node] = []
        self.known_on: dict[int, Node] = {}
        self.dangling_sources: list[Node] = []
        self.migration_source: Node | None = None
        self.migration_target: Node | None = None
        self.pending_node: Node | None = None
        self.pending_task: str | None = None
        self.lock_node: Node | None = None
        self.lock_time = 0
        self.launcher: Resource | None = None
        self.launched: list[Resource] = []
        self.replicas: list[Replica] = []
        """Of a bundle."""
        self.bundled: Resource | None = None
        """Of a bundle: the clone of what runs inside its containers."""

        self.unassigned = True
        """True until its node has been decided (also when the decision is "nowhere")."""
        self.assigning = False
        self.guard = False
        """Set while its preferences are being added to another resource."""
        self.assigned: Node | None = None
        self.assigned_score = 0
        self.notifications: dict[str, Notification] = {}
        """For a clone by task: what tells its instances before and after."""
        self.actions: list[Action] = []
        self.actions_by_key: dict[str, list[Action]] = {}
        self.actions_by_task: dict[str, list[Action]] = {}
        self.changes = ChangeCount()
        """How often actions of this resource, or of anything below it, have changed."""
        self.placed: list[dict[int, list[Resource]] | None] = [None, None]
        """For a clone or bundle: by node index the instances that will be there, and those that are there now."""
        self.placed_at = -1
        """The count of `changes` for which `placed` holds."""
        self.parts: dict[tuple[str, bool], InstanceActions] = {}
        """For a clone or bundle by task: the actions of its instances (see `effective_flags`)."""

    @property
    def is_instance(self) -> bool:
        """True for a direct child of a clone."""
        return self.parent is not None and self.parent.kind == CLONE

    @property
    def is_fence_device(self) -> bool:
        """True for class stonith."""
        return self.standard.lower() == "stonith"

    @property
    def is_connection(self) -> bool:
        """True for the connection of a remote or guest node."""
        return self.kind == PRIMITIVE and self.type == "remote" and self.provider == "pacemaker"

    @property
    def needs_fencing(self) -> bool:
        """True where a start must wait for the fencing of lost nodes."""
        return self.requires >= NEEDS_FENCING

    def top(self) -> Resource:
        """Return the outermost ancestor, not going past a bundle."""
        resource = self
        while resource.parent is not None and resource.parent.kind != BUNDLE:
            resource = resource.parent
        return resource

    def count_change(self, *, structure: bool = False) -> None:
        """Let what was concluded about this resource, and about all that it is part of, be concluded anew.

        `structure`: also which actions there are, and where.
        """
        current: Resource | None = self
        while current is not None:
            current.changes.count += 1
            if structure:
                current.parts.clear()
            current = current.parent

    def anonymous(self) -> bool:
        """Say whether this is an instance (or a part of one) of a clone that is not unique."""
        return not self.unique

    def instances(self) -> list[Resource]:
        """Return the instances of a clone, or the containers of a bundle."""
        if self.kind == BUNDLE:
            return [replica.container for replica in self.replicas]
        return self.children

    def role_object(self) -> Resource:
        """Return what has the roles: inside a bundle's container what runs there, else itself."""
        parent = self.parent
        if parent is not None and parent.kind == BUNDLE:
            for replica in parent.replicas:
                if replica.container is self and replica.child is not None:
                    return replica.child
        return self

    def __repr__(self) -> str:
        return f"<resource {self.id}>"


class Replica:
    """One replica of a bundle."""

    __slots__ = ("address", "child", "connection", "container", "ip", "node", "offset")

    container: Resource

    def __init__(self, offset: int, address: str | None, child: Resource | None) -> None:
        self.offset = offset
        self.address = address
        self.child = child
        """What runs inside: an instance of the bundled clone."""
        self.ip: Resource | None = None
        self.connection: Resource | None = None
        self.node: Node | None = None


class Cluster:
    """All working data of one run."""

    __slots__ = (
        "actions",
        "actions_by_key",
        "asides",
        "by_history",
        "by_id",
        "clear_failcounts",
        "colocations",
        "context",
        "dc",
        "deeds",
        "digests",
        "failed_operations",
        "fence_device_exists",
        "guests",
        "histories",
        "history_index",
        "ledger",
        "locations",
        "node_by_id",
        "node_by_name",
        "node_values",
        "nodes",
        "nodes_by_index",
        "notes",
        "now",
        "operation_settings",
        "options",
        "ordering_requests",
        "preference_steps",
        "quorate",
        "quorum_policy",
        "removed_launched",
        "resources",
        "restart_containers",
        "sanitized",
        "score_rows",
        "state",
        "tickets",
        "unfencing",
        "usable",
    )

    def __init__(self, state: ClusterState, now: int) -> None:
        self.state = state
        self.now = now
        self.context = RuleContext(now=now, zone=state.zone)
        """Rules without any particular resource or node; collects the recheck time for all."""
        self.options: Options = Options()
        self.quorate = False
        self.sanitized = False
        """True for a simulation: the document may have secrets masked, which must not restart anything."""
        self.quorum_policy = "stop"
        self.unfencing = False
        self.fence_device_exists = False
        self.nodes: list[Node] = []
        """In the order of their names (numbers inside names count as numbers)."""
        self.nodes_by_index: list[Node] = []
        self.node_by_id: dict[str, Node] = {}
        self.node_by_name: dict[str, Node] = {}
        self.usable: list[bool] = []
        """By node index, while resources are assigned: whether the node is available."""
        self.guests: list[Node] = []
        self.node_values: dict[str, NodeValues] = {}
        """By node attribute what the nodes have (see `node_choice`)."""
        self.dc: Node | None = None
        self.resources: list[Resource] = []
        """Top-level resources, by priority."""
        self.by_id: dict[str, Resource] = {}
        self.by_history: dict[str, Resource] = {}
        self.preference_steps = 0
        """How often what a resource would like was passed on along a colocation."""
        self.operation_settings: dict[tuple[int, int, str, int], dict[str, str]] = {}
        """By the identity of the definitions of resource and operation, task and interval (see `operations`)."""
        self.digests: dict[tuple[int, str, int, bool, str | None], OperationDigests] = {}
        """Those that are the same on all nodes (see `digest_check`)."""
        self.tickets: dict[str, tuple[bool, bool]] = {}
        self.locations: list[Location] = []
        self.colocations: list[Colocation] = []
        self.ordering_requests: list[OrderingRequest] = []
        self.actions: list[Action] = []
        self.actions_by_key: dict[str, list[Action]] = {}
        self.histories: list[tuple[Node, ResourceHistory]] = []
        self.history_index: dict[tuple[str, int], ResourceHistory] = {}
        self.failed_operations: list[FailedOperation] = []
        self.clear_failcounts: set[tuple[str, int]] = set()
        self.restart_containers: list[Resource] = []
        self.removed_launched: list[tuple[Resource, str]] = []
        """Removed resources and the ids of what launched them, as long as that is not known."""
        self.ledger = Ledger()
        self.notes: list[str] = []
        """What people should be told: why nothing starts, what was ignored in the document."""
        self.deeds: list[str] = []
        """What people should be told as long as it is being done: which node is fenced, and why."""
        self.score_rows: list[ScoreRow] = []
        """In the order in which they came about."""
        self.asides: list[tuple[int, Aside]] = []
        """What is said between the scores: how many of `score_rows` stand before it, and what it is."""

    def note(self, text: str) -> None:
        """Tell people something, once."""
        if text not in self.notes:
            self.notes.append(text)

    def announce(self, text: str) -> None:
        """Tell people what the graph does, once."""
        if text not in self.deeds:
            self.deeds.append(text)

    def entry_exists(self, resource: Resource, node: Node) -> bool:
        """Say whether the node is in the resource's table."""
        return resource.allowed.scores[node.index] != ABSENT


def is_ban(score: int) -> bool:
    """Say whether a score means never."""
    return score <= MINUS_INFINITY
