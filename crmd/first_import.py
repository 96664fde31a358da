"""When the classic files are imported: once, by the first DC of a cluster whose CIB has never had any content."""

from collections.abc import Callable

from cib.configuration import cluster_options, resources
from cib.document import Document
from crmd.legacy_files import read_plan
from crmd.legacy_import import MARK, ImportRefused, requests
from crmd.messages import ApplyCib, CibApplied, ClientReply, ClusterState, Failed
from heartbeat.messages import ClusterSettings
from ipc.directories import NodeDirectories
from ipc.note import Note

IMPORT_CLIENT = 0
"""The client number of the daemon itself; connections are numbered from 1."""
MAX_ATTEMPTS = 5
"""A change that is refused as often as this is refused for a lasting reason."""


def is_untouched(document: Document) -> bool:
    """Whether nobody has configured anything yet: no resource, and no mark of an import."""
    return not resources(document) and MARK not in cluster_options(document).values


class FirstImport:
    """Watches for the moment to import; `ask` sends the change the way that every client's goes."""

    def __init__(
        self,
        directories: NodeDirectories,
        nodes: tuple[str, ...],
        settings: ClusterSettings,
        ask: Callable[[ApplyCib], None],
        note: Callable[[Note], None],
    ) -> None:
        self._directories = directories
        self._nodes = nodes
        self._settings = settings
        self._ask = ask
        self._note = note
        self._over = False
        self._attempts = 0

    def state_changed(self, state: ClusterState, document: Document) -> None:
        """The controller's state is another now: import, if this node is the DC of an untouched cluster.

        The change is forced: a node that started alone may run resources, and without the import it has none.
        """
        if self._over or not state.quorate or state.dc != state.node:
            return
        self._over = True
        if not is_untouched(document):
            return
        try:
            plan = read_plan(self._directories.config, self._nodes, self._settings)
        except ImportRefused as error:
            for problem in str(error).splitlines():
                self._note(Note("error", "import.refused", problem))
            return
        if plan is None:
            return
        for warning in plan.warnings:
            self._note(Note("warning", "import.warning", warning))
        self._ask(ApplyCib(1, requests(plan), force=True))

    def answered(self, reply: ClientReply) -> None:
        """How the change ended."""
        match reply:
            case CibApplied():
                text = "haresources was imported into the CIB, which counts from now on"
                self._note(Note("notice", "import.done", text, {"epoch": reply.version[1]}))
            case Failed():
                self._attempts += 1
                self._over = self._attempts >= MAX_ATTEMPTS
                text = f"haresources could not be imported: {reply.text}"
                self._note(Note("error", "import.failed", text, {"rc": reply.rc}))
            case _:
                raise AssertionError(f"{reply} does not answer a change")
