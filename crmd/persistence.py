"""The store in a thread of its own: its effects one after the other in their order, and reading what was set aside."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cib.replica import StoreEffect, StoreEvent
from cib.store import KeptCib, Store
from crmd.events import FromStore
from crmd.messages import Divergence
from ipc.note import Note


class Persistence:
    """The only caller of the store while the daemon runs; disks may be slow, the event loop must not be.

    The queue is bounded by the replica, which has one Persist under way at a time.
    """

    def __init__(
        self,
        store: Store,
        directory: Path,
        post: Callable[[FromStore], None],
        note: Callable[[Note], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        """`note` is called in the store's thread; `broken` hears of errors that the store should not have (defects)."""
        self._store = store
        self._directory = directory
        self._post = post
        self._note = note
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

        for kept in store.take_notes():
            note(kept)

    def put(self, effect: StoreEffect) -> None:
        """Perform this after what was put before; a result comes back through `post`."""
        self._loop.run_in_executor(self._thread, self._perform, effect).add_done_callback(self._performed)

    async def divergences(self) -> tuple[Divergence, ...]:
        """The documents that were set aside, newest first."""
        kept = await self._loop.run_in_executor(self._thread, self._store.divergences)
        return tuple(self._shown(item) for item in kept)

    async def close(self) -> None:
        """Finish what was put."""
        await asyncio.to_thread(self._thread.shutdown)

    def _perform(self, effect: StoreEffect) -> StoreEvent | None:
        event = self._store.perform(effect)
        for note in self._store.take_notes():
            self._note(note)
        return event

    def _performed(self, done: "asyncio.Future[StoreEvent | None]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._broken(error)
        elif (event := done.result()) is not None:
            self._post(FromStore(event))

    def _shown(self, kept: KeptCib) -> Divergence:
        numbers = [int(part) if part.isdigit() else 0 for part in kept.version.split(".")]
        admin_epoch, epoch, num_updates = (*numbers, 0, 0, 0)[:3]
        path = str(self._directory / kept.name)
        return Divergence(path, (admin_epoch, epoch, num_updates), kept.digest, kept.reason, kept.kept_at)
