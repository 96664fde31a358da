"""A resource's parameters change: what the history says of those it runs with decides on a restart or a reload."""

import subprocess
from pathlib import Path

import pytest

from cib.digests import digest_parameters
from cib.document import Document
from cib.requests import Request
from crmd.messages import ApplyCib
from lrmd.messages import AgentName, AgentTraits, Finished, Operation, OperationStatus
from tests.unit.crmd.cluster import Cluster, cib
from tests.unit.crmd.test_cib_view import Held

SIMULATE = Path("/usr/sbin/crm_simulate")
TRAITS = AgentTraits(restart_parameters=("passwd", "config"), private_parameters=("passwd",))
VALUES = {"config": "/etc/a.conf", "level": "1", "passwd": "secret"}


def primitive(**values: str) -> str:
    pairs = "".join(f'<nvpair id="a-{name}" name="{name}" value="{value}"/>' for name, value in values.items())
    return (
        '<primitive id="a" class="ocf" provider="pacekeeper" type="Dummy">'
        f'<instance_attributes id="a-ia">{pairs}</instance_attributes>'
        '<operations><op id="a-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>'
    )


def running(traits: AgentTraits | None) -> Cluster:
    cluster = Cluster("n1", "n2", cib=cib(primitive(**VALUES)))
    cluster.traits = traits
    cluster.boot(*cluster.names)
    cluster.run(20)
    cluster.install(*cluster.names)
    cluster.settle()
    return cluster


def change(cluster: Cluster, **values: str) -> list[str]:
    """Change parameters; the single operations that this leads to, in order."""
    before = len(cluster.trace)
    cluster.ask(cluster.dc(), ApplyCib(1, (Request("modify", section="resources", xml=primitive(**values).encode()),)))
    cluster.run(200)
    cluster.settle()
    words = [line.split() for line in cluster.trace[before:] if " agent " in line]
    return [" ".join(line[line.index("agent") + 1 :]) for line in words]


def test_a_reloadable_parameter_is_taken_over_by_a_reload_and_the_monitor_goes_on_with_it() -> None:
    cluster = running(TRAITS)
    assert change(cluster, **{**VALUES, "level": "2"}) == ["reload-agent a 0"]
    node = cluster.where("a")[0]
    executor = cluster.machines[node].executor
    assert executor is not None
    table = executor._registry.table(None)  # noqa: SLF001
    assert [each.operation.parameters["level"] for each in table.resources[0].recurring] == ["2"]


def test_each_further_change_is_noticed_as_well() -> None:
    cluster = running(TRAITS)
    for level in ("2", "3", "1"):
        assert change(cluster, **{**VALUES, "level": level}) == ["reload-agent a 0"]
    assert change(cluster, **{**VALUES, "level": "1", "config": "/etc/b.conf"}) == ["stop a 0", "start a 0"]
    assert change(cluster, **{**VALUES, "level": "5", "config": "/etc/b.conf"}) == ["reload-agent a 0"]


def test_any_other_parameter_needs_a_restart() -> None:
    cluster = running(TRAITS)
    assert change(cluster, **{**VALUES, "passwd": "another"}) == ["stop a 0", "start a 0"]


@pytest.mark.parametrize("traits", [None, AgentTraits(None, ("passwd",))])
def test_an_agent_that_can_not_reload_is_restarted(traits: AgentTraits | None) -> None:
    assert change(running(traits), **{**VALUES, "level": "2"}) == ["stop a 0", "start a 0"]


def test_a_reload_that_fails_counts_as_a_failed_start_and_the_resource_goes_elsewhere() -> None:
    cluster = running(TRAITS)
    node = cluster.where("a")[0]
    cluster.results[node, "a", "reload-agent"] = (1, 10)
    assert change(cluster, **{**VALUES, "level": "2"}) == ["reload-agent a 0", "stop a 0", "start a 0"]
    assert cluster.where("a") != [node]
    controller = cluster.machines[cluster.dc()].controller
    assert controller is not None
    assert b'name="fail-count-a#start_0" value="INFINITY"' in controller.document.to_bytes()


# the record itself


