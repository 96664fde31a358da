"""Runs the shell on a file, as `crm` does, without a process of its own."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from crmsh.backend import FileBackend
from crmsh.levels.dispatch import leave_all, run_line
from crmsh.levels.framework import Session
from crmsh.levels.root import LEVEL


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it."""

    out: str
    err: str
    failed: bool
    cib: str


def run(path: Path, *lines: str, force: bool = False, backend: FileBackend | None = None) -> Ran:
    """Enter lines at the top of the shell; changes that are pending at the end are written."""
    out, err = io.StringIO(), io.StringIO()
    session = Session(backend or FileBackend(str(path)), force=force, display="plain", out_stream=out, err_stream=err)
    session.path = [LEVEL]
    for number, line in enumerate(lines, 1):
        session.line_number = number
        run_line(session, line)
    session.line_number = 0
    leave_all(session)
    return Ran(out.getvalue(), err.getvalue(), session.failed, path.read_text())
