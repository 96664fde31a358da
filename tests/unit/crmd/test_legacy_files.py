"""The classic files on disk: what the import reads, and what `python -m crmd` says about them."""

import subprocess
import sys
from pathlib import Path

import pytest

from crmd.legacy_files import HaCfUnusable, read_ha_cf_apart, read_plan
from crmd.legacy_import import ImportRefused, describe

HA_CF = """# example
logfile /var/log/ha-log
keepalive 200ms
deadtime 1
warntime 500ms
initdead 2
mcast eth0 225.0.100.1 694 1 0
auto_failback off
stonith baytech {config}/stonith.baytech
node node1.example.com
node node2.example.com
"""
HARESOURCES = "node1.example.com 172.16.20.100/16/eth0 web::site\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "ha.cf").write_text(HA_CF.format(config=tmp_path))
    (tmp_path / "haresources").write_text(HARESOURCES)
    (tmp_path / "stonith.baytech").write_text("10.0.0.3 admin secret\n")
    web = tmp_path / "resource.d" / "web"
    web.parent.mkdir()
    web.write_text("#!/bin/sh\n")
    web.chmod(0o755)
    return tmp_path


def crmd(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PACEKEEPER_CONFIG_DIR": str(config), "PACEKEEPER_STATE_DIR": str(config / "state")}
    return subprocess.run(
        [sys.executable, "-m", "crmd", *options, "--node", "node1.example.com"],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_classic_files_are_read_into_one_plan(config: Path) -> None:
    nodes, settings, _ = read_ha_cf_apart(config, "node1.example.com")
    plan = read_plan(config, nodes, settings)
    assert plan is not None
    assert plan.stickiness == "INFINITY"
    assert [member.agent for member in plan.groups[0].members] == ["ocf:pacekeeper:IPaddr2", "heartbeat:web"]
    assert dict(plan.devices[0].parameters)["password"] == "secret"


def test_no_haresources_means_nothing_to_import(config: Path) -> None:
    nodes, settings, _ = read_ha_cf_apart(config, "node1.example.com")
    (config / "haresources").unlink()
    assert read_plan(config, nodes, settings) is None


def test_errors_of_ha_cf_are_told_with_their_lines(config: Path) -> None:
    with (config / "ha.cf").open("a") as file:
        file.write("deadtime soon\n")
    with pytest.raises(HaCfUnusable, match=r"ha\.cf:12.*soon"):
        read_ha_cf_apart(config, "node1.example.com")


def test_errors_of_haresources_refuse_the_import(config: Path) -> None:
    (config / "haresources").write_text("node1.example.com Filesystem::x\n")
    nodes, settings, _ = read_ha_cf_apart(config, "node1.example.com")
    with pytest.raises(ImportRefused, match=r"haresources:1: error: Filesystem has wrong arguments"):
        read_plan(config, nodes, settings)


def test_the_preview_prints_what_the_import_would_write(config: Path) -> None:
    done = crmd(config, "--import-preview")
    assert done.returncode == 0, done.stderr
    nodes, settings, _ = read_ha_cf_apart(config, "node1.example.com")
    plan = read_plan(config, nodes, settings)
    assert plan is not None
    assert done.stdout.splitlines() == describe(plan)


def test_a_check_of_good_files_is_silent(config: Path) -> None:
    done = crmd(config, "--check")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_check_tells_every_problem_and_ends_with_78(config: Path) -> None:
    (config / "haresources").write_text("node1.example.com Filesystem::x\nnode9 web\n")
    (config / "state" / "cib").mkdir(parents=True)
    (config / "state" / "cib" / "cib.xml").write_text("<cib>\n<configuration>\n")
    done = crmd(config, "--check")
    assert done.returncode == 78
    assert "haresources:1: error" in done.stderr
    assert "haresources:2: error" in done.stderr
    assert "cib.xml:" in done.stderr


def test_a_cib_that_breaks_the_grammar_is_told_with_its_line(config: Path) -> None:
    (config / "state" / "cib").mkdir(parents=True)
    (config / "state" / "cib" / "cib.xml").write_text(
        '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">\n<configuration>\n'
        "<crm_config/>\n<nodes/>\n<resources>\n"
        '<primitive id="web" klass="lsb" type="httpd"/>\n</resources>\n<constraints/>\n</configuration>\n'
        "<status/>\n</cib>\n"
    )
    done = crmd(config, "--check")
    assert done.returncode == 78
    assert "cib.xml:6:21: primitive 'web'" in done.stderr
