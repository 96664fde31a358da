"""Watches a cluster through the client API of one node, and remembers what was where, when."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest

from cib.document import Document
from cib.errors import CibError
from cib.patchset import Patch, apply_patch
from crmd.client import Client, ClientError
from crmd.messages import CibContent, ClusterState
from ipc.directories import NodeDirectories
from lab.probe import boottime_ms
from pengine.scheduler import schedule
from pengine.unpack import unpack

CHECK_S = 0.05


@dataclass(frozen=True, slots=True)
class Sight:
    """What the node said at one instant; milliseconds of CLOCK_BOOTTIME."""

    at: int
    members: tuple[str, ...]
    idle: bool
    placements: dict[str, str] = field(default_factory=dict)
    """Resource -> the node where it is active (several are joined with commas)."""


class Observer:
    """A thread that records a Sight at every change until it is closed."""

    def __init__(self, directories: Callable[[], NodeDirectories], check: Callable[[], None] = lambda: None) -> None:
        """`directories` is asked at each attempt to connect: a node that boots again has others.

        `check` is called all the time while somebody waits; what it raises ends the wait.
        """
        self._check = check
        self._directories = directories
        self._sights: list[Sight] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="observer", daemon=True)
        self._thread.start()

    def sights(self) -> list[Sight]:
        """All of them so far, oldest first."""
        with self._changed:
            return list(self._sights)

    def wait(self, what: str, condition: Callable[[Sight], bool], since: int, timeout_s: float) -> Sight:
        """The first sight from `since` on for which the condition holds; what was true at `since` counts, too.

        Raises TimeoutError.
        """
        deadline = time.monotonic() + timeout_s
        found: Sight | None = None
        while found is None and (left := deadline - time.monotonic()) > 0:
            self._check()
            with self._changed:
                found = self._changed.wait_for(lambda: self._find(condition, since), min(left, CHECK_S))
        if found is None:
            last = self._sights[-1] if self._sights else "nothing"
            raise TimeoutError(f"after {timeout_s:.0f} s still not: {what}; last seen: {last}")
        return found

    def _find(self, condition: Callable[[Sight], bool], since: int) -> Sight | None:
        for sight, following in zip_longest(self._sights, self._sights[1:]):
            in_force = sight.at >= since or following is None or following.at > since
            if in_force and condition(sight):
                return sight
        return None

    def close(self) -> None:
        """Record nothing more. The thread itself ends when the node does."""
        self._closing.set()

    def _watch(self) -> None:
        while not self._closing.wait(0.02):
            try:
                with Client.connect(self._directories()) as client:
                    self._follow(client)
            except (CibError, ClientError, OSError, RuntimeError, ValueError):
                # The node is off, its controller is starting again, or a patch was lost: begin anew.
                continue

    def _follow(self, client: Client) -> None:
        document: Document | None = None
        state: ClusterState | None = None
        for event in client.watch():
            at = boottime_ms()
            if isinstance(event, CibContent):
                document = Document.from_bytes(event.xml)
            elif isinstance(event, ClusterState):
                state = event
            elif event.patch and document is not None:
                # An empty one says that the whole document follows.
                apply_patch(document, Patch.from_xml(event.patch))
            if document is not None and state is not None:
                self._add(Sight(at, state.members, state.idle, placements(document)))

    def _add(self, sight: Sight) -> None:
        if self._closing.is_set():
            return
        with self._changed:
            self._sights.append(sight)
            self._changed.notify_all()


def placements(document: Document) -> dict[str, str]:
    """Where each primitive is active, as its history says."""
    outcome = schedule(unpack(document.copy()), int(time.time()))
    return {name: ",".join(sorted(place.current)) for name, place in outcome.placements.items() if place.current}
