"""The fencer within the controller: its agents are run by lrmd, its messages carried by the members."""

from __future__ import annotations

import msgspec

from cib.document import Document
from crmd.events import ToExecutor
from crmd.fencing_link import AgentRuns, devices_of
from crmd.peer_messages import OfFencer, Term
from crmd.post import Post
from crmd.workbook import Workbook
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds, WallSeconds
from lrmd.messages import KillOnce, Ran, RunOnce
from stonith.device import FenceAction
from stonith.events import (
    DevicesChanged,
    ExecutorLost,
    FenceConfirmed,
    FenceRequested,
    FencerEvent,
    FencingDone,
    KillAgent,
    MembersChanged,
    PeerSaid,
    RecordChanged,
    RunAgent,
    SendFencer,
)
from stonith.fencer import Fencer
from stonith.messages import FenceRecord, FencerMessage

CRMD = "crmd"


class Asked(msgspec.Struct, frozen=True):
    """Who asked: the DC's transition (its own number), or a tool at node `origin` (the tool's number)."""

    term: Term
    number: int
    life: int
    """The life in which the target was last seen when it was asked."""
    origin: str = ""

    @property
    def client(self) -> str:
        """As the history names it."""
        return f"tool on {self.origin}" if self.origin else CRMD


class FenceSide:
    """Owns the numbers of requests: the fencer answers each exactly once."""

    def __init__(self, fencer: Fencer, post: Post, workbook: Workbook) -> None:
        self._fencer = fencer
        self._post = post
        self._workbook = workbook
        self._agents = AgentRuns()
        self._asked: dict[int, Asked] = {}
        self._last = 0
        self._devices: DevicesChanged | None = None
        self._connected = False
        self._waiting: list[RunOnce] = []
        """Agents to run as soon as lrmd is there: what is sent to nobody is never answered."""

    def records(self, target: str) -> tuple[FenceRecord, ...]:
        """The history, newest first."""
        return self._fencer.records(target)

    def configure(self, document: Document, now: Milliseconds) -> None:
        """The configuration may have other devices."""
        devices = devices_of(document)
        if devices != self._devices:
            self._devices = devices
            self._give(devices, now)

    def members(self, names: tuple[str, ...], now: Milliseconds) -> None:
        """Another view."""
        self._give(MembersChanged(names), now)

    def request(
        self,
        asked: Asked,
        target: str,
        action: FenceAction,
        timeout_ms: int,
        delay_ms: int,
        wall: int,
        now: Milliseconds,
    ) -> list[tuple[Asked, FencingDone]]:
        """Have a node fenced."""
        self._last += 1
        self._asked[self._last] = asked
        event = FenceRequested(self._last, target, action, timeout_ms, asked.client, WallSeconds(wall), delay_ms)
        return self._give(event, now)

    def confirm(self, asked: Asked, target: str, wall: int, now: Milliseconds) -> list[tuple[Asked, FencingDone]]:
        """A person says that a node is down."""
        self._last += 1
        self._asked[self._last] = asked
        return self._give(FenceConfirmed(self._last, target, asked.client, WallSeconds(wall)), now)

    def peer(self, sender: str, message: FencerMessage, now: Milliseconds) -> list[tuple[Asked, FencingDone]]:
        """Another member's fencer said something."""
        return self._give(PeerSaid(sender, message), now)

    def ran(self, answer: Ran, wall: int, now: Milliseconds) -> list[tuple[Asked, FencingDone]] | None:
        """lrmd ran an agent; None if it was not a fence agent of ours."""
        event = self._agents.ran(answer, wall)
        return None if event is None else self._give(event, now)

    def executor_connected(self) -> None:
        """lrmd is there: run what waits for it."""
        self._connected = True
        for message in self._waiting:
            self._post.put(ToExecutor(message))
        self._waiting.clear()

    def executor_lost(self, now: Milliseconds) -> list[tuple[Asked, FencingDone]]:
        """lrmd died."""
        self._connected = False
        self._waiting.clear()
        self._agents.lost()
        return self._give(ExecutorLost(), now)

    def fired(self, name: str, now: Milliseconds) -> list[tuple[Asked, FencingDone]]:
        """A timer that is not the controller's fired."""
        return self._give(TimerFired(name), now)

    def _give(self, event: FencerEvent, now: Milliseconds) -> list[tuple[Asked, FencingDone]]:
        done: list[tuple[Asked, FencingDone]] = []
        for effect in self._fencer.handle(event, now):
            match effect:
                case RunAgent():
                    request = self._workbook.next_request()
                    self._execute(self._agents.begin(request, effect))
                case KillAgent(run):
                    old = self._agents.request_of(run)
                    if old is not None:
                        self._kill(old)
                case FencingDone():
                    asked = self._asked.pop(effect.id, None)
                    if asked is not None:
                        done.append((asked, effect))
                case SendFencer(to, message):
                    for name in to or ("",):
                        self._post.say(name, OfFencer(message))
                case SetTimer() | CancelTimer() | Note():
                    self._post.put(effect)
                case RecordChanged():
                    pass
        return done

    def _execute(self, message: RunOnce) -> None:
        if self._connected:
            self._post.put(ToExecutor(message))
        else:
            self._waiting.append(message)

    def _kill(self, request: int) -> None:
        self._waiting = [message for message in self._waiting if message.request != request]
        self._post.put(ToExecutor(KillOnce(request)))
