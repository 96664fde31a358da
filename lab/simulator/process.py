"""A simulated process: events in, timers, connections to other processes, a death that the others notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ipc.timers import TimerFired

if TYPE_CHECKING:
    from lab.simulator.machine import Machine
    from lab.simulator.world import World

IPC_DELAY_MS = (0, 2)


class Process:
    """Base of the three daemons' shells. Subclasses implement `dispatch` (an event for the core)."""

    name = "process"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.world: World = machine.world
        self.pid = machine.next_pid()
        self.alive = True
        self.born_at = machine.world.now
        self._timers: dict[str, object] = {}
        self._backlog: list[Callable[[], None]] = []
        self._stalled_at: int | None = None

    def __str__(self) -> str:
        return f"{self.machine.name}/{self.name}"

    def dispatch(self, event: object) -> None:
        """Give one event to the core and perform its effects."""
        raise NotImplementedError

    def paused_for(self, duration_ms: int) -> None:
        """The process runs again after a pause; called before anything that came in meanwhile."""

    def post(self, event: object, delay_ms: int = 0) -> None:
        """Let `dispatch(event)` happen after the delay, if the process lives then; a pause makes it wait."""
        self.later(delay_ms, lambda: self.dispatch(event))

    def later(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Do something as this process after the delay, if it lives then."""
        self.world.after(delay_ms, lambda: self._arrive(action))

    def _arrive(self, action: Callable[[], None]) -> None:
        if not self.alive:
            return
        if self.stalled:
            self._backlog.append(action)
        else:
            action()

    @property
    def stalled(self) -> bool:
        """Whether it does not run at the moment, alone or with its whole machine."""
        return self.machine.paused or self._stalled_at is not None

    def stall(self) -> None:
        """This process alone does not run until `go_on` (SIGSTOP, or starved of the processor)."""
        if self.alive and self._stalled_at is None:
            self._stalled_at = self.world.now
            self.world.trace(str(self), "stalls")

    def go_on(self) -> None:
        """The end of `stall`."""
        if not self.alive or self._stalled_at is None:
            return
        duration, self._stalled_at = self.world.now - self._stalled_at, None
        self.world.trace(str(self), f"goes on after {duration} ms")
        if not self.machine.paused:
            self.resume(duration)

    def resume(self, duration_ms: int) -> None:
        """After a pause: the shell notices first, then handles what piled up."""
        if self._stalled_at is not None:
            return
        backlog, self._backlog = self._backlog, []
        if self.alive:
            self.paused_for(duration_ms)
        for action in backlog:
            if self.alive:
                action()

    def set_timer(self, name: str, at: int) -> None:
        """Perform SetTimer."""
        token = object()
        self._timers[name] = token
        self.later(at - self.world.now, lambda: self._fire(name, token))

    def cancel_timer(self, name: str) -> None:
        """Perform CancelTimer."""
        self._timers.pop(name, None)

    def _fire(self, name: str, token: object) -> None:
        if self._timers.get(name) is token:
            del self._timers[name]
            self.dispatch(TimerFired(name))

    def die(self, reason: str) -> None:
        """The process ends at once; connections end after what was sent has been read."""
        if not self.alive:
            return
        self.alive = False
        self._timers.clear()
        self.world.trace(str(self), f"dies: {reason}")
        self.machine.process_died(self, reason)


class EndPoint(Protocol):
    """What a connection's receiving side is told."""

    def received(self, message: object) -> None:
        """The other side's message."""

    def closed(self) -> None:
        """The other side is gone."""


class Connection:
    """A Unix socket between two processes of one machine: ordered, reliable, ended by a death."""

    def __init__(self, first: Process, second: Process) -> None:
        self.ends = (first, second)
        self.open = True
        self._busy_until = [0, 0]
        self.handlers: dict[Process, EndPoint] = {}

    def send(self, sender: Process, message: object) -> None:
        """Queue a message for the other side; lost when the other side is dead."""
        if not self.open:
            return
        side = self.ends.index(sender)
        receiver = self.ends[1 - side]
        at = max(self._busy_until[side], sender.world.now + sender.world.delay(*IPC_DELAY_MS))
        self._busy_until[side] = at
        receiver.later(at - sender.world.now, lambda: self._deliver(receiver, message))

    def _deliver(self, receiver: Process, message: object) -> None:
        if receiver in self.handlers:
            self.handlers[receiver].received(message)

    def end(self, dead: Process) -> None:
        """`dead` is gone: the other side reads what is left, then the end."""
        if not self.open:
            return
        self.open = False
        side = self.ends.index(dead)
        survivor = self.ends[1 - side]
        at = max(self._busy_until[side], survivor.world.now + survivor.world.delay(*IPC_DELAY_MS))
        survivor.later(at - survivor.world.now, lambda: self._finish(survivor))

    def _finish(self, survivor: Process) -> None:
        handler = self.handlers.pop(survivor, None)
        if handler is not None:
            handler.closed()
