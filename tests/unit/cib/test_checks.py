"""What a valid configuration may still get wrong, and what a person is told about it."""

import pytest

from cib.checks import check
from cib.reports import Report
from tests.unit.cib.test_schema import DUMMY, A, cib

OFF = '<cluster_property_set id="cib-bootstrap-options"><nvpair id="o" name="stonith-enabled" value="false"/>'
NO_FENCING = f"{OFF}</cluster_property_set>"


def option(name: str, value: str) -> str:
    return f'{OFF}<nvpair id="x" name="{name}" value="{value}"/></cluster_property_set>'


def operations(text: str) -> str:
    return f'<primitive id="a" {DUMMY}><operations>{text}</operations></primitive>'


def meta(name: str, value: str) -> str:
    pair = f'<nvpair id="n" name="{name}" value="{value}"/>'
    return f'<primitive id="a" {DUMMY}><meta_attributes id="m">{pair}</meta_attributes></primitive>'


def first(reports: tuple[Report, ...]) -> str:
    assert reports, "nothing was found"
    return f"{reports[0].severity}: {reports[0].sentence()}"


def test_a_cluster_without_fencing_devices_is_told_that_nothing_will_start() -> None:
    assert first(check(cib(resources=A))).startswith("error: no resource will be started: fencing is enabled")


def test_a_fencing_device_or_the_option_satisfies() -> None:
    device = '<primitive id="f" class="stonith" type="fence_dummy"/>'
    assert check(cib(resources=A + device)) == ()
    assert check(cib(resources=A, config=NO_FENCING)) == ()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("maintenance-mode", "maybe", "option maintenance-mode has the value 'maybe', expected a boolean"),
        ("cluster-recheck-interval", "often", "has the value 'often', expected a duration"),
        ("no-quorum-policy", "panic", "expected stop, freeze, ignore, demote, fence"),
        ("stonith-action", "explode", "expected reboot or off"),
        ("no-quorum-policy", "suicide", "needs fencing, which is disabled"),
    ],
)
def test_a_wrong_option_is_told(name: str, value: str, message: str) -> None:
    assert message in first(check(cib(config=option(name, value))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '<op id="m1" name="monitor" interval="10s"/><op id="m2" name="monitor" interval="10000ms"/>',
            "error: line 5: op 'm2': 'm1' is also a monitor every 10000 ms",
        ),
        ('<op id="s" name="start" interval="10s"/>', "start cannot be repeated, expected interval 0"),
        ('<op id="m" name="monitor" interval="soon"/>', "interval 'soon' is not a duration"),
        (
            '<op id="m" name="monitor" interval="1" timeout="1d"/>',
            "warning: line 5: op 'm': timeout '1d' is not a duration",
        ),
        ('<op id="s" name="stop" interval="0" on-fail="restart"/>', "on-fail=restart is not possible for stop"),
    ],
)
def test_a_wrong_operation_is_told(text: str, message: str) -> None:
    assert message in first(check(cib(resources=operations(text), config=NO_FENCING)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("target-role", "Runing", "error: line 5: nvpair 'n': meta attribute target-role has the value 'Runing'"),
        ("resource-stickiness", "much", "expected a score"),
        ("is-managed", "2", "expected a boolean"),
        ("failure-timeout", "later", "expected a duration"),
    ],
)
def test_a_wrong_meta_attribute_is_told(name: str, value: str, message: str) -> None:
    assert message in first(check(cib(resources=meta(name, value), config=NO_FENCING)))


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ('<rsc_location id="l" rsc="o" node="n1" score="1"/>', "error: line 6: rsc_location 'l': there is no resource"),
        ('<rsc_order id="l" first="a" then="l"/>', "there is no resource, template or tag 'l'"),
        ('<rsc_location id="l" rsc-pattern="a(" node="n1" score="1"/>', "is no regular expression"),
        (
            '<rsc_location id="l" rsc="a" node="n9" score="1"/>',
            "warning: line 6: rsc_location 'l': there is no node 'n9'",
        ),
        (
            '<rsc_location id="l" rsc="a"><rule id="r"><expression id="e" attribute="x" operation="defined"/></rule>'
            "</rsc_location>",
            "a rule of a location needs a score",
        ),
    ],
)
def test_a_wrong_constraint_is_told(constraint: str, message: str) -> None:
    nodes = '<node id="1" uname="n1"/>'
    assert message in first(check(cib(resources=A, constraints=constraint, config=NO_FENCING, nodes=nodes)))


def test_two_nodes_of_one_name_are_told() -> None:
    nodes = '<node id="1" uname="n1"/><node id="2" uname="n1"/>'
    assert "another node is also named 'n1'" in first(check(cib(config=NO_FENCING, nodes=nodes)))


def test_a_level_without_its_device_is_told() -> None:
    level = '<fencing-level id="f" target="n1" index="1" devices="ipmi"/>'
    more = f"<fencing-topology>{level}</fencing-topology>"
    assert "there is no fencing device 'ipmi'" in first(check(cib(config=NO_FENCING, more=more)))
