"""The thread in which large documents are examined and read, so that the event loop goes on meanwhile."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cib.apart import ApartResult, ApartWork, work_apart
from cib.operations import Validator
from crmd.events import WorkedApart


class ApartWorker:
    """Carries work out in its order. libxml2 reads and validates without Python's lock, so that this costs the event
    loop little; the rest of the work gives the lock up every few milliseconds.

    The queue is bounded by the replica: one examination, and one document that still counts, at a time.
    """

    def __init__(
        self, validator: Validator, post: Callable[[WorkedApart], None], broken: Callable[[BaseException], None]
    ) -> None:
        """`broken` hears of errors that the work should not have (defects)."""
        self._validator = validator
        self._post = post
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="apart")

    def put(self, work: ApartWork) -> None:
        """Do this after what was put before; the result comes back through `post`."""
        self._loop.run_in_executor(self._thread, work_apart, work, self._validator).add_done_callback(self._done)

    def close(self) -> None:
        """Begin nothing any more; what is under way ends for nobody."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, done: "asyncio.Future[ApartResult]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._broken(error)
        else:
            self._post(WorkedApart(done.result()))
