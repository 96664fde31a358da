"""What the scheduler's door promises: determinism, reasons, graphs that can be carried out."""

from __future__ import annotations

from datetime import timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pengine.graph import CRM_EVENT, PSEUDO_EVENT, Action, Graph
from pengine.graph_builder import build_graph
from pengine.graph_xml import graph_to_xml
from pengine.reading import read_cluster
from pengine.scheduler import Outcome, decide, schedule
from pengine.simulation import simulate
from pengine.unpack import unpack_element
from tests.transcripts.pengine.clusters import build

FENCED = """
node n1
node n2 lost
primitive fence stonith:fence_lab
primitive vip ocf:heartbeat:IPaddr2 params ip=10.0.0.1 op monitor interval=10s timeout=20s
location prefer vip 50 n1
history n1 fence start 0
history n2 vip start 0
history n1 vip monitor 7
"""


def outcome_of(text: str) -> Outcome:
    root, now = build(text)
    return schedule(unpack_element(root), now)


def action(graph: Graph, key: str) -> Action:
    return next(item for synapse in graph.synapses for item in synapse.actions if item.task_key == key)


def inputs_of(graph: Graph, key: str) -> set[str]:
    names = {item.id: item.task_key for synapse in graph.synapses for item in synapse.actions}
    synapse = next(synapse for synapse in graph.synapses if synapse.actions[0].task_key == key)
    return {names[identifier] for identifier in synapse.inputs}


def test_a_start_waits_for_the_fencing_of_the_lost_node() -> None:
    graph = outcome_of(FENCED).graph
    fencing = action(graph, "stonith-n2-reboot")
    assert fencing.kind == CRM_EVENT
    assert fencing.downed == ["id-n2"]
    assert action(graph, "vip_stop_0").kind == PSEUDO_EVENT
    assert inputs_of(graph, "vip_start_0") == {"stonith-n2-reboot", "vip_stop_0"}
    assert inputs_of(graph, "vip_monitor_10000") == {"vip_start_0"}


def test_an_action_carries_parameters_and_settings() -> None:
    start = action(outcome_of(FENCED).graph, "vip_start_0")
    assert start.attributes is not None
    assert start.attributes["ip"] == "10.0.0.1"
    monitor = action(outcome_of(FENCED).graph, "vip_monitor_10000")
    assert monitor.attributes is not None
    assert monitor.attributes["CRM_meta_interval"] == "10000"
    assert monitor.attributes["CRM_meta_timeout"] == "20000"
    assert monitor.resource is not None
    assert (monitor.resource.id, monitor.resource.provider) == ("vip", "heartbeat")


def test_the_ledger_adds_up_to_the_score_that_decided() -> None:
    outcome = outcome_of(FENCED)
    entries = outcome.ledger.explain("vip", "n1")
    assert [(entry.source, entry.constraint, entry.amount) for entry in entries] == [("location", "prefer", 50)]
    assert entries[-1].result == 50
    assert "pcmk__primitive_assign: vip allocation score on n1: 50" in outcome.scores


def test_without_a_fence_device_the_notes_say_why_nothing_starts() -> None:
    outcome = outcome_of("node n1\nprimitive vip ocf:heartbeat:IPaddr2\n")
    assert not any(item.task == "start" for synapse in outcome.graph.synapses for item in synapse.actions)
    assert any("no fence device is configured" in note for note in outcome.notes)


def test_a_constraint_about_something_unknown_is_ignored_and_told() -> None:
    outcome = outcome_of("option stonith-enabled=false\nnode n1\nprimitive a ocf:x:y\norder o Mandatory b a\n")
    assert any("constraint o is ignored: there is no resource 'b'" in note for note in outcome.notes)
    assert action(outcome.graph, "a_start_0").node_name == "n1"


def test_one_state_serves_many_runs_with_the_same_result() -> None:
    root, now = build(FENCED)
    state = unpack_element(root)
    first = graph_to_xml(schedule(state, now).graph)
    assert graph_to_xml(schedule(state, now).graph) == first


