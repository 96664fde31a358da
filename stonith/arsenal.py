"""What the fencer has to fence with: devices, levels, and what is known of their agents."""

from stonith.device import AgentAction, Device, FenceAction, HostCheck, Level
from stonith.events import DevicesChanged
from stonith.hosts import agent_parameters, device_name_of, host_check, parse_list_output
from stonith.metadata import ASSUMED, Metadata, MetadataError, parse_metadata
from stonith.plan import Alternative, alternatives
from stonith.runs import describe_end

_STATUS_KNOWN = (0, 2)
"""Exit codes of `status` by which an agent says that it knows the node: on, and off."""


class Arsenal:
    """Owns the configured devices and the metadata of their agents; metadata that could not be had is not remembered,
    since an agent may be installed later."""

    def __init__(self) -> None:
        self.devices: tuple[Device, ...] = ()
        self.concurrent = True
        self._levels: tuple[Level, ...] = ()
        self._metadata: dict[str, Metadata] = {}

    def configure(self, event: DevicesChanged) -> None:
        """The CIB has these devices now."""
        self.devices, self._levels, self.concurrent = event.devices, event.levels, event.concurrent

    def strangers(self) -> list[Device]:
        """One device for each agent whose metadata is not known, in the document's order."""
        found: dict[str, Device] = {}
        for device in self.devices:
            if device.agent not in self._metadata:
                found.setdefault(device.agent, device)
        return list(found.values())

    def learn(self, device: Device, exit_code: int | None, output: str) -> None:
        """The device's agent answered `metadata`. Raises MetadataError."""
        if exit_code != 0:
            raise MetadataError(describe_end(exit_code, output))
        self._metadata[device.agent] = parse_metadata(output)

    def check(self, device: Device) -> HostCheck:
        """How it is found out whom the device reaches."""
        return host_check(device, self._known(device))

    def reaches_by_answer(self, device: Device, target: str, exit_code: int | None, output: str) -> bool:
        """Whether the agent's answer to `list` or `status` says so."""
        if self.check(device) == "status":
            return exit_code in _STATUS_KNOWN
        names = parse_list_output(output) if exit_code == 0 else ()
        return target in names or device_name_of(device, target) in names

    def parameters(self, device: Device, action: AgentAction, target: str | None) -> dict[str, str]:
        """What the agent gets for `action` besides its name."""
        return {} if action == "metadata" else agent_parameters(device, self._known(device), target)

    def alternatives(self, target: str, action: FenceAction, usable: list[Device]) -> list[Alternative]:
        """All ways to do it with these devices, the first to be tried first."""
        metadata = {device.agent: self._known(device) for device in usable}
        return alternatives(target, action, usable, self._levels, metadata)

    def _known(self, device: Device) -> Metadata:
        return self._metadata.get(device.agent, ASSUMED)
