"""The parameters of IPaddr2, as configurations in the field use them."""

from ocf.agent import Parameter

_NO_EFFECT = "Accepted so that configurations move unchanged; it has no effect in this agent."

PARAMETERS = (
    Parameter(
        "ip",
        "IPv4 or IPv6 address",
        "The address: IPv4 in dotted notation (192.168.1.1), IPv6 in colon notation (2001:db8::1).",
        required=True,
        unique=True,
    ),
    Parameter(
        "nic",
        "Network interface",
        "The interface that gets the address; where it is empty, that of the most specific route to the address.\n"
        "An alias (eth0:1) is understood as interface and label; use iflabel for labels.",
    ),
    Parameter(
        "cidr_netmask",
        "CIDR netmask",
        "The prefix length, or a dotted mask for IPv4; where it is empty, that of the route to the address.",
        default="",
    ),
    Parameter(
        "broadcast",
        "Broadcast address",
        "The broadcast address; + sets the host bits of the network, - clears them. The default is +.",
        default="",
    ),
    Parameter(
        "iflabel",
        "Interface label",
        "A label that is appended to the interface's name; together at most 15 characters.",
        default="",
    ),
    Parameter("lvs_support", "Enable support for LVS DR", _NO_EFFECT, kind="boolean", default="false"),
    Parameter("lvs_ipv6_addrlabel", "Enable adding IPv6 address label.", _NO_EFFECT, kind="boolean", default="false"),
    Parameter("lvs_ipv6_addrlabel_value", "IPv6 address label value.", _NO_EFFECT, kind="integer", default="99"),
    Parameter("mac", "Cluster IP MAC address", _NO_EFFECT, default=""),
    Parameter("clusterip_hash", "Cluster IP hashing function", _NO_EFFECT, default="sourceip-sourceport"),
    Parameter(
        "unique_clone_address",
        "Create a unique address for cloned instances",
        _NO_EFFECT,
        kind="boolean",
        default="false",
    ),
    Parameter(
        "arp_interval",
        "ARP/NA packet interval in ms",
        "Time between two announcements to the neighbours, in milliseconds.",
        kind="integer",
        default="200",
    ),
    Parameter(
        "arp_count",
        "ARP/NA packet count sent during initialization",
        "How often the neighbours are told at a start; all but the first time in the background.",
        kind="integer",
        default="5",
    ),
    Parameter(
        "arp_count_refresh",
        "ARP/NA packet count sent during monitoring",
        "How often the neighbours are told at each monitor.",
        kind="integer",
        default="0",
    ),
    Parameter("arp_bg", "ARP/NA from background", _NO_EFFECT, default=""),
    Parameter("arp_sender", "ARP sender", _NO_EFFECT, default=""),
    Parameter("send_arp_opts", "Options for ARP sender", _NO_EFFECT, default=""),
    Parameter(
        "flush_routes",
        "Flush kernel routing table on stop",
        "Flush the kernel's route cache at a stop.",
        kind="boolean",
        default="false",
    ),
    Parameter(
        "run_arping",
        "Run arping for IPv4 collision detection check",
        "Ask on the link whether somebody has the address before it is added; costs half a second.",
        kind="boolean",
        default="false",
    ),
    Parameter(
        "nodad",
        "Use nodad flag",
        "For IPv6: no duplicate address detection.",
        kind="boolean",
        default="false",
    ),
    Parameter(
        "noprefixroute",
        "Use noprefixroute flag",
        "The kernel makes no route for the address's network.",
        kind="boolean",
        default="false",
    ),
    Parameter("preferred_lft", "IPv6 preferred lifetime", _NO_EFFECT, default="forever"),
    Parameter(
        "network_namespace",
        "Network namespace to use",
        "Name of the network namespace to work in; it must exist, with the interface in it.",
        default="",
    ),
)
