"""Which primitives launch a guest node: only what stands in the primitive itself counts."""

import pytest
from lxml import etree

from pengine.scheduler import schedule
from pengine.unpack import unpack_element

DOCUMENT = """<cib validate-with="pacemaker-3.5" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1" dc-uuid="1">
<configuration><crm_config><cluster_property_set id="o">
<nvpair id="o-1" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/></nodes>
<resources>
<template id="t" class="ocf" provider="heartbeat" type="Dummy">
<meta_attributes id="t-m"><nvpair id="t-m-1" name="remote-node" value="of-template"/></meta_attributes></template>
{primitive}
<primitive id="other" class="ocf" provider="heartbeat" type="Dummy">
<meta_attributes id="other-m"><nvpair id="other-m-1" name="remote-node" value="of-other"/></meta_attributes></primitive>
</resources><constraints/></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>"""

OWN = '<primitive id="vm" class="ocf" provider="heartbeat" type="Dummy">%s</primitive>'


def guests(primitive: str) -> set[str]:
    outcome = schedule(unpack_element(etree.fromstring(DOCUMENT.format(primitive=primitive))), 1_700_000_000)
    return {name for name in outcome.placements if name not in ("vm", "other", "of-other")}


def test_a_set_of_the_primitive_names_its_guest() -> None:
    one = '<meta_attributes id="m"><nvpair id="m-1" name="remote-node" value="guest"/></meta_attributes>'
    assert guests(OWN % one) == {"guest"}


@pytest.mark.parametrize(
    "primitive", ['<primitive id="vm" template="t"/>', OWN % '<meta_attributes id-ref="other-m"/>']
)
def test_sets_that_come_from_elsewhere_make_no_guest(primitive: str) -> None:
    assert guests(primitive) == set()


def test_the_last_value_counts_whatever_the_scores_of_the_sets_and_their_rules() -> None:
    two = (
        '<meta_attributes id="m" score="9"><nvpair id="m-1" name="remote-node" value="first"/></meta_attributes>'
        '<meta_attributes id="k"><rule id="r" score="0"><date_expression id="r-e" operation="lt" end="2001-01-01"/>'
        '</rule><nvpair id="k-1" name="remote-node" value="last"/></meta_attributes>'
    )
    assert guests(OWN % two) == {"last"}
