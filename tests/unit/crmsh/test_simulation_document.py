"""What a simulation writes into a document is what it says the status is afterwards."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cib.digests import operation_digest
from cib.record import fields
from cib.xml import Element
from crmsh.simulation.status_document import write_changes
from pengine.graph_builder import build_graph
from pengine.reading import read_cluster
from pengine.scheduler import decide
from pengine.simulation import OperationFailure, simulate
from pengine.simulation_events import PseudoActionDone, ResourceActionDone, ResultPretended
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
    values = [getattr(entry, name) for name in fields(entry)]
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


def test_the_digest_of_a_result_counts_parameters_whose_names_are_numbers() -> None:
    root, state = simulated("option stonith-enabled=false\nnode n1\nprimitive v heartbeat:IPaddr params 1=10.0.0.1", ())
    (entry,) = root.iterfind(".//lrm_rsc_op")
    assert entry.get("op-digest") == operation_digest({"1": "10.0.0.1"}, 0)
    cluster = read_cluster(state, 1_000_000)
    decide(cluster)
    assert build_graph(cluster).synapses == (), "or it would have to be restarted with other parameters"


GROUPS = """
option stonith-enabled=false
node n1
primitive a ocf:heartbeat:Dummy
primitive b ocf:heartbeat:Dummy
group g a
group h b
primitive c ocf:heartbeat:Dummy
clone k c
"""


def steps_after(text: str, resource: str, task: str = "start") -> list[str]:
    """What goes on after an operation failed: names of points of the graph and of resources."""
    root, now = build(text)
    cluster = read_cluster(unpack_element(root), now)
    decide(cluster)
    failure = OperationFailure(resource, task, 0, "n1", 1)
    events = simulate(cluster, build_graph(cluster), (failure,)).events
    failed = next(place for place, event in enumerate(events) if isinstance(event, ResultPretended))
    return [
        event.task_key if isinstance(event, PseudoActionDone) else event.resource for event in events[failed:]
        if isinstance(event, PseudoActionDone | ResourceActionDone)
    ]  # fmt: skip


def test_after_a_failure_points_that_do_not_depend_on_it_are_still_passed() -> None:
    assert steps_after(GROUPS, "b") == ["g_running_0"], (
        "neither the group of b nor the clone, which waits for its start"
    )


def test_after_a_failure_what_has_the_highest_priority_goes_on_even_where_it_depends_on_it() -> None:
    assert steps_after(GROUPS, "c") == ["k_running_0", "g_running_0", "h_running_0"]


def test_a_notification_is_kept_by_what_it_tells_and_has_no_failure() -> None:
    text = (
        "option stonith-enabled=false\nnode n1\nprimitive p ocf:heartbeat:Dummy\n"
        "clone c p meta notify=true\nhistory n1 p monitor 7 expected=7"
    )
    root, state = simulated(text, (OperationFailure("p", "notify", 0, "n1", 1),))
    (entry,) = [item for item in root.iterfind(".//lrm_rsc_op") if item.get("operation") == "notify"]
    assert (entry.get("id"), entry.get("operation_key")) == ("p_post_notify_start_0", "p_notify_0")
    assert entry.get("rc-code") == "0"
    assert status_of(unpack_element(root)) == status_of(state)
