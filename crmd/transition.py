"""The transition engine: carries out a graph, every action once, inputs before what needs them.

It decides only when an action may start and when the whole is over; how an action is done and how its result is found
is the controller's matter (`crmd.orders`, `crmd.results`). An action that failed keeps what depends on it from
starting. After an abort nothing below the abort's priority starts any more; what is in flight is waited for, because
a new computation must not be surprised by its result.
"""

from __future__ import annotations

import heapq
from enum import Enum

import msgspec

from cib.values import INFINITY
from crmd.orders import RSC_OP, action_timeout_ms, migration_nodes, waits_for_result
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from pengine.graph import PSEUDO_EVENT, Action, Graph, Synapse

NODE_JOBS_MAX = 64
"""Operations in flight on one node: as many as its executor runs at once. It also bounds the work of one turn."""

ACTION_TIMER = "transition.action."
"""Prefix of the timers of lost actions; `transition.action` follows, by number and id."""


class Fire(msgspec.Struct, frozen=True, tag=True):
    """Effect: do this action now. `key` is its transition key."""

    action: Action
    key: str


class Completed(msgspec.Struct, frozen=True, tag=True):
    """Effect: nothing is in flight and nothing more will start."""

    transition: int
    aborted: str
    """Why it was aborted; empty if it was not."""
    unfinished: int
    """Actions that were not started, or failed."""


TransitionEffect = Fire | Completed | SetTimer | CancelTimer


