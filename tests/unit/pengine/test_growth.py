"""How the work of a decision grows: in proportion to resources and nodes, counted in calls, which no load disturbs."""

import cProfile
import math
from collections.abc import Callable

import pytest

from bench.mixed import SITUATIONS, Situation, mixed
from cib.document import Document
from pengine import scheduler
from pengine.form import COMPILED, form
from pengine.unpack import unpack

_EXPONENT_MAX = 1.15
_NOW = 1_700_000_000

pytestmark = pytest.mark.skipif(form() == COMPILED, reason="calls inside compiled modules can't be counted")


def _calls(document: str) -> int:
    state = unpack(Document.from_bytes(document.encode()))
    profile = cProfile.Profile()
    profile.enable()
    scheduler.schedule(state, _NOW)
    profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def _exponent(make: Callable[[int], str], small: int, growth: float) -> float:
    """The exponent of growth from `small` to twice that size, which is `growth` times as much to do."""
    return math.log(_calls(make(2 * small)) / _calls(make(small))) / math.log(growth)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_twice_the_resources_on_twice_the_nodes_take_four_times_the_work(situation: Situation) -> None:
    assert _exponent(lambda nodes: mixed(nodes, 15 * nodes, situation), 6, 4) <= _EXPONENT_MAX


@pytest.mark.parametrize("clones", ["", "promotable"])
def test_a_clone_takes_twice_the_work_on_twice_the_nodes(clones: str) -> None:
    assert _exponent(lambda nodes: _cloned(nodes, clones), 12, 2) <= _EXPONENT_MAX


def test_where_all_of_a_set_wait_for_all_of_another_each_pair_takes_the_same_work_when_a_node_is_lost() -> None:
    assert _exponent(_ordered, 60, 4) <= _EXPONENT_MAX


def _document(nodes: int, resources: str, constraints: str, histories: Callable[[int], str]) -> str:
    states = "".join(
        f'<node_state id="{number}" uname="n{number}" in_ccm="{"false" if number == 2 else "true"}" '
        f'crmd="{"offline" if number == 2 else "online"}" join="{"down" if number == 2 else "member"}" '
        f'expected="member"><lrm id="{number}"><lrm_resources>{histories(number)}</lrm_resources></lrm></node_state>'
        for number in range(1, nodes + 1)
    )
    members = "".join(f'<node id="{number}" uname="n{number}"/>' for number in range(1, nodes + 1))
    return (
        '<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" '
        'have-quorum="1" dc-uuid="1"><configuration><crm_config><cluster_property_set id="options">'
        '<nvpair id="fencing" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>'
        f"<nodes>{members}</nodes><resources>{resources}</resources><constraints>{constraints}</constraints>"
        f"</configuration><status>{states}</status></cib>"
    )


def _started(resource: str, call: int) -> str:
    return _history(resource, "start", 0, call)


def _probed(resource: str, call: int) -> str:
    return _history(resource, "monitor", 7, call)


def _history(resource: str, task: str, code: int, call: int) -> str:
    key = f'transition-key="{call}:1:{code}:u" transition-magic="0:{code};{call}:1:{code}:u"'
    return (
        f'<lrm_resource id="{resource}" class="ocf" provider="pacemaker" type="Stateful"><lrm_rsc_op '
        f'id="{resource}_last_0" operation_key="{resource}_{task}_0" operation="{task}" {key} call-id="{call}" '
        f'rc-code="{code}" op-status="0" interval="0" last-rc-change="1690000000"/></lrm_resource>'
    )


def _primitive(name: str) -> str:
    return f'<primitive id="{name}" class="ocf" provider="pacemaker" type="Stateful"/>'


def _cloned(nodes: int, flag: str) -> str:
    """Two clones, one after and with the other, that run on every node but the second, which is gone."""
    value = "true" if flag else "false"
    clones = "".join(
        f'<clone id="c{number}"><meta_attributes id="m{number}"><nvpair id="p{number}" name="promotable" '
        f'value="{value}"/><nvpair id="i{number}" name="interleave" value="true"/></meta_attributes>'
        f"{_primitive(f'r{number}')}</clone>"
        for number in (1, 2)
    )
    constraints = (
        '<rsc_order id="o" first="c1" then="c2"/><rsc_colocation id="w" rsc="c2" with-rsc="c1" score="INFINITY"/>'
    )
    return _document(nodes, clones, constraints, lambda _: _started("r1", 1) + _started("r2", 2))


def _ordered(length: int) -> str:
    """Resources of which the second half starts after the first, spread over four nodes, one of which is gone."""
    names = [f"r{number}" for number in range(length)]
    sets = "".join(
        f'<resource_set id="s{half}" sequential="false">'
        + "".join(f'<resource_ref id="{name}"/>' for name in names[half * length // 2 : (half + 1) * length // 2])
        + "</resource_set>"
        for half in (0, 1)
    )
    constraint = f'<rsc_order id="o">{sets}</rsc_order>'

    def histories(node: int) -> str:
        return "".join(
            _started(name, call) if call % 4 + 1 == node else _probed(name, call) for call, name in enumerate(names, 1)
        )

    return _document(4, "".join(map(_primitive, names)), constraint, histories)
