"""The CIB on disk: what a node makes of it at start, after a power cut, an edit, a full disk."""

from pathlib import Path

import pytest

from cib.document import Document
from cib.history import HistoryPoint, Stamp, confirm, extend
from cib.initial import empty_document
from cib.operations import Validator
from cib.replica_events import Diverged, Persist, Persisted, PersistFailed
from cib.reports import Report
from cib.store import DOCUMENT, KEPT_MAX, RECORD, Store
from cib.store_start import Origin, UnusableError
from tests.unit.cib.recorded_files import RecordedFiles, remains

PLACE = Path("/var/lib/pacekeeper/cib")


def nothing_wrong(_: Document) -> tuple[Report, ...]:
    return ()


def opened(files: RecordedFiles, validator: Validator = nothing_wrong) -> Store:
    return Store.open(PLACE, validator, files)


class Writer:
    """Makes the Persist effects of a replica whose configuration changes."""

    def __init__(self, store: Store) -> None:
        self.document = store.document
        self.point = store.point
        self.token = 0

    def change(self, name: str) -> Persist:
        root = self.document.root
        root.set("epoch", str(self.document.version.epoch + 1))
        resources = root.find("configuration/resources")
        assert resources is not None
        resources.set("description", name)
        digest = self.document.configuration_digest()
        self.point = extend(self.point, self.document.version, digest, ("n1",))
        return self.persist()

    def confirm(self, view: int) -> Persist:
        self.point = confirm(self.point, Stamp(view, 0), ("n1",))
        return self.persist()

    def persist(self) -> Persist:
        self.token += 1
        return Persist(self.token, self.document.to_disk_bytes(), self.point)


def written(*names: str) -> RecordedFiles:
    """A directory in which these changes were written."""
    files = RecordedFiles()
    store = opened(files)
    writer = Writer(store)
    for name in names:
        assert isinstance(store.perform(writer.change(name)), Persisted)
    return files


def edited(files: RecordedFiles, old: bytes, new: bytes) -> None:
    assert old in files.content[DOCUMENT]
    files.content[DOCUMENT] = files.content[DOCUMENT].replace(old, new)


def test_a_new_node_starts_with_an_empty_document_and_no_files() -> None:
    files = RecordedFiles()
    store = opened(files)
    assert store.is_new
    assert not store.is_kept
    assert str(store.document.version) == "0.0.0"
    assert files.content == {}


def test_what_was_written_is_found_again_with_its_history() -> None:
    files = RecordedFiles()
    store = opened(files)
    writer = Writer(store)
    for effect in (writer.change("a"), writer.confirm(7), writer.change("b")):
        store.perform(effect)
    again = opened(files)
    assert again.origin is Origin.OURS
    assert again.point == writer.point
    assert again.document.to_disk_bytes() == writer.document.to_disk_bytes()


def test_status_is_not_kept() -> None:
    document = empty_document()
    document.root[1].set("x", "y")
    assert b"status" not in document.to_disk_bytes()


def test_every_power_cut_leaves_the_last_acknowledged_version_or_a_newer_one() -> None:
    """After each operation, with every part of what was not synced, and with the next file half written."""
    files = RecordedFiles()
    store = opened(files)
    writer = Writer(store)
    acknowledged: list[tuple[int, HistoryPoint]] = [(0, store.point)]
    written_points = [store.point]
    for effect in [writer.change("a"), writer.confirm(3), writer.change("b"), writer.change("c"), writer.confirm(4)]:
        written_points.append(effect.point)
        assert store.perform(effect) == Persisted(effect.token)
        acknowledged.append((len(files.log), effect.point))
    cases = 0
    for stop in range(len(files.log) + 1):
        last = [point for done, point in acknowledged if done <= stop][-1]
        for content in remains({}, files.log, stop):
            cases += 1
            found = opened(RecordedFiles(content))
            assert found.origin in (Origin.OURS, Origin.EMPTY, Origin.ARCHIVE)
            assert not any("edited" in note.text for note in found.notes)
            assert found.point.version >= last.version
            assert (found.point.version, found.point.stamp) >= (last.version, last.stamp)
            assert found.point.digest in {point.digest for point in written_points}
    assert cases > 60


def test_a_version_that_came_back_never_claims_a_stamp_under_which_it_was_not_kept() -> None:
    files = written("a")
    store = opened(files)
    writer = Writer(store)
    before = store.point
    log_start = len(files.log)
    start = dict(files.content)
    # Several terms later: many changes were made elsewhere and come in one write.
    writer.point = confirm(writer.point, Stamp(9, 0), ("n1",))
    store.perform(writer.change("much later"))
    for stop in range(len(files.log) - log_start + 1):
        for content in remains(start, files.log[log_start:], stop):
            found = opened(RecordedFiles(content))
            assert found.point in (before, writer.point)


