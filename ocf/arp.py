"""Telling the neighbours where an address lives now: gratuitous ARP (IPv4), unsolicited advertisements (IPv6).

Sources: RFC 826 and RFC 5227 (ARP), RFC 4861 section 7.2.6 (neighbour advertisements). ARP goes out in both forms,
because some neighbours update their cache only by requests and others only by replies.
"""

import contextlib
import os
import select
import socket
import struct
import time
from dataclasses import dataclass

_BROADCAST = b"\xff" * 6
_NOBODY = bytes(6)
_ETHERTYPE_ARP = 0x0806
_REQUEST, _REPLY = 1, 2
_HEADER = struct.Struct("!6s6sHHHBBH")
_BODY = struct.Struct("!6s4s6s4s")
_ADVERTISEMENT = struct.Struct("!BBHI16sBB6s")
_FRAME_BYTES = _HEADER.size + _BODY.size
_NEIGHBOUR_ADVERTISEMENT = 136
_OVERRIDE = 0x20000000
_TARGET_LINK_LAYER = 2
_ALL_NODES = "ff02::1"


@dataclass(frozen=True, slots=True)
class Station:
    """Where an address lives."""

    interface: str
    index: int
    mac: bytes
    ip: str


def frame(operation: int, sender: bytes, sender_ip: bytes, target: bytes, target_ip: bytes) -> bytes:
    """An ARP packet in a broadcast Ethernet frame."""
    header = _HEADER.pack(_BROADCAST, sender, _ETHERTYPE_ARP, 1, 0x0800, 6, 4, operation)
    return header + _BODY.pack(sender, sender_ip, target, target_ip)


def gratuitous_frames(mac: bytes, ip: str) -> list[bytes]:
    """Both forms of the announcement that `ip` is at `mac`."""
    address = socket.inet_aton(ip)
    return [
        frame(_REQUEST, mac, address, _NOBODY, address),
        frame(_REPLY, mac, address, mac, address),
    ]


class Announcer:
    """Tells all neighbours of a link where an address lives.

    Its socket is never closed here: to close a packet socket the kernel waits for all processors, some 10 ms, which
    the process in the background can spend better than the start of a virtual address.
    """

    def __init__(self, station: Station) -> None:
        """Open the socket. Raises OSError."""
        self._station = station
        if ":" in station.ip:
            self._socket = _icmp_socket(station)
        else:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.bind((station.interface, 0))

    def announce(self) -> None:
        """Tell them once. Raises OSError."""
        station = self._station
        if ":" in station.ip:
            self._socket.sendto(_advertisement(station), (_ALL_NODES, 0, 0, station.index))
        else:
            for data in gratuitous_frames(station.mac, station.ip):
                self._socket.send(data)

    def repeat_in_background(self, times: int, interval_ms: int) -> None:
        """Tell them again, so many times, from a process of its own that nobody waits for."""
        if times <= 0 or os.fork():
            return
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for target in range(3):
                os.dup2(null, target)
            for _ in range(times):
                time.sleep(interval_ms / 1000)
                with contextlib.suppress(OSError):
                    self.announce()
        finally:
            os._exit(0)


def holder(station: Station, wait_ms: int) -> str | None:
    """Ask who has the address (a probe as in RFC 5227); the hardware address that answers within the time."""
    target_ip = socket.inet_aton(station.ip)
    deadline = time.monotonic() + wait_ms / 1000
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE_ARP)) as packet:
        packet.bind((station.interface, _ETHERTYPE_ARP))
        packet.send(frame(_REQUEST, station.mac, bytes(4), _NOBODY, target_ip))
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([packet], [], [], left)[0]:
                break
            answer = packet.recv(2048)
            if len(answer) < _FRAME_BYTES or answer[6:12] == station.mac:
                continue
            sender, sender_ip, _, _ = _BODY.unpack_from(answer, _HEADER.size)
            if sender_ip == target_ip:
                return str(sender.hex(":"))
    return None


def _advertisement(station: Station) -> bytes:
    """An unsolicited neighbour advertisement that replaces what neighbours know; the kernel makes the checksum."""
    target = socket.inet_pton(socket.AF_INET6, station.ip)
    return _ADVERTISEMENT.pack(_NEIGHBOUR_ADVERTISEMENT, 0, 0, _OVERRIDE, target, _TARGET_LINK_LAYER, 1, station.mac)


def _icmp_socket(station: Station) -> socket.socket:
    icmp = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, station.index)
    with contextlib.suppress(OSError):
        icmp.bind((station.ip, 0, 0, station.index))
    return icmp
