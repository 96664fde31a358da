"""The command line tools on files: output, exit codes, and what the hot ones import."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from crmsh import cibadmin, crm, crm_attribute, crm_mon, crm_node, crm_resource, crm_simulate, crm_verify, crmadmin
from crmsh.options import NONE, REQUIRED, Option, UsageError, parse
from crmsh.pairs import quoted, tags
from tests.unit.crmsh.samples import EMPTY, TWO_NODES


@pytest.fixture
def cib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES)
    monkeypatch.setenv("CIB_file", str(path))
    return path


Captured = pytest.CaptureFixture[str]


def test_cibadmin_prints_the_cib_a_section_or_what_an_xpath_matches(cib: Path, capsys: Captured) -> None:
    assert cibadmin.main(["-Q", "-o", "nodes"]) == 0
    assert '  <node id="alpha" uname="alpha"/>\n' in capsys.readouterr().out
    assert cibadmin.main(["-Q", "-A", "//primitive[@id='db']"]) == 0
    assert capsys.readouterr().out == '<primitive id="db" class="ocf" provider="heartbeat" type="Dummy"/>\n'
    assert cibadmin.main(["-Q", "-A", "//nosuch"]) == 105


def test_cibadmin_creates_modifies_replaces_and_deletes(cib: Path) -> None:
    assert cibadmin.main(["-C", "-o", "resources", "-X", '<primitive id="n" class="lsb" type="x"/>']) == 0
    assert cibadmin.main(["-C", "-o", "resources", "-X", '<primitive id="n" class="lsb" type="x"/>']) == 108
    assert cibadmin.main(["-M", "-X", '<primitive id="n" description="new"/>']) == 0
    assert 'description="new"' in cib.read_text()
    assert cibadmin.main(["-D", "-X", '<primitive id="n"/>']) == 0
    assert 'id="n"' not in cib.read_text()


def test_cibadmin_asks_for_force_before_it_empties_anything(cib: Path, capsys: Captured) -> None:
    assert cibadmin.main(["-E"]) == 107
    assert "--force" in capsys.readouterr().err
    assert cibadmin.main(["-E", "--force"]) == 0
    assert "primitive" not in cib.read_text()


def test_cibadmin_refuses_an_invalid_change_and_names_the_fault(cib: Path, capsys: Captured) -> None:
    before = cib.read_text()
    assert cibadmin.main(["-C", "-o", "resources", "-X", '<primitve id="n"/>']) == 78
    assert "primitve" in capsys.readouterr().err
    assert cib.read_text() == before
    assert cibadmin.main(["-C", "-o", "resources", "-X", "<primitive"]) == 78


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "Document is empty"),
        ("<cib>", "1:"),
        (EMPTY.replace("<nodes/>", "<nodez/>"), "nodez"),
        (
            EMPTY.replace('validate-with="pacemaker-3.9"', 'validate-with="pacemaker-99"'),
            "unknown value 'pacemaker-99'",
        ),
        (EMPTY.replace("<resources/>", '<resources><primitive id="a"/></resources>'), "primitive"),
        (TWO_NODES.replace('id="web"', 'id="vip"', 1), "the id 'vip' is taken"),
        (TWO_NODES.replace('then="site"', 'then="sight"'), "'sight'"),
        (TWO_NODES.replace('name="monitor" interval="10s"', 'name="monitor" interval="often"'), "often"),
        (TWO_NODES.replace('value="false"', 'value="perhaps"'), "perhaps"),
        (TWO_NODES.replace('value="false"', 'value="true"'), "there is no fencing device"),
    ],
)
def test_crm_verify_names_what_is_wrong_with_a_document(
    tmp_path: Path, capsys: Captured, document: str, said: str
) -> None:
    path = tmp_path / "bad.xml"
    path.write_text(document)
    assert crm_verify.main(["-x", str(path), "-V"]) == 78
    assert said in capsys.readouterr().err


def test_crm_verify_is_silent_about_a_sound_configuration(cib: Path, capsys: Captured) -> None:
    assert crm_verify.main(["-L"]) == 0
    assert crm_verify.main(["-x", str(cib.with_name("none.xml"))]) == 66
    assert capsys.readouterr().out == ""


def test_crm_attribute_reads_writes_and_deletes_options_and_node_attributes(cib: Path, capsys: Captured) -> None:
    assert crm_attribute.main(["-n", "cluster-delay", "-v", "60s"]) == 0
    assert crm_attribute.main(["-n", "cluster-delay", "-G"]) == 0
    assert capsys.readouterr().out == "scope=crm_config name=cluster-delay value=60s\n"
    assert crm_attribute.main(["-N", "alpha", "-n", "rack", "-v", "r1"]) == 0
    assert crm_attribute.main(["-N", "alpha", "-n", "rack", "-G", "-q"]) == 0
    assert capsys.readouterr().out == "r1\n"
    assert crm_attribute.main(["-N", "alpha", "-n", "rack", "-D"]) == 0
    assert capsys.readouterr().out == "Deleted nodes attribute: id=nodes-alpha-rack name=rack\n"
    assert crm_attribute.main(["-N", "alpha", "-n", "rack", "-G"]) == 105


def test_crm_attribute_adds_to_a_value_where_that_is_asked_for(cib: Path, capsys: Captured) -> None:
    for value in ("3", "value++", "value+=2"):
        assert crm_attribute.main(["-n", "count", "-v", value, "--score"]) == 0
    crm_attribute.main(["-n", "count", "-G", "-q"])
    assert capsys.readouterr().out == "6\n"


def test_crm_standby_says_off_where_nothing_is_set(cib: Path, capsys: Captured) -> None:
    assert crm_attribute.main_standby(["-N", "alpha", "-G"]) == 0
    assert capsys.readouterr().out == "scope=status name=standby value=off\n"
    assert crm_attribute.main_standby(["-N", "alpha", "-v", "on"]) == 0
    assert crm_attribute.main_standby(["-N", "alpha", "-G"]) == 0
    assert capsys.readouterr().out == "scope=nodes name=standby value=on\n"


def test_crm_failcount_and_crm_master_read_the_status(cib: Path, capsys: Captured) -> None:
    assert crm_attribute.main_failcount(["-r", "vip", "-N", "alpha", "-G", "-q"]) == 0
    assert capsys.readouterr().out == "1\n"
    assert crm_attribute.main_master(["-r", "db", "-N", "alpha", "-v", "50"]) == 0
    assert crm_attribute.main_master(["-r", "db", "-N", "alpha", "-G", "-q"]) == 0
    assert capsys.readouterr().out == "50\n"
    assert crm_attribute.main_master(["-N", "alpha", "-v", "50"]) == 64


def test_crm_resource_lists_locates_and_moves(cib: Path, capsys: Captured) -> None:
    assert crm_resource.main(["-l"]) == 0
    assert capsys.readouterr().out.split() == ["vip", "web", "db"]
    assert crm_resource.main(["-W", "-r", "vip"]) == 0
    assert capsys.readouterr().out == "resource vip is running on: alpha \n"
    assert crm_resource.main(["-M", "-r", "db", "-N", "beta"]) == 0
    assert 'id="cli-prefer-db"' in cib.read_text()
    assert crm_resource.main(["-U", "-r", "db"]) == 0
    assert capsys.readouterr().out == "Removing constraint: cli-prefer-db\n"
    assert crm_resource.main(["-M", "-r", "site", "-N", "alpha"]) == 108
    assert crm_resource.main(["-M", "-r", "db", "-N", "nowhere"]) == 105
    assert crm_resource.main(["-W", "-r", "nosuch"]) == 105


def test_crm_resource_sets_reads_and_deletes_parameters(cib: Path, capsys: Captured) -> None:
    assert crm_resource.main(["-r", "db", "--meta", "-p", "is-managed", "-v", "false"]) == 0
    assert capsys.readouterr().out == (
        "Set 'db' option: id=db-meta_attributes-is-managed set=db-meta_attributes name=is-managed value=false\n"
    )
    assert crm_resource.main(["-r", "db", "--meta", "-g", "is-managed"]) == 0
    assert capsys.readouterr().out == "false\n"
    assert crm_resource.main(["-r", "db", "--meta", "-d", "is-managed"]) == 0
    assert crm_resource.main(["-r", "db", "--meta", "-g", "is-managed"]) == 105


def test_crmadmin_lists_nodes_in_xml(cib: Path, capsys: Captured) -> None:
    assert crmadmin.main(["-N", "--output-as=xml"]) == 0
    assert '<node type="cluster" name="alpha" id="alpha"/>' in capsys.readouterr().out


def test_crmadmin_lists_nodes(cib: Path, capsys: Captured) -> None:
    assert crmadmin.main(["-N"]) == 0
    assert capsys.readouterr().out == "cluster node: alpha (alpha)\ncluster node: beta (beta)\n"


def test_tools_say_when_the_cluster_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.delenv("CIB_file", raising=False)
    monkeypatch.setenv("PACEKEEPER_RUN_DIR", str(tmp_path))
    for code in (crm_node.main(["-p"]), crm_mon.main(["-1"]), cibadmin.main(["-Q"]), crmadmin.main(["-D"])):
        assert code == 102
    assert capsys.readouterr().err.count("is it started?") == 4


def test_crm_reads_a_file_of_commands_and_reports_the_line(cib: Path, tmp_path: Path, capsys: Captured) -> None:
    script = tmp_path / "commands"
    script.write_text("configure\nprimitive a \\\n  Dummy\nprimitiv b Dummy\nshow a\n")
    assert crm.main(["-f", str(script)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "primitive a Dummy\n"
    assert "ERROR: 4: configure.primitiv: No such command; did you mean 'primitive'?" in captured.err
    assert crm.main(["-f", str(tmp_path / "none")]) == 2


def test_crm_takes_an_argument_with_blanks_as_one_word(cib: Path, capsys: Captured) -> None:
    assert crm.main(["configure", "primitive", "a", "Dummy", "params", "fake=two words"]) == 0
    assert crm.main(["configure", "show", "a"]) == 0
    assert capsys.readouterr().out == 'primitive a Dummy \\\n\tparams fake="two words"\n'


def test_commands_come_from_standard_input_too(cib: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("configure\nshow db\n"))
    assert crm.main([]) == 0
    assert capsys.readouterr().out == "primitive db Dummy\n"


def test_options_can_be_bundled_attached_or_separate() -> None:
    table = (
        Option("list", ("-L", "--list")),
        Option("sort", ("-S",), value=NONE),
        Option("delay", ("-d", "--delay"), value=REQUIRED),
    )
    parsed = parse(table, ["-LSd5s", "word", "--delay=7", "--delay", "8", "--", "-L"])
    assert parsed.all("delay") == ["5s", "7", "8"]
    assert parsed.words == ["word", "-L"]
    assert parsed.count("list") == 1
    for wrong in (["--lst"], ["-x"], ["--delay"], ["--list=1"]):
        with pytest.raises(UsageError):
            parse(table, wrong)


def test_attributes_are_read_from_a_small_answer_without_a_parser() -> None:
    found = tags('<x><nvpair id="a" name="n" value="1 &lt; 2 > &quot;&amp;"/><nvpairs z="1"/></x>', "nvpair")
    assert found == [{"id": "a", "name": "n", "value": '1 < 2 > "&'}]
    assert quoted("it's") == '"it\'s"'


HEAVY = ("argparse", "asyncio", "msgspec", "lxml", "lark", "prompt_toolkit", "rich", "typing", "dataclasses", "inspect")
PROBE = """
import sys
sys.path.insert(0, {root!r})
from crmsh.{module} import {main} as main
main({arguments!r})
print(" ".join(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("module", "main", "arguments"),
    [
        ("attrd_updater", "main", ["-n", "pingd", "-U", "5"]),
        ("attrd_updater", "main", ["-n", "pingd", "-Q"]),
        ("crm_node", "main", ["-n"]),
        ("crm_node", "main", ["-l"]),
        ("crm_attribute", "main", ["-N", "n", "-n", "x", "-G", "-l", "reboot"]),
        ("crm_attribute", "main_master", ["-r", "db", "-v", "5"]),
        ("crm_attribute", "main_standby", ["-G"]),
    ],
)
def test_tools_that_run_inside_monitors_import_nothing_heavy_before_the_answer(
    tmp_path: Path, module: str, main: str, arguments: list[str]
) -> None:
    root = str(Path(crm.__file__).parent.parent)
    code = PROBE.format(root=root, module=module, main=main, arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        env={"PACEKEEPER_RUN_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    loaded = done.stderr.strip().splitlines()[-1].split()
    assert "crmsh.options" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_a_simulation_of_a_file_imports_no_daemon_no_message_and_no_second_parser(tmp_path: Path) -> None:
    source = tmp_path / "cib.xml"
    source.write_text(TWO_NODES)
    root = str(Path(crm.__file__).parent.parent)
    code = PROBE.format(root=root, module="crm_simulate", main="main", arguments=["-QS", "-x", str(source)])
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = done.stderr.strip().splitlines()[-1].split()
    assert "pengine.scheduler" in loaded
    unwanted = (
        "argparse",
        "asyncio",
        "bz2",
        "crmd",
        "json",
        "lark",
        "logging",
        "msgspec",
        "rich",
        "socket",
        "tempfile",
    )
    assert [name for name in unwanted if name in loaded] == []


def test_crm_resource_lists_constraints_with_both_ends_and_tells_loops(cib: Path, capsys: Captured) -> None:
    colocations = "".join(
        f'<rsc_colocation id="c-{one}-{other}" rsc="{one}" with-rsc="{other}" score="5"/>'
        for one, other in (("site", "db"), ("db", "site"))
    )
    cib.write_text(cib.read_text().replace("</constraints>", f"{colocations}</constraints>"))
    assert crm_resource.main(["-A", "-r", "vip"]) == 0, "a member's constraints are those of its group"
    assert capsys.readouterr().out == (
        "Resources colocated with site:\n"
        "  * db (score=5, id=c-db-site)\n"
        "    * Locations:\n"
        "      * Node beta (score=100, id=db-on-beta, rsc=db)\n"
        "    * Resources colocated with db:\n"
        "      * site (id=c-site-db - loop)\n"
        "Resources site is colocated with:\n"
        "  * db (score=5, id=c-site-db)\n"
        "    * Locations:\n"
        "      * Node beta (score=100, id=db-on-beta, rsc=db)\n"
        "    * Resources db is colocated with:\n"
        "      * site (id=c-db-site - loop)\n"
    )
    assert crm_resource.main(["-a", "-r", "db", "--output-as=xml"]) == 0
    assert '<rsc_location node="beta" rsc="db" id="db-on-beta" score="100"/>' in capsys.readouterr().out


def test_crm_resource_lists_operations_as_text_and_xml(cib: Path, capsys: Captured) -> None:
    assert crm_resource.main(["-O", "-r", "web"]) == 0
    assert "web_start_0 (node=alpha, call=7, rc=0" in capsys.readouterr().out
    assert crm_resource.main(["-O", "-r", "web", "--output-as=xml"]) == 0
    assert '<operation op="web_start_0" node="alpha" call="7" rc="0" status="Done" rsc="web"' in capsys.readouterr().out


def test_crm_attribute_adds_to_a_value_and_answers_in_xml(cib: Path, capsys: Captured) -> None:
    assert crm_attribute.main(["-n", "batch-limit", "-v", "5"]) == 0
    assert crm_attribute.main(["-n", "batch-limit", "-v", "value+=2", "--output-as=xml"]) == 0
    assert '<status code="0" message="OK"/>' in capsys.readouterr().out
    assert crm_attribute.main(["-n", "batch-limit", "-G", "--output-as=xml"]) == 0
    assert '<attribute name="batch-limit" value="7" scope="crm_config"/>' in capsys.readouterr().out
    assert crm_attribute.main(["-n", "nothing", "-G", "--output-as=xml"]) == 105
    assert "<error>crm_attribute: Error performing operation: No such device" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["-sL"], ["-LS"], ["--live-check", "--run"], []])
def test_crm_simulate_works_on_the_cluster_where_no_file_is_named(
    cib: Path, capsys: Captured, options: list[str]
) -> None:
    assert crm_simulate.main(options) == 0
    assert "Current cluster status:" in capsys.readouterr().out


def test_crm_resource_says_why_a_resource_does_not_run(cib: Path, capsys: Captured) -> None:
    assert crm_resource.main(["-p", "target-role", "-v", "Stopped", "--meta", "-r", "db"]) == 0
    capsys.readouterr()
    assert crm_resource.main(["--why", "-r", "db"]) == 0
    assert capsys.readouterr().out == (
        "Resource db is not running\n  * the configuration wants 'db' stopped (target-role)\n  * beta is offline\n"
    )
    assert crm_resource.main(["-Y", "-r", "db", "--output-as=xml"]) == 0
    assert '<reason running="false">\n    <check id="db" remain_stopped="true"/>' in capsys.readouterr().out
    assert crm_resource.main(["-Y", "-r", "vip", "-N", "alpha"]) == 0
    assert capsys.readouterr().out == "Resource vip is running on host alpha\n"


def test_crm_resource_says_where_a_resource_failed_too_often_and_how_its_start_ended(
    cib: Path, capsys: Captured
) -> None:
    history = (
        '<lrm_resource id="db" class="ocf" provider="heartbeat" type="Dummy"><lrm_rsc_op id="db_last_failure_0" '
        'operation_key="db_start_0" operation="start" call-id="9" rc-code="1" op-status="0" interval="0" '
        'transition-key="4:1:0:x" transition-magic="0:1;4:1:0:x" last-rc-change="1767600000" '
        'exit-reason="no disk"/></lrm_resource></lrm_resources>'
    )
    count = '<nvpair id="f" name="fail-count-db#start_0" value="INFINITY"/><nvpair id="status-alpha-pingd"'
    text = cib.read_text().replace("</lrm_resources>", history)
    cib.write_text(text.replace('<nvpair id="status-alpha-pingd"', count))
    assert crm_resource.main(["--why", "-r", "db", "-N", "alpha"]) == 0
    assert capsys.readouterr().out == (
        "Resource db is running on host alpha\n"  # until it is stopped, what failed to start counts as active
        "  * it failed for good on alpha: 'crm resource cleanup db' forgets that\n"
        "  * its start on alpha ended as 'Error occurred': no disk\n"
    )
