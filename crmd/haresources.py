"""haresources, the classic file that says which resources a node prefers to run, read into typed lines.

Each logical line is a group: the node that it prefers, then resources in the order in which they start. What becomes
of the groups in the CIB is the import's business; this module reads, checks and tells all problems together.
Source of the grammar: the sample file and ResourceManager of Heartbeat 3.0.
"""

import ipaddress
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from ipc.problems import Problem, Severity, has_errors, is_plain, lines_of

FILE_BYTES_MAX = 256 * 1024
ADDRESS_SCRIPTS = ("IPaddr", "IPaddr2")
ADDRESS_FORM = "ADDRESS[/PREFIX[/DEVICE][/BROADCAST]] such as 172.16.20.100/16/eth0"
ADDRESS6_FORM = "IPv6addr::ADDRESS[/PREFIX[/DEVICE]] such as IPv6addr::2001:db8::1/64/eth0"
FILESYSTEM_FORM = "Filesystem::DEVICE::DIRECTORY[::TYPE[::OPTIONS]]"

CLASSIC_FORMS: dict[str, tuple[int, int, str]] = {
    "Delay": (0, 2, "Delay[::START-SECONDS[::STOP-SECONDS]]"),
    "IPsrcaddr": (1, 1, "IPsrcaddr::ADDRESS"),
    "LVM": (1, 1, "LVM::VOLUME-GROUP"),
    "MailTo": (1, 2, "MailTo::ADDRESS[::SUBJECT]"),
    "Raid1": (2, 2, "Raid1::CONFIGFILE::DEVICE"),
    "SendArp": (1, 1, "SendArp::ADDRESS/DEVICE"),
    "Xinetd": (1, 1, "Xinetd::SERVICE"),
    "apache": (0, 1, "apache[::CONFIGFILE]"),
    "db2": (1, 1, "db2::OWNER"),
    "drbddisk": (0, 1, "drbddisk[::RESOURCE]"),
    "portblock": (3, 3, "portblock::tcp|udp::PORTS::block|unblock"),
}
"""Scripts that came with the classic program: fewest and most arguments, and how they are written."""

ACTIONS = ("start", "stop", "status", "restart", "monitor")
_OURSELVES = "heartbeat"

_NODE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_])?", re.ASCII)
_SCRIPT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,127}", re.ASCII)
_DEVICE = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,14}(?::[A-Za-z0-9_.-]{1,14})?", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,5}", re.ASCII)
_ANNOTATION = re.compile(r"-{5,}.*$")


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """An address that moves with the group; `IPaddr` is implied where no script is named."""

    line: int
    text: str
    """As it stands in the file."""
    script: str
    """IPaddr or IPaddr2."""
    address: str
    prefix: int | None = None
    """Length of the network part; None: that of the route to the address."""
    device: str | None = None
    label: str | None = None
    """What stands behind a colon after the device, as in eth0:web."""
    broadcast: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A script of resource.d or init.d, with the words between its name and the action."""

    line: int
    text: str
    name: str
    arguments: tuple[str, ...] = ()


Resource = ServiceAddress | Script


@dataclass(frozen=True, slots=True)
class ResourceLine:
    """One logical line: a group and the node that it prefers."""

    line: int
    node: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class HaresourcesResult:
    """What reading gave: lines when there is no error among the problems."""

    lines: tuple[ResourceLine, ...]
    problems: tuple[Problem, ...]


def read_haresources(path: Path, nodes: tuple[str, ...] = ()) -> HaresourcesResult:
    """Read the file; one that does not exist has no lines, as in a cluster that is configured with crm."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return HaresourcesResult((), ())
    except OSError as error:
        expected = "a file with lines `NODE RESOURCE...`"
        problem = Problem("error", path, 0, f"cannot be read ({error.strerror})", expected=expected)
        return HaresourcesResult((), (problem,))
    return parse_haresources(data, path, nodes)


def parse_haresources(data: bytes, path: Path, nodes: tuple[str, ...] = ()) -> HaresourcesResult:
    """Parse the content. With `nodes`, the names in front of the lines must be among them."""
    parser = _Parser(path, nodes)
    if len(data) > FILE_BYTES_MAX:
        parser.report("error", 0, "the file is too long", expected=f"at most {FILE_BYTES_MAX} bytes")
    else:
        parser.text(data.decode("utf-8-sig", errors="replace"))
    lines = () if has_errors(parser.problems) else tuple(parser.lines)
    return HaresourcesResult(lines, tuple(parser.problems))


class BadResource(ValueError):
    """A resource's words are wrong; `expected` says what would be right."""

    def __init__(self, text: str, value: str, expected: str) -> None:
        super().__init__(f"{text}: {value!r}; expected {expected}")
        self.text = text
        self.value = value
        self.expected = expected


