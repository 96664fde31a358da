"""Runs outside any resource's history: fence agents and meta-data."""

from dataclasses import dataclass

from ipc.units import Milliseconds
from lrmd.events import AgentExited, AgentNotRun, Effect
from lrmd.messages import Operation, OperationStatus, Ran, RunOnce
from lrmd.results import Outcome
from lrmd.runs import Runs


@dataclass(slots=True)
class _Once:
    request: int
    """0 when nobody waits for the answer any more."""
    killed: bool = False


class OnceRuns:
    """They need no stamp and no queue; fencing must never wait behind resources."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._once: dict[int, _Once] = {}

    def __len__(self) -> int:
        return len(self._once)

    def begin(self, message: RunOnce, now: Milliseconds) -> list[Effect]:
        """Start one."""
        operation = Operation("", message.agent, message.action, 0, message.timeout_ms, message.parameters)
        run_id, effects = self._runs.begin(0, operation, now)
        self._once[run_id] = _Once(message.request)
        return effects

    def kill(self, request: int, now: Milliseconds) -> list[Effect]:
        """Give up on one, if it is still going on; its answer comes when it is gone."""
        for run_id, once in self._once.items():
            if once.request == request and not once.killed:
                once.killed = True
                return self._runs.give_up(run_id, now)
        return []

    def disown(self) -> None:
        """The client is gone; what runs goes on, its answer goes to nobody."""
        for once in self._once.values():
            once.request = 0

    def ended(self, event: AgentExited | AgentNotRun, outcome: Outcome) -> Ran | None:
        """The answer for a run that ended, if it is one of ours and somebody waits for it."""
        once = self._once.pop(event.run_id, None)
        if once is None or not once.request:
            return None
        output, errors = ("", event.reason) if isinstance(event, AgentNotRun) else (event.output, event.errors)
        status = OperationStatus.CANCELLED if once.killed else outcome.status
        return Ran(once.request, outcome.exit_code, status, output, errors, outcome.exec_ms)
