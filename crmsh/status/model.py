"""What a status shows, typed; every renderer takes it from here."""

from __future__ import annotations

import msgspec

UNKNOWN = "unknown"
"""What a status shows where the CIB does not say it."""


class Coordinator(msgspec.Struct):
    """The DC. `name` empty: there is none."""

    name: str = ""
    id: str = ""
    version: str = ""
    quorate: bool = False
    mixed: bool = False
    """The nodes that are up do not all have the same feature set."""


class Summary(msgspec.Struct):
    """The head of a status. Times are texts as people read them."""

    stack: str
    coordinator: Coordinator
    updated: str
    changed: str
    changed_user: str
    changed_client: str
    changed_origin: str
    nodes: int
    resources: int
    disabled: int
    blocked: int
    fencing_enabled: bool
    fencing_timeout_ms: int
    symmetric: bool
    quorum_policy: str
    maintenance_mode: bool
    stop_all: bool
    priority_fencing_delay_ms: int


class NodeView(msgspec.Struct, eq=False):
    """A node. `kind`: cluster, remote or guest; `host` is where a guest's container runs."""

    name: str
    id: str
    kind: str
    online: bool
    standby: bool
    standby_on_fail: bool
    maintenance: bool
    pending: bool
    unclean: bool
    shutdown: bool
    expected_up: bool
    coordinator: bool
    health_colour: str
    """The worst of its health attributes: green, yellow or red; green where no strategy looks at them."""
    feature_set: str
    host: str = ""
    container: str = ""
    running: list[ResourceView] = []
    attributes: list[AttributeView] = []

    @property
    def label(self) -> str:
        """Node, RemoteNode or GuestNode."""
        return {"remote": "RemoteNode", "guest": "GuestNode"}.get(self.kind, "Node")


class AttributeView(msgspec.Struct):
    """A node attribute; `expected` for the result of a ping resource (0: no expectation)."""

    name: str
    value: str
    expected: int | None = None


class ResourceView(msgspec.Struct, eq=False):
    """A primitive, group, clone or bundle, an instance of one, or a bundle's replica.

    `id` is what is shown (without an anonymous number). A replica's children are its address, what runs inside, its
    container and its connection, as far as it has them.
    """

    kind: str
    id: str
    full_id: str
    agent: str
    role: str
    """What is shown: Started, Stopped, Promoted, Unpromoted."""
    target_role: str
    configured_target_role: str
    """The target role of the resource itself in force (inherited too), as it was written; empty: none."""
    pending: str
    """Starting, Stopping, …; empty when nothing is under way."""
    pending_task: str
    orphaned: bool
    blocked: bool
    managed: bool
    maintenance: bool
    failed: bool
    failure_ignored: bool
    promotable: bool
    """Its top resource is a promotable clone."""
    unique: bool
    description: str
    nodes: list[NodeView] = []
    pending_node: NodeView | None = None
    """Where the operation is under way."""
    lock_node: str = ""
    probe_failures: dict[str, str] = {}
    """Node name to the text of a failed probe's result."""
    children: list[ResourceView] = []
    possible_nodes: list[NodeView] = []
    """For a clone: the nodes in its table, by name."""
    image: str = ""
    """For a bundle: the image of its containers; for a replica: its address."""
    launcher: str = ""
    """For a bundle: what starts its containers (docker, podman)."""
    internal: bool = False
    """Made by the cluster, not configured: connections of guests."""

    container: ResourceView | None = None
    inside: ResourceView | None = None
    connection: ResourceView | None = None
    """Of a replica: its parts."""

    @property
    def disabled(self) -> bool:
        """True where the target role is Stopped."""
        return self.configured_target_role.lower() == "stopped"

    def is_active(self, everything: bool) -> bool:
        """Active on a node that is up (or is unclean): all members, or any."""
        if self.children:
            states = [child.is_active(everything) for child in self.children]
            return all(states) if everything else any(states)
        return (self.orphaned and bool(self.nodes)) or any(
            node.online or node.unclean or not self.managed for node in self.nodes
        )

    def primitives(self) -> list[ResourceView]:
        """All primitives of it."""
        if self.kind == "primitive":
            return [self]
        return [inner for child in self.children for inner in child.primitives()]

    def running_on(self) -> list[NodeView]:
        """All nodes where any part of it is."""
        found: list[NodeView] = []
        for primitive in self.primitives():
            found += [node for node in primitive.nodes if node not in found]
        return found


class OperationView(msgspec.Struct):
    """One operation of the history. Durations are in milliseconds, `last_change` in seconds since the epoch."""

    call: str
    task: str
    interval_ms: int
    rc: int
    rc_text: str
    status: str
    last_change: int | None
    exec_ms: str
    queue_ms: str


class HistoryView(msgspec.Struct):
    """What a node's history has of one resource."""

    resource: str
    orphaned: bool
    threshold: int
    fail_count: int
    last_failure: int
    operations: list[OperationView] = []


class FailureView(msgspec.Struct):
    """A failed operation."""

    key: str
    resource: str
    task: str
    interval_ms: int
    node: str
    rc: int
    rc_text: str
    reason: str
    call: str
    status_code: int
    status: str
    last_change: int | None
    exec_ms: str
    queue_ms: str


class BanView(msgspec.Struct):
    """A constraint that keeps a resource from a node."""

    id: str
    resource: str
    node: str
    score: int
    promoted_only: bool


class TicketView(msgspec.Struct):
    """A ticket."""

    id: str
    granted: bool
    standby: bool
    last_granted: int | None


class FencingView(msgspec.Struct):
    """A fencing action of the cluster's history; `when` in seconds since the epoch."""

    target: str
    action: str
    state: str
    origin: str
    executed_by: str
    client: str
    device: str
    reason: str
    when: int


class ClusterStatus(msgspec.Struct):
    """All of it."""

    summary: Summary
    nodes: list[NodeView]
    resources: list[ResourceView]
    history: list[tuple[NodeView, list[HistoryView]]]
    failures: list[FailureView]
    bans: list[BanView]
    tickets: list[TicketView]
    tags: dict[str, tuple[str, ...]]
    fencing: list[FencingView] = []
    advice: list[str] = []
    """Sentences from the controller and the policy engine: risks, and what is waited for."""
