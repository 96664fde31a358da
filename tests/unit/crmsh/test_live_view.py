"""What of a picture fits on a terminal."""

from __future__ import annotations

from crmsh.live_view import fitting


def test_what_fits_is_shown_as_it_is() -> None:
    assert fitting(["a", "b"], 10, 3) == ["a", "b"]


def test_a_line_that_wraps_takes_several_rows() -> None:
    lines = ["x" * 25, "b", "c"]
    assert fitting(lines, 10, 6) == lines
    assert fitting(lines, 10, 5) == ["x" * 25, "… 2 more lines: crm_mon -1 shows all"]


def test_colours_take_no_room_and_tabs_do() -> None:
    assert fitting(["\x1b[31;1mOFFLINE\x1b[0m", "b"], 7, 3) == ["\x1b[31;1mOFFLINE\x1b[0m", "b"]
    assert fitting(["a\tb", "c"], 8, 3) == ["… 2 more lines: crm_mon -1 shows all"]
