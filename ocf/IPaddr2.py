"""IPaddr2: a virtual IP address, added and removed by netlink, announced to the neighbours at once.

Parameters and meta-data are those of the agent of the same name in resource-agents, so that configurations move
unchanged.
"""

import contextlib
import ipaddress
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ocf import agent, arp
from ocf.agent import Action, Agent, Call, Exit, fail
from ocf.IPaddr2_parameters import PARAMETERS
from ocf.netlink import Address, Interface, Kernel, KernelRefused

_LABEL_BYTES = 15
_COLLISION_WAIT_MS = 500
_DAD_LIMIT_S = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the parameters say, as far as no kernel is needed to understand them."""

    ip: str
    nic: str
    """Empty: the interface of the route to the address."""
    label: str
    prefix: int | None
    version: int


def _wanted(call: Call) -> Wanted:
    try:
        ip = ipaddress.ip_address(call.text("ip"))
    except ValueError:
        fail(Exit.NOT_CONFIGURED, f"parameter ip: {call.text('ip')!r} is no IPv4 or IPv6 address")
    nic, _, label = call.text("nic").partition(":")
    label = label or call.text("iflabel")
    return Wanted(str(ip), nic, label, _prefix(call.text("cidr_netmask"), ip.max_prefixlen), ip.version)


def _prefix(text: str, most: int) -> int | None:
    """A prefix length, from a number or a dotted mask; None when nothing is said."""
    if not text:
        return None
    try:
        prefix = int(text) if text.isdigit() else ipaddress.ip_network(f"0.0.0.0/{text}").prefixlen
    except ValueError:
        prefix = -1
    if not 0 < prefix <= most or ("." in text and most != 32):
        fail(Exit.NOT_CONFIGURED, f"parameter cidr_netmask: {text!r} is no prefix length from 1 to {most}")
    return prefix


def _validate(call: Call) -> None:
    _wanted(call)
    if call.meta("globally_unique").lower() == "true" and call.meta("clone_max") not in ("", "1"):
        fail(Exit.NOT_CONFIGURED, "one address shared by globally unique clones is not supported")


def _kernel(call: Call) -> Kernel:
    return Kernel(call.text("network_namespace"))


def _present(kernel: Kernel, wanted: Wanted) -> list[Address]:
    """Where the address is, on the interface that is asked for if one is."""
    return [each for each in kernel.addresses(wanted.ip) if wanted.nic in ("", each.interface)]


def _place(kernel: Kernel, wanted: Wanted) -> tuple[Interface, int]:
    """Interface and prefix length for a start. Raises AgentError where they can't be found."""
    # dumping the routes takes longer than everything else together, so it is done only when something is missing
    route = kernel.route_to(wanted.ip, wanted.nic) if not wanted.nic or wanted.prefix is None else None
    name = wanted.nic or (route[0] if route else "")
    if not name:
        fail(Exit.GENERIC, f"no route to {wanted.ip}: name the interface by the parameter nic")
    interface = kernel.interface(name)
    if interface is None:
        fail(Exit.GENERIC, f"there is no interface {name} on this node")
    prefix = wanted.prefix or (route[1] if route else 32 if wanted.version == 4 else 128)
    return interface, prefix


def _broadcast(call: Call, wanted: Wanted, prefix: int) -> str:
    """The broadcast address: as given, or with the host bits set (+, the default) or cleared (-)."""
    given = call.text("broadcast")
    if wanted.version == 6 or (given in ("", "+") and prefix > 30):
        return ""
    network = ipaddress.ip_network(f"{wanted.ip}/{prefix}", strict=False)
    if given in ("", "+"):
        return str(network.broadcast_address)
    return str(network.network_address) if given == "-" else given


def _start(call: Call) -> Exit:
    wanted = _wanted(call)
    with _kernel(call) as kernel:
        interface, prefix = _place(kernel, wanted)
        elsewhere = [each.interface for each in kernel.addresses(wanted.ip) if each.interface != interface.name]
        if elsewhere:
            fail(Exit.GENERIC, f"{wanted.ip} is on {elsewhere[0]} already, not on {interface.name}")
        station = arp.Station(interface.name, interface.index, interface.mac, wanted.ip)
        if not _present(kernel, wanted):
            _add(call, kernel, wanted, interface, prefix, station)
        if not interface.up:
            kernel.set_up(interface)
        if wanted.version == 6 and not call.flag("nodad"):
            _wait_for_duplicate_detection(kernel, wanted)
    if interface.resolves:
        _announce(call, station)
    return Exit.OK