def test_time_that_changes_a_decision_is_told() -> None:
    text = """
option stonith-enabled=false
node n1
primitive vip ocf:heartbeat:IPaddr2 op monitor interval=10s meta failure-timeout=100s
history n1 vip start 0
history n1 vip monitor=10000 7 at=999980
attribute n1 fail-count-vip#monitor_10000=1 last-failure-vip#monitor_10000=999980
"""
    assert outcome_of(text).graph.recheck_at == 999_980 + 100 + 1


def test_dates_without_an_offset_are_in_the_zone_of_the_state() -> None:
    text = "option stonith-enabled=false\nnode n1\nprimitive vip ocf:heartbeat:IPaddr2\n"
    root, now = build(text)  # 13:46:40 UTC
    configuration = root.find("configuration")
    assert configuration is not None
    constraints = configuration.find("constraints")
    assert constraints is not None
    constraints.append(
        etree.fromstring(
            '<rsc_location id="l" rsc="vip"><rule id="r" score="-INFINITY"><date_expression id="d" operation="gt" '
            'start="1970-01-12 14:00:00"/></rule></rsc_location>'
        )
    )
    east = timezone(timedelta(hours=1))
    assert schedule(unpack_element(root), now).placements["vip"].node == "n1"
    assert schedule(unpack_element(root, east), now).placements["vip"].node is None


def test_a_bundle_brings_its_container_its_address_and_a_guest() -> None:
    text = """
option stonith-enabled=false
node n1
primitive web ocf:heartbeat:Dummy
bundle webs registry/web 1 10.0.0.100 web
"""
    graph = outcome_of(text).graph
    container = action(graph, "webs-podman-0_start_0")
    assert container.attributes is not None
    assert container.attributes["image"] == "registry/web"
    assert "--add-host=webs-0:10.0.0.100" in container.attributes["run_opts"]
    assert action(graph, "web:0_start_0").router_node == "n1"
    assert "webs-podman-0_start_0" in inputs_of(graph, "webs-0_start_0")


NODES = ("n1", "n2", "n3")
RESOURCES = ("a", "b", "c", "d")


@st.composite
def clusters(draw: st.DrawFn) -> str:
    lines = ["option stonith-enabled=false"]
    for node in NODES:
        state = draw(st.sampled_from(["online", "online", "online standby=on", "offline"]))
        lines.append(f"node {node} {state}")
    lines += [f"primitive {name} ocf:heartbeat:Dummy op monitor interval=10s" for name in RESOURCES]
    if draw(st.booleans()):
        lines.append("group g c d")
    tops = ("a", "b", "g") if "group g c d" in lines else RESOURCES
    for number in range(draw(st.integers(0, 3))):
        resource, node = draw(st.sampled_from(tops)), draw(st.sampled_from(NODES))
        lines.append(f"location l{number} {resource} {draw(st.sampled_from(['100', '-50', '-INFINITY']))} {node}")
    for number in range(draw(st.integers(0, 2))):
        first, then = draw(st.permutations(tops))[:2]
        first, then = sorted((first, then))
        lines.append(f"order o{number} {draw(st.sampled_from(['Mandatory', 'Optional']))} {first} {then}")
        score = draw(st.sampled_from(["INFINITY", "100", "-INFINITY"]))
        lines.append(f"colocation c{number} {score} {then} {first}")
    for name in RESOURCES:
        where = draw(st.sampled_from((None, *NODES)))
        if where is not None:
            lines.append(f"history {where} {name} start 0")
            lines.append(f"history {where} {name} monitor=10000 {draw(st.sampled_from(['0', '0', '7']))}")
    return "\n".join(lines)


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_a_graph_can_be_carried_out_and_leads_to_a_state_that_needs_nothing(text: str) -> None:
    root, now = build(text)
    cluster = read_cluster(unpack_element(root), now)
    decide(cluster)
    simulation = simulate(cluster, build_graph(cluster))
    assert simulation.complete
    again = schedule(simulation.state, now)
    assert [item.task_key for synapse in again.graph.synapses if not synapse.inputs for item in synapse.actions] == []


