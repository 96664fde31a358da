"""The log: which notes go where, and that a renamed file is left to whoever renamed it."""

import os
import re
from pathlib import Path

import pytest

from heartbeat.daemon import agents_log
from heartbeat.ha_cf import parse_ha_cf
from heartbeat.log import Log
from ipc.directories import NodeDirectories
from ipc.note import Note

NOTICE = Note("notice", "view.installed", "View 3 is installed", {"view": 3})
INFO = Note("info", "peer.heard", "Heard two", {"peer": "two"})
DEBUG = Note("debug", "packet", "A packet")


def write(directory: Path, debug: int, *notes: Note) -> tuple[list[str], list[str]]:
    log = Log("one", directory / "log", directory / "debug", None, directory / "children")
    log.set_debug(debug)
    for note in notes:
        log.note(note)
    log.close()
    return tuple((directory / name).read_text().splitlines() for name in ("log", "debug"))  # type: ignore[return-value]


def test_a_line_has_time_node_process_level_text_and_fields(tmp_path: Path) -> None:
    (line,), _ = write(tmp_path, 0, NOTICE)
    head = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} one heartbeat\[(\d+)\]"
    form = head + r" notice: View 3 is installed \[view.installed view=3\]"
    match = re.fullmatch(form, line)
    assert match is not None
    assert int(match[1]) == os.getpid()


def test_the_logfile_shows_more_with_each_debug_level_and_the_debugfile_shows_all(tmp_path: Path) -> None:
    for debug, shown in ((0, 1), (1, 2), (2, 3)):
        directory = tmp_path / str(debug)
        directory.mkdir()
        log, everything = write(directory, debug, NOTICE, INFO, DEBUG)
        assert (len(log), len(everything)) == (shown, 3)


def test_after_a_rename_a_new_file_is_written(tmp_path: Path) -> None:
    log = Log("one", tmp_path / "log", None, None, tmp_path / "children")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.reopen()
    log.note(NOTICE)
    log.close()
    assert "View 3" in (tmp_path / "log").read_text()
    assert (tmp_path / "log.1").read_text() == ""


def test_childrens_output_has_a_file_even_without_a_logfile(tmp_path: Path) -> None:
    log = Log("one", None, None, "local0", tmp_path / "children")
    output = log.children_output()
    os.write(output, b"a traceback\n")
    os.close(output)
    log.close()
    assert (tmp_path / "children").read_text() == "a traceback\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", {"HA_LOGFILE": "/log/ha-log", "HA_LOGFACILITY": "none", "HA_debug": "0"}),
        (
            "logfile /var/log/ha-log\ndebugfile /var/log/ha-debug\nlogfacility local3\ndebug 1\n",
            {
                "HA_LOGFILE": "/var/log/ha-log",
                "HA_DEBUGLOG": "/var/log/ha-debug",
                "HA_LOGFACILITY": "local3",
                "HA_debug": "1",
            },
        ),
        ("logfacility daemon\n", {"HA_LOGFACILITY": "daemon", "HA_debug": "0"}),
    ],
)
def test_agents_log_where_the_cluster_does(lines: str, expected: dict[str, str]) -> None:
    config = parse_ha_cf(f"auto_failback on\nbcast lo\nnode a\n{lines}".encode(), Path("ha.cf"), "a").config
    assert config is not None
    directories = NodeDirectories(Path("/etc"), Path("/state"), Path("/run"), Path("/log"))
    assert agents_log(config, directories) == expected
