"""After a patch only what it touched is read again, however large the document is."""

from __future__ import annotations

import gc

import pytest

from bench.mixed import mixed
from cib.document import Document
from cib.patchset import Change, Create, Delete, Modify, Patch
from pengine.unpack import LiveDocument

RESOURCES = "/cib/configuration/resources"
STATE = "/cib/status/node_state[@id='2']"
HISTORY = f"{STATE}/lrm[@id='2']/lrm_resources/lrm_resource[@id='r7']"
RESULT = b'<lrm_rsc_op id="r7_last_failure_0" operation="monitor" interval="10000" call-id="99" rc-code="1"/>'
TRANSIENT = f"{STATE}/transient_attributes[@id='2']/instance_attributes[@id='status-2']"
FAILURE = b'<nvpair id="status-2-fail" name="fail-count-r7#monitor_10000" value="1"/>'
STOPPED = b'<meta_attributes id="m"><nvpair id="m-role" name="target-role" value="Stopped"/></meta_attributes>'
BAN = b'<rsc_location id="ban" rsc="r7" node="node1" score="-INFINITY"/>'


class Cluster:
    """Three nodes and twenty resources, and what is read of them."""

    def __init__(self) -> None:
        self.live = LiveDocument(Document.from_bytes(mixed(3, 20).encode()))
        self.state = self.live.state()

    def read_after(self, *changes: Change) -> int:
        """How many parts are read after these changes."""
        before = self.live.changes.readings
        self.live.take(Patch(changes))
        self.state = self.live.state()
        return self.live.changes.readings - before


def primitive(name: str) -> str:
    return f"{RESOURCES}/primitive[@id='{name}']"


def test_after_the_result_of_an_operation_one_history_is_read_and_its_node_put_together() -> None:
    cluster = Cluster()
    before = cluster.state
    assert cluster.read_after(Create(HISTORY, 1, RESULT)) == 2
    old, new = before.node_status, cluster.state.node_status
    assert [one is other for one, other in zip(old, new, strict=True)] == [True, False, True]
    again = [one.id for one, other in zip(old[1].resources, new[1].resources, strict=True) if one is not other]
    assert again == ["r7"]
    assert new[1].transient is old[1].transient
    assert cluster.state.resources is before.resources
    assert cluster.state.constraints is before.constraints
    assert cluster.state.nodes is before.nodes
    assert cluster.state.options is before.options


@pytest.mark.parametrize(
    ("change", "read"),
    [
        pytest.param(Create(TRANSIENT, 0, FAILURE), 2, id="a fail count: the node's attributes, the node"),
        pytest.param(Modify(STATE, (("id", "2"), ("uname", "node2"), ("crmd", "offline"))), 1, id="a node is lost"),
        pytest.param(Create("/cib/configuration/constraints", 0, BAN), 2, id="a constraint, and the list of them"),
        pytest.param(
            Create(primitive("r0"), 0, STOPPED), 4, id="a meta-attribute: the resource, twice, and two lists of them"
        ),
    ],
)
def test_a_small_change_makes_a_few_parts_be_read(change: Change, read: int) -> None:
    assert Cluster().read_after(change) == read


TEMPLATES = (
    b'<template id="t" class="ocf" provider="heartbeat" type="Dummy"/>',
    b'<primitive id="a" template="t"/>',
    b'<primitive id="b" template="t"/>',
)


def test_what_is_made_of_a_template_is_read_again_with_it() -> None:
    cluster = Cluster()
    cluster.read_after(*(Create(RESOURCES, position, xml) for position, xml in enumerate(TEMPLATES)))
    parameters = b'<instance_attributes id="p"><nvpair id="p-1" name="fake" value="9"/></instance_attributes>'
    cluster.read_after(Create(f"{RESOURCES}/template[@id='t']", 0, parameters))
    blocks = {item.id: item.parameters for item in cluster.state.resources}
    assert [block.sets[0].pairs for block in (blocks["a"], blocks["b"])] == [(("fake", "9"),)] * 2


GROUP = b'<group id="g"><primitive id="inside" template="t"/></group>'


def test_a_member_of_a_group_follows_its_template() -> None:
    cluster = Cluster()
    cluster.read_after(Create(RESOURCES, 0, TEMPLATES[0]), Create(RESOURCES, 1, GROUP))
    cluster.read_after(Modify(f"{RESOURCES}/template[@id='t']", (("id", "t"), ("class", "lsb"), ("type", "httpd"))))
    group = next(item for item in cluster.state.resources if item.id == "g")
    assert [(item.standard, item.type) for item in group.children] == [("lsb", "httpd")]


def test_a_template_that_comes_later_counts_for_what_names_it() -> None:
    cluster = Cluster()
    cluster.read_after(Create(RESOURCES, 0, GROUP), Create(RESOURCES, 1, TEMPLATES[1]))
    cluster.read_after(Create(RESOURCES, 0, TEMPLATES[0]))
    found = {item.id: item for item in cluster.state.resources}
    assert [item.type for item in (found["a"], found["g"].children[0])] == ["Dummy", "Dummy"]
    assert cluster.state.tags["t"] == ("inside", "a")


def test_a_reference_to_nothing_finds_what_comes_with_a_new_section() -> None:
    cluster = Cluster()
    cluster.read_after(Create(primitive("r0"), 0, b'<meta_attributes id-ref="status-2"/>'))
    cluster.read_after(Delete("/cib/status"))
    assert [block.id for block in cluster.state.resources[0].meta.sets] == [""]
    cluster.read_after(Create("/cib", 1, b'<status><x id="status-2"><nvpair name="priority" value="7"/></x></status>'))
    assert [block.pairs for block in cluster.state.resources[0].meta.sets] == [(("priority", "7"),)]


def test_a_set_that_refers_to_another_follows_it() -> None:
    cluster = Cluster()
    cluster.read_after(
        Create(primitive("r0"), 0, STOPPED), Create(primitive("r1"), 0, b'<meta_attributes id-ref="m"/>')
    )
    pair = f"{primitive('r0')}/meta_attributes[@id='m']/nvpair[@id='m-role']"
    cluster.read_after(Modify(pair, (("id", "m-role"), ("name", "target-role"), ("value", "Started"))))
    metas = {item.id: item.meta.sets for item in cluster.state.resources}
    assert metas["r0"][0].pairs == metas["r1"][0].pairs == (("target-role", "Started"),)


def test_a_document_that_is_let_go_leaves_nothing_to_the_cyclic_collector() -> None:
    """A worker that loads a large document anew would else have both in memory for long."""
    gc.collect()
    gc.disable()
    try:
        cluster = Cluster()
        cluster.read_after(Create(HISTORY, 1, RESULT))
        cluster.live.close()
        del cluster
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_what_leaves_the_document_is_not_kept() -> None:
    """Results that are replaced all day would otherwise fill the memory."""
    cluster = Cluster()
    cluster.read_after(Create(HISTORY, 1, RESULT))
    known = cluster.live.changes.remembered
    for _ in range(20):
        cluster.read_after(Delete(f"{HISTORY}/lrm_rsc_op[@id='r7_last_failure_0']"))
        cluster.read_after(Create(HISTORY, 1, RESULT))
    assert cluster.live.changes.remembered == known
