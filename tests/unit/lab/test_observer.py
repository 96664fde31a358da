"""What the lab's observer makes of the stream of changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmd.client import Client, WatchEvent
from crmd.messages import CibChanged, CibContent, ClusterState
from ipc.directories import NodeDirectories
from lab.observer import Observer

STATE = ClusterState(1, "n1", "n1", "S_IDLE", 1, ("n1",), True, "majority", True, (0, 1, 0), idle=True)
EMPTY = b'<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>'  # noqa: E501


class Replaced:
    """A controller whose document is replaced as a whole while it is watched."""

    def __enter__(self) -> "Replaced":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def watch(self) -> Iterator[WatchEvent]:
        yield STATE
        yield CibContent(1, EMPTY)
        yield CibChanged(1, b"", (0, 2, 0))
        yield CibContent(1, EMPTY.replace(b'epoch="1" num', b'epoch="2" num'))
        yield ClusterState(1, "n1", "n1", "S_IDLE", 2, ("n1", "n2"), True, "majority", True, (0, 2, 0), idle=True)


def test_a_document_that_is_replaced_as_a_whole_does_not_end_the_watch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Client, "connect", lambda _directories: Replaced())
    observer = Observer(lambda: NodeDirectories(tmp_path, tmp_path, tmp_path, tmp_path))
    sight = observer.wait("both are there", lambda seen: seen.members == ("n1", "n2"), 0, 5)
    assert sight.idle
    observer.close()
