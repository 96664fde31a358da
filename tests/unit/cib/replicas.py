"""A few replicas, an ordered network between them and disks, all under the test's hand."""

from __future__ import annotations

from collections import deque

from cib.apart import ApartWork, Examine, ReadDocument, work_apart
from cib.document import Document
from cib.history import HistoryPoint, choose, start
from cib.initial import empty_document
from cib.operations import Validator
from cib.replica import Replica, ReplicaSettings
from cib.replica_events import (
    Adopt,
    Changed,
    ClientWrite,
    Committed,
    Diverged,
    Effect,
    Event,
    MessageFrom,
    Persist,
    Persisted,
    PersistFailed,
    RoleChanged,
    SendTo,
    WriteDone,
)
from cib.replica_messages import Outcome, ReplicaMessage
from cib.requests import Request
from ipc.note import Note
from ipc.timers import SetTimer, TimerFired
from ipc.units import Milliseconds


class Node:
    """One replica with its disk; a crash loses everything but the disk."""

    def __init__(self, name: str, *, large: bool = False, validator: Validator | None = None) -> None:
        self.apart_from = 0 if large else 256 * 1024
        self.validator = validator
        self.apart: deque[ApartWork] = deque()
        self.apart_is_slow = False
        self.name = name
        self.incarnation = 0
        self.disk: tuple[bytes, HistoryPoint] | None = None
        self.kept_aside: list[Diverged] = []
        self.persists: deque[Persist] = deque()
        self.disk_works = True
        self.disk_is_slow = False
        self.timers: dict[str, int] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.notes: list[Note] = []
        self.patches = 0
        self.committed: list[Committed] = []
        self.replica = self.start()

    def start(self) -> Replica:
        self.incarnation += 1
        self.persists.clear()
        self.apart.clear()
        self.timers.clear()
        if self.disk is None:
            document = empty_document()
            point = start(document.version, document.configuration_digest())
        else:
            data, point = self.disk
            document = Document.from_bytes(data)
        self.replica = Replica(
            ReplicaSettings(self.name, self.incarnation, apart_from=self.apart_from),
            document,
            point,
            self.validator,
            kept=self.disk is not None,
        )
        return self.replica