def test_a_valid_edit_becomes_the_next_version() -> None:
    files = written("a", "b")
    edited(files, b'description="b"', b'description="by hand"')
    store = opened(files)
    assert store.origin is Origin.EDITED
    assert str(store.document.version) == "0.3.0"
    assert b"by hand" in store.document.to_bytes()
    assert "edited while the cluster was stopped" in store.notes[0].text
    assert opened(files).origin is Origin.OURS


def test_an_edit_stands_on_the_version_that_it_was_made_from() -> None:
    files = written("a", "b")
    base = opened(files).point
    edited(files, b'description="b"', b'description="by hand"')
    assert opened(files).point.predecessor == base.digest


def test_a_power_cut_while_an_edit_is_taken_over_does_not_lose_it() -> None:
    files = written("a")
    edited(files, b'description="a"', b'description="by hand"')
    start, log_start = dict(files.content), len(files.log)
    opened(files)
    for stop in range(len(files.log) - log_start + 1):
        for content in remains(start, files.log[log_start:], stop):
            found = opened(RecordedFiles(content))
            assert b"by hand" in found.document.to_bytes()
            assert str(found.document.version) == "0.2.0"


def test_new_layout_or_comments_outside_are_no_edit() -> None:
    files = written("a")
    files.content[DOCUMENT] = files.content[DOCUMENT].replace(b"\n", b"\n\n   ")
    assert opened(files).origin is Origin.OURS


def test_an_edit_of_an_older_version_is_kept_aside() -> None:
    files = written("a", "b", "c")
    old = files.content["cib-0.raw"]
    files.content[DOCUMENT] = old.replace(b'description="a"', b'description="a, edited"')
    store = opened(files)
    assert store.origin is Origin.ARCHIVE
    assert b'description="c"' in store.document.to_bytes()
    [kept] = store.divergences()
    assert "edited, but from version 0.1" in kept.reason
    assert b"a, edited" in (store.read_kept(kept.name) or b"")


def test_a_broken_edit_is_refused_with_line_and_column_and_the_last_good_version_is_used() -> None:
    files = written("a", "b")
    edited(files, b"<nodes/>", b"<nodes>")
    store = opened(files)
    assert store.origin is Origin.ARCHIVE
    assert str(store.document.version) == "0.2.0"
    assert f"{PLACE}/cib.xml:7:" in store.notes[0].text
    assert "version 0.2 is used instead" in store.notes[0].text
    assert b"<nodes>" in (store.read_kept(store.divergences()[0].name) or b"")
    assert opened(files).origin is Origin.OURS


def test_an_edit_that_the_grammar_refuses_is_treated_the_same() -> None:
    files = written("a")
    edited(files, b'description="a"', b'description="by hand"')

    def refuses(document: Document) -> tuple[Report, ...]:
        if b"by hand" in document.to_bytes():
            return (Report("x", "error", "a hand is not allowed here", "resources", "", 5),)
        return ()

    store = opened(files, refuses)
    assert store.origin is Origin.ARCHIVE
    assert "cib.xml:5:5: resources: a hand is not allowed here" in store.notes[0].text


def test_a_broken_file_without_an_earlier_version_stops_the_start() -> None:
    with pytest.raises(UnusableError, match=r"cib\.xml:1:\d+: "):
        opened(RecordedFiles({DOCUMENT: b"<cib><configuration></cib>"}))


def test_a_document_of_pacemaker_is_imported_as_it_is() -> None:
    document = empty_document()
    document.root.set("epoch", "42")
    files = RecordedFiles({DOCUMENT: document.to_bytes()})
    store = opened(files)
    assert store.origin is Origin.IMPORTED
    assert str(store.document.version) == "0.42.0"
    assert RECORD in files.content


def test_a_missing_document_is_taken_from_the_archive() -> None:
    files = written("a", "b")
    del files.content[DOCUMENT]
    store = opened(files)
    assert store.origin is Origin.ARCHIVE
    assert b'description="b"' in store.document.to_bytes()


def test_a_change_of_the_file_while_the_cluster_runs_is_kept_aside_and_told() -> None:
    files = written("a")
    store = opened(files)
    writer = Writer(store)
    edited(files, b'description="a"', b'description="by hand"')
    store.perform(writer.change("b"))
    [note] = store.take_notes()
    assert "crm configure load replace" in note.text
    assert "cibadmin --replace" in note.text
    assert b"by hand" in (store.read_kept(store.divergences()[0].name) or b"")
    assert b'description="b"' in files.content[DOCUMENT]


