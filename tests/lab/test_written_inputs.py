"""What the clusters of the tests before decided, asked of the installed Pacemaker once more. Runs after all others."""

import sys
from pathlib import Path

import pytest

from lab.namespaces.lab import available
from tests.differential.decisions import PEER
from tests.lab.kept_inputs import KeptInputs, compare

pytestmark = pytest.mark.lab
SECONDS = 120.0
"""How long to compare at most; the inputs of many tests are alike, and only distinct ones are kept."""


@pytest.mark.skipif(PEER is None, reason="Pacemaker's crm_simulate is not installed")
def test_the_installed_pacemaker_decides_alike_about_every_input_that_was_kept(
    request: pytest.FixtureRequest, kept_inputs: KeptInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters = any("make_cluster" in getattr(item, "fixturenames", ()) for item in request.session.items)
    if not clusters or available():
        pytest.skip("this run made no cluster")
    monkeypatch.setenv("TZ", "UTC")
    compared, differences = compare(kept_inputs, tmp_path, SECONDS)
    sys.stderr.write(f"{kept_inputs.read} inputs, {len(kept_inputs.documents)} distinct, {compared} compared\n")
    assert not differences, "\n".join(differences)
    assert compared > 0
