"""Clusters of any size with resources of every common kind and the full history of a cluster at rest.

Of the primitives half stand alone, three tenths are members of groups, two tenths are cloned: every fifth of these
clones is promotable, every fifth clones a group of two. Of those that stand alone every third goes with one before it,
every fourth starts after one and every second prefers a node. The history holds what a cluster has that came to rest:
on every node the result of a probe for what does not run there, and start, monitor and promotion for what does.
"""

import random
from collections.abc import Iterator
from hashlib import md5
from typing import Literal

from bench.generated import primitive, result

_SEED = 20
_GROUP = 3
_FEATURE_SET = "3.16.1"

Situation = Literal["idle", "lost", "cold"]
"""At rest; at rest but for one node that is gone; nothing started or probed yet."""
SITUATIONS: tuple[Situation, ...] = ("idle", "lost", "cold")


def mixed(nodes: int, primitives: int, situation: Situation = "idle") -> str:
    """A cib.xml with `primitives` primitives (a cloned one counts once)."""
    return _Cluster(nodes, primitives).document(situation)


class _Cluster:
    """The configuration, and where everything runs."""

    def __init__(self, nodes: int, primitives: int) -> None:
        self._chance = random.Random(_SEED)
        self._nodes = [f"node{number}" for number in range(1, nodes + 1)]
        self._resources: list[str] = []
        self._constraints: list[str] = []
        self._places: dict[str, str] = {}
        """Where each primitive runs; those of clones run everywhere and are not here."""
        self._cloned: dict[str, bool] = {}
        """Primitives in clones; whether they are promotable (the first node's instance is promoted)."""
        alone = primitives // 2
        grouped = primitives * 3 // 10 // _GROUP * _GROUP
        self._stand_alone(alone)
        for first in range(alone, alone + grouped, _GROUP):
            self._group(first)
        self._clones(range(alone + grouped, primitives))

    def _stand_alone(self, count: int) -> None:
        for number in range(count):
            self._resources.append(primitive(number))
            # A partner that is close by: what is tied together in real clusters is small.
            partner = number - self._chance.randint(1, 3)
            place = self._chance.choice(self._nodes)
            if number % 3 == 0 and partner >= 0:
                place = self._places[f"r{partner}"]
                self._constraints.append(
                    f'<rsc_colocation id="c{number}" rsc="r{number}" with-rsc="r{partner}" score="INFINITY"/>'
                )
            if number % 4 == 0 and partner >= 0:
                self._constraints.append(f'<rsc_order id="o{number}" first="r{partner}" then="r{number}"/>')
            if number % 2 == 0:
                self._constraints.append(
                    f'<rsc_location id="l{number}" rsc="r{number}" node="{self._chance.choice(self._nodes)}" '
                    'score="100"/>'
                )
            self._places[f"r{number}"] = place

    def _group(self, first: int) -> None:
        members = range(first, first + _GROUP)
        self._resources.append(f'<group id="g{first}">{"".join(map(primitive, members))}</group>')
        place = self._chance.choice(self._nodes)
        self._places.update({f"r{number}": place for number in members})

    def _clones(self, numbers: range) -> None:
        rest = iter(numbers)
        for count, number in enumerate(rest):
            second = next(rest, None) if count % 5 == 4 else None
            inside, meta = primitive(number), ""
            promotable = count % 5 == 2
            if second is not None:
                inside = f'<group id="cg{number}">{inside}{primitive(second)}</group>'
                self._cloned[f"r{second}"] = False
            elif promotable:
                inside = primitive(number, "Stateful")
                meta = (
                    f'<meta_attributes id="cl{number}-meta"><nvpair id="cl{number}-promotable" name="promotable" '
                    'value="true"/></meta_attributes>'
                )
            self._cloned[f"r{number}"] = promotable
            self._resources.append(f'<clone id="cl{number}">{meta}{inside}</clone>')

    def document(self, situation: Situation) -> str:
        """The whole document."""
        return (
            f'<cib crm_feature_set="{_FEATURE_SET}" validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" '
            'num_updates="0" have-quorum="1" dc-uuid="1"><configuration><crm_config>'
            '<cluster_property_set id="cib-bootstrap-options"><nvpair id="opt-fencing" name="stonith-enabled" '
            'value="false"/></cluster_property_set></crm_config><nodes>'
            + "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(self._nodes, 1))
            + f"</nodes><resources>{''.join(self._resources)}</resources>"
            f"<constraints>{''.join(self._constraints)}</constraints>"
            '<rsc_defaults><meta_attributes id="rsc-options"><nvpair id="rsc-options-stickiness" '
            'name="resource-stickiness" value="1000"/></meta_attributes></rsc_defaults></configuration><status>'
            + "".join(self._state(number, name, situation) for number, name in enumerate(self._nodes, 1))
            + "</status></cib>"
        )

    def _state(self, number: int, name: str, situation: Situation) -> str:
        lost = situation == "lost" and number == 2
        member = 'in_ccm="false" crmd="offline" join="down"' if lost else 'in_ccm="true" crmd="online" join="member"'
        histories = "" if situation == "cold" else "".join(self._histories(number, name))
        scores = "".join(
            f'<nvpair id="status-{number}-master-{resource}" name="master-{resource}" '
            f'value="{10 if number == 1 else 5}"/>'
            for resource, promotable in self._cloned.items()
            if promotable and situation != "cold"
        )
        return (
            f'<node_state id="{number}" uname="{name}" {member} expected="member" crm-debug-origin="bench">'
            f'<lrm id="{number}"><lrm_resources>{histories}</lrm_resources></lrm>'
            f'<transient_attributes id="{number}"><instance_attributes id="status-{number}">{scores}'
            "</instance_attributes></transient_attributes></node_state>"
        )

    def _histories(self, number: int, name: str) -> Iterator[str]:
        for call, (resource, place) in enumerate(self._places.items(), 1):
            if place == name:
                yield _history(resource, "Dummy", name, 3 * call, ("start", 0, 0), ("monitor", 10_000, 0))
            else:
                yield _history(resource, "Dummy", name, 3 * call, ("monitor", 0, 7))
        for call, (resource, promotable) in enumerate(self._cloned.items(), len(self._places) + 1):
            if promotable and number == 1:
                operations = [("promote", 0, 0)]
            else:
                operations = [("start", 0, 0), ("monitor", 10_000, 0)]
            yield _history(resource, "Stateful" if promotable else "Dummy", name, 3 * call, *operations)


def _history(resource: str, agent: str, node: str, call: int, *operations: tuple[str, int, int]) -> str:
    results = "".join(
        result(resource, *one, node, call + step, _digest(resource, one[1])) for step, one in enumerate(operations)
    )
    return f'<lrm_resource id="{resource}" class="ocf" provider="pacemaker" type="{agent}">{results}</lrm_resource>'


def _digest(resource: str, interval: int) -> str:
    timeout = ' CRM_meta_timeout="20000"' if interval else ""
    return md5(f' <parameters{timeout} fake="{resource[1:]}"/>\n'.encode(), usedforsecurity=False).hexdigest()
