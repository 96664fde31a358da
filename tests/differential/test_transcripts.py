"""The installed Pacemaker decides as the transcripts of the policy engine say.

Each transcript describes a cluster; its document is given to both. Where the installed one (Debian 12: 2.1.5) is older
than what the transcripts follow (3.0.2), the transcript is listed here with what is newer in it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tests.differential.decisions import PEER, Refused, ask_ours, ask_peer
from tests.differential.search import describe
from tests.differential.versions import forgive
from tests.transcripts.pengine.clusters import read
from tests.transcripts.pengine.test_transcripts import CASES, LINE

NEWER = {
    "a_new_document_with_new_option_names_is_understood": "schema 4.0 and its option names are of 3.0",
    "a_node_that_stays_pending_too_long_is_fenced": "node-pending-timeout came with 2.1.7",
    "dangling_constraints_are_told_and_ignored": "it refuses the document; we tell about each constraint",
    "nodes_are_fenced_at_once_by_default": "concurrent-fencing is true by default since 3.0",
    "software_that_is_missing_keeps_a_resource_off_a_node": "it shows the result of such a probe on active nodes only",
}
"""Transcripts that the installed version can't agree with, and why."""


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def differences(path: Path, scratch: Path) -> list[str]:
    """Return what the two decide differently about the cluster of a transcript; Refused says why one does not."""
    cluster = read(path.read_text(encoding="utf-8").partition(LINE)[0])
    document = etree.tostring(cluster.root)
    try:
        peer, ours = forgive(document, ask_peer(document, scratch), ask_ours(document, scratch))
    except Refused as error:
        return [f"refused: {error}"]
    parts = ours.differing(peer)
    return describe(parts, peer, ours) if parts else []


@pytest.mark.slow
@pytest.mark.skipif(PEER is None, reason="Pacemaker's crm_simulate is not installed")
@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_the_installed_pacemaker_decides_as_the_transcript_says(path: Path, tmp_path: Path) -> None:
    found = differences(path, tmp_path)
    if path.stem in NEWER:
        assert found, f"{path.stem} is listed as newer ({NEWER[path.stem]}), and there is no difference any more"
    else:
        assert not found, "\n".join(found)


def test_every_listed_transcript_is_there() -> None:
    assert set(NEWER) <= {path.stem for path in CASES}
