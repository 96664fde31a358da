"""The resource, node, maintenance and cib levels on a file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from crmd.client import Client
from crmd.messages import Divergence
from crmsh.backend import FileBackend, LiveBackend
from tests.unit.crmsh.samples import TWO_NODES
from tests.unit.crmsh.shell import run


@pytest.fixture
def cib(tmp_path: Path) -> Path:
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES)
    return path


def test_stopping_a_group_clears_what_contradicts_it_in_its_members(cib: Path) -> None:
    run(cib, "resource meta vip set target-role Started")
    ran = run(cib, "resource stop site", "configure show site vip")
    assert "target-role=Started of 'vip' was removed: it contradicts 'site'" in ran.err
    assert "group site vip web \\\n\tmeta target-role=Stopped" in ran.out
    assert "Started" not in ran.out


def test_moving_makes_a_preference_and_says_how_to_remove_it(cib: Path) -> None:
    ran = run(cib, "resource move db beta", "configure show cli-prefer-db")
    assert ran.out == "location cli-prefer-db db role=Started inf: beta\n"
    assert "'crm resource clear db' removes it" in ran.err
    assert "cli-prefer-db was removed" in run(cib, "resource clear db").err


def test_moving_without_a_node_bans_the_one_where_it_runs(cib: Path) -> None:
    assert "cli-ban-site-on-alpha" in run(cib, "resource move site").cib
    assert "runs nowhere: name the node" in run(cib, "resource move db").err


def test_a_ban_can_have_a_lifetime(cib: Path) -> None:
    text = run(cib, "resource ban db alpha PT1H", "configure show cli-ban-db-on-alpha").out
    assert text.startswith("location cli-ban-db-on-alpha db role=Started \\\n\trule -inf: #uname eq alpha and date lt ")


def test_moving_to_where_it_runs_already_is_refused(cib: Path) -> None:
    assert "'site' runs on alpha already" in run(cib, "resource move site alpha").err


@pytest.mark.parametrize("line", ["resource meta dbb show x", "resource param dbb set a b", "resource promote dbb"])
def test_every_command_names_a_resource_that_does_not_exist(cib: Path, line: str) -> None:
    assert "resource 'dbb' does not exist; did you mean 'db'?" in run(cib, line).err


def test_a_meta_value_that_the_cluster_would_ignore_is_refused_unless_forced(cib: Path) -> None:
    ran = run(cib, "resource meta db set target-role Stoped")
    assert "'db': meta attribute target-role has the value 'Stoped', expected Started" in ran.err
    assert "Stoped" not in ran.cib
    assert "Stoped" in run(cib, "resource meta db set target-role Stoped", force=True).cib


def test_locate_answers_on_standard_output_and_tells_the_rest_on_standard_error(cib: Path) -> None:
    ran = run(cib, "resource locate vip", "resource locate db")
    assert ran.out == "resource vip is running on: alpha \n"
    assert "resource db is NOT running" in ran.err


def test_an_unknown_resource_or_node_is_named_with_the_nearest_one(cib: Path) -> None:
    assert "resource 'viq' does not exist; did you mean 'vip'?" in run(cib, "resource stop viq").err
    assert "node 'alpa' is not known; did you mean 'alpha'?" in run(cib, "node standby alpa").err
    assert "node 'gamma' is not known" in run(cib, "resource move db gamma").err


def test_standby_and_online_write_the_nodes_attribute(cib: Path) -> None:
    assert 'name="standby" value="on"' in run(cib, "node standby alpha").cib
    assert 'name="standby" value="off"' in run(cib, "node online alpha").cib


def test_a_node_is_added_with_its_name_as_id_and_removed_with_its_status(cib: Path) -> None:
    assert '<node id="gamma" uname="gamma"/>' in run(cib, "node add gamma").cib
    assert "online: stop the cluster there first" in run(cib, "node delete alpha").err
    text = run(cib, "node delete beta").cib
    assert 'uname="beta"' not in text


def test_node_attributes_are_set_shown_and_deleted(cib: Path) -> None:
    ran = run(cib, "node attribute alpha set rack r1", "node attribute alpha show rack", "node show alpha")
    assert ran.out == "scope=nodes  name=rack value=r1\nalpha(alpha): member\n\track=r1\n"
    assert (
        "has no attribute 'rack'" in run(cib, "node attribute alpha delete rack", "node attribute alpha show rack").err
    )


def test_maintenance_of_the_cluster_is_a_property(cib: Path) -> None:
    assert 'name="maintenance-mode" value="true"' in run(cib, "maintenance on").cib


def test_fail_counts_are_shown_and_deleted(cib: Path) -> None:
    assert "name=fail-count-vip#monitor_10000 value=1" in run(cib, "resource failcount vip show alpha").out
    assert "fail-count" not in run(cib, "resource failcount vip delete alpha").cib


def test_what_needs_the_running_cluster_says_so_for_a_file(cib: Path) -> None:
    assert "this needs the running cluster" in run(cib, "resource cleanup vip").err
    assert "this needs the running cluster" in run(cib, "node fence beta", force=True).err


def test_dangerous_commands_do_nothing_where_nobody_can_be_asked(cib: Path) -> None:
    assert "was not fenced: say yes, or use -F" in run(cib, "node fence beta").err


def test_help_is_there_for_every_level_command_and_kind_of_object(cib: Path) -> None:
    from crmsh.levels.framework import level_below
    from crmsh.levels.root import LEVEL

    for name in LEVEL.below:
        level = level_below(LEVEL, name)
        assert level is not None
        assert level.summary
        for command in level.commands.values():
            ran = run(cib, f"help {name} {command.name}")
            assert command.summary in ran.out
            assert "Usage: " in ran.out
    assert "Example: crm configure location" in run(cib, "configure help location").out


class Running(FileBackend):
    """A live cluster with these members, whose CIB is a file."""

    live = True

    def __init__(self, path: Path, *members: str) -> None:
        super().__init__(str(path))
        self._members = members

    def client(self) -> Client:
        state = SimpleNamespace(node="alpha", members=self._members)
        return cast(Client, SimpleNamespace(state=lambda: state))


def test_a_vote_for_a_node_that_is_not_there_yet_is_refused_with_what_to_do_first(cib: Path) -> None:
    away, here = Running(cib, "alpha", "beta"), Running(cib, "alpha", "beta", "gamma")
    ran = run(cib, "node add gamma", backend=away)
    assert "gamma is not in the cluster yet: start heartbeat there first" in ran.err
    assert "gamma" not in ran.cib
    forced = run(cib, "node add gamma", backend=away, force=True)
    assert "with fencing on it is fenced at once" in forced.err
    assert 'uname="gamma"' in forced.cib
    run(cib, "node delete gamma")
    ran = run(cib, "node add gamma", backend=here)
    assert ran.err.strip() == "INFO: gamma: in the list of nodes, with a vote"


def test_what_lost_is_listed_with_its_file_and_how_to_restore_it(cib: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Divergence("/cib/kept-1.xml", (0, 4, 0), "d", "the cluster goes on from version 0.5.0", 0)
    kept = [lost]
    client = cast(Client, SimpleNamespace(divergences=lambda: tuple(kept)))
    monkeypatch.setattr(LiveBackend, "client", lambda _self: client)
    ran = run(cib, "cib divergences")
    assert ran.out.startswith("/cib/kept-1.xml: version 0.4.0, kept 19")
    assert "the cluster goes on from version 0.5.0" in ran.out
    assert "restore it: 'cib commit NAME'" in ran.err
    kept.clear()
    assert "nothing was kept aside on this node" in run(cib, "cib divergences").err


def test_a_line_that_fails_leaves_the_session_at_the_level_where_it_was(cib: Path) -> None:
    ran = run(cib, "node standby nobody", "configure show vip")
    assert "node 'nobody' is not known; nodes: alpha, beta" in ran.err
    assert ran.out.startswith("primitive vip")


def test_operations_of_a_resource_are_those_that_ran_and_count(cib: Path) -> None:
    ran = run(cib, "resource operations vip")
    assert "vip_monitor_10000 (node=" in ran.out
    assert "db_" not in ran.out
    assert "resource 'vp' does not exist; did you mean 'vip'?" in run(cib, "resource operations vp").err
