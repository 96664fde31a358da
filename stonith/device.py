"""A fencing device as the configuration describes it, and the topology of levels."""

from typing import Literal

import msgspec

from cib.values import ValueFormatError, interval_ms_or, leading_integer, parse_interval_ms

FenceAction = Literal["off", "on", "reboot"]
HostCheck = Literal["static-list", "dynamic-list", "status", "none"]
QueryAction = Literal["list", "status", "metadata"]
AgentAction = FenceAction | QueryAction

DEFAULT_QUERY_TIMEOUT_MS = 20_000
"""For list, status and metadata, as for other agents' operations without a timeout."""
DEFAULT_RETRIES = 2
"""Attempts of one action on one device, the first included (Pacemaker's pcmk_*_retries)."""


class Device(msgspec.Struct, frozen=True):
    """One stonith resource: its agent and all its instance attributes, pcmk_* ones included."""

    id: str
    agent: str
    """The type of the primitive: fence_virsh, external/ssh."""
    parameters: dict[str, str]

    @property
    def priority(self) -> int:
        """Where no topology names devices, those of higher priority come first."""
        return leading_integer(self.parameters.get("priority")) or 0

    def command(self, action: AgentAction) -> str:
        """The name by which the agent is asked for `action` (pcmk_off_action and so on)."""
        return self.parameters.get(f"pcmk_{action}_action") or action

    def timeout_ms(self, action: AgentAction, default_ms: int) -> int:
        """How long one run of `action` may take (pcmk_off_timeout and so on)."""
        return interval_ms_or(self.parameters.get(f"pcmk_{action}_timeout"), default_ms) or default_ms

    def attempts(self, action: AgentAction) -> int:
        """How often `action` is tried on this device before the next one has its turn, at least once."""
        value = leading_integer(self.parameters.get(f"pcmk_{action}_retries"))
        return DEFAULT_RETRIES if value is None else max(1, value)

    def delay_max_ms(self) -> int:
        """The upper end of the random delay (pcmk_delay_max), 0 for none."""
        return interval_ms_or(self.parameters.get("pcmk_delay_max"))

    def delay_base_ms(self, target: str) -> int:
        """The fixed delay before `target` is fenced.

        pcmk_delay_base is one duration, or a map such as `node1:0s;node2:5s`; a node that it does not name has none.
        """
        text = self.parameters.get("pcmk_delay_base", "")
        try:
            return parse_interval_ms(text) if text else 0
        except ValueFormatError:
            pass
        for item in text.replace(";", " ").replace(",", " ").split():
            node, _, delay = item.replace("=", ":", 1).partition(":")
            if node == target:
                return interval_ms_or(delay)
        return 0


class Level(msgspec.Struct, frozen=True):
    """One `fencing-level`: all its devices have to succeed, in this order, or the next level is tried."""

    target: str
    index: int
    devices: tuple[str, ...]
