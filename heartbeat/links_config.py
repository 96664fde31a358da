"""The three kinds of link that ha.cf may name."""

from dataclasses import dataclass

UDP_PORT_DEFAULT = 694
"""IANA: ha-cluster."""


@dataclass(frozen=True, slots=True)
class Bcast:
    """`bcast DEVICE`: datagrams to the broadcast address of the device's network."""

    device: str
    port: int = UDP_PORT_DEFAULT


@dataclass(frozen=True, slots=True)
class Mcast:
    """`mcast DEVICE GROUP PORT TTL LOOP`."""

    device: str
    group: str
    port: int
    ttl: int
    loop: bool


@dataclass(frozen=True, slots=True)
class Ucast:
    """`ucast DEVICE ADDRESS`: datagrams to one peer; a line with this node's own address has no effect."""

    device: str
    address: str
    """An IPv4 address or a host name."""
    port: int = UDP_PORT_DEFAULT


Link = Bcast | Mcast | Ucast


def describe(link: Link) -> str:
    """The link's words in ha.cf."""
    match link:
        case Bcast(device):
            return f"bcast {device}"
        case Mcast(device, group):
            return f"mcast {device} {group}"
        case Ucast(device, address):
            return f"ucast {device} {address}"
