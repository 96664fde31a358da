"""The lab's switch and cables: a bridge in a namespace of its own, one veth pair for each node."""

import contextlib
import threading
from ipaddress import ip_interface
from typing import Any

from pyroute2 import NetNS
from pyroute2.netlink.exceptions import NetlinkError

BRIDGE = "switch0"


def hardware_address(address: str) -> str:
    """The hardware address of the node with this IPv4 address: the same after each boot, as a real card's.

    With a new one at each boot, the others would go on sending to the old one until their neighbour entries expire,
    which takes most of a minute.
    """
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x00, *ip_interface(address).ip.packed))


class Switch:
    """A bridge inside the network namespace of process `holder_pid`.

    Nothing is created in the machine's own namespace. A port is named after the node's number. Several threads may
    use it: the power switch cuts cables while a test plugs others in.
    """

    def __init__(self, holder_pid: int, *, create: bool = True) -> None:
        """`create` False: the bridge is there."""
        self._busy = threading.RLock()
        self._netlink: Any = NetNS(f"/proc/{holder_pid}/ns/net")
        if create:
            self._netlink.link("add", ifname=BRIDGE, kind="bridge", br_mcast_snooping=0)
        self._bridge = self._netlink.link_lookup(ifname=BRIDGE)[0]
        self._netlink.link("set", index=self._bridge, state="up")

    def connect(self, port: str, node_pid: int, interface: str, address: str, prefix: int) -> None:
        """Plug a cable in: `interface` in the network namespace of process `node_pid`, with an address, up."""
        node: Any = NetNS(f"/proc/{node_pid}/ns/net")
        self._busy.acquire()
        try:
            self._netlink.link(
                "add",
                ifname=port,
                kind="veth",
                peer={
                    "ifname": interface,
                    "net_ns_fd": f"/proc/{node_pid}/ns/net",
                    "address": hardware_address(address),
                },
            )
            index = self._netlink.link_lookup(ifname=port)[0]
            self._netlink.link("set", index=index, master=self._bridge, state="up")
            loopback = node.link_lookup(ifname="lo")[0]
            node.link("set", index=loopback, state="up")
            broadcast = str(ip_interface(f"{address}/{prefix}").network.broadcast_address)
            inside = node.link_lookup(ifname=interface)[0]
            node.addr("add", index=inside, address=address, prefixlen=prefix, broadcast=broadcast)
            node.link("set", index=inside, state="up")
        finally:
            self._busy.release()
            node.close()

    def set_port(self, port: str, up: bool) -> None:
        """Pull the plug (or put it back): nothing passes in either direction from this instant."""
        with self._busy:
            found = self._netlink.link_lookup(ifname=port)
            if found:
                self._netlink.link("set", index=found[0], state="up" if up else "down")

    def remove_port(self, port: str) -> None:
        """Take the cable away."""
        with self._busy:
            for index in self._netlink.link_lookup(ifname=port):
                with contextlib.suppress(NetlinkError):
                    # It goes by itself with the namespace at its other end, sooner or later.
                    self._netlink.link("del", index=index)

    def close(self) -> None:
        """Close the netlink socket; the bridge goes with its namespace."""
        self._netlink.close()
