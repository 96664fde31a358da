"""The worker: one document, patches, decisions, refusals."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from lxml import etree

from cib.document import Document
from cib.patchset import diff
from ipc.frames import FrameReader, encode_frame
from pengine import wire
from pengine.graph import PSEUDO_EVENT, RSC_OP, Action, Graph, ResourceRef, Synapse
from pengine.scheduler import schedule
from pengine.state import ClusterState
from pengine.unpack import LiveDocument, unpack
from pengine.wire import ApplyPatch, LoadDocument, Outcome, Refused, Schedule, WireError, decode_graph, encode_graph
from pengine.worker import Worker
from tests.transcripts.pengine.clusters import NOW, build

TEXT = "option stonith-enabled=false\nnode n1\nnode n2\nprimitive vip ocf:heartbeat:IPaddr2 op monitor interval=10s\n"


def document(text: str, epoch: str = "1") -> bytes:
    root = build(text)[0]
    root.set("admin_epoch", "0")
    root.set("epoch", epoch)
    root.set("num_updates", "0")
    return etree.tostring(root)


def ask(worker: Worker, *requests: wire.WorkerRequest) -> list[wire.WorkerReply]:
    answers = [worker.handle(wire.encode_request(request)) for request in requests]
    return [wire.decode_reply(answer) for answer in answers if answer is not None]


def keys(outcome: wire.WorkerReply) -> set[tuple[str, str | None]]:
    assert isinstance(outcome, Outcome)
    return {(action.task_key, action.node_name) for synapse in outcome.graph.synapses for action in synapse.actions}


def test_a_decision_is_answered_with_graph_and_placements() -> None:
    (outcome,) = ask(Worker(), LoadDocument(document(TEXT)), Schedule(7, NOW))
    assert keys(outcome) == {
        ("vip_monitor_0", "n1"),
        ("vip_monitor_0", "n2"),
        ("vip_start_0", "n1"),
        ("vip_monitor_10000", "n1"),
    }
    assert isinstance(outcome, Outcome)
    assert outcome.request == 7
    assert [(item.resource, item.node, item.next_role) for item in outcome.placements] == [("vip", "n1", "Started")]


def test_a_patch_leads_to_the_decision_that_the_patched_document_would_get() -> None:
    before, after = document(TEXT), document(TEXT.replace("node n1", "node n1 standby=on"), "2")
    patch = diff(Document.from_bytes(before), Document.from_bytes(after))
    patched = ask(Worker(), LoadDocument(before), ApplyPatch(patch.to_xml()), Schedule(1, NOW))
    loaded = ask(Worker(), LoadDocument(after), Schedule(1, NOW))
    assert keys(patched[0]) == keys(loaded[0])
    assert ("vip_start_0", "n2") in keys(patched[0])


def status_patches(before: bytes, count: int) -> list[ApplyPatch]:
    patches = []
    for number in range(count):
        old, new = Document.from_bytes(before), Document.from_bytes(before)
        old.root.set("num_updates", str(number))
        new.root.set("num_updates", str(number + 1))
        patches.append(ApplyPatch(diff(old, new).to_xml()))
    return patches


def test_patches_are_read_once_when_something_is_to_be_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each result of an operation is a patch; what it touched is read for a decision, not for each of them."""
    read = 0
    original = LiveDocument.state

    def counted(document: LiveDocument) -> ClusterState:
        nonlocal read
        read += 1
        return original(document)

    monkeypatch.setattr(LiveDocument, "state", counted)
    before = document(TEXT)
    worker = Worker()
    ask(worker, LoadDocument(before), *status_patches(before, 200))
    loaded = read
    answers = ask(worker, Schedule(1, NOW), Schedule(2, NOW))
    assert (loaded, read) == (1, 3)
    assert keys(answers[0]) == keys(answers[1]) == keys(ask(Worker(), LoadDocument(before), Schedule(1, NOW))[0])


def test_nothing_is_decided_on_a_document_that_is_older_than_the_askers() -> None:
    before = document(TEXT)
    asked = Schedule(1, NOW, version=(0, 1, 2))
    (refused,) = ask(Worker(), LoadDocument(before), *status_patches(before, 1), asked)
    assert refused == Refused(1, "the document is at version 0.1.1, the decision is wanted for 0.1.2")
    (answer,) = ask(Worker(), LoadDocument(before), *status_patches(before, 2), asked)
    assert isinstance(answer, Outcome)