@dataclass(slots=True)
class _Parser:
    path: Path
    nodes: tuple[str, ...]
    problems: list[Problem] = field(default_factory=list)
    lines: list[ResourceLine] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)
    """What may be there once only (an address, a mounted directory) -> its line."""
    disks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Device of a mount -> the group (by its line) and the line where it stands first."""

    def report(self, severity: Severity, line: int, text: str, value: str = "", expected: str = "") -> None:
        self.problems.append(Problem(severity, self.path, line, text, value, expected))

    def text(self, text: str) -> None:
        """Join continued lines; each word keeps the number of the line that it stands in."""
        words: list[tuple[int, str]] = []
        continued = 0
        for number, line in enumerate(lines_of(text), start=1):
            stripped = line.strip()
            if stripped.startswith("#") and not continued:
                continue
            continues = stripped.endswith("\\")
            words += [(number, word) for word in self._words(number, stripped.removesuffix("\\"))]
            if continues:
                continued = continued or number
                continue
            self._logical_line(words)
            words, continued = [], 0
        if continued:
            expected = "another line after the backslash"
            self.report("error", continued, "the file ends in the middle of a continued line", expected=expected)

    def _words(self, number: int, line: str) -> list[str]:
        if "\0" in line:
            self.report("error", number, "the line contains a NUL byte", expected="text")
            return []
        words: list[str] = []
        for word in line.split():
            if word.startswith("#"):
                break
            words.append(word)
        joined = " ".join(words)
        annotation = _ANNOTATION.search(joined)
        if annotation is not None and annotation.start() > 0:
            self.report("warning", number, "ignored what follows the resources", annotation[0])
            words = joined[: annotation.start()].split()
        for word in words:
            if not is_plain(word):
                self.report("error", number, "a word is no plain text", word, "printable characters in UTF-8")
                return []
        return words

    def _logical_line(self, words: list[tuple[int, str]]) -> None:
        if not words:
            return
        line, node = words[0]
        if not self._check_node(line, node):
            return
        if len(words) == 1:
            self.report("error", line, "no resource follows the node", node, "NODE RESOURCE...")
            return
        resources: list[Resource] = []
        for number, word in words[1:]:
            try:
                resource = parse_resource(word, number)
            except BadResource as error:
                self.report("error", number, error.text, error.value, error.expected)
                continue
            self._check_once(resource, line)
            resources.append(resource)
        self.lines.append(ResourceLine(line, node, tuple(resources)))

    def _check_node(self, line: int, node: str) -> bool:
        expected = "NODE RESOURCE..., the node as `uname -n` prints it there"
        if _NODE.fullmatch(node) is None or _is_address(node):
            self.report("error", line, "the line does not begin with a node's name", node, expected)
            return False
        if self.nodes and node not in self.nodes:
            self.report("error", line, "ha.cf knows no such node", node, "one of " + ", ".join(self.nodes))
            return False
        return True

    def _check_once(self, resource: Resource, group: int) -> None:
        """The same address, mount or disk in two groups would be active in two places by configuration."""
        where = resource.line
        match resource:
            case ServiceAddress(address=address):
                self._claim(f"address {address}", where, address, "each in one group only")
            case Script(name="IPv6addr", arguments=(spec,)):
                address = str(ipaddress.IPv6Address(spec.partition("/")[0]))
                self._claim(f"address {address}", where, address, "each in one group only")
            case Script(name="Filesystem", arguments=(device, directory, *_)):
                self._claim(f"directory {posixpath.normpath(directory)}", where, directory, "each in one group only")
                other = self.disks.setdefault(device, (group, where))
                if other[0] != group and _is_disk(device):
                    expected = "a disk in one group only: two nodes would mount it at the same time"
                    self.report("error", where, f"given before, in line {other[1]}", device, expected)
            case Script(text=text):
                if (first := self.first.get(text)) is not None:
                    risk = "it may run on two nodes" if first != where else "it is started once more"
                    self.report("warning", where, f"the script is given before, in line {first}; {risk}", text)
                self.first.setdefault(text, where)

    def _claim(self, what: str, line: int, value: str, expected: str) -> None:
        if what in self.first:
            self.report("error", line, f"given before, in line {self.first[what]}", value, expected)
        self.first.setdefault(what, line)


def parse_resource(word: str, line: int) -> Resource:
    """Read one resource: an address, or a script with arguments behind `::`. Raises BadResource."""
    if _is_address(word.partition("/")[0]):
        return _service_address(word, "IPaddr", word, line)
    if _is_ipv6(word.partition("/")[0]):
        raise BadResource("an IPv6 address needs its script", word, "IPv6addr::ADDRESS/PREFIX")
    name, *arguments = word.split("::")
    if name == "IPv6addr":
        return _address6(word, line)
    if _SCRIPT.fullmatch(name) is None or not any(letter.isalpha() for letter in name):
        raise BadResource("not a resource", word, _hint(name))
    if name in ACTIONS:
        raise BadResource("an action is no resource", word, "the script's name alone: its actions are given to it")
    if name == _OURSELVES:
        raise BadResource("the cluster can't be a resource of itself", word, "the name of a service")
    if "" in arguments:
        raise BadResource(f"{name} has an empty argument", word, "NAME::ARGUMENT::ARGUMENT")
    if name in ADDRESS_SCRIPTS:
        if len(arguments) != 1:
            raise BadResource(f"{name} takes one argument", word, f"{name}::{ADDRESS_FORM}")
        return _service_address(word, name, arguments[0], line)
    if name == "Filesystem" and not (2 <= len(arguments) <= 4 and arguments[1].startswith("/")):
        raise BadResource("Filesystem has wrong arguments", word, FILESYSTEM_FORM)
    if name == "Filesystem" and posixpath.normpath(arguments[1]) in ("/", "//"):
        raise BadResource("Filesystem can't be mounted over the root directory", arguments[1], FILESYSTEM_FORM)
    if name in CLASSIC_FORMS:
        fewest, most, form = CLASSIC_FORMS[name]
        if not fewest <= len(arguments) <= most:
            raise BadResource(f"{name} has the wrong number of arguments", word, form)
        if name == "Delay" and not all(_SECONDS.fullmatch(argument) for argument in arguments):
            raise BadResource("Delay waits a number of seconds", word, form)
    return Script(line, word, name, tuple(arguments))


def _service_address(word: str, script: str, spec: str, line: int) -> ServiceAddress:
    address, *rest = spec.split("/")
    if not _is_address(address):
        raise BadResource(f"{script}: not an IPv4 address", address, ADDRESS_FORM)
    prefix = _prefix(rest.pop(0)) if rest else None
    device: str | None = None
    broadcast: str | None = None
    for part in rest:
        if _is_address(part) and broadcast is None:
            broadcast = part
        elif device is None and broadcast is None and _DEVICE.fullmatch(part):
            device = part
        else:
            raise BadResource("neither a device nor a broadcast address", part, ADDRESS_FORM)
    _check_address(address, prefix, broadcast)
    device, _, label = (device or "").partition(":")
    return ServiceAddress(line, word, script, address, prefix, device or None, label or None, broadcast)


def _check_address(text: str, prefix: int | None, broadcast: str | None) -> None:
    """Refuse what no service can be reached at."""
    address = ipaddress.IPv4Address(text)
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        raise BadResource("not an address of a host", text, "an address that clients can connect to")
    if prefix is None:
        return
    network = ipaddress.IPv4Network((text, prefix), strict=False)
    if prefix < 31 and address in (network.network_address, network.broadcast_address):
        raise BadResource(f"the first or last address of {network} is no host's", text, "another address of it")
    if broadcast is not None and ipaddress.IPv4Address(broadcast) not in network:
        raise BadResource("the broadcast address is of another network", broadcast, f"an address of {network}")


def _address6(word: str, line: int) -> Script:
    """An IPv6 address is one argument, although it may have the separator in it."""
    spec = word.partition("::")[2]
    address, *rest = spec.split("/")
    if not _is_ipv6(address):
        raise BadResource("IPv6addr: not an IPv6 address", address, ADDRESS6_FORM)
    if rest and not (rest[0].isascii() and rest[0].isdigit() and len(rest[0]) <= 3 and 1 <= int(rest[0]) <= 128):
        raise BadResource("wrong length of the network part", rest[0], "a number from 1 to 128, as in 2001:db8::1/64")
    if len(rest) > 2 or (len(rest) == 2 and _DEVICE.fullmatch(rest[1]) is None):
        raise BadResource("not a device", "/".join(rest[1:]), ADDRESS6_FORM)
    return Script(line, word, "IPv6addr", (spec,))


def _is_disk(device: str) -> bool:
    """Whether it is a disk, whose file system breaks when two nodes mount it."""
    return device.startswith(("/dev/", "LABEL=", "UUID=", "-L", "-U"))


def _prefix(part: str) -> int:
    """The length of the network part, from a number or from a netmask such as 255.255.0.0."""
    if part.isascii() and part.isdigit() and len(part) <= 2 and 1 <= int(part) <= 32:
        return int(part)
    try:
        if _is_address(part) and (length := ipaddress.IPv4Network(f"0.0.0.0/{part}").prefixlen):
            return length
    except ValueError:
        pass
    raise BadResource("wrong length of the network part", part, "a number from 1 to 32, as in 172.16.20.100/16")


def _is_address(word: str) -> bool:
    try:
        ipaddress.IPv4Address(word)
    except ValueError:
        return False
    return True


def _is_ipv6(word: str) -> bool:
    try:
        ipaddress.IPv6Address(word)
    except ValueError:
        return False
    return True


def _hint(name: str) -> str:
    if re.fullmatch(r"\d[\d.]*(?:/.*)?", name):
        return f"a script's name, or a complete IPv4 address: {ADDRESS_FORM}"
    if ":" in name:
        return "NAME::ARGUMENT, with two colons"
    return "the name of a script in resource.d or init.d (no path), or an address"
