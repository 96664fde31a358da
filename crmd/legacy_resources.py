"""One resource of a haresources line as a primitive: an address, a filesystem, or a script with its arguments."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from crmd.haresources import Resource, ServiceAddress
from crmd.legacy_plan import Operation, Primitive

ScriptPlace = Literal["resource.d", "init.d"]
FindScript = Callable[[str], ScriptPlace | None]
"""Where a script of this name is on this node: resource.d goes before init.d; None: in neither."""

OURS = "pacekeeper"
"""Provider of the agents for addresses and filesystems: ours, which are always there and take milliseconds. Their
parameters are those of the ocf:heartbeat agents, so that a configuration can name those instead."""

_DELAY_DEFAULT_S = 30
"""What ocf:heartbeat:Delay waits where it is not told how long."""

_OCF_SHIMS: dict[str, tuple[str, ...]] = {
    "apache": ("configfile",),
    "Delay": ("startdelay", "stopdelay"),
    "LVM": ("volgrpname",),
    "MailTo": ("email", "subject"),
    "Raid1": ("raidconf", "raiddev"),
    "SendArp": ("ip", "nic"),
    "Xinetd": ("service",),
    "db2": ("instance",),
    "portblock": ("protocol", "portno", "action"),
}
"""Scripts that the classic resource.d had as doors to OCF agents, with the agents' parameters for their arguments.
The one argument of SendArp holds both of its parameters."""


class Found(msgspec.Struct, frozen=True):
    """A primitive without its final id, and what should be told about it."""

    base: str
    """A readable id, not yet made unique."""
    primitive: Primitive
    warning: str = ""


def convert(resource: Resource, find: FindScript) -> Found:
    """Turn a resource of haresources into a primitive."""
    if isinstance(resource, ServiceAddress):
        return _address(resource)
    if resource.name == "Filesystem":
        return _filesystem(resource.arguments)
    if resource.name == "Delay":
        return _delay(resource.arguments)
    if resource.name == "IPv6addr" and len(resource.arguments) == 1:
        return _address6(resource.arguments[0])
    return _script(resource.name, resource.arguments, find)


def _address(address: ServiceAddress) -> Found:
    parameters = [
        ("ip", address.address),
        ("cidr_netmask", "" if address.prefix is None else str(address.prefix)),
        ("nic", address.device or ""),
        ("iflabel", address.label or ""),
        ("broadcast", address.broadcast or ""),
    ]
    return _ipaddr2(tuple((name, value) for name, value in parameters if value))


def _address6(text: str) -> Found:
    """`address[/bits[/interface]]`, as the classic IPv6addr takes it."""
    address, *rest = text.split("/")
    parameters = (("ip", address), *zip(("cidr_netmask", "nic"), rest, strict=False))
    return _ipaddr2(parameters)


def _ipaddr2(parameters: tuple[tuple[str, str], ...]) -> Found:
    operations = (Operation("start", "20s"), Operation("stop", "20s"), Operation("monitor", "20s", "5s"))
    return Found("vip_" + _word(parameters[0][1]), Primitive("", "ocf", OURS, "IPaddr2", parameters, operations))


def _filesystem(arguments: tuple[str, ...]) -> Found:
    names = ("device", "directory", "fstype", "options")
    parameters = tuple(zip(names, arguments, strict=False))
    operations = (Operation("start", "60s"), Operation("stop", "60s"), Operation("monitor", "40s", "20s"))
    primitive = Primitive("", "ocf", OURS, "Filesystem", parameters, operations)
    return Found("fs_" + (_word(arguments[1]) or "root"), primitive)


def _delay(arguments: tuple[str, ...]) -> Found:
    """The OCF agent also where the classic script is there: that one can't say that a monitor need not wait.

    The agent waits 30 s in each monitor unless it is told otherwise, which was of no matter as long as nobody asked.
    """
    parameters = (*zip(_OCF_SHIMS["Delay"], arguments, strict=False), ("mondelay", "0"))
    longest = max((int(word) for word in arguments), default=_DELAY_DEFAULT_S)
    limit = f"{60 + max(longest, _DELAY_DEFAULT_S)}s"
    operations = (Operation("start", limit), Operation("stop", limit), Operation("monitor", "30s", "10s"))
    base = "_".join(("Delay", *arguments[:1]))
    return Found(base, Primitive("", "ocf", "heartbeat", "Delay", parameters, operations))


def _script(name: str, arguments: tuple[str, ...], find: FindScript) -> Found:
    operations = (Operation("start", "60s"), Operation("stop", "60s"), Operation("monitor", "30s", "10s"))
    positional = tuple((str(number), value) for number, value in enumerate(arguments, 1))
    base = "_".join(_word(word) for word in (name, *arguments[:1]))
    place = find(name)
    if place == "resource.d":
        return Found(base, Primitive("", "heartbeat", "", name, positional, operations))
    if place is None and name in _OCF_SHIMS:
        words = arguments[0].split("/") if name == "SendArp" else arguments
        named = tuple(zip(_OCF_SHIMS[name], words, strict=False))
        return Found(base, Primitive("", "ocf", "heartbeat", name, named, operations))
    warning = ""
    if place is None:
        warning = f"there is no script '{name}' in resource.d or init.d of this node; it can't be started here"
    if arguments:
        # An init script gets no arguments, but the classic resource manager passed them on to any script.
        return Found(base, Primitive("", "heartbeat", "", name, positional, operations), warning)
    return Found(base, Primitive("", "lsb", "", name, (), operations), warning)


def _word(text: str) -> str:
    """`text` as part of an id: letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")


def script_finder(resource_d: Path, init_d: tuple[Path, ...]) -> FindScript:
    """A finder that looks for executable files in these directories."""

    def find(name: str) -> ScriptPlace | None:
        if "/" in name:
            return None
        if _executable(resource_d / name):
            return "resource.d"
        return "init.d" if any(_executable(directory / name) for directory in init_d) else None

    return find


def _executable(path: Path) -> bool:
    return path.is_file() and bool(path.stat().st_mode & 0o111)
