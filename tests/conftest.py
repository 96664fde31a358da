"""For all tests: which form of the policy engine runs."""

import pytest

from tests import engine_form

if engine_form.WANTED:
    try:
        engine_form.use_compiled()
    except engine_form.NotUsable as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def pytest_report_header() -> str:
    """Say it at the top of a session."""
    from pengine.form import form

    return f"policy engine: {form()}"
