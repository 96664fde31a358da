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
        ("batch-limit", "abc", "expected a whole number"),
        ("load-threshold", "much", "expected a percentage"),
        ("node-health-red", "bad", "expected a score"),
        ("placement-strategy", "weird", "expected default, utilization, minimal or balanced"),
        ("priority-fencing-delay", "soon", "expected a duration"),
        ("nosuch", "1", "warning: line 3: nvpair 'x': the cluster has no option 'nosuch'"),
        ("batch-limitt", "1", "did you mean 'batch-limit'?"),
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


def test_an_option_that_a_tool_keeps_in_a_set_of_its_own_is_none_of_ours() -> None:
    own = (
        '<cluster_property_set id="SAPHanaSR"><nvpair id="h" name="hana_glob_mts" value="true"/></cluster_property_set>'
    )
    assert check(cib(config=f"{NO_FENCING}{own}")) == ()


PAIR = f'<primitive id="a" {DUMMY}/><primitive id="b" {DUMMY}/>'


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ('<rsc_order id="o" first="a" then="a"/>', "it relates 'a' to itself, which does nothing"),
        ('<rsc_colocation id="c" rsc="a" with-rsc="a" score="5"/>', "it relates 'a' to itself"),
        (
            '<rsc_order id="o"><resource_set id="s"><resource_ref id="a"/><resource_ref id="a"/></resource_set>'
            "</rsc_order>",
            "its set 's' names 'a' more than once",
        ),
        (
            '<rsc_colocation id="c" score="5"><resource_set id="s"><resource_ref id="a"/></resource_set>'
            "</rsc_colocation>",
            "it names 'a' only, which does nothing",
        ),
        (
            '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="a"/>',
            "a, b wait for each other, so that none of them starts (o1, o2)",
        ),
        (
            '<rsc_colocation id="c" rsc="a" with-rsc="b" with-rsc-role="Promoted" score="5"/>',
            "with-rsc-role is Promoted, but 'b' is never promoted",
        ),
        ('<rsc_order id="o" first="a" first-action="promote" then="b"/>', "first-action is promote, but 'a' is never"),
        (
            '<rsc_location id="l" rsc="a"><rule id="r" score="5"><date_expression id="e" operation="gt" start="soon"/>'
            "</rule></rsc_location>",
            "start 'soon' is no date",
        ),
    ],
)
def test_a_constraint_that_cannot_do_what_it_says_is_told(constraints: str, message: str) -> None:
    assert message in first(check(cib(resources=PAIR, constraints=constraints, config=NO_FENCING)))


@pytest.mark.parametrize(
    "constraints",
    [
        '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="a" kind="Optional"/>',
        '<rsc_order id="o1" first="a" then="b"/>'
        '<rsc_order id="o2" first="b" first-action="stop" then="a" then-action="start"/>',
        '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="a" then="b"/>',
    ],
)
def test_orders_that_do_not_wait_in_a_circle_are_no_loop(constraints: str) -> None:
    assert check(cib(resources=PAIR, constraints=constraints, config=NO_FENCING)) == ()


def test_a_promotable_clone_of_a_unit_that_cannot_be_promoted_is_told() -> None:
    clone = (
        '<clone id="c"><meta_attributes id="m"><nvpair id="n" name="promotable" value="true"/></meta_attributes>'
        '<primitive id="u" class="systemd" type="chronyd"/></clone>'
    )
    found = first(check(cib(resources=clone, config=NO_FENCING)))
    assert found.startswith("error: line ")
    assert "clone 'c': Resource u:0 is of type systemd and therefore cannot be used as a promotable clone" in found


def test_a_tag_that_names_nothing_is_told() -> None:
    tags = '<tags><tag id="t"><obj_ref id="a"/><obj_ref id="gone"/></tag></tags>'
    reports = check(cib(resources=A, config=NO_FENCING, more=tags))
    assert [report.sentence() for report in reports] == [
        f"line {reports[0].line}: tag 't': nothing has the id 'gone' that the tag names"
    ]
