"""ha.cf: what is understood, what is warned about, and what is refused with file, line and expectation."""

# ruff: noqa: E501 (the rows of the tables are read as lines)

from pathlib import Path

import pytest

from heartbeat.ha_cf import HaConfig, HaConfigResult, parse_ha_cf, read_ha_cf
from heartbeat.links_config import Bcast, Mcast, Ucast
from heartbeat.messages import StonithLine
from ipc.problems import render

PATH = Path("/etc/ha.d/ha.cf")
MINIMUM = "auto_failback on\nbcast eth0\nnode node1 node2\n"


def parse(text: str, node: str = "node1") -> HaConfigResult:
    return parse_ha_cf(text.encode(), PATH, node)


def config(text: str, node: str = "node1") -> HaConfig:
    result = parse(text, node)
    assert result.config is not None, [render(problem) for problem in result.problems]
    return result.config


def messages(text: str, node: str = "node1") -> list[str]:
    return [render(problem) for problem in parse(text, node).problems]


# The file of the tutorial that such users follow: its lines as printed, remarks behind rows of dashes included.
TUTORIAL = """\
#debugfile /var/log/ha-debug------调试的时候开启用
  File to write other messages to
#
logfile /var/log/ha-log---------------日志记录位置
#logfacility    local0--------------也可以local7收日志
keepalive 1500ms-------------------心跳检测时间间隔
#
#       deadtime: how long-to-declare-host-dead?
deadtime 6--------------------确认死亡时间
warntime 3-------------------节点掉线警告
#       serial  serialportname ...---串行心跳线时候使用的
#serial /dev/ttyS0      # Linux
mcast eth0 225.0.100.1 694 1 0---------多播方式通知
auto_failback on-------------------是否实现自动转回。
#stonith baytech /etc/ha.d/conf/stonith.baytech-------stonith设备,有设备了可以启用
node    node1.nyist.com-------------------标识节点个数
node\t\tnode2.nyist.com
#debug 1------------------------------------调试级别
#compression    bz2-------------压缩
#compression_threshold 2
"""


def test_the_tutorials_file_is_understood_as_printed() -> None:
    found = config(TUTORIAL, "node1.nyist.com")
    assert found.nodes == ("node1.nyist.com", "node2.nyist.com")
    assert found.links == (Mcast("eth0", "225.0.100.1", 694, 1, loop=False),)
    assert (found.keepalive, found.warntime, found.deadtime) == (1500, 3000, 6000)
    assert found.logfile == "/var/log/ha-log"
    assert found.auto_failback == "on"


def test_each_remark_behind_a_row_of_dashes_is_told_with_its_line() -> None:
    found = messages(TUTORIAL, "node1.nyist.com")
    assert found[0].startswith("/etc/ha.d/ha.cf:2: warning: unknown directive, the line is ignored: 'File'")
    assert found[2] == (
        "/etc/ha.d/ha.cf:6: warning: keepalive: ignored what follows the value: '-------------------心跳检测时间间隔'"
    )
    assert len(found) == 8


@pytest.mark.parametrize(
    ("word", "milliseconds"),
    [
        ("1", 1000),
        ("200ms", 200),
        ("0.5", 500),
        (".5", 500),
        ("1.7", 1700),
        ("2s", 2000),
        ("500MS", 500),
        ("0.25m", 15000),
    ],
)
def test_durations_are_seconds_unless_a_unit_stands_behind_them(word: str, milliseconds: int) -> None:
    assert config(f"{MINIMUM}keepalive {word}\ndeadtime 60\nwarntime 30\n").keepalive == milliseconds


def test_the_order_of_directives_does_not_matter_except_for_udpport() -> None:
    lines = ["auto_failback off", "node a b", "keepalive 200ms", "deadtime 1", "mcast eth0 239.0.0.1 5000 1 0"]
    assert config("\n".join(lines), "a") == config("\n".join(reversed(lines)), "a")


