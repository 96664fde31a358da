"""The classic files through `heartbeat start`: exit code 6, file, line and expectation, and nothing is started."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from heartbeat import command
from tests.bad_input.conftest import HA_CF, HARESOURCES, Installation
from tests.unit.crmd.test_haresources import MALFORMED as HARESOURCES_LINES
from tests.unit.crmd.test_legacy_import import STONITH_MALFORMED as STONITH_LINES
from tests.unit.heartbeat.test_authkeys import MALFORMED as AUTHKEYS_TEXTS
from tests.unit.heartbeat.test_ha_cf import MALFORMED as HA_CF_LINES

Start = Callable[[], str]


def test_the_right_files_are_right(node: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    node.put("haresources", "node1 10.0.0.1/24/lo\n")
    assert node.heartbeat("check") == command.OK
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("line", "expected"), HA_CF_LINES)
def test_a_line_of_ha_cf(node: Installation, refused_start: Start, line: str, expected: str) -> None:
    node.put("ha.cf", HA_CF + line)
    assert expected.removeprefix("/etc/ha.d/") in refused_start()


@pytest.mark.parametrize(("text", "expected"), AUTHKEYS_TEXTS)
def test_a_text_of_authkeys(node: Installation, refused_start: Start, text: str, expected: str) -> None:
    node.put("authkeys", text)
    assert expected in refused_start()


@pytest.mark.parametrize(("text", "expected"), HARESOURCES_LINES)
def test_a_line_of_haresources(node: Installation, refused_start: Start, text: str, expected: str) -> None:
    node.put("haresources", text)
    assert expected in refused_start()


@pytest.mark.parametrize(("line", "expected"), STONITH_LINES)
def test_a_stonith_line_of_ha_cf(node: Installation, refused_start: Start, line: str, expected: str) -> None:
    node.put("haresources", HARESOURCES)
    path = node.put("ha.cf", f"{HA_CF}{line}\n")
    said = refused_start()
    assert f"{path}:4: error: {expected}" in said
    assert "secret" not in said


def test_a_stonith_line_is_no_reason_to_stay_down_once_the_configuration_is_in_the_cib(
    node: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    node.put("haresources", HARESOURCES)
    node.put("ha.cf", f"{HA_CF}stonith baytech /gone/since\n")
    node.directories.cib.mkdir(parents=True)
    (node.directories.cib / "cib.history").touch()
    assert node.heartbeat("check") == command.OK, capsys.readouterr().err


def test_a_fence_agent_that_this_node_does_not_have_is_warned_about(
    node: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    node.put("haresources", HARESOURCES)
    path = node.put("ha.cf", f"{HA_CF}stonith_host node1 fence_nosuch ip=10.0.0.9\n")
    assert node.heartbeat("check") == command.OK
    text = "there is no fence agent 'fence_nosuch' on this node; it can't fence with this device"
    assert capsys.readouterr().err == f"{path}:4: warning: {text}\n"


def test_devices_without_haresources_are_not_forgotten_silently(
    node: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    path = node.put("ha.cf", f"{HA_CF}stonith_host * fence_nosuch ip=10.0.0.9\n")
    assert node.heartbeat("check") == command.OK
    assert f"{path}:4: warning: stonith_host: devices are imported together with haresources" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bcast nosuch0", "bcast nosuch0: there is no network interface nosuch0"),
        ("mcast nosuch0 225.0.0.1 694 1 0", "mcast nosuch0 225.0.0.1: there is no network interface nosuch0"),
        ("ucast lo nosuch.invalid", "ucast lo nosuch.invalid: the host name nosuch.invalid does not resolve"),
        ("logfile /nosuch/ha-log", "logfile: its directory does not exist: '/nosuch/ha-log'; expected a file in a"),
        ("debugfile /proc", "debugfile: is a directory: '/proc'; expected the path of a file"),
    ],
)
def test_what_this_machine_does_not_have_is_told_with_the_line(
    node: Installation, refused_start: Start, line: str, expected: str
) -> None:
    path = node.put("ha.cf", f"{HA_CF}# here\n{line}\n")
    assert f"{path}:5: error: {expected}" in refused_start()


def test_a_script_that_this_node_does_not_have_is_warned_about(
    node: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    path = node.put("haresources", "node1 10.0.0.1/24/lo nosuchd\n")
    assert node.heartbeat("check") == command.OK
    assert capsys.readouterr().err == (
        f"{path}:1: warning: there is no script 'nosuchd' in resource.d or init.d of this node; "
        "it can't be started here\n"
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o700, 0o400])
def test_an_authkeys_file_of_another_mode(node: Installation, refused_start: Start, mode: int) -> None:
    path = node.put("authkeys", "auth 1\n1 sha256 a-secret\n")
    path.chmod(mode)
    said = refused_start()
    assert str(path) in said
    assert f"{mode:o}" in said
    assert "600" in said
    assert "a-secret" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_authkeys_file_of_another_user(node: Installation, refused_start: Start) -> None:
    path = node.put("authkeys", "auth 1\n1 sha256 a-secret\n")
    os.chown(path, 65534, 65534)
    said = refused_start()
    assert str(path) in said
    assert "wrong owner" in said
    assert "chown" in said


@pytest.mark.parametrize("name", ["ha.cf", "authkeys"])
def test_a_file_that_is_missing_is_named(node: Installation, refused_start: Start, name: str) -> None:
    (node.directories.config / name).unlink()
    assert str(node.directories.config / name) in refused_start()


@pytest.mark.parametrize("name", ["ha.cf", "authkeys", "haresources"])
def test_a_directory_in_a_file_s_place(node: Installation, refused_start: Start, name: str) -> None:
    path = node.directories.config / name
    path.unlink(missing_ok=True)
    path.mkdir()
    assert str(path) in refused_start()


@pytest.mark.parametrize("name", ["ha.cf", "authkeys", "haresources"])
def test_bytes_that_are_no_text(node: Installation, refused_start: Start, name: str) -> None:
    path = node.put(name, "")
    path.write_bytes(b"\xff\xfe\x00binary\x00\n")
    assert f"{path}:" in refused_start()


def test_a_restart_does_not_stop_what_could_not_start_again(
    node: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    node.put("ha.cf", HA_CF + "keepalive soon\n")
    assert node.heartbeat("restart") == command.NOT_CONFIGURED
    said = capsys.readouterr().err
    assert "ha.cf:4:11: error" in said
    assert said.splitlines()[-1] == "heartbeat: nothing was stopped"


def test_all_that_is_wrong_in_all_files_is_told_at_once(node: Installation, refused_start: Start) -> None:
    node.put("ha.cf", HA_CF + "keepalive soon\ndeadtime never\n")
    node.put("authkeys", "auth 2\n1 sha256 a-secret\n")
    node.put("haresources", "node1 10.0.0.1/99\n")
    said = refused_start()
    for place in ("ha.cf:4:", "ha.cf:5:", "authkeys:1:", "haresources:1:"):
        assert place in said


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["start", "--nosuch"])
    assert ended.value.code == 2
