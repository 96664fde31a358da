"""What every tool does alike: help, version, formats, files to write to, errors, and options that are not there."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmd.client_errors import ClientError
from crmsh import (
    attrd_updater,
    cibadmin,
    crm_attribute,
    crm_mon,
    crm_node,
    crm_resource,
    crm_verify,
    crmadmin,
    stonith_admin,
)
from crmsh.failure import Failure
from crmsh.frame import COMMON, Call, Tool, run
from crmsh.options import NONE, REQUIRED, VERSION_LINE, Option, UsageError

Captured = pytest.CaptureFixture[str]
TOOL = Tool(
    "tool",
    "does things",
    (
        Option("word", ("-w", "--word"), "a word", REQUIRED, "WORD"),
        Option("gone", ("-g", "--gone"), ""),
    ),
    refused={"gone": "say it another way"},
)
MAINS = {
    "attrd_updater": attrd_updater.main,
    "cibadmin": cibadmin.main,
    "crm_attribute": crm_attribute.main,
    "crm_failcount": crm_attribute.main_failcount,
    "crm_master": crm_attribute.main_master,
    "crm_mon": crm_mon.main,
    "crm_node": crm_node.main,
    "crm_resource": crm_resource.main,
    "crm_standby": crm_attribute.main_standby,
    "crm_verify": crm_verify.main,
    "crmadmin": crmadmin.main,
    "stonith_admin": stonith_admin.main,
}


def hello(call: Call) -> int:
    if call.as_xml:
        call.root.add("greeting", to=call.given.get("word", "all"))
    call.say("hello\n")
    return 0


def failing(error: Exception) -> int:
    def body(call: Call) -> int:
        raise error

    return run(TOOL, [], body)


@pytest.mark.parametrize("name", MAINS)
def test_every_tool_has_help_a_version_and_refuses_what_it_does_not_know(name: str, capsys: Captured) -> None:
    assert MAINS[name](["--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{name} - ")
    assert all(option.names[-1] in shown for option in COMMON if option.key != "help")
    assert MAINS[name](["-$"]) == 0
    assert capsys.readouterr().out == VERSION_LINE
    assert MAINS[name](["--xyzzy-quux"]) == 64
    assert capsys.readouterr().err == f"{name}: Unknown option --xyzzy-quux\n"
    assert MAINS[name](["--output-as=carrier-pigeon"]) == 64
    assert "Unknown output format carrier-pigeon: expected text, xml" in capsys.readouterr().err


def test_an_answer_in_xml_is_in_an_envelope_with_the_command_line(capsys: Captured) -> None:
    assert run(TOOL, ["--output-as=xml", "-w", "two words"], hello) == 0
    text = capsys.readouterr().out
    assert '<pacemaker-result api-version="2.42" request="tool --output-as=xml -w \'two words\'">' in text
    assert '<greeting to="two words"/>' in text
    assert '<status code="0" message="OK"/>' in text
    assert "hello" not in text


def test_an_error_is_told_on_standard_error_and_in_xml_in_the_answer(capsys: Captured) -> None:
    assert failing(Failure(105, "no such thing", ("look elsewhere",))) == 105
    assert capsys.readouterr() == ("", "tool: no such thing\nlook elsewhere\n")
    assert failing(UsageError("say more")) == 64
    assert capsys.readouterr().err == "tool: say more\n"
    assert failing(ClientError(102, "it does not run")) == 102
    assert capsys.readouterr().err == "tool: it does not run\n"

    def body(call: Call) -> int:
        raise Failure(105, "no such thing", ("look elsewhere",))

    assert run(TOOL, ["--output-as=xml"], body) == 105
    told = capsys.readouterr()
    assert told.err == ""
    assert "<error>tool: no such thing</error>" in told.out
    assert "<error>look elsewhere</error>" in told.out
    assert '<status code="105" message="No such object">' in told.out


def test_an_error_of_the_program_itself_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())


def test_an_option_of_the_classic_tool_that_is_missing_is_refused_with_what_to_do(capsys: Captured) -> None:
    assert run(TOOL, ["-g"], hello) == 3
    assert capsys.readouterr() == ("", "tool: option --gone: say it another way\n")


def test_words_that_are_no_options_are_refused_by_tools_that_take_none(capsys: Captured) -> None:
    assert run(TOOL, ["some", "words"], hello) == 64
    assert capsys.readouterr().err == "tool: non-option ARGV-elements:\n[1 of 2] some\n[2 of 2] words\n"


def test_the_answer_can_go_to_a_file(tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "answer"
    assert run(TOOL, [f"--output-to={target}"], hello) == 0
    assert target.read_text() == "hello\n"
    assert run(TOOL, ["--output-to", "-"], hello) == 0
    assert capsys.readouterr().out == "hello\n"
    assert run(TOOL, [f"--output-to={tmp_path}/no/where"], hello) == 73
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("lines", [1, 10_000], ids=["told at the end", "told while it writes"])
def test_an_answer_that_does_not_fit_on_the_disk_is_told_in_a_sentence(lines: int) -> None:
    program = (
        "from tests.unit.crmsh.test_frame import TOOL, hello; from crmsh.frame import run; import sys; "
        f"sys.exit(run(TOOL, [], lambda call: [hello(call) for _ in range({lines})][0]))"
    )
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.stderr == f"{TOOL.name}: cannot write the answer: No space left on device\n"
    assert ended.returncode == 73


def test_an_interrupted_tool_says_so_by_its_status() -> None:
    def body(call: Call) -> int:
        raise KeyboardInterrupt

    assert run(TOOL, [], body) == 130


@pytest.mark.parametrize("name", MAINS)
def test_no_option_is_taken_and_left_without_a_word(name: str) -> None:
    """An option without a line in the help must be one that is refused with a sentence."""
    tools = [value for value in vars(sys.modules[MAINS[name].__module__]).values() if isinstance(value, Tool)]
    for tool in tools:
        silent = {option.key for option in tool.options if not option.help}
        assert silent == set(tool.refused) & {option.key for option in tool.options}
        assert all(sentence.strip() for sentence in tool.refused.values())
        assert all(option.value != NONE or not option.metavar for option in tool.options)


# --- stonith_admin: options that work beside the cluster


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cib = tmp_path / "cib.xml"
    kind = 'class="stonith" type="fence_lab"'
    pair = '<instance_attributes id="{0}-i"><nvpair id="{0}-h" name="{1}" value="{2}"/></instance_attributes>'
    cib.write_text(
        '<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config/>'
        '<nodes><node id="1" uname="alpha"/><node id="2" uname="beta"/></nodes><resources>'
        f'<primitive id="f1" {kind}>{pair.format("f1", "pcmk_host_list", "alpha")}</primitive>'
        f'<primitive id="f2" {kind}>{pair.format("f2", "pcmk_host_map", "beta:7")}</primitive>'
        f'<primitive id="f3" {kind}/>'
        "</resources><constraints/></configuration><status/></cib>"
    )
    agents = tmp_path / "agents"
    agents.mkdir()
    agent = agents / "fence_lab"
    agent.write_text(
        "#!/bin/sh\n"
        "while read -r line; do case $line in action=*) action=${line#action=};; ip=*) ip=$line;; esac; done\n"
        "case $action in list) printf 'gamma,7\\ndelta,8\\n';;\n"
        "metadata) echo '<resource-agent name=\"fence_lab\"/>';;\n"
        "validate-all) [ -n \"$ip\" ] || { echo 'ip is missing' >&2; exit 1; };; esac\n"
    )
    agent.chmod(0o755)
    monkeypatch.setenv("PACEKEEPER_FENCE_DIRS", str(agents))
    monkeypatch.setenv("CIB_file", str(cib))
    from crmsh.metadata import finder

    finder.cache_clear()
    return cib


def test_the_devices_that_can_fence_a_node_are_found_by_its_name_or_its_id(devices: Path, capsys: Captured) -> None:
    assert stonith_admin.main(["-l", "beta"]) == 0
    assert capsys.readouterr().out == "f2\nf3\n2 fence devices found\n"
    assert stonith_admin.main(["-l", "1", "--as-node-id"]) == 0
    assert capsys.readouterr().out == "f1\nf3\n2 fence devices found\n"
    assert stonith_admin.main(["-l", "9", "--as-node-id"]) == 105
    assert capsys.readouterr().err == "stonith_admin: no node has the id '9'\n"


def test_the_nodes_of_a_device_are_those_it_is_given_or_those_its_agent_lists(devices: Path, capsys: Captured) -> None:
    assert stonith_admin.main(["--list-targets", "f1"]) == 0
    assert capsys.readouterr().out == "alpha\n1 target found\n"
    assert stonith_admin.main(["--list-targets", "f3"]) == 0
    assert capsys.readouterr().out == "gamma\n7\ndelta\n8\n4 targets found\n"
    assert stonith_admin.main(["--list-targets", "f4"]) == 105
    assert "there is no fencing device 'f4'" in capsys.readouterr().err


def test_an_agent_describes_itself_and_checks_parameters(devices: Path, capsys: Captured) -> None:
    assert stonith_admin.main(["-M", "-a", "fence_lab"]) == 0
    assert capsys.readouterr().out == '<resource-agent name="fence_lab"/>\n'
    assert stonith_admin.main(["--validate", "--agent", "fence_lab", "--option", "ip=192.0.2.1"]) == 0
    assert stonith_admin.main(["--validate", "--agent", "fence_lab"]) == 1
    assert "ip is missing" in capsys.readouterr().err
    assert stonith_admin.main(["--metadata", "--agent", "fence_labb"]) == 105
    assert "did you mean 'fence_lab'?" in capsys.readouterr().err


# --- other options that used to be taken in silence


def test_crm_resource_works_on_a_named_file_a_named_set_and_a_named_pair(devices: Path, capsys: Captured) -> None:
    where = ["-x", str(devices), "-r", "f1"]
    assert crm_resource.main([*where, "-g", "pcmk_host_list", "--set-name", "f1-i"]) == 0
    assert capsys.readouterr().out == "alpha\n"
    assert crm_resource.main([*where, "-g", "pcmk_host_list", "--nvpair", "other"]) == 105
    capsys.readouterr()
    assert crm_resource.main([*where, "-p", "ip", "-v", "192.0.2.1", "-s", "mine", "-i", "mine-ip"]) == 0
    assert "id=mine-ip set=mine name=ip value=192.0.2.1" in capsys.readouterr().out
    assert '<nvpair id="mine-ip" name="ip" value="192.0.2.1"/>' in devices.read_text()


def test_crm_resource_removes_a_resource_of_the_type_that_is_named(devices: Path, capsys: Captured) -> None:
    assert crm_resource.main(["-D", "-r", "f3"]) == 64
    assert crm_resource.main(["-D", "-r", "f3", "-t", "group"]) == 64
    assert "'f3' is a primitive, not a group" in capsys.readouterr().err
    assert crm_resource.main(["-D", "-r", "f3", "-t", "primitive"]) == 0
    assert 'id="f3"' not in devices.read_text()


def test_crm_mon_writes_a_page_with_style_sheet_character_set_and_header(devices: Path, capsys: Captured) -> None:
    assert crm_mon.main(["-1", "--html-cgi", "--html-stylesheet=/own.css", "--html-charset=latin-1"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("Content-Type: text/html\n\n<!DOCTYPE html>")
    assert '<meta charset="latin-1"/>' in page
    assert '<link rel="stylesheet" href="/own.css"/>' in page


def test_crm_mon_prints_bare_xml_as_older_versions_did(devices: Path, capsys: Captured) -> None:
    assert crm_mon.main(["-X", "--inactive"]) == 0
    text = capsys.readouterr().out
    assert text.startswith('<crm_mon version="')
    assert "pacemaker-result" not in text


def test_cibadmin_names_the_sections_where_one_is_misspelt(devices: Path, capsys: Captured) -> None:
    assert cibadmin.main(["-Q", "-o", "resorces"]) == 64
    told = capsys.readouterr().err
    assert told == "cibadmin: there is no section 'resorces'; did you mean 'resources'?\n"
    assert cibadmin.main(["-Q", "-o", "xyzzy"]) == 64
    assert "sections: acls, alerts, configuration, constraints" in capsys.readouterr().err


def test_cibadmin_prints_the_digest_that_the_classic_tool_prints(devices: Path, capsys: Captured) -> None:
    assert cibadmin.main(["-5", "-X", '<cib><b id="1"/></cib>']) == 0
    assert capsys.readouterr().out == "00a4cf8b69f5a42ae67fe57bc0d7b38f\n"


def test_no_two_modules_of_the_shell_need_each_other() -> None:
    """Imports inside functions count too: a circle hidden there is still one."""
    folder = Path(cibadmin.__file__).parent
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        name = ".".join(path.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__")
        found[name] = set(imports_of(ast.parse(path.read_text(encoding="utf-8"))))
    needs = {name: {each for each in names if each in found and each != name} for name, names in found.items()}
    while free := [name for name, names in needs.items() if not names]:
        needs = {name: names - set(free) for name, names in needs.items() if name not in free}
    assert needs == {}, "these need each other, or what does"


def imports_of(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom) and child.module:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        yield from imports_of(child)