class Cluster:
    """Replicas that share views as the test says. `run` performs everything until nothing is left to do."""

    def __init__(self, *names: str, large: bool = False, validator: Validator | None = None) -> None:
        """`large`: every document counts as large, so that it is examined and read apart."""
        self.nodes = {name: Node(name, large=large, validator=validator) for name in names}
        self.now = 0
        self.view = 0
        self.dc = ""
        self.members: tuple[str, ...] = ()
        self.links: dict[tuple[str, str], deque[ReplicaMessage]] = {}
        self._next_write = 1

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    # views

    def form(
        self, dc: str, *members: str, writes: bool = True, majority: bool | None = None, cold: bool = False
    ) -> None:
        """Let these nodes be a view of their own with this DC, after the choice of the winning history."""
        self.view += 1
        self.dc, self.members = dc, tuple(sorted({dc, *members}))
        self.links = {link: messages for link, messages in self.links.items() if not set(link) & set(self.members)}
        for name in self.members:
            self.give(name, RoleChanged("none", view=self.view))
        others = [name for name in self.members if name != dc]
        points = [self[dc].replica.point, *[self[name].replica.point for name in others]]
        winner = [dc, *others][choose(points, cold_start=cold)]
        if winner != dc:
            chosen = self[winner].replica
            self.give(dc, Adopt(chosen.document.to_compact_bytes(), chosen.point, chosen.settled))
            # The controller waits until the chosen document is here.
            while self.work_apart(dc):
                pass
        if majority is None:
            majority = 2 * len(self.members) > len(self.nodes)
        for name in self.members:
            role = RoleChanged(
                "dc" if name == dc else "member",
                dc=dc,
                view=self.view,
                members=self.members,
                votes=tuple(self.nodes),
                quorate=writes,
                majority=majority,
                config_writes=writes,
            )
            self.give(name, role)

    def crash(self, name: str) -> None:
        """Lose everything but the disk, and start again in no view."""
        for link in [link for link in self.links if name in link]:
            del self.links[link]
        self[name].start()

    # events

    def write(self, name: str, *requests: Request, force: bool = False) -> int:
        """A client at a node asks for a change; returns its id."""
        number, self._next_write = self._next_write, self._next_write + 1
        self.give(name, ClientWrite(number, requests, force=force))
        return number

    def outcome(self, name: str, number: int) -> Outcome | None:
        return self[name].outcomes.get(number)

    def give(self, name: str, event: Event) -> None:
        self.perform(name, self[name].replica.handle(event, Milliseconds(self.now)))

    def perform(self, name: str, effects: list[Effect]) -> None:
        node = self[name]
        for effect in effects:
            match effect:
                case SendTo():
                    assert name not in effect.members
                    for receiver in effect.members:
                        self.links.setdefault((name, receiver), deque()).append(effect.message)
                case Persist():
                    assert not node.persists, "one write to disk at a time"
                    node.persists.append(effect)
                case Examine() | ReadDocument():
                    node.apart.append(effect)
                case WriteDone():
                    assert effect.id not in node.outcomes, "a write ends once"
                    node.outcomes[effect.id] = effect.outcome
                case SetTimer():
                    node.timers[effect.name] = effect.at
                case Diverged():
                    node.kept_aside.append(effect)
                case Note():
                    node.notes.append(effect)
                case Changed():
                    node.patches += 1
                case Committed():
                    node.committed.append(effect)
                case _:
                    pass

    # time and delivery

    def persist(self, name: str) -> bool:
        """Let a node's disk finish (or refuse) what it was asked for."""
        node = self[name]
        if not node.persists:
            return False
        persist = node.persists.popleft()
        if node.disk_works:
            node.disk = (persist.document, persist.point)
            self.give(name, Persisted(persist.token))
        else:
            self.give(name, PersistFailed(persist.token, "No space left on device"))
        return True

    def work_apart(self, name: str) -> bool:
        """Let the oldest thing that a node has to examine or read be done."""
        node = self[name]
        if not node.apart:
            return False
        self.give(name, work_apart(node.apart.popleft(), node.validator))
        return True

    def deliver(self, sender: str, receiver: str) -> bool:
        """Deliver the oldest message between two nodes."""
        messages = self.links.get((sender, receiver))
        if not messages:
            return False
        self.give(receiver, MessageFrom(sender, messages.popleft()))
        return True

    def fire(self) -> bool:
        """Fire one timer whose time has come."""
        for name, node in self.nodes.items():
            for timer, at in sorted(node.timers.items()):
                if at <= self.now:
                    del node.timers[timer]
                    self.give(name, TimerFired(timer))
                    return True
        return False

    def step(self) -> bool:
        if self.fire():
            return True
        for sender, receiver in sorted(self.links):
            if self.deliver(sender, receiver):
                return True
        if any(self.work_apart(name) for name, node in self.nodes.items() if not node.apart_is_slow):
            return True
        return any(self.persist(name) for name, node in self.nodes.items() if not node.disk_is_slow)

    def run(self, for_ms: int = 0) -> None:
        """Do everything that is to be done now, and what comes up within `for_ms`."""
        end = self.now + for_ms
        while True:
            while self.step():
                pass
            due = [at for node in self.nodes.values() for at in node.timers.values() if at <= end]
            if not due:
                self.now = end
                return
            self.now = max(self.now, min(due))

    def versions(self) -> dict[str, str]:
        return {name: str(node.replica.document.version) for name, node in self.nodes.items()}

    def digests(self, *names: str) -> set[str]:
        return {self[name].replica.document.digest() for name in names or self.members}


def resource(identity: str) -> Request:
    """A configuration change."""
    xml = f'<primitive id="{identity}" class="ocf" provider="heartbeat" type="Dummy"/>'.encode()
    return Request("create", section="resources", xml=xml)


def count_up() -> Request:
    """A status change that shows how often it was carried out."""
    xml = b'<status><node_state id="n1"><transient_attributes id="n1"><instance_attributes id="s"><nvpair id="x" '
    xml += b'name="x" value="value++"/></instance_attributes></transient_attributes></node_state></status>'
    return Request("modify", section="status", xml=xml, allow_create=True, score_update=True)


def has(node: Node, identity: str) -> bool:
    return node.replica.document.find(f"/cib/configuration/resources/primitive[@id='{identity}']") is not None
