"""The fencer: carries out requests to fence a node, and reports success only when a device or a person said so."""

from typing import Protocol, assert_never

from msgspec.structs import replace

from ipc.note import Level as NoteLevel
from ipc.note import Note
from ipc.timers import CancelTimer, SetTimer, TimerFired
from ipc.units import Milliseconds, WallSeconds
from stonith.arsenal import Arsenal
from stonith.campaign import Campaign, LocalWaiter, RemoteWaiter, Stage, Waiter
from stonith.device import DEFAULT_QUERY_TIMEOUT_MS, AgentAction, Device, FenceAction
from stonith.events import (
    AgentRan,
    DevicesChanged,
    ExecutorLost,
    FenceConfirmed,
    FencerEffect,
    FenceRequested,
    FencerEvent,
    FencingDone,
    MembersChanged,
    PeerSaid,
    RecordChanged,
    SendFencer,
)
from stonith.history import History
from stonith.hosts import in_static_list
from stonith.messages import (
    MANUAL,
    FenceRecord,
    ForwardRequest,
    ForwardResult,
    ShareRecords,
)
from stonith.metadata import MetadataError
from stonith.runs import Purpose, Run, Runs, describe_end

MAX_WAITING = 256
"""Requests that may wait at the same time; one beyond is refused."""
MAX_ANSWERED = 64
"""Requests of other members whose answers are remembered, in case that they were lost with a view."""
_HELPLESS = "no device here can do it, other members are being asked"