class Progress(Enum):
    """Where an action is."""

    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Transition:
    """One graph on its way. Invariant: an action leaves WAITING once, and only when all its inputs are confirmed."""

    def __init__(self, number: int, graph: Graph, uuid: str) -> None:
        self.number = number
        self.graph = graph
        self.aborted = ""
        self.over = False
        self._uuid = uuid
        self._abort_priority = 0
        self._actions: dict[int, Action] = {}
        self._synapse_of: dict[int, Synapse] = {}
        self._progress: dict[int, Progress] = {}
        self._missing: dict[int, int] = {}
        """For each action that waits: how many of its inputs are not confirmed."""
        self._needed_by: dict[int, list[int]] = {}
        self._position: dict[int, int] = {}
        self._ready: list[tuple[int, int]] = []
        """Heap of (position in the graph, action id)."""
        self._in_flight: dict[int, None] = {}
        self._migrating: dict[str, int] = {}
        self._jobs: dict[str, int] = {}
        """Operations in flight by node."""
        self._blocked: dict[str, list[tuple[int, int]]] = {}
        """Heaps of ready actions by a node that has NODE_JOBS_MAX operations in flight."""
        for position, synapse in enumerate(graph.synapses):
            self._read(position, synapse)

    def _read(self, position: int, synapse: Synapse) -> None:
        inputs = tuple(dict.fromkeys(synapse.inputs))
        for action in synapse.actions:
            self._actions[action.id] = action
            self._synapse_of[action.id] = synapse
            self._progress[action.id] = Progress.WAITING
            self._position[action.id] = position
            # An input that is not in the graph is never confirmed: what needs it does not start.
            self._missing[action.id] = len(inputs)
            for needed in inputs:
                self._needed_by.setdefault(needed, []).append(action.id)
            if not inputs:
                heapq.heappush(self._ready, (position, action.id))

    @property
    def in_flight(self) -> tuple[Action, ...]:
        """The actions that were fired and have no result, in the order of firing."""
        return tuple(self._actions[identity] for identity in self._in_flight)

    @property
    def in_vain(self) -> bool:
        """Whether something failed and nothing was done, pseudo-actions apart."""
        real = (identity for identity, action in self._actions.items() if action.kind != PSEUDO_EVENT)
        reached = {self._progress[identity] for identity in real}
        return Progress.FAILED in reached and Progress.CONFIRMED not in reached

    def action(self, identity: int) -> Action | None:
        """The action of this id."""
        return self._actions.get(identity)

    def progress(self, identity: int) -> Progress | None:
        """Where an action is; None if the graph has none of this id."""
        return self._progress.get(identity)

    def key(self, action: Action) -> str:
        """The transition key: `action:transition:expected-rc:uuid`."""
        return f"{action.id}:{self.number}:{expected_rc(action)}:{self._uuid}"

    def start(self, now: Milliseconds) -> list[TransitionEffect]:
        """Fire what can start. To be called once; results keep it going."""
        return self._advance(now)

    def confirm(self, identity: int, now: Milliseconds) -> list[TransitionEffect]:
        """An action is done as expected. One that is not in flight is left as it is."""
        if self._progress.get(identity) is not Progress.IN_FLIGHT:
            return []
        effects = self._land(identity)
        self._settle(identity)
        return effects + self._advance(now)

    def fail(self, identity: int, now: Milliseconds) -> list[TransitionEffect]:
        """An action failed; what needs it will not start."""
        if self._progress.get(identity) is not Progress.IN_FLIGHT:
            return []
        effects = self._land(identity)
        self._progress[identity] = Progress.FAILED
        return effects + self._advance(now)

    def abort(self, reason: str, now: Milliseconds, priority: int = INFINITY) -> list[TransitionEffect]:
        """Start nothing of a priority below `priority` any more."""
        if self.over:
            return []
        if priority > self._abort_priority:
            self._abort_priority = priority
            self.aborted = self.aborted or reason
        return self._advance(now)

    def _land(self, identity: int) -> list[TransitionEffect]:
        del self._in_flight[identity]
        action = self._actions[identity]
        for node in migration_nodes(action):
            self._migrating[node] -= 1
        if action.kind == RSC_OP:
            node = action.node_name or ""
            self._jobs[node] -= 1
            if blocked := self._blocked.get(node):
                heapq.heappush(self._ready, heapq.heappop(blocked))
        return [CancelTimer(f"{ACTION_TIMER}{self.number}.{identity}")]

    def _settle(self, identity: int) -> None:
        self._progress[identity] = Progress.CONFIRMED
        for dependent in self._needed_by.get(identity, ()):
            self._missing[dependent] -= 1
            if self._missing[dependent] == 0:
                heapq.heappush(self._ready, (self._position[dependent], dependent))

    def _advance(self, now: Milliseconds) -> list[TransitionEffect]:
        if self.over:
            return []
        effects: list[TransitionEffect] = []
        held: list[tuple[int, int]] = []
        while self._ready:
            entry = heapq.heappop(self._ready)
            identity = entry[1]
            if self._synapse_of[identity].priority < self._abort_priority:
                continue
            action = self._actions[identity]
            if action.kind == RSC_OP and self._jobs.get(action.node_name or "", 0) >= NODE_JOBS_MAX:
                heapq.heappush(self._blocked.setdefault(action.node_name or "", []), entry)
                continue
            if self._throttled(action):
                held.append(entry)
                continue
            self._fire(action, now, effects)
        for entry in held:
            heapq.heappush(self._ready, entry)
        if not self._in_flight and not self._ready:
            self.over = True
            unfinished = sum(progress is not Progress.CONFIRMED for progress in self._progress.values())
            effects.append(Completed(self.number, self.aborted, unfinished))
        return effects

    def _throttled(self, action: Action) -> bool:
        if action.kind == PSEUDO_EVENT:
            return False
        if self.graph.batch_limit > 0 and len(self._in_flight) >= self.graph.batch_limit:
            return True
        if self.graph.migration_limit <= 0:
            return False
        return any(self._migrating.get(node, 0) >= self.graph.migration_limit for node in migration_nodes(action))

    def _fire(self, action: Action, now: Milliseconds, effects: list[TransitionEffect]) -> None:
        assert self._progress[action.id] is Progress.WAITING
        if action.kind == PSEUDO_EVENT:
            self._settle(action.id)
            return
        if not waits_for_result(action):
            effects.append(Fire(action, self.key(action)))
            self._settle(action.id)
            return
        self._progress[action.id] = Progress.IN_FLIGHT
        self._in_flight[action.id] = None
        for node in migration_nodes(action):
            self._migrating[node] = self._migrating.get(node, 0) + 1
        effects.append(Fire(action, self.key(action)))
        if action.kind == RSC_OP:
            node = action.node_name or ""
            self._jobs[node] = self._jobs.get(node, 0) + 1
            at = now + action_timeout_ms(action) + self.graph.cluster_delay_ms
            effects.append(SetTimer(f"{ACTION_TIMER}{self.number}.{action.id}", Milliseconds(at)))


def expected_rc(action: Action) -> int:
    """What the agent is expected to answer: op_target_rc, 0 where it is not said."""
    text = (action.attributes or {}).get("CRM_meta_op_target_rc", "0")
    return int(text) if text.lstrip("-").isdigit() else 0
