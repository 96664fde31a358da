"""The toolkit: what every agent in Python has without doing anything for it."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ocf import AGENTS, Dummy, Filesystem, IPaddr2, Stateful, agent
from ocf.agent import Action, Agent, Call, Exit, Parameter, fail
from tests.unit.ocf.call import call

ROOT = Path(__file__).parents[3]
SHIPPED = {"Dummy": Dummy.AGENT, "Filesystem": Filesystem.AGENT, "IPaddr2": IPaddr2.AGENT, "Stateful": Stateful.AGENT}
ORIGINALS = Path("/usr/lib/ocf/resource.d/heartbeat")


def _start(given: Call) -> Exit:
    if given.text("mode") == "broken":
        fail(Exit.GENERIC, "it is <broken>")
    return Exit.OK


SAMPLE = Agent(
    name="Sample",
    version="1.0",
    short="a <sample>",
    long="long & text",
    parameters=(
        Parameter("mode", "mode", "How.", default="plain"),
        Parameter("size", "size", "How much.", kind="integer", default="5"),
        Parameter("fast", "fast", "Whether.", kind="boolean", default="no"),
        Parameter("name", "name", "Who.", required=True, unique=True),
    ),
    actions=(Action("start", 20), Action("monitor", 20, interval_s=10, depth=0), Action("meta-data", 5)),
    handlers={"start": _start, "monitor": lambda _: Exit.NOT_RUNNING},
)


def test_meta_data_says_what_was_declared() -> None:
    root = ElementTree.fromstring(call(SAMPLE, "meta-data").output)
    assert root.get("name") == "Sample"
    parameters = {each.get("name"): each for each in root.iter("parameter")}
    assert (parameters["name"].get("required"), parameters["name"].get("unique")) == ("1", "1")
    content = parameters["size"].find("content")
    assert content is not None
    assert (content.get("type"), content.get("default")) == ("integer", "5")
    actions = {each.get("name"): each.attrib for each in root.iter("action")}
    assert actions["monitor"] == {"name": "monitor", "timeout": "20s", "interval": "10s", "depth": "0"}


def test_a_failure_is_an_exit_code_and_a_reason_on_standard_error() -> None:
    said = call(SAMPLE, "start", {"name": "x", "mode": "broken"}, OCF_EXIT_REASON_PREFIX="why:")
    assert (said.code, said.errors) == (Exit.GENERIC, "why:it is <broken>\n")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "parameter name is required"),
        ({"name": "x", "size": "big"}, "parameter size: 'big' is not a whole number"),
        ({"name": "x", "fast": "perhaps"}, "parameter fast: 'perhaps' is not a boolean (true or false)"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_done(parameters: dict[str, str], reason: str) -> None:
    for action in ("start", "validate-all"):
        said = call(SAMPLE, action, parameters)
        assert (said.code, said.errors) == (Exit.NOT_CONFIGURED, f"ocf-exit-reason:{reason}\n")


def test_status_is_monitor_and_an_unknown_action_is_not_implemented() -> None:
    assert call(SAMPLE, "status", {"name": "x"}).code == Exit.NOT_RUNNING
    said = call(SAMPLE, "promote", {"name": "x"})
    assert (said.code, said.errors) == (Exit.UNIMPLEMENTED, "usage: Sample {start|monitor|meta-data|usage}\n")


def test_a_call_without_exactly_one_action_is_an_error_in_the_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert agent.main(SAMPLE, ["Sample"]) == Exit.ARGS
    assert capsys.readouterr().err.startswith("usage: Sample")


@pytest.mark.parametrize("name", AGENTS)
def test_every_shipped_agent_is_an_ordinary_command_too(name: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", f"ocf.{name}", "meta-data"], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == SHIPPED[name].metadata()


@pytest.mark.parametrize("name", ["Dummy", "Filesystem", "IPaddr2"])
def test_parameters_and_actions_are_those_of_the_original_so_that_configurations_move(name: str) -> None:
    original = ORIGINALS / name
    if not original.exists():
        pytest.skip(f"{original} is not installed (package resource-agents)")
    environ = {**os.environ, "OCF_ROOT": "/usr/lib/ocf"}
    done = subprocess.run([str(original), "meta-data"], env=environ, capture_output=True, text=True, check=True)
    theirs = ElementTree.fromstring(done.stdout)
    ours = ElementTree.fromstring(SHIPPED[name].metadata())

    def flags(root: ElementTree.Element) -> dict[str, tuple[bool, bool]]:
        return {
            str(each.get("name")): (each.get("required") == "1", each.get("unique") == "1")
            for each in root.iter("parameter")
        }

    assert flags(ours) == flags(theirs)
    assert {each.get("name") for each in ours.iter("action")} == {each.get("name") for each in theirs.iter("action")}
