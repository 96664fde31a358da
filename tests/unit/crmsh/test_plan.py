"""What the shell says the cluster would do, and when a date in the configuration is meant."""

from __future__ import annotations

import time

import pytest

from crmsh.configuration.plan import plan_of
from crmsh.status.reader import read_status
from tests.unit.crmsh.samples import TWO_NODES


def kept_away(since: str) -> bytes:
    """The usual cluster, whose database may not run on alpha from a moment on."""
    rule = (
        '<rsc_location id="away" rsc="db"><rule id="away-r" score="-INFINITY" boolean-op="and">'
        '<expression id="away-e" attribute="#uname" operation="eq" value="alpha"/>'
        f'<date_expression id="away-d" operation="gt" start="{since}"/></rule></rsc_location>'
    )
    return TWO_NODES.replace("</constraints>", f"{rule}</constraints>").encode()


@pytest.mark.parametrize(("hours", "starts"), [(-1, False), (1, True)])
def test_a_date_without_an_offset_is_local_time(monkeypatch: pytest.MonkeyPatch, hours: int, starts: bool) -> None:
    zone_east_of_utc = 10
    monkeypatch.setenv("TZ", "Etc/GMT-10")
    moment = time.gmtime(time.time() + (zone_east_of_utc + hours) * 3600)
    plan = plan_of(kept_away(time.strftime("%Y-%m-%d %H:%M:%S", moment)))
    assert ("will start db on alpha" in plan) is starts


def test_a_failed_probe_is_told_once_though_it_is_recorded_twice() -> None:
    operations = "".join(
        f'<lrm_rsc_op id="db_{name}_0" operation_key="db_monitor_0" operation="monitor" call-id="9" rc-code="1" '
        'op-status="4" interval="0" transition-key="4:1:7:x" transition-magic="4:1;4:1:7:x" '
        'last-rc-change="1767600000" exit-reason="it is not there"/>'
        for name in ("last", "last_failure")
    )
    history = f'<lrm_resource id="db" class="ocf" provider="heartbeat" type="Dummy">{operations}</lrm_resource>'
    text = TWO_NODES.replace("</lrm_resources>", f"{history}</lrm_resources>")
    status = read_status(text.encode())
    assert [failure.key for failure in status.failures].count("db_monitor_0") == 1


def test_a_probe_that_finds_no_agent_is_told_at_the_resource_and_not_as_a_failure() -> None:
    operation = (
        '<lrm_rsc_op id="db_last_0" operation_key="db_monitor_0" operation="monitor" call-id="9" rc-code="5" '
        'op-status="0" interval="0" transition-key="4:1:7:x" transition-magic="0:5;4:1:7:x"/>'
    )
    history = f'<lrm_resource id="db" class="ocf" provider="heartbeat" type="Dummy">{operation}</lrm_resource>'
    text = TWO_NODES.replace("</lrm_resources>", f"{history}</lrm_resources>", 1)
    status = read_status(text.encode())
    assert "db_monitor_0" not in [failure.key for failure in status.failures]
    found = [p for resource in status.resources for p in resource.primitives() if p.probe_failures]
    assert {text for p in found for text in p.probe_failures.values()} == {"Not installed"}


def test_nodes_of_different_feature_sets_are_told_as_a_mixed_version() -> None:
    def with_feature_set(name: str, feature_set: str) -> str:
        pair = f'<nvpair id="f-{name}" name="#feature-set" value="{feature_set}"/>'
        inside = f'<instance_attributes id="t-{name}">{pair}</instance_attributes>'
        return f'<transient_attributes id="{name}">{inside}</transient_attributes>'

    online = 'in_ccm="true" crmd="online" join="member" expected="member"'
    down = '<node_state id="beta" uname="beta" in_ccm="false" crmd="offline" join="down" expected="down"/>'
    up = f'<node_state id="beta" uname="beta" {online}>{with_feature_set("beta", "3.20.5")}</node_state>'
    alpha = f'<node_state id="alpha" uname="alpha" {online}>'
    text = TWO_NODES.replace(down, up).replace(alpha, alpha + with_feature_set("alpha", "3.19.0"))
    assert read_status(text.encode()).summary.coordinator.mixed
    assert not read_status(text.replace("3.19.0", "3.20.5").encode()).summary.coordinator.mixed
