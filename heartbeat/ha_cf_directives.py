"""The directives of ha.cf: those that are understood with their values, and those that are only known."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from heartbeat import ha_cf_values as values
from heartbeat.ha_cf_values import BadValue
from heartbeat.links_config import UDP_PORT_DEFAULT, Bcast, Link, Mcast, Ucast
from heartbeat.messages import StonithLine
from ipc.units import Milliseconds


@dataclass(slots=True)
class Draft:
    """What was read of the file so far."""

    seen: dict[str, int] = field(default_factory=dict)
    """Directive -> its last line."""
    failed: set[str] = field(default_factory=set)
    """Directives with a wrong value, which further checks leave alone."""
    durations: dict[str, Milliseconds] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    words: dict[str, str | None] = field(default_factory=dict)
    nodes: list[tuple[str, int]] = field(default_factory=list)
    links: list[tuple[Link, int]] = field(default_factory=list)
    ping: list[str] = field(default_factory=list)
    stonith: list[StonithLine] = field(default_factory=list)
    auto_failback: Literal["on", "off", "legacy"] = "legacy"
    realtime: bool = True


Take = Callable[[Draft, int, list[str]], list[str]]
"""Puts the words of a line into the draft; returns warnings. Raises BadValue."""


@dataclass(frozen=True, slots=True)
class Directive:
    """How a directive's line looks."""

    form: str
    """As it is shown to people."""
    take: Take
    words_min: int = 1
    words_max: int = 1
    once: bool = True
    """Given again, the last one counts, and the file is warned about."""


def _duration(at_least: int) -> Take:
    def take(draft: Draft, _line: int, words: list[str]) -> list[str]:
        name = words[0].lower().replace("-", "_")
        draft.durations[name] = values.duration(words[1], at_least)
        return []

    return take


def _number(low: int, high: int) -> Take:
    def take(draft: Draft, _line: int, words: list[str]) -> list[str]:
        draft.numbers[words[0].lower()] = values.whole_number(words[1], low, high)
        return []

    return take


def _path(draft: Draft, _line: int, words: list[str]) -> list[str]:
    draft.words[words[0].lower()] = values.absolute_path(words[1])
    return []


def _facility(draft: Draft, _line: int, words: list[str]) -> list[str]:
    draft.words["logfacility"] = values.facility(words[1])
    return []


def _node(draft: Draft, line: int, words: list[str]) -> list[str]:
    draft.nodes += [(values.node_name(word), line) for word in words[1:]]
    return []


def _port(draft: Draft) -> int:
    return draft.numbers.get("udpport", UDP_PORT_DEFAULT)


def _bcast(draft: Draft, line: int, words: list[str]) -> list[str]:
    draft.links += [(Bcast(values.device(word), _port(draft)), line) for word in words[1:]]
    return []


def _mcast(draft: Draft, line: int, words: list[str]) -> list[str]:
    _, device, group, port, ttl, loop = words
    if loop not in ("0", "1"):
        raise BadValue(loop, "0 or 1 (whether this machine hears its own packets)")
    link = Mcast(
        values.device(device),
        values.multicast_group(group),
        values.whole_number(port, 1, 65535),
        values.whole_number(ttl, 1, 255),
        loop == "1",
    )
    draft.links.append((link, line))
    return []


def _ucast(draft: Draft, line: int, words: list[str]) -> list[str]:
    draft.links.append((Ucast(values.device(words[1]), values.host(words[2]), _port(draft)), line))
    return []


def _auto_failback(draft: Draft, _line: int, words: list[str]) -> list[str]:
    if words[1].lower() == "legacy":
        draft.auto_failback = "legacy"
        return ["auto_failback legacy acts as on: all nodes of this cluster know the directive"]
    try:
        draft.auto_failback = "on" if values.boolean(words[1]) else "off"
    except BadValue as error:
        raise BadValue(error.value, "on, off or legacy") from None
    return []


def _ping(draft: Draft, _line: int, words: list[str]) -> list[str]:
    draft.ping += [values.host(word) for word in words[1:]]
    return []


def _stonith(draft: Draft, line: int, words: list[str]) -> list[str]:
    values.absolute_path(words[2])
    draft.stonith.append(StonithLine(line, ("stonith", *words[1:])))
    return []


def _stonith_host(draft: Draft, line: int, words: list[str]) -> list[str]:
    if words[1] != "*":
        try:
            values.node_name(words[1])
        except BadValue as error:
            raise BadValue(error.value, "the node that reaches the device, or * for all") from None
    draft.stonith.append(StonithLine(line, ("stonith_host", *words[1:])))
    return []


