"""Dummy and Stateful: agents whose whole service is a file."""

from pathlib import Path

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


def test_a_stateful_resource_is_promoted_and_demoted(tmp_path: Path) -> None:
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
