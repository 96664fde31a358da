"""What a document says, typed: the input of the policy engine.

These definitions hold no decision and are never changed by a run of the scheduler, so one state serves
many runs. Texts that a later stage interprets (scores of rules, membership times) are kept as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Protocol

from cib.rules import Rule

if TYPE_CHECKING:
    from cib.patchset import Patch


@dataclass(slots=True)
class NameValueSet:
    """One set of name/value pairs, with the rule that switches it on."""

    id: str
    rule: Rule | None
    pairs: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class NameValueBlock:
    """All sets of one kind under an element, in the order in which they are applied (first value wins)."""

    sets: tuple[NameValueSet, ...] = ()
    has_rules: bool = False
    per_node: bool = False


EMPTY_BLOCK = NameValueBlock()


@dataclass(slots=True)
class NodeDefinition:
    """A `node` of the configuration."""

    id: str
    name: str
    kind: str
    score: int
    attributes: NameValueBlock
    utilization: NameValueBlock


@dataclass(slots=True)
class OperationDefinition:
    """An `op` of a resource. `attributes` are all XML attributes but the id."""

    id: str
    name: str
    interval_ms: int
    enabled: bool
    attributes: dict[str, str]
    meta: NameValueBlock
    parameters: NameValueBlock


@dataclass(slots=True)
class PortMapping:
    """A port (or range) of the host that leads into a container."""

    source: str
    target: str


@dataclass(slots=True)
class StorageMapping:
    """A directory of the host in a container; `per_replica`: a subdirectory for each replica."""

    source: str
    target: str
    options: str | None
    per_replica: bool


@dataclass(slots=True)
class BundleDefinition:
    """What a bundle says of its containers."""

    runtime: str
    image: str
    replicas: int
    replicas_per_host: int
    promoted_max: int
    network: str | None
    options: str | None
    run_command: str | None
    first_address: str | None
    control_port: str | None
    host_interface: str | None
    host_netmask: str | None
    add_host: bool
    ports: tuple[PortMapping, ...]
    storage: tuple[StorageMapping, ...]


@dataclass(slots=True)
class ResourceDefinition:
    """A primitive, group, clone or bundle as configured, templates merged in.

    `tag` is the element's name; `attributes` are its XML attributes (they count as meta-attributes).
    """

    tag: str
    id: str
    standard: str
    provider: str | None
    type: str
    attributes: dict[str, str]
    meta: NameValueBlock
    parameters: NameValueBlock
    utilization: NameValueBlock
    operations: tuple[OperationDefinition, ...] = ()
    children: tuple[ResourceDefinition, ...] = ()
    bundle: BundleDefinition | None = None
    promotable_element: bool = False
    """True for the old `master` element, which overrides any `promotable` meta-attribute."""


@dataclass(slots=True)
class ResourceSet:
    """A `resource_set` of a constraint; texts as they stand."""

    id: str
    members: tuple[str, ...]
    sequential: str | None = None
    score: str | None = None
    role: str | None = None
    action: str | None = None
    kind: str | None = None
    require_all: str | None = None
    ordering: str | None = None


@dataclass(slots=True)
class LocationDefinition:
    """A location constraint with at most one rule."""

    id: str
    resource: str | None
    pattern: str | None
    node: str | None
    score: str | None
    role: str | None
    discovery: str | None
    rule: Rule | None
    sets: tuple[ResourceSet, ...]


@dataclass(slots=True)
class ColocationDefinition:
    """A colocation constraint."""

    id: str
    score: str | None
    dependent: str | None
    primary: str | None
    dependent_role: str | None
    primary_role: str | None
    node_attribute: str | None
    influence: str | None
    sets: tuple[ResourceSet, ...]


@dataclass(slots=True)
class OrderDefinition:
    """An order constraint."""

    id: str
    kind: str | None
    score: str | None
    symmetrical: str | None
    require_all: str | None
    first: str | None
    then: str | None
    first_action: str | None
    then_action: str | None
    sets: tuple[ResourceSet, ...]


@dataclass(slots=True)
class TicketDefinition:
    """A ticket constraint."""

    id: str
    ticket: str
    loss_policy: str | None
    resource: str | None
    role: str | None
    sets: tuple[ResourceSet, ...]


ConstraintDefinition = LocationDefinition | ColocationDefinition | OrderDefinition | TicketDefinition


@dataclass(slots=True)
class HistoryEntry:
    """The result of one operation of a resource on a node, as the history keeps it."""

    id: str
    task: str
    key: str
    interval_ms: int
    call_id: int
    rc: int | None
    status: int | None
    last_change: int | None
    transition_key: str | None
    transition_magic: str | None
    digest: str | None
    restart_digest: str | None
    secure_digest: str | None
    force_restart: str | None
    secure_parameters: str | None
    feature_set: str | None
    migrate_source: str | None
    migrate_target: str | None
    exit_reason: str | None = None


@dataclass(slots=True)
class ResourceHistory:
    """Everything that is known of one resource on one node (`lrm_resource`)."""

    id: str
    standard: str
    provider: str | None
    type: str
    container: str | None
    shutdown_lock: int | None
    entries: tuple[HistoryEntry, ...]


@dataclass(slots=True)
class NodeStatus:
    """A `node_state`."""

    id: str | None
    name: str | None
    attributes: dict[str, str]
    transient: NameValueBlock
    utilization: NameValueBlock
    resources: tuple[ResourceHistory, ...]


@dataclass(slots=True)
class TicketStatus:
    """A ticket's state."""

    id: str
    granted: bool
    standby: bool
    attributes: dict[str, str]


class Source(Protocol):
    """The document behind a state."""

    def apply(self, *patches: Patch) -> ClusterState:
        """Apply patchsets to the document and return the state of the result."""


@dataclass(slots=True)
class ClusterState:
    """A whole document, typed. It owns the document that it was unpacked from.

    After `apply` everything that says the same as before is the same object: each node, resource (with all inside it),
    constraint, history of a resource on a node, state of a node, ticket listing, and each of the fields here as a
    whole. Who keeps something that follows from one of them alone may compare by identity, as long as he also keeps the
    object (so that its identity is not given to another one).
    """

    source: Source | None
    """None where the state was read from an element alone, and no patch will follow."""
    attributes: dict[str, str]
    """XML attributes of the `cib` element (have-quorum, dc-uuid, execution-date, ...)."""
    options: NameValueBlock
    nodes: tuple[NodeDefinition, ...]
    resources: tuple[ResourceDefinition, ...]
    constraints: tuple[ConstraintDefinition, ...]
    tags: dict[str, tuple[str, ...]]
    """Tags and templates: id to the ids that it stands for, in document order."""
    resource_defaults: NameValueBlock
    operation_defaults: NameValueBlock
    tickets: tuple[TicketStatus, ...]
    node_status: tuple[NodeStatus, ...]
    zone: tzinfo = UTC
    """The time zone in which dates without an offset are meant."""
    any_unfencing: bool = False
    """True where any resource requires or provides unfencing."""

    def apply(self, *patches: Patch) -> ClusterState:
        """Apply patchsets, in their order, to the owned document and return the state of the result.

        Only what the patches touched is read again, once, however many there are. This state stays as it is, but can
        not follow further patches. The digest that a patch carries is not compared. Errors are those of `cib.patchset`;
        then the patches before the one that failed are in the document.
        """
        assert self.source is not None
        return self.source.apply(*patches)
