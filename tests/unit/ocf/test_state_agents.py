"""Dummy and Stateful: agents whose whole service is a file."""

from pathlib import Path

import pytest

from ocf import Dummy, Stateful
from ocf.agent import Exit
from tests.unit.ocf.call import call


def test_a_dummy_runs_between_start_and_stop(tmp_path: Path) -> None:
    parameters = {"state": str(tmp_path / "below" / "state")}
    codes = [call(Dummy.AGENT, action, parameters).code for action in ("monitor", "start", "start", "monitor")]
    assert codes == [Exit.NOT_RUNNING, Exit.OK, Exit.OK, Exit.OK]
    codes = [call(Dummy.AGENT, action, parameters).code for action in ("stop", "stop", "monitor")]
    assert codes == [Exit.OK, Exit.OK, Exit.NOT_RUNNING]


def test_without_a_parameter_the_state_is_named_after_the_instance(tmp_path: Path) -> None:
    call(Dummy.AGENT, "start", HA_RSCTMP=str(tmp_path), OCF_RESOURCE_INSTANCE="d:1")
    assert [entry.name for entry in tmp_path.iterdir()] == ["Dummy-d:1.state"]


def test_a_recurring_monitor_says_why_it_fails_and_a_probe_does_not(tmp_path: Path) -> None:
    parameters = {"state": str(tmp_path / "state")}
    names = {"OCF_RESKEY_CRM_meta_name": "monitor"}
    said = call(Dummy.AGENT, "monitor", parameters, OCF_RESKEY_CRM_meta_interval="10000", **names)
    assert (said.code, said.errors) == (Exit.NOT_RUNNING, "ocf-exit-reason:the state file is gone\n")
    assert call(Dummy.AGENT, "monitor", parameters, OCF_RESKEY_CRM_meta_interval="0", **names).errors == ""


def test_a_state_file_that_can_not_be_written_is_the_reason_of_the_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    said = call(Dummy.AGENT, "start", {"state": str(tmp_path / "file" / "state")})
    assert said.code == Exit.GENERIC
    assert str(tmp_path / "file" / "state") in said.errors


def test_a_dummy_migrates(tmp_path: Path) -> None:
    here, there = {"state": str(tmp_path / "here")}, {"state": str(tmp_path / "there")}
    call(Dummy.AGENT, "start", here)
    assert call(Dummy.AGENT, "migrate_to", here).code == Exit.OK
    assert call(Dummy.AGENT, "migrate_from", there).code == Exit.OK
    assert [call(Dummy.AGENT, "monitor", each).code for each in (here, there)] == [Exit.NOT_RUNNING, Exit.OK]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a crm_attribute that writes down how it is called; returns what it writes."""
    calls = tmp_path / "calls"
    tool = tmp_path / "bin" / "crm_attribute"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("HA_SBIN_DIR", str(tool.parent))
    return calls


def test_a_stateful_resource_tells_the_cluster_how_much_it_wants_to_be_promoted(tmp_path: Path, tools: Path) -> None:
    parameters = {"state": str(tmp_path / "state")}
    told = []
    for action in ("monitor", "start", "monitor", "promote", "monitor", "demote", "stop"):
        tools.write_text("")
        call(Stateful.AGENT, action, parameters)
        told.append((action, tools.read_text().strip()))
    assert told == [
        ("monitor", ""),
        ("start", "--promotion --update 5"),
        ("monitor", "--promotion --update 5"),
        ("promote", "--promotion --update 10"),
        ("monitor", "--promotion --update 10"),
        ("demote", "--promotion --update 5"),
        ("stop", "--promotion --delete"),
    ]


def test_a_tool_that_is_missing_or_fails_is_told_and_does_not_fail_the_resource(
    tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"state": str(tmp_path / "state")}
    (tmp_path / "bin" / "crm_attribute").write_text("#!/bin/sh\necho no cluster >&2\nexit 102\n")
    said = call(Stateful.AGENT, "start", parameters)
    assert (said.code, said.errors.endswith("crm_attribute failed (102): no cluster\n")) == (Exit.OK, True)
    monkeypatch.setenv("HA_SBIN_DIR", str(tmp_path / "nowhere"))
    said = call(Stateful.AGENT, "monitor", parameters)
    assert (said.code, said.errors.endswith("crm_attribute: No such file or directory\n")) == (Exit.OK, True)


def test_a_stateful_resource_is_promoted_and_demoted(tmp_path: Path, tools: Path) -> None:
    parameters = {"state": str(tmp_path / "state")}
    seen = []
    for action in ("promote", "start", "promote", "start", "demote", "stop"):
        code = call(Stateful.AGENT, action, parameters).code
        seen.append((action, code, call(Stateful.AGENT, "monitor", parameters).code))
    assert seen == [
        ("promote", Exit.NOT_RUNNING, Exit.NOT_RUNNING),
        ("start", Exit.OK, Exit.OK),
        ("promote", Exit.OK, Exit.RUNNING_PROMOTED),
        ("start", Exit.GENERIC, Exit.RUNNING_PROMOTED),
        ("demote", Exit.OK, Exit.OK),
        ("stop", Exit.OK, Exit.NOT_RUNNING),
    ]
