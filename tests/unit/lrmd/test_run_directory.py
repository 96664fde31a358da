"""What the executor writes down, and what a successor reads."""

import os
import subprocess
from pathlib import Path

from ipc.directories import NodeDirectories
from ipc.note import Note
from ipc.units import Milliseconds
from lrmd.events import NoteOperation, SavedHead
from lrmd.run_directory import RunDirectory, process_start_time
from tests.unit.lrmd.node import STAMP, Node, operation


def opened(path: Path, problems: list[Note] | None = None) -> RunDirectory:
    """A run directory below `path`, as each executor opens it."""
    directories = NodeDirectories(path / "config", path / "state", path / "run", path / "log")
    return RunDirectory(directories, (problems if problems is not None else []).append)


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.load()
    node = Node.ready()
    node.run(operation("group/vip:0", "start", parameters={"ip": "10.0.0.1"}))
    record = node.directory.resources["group/vip:0"]
    first.save_resource(record)
    first.save_head(SavedHead(5, STAMP, 7))
    first.save_order(("group/vip:0",))
    recovered, alive = opened(tmp_path).load()
    assert recovered.resources == (record,)
    assert recovered.head == SavedHead(5, STAMP, 7)
    assert recovered.active_order == ("group/vip:0",)
    assert (recovered.leftovers, alive) == ((), {})
    first.drop_resource("group/vip:0")
    assert opened(tmp_path).load()[0].resources == ()


def test_a_noted_process_that_still_runs_is_found_alive(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    directory.load()
    with subprocess.Popen(["sleep", "30"]) as process:
        try:
            directory.note(NoteOperation(3, 8, operation("db", "start"), Milliseconds(500)))
            directory.note_pid(3, process.pid)
            recovered, alive = opened(tmp_path).load()
            leftover = recovered.leftovers[0]
            assert (leftover.run_id, leftover.call_id, leftover.pid, leftover.alive) == (3, 8, process.pid, True)
            assert (leftover.operation, leftover.started) == (operation("db", "start"), 500)
            assert alive == {3: process.pid}
        finally:
            process.kill()
    recovered, alive = opened(tmp_path).load()
    assert [each.alive for each in recovered.leftovers] == [False]
    directory.clear_note(3)
    assert opened(tmp_path).load()[0].leftovers == ()


def test_an_agent_that_was_never_let_go_is_not_alive(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    directory.load()
    directory.note(NoteOperation(3, 8, operation("db", "start"), Milliseconds(500)))
    recovered, alive = opened(tmp_path).load()
    assert [(each.pid, each.alive) for each in recovered.leftovers] == [(0, False)]
    assert alive == {}


def test_another_process_with_the_same_pid_is_not_taken_for_the_agent(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    directory.load()
    directory.note(NoteOperation(3, 8, operation("db", "start"), Milliseconds(500)))
    directory.note_pid(3, os.getpid())
    assert directory.is_leader_alive(3, os.getpid())
    assert not directory.is_leader_alive(3, os.getppid())
    assert not directory.is_leader_alive(4, os.getpid())


def test_what_another_life_of_the_machine_wrote_is_gone(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.load()
    first.save_order(("vip",))
    first.note(NoteOperation(3, 8, operation("db", "start"), Milliseconds(500)))
    (tmp_path / "run/lrmd/life").write_text("another boot\n", encoding="utf-8")
    recovered, _ = opened(tmp_path).load()
    assert recovered.active_order == ()
    assert recovered.leftovers == ()


def test_a_damaged_file_is_reported_with_its_name_and_the_rest_is_read(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.load()
    first.save_head(SavedHead(5, STAMP, 7))
    first.save_order(("vip",))
    (tmp_path / "run/lrmd/head").write_bytes(b"\xc1")
    problems: list[Note] = []
    recovered, _ = opened(tmp_path, problems).load()
    assert recovered.head is None
    assert recovered.active_order == ("vip",)
    assert [problem.event for problem in problems] == ["run-directory.damaged"]
    assert str(tmp_path / "run/lrmd/head") in problems[0].text


def test_a_zombie_counts_as_gone() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert process_start_time(pid) is None
    os.waitpid(pid, 0)
    assert process_start_time(os.getpid()) is not None
