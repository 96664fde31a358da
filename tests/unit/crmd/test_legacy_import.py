"""haresources and ha.cf as the first content of a CIB."""

# ruff: noqa: E501 (the rows of the table are read as lines)

from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import pytest

from cib.configuration import cluster_options, nodes, resources
from cib.initial import empty_document
from cib.operations import apply_requests
from crmd.haresources import parse_haresources
from crmd.legacy_import import ImportRefused, LegacySettings, describe, plan_import, requests
from crmd.legacy_plan import Plan
from crmd.legacy_resources import ScriptPlace, script_finder
from heartbeat.messages import StonithLine

CONFIG = Path("/etc/ha.d")
NODES = ("node1.example.com", "node2.example.com")


def find(name: str) -> ScriptPlace | None:
    places: dict[str, ScriptPlace] = {"httpd": "init.d", "web": "resource.d"}
    return places.get(name)


def imported(
    text: str,
    auto_failback: Literal["on", "off", "legacy"] = "on",
    stonith: tuple[tuple[str, ...], ...] = (),
    files: dict[str, str] | None = None,
) -> Plan:
    result = parse_haresources(text.encode(), CONFIG / "haresources")
    assert not [problem for problem in result.problems if problem.severity == "error"]
    lines = tuple(StonithLine(number, words) for number, words in enumerate(stonith, 1))
    settings = LegacySettings(CONFIG, NODES, auto_failback, lines, files or {})
    return plan_import(result.lines, settings, find)


WEB = "node1.example.com 172.16.20.100/16/eth0 Filesystem::/dev/sdb1::/var/www/html::ext4 httpd\n"


def test_the_line_of_a_web_cluster_becomes_a_group_that_prefers_its_node() -> None:
    assert describe(imported(WEB)) == [
        "node node1.example.com",
        "node node2.example.com",
        'primitive vip_172_16_20_100 ocf:pacekeeper:IPaddr2 params ip="172.16.20.100" cidr_netmask="16" nic="eth0"'
        " op start interval=0s timeout=20s op stop interval=0s timeout=20s op monitor interval=5s timeout=20s",
        'primitive fs_var_www_html ocf:pacekeeper:Filesystem params device="/dev/sdb1" directory="/var/www/html"'
        ' fstype="ext4" op start interval=0s timeout=60s op stop interval=0s timeout=60s'
        " op monitor interval=20s timeout=40s",
        "primitive httpd lsb:httpd op start interval=0s timeout=60s op stop interval=0s timeout=60s"
        " op monitor interval=10s timeout=30s",
        "group group_node1 vip_172_16_20_100 fs_var_www_html httpd",
        "location group_node1_prefers_node1 group_node1 100: node1.example.com",
        "property stonith-enabled=false haresources-imported=true",
        "rsc_defaults resource-stickiness=0",
    ]


@pytest.mark.parametrize(("auto_failback", "stickiness"), [("on", "0"), ("legacy", "0"), ("off", "INFINITY")])
def test_auto_failback_sets_the_stickiness(auto_failback: Literal["on", "off", "legacy"], stickiness: str) -> None:
    assert imported(WEB, auto_failback).stickiness == stickiness


def test_without_a_stonith_line_the_shared_filesystem_is_named_in_a_warning() -> None:
    _, warning = imported(WEB).warnings
    assert "fs_var_www_html (/dev/sdb1) can be mounted by two nodes at once" in warning


def test_a_script_of_resource_d_goes_before_one_of_init_d_and_gets_its_arguments_by_position() -> None:
    (group,) = imported("node1.example.com web::one::two httpd\n").groups
    assert [member.agent for member in group.members] == ["heartbeat:web", "lsb:httpd"]
    assert group.members[0].parameters == (("1", "one"), ("2", "two"))


