"""The executor's core: one operation at a time in a resource, many resources at once, nothing lost, nothing stale."""

from collections import deque
from typing import assert_never

from ipc.note import Level, Note
from ipc.supervision import ExecutorState, StopEverything, ViewState
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds
from lrmd import results
from lrmd.events import (
    AgentExited,
    AgentNotRun,
    AgentsFound,
    CrmdConnected,
    CrmdGone,
    CrmdMessage,
    Effect,
    Event,
    Exit,
    FindAgents,
    Leftover,
    LeftoverGone,
    RebootNode,
    Recovered,
    Report,
    SavedJob,
    SupervisorConnected,
    SupervisorGone,
    ToSupervisor,
    ViewChanged,
)
from lrmd.messages import (
    Accepted,
    Acknowledge,
    AgentName,
    Agents,
    Cancel,
    Execute,
    Finished,
    Forget,
    Forgotten,
    Hello,
    KillOnce,
    ListAgents,
    OcfExit,
    Operation,
    OperationStatus,
    OrderStamp,
    Ran,
    Refused,
    ResourceTable,
    RunOnce,
)
from lrmd.once import OnceRuns
from lrmd.orders import OrderGate, Refusal, next_on_grid
from lrmd.registry import STONITH, Registry
from lrmd.resource import BEGINS, CHANGES_STATE, Forgetting, Job, Recurring, Resource, found_stopped
from lrmd.runs import Run, Runs, is_run_timer
from lrmd.self_stop import Mode, SelfStop, stop_of
from lrmd.settings import ExecutorSettings

_RECURRING_TIMER = "recurring:"
_DELAY_TIMER = "delay:"
_GRACE_TIMER = "self-stop"


