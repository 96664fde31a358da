"""Replicas under crashes, partitions, slow disks and messages in any interleaving: what was promised holds."""

from __future__ import annotations

import random

import pytest

from cib.replica_events import RoleChanged
from cib.version import ZERO, CibVersion
from tests.unit.cib.replicas import Cluster, Node, count_up, has, resource


class Trial:
    """One random history of a cluster, with the promises checked all along."""

    def __init__(self, seed: int, *, large: bool) -> None:
        """`large`: every document counts as large, so that it is examined and read apart, which may take long."""
        self.random = random.Random(seed)
        size = self.random.choice([2, 3, 3, 5])
        self.names = [f"n{number}" for number in range(1, size + 1)]
        self.large = large
        self.cluster = Cluster(*self.names, large=large)
        self.writes: dict[str, tuple[str, int]] = {}
        self.acknowledged: set[str] = set()
        self.quorate: tuple[str, ...] = ()
        self.dc = ""
        self.seen: dict[str, tuple[int, CibVersion, int]] = {}
        self.views = 0
        self.created = 0

    def run(self, steps: int) -> None:
        self.form()
        for _ in range(steps):
            self.random.choices(
                [self.work, self.write, self.count, self.crash, self.form, self.slow, self.force],
                weights=[80, 12, 6, 1.2, 1.2, 3, 2],
            )[0]()
            self.check()
        self.heal()

    # what happens

    def work(self) -> None:
        """One message, one disk or one timer, whichever comes first this time."""
        cluster = self.cluster
        ready = [link for link, messages in sorted(cluster.links.items()) if messages]
        disks = [name for name in self.names if cluster[name].persists and not cluster[name].disk_is_slow]
        apart = [name for name in self.names if cluster[name].apart and not cluster[name].apart_is_slow]
        kinds = [kind for kind, there in (("link", ready), ("disk", disks), ("apart", apart)) if there]
        if cluster.fire() or not kinds:
            cluster.now += self.random.choice([0, 10, 700])
            return
        match self.random.choice(kinds):
            case "link":
                cluster.deliver(*self.random.choice(ready))
            case "disk":
                cluster.persist(self.random.choice(disks))
            case "apart":
                cluster.work_apart(self.random.choice(apart))

    def write(self) -> None:
        name = self.random.choice(self.names)
        identity = f"r{self.created}"
        self.created += 1
        self.writes[identity] = (name, self.cluster.write(name, resource(identity)))

    def force(self) -> None:
        """Somebody forces a change in a partition that may not write; nothing is promised of it."""
        outside = [name for name in self.names if name not in self.quorate]
        if outside:
            self.created += 1
            self.cluster.write(self.random.choice(outside), resource(f"r{self.created - 1}"), force=True)

    def count(self) -> None:
        self.cluster.write(self.random.choice(self.names), count_up())

    def crash(self) -> None:
        name = self.random.choice(self.names)
        self.cluster.crash(name)
        self.writes = {identity: where for identity, where in self.writes.items() if where[0] != name}
        self.form()

    def slow(self) -> None:
        node = self.cluster[self.random.choice(self.names)]
        node.disk_is_slow = not node.disk_is_slow
        if self.large:
            node.apart_is_slow = self.random.random() < 0.5

    def form(self) -> None:
        """A new majority view, and at times a minority one beside it that may not write configuration."""
        self.views += 1
        members = list(self.names)
        self.random.shuffle(members)
        majority = self.random.randint(len(members) // 2 + 1, len(members))
        inside, outside = members[:majority], members[majority:]
        for name in outside:
            self.cluster.give(name, RoleChanged("none", view=self.cluster.view))
        if outside and self.random.random() < 0.5:
            self.cluster.form(outside[0], *outside[1:], writes=False)
        self.cluster.links = {link: sent for link, sent in self.cluster.links.items() if not set(link) & set(inside)}
        self.cluster.form(inside[0], *inside[1:])
        self.quorate, self.dc = tuple(inside), inside[0]
        document = self.cluster[self.dc].replica
        missing = [identity for identity in self.acknowledged if not has(self.cluster[self.dc], identity)]
        assert not missing, f"acknowledged but lost in view {self.cluster.view}: {missing}, {document.point}"

    # what must hold

    def check(self) -> None:
        for identity, (name, number) in list(self.writes.items()):
            outcome = self.cluster.outcome(name, number)
            if outcome is None:
                continue
            del self.writes[identity]
            # 108 would say that it was carried out before: twice, that is.
            assert outcome.rc in (0, 106, 124), outcome
            if outcome.rc == 0:
                assert 2 * outcome.kept_on > len(self.names)
                self.acknowledged.add(identity)
        in_step = [name for name in self.quorate if self.cluster[name].replica.in_step]
        documents: dict[CibVersion, str] = {}
        for name in in_step:
            replica = self.cluster[name].replica
            digest = replica.document.digest()
            assert documents.setdefault(replica.document.version, digest) == digest
        for name in self.names:
            self.check_version(self.cluster[name])

    def check_version(self, node: Node) -> None:
        """A version goes back only when the document that is given up is kept aside."""
        version = node.replica.document.version
        life, before, aside = self.seen.get(node.name, (0, ZERO, 0))
        if life == node.incarnation and version < before:
            assert len(node.kept_aside) > aside, f"{node.name} went back from {before} to {version}"
        self.seen[node.name] = (node.incarnation, version, len(node.kept_aside))

    def heal(self) -> None:
        for node in self.cluster.nodes.values():
            node.disk_is_slow = node.apart_is_slow = False
        self.cluster.form(*self.names)
        self.cluster.run(for_ms=40_000)
        self.quorate = tuple(self.names)
        self.check()
        assert len(self.cluster.digests(*self.names)) == 1
        assert all(has(self.cluster[name], identity) for identity in self.acknowledged for name in self.names)
        assert not self.writes, "every write ends"


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("first", range(0, 80, 20))
def test_no_acknowledged_change_is_lost_and_none_is_made_twice(first: int, *, large: bool) -> None:
    acknowledged = views = 0
    for seed in range(first, first + 20):
        trial = Trial(seed, large=large)
        try:
            trial.run(400)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        acknowledged += len(trial.acknowledged)
        views += trial.views
    assert acknowledged > 100, "the histories must get somewhere"
    assert views > 100