def _realtime(draft: Draft, _line: int, words: list[str]) -> list[str]:
    draft.realtime = values.boolean(words[1])
    return []


MANY = 64

DIRECTIVES: dict[str, Directive] = {
    "logfile": Directive("logfile PATH", _path),
    "debugfile": Directive("debugfile PATH", _path),
    "logfacility": Directive("logfacility FACILITY", _facility),
    "debug": Directive("debug LEVEL", _number(0, 255)),
    "keepalive": Directive("keepalive DURATION", _duration(10)),
    "deadtime": Directive("deadtime DURATION", _duration(20)),
    "warntime": Directive("warntime DURATION", _duration(10)),
    "initdead": Directive("initdead DURATION", _duration(20)),
    "udpport": Directive("udpport PORT", _number(1, 65535)),
    "bcast": Directive("bcast DEVICE...", _bcast, words_max=MANY, once=False),
    "mcast": Directive("mcast DEVICE GROUP PORT TTL LOOP", _mcast, 5, 5, once=False),
    "ucast": Directive("ucast DEVICE ADDRESS", _ucast, 2, 2, once=False),
    "auto_failback": Directive("auto_failback on|off|legacy", _auto_failback),
    "node": Directive("node NAME...", _node, words_max=MANY, once=False),
    "ping": Directive("ping ADDRESS...", _ping, words_max=MANY, once=False),
    "stonith": Directive("stonith TYPE CONFIGFILE", _stonith, 2, 2),
    "stonith_host": Directive("stonith_host HOST|* TYPE PARAMETER...", _stonith_host, 2, MANY, once=False),
    "watchdog": Directive("watchdog DEVICE", _path),
    "realtime": Directive("realtime on|off", _realtime),
    "rtprio": Directive("rtprio PRIORITY", _number(1, 99)),
    "streamport": Directive("streamport PORT", _number(1, 65535)),
    "crmd_restart_bound": Directive("crmd-restart-bound DURATION", _duration(100)),
    "stop_grace": Directive("stop-grace DURATION", _duration(0)),
}
"""What is understood. The last three are ours."""

ACCEPTED: dict[str, str] = {
    "crm": "the controller is always started",
    "pacemaker": "the controller is always started",
    "crm_daemon_dir": "the daemons come with this installation",
    "crmd_spawns_pengine": "the controller starts the policy engine itself",
}
"""Directives whose wish is fulfilled anyway."""

_OTHER_WIRE = "the wire protocol is not that of the classic program"
_OTHER_LOG = "messages go to logfile, debugfile and logfacility"
_NO_CLIENTS = "the classic client API does not exist here; access is by user and by group haclient"

UNSUPPORTED: dict[str, str] = {
    "serial": "links are bcast, mcast and ucast; serial lines do not exist here",
    "baud": "serial lines do not exist here",
    "ucast6": "links use IPv4",
    "mcast6": "links use IPv4",
    "hopfudge": "packets are not forwarded from node to node",
    "compression": "messages are not compressed",
    "compression_threshold": "messages are not compressed",
    "traditional_compression": "messages are not compressed",
    "msgfmt": _OTHER_WIRE,
    "max_rexmit_delay": _OTHER_WIRE,
    "uuidfrom": "a node is known by its name",
    "autojoin": "nodes are listed with node",
    "cluster": "clusters are told apart by authkeys, group and port",
    "respawn": "processes are resources of the cluster; ipfail is replaced by ping resources",
    "ping_group": "reachability of a group is not measured",
    "hbaping": "fibre channel reachability is not measured",
    "deadping": "reachability does not decide here",
    "quorum_server": "quorum comes from the nodes' votes",
    "apiauth": _NO_CLIENTS,
    "use_apphbd": _NO_CLIENTS,
    "hbgenmethod": "generations are kept on disk",
    "use_logd": _OTHER_LOG,
    "conn_logd_time": _OTHER_LOG,
    "syslogmsgfmt": _OTHER_LOG,
    "log_badpack": "bad packets are always counted, and told at a bounded rate",
    "coredumps": "the system's setting counts",
    "coreroot": "the system's setting counts",
    "nice_failback": "it was replaced by auto_failback",
    "env": "children get a fixed environment",
    "memreserve": "memory is locked where the system allows it",
    "record_config_changes": "changes are in the log",
    "record_pengine_inputs": "policy engine inputs are always kept",
    "enable_config_writes": "whether configuration may be written follows from quorum",
    "release2": "it is a leftover of version 2",
}
"""Directives of the classic program that do nothing here, with the reason: a warning, not a spelling mistake."""
