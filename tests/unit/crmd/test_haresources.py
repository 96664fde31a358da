"""haresources: the classic lines, and refusals that name file, line and expectation."""

# ruff: noqa: E501 (the rows of the tables are read as lines)

import subprocess
import sys
from pathlib import Path

import pytest

from crmd.haresources import (
    HaresourcesResult,
    ResourceLine,
    Script,
    ServiceAddress,
    parse_haresources,
    read_haresources,
)
from ipc.problems import render

PATH = Path("/etc/ha.d/haresources")


def parse(text: str, nodes: tuple[str, ...] = ()) -> HaresourcesResult:
    return parse_haresources(text.encode(), PATH, nodes)


def lines(text: str) -> tuple[ResourceLine, ...]:
    result = parse(text)
    assert result.problems == ()
    return result.lines


def messages(text: str, nodes: tuple[str, ...] = ()) -> list[str]:
    return [render(problem) for problem in parse(text, nodes).problems]


def test_the_tutorials_first_line() -> None:
    (line,) = lines("node1.nyist.com 172.16.20.100/16/eth0 httpd\n")
    assert line.node == "node1.nyist.com"
    address = "172.16.20.100/16/eth0"
    assert line.resources == (
        ServiceAddress(1, address, "IPaddr", "172.16.20.100", 16, "eth0"),
        Script(1, "httpd", "httpd"),
    )


def test_the_tutorials_line_with_nfs() -> None:
    text = "node1.nyist.com 172.16.20.100/16/eth0 Filesystem::172.16.20.32:/www/htdoc::/var/www/html::nfs httpd\n"
    filesystem = lines(text)[0].resources[1]
    assert isinstance(filesystem, Script)
    assert filesystem.arguments == ("172.16.20.32:/www/htdoc", "/var/www/html", "nfs")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("10.0.0.1", ("IPaddr", None, None, None, None)),
        ("10.0.0.1/24", ("IPaddr", 24, None, None, None)),
        ("10.0.0.1/255.255.0.0", ("IPaddr", 16, None, None, None)),
        ("10.0.0.1/24/10.0.0.210", ("IPaddr", 24, None, None, "10.0.0.210")),
        ("10.0.0.1/24/eth0", ("IPaddr", 24, "eth0", None, None)),
        ("10.0.0.1/24/eth0:web", ("IPaddr", 24, "eth0", "web", None)),
        ("10.0.0.1/28/eth0/10.0.0.12", ("IPaddr", 28, "eth0", None, "10.0.0.12")),
        ("IPaddr::10.0.0.1/24/eth0", ("IPaddr", 24, "eth0", None, None)),
        ("IPaddr2::10.0.0.1/24/eth0/10.0.0.255", ("IPaddr2", 24, "eth0", None, "10.0.0.255")),
    ],
)
def test_forms_of_an_address(word: str, expected: tuple[str, int | None, str | None, str | None, str | None]) -> None:
    (found,) = lines(f"node1 {word}")[0].resources
    assert isinstance(found, ServiceAddress)
    assert found.address == "10.0.0.1"
    assert (found.script, found.prefix, found.device, found.label, found.broadcast) == expected


def test_continued_lines_comments_and_several_lines() -> None:
    text = (
        "# the web\r\n"
        "node1 10.0.0.1 \\\n"
        "\tdrbddisk::r0 Filesystem::/dev/drbd0::/data::ext4::noatime \\\n"
        "  httpd   # the server\n"
        "\n"
        "node2\t10.0.0.2 MailTo::root@localhost::Web\n"
    )
    first, second = lines(text)
    assert [resource.text for resource in first.resources] == [
        "10.0.0.1", "drbddisk::r0", "Filesystem::/dev/drbd0::/data::ext4::noatime", "httpd",
    ]  # fmt: skip
    assert [resource.line for resource in first.resources] == [2, 3, 3, 4]
    assert (second.line, second.node) == (6, "node2")
    assert second.resources[1] == Script(6, "MailTo::root@localhost::Web", "MailTo", ("root@localhost", "Web"))


def test_a_script_in_two_groups_is_warned_about_and_accepted() -> None:
    result = parse("node1 10.0.0.1 httpd\nnode2 10.0.0.2 httpd\n")
    assert len(result.lines) == 2
    assert [problem.severity for problem in result.problems] == ["warning"]
    assert "haresources:2: warning: the script is given before, in line 1" in messages("a 10.0.0.1 x\nb 10.0.0.2 x")[0]


