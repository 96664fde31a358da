"""Changing the configuration of a backend by a function on its working copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crmsh import exit_codes
from crmsh.backend import Backend, BackendError
from crmsh.configuration.commit import Conflict, commit
from crmsh.configuration.working_copy import WorkingCopy
from crmsh.language.xml import MalformedXml

Result = TypeVar("Result")


class ActionError(BackendError):
    """What was asked cannot be done. `rc` is the tool's exit code."""


def read_copy(backend: Backend) -> WorkingCopy:
    """A working copy of the configuration in force. Raises BackendError."""
    try:
        return WorkingCopy.from_bytes(backend.read())
    except MalformedXml as error:
        raise BackendError(exit_codes.CONFIG, f"the CIB of {backend.name} is not well-formed: {error}") from None


def edit(backend: Backend, change: Callable[[WorkingCopy], Result], force: bool = False) -> Result:
    """Read, change, write as one patch. Raises BackendError, ActionError, LanguageError; then nothing changed."""
    copy = read_copy(backend)
    result = change(copy)
    if copy.changed:
        try:
            commit(copy, backend, force)
        except Conflict as error:
            raise ActionError(exit_codes.TRY_AGAIN, str(error)) from None
    return result
