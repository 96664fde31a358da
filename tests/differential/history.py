"""A random status: what is known of nodes, and what the operations on them gave."""

from __future__ import annotations

from lxml import etree

from cib.digests import operation_digest
from tests.differential.configuration import NOW, Document, Node, Primitive

_UUID = "90000000-0000-4000-8000-000000000000"
_UP = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
_LOSSES = (
    {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"},
    {"in_ccm": "false", "crmd": "offline", "join": "member", "expected": "member"},
    {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "member"},
    {"in_ccm": "true", "crmd": "offline", "join": "member", "expected": "member"},
    {"in_ccm": "true", "crmd": "online", "join": "pending", "expected": "member"},
    {"in_ccm": "true", "crmd": "online", "join": "down", "expected": "down"},
    {"in_ccm": "true", "crmd": "offline", "join": "down", "expected": "down"},
)


class _Entry:
    """The history of one resource on one node."""

    def __init__(self, status: _Status, node: Node, primitive: Primitive, name: str) -> None:
        self._status = status
        self._node = node
        self._age = 100_000
        self._primitive = primitive
        self._name = name
        attributes = {"id": name, "class": primitive.agent[0], "type": primitive.agent[2]}
        if primitive.agent[1]:
            attributes["provider"] = primitive.agent[1]
        document = status.document
        if document.has("locks") and not primitive.clone and document.maybe(10):
            attributes["shutdown-lock"] = str(NOW - document.chance.choice((10, 100, 4000)))
        self._element = etree.SubElement(status.listings[node.name], "lrm_resource", attributes)

    def add(
        self,
        task: str,
        code: int,
        *,
        expected: int = 0,
        interval: int = 0,
        status: int | None = None,
        age: int | None = None,
        extra: dict[str, str] | None = None,
    ) -> None:
        """Append the result of an operation; a code of -1 is one that is still running."""
        document = self._status.document
        self._status.calls += 1
        pending = code < 0
        state = -1 if pending else (0 if code == expected else 4) if status is None else status
        failed = not pending and code != expected
        kind = "last_failure_0" if failed else f"{task}_{interval}" if interval or "migrate" in task else "last_0"
        identifier = f"{self._name}_{kind}"
        for old in list(self._element):
            if old.get("id") == identifier:
                self._element.remove(old)
        key = f"{self._status.calls}:1:{expected}:{_UUID}"
        result = 193 if pending else code
        # What happened later has not happened longer ago.
        self._age = min(self._age, document.chance.choice((10, 30, 300, 3600, 90_000)) if age is None else age)
        changed = NOW - self._age
        attributes = {
            "id": identifier,
            "operation_key": f"{self._name}_{task}_{interval}",
            "operation": task,
            "crm-debug-origin": "random",
            "crm_feature_set": "3.16.1",
            "transition-key": key,
            "transition-magic": f"{state}:{result};{key}",
            "on_node": self._node.name,
            "call-id": "-1" if pending else str(self._status.calls),
            "rc-code": str(result),
            "op-status": str(state),
            "interval": str(interval),
            "last-rc-change": str(changed),
            "exec-time": "0",
            "queue-time": "0",
        } | (extra or {})
        if not interval and document.has("parameters") and not pending:
            known = dict(self._primitive.parameters)
            if document.maybe(10):
                known["fake"] = "old"
            attributes["op-digest"] = operation_digest(known, 0)
            if document.maybe(20):
                attributes["op-force-restart"] = " state "
                attributes["op-restart-digest"] = operation_digest({}, 0)
        etree.SubElement(self._element, "lrm_rsc_op", attributes)


class _Status:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.calls = 0
        self.homes: dict[str, str] = {}
        """Where a group is, by its id."""
        self.stopped: set[str] = set()
        """Groups of which a member is not active."""
        self.listings: dict[str, etree._Element] = {}
        self.transient: dict[str, etree._Element] = {}
        self._entries: dict[tuple[str, str], _Entry] = {}

    def entry(self, primitive: Primitive, name: str, node: Node) -> _Entry:
        key = (name, node.name)
        if key not in self._entries:
            self._entries[key] = _Entry(self, node, primitive, name)
        return self._entries[key]

    def attribute(self, node: Node, name: str, value: str) -> None:
        block = self.transient[node.name]
        if all(pair.get("name") != name for pair in block):
            etree.SubElement(block, "nvpair", id=f"status-{node.id}-{name}", name=name, value=value)


def build_status(document: Document) -> None:
    """Fill the status section."""
    status = _Status(document)
    for node in document.nodes:
        _node_state(status, node)
    if document.has("tickets"):
        tickets = etree.SubElement(document.status, "tickets")
        for ticket in ("east", "west"):
            if document.maybe(75):
                state = etree.SubElement(tickets, "ticket_state", id=ticket)
                state.set("granted", document.chance.choice(("true", "false")))
                state.set("standby", document.chance.choice(("false", "false", "true")))
    known = [node for node in document.nodes if node.name in status.listings]
    if not known:
        return
    for primitive in document.primitives:
        _primitive_history(status, primitive, known)
    if document.has("orphans") and document.maybe(40):
        gone = Primitive("gone", ("ocf", "heartbeat", "Dummy"), {})
        _primitive_history(status, gone, known)


def _node_state(status: _Status, node: Node) -> None:
    document = status.document
    if node.kind == "member" and document.has("node-loss") and document.maybe(5):
        return
    state = dict(_UP)
    if document.has("node-loss") and document.maybe(22):
        state = dict(document.chance.choice(_LOSSES))
    if node.kind != "member":
        state = {"remote_node": "true", "in_ccm": "true"}
    element = etree.SubElement(document.status, "node_state", {"id": node.id, "uname": node.name} | state)
    transient = etree.SubElement(element, "transient_attributes", id=node.id)
    block = etree.SubElement(transient, "instance_attributes", id=f"status-{node.id}")
    status.transient[node.name] = block
    if document.has("node-modes"):
        if document.maybe(5):
            status.attribute(node, "shutdown", str(NOW - 5))
        if document.maybe(4):
            status.attribute(node, "standby", "on")
        if document.maybe(3):
            status.attribute(node, "maintenance", "true")
        # Newer versions give this reason before others that make a node unclean.
        if state == _UP and document.maybe(3):
            status.attribute(node, "terminate", "true")
    if document.has("health") and document.maybe(20):
        status.attribute(node, "#health-load", document.chance.choice(("green", "yellow", "red")))
    if document.has("unfencing") and document.maybe(60):
        status.attribute(node, "#node-unfenced", document.chance.choice(("0", str(NOW - 400))))
        if document.maybe(40) and node.kind != "bundle":
            agents = document.chance.choice(("fencing:fence_xvm:0123456789abcdef0123456789abcdef,", "other:fence_x:1,"))
            status.attribute(node, "#digests-all", agents)
            status.attribute(node, "#digests-secure", agents)
    if document.has("rules") and document.maybe(30):
        status.attribute(node, "load", document.chance.choice(("1", "2", "3")))
    status.listings[node.name] = etree.SubElement(etree.SubElement(element, "lrm", id=node.id), "lrm_resources")


def _primitive_history(status: _Status, primitive: Primitive, nodes: list[Node]) -> None:
    document = status.document
    hosts = [node for node in nodes if _may_run_on(primitive, node)]
    names = primitive.names()
    if primitive.clone and not primitive.unique:
        homes = {node.name for node in hosts if document.maybe(60)}
    elif hosts and primitive.group not in status.stopped and document.maybe(70):
        homes = {_group_home(status, primitive, hosts)}
        if document.maybe(5):
            homes.add(document.chance.choice(hosts).name)
    else:
        homes = set()
        if primitive.group:
            # Newer versions stop a member that runs while one before it does not before they start that.
            status.stopped.add(primitive.group)
    if primitive.migratable and homes and len(hosts) > 1 and document.maybe(25):
        _migration(status, primitive, hosts)
        return
    for name in names:
        for node in hosts:
            at_home = node.name in homes and (not primitive.unique or document.maybe(50))
            if at_home:
                _active(status, primitive, name, node)
            elif document.maybe(85):
                _inactive(status, primitive, name, node)
            if primitive.promotable and document.maybe(50):
                value = document.chance.choice(("5", "10", "100", "-1"))
                status.attribute(node, f"master-{name}", value)


def _group_home(status: _Status, primitive: Primitive, hosts: list[Node]) -> str:
    """Members of a group are mostly where the first is."""
    chosen = status.document.chance.choice(hosts).name
    if primitive.group and status.document.maybe(85):
        chosen = status.homes.setdefault(primitive.group, chosen)
    return chosen


def _may_run_on(primitive: Primitive, node: Node) -> bool:
    if primitive.hosts is not None:
        return node.name in primitive.hosts
    if node.kind == "bundle":
        return False
    if primitive.agent[2] == "remote" or primitive.agent[0] == "stonith":
        return node.kind == "member"
    return True


def _inactive(status: _Status, primitive: Primitive, name: str, node: Node) -> None:
    document = status.document
    entry = status.entry(primitive, name, node)
    entry.add("monitor", 7, expected=7, age=95_000)
    if document.has("failures") and document.maybe(8):
        codes = (1, 2, 4, 5, 6, 8) if primitive.failure_timeout else (1, 2, 4, 5, 6, 8, 9)
        entry.add("monitor", document.chance.choice(codes), expected=7)
    elif document.has("failures") and document.maybe(8):
        entry.add("start", document.chance.choice((1, 1, 5, 6, 2, 7)))
        entry.add("stop", 0)
        _failcount(status, primitive, name, node, "start", 0, "INFINITY")
    elif document.has("pending") and document.maybe(4):
        entry.add(document.chance.choice(("monitor", "start")), -1, expected=0)
    elif document.maybe(15):
        entry.add("start", 0)
        entry.add("stop", 0)


def _active(status: _Status, primitive: Primitive, name: str, node: Node) -> None:
    document = status.document
    entry = status.entry(primitive, name, node)
    if document.maybe(15):
        code = 8 if primitive.promotable and document.maybe(30) else 0
        entry.add("monitor", code, expected=7, age=94_000)
        if document.maybe(60):
            return
    promoted = primitive.promotable and document.maybe(40)
    entry.add("start", 0, age=93_000)
    if promoted:
        entry.add("promote", 0, age=92_000)
    for interval, role in primitive.monitors:
        if (role == "Promoted") == promoted and document.maybe(85):
            code = 8 if promoted else 0
            entry.add("monitor", code, expected=code, interval=interval, age=91_000)
    if document.maybe(4):
        entry.add("monitor", 0, interval=77_000, age=91_000)
    if document.has("failures") and document.maybe(25):
        _failure(status, primitive, name, node, promoted)
    elif document.has("pending") and document.maybe(6):
        entry.add(document.chance.choice(("stop", "monitor", "demote" if promoted else "stop")), -1)


def _failure(status: _Status, primitive: Primitive, name: str, node: Node, promoted: bool) -> None:
    document = status.document
    entry = status.entry(primitive, name, node)
    age = document.chance.choice((5, 30, 300, 3600, 90_000))
    # Of an expired failure newer versions take less for granted: neither a failed stop nor a failed promoted role.
    tasks = ["start"] if primitive.failure_timeout else ["stop", "start"]
    tasks += ["monitor"] * 3 if primitive.monitors else []
    tasks += ["promote", "demote"] if primitive.promotable else []
    task = document.chance.choice(tasks)
    interval = expected = 0
    if task == "monitor":
        interval, role = document.chance.choice(primitive.monitors)
        expected = 8 if role == "Promoted" else 0
    code = document.chance.choice((1, 1, 1, 7, 5, 2, 6) if primitive.failure_timeout else (1, 1, 1, 7, 5, 9, 2, 6))
    if document.maybe(15):
        entry.add(task, 1, expected=expected, interval=interval, status=2, age=age)
    else:
        entry.add(task, code, expected=expected, interval=interval, age=age)
    value = "INFINITY" if task in ("start", "stop") else document.chance.choice(("1", "2", "3"))
    if document.maybe(85):
        _failcount(status, primitive, name, node, task, interval, value, age)


def _failcount(
    status: _Status, primitive: Primitive, name: str, node: Node, task: str, interval: int, value: str, age: int = 30
) -> None:
    base = name if primitive.unique or not primitive.clone else name.partition(":")[0]
    status.attribute(node, f"fail-count-{base}#{task}_{interval}", value)
    status.attribute(node, f"last-failure-{base}#{task}_{interval}", str(NOW - age))


def _migration(status: _Status, primitive: Primitive, nodes: list[Node]) -> None:
    document = status.document
    source, target = document.chance.sample(nodes, 2)
    extra = {"migrate_source": source.name, "migrate_target": target.name}
    name = primitive.id
    here, there = status.entry(primitive, name, source), status.entry(primitive, name, target)
    there.add("monitor", 7, expected=7, age=4000)
    here.add("start", 0, age=3900)
    here.add("migrate_to", document.chance.choice((0, 0, 0, 1, -1)), age=300, extra=extra)
    if document.maybe(60):
        there.add("migrate_from", document.chance.choice((0, 0, 1, -1)), age=200, extra=extra)
        if document.maybe(40):
            here.add("stop", document.chance.choice((0, 0, 1)), age=100)
