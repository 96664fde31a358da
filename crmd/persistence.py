"""Performs the replica's store effects in a thread of its own, one after the other, in their order."""

import asyncio
import queue
import threading
from collections.abc import Callable

from cib.replica import StoreEffect, StoreEvent
from crmd.events import FromStore


class Persistence:
    """The only caller of the store while the daemon runs; disks may be slow, the event loop must not be.

    The queue is bounded by the replica, which has one Persist under way at a time.
    """

    def __init__(self, perform: Callable[[StoreEffect], StoreEvent | None], post: Callable[[FromStore], None]) -> None:
        self._perform = perform
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[StoreEffect | None] = queue.SimpleQueue()
        self._failed: Callable[[BaseException], None] | None = None
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)

    def start(self, failed: Callable[[BaseException], None]) -> None:
        """Begin. `failed` is called in the loop when the store breaks in a way that it should not (a defect)."""
        self._failed = failed
        self._thread.start()

    def put(self, effect: StoreEffect) -> None:
        """Perform this after what was put before; a result comes back through `post`."""
        self._queue.put(effect)

    def close(self, timeout_s: float) -> None:
        """Finish what was put, at most for so long."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (effect := self._queue.get()) is not None:
            try:
                event = self._perform(effect)
            except Exception as error:
                assert self._failed is not None
                self._loop.call_soon_threadsafe(self._failed, error)
                return
            if event is not None:
                self._loop.call_soon_threadsafe(self._post, FromStore(event))