def test_a_classic_door_to_an_ocf_agent_is_replaced_by_the_agent_unless_the_script_is_there() -> None:
    (group,) = imported("node1.example.com apache::/etc/apache2/apache2.conf\n").groups
    assert group.members[0].agent == "ocf:heartbeat:apache"
    assert group.members[0].parameters == (("configfile", "/etc/apache2/apache2.conf"),)


def test_a_delay_does_not_wait_in_its_monitor_and_has_time_to_wait_otherwise() -> None:
    (group,) = imported("node1.example.com Delay::90\n").groups
    delay = group.members[0]
    assert delay.agent == "ocf:heartbeat:Delay"
    assert dict(delay.parameters) == {"startdelay": "90", "mondelay": "0"}
    assert [(op.name, op.timeout) for op in delay.operations] == [
        ("start", "150s"),
        ("stop", "150s"),
        ("monitor", "30s"),
    ]


def test_the_one_argument_of_sendarp_holds_both_parameters_of_the_agent() -> None:
    (group,) = imported("node1.example.com SendArp::10.0.0.9/eth0\n").groups
    assert dict(group.members[0].parameters) == {"ip": "10.0.0.9", "nic": "eth0"}


def test_an_ipv6_address_is_run_by_the_agent_for_addresses() -> None:
    (group,) = imported("node1.example.com IPv6addr::2001:db8::9/64/eth0\n").groups
    assert group.members[0].agent == "ocf:pacekeeper:IPaddr2"
    assert dict(group.members[0].parameters) == {"ip": "2001:db8::9", "cidr_netmask": "64", "nic": "eth0"}


def test_a_script_that_is_nowhere_is_imported_with_a_warning_that_names_the_line() -> None:
    plan = imported("# services\nnode1.example.com nowhere\n")
    assert plan.groups[0].members[0].agent == "lsb:nowhere"
    assert plan.warnings[0].startswith("/etc/ha.d/haresources:2: warning: there is no script 'nowhere'")


def test_several_lines_of_one_node_get_different_ids() -> None:
    plan = imported("node1.example.com httpd\nnode1.example.com httpd\nnode2.example.com web\n")
    assert [group.id for group in plan.groups] == ["group_node1", "group_node1_2", "group_node2"]
    assert [member.id for group in plan.groups for member in group.members] == ["httpd", "httpd_2", "web"]


def test_every_part_of_an_address_has_its_parameter() -> None:
    (group,) = imported("node1.example.com IPaddr2::10.0.0.9/24/eth1:web/10.0.0.255\n").groups
    assert dict(group.members[0].parameters) == {
        "ip": "10.0.0.9",
        "cidr_netmask": "24",
        "nic": "eth1",
        "iflabel": "web",
        "broadcast": "10.0.0.255",
    }


def test_stonith_lines_become_devices_and_switch_fencing_on() -> None:
    plan = imported(
        WEB,
        stonith=(
            ("stonith", "baytech", "/etc/ha.d/conf/stonith.baytech"),
            ("stonith_host", "node1.example.com", "fence_ipmilan", "ip=10.0.0.2", "pcmk_host_list=node2.example.com"),
        ),
        files={"/etc/ha.d/conf/stonith.baytech": "# address, login, password\n10.0.0.3 admin secret\n"},
    )
    assert [(device.id, device.type, dict(device.parameters)) for device in plan.devices] == [
        ("fence_baytech", "fence_baytech", {"ip": "10.0.0.3", "username": "admin", "password": "secret"}),
        ("fence_ipmilan", "fence_ipmilan", {"ip": "10.0.0.2", "pcmk_host_list": "node2.example.com"}),
    ]
    assert "property stonith-enabled=true haresources-imported=true" in describe(plan)
    assert (
        "location fence_ipmilan_only_from_node1_example_com fence_ipmilan rule -inf: #uname ne node1.example.com"
        in describe(plan)
    )
    assert not plan.warnings


