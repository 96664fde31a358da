"""Which nodes a device can fence, and what its agent is told."""

import pytest

from stonith.device import Device
from stonith.hosts import (
    agent_parameters,
    host_check,
    in_static_list,
    parse_host_list,
    parse_host_map,
    parse_list_output,
)
from stonith.metadata import ASSUMED, Metadata, MetadataError, parse_metadata

AGENT = """<?xml version="1.0"?>
<resource-agent name="fence_lab" shortdesc="test">
 <parameters><parameter name="plug"/><parameter name="ip"/></parameters>
 <actions><action name="on"/><action name="off"/><action name="status"/><action name="list"/>
 <action name="metadata"/></actions>
</resource-agent>"""


def device(**parameters: str) -> Device:
    return Device("d", "fence_lab", parameters)


@pytest.mark.parametrize("text", ["n1 n2", "n1,n2", "n1;n2", " n1,\tn2\n"])
def test_a_host_list_may_be_separated_by_anything_people_use(text: str) -> None:
    assert parse_host_list(text) == ("n1", "n2")


def test_a_host_map_translates_names_and_keeps_commas_of_plug_lists() -> None:
    assert parse_host_map("n1:1;n2:2,3 n3=outlet-4;nonsense") == {"n1": "1", "n2": "2,3", "n3": "outlet-4"}


def test_power_states_in_a_list_are_not_names() -> None:
    assert parse_list_output("n1,on\nn2,alias2,OFF\n\n") == ("n1", "n2", "alias2")


def test_a_device_with_a_list_of_hosts_is_not_asked_for_one() -> None:
    metadata = parse_metadata(AGENT)
    assert host_check(device(pcmk_host_list="n1"), metadata) == "static-list"
    assert host_check(device(pcmk_host_map="n1:1"), metadata) == "static-list"
    assert host_check(device(), metadata) == "dynamic-list"
    assert host_check(device(pcmk_host_check="none", pcmk_host_list="n1"), metadata) == "none"


def test_an_agent_without_list_is_asked_for_the_state_and_one_without_both_fences_anybody() -> None:
    assert host_check(device(), Metadata(("off", "status"), ())) == "status"
    assert host_check(device(), ASSUMED) == "none"


def test_a_name_of_the_map_counts_as_listed() -> None:
    assert in_static_list(device(pcmk_host_map="n2:7"), "n2")
    assert not in_static_list(device(pcmk_host_list="n1"), "n2")


def test_the_agent_gets_its_own_parameters_and_the_victim_under_the_devices_name() -> None:
    it = device(ip="10.0.0.9", pcmk_host_map="n2:outlet7", pcmk_off_timeout="9s", priority="3")
    assert agent_parameters(it, parse_metadata(AGENT), "n2") == {"ip": "10.0.0.9", "nodename": "n2", "plug": "outlet7"}


def test_a_configured_plug_is_kept_and_none_leaves_it_out() -> None:
    metadata = parse_metadata(AGENT)
    assert agent_parameters(device(plug="fixed"), metadata, "n2")["plug"] == "fixed"
    assert agent_parameters(device(plug="dynamic"), metadata, "n2")["plug"] == "n2"
    assert "plug" not in agent_parameters(device(pcmk_host_argument="none"), metadata, "n2")
    assert agent_parameters(device(pcmk_host_argument="vm"), metadata, "n2")["vm"] == "n2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "not well-formed"),
        ("<shadow/>", "expected <resource-agent>"),
        ("<resource-agent/>", "lists no actions"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><resource-agent/>', "entities"),
        ("x" * (1024 * 1024 + 1), "longer than"),
    ],
)
def test_metadata_that_is_none_is_refused_with_the_reason(text: str, expected: str) -> None:
    with pytest.raises(MetadataError, match=expected):
        parse_metadata(text)
