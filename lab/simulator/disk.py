"""What a simulated node has on disk: files, what of them was synced, and what a power cut leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from cib.document import Document
from cib.history import HistoryPoint, start
from cib.replica import Replica, ReplicaSettings
from heartbeat.events import DurableState
from lrmd.events import Leftover, NoteOperation, SavedHead, SavedResource


@dataclass
class RunDirectory:
    """lrmd's records in the run directory: they survive the process, not the power cut."""

    head: SavedHead | None = None
    resources: dict[str, SavedResource] = field(default_factory=dict)
    saved_at: dict[str, int] = field(default_factory=dict)
    """When the record of a resource was written last."""
    active_order: tuple[str, ...] = ()
    notes: dict[int, NoteOperation] = field(default_factory=dict)
    settled: list[Leftover] = field(default_factory=list)


@dataclass
class Disk:
    """Durable state of one machine."""

    heartbeat: DurableState = field(default_factory=DurableState)
    run: RunDirectory = field(default_factory=RunDirectory)
    cib: tuple[bytes, HistoryPoint | None] = (b"", None)
    """cib.xml and its sidecar, as synced."""
    full: bool = False
    """The controller's writes fail."""
    slow: bool = False
    """Every fsync takes long."""

    def write_first_cib(self, content: bytes) -> None:
        """An administrator puts a cib.xml there before the first start."""
        self.cib = (content, None)

    def make_replica(self, node: str, incarnation: int, *, large: bool) -> Replica:
        """What a controller begins with: what is on disk. `large`: see `Scenario`."""
        content, point = self.cib
        document = Document.from_bytes(content)
        if point is None:
            point = start(document.version, document.configuration_digest())
        settings = ReplicaSettings(node, incarnation)
        if large:
            settings = replace(settings, apart_from=0)
        return Replica(settings, document, point, kept=self.cib[1] is not None)

    def has_in_cib(self, name: str) -> bool:
        """Whether an element of this id is in the cib.xml that would survive a power cut now."""
        return f'id="{name}"'.encode() in self.cib[0]

    def power_cut(self) -> None:
        """What is left afterwards: synced state; the run directory is empty after a boot."""
        self.run = RunDirectory()
