"""What a document says, typed: the input of the policy engine.

These definitions hold no decision and are never changed by a run of the scheduler, so one state serves
many runs. Texts that a later stage interprets (scores of rules, membership times) are kept as they stand.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Protocol

from cib.record import Record
from cib.rules import Rule

if TYPE_CHECKING:
    from cib.patchset import Patch


class NameValueSet(Record):
    """One set of name/value pairs, with the rule that switches it on."""

    __slots__ = ("id", "pairs", "rule")

    def __init__(self, id: str, rule: Rule | None, pairs: tuple[tuple[str, str], ...]) -> None:
        self.id = id
        self.rule = rule
        self.pairs = pairs


class NameValueBlock(Record):
    """All sets of one kind under an element, in the order in which they are applied (first value wins)."""

    __slots__ = ("has_rules", "per_node", "sets")

    def __init__(self, sets: tuple[NameValueSet, ...] = (), has_rules: bool = False, per_node: bool = False) -> None:
        self.sets = sets
        self.has_rules = has_rules
        self.per_node = per_node


EMPTY_BLOCK = NameValueBlock()


class NodeDefinition(Record):
    """A `node` of the configuration."""

    __slots__ = ("attributes", "id", "kind", "name", "score", "utilization")

    def __init__(
        self, id: str, name: str, kind: str, score: int, attributes: NameValueBlock, utilization: NameValueBlock
    ) -> None:
        self.id = id
        self.name = name
        self.kind = kind
        self.score = score
        self.attributes = attributes
        self.utilization = utilization


class OperationDefinition(Record):
    """An `op` of a resource. `attributes` are all XML attributes but the id."""

    __slots__ = ("attributes", "enabled", "id", "interval_ms", "meta", "name", "parameters")

    def __init__(
        self,
        id: str,
        name: str,
        interval_ms: int,
        enabled: bool,
        attributes: dict[str, str],
        meta: NameValueBlock,
        parameters: NameValueBlock,
    ) -> None:
        self.id = id
        self.name = name
        self.interval_ms = interval_ms
        self.enabled = enabled
        self.attributes = attributes
        self.meta = meta
        self.parameters = parameters


class PortMapping(Record):
    """A port (or range) of the host that leads into a container."""

    __slots__ = ("source", "target")

    def __init__(self, source: str, target: str) -> None:
        self.source = source
        self.target = target


class StorageMapping(Record):
    """A directory of the host in a container; `per_replica`: a subdirectory for each replica."""

    __slots__ = ("options", "per_replica", "source", "target")

    def __init__(self, source: str, target: str, options: str | None, per_replica: bool) -> None:
        self.source = source
        self.target = target
        self.options = options
        self.per_replica = per_replica


class BundleDefinition(Record):
    """What a bundle says of its containers."""

    __slots__ = (
        "add_host",
        "control_port",
        "first_address",
        "host_interface",
        "host_netmask",
        "image",
        "network",
        "options",
        "ports",
        "promoted_max",
        "replicas",
        "replicas_per_host",
        "run_command",
        "runtime",
        "storage",
    )

    def __init__(
        self,
        runtime: str,
        image: str,
        replicas: int,
        replicas_per_host: int,
        promoted_max: int,
        network: str | None,
        options: str | None,
        run_command: str | None,
        first_address: str | None,
        control_port: str | None,
        host_interface: str | None,
        host_netmask: str | None,
        add_host: bool,
        ports: tuple[PortMapping, ...],
        storage: tuple[StorageMapping, ...],
    ) -> None:
        self.runtime = runtime
        self.image = image
        self.replicas = replicas
        self.replicas_per_host = replicas_per_host
        self.promoted_max = promoted_max
        self.network = network
        self.options = options
        self.run_command = run_command
        self.first_address = first_address
        self.control_port = control_port
        self.host_interface = host_interface
        self.host_netmask = host_netmask
        self.add_host = add_host
        self.ports = ports
        self.storage = storage


class ResourceDefinition(Record):
    """A primitive, group, clone or bundle as configured, templates merged in.

    `tag` is the element's name; `attributes` are its XML attributes (they count as meta-attributes).
    """

    __slots__ = (
        "attributes",
        "bundle",
        "children",
        "guest",
        "id",
        "meta",
        "operations",
        "parameters",
        "promotable_element",
        "provider",
        "standard",
        "tag",
        "type",
        "utilization",
    )

    def __init__(
        self,
        tag: str,
        id: str,
        standard: str,
        provider: str | None,
        type: str,
        attributes: dict[str, str],
        meta: NameValueBlock,
        parameters: NameValueBlock,
        utilization: NameValueBlock,
        operations: tuple[OperationDefinition, ...] = (),
        children: tuple[ResourceDefinition, ...] = (),
        bundle: BundleDefinition | None = None,
        promotable_element: bool = False,
        guest: dict[str, str] | None = None,
    ) -> None:
        self.tag = tag
        self.id = id
        self.standard = standard
        self.provider = provider
        self.type = type
        self.attributes = attributes
        self.meta = meta
        self.parameters = parameters
        self.utilization = utilization
        self.operations = operations
        self.children = children
        self.bundle = bundle
        self.promotable_element = promotable_element
        """True for the old `master` element, which overrides any `promotable` meta-attribute."""
        self.guest = guest
        """Of a primitive that launches a guest node: the meta-attributes that stand in the primitive itself (those of
        a template or of a set that it refers to do not count here), whatever their rules say; of several values of
        one name the last."""


class ResourceSet(Record):
    """A `resource_set` of a constraint; texts as they stand."""

    __slots__ = ("action", "id", "kind", "members", "ordering", "require_all", "role", "score", "sequential")

    def __init__(
        self,
        id: str,
        members: tuple[str, ...],
        sequential: str | None = None,
        score: str | None = None,
        role: str | None = None,
        action: str | None = None,
        kind: str | None = None,
        require_all: str | None = None,
        ordering: str | None = None,
    ) -> None:
        self.id = id
        self.members = members
        self.sequential = sequential
        self.score = score
        self.role = role
        self.action = action
        self.kind = kind
        self.require_all = require_all
        self.ordering = ordering


class LocationDefinition(Record):
    """A location constraint with at most one rule."""

    __slots__ = ("discovery", "id", "node", "pattern", "resource", "role", "rule", "score", "sets")

    def __init__(
        self,
        id: str,
        resource: str | None,
        pattern: str | None,
        node: str | None,
        score: str | None,
        role: str | None,
        discovery: str | None,
        rule: Rule | None,
        sets: tuple[ResourceSet, ...],
    ) -> None:
        self.id = id
        self.resource = resource
        self.pattern = pattern
        self.node = node
        self.score = score
        self.role = role
        self.discovery = discovery
        self.rule = rule
        self.sets = sets


class ColocationDefinition(Record):
    """A colocation constraint."""

    __slots__ = (
        "dependent",
        "dependent_role",
        "id",
        "influence",
        "node_attribute",
        "primary",
        "primary_role",
        "score",
        "sets",
    )

    def __init__(
        self,
        id: str,
        score: str | None,
        dependent: str | None,
        primary: str | None,
        dependent_role: str | None,
        primary_role: str | None,
        node_attribute: str | None,
        influence: str | None,
        sets: tuple[ResourceSet, ...],
    ) -> None:
        self.id = id
        self.score = score
        self.dependent = dependent
        self.primary = primary
        self.dependent_role = dependent_role
        self.primary_role = primary_role
        self.node_attribute = node_attribute
        self.influence = influence
        self.sets = sets


class OrderDefinition(Record):
    """An order constraint."""

    __slots__ = (
        "first",
        "first_action",
        "id",
        "kind",
        "require_all",
        "score",
        "sets",
        "symmetrical",
        "then",
        "then_action",
    )

    def __init__(
        self,
        id: str,
        kind: str | None,
        score: str | None,
        symmetrical: str | None,
        require_all: str | None,
        first: str | None,
        then: str | None,
        first_action: str | None,
        then_action: str | None,
        sets: tuple[ResourceSet, ...],
    ) -> None:
        self.id = id
        self.kind = kind
        self.score = score
        self.symmetrical = symmetrical
        self.require_all = require_all
        self.first = first
        self.then = then
        self.first_action = first_action
        self.then_action = then_action
        self.sets = sets


class TicketDefinition(Record):
    """A ticket constraint."""

    __slots__ = ("id", "loss_policy", "resource", "role", "sets", "ticket")

    def __init__(
        self,
        id: str,
        ticket: str,
        loss_policy: str | None,
        resource: str | None,
        role: str | None,
        sets: tuple[ResourceSet, ...],
    ) -> None:
        self.id = id
        self.ticket = ticket
        self.loss_policy = loss_policy
        self.resource = resource
        self.role = role
        self.sets = sets


ConstraintDefinition = LocationDefinition | ColocationDefinition | OrderDefinition | TicketDefinition


class HistoryEntry(Record):
    """The result of one operation of a resource on a node, as the history keeps it."""

    __slots__ = (
        "call_id",
        "digest",
        "exit_reason",
        "feature_set",
        "force_restart",
        "id",
        "interval_ms",
        "key",
        "last_change",
        "migrate_source",
        "migrate_target",
        "rc",
        "restart_digest",
        "secure_digest",
        "secure_parameters",
        "status",
        "task",
        "transition_key",
        "transition_magic",
    )

    def __init__(
        self,
        id: str,
        task: str,
        key: str,
        interval_ms: int,
        call_id: int,
        rc: int | None,
        status: int | None,
        last_change: int | None,
        transition_key: str | None,
        transition_magic: str | None,
        digest: str | None,
        restart_digest: str | None,
        secure_digest: str | None,
        force_restart: str | None,
        secure_parameters: str | None,
        feature_set: str | None,
        migrate_source: str | None,
        migrate_target: str | None,
        exit_reason: str | None = None,
    ) -> None:
        self.id = id
        self.task = task
        self.key = key
        self.interval_ms = interval_ms
        self.call_id = call_id
        self.rc = rc
        self.status = status
        self.last_change = last_change
        self.transition_key = transition_key
        self.transition_magic = transition_magic
        self.digest = digest
        self.restart_digest = restart_digest
        self.secure_digest = secure_digest
        self.force_restart = force_restart
        self.secure_parameters = secure_parameters
        self.feature_set = feature_set
        self.migrate_source = migrate_source
        self.migrate_target = migrate_target
        self.exit_reason = exit_reason


class ResourceHistory(Record):
    """Everything that is known of one resource on one node (`lrm_resource`)."""

    __slots__ = ("container", "entries", "id", "provider", "shutdown_lock", "standard", "type")

    def __init__(
        self,
        id: str,
        standard: str,
        provider: str | None,
        type: str,
        container: str | None,
        shutdown_lock: int | None,
        entries: tuple[HistoryEntry, ...],
    ) -> None:
        self.id = id
        self.standard = standard
        self.provider = provider
        self.type = type
        self.container = container
        self.shutdown_lock = shutdown_lock
        self.entries = entries


class NodeStatus(Record):
    """A `node_state`."""

    __slots__ = ("attributes", "id", "name", "resources", "transient", "utilization")

    def __init__(
        self,
        id: str | None,
        name: str | None,
        attributes: dict[str, str],
        transient: NameValueBlock,
        utilization: NameValueBlock,
        resources: tuple[ResourceHistory, ...],
    ) -> None:
        self.id = id
        self.name = name
        self.attributes = attributes
        self.transient = transient
        self.utilization = utilization
        self.resources = resources


class TicketStatus(Record):
    """A ticket's state."""

    __slots__ = ("attributes", "granted", "id", "standby")

    def __init__(self, id: str, granted: bool, standby: bool, attributes: dict[str, str]) -> None:
        self.id = id
        self.granted = granted
        self.standby = standby
        self.attributes = attributes


