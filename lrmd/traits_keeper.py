"""Asks agents for meta-data beside their operations, and remembers what it says while the agent's file is the same.

The first operation of an agent has the meta-data read at the same time. A result that comes earlier waits for it, but
never longer than half of its operation's time limit: the core's timer for that operation goes on meanwhile.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from lrmd.agent_traits import Described, NoTraits, describe
from lrmd.agents import Launch
from lrmd.messages import AgentName, AgentTraits

LIMIT_S = 5.0
"""For the meta-data of one agent; then it is killed, and results are given without traits."""
FIRST_RUN_ID = 1 << 62
"""Runs with an id from here on are the keeper's own: no note is written of them, since nothing depends on them."""

Waiting = Callable[[], None]
Identity = tuple[str, str, int, int]
"""Module, path, time of the last change, size: what tells one version of an agent from another."""


def is_own(run_id: int) -> bool:
    """Whether a run is one of the keeper's."""
    return run_id >= FIRST_RUN_ID


@dataclass(slots=True)
class _Asked:
    """A run of meta-data that has not ended."""

    run_id: int
    agent: AgentName
    identity: Identity
    waiting: list[Waiting] = field(default_factory=list)


class TraitsKeeper:
    """Owns what is known of agents. `spawn(run_id, launch)` begins a run, whose end is told by `ended` or `lost`."""

    def __init__(self, spawn: Callable[[int, Launch], None], failed: Callable[[AgentName, str], None]) -> None:
        self._spawn = spawn
        self._failed = failed
        self._known: dict[AgentName, tuple[Identity, Described]] = {}
        self._asked: dict[AgentName, _Asked] = {}
        self._next = FIRST_RUN_ID
        self._told: dict[AgentName, str] = {}
        """What was said of agents whose meta-data could not be had last time; it is said once."""

    def learn(self, agent: AgentName, launch: Launch) -> int:
        """See to it that an agent is known; `launch` is its meta-data action. The run that was begun, 0 if none."""
        identity = _identity(launch)
        known = self._known.get(agent)
        if identity is None or agent in self._asked or (known is not None and known[0] == identity):
            return 0
        asked = _Asked(self._next, agent, identity)
        self._next += 1
        self._asked[agent] = asked
        try:
            self._spawn(asked.run_id, launch)
        except OSError as error:
            del self._asked[agent]
            self._tell(agent, f"its meta-data action could not be started: {error.strerror}")
            return 0
        return asked.run_id

    def when_learned(self, agent: AgentName, then: Waiting) -> bool:
        """Call `then` when the agent's meta-data is there, or can't be had; False: there is nothing to wait for.

        An agent whose meta-data could not be had last time is asked again, but not waited for.
        """
        asked = self._asked.get(agent)
        if asked is None or agent in self._told:
            return False
        asked.waiting.append(then)
        return True

    def traits(self, agent: AgentName) -> AgentTraits | None:
        """What is known; None where nothing is, or an agent of this name is being asked anew."""
        known = self._known.get(agent)
        return known[1].traits if known is not None and agent not in self._asked else None

    def reload_action(self, agent: AgentName) -> str:
        """The agent's action that takes over new parameters; empty where it has none or is not known."""
        known = self._known.get(agent)
        return known[1].reload if known is not None else ""

    def is_asked(self, run_id: int) -> bool:
        """Whether a run of the keeper's has not ended."""
        return self._of(run_id) is not None

    def ended(self, run_id: int, exit_code: int, output: str) -> None:
        """A run of the keeper's has ended."""
        asked = self._of(run_id)
        if asked is None:
            return
        try:
            if exit_code:
                raise NoTraits(f"its meta-data action exited with {exit_code}")
            self._known[asked.agent] = (asked.identity, describe(output))
            self._told.pop(asked.agent, None)
        except NoTraits as error:
            self._forget(asked, str(error))
        self._done(asked)

    def lost(self, run_id: int, reason: str) -> None:
        """A run of the keeper's was not possible, or took too long."""
        asked = self._of(run_id)
        if asked is not None:
            self._forget(asked, reason)
            self._done(asked)

    def _of(self, run_id: int) -> _Asked | None:
        return next((asked for asked in self._asked.values() if asked.run_id == run_id), None)

    def _forget(self, asked: _Asked, reason: str) -> None:
        self._known.pop(asked.agent, None)
        self._tell(asked.agent, reason)

    def _tell(self, agent: AgentName, reason: str) -> None:
        if self._told.get(agent) != reason:
            self._told[agent] = reason
            self._failed(agent, reason)

    def _done(self, asked: _Asked) -> None:
        del self._asked[asked.agent]
        for then in asked.waiting:
            then()


def _identity(launch: Launch) -> Identity | None:
    """None where there is no such file (any more)."""
    if launch.module:
        return (launch.module, "", 0, 0)
    try:
        status = os.stat(launch.argv[0])
    except OSError:
        return None
    return ("", launch.argv[0], status.st_mtime_ns, status.st_size)
