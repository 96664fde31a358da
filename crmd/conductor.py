"""The DC's hands: does the actions of a transition, takes their results in, and counts failures.

Three rules keep it safe. A result is in the CIB before it confirms anything. An action that needs a node to be down
waits for the fencer's word and for the record of it. And before anything is computed anew, everything in flight has a
result or is known to be lost: what was ordered by this transition, by an aborted one, or by a DC before this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cib.attribute_names import fail_count_name, failures_of, last_failure_name
from cib.status import recorded_task
from cib.values import INFINITY
from crmd.cib_view import CibView
from crmd.desk import ActionWritten, Desk, FencedRecorded, FenceTarget, ResultsRecorded, TellDown, Upkeep
from crmd.judgement import FailureOffsets, Judgement, in_words, judge
from crmd.orders import is_cancel, is_delete, meta, operation_of
from crmd.peer_messages import (
    CancelOrder,
    ForgetOrder,
    LeaveOrder,
    Order,
    OrderDone,
    Recorded,
    Results,
    Term,
    result_key,
)
from crmd.result_places import call_place, newest_calls, unknown_resources, with_a_place
from crmd.transition import ACTION_TIMER, Completed, Fire, Progress, Transition, TransitionEffect
from ipc.timers import CancelTimer, SetTimer
from ipc.units import Milliseconds
from lrmd.messages import Finished, OcfExit, Operation, OperationStatus, OrderStamp, ResourceTable
from pengine.graph import CRM_EVENT, Action, Graph
from stonith.device import FenceAction

FOREIGN_TIMER = "conductor.foreign"
ARRIVED_TIMER = "conductor.arrived"
FENCE_RETRY_TIMER = "conductor.fence."
"""Prefix; the action's id follows."""

RESULTS_PER_TURN = 24
"""Messages with results that are taken in at once; the rest waits for the shell's next turn."""

VAIN_LIMIT = 4
"""Transitions in a row in which something failed and nothing was done, after which the DC waits a moment."""

FENCE_BACKOFF_FIRST_MS = 1000
FENCE_BACKOFF_MAX_MS = 60_000
_FENCE_ACTIONS: dict[str, FenceAction] = {"off": "off", "on": "on", "reboot": "reboot", "poweroff": "off"}


@dataclass(slots=True)
class _Foreign:
    """An operation that is in flight although the transition in progress did not order it."""

    node: str
    operation: Operation
    deadline: Milliseconds


@dataclass(slots=True)
class _Fencing:
    """A request that the fencer has. `generation` is the life in which the target was last seen when it was asked."""

    target: str
    action: FenceAction
    generation: int
    transition: int
    action_id: int


