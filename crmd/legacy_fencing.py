"""`stonith` and `stonith_host` lines of ha.cf as stonith resources.

TYPE is taken as the agent: a fence agent (fence_ipmilan), or a plugin (external/ipmi). The plugins of the classic
stack whose work a fence agent does now are mapped to it. Parameters are `name=value` words; the positional ones of the
classic plugins get the names in the table.
"""

import re
from collections.abc import Mapping

import msgspec

from crmd.legacy_plan import OnlyOn, Operation, Primitive

_CLASSIC: dict[str, tuple[str, tuple[str, ...]]] = {
    "apcmaster": ("fence_apc", ("ip", "username", "password")),
    "apcmastersnmp": ("fence_apc_snmp", ("ip", "udpport", "community")),
    "baytech": ("fence_baytech", ("ip", "username", "password")),
    "drac3": ("fence_drac", ("ip", "username", "password")),
    "ipmilan": ("fence_ipmilan", ("pcmk_host_list", "ip", "ipport", "auth", "privlvl", "username", "password")),
    "meatware": ("meatware", ("hostlist",)),
    "null": ("null", ("hostlist",)),
    "ssh": ("external/ssh", ("hostlist",)),
    "wti_nps": ("fence_wti", ("ip", "password")),
}
"""Classic plugin: the agent that does its work, and the names of its positional parameters."""

_OPERATIONS = (Operation("start", "60s"), Operation("monitor", "60s", "60s"))


class FencingProblem(ValueError):
    """A line that can't become a device; the message says what was expected."""


class FoundDevice(msgspec.Struct, frozen=True):
    """A device without its final id, and the only node that reaches it (empty: every node)."""

    base: str
    primitive: Primitive
    only_from: str
    warning: str = ""


def convert_line(words: tuple[str, ...], files: Mapping[str, str]) -> FoundDevice:
    """Turn `stonith TYPE FILE` or `stonith_host HOST TYPE PARAMETER…` into a device.

    `files` has the text of the parameter files that could be read. Raises FencingProblem.
    """
    directive, rest = words[0], words[1:]
    if directive == "stonith":
        if len(rest) != 2:
            raise FencingProblem("stonith takes a type and the file with its parameters")
        kind, path = rest
        if path not in files:
            raise FencingProblem(f"the parameter file {path} can't be read")
        return _device(kind, _file_words(files[path]), "")
    if len(rest) < 2:
        raise FencingProblem("stonith_host takes a host (or *), a type and the type's parameters")
    host, kind, parameters = rest[0], rest[1], list(rest[2:])
    return _device(kind, parameters, "" if host == "*" else host)


def _file_words(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [word for line in lines if line and not line.startswith("#") for word in line.split()]


def _device(kind: str, words: list[str], only_from: str) -> FoundDevice:
    agent, names = _CLASSIC.get(kind, (kind, ()))
    named: dict[str, str] = {}
    positional: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][\w-]*", name):
            named[name] = value
        else:
            positional.append(word)
    if len(positional) > len(names):
        what = f"the parameters of {kind} have to be name=value words"
        if names:
            what = f"{kind} takes at most {len(names)} parameters ({', '.join(names)}) or name=value words"
        raise FencingProblem(f"'{positional[len(names)]}' is not understood: {what}")
    parameters = {**dict(zip(names, positional, strict=False)), **named}
    base = "fence_" + re.sub(r"[^A-Za-z0-9]+", "_", agent.removeprefix("fence_")).strip("_")
    warning = ""
    if not agent.startswith("fence_"):
        warning = f"stonith type '{kind}' is taken as it is, but only fence agents (fence_*) can be run"
    primitive = Primitive("", "stonith", "", agent, tuple(parameters.items()), _OPERATIONS)
    return FoundDevice(base, primitive, only_from, warning)


def only_on(device: Primitive, node: str) -> OnlyOn:
    """The constraint for a device that only one node reaches."""
    return OnlyOn(f"{device.id}_only_from_{re.sub(r'[^A-Za-z0-9]+', '_', node)}", device.id, node)
