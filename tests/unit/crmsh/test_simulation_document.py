"""What a simulation writes into a document is what it says the status is afterwards."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cib.xml import Element
from crmsh.simulation.status_document import write_changes
from pengine.graph_builder import build_graph
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.simulation import OperationFailure, simulate
from pengine.state import ClusterState, HistoryEntry
from pengine.unpack import unpack_element
from tests.transcripts.pengine.clusters import build
from tests.unit.pengine.test_scheduler import NODES, RESOURCES, clusters

FAILURES = st.builds(
    OperationFailure,
    st.sampled_from(RESOURCES),
    st.sampled_from(["start", "stop", "monitor"]),
    st.sampled_from([0, 0, 10000]),
    st.sampled_from(NODES),
    st.sampled_from([0, 1, 7]),
)


def entry_of(entry: HistoryEntry) -> tuple[object, ...]:
    values = [getattr(entry, name) for name in HistoryEntry.__dataclass_fields__]
    return tuple("" if value is None else value for value in values)


def status_of(state: ClusterState) -> list[tuple[object, ...]]:
    """All that the policy engine reads of the status, in its order."""
    return [
        (
            status.id,
            status.name,
            {name: value for name, value in status.attributes.items() if name != "crm-debug-origin"},
            [pair for values in status.transient.sets for pair in values.pairs],
            [
                (history.id, history.standard, history.provider, history.type, [*map(entry_of, history.entries)])
                for history in status.resources
            ],
        )
        for status in state.node_status
    ]


def simulated(text: str, failures: tuple[OperationFailure, ...]) -> tuple[Element, ClusterState]:
    root, now = build(text)
    cluster = read_cluster(unpack_element(root), now)
    decide(cluster)
    simulation = simulate(cluster, build_graph(cluster), failures)
    write_changes(root, simulation.changes)
    return root, simulation.state


@settings(max_examples=60, deadline=None)
@given(clusters(), st.lists(FAILURES, max_size=2))
def test_the_document_says_what_the_simulated_state_says(text: str, failures: list[OperationFailure]) -> None:
    root, state = simulated(text, tuple(failures))
    assert status_of(unpack_element(root)) == status_of(state)


def test_a_node_that_was_fenced_is_down_in_the_document_too() -> None:
    text = "node n1\nnode n2 lost\nprimitive f stonith:fence_x\nprimitive r ocf:heartbeat:Dummy\n"
    root, state = simulated(text + "history n1 f start 0\nhistory n2 r start 0", ())
    assert status_of(unpack_element(root)) == status_of(state)
    (down,) = root.findall("status/node_state[@uname='n2']")
    assert (down.get("crmd"), len(down)) == ("offline", 0)


def test_a_new_result_takes_the_place_of_the_old_one_and_leaves_what_it_does_not_say() -> None:
    root, _ = build("option stonith-enabled=false\nnode n1\nprimitive r ocf:heartbeat:Dummy\nhistory n1 r stop 0")
    (old,) = root.iterfind(".//lrm_rsc_op")
    old.set("id", "r_last_0")
    old.set("op-force-restart", " state ")
    cluster = read_cluster(unpack_element(root), 1_000_000)
    decide(cluster)
    simulation = simulate(cluster, build_graph(cluster))
    write_changes(root, simulation.changes)
    (new,) = root.iterfind(".//lrm_rsc_op")
    assert (new.get("operation"), new.get("op-force-restart"), new.get("call-id")) == ("start", " state ", "2")
    assert status_of(unpack_element(root)) == status_of(simulation.state)
