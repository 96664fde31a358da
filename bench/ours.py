"""Our own cluster in the lab, with the same doors as bench.peer has for the other."""

import re
import time
from collections.abc import Iterable
from pathlib import Path

from cib.document import Document
from crmd.client import Client, ClientError
from crmd.messages import ClusterState
from lab.namespaces.lab import Lab
from lab.namespaces.node import LabError
from lab.observer import placements

EXAMPLE = Path(__file__).parent.parent / "examples/web-ha"
LOG = "/var/log/ha-log"
POLL_S = 0.05

_LOST = re.compile(r"\[peer\.lost peer=(\S+) last_heard_at=(\d+) silent_ms=(\d+)\]")


class Ours:
    """A Pacekeeper cluster on the nodes of a lab: ha.cf and authkeys of the example, configuration from a cib.xml."""

    def __init__(self, lab: Lab) -> None:
        """Lay the files; the nodes are off."""
        self.lab = lab
        lab.write_cluster_files(ha_cf(list(lab.nodes)), (EXAMPLE / "authkeys").read_text())

    def boot(self, name: str, cib: str = "") -> None:
        """Power on; `cib` is laid as the node's cib.xml where it has none yet."""
        if cib and not self.lab[name].file("/var/lib/pacekeeper/cib/cib.xml").exists():
            self.lab.write_cib(cib, [name])
        self.lab[name].boot()

    def start(self, names: Iterable[str]) -> None:
        """Start the daemons of several nodes at once. Raises CommandFailed."""
        self.lab.start(list(names))

    def settle(self, name: str, *, online: int, active: dict[str, str] | None = None, timeout_s: float = 60) -> None:
        """Wait until so many nodes are members, the resources are where `active` says, and nothing is left to do."""
        deadline = time.monotonic() + timeout_s
        while True:
            state = self.state(name)
            if state is not None and state.idle and len(state.members) == online:
                where = {} if active is None else self._placements(name)
                if active is None or where == active:
                    return
            if time.monotonic() > deadline:
                raise LabError(f"{name} does not settle: {state}")
            time.sleep(POLL_S)

    def _placements(self, name: str) -> dict[str, str]:
        with Client.connect(self.lab[name].directories()) as client:
            return placements(Document.from_bytes(client.query()))

    def state(self, name: str) -> ClusterState | None:
        """What the node's controller says of itself; None while it does not answer."""
        try:
            with Client.connect(self.lab[name].directories()) as client:
                return client.state()
        except ClientError:
            return None

    def coordinator(self, name: str) -> str:
        """The DC's name; empty when there is none."""
        state = self.state(name)
        return state.dc if state else ""

    def lost_at(self, name: str, since_ms: int) -> int | None:
        """The instant at which this node's detector gave its peer up, after `since_ms`."""
        for match in _LOST.finditer(self.lab[name].file(LOG).read_text(errors="replace")):
            at = int(match.group(2)) + int(match.group(3))
            if at >= since_ms:
                return at
        return None


def ha_cf(names: list[str]) -> str:
    """The example's ha.cf, with these nodes for its own."""
    lines = (EXAMPLE / "ha.cf").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("node ")]
    return "\n".join([*kept, *(f"node {name}" for name in names)]) + "\n"