STONITH_MALFORMED = [
    ("stonith baytech /nowhere", "stonith: the parameter file can't be read: '/nowhere'; expected the parameters of baytech"),
    ("stonith_host * ssh node1 node2", "stonith_host: no such type of device: 'ssh'; expected a fence agent (fence_*), or one of"),
    ("stonith_host * external/ipmi a=b", "stonith_host: no such type of device: 'external/ipmi'; expected a fence agent"),
    ("stonith_host * rps10 /dev/ttyS1 kathy 0", "stonith_host: no such type of device: 'rps10'; expected a fence agent"),
    ("stonith_host * fence_x secret", "stonith_host: parameter 1 of fence_x has no name; expected name=value words"),
    ("stonith_host * baytech 10.0.0.3 secret", "stonith_host: baytech has 2 parameters; expected 3 (ip, username, password)"),
    ("stonith_host * baytech 10.0.0.3 a secret b", "stonith_host: baytech has 4 parameters; expected 3 (ip, username"),
    ("stonith_host * baytech", "stonith_host: baytech has no parameters; expected 3 (ip, username, password)"),
]  # fmt: skip
"""Lines of ha.cf that can't become devices, and what is said of them; never a word that may be a password."""


@pytest.mark.parametrize(("line", "expected"), STONITH_MALFORMED)
def test_a_stonith_line_that_makes_no_device_refuses_the_import(line: str, expected: str) -> None:
    with pytest.raises(ImportRefused) as caught:
        imported(WEB, stonith=(tuple(line.split()),))
    assert str(caught.value).startswith(f"/etc/ha.d/ha.cf:1: error: {expected}")
    assert "secret" not in str(caught.value)


def test_a_node_that_ha_cf_does_not_have_is_refused_with_its_line() -> None:
    with pytest.raises(ImportRefused) as caught:
        imported("\nnode3.example.com httpd\n")
    assert str(caught.value).startswith("/etc/ha.d/haresources:2: error: ha.cf knows no such node: 'node3.example.com'")


def test_the_request_is_well_formed_and_quotes_what_has_to_be_quoted() -> None:
    plan = imported('node1.example.com web::a"b<c>&d\n')
    (request,) = requests(plan)
    configuration = ElementTree.fromstring(request.xml)
    (pair,) = configuration.iterfind("resources/group/primitive/instance_attributes/nvpair")
    assert pair.get("value") == 'a"b<c>&d'
    ids = [element.get("id") for element in configuration.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_scripts_are_found_where_the_classic_heartbeat_looks(tmp_path: Path) -> None:
    for directory, name, mode in (("resource.d", "web", 0o755), ("init.d", "web", 0o755), ("init.d", "plain", 0o644)):
        path = tmp_path / directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(mode)
    finder = script_finder(tmp_path / "resource.d", (tmp_path / "init.d",))
    assert finder("web") == "resource.d"
    assert finder("plain") is None
    assert finder("../init.d/web") is None


def test_the_import_goes_into_an_empty_cib_as_one_change() -> None:
    document = empty_document()
    applied = apply_requests(document, requests(imported(WEB)))
    assert applied.patch is not None
    assert [node.uname for node in nodes(document)] == list(NODES)
    assert not cluster_options(document).stonith_enabled
    assert [(resource.id, resource.container) for resource in resources(document)] == [
        ("vip_172_16_20_100", "group_node1"),
        ("fs_var_www_html", "group_node1"),
        ("httpd", "group_node1"),
    ]
    assert document.version.epoch == 1


def test_an_nfs_export_is_a_device_with_a_colon_in_its_name() -> None:
    (group,) = imported(
        "node1.example.com 10.0.0.9/16/eth0 Filesystem::10.0.0.33:/web::/var/www/html::nfs httpd\n"
    ).groups
    assert dict(group.members[1].parameters) == {
        "device": "10.0.0.33:/web",
        "directory": "/var/www/html",
        "fstype": "nfs",
    }
    assert [member.id for member in group.members] == ["vip_10_0_0_9", "fs_var_www_html", "httpd"]
