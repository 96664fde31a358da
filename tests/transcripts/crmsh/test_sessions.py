"""Runs the sessions of this folder: commands above the line, what the shell prints below it.

A session starts from the two-node CIB of the unit tests. Standard error stands in the transcript with `! ` in front.
With REWRITE_TRANSCRIPTS=1 in the environment the transcripts are written anew: read the difference before you keep it.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from crmsh.backend import FileBackend
from crmsh.levels.dispatch import leave_all, run_line
from crmsh.levels.framework import Session
from crmsh.levels.root import LEVEL
from tests.unit.crmsh.samples import TWO_NODES

FOLDER = Path(__file__).parent
LINE = "----\n"


def transcript(path: Path, commands: list[str]) -> str:
    """What the commands print, each with its command above."""
    out = io.StringIO()
    session = Session(FileBackend(str(path)), display="plain", out_stream=out, err_stream=Marked(out))
    session.path = [LEVEL]
    for command in commands:
        out.write(f"> {command}\n")
        run_line(session, command)
    leave_all(session)
    return out.getvalue().replace(str(path.parent), "@DIR@")


class Marked(io.StringIO):
    """A stream that writes its lines, marked, into another one."""

    def __init__(self, target: io.StringIO) -> None:
        super().__init__()
        self._target = target

    def write(self, text: str) -> int:
        """Mark each line."""
        self._target.write("".join(f"! {line}\n" for line in text.splitlines()))
        return len(text)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.txt")))
def test_the_session_prints_what_its_transcript_says(name: str, tmp_path: Path) -> None:
    source = FOLDER / name
    head, _, expected = source.read_text().partition(LINE)
    commands = [line for line in head.splitlines() if line and not line.startswith("#")]
    path = tmp_path / "cib.xml"
    path.write_text(TWO_NODES)
    got = transcript(path, commands)
    if os.environ.get("REWRITE_TRANSCRIPTS"):
        source.write_text(head + LINE + got)
        return
    assert got == expected
