"""The kernel's addresses, interfaces and routes: the one module that knows pyroute2."""

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from pyroute2 import IPRoute, netns
from pyroute2.netlink.exceptions import NetlinkError

_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8
_IFF_NOARP = 0x80
_IFA_F_NODAD = 0x02
_IFA_F_DADFAILED = 0x08
_IFA_F_TENTATIVE = 0x40
_IFA_F_NOPREFIXROUTE = 0x200
_MAIN_TABLE = 254


class KernelRefused(OSError):
    """The kernel said no; `strerror` says why."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface."""

    name: str
    index: int
    up: bool
    """Administratively up."""
    mac: bytes
    """Hardware address; empty where it has none of six bytes."""
    resolves: bool
    """Whether neighbours are resolved on it by ARP or neighbour discovery."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address that an interface has."""

    ip: str
    prefix: int
    interface: str
    index: int
    label: str
    tentative: bool
    duplicate: bool


class _Message(Protocol):
    """A decoded netlink message."""

    def get_attr(self, name: str) -> Any: ...  # noqa: ANN401

    def __getitem__(self, field: str) -> Any: ...  # noqa: ANN401


class Kernel:
    """A netlink socket; use as a context manager."""

    def __init__(self, namespace: str = "") -> None:
        """Open it, in the named network namespace if one is given. Raises KernelRefused."""
        try:
            if namespace:
                netns.setns(namespace)
            self._route = IPRoute()
        except OSError as error:
            raise KernelRefused(error.errno, f"network namespace {namespace}: {error.strerror}") from error
        self._names: dict[int, str] = {}

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._route.close()

    def addresses(self, ip: str) -> list[Address]:
        """Every place where this address is configured."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        wanted = socket.inet_pton(family, ip)
        found = []
        for message in self._route.get_addr(family=family):
            # on a point-to-point link IFA_ADDRESS is the peer's
            text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            if text is not None and socket.inet_pton(family, text) == wanted:
                found.append(self._address(message, text))
        return found

    def interface(self, name: str) -> Interface | None:
        """The interface of this name."""
        try:
            return next((self._interface(link) for link in self._route.link("get", ifname=name)), None)
        except NetlinkError as error:
            if error.code in (errno.ENODEV, errno.EINVAL, errno.ERANGE):
                return None
            raise KernelRefused(error.code, f"{name}: {error}") from error

    def route_to(self, ip: str, interface: str = "") -> tuple[str, int] | None:
        """Interface and prefix length of the most specific route of the main table that covers the address.

        A default route names its interface, but no network: its prefix length is that of a single host.
        """
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        best: tuple[int, str] | None = None
        for prefix, name, network in self._routes(family):
            if interface in ("", name) and _covers(network, prefix, socket.inet_pton(family, ip)):
                best = max(best or (-1, ""), (prefix, name), key=lambda each: each[0])
        if best is None:
            return None
        prefix, name = best
        return name, prefix or (128 if family == socket.AF_INET6 else 32)

    def add(
        self,
        interface: Interface,
        ip: str,
        prefix: int,
        *,
        broadcast: str,
        label: str,
        nodad: bool,
        noprefixroute: bool,
    ) -> None:
        """Add an address; one that is there already stays. Raises KernelRefused."""
        values: dict[str, Any] = {"index": interface.index, "address": ip, "prefixlen": prefix}
        if broadcast:
            values["broadcast"] = broadcast
        if label:
            values["label"] = label
        flags = (_IFA_F_NODAD if nodad else 0) | (_IFA_F_NOPREFIXROUTE if noprefixroute else 0)
        if flags:
            values["flags"] = flags
        try:
            self._route.addr("add", **values)
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise KernelRefused(error.code, f"{ip}/{prefix} on {interface.name}: {error}") from error

    def remove(self, address: Address) -> None:
        """Remove an address; one that is gone already is fine. Raises KernelRefused."""
        try:
            self._route.addr("del", index=address.index, address=address.ip, prefixlen=address.prefix)
        except NetlinkError as error:
            if error.code not in (errno.EADDRNOTAVAIL, errno.ENODEV):
                raise KernelRefused(error.code, f"{address.ip} on {address.interface}: {error}") from error

    def set_up(self, interface: Interface) -> None:
        """Bring an interface up. Raises KernelRefused."""
        try:
            self._route.link("set", index=interface.index, state="up")
        except NetlinkError as error:
            raise KernelRefused(error.code, f"{interface.name} can't be brought up: {error}") from error

    def _name(self, index: int) -> str:
        if not self._names:
            self._names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in self._route.get_links()}
        return self._names.get(index, "")

    def _address(self, message: _Message, ip: str) -> Address:
        flags = message.get_attr("IFA_FLAGS") or message["flags"]
        return Address(
            ip=ip,
            prefix=message["prefixlen"],
            interface=self._name(message["index"]),
            index=message["index"],
            label=message.get_attr("IFA_LABEL") or "",
            tentative=bool(flags & _IFA_F_TENTATIVE),
            duplicate=bool(flags & _IFA_F_DADFAILED),
        )

    def _interface(self, link: _Message) -> Interface:
        mac = bytes.fromhex((link.get_attr("IFLA_ADDRESS") or "").replace(":", ""))
        flags = link["flags"]
        return Interface(
            name=link.get_attr("IFLA_IFNAME"),
            index=link["index"],
            up=bool(flags & _IFF_UP),
            mac=mac if len(mac) == 6 else b"",
            resolves=len(mac) == 6 and not flags & (_IFF_LOOPBACK | _IFF_NOARP),
        )

    def _routes(self, family: int) -> Iterator[tuple[int, str, bytes]]:
        """(prefix length, interface, network) of each unicast route of the main table."""
        empty = bytes(16 if family == socket.AF_INET6 else 4)
        for route in self._route.get_routes(family=family, table=_MAIN_TABLE):
            index = route.get_attr("RTA_OIF")
            if index is None or route["type"] != 1:
                continue
            text = route.get_attr("RTA_DST")
            network = socket.inet_pton(family, text) if text else empty
            yield route["dst_len"], self._name(index), network


def warm_up() -> None:
    """Ask the kernel once, so that the library has compiled its decoders before a process is forked from this one."""
    with Kernel() as kernel:
        kernel.addresses("127.0.0.1")
        kernel.interface("lo")
        kernel.route_to("127.0.0.1")


def _covers(network: bytes, prefix: int, ip: bytes) -> bool:
    bits = len(ip) * 8 - prefix
    return int.from_bytes(network, "big") >> bits == int.from_bytes(ip, "big") >> bits
