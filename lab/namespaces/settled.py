"""What must hold once all faults of a lab are made good: one DC, equal replicas, all resources once, quiet daemons."""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from cib.document import Document
from cib.errors import CibError
from crmd.client import Client, ClientError
from crmd.messages import ClusterState
from lab.namespaces.journal import double_starts, read
from lab.namespaces.lab import Lab
from lab.namespaces.node import LabError
from lab.observer import placements

LOG = "/var/log/ha-log"
POLL_S = 0.2
QUIET_S = 2.5
"""How long daemons are watched for one that dies again and again."""

ALARMS = re.compile(r"Traceback|AssertionError|critical: .*(defect|mistake)|ended: exit code (?!0\b)")


@dataclass(frozen=True, slots=True)
class Replica:
    """What one node says of itself."""

    state: ClusterState
    xml: bytes

    @property
    def digest(self) -> str:
        """Of the document, as it is kept."""
        return hashlib.sha256(self.xml).hexdigest()


class NotSettled(AssertionError):
    """Something that must hold does not; the message says what."""


class Judge:
    """Looks at a lab from outside. Each check raises NotSettled."""

    def __init__(self, lab: Lab, resources: tuple[str, ...], operator: Callable[[], None]) -> None:
        """`operator` is called again and again while the cluster is waited for: he starts nodes that were fenced."""
        self._lab = lab
        self._operator = operator
        self._resources = resources
        self._log_read = dict.fromkeys(lab.nodes, 0)

    def await_cluster(self, timeout_s: float) -> float:
        """Wait until all nodes are in one view under one DC that is idle, with equal replicas; seconds it took."""
        return self._await(self._cluster_trouble, timeout_s)

    def await_resources(self, timeout_s: float) -> float:
        """Wait until each resource is active on exactly one node, in truth and in the CIB; seconds it took."""
        return self._await(lambda: self._cluster_trouble() or self._resource_trouble(), timeout_s)

    def check_quiet(self) -> None:
        """No daemon may be replaced any more."""
        before = self._daemons()
        time.sleep(QUIET_S)
        after = self._daemons()
        if before != after:
            raise NotSettled(f"daemons are replaced although nothing is wrong: {before} became {after}")

    def check_logs(self) -> None:
        """No log may hold a traceback, or a daemon's end by an error of its own, that was not there before."""
        found = []
        for name, node in self._lab.nodes.items():
            path = node.file(LOG)
            text = path.read_text(errors="replace") if path.exists() else ""
            new, self._log_read[name] = text[self._log_read[name] :], len(text)
            found += [f"{name}: {line}" for line in new.splitlines() if ALARMS.search(line)]
        if found:
            raise NotSettled("\n".join(["logs tell of defects:", *found]))

    def check_journal(self) -> None:
        """No resource may have been started where another node had it, no disk mounted twice."""
        found = double_starts(read(self._lab.journal)) + self._lab.double_mounts
        if found:
            raise NotSettled("\n".join(found))

    def check_options(self, names: list[str]) -> None:
        """Cluster options whose change was acknowledged must be there."""
        _, replica = next(iter(self._replicas().items()))
        missing = [name for name in names if f'name="{name}"'.encode() not in replica.xml]
        if missing:
            raise NotSettled(f"acknowledged changes are lost: {', '.join(missing)}")

    def _await(self, trouble: Callable[[], str], timeout_s: float) -> float:
        begun = time.monotonic()
        while what := trouble():
            if time.monotonic() - begun > timeout_s:
                raise NotSettled(f"after {timeout_s:.0f} s still: {what}")
            self._operator()
            time.sleep(POLL_S)
        return time.monotonic() - begun

    def _replicas(self) -> dict[str, Replica]:
        found = {}
        for name, node in self._lab.nodes.items():
            with Client.connect(node.directories()) as client:
                state = client.state()
                found[name] = Replica(state, client.query())
        return found

    def _cluster_trouble(self) -> str:
        try:
            replicas = self._replicas()
        except (ClientError, LabError, OSError) as error:
            return f"a node does not answer: {error}"
        states = [replica.state for replica in replicas.values()]
        told = ", ".join(
            f"{each.node}: {each.fsa_state} view {each.view} {'+'.join(each.members)} dc {each.dc or 'none'} "
            f"{'idle' if each.idle else 'busy'} cib {'.'.join(map(str, each.cib_version))}"
            for each in states
        )
        if any(set(each.members) != set(self._lab.nodes) for each in states):
            return f"the nodes are not together: {told}"
        if len({(each.dc, each.view) for each in states}) != 1 or not states[0].dc:
            return f"not one DC: {told}"
        if not all(each.idle and each.quorate for each in states):
            return f"not idle with quorum: {told}"
        if len({replica.digest for replica in replicas.values()}) != 1:
            return f"replicas differ: {told}"
        return ""

    def _resource_trouble(self) -> str:
        try:
            replica = next(iter(self._replicas().values()))
            recorded = placements(Document.from_bytes(replica.xml))
        except (ClientError, CibError, LabError, OSError) as error:
            return f"a node does not answer: {error}"
        for resource in self._resources:
            holders = [
                name
                for name, node in self._lab.nodes.items()
                if node.run(["test", "-e", f"/run/Logged-{resource}"], check=False).returncode == 0
            ]
            if len(holders) != 1 or recorded.get(resource) != holders[0]:
                where = " and ".join(holders) or "nowhere"
                return f"{resource} is active on {where}, recorded on {recorded.get(resource) or 'none'}"
        return ""

    def _daemons(self) -> dict[str, dict[str, list[int]]]:
        return {
            name: {daemon: node.daemon_pids(daemon)[:1] for daemon in ("heartbeat", "crmd", "lrmd", "pengine")}
            for name, node in self._lab.nodes.items()
        }
