"""The policy engine's process: answers, patches, deaths and hangs, with the real worker and with broken ones."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cib.document import Document
from cib.initial import empty_document
from cib.operations import apply_requests
from cib.requests import Request
from crmd.events import Schedule, Scheduled, ScheduleFailed
from crmd.pengine_worker import PolicyWorker
from ipc.note import Note

ROOT = Path(__file__).parents[3]
REAL = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pengine.__main__ import main; main()",
]
NODES = b'<nodes><node id="n1" uname="n1"/></nodes>'
STATE = b'<status><node_state id="n1" uname="n1" in_ccm="1" crmd="1" join="member" expected="member"/></status>'
DUMMY = b'<resources><primitive id="%s" class="ocf" provider="heartbeat" type="Dummy"/></resources>'
NO_FENCING = (
    b'<crm_config><cluster_property_set id="cib-bootstrap-options">'
    b'<nvpair id="s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>'
)


def with_a_node() -> Document:
    document = empty_document()
    requests = [
        Request("modify", section=section, xml=xml, allow_create=True)
        for section, xml in (("crm_config", NO_FENCING), ("nodes", NODES), ("status", STATE))
    ]
    document.root.set("have-quorum", "1")
    apply_requests(document, requests)
    return document


class Bench:
    """A worker and what it said."""

    def __init__(self, command: list[str], work_limit_s: float = 60.0) -> None:
        self.document = with_a_node()
        self.said: list[Scheduled | ScheduleFailed] = []
        self.notes: list[Note] = []
        self._heard = asyncio.Event()
        self.worker = PolicyWorker(
            self.document.to_compact_bytes, self._hear, self.notes.append, command, work_limit_s=work_limit_s
        )
        self.task = asyncio.create_task(self.worker.run())

    def _hear(self, event: Scheduled | ScheduleFailed) -> None:
        self.said.append(event)
        self._heard.set()

    async def ask(self, request: int) -> Scheduled | ScheduleFailed:
        self._heard.clear()
        self.worker.schedule(self.question(request))
        async with asyncio.timeout(30):
            await self._heard.wait()
        return self.said[-1]

    def question(self, request: int) -> Schedule:
        document = self.document
        return Schedule(request, 1_700_000_000, document.version, document.configuration_digest())

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def change(self, request: Request) -> Callable[[], bytes]:
        patch = apply_requests(self.document, [request]).patch
        assert patch is not None
        return patch.to_xml


def operations(event: Scheduled | ScheduleFailed) -> list[str]:
    assert isinstance(event, Scheduled)
    actions = [action for synapse in event.graph.synapses for action in synapse.actions]
    return sorted(action.task_key for action in actions if action.kind == "rsc_op")


def test_the_worker_decides_on_the_document_and_follows_its_patches() -> None:
    async def scenario() -> None:
        bench = Bench(REAL)
        assert operations(await bench.ask(1)) == []
        bench.worker.patched(bench.change(Request("modify", section="resources", xml=DUMMY % b"a")))
        assert operations(await bench.ask(2)) == ["a_monitor_0", "a_start_0"]
        bench.change(Request("modify", section="resources", xml=DUMMY % b"b"))
        bench.worker.replaced()
        assert operations(await bench.ask(3)) == ["a_monitor_0", "a_start_0", "b_monitor_0", "b_start_0"]
        assert bench.notes == []
        await bench.close()

    asyncio.run(scenario())


def test_a_question_about_a_document_of_which_a_patch_was_lost_fails_and_the_document_is_loaded_anew() -> None:
    async def scenario() -> None:
        bench = Bench(REAL)
        await bench.ask(1)
        bench.change(Request("modify", section="resources", xml=DUMMY % b"lost"))
        answer = await bench.ask(2)
        assert isinstance(answer, ScheduleFailed)
        assert "is wanted for" in answer.reason
        assert "lost_start_0" in operations(await bench.ask(3))
        await bench.close()

    asyncio.run(scenario())


def test_a_patch_that_does_not_fit_fails_one_answer_and_the_document_is_loaded_anew() -> None:
    async def scenario() -> None:
        bench = Bench(REAL)
        await bench.ask(1)
        bench.change(Request("modify", section="resources", xml=DUMMY % b"lost"))
        bench.worker.patched(bench.change(Request("modify", section="resources", xml=DUMMY % b"a")))
        assert isinstance(await bench.ask(2), ScheduleFailed)
        assert "a_start_0" in operations(await bench.ask(3))
        await bench.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("program", "event"),
    [
        ("import sys; sys.exit(3)", "pengine.ended"),
        ("import os; os.read(0, 1); os.write(1, b'\\xff' * 2_000_000); os.read(0, 1)", "pengine.garbled"),
        ("import os; os.read(0, 1); os.write(1, b'x' * 100); os.read(0, 1)", "pengine.garbled"),
        ("import os\nwhile os.read(0, 65536): pass", "pengine.hangs"),
    ],
)
def test_every_request_is_answered_even_if_the_worker_dies_babbles_or_hangs(program: str, event: str) -> None:
    async def scenario() -> None:
        bench = Bench([sys.executable, "-c", program], work_limit_s=1.0)
        answer = await bench.ask(7)
        assert isinstance(answer, ScheduleFailed)
        assert answer.request == 7
        assert event in [note.event for note in bench.notes]
        await bench.close()

    asyncio.run(scenario())


def test_a_worker_with_much_to_say_does_not_hold_up_the_end() -> None:
    async def scenario() -> None:
        program = "import os\nos.read(0, 1)\nos.write(1, b'\\0' * 50_000_000)"
        bench = Bench([sys.executable, "-c", program])
        bench.worker.schedule(bench.question(1))
        await asyncio.sleep(0.5)
        async with asyncio.timeout(10):
            await bench.close()

    asyncio.run(scenario())
