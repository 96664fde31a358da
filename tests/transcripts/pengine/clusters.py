"""Small clusters written as a few lines, for tests of the policy engine.

One line says one thing, much as in the shell: `node`, `primitive`, `group`, `clone`, `location`, `colocation`,
`order`, `option`, `defaults`; `history NODE RESOURCE TASK[=INTERVAL_MS] RC` tells what happened, `attribute NODE
NAME=VALUE` what a node says of itself, `quorum no` and `now SECONDS` the circumstances. Histories are in the order
in which the operations ran. Constraints take further attributes as NAME=VALUE. What has no line of its own is written
as the element that it is: `xml SECTION <ELEMENT .../>`, and `schema NAME` says what the document is written for.

`show scores`, `show limits`, `show notes` and `show action KEY NAME...` ask for more than what is done.
"""

from __future__ import annotations

import shlex

from lxml import etree

from cib.digests import operation_digest
from cib.values import interval_ms_or

NOW = 1_000_000
_STATES = {
    "online": {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"},
    "lost": {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "member"},
    "offline": {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"},
    "pending": {"in_ccm": "true", "crmd": "online", "join": "pending", "expected": "member"},
}
_ROOT = {
    "have-quorum": "true",
    "validate-with": "pacemaker-3.9",
    "crm_feature_set": "3.16.1",
    "admin_epoch": "1",
    "epoch": "1",
    "num_updates": "1",
}
_HISTORY_WORDS = frozenset({"at", "digest", "expected", "status"})
_UUID = "00000000-0000-0000-0000-000000000000"


class TranscriptError(ValueError):
    """A line that says nothing that is known."""


class ClusterText:
    """Builds a document line by line."""

    def __init__(self) -> None:
        self.now = NOW
        self.root = etree.Element("cib", dict(_ROOT))
        configuration = etree.SubElement(self.root, "configuration")
        options = etree.SubElement(configuration, "crm_config")
        self._options = etree.SubElement(options, "cluster_property_set", id="cib-bootstrap-options")
        self._nodes = etree.SubElement(configuration, "nodes")
        self._resources = etree.SubElement(configuration, "resources")
        self._constraints = etree.SubElement(configuration, "constraints")
        self._configuration = configuration
        self._status = etree.SubElement(self.root, "status")
        self._calls = 0
        self.shown: list[list[str]] = []
        """What `show` lines ask for, word by word."""

    def take(self, line: str) -> None:
        """Take one line."""
        if line.startswith("xml "):
            self._take_element(*line.split(" ", 2)[1:])
            return
        words = shlex.split(line)
        if not words:
            return
        handler = getattr(self, f"_take_{words[0]}", None)
        if handler is None:
            raise TranscriptError(f"'{line}': '{words[0]}' is not known")
        handler(words[1:])

    def _take_element(self, section: str, text: str) -> None:
        """Put an element into a section of the configuration, or into the status."""
        if section == "status":
            parent: etree._Element | None = self._status
        else:
            parent = self._configuration.find(section)
        if parent is None:
            parent = etree.SubElement(self._configuration, section)
        parent.append(etree.fromstring(text))

    def _take_show(self, words: list[str]) -> None:
        self.shown.append(words)

    def _take_schema(self, words: list[str]) -> None:
        self.root.set("validate-with", words[0])

    def _take_cib(self, words: list[str]) -> None:
        for word in words:
            name, _, value = word.partition("=")
            self.root.set(name, value)

    def _take_state(self, words: list[str]) -> None:
        """`state NODE NAME=VALUE...` changes what the status says of a node; a remote one gets its state so."""
        element = next((item for item in self._status if item.get("uname") == words[0]), None)
        if element is None:
            element = etree.SubElement(self._status, "node_state", id=words[0], uname=words[0], remote_node="true")
            transient = etree.SubElement(element, "transient_attributes", id=words[0])
            etree.SubElement(transient, "instance_attributes", id=f"status-{words[0]}")
            lrm = etree.SubElement(element, "lrm", id=words[0])
            etree.SubElement(lrm, "lrm_resources")
        for word in words[1:]:
            name, _, value = word.partition("=")
            element.set(name, value)

    def _pairs(self, parent: etree._Element, words: list[str]) -> None:
        for word in words:
            name, _, value = word.partition("=")
            identifier = f"{parent.get('id')}-{name}"
            etree.SubElement(parent, "nvpair", id=identifier, name=name, value=value)

    def _take_option(self, words: list[str]) -> None:
        self._pairs(self._options, words)

    def _take_quorum(self, words: list[str]) -> None:
        self.root.set("have-quorum", "false" if words == ["no"] else "true")

    def _take_now(self, words: list[str]) -> None:
        self.now = int(words[0])

    def _take_node(self, words: list[str]) -> None:
        name, states = words[0], words[1:] or ["online"]
        node = etree.SubElement(self._nodes, "node", id=f"id-{name}", uname=name)
        attributes = etree.SubElement(node, "instance_attributes", id=f"{name}-attributes")
        self._pairs(attributes, [word for word in states if "=" in word])
        state = next((word for word in states if word in _STATES), "online")
        if "new" in states:
            return
        element = etree.SubElement(self._status, "node_state", id=f"id-{name}", uname=name)
        for key, value in _STATES[state].items():
            element.set(key, value)
        transient = etree.SubElement(element, "transient_attributes", id=f"id-{name}")
        etree.SubElement(transient, "instance_attributes", id=f"status-{name}")
        lrm = etree.SubElement(element, "lrm", id=f"id-{name}")
        etree.SubElement(lrm, "lrm_resources")

    def _take_capacity(self, words: list[str]) -> None:
        node = next(item for item in self._nodes if item.get("uname") == words[0])
        block = etree.SubElement(node, "utilization", id=f"{words[0]}-capacity")
        self._pairs(block, words[1:])

    def _take_ticket(self, words: list[str]) -> None:
        """`ticket NAME granted|revoked` tells the state, `ticket ID NAME RESOURCE POLICY` constrains."""
        if len(words) == 2 or words[1] in ("granted", "revoked"):
            section = self._status.find("tickets")
            if section is None:
                section = etree.SubElement(self._status, "tickets")
            granted = "true" if words[1] == "granted" else "false"
            element = etree.SubElement(section, "ticket_state", id=words[0], granted=granted)
            if "standby" in words:
                element.set("standby", "true")
            return
        self._constrain("rsc_ticket", ("id", "ticket", "rsc", "loss-policy"), words)

    def _constrain(self, tag: str, names: tuple[str, ...], words: list[str]) -> etree._Element:
        """Make a constraint: its attributes in order, then others as NAME=VALUE."""
        plain = [word for word in words if "=" not in word]
        element = etree.SubElement(self._constraints, tag, dict(zip(names, plain, strict=False)))
        for word in words:
            name, equals, value = word.partition("=")
            if equals:
                element.set(name, value)
        return element

    def _take_bundle(self, words: list[str]) -> None:
        """`bundle ID IMAGE REPLICAS FIRST-ADDRESS PRIMITIVE`."""
        identifier, image, replicas, address, primitive = words[:5]
        element = etree.SubElement(self._resources, "bundle", id=identifier)
        etree.SubElement(element, "podman", image=image, replicas=replicas)
        etree.SubElement(element, "network", {"ip-range-start": address})
        element.append(next(item for item in self._resources if item.get("id") == primitive))

    def _node_state(self, name: str) -> etree._Element:
        for element in self._status:
            if element.get("uname") == name:
                return element
        raise TranscriptError(f"there is no node {name}")

    def _take_attribute(self, words: list[str]) -> None:
        attributes = self._node_state(words[0]).find("transient_attributes/instance_attributes")
        assert attributes is not None
        self._pairs(attributes, words[1:])

    def _take_primitive(self, words: list[str]) -> None:
        parts = words[1].split(":")
        attributes = {"id": words[0], "class": parts[0], "type": parts[-1]}
        if len(parts) == 3:
            attributes["provider"] = parts[1]
        element = etree.SubElement(self._resources, "primitive", attributes)
        self._sections(element, words[2:])

    def _sections(self, element: etree._Element, words: list[str]) -> None:
        """Read `params a=b`, `meta a=b` and `op NAME a=b`."""
        target: etree._Element | None = None
        position = 0
        while position < len(words):
            word = words[position]
            identifier = element.get("id")
            if word in ("params", "meta", "utilization"):
                tag = {"params": "instance_attributes", "meta": "meta_attributes"}.get(word, word)
                target = etree.SubElement(element, tag, id=f"{identifier}-{word}")
            elif word == "op":
                operations = element.find("operations")
                if operations is None:
                    operations = etree.SubElement(element, "operations")
                position += 1
                name = words[position]
                target = etree.SubElement(operations, "op", id=f"{identifier}-{name}-{position}", name=name)
                target.set("interval", "0")
            elif target is not None and target.tag == "op":
                name, _, value = word.partition("=")
                target.set(name, value)
            elif target is not None:
                self._pairs(target, [word])
            position += 1

    def _take_group(self, words: list[str]) -> None:
        self._collect("group", words)

    def _take_clone(self, words: list[str]) -> None:
        self._collect("clone", words)

    def _collect(self, tag: str, words: list[str]) -> None:
        element = etree.SubElement(self._resources, tag, id=words[0])
        position = 1
        while position < len(words) and words[position] not in ("meta", "params"):
            child = next(item for item in self._resources if item.get("id") == words[position])
            element.append(child)
            position += 1
        self._sections(element, words[position:])

    def _take_location(self, words: list[str]) -> None:
        identifier, resource, score, where = words[:4]
        element = etree.SubElement(self._constraints, "rsc_location", id=identifier, rsc=resource)
        if where != "rule":
            element.set("node", where)
            element.set("score", score)
            for word in words[4:]:
                name, _, value = word.partition("=")
                element.set(name, value)
            return
        rule = etree.SubElement(element, "rule", id=f"{identifier}-rule", score=score)
        names = ("attribute", "operation", "value")
        condition = etree.SubElement(rule, "expression", id=f"{identifier}-expression")
        for key, value in zip(names, words[4:], strict=False):
            condition.set(key, value)

    def _take_colocation(self, words: list[str]) -> None:
        names = ("id", "score", "rsc", "with-rsc", "rsc-role", "with-rsc-role")
        self._constrain("rsc_colocation", names, words)

    def _take_order(self, words: list[str]) -> None:
        names = ("id", "kind", "first", "then", "first-action", "then-action")
        self._constrain("rsc_order", names, words)

    def _take_defaults(self, words: list[str]) -> None:
        tag = f"{words[0]}_defaults"
        section = etree.SubElement(self._configuration, tag)
        block = etree.SubElement(section, "meta_attributes", id=tag)
        self._pairs(block, words[1:])

    def _take_history(self, words: list[str]) -> None:
        node, resource, operation, rc = words[:4]
        extra = dict(word.split("=", 1) for word in words[4:] if "=" in word)
        task, _, interval = operation.partition("=")
        listing = self._node_state(node).find("lrm/lrm_resources")
        assert listing is not None
        entry = next((item for item in listing if item.get("id") == resource), None)
        if entry is None:
            entry = self._new_history(listing, resource)
        self._calls += 1
        expected = extra.get("expected", "7" if operation == "monitor" and rc == "7" else "0")
        pending = "pending" in words
        key = f"1:1:{expected}:{_UUID}"
        status = "-1" if pending else ("0" if rc == expected else extra.get("status", "4"))
        identifier = f"{resource}_{task}_{interval}" if interval else f"{resource}_last_0"
        if rc != expected and not pending:
            identifier = f"{resource}_last_failure_0"
        attributes = {
            "id": identifier if not pending else f"{resource}_{task}_pending",
            "operation": task,
            "operation_key": f"{resource}_{task}_{interval or 0}",
            "interval": interval or "0",
            "call-id": "-1" if pending else str(self._calls),
            "rc-code": "193" if pending else rc,
            "op-status": status,
            "last-rc-change": extra.get("at", str(self.now - 3600)),
            "transition-key": key,
            "transition-magic": f"{status}:{rc};{key}",
        }
        attributes["op-digest"] = extra.get("digest") or self._digest(resource, task, interval)
        attributes.update({name: extra[name] for name in extra if name not in _HISTORY_WORDS})
        if attributes["id"].endswith("_last_0"):
            for old in list(entry):
                if old.get("id") == attributes["id"]:
                    entry.remove(old)
        etree.SubElement(entry, "lrm_rsc_op", attributes)

    def _take_lock(self, words: list[str]) -> None:
        """`lock NODE RESOURCE SECONDS`: the node was shut down cleanly at that time and keeps the resource."""
        for entry in self._node_state(words[0]).iterfind("lrm/lrm_resources/lrm_resource"):
            if entry.get("id") == words[1]:
                entry.set("shutdown-lock", words[2])

    def _digest(self, resource: str, task: str, interval: str) -> str:
        """Return the digest of what the configuration gives the operation (timeouts in plain seconds)."""
        values: dict[str, str] = {}
        timeout = "20000"
        for primitive in self._resources.iter("primitive"):
            if primitive.get("id") != resource:
                continue
            for pair in primitive.iterfind("instance_attributes/nvpair"):
                values[pair.get("name") or ""] = pair.get("value") or ""
            for op in primitive.iterfind("operations/op"):
                if op.get("name") == task and interval_ms_or(op.get("interval")) == int(interval or 0):
                    timeout = str(interval_ms_or(op.get("timeout"), 20_000))
        if interval:
            values["CRM_meta_timeout"] = timeout
        return operation_digest(values, int(interval or 0))

    def _new_history(self, listing: etree._Element, resource: str) -> etree._Element:
        entry = etree.SubElement(listing, "lrm_resource", id=resource)
        base = resource.partition(":")[0]
        for primitive in self._resources.iter("primitive"):
            if primitive.get("id") in (resource, base):
                for name in ("class", "provider", "type"):
                    value = primitive.get(name)
                    if value is not None:
                        entry.set(name, value)
                return entry
        entry.set("class", "ocf")
        entry.set("provider", "heartbeat")
        entry.set("type", "Dummy")
        return entry


def read(text: str) -> ClusterText:
    """Return the cluster that the lines describe."""
    cluster = ClusterText()
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            cluster.take(line)
    cluster.root.set("execution-date", str(cluster.now))
    return cluster


def build(text: str) -> tuple[etree._Element, int]:
    """Return the document that the lines describe, and the time in it (seconds since the epoch)."""
    cluster = read(text)
    return cluster.root, cluster.now