class Conductor:
    """Owns the transition in progress and everything that is in flight in the cluster."""

    def __init__(
        self,
        desk: Desk,
        term: Term,
        me: str,
        uuid: str,
        cib: CibView,
        first_transition: int,
        last_seen: Callable[[str], int],
        joined: Callable[[str], bool],
    ) -> None:
        """`last_seen` tells the life in which a node was last in a view here (0: never), `joined` who takes orders."""
        self._desk = desk
        self._term = term
        self._me = me
        self._uuid = uuid
        self._cib = cib
        self._wall_offset_ms = 0
        self.number = first_transition
        """Number of the newest transition; grows over the terms of one controller."""
        self._transition: Transition | None = None
        self._offsets = FailureOffsets()
        self._foreign: dict[str, _Foreign] = {}
        self._arrived: list[tuple[str, Results]] = []
        """Results that came in this turn of the shell."""
        self._fencing: dict[int, _Fencing] = {}
        self._last_fencing = 0
        self._fence_failures: dict[str, int] = {}
        self._fence_not_before: dict[str, Milliseconds] = {}
        self._recompute: list[str] = []
        self._vain = 0
        self._last_seen = last_seen
        self._joined = joined
        self.fenced: dict[str, int] = {}
        """Nodes that were fenced, with the life that ended; they may still be in the view for a moment."""

    def set_wall_offset(self, offset_ms: int) -> None:
        """Wall clock minus monotonic clock."""
        self._wall_offset_ms = offset_ms

    # the transition

    @property
    def busy(self) -> bool:
        """Whether anything is in flight, so that nothing may be computed yet."""
        going_on = self._transition is not None and not self._transition.over
        return going_on or bool(self._foreign) or bool(self._arrived)

    @property
    def graph(self) -> Graph | None:
        """The graph in progress, or the last one."""
        return self._transition.graph if self._transition is not None else None

    def take_recompute(self) -> list[str]:
        """Reasons to compute again that came up since the last call."""
        reasons, self._recompute = self._recompute, []
        return reasons

    def take_vain(self) -> bool:
        """Whether the last transitions in a row were in vain; asked once for each.

        Whatever made them fail will do so again, so computing the same at once would only fill the log.
        """
        if self._vain < VAIN_LIMIT:
            return False
        self._vain = VAIN_LIMIT - 1
        return True

    def prepare(self, graph: Graph) -> int:
        """A new graph is to be carried out; returns the number of its actions."""
        assert not self.busy, "a transition begins while another one is in progress"
        self.number += 1
        self._transition = Transition(self.number, graph, self._uuid)
        self._offsets = FailureOffsets(graph.failed_start_offset, graph.failed_stop_offset)
        return sum(len(synapse.actions) for synapse in graph.synapses)

    def start(self, now: Milliseconds) -> None:
        """Begin the prepared graph."""
        assert self._transition is not None
        self._perform(self._transition.start(now), now)

    def abort(self, reason: str, now: Milliseconds, priority: int = INFINITY) -> None:
        """Start nothing more of a lower priority; compute again when what is in flight has ended."""
        self._recompute.append(reason)
        if self._transition is None or self._transition.over:
            return
        if not self._transition.aborted:
            self._desk.note(
                "notice",
                "transition.aborted",
                f"transition {self._transition.number} is aborted: {reason}",
                transition=self._transition.number,
            )
        self._perform(self._transition.abort(reason, now, priority), now)
        for action in self._transition.in_flight:
            self._drop_waiting_fencing(action, now)

    def node_away(self, node: str, now: Milliseconds) -> None:
        """A member does not answer for a moment or for good: what it was doing is told when it joins again."""
        for key in [key for key, foreign in self._foreign.items() if foreign.node == node]:
            del self._foreign[key]
        transition = self._transition
        if transition is None or transition.over:
            return
        for action in transition.in_flight:
            if action.node_name == node and action.kind != CRM_EVENT:
                self._perform(transition.fail(action.id, now), now)

    def adopt_in_flight(self, node: str, operations: tuple[Operation, ...], now: Milliseconds) -> None:
        """What a member that joins has in flight; it is waited for before anything is computed."""
        for key in [key for key, foreign in self._foreign.items() if foreign.node == node]:
            del self._foreign[key]
        for operation in operations:
            deadline = Milliseconds(now + operation.timeout_ms + operation.start_delay_ms + 60_000)
            self._foreign[operation.transition_key] = _Foreign(node, operation, deadline)
        self._set_foreign_timer()

    def _set_foreign_timer(self) -> None:
        if self._foreign:
            self._desk.timer(FOREIGN_TIMER, min(foreign.deadline for foreign in self._foreign.values()))
        else:
            self._desk.put(CancelTimer(FOREIGN_TIMER))

    def _perform(self, effects: list[TransitionEffect], now: Milliseconds) -> None:
        for effect in effects:
            match effect:
                case Fire(action, key):
                    self._fire(action, key, now)
                case Completed():
                    self._completed(effect)
                case SetTimer() | CancelTimer():
                    self._desk.put(effect)

    def _completed(self, effect: Completed) -> None:
        in_vain = self._transition is not None and self._transition.in_vain
        self._vain = self._vain + 1 if in_vain else 0
        outcome = f"aborted: {effect.aborted}" if effect.aborted else "complete"
        self._desk.note(
            "notice" if effect.aborted or effect.unfinished else "info",
            "transition.over",
            f"transition {effect.transition} is over ({outcome}), {effect.unfinished} actions not done",
            transition=effect.transition,
            unfinished=effect.unfinished,
        )

    # doing

    def _fire(self, action: Action, key: str, now: Milliseconds) -> None:
        node = action.node_name or ""
        stamp = OrderStamp(self._term.view, self._term.round, self._me, self.number)
        if action.kind == CRM_EVENT:
            self._fire_event(action, key, stamp, now)
        elif not self._joined(node):
            self._failed(action, f"{node or 'its node'} takes no orders", now)
        elif is_cancel(action):
            resource = action.resource.id if action.resource else ""
            interval = int(meta(action, "interval", "0") or "0")
            self._desk.say(node, CancelOrder(stamp, key, resource, meta(action, "operation", "monitor"), interval))
        elif is_delete(action):
            self._desk.say(node, ForgetOrder(stamp, key, action.resource.id if action.resource else ""))
        else:
            self._note_order(action, node)
            self._desk.say(node, Order(stamp, operation_of(action, key)))

    def _note_order(self, action: Action, node: str) -> None:
        self._desk.note("notice", "order", f"{action.task_key} on {node}", transition=self.number, action=action.id)

    def _fire_event(self, action: Action, key: str, stamp: OrderStamp, now: Milliseconds) -> None:
        node = action.node_name or ""
        resource = action.resource.id if action.resource else ""
        match action.task:
            case "stonith":
                self._fire_fencing(action, now)
            case "do_shutdown":
                self._desk.note("notice", "order.leave", f"{node} may leave: nothing runs there any more", node=node)
                if self._joined(node):
                    self._desk.say(node, LeaveOrder(stamp, key))
                else:
                    self._failed(action, f"{node} takes no orders", now)
            case "clear_failcount":
                names = failures_of(self._cib.transient(node), resource)
                self._desk.write(Upkeep("clearing a fail count"), self._cib.delete_transient(node, names))
            case "lrm_delete":
                self._desk.write(Upkeep("removing a history"), self._cib.delete_resource_history(node, resource))
            case _:
                self._failed(action, f"the task {action.task} is not known", now)

    def _failed(self, action: Action, why: str, now: Milliseconds) -> None:
        self._desk.note("warning", "transition.action_failed", f"{action.task_key} cannot be done: {why}")
        transition = self._transition
        assert transition is not None
        self._perform(transition.fail(action.id, now), now)
        self.abort(f"{action.task_key}: {why}", now)

    def expired(self, name: str, now: Milliseconds) -> None:
        """A timer of this module's fired."""
        if name.startswith(ACTION_TIMER):
            number, _, identity = name.removeprefix(ACTION_TIMER).partition(".")
            self._lost(int(number), int(identity), now)
        elif name.startswith(FENCE_RETRY_TIMER):
            transition, _, identity = name.removeprefix(FENCE_RETRY_TIMER).partition(".")
            action = self._transition.action(int(identity)) if self._transition is not None else None
            if action is not None and self._in_flight(int(transition), action.id):
                self._fence_not_before.pop(action.node_name or "", None)
                self._fire_fencing(action, now)
        elif name == ARRIVED_TIMER:
            arrived, self._arrived = self._arrived[:RESULTS_PER_TURN], self._arrived[RESULTS_PER_TURN:]
            for node, message in arrived:
                self._take_in(node, message, now)
            if self._arrived:
                self._desk.timer(ARRIVED_TIMER, now)
        elif name == FOREIGN_TIMER:
            for foreign in [foreign for foreign in self._foreign.values() if foreign.deadline <= now]:
                self._record_lost(foreign.node, foreign.operation, now)
            for key in [key for key, foreign in self._foreign.items() if foreign.deadline <= now]:
                del self._foreign[key]
            self._set_foreign_timer()

    def _lost(self, number: int, identity: int, now: Milliseconds) -> None:
        transition = self._transition
        action = transition.action(identity) if transition is not None else None
        if transition is None or action is None or not self._in_flight(number, identity):
            return
        self._desk.note(
            "error", "action.lost", f"no result of {action.task_key} on {action.node_name}: it counts as failed"
        )
        if action.resource is not None and not is_cancel(action) and not is_delete(action):
            self._record_lost(action.node_name or "", operation_of(action, transition.key(action)), now)
        self._perform(transition.fail(identity, now), now)
        self.abort(f"{action.task_key} was lost", now)

    def _record_lost(self, node: str, operation: Operation, now: Milliseconds) -> None:
        """Write a failed result where there will be none, so that the policy engine recovers or probes."""
        wall = self._wall(now)
        call_id = self._cib.newest_call_id(node, operation.resource) + 1
        result = Finished(
            0,
            call_id,
            operation,
            None,
            int(OcfExit.GENERIC),
            OperationStatus.TIMEOUT,
            "no result came back from the node",
            "",
            wall,
            wall,
            operation.timeout_ms,
            0,
        )
        self._write_results(node, (result,), (self._judge(result),), now)

    def _wall(self, now: Milliseconds) -> int:
        return (now + self._wall_offset_ms) // 1000

    def _in_flight(self, transition: int, identity: int) -> bool:
        current = self._transition
        return current is not None and current.number == transition and current.progress(identity) is Progress.IN_FLIGHT

    # results

    def results(self, node: str, message: Results, now: Milliseconds) -> None:
        """A member's results came. They are taken in at the end of the shell's turn, so that what comes together
        becomes one change."""
        if not self._arrived:
            self._desk.timer(ARRIVED_TIMER, now)
        self._arrived.append((node, message))

    def _take_in(self, node: str, message: Results, now: Milliseconds) -> None:
        """Write the results that are new, with what they do to fail counts."""
        fresh = tuple(result for result in message.results if not self._cib.is_recorded(node, result))
        old = tuple(result for result in message.results if result not in fresh)
        if old:
            self._desk.say(node, Recorded(tuple(result_key(result) for result in old)))
            for result in old:
                self._landed_foreign(result)
        if fresh:
            self._write_results(node, fresh, tuple(self._judge(result) for result in fresh), now)

    def missed_results(
        self, node: str, results: tuple[Finished, ...], table: ResourceTable | None, now: Milliseconds
    ) -> None:
        """A joining member's results that nobody said are in the CIB: written, and counted where they are failures.

        One that the member's own table is past is only counted: it would take the place of the later one. So is one of
        a resource whose state the member does not know: its history was left out so that it is probed.
        """
        newest, unknown = newest_calls(table), unknown_resources(table)
        fresh = tuple(result for result in results if not self._cib.is_recorded(node, result))
        past = tuple(
            result
            for result in fresh
            if result.call_id < newest.get(call_place(result), 0) or result.operation.resource in unknown
        )
        if fresh:
            self._write_results(node, fresh, tuple(self._judge(result) for result in fresh), now, past)
        known = tuple(result_key(result) for result in results if result not in fresh)
        if known:
            self._desk.say(node, Recorded(known))

    def _judge(self, result: Finished) -> Judgement:
        return judge(result, self._transition, self._uuid, self._offsets)

    def _write_results(
        self,
        node: str,
        results: tuple[Finished, ...],
        judgements: tuple[Judgement, ...],
        now: Milliseconds,
        past: tuple[Finished, ...] = (),
    ) -> None:
        """Write results and what they do to fail counts; those in `past` have no place in the history any more."""
        requests = []
        candidates = tuple(result for result in results if result not in past)
        placed = with_a_place(candidates, lambda resource: self._cib.has_single_result(node, resource))
        for result, judgement in zip(results, judgements, strict=True):
            if result in placed:
                requests += self._cib.record_result(node, result)
            if judgement.count:
                operation = result.operation
                task = recorded_task(operation.action, int(result.status))
                names = (operation.resource, task, operation.interval_ms)
                requests += self._cib.set_transient(node, fail_count_name(*names), judgement.count)
                requests += self._cib.set_transient(node, last_failure_name(*names), str(self._wall(now)))
        keys = tuple(result_key(result) for result in results)
        self._desk.write(ResultsRecorded(node, keys, results, judgements), requests)

    def results_written(self, purpose: ResultsRecorded, ok: bool, now: Milliseconds) -> None:
        """Results are in the CIB: say so, and go on with the transition."""
        if not ok:
            return
        self._desk.say(purpose.node, Recorded(purpose.keys))
        for result, judgement in zip(purpose.results, purpose.judgements, strict=True):
            self._landed_foreign(result)
            self._apply(purpose.node, result, judgement, now)

    def _landed_foreign(self, result: Finished) -> None:
        if self._foreign.pop(result.operation.transition_key, None) is not None:
            self._set_foreign_timer()

    def _apply(self, node: str, result: Finished, judgement: Judgement, now: Milliseconds) -> None:
        operation = result.operation
        what = f"{operation.resource}_{operation.action}_{operation.interval_ms} on {node}"
        if judgement.verdict == "known":
            return
        transition = self._transition
        if judgement.verdict == "expected" and transition is not None and judgement.action is not None:
            self._perform(transition.confirm(judgement.action, now), now)
            return
        level: Literal["warning", "info"] = "warning" if judgement.count else "info"
        self._desk.note(
            level,
            f"result.{judgement.verdict}",
            f"{what} {in_words(result)}",
            node=node,
            resource=operation.resource,
        )
        if judgement.action is not None and transition is not None:
            self._perform(transition.fail(judgement.action, now), now)
        self.abort(f"{what}: {judgement.verdict} result {result.exit_code}", now)

    def order_done(self, node: str, done: OrderDone, now: Milliseconds) -> None:
        """A member answered an order whose outcome is no result for the CIB."""
        if self._foreign.pop(done.key, None) is not None:
            self._set_foreign_timer()
        transition = self._transition
        action = self._action_of(done.key)
        if transition is None or action is None:
            return
        if done.outcome == "refused" or (done.outcome == "failed" and not is_delete(action)):
            self._failed(action, f"{node}: {done.reason or done.outcome}", now)
            return
        written = ActionWritten(transition.number, action.id)
        resource = action.resource.id if action.resource else ""
        if is_cancel(action):
            interval = int(meta(action, "interval", "0") or "0")
            task = meta(action, "operation", "monitor")
            self._desk.write(written, self._cib.delete_operation(node, resource, task, interval))
        elif is_delete(action):
            self._desk.write(written, self._cib.delete_resource_history(node, resource))
        elif action.task == "do_shutdown":
            self._desk.write(written, self._cib.expect_down(node))
        else:
            self._perform(transition.confirm(action.id, now), now)

    def _action_of(self, key: str) -> Action | None:
        transition = self._transition
        if transition is None:
            return None
        for action in transition.in_flight:
            if transition.key(action) == key:
                return action
        return None

    def action_written(self, purpose: ActionWritten, ok: bool, now: Milliseconds) -> None:
        """The CIB's part of an action is done."""
        transition = self._transition
        if transition is not None and transition.number == purpose.transition:
            effects = transition.confirm(purpose.action, now) if ok else transition.fail(purpose.action, now)
            self._perform(effects, now)

    # fencing

    def _fire_fencing(self, action: Action, now: Milliseconds) -> None:
        target = action.node_name or ""
        wait_until = self._fence_not_before.get(target, Milliseconds(0))
        if wait_until > now:
            self._desk.timer(f"{FENCE_RETRY_TIMER}{self.number}.{action.id}", wait_until)
            return
        assert self._transition is not None
        kind = _FENCE_ACTIONS.get(meta(action, "stonith_action", "reboot"), "reboot")
        self._last_fencing += 1
        self._fencing[self._last_fencing] = _Fencing(target, kind, self._last_seen(target), self.number, action.id)
        delay_s = meta(action, "priority-fencing-delay", "0")
        self._desk.note("info", "fence.ordered", f"fencing {target} ({kind})", target=target, transition=self.number)
        self._desk.put(
            FenceTarget(
                self._last_fencing,
                target,
                kind,
                self._transition.graph.stonith_timeout_ms,
                int(delay_s) * 1000 if delay_s.isdigit() else 0,
            )
        )

    def _drop_waiting_fencing(self, action: Action, now: Milliseconds) -> None:
        """A fencing that only waits for its next attempt is not in flight: an abort need not wait for it."""
        if action.task != "stonith" or action.kind != CRM_EVENT or self._transition is None:
            return
        asked = any(
            entry.transition == self._transition.number and entry.action_id == action.id
            for entry in self._fencing.values()
        )
        if not asked:
            self._desk.put(CancelTimer(f"{FENCE_RETRY_TIMER}{self._transition.number}.{action.id}"))
            self._perform(self._transition.fail(action.id, now), now)

    def fenced_by_tool(self, target: str, action: FenceAction, now: Milliseconds) -> None:
        """A tool had a node fenced (or a person confirmed that it is down)."""
        self._last_fencing += 1
        entry = _Fencing(target, action, self._last_seen(target), 0, 0)
        self._fencing[self._last_fencing] = entry
        self.fencing_done(self._last_fencing, True, "", now)

    def fencing_done(self, identity: int, ok: bool, reason: str, now: Milliseconds) -> None:
        """The fencer's word. Only here, and only on success, does a node become known to be down."""
        entry = self._fencing.get(identity)
        if entry is None:
            return
        if not ok:
            del self._fencing[identity]
            self._fencing_failed(entry, reason, now)
            return
        self._fence_failures.pop(entry.target, None)
        self._fence_not_before.pop(entry.target, None)
        if entry.action == "on":
            del self._fencing[identity]
            self._confirm_fencing(entry, now)
            return
        if self._last_seen(entry.target) != entry.generation:
            # It has lived again since it was asked for, and which of its lives was ended can't be known.
            del self._fencing[identity]
            self._fenced_another_life(entry, now)
            return
        self.fenced[entry.target] = entry.generation
        self.node_away(entry.target, now)
        self._desk.put(TellDown(entry.target, entry.generation))
        self._desk.write(FencedRecorded(entry.target), self._cib.fenced(entry.target))

    def fencing_written(self, purpose: FencedRecorded, ok: bool, now: Milliseconds) -> None:
        """A node's death is in the CIB: what waited for it may go on."""
        for identity, entry in list(self._fencing.items()):
            if entry.target != purpose.target or entry.action == "on":
                continue
            del self._fencing[identity]
            if ok:
                self._confirm_fencing(entry, now)
            else:
                self._fencing_failed(entry, "the CIB could not be written", now)

    def _fenced_another_life(self, entry: _Fencing, now: Milliseconds) -> None:
        if self._transition is not None and self._in_flight(entry.transition, entry.action_id):
            self._perform(self._transition.fail(entry.action_id, now), now)
        self.abort(f"{entry.target} was fenced and has been back since", now)

    def _confirm_fencing(self, entry: _Fencing, now: Milliseconds) -> None:
        if self._transition is not None and self._in_flight(entry.transition, entry.action_id):
            self._perform(self._transition.confirm(entry.action_id, now), now)
        else:
            self.abort(f"{entry.target} was fenced", now)

    def _fencing_failed(self, entry: _Fencing, reason: str, now: Milliseconds) -> None:
        failures = self._fence_failures.get(entry.target, 0) + 1
        self._fence_failures[entry.target] = failures
        wait = min(FENCE_BACKOFF_FIRST_MS * 2 ** min(failures - 1, 10), FENCE_BACKOFF_MAX_MS)
        self._fence_not_before[entry.target] = Milliseconds(now + wait)
        self._desk.note(
            "error",
            "fence.failed",
            f"{entry.target} could not be fenced ({reason}); next attempt in {wait} ms",
            target=entry.target,
            failures=failures,
        )
        if self._transition is not None and self._in_flight(entry.transition, entry.action_id):
            self._perform(self._transition.fail(entry.action_id, now), now)
            self.abort(f"fencing of {entry.target} failed", now)
