"""The kernel's addresses, interfaces and routes: the one module that knows pyroute2.

Of pyroute2 this uses the message codecs over a plain socket: its own socket class brings an event loop for each
conversation, which costs a virtual address more time than everything else that it does.
"""

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from pyroute2 import netns
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.marshal import MarshalRtnl
from pyroute2.netlink.rtnl.rtmsg import rtmsg

# linux/rtnetlink.h and linux/netlink.h
_NEW_LINK, _GET_LINK = 16, 18
_NEW_ADDRESS, _DELETE_ADDRESS, _GET_ADDRESS = 20, 21, 22
_GET_ROUTE = 26
_ERROR, _DONE = 2, 3
_REQUEST, _MULTI, _ACK, _DUMP, _EXCLUSIVE, _CREATE = 0x1, 0x2, 0x4, 0x300, 0x200, 0x400

_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8
_IFF_NOARP = 0x80
_IFA_F_NODAD = 0x02
_IFA_F_DADFAILED = 0x08
_IFA_F_TENTATIVE = 0x40
_IFA_F_NOPREFIXROUTE = 0x200
_MAIN_TABLE = 254
_UNICAST = 1
_READ_BYTES = 256 * 1024
_TIMEOUT_S = 10


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

    def __setitem__(self, field: str, value: object) -> None: ...


class _Conversation:
    """A route netlink socket: one question, its answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.settimeout(_TIMEOUT_S)
        self._socket.bind((0, 0))
        self._marshal = MarshalRtnl()
        self._sequence = 0

    def ask(self, kind: int, flags: int, message: Any) -> list[_Message]:  # noqa: ANN401
        """Send a request, collect what answers it. Raises OSError with the kernel's error code."""
        self._sequence += 1
        header = message["header"]
        header["type"], header["flags"] = kind, flags | _REQUEST
        header["sequence_number"], header["pid"] = self._sequence, 0
        message.encode()
        self._socket.send(message.data)
        answers: list[_Message] = []
        while True:
            for answer in self._marshal.parse(self._socket.recv(_READ_BYTES)):
                header = answer["header"]
                if header["sequence_number"] != self._sequence:
                    continue
                if header["type"] == _ERROR and answer["error"]:
                    code = abs(answer["error"])
                    raise OSError(code, os.strerror(code))
                if header["type"] in (_ERROR, _DONE):
                    return answers
                answers.append(answer)
                if not header["flags"] & _MULTI and not flags & _ACK:
                    return answers

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Kernel:
    """A netlink socket; use as a context manager."""

    def __init__(self, namespace: str = "") -> None:
        """Open it, in the named network namespace if one is given. Raises KernelRefused."""
        try:
            if namespace:
                netns.setns(namespace)
            self._kernel = _Conversation()
        except OSError as error:
            raise KernelRefused(error.errno, f"network namespace {namespace}: {error.strerror}") from error
        self._names: dict[int, str] = {}

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kernel.close()

    def addresses(self, ip: str) -> list[Address]:
        """Every place where this address is configured."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        wanted = socket.inet_pton(family, ip)
        found = []
        question = ifaddrmsg()
        question["family"] = family
        for message in self._kernel.ask(_GET_ADDRESS, _DUMP, question):
            # on a point-to-point link IFA_ADDRESS is the peer's
            text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            if text is not None and socket.inet_pton(family, text) == wanted:
                found.append(self._address(message, text))
        return found

    def interface(self, name: str) -> Interface | None:
        """The interface of this name."""
        question = ifinfmsg()
        question["attrs"] = [("IFLA_IFNAME", name)]
        try:
            return next((self._interface(link) for link in self._kernel.ask(_GET_LINK, 0, question)), None)
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.EINVAL, errno.ERANGE):
                return None
            raise KernelRefused(error.errno, f"{name}: {error.strerror}") from error

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
        flags = (_IFA_F_NODAD if nodad else 0) | (_IFA_F_NOPREFIXROUTE if noprefixroute else 0)
        attributes: list[tuple[str, object]] = [("IFA_LOCAL", ip), ("IFA_ADDRESS", ip)]
        attributes += [("IFA_BROADCAST", broadcast)] if broadcast else []
        attributes += [("IFA_LABEL", label)] if label else []
        attributes += [("IFA_FLAGS", flags)] if flags else []
        try:
            self._kernel.ask(
                _NEW_ADDRESS, _ACK | _CREATE | _EXCLUSIVE, _address_message(interface.index, ip, prefix, attributes)
            )
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise KernelRefused(error.errno, f"{ip}/{prefix} on {interface.name}: {error.strerror}") from error

    def remove(self, address: Address) -> None:
        """Remove an address; one that is gone already is fine. Raises KernelRefused."""
        attributes: list[tuple[str, object]] = [("IFA_LOCAL", address.ip), ("IFA_ADDRESS", address.ip)]
        try:
            self._kernel.ask(
                _DELETE_ADDRESS, _ACK, _address_message(address.index, address.ip, address.prefix, attributes)
            )
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV):
                raise KernelRefused(error.errno, f"{address.ip} on {address.interface}: {error.strerror}") from error

    def set_up(self, interface: Interface) -> None:
        """Bring an interface up. Raises KernelRefused."""
        order = ifinfmsg()
        order["index"], order["flags"], order["change"] = interface.index, _IFF_UP, _IFF_UP
        try:
            self._kernel.ask(_NEW_LINK, _ACK, order)
        except OSError as error:
            raise KernelRefused(error.errno, f"{interface.name} can't be brought up: {error.strerror}") from error

    def _name(self, index: int) -> str:
        if not self._names:
            links = self._kernel.ask(_GET_LINK, _DUMP, ifinfmsg())
            self._names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in links}
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
        question = rtmsg()
        question["family"] = family
        for route in self._kernel.ask(_GET_ROUTE, _DUMP, question):
            index = route.get_attr("RTA_OIF")
            if index is None or route["type"] != _UNICAST or route.get_attr("RTA_TABLE") != _MAIN_TABLE:
                continue
            text = route.get_attr("RTA_DST")
            network = socket.inet_pton(family, text) if text else empty
            yield route["dst_len"], self._name(index), network


def _address_message(index: int, ip: str, prefix: int, attributes: list[tuple[str, object]]) -> _Message:
    message: _Message = ifaddrmsg()
    message["family"] = socket.AF_INET6 if ":" in ip else socket.AF_INET
    message["prefixlen"], message["index"], message["attrs"] = prefix, index, attributes
    return message


def warm_up() -> None:
    """Ask the kernel once, so that the library has compiled its decoders before a process is forked from this one."""
    with Kernel() as kernel:
        kernel.addresses("127.0.0.1")
        kernel.interface("lo")
        kernel.route_to("127.0.0.1")


def _covers(network: bytes, prefix: int, ip: bytes) -> bool:
    bits = len(ip) * 8 - prefix
    return int.from_bytes(network, "big") >> bits == int.from_bytes(ip, "big") >> bits
