"""The policy engine's process: kept warm, fed with the document and its patches, started again when it dies."""

import asyncio
import contextlib
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence

from crmd.events import Schedule, Scheduled, ScheduleFailed
from ipc.frames import FrameReader, FrameTooLarge, encode_frame
from ipc.note import Note
from ipc.output import rotation_waits
from pengine.wire import (
    ApplyPatch,
    LoadDocument,
    Outcome,
    Refused,
    WireError,
    WorkerRequest,
    decode_reply,
    encode_request,
)
from pengine.wire import Schedule as Question

WORK_LIMIT_S = 120.0
"""A worker that needs longer for one answer is taken to hang, and is killed."""
BACKLOG_BYTES_MAX = 64 * 1024 * 1024
"""More than this waiting in the pipe means that patches come faster than they are used: the document is loaded anew
when it is needed."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0
_READ_BYTES = 256 * 1024


class PolicyWorker:
    """Answers each `schedule` with exactly one Scheduled or ScheduleFailed, given to `post`.

    The worker's document is that of the controller at the moment of `schedule`: it is loaded once, and follows by
    patches; whatever breaks that chain makes it loaded again before the next schedule. With each question goes what
    tells the worker whether its document is the right one: the version, and the digest of the configuration, which the
    controller knows anyway.
    """

    def __init__(
        self,
        document: Callable[[], bytes],
        post: Callable[[Scheduled | ScheduleFailed], None],
        note: Callable[[Note], None],
        command: Sequence[str] | None = None,
        work_limit_s: float = WORK_LIMIT_S,
    ) -> None:
        """`document` gives the controller's document as XML; `command` starts another worker than ours, for tests."""
        self._command = list(command) if command is not None else _worker_command()
        self._work_limit_s = work_limit_s
        self._document = document
        self._post = post
        self._note = note
        self._process: asyncio.subprocess.Process | None = None
        self._loaded = False
        self._outstanding: deque[Schedule] = deque()
        """What is not answered, oldest first; all were sent if there is a process."""
        self._limit: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Keep a worker until cancelled."""
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                lived = await self._one_life()
                pause_s = FIRST_PAUSE_S if lived else min(pause_s * 2, LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)
        finally:
            if self._process is not None:
                await _reap(self._process)

    def reopen_logs(self) -> None:
        """The file that the worker's error output goes to was renamed."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGHUP)

    def schedule(self, wanted: Schedule) -> None:
        """Ask for the graph of the document as it is now."""
        self._outstanding.append(wanted)
        if self._process is not None:
            self._send_schedule(wanted)
            if len(self._outstanding) == 1:
                self._watch_the_next()

    def patched(self, patch: Callable[[], bytes]) -> None:
        """The document changed by this patch."""
        if not self._loaded or self._process is None or self._process.stdin is None:
            return
        if self._process.stdin.transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
            self._loaded = False
            return
        self._send(ApplyPatch(patch()))

    def replaced(self) -> None:
        """The document is another one."""
        self._loaded = False

    async def _one_life(self) -> bool:
        """Start a worker and listen until it ends; whether it answered anything."""
        pipe = asyncio.subprocess.PIPE
        try:
            with rotation_waits():
                process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        except OSError as error:
            self._note(Note("error", "pengine.start_failed", f"the policy engine can't be started: {error}"))
            return False
        self._process, self._loaded = process, False
        for wanted in self._outstanding:
            self._send_schedule(wanted)
        self._watch_the_next()
        answered = await self._listen(process)
        self._process = None
        self._watch_the_next()
        code = await _reap(process)
        self._note(Note("warning", "pengine.ended", "the policy engine ended and is started again", {"exit": code}))
        while self._outstanding:
            request = self._outstanding.popleft().request
            self._post(ScheduleFailed(request, f"the policy engine died (exit code {code})"))
        return answered

    async def _listen(self, process: asyncio.subprocess.Process) -> bool:
        assert process.stdout is not None
        frames = FrameReader()
        answered = False
        while data := await process.stdout.read(_READ_BYTES):
            try:
                for payload in frames.feed(data):
                    self._take(payload)
                    answered = True
            except (FrameTooLarge, WireError) as error:
                self._note(Note("error", "pengine.garbled", f"the policy engine's answer can't be read: {error}"))
                return answered
        return answered

    def _take(self, payload: bytes) -> None:
        reply = decode_reply(payload)
        if not self._outstanding or self._outstanding[0].request != reply.request:
            raise WireError(f"it answers request {reply.request}, which was not asked next")
        self._outstanding.popleft()
        self._watch_the_next()
        match reply:
            case Outcome():
                self._post(Scheduled(reply.request, reply.graph, reply.notes, reply.deeds))
            case Refused():
                self._loaded = False
                self._post(ScheduleFailed(reply.request, reply.reason))

    def _send_schedule(self, wanted: Schedule) -> None:
        if not self._loaded:
            self._send(LoadDocument(self._document()))
            self._loaded = True
        self._send(Question(wanted.request, wanted.at, wanted.version, wanted.configuration))

    def _send(self, message: WorkerRequest) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(encode_frame(encode_request(message)))

    def _watch_the_next(self) -> None:
        """The worker may be busy with one answer for WORK_LIMIT_S."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None
        if self._outstanding and self._process is not None:
            self._limit = asyncio.get_running_loop().call_later(self._work_limit_s, self._hangs)

    def _hangs(self) -> None:
        text = f"the policy engine did not answer for {self._work_limit_s:g} s and is killed"
        self._note(Note("error", "pengine.hangs", text))
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


async def _reap(process: asyncio.subprocess.Process) -> int:
    """Kill it, if it still runs, and return its exit code.

    What it wrote last is read away: `wait` returns only when the pipes have ended, and asyncio stops reading a pipe
    when nobody takes what it has read.
    """
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    assert process.stdout is not None
    while await process.stdout.read(_READ_BYTES):
        pass
    return await process.wait()


def _worker_command() -> list[str]:
    """How our interpreter runs the worker: as isolated as we are."""
    flags = ["-I"] if sys.flags.isolated else ["-P"] if sys.flags.safe_path else []
    return [sys.executable, *flags, "-m", "pengine"]