def _add(call: Call, kernel: Kernel, wanted: Wanted, interface: Interface, prefix: int, station: arp.Station) -> None:
    label = f"{interface.name}:{wanted.label}" if wanted.label else ""
    if len(label) > _LABEL_BYTES:
        fail(Exit.NOT_CONFIGURED, f"the label {label} has more than {_LABEL_BYTES} characters")
    if call.flag("run_arping") and wanted.version == 4 and interface.resolves and interface.up:
        holder = arp.holder(station, _COLLISION_WAIT_MS)
        if holder is not None:
            fail(Exit.GENERIC, f"{wanted.ip} is in use by {holder} on {interface.name}")
    kernel.add(
        interface,
        wanted.ip,
        prefix,
        broadcast=_broadcast(call, wanted, prefix),
        label=label if wanted.version == 4 else "",
        nodad=wanted.version == 6 and call.flag("nodad"),
        noprefixroute=call.flag("noprefixroute"),
    )


def _announce(call: Call, station: arp.Station) -> None:
    """The first announcement is out before the start counts as done; the others follow in the background."""
    count = call.number("arp_count")
    if count <= 0:
        return
    try:
        announcer = arp.Announcer(station)
        announcer.announce()
        announcer.repeat_in_background(count - 1, call.number("arp_interval"))
    except OSError as error:
        sys.stderr.write(f"the neighbours could not be told of {station.ip}: {error.strerror}\n")


def _wait_for_duplicate_detection(kernel: Kernel, wanted: Wanted) -> None:
    deadline = time.monotonic() + _DAD_LIMIT_S
    while time.monotonic() < deadline:
        found = _present(kernel, wanted)
        if any(each.duplicate for each in found):
            for each in found:
                kernel.remove(each)
            fail(Exit.GENERIC, f"{wanted.ip} is in use on this link: duplicate address detection failed")
        if found and not any(each.tentative for each in found):
            return
        time.sleep(0.02)
    fail(Exit.GENERIC, f"duplicate address detection of {wanted.ip} did not end within {_DAD_LIMIT_S} s")


def _stop(call: Call) -> Exit:
    wanted = _wanted(call)
    with _kernel(call) as kernel:
        for address in _present(kernel, wanted):
            kernel.remove(address)
        left = _present(kernel, wanted)
    if left:
        fail(Exit.GENERIC, f"{wanted.ip} is still on {left[0].interface}")
    if call.flag("flush_routes"):
        with contextlib.suppress(OSError):
            Path("/proc/sys/net/ipv4/route/flush").write_text("1", encoding="ascii")
    return Exit.OK


def _monitor(call: Call) -> Exit:
    wanted = _wanted(call)
    with _kernel(call) as kernel:
        found = _present(kernel, wanted)
        if not found:
            return Exit.NOT_RUNNING
        interface = kernel.interface(found[0].interface)
    if interface is None or not interface.up:
        fail(Exit.GENERIC, f"{wanted.ip} is on {found[0].interface}, which is down")
    if found[0].duplicate:
        fail(Exit.GENERIC, f"{wanted.ip} is in use on this link: duplicate address detection failed")
    refresh = call.number("arp_count_refresh")
    if refresh > 0 and not call.is_probe and interface.resolves:
        station = arp.Station(interface.name, interface.index, interface.mac, wanted.ip)
        arp.Announcer(station).repeat_in_background(refresh, call.number("arp_interval"))
    return Exit.OK


def _refusals(handler: agent.Handler) -> agent.Handler:
    """What the kernel refuses is the action's failure, with the kernel's words as its reason."""

    def guarded(call: Call) -> Exit:
        try:
            return handler(call)
        except KernelRefused as error:
            code = Exit.PERMISSION if error.errno in (1, 13) else Exit.GENERIC
            fail(code, error.strerror or "the kernel refused")

    return guarded


AGENT = Agent(
    name="IPaddr2",
    version="1.0",
    short="Manages virtual IPv4 and IPv6 addresses (Linux specific version)",
    long="Adds an address to an interface and removes it. When it is added, the neighbours are told by unsolicited\n"
    "ARP (IPv4) or neighbour advertisements (IPv6), the first time before the start is done.",
    parameters=PARAMETERS,
    actions=(
        Action("start", 20),
        Action("stop", 20),
        Action("status", 20, interval_s=10, depth=0),
        Action("monitor", 20, interval_s=10, depth=0),
        Action("meta-data", 5),
        Action("validate-all", 20),
    ),
    handlers={"start": _refusals(_start), "stop": _refusals(_stop), "monitor": _refusals(_monitor)},
    validate=_validate,
)


def main(argv: Sequence[str]) -> int:
    """The agent as a command."""
    return agent.main(AGENT, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