OPERATIONS = 7
"""Of one write: archive, record, its rename, sync, document, its rename, sync."""


def test_a_broken_file_that_is_written_while_the_cluster_runs_is_kept_aside_too() -> None:
    files = written("a")
    store = opened(files)
    files.content[DOCUMENT] = b"<cib"
    store.perform(Writer(store).change("b"))
    assert [store.read_kept(item.name) for item in store.divergences()] == [b"<cib"]
    assert b'description="b"' in files.content[DOCUMENT]


@pytest.mark.parametrize("failing_at", range(OPERATIONS))
def test_a_full_disk_is_told_and_leaves_a_usable_directory(failing_at: int) -> None:
    broken = RecordedFiles(written("a").content)
    store = opened(broken)
    writer = Writer(store)
    broken.fail_from = failing_at
    assert store.perform(writer.change("b")) == PersistFailed(1, "No space left on device")
    broken.fail_from = None
    again = opened(RecordedFiles(broken.content))
    assert again.origin is Origin.OURS
    assert isinstance(store.perform(writer.change("c")), Persisted)
    assert b'description="c"' in broken.content[DOCUMENT]
    assert store.take_notes() == [], "what half a write of ours left is nobody's edit"
    assert store.divergences() == ()


@pytest.mark.parametrize("failing_at", range(OPERATIONS))
def test_a_power_cut_after_a_write_that_failed_loses_nothing_that_was_kept(failing_at: int) -> None:
    broken = RecordedFiles(written("a").content)
    store = opened(broken)
    writer = Writer(store)
    kept = store.point
    broken.fail_from = failing_at
    store.perform(writer.change("b"))
    broken.fail_from = None
    effect = writer.change("c")
    assert store.perform(effect) == Persisted(effect.token)
    assert store.perform(writer.confirm(5)) == Persisted(effect.token + 1)
    operations = len(broken.log)
    for stop in range(operations + 1):
        for content in remains(written("a").content, broken.log, stop):
            found = opened(RecordedFiles(content))
            assert found.origin in (Origin.OURS, Origin.ARCHIVE)
            assert (found.point.version, found.point.stamp) >= (kept.version, kept.stamp)
            if stop == operations:
                assert (found.point.version, found.point.stamp) == (effect.point.version, Stamp(5, 0))
    assert operations >= OPERATIONS + 3


@pytest.mark.parametrize("failing_at", range(4 + OPERATIONS))
def test_an_edit_beside_a_running_cluster_survives_a_disk_that_fails(failing_at: int) -> None:
    broken = RecordedFiles(written("a").content)
    store = opened(broken)
    writer = Writer(store)
    edited(broken, b'description="a"', b'description="by hand"')
    broken.fail_from = failing_at
    store.perform(writer.change("b"))
    broken.fail_from = None
    effect = writer.change("c")
    assert store.perform(effect) == Persisted(effect.token)
    kept = [store.read_kept(item.name) or b"" for item in store.divergences()]
    assert any(b"by hand" in content for content in kept)


def test_a_read_only_disk_at_start_is_told_and_the_node_goes_on_from_memory() -> None:
    files = written("a")
    edited(files, b'description="a"', b'description="by hand"')
    files.fail_from = len(files.log)
    store = opened(files)
    assert not store.is_kept
    assert b"by hand" in store.document.to_bytes()
    assert any("going on from memory" in note.text for note in store.notes)


def test_archives_and_kept_documents_are_limited() -> None:
    files = written(*[f"r{number}" for number in range(120)])
    assert len([name for name in files.content if name.endswith(".raw")]) == 100
    store = opened(files)
    for number in range(KEPT_MAX + 5):
        store.perform(Diverged(b"<cib/>", store.point, f"reason {number}"))
    assert len(store.divergences()) == KEPT_MAX
    assert store.divergences()[0].reason == f"reason {KEPT_MAX + 4}"


def test_the_files_on_a_real_disk_can_be_read_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "cib", nothing_wrong)
    writer = Writer(store)
    store.perform(writer.change("a"))
    again = Store.open(tmp_path / "cib", nothing_wrong)
    assert again.point == writer.point
    assert sorted(path.name for path in (tmp_path / "cib").iterdir()) == ["cib-0.raw", "cib.history", "cib.xml"]
    assert (tmp_path / "cib" / "cib.xml").stat().st_mode & 0o077 == 0
