"""What a configuration line says, typed. Texts are kept as they stand in the line or in the CIB.

An empty `id` of a set, rule or operation means that the line did not name one; `build` then makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SetKind = Literal["params", "meta", "utilization", "attributes"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A name with a value, a name alone, or a reference (`@id[:name]`) to a pair elsewhere."""

    name: str
    value: str | None = None
    id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class AttributeExpression:
    """`site eq north`, `defined pingd`."""

    operation: str
    attribute: str
    value: str | None = None
    type: str = ""
    value_source: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class DateExpression:
    """`date lt …`, `date in …`, `date spec …`. `spans` are the duration's or the specification's fields."""

    operation: str
    start: str = ""
    end: str = ""
    spans: tuple[tuple[str, str], ...] = ()
    id: str = ""
    spans_id: str = ""


Expression = AttributeExpression | DateExpression


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions; `reference` alone when the rule is one of another object. `score` may name a node attribute."""

    id: str = ""
    reference: str = ""
    role: str = ""
    score: str = ""
    score_attribute: str = ""
    boolean_op: str = ""
    expressions: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeSet:
    """A set of name/value pairs. `keyword` is what introduces it in a line."""

    keyword: str
    id: str = ""
    reference: str = ""
    score: str = ""
    rules: tuple[Rule, ...] = ()
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """An `op`: its XML attributes in order (without name and id), and its sets."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    sets: tuple[AttributeSet, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of a resource, with the id of their container where one is named."""

    operations: tuple[Operation, ...] = ()
    id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """class[:provider]:type. All empty where a template stands for it."""

    standard: str
    provider: str
    type: str


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive, or with `is_template` a resource template."""

    id: str
    agent: Agent | None
    template: str = ""
    description: str = ""
    parts: tuple[AttributeSet | Operations, ...] = ()
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """A group, clone or (old) master."""

    keyword: str
    id: str
    members: tuple[str, ...]
    description: str = ""
    sets: tuple[AttributeSet, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """A port or storage mapping of a bundle: all its attributes in order, the id among them where it is named."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A container image with what runs in it."""

    id: str
    runtime: str
    options: tuple[tuple[str, str], ...]
    description: str = ""
    network: tuple[tuple[str, str], ...] | None = None
    ports: tuple[Mapping, ...] = ()
    storage: tuple[Mapping, ...] = ()
    sets: tuple[AttributeSet, ...] = ()
    primitive: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A resource in a constraint; `mark` is its role or its action."""

    resource: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class ResourceSet:
    """A resource set. `mark` is the role or action of all members; empty texts are absent attributes."""

    members: tuple[str, ...]
    mark: str = ""
    sequential: str = ""
    require_all: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """Exactly one of `resource`, `pattern`, `sets`; either `node` with `score`, or `rules`."""

    id: str
    resource: str = ""
    pattern: str = ""
    sets: tuple[ResourceSet, ...] = ()
    role: str = ""
    discovery: str = ""
    score: str = ""
    node: str = ""
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Colocation:
    """Two members, or sets."""

    id: str
    score: str
    members: tuple[Member, ...] = ()
    sets: tuple[ResourceSet, ...] = ()
    node_attribute: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Two members, or sets. `kind` empty: not written."""

    id: str
    kind: str = ""
    members: tuple[Member, ...] = ()
    sets: tuple[ResourceSet, ...] = ()
    symmetrical: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket constraint on one member or on sets."""

    id: str
    ticket: str
    members: tuple[Member, ...] = ()
    sets: tuple[ResourceSet, ...] = ()
    loss_policy: str = ""


@dataclass(frozen=True, slots=True)
class Properties:
    """A set of cluster properties or of resource or operation defaults."""

    keyword: str
    content: AttributeSet

    @property
    def id(self) -> str:
        """The set's id; empty where the line did not name one."""
        return self.content.id


@dataclass(frozen=True, slots=True)
class FencingLevel:
    """One level for one target. `target_kind`: node, pattern, attr, or empty for every node."""

    target_kind: str
    target: str
    devices: str
    index: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class FencingTopology:
    """All fencing levels."""

    levels: tuple[FencingLevel, ...]
    id: str = "fencing_topology"


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission of a role; `spec` is what the line says: ref:, type:, attr:, xpath: or a shortcut."""

    access: str
    xpath: str = ""
    reference: str = ""
    object_type: str = ""
    attribute: str = ""
    description: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """An access list's role."""

    id: str
    permissions: tuple[Permission, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class AclTarget:
    """Who has which roles; `keyword` is acl_target or acl_group."""

    keyword: str
    id: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for several objects."""

    id: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of an alert."""

    value: str
    description: str = ""
    sets: tuple[AttributeSet, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Select:
    """What an alert is called for; `names` belong to the kind `attributes`."""

    kinds: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert agent."""

    id: str
    path: str
    description: str = ""
    parts: tuple[AttributeSet | Select | Recipient, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A cluster node; `id` empty where the line did not name one."""

    id: str
    name: str
    type: str = ""
    description: str = ""
    sets: tuple[AttributeSet, ...] = ()


@dataclass(frozen=True, slots=True)
class RawXml:
    """An object that the line gives as XML."""

    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Monitor:
    """`monitor`: a recurring operation for a resource that is there already."""

    id: str
    role: str
    interval: str
    timeout: str = ""


ConfigurationObject = (
    Primitive
    | Container
    | Bundle
    | Location
    | Colocation
    | Order
    | Ticket
    | Properties
    | FencingTopology
    | Role
    | AclTarget
    | Tag
    | Alert
    | Node
    | RawXml
    | Monitor
)
