"""Where agents are found, how each class is called, and what its codes mean."""

from pathlib import Path

import pytest

from cib.digests import FEATURE_SET
from ipc.directories import NodeDirectories
from lrmd.agent_environment import base_environment, device_input, exit_reason, ocf_environment, positional_arguments
from lrmd.agents import AgentFinder, AgentNotFound, Answer, Launch
from lrmd.class_codes import to_ocf
from lrmd.commands import provide_commands
from lrmd.lsb_header import metadata, read_header
from lrmd.messages import AgentName, OcfExit, Operation, OperationStatus
from tests.unit.lrmd.process import directories_below, script

HEADER = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          httpd
# Short-Description: a <small> web server
# Description:       serves the page
#                    of the example
### END INIT INFO
# Short-Description: not this one
"""


def finder(tmp_path: Path, **environ: str) -> AgentFinder:
    variables = {
        "OCF_ROOT": str(tmp_path / "ocf"),
        "PACEKEEPER_LSB_DIRS": str(tmp_path / "init.d"),
        "PACEKEEPER_FENCE_DIRS": str(tmp_path / "fence"),
        **environ,
    }
    return AgentFinder(directories_below(tmp_path), tmp_path / "commands", variables)


def operation(
    agent: str, action: str = "start", parameters: dict[str, str] | None = None, interval_ms: int = 0
) -> Operation:
    standard, _, rest = agent.partition(":")
    provider, _, kind = rest.rpartition(":")
    return Operation("r", AgentName(standard, provider, kind), action, interval_ms, 20_000, parameters or {})


def launch(found: Launch | Answer) -> Launch:
    assert isinstance(found, Launch)
    return found


def test_an_installed_agent_wins_over_a_shipped_one_of_the_same_name(tmp_path: Path) -> None:
    agents = finder(tmp_path)
    (tmp_path / "ocf/resource.d/heartbeat").mkdir()
    path = script(tmp_path / "ocf/resource.d/heartbeat/IPaddr2", "")
    assert launch(agents.prepare(operation("ocf:heartbeat:IPaddr2"))).argv == (str(path), "start")
    assert launch(agents.prepare(operation("ocf:pacekeeper:IPaddr2"))).module == "ocf.IPaddr2"


def test_a_shipped_agent_stands_in_where_nothing_is_installed(tmp_path: Path) -> None:
    found = launch(finder(tmp_path).prepare(operation("ocf:heartbeat:IPaddr2", "monitor")))
    assert (found.module, found.argv) == ("ocf.IPaddr2", ("IPaddr2", "monitor"))


def test_shipped_agents_can_be_preferred(tmp_path: Path) -> None:
    agents = finder(tmp_path, PACEKEEPER_PREFER_SHIPPED="1")
    (tmp_path / "ocf/resource.d/heartbeat").mkdir()
    script(tmp_path / "ocf/resource.d/heartbeat/IPaddr2", "")
    assert launch(agents.prepare(operation("ocf:heartbeat:IPaddr2"))).module == "ocf.IPaddr2"


@pytest.mark.parametrize(
    ("agent", "code", "text"),
    [
        ("ocf:heartbeat:Nothing", OcfExit.NOT_INSTALLED, "resource.d/heartbeat/Nothing does not exist"),
        ("ocf:test:Plain", OcfExit.PERMISSION, "may not be executed"),
        ("ocf:..:Plain", OcfExit.NOT_INSTALLED, "does not exist"),
        ("ocf:test:../../../bin/sh", OcfExit.NOT_INSTALLED, "does not exist"),
        ("lsb:ghost", OcfExit.NOT_INSTALLED, "init.d"),
        ("lsb:../web", OcfExit.NOT_INSTALLED, "not found"),
        ("heartbeat:ghost", OcfExit.NOT_INSTALLED, "config/resource.d"),
        ("stonith:fence_ghost", OcfExit.NOT_INSTALLED, "fence"),
        ("systemd:web", OcfExit.NOT_INSTALLED, "systemd units are not run here; class service runs the script"),
        ("stonith:reboot", OcfExit.NOT_INSTALLED, "only fence agents"),
        (
            "upstart:web",
            OcfExit.NOT_INSTALLED,
            "'upstart' is not supported; supported are heartbeat, lsb, ocf, service, stonith",
        ),
    ],
)
def test_an_agent_that_is_not_there_is_named_with_the_places(
    tmp_path: Path, agent: str, code: OcfExit, text: str
) -> None:
    agents = finder(tmp_path)
    (tmp_path / "ocf/resource.d/test/Plain").write_text("", encoding="utf-8")
    with pytest.raises(AgentNotFound) as caught:
        agents.prepare(operation(agent))
    assert text in str(caught.value)
    assert caught.value.exit_code == code
    assert (caught.value.status is OperationStatus.NOT_INSTALLED) == (code is OcfExit.NOT_INSTALLED)


def test_a_version_1_script_of_the_configuration_wins_over_an_init_script(tmp_path: Path) -> None:
    agents = finder(tmp_path)
    init = script(tmp_path / "init.d/web", "")
    assert launch(agents.prepare(operation("heartbeat:web"))).argv == (str(init), "start")
    own = script(tmp_path / "config/resource.d/web", "")
    parameters = {"1": "a b", "2": "c", "4": "d"}
    found = launch(agents.prepare(operation("heartbeat:web", "monitor", parameters)))
    assert found.argv == (str(own), "a b", "c", "status")


def test_an_lsb_script_gets_status_for_monitor_and_knows_no_other_actions(tmp_path: Path) -> None:
    agents = finder(tmp_path)
    path = script(tmp_path / "init.d/web", "")
    assert launch(agents.prepare(operation("lsb:web", "monitor"))).argv == (str(path), "status")
    assert agents.prepare(operation("lsb:web", "promote")) == Answer(OcfExit.UNIMPLEMENTED)


def test_a_fence_device_starts_by_its_monitor_and_stops_without_a_process(tmp_path: Path) -> None:
    agents = finder(tmp_path)
    script(tmp_path / "fence/fence_lab", "")
    start = launch(agents.prepare(operation("stonith:fence_lab", "start", {"ip": "10.0.0.9"})))
    assert start.standard_input == b"action=monitor\nip=10.0.0.9\n"
    assert launch(agents.prepare(operation("stonith:fence_lab", "monitor", interval_ms=60_000))).standard_input
    assert agents.prepare(operation("stonith:fence_lab", "stop")) == Answer(OcfExit.OK)
    assert agents.prepare(operation("stonith:fence_lab", "monitor")) == Answer(OcfExit.OK)


def test_the_list_of_agents_is_sorted_and_can_be_narrowed(tmp_path: Path) -> None:
    agents = finder(tmp_path)
    script(tmp_path / "ocf/resource.d/test/Zeta", "")
    script(tmp_path / "ocf/resource.d/test/Alpha", "")
    (tmp_path / "ocf/resource.d/test/readme").write_text("", encoding="utf-8")
    script(tmp_path / "fence/fence_lab", "")
    script(tmp_path / "fence/other", "")
    assert [name.type for name in agents.find("ocf", "test")] == ["Alpha", "Zeta"]
    assert AgentName("ocf", "pacekeeper", "IPaddr2") in agents.find("ocf", "")
    fences = [name.type for name in agents.find("stonith", "")]
    assert "fence_lab" in fences
    assert "other" not in fences
    everything = agents.find("", "")
    assert list(everything) == sorted(everything)


@pytest.mark.parametrize(
    ("standard", "action", "code", "output", "expected"),
    [
        ("ocf", "monitor", 8, "", OcfExit.RUNNING_PROMOTED),
        ("lsb", "monitor", 0, "", OcfExit.OK),
        ("lsb", "monitor", 1, "", OcfExit.NOT_RUNNING),
        ("lsb", "monitor", 3, "", OcfExit.NOT_RUNNING),
        ("lsb", "monitor", 4, "", OcfExit.GENERIC),
        ("lsb", "monitor", 150, "", OcfExit.NOT_INSTALLED),
        ("lsb", "start", 0, "", OcfExit.OK),
        ("lsb", "start", 5, "", OcfExit.NOT_INSTALLED),
        ("lsb", "stop", 200, "", OcfExit.GENERIC),
        ("heartbeat", "monitor", 0, "running", OcfExit.OK),
        ("heartbeat", "monitor", 1, "INFO: Running OK", OcfExit.OK),
        ("heartbeat", "monitor", 0, "httpd is stopped", OcfExit.NOT_RUNNING),
        ("heartbeat", "monitor", 0, "httpd is not running", OcfExit.NOT_RUNNING),
        ("heartbeat", "monitor", 0, "", OcfExit.NOT_RUNNING),
        ("heartbeat", "monitor", 0, "BROKEN", OcfExit.NOT_RUNNING),
        ("heartbeat", "start", 3, "running", OcfExit.GENERIC),
        ("stonith", "monitor", 2, "", OcfExit.GENERIC),
    ],
)
def test_codes_of_the_other_classes_become_those_of_ocf(
    standard: str, action: str, code: int, output: str, expected: OcfExit
) -> None:
    assert to_ocf(standard, action, code, output) == expected


def test_the_ocf_environment_is_complete() -> None:
    what = Operation(
        resource="db:0",
        agent=AgentName("ocf", "heartbeat", "pgsql"),
        action="monitor",
        interval_ms=10_000,
        timeout_ms=30_000,
        parameters={"pgdata": "/var/lib/pg", "OCF_CHECK_LEVEL": "10", "trace_ra": "1", "crm_feature_set": "3.19.7"},
        meta={"CRM_meta_clone_max": "2", "CRM_meta_notify-type": "pre", "CRM_meta_timeout": "30000"},
    )
    assert ocf_environment(what) == {
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_RESOURCE_INSTANCE": "db:0",
        "OCF_RESOURCE_TYPE": "pgsql",
        "OCF_RESOURCE_PROVIDER": "heartbeat",
        "OCF_EXIT_REASON_PREFIX": "ocf-exit-reason:",
        "OCF_RESKEY_CRM_meta_name": "monitor",
        "OCF_RESKEY_CRM_meta_interval": "10000",
        "OCF_RESKEY_CRM_meta_timeout": "30000",
        "OCF_RESKEY_CRM_meta_clone_max": "2",
        "OCF_RESKEY_CRM_meta_notify_type": "pre",
        "OCF_RESKEY_crm_feature_set": "3.19.7",
        "OCF_RESKEY_pgdata": "/var/lib/pg",
        "OCF_CHECK_LEVEL": "10",
        "OCF_TRACE_RA": "1",
        "OCF_RESKEY_trace_ra": "1",
    }


def test_agents_are_told_the_feature_set_of_our_cib() -> None:
    what = Operation("r", AgentName("ocf", "heartbeat", "Dummy"), "start", 0, 20_000, {})
    assert ocf_environment(what)["OCF_RESKEY_crm_feature_set"] == FEATURE_SET


def test_python_and_the_loader_leave_nothing_in_the_agents_environment(tmp_path: Path) -> None:
    directories = NodeDirectories(tmp_path, tmp_path, tmp_path / "run", tmp_path)
    environ = {
        "PATH": "/opt/bin:/usr/bin",
        "PYTHONPATH": "/x",
        "PYTHONUNBUFFERED": "1",
        "LD_PRELOAD": "/x.so",
        "VIRTUAL_ENV": "/venv",
        "HA_logfile": "/var/log/ha-log",
    }
    environment = base_environment(environ, directories, tmp_path / "commands")
    assert environment["PATH"].split(":")[:3] == [str(tmp_path / "commands"), "/opt/bin", "/usr/bin"]
    assert "/usr/sbin" in environment["PATH"].split(":")
    assert environment["HA_SBIN_DIR"] == str(tmp_path / "commands")
    assert environment["HA_logfile"] == "/var/log/ha-log"
    assert environment["HA_RSCTMP"] == str(tmp_path / "run/resource-agents")
    assert not {"PYTHONPATH", "PYTHONUNBUFFERED", "LD_PRELOAD", "VIRTUAL_ENV"} & environment.keys()


def test_agents_keep_their_state_where_they_always_did_unless_the_run_directory_was_moved(tmp_path: Path) -> None:
    usual = NodeDirectories.from_environment({})
    assert "HA_RSCTMP" not in base_environment({}, usual, tmp_path)


def test_the_commands_directory_holds_our_commands_and_loses_those_of_yesterday(tmp_path: Path) -> None:
    for name in ("crm", "crm_mon"):
        script(tmp_path / name, "")
    directory = tmp_path / "run" / "commands"
    provide_commands(directory, [tmp_path / "crm", tmp_path / "crm_mon"])
    provide_commands(directory, [tmp_path / "crm_mon"])
    assert [entry.name for entry in directory.iterdir()] == ["crm_mon"]
    assert (directory / "crm_mon").readlink() == tmp_path / "crm_mon"


def test_positional_arguments_end_at_the_first_gap() -> None:
    assert positional_arguments({"3": "c", "1": "a", "2": "b", "5": "e", "x": "y"}) == ["a", "b", "c"]
    assert positional_arguments({"2": "b"}) == []


def test_a_fence_agent_is_not_given_what_belongs_to_the_cluster() -> None:
    parameters = {
        "port": "n2",
        "pcmk_host_map": "n2:2",
        "provides": "unfencing",
        "passwd": "a b",
        "bad": "x\naction=off",
    }
    assert device_input("off", parameters) == b"action=off\nport=n2\npasswd=a b\n"


def test_the_last_exit_reason_counts() -> None:
    assert exit_reason("noise\nocf-exit-reason:first\nocf-exit-reason: second \nmore") == "second"
    assert exit_reason("nothing of that kind") == ""


def test_meta_data_of_an_init_script_comes_from_its_header() -> None:
    assert read_header(HEADER) == {
        "Provides": "httpd",
        "Short-Description": "a <small> web server",
        "Description": "serves the page of the example",
    }
    xml = metadata("httpd", HEADER, "lsb")
    assert '<shortdesc lang="en">a &lt;small&gt; web server</shortdesc>' in xml
    assert '<action name="monitor" timeout="15" interval="15" />' in xml


def test_a_script_without_a_header_is_described_by_its_name() -> None:
    assert '<shortdesc lang="en">httpd</shortdesc>' in metadata("httpd", "#!/bin/sh\n", "heartbeat")
