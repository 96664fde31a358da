"""Datagrams on the links of ha.cf: sockets, interfaces, and who was heard where."""

import contextlib
import errno
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from heartbeat.links_config import Bcast, Link, Mcast, Ucast
from ipc.units import Milliseconds

_SIOCGIFADDR = 0x8915
_SIOCGIFBRDADDR = 0x8919
_RECEIVE_BYTES = 65_536
_RECEIVE_AT_ONCE = 64
"""So many datagrams are taken before other things get their turn."""

Receive = Callable[["UdpLink", bytes, tuple[str, int]], None]


class LinkError(OSError):
    """A link of ha.cf can't be used on this machine; the message names it and what to do."""


@dataclass(slots=True)
class Heard:
    """Where and when a peer was last heard on a link."""

    address: str
    at: Milliseconds


@dataclass(slots=True)
class UdpLink:
    """One link: all ucast lines of one device and port are one."""

    name: str
    device: str
    port: int
    local: str
    """This node's address there: where streams listen; empty when the device has none."""
    socket: socket.socket
    targets: tuple[tuple[str, int], ...]
    """Where datagrams to all go."""
    directed: bool
    """Peers can be reached one by one (ucast)."""
    index: int
    """The interface's number in the kernel; a device that is made anew has another one."""
    open_again: Callable[[], "UdpLink"]
    heard: dict[str, Heard] = field(default_factory=dict)

    def send(self, data: bytes, to: tuple[str, ...]) -> OSError | None:
        """Send to these peers (empty: to all); never waits. The error of the last failed send, if one failed."""
        targets = self.targets
        if to and self.directed and all(name in self.heard for name in to):
            targets = tuple((self.heard[name].address, self.port) for name in to)
        failed: OSError | None = None
        for target in targets:
            try:
                self.socket.sendto(data, target)
            except OSError as error:
                failed = error
        return failed

    def receive(self, give: Receive) -> None:
        """Take what is there, at most _RECEIVE_AT_ONCE datagrams."""
        for _ in range(_RECEIVE_AT_ONCE):
            try:
                data, source = self.socket.recvfrom(_RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier send (connection refused): the peer is not there yet
            give(self, data, source)

    def peers_heard(self, since: Milliseconds) -> tuple[str, ...]:
        """The peers heard on this link since then, sorted."""
        return tuple(sorted(name for name, heard in self.heard.items() if heard.at >= since))

    def is_stale(self) -> bool:
        """Whether the device was made anew, or got its address since: then the socket leads nowhere."""
        try:
            index = socket.if_nametoindex(self.device)
        except OSError:
            return False  # it is not there at all; nothing can be opened yet
        return index != self.index or (not self.local and bool(_interface_address(self.device, _SIOCGIFADDR)))

    def renew(self) -> None:
        """Take a new socket on the device as it is now. Raises LinkError; then everything is as before."""
        new = self.open_again()
        self.socket.close()
        self.socket, self.index = new.socket, new.index
        self.local, self.targets = new.local, new.targets

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


def open_links(links: tuple[Link, ...], bind: str | None) -> list[UdpLink]:
    """Open every link. `bind`: this node's own address on ucast links, where several nodes share a machine.

    Raises LinkError; then nothing is left open.
    """
    opened: list[UdpLink] = []
    try:
        for link in links:
            if isinstance(link, Bcast):
                opened.append(_open_bcast(link))
            elif isinstance(link, Mcast):
                opened.append(_open_mcast(link))
        for (device, port), addresses in _ucast_groups(links).items():
            opened.append(_open_ucast(device, port, addresses, bind))
        _make_names_unique(opened)
    except LinkError:
        for each in opened:
            each.close()
        raise
    return opened


def _make_names_unique(opened: list[UdpLink]) -> None:
    """Links are told apart by their names; those of one kind on one device differ in the port."""
    names = [link.name for link in opened]
    for link in opened:
        if names.count(link.name) > 1:
            link.name += f" port {link.port}"


def check_links(links: tuple[Link, ...]) -> list[tuple[Link, str]]:
    """What of the links can't be on this machine: devices that do not exist, names that do not resolve."""
    wrong: list[tuple[Link, str]] = []
    for link in links:
        try:
            _require_device(link.device)
            if isinstance(link, Ucast):
                resolve(link.address)
        except LinkError as error:
            wrong.append((link, str(error)))
    return wrong


def _ucast_groups(links: tuple[Link, ...]) -> dict[tuple[str, int], list[str]]:
    groups: dict[tuple[str, int], list[str]] = {}
    for link in links:
        if isinstance(link, Ucast):
            groups.setdefault((link.device, link.port), []).append(link.address)
    return groups


def _open_bcast(link: Bcast) -> UdpLink:
    index = _require_device(link.device)
    address = _interface_address(link.device, _SIOCGIFBRDADDR)
    if not address:
        raise LinkError(f"bcast {link.device}: the interface has no broadcast address; is it configured and up?")
    with _naming(f"bcast {link.device}", link.port):
        sock = _udp_socket(link.device)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind(("", link.port))
    local = _interface_address(link.device, _SIOCGIFADDR)
    targets = ((address, link.port),)
    again = partial(_open_bcast, link)
    return UdpLink(f"bcast {link.device}", link.device, link.port, local, sock, targets, False, index, again)


def _open_mcast(link: Mcast) -> UdpLink:
    index = _require_device(link.device)
    name = f"mcast {link.device} {link.group}"
    with _naming(name, link.port):
        sock = _udp_socket(link.device)
        # Bound to the group, so that nothing else that comes to the port is even looked at.
        sock.bind((link.group, link.port))
        request = socket.inet_aton(link.group) + bytes(4) + struct.pack("@i", index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, link.ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(link.loop))
    local = _interface_address(link.device, _SIOCGIFADDR)
    targets = ((link.group, link.port),)
    again = partial(_open_mcast, link)
    return UdpLink(name, link.device, link.port, local, sock, targets, False, index, again)


def _open_ucast(device: str, port: int, names: list[str], bind: str | None) -> UdpLink:
    index = _require_device(device)
    addresses = [resolve(name) for name in names]
    own = [address for address in addresses if (address == bind if bind else _is_local(address))]
    targets = tuple((address, port) for address in dict.fromkeys(addresses) if address not in own)
    local = bind or (own[0] if own else _interface_address(device, _SIOCGIFADDR))
    with _naming(f"ucast {device}", port):
        sock = _udp_socket(device)
        sock.bind((bind or "", port))
    again = partial(_open_ucast, device, port, names, bind)
    return UdpLink(f"ucast {device}", device, port, local, sock, targets, True, index, again)


def _udp_socket(device: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(PermissionError):  # without the privilege the routing table decides
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 6)  # the highest that needs no privilege
    except OSError:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _naming(name: str, port: int) -> Iterator[None]:
    """Turn an OSError into a LinkError that names the link and the way out."""
    try:
        yield
    except OSError as error:
        way_out = {
            errno.EACCES: f"; ports below 1024 need root: set udpport to one above ({port} is asked for)",
            errno.EADDRINUSE: f"; another program uses UDP port {port}",
            errno.EADDRNOTAVAIL: "; the address is not one of this machine's",
        }.get(error.errno or 0, "")
        raise LinkError(f"{name}: cannot be opened: {error.strerror}{way_out}") from error


def _require_device(device: str) -> int:
    """The number of an interface that must exist. Raises LinkError."""
    try:
        return socket.if_nametoindex(device)
    except OSError:
        known = ", ".join(name for _, name in socket.if_nameindex())
        raise LinkError(f"there is no network interface {device}; this machine has {known}") from None


def resolve(name: str) -> str:
    """The IPv4 address of a host name, or of an address itself. Raises LinkError."""
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        raise LinkError(f"the host name {name} does not resolve to an IPv4 address ({error.strerror})") from error
    return str(found[0][4][0])


def _interface_address(device: str, request: int) -> str:
    """The device's first IPv4 address (or its broadcast address), empty when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            reply = fcntl.ioctl(sock, request, struct.pack("256s", device.encode()[:15]))
        except OSError:
            return ""
    address = socket.inet_ntoa(reply[20:24])
    return "" if address == "0.0.0.0" else address


def _is_local(address: str) -> bool:
    """Whether this machine has the address: only then can a socket be bound to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True
