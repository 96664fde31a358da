"""What is seldom written, put into a document that is there already: settings at their limits, results that are odd.

Each change is a small one and leaves a document that is valid, so that what it leads to can be told.
"""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from tests.differential.configuration import NOW, Document

_SCORES = ("+INFINITY", "1000001", "-1000001", "999999", "-999999", "0", "1")
_DURATIONS = ("PT10S", "PT1M", "10", "10s", "10000ms", "1m", "0.5min", "10sec")
_STATES = (3, 5, 6, 8, 9, 10, 11)
"""Of an operation that was not carried out as it should: not supported, hard, fatal, not connected, invalid, and of
fencing no device and no secrets."""
_CODES = (2, 3, 4, 5, 6, 9)
_DEGRADED = (190, 191)
"""For the older version only a monitor can have found this."""


def add_rarities(document: Document) -> None:
    """Make some of the changes, each where there is something that it can be made to."""
    for change in _CHANGES:
        if document.maybe(22):
            change(document)


def _some(document: Document, path: str) -> etree._Element | None:
    found = [item for item in document.root.iterfind(path) if isinstance(item.tag, str)]
    return document.chance.choice(found) if found else None


def _meta(document: Document, element: etree._Element, name: str, value: str) -> None:
    """Give a resource a meta attribute that it has not yet."""
    block = element.find("meta_attributes")
    if block is None:
        block = etree.Element("meta_attributes", id=document.new_id("set"))
        last = element.find("instance_attributes")
        if element.tag == "bundle":
            element.append(block)
            inside = element.find("primitive")
            if inside is not None:
                inside.addprevious(block)
        else:
            element.insert(0 if last is None else list(element).index(last) + 1, block)
    if all(pair.get("name") != name for pair in block.iter("nvpair")):
        etree.SubElement(block, "nvpair", id=document.new_id("pair"), name=name, value=value)


def _scores(document: Document) -> None:
    constraint = _some(document, "configuration/constraints/*[@score]")
    if constraint is not None and constraint.tag != "rsc_order":
        constraint.set("score", document.chance.choice(_SCORES))


def _intervals(document: Document) -> None:
    operation = _some(document, "configuration/resources//op")
    if operation is not None and operation.get("interval") not in ("0", None):
        operation.set("interval", document.chance.choice(_DURATIONS))


def _timeouts(document: Document) -> None:
    """Settings of an operation as meta attributes, which what is written on it overrides."""
    operation = _some(document, "configuration/resources//op")
    if operation is not None and len(operation) == 0:
        values = {"timeout": "77s", "start-delay": "5s", "on-fail": "block", "record-pending": "true"}
        name = document.chance.choice(sorted(values))
        document.pairs(operation, "meta_attributes", {name: values[name]})


def _origin(document: Document) -> None:
    operation = _some(document, "configuration/resources//op[@interval]")
    if operation is not None and "start-delay" not in operation.attrib:
        operation.set("interval-origin", document.chance.choice(("2023-11-14 20:00:01Z", "2024-01-01 00:00:00Z")))


def _host_attributes(document: Document) -> None:
    resource = _some(document, "configuration/resources/clone")
    if resource is not None:
        _meta(document, resource, "container-attribute-target", "host")


def _clone_min(document: Document) -> None:
    resource = _some(document, "configuration/resources/clone")
    if resource is not None:
        _meta(document, resource, "clone-min", document.chance.choice(("1", "2", "3")))


def _node_limits(document: Document) -> None:
    resource = _some(document, "configuration/resources/clone")
    if resource is not None:
        name = document.chance.choice(("promoted-node-max", "clone-node-max", "clone-max", "promoted-max"))
        # Newer versions take several for each node as a sign that they are unique.
        if name == "clone-node-max":
            _meta(document, resource, "globally-unique", "false")
        _meta(document, resource, name, document.chance.choice(("0", "2", "5")))


def _block_of_parent(document: Document) -> None:
    resource = _some(document, "configuration/resources/group")
    if resource is not None:
        _meta(document, resource, "multiple-active", "block")


def _unusual_state(document: Document) -> None:
    """A result of an operation with a code or state that it seldom has."""
    entry = _some(document, "status/node_state/lrm/lrm_resources/lrm_resource/lrm_rsc_op")
    if entry is None or entry.get("op-status") == "-1":
        return
    codes = (*_CODES, *_DEGRADED) if entry.get("operation") == "monitor" else _CODES
    code, status = document.chance.choice(codes), document.chance.choice((0, 0, 4, 4, *_STATES))
    entry.set("rc-code", str(code))
    entry.set("op-status", str(status))
    entry.set("transition-magic", f"{status}:{code};{entry.get('transition-key')}")


