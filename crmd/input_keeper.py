"""Keeps the policy engine's inputs without holding up the loop."""

import asyncio
from collections.abc import Callable

from crmd.pe_inputs import InputFiles
from ipc.note import Note

MAX_WAITING = 8
"""Documents that may wait for the disk; when it is slower than transitions come, some are not kept."""


class InputKeeper:
    """Writes one input after the other in a worker thread."""

    def __init__(self, files: InputFiles, note: Callable[[Note], None]) -> None:
        self._files = files
        self._note = note
        self._waiting: asyncio.Queue[tuple[int, str, bytes, int]] = asyncio.Queue(MAX_WAITING)

    def keep(self, transition: int, severity: str, document: bytes, at: int) -> None:
        """Keep this document, which was decided about at this time (seconds), as the input of the transition."""
        try:
            self._waiting.put_nowait((transition, severity, document, at))
        except asyncio.QueueFull:
            self._note(Note("info", "pengine.input_skipped", f"the input of transition {transition} is not kept"))

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            transition, severity, document, at = await self._waiting.get()
            try:
                path = await asyncio.to_thread(self._files.keep, document, severity, at)
            except OSError as error:
                self._note(Note("warning", "pengine.input_lost", f"an input can't be kept: {error}"))
                continue
            text = f"the input of transition {transition} is kept in {path}"
            self._note(Note("info", "pengine.input", text, {"transition": transition}))
