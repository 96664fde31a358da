"""The release's number is written in two places."""

import tomllib
from pathlib import Path

from cib.document import Document
from cib.history import HistoryPoint
from crmd.cib_view import CibView
from ipc.version import NAME, VERSION


def test_the_code_and_the_package_have_the_same_name_and_version() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == (NAME, VERSION)


class Replica:
    """A document to look at."""

    def __init__(self, properties: str) -> None:
        self.document = Document.from_bytes(
            b'<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config>'
            b'<cluster_property_set id="cib-bootstrap-options">' + properties.encode() + b"</cluster_property_set>"
            b"</crm_config><nodes/><resources/><constraints/></configuration><status/></cib>"
        )

    @property
    def point(self) -> HistoryPoint:
        raise AssertionError("not asked for")


def test_a_dc_enters_its_version_once() -> None:
    known = f'<nvpair id="i" name="cluster-infrastructure" value="{NAME}"/>'
    entered = f'<nvpair id="v" name="dc-version" value="{VERSION}"/>'
    (request,) = CibView(Replica(known)).missing_marks()
    assert f'name="dc-version" value="{VERSION}"'.encode() in request.xml
    assert CibView(Replica(known + entered)).missing_marks() == []