def _unknown_origin(document: Document) -> None:
    entry = _some(document, "status/node_state/lrm/lrm_resources/lrm_resource/lrm_rsc_op")
    if entry is not None:
        entry.attrib.pop(document.chance.choice(("transition-key", "last-rc-change", "transition-magic")), None)


def _other_agent(document: Document) -> None:
    """What ran was another agent than what is configured now."""
    entry = _some(document, "status/node_state/lrm/lrm_resources/lrm_resource")
    if entry is not None and entry.get("provider") == "heartbeat":
        entry.set("type", "Former")


def _node_flags(document: Document) -> None:
    state = _some(document, "status/node_state[@in_ccm]")
    if state is None or state.get("remote_node") is not None:
        return
    name, value = document.chance.choice((("expected", "down"), ("in_ccm", None), ("crmd", None), ("join", "pending")))
    if value is None:
        state.attrib.pop(name, None)
    else:
        state.set(name, value)


def _node_score(document: Document) -> None:
    node = _some(document, "configuration/nodes/node")
    if node is not None:
        node.set("score", document.chance.choice(("10", "-10", "INFINITY")))


def _remove_after_stop(document: Document) -> None:
    etree.SubElement(document.options, "nvpair", id=document.new_id("option"), name="remove-after-stop", value="true")


def _bundle_shape(document: Document) -> None:
    bundle = _some(document, "configuration/resources/bundle/podman")
    network = _some(document, "configuration/resources/bundle/network")
    if bundle is None or network is None:
        return
    change = document.chance.choice(
        ("replicas-per-host", "network", "run-command", "options", "control-port", "add-host")
    )
    if change == "control-port":
        network.set(change, "9999")
    else:
        bundle.set(change, {"replicas-per-host": "2", "network": "host"}.get(change, "x"))
    if change == "network":
        etree.SubElement(network, "port-mapping", id=document.new_id("port"), port="80")


def _connection_fails(document: Document) -> None:
    """A recurring monitor of a remote node's connection that failed."""
    entries = [
        item
        for item in document.status.iter("lrm_resource")
        if item.get("type") == "remote" and any(entry.get("operation") == "start" for entry in item)
    ]
    if not entries:
        return
    entry = document.chance.choice(entries)
    name, node = str(entry.get("id")), str(next(entry.iterancestors("lrm")).get("id"))
    key = "900:1:0:90000000-0000-4000-8000-000000000000"
    state, code = document.chance.choice(((4, 1), (2, 1), (4, 7)))
    for old in [item for item in entry if item.get("id") == f"{name}_last_failure_0"]:
        entry.remove(old)
    etree.SubElement(
        entry,
        "lrm_rsc_op",
        {
            "id": f"{name}_last_failure_0",
            "operation_key": f"{name}_monitor_30000",
            "operation": "monitor",
            "crm_feature_set": "3.16.1",
            "transition-key": key,
            "transition-magic": f"{state}:{code};{key}",
            "on_node": f"n{node}",
            "call-id": "900",
            "rc-code": str(code),
            "op-status": str(state),
            "interval": "30000",
            "last-rc-change": str(NOW - 5),
        },
    )


def _order_of_sets(document: Document) -> None:
    block = _some(document, "configuration/constraints/rsc_order/resource_set")
    if block is not None:
        block.set("require-all", "false")
        block.set("sequential", document.chance.choice(("true", "false")))


def _spread(document: Document) -> None:
    """Of utilization: what a group or clone of primitives needs."""
    primitive = _some(document, "configuration/resources//primitive[@class='ocf']")
    if primitive is not None and primitive.find("utilization") is None and document.has("utilization"):
        document.pairs(primitive, "utilization", {"cpu": document.chance.choice(("1", "3", "x"))})


def _expressions(document: Document) -> None:
    expression = _some(document, "configuration/constraints//expression[@value]")
    if expression is not None:
        expression.set("type", document.chance.choice(("number", "integer", "string", "version")))
        expression.set("value", document.chance.choice(("10", "1.50", "02", "a", "1.10")))


_CHANGES: tuple[Callable[[Document], None], ...] = (
    _scores,
    _intervals,
    _timeouts,
    _origin,
    _host_attributes,
    _clone_min,
    _node_limits,
    _block_of_parent,
    _unusual_state,
    _unusual_state,
    _unknown_origin,
    _other_agent,
    _node_flags,
    _node_score,
    _remove_after_stop,
    _bundle_shape,
    _connection_fails,
    _order_of_sets,
    _spread,
    _expressions,
)
