"""The agents that are running for the fencer, and how they ended."""

from dataclasses import dataclass
from typing import Literal

from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from stonith.device import AgentAction, Device
from stonith.events import KillAgent, RunAgent

GUARD_MS = 5_000
"""How much longer than an agent's timeout its answer is waited for; then the executor is taken to have lost it."""

RunEffect = RunAgent | KillAgent | SetTimer | CancelTimer
Purpose = Literal["metadata", "query", "act"]


@dataclass(frozen=True, slots=True)
class Run:
    """An agent that is running."""

    number: int
    purpose: Purpose
    device: Device
    campaign: int
    """For whom; 0: for everybody (metadata)."""


class Runs:
    """Owns the numbers of runs: each is answered, lost or killed once, and an answer to any other means nothing."""

    def __init__(self) -> None:
        self._runs: dict[int, Run] = {}
        self._last = 0

    def begin(
        self,
        campaign: int,
        purpose: Purpose,
        device: Device,
        action: AgentAction,
        parameters: dict[str, str],
        timeout_ms: int,
        now: Milliseconds,
    ) -> tuple[int, list[RunEffect]]:
        """Run an agent; its number, and what is to be done for it."""
        self._last += 1
        self._runs[self._last] = Run(self._last, purpose, device, campaign)
        run = RunAgent(self._last, device.id, device.agent, device.command(action), parameters, timeout_ms)
        guard = SetTimer(_guard(self._last), Milliseconds(now + timeout_ms + GUARD_MS))
        return self._last, [run, guard]

    def metadata_run(self, agent: str) -> int | None:
        """The run that asks this agent for its metadata, if there is one."""
        return next((n for n, r in self._runs.items() if r.purpose == "metadata" and r.device.agent == agent), None)

    def end(self, number: int) -> tuple[Run | None, list[RunEffect]]:
        """A run was answered; None if nobody waits for it any more."""
        run = self._runs.pop(number, None)
        return run, [CancelTimer(_guard(number))] if run is not None else []

    def expire(self, number: int) -> tuple[Run | None, list[RunEffect]]:
        """A run's guard fired: it is given up."""
        run = self._runs.pop(number, None)
        return run, [KillAgent(number)] if run is not None else []

    def all(self) -> list[int]:
        """The numbers of all runs, oldest first."""
        return list(self._runs)

    def kill(self, campaign: int) -> list[RunEffect]:
        """Give up everything that runs for a campaign."""
        effects: list[RunEffect] = []
        for number, run in list(self._runs.items()):
            if run.campaign == campaign:
                del self._runs[number]
                effects += [CancelTimer(_guard(number)), KillAgent(number)]
        return effects


def describe_end(exit_code: int | None, output: str) -> str:
    """Why a run failed, in few words: the last line that the agent printed, and its exit code."""
    lines = output.strip().splitlines()
    ended = "it did not end by itself" if exit_code is None else f"exit code {exit_code}"
    return f"{lines[-1].strip()} ({ended})" if lines else ended


def _guard(number: int) -> str:
    return f"fence:run:{number}"
