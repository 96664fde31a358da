"""The configure level on a file: what is stored, what is refused, what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsh.configuration.commit import Conflict, rebased
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.xml import parse_xml
from tests.unit.crmsh.samples import EMPTY, TWO_NODES
from tests.unit.crmsh.shell import run


@pytest.fixture
def cib(tmp_path: Path) -> Path:
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES)
    return path


def test_several_lines_are_committed_as_one_epoch(cib: Path) -> None:
    ran = run(cib, "configure", "primitive a Dummy", "primitive b Dummy", "group g a b", "commit")
    assert not ran.failed, ran.err
    assert '<group id="g"><primitive id="a"' in ran.cib.replace("\n", "").replace("  ", "")
    assert 'epoch="6"' in ran.cib
    assert 'num_updates="0"' in ran.cib


def test_one_command_commits_by_itself(cib: Path) -> None:
    assert "priority" in run(cib, "configure primitive a Dummy meta priority=3").cib


def test_a_wrong_line_is_told_with_its_number_and_the_others_are_kept(cib: Path) -> None:
    ran = run(cib, "configure", "primitive a Dummy", "primitive b", "commit")
    assert ran.failed
    assert "ERROR: 3: syntax in primitive: the line ends early" in ran.err
    assert 'id="a"' in ran.cib


def test_messages_never_get_into_the_answer(cib: Path) -> None:
    ran = run(cib, "configure", "ms m db", "show m")
    assert ran.out == "clone m db \\\n\tmeta promotable=true\n"
    assert "INFO: ms m is written in its current form" in ran.err


def test_a_new_error_refuses_the_commit_once_and_force_writes_it(cib: Path) -> None:
    line = "property stonith-enabled=true"
    refused = run(cib, "configure", line, "commit")
    assert refused.failed
    assert refused.err.count("no fencing device") == 1
    assert 'name="stonith-enabled" value="false"' in refused.cib
    assert 'name="stonith-enabled" value="true"' in run(cib, "configure", line, "commit force").cib


def test_a_document_that_the_schema_refuses_is_not_written_even_by_force(cib: Path) -> None:
    ran = run(cib, "configure", "location l nosuch 10: alpha", "commit force")
    assert ran.failed
    assert "'nosuch'" in ran.err
    assert "nosuch" not in ran.cib


def test_an_error_that_was_there_before_is_a_warning_and_does_not_refuse_a_change(tmp_path: Path) -> None:
    path = tmp_path / "cib.xml"
    path.write_text(EMPTY.replace("<resources/>", '<resources><primitive id="x" class="lsb" type="x"/></resources>'))
    ran = run(path, "configure", "primitive a Dummy", "commit")
    assert "WARNING: " in ran.err
    assert "fencing" in ran.err
    assert not ran.failed
    assert 'id="a"' in ran.cib


def test_deleting_a_resource_takes_its_constraints_along_and_says_so(cib: Path) -> None:
    ran = run(cib, "configure", "delete db", "show")
    assert "rsc_location db-on-beta removed: it was about db" in ran.err
    assert "rsc_order db-first removed: it was about db" in ran.err
    assert "db" not in ran.out


def test_a_running_resource_is_not_deleted_without_force(cib: Path) -> None:
    assert "resource 'vip' is running: stop it first, or use --force" in run(cib, "configure delete vip").err
    assert not run(cib, "configure delete --force vip").failed


def test_deleting_a_group_keeps_its_members(cib: Path) -> None:
    ran = run(cib, "configure", "delete site", "show type:primitive")
    assert "primitive vip IPaddr2" in ran.out
    assert "primitive web Dummy" in ran.out


def test_renaming_changes_what_refers_to_the_object(cib: Path) -> None:
    ran = run(cib, "configure", "rename db store", "show db-first db-on-beta")
    assert ran.out == "order db-first store site\nlocation db-on-beta store 100: beta\n"


def test_sets_of_constraints_shrink_to_the_plain_form_when_two_members_are_left(cib: Path) -> None:
    lines = ("primitive a Dummy", "primitive b Dummy", "colocation c inf: db a b")
    ran = run(cib, "configure", *lines, "delete a", "show c")
    assert ran.out == "colocation c inf: b db\n"


def test_group_membership_is_changed_in_place(cib: Path) -> None:
    ran = run(cib, "configure", "modgroup site add db before web", "show site", "modgroup site remove web", "show site")
    assert ran.out == "group site vip db web\ngroup site vip db\n"


def test_one_value_is_changed_where_it_is(cib: Path) -> None:
    ran = run(cib, "configure", "set vip.monitor.timeout 45s", "set vip.ip 192.0.2.99", "show vip")
    assert "params ip=192.0.2.99" in ran.out
    assert "timeout=45s" in ran.out
    assert "has no 'nothing'" in run(cib, "configure set vip.nothing 1").err


def test_update_merges_by_name_and_push_removes_what_the_file_lacks(cib: Path, tmp_path: Path) -> None:
    text = tmp_path / "load.crm"
    text.write_text("primitive vip IPaddr2 \\\n\tparams nic=eth0 \\\n\top monitor interval=10s timeout=99s\n")
    ran = run(cib, f"configure load update {text}", "configure show vip")
    assert (
        ran.out
        == "primitive vip IPaddr2 \\\n\tparams ip=192.0.2.10 nic=eth0 \\\n\top monitor interval=10s timeout=99s\n"
    )
    with text.open("a") as file:
        file.write("property stonith-enabled=false\n")
    run(cib, f"configure load push {text}")
    assert "db" not in run(cib, "configure show").out


def test_a_file_with_a_wrong_line_changes_nothing_and_every_fault_is_named(cib: Path, tmp_path: Path) -> None:
    text = tmp_path / "load.crm"
    text.write_text("primitive a Dummy\nprimitive\norder o x\ncolocation c a b\n")
    ran = run(cib, f"configure load update {text}")
    assert f"{text}:2: syntax in primitive" in ran.err
    assert f"{text}:4: syntax in colocation" in ran.err
    assert 'id="a"' not in ran.cib


def test_saving_and_loading_gives_the_same_configuration(cib: Path, tmp_path: Path) -> None:
    before = run(cib, "configure show").out
    run(cib, f"configure save {tmp_path / 'saved.crm'}", f"configure load replace {tmp_path / 'saved.crm'}")
    assert run(cib, "configure show").out == before


def test_filter_lets_members_change_places(cib: Path) -> None:
    lines = ("group other db", 'filter \'sed -e "s/site vip web/site db web/" -e "s/other db/other vip/"\'')
    ran = run(cib, "configure", *lines, "show type:group")
    assert ran.out == "group other vip\ngroup site db web\n"


def test_show_of_an_unknown_id_suggests_a_known_one(cib: Path) -> None:
    ran = run(cib, "configure show vipp")
    assert ran.out == ""
    assert "there is no object 'vipp'; did you mean 'vip'?" in ran.err


def test_changes_of_others_survive_a_commit_and_a_conflict_is_named() -> None:
    copy = WorkingCopy.from_bytes(TWO_NODES.encode())
    copy.enter("primitive mine Dummy")
    others = parse_xml(TWO_NODES.replace('value="192.0.2.10"', 'value="192.0.2.11"'))
    merged = rebased(copy, others)
    text = "".join(merged.xpath("//nvpair[@name='ip']/@value | //primitive[@id='mine']/@id"))
    assert "192.0.2.11" in text
    assert "mine" in text
    copy.set_value("vip.ip", "192.0.2.12")
    with pytest.raises(Conflict, match="group site"):
        rebased(copy, others)


def test_the_preview_says_what_would_be_done(cib: Path) -> None:
    assert "will start db on alpha" in run(cib, "configure ptest").out
    assert "will stop vip on alpha" in run(cib, "configure", "property stop-all-resources=true", "ptest").out


def test_unknown_commands_are_answered_with_the_nearest_one(cib: Path) -> None:
    assert "configure.shwo: No such command; did you mean 'show'?" in run(cib, "configure shwo").err
    assert "rezource: No such command; did you mean 'resource'?" in run(cib, "rezource status").err


def test_a_shortened_name_is_taken_and_said(cib: Path) -> None:
    ran = run(cib, "conf show type:order")
    assert ran.out == "order db-first db site\n"
    assert 'INFO: "conf" is accepted as "configure"' in ran.err


def test_malformed_xml_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "cib.xml"
    path.write_text("<cib>\n  <configuration>\n</cib>\n")
    ran = run(path, "configure show")
    assert ran.failed
    assert "not well-formed" in ran.err
    assert "3:" in ran.err


def test_edited_text_replaces_the_objects_and_a_fault_in_it_loses_nothing(
    cib: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/interval=10s/interval=33s/")
    assert "op monitor interval=33s timeout=20s" in run(cib, "configure edit vip", "configure show vip", force=True).out
    monkeypatch.setenv("EDITOR", "sed -i s/params/parms/")
    ran = run(cib, "configure edit vip")
    assert "the edited text:1: syntax in primitive" in ran.err
    assert "the edited text was not taken over" in ran.err
    assert "op monitor interval=33s" in run(cib, "configure show vip").out


def test_a_name_without_a_value_that_looks_like_a_keyword_is_taken_and_told(cib: Path) -> None:
    ran = run(cib, "configure primitive p Dummy params fake=1 opp monitor")
    assert "'opp' of 'p' is taken as a name without a value; did you mean 'op'?" in ran.err
    assert "INFO" not in run(cib, "configure primitive q Dummy params verbose").err


def test_a_misspelt_option_is_taken_and_told(cib: Path) -> None:
    ran = run(cib, "configure property stonith-enabld=true my-own=1", "configure rsc_defaults target-rol=Started")
    assert "the cluster has no option 'stonith-enabld'; did you mean 'stonith-enabled'?" in ran.err
    assert ran.err.count("stonith-enabld'; did you mean") == 1
    assert "the cluster has no option 'my-own'\n" in ran.err
    assert "does not know the meta attribute 'target-rol'; did you mean 'target-role'?" in ran.err


def test_an_object_that_is_named_twice_is_removed_once(cib: Path) -> None:
    ran = run(cib, "configure primitive q Dummy", "configure delete q q")
    assert not ran.failed
    assert 'id="q"' not in ran.cib