def test_udpport_counts_for_the_links_that_follow_it() -> None:
    found = parse("auto_failback on\nnode node1\nbcast eth0\nudpport 5000\nucast eth1 10.0.0.2\n")
    assert found.config is not None
    assert found.config.links == (Bcast("eth0", 694), Ucast("eth1", "10.0.0.2", 5000))
    assert [render(problem) for problem in found.problems] == [
        "/etc/ha.d/ha.cf:4: warning: udpport comes after the link in line 3, which keeps the port known until there"
    ]


def test_unset_times_follow_from_deadtime() -> None:
    found = config(f"{MINIMUM}deadtime 10\n")
    assert (found.keepalive, found.warntime, found.initdead) == (1000, 5000, 20_000)


def test_comments_tabs_carriage_returns_and_several_values_in_a_line() -> None:
    found = config(
        "\ufeff# a cluster\r\n\tauto_failback\tyes # back\r\nbcast eth0 eth1\t# two\r\nnode node1 node2 node3\r\n"
    )
    assert found.links == (Bcast("eth0"), Bcast("eth1"))
    assert found.nodes == ("node1", "node2", "node3")


def test_stonith_lines_are_kept_as_words() -> None:
    found = config(f"{MINIMUM}stonith_host * ssh node1 node2\nstonith_host node1 rps10 /dev/ttyS1 node2 0\n")
    assert found.stonith == (
        StonithLine(4, ("stonith_host", "*", "ssh", "node1", "node2")),
        StonithLine(5, ("stonith_host", "node1", "rps10", "/dev/ttyS1", "node2", "0")),
    )
    assert found.settings().stonith == found.stonith


def test_a_watchdog_is_armed_only_where_one_is_named() -> None:
    assert config(MINIMUM).watchdog is None
    assert config(f"{MINIMUM}watchdog /dev/watchdog\n").watchdog == "/dev/watchdog"


def test_our_own_directives() -> None:
    found = config(f"{MINIMUM}crmd-restart-bound 3\nstop-grace 500ms\nstreamport 5404\n")
    assert (found.crmd_restart_bound, found.stop_grace, found.streamport) == (3000, 500, 5404)


@pytest.mark.parametrize(
    "directive",
    [
        "serial /dev/ttyS0", "baud 19200", "compression bz2", "compression_threshold 2", "apiauth ipfail uid=hacluster",
        "respawn hacluster /usr/lib/heartbeat/ipfail", "use_logd yes", "hopfudge 1",
        "ping_group group1 10.0.0.1 10.0.0.2", "ucast6 eth0 fe80::1", "msgfmt netstring", "autojoin any",
        "deadping 30", "traditional_compression on",
    ],
)  # fmt: skip
def test_directives_of_the_classic_program_that_do_nothing_here_are_warned_about(directive: str) -> None:
    found = parse(MINIMUM + directive)
    assert found.config is not None
    assert [problem.severity for problem in found.problems] == ["warning"]
    assert f"ha.cf:4: warning: {directive.split()[0]} is not supported and ignored: " in render(found.problems[0])


def test_a_misspelled_directive_is_told_with_the_one_that_was_meant() -> None:
    assert messages(f"{MINIMUM}keepalivee 2\n") == [
        "/etc/ha.d/ha.cf:4: warning: unknown directive, the line is ignored: 'keepalivee'; "
        "expected a directive of ha.cf; did you mean keepalive?"
    ]


@pytest.mark.parametrize("line", ["crm yes", "pacemaker respawn"])
def test_asking_for_the_controller_is_fulfilled_anyway(line: str) -> None:
    assert messages(MINIMUM + line) == [
        f"/etc/ha.d/ha.cf:4: info: {line.split()[0]} has no effect: the controller is always started"
    ]


