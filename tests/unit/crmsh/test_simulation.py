"""crm_simulate: what is put in, what is decided, what would happen, and what is written where."""

from __future__ import annotations

import bz2
import io
import sys
from pathlib import Path

import pytest

from cib.document import Document
from crmsh import crm_simulate
from crmsh.options import UsageError
from crmsh.simulation.injection import parse_operation
from pengine.graph import Graph
from pengine.graph_builder import build_graph
from pengine.simulation import FAKE_UUID
from pengine.working import Cluster
from tests.unit.crmsh.simulated import CLUSTER, Captured, Lab, new_lab


@pytest.fixture
def lab(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return new_lab(tmp_path, capsys, monkeypatch)


def version(document: Document) -> tuple[str | None, str | None]:
    return document.root.get("epoch"), document.root.get("num_updates")


def values(document: Document, path: str) -> dict[str, str]:
    """The attributes of the one element that the path matches."""
    (element,) = document.root.findall(path)
    return {str(name): str(value) for name, value in element.attrib.items()}


# --- what is shown


def test_without_any_option_only_the_status_is_shown(lab: Lab) -> None:
    done = lab.run()
    assert done.out == (
        "Current cluster status:\n"
        "  * Node List:\n"
        "    * Online: [ n1 n2 ]\n"
        "\n"
        "  * Full List of Resources:\n"
        "    * a\t(ocf:pacemaker:Dummy):\t Stopped\n"
        "    * b\t(ocf:pacemaker:Dummy):\t Stopped\n"
        "    * Clone Set: c [p]:\n"
        "      * Stopped: [ n1 n2 ]\n"
    )
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("option", ["-R", "-s", "-U", "-S", "-Fa_stop_0@n1=1"])
def test_what_needs_a_decision_shows_what_would_be_done(lab: Lab, option: str) -> None:
    assert "Transition Summary:" in lab.run(option).out


def test_only_a_simulation_shows_the_steps_and_the_status_afterwards(lab: Lab) -> None:
    assert "Executing Cluster Transition:" not in lab.run("-R").out
    done = lab.run("-S")
    assert "* Resource action: a               monitor=10000 on n1" in done.part("Executing Cluster Transition:")
    assert "    * a\t(ocf:pacemaker:Dummy):\t Started n1\n" in done.out.partition("Revised Cluster Status:\n")[2]


def test_capacities_are_shown_before_and_after_with_what_each_resource_takes(lab: Lab) -> None:
    shown = lab.run("-U").part("Utilization Information:")
    assert shown[0] == "* Original: n1 capacity: cpu=4 mem=8"
    assert "* pcmk__assign_resource: a utilization on n1: cpu=3" in shown
    assert shown[-2:] == ["* Remaining: n1 capacity: cpu=1 mem=8", "* Remaining: n2 capacity:"]
    assert not any("allocation score" in line for line in shown)


def test_what_a_node_does_not_say_that_it_has_is_never_owed(lab: Lab) -> None:
    assert lab.run("-U", "-d", "n1").part("Utilization Information:")[-1] == "* Remaining: n2 capacity: cpu=0"


def test_capacities_of_remote_nodes_are_shown_as_well(lab: Lab) -> None:
    remote = '<primitive id="r1" class="ocf" provider="pacemaker" type="remote"/><primitive id="b"'
    lab.path.write_text(CLUSTER.replace('<primitive id="b"', remote))
    assert "* Original: r1 capacity:" in lab.run("-U").part("Utilization Information:")


def test_scores_and_utilization_are_told_in_the_order_in_which_they_came_about(lab: Lab) -> None:
    shown = lab.run("-sU").part("Assignment Scores and Utilization Information:")
    score = shown.index("* pcmk__primitive_assign: a allocation score on n2: 0")
    assert shown[score + 1] == "* pcmk__assign_resource: a utilization on n1: cpu=3"
    assert "Assignment Scores:" in lab.run("-s").out


def test_quiet_leaves_only_scores_without_marks(lab: Lab) -> None:
    done = lab.run("-QsS")
    assert done.out.startswith("pcmk__primitive_assign: a allocation score on n1: 0\n")
    assert lab.run("-QS").out == ""


def test_attributes_fail_counts_and_failures_are_shown_below_the_resources(lab: Lab) -> None:
    out = lab.run("-Ac", "-S", "-F", "b_start_0@n2=1").out
    before, _, after = out.partition("Transition Summary:")
    assert "  * Node Attributes:\n    * Node: n1:\n      * site                            \t: east      \n" in before
    assert "  * Migration Summary:\n" in before
    assert "      * b: migration-threshold=1000000 fail-count=INFINITY last-failure=" in after
    assert "  * Failed Resource Actions:\n    * b_start_0 on n2 'Error occurred' (1): call=2, status='Done'" in after


def test_columns_of_the_summary_are_as_wide_from_the_first_line_on_as_the_longest_entry_makes_them(lab: Lab) -> None:
    lab.path.write_text(CLUSTER.replace('id="b"', 'id="service"').replace('"b"', '"service"'))
    assert lab.run("-R").part("Transition Summary:")[:2] == [
        "* Start      a           (    n1 )",
        "* Start      service     (    n2 )",
    ]


def test_a_name_of_five_letters_needs_no_wider_column(lab: Lab) -> None:
    lab.path.write_text(CLUSTER.replace('id="b"', 'id="dummy"').replace('"b"', '"dummy"'))
    assert lab.run("-R").part("Transition Summary:")[1] == "* Start      dummy   (    n2 )"


def test_a_drawing_has_the_numbers_of_actions_where_more_is_asked_for(lab: Lab) -> None:
    drawing = lab.path.parent / "graph.dot"
    lab.run("-D", str(drawing))
    assert '"a_start_0 n1" [ style=bold' in drawing.read_text()
    lab.run("-VD", str(drawing))
    assert '"a_start_0 n1 (7)" [ style=bold' in drawing.read_text()


def test_the_time_is_told_before_the_status_and_again_after_every_change(lab: Lab) -> None:
    line = "Setting effective cluster time: 2024-01-01 00:00:00Z"
    out = lab.run("-S", "-u", "n1", "-t", "2024-01-01 00:00:00Z").out
    assert out.startswith(f"{line}\nCurrent cluster status:\n")
    assert f"  * Bringing node n1 online\n{line}\n\nTransition Summary:" in out
    assert f"{line}\n\nRevised Cluster Status:" in out


# --- what is put in


def test_everything_that_is_put_in_is_told_in_a_fixed_order(lab: Lab) -> None:
    done = lab.run(
        *("-i", "a_monitor_10000@n2=7", "-e", "t4", "-b", "t3", "-r", "t2", "-g", "t1"),
        *("-f", "n1", "-d", "n2", "-u", "n7", "-w", "true", "-q", "false"),
    )
    told = done.part("Performing Requested Modifications:")
    assert told[:-1] == [
        "* Setting quorum: false",
        "* Setting watchdog: true",
        "* Bringing node n7 online",
        "* Taking node n2 offline",
        "* Failing node n1",
        "* Granting ticket t1",
        "* Revoking ticket t2",
        "* Making ticket t3 standby",
        "* Activating ticket t4",
        "* Injecting a_monitor_10000@n2=7 into the configuration",
        "* Injecting attribute fail-count-a#monitor_10000=1 into /node_state '2'",
    ]
    assert told[-1].startswith("* Injecting attribute last-failure-a#monitor_10000=")


def test_a_node_that_goes_away_leaves_neither_history_nor_attributes(lab: Lab) -> None:
    document = lab.saved("-d", "n2")
    assert values(document, "status/node_state[@uname='n2']") == {
        "id": "2", "uname": "n2", "in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down",
        "crm-debug-origin": "crm_simulate",
    }  # fmt: skip
    assert document.root.findall("status/node_state[@uname='n2']/*") == []
    assert version(document) == ("5", "10"), "the state, the history and the attributes are a change each"


def test_a_node_that_is_not_there_yet_is_added_to_the_configuration(lab: Lab) -> None:
    document = lab.saved("-u", "n7")
    assert values(document, "configuration/nodes/node[@uname='n7']") == {"id": "n7", "uname": "n7"}
    assert values(document, "status/node_state[@uname='n7']")["join"] == "member"
    assert version(document) == ("6", "2")


def test_a_node_that_fails_is_no_member_any_more_but_expected_to_be(lab: Lab) -> None:
    state = values(lab.saved("-f", "n1"), "status/node_state[@uname='n1']")
    assert (state["in_ccm"], state["crmd"], state["join"], state["expected"]) == ("false", "online", "member", "member")


def test_names_of_nodes_are_known_in_whatever_letters(lab: Lab) -> None:
    document = lab.saved("-d", "N1")
    assert len(document.root.findall("configuration/nodes/node")) == 2
    assert values(document, "status/node_state[@uname='n1']")["crmd"] == "offline"


@pytest.mark.parametrize("option", ["--node-down=n9", "--op-inject=a_start_0@n9=1"])
def test_a_node_that_is_named_but_not_there_is_told_with_those_that_are(lab: Lab, option: str) -> None:
    done = lab.run(option)
    assert done.code == 105
    assert done.err == "crm_simulate: there is no node 'n9' in the document, which has: n1, n2\n"
    assert done.out == ""


def test_quorum_alone_decides_what_may_run(lab: Lab) -> None:
    assert lab.saved("-q", "0").root.get("have-quorum") == "0"
    assert "* Start      a       (    n1 )" in lab.run("-R").part("Transition Summary:")
    assert all("blocked" in line for line in lab.run("-R", "-q", "0").part("Transition Summary:"))


def test_a_watchdog_is_an_option_of_the_cluster(lab: Lab) -> None:
    document = lab.saved("-w", "1")
    assert values(document, ".//nvpair[@name='have-watchdog']") == {
        "id": "cib-bootstrap-options-have-watchdog", "name": "have-watchdog", "value": "1",
    }  # fmt: skip
    assert version(document) == ("6", "0")


def test_a_ticket_that_is_revoked_takes_its_resources_along(lab: Lab) -> None:
    assert any("b " in line for line in lab.run("-R").part("Transition Summary:"))
    assert not any(" b " in line for line in lab.run("-R", "-r", "t").part("Transition Summary:"))
    assert not any(" b " in line for line in lab.run("-R", "-b", "t").part("Transition Summary:"))
    document = lab.saved("-g", "new", "-b", "t")
    assert values(document, "status/tickets/ticket_state[@id='new']") == {"id": "new", "granted": "true"}
    assert values(document, "status/tickets/ticket_state[@id='t']")["standby"] == "true"


def test_a_failed_monitor_that_is_put_in_stands_as_the_last_failure_with_its_count(lab: Lab) -> None:
    document = lab.saved("-i", "a_monitor_10000@n2=7")
    entry = values(document, "status/node_state[@id='2']/lrm/lrm_resources/lrm_resource[@id='a']/lrm_rsc_op")
    changed = entry.pop("last-rc-change")
    assert entry.pop("crm_feature_set")
    assert entry == {
        "id": "a_last_failure_0",
        "operation_key": "a_monitor_10000",
        "operation": "monitor",
        "crm-debug-origin": "crm_simulate",
        "transition-key": f"1:-1:0:{FAKE_UUID}",
        "transition-magic": f"0:7;1:-1:0:{FAKE_UUID}",
        "exit-reason": "Simulated action result",
        "on_node": "n2",
        "call-id": "1",
        "rc-code": "7",
        "op-status": "0",
        "interval": "10000",
        "exec-time": "0",
        "queue-time": "0",
    }
    pairs = {
        pair.get("name"): pair.get("value") for pair in document.root.iterfind("status/node_state[@id='2']//nvpair")
    }
    assert pairs == {"pingd": "100", "fail-count-a#monitor_10000": "4", "last-failure-a#monitor_10000": changed}
    assert version(document) == ("5", "8")


@pytest.mark.parametrize(
    ("spec", "ids", "count"),
    [
        ("a_start_0@n1=0", ["a_last_0"], None),
        ("a_monitor_10000@n1=0", ["a_monitor_10000"], None),
        ("a_monitor_0@n1=7", ["a_last_failure_0", "a_last_0"], None),
        ("a_monitor_0@n1=1", ["a_last_failure_0", "a_last_0"], "1"),
        ("a_start_0@n1=1", ["a_last_failure_0", "a_last_0"], "INFINITY"),
        ("a_stop_0@n1=1", ["a_last_failure_0", "a_last_0"], "INFINITY"),
        ("a_migrate_to_0@n1=1", ["a_migrate_to_0"], "1"),
    ],
)
def test_what_a_result_writes_depends_on_the_operation_and_on_how_it_went(
    lab: Lab, spec: str, ids: list[str], count: str | None
) -> None:
    document = lab.saved("-i", spec)
    entries = document.root.findall("status/node_state[@id='1']/lrm/lrm_resources/lrm_resource[@id='a']/lrm_rsc_op")
    assert [entry.get("id") for entry in entries] == ids
    counters = [
        pair.get("value") for pair in document.root.iterfind("status/node_state[@id='1']//nvpair")
        if pair.get("name", "").startswith("fail-count-a#")
    ]  # fmt: skip
    assert counters == ([] if count is None else [count])


def test_a_result_of_a_clone_may_name_what_all_its_instances_are_called(lab: Lab) -> None:
    done = lab.run("-S", "-i", "p_start_0@n1=0", "-i", "p_monitor_10000@n1=1")
    assert done.err == ""
    assert any("Recover    p:0" in line for line in done.part("Transition Summary:"))


@pytest.mark.parametrize("name", ["nothing", "c"])
def test_a_result_of_what_is_no_primitive_is_told_and_left_out(lab: Lab, name: str) -> None:
    done = lab.run("-i", f"{name}_start_0@n1=1")
    assert done.err == f"Invalid resource name: {name}\n"
    assert done.code == 0


@pytest.mark.parametrize(
    ("spec", "resource", "task", "interval"),
    [
        ("db_monitor_10000@n1=7", "db", "monitor", 10000),
        ("my_db:0_migrate_to_0@n1=1", "my_db:0", "migrate_to", 0),
        ("x_migrate_from_0@n.example.com=1", "x", "migrate_from", 0),
        ("a_reload-agent_0@n1=1", "a", "reload-agent", 0),
    ],
)
def test_an_operation_is_read_from_the_right(spec: str, resource: str, task: str, interval: int) -> None:
    found = parse_operation(spec)
    assert (found.resource, found.task, found.interval_ms) == (resource, task, interval)


@pytest.mark.parametrize(
    "spec", ["bad", "a_start_0", "a_start_0@n1", "a_start_0@n1=", "a_start_0@n1=x", "a_start@n1=1", "_start_0@n1=1",
             "start_0@n1=1", "a_start_0@=1", "a_start_0@n1=256"],
)  # fmt: skip
def test_what_is_no_operation_is_refused_with_an_example(spec: str) -> None:
    with pytest.raises(UsageError, match=r"expected RESOURCE_TASK_INTERVAL@NODE=RC, for instance"):
        parse_operation(spec)


# --- what would happen


def test_after_a_failure_nothing_goes_on_and_the_failure_is_in_the_status(lab: Lab) -> None:
    done = lab.run("-S", "-F", "a_start_0@n1=1")
    steps = done.part("Executing Cluster Transition:")
    failed = steps.index("* Resource action: a               start on n1")
    assert steps[failed + 1] == "Pretending action 7 failed with rc=1"
    assert steps[failed + 2] == "* Injecting attribute fail-count-a#start_0=INFINITY into /node_state '1'"
    assert steps[failed + 3].startswith("* Injecting attribute last-failure-a#start_0=")
    assert len(steps) == failed + 4, "no operation goes on, not even one that does not depend on it"
    assert "    * a\t(ocf:pacemaker:Dummy):\t FAILED n1\n" in done.out.partition("Revised Cluster Status:")[2]
    assert done.code == 0


def test_the_document_after_a_failure_shows_what_the_cluster_would_do_next(lab: Lab) -> None:
    after = lab.path.parent / "after.xml"
    lab.run("-S", "-F", "a_start_0@n1=1", "-O", str(after))
    summary = lab.run("-S", source=("-x", str(after))).part("Transition Summary:")
    assert "* Recover    a       ( n1 -> n2 )" in summary


def test_a_start_that_is_not_fatal_counts_as_one_failure_more(lab: Lab) -> None:
    nvpair = '<nvpair id="o-fatal" name="start-failure-is-fatal" value="false"/><nvpair id="o-fencing"'
    lab.path.write_text(CLUSTER.replace('<nvpair id="o-fencing"', nvpair).replace("a#monitor_10000", "b#start_0"))
    steps = lab.run("-F", "b_start_0@n2=1").part("Executing Cluster Transition:")
    assert "* Injecting attribute fail-count-b#start_0=4 into /node_state '2'" in steps


@pytest.mark.parametrize("spec", ["p_start_0@n1=1", "p:0_start_0@n1=1", "P_START_0@N1=1"])
def test_an_instance_fails_by_its_own_name_or_by_that_of_all_instances(lab: Lab, spec: str) -> None:
    steps = lab.run("-F", spec).part("Executing Cluster Transition:")
    assert any(line.startswith("Pretending action") for line in steps)


def test_a_failure_that_does_not_come_up_changes_nothing(lab: Lab) -> None:
    assert lab.run("-F", "a_stop_0@n1=1").out == lab.run("-S").out


def test_a_result_that_is_asked_for_ends_the_transition_even_where_it_is_success(lab: Lab) -> None:
    done = lab.run("-F", "a_monitor_0@n1=0")
    steps = done.part("Executing Cluster Transition:")
    assert steps[-1] == "Pretending action 1 failed with rc=0"
    assert "    * a\t(ocf:pacemaker:Dummy):\t Started n1\n" in done.out.partition("Revised Cluster Status:")[2]


def test_a_graph_that_can_not_be_carried_out_is_told_and_fails(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def circle(cluster: Cluster) -> Graph:
        graph = build_graph(cluster)
        start = next(one for one in graph.synapses if one.actions[0].task_key == "a_start_0")
        start.inputs = (*start.inputs, start.actions[0].id)
        return graph

    monkeypatch.setattr(crm_simulate, "build_graph", circle)
    done = lab.run("-S")
    assert (done.code, done.err) == (1, "Transition failed: terminated\nAn invalid transition was produced\n")


# --- documents


def test_the_input_is_saved_with_what_was_put_in_and_the_output_with_what_came_of_it(lab: Lab) -> None:
    saved = lab.path.parent / "in.xml"
    after = lab.saved("-S", "-d", "n2", "-I", str(saved))
    before = Document.from_bytes(saved.read_bytes())
    assert values(before, "status/node_state[@uname='n2']")["crmd"] == "offline"
    assert before.root.findall(".//lrm_rsc_op") == []
    assert {entry.get("id") for entry in after.root.iterfind(".//lrm_rsc_op")} == {
        "a_last_0", "a_monitor_10000", "b_last_0", "p_last_0",
    }  # fmt: skip
    assert lab.path.read_text() == CLUSTER, "the document that was read stays as it is"


def test_the_result_can_take_the_place_of_the_input(lab: Lab) -> None:
    assert lab.run("-X").code == 0
    document = Document.from_bytes(lab.path.read_bytes())
    assert version(document) == ("5", "18"), "each of the eleven operations is a change"
    assert lab.run("-S").part("Executing Cluster Transition:") == []


def test_a_packed_document_is_read_and_written_packed(lab: Lab) -> None:
    packed = lab.path.parent / "pe-input-1.bz2"
    packed.write_bytes(bz2.compress(CLUSTER.encode()))
    assert lab.run("-X", source=("-x", str(packed))).code == 0
    assert b"a_last_0" in bz2.decompress(packed.read_bytes())


def test_a_shadow_copy_is_simulated_in_place(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = lab.path.parent / "shadow.trial"
    shadow.write_text(CLUSTER)
    monkeypatch.setenv("CIB_shadow_dir", str(lab.path.parent))
    monkeypatch.setenv("CIB_shadow", "trial")
    assert lab.run("-LX", "-d", "n1", source=("-L",)).code == 0
    assert 'crmd="offline"' in shadow.read_text()


def test_the_running_cluster_is_never_written_to(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACEKEEPER_RUN_DIR", str(lab.path.parent))
    done = lab.run("-X", source=("-L",))
    assert done.code == 64
    assert "--in-place does not change the running cluster: name a file" in done.err


def test_documents_that_no_file_holds_are_read_from_standard_input(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CLUSTER.encode())))
    assert "Online: [ n1 n2 ]" in lab.run("-R", source=("-p",)).out
    done = lab.run("-X", source=("-p",))
    assert (done.code, "standard input can't be written to" in done.err) == (64, True)


# --- what can't be


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["-q", "maybe"], 64, "Option --quorum has the value 'maybe', expected 'true' or 'false'"),
        (["-w", "/dev/watchdog"], 64, "Option --watchdog has the value '/dev/watchdog'"),
        (["-i", "a_start_0@n1=x"], 64, "the result 'x' is no number from 0 to 255"),
        (["-F", "a_start_x@n1=1"], 64, "'x' is no interval in milliseconds"),
        (["-N", "0"], 64, "Option --repeat has the value '0', expected a number from 1 on"),
        (["-t", "yesterday"], 65, "--set-datetime"),
        (["-X", "-O", "/tmp/x"], 64, "--in-place and --save-output exclude each other"),
        (["--nonsense"], 64, "Unknown option --nonsense"),
        (["word"], 64, "unexpected argument 'word'"),
        (["-G", "{}/missing/graph.xml"], 73, "Couldn't write"),
        (["-D", "{}/missing/graph.dot"], 73, "Couldn't write"),
        (["-I", "{}/missing/in.xml"], 73, "Couldn't write"),
        (["-O", "{}/missing/out.xml"], 73, "Couldn't write"),
        (["-P", "{}/missing"], 66, "Couldn't read"),
        (["-x", "{}/missing.xml"], 66, "Couldn't read"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(lab: Lab, options: list[str], code: int, sentence: str) -> None:
    done = lab.run(*(option.format(lab.path.parent) for option in options))
    assert (done.code, sentence in done.err) == (code, True), done.err


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('then="b"', 'then="b" first-action="break"', "'first-action' has the value 'break'"),
        ("pacemaker-3.9", "pacemaker-9999.0", "has the unknown value 'pacemaker-9999.0'"),
        ('first="a"', 'first="nothing"', "nothing"),
        ("</cib>", "", "cib.xml"),
    ],
)
def test_a_document_that_is_no_configuration_is_refused_with_the_place(
    lab: Lab, old: str, new: str, sentence: str
) -> None:
    lab.path.write_text(CLUSTER.replace(old, new))
    done = lab.run("-S")
    assert (done.code, done.out) == (78, "")
    assert sentence in done.err


def test_a_document_that_wants_no_check_gets_none_and_that_is_told(lab: Lab) -> None:
    lab.path.write_text(CLUSTER.replace("pacemaker-3.9", "none"))
    done = lab.run("-R")
    assert done.code == 0
    assert done.err.startswith("Schema validation of configuration is disabled")