class Source(Protocol):
    """The document behind a state."""

    def apply(self, *patches: Patch) -> ClusterState:
        """Apply patchsets to the document and return the state of the result."""


class ClusterState(Record):
    """A whole document, typed. It owns the document that it was unpacked from.

    After `apply` everything that says the same as before is the same object: each node, resource (with all inside it),
    constraint, history of a resource on a node, state of a node, ticket listing, and each of the fields here as a
    whole. Who keeps something that follows from one of them alone may compare by identity, as long as he also keeps the
    object (so that its identity is not given to another one).
    """

    __slots__ = (
        "any_unfencing",
        "attributes",
        "constraints",
        "node_status",
        "nodes",
        "operation_defaults",
        "options",
        "resource_defaults",
        "resources",
        "source",
        "tags",
        "tickets",
        "zone",
    )

    def __init__(
        self,
        source: Source | None,
        attributes: dict[str, str],
        options: NameValueBlock,
        nodes: tuple[NodeDefinition, ...],
        resources: tuple[ResourceDefinition, ...],
        constraints: tuple[ConstraintDefinition, ...],
        tags: dict[str, tuple[str, ...]],
        resource_defaults: NameValueBlock,
        operation_defaults: NameValueBlock,
        tickets: tuple[TicketStatus, ...],
        node_status: tuple[NodeStatus, ...],
        zone: tzinfo = UTC,
        any_unfencing: bool = False,
    ) -> None:
        self.source = source
        """None where the state was read from an element alone, and no patch will follow."""
        self.attributes = attributes
        """XML attributes of the `cib` element (have-quorum, dc-uuid, execution-date, ...)."""
        self.options = options
        self.nodes = nodes
        self.resources = resources
        self.constraints = constraints
        self.tags = tags
        """Tags and templates: id to the ids that it stands for, in document order."""
        self.resource_defaults = resource_defaults
        self.operation_defaults = operation_defaults
        self.tickets = tickets
        self.node_status = node_status
        self.zone = zone
        """The time zone in which dates without an offset are meant."""
        self.any_unfencing = any_unfencing
        """True where any resource requires or provides unfencing."""

    def apply(self, *patches: Patch) -> ClusterState:
        """Apply patchsets, in their order, to the owned document and return the state of the result.

        Only what the patches touched is read again, once, however many there are. This state stays as it is, but can
        not follow further patches. The digest that a patch carries is not compared. Errors are those of `cib.patchset`;
        then the patches before the one that failed are in the document.
        """
        assert self.source is not None
        return self.source.apply(*patches)