# Each row: a line that is wrong, as line 4 of an otherwise right file; what the message must contain.
MALFORMED = [
    ("keepalive 15x", "ha.cf:4:11: error: keepalive: wrong value: '15x'; expected seconds such as 2 or 0.5"),
    ("keepalive -1", "ha.cf:4:11: error: keepalive: wrong value: '-1'; expected seconds"),
    ("keepalive 2 3", "ha.cf:4: error: keepalive: wrong number of values: '2 3'; expected keepalive DURATION"),
    ("keepalive 1 s", "ha.cf:4: error: keepalive: wrong number of values: '1 s'; expected keepalive DURATION"),
    ("keepalive 5.", "ha.cf:4:11: error: keepalive: wrong value: '5.'; expected seconds such as 2 or 0.5"),
    ("keepalive 1e0", "ha.cf:4:11: error: keepalive: wrong value: '1e0'; expected seconds such as 2 or 0.5"),
    ("keepalive", "ha.cf:4: error: keepalive: wrong number of values; expected keepalive DURATION"),
    ("keepalive 0", "ha.cf:4:11: error: keepalive: wrong value: '0'; expected a duration from 10ms to 24h"),
    ("keepalive 1,5", "ha.cf:4:11: error: keepalive: wrong value: '1,5'; expected seconds such as 2 or 0.5"),
    ("deadtime soon", "ha.cf:4:10: error: deadtime: wrong value: 'soon'; expected seconds"),
    ("deadtime 2d", "ha.cf:4:10: error: deadtime: wrong value: '2d'; expected seconds such as 2 or 0.5, or with a unit"),
    ("deadtime 25h", "ha.cf:4:10: error: deadtime: wrong value: '25h'; expected a duration from 20ms to 24h"),
    ("deadtime 1", "ha.cf:4: error: deadtime: too short: '1000ms'; expected more than keepalive, which is 1000ms"),
    ("warntime 31", "ha.cf:4: error: warntime: out of range: '31000ms'; expected between keepalive (1000ms) and deadtime"),
    ("warntime 500ms", "ha.cf:4: error: warntime: out of range: '500ms'; expected between keepalive (1000ms)"),
    ("initdead 10", "ha.cf:4: error: initdead: too short: '10000ms'; expected at least deadtime, which is 30000ms"),
    ("initdead ten", "ha.cf:4:10: error: initdead: wrong value: 'ten'; expected seconds"),
    ("udpport 0", "ha.cf:4:9: error: udpport: wrong value: '0'; expected a whole number from 1 to 65535"),
    ("udpport 65536", "ha.cf:4:9: error: udpport: wrong value: '65536'; expected a whole number from 1 to 65535"),
    ("udpport ha-cluster", "ha.cf:4:9: error: udpport: wrong value: 'ha-cluster'; expected a whole number"),
    ("bcast", "ha.cf:4: error: bcast: wrong number of values; expected bcast DEVICE..."),
    ("bcast an-interface-name-too-long", "ha.cf:4:7: error: bcast: wrong value: 'an-interface-name-too-long'; expected the name"),
    ("bcast eth0/1", "ha.cf:4:7: error: bcast: wrong value: 'eth0/1'; expected the name of a network interface"),
    ("mcast eth0 225.0.0.1 694 1", "ha.cf:4: error: mcast: wrong number of values: 'eth0 225.0.0.1 694 1'; expected mcast DEVICE GROUP PORT TTL LOOP"),
    ("mcast eth0 10.0.0.1 694 1 0", "ha.cf:4:12: error: mcast: wrong value: '10.0.0.1'; expected a multicast address from 224.0.0.0"),
    ("mcast eth0 225.0.0 694 1 0", "ha.cf:4:12: error: mcast: wrong value: '225.0.0'; expected a multicast address"),
    ("mcast eth0 225.0.0.1 x 1 0", "error: mcast: wrong value: 'x'; expected a whole number from 1 to 65535"),
    ("mcast eth0 225.0.0.1 694 0 0", "error: mcast: wrong value: '0'; expected a whole number from 1 to 255"),
    ("mcast eth0 225.0.0.1 694 1 2", "error: mcast: wrong value: '2'; expected 0 or 1"),
    ("ucast eth0", "ha.cf:4: error: ucast: wrong number of values: 'eth0'; expected ucast DEVICE ADDRESS"),
    ("ucast eth0 10.0.0.256", "ha.cf:4:12: error: ucast: wrong value: '10.0.0.256'; expected an IPv4 address"),
    ("ucast eth0 fe80::1", "ha.cf:4:12: error: ucast: wrong value: 'fe80::1'; expected an IPv4 address such as 10.0.0.2"),
    ("ucast eth0 239.0.0.1", "ha.cf:4:12: error: ucast: wrong value: '239.0.0.1'; expected the IPv4 address of one host"),
    ("ucast eth0 255.255.255.255", "ha.cf:4:12: error: ucast: wrong value: '255.255.255.255'; expected the IPv4 address of one"),
    ("ucast eth0 0.0.0.0", "ha.cf:4:12: error: ucast: wrong value: '0.0.0.0'; expected the IPv4 address of one host"),
    ("ucast eth0 10.0.0.0/24", "ha.cf:4:12: error: ucast: wrong value: '10.0.0.0/24'; expected an IPv4 address"),
    ("auto_failback maybe", "ha.cf:4:15: error: auto_failback: wrong value: 'maybe'; expected on, off or legacy"),
    ("node", "ha.cf:4: error: node: wrong number of values; expected node NAME..."),
    ("node bad/name", "ha.cf:4:6: error: node: wrong value: 'bad/name'; expected a node name as `uname -n` prints it"),
    ("node node2", "ha.cf:4: error: node: given before, in line 3: 'node2'; expected each node once"),
    ("node NODE2", "ha.cf:4: error: node: differs from another only in upper and lower case: 'NODE2'; expected each node once; node2 is in line 3"),
    ("node node3,node4", "ha.cf:4:6: error: node: wrong value: 'node3,node4'; expected a node name"),
    ("logfile /var/log/", "ha.cf:4:9: error: logfile: wrong value: '/var/log/'; expected the path of a file, not of a directory"),
    ("logfile ha-log", "ha.cf:4:9: error: logfile: wrong value: 'ha-log'; expected an absolute path"),
    ("logfile /a /b", "ha.cf:4: error: logfile: wrong number of values: '/a /b'; expected logfile PATH"),
    ("debugfile debug", "ha.cf:4:11: error: debugfile: wrong value: 'debug'; expected an absolute path"),
    ("logfacility local9", "ha.cf:4:13: error: logfacility: wrong value: 'local9'; expected a syslog facility"),
    ("debug 256", "ha.cf:4:7: error: debug: wrong value: '256'; expected a whole number from 0 to 255"),
    ("ping", "ha.cf:4: error: ping: wrong number of values; expected ping ADDRESS..."),
    ("ping 10.0.0", "ha.cf:4:6: error: ping: wrong value: '10.0.0'; expected an IPv4 address"),
    ("stonith baytech", "ha.cf:4: error: stonith: wrong number of values: 'baytech'; expected stonith TYPE CONFIGFILE"),
    ("stonith baytech conf", "ha.cf:4:17: error: stonith: wrong value: 'conf'; expected an absolute path"),
    ("stonith_host *", "ha.cf:4: error: stonith_host: wrong number of values: '*'; expected stonith_host HOST|* TYPE"),
    ("stonith_host a/b ssh x", "ha.cf:4:14: error: stonith_host: wrong value: 'a/b'; expected the node that reaches the device, or *"),
    ("stonith_host node3 ssh x", "ha.cf:4: error: stonith_host: no such node: 'node3'; expected one of node1, node2, or * for all"),
    ("realtime perhaps", "ha.cf:4:10: error: realtime: wrong value: 'perhaps'; expected on or off"),
    ("rtprio 100", "ha.cf:4:8: error: rtprio: wrong value: '100'; expected a whole number from 1 to 99"),
    ("streamport -5", "ha.cf:4:12: error: streamport: wrong value: '-5'; expected a whole number"),
    ("stop-grace x", "ha.cf:4:12: error: stop-grace: wrong value: 'x'; expected seconds"),
    ("stonith_host * fence_x a=\x7fb", "ha.cf:4: error: a word is no plain text; expected printable characters in UTF-8"),
    ("keepalive 2\0", "ha.cf:4: error: the line contains a NUL byte; expected text"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), MALFORMED)
