"""Large documents are examined and read outside of the event that asks for it; nothing is lost meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from cib import history
from cib.apart import DocumentRead, Examine, Examined, ReadDocument, work_apart
from cib.document import Document, laid_out
from cib.replica_events import Adopt, AdoptionEnded, ClientWrite, RoleChanged
from cib.replica_messages import Update
from cib.requests import Request
from cib.schema import validate
from cib.store import Store
from ipc.units import Milliseconds
from tests.unit.cib.replicas import Cluster, count_up, has, resource

WRONG = Request("create", section="resources", xml=b'<primitive id="wrong" clazz="ocf"/>')


@pytest.fixture
def cluster() -> Cluster:
    """Two replicas in step whose documents all count as large."""
    made = Cluster("n1", "n2", large=True, validator=validate)
    made.form("n1", "n2")
    made.run()
    made["n1"].apart_is_slow = True
    return made


def test_a_small_document_is_examined_in_the_event_itself() -> None:
    cluster = Cluster("n1", large=False, validator=validate)
    cluster.form("n1")
    write = cluster.write("n1", WRONG)
    cluster.fire()
    assert not cluster["n1"].apart
    assert cluster.outcome("n1", write).rc == 78  # type: ignore[union-attr]


def test_a_change_is_in_force_only_after_it_was_examined(cluster: Cluster) -> None:
    before = cluster.versions()
    write = cluster.write("n1", resource("a"))
    cluster.run()
    assert cluster.versions() == before
    assert cluster.outcome("n1", write) is None

    cluster.work_apart("n1")
    cluster.run()

    assert cluster.outcome("n1", write).rc == 0  # type: ignore[union-attr]
    assert has(cluster["n1"], "a")
    assert has(cluster["n2"], "a")
    assert len(cluster.digests()) == 1


def test_a_wrong_change_is_refused_with_the_same_words_and_leaves_nothing(cluster: Cluster) -> None:
    small = Cluster("n1", validator=validate)
    small.form("n1")
    spoken = small.write("n1", WRONG)
    small.run()
    before = cluster["n1"].replica.document.to_bytes()

    write = cluster.write("n1", WRONG)
    cluster.run()
    cluster.work_apart("n1")
    cluster.run()

    refused = cluster.outcome("n1", write)
    assert refused is not None
    assert refused.rc == 78
    # Of the line in the input nothing is known any more.
    assert [f"line 1: {text}" for text in refused.details] == list(small.outcome("n1", spoken).details)  # type: ignore[union-attr]
    assert cluster["n1"].replica.document.to_bytes() == before


def test_status_goes_on_while_a_change_is_examined(cluster: Cluster) -> None:
    change, status = cluster.write("n1", resource("a")), cluster.write("n2", count_up())
    cluster.run()
    assert cluster.outcome("n1", change) is None
    assert cluster.outcome("n2", status).rc == 0  # type: ignore[union-attr]
    later = cluster.write("n2", count_up())
    cluster.run()
    assert cluster.outcome("n2", later).rc == 0  # type: ignore[union-attr]
    assert cluster["n1"].replica.document.version.num_updates == 2

    cluster.work_apart("n1")
    cluster.run()

    counted = cluster["n1"].replica.document.root.find(".//nvpair[@id='x']")
    assert counted is not None
    assert counted.get("value") == "1", "the first one set it to 0"
    assert cluster.outcome("n1", change).rc == 0  # type: ignore[union-attr]


def test_changes_keep_their_order_though_each_is_examined(cluster: Cluster) -> None:
    create = cluster.write("n1", resource("a"))
    modify = cluster.write("n1", Request("modify", section="resources", xml=b'<primitive id="a" type="Stateful"/>'))
    delete = cluster.write("n1", Request("delete", section="resources", xml=b'<primitive id="a"/>'))
    cluster.run()
    assert len(cluster["n1"].apart) == 1, "one at a time"
    cluster["n1"].apart_is_slow = False
    cluster.run()
    versions = [cluster["n1"].outcomes[write].version.epoch for write in (create, modify, delete)]
    assert versions == sorted(set(versions))
    assert not has(cluster["n1"], "a")


def test_a_change_that_is_asked_for_twice_is_made_once(cluster: Cluster) -> None:
    write = cluster.write("n2", resource("a"))
    cluster.run()
    cluster.run(for_ms=5_000)  # the member asks again
    assert len(cluster["n1"].apart) == 1
    cluster["n1"].apart_is_slow = False
    cluster.run(for_ms=5_000)
    assert cluster.outcome("n2", write).rc == 0  # type: ignore[union-attr]
    assert cluster["n1"].replica.document.version.epoch == 1


def test_what_a_dc_of_the_past_examined_is_carried_out_by_the_next_one(cluster: Cluster) -> None:
    write = cluster.write("n2", resource("a"))
    cluster.run()
    cluster.form("n2", "n1")
    cluster.run()
    assert cluster.outcome("n2", write).rc == 0  # type: ignore[union-attr]
    version = cluster["n2"].replica.document.version

    cluster.work_apart("n1")  # the answer to a question of the last term
    cluster.run()

    assert cluster["n1"].replica.document.version == version
    assert len(cluster.digests()) == 1


def test_a_write_that_may_not_outlive_the_term_does_not_wait(cluster: Cluster) -> None:
    waiting = cluster.write("n1", resource("a"))
    cluster.run()
    xml = b'<primitive id="b" class="ocf" provider="heartbeat" type="Dummy"/>'
    cluster.give("n1", ClientWrite(77, (Request("create", section="resources", xml=xml),), at_once=True))
    cluster.fire()
    assert has(cluster["n1"], "b")

    # What is being examined was made from a configuration that is out of date: it is examined once more.
    cluster.work_apart("n1")
    assert cluster.outcome("n1", waiting) is None
    assert len(cluster["n1"].apart) == 1
    cluster["n1"].apart_is_slow = False
    cluster.run()

    assert cluster.outcome("n1", waiting).rc == 0  # type: ignore[union-attr]
    assert has(cluster["n1"], "a")
    assert len(cluster.digests()) == 1


def test_a_change_that_may_not_be_made_any_more_is_refused_after_its_examination(cluster: Cluster) -> None:
    write = cluster.write("n1", resource("a"))
    cluster.run()
    role = RoleChanged("dc", "n1", 1, 0, ("n1",), ("n1", "n2"), quorate=False, majority=False, config_writes=False)
    cluster.give("n1", role)
    cluster.work_apart("n1")
    assert cluster.outcome("n1", write).rc == 106  # type: ignore[union-attr]
    assert not has(cluster["n1"], "a")


def test_a_member_that_reads_the_dcs_document_misses_nothing_that_comes_meanwhile(cluster: Cluster) -> None:
    cluster["n1"].apart_is_slow = False
    cluster.form("n1")
    cluster.write("n1", resource("a"), force=True)
    cluster.run()
    cluster["n2"].apart_is_slow = True
    cluster.form("n1", "n2")
    cluster.run()
    assert isinstance(cluster["n2"].apart[0], ReadDocument)
    for _ in range(3):
        cluster.write("n1", count_up())
        cluster.run()
    change = cluster.write("n1", resource("b"))
    cluster.run(for_ms=10_000)
    assert len(cluster["n2"].apart) == 1, "it does not ask again for what it is reading"

    cluster.work_apart("n2")
    cluster.run()

    assert cluster["n2"].replica.in_step
    assert not cluster["n2"].kept_aside
    assert cluster.outcome("n1", change).kept_on == 2  # type: ignore[union-attr]
    assert len(cluster.digests()) == 1


def test_a_member_whose_configuration_came_out_otherwise_asks_for_the_document(cluster: Cluster) -> None:
    cluster["n1"].apart_is_slow = False
    cluster.write("n1", resource("a"))
    while not any(isinstance(message, Update) for message in cluster.links.get(("n1", "n2"), ())):
        assert cluster.fire() or cluster.work_apart("n1") or cluster.persist("n1")
    damaged = cluster["n2"].replica.document
    options = damaged.root.find("configuration/crm_config")
    assert options is not None
    damaged.set_attribute(options, "damaged", "yes")
    damaged.forget_journal()
    cluster.run()
    assert len(cluster["n2"].kept_aside) == 1
    assert len(cluster.digests()) == 1


def test_an_adoption_ends_when_the_document_was_read_or_cannot_be() -> None:
    for data, ok in (
        (b'<cib epoch="7" admin_epoch="0" num_updates="0"><configuration/></cib>', True),
        (b"<cib", False),
    ):
        node = Cluster("n1", large=True)["n1"]
        point = history.start(Document.from_bytes(data).version, "d") if ok else node.replica.point
        asked = node.replica.handle(Adopt(data, point), Milliseconds(0))
        assert [type(effect) for effect in asked] == [ReadDocument]
        answer = work_apart(asked[0], None)  # type: ignore[arg-type]
        assert AdoptionEnded(ok) in node.replica.handle(answer, Milliseconds(0))
        assert node.replica.document.version.epoch == (7 if ok else 0)


def test_an_adoption_is_given_up_when_its_term_ends() -> None:
    node = Cluster("n1", large=True)["n1"]
    data = b'<cib epoch="7" admin_epoch="0" num_updates="0"><configuration/></cib>'
    point = history.start(Document.from_bytes(data).version, "d")
    (asked,) = node.replica.handle(Adopt(data, point), Milliseconds(0))
    node.replica.handle(RoleChanged("none"), Milliseconds(0))
    assert node.replica.handle(work_apart(asked, None), Milliseconds(0)) == []  # type: ignore[arg-type]
    assert node.replica.document.version.epoch == 0


def test_an_answer_to_no_question_changes_nothing(cluster: Cluster) -> None:
    assert cluster["n1"].replica.handle(Examined(99, ()), Milliseconds(0)) == []
    assert cluster["n2"].replica.handle(DocumentRead(99, None, "x"), Milliseconds(0)) == []


def test_an_examination_finds_what_belongs_to_the_disk() -> None:
    data = b'<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="3" num_updates="4"><configuration><crm_config/>'
    data += b"<nodes/><resources/><constraints/></configuration><status><node_state id='1'/></status></cib>"
    document = Document.from_bytes(data)
    result = work_apart(Examine(1, document.to_bytes_without_status()), validate)
    assert result == Examined(1, (), document.configuration_digest(), document.to_disk_bytes())
    assert b"node_state" not in document.to_bytes_without_status()
    assert document.to_compact_bytes() == Document.from_bytes(data).to_compact_bytes()


def test_a_document_in_one_line_is_laid_out_on_its_way_to_the_disk(tmp_path: Path) -> None:
    cluster = Cluster("n1", large=True)
    cluster.form("n1")
    cluster.write("n1", resource("a"))
    cluster.run()
    cluster.form("n1")  # kept anew under the next stamp
    (persist,) = cluster["n1"].persists
    document = cluster["n1"].replica.document
    assert persist.one_line
    assert laid_out(persist.document) == document.to_disk_bytes()
    store = Store.open(tmp_path, validate)
    store.perform(persist)
    assert (tmp_path / "cib.xml").read_bytes() == document.to_disk_bytes()


def test_messages_that_come_while_a_document_is_read_are_bounded(cluster: Cluster) -> None:
    cluster["n1"].apart_is_slow = False
    cluster.form("n1")
    cluster.write("n1", resource("a"), force=True)
    cluster.run()
    cluster["n2"].apart_is_slow = True
    cluster.form("n1", "n2")
    cluster.run()
    for _ in range(1100):
        cluster.write("n1", count_up())
        cluster.run()
    cluster["n2"].apart_is_slow = False
    cluster.run(for_ms=5_000)
    assert cluster["n2"].replica.in_step
    assert len(cluster.digests()) == 1
