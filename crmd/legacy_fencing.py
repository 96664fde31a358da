"""`stonith` and `stonith_host` lines of ha.cf as stonith resources.

TYPE is a fence agent (fence_ipmilan), or a plugin of the classic stack whose work a fence agent does now. Parameters
are `name=value` words; the positional ones of the classic plugins get the names in the table. Any other type is
refused, as by the classic program: a cluster with a device that nobody can run would never recover anything.
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
    "wti_nps": ("fence_wti", ("ip", "password")),
}
"""Classic plugin: the agent that does its work, and the names of its positional parameters."""

_FENCE_AGENT = re.compile(r"fence_[A-Za-z0-9_.-]{1,64}")
_PARAMETER = re.compile(r"[A-Za-z_][\w-]*")
_OPERATIONS = (Operation("start", "60s"), Operation("monitor", "60s", "60s"))


class FencingProblem(ValueError):
    """A line that can't become a device; `value` is the wrong word, never one that may be a secret."""

    def __init__(self, text: str, value: str, expected: str) -> None:
        super().__init__(text)
        self.value = value
        self.expected = expected


class FoundDevice(msgspec.Struct, frozen=True):
    """A device without its final id, and the only node that reaches it (empty: every node)."""

    base: str
    primitive: Primitive
    only_from: str


def convert_line(words: tuple[str, ...], files: Mapping[str, str]) -> FoundDevice:
    """Turn `stonith TYPE FILE` or `stonith_host HOST TYPE PARAMETER…` into a device.

    `files` has the text of the parameter files that could be read. Raises FencingProblem.
    """
    directive, rest = words[0], words[1:]
    if directive == "stonith":
        if len(rest) != 2:
            raise FencingProblem("stonith: wrong number of values", " ".join(rest), "stonith TYPE CONFIGFILE")
        kind, path = rest
        if path not in files:
            raise FencingProblem("stonith: the parameter file can't be read", path, f"the parameters of {kind}")
        return _device(directive, kind, _file_words(files[path]), "")
    if len(rest) < 2:
        raise FencingProblem(
            "stonith_host: wrong number of values", " ".join(rest), "stonith_host HOST|* TYPE PARAMETER..."
        )
    host, kind, parameters = rest[0], rest[1], list(rest[2:])
    return _device(directive, kind, parameters, "" if host == "*" else host)


def _file_words(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [word for line in lines if line and not line.startswith("#") for word in line.split()]


def _device(directive: str, kind: str, words: list[str], only_from: str) -> FoundDevice:
    agent, names = _CLASSIC.get(kind, (kind, ()))
    if _FENCE_AGENT.fullmatch(agent) is None:
        expected = f"a fence agent (fence_*), or one of {', '.join(sorted(_CLASSIC))}"
        raise FencingProblem(f"{directive}: no such type of device", kind, expected)
    named: dict[str, str] = {}
    positional: list[str] = []
    for number, word in enumerate(words, 1):
        name, equals, value = word.partition("=")
        if equals and _PARAMETER.fullmatch(name):
            named[name] = value
        elif names:
            positional.append(word)
        else:
            raise FencingProblem(f"{directive}: parameter {number} of {kind} has no name", "", "name=value words")
    if positional and len(positional) != len(names):
        text = f"{directive}: {kind} has {len(positional)} parameters"
        raise FencingProblem(text, "", f"{len(names)} ({', '.join(names)}), or name=value words")
    if names and not words:
        raise FencingProblem(f"{directive}: {kind} has no parameters", "", f"{len(names)} ({', '.join(names)})")
    parameters = {**dict(zip(names, positional, strict=False)), **named}
    base = "fence_" + re.sub(r"[^A-Za-z0-9]+", "_", agent.removeprefix("fence_")).strip("_")
    primitive = Primitive("", "stonith", "", agent, tuple(parameters.items()), _OPERATIONS)
    return FoundDevice(base, primitive, only_from)


def only_on(device: Primitive, node: str) -> OnlyOn:
    """The constraint for a device that only one node reaches."""
    return OnlyOn(f"{device.id}_only_from_{re.sub(r'[^A-Za-z0-9]+', '_', node)}", device.id, node)