class Executor:
    """Takes events, returns effects; see `events` for both and docs/design/0008-executor.md for why it is safe."""

    def __init__(self, settings: ExecutorSettings | None = None) -> None:
        self._settings = settings or ExecutorSettings()
        self._gate = OrderGate()
        self._out: list[Effect] = []
        self._registry = Registry(self._out)
        self._runs = Runs(self._settings.kill_grace_ms, self._settings.stuck_ms)
        self._once = OnceRuns(self._runs)
        self._owners: dict[int, Resource] = {}
        """Run id to the resource whose `running` it is."""
        self._startable: deque[Resource] = deque()
        self._leftovers: set[int] = set()
        """Run ids; only counted, never iterated."""
        self._self_stop = SelfStop()
        self._exiting = False
        self._supervised = False
        self._attached = False
        self._told: ExecutorState | None = None
        self._wall = 0
        """Newest wall clock seconds that an event brought; for reports that no process end dates."""
        self._now = Milliseconds(0)

    @property
    def active_order(self) -> tuple[str, ...]:
        """Resources that may be active here, oldest start first."""
        return tuple(self._registry.active)

    def handle(self, event: Event, now: Milliseconds) -> list[Effect]:
        """Take one event; the effects are to be performed in their order."""
        self._now = now
        match event:
            case AgentExited() | AgentNotRun():
                self._run_ended(event)
            case TimerFired():
                self._timer(event.name)
            case CrmdMessage():
                self._message(event.message)
            case CrmdConnected():
                self._attached = True
                self._disown_requests()
            case CrmdGone():
                self._attached = False
                self._disown_requests()
                if self._self_stop.mode is Mode.GRACE:
                    self._stop_everything(f"{self._self_stop.reason}, and the controller is gone")
            case ViewChanged():
                self._view_changed(event.state)
            case SupervisorConnected():
                self._supervised = True
                self._told = None
            case SupervisorGone():
                self._supervisor_gone()
            case StopEverything():
                self._stop_everything(event.reason)
            case AgentsFound():
                self._report(Agents(event.request, event.names))
            case Recovered():
                self._recovered(event)
            case LeftoverGone():
                self._wall = max(self._wall, event.at)
                self._leftover_gone(event.run_id)
            case _:
                assert_never(event)
        self._pump()
        self._continue_self_stop()
        self._tell_supervisor()
        effects = list(self._out)
        self._out.clear()
        return effects

    # what the controller says

    def _message(self, message: object) -> None:
        match message:
            case Hello():
                self._greet()
            case Execute():
                self._execute(message)
            case Cancel():
                self._cancel(message)
            case Forget():
                self._forget(message)
            case RunOnce():
                self._out += self._once.begin(message, self._now)
            case KillOnce():
                self._out += self._once.kill(message.request, self._now)
            case Acknowledge():
                self._registry.acknowledge(message.call_id)
            case ListAgents():
                self._out.append(FindAgents(message.request, message.standard, message.provider))
            case _:
                raise AssertionError(f"{type(message).__name__} is no message of a controller")

    def _greet(self) -> None:
        self._report(self._registry.table(self._gate.newest))
        for result in self._registry.unacknowledged():
            self._report(results.without_request(result))

    def _admit(self, message: Execute | Cancel | Forget, *, stops: bool) -> bool:
        """Whether an order may be carried out; answers with Refused otherwise."""
        refusal = self._refusal(message.stamp, stops=stops)
        if refusal is not None:
            self._report(Refused(message.request, refusal.reason))
            event = "order.stale" if refusal.stale else "order.refused"
            text = f"An order of {message.stamp.dc or 'the local controller'} was refused: {refusal.reason}"
            self._note("warning", event, text, dc=message.stamp.dc)
            return False
        if self._self_stop.mode is Mode.NORMAL and self._gate.pass_through(message.stamp):
            self._registry.save_head(self._gate.newest)
        return True

    def _refusal(self, stamp: OrderStamp, *, stops: bool) -> Refusal | None:
        match self._self_stop.mode:
            case Mode.STOPPING:
                return Refusal(stale=False, reason=f"the executor stops everything itself: {self._self_stop.reason}")
            case Mode.GRACE if stops:
                # the view is gone with the messaging layer, and a stop harms nobody, whoever ordered it
                return None
            case Mode.GRACE:
                return Refusal(stale=False, reason=f"only stops are taken: {self._self_stop.reason}")
            case Mode.NORMAL:
                return self._gate.refusal(stamp, stops=stops)

    def _execute(self, message: Execute) -> None:
        operation = message.operation
        if not self._admit(message, stops=operation.action == "stop"):
            return
        call_id = self._registry.new_call_id(self._gate.newest)
        resource = self._registry.require(operation)
        ready_at = Milliseconds(self._now + operation.start_delay_ms)
        if operation.interval_ms:
            self._add_recurring(
                resource, Recurring(call_id, operation, message.stamp, message.request, anchor=ready_at)
            )
        else:
            if operation.action in CHANGES_STATE:
                self._end_all_recurring(resource)
            job = Job("order", call_id, operation, message.stamp, message.request, self._now, ready_at)
            self._enqueue(resource, job)
        self._registry.save(resource)
        self._report(Accepted(message.request, call_id))

    def _cancel(self, message: Cancel) -> None:
        if not self._admit(message, stops=True):
            return
        resource = self._registry.get(message.resource)
        recurring = resource.recurring.get((message.action, message.interval_ms)) if resource else None
        if resource is None or recurring is None:
            agent = resource.agent if resource else AgentName("", "", "")
            operation = Operation(
                message.resource,
                agent,
                message.action,
                message.interval_ms,
                0,
                {},
                transition_key=message.transition_key,
            )
            self._report(results.cancelled(message.request, 0, operation, message.transition_key))
            return
        recurring.cancel_requests.append((message.request, message.transition_key))
        self._end_recurring(resource, recurring)
        self._registry.save(resource)

    def _forget(self, message: Forget) -> None:
        if not self._admit(message, stops=True):
            return
        resource = self._registry.get(message.resource)
        if resource is None:
            self._report(Forgotten(message.request, message.resource))
            return
        self._end_all_recurring(resource)
        self._enqueue(resource, Forgetting(message.request))

    def _disown_requests(self) -> None:
        """Request numbers belong to a connection; what goes on is reported to the next one without."""
        for resource in self._registry.all():
            for job in (resource.running, *resource.queue):
                if job is not None:
                    job.request = 0
            for recurring in resource.recurring.values():
                recurring.request = 0
        self._once.disown()

    # queues and runs

    def _enqueue(self, resource: Resource, job: Job | Forgetting) -> None:
        resource.queue.append(job)
        if resource.running is None and len(resource.queue) == 1:
            self._startable.append(resource)

    def _pump(self) -> None:
        """Begin what can begin."""
        held: list[Resource] = []
        while self._startable:
            resource = self._startable.popleft()
            while resource.queue and isinstance(forgetting := resource.queue[0], Forgetting):
                resource.queue.popleft()
                self._registry.forget(resource, orderer_gone=not forgetting.request)
                if forgetting.request:
                    self._report(Forgotten(forgetting.request, resource.name))
            if resource.running is not None or not resource.queue:
                continue
            job = resource.queue[0]
            assert isinstance(job, Job)
            if job.ready_at > self._now:
                self._out.append(SetTimer(_DELAY_TIMER + resource.name, job.ready_at))
            elif len(self._owners) >= self._settings.max_parallel:
                held.append(resource)
                break
            else:
                resource.queue.popleft()
                self._begin(resource, job)
        self._startable.extendleft(reversed(held))

    def _begin(self, resource: Resource, job: Job) -> None:
        if job.operation.action in BEGINS:
            self._registry.mark_active(resource.name, again=job.operation.action == "start")
        job.begun_at = self._now
        job.run_id, effects = self._runs.begin(job.call_id, job.operation, self._now)
        resource.running = job
        self._owners[job.run_id] = resource
        self._out += effects

    def _run_ended(self, event: AgentExited | AgentNotRun) -> None:
        self._wall = max(self._wall, event.ended_at if isinstance(event, AgentExited) else event.at)
        run, effects = self._runs.end(event.run_id)
        if run is None:
            return
        outcome = results.outcome_of(event, run)
        if (answer := self._once.ended(event, outcome)) is not None:
            self._report(answer)
        resource = self._owners.pop(event.run_id, None)
        if resource is not None and (job := resource.running) is not None:
            resource.running = None
            if not job.reported:
                self._job_ended(resource, job, self._corrected(job.operation, outcome))
            if resource.queue:
                self._startable.append(resource)
        # the note goes only when the result is saved: a crash in between must not lose both
        self._out += effects

    def _corrected(self, operation: Operation, outcome: results.Outcome) -> results.Outcome:
        """A fence device is not a process: a probe asks whether it was started here, not whether it answers."""
        if operation.agent.standard != STONITH or operation.action != "monitor" or operation.interval_ms:
            return outcome
        found = OcfExit.OK if self._registry.is_active(operation.resource) else OcfExit.NOT_RUNNING
        return outcome._replace(exit_code=found, status=OperationStatus.DONE, reason="")

    def _job_ended(self, resource: Resource, job: Job, outcome: results.Outcome) -> None:
        if job.recurring is not None:
            self._recurring_ended(resource, job, job.recurring, outcome)
            return
        if outcome.exit_code == OcfExit.UNKNOWN:
            self._settle(resource, job, outcome.reason, unknown=True)
            return
        self._registry.track(resource, job.operation, outcome)
        if found_stopped(job.operation, outcome.exit_code, outcome.status):
            self._end_all_recurring(resource, but_expecting=OcfExit.NOT_RUNNING)
        if job.kind == "self_stop":
            self._self_stop_ended(resource, outcome)
        self._conclude(resource, results.finished(job, outcome))

    def _conclude(self, resource: Resource, result: Finished) -> None:
        """Save a result, then tell it."""
        resource.remember(result)
        self._registry.save(resource)
        self._report(result)
        if (note := results.failure_note(result)) is not None:
            self._out.append(note)

    # recurring operations

    def _add_recurring(self, resource: Resource, recurring: Recurring) -> None:
        if (old := resource.recurring.get(recurring.key)) is not None:
            self._end_recurring(resource, old)
        resource.recurring[recurring.key] = recurring
        self._out.append(SetTimer(_recurring_timer(resource, recurring), recurring.anchor))
        if recurring.anchor <= self._now:
            self._recurring_due(resource, recurring)

    def _recurring_due(self, resource: Resource, recurring: Recurring) -> None:
        """Queue an execution, unless the last one still waits or runs, and set the timer for the next."""
        due = Milliseconds(max(recurring.anchor, self._now))
        following = next_on_grid(recurring.anchor, recurring.operation.interval_ms, due)
        self._out.append(SetTimer(_recurring_timer(resource, recurring), following))
        if not resource.is_pending(recurring):
            operation = recurring.operation
            job = Job("recurring", recurring.call_id, operation, recurring.stamp, 0, due, due, recurring=recurring)
            self._enqueue(resource, job)

    def _end_all_recurring(self, resource: Resource, but_expecting: OcfExit | None = None) -> None:
        for recurring in resource.recurring_but_expecting(but_expecting):
            self._end_recurring(resource, recurring)

    def _end_recurring(self, resource: Resource, recurring: Recurring) -> None:
        """No execution begins any more. One in flight is waited for, its result counts for nothing."""
        del resource.recurring[recurring.key]
        recurring.cancelled = True
        self._out.append(CancelTimer(_recurring_timer(resource, recurring)))
        resource.unqueue(recurring)
        if resource.running is None or resource.running.recurring is not recurring:
            self._answer_cancel(recurring)

    def _recurring_ended(self, resource: Resource, job: Job, recurring: Recurring, outcome: results.Outcome) -> None:
        if recurring.cancelled:
            self._answer_cancel(recurring)
            return
        if outcome.exit_code == OcfExit.UNKNOWN:
            self._recurring_due(resource, recurring)  # nothing was learnt: once more
            return
        if (outcome.exit_code, outcome.status) == (recurring.last_exit_code, recurring.last_status):
            return
        recurring.last_exit_code, recurring.last_status = outcome.exit_code, outcome.status
        job.request = recurring.request
        self._conclude(resource, results.finished(job, outcome))

    def _answer_cancel(self, recurring: Recurring) -> None:
        for request, key in recurring.cancel_requests:
            self._report(results.cancelled(request, recurring.call_id, recurring.operation, key))
        recurring.cancel_requests.clear()

    # timers

    def _timer(self, name: str) -> None:
        if is_run_timer(name):
            run, effects = self._runs.timer(name, self._now)
            self._out += effects
            if run is not None:
                self._report_stuck(run)
        elif name.startswith(_RECURRING_TIMER):
            action, interval, resource_name = name.removeprefix(_RECURRING_TIMER).split(":", 2)
            resource = self._registry.get(resource_name)
            recurring = resource.recurring.get((action, int(interval))) if resource else None
            if resource is not None and recurring is not None:
                self._recurring_due(resource, recurring)
        elif name.startswith(_DELAY_TIMER):
            resource = self._registry.get(name.removeprefix(_DELAY_TIMER))
            if resource is not None and resource.running is None and resource.queue:
                self._startable.append(resource)
        elif name == _GRACE_TIMER and self._self_stop.mode is Mode.GRACE:
            self._stop_everything(f"{self._self_stop.reason}, and the controller did not stop everything in time")

    def _report_stuck(self, run: Run) -> None:
        """Tell the result of an agent that can't be killed; its resource stays blocked until the process is gone."""
        operation = run.operation
        text = f"{operation.action} of {operation.resource or operation.agent} outlived SIGKILL; it is waited for"
        self._note("critical", "agent.stuck", text, resource=operation.resource, run=run.run_id)
        resource = self._owners.get(run.run_id)
        if resource is not None and (job := resource.running) is not None and not job.reported:
            outcome = results.stuck(run, self._now, job.begun_at, self._wall)
            self._job_ended(resource, job, outcome)
            job.reported = True

    # forgetting, recovery

    def _recovered(self, event: Recovered) -> None:
        self._wall = event.at
        if event.head is not None:
            self._gate.newest = event.head.newest_stamp
        noted = {leftover.call_id for leftover in event.leftovers if leftover.operation.resource}
        pending: dict[int, SavedJob] = {}
        for resource, record in self._registry.restore(event):
            for saved in record.pending:
                pending[saved.call_id] = saved
                if saved.call_id not in noted:
                    job = Job("leftover", saved.call_id, saved.operation, saved.stamp, 0, self._now, self._now)
                    self._settle(resource, job, "it had not begun when the executor died", unknown=True)
        for leftover in event.leftovers:
            self._adopt(leftover, pending.get(leftover.call_id))
        for resource in self._registry.all():
            for recurring in resource.recurring.values():
                self._resume_recurring(resource, recurring)

    def _resume_recurring(self, resource: Resource, recurring: Recurring) -> None:
        """Go on with the next instant of the grid: nothing is repeated, nothing is skipped but what is past."""
        following = next_on_grid(recurring.anchor, recurring.operation.interval_ms, self._now)
        self._out.append(SetTimer(_recurring_timer(resource, recurring), following))
        if recurring.last_status is OperationStatus.PENDING:
            # its first result is still owed to whoever ordered it
            self._recurring_due(resource, recurring)

    def _adopt(self, leftover: Leftover, saved: SavedJob | None) -> None:
        """Wait for what an earlier executor left running, or settle it when it is gone already."""
        operation = leftover.operation
        self._out += self._runs.adopt(leftover.run_id, operation, leftover.started, self._now)
        self._leftovers.add(leftover.run_id)
        if operation.resource:
            resource = self._registry.get(operation.resource) or self._registry.require(operation)
            recurring = resource.recurring.get((operation.action, operation.interval_ms))
            stamp = saved.stamp if saved else None
            job = Job("leftover", leftover.call_id, operation, stamp, 0, self._now, self._now, recurring=recurring)
            job.run_id = leftover.run_id
            job.begun_at = leftover.started
            # one whose result was saved only lost the race for its note
            known = leftover.call_id in {each.call_id for each in resource.history.values()}
            job.reported = known and saved is None and not operation.interval_ms
            resource.running = job
            self._owners[leftover.run_id] = resource
        if not leftover.alive:
            self._leftover_gone(leftover.run_id)
        elif not operation.resource:
            # a fence agent without anybody who waits for its answer must not act later
            self._out += self._runs.give_up(leftover.run_id, self._now)

    def _leftover_gone(self, run_id: int) -> None:
        run, effects = self._runs.end(run_id)
        if run is None:
            return
        self._leftovers.discard(run_id)
        resource = self._owners.pop(run_id, None)
        if resource is not None and (job := resource.running) is not None:
            resource.running = None
            if job.reported:
                pass
            elif job.operation.interval_ms == 0:
                self._settle(resource, job, "the executor died while it ran", unknown=True)
            elif job.recurring is not None and not job.recurring.cancelled:
                self._recurring_due(resource, job.recurring)
            elif job.recurring is not None:
                self._answer_cancel(job.recurring)
            if resource.queue:
                self._startable.append(resource)
        self._out += effects

    def _settle(self, resource: Resource, job: Job, reason: str, *, unknown: bool) -> None:
        """Report an operation that has no result; `unknown`: only a probe can tell what the resource does now."""
        result = results.lost(job, reason, self._wall)
        if unknown:
            self._registry.lost(resource, job.operation)
        resource.await_acknowledgement(result)
        self._registry.save(resource)
        self._report(result)
        text = f"{job.operation.action} of {resource.name} has no result: {reason}"
        self._note("warning", "operation.unknown", text, resource=resource.name)

    # the messaging layer, and stops that nobody ordered

    def _view_changed(self, state: ViewState) -> None:
        self._gate.view = state.number
        if state.generation and state.generation != self._registry.generation:
            if self._registry.generation:
                self._registry.new_generation()
            self._registry.generation = state.generation
            self._registry.save_head(self._gate.newest)

    def _supervisor_gone(self) -> None:
        self._supervised = False
        self._gate.view = 0
        if self._self_stop.mode is not Mode.NORMAL:
            return
        reason = "the messaging layer died"
        self._note("critical", "supervisor.gone", "The messaging layer died: everything on this node is stopped")
        if self._attached:
            self._self_stop.grace(reason)
            at = Milliseconds(self._now + self._settings.self_stop_grace_ms)
            self._out.append(SetTimer(_GRACE_TIMER, at))
        else:
            self._stop_everything(reason)

    def _stop_everything(self, reason: str) -> None:
        """From here on only our own stops run; what waits in a queue is dropped and reported as such."""
        if self._self_stop.mode is Mode.STOPPING:
            return
        self._self_stop.begin(reason)
        if self._registry.active:
            self._note("warning", "self-stop.begin", f"Stopping everything in reverse order of start: {reason}")
        self._out.append(CancelTimer(_GRACE_TIMER))
        for resource in self._registry.all():
            self._end_all_recurring(resource)
            while resource.queue:
                job = resource.queue.popleft()
                if isinstance(job, Job):
                    self._settle(resource, job, f"not begun: {reason}", unknown=False)
                elif job.request:
                    self._report(Forgotten(job.request, resource.name, f"not forgotten: {reason}"))
        self._startable.clear()

    def _continue_self_stop(self) -> None:
        """Stop the next resource when the last one is done; end the process when nothing is left."""
        if self._self_stop.mode is not Mode.STOPPING:
            return
        name = self._self_stop.next(self._registry.active)
        resource = self._registry.get(name) if name is not None else None
        if resource is not None:
            if not resource.busy:
                self._enqueue(resource, self._own_stop(resource))
                self._registry.save(resource)
                self._pump()
        elif not self._exiting and not len(self._once) and all(owner.is_stuck for owner in self._owners.values()):
            self._exiting = True
            left = ", ".join(self._self_stop.failed)
            reason = f"{self._self_stop.reason}; not stopped: {left}" if left else self._self_stop.reason
            self._tell_supervisor()
            self._out.append(Exit(1 if left else 0, reason))

    def _own_stop(self, resource: Resource) -> Job:
        operation = stop_of(resource, self._settings.self_stop_timeout_ms)
        return Job("self_stop", self._registry.new_call_id(self._gate.newest), operation, None, 0, self._now, self._now)

    def _self_stop_ended(self, resource: Resource, outcome: results.Outcome) -> None:
        if resource.name not in self._registry.active:
            return
        self._self_stop.failed.append(resource.name)
        resource.unknown = True
        text = f"{resource.name} could not be stopped: {outcome.reason or f'exit code {outcome.exit_code}'}"
        self._note("critical", "self-stop.failed", text, resource=resource.name, rc=outcome.exit_code)
        self._out.append(RebootNode(f"{text} ({self._self_stop.reason})"))

    # small things

    def _tell_supervisor(self) -> None:
        idle = not self._registry.active and not any(resource.busy for resource in self._registry.all())
        settled = not self._leftovers and self._self_stop.mode is Mode.NORMAL
        state = ExecutorState(empty=idle and not self._leftovers, settled=settled)
        if self._supervised and state != self._told:
            self._told = state
            self._out.append(ToSupervisor(state))

    def _report(self, message: Finished | Accepted | Refused | Forgotten | Ran | Agents | ResourceTable) -> None:
        if self._attached:
            self._out.append(Report(message))

    def _note(self, level: Level, event: str, text: str, **fields: str | int | bool) -> None:
        self._out.append(Note(level, event, text, fields))


def _recurring_timer(resource: Resource, recurring: Recurring) -> str:
    action, interval_ms = recurring.key
    return f"{_RECURRING_TIMER}{action}:{interval_ms}:{resource.name}"
