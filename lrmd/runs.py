"""Executions in flight: their time limits, and the way from SIGTERM over SIGKILL to giving up."""

from dataclasses import dataclass
from enum import Enum

from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.events import ClearNote, Effect, NoteOperation, SignalGroup, SpawnAgent
from lrmd.messages import Operation

SIGTERM = 15
SIGKILL = 9

DEFAULT_TIMEOUT_MS = 20_000
"""Pacemaker's default for operations that name no timeout."""

_TIMER = "run:"


class Phase(Enum):
    """How far the end of an execution has been forced."""

    RUNNING = "running"
    """Within its time."""
    TERMINATED = "terminated"
    """The time is over; the group got SIGTERM."""
    KILLED = "killed"
    """The group got SIGKILL too."""
    STUCK = "stuck"
    """It outlived SIGKILL: a process in the kernel's hands (a dead NFS server, a broken disk)."""


@dataclass(slots=True)
class Run:
    """One process group that is waited for."""

    run_id: int
    operation: Operation
    phase: Phase = Phase.RUNNING

    @property
    def timed_out(self) -> bool:
        """Whether the limit was reached; then the result is TIMEOUT whatever the agent says in the end."""
        return self.phase is not Phase.RUNNING


class Runs:
    """Every run has exactly one timer, from its begin to its end."""

    def __init__(self, kill_grace_ms: int, stuck_ms: int) -> None:
        self._kill_grace_ms = kill_grace_ms
        self._stuck_ms = stuck_ms
        self._runs: dict[int, Run] = {}
        self.next_run_id = 1

    def __len__(self) -> int:
        return len(self._runs)

    def begin(self, call_id: int, operation: Operation, now: Milliseconds) -> tuple[int, list[Effect]]:
        """Note and start an execution; its run id and the effects, in the order that makes it safe."""
        run_id = self.next_run_id
        self.next_run_id += 1
        self._runs[run_id] = Run(run_id, operation)
        deadline = Milliseconds(now + (operation.timeout_ms or DEFAULT_TIMEOUT_MS))
        return run_id, [
            NoteOperation(run_id, call_id, operation, now),
            SpawnAgent(run_id, operation),
            SetTimer(_name(run_id), deadline),
        ]

    def adopt(self, run_id: int, operation: Operation, started: Milliseconds, now: Milliseconds) -> list[Effect]:
        """Wait for a leftover: it keeps what is left of its time."""
        self.next_run_id = max(self.next_run_id, run_id + 1)
        self._runs[run_id] = Run(run_id, operation)
        deadline = started + (operation.timeout_ms or DEFAULT_TIMEOUT_MS)
        return [SetTimer(_name(run_id), Milliseconds(max(now, deadline)))]

    def give_up(self, run_id: int, now: Milliseconds) -> list[Effect]:
        """End it at once, without the grace of SIGTERM."""
        run = self._runs[run_id]
        run.phase = Phase.KILLED
        return [SignalGroup(run_id, SIGKILL), SetTimer(_name(run_id), Milliseconds(now + self._stuck_ms))]

    def timer(self, name: str, now: Milliseconds) -> tuple[Run | None, list[Effect]]:
        """A run's timer fired: force it one step further. The run is returned when it has just become stuck."""
        run = self._runs.get(int(name.removeprefix(_TIMER)))
        if run is None:
            return None, []
        match run.phase:
            case Phase.RUNNING:
                run.phase = Phase.TERMINATED
                return None, [SignalGroup(run.run_id, SIGTERM), self._again(run, now, self._kill_grace_ms)]
            case Phase.TERMINATED:
                run.phase = Phase.KILLED
                return None, [SignalGroup(run.run_id, SIGKILL), self._again(run, now, self._stuck_ms)]
            case Phase.KILLED:
                run.phase = Phase.STUCK
                return run, []
            case Phase.STUCK:
                return None, []

    def end(self, run_id: int) -> tuple[Run | None, list[Effect]]:
        """The leader has exited. What a forced end left of its group is killed, then the note is removed."""
        run = self._runs.pop(run_id, None)
        if run is None:
            return None, []
        effects: list[Effect] = [CancelTimer(_name(run_id))]
        if run.timed_out:
            effects.append(SignalGroup(run_id, SIGKILL))
        return run, [*effects, ClearNote(run_id)]

    def _again(self, run: Run, now: Milliseconds, after_ms: int) -> SetTimer:
        return SetTimer(_name(run.run_id), Milliseconds(now + after_ms))


def is_run_timer(name: str) -> bool:
    """Whether a timer of this name belongs to a run."""
    return name.startswith(_TIMER)


def _name(run_id: int) -> str:
    return f"{_TIMER}{run_id}"
