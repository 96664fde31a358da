"""The small parts of the controller's shell: the log, kept inputs, and links that are made again."""

import asyncio
import bz2
import io
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cib.apart import DocumentRead, Examine, Examined, ReadDocument
from cib.digests import FEATURE_SET
from cib.document import Document
from cib.reports import Report
from crmd.apart_worker import ApartWorker
from crmd.events import WorkedApart
from crmd.link import Link
from crmd.log import NoteLog
from crmd.pe_inputs import LIMITS, InputFiles, as_input
from ipc.note import Note


def test_only_what_matters_is_shown_unless_debug_is_on() -> None:
    out = io.StringIO()
    log = NoteLog(out=out)
    log.note(Note("info", "cib.read", "read"))
    log.configure("n1", 0)
    log.note(Note("notice", "dc.elected", "n1 is DC now", {"view": 3}))
    log.configure("n1", 1)
    log.note(Note("info", "cib.sent", "sent"))
    log.close()
    lines = out.getvalue().splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "notice: n1 is DC now [dc.elected view=3]",
        "info: sent [cib.sent]",
    ]
    assert all(" n1 crmd[" in line for line in lines)


def test_inputs_are_numbered_over_restarts_and_start_again_after_the_limit(tmp_path: Path) -> None:
    first = InputFiles(tmp_path / "pengine").keep(b"<cib/>", "input", 5)
    second = InputFiles(tmp_path / "pengine").keep(b"<cib a='1'/>", "input", 7)
    error = InputFiles(tmp_path / "pengine").keep(b"<cib/>", "error", 5)
    assert [path.name for path in (first, second, error)] == ["pe-input-0.bz2", "pe-input-1.bz2", "pe-error-0.bz2"]
    features = f'crm_feature_set="{FEATURE_SET}"'
    assert bz2.decompress(second.read_bytes()).decode() == f"<cib execution-date=\"7\" {features} a='1'/>"
    (tmp_path / "pengine" / "pe-input.last").write_text(f"{LIMITS['input'] - 1}\n")
    InputFiles(tmp_path / "pengine").keep(b"<cib/>", "input", 5)
    assert InputFiles(tmp_path / "pengine").keep(b"<cib/>", "input", 5).name == "pe-input-0.bz2"


def test_an_input_tells_the_time_of_its_decision_and_keeps_its_own_feature_set() -> None:
    document = b'<?xml version="1.0"?>\n<cib epoch="1" execution-date="3" crm_feature_set="3.0.1"><status/></cib>'
    expected = b'<?xml version="1.0"?>\n<cib execution-date="8" epoch="1" crm_feature_set="3.0.1"><status/></cib>'
    assert as_input(document, 8) == expected
    assert as_input(b"no document", 8) == b"no document"


@pytest.mark.parametrize("content", ["", "x", "-3", "999999"])
def test_a_damaged_number_file_starts_the_numbers_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "pe-input.last").write_text(content)
    assert InputFiles(tmp_path).keep(b"<cib/>", "input", 5).name == "pe-input-0.bz2"


class Scripted:
    """A peer that says what it is told to, then ends."""

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self.heard: list[int] = []
        self.closed = False

    def send(self, message: int, /) -> None:
        self.heard.append(message)

    async def events(self) -> AsyncIterator[str]:
        for text in self.said:
            yield text

    def close(self) -> None:
        self.closed = True


def test_a_link_is_made_again_after_a_refusal_and_after_an_end() -> None:
    peers = [Scripted(["a", "b"]), Scripted(["c"])]
    story: list[str] = []

    async def scenario() -> None:
        attempts: Iterator[OSError | Scripted] = iter([OSError("not there yet"), peers[0], peers[1]])
        done = asyncio.Event()

        async def connect() -> Scripted:
            it = next(attempts, None)
            if isinstance(it, Scripted):
                return it
            if isinstance(it, OSError):
                raise it
            done.set()
            await asyncio.Event().wait()
            raise AssertionError("waits for ever")

        def connected() -> None:
            story.append("up")
            link.send(len(story))

        link: Link[int, str] = Link(
            connect,
            connected=connected,
            received=story.append,
            gone=lambda: story.append("gone"),
        )
        link.send(99)
        task = asyncio.create_task(link.run())
        await done.wait()
        task.cancel()

    asyncio.run(scenario())
    assert story == ["up", "a", "b", "gone", "up", "c", "gone"]
    assert [peer.heard for peer in peers] == [[1], [5]]
    assert all(peer.closed for peer in peers)


def test_what_is_done_apart_leaves_the_event_loop_free_and_ends_in_its_order() -> None:
    began, may_end = threading.Event(), threading.Event()

    def slow(_document: Document) -> tuple[Report, ...]:
        began.set()
        assert may_end.wait(10)
        return ()

    async def work() -> list[WorkedApart]:
        done: list[WorkedApart] = []
        ended = asyncio.Event()

        def post(event: WorkedApart) -> None:
            done.append(event)
            if len(done) == 2:
                ended.set()

        worker = ApartWorker(slow, post, lambda error: pytest.fail(repr(error)))
        worker.put(Examine(1, b"<cib/>"))
        worker.put(ReadDocument(2, b"<cib"))
        assert await asyncio.to_thread(began.wait, 10)
        assert not done, "the loop turns while the work goes on"
        may_end.set()
        await asyncio.wait_for(ended.wait(), 10)
        worker.close()
        return done

    first, second = (event.result for event in asyncio.run(work()))
    assert isinstance(first, Examined)
    assert first.token == 1
    assert isinstance(second, DocumentRead)
    assert second.document is None


def test_a_defect_in_what_is_done_apart_is_told() -> None:
    def broken(_document: Document) -> tuple[Report, ...]:
        raise RuntimeError("a defect")

    async def work() -> BaseException:
        told: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        worker = ApartWorker(broken, lambda event: pytest.fail(repr(event)), told.set_result)
        worker.put(Examine(1, b"<cib/>"))
        error = await asyncio.wait_for(told, 10)
        worker.close()
        return error

    assert str(asyncio.run(work())) == "a defect"
