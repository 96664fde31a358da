"""The short names of agents: `IPaddr2` for `ocf:heartbeat:IPaddr2`, in both directions."""

from __future__ import annotations

from crmsh.language.errors import did_you_mean
from crmsh.language.objects import Agent

STANDARDS = ("ocf", "lsb", "heartbeat", "systemd", "service", "stonith", "upstart", "nagios")
DEFAULT_PROVIDER = "heartbeat"


def find_agent(text: str) -> Agent:
    """The agent that `[class:[provider:]]type` names. Raises ValueError with what was expected.

    A bare type is one of ocf:heartbeat, as it is shown again.
    """
    parts = text.split(":")
    if not all(parts):
        raise ValueError(f"'{text}' is not an agent: expected class:provider:type, class:type or type")
    if len(parts) == 1:
        return Agent("ocf", DEFAULT_PROVIDER, parts[0])
    if parts[0] not in STANDARDS:
        raise ValueError(
            f"'{parts[0]}' is not a class of agents ({', '.join(STANDARDS)}){did_you_mean(parts[0], STANDARDS)}"
        )
    if parts[0] == "ocf":
        if len(parts) > 3:
            raise ValueError(f"'{text}' has too many parts: expected ocf:provider:type")
        provider, kind = (parts[1], parts[2]) if len(parts) == 3 else (DEFAULT_PROVIDER, parts[1])
        return Agent("ocf", provider, kind)
    # A systemd unit's name may itself have colons.
    return Agent(parts[0], "", ":".join(parts[1:]))


def agent_text(standard: str, provider: str, kind: str) -> str:
    """The agent as a line spells it: class and provider are left out where they are ocf and heartbeat."""
    if standard == "ocf":
        if provider == DEFAULT_PROVIDER:
            return kind
        return ":".join(part for part in (standard, provider, kind) if part)
    return f"{standard}:{kind}" if not provider else f"{standard}:{provider}:{kind}"