MALFORMED = [
    ("node1", "haresources:1: error: no resource follows the node: 'node1'; expected NODE RESOURCE..."),
    ("10.0.0.1 httpd", "haresources:1: error: the line does not begin with a node's name: '10.0.0.1'; expected NODE"),
    ("node/1 httpd", "haresources:1: error: the line does not begin with a node's name: 'node/1'"),
    ("node3 httpd", "haresources:1: error: ha.cf knows no such node: 'node3'; expected one of node1, node2"),
    ("node1 10.0.0.256", "haresources:1: error: not a resource: '10.0.0.256'; expected a script's name, or a complete IPv4"),
    ("node1 10.0.0", "haresources:1: error: not a resource: '10.0.0'; expected a script's name, or a complete IPv4"),
    ("node1 10.0.0.1/33", "haresources:1: error: wrong length of the network part: '33'; expected a number from 1 to 32"),
    ("node1 10.0.0.1/", "haresources:1: error: wrong length of the network part; expected a number from 1 to 32"),
    ("node1 10.0.0.1/255.0.255.0", "error: wrong length of the network part: '255.0.255.0'; expected a number from 1"),
    ("node1 10.0.0.1/24/eth0/eth1", "error: neither a device nor a broadcast address: 'eth1'; expected ADDRESS"),
    ("node1 10.0.0.1/24/10.0.0.255/eth0", "error: neither a device nor a broadcast address: 'eth0'; expected ADDRESS"),
    ("node1 10.0.0.1/24/eth0/10.0.0", "error: neither a device nor a broadcast address: '10.0.0'; expected ADDRESS"),
    ("node1 IPaddr", "haresources:1: error: IPaddr takes one argument: 'IPaddr'; expected IPaddr::ADDRESS"),
    ("node1 IPaddr2::10.0.0.1::eth0", "error: IPaddr2 takes one argument: 'IPaddr2::10.0.0.1::eth0'; expected IPaddr2::ADDRESS"),
    ("node1 IPaddr::web", "haresources:1: error: IPaddr: not an IPv4 address: 'web'; expected ADDRESS"),
    ("node1 fe80::1", "haresources:1: error: an IPv6 address needs its script: 'fe80::1'; expected IPv6addr::ADDRESS"),
    ("node1 /etc/init.d/httpd", "haresources:1: error: not a resource: '/etc/init.d/httpd'; expected the name of a script"),
    ("node1 ../httpd", "haresources:1: error: not a resource: '../httpd'; expected the name of a script in resource.d"),
    ("node1 IPaddr:10.0.0.1", "error: not a resource: 'IPaddr:10.0.0.1'; expected NAME::ARGUMENT, with two colons"),
    ("node1 ::x", "haresources:1: error: not a resource: '::x'; expected the name of a script"),
    ("node1 drbddisk::", "haresources:1: error: drbddisk has an empty argument: 'drbddisk::'; expected NAME::ARGUMENT"),
    ("node1 MailTo::::x", "haresources:1: error: MailTo has an empty argument: 'MailTo::::x'; expected NAME::ARGUMENT"),
    ("node1 Filesystem", "haresources:1: error: Filesystem has wrong arguments: 'Filesystem'; expected Filesystem::DEVICE"),
    ("node1 Filesystem::/dev/sda1", "error: Filesystem has wrong arguments: 'Filesystem::/dev/sda1'; expected Filesystem"),
    ("node1 Filesystem::/dev/sda1::data::ext4", "error: Filesystem has wrong arguments: 'Filesystem::/dev/sda1::data::ext4'"),
    ("node1 Filesystem::a::/b::c::d::e", "error: Filesystem has wrong arguments: 'Filesystem::a::/b::c::d::e'; expected"),
    ("node1 Filesystem::/dev/sda1::/", "error: Filesystem can't be mounted over the root directory: '/'; expected Filesystem::"),
    ("node1 0.0.0.0", "haresources:1: error: not an address of a host: '0.0.0.0'; expected an address that clients can"),
    ("node1 IPaddr2::224.0.0.9/24", "haresources:1: error: not an address of a host: '224.0.0.9'; expected an address"),
    ("node1 255.255.255.255", "haresources:1: error: not an address of a host: '255.255.255.255'; expected an address"),
    ("node1 10.0.0.1/0", "haresources:1: error: wrong length of the network part: '0'; expected a number from 1 to 32"),
    ("node1 10.0.0.1/0.0.0.0", "haresources:1: error: wrong length of the network part: '0.0.0.0'; expected a number"),
    ("node1 10.0.0.0/24", "error: the first or last address of 10.0.0.0/24 is no host's: '10.0.0.0'; expected another"),
    ("node1 10.0.0.255/24/eth0", "error: the first or last address of 10.0.0.0/24 is no host's: '10.0.0.255'; expected"),
    ("node1 10.0.0.1/24/eth0/10.9.9.9", "error: the broadcast address is of another network: '10.9.9.9'; expected an address of 10.0.0.0/24"),
    ("node1 IPv6addr", "haresources:1: error: IPv6addr: not an IPv6 address; expected IPv6addr::ADDRESS"),
    ("node1 IPv6addr::fe80::zz", "haresources:1: error: IPv6addr: not an IPv6 address: 'fe80::zz'; expected IPv6addr::"),
    ("node1 IPv6addr::2001:db8::1/129", "error: wrong length of the network part: '129'; expected a number from 1 to 128"),
    ("node1 IPv6addr::2001:db8::1/64/eth0/x", "haresources:1: error: not a device: 'eth0/x'; expected IPv6addr::ADDRESS"),
    ("node1 IPv6addr::2001:db8::1\nnode2 IPv6addr::2001:db8:0::1/64", "haresources:2: error: given before, in line 1: '2001:db8::1'"),
    ("node1 MailTo", "haresources:1: error: MailTo has the wrong number of arguments: 'MailTo'; expected MailTo::ADDRESS"),
    ("node1 MailTo::a::b::c", "error: MailTo has the wrong number of arguments: 'MailTo::a::b::c'; expected MailTo::ADDRESS"),
    ("node1 Raid1::/etc/raidtab", "error: Raid1 has the wrong number of arguments: 'Raid1::/etc/raidtab'; expected Raid1::CONFIGFILE::DEVICE"),
    ("node1 LVM", "haresources:1: error: LVM has the wrong number of arguments: 'LVM'; expected LVM::VOLUME-GROUP"),
    ("node1 apache::a::b", "error: apache has the wrong number of arguments: 'apache::a::b'; expected apache[::CONFIGFILE]"),
    ("node1 drbddisk::a::b", "error: drbddisk has the wrong number of arguments: 'drbddisk::a::b'; expected drbddisk[::RES"),
    ("node1 portblock::tcp::80", "error: portblock has the wrong number of arguments: 'portblock::tcp::80'; expected portblock"),
    ("node1 Delay::soon", "haresources:1: error: Delay waits a number of seconds: 'Delay::soon'; expected Delay[::START-SECONDS"),
    ("node1 httpd start", "haresources:1: error: an action is no resource: 'start'; expected the script's name alone"),
    ("node1 heartbeat", "haresources:1: error: the cluster can't be a resource of itself: 'heartbeat'; expected the name"),
    ("node1 10.0.0.1::httpd", "haresources:1: error: not a resource: '10.0.0.1::httpd'; expected a script's name, or a complete"),
    ("node1, httpd", "haresources:1: error: the line does not begin with a node's name: 'node1,'; expected NODE RESOURCE"),
    ("NODE1 httpd", "haresources:1: error: ha.cf knows no such node: 'NODE1'; expected one of node1, node2"),
    ("node1 Filesystem::/dev/a::/w Filesystem::/dev/b::/w/", "haresources:1: error: given before, in line 1: '/w/'; expected each"),
    ("node1 Filesystem::/dev/a::/w\nnode2 Filesystem::/dev/a::/v", "haresources:2: error: given before, in line 1: '/dev/a'; expected a disk in one group only"),
    ("node1 httpd \\", "haresources:1: error: the file ends in the middle of a continued line; expected another line"),
    ("node1 10.0.0.1\nnode2 10.0.0.1/24", "haresources:2: error: given before, in line 1: '10.0.0.1'; expected each in one"),
    ("node1 Filesystem::a::/w\nnode2 Filesystem::b::/w", "haresources:2: error: given before, in line 1: '/w'; expected each"),
    ("node1 web::a\x01b", "haresources:1: error: a word is no plain text: 'web::a\\x01b'; expected printable characters"),
    ("node1 ht\0pd", "haresources:1: error: the line contains a NUL byte; expected text"),
    ("# a\nnode1 httpd \\\n  10.0.0.1/99\n", "haresources:3: error: wrong length of the network part: '99'; expected"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MALFORMED)
def test_a_malformed_line_is_refused_with_file_line_and_expectation(text: str, expected: str) -> None:
    nodes = ("node1", "node2")
    assert parse(text, nodes).lines == ()
    assert any(expected in message for message in messages(text, nodes)), messages(text, nodes)


def test_an_nfs_export_may_be_mounted_by_two_groups_and_a_disk_twice_in_one() -> None:
    nfs = "Filesystem::10.0.0.9:/x::/w::nfs\nnode2 Filesystem::10.0.0.9:/x::/v::nfs"
    for text in (f"node1 {nfs}", "node1 Filesystem::/dev/a::/w Filesystem::/dev/a::/v"):
        assert messages(text, ("node1", "node2")) == []


def test_a_script_given_twice_in_one_group_is_not_said_to_run_on_two_nodes() -> None:
    (message,) = messages("node1 httpd httpd")
    assert message.endswith("the script is given before, in line 1; it is started once more: 'httpd'")


def test_an_ipv6_address_is_one_argument_although_it_has_the_separator_in_it() -> None:
    (line,) = lines("node1 IPv6addr::2001:db8::1/64/eth0 httpd")
    assert line.resources[0] == Script(1, "IPv6addr::2001:db8::1/64/eth0", "IPv6addr", ("2001:db8::1/64/eth0",))


def test_a_remark_behind_a_row_of_dashes_is_ignored_and_told() -> None:
    assert messages("node1 httpd-------the server") == [
        "/etc/ha.d/haresources:1: warning: ignored what follows the resources: '-------the server'"
    ]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_haresources(tmp_path / "haresources") == HaresourcesResult((), ())


def test_the_module_checks_a_file_for_heartbeat_which_does_not_import_it(tmp_path: Path) -> None:
    path = tmp_path / "haresources"
    path.write_text("node9 httpd\n")
    command = [sys.executable, "-m", "crmd.start_check", str(path), "node1"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr == f"{path}:1: error: ha.cf knows no such node: 'node9'; expected one of node1\n"