def changed(text: str = "node n1 standby=on") -> tuple[bytes, ApplyPatch, str]:
    """A document, a patch of its configuration, and the digest of the result."""
    before = document(TEXT)
    after = Document.from_bytes(document(TEXT.replace("node n1", text), "2"))
    return before, ApplyPatch(diff(Document.from_bytes(before), after).to_xml()), after.configuration_digest()


def test_nothing_is_decided_on_a_configuration_that_patches_made_another_one_than_the_askers() -> None:
    before, patch, digest = changed()
    asked = Schedule(1, NOW, version=(0, 2, 0), configuration=digest)
    assert isinstance(ask(Worker(), LoadDocument(before), patch, asked)[0], Outcome)
    other = changed("node n1 standby=off")[1]
    (refused,) = ask(Worker(), LoadDocument(before), other, asked)
    assert refused == Refused(1, "the configuration at version 0.2.0 is another one than the asker's")


def test_a_patch_that_the_loaded_document_contains_already_changes_nothing() -> None:
    """The controller's document may be ahead of the patches that are on their way when it is loaded."""
    _, patch, digest = changed()
    newer = document(TEXT.replace("node n1", "node n1 standby=on"), "2")
    (answer,) = ask(Worker(), LoadDocument(newer), patch, Schedule(1, NOW, version=(0, 2, 0), configuration=digest))
    assert isinstance(answer, Outcome)


def test_without_a_document_there_is_a_refusal_with_the_reason() -> None:
    assert ask(Worker(), Schedule(3, NOW)) == [Refused(3, "no document has been loaded")]


def test_a_document_that_is_no_xml_is_refused_until_a_good_one_comes() -> None:
    worker = Worker()
    first, second = ask(worker, LoadDocument(b"<cib"), Schedule(1, NOW), Schedule(2, NOW))
    assert isinstance(first, Refused)
    assert "the document" in first.reason
    assert isinstance(second, Refused)
    (third,) = ask(worker, LoadDocument(document(TEXT)), Schedule(3, NOW))
    assert isinstance(third, Outcome)


def test_a_patch_from_another_version_is_refused_and_nothing_is_decided_on_the_wrong_document() -> None:
    older, newer = document(TEXT, "5"), document(TEXT.replace("10s", "20s"), "6")
    patch = diff(Document.from_bytes(older), Document.from_bytes(newer))
    (answer,) = ask(Worker(), LoadDocument(document(TEXT)), ApplyPatch(patch.to_xml()), Schedule(1, NOW))
    assert isinstance(answer, Refused)
    assert "patch" in answer.reason


def test_a_graph_survives_the_wire() -> None:
    graph = schedule(unpack(Document.from_bytes(document(TEXT))), NOW).graph
    assert decode_graph(encode_graph(graph)) == graph


def test_every_field_of_an_action_survives_the_wire() -> None:
    about = ResourceRef("db:1", "ocf", "heartbeat", "pgsql", "clone:db:1", "primitive")
    action = Action(
        7, RSC_OP, "start", "db_start_0", "n1", "1", "router", "db:1_start_0", "cancel", 12, about,
        {"CRM_meta_timeout": "20000"}, [("0id", "value")], ["1", "2"], [("3", "1")],
    )  # fmt: skip
    bare = Action(8, PSEUDO_EVENT, "all_stopped", "all_stopped")
    synapses = (Synapse(0, 1_000_000, (action,), ()), Synapse(1, 0, (bare,), (7,)))
    graph = Graph(3, 60_000, 90_000, "INFINITY", "1", 4, 5, 1_700_000_000, synapses, "1min", "90s")
    assert decode_graph(encode_graph(graph)) == graph


@pytest.mark.parametrize("value", [[], "graph", [1, 2], {"synapses": []}, [0, 0, 0, "", "", 0, 0, None, [[0]], "", ""]])
def test_what_is_no_graph_is_refused(value: object) -> None:
    with pytest.raises(WireError, match="not a transition graph"):
        decode_graph(msgspec.msgpack.encode(value))


def test_the_process_answers_on_its_standard_output_and_ends_with_its_input() -> None:
    requests = (LoadDocument(document(TEXT)), Schedule(1, NOW))
    frames = b"".join(encode_frame(wire.encode_request(request)) for request in requests)
    done = subprocess.run([sys.executable, "-m", "pengine"], input=frames, capture_output=True, timeout=60, check=True)
    (payload,) = FrameReader().feed(done.stdout)
    assert ("vip_start_0", "n1") in keys(wire.decode_reply(payload))
    assert done.stderr == b""


def test_the_process_refuses_what_is_not_its_protocol() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pengine"], input=encode_frame(b"hello"), capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 76
    assert b"not a request" in done.stderr
