"""What the lab's session does with the inputs that its clusters keep: tell them apart, and compare them."""

from __future__ import annotations

import bz2
from pathlib import Path

import pytest
from lxml import etree

from tests.differential.decisions import PEER
from tests.lab.kept_inputs import KeptInputs, as_for_peer, compare, meaning
from tests.transcripts.pengine.clusters import build

HEALTHY = """
option stonith-enabled=false
node n1
primitive vip ocf:heartbeat:Dummy
history n1 vip start 0
"""


class LabOfFiles:
    """The nodes of a lab as far as they hold inputs."""

    def __init__(self, directory: Path) -> None:
        self.nodes: dict[str, LabOfFiles] = {"n1": self}
        self._directory = directory

    def file(self, path: str) -> Path:
        return self._directory / path.lstrip("/")


def document(text: str, **attributes: str) -> bytes:
    root, _ = build(text)
    for name, value in attributes.items():
        root.set(name, value)
    return etree.tostring(root)


def kept(tmp_path: Path, *documents: bytes) -> KeptInputs:
    directory = tmp_path / "var/lib/pacekeeper/pengine"
    directory.mkdir(parents=True)
    for number, content in enumerate(documents):
        (directory / f"pe-input-{number}.bz2").write_bytes(bz2.compress(content))
    inputs = KeptInputs()
    inputs.collect(LabOfFiles(tmp_path), "a test")
    return inputs


def test_inputs_that_differ_in_counters_and_times_alone_are_one(tmp_path: Path) -> None:
    later = HEALTHY.replace("vip start 0", "vip start 0 at=7 exec-time=9")
    other = HEALTHY.replace("vip start 0", "vip start 1")
    inputs = kept(tmp_path, document(HEALTHY), document(later, epoch="9"), document(other), b"torn")
    assert inputs.read == 3
    assert len(inputs.documents) == 2


def test_an_older_reader_is_told_what_is_so_and_not_since_when() -> None:
    root, _ = build(HEALTHY + "node n2\nstate n1 in_ccm=17 crmd=18\nstate n2 in_ccm=0 crmd=0")
    del root.attrib["crm_feature_set"]
    before = meaning(root)
    states = as_for_peer(root).findall("status/node_state")
    assert [(state.get("in_ccm"), state.get("crmd")) for state in states] == [("true", "online"), ("false", "offline")]
    assert root.get("crm_feature_set")
    assert meaning(root) != before


@pytest.mark.skipif(PEER is None, reason="Pacemaker's crm_simulate is not installed")
def test_inputs_are_compared_until_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    inputs = kept(tmp_path, document(HEALTHY), document(HEALTHY + "node n2 standby=on"))
    assert compare(inputs, tmp_path, 60.0) == (2, [])
    assert compare(inputs, tmp_path, -1.0) == (0, [])
