"""Calls an agent as the executor's worker does, and keeps what it said."""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass

from ocf.agent import Agent


@dataclass(frozen=True)
class Said:
    """Exit code and both outputs of one call."""

    code: int
    output: str
    errors: str


def call(agent: Agent, action: str, parameters: Mapping[str, str] | None = None, **environ: str) -> Said:
    """One action with these parameters; `environ` names further variables."""
    variables = {f"OCF_RESKEY_{name}": value for name, value in (parameters or {}).items()} | environ
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = agent.run(action, variables)
    return Said(code, output.getvalue(), errors.getvalue())