def test_a_malformed_line_is_refused_with_file_line_and_expectation(line: str, expected: str) -> None:
    found = parse(MINIMUM + line)
    assert found.config is None
    assert any(expected in render(problem) for problem in found.problems), [render(p) for p in found.problems]


@pytest.mark.parametrize(
    ("text", "node", "expected"),
    [
        ("auto_failback on\nbcast eth0\n", "a", "/etc/ha.d/ha.cf: error: no node directive; expected node NAME"),
        ("auto_failback on\nnode a b\n", "a", "/etc/ha.d/ha.cf: error: no link directive; expected at least one of bcast"),
        ("auto_failback on\nbcast eth0\nnode a b\n", "c", "ha.cf:3: error: node: this machine is not among the nodes: 'c'"),
        ("", "a", "/etc/ha.d/ha.cf: error: no node directive"),
        ("#" * 300_000, "a", "/etc/ha.d/ha.cf: error: the file is too long; expected at most 262144 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_lacks_something_is_refused(text: str, node: str, expected: str) -> None:
    assert parse(text, node).config is None
    assert any(expected in message for message in messages(text, node)), messages(text, node)


def test_all_problems_of_a_file_are_told_together_in_the_order_of_lines() -> None:
    found = messages("udpport x\nnode a/b\nserial /dev/ttyS0\nauto_failback perhaps\n")
    assert [message.split(":")[1] for message in found] == ["1", "2", "3", "4", " error"]


def test_a_value_given_twice_is_warned_about_and_the_last_one_counts() -> None:
    text = f"{MINIMUM}deadtime 20\ndeadtime 10\n"
    assert messages(text) == [
        "/etc/ha.d/ha.cf:5: warning: deadtime is given again (first in line 4); the last one counts"
    ]
    assert config(text).deadtime == 10_000


def test_a_missing_file_is_a_problem_that_names_it(tmp_path: Path) -> None:
    found = read_ha_cf(tmp_path / "ha.cf", "node1")
    assert found.config is None
    assert render(found.problems[0]).startswith(f"{tmp_path}/ha.cf: error: cannot be read (No such file or directory)")


def test_a_comment_may_begin_in_the_middle_of_a_word_as_in_the_classic_program(tmp_path: Path) -> None:
    text = f"{MINIMUM}deadtime 10# ten seconds\nping 10.0.0.9#the router\n"
    assert config(text).deadtime == 10_000
    assert config(text).ping == ("10.0.0.9",)
    assert messages(text)[0] == (
        "/etc/ha.d/ha.cf:4: warning: deadtime: a comment begins in the middle of a word; the word ends there; "
        "expected a blank before #"
    )


def test_lines_are_counted_as_editors_count_them() -> None:
    text = f"{MINIMUM}logfile /var/log/ha\u2028log\x0c\r\n\nkeepalive x\n"
    assert any(message.startswith("/etc/ha.d/ha.cf:6:11: error") for message in messages(text)), messages(text)


def test_a_comment_may_be_in_any_encoding_and_a_value_may_not() -> None:
    comment = parse_ha_cf(f"{MINIMUM}# gr\u00fc\u00dfe\n".encode("latin-1"), PATH, "node1")
    assert comment.problems == ()
    value = parse_ha_cf(f"{MINIMUM}stonith_host * fence_x name=gr\u00fcn\n".encode("latin-1"), PATH, "node1")
    assert [render(problem) for problem in value.problems] == [
        "/etc/ha.d/ha.cf:4: error: a word is no plain text; expected printable characters in UTF-8"
    ]
