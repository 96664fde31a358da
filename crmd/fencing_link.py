"""Between the fencer, the executor and the configuration: devices out of the CIB, agents run by lrmd (pure functions
and the book of agents that run)."""

from __future__ import annotations

import re

from cib.configuration import FencingLevel, cluster_options, fencing_devices, fencing_topology, nodes
from cib.document import Document
from crmd.messages import FenceRecord as ShownRecord
from ipc.units import WallSeconds
from lrmd.messages import AgentName, OperationStatus, Ran, RunOnce
from stonith.device import Device, Level
from stonith.events import AgentRan, DevicesChanged, RunAgent
from stonith.messages import FenceRecord


def devices_of(document: Document) -> DevicesChanged:
    """The fencing devices and levels of the configuration; levels by pattern or attribute are spelled out by node."""
    devices = tuple(Device(device.id, device.type, device.parameters) for device in fencing_devices(document))
    members = nodes(document)
    levels = tuple(
        Level(node.uname, level.index, level.devices)
        for level in fencing_topology(document)
        for node in members
        if _means(level, node.uname, node.attributes)
    )
    return DevicesChanged(devices, levels, cluster_options(document).concurrent_fencing)


def _means(level: FencingLevel, name: str, attributes: dict[str, str]) -> bool:
    if level.target:
        return level.target == name
    if level.target_pattern:
        try:
            return re.search(level.target_pattern, name) is not None
        except re.error:
            return False
    return bool(level.target_attribute) and attributes.get(level.target_attribute) == level.target_value


def shown(record: FenceRecord) -> ShownRecord:
    """A record of the history as tools see it."""
    return ShownRecord(
        record.target,
        record.action,
        record.state,
        record.origin,
        record.executed_by,
        record.device,
        record.client,
        record.completed_at,
        record.reason,
    )


class AgentRuns:
    """Fence agents that lrmd runs for the fencer: request numbers there, run numbers here."""

    def __init__(self) -> None:
        self._runs: dict[int, int] = {}
        self._requests: dict[int, int] = {}

    def begin(self, request: int, effect: RunAgent) -> RunOnce:
        """The message that runs an agent."""
        self._runs[request] = effect.run
        self._requests[effect.run] = request
        agent = AgentName("stonith", "", effect.agent)
        return RunOnce(request, agent, effect.action, effect.timeout_ms, effect.parameters)

    def request_of(self, run: int) -> int | None:
        """The request of a run that is given up; it is forgotten."""
        request = self._requests.pop(run, None)
        if request is not None:
            self._runs.pop(request, None)
        return request

    def ran(self, answer: Ran, wall: int) -> AgentRan | None:
        """lrmd's answer in the fencer's terms; None if it is not about a fence agent."""
        run = self._runs.pop(answer.request, None)
        if run is None:
            return None
        self._requests.pop(run, None)
        code = answer.exit_code if answer.status is OperationStatus.DONE else None
        return AgentRan(run, code, answer.output, answer.errors, WallSeconds(wall))

    def lost(self) -> None:
        """lrmd died and all agents with it."""
        self._runs.clear()
        self._requests.clear()