class Chance(Protocol):
    """Where random delays come from: a seeded generator that the shell or the simulator gives."""

    def randint(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""


class Fencer:
    """The fencing core of one node. `handle` is its only door.

    Invariant: for each FenceRequested and each ForwardRequest there is exactly one answer, and it is positive only
    after every step of one alternative that must succeed has ended with exit code 0 while the campaign was waiting for
    it, or after a FenceConfirmed.
    """

    def __init__(self, node: str, chance: Chance, life: int = 0) -> None:
        """`life` differs for each start of this node's controller."""
        self._node = node
        self._life = life
        self._chance = chance
        self._arsenal = Arsenal()
        self._runs = Runs()
        self._members: tuple[str, ...] = (node,)
        self._campaigns: dict[int, Campaign] = {}
        self._last_campaign = 0
        self._answered: dict[RemoteWaiter, ForwardResult] = {}
        """What other members' requests were answered, oldest first."""
        self._history = History()
        self._wall_ahead_ms = 0
        self._now = Milliseconds(0)
        self._out: list[FencerEffect] = []

    def handle(self, event: FencerEvent, now: Milliseconds) -> list[FencerEffect]:
        """Take one event; the effects are to be performed in their order."""
        self._now = now
        self._out = []
        match event:
            case DevicesChanged():
                self._devices_changed(event)
            case MembersChanged():
                self._members_changed(event)
            case FenceRequested():
                self._read_wall(event.wall)
                self._request(event.target, event.action, event.timeout_ms, event.delay_ms, event.client, event.id)
            case AgentRan():
                self._read_wall(event.wall)
                self._agent_ran(event)
            case ExecutorLost():
                self._executor_lost()
            case FenceConfirmed():
                self._read_wall(event.wall)
                self._confirmed(event)
            case PeerSaid():
                self._peer_said(event)
            case TimerFired():
                self._timer_fired(event.name)
            case _:
                assert_never(event)
        self._start_what_can()
        return self._out

    def records(self, target: str = "") -> tuple[FenceRecord, ...]:
        """The history, newest first, of one target or of all."""
        return tuple(r for r in reversed(self._history.records()) if not target or r.target == target)

    # What the world tells

    def _devices_changed(self, event: DevicesChanged) -> None:
        self._arsenal.configure(event)
        self._ask_strangers()  # now, so that an emergency does not wait for it

    def _ask_strangers(self) -> set[int]:
        """Ask agents of which nothing is known for their metadata; the runs that will tell."""
        runs: set[int] = set()
        for device in self._arsenal.strangers():
            running = self._runs.metadata_run(device.agent)
            runs.add(running or self._run(0, "metadata", device, "metadata", None, DEFAULT_QUERY_TIMEOUT_MS))
        return runs

    def _members_changed(self, event: MembersChanged) -> None:
        before, self._members = self._members, event.members
        gone = [name for name in before if name not in event.members]
        new = tuple(name for name in event.members if name not in before)
        forwarded = [campaign for campaign in self._campaigns.values() if campaign.stage is Stage.FORWARDED]
        for campaign in forwarded:
            if campaign.asked[-1] in event.members:
                # The request or its answer may have ended with the last view.
                self._out.append(SendFencer((campaign.asked[-1],), self._forward_request(campaign)))
        self._forget_members(gone)
        stayed = sorted(name for name in event.members if name in before)
        if new and stayed and stayed[0] == self._node and self._history.records():
            self._out.append(SendFencer(new, ShareRecords(self._history.records())))

    def _forget_members(self, gone: list[str]) -> None:
        for record in [record for name in gone for record in self._history.pending_of(name)]:
            reason = f"{record.origin} left the cluster"
            self._keep(replace(record, state="failed", completed_at=self._wall(), reason=reason))
        for campaign in self._campaigns.values():
            campaign.waiters = [w for w in campaign.waiters if not (isinstance(w, RemoteWaiter) and w.sender in gone)]
        for campaign in list(self._campaigns.values()):
            if campaign.stage is Stage.FORWARDED and campaign.asked[-1] in gone:
                self._forward_failed(campaign, f"{campaign.asked[-1]}, which was asked to do it, left the cluster")

    def _peer_said(self, event: PeerSaid) -> None:
        match event.message:
            case ShareRecords(records):
                for record in records:
                    self._take_record(record)
            case ForwardRequest():
                self._asked_by_member(RemoteWaiter(event.sender, event.message.key), event.message)
            case ForwardResult():
                key = event.message.key
                campaign = next((each for each in self._campaigns.values() if each.record.key == key), None)
                expected = campaign is not None and campaign.stage is Stage.FORWARDED
                if campaign is None or not expected or campaign.asked[-1] != event.sender:
                    self._note("warning", "fence.late", f"the answer of {event.sender} came too late and is ignored")
                elif event.message.ok:
                    self._finish(campaign, ok=True, device=event.message.device, by=event.sender, reason="")
                else:
                    self._forward_failed(campaign, f"on {event.sender}: {event.message.reason}")

    def _asked_by_member(self, waiter: RemoteWaiter, message: ForwardRequest) -> None:
        """Fence for another member; what it asks again is done once, and answered again."""
        if answer := self._answered.get(waiter):
            self._out.append(SendFencer((waiter.sender,), answer))
        elif not any(waiter in campaign.waiters for campaign in self._campaigns.values()):
            self._enlist(waiter, message.target, message.action, message.timeout_ms, 0, message.client)

    def _take_record(self, record: FenceRecord) -> None:
        lost = record.origin == self._node and record.state == "pending" and not self._knows(record.key)
        if lost:
            # An earlier life of this controller asked and can't tell the outcome any more.
            record = replace(
                record, state="failed", completed_at=self._wall(), reason="the controller that asked was restarted"
            )
            self._keep(record)
        elif self._history.put(record):
            self._out.append(RecordChanged(record))

    def _knows(self, key: str) -> bool:
        return any(campaign.record.key == key for campaign in self._campaigns.values())

    # Requests

    def _request(
        self, target: str, action: FenceAction, timeout_ms: int, delay_ms: int, client: str, request: int
    ) -> None:
        self._enlist(LocalWaiter(request), target, action, timeout_ms, delay_ms, client)

    def _enlist(
        self, waiter: Waiter, target: str, action: FenceAction, timeout_ms: int, delay_ms: int, client: str
    ) -> None:
        if isinstance(waiter, RemoteWaiter) and target == self._node:
            self._answer(waiter, target, action, False, "", "a node does not fence itself")
            return
        if sum(len(campaign.waiters) for campaign in self._campaigns.values()) >= MAX_WAITING:
            self._answer(waiter, target, action, False, "", f"{MAX_WAITING} fencing requests are waiting already")
            return
        for campaign in self._campaigns.values():
            if (campaign.target, campaign.action) == (target, action):
                if isinstance(waiter, RemoteWaiter) and campaign.stage is Stage.FORWARDED:
                    self._answer(waiter, target, action, False, "", _HELPLESS)
                else:
                    campaign.waiters.append(waiter)
                return
        self._last_campaign += 1
        number = self._last_campaign
        wall = self._wall()
        record = FenceRecord(
            key=self._key(number), target=target, action=action, state="pending", origin=self._node,
            client=client, executed_by="", device="", asked_at=wall, completed_at=WallSeconds(0),
        )  # fmt: skip
        campaign = Campaign(number, target, action, timeout_ms, delay_ms, record, [waiter])
        self._campaigns[number] = campaign
        if campaign.local:
            self._keep(record)
        self._note("notice", "fence.asked", f"{target} is to be fenced", target=target, action=action, client=client)

    def _start_what_can(self) -> None:
        """Start queued campaigns: one for each target, and one at all where fencing is not concurrent.

        Last thing in each turn, never while a campaign is being finished: what is started may end at once.
        """
        while (campaign := self._startable()) is not None:
            self._start(campaign)

    def _startable(self) -> Campaign | None:
        busy = [campaign.target for campaign in self._campaigns.values() if campaign.stage is not Stage.QUEUED]
        if busy and not self._arsenal.concurrent:
            return None
        queued = (campaign for campaign in self._campaigns.values() if campaign.stage is Stage.QUEUED)
        return next((campaign for campaign in queued if campaign.target not in busy), None)

    def _start(self, campaign: Campaign) -> None:
        if campaign.target == self._node:
            campaign.problems.append("a node does not fence itself")
            self._forward(campaign)
            return
        campaign.stage = Stage.GATHERING
        if not self._arsenal.devices:
            campaign.problems.append("no fencing device is configured")
        campaign.wanted = self._ask_strangers()
        self._query_when_ready(campaign)

    def _query_when_ready(self, campaign: Campaign) -> None:
        """With all metadata at hand, ask the devices that have to be asked which nodes they reach."""
        if campaign.wanted:
            return
        for device in self._arsenal.devices:
            if device.id in campaign.can_fence:
                continue
            match self._arsenal.check(device):
                case "none":
                    campaign.can_fence[device.id] = True
                case "static-list":
                    campaign.can_fence[device.id] = in_static_list(device, campaign.target)
                case "dynamic-list":
                    campaign.wanted.add(self._ask(campaign, device, "list", None))
                case "status":
                    campaign.wanted.add(self._ask(campaign, device, "status", campaign.target))
        if not campaign.wanted:
            self._plan(campaign)

    def _ask(self, campaign: Campaign, device: Device, action: AgentAction, target: str | None) -> int:
        timeout = device.timeout_ms(action, DEFAULT_QUERY_TIMEOUT_MS)
        return self._run(campaign.number, "query", device, action, target, timeout)

    def _plan(self, campaign: Campaign) -> None:
        usable = [device for device in self._arsenal.devices if campaign.can_fence.get(device.id)]
        campaign.plan = self._arsenal.alternatives(campaign.target, campaign.action, usable)
        if not campaign.plan and self._arsenal.devices:
            campaign.problems.append(f"no device can fence {campaign.target}")
        delay_ms = self._delay_ms(campaign)
        if delay_ms > 0:
            campaign.stage = Stage.DELAYING
            self._note("info", "fence.delay", f"fencing of {campaign.target} starts after its delay", delay_ms=delay_ms)
            self._out.append(SetTimer(campaign.delay_timer, Milliseconds(self._now + delay_ms)))
        else:
            self._next_alternative(campaign)

    def _delay_ms(self, campaign: Campaign) -> int:
        """The request's delay, and the first device's: its base, and a random part up to its maximum."""
        if not campaign.plan:
            return 0
        if campaign.action == "on":
            return campaign.delay_ms
        first = campaign.plan[0][0].device
        base = first.delay_base_ms(campaign.target)
        longest = first.delay_max_ms()
        return campaign.delay_ms + base + (self._chance.randint(0, longest - base) if longest > base else 0)

    # Acting

    def _next_alternative(self, campaign: Campaign) -> None:
        if not campaign.plan:
            self._forward(campaign)
            return
        campaign.stage = Stage.ACTING
        campaign.steps = list(campaign.plan.pop(0))
        campaign.devices = list(dict.fromkeys(step.device.id for step in campaign.steps))
        self._begin_step(campaign)

    def _begin_step(self, campaign: Campaign) -> None:
        if not campaign.steps:
            # Safe: every step that has to succeed was taken off the list by an exit code 0, nothing else does that.
            self._finish(campaign, ok=True, device=",".join(campaign.devices), by=self._node, reason="")
            return
        step = campaign.steps[0]
        campaign.attempt = 0
        campaign.step_deadline = self._now + step.device.timeout_ms(step.action, campaign.timeout_ms)
        self._try_step(campaign)

    def _try_step(self, campaign: Campaign) -> None:
        step = campaign.steps[0]
        campaign.attempt += 1
        timeout_ms = campaign.step_deadline - self._now
        self._run(campaign.number, "act", step.device, step.action, campaign.target, timeout_ms)

    def _step_failed(self, campaign: Campaign, problem: str) -> None:
        step = campaign.steps[0]
        again = campaign.attempt < step.device.attempts(step.action) and campaign.step_deadline > self._now
        text = f"{step.action} by {step.device.id}: {problem}"
        self._note(
            "warning", "fence.attempt_failed", f"fencing of {campaign.target} failed, {text}",
            target=campaign.target, device=step.device.id, attempt=campaign.attempt, again=again,
        )  # fmt: skip
        if again:
            self._try_step(campaign)
        elif step.may_fail:
            # Off was confirmed by all devices of this alternative; that the node does not come back is safe.
            del campaign.steps[0]
            self._begin_step(campaign)
        else:
            campaign.problems.append(text)
            self._next_alternative(campaign)

    def _forward(self, campaign: Campaign) -> None:
        """Ask the next other member; without one the campaign has failed."""
        others = [m for m in self._members if m not in (self._node, campaign.target) and m not in campaign.asked]
        if not campaign.local or not others:
            self._finish(campaign, ok=False, device="", by=self._node, reason="; ".join(campaign.problems))
            return
        # Who asked us is answered first: two members that ask each other would otherwise wait for each other.
        for waiter in [waiter for waiter in campaign.waiters if isinstance(waiter, RemoteWaiter)]:
            campaign.waiters.remove(waiter)
            self._answer(waiter, campaign.target, campaign.action, False, "", "; ".join(campaign.problems))
        campaign.stage = Stage.FORWARDED
        campaign.asked.append(others[0])
        limit = campaign.timeout_ms * 3 + DEFAULT_QUERY_TIMEOUT_MS * 2
        self._out.append(SendFencer((others[0],), self._forward_request(campaign)))
        self._out.append(SetTimer(campaign.forward_timer, Milliseconds(self._now + limit)))

    def _forward_request(self, campaign: Campaign) -> ForwardRequest:
        record = campaign.record
        return ForwardRequest(record.key, campaign.target, campaign.action, campaign.timeout_ms, record.client)

    def _forward_failed(self, campaign: Campaign, problem: str) -> None:
        self._out.append(CancelTimer(campaign.forward_timer))
        campaign.problems.append(problem)
        self._forward(campaign)

    # Answers of agents

    def _run(
        self,
        campaign: int,
        purpose: Purpose,
        device: Device,
        action: AgentAction,
        target: str | None,
        timeout_ms: int,
    ) -> int:
        parameters = self._arsenal.parameters(device, action, target)
        number, effects = self._runs.begin(campaign, purpose, device, action, parameters, timeout_ms, self._now)
        self._out += effects
        return number

    def _agent_ran(self, event: AgentRan) -> None:
        run, effects = self._runs.end(event.run)
        self._out += effects
        if run is None:
            # Its campaign has been answered. A success that comes now must not count: what it answered may have been
            # relied upon, and the node may have come back since.
            self._note("warning", "fence.late", "the answer of a fence agent came too late and is ignored")
            return
        self._settle(run, event.exit_code, event.output, event.errors)

    def _executor_lost(self) -> None:
        for number in self._runs.all():
            run, effects = self._runs.end(number)
            self._out += effects
            if run is not None:
                self._settle(run, None, "", "the executor that ran the agent died")

    def _run_expired(self, number: int) -> None:
        run, effects = self._runs.expire(number)
        self._out += effects
        if run is not None:
            self._settle(run, None, "", "the executor did not answer in time")

    def _settle(self, run: Run, exit_code: int | None, output: str, errors: str) -> None:
        """A run is over: whoever waits for it goes on."""
        if run.purpose == "metadata":
            self._learn(run, exit_code, output)
            return
        campaign = self._campaigns.get(run.campaign)
        if campaign is None:
            return
        if run.purpose == "query":
            reaches = self._arsenal.reaches_by_answer(run.device, campaign.target, exit_code, output)
            campaign.can_fence[run.device.id] = reaches
            if not reaches and exit_code != 0:
                campaign.problems.append(f"asked by {run.device.id}: {describe_end(exit_code, errors or output)}")
            campaign.wanted.discard(run.number)
            self._query_when_ready(campaign)
        elif exit_code == 0:
            del campaign.steps[0]
            self._begin_step(campaign)
        else:
            self._step_failed(campaign, describe_end(exit_code, errors or output))

    def _learn(self, run: Run, exit_code: int | None, output: str) -> None:
        device = run.device
        try:
            self._arsenal.learn(device, exit_code, output)
        except MetadataError as error:
            text = f"the metadata of {device.agent} can't be read: {error}"
            self._note("warning", "fence.metadata", text, device=device.id, agent=device.agent)
        for waiting in list(self._campaigns.values()):
            if run.number in waiting.wanted:
                waiting.wanted.discard(run.number)
                self._query_when_ready(waiting)

    def _timer_fired(self, name: str) -> None:
        kind, _, number = name.removeprefix("fence:").partition(":")
        if kind == "run":
            self._run_expired(int(number))
            return
        campaign = self._campaigns.get(int(number))
        if campaign is None:
            return
        if kind == "delay" and campaign.stage is Stage.DELAYING:
            self._next_alternative(campaign)
        elif kind == "forward" and campaign.stage is Stage.FORWARDED:
            self._forward_failed(campaign, f"{campaign.asked[-1]} did not answer in time")

    # The end

    def _confirmed(self, event: FenceConfirmed) -> None:
        for campaign in list(self._campaigns.values()):
            if campaign.target == event.target and campaign.action != "on":
                self._finish(campaign, ok=True, device=MANUAL, by=event.client, reason="")
        wall = self._wall()
        self._last_campaign += 1
        self._keep(
            FenceRecord(
                key=self._key(self._last_campaign), target=event.target, action="off", state="success",
                origin=self._node, client=event.client, executed_by=self._node, device=MANUAL, asked_at=wall,
                completed_at=wall, reason="a person confirmed that it is down",
            )
        )  # fmt: skip
        self._note(
            "warning", "fence.confirmed", f"a person confirmed that {event.target} is down; no device checked it",
            target=event.target, client=event.client,
        )  # fmt: skip
        self._out.append(FencingDone(event.id, event.target, "off", True, MANUAL, self._node, ""))

    def _finish(self, campaign: Campaign, *, ok: bool, device: str, by: str, reason: str) -> None:
        del self._campaigns[campaign.number]
        self._out += self._runs.kill(campaign.number)
        self._out += [CancelTimer(campaign.delay_timer), CancelTimer(campaign.forward_timer)]
        if campaign.local:
            self._keep(
                replace(
                    campaign.record, state="success" if ok else "failed", executed_by=by, device=device,
                    completed_at=self._wall(), reason=reason,
                )
            )  # fmt: skip
        level: NoteLevel = "notice" if ok else "error"
        what = f"{campaign.target} was fenced" if ok else f"{campaign.target} could not be fenced: {reason}"
        self._note(level, "fence.done", what, target=campaign.target, action=campaign.action, device=device, by=by)
        for waiter in campaign.waiters:
            self._answer(waiter, campaign.target, campaign.action, ok, device, reason, by)

    def _answer(
        self, waiter: Waiter, target: str, action: FenceAction, ok: bool, device: str, reason: str, by: str = ""
    ) -> None:
        match waiter:
            case LocalWaiter(request):
                self._out.append(FencingDone(request, target, action, ok, device, by, reason))
            case RemoteWaiter(sender, key):
                result = self._answered[waiter] = ForwardResult(key, ok, device, reason)
                if len(self._answered) > MAX_ANSWERED:
                    del self._answered[next(iter(self._answered))]
                self._out.append(SendFencer((sender,), result))

    def _keep(self, record: FenceRecord) -> None:
        if self._history.put(record):
            self._out.append(RecordChanged(record))
            if len(self._members) > 1:
                self._out.append(SendFencer((), ShareRecords((record,))))

    # Time and notes

    def _read_wall(self, wall: WallSeconds) -> None:
        self._wall_ahead_ms = wall * 1000 - self._now

    def _key(self, number: int) -> str:
        return f"{self._node}.{self._wall()}.{self._life}.{number}"

    def _wall(self) -> WallSeconds:
        return WallSeconds((self._now + self._wall_ahead_ms) // 1000)

    def _note(self, level: NoteLevel, event: str, text: str, **fields: str | int | bool) -> None:
        self._out.append(Note(level, event, text, fields))
