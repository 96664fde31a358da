"""The state on disk: whole or not there, and never taken for an empty one when it is damaged."""

from pathlib import Path

import msgspec
import pytest

from heartbeat.events import DurableState
from heartbeat.state_file import FILE_NAME, SPARE_NAME, StateUnreadable, read_state, write_state

STATE = DurableState(generation=1_700_000_003, voted=17, nodes=("one", "two"))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    assert read_state(tmp_path, 0) == STATE
    write_state(tmp_path, msgspec.structs.replace(STATE, voted=18))
    assert read_state(tmp_path, 0).voted == 18


def test_a_disk_that_fills_up_has_room_for_the_next_state_in_the_spare_file(tmp_path: Path) -> None:
    """No file is made after the first two: their blocks are written in turn."""
    write_state(tmp_path, STATE)
    both = {path.stat().st_ino for path in tmp_path.iterdir()}
    assert len(both) == 2
    for voted in range(18, 23):
        write_state(tmp_path, msgspec.structs.replace(STATE, voted=voted))
        assert read_state(tmp_path, 0).voted == voted
        assert {path.stat().st_ino for path in tmp_path.iterdir()} == both


def test_a_shorter_state_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    for nodes in (("a-node-with-a-very-long-name", "two", "three"), ("one",), ("one",)):
        write_state(tmp_path, msgspec.structs.replace(STATE, nodes=nodes))
        assert read_state(tmp_path, 0).nodes == nodes


def test_a_first_start_begins_after_the_given_generation(tmp_path: Path) -> None:
    assert read_state(tmp_path, 1_700_000_000) == DurableState(generation=1_700_000_000)


def test_a_crash_before_the_exchange_leaves_the_old_state(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    (tmp_path / SPARE_NAME).write_bytes(b"half")
    assert read_state(tmp_path, 0) == STATE


@pytest.mark.parametrize("change", ["empty", "cut", "digit", "other"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, change: str) -> None:
    write_state(tmp_path, STATE)
    path = tmp_path / FILE_NAME
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": data[:-5], "digit": data.replace(b"17,", b"16,"), "other": b"{}"}[change])
    with pytest.raises(StateUnreadable, match=FILE_NAME):
        read_state(tmp_path, 0)


def test_a_state_that_can_not_be_written_is_told_and_leaves_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_state(tmp_path / "missing", STATE)
    write_state(tmp_path, STATE)
    (tmp_path / SPARE_NAME).unlink()
    (tmp_path / SPARE_NAME).mkdir()
    with pytest.raises(OSError, match="directory"):
        write_state(tmp_path, msgspec.structs.replace(STATE, voted=18))
    assert read_state(tmp_path, 0) == STATE
