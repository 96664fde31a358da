"""Random cluster configurations: options, nodes, resources and defaults.

What can occur is named by features, so that a search may keep to some of them. Nearly every attribute has its usual
value most of the time: a document in which everything is unusual shows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from lxml import etree

NOW = 1_700_000_000
"""The time in every document, in seconds since the epoch."""

BASIC = frozenset(
    {
        "groups",
        "location",
        "rules",
        "colocation",
        "order",
        "meta",
        "defaults",
        "on-fail",
        "thresholds",
        "node-modes",
        "failures",
        "pending",
        "orphans",
        "options",
        "quorum",
        "node-loss",
        "parameters",
    }
)
FURTHER = frozenset(
    {
        "clones",
        "promotable",
        "sets",
        "tickets",
        "utilization",
        "bundles",
        "remotes",
        "guests",
        "migration",
        "notify",
        "devices",
        "unfencing",
        "health",
        "locks",
        "dates",
        "digests",
        "templates",
        "tags",
        "old names",
        "rarities",
    }
)
FEATURES = BASIC | FURTHER
_INTERVALS = ("10s", "10s", "20s", "30s", "1min")


@dataclass
class Primitive:
    """What the history needs to know of a primitive."""

    id: str
    agent: tuple[str, str, str]
    """Class, provider, type."""
    parameters: dict[str, str]
    monitors: list[tuple[int, str]] = field(default_factory=list)
    """Interval in milliseconds and role ('' is none)."""
    clone: str = ""
    unique: bool = False
    instances: int = 1
    promotable: bool = False
    migratable: bool = False
    group: str = ""
    failure_timeout: bool = False
    hosts: frozenset[str] | None = None
    """The names of the only nodes on which a history may know it; None are all."""

    def names(self) -> list[str]:
        """The names under which a history may know it."""
        if self.clone and self.unique:
            return [f"{self.id}:{number}" for number in range(self.instances)]
        return [self.id]


@dataclass
class Node:
    """A node of the document."""

    id: str
    name: str
    kind: str = "member"


class Document:
    """A document in the making."""

    def __init__(self, chance: Random, features: frozenset[str]) -> None:
        self.chance = chance
        self.features = features
        self.root = etree.Element(
            "cib",
            {
                "crm_feature_set": "3.16.1",
                "validate-with": "pacemaker-3.9",
                "epoch": "1",
                "num_updates": "0",
                "admin_epoch": "0",
                "have-quorum": "1",
                "execution-date": str(NOW),
            },
        )
        configuration = etree.SubElement(self.root, "configuration")
        self.configuration = configuration
        self.options = etree.SubElement(
            etree.SubElement(configuration, "crm_config"), "cluster_property_set", id="cib-bootstrap-options"
        )
        self.node_section = etree.SubElement(configuration, "nodes")
        self.resources = etree.SubElement(configuration, "resources")
        self.constraints = etree.SubElement(configuration, "constraints")
        self.status = etree.SubElement(self.root, "status")
        self.nodes: list[Node] = []
        self.primitives: list[Primitive] = []
        self.tops: list[str] = []
        """The ids of what lies directly in the resources section."""
        self.kinds: dict[str, str] = {}
        """Id to element name of everything that a constraint may name."""
        self.fencing = True
        self._ids = 0

    def has(self, feature: str) -> bool:
        """Say whether a feature may occur."""
        return feature in self.features

    def maybe(self, percent: int) -> bool:
        """Throw the dice."""
        return self.chance.randrange(100) < percent

    def new_id(self, prefix: str) -> str:
        """Return an id that nothing else has."""
        self._ids += 1
        return f"{prefix}-{self._ids}"

    def pairs(self, parent: etree._Element, tag: str, values: dict[str, str]) -> etree._Element | None:
        """Append a set of name/value pairs, if there are any."""
        if not values:
            return None
        block = etree.SubElement(parent, tag, id=self.new_id("set"))
        for name, value in values.items():
            etree.SubElement(block, "nvpair", id=self.new_id("pair"), name=name, value=value)
        return block


def build_configuration(document: Document) -> None:
    """Fill everything but constraints and status."""
    _options(document)
    _nodes(document)
    _resources(document)
    if document.has("defaults"):
        _defaults(document)


def _options(document: Document) -> None:
    values: dict[str, str] = {}
    document.fencing = document.maybe(65)
    if not document.fencing:
        values["stonith-enabled"] = "false"
    # Whether this is on unless said otherwise is chosen where Pacemaker is built.
    values["concurrent-fencing"] = "false" if document.has("options") and document.maybe(12) else "true"
    if document.has("options"):
        choices = (
            ("symmetric-cluster", "false", 12),
            ("stop-all-resources", "true", 4),
            ("maintenance-mode", "true", 6),
            ("stop-orphan-resources", "false", 12),
            ("stop-orphan-actions", "false", 12),
            ("start-failure-is-fatal", "false", 15),
            ("startup-fencing", "false", 12),
            ("enable-startup-probes", "false", 6),
            ("stonith-action", "off", 12),
            ("have-watchdog", "true", 4),
        )
        values.update({name: value for name, value, percent in choices if document.maybe(percent)})
        if document.maybe(8):
            values["cluster-recheck-interval"] = "5min"
        if document.maybe(6):
            values["priority-fencing-delay"] = "15s"
    if document.has("quorum"):
        if document.maybe(25):
            document.root.set("have-quorum", "0")
        if document.maybe(40):
            policies = ("stop", "freeze", "ignore", "demote", "suicide")
            values["no-quorum-policy"] = document.chance.choice(policies)
        if document.maybe(20):
            document.root.set("no-quorum-panic", "1")
    if document.has("health"):
        values |= _health_options(document)
    if document.has("locks"):
        values["shutdown-lock"] = "true"
        if document.maybe(50):
            values["shutdown-lock-limit"] = document.chance.choice(("30s", "5min", "1h"))
    if document.has("utilization") and document.maybe(80):
        values["placement-strategy"] = document.chance.choice(("utilization", "minimal", "balanced"))
    for name, value in values.items():
        etree.SubElement(document.options, "nvpair", id=document.new_id("option"), name=name, value=value)


def _health_options(document: Document) -> dict[str, str]:
    strategies = ("migrate-on-red", "only-green", "progressive", "custom")
    values = {"node-health-strategy": document.chance.choice(strategies)}
    for name, scores in (
        ("base", ("10", "-50")),
        ("green", ("5",)),
        ("yellow", ("-5",)),
        ("red", ("-100", "-INFINITY")),
    ):
        if document.maybe(40):
            values[f"node-health-{name}"] = document.chance.choice(scores)
    return values


def _nodes(document: Document) -> None:
    # Of capacities that each are larger in something the older version compares in an order that is left to chance.
    balanced = any(option.get("value") == "balanced" for option in document.options)
    for number in range(1, document.chance.choice((2, 2, 3, 3, 4)) + 1):
        node = Node(str(number), f"n{number}")
        document.nodes.append(node)
        element = etree.SubElement(document.node_section, "node", id=node.id, uname=node.name)
        attributes: dict[str, str] = {}
        if document.has("rules") and document.maybe(50):
            attributes["site"] = document.chance.choice(("a", "b"))
        if document.has("rules"):
            attributes["size"] = document.chance.choice(("1", "2", "10", "1.5"))
        if document.has("node-modes"):
            if document.maybe(10):
                attributes["standby"] = document.chance.choice(("on", "true", "off"))
            if document.maybe(6):
                attributes["maintenance"] = "true"
        if document.has("health") and document.maybe(50):
            attributes["#health-disk"] = document.chance.choice(("green", "yellow", "red"))
        document.pairs(element, "instance_attributes", attributes)
        if document.has("utilization"):
            values = {"cpu": str(document.chance.randint(1, 6)), "memory": str(document.chance.randint(1, 6))}
            if balanced:
                del values["memory"]
            document.pairs(element, "utilization", values)
    if document.maybe(60):
        document.root.set("dc-uuid", document.chance.choice(document.nodes).id)


def _resources(document: Document) -> None:
    if document.fencing and document.maybe(92):
        fence = etree.SubElement(document.resources, "primitive", {"id": "fencing", "class": "stonith"})
        fence.set("type", "fence_xvm")
        agent = ("stonith", "", "fence_xvm")
        document.primitives.append(Primitive("fencing", agent, {}))
        document.tops.append("fencing")
        document.kinds["fencing"] = "primitive"
        if document.has("unfencing"):
            document.pairs(fence, "meta_attributes", {"provides": "unfencing"})
    makers = {
        "groups": _group,
        "clones": _clone,
        "promotable": _promotable,
        "bundles": _bundle,
        "remotes": _remote,
        "guests": _guest,
    }
    kinds = [kind for kind in makers if document.has(kind)]
    for number in range(1, document.chance.choice((1, 2, 2, 3, 4, 5)) + 1):
        if kinds and document.maybe(45):
            makers[document.chance.choice(kinds)](document, number)
        else:
            _top_primitive(document, document.resources, f"r{number}")


def _top_primitive(document: Document, parent: etree._Element, name: str) -> Primitive:
    primitive = _primitive(document, parent, name)
    document.tops.append(name)
    return primitive


def _primitive(document: Document, parent: etree._Element, name: str, ocf: bool = False) -> Primitive:
    agent = ("ocf", "heartbeat", "Dummy")
    if not ocf and document.maybe(10):
        agent = ("lsb", "", "thing")
    attributes = {"id": name, "class": agent[0], "type": agent[2]}
    if agent[1]:
        attributes["provider"] = agent[1]
    element = etree.SubElement(parent, "primitive", attributes)
    document.kinds[name] = "primitive"
    primitive = Primitive(name, agent, {})
    if document.has("parameters") and document.maybe(50):
        primitive.parameters = {"fake": document.chance.choice(("1", "2"))}
        document.pairs(element, "instance_attributes", primitive.parameters)
    meta = _meta(document)
    if document.has("migration") and not ocf and document.maybe(70):
        meta["allow-migrate"] = "true"
        primitive.migratable = True
    primitive.failure_timeout = "failure-timeout" in meta
    document.pairs(element, "meta_attributes", meta)
    _operations(document, element, primitive)
    if document.has("utilization") and document.maybe(70):
        values = {key: str(document.chance.randint(1, 4)) for key in ("cpu", "memory") if document.maybe(70)}
        document.pairs(element, "utilization", values)
    document.primitives.append(primitive)
    return primitive


def _meta(document: Document) -> dict[str, str]:
    meta: dict[str, str] = {}
    if document.has("meta"):
        choices: tuple[tuple[str, tuple[str, ...], int], ...] = (
            ("target-role", ("Stopped", "Started", "Stopped"), 10),
            ("is-managed", ("false",), 8),
            ("maintenance", ("true",), 4),
            ("resource-stickiness", ("0", "1", "50", "100", "INFINITY"), 25),
            ("priority", ("1", "5", "10"), 12),
            ("multiple-active", ("stop_only", "block", "stop_unexpected"), 10),
            ("requires", ("nothing", "quorum", "fencing"), 10),
            ("critical", ("false",), 6),
        )
        meta.update(
            {name: document.chance.choice(values) for name, values, percent in choices if document.maybe(percent)}
        )
    if document.has("unfencing") and document.maybe(40):
        meta["requires"] = "unfencing"
    if document.has("health") and document.maybe(15):
        meta["allow-unhealthy-nodes"] = "true"
    if document.has("thresholds"):
        if document.maybe(25):
            meta["migration-threshold"] = document.chance.choice(("1", "2", "3", "INFINITY"))
        if document.maybe(25):
            meta["failure-timeout"] = document.chance.choice(("60s", "10min", "2h"))
    return meta


def _operations(document: Document, element: etree._Element, primitive: Primitive) -> None:
    operations: list[dict[str, str]] = []
    if document.maybe(65):
        operations.append({"name": "monitor", "interval": document.chance.choice(_INTERVALS)})
        if document.has("on-fail") and document.maybe(35):
            reactions = ("ignore", "block", "stop", "restart", "standby", "fence")
            operations[-1]["on-fail"] = document.chance.choice(reactions)
        if document.maybe(40):
            operations[-1]["timeout"] = document.chance.choice(("30s", "20"))
        if document.maybe(4):
            operations[-1]["enabled"] = "false"
    if document.maybe(6):
        operations.append({"name": "monitor", "interval": "45s", "role": "Stopped"})
    if document.has("on-fail"):
        for task in ("start", "stop"):
            if document.maybe(18):
                choices = (
                    ("ignore", "block", "fence", "restart")
                    if task == "stop"
                    else ("ignore", "block", "stop", "restart")
                )
                operations.append({"name": task, "interval": "0", "on-fail": document.chance.choice(choices)})
    if not operations:
        return
    section = etree.SubElement(element, "operations")
    for attributes in operations:
        etree.SubElement(section, "op", {"id": document.new_id("op")} | attributes)
        if attributes["name"] == "monitor" and "enabled" not in attributes:
            role = attributes.get("role", "")
            if role != "Stopped":
                primitive.monitors.append((_milliseconds(attributes["interval"]), role))


def _milliseconds(text: str) -> int:
    return {"1min": 60_000}.get(text) or int(text.rstrip("s")) * 1000


def _group(document: Document, number: int) -> None:
    _group_in(document, document.resources, f"g{number}")
    document.tops.append(f"g{number}")


def _group_in(document: Document, parent: etree._Element, name: str, ocf: bool = False) -> list[Primitive]:
    group = etree.SubElement(parent, "group", id=name)
    document.kinds[name] = "group"
    meta = _meta(document) if document.maybe(40) else {}
    if document.maybe(10):
        meta["ordered"] = "false"
    if document.maybe(10):
        meta["collocated"] = "false"
    document.pairs(group, "meta_attributes", meta)
    members = [
        _primitive(document, group, f"{name}m{index}", ocf)
        for index in range(1, document.chance.choice((1, 2, 2, 3)) + 1)
    ]
    for member in members:
        member.group = name
        member.failure_timeout = member.failure_timeout or "failure-timeout" in meta
    return members


def _clone(document: Document, number: int) -> None:
    _clone_of(document, f"c{number}", promotable=False)


def _promotable(document: Document, number: int) -> None:
    _clone_of(document, f"p{number}", promotable=True)


def _clone_of(document: Document, name: str, *, promotable: bool) -> None:
    clone = etree.SubElement(document.resources, "clone", id=name)
    document.kinds[name] = "clone"
    document.tops.append(name)
    meta = _meta(document) if document.maybe(30) else {}
    if promotable:
        meta["promotable"] = "true"
        if document.maybe(15):
            meta["promoted-max"] = "2"
        if document.maybe(15):
            meta["target-role"] = document.chance.choice(("Started", "Unpromoted", "Promoted"))
    if document.maybe(40):
        meta["interleave"] = "true"
    if document.maybe(20):
        meta["ordered"] = "true"
    if document.maybe(25):
        meta["clone-max"] = document.chance.choice(("1", "2", "3"))
    unique = document.maybe(12)
    if unique:
        meta["globally-unique"] = "true"
        if document.maybe(60):
            meta["clone-node-max"] = "2"
    if document.has("notify") and document.maybe(30):
        meta["notify"] = "true"
    if document.maybe(8):
        meta["clone-min"] = "1"
    document.pairs(clone, "meta_attributes", meta)
    instances = int(meta.get("clone-max", len(document.nodes)))
    if document.has("groups") and document.maybe(25):
        members = _group_in(document, clone, f"{name}g", ocf=promotable)
    else:
        members = [_primitive(document, clone, f"{name}r", ocf=promotable)]
    for member in members:
        member.clone, member.unique, member.instances = name, unique, instances
        if promotable and member.agent[0] == "ocf":
            member.promotable = True
            _promoted_operations(document, clone, member)


def _promoted_operations(document: Document, clone: etree._Element, member: Primitive) -> None:
    element = next(item for item in clone.iter("primitive") if item.get("id") == member.id)
    section = element.find("operations")
    if section is None:
        section = etree.SubElement(element, "operations")
    if document.maybe(60):
        attributes = {"id": document.new_id("op"), "name": "monitor", "interval": "11s", "role": "Promoted"}
        if document.has("on-fail") and document.maybe(40):
            attributes["on-fail"] = document.chance.choice(("demote", "restart", "ignore", "fence", "block"))
        etree.SubElement(section, "op", attributes)
        member.monitors.append((11_000, "Promoted"))
    for task in ("promote", "demote"):
        if document.has("on-fail") and document.maybe(15):
            choices = ("ignore", "block", "stop") if task == "demote" else ("block", "demote", "fence", "stop")
            etree.SubElement(
                section,
                "op",
                {
                    "id": document.new_id("op"),
                    "name": task,
                    "interval": "0",
                    "on-fail": document.chance.choice(choices),
                },
            )
    if len(section) == 0:
        element.remove(section)


def _bundle(document: Document, number: int) -> None:
    name = f"b{number}"
    bundle = etree.SubElement(document.resources, "bundle", id=name)
    document.kinds[name] = "bundle"
    document.tops.append(name)
    replicas = document.chance.choice((1, 2, 2, 3))
    podman = etree.SubElement(bundle, "podman", image="image", replicas=str(replicas))
    promotable = document.has("promotable") and document.maybe(30)
    if promotable:
        podman.set("promoted-max", "1")
    etree.SubElement(bundle, "network", {"ip-range-start": f"192.168.{number}.10"})
    if document.maybe(75):
        inside = _primitive(document, bundle, f"{name}r", ocf=True)
        inside.clone, inside.instances, inside.promotable = name, replicas, promotable
        inside.group = "bundle"
        inside.hosts = frozenset(f"{name}-{replica}" for replica in range(replicas))
    members = frozenset(node.name for node in document.nodes if node.kind == "member")
    for replica in range(replicas):
        parts = [(f"{name}-podman-{replica}", "heartbeat", "podman")]
        parts.append((f"{name}-ip-192.168.{number}.{10 + replica}", "heartbeat", "IPaddr2"))
        if len(bundle) > 2:
            parts.append((f"{name}-{replica}", "pacemaker", "remote"))
            document.nodes.append(Node(f"{name}-{replica}", f"{name}-{replica}", "bundle"))
        for identifier, provider, kind in parts:
            part = Primitive(identifier, ("ocf", provider, kind), {}, group=f"replica {name}-{replica}", hosts=members)
            part.monitors.append((30_000 if kind == "remote" else 60_000, ""))
            document.primitives.append(part)


def _remote(document: Document, number: int) -> None:
    name = f"remote{number}"
    element = etree.SubElement(
        document.resources, "primitive", {"id": name, "class": "ocf", "provider": "pacemaker", "type": "remote"}
    )
    document.kinds[name] = "primitive"
    document.tops.append(name)
    primitive = Primitive(name, ("ocf", "pacemaker", "remote"), {})
    if document.maybe(70):
        primitive.parameters = {"server": f"host{number}"}
        if document.maybe(25):
            primitive.parameters["reconnect_interval"] = "60"
            primitive.failure_timeout = True
        document.pairs(element, "instance_attributes", primitive.parameters)
    document.pairs(element, "meta_attributes", _meta(document) if document.maybe(25) else {})
    _operations(document, element, primitive)
    document.primitives.append(primitive)
    document.nodes.append(Node(name, name, "remote"))


def _guest(document: Document, number: int) -> None:
    primitive = _top_primitive(document, document.resources, f"vm{number}")
    element = next(item for item in document.resources if item.get("id") == primitive.id)
    block = element.find("meta_attributes")
    if block is None:
        block = etree.SubElement(element, "meta_attributes", id=document.new_id("set"))
        element.remove(block)
        position = 1 if element.find("instance_attributes") is not None else 0
        element.insert(position, block)
    name = f"guest{number}"
    etree.SubElement(block, "nvpair", id=document.new_id("pair"), name="remote-node", value=name)
    document.nodes.append(Node(name, name, "guest"))
    document.primitives.append(Primitive(name, ("ocf", "pacemaker", "remote"), {}))


def _defaults(document: Document) -> None:
    if document.maybe(40):
        values = {}
        if document.maybe(60):
            values["resource-stickiness"] = document.chance.choice(("0", "1", "100", "INFINITY"))
        if document.maybe(30):
            values["migration-threshold"] = document.chance.choice(("1", "3"))
        if document.maybe(20):
            values["failure-timeout"] = "10min"
            for primitive in document.primitives:
                primitive.failure_timeout = True
        if values:
            document.pairs(etree.SubElement(document.configuration, "rsc_defaults"), "meta_attributes", values)
    if document.maybe(40):
        values = {}
        if document.maybe(70):
            values["timeout"] = "40s"
        if document.has("on-fail") and document.maybe(25):
            values["on-fail"] = document.chance.choice(("ignore", "block", "restart"))
        if values:
            document.pairs(etree.SubElement(document.configuration, "op_defaults"), "meta_attributes", values)
