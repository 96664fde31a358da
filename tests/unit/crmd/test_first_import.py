"""When haresources is imported, and when not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from cib.document import Document
from cib.initial import empty_document
from cib.operations import apply_requests
from cib.requests import Request
from crmd.first_import import FirstImport
from crmd.messages import ApplyCib, CibApplied, ClusterState, Failed
from heartbeat.messages import ClusterSettings
from ipc.directories import NodeDirectories
from ipc.note import Note

SETTINGS = ClusterSettings(200, 1000, 500, 2000, "on")
DC = ClusterState(0, "n1", "n1", "S_POLICY_ENGINE", 1, ("n1",), True, "alone", False, (0, 0, 0))


class Node:
    """A node with a haresources, and what the import asked for and said."""

    def __init__(self, directory: Path) -> None:
        self.asked: list[ApplyCib] = []
        self.notes: list[Note] = []
        self.document = empty_document()
        directories = NodeDirectories(directory, directory, directory, directory)
        self.it = FirstImport(directories, ("n1", "n2"), SETTINGS, self.asked.append, self.notes.append)

    def state(self, state: ClusterState) -> None:
        self.it.state_changed(state, self.document)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    (tmp_path / "haresources").write_text("n1 10.0.0.9/24/eth0\n")
    return Node(tmp_path)


def test_the_dc_of_an_untouched_cluster_imports_once(node: Node) -> None:
    node.state(DC)
    node.state(DC)
    (request,) = node.asked
    assert request.force
    apply_requests(node.document, request.requests)
    assert node.document.version.epoch == 1
    node.it.answered(CibApplied(1, (0, 1, 0), 1, 1))
    assert [note.event for note in node.notes] == ["import.warning", "import.done"]


@pytest.mark.parametrize(
    "state",
    [replace(DC, dc=""), replace(DC, dc="n2"), replace(DC, quorate=False)],
)
def test_nobody_else_imports(node: Node, state: ClusterState) -> None:
    node.state(state)
    assert not node.asked


def configured(document: Document) -> None:
    document_with = b'<resources><primitive id="a" class="ocf" provider="heartbeat" type="Dummy"/></resources>'
    apply_requests(document, [Request("modify", section="resources", xml=document_with)])


def emptied_after_an_import(document: Document) -> None:
    mark = (
        b'<crm_config><cluster_property_set id="cib-bootstrap-options">'
        b'<nvpair id="m" name="haresources-imported" value="true"/></cluster_property_set></crm_config>'
    )
    apply_requests(document, [Request("modify", section="crm_config", xml=mark)])


@pytest.mark.parametrize("touch", [configured, emptied_after_an_import])
def test_a_cib_that_has_or_had_content_is_left_alone(node: Node, touch: Callable[[Document], None]) -> None:
    touch(node.document)
    node.state(DC)
    assert not node.asked


def test_a_refused_change_is_told_and_tried_again_later(node: Node) -> None:
    node.state(DC)
    node.it.answered(Failed(1, 106, "no quorum"))
    assert node.notes[-1].event == "import.failed"
    node.state(DC)
    assert len(node.asked) == 2


def test_errors_in_haresources_are_told_line_by_line_and_nothing_is_imported(node: Node, tmp_path: Path) -> None:
    (tmp_path / "haresources").write_text("n1 Filesystem::x\nn7 web\n")
    node.state(DC)
    assert not node.asked
    assert [note.event for note in node.notes] == ["import.refused", "import.refused"]
