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
        + "".join(_primitive(number) for number in range(first, first + GROUP_SIZE))
        + "</group>"
        for first in range(0, grouped, GROUP_SIZE)
    ]
    constraints = []
    for number in range(grouped, primitives):
        resources.append(_primitive(number))
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


def without(document: str, name: str) -> str:
    """The same cluster after this node was lost."""
    before, start, rest = document.partition("<node_state ")
    states = (start + rest).split("<node_state ")
    lost = [
        state.replace('in_ccm="true"', 'in_ccm="false"')
        .replace('crmd="online"', 'crmd="offline"')
        .replace('join="member"', 'join="down"')
        if f'uname="{name}"' in state.partition(">")[0]
        else state
        for state in states
    ]
    return before + "<node_state ".join(lost)


def _primitive(number: int) -> str:
    return (
        f'<primitive id="r{number}" class="ocf" provider="pacemaker" type="Dummy">'
        f'<instance_attributes id="r{number}-ia"><nvpair id="r{number}-fake" name="fake" value="{number}"/>'
        "</instance_attributes>"
        f'<operations><op id="r{number}-monitor" name="monitor" interval="10s" timeout="20s"/></operations></primitive>'
    )