def recorded(
    traits: AgentTraits | None,
    action: str = "start",
    interval_ms: int = 0,
    status: OperationStatus = OperationStatus.DONE,
) -> dict[str, str]:
    world = Held(cib(primitive(**VALUES), nodes=("n1",)))
    agent = AgentName("ocf", "pacekeeper", "Dummy")
    meta = {"CRM_meta_timeout": "20000", "CRM_meta_name": action}
    operation = Operation("a", agent, action, interval_ms, 20_000, VALUES, meta, transition_key="1:1:0:u")
    result = Finished(0, 7, operation, None, 0, status, "", "", 5, 5, 1, 0, traits)
    world.write(world.view.member_joined("n1"))
    world.write(world.view.record_result("n1", result))
    return dict(world.document.root.xpath("//lrm_rsc_op")[0].attrib)


def test_a_start_is_recorded_with_the_digests_of_all_of_the_restarting_and_of_the_public_parameters() -> None:
    entry = recorded(TRAITS)
    assert entry["op-digest"] == digest_parameters(VALUES)
    assert entry["op-force-restart"] == "  passwd config  "
    assert entry["op-restart-digest"] == digest_parameters({"config": "/etc/a.conf", "passwd": "secret"})
    assert entry["op-secure-params"] == "  passwd  "
    assert entry["op-secure-digest"] == digest_parameters({"config": "/etc/a.conf", "level": "1"})


def test_a_recurring_operation_says_nothing_of_restarts_and_hashes_its_time_limit() -> None:
    entry = recorded(TRAITS, "monitor", 10_000)
    assert "op-restart-digest" not in entry
    assert "op-force-restart" not in entry
    public = {"config": "/etc/a.conf", "level": "1", "CRM_meta_timeout": "20000"}
    assert entry["op-secure-digest"] == digest_parameters(public)


def test_an_agent_whose_parameters_are_all_reloadable_has_an_empty_list_and_the_digest_of_nothing() -> None:
    entry = recorded(AgentTraits((), ()))
    assert entry["op-force-restart"] == ""
    # the digest of no parameters at all, as every Pacemaker writes it
    assert entry["op-restart-digest"] == "f2317cad3d54cec5d7d7aa7d0bf35cf8"
    assert "op-secure-params" not in entry


def test_a_parameter_that_is_not_set_is_listed_and_not_hashed() -> None:
    entry = recorded(AgentTraits(("state", "config"), ()))
    assert entry["op-force-restart"] == "  state config  "
    assert entry["op-restart-digest"] == digest_parameters({"config": "/etc/a.conf"})


@pytest.mark.parametrize(
    ("status", "operation"), [(OperationStatus.DONE, "start"), (OperationStatus.TIMEOUT, "monitor")]
)
def test_a_reload_is_recorded_as_the_start_in_whose_place_it_stands(status: OperationStatus, operation: str) -> None:
    entry = recorded(TRAITS, "reload-agent", status=status)
    assert (entry["operation"], entry["operation_key"]) == (operation, f"a_{operation}_0")


@pytest.mark.skipif(not SIMULATE.exists(), reason="Pacemaker's tools are not installed")
@pytest.mark.parametrize(
    ("name", "value", "outcome"), [("", "", ""), ("level", "2", "Reload"), ("config", "/etc/b.conf", "Restart")]
)
def test_pacemaker_reads_the_record_as_it_is_meant(tmp_path: Path, name: str, value: str, outcome: str) -> None:
    controller = running(TRAITS)
    member = controller.machines[controller.dc()].controller
    assert member is not None
    document = Document.from_bytes(member.document.to_bytes())
    for state in document.root.iter("node_state"):
        state.set("in_ccm", "true")  # versions before 3.0 know no times here
        state.set("crmd", "online")
    for pair in document.root.xpath(f"//primitive//nvpair[@name='{name}']"):
        pair.set("value", value)
    path = tmp_path / "cib.xml"
    path.write_bytes(document.to_bytes())
    done = subprocess.run([SIMULATE, "-R", "-x", path], capture_output=True, text=True, check=True)
    assert "Online: [ n1 n2 ]" in done.stdout
    actions = [line for line in done.stdout.splitlines() if line.strip().startswith("* Re")]
    assert [line.split()[1] for line in actions if " a " in line and "Resource action" not in line] == (
        [outcome] if outcome else []
    ), done.stdout
