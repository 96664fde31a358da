"""The answer of `crm_simulate` as text, in the layout of Pacemaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmsh.simulation.injection import (
    OFFLINE,
    ONLINE,
    STANDBY,
    Injections,
    Modification,
    NodeModified,
    ResultInjected,
    TicketModified,
)
from crmsh.simulation.status_text import counts, status_lines
from crmsh.simulation.summary import Summary, summary_lines
from pengine.asides import Capacity, Notice, Use
from pengine.scheduler import score_text
from pengine.score_rows import lines_of
from pengine.simulation_events import (
    AttributeSet,
    ClusterActionDone,
    Event,
    FencingDone,
    PseudoActionDone,
    ResourceActionDone,
    ResultPretended,
)
from pengine.working import Cluster

if TYPE_CHECKING:
    from crmsh.simulation.details import Details

_BULLET = "  * "


class TextWriter:
    """Collects the parts of an answer; with `quiet` only scores and utilization are in it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._lines: list[str] = []

    def text(self) -> str:
        """The whole answer so far."""
        return "".join(f"{line}\n" for line in self._lines)

    def clock(self, line: str) -> None:
        """Say which time it is taken to be; empty: the present, which needs no words."""
        if line and not self._quiet:
            self._lines.append(line)

    def current_status(self, cluster: Cluster, details: Details | None) -> None:
        """Show the status before anything is done."""
        if self._quiet:
            return
        self._lines += _banner(cluster)
        self._status("Current cluster status:", cluster, details, pending=True)

    def revised_status(self, cluster: Cluster, details: Details | None) -> None:
        """Show the status afterwards."""
        if not self._quiet:
            self._begin("Revised Cluster Status:")
            self._status("", cluster, details, pending=False)

    def modifications(self, injections: Injections, done: list[Modification]) -> None:
        """Show what was put in."""
        if self._quiet:
            return
        self._begin("Performing Requested Modifications:")
        if injections.quorum:
            self._lines.append(f"{_BULLET}Setting quorum: {injections.quorum}")
        if injections.watchdog:
            self._lines.append(f"{_BULLET}Setting watchdog: {injections.watchdog}")
        self._lines += [_BULLET + _modification(item) for item in done]

    def scores(self, cluster: Cluster, *, scores: bool, utilization: bool) -> None:
        """Show what the nodes got for each resource, what they can hold, and what is said in between."""
        titles = [title for title, shown in (("Assignment Scores", scores), ("Utilization", utilization)) if shown]
        if not self._quiet:
            self._begin(" and ".join(titles) + (" Information:" if utilization else ":"))
        bullet = "" if self._quiet else _BULLET
        position = 0
        for before, aside in [*cluster.asides, (len(cluster.score_rows), None)]:
            if scores:
                lines = lines_of(cluster.score_rows[position:before], cluster.nodes)
                self._lines += [bullet + score_text(*line) for line in lines]
            position = before
            if isinstance(aside, Notice):
                if not self._quiet:
                    self._lines.append(aside.text)
            elif aside is not None and utilization:
                self._lines.append(bullet + _amounts_text(aside))

    def summary(self, summary: Summary) -> None:
        """Show what is to be done."""
        if not self._quiet:
            self._begin("Transition Summary:")
            self._lines += summary_lines(summary)

    def explanation(self, lines: list[str]) -> None:
        """Show why a resource is to be where."""
        if not self._quiet:
            self._begin("Explanation:")
        self._lines += lines

    def transition(self, events: list[Event]) -> None:
        """Show what was done, step by step."""
        if not self._quiet:
            self._begin("Executing Cluster Transition:")
            self._lines += event_lines(events)

    def timings(self, timings: list[tuple[str, float]]) -> None:
        """Show how long each file took, in seconds."""
        if not self._quiet:
            self._begin("Timings:")
        bullet = "" if self._quiet else _BULLET
        self._lines += [f"{bullet}Testing {name} ... {seconds:.2f} secs" for name, seconds in timings]

    def _begin(self, title: str) -> None:
        if self._lines:
            self._lines.append("")
        self._lines.append(title)

    def _status(self, title: str, cluster: Cluster, details: Details | None, *, pending: bool) -> None:
        if title:
            self._lines.append(title)
        self._lines += status_lines(cluster, pending)
        if details is not None:
            self._lines += details.lines()


def event_lines(events: list[Event]) -> list[str]:
    """Return a line for each step of a simulated transition."""
    lines = []
    for event in events:
        if isinstance(event, ResultPretended):
            lines.append(f"Pretending action {event.action_id} failed with rc={event.rc}")
        else:
            lines.append(_BULLET + _event_text(event))
    return lines


def _event_text(event: PseudoActionDone | ResourceActionDone | ClusterActionDone | FencingDone | AttributeSet) -> str:
    if isinstance(event, PseudoActionDone):
        return f"Pseudo action:   {event.task_key}" + (f" on {event.node}" if event.node is not None else "")
    if isinstance(event, ResourceActionDone):
        interval = f"={event.interval_ms}" if event.interval_ms else ""
        return f"Resource action: {event.resource:<15} {event.task}{interval} on {event.node}"
    if isinstance(event, ClusterActionDone):
        subject = f" for {event.resource}" if event.resource is not None else ""
        return f"Cluster action:  {event.task}{subject} on {event.node}"
    if isinstance(event, FencingDone):
        return f"Fencing {event.node} ({event.operation})"
    return f"Injecting attribute {event.name}={event.value} into /node_state '{event.node_id}'"


def _modification(item: Modification) -> str:
    if isinstance(item, AttributeSet):
        return _event_text(item)
    if isinstance(item, ResultInjected):
        return f"Injecting {item.spec} into the configuration"
    if isinstance(item, TicketModified):
        return (
            f"Making ticket {item.ticket} standby" if item.action == STANDBY else f"{item.action} ticket {item.ticket}"
        )
    assert isinstance(item, NodeModified)
    texts = {ONLINE: f"Bringing node {item.node} online", OFFLINE: f"Taking node {item.node} offline"}
    return texts.get(item.action, f"Failing node {item.node}")


def _amounts_text(aside: Capacity | Use) -> str:
    amounts = "".join(f" {name}={value}" for name, value in sorted(aside.amounts.items()))
    if isinstance(aside, Capacity):
        return f"{aside.comment}: {aside.node} capacity:{amounts}"
    return f"pcmk__assign_resource: {aside.resource} utilization on {aside.node}:{amounts}"


def _banner(cluster: Cluster) -> list[str]:
    lines: list[str] = []
    if cluster.options.maintenance_mode:
        lines += [
            "",
            "              *** Resource management is DISABLED ***",
            "  The cluster will not attempt to start, stop or recover services",
        ]
    total, disabled, blocked = counts(cluster)
    if disabled or blocked:
        if lines:
            lines.append("")
        lines.append(
            f"{disabled} of {total} resource instances DISABLED and {blocked} BLOCKED "
            "from further action due to failure"
        )
    if lines:
        lines.append("")
    return lines
