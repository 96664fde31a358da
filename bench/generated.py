"""Clusters of any size, made the same way each time: groups, colocations, orders and preferences."""

import random

GROUP_SIZE = 4
_SEED = 20


def cluster(primitives: int, nodes: int) -> str:
    """A cib.xml with so many primitives and nodes, all of them online, nothing probed or started yet.

    Two fifths of the primitives are members of groups. Of the others every third goes with one before it, every fourth
    starts after one, and every second prefers a node.
    """
    chance = random.Random(_SEED)
    names = [f"node{number}" for number in range(1, nodes + 1)]
    grouped = primitives * 2 // 5 // GROUP_SIZE * GROUP_SIZE
    resources = [
        f'<group id="g{first}">'
        + "".join(primitive(number) for number in range(first, first + GROUP_SIZE))
        + "</group>"
        for first in range(0, grouped, GROUP_SIZE)
    ]
    constraints = []
    for number in range(grouped, primitives):
        resources.append(primitive(number))
        # A partner that is close by: what is tied together in real clusters is small.
        partner = number - chance.randint(1, 3)
        if number % 3 == 0 and partner >= grouped:
            constraints.append(
                f'<rsc_colocation id="c{number}" rsc="r{number}" with-rsc="r{partner}" score="INFINITY"/>'
            )
        if number % 4 == 0 and partner >= grouped:
            constraints.append(f'<rsc_order id="o{number}" first="r{partner}" then="r{number}"/>')
        if number % 2 == 0:
            constraints.append(
                f'<rsc_location id="l{number}" rsc="r{number}" node="{chance.choice(names)}" score="100"/>'
            )
    return (
        '<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" '
        'have-quorum="1" dc-uuid="1"><configuration><crm_config><cluster_property_set id="cib-bootstrap-options">'
        '<nvpair id="opt-fencing" name="stonith-enabled" value="false"/></cluster_property_set></crm_config><nodes>'
        + "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(names, 1))
        + f"</nodes><resources>{''.join(resources)}</resources><constraints>{''.join(constraints)}</constraints>"
        "</configuration><status>"
        + "".join(
            f'<node_state id="{number}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member" '
            f'crm-debug-origin="bench"><lrm id="{number}"><lrm_resources/></lrm></node_state>'
            for number, name in enumerate(names, 1)
        )
        + "</status></cib>"
    )


def without(document: str, places: dict[str, str], lost: str) -> str:
    """The same cluster with its resources running at `places` (resource -> node), just after node `lost` is gone."""
    nodes = [line.partition('"')[0] for line in document.split('" uname="')[1:]]
    names = list(dict.fromkeys(nodes))
    states = "".join(_state(number, name, places, name == lost) for number, name in enumerate(names, 1))
    return document.partition("<status>")[0] + f"<status>{states}</status></cib>"


def _state(number: int, name: str, places: dict[str, str], lost: bool) -> str:
    member = 'in_ccm="false" crmd="offline" join="down"' if lost else 'in_ccm="true" crmd="online" join="member"'
    histories = "".join(
        f'<lrm_resource id="{resource}" class="ocf" provider="pacemaker" type="Dummy">'
        + result(resource, "start" if place == name else "monitor", 0, 0 if place == name else 7, name, 2 * call)
        + (result(resource, "monitor", 10_000, 0, name, 2 * call + 1) if place == name else "")
        + "</lrm_resource>"
        for call, (resource, place) in enumerate(places.items(), 1)
    )
    return (
        f'<node_state id="{number}" uname="{name}" {member} expected="member" crm-debug-origin="bench">'
        f'<lrm id="{number}"><lrm_resources>{histories}</lrm_resources></lrm></node_state>'
    )


def result(
    resource: str, operation: str, interval: int, code: int, node: str, call: int, digest: str | None = None
) -> str:
    """A history entry of an operation that ended as expected."""
    key = f"{call}:1:{code}:00000000-0000-4000-8000-000000000000"
    name = f"{resource}_{'monitor_10000' if interval else 'last_0'}"
    return (
        f'<lrm_rsc_op id="{name}" operation_key="{resource}_{operation}_{interval}" operation="{operation}" '
        f'crm-debug-origin="bench" crm_feature_set="3.16.1" transition-key="{key}" transition-magic="0:{code};{key}" '
        f'exit-reason="" on_node="{node}" call-id="{call}" rc-code="{code}" op-status="0" interval="{interval}" '
        'last-rc-change="1690000000" exec-time="10" queue-time="0"' + (f' op-digest="{digest}"/>' if digest else "/>")
    )


def primitive(number: int, agent: str = "Dummy") -> str:
    """A primitive rNUMBER with one parameter and a monitor."""
    return (
        f'<primitive id="r{number}" class="ocf" provider="pacemaker" type="{agent}">'
        f'<instance_attributes id="r{number}-ia"><nvpair id="r{number}-fake" name="fake" value="{number}"/>'
        "</instance_attributes>"
        f'<operations><op id="r{number}-monitor" name="monitor" interval="10s" timeout="20s"/></operations></primitive>'
    )
