"""Virtual time, the queue of what happens next, chance, and the trace of what happened."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b

from ipc.units import Milliseconds

BOOT_OFFSET_MS = 1_700_000_000_000
"""Wall clock minus virtual time, before clocks are set wrong."""


class World:
    """The queue is ordered by (time, number of the entry), so that a seed replays exactly."""

    def __init__(self, seed: int, *, verbose: bool = False) -> None:
        """`verbose` keeps the trace's lines; its digest is always kept."""
        self.seed = seed
        self.now = Milliseconds(0)
        self.rng = random.Random(seed)
        self.reached: Counter[str] = Counter()
        self.steps = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._entries = 0
        self._digest = blake2b(digest_size=16)
        self._verbose = verbose
        self.lines: list[str] = []

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do it `delay_ms` from now (after everything that was queued earlier for the same time)."""
        self._entries += 1
        heapq.heappush(self._queue, (self.now + max(0, delay_ms), self._entries, action))

    def run(self, until: int) -> None:
        """Let virtual time pass up to `until`."""
        while self._queue and self._queue[0][0] <= until:
            at, _, action = heapq.heappop(self._queue)
            self.now = Milliseconds(at)
            self.steps += 1
            action()
        self.now = Milliseconds(until)

    def delay(self, low_ms: int, high_ms: int) -> int:
        """A random delay between the bounds, both included; small ones are more common."""
        return low_ms + int((high_ms - low_ms) * self.rng.random() ** 3)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def trace(self, who: str, what: str) -> None:
        """One line of the trace: goes into the digest, and is kept when verbose."""
        line = f"{self.now / 1000:10.3f} {who:12} {what}"
        self._digest.update(line.encode())
        if self._verbose:
            self.lines.append(line)

    def digest(self) -> str:
        """Of everything that was traced so far."""
        return self._digest.hexdigest()
