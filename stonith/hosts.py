"""Which nodes a device can fence, and under which names it knows them."""

import re

from stonith.device import Device, HostCheck
from stonith.metadata import Metadata

_SEPARATORS = re.compile(r"[\s,;]+")
_MAP_SEPARATORS = re.compile(r"[\s;]+")
_STATES = frozenset({"on", "off", "unknown"})
_CHECKS: dict[str, HostCheck] = {
    "static-list": "static-list",
    "dynamic-list": "dynamic-list",
    "status": "status",
    "none": "none",
}


def parse_host_list(text: str) -> tuple[str, ...]:
    """Names separated by white space, commas or semicolons, in their order (pcmk_host_list)."""
    return tuple(name for name in _SEPARATORS.split(text) if name)


def parse_host_map(text: str) -> dict[str, str]:
    """`node1:1;node2:2,3` as a map from the cluster's name of a node to the device's (pcmk_host_map).

    Items are separated by semicolons or white space, the two names by a colon or an equals sign; an item without
    either says nothing.
    """
    found: dict[str, str] = {}
    for item in _MAP_SEPARATORS.split(text):
        match = re.match(r"([^:=]+)[:=](.+)", item)
        if match is not None:
            found[match[1]] = match[2]
    return found


def parse_list_output(output: str) -> tuple[str, ...]:
    """The names in what an agent prints for `list`: every word counts, except for power states.

    Agents print `port`, `port,alias` or `port,alias,state` on each line.
    """
    found: dict[str, None] = {}
    for line in output.splitlines():
        for word in _SEPARATORS.split(line.strip()):
            if word and word.lower() not in _STATES:
                found[word] = None
    return tuple(found)


def host_check(device: Device, metadata: Metadata) -> HostCheck:
    """How it is found out whether the device can fence a node.

    pcmk_host_check says so; without it a device with pcmk_host_list or pcmk_host_map fences those, one whose agent can
    `list` is asked for its list, one with `status` for the state of the node, and any other can fence every node.
    """
    explicit = _CHECKS.get(device.parameters.get("pcmk_host_check", ""))
    if explicit is not None:
        return explicit
    if device.parameters.get("pcmk_host_list") or device.parameters.get("pcmk_host_map"):
        return "static-list"
    if metadata.supports("list") or "pcmk_list_action" in device.parameters:
        return "dynamic-list"
    if metadata.supports("status") or "pcmk_status_action" in device.parameters:
        return "status"
    return "none"


def in_static_list(device: Device, target: str) -> bool:
    """Whether pcmk_host_list or pcmk_host_map names `target`."""
    return target in parse_host_list(device.parameters.get("pcmk_host_list", "")) or target in parse_host_map(
        device.parameters.get("pcmk_host_map", "")
    )


def device_name_of(device: Device, target: str) -> str:
    """What the device calls `target`."""
    return parse_host_map(device.parameters.get("pcmk_host_map", "")).get(target, target)


def agent_parameters(device: Device, metadata: Metadata, target: str | None) -> dict[str, str]:
    """What the agent gets besides its action: its own parameters, and which node is meant (None: no node).

    The cluster's own parameters (pcmk_*, priority and the like) are left out. The victim's name goes to the parameter
    that pcmk_host_argument names, or the one of the metadata, unless the configuration sets that parameter itself.
    """
    parameters = {
        name: value
        for name, value in device.parameters.items()
        if not name.startswith("pcmk_") and name not in ("priority", "provides", "stonith-timeout", "action")
    }
    if target is None:
        return parameters
    parameters["nodename"] = target
    argument = device.parameters.get("pcmk_host_argument") or metadata.host_argument or "none"
    if argument != "none" and parameters.get(argument, "dynamic") == "dynamic":
        parameters[argument] = device_name_of(device, target)
    return parameters