def test_what_waits_for_something_that_nobody_does_names_it() -> None:
    """As Pacemaker: a start that is blocked late, because of a colocation, leaves its monitor in the graph."""
    root, now = build(
        """option stonith-enabled=false
node n1
primitive b ocf:heartbeat:Dummy
primitive c ocf:heartbeat:Dummy
primitive d ocf:heartbeat:Dummy op monitor interval=10s
location l b -50 n1
order c-then-d Mandatory c d
colocation d-with-c INFINITY d c
order b-then-c Mandatory b c
history n1 b monitor 7
history n1 c monitor 7
history n1 d monitor 7"""
    )
    graph = schedule(unpack_element(root), now).graph

    assert [item.task_key for synapse in graph.synapses for item in synapse.actions] == ["d_monitor_10000"]
    assert [item.task_key for item in graph.outside] == ["d_start_0"]
    assert 'operation_key="d_start_0" on_node="n1"' in graph_to_xml(graph)


def test_a_guest_that_is_said_to_host_itself_is_decided_about_nevertheless() -> None:
    root, now = build("node guest\nprimitive vm ocf:heartbeat:Dummy meta remote-node=guest\nhistory guest vm start 0")
    state = root.find("status/node_state")
    listed = root.find("configuration/nodes")
    assert state is not None
    assert listed is not None
    del listed[:]
    state.set("id", "guest")
    outcome = schedule(unpack_element(root), now)
    assert simulate(outcome.cluster, outcome.graph).complete


def test_a_resource_whose_name_is_taken_is_ignored_and_told() -> None:
    root, now = build(
        "option stonith-enabled=false\nnode n1\nprimitive r ocf:heartbeat:Dummy\nprimitive s ocf:heartbeat:Dummy"
    )
    twin = next(item for item in root.iter("primitive") if item.get("id") == "s")
    twin.set("id", "r")
    outcome = schedule(unpack_element(root), now)
    assert list(outcome.placements) == ["r"]
    assert "resource r is ignored: there is one of that name already" in outcome.notes


def test_a_connection_that_was_removed_may_have_the_name_of_a_group() -> None:
    root, now = build(
        "option stonith-enabled=false\nnode n1\nprimitive r ocf:heartbeat:Dummy\ngroup g r\n"
        "primitive old ocf:pacemaker:remote\nhistory n1 old start 0"
    )
    configured = next(item for item in root.iter("primitive") if item.get("id") == "old")
    section = configured.getparent()
    assert section is not None
    section.remove(configured)
    for element in root.iter("lrm_resource"):
        element.set("id", "g")
    outcome = schedule(unpack_element(root), now)
    assert outcome.placements["g"].node is None
    assert outcome.placements["r"].node == "n1"


def test_a_bundle_of_whose_parts_one_exists_already_is_ignored_and_told() -> None:
    root, now = build("option stonith-enabled=false\nnode n1\nprimitive b-podman-0 ocf:heartbeat:Dummy")
    resources = root.find("configuration/resources")
    assert resources is not None
    etree.SubElement(etree.SubElement(resources, "bundle", id="b"), "podman", image="i")
    outcome = schedule(unpack_element(root), now)
    assert list(outcome.placements) == ["b-podman-0"]
    assert "bundle b is ignored: the name of its part b-podman-0 is taken" in outcome.notes


def test_parameters_whose_names_no_attribute_can_have_go_into_elements_of_the_graph() -> None:
    root, now = build(
        "option stonith-enabled=false\nnode n1\nprimitive r ocf:heartbeat:Dummy params plain=1 2nd=2 dotted.name-x=3"
    )
    pair = next(item for item in root.iter("nvpair") if item.get("name") == "plain")
    pair.set("name", "two words")
    graph = etree.fromstring(graph_to_xml(schedule(unpack_element(root), now).graph))
    start = next(item for item in graph.iter("rsc_op") if item.get("operation") == "start")
    assert [item.get("name") for item in start.iter("param")] == ["2nd", "two words"]
    assert start.find("attributes[@dotted.name-x='3']") is not None
