"""When a configuration change may be acknowledged: when it is on enough disks to survive.

With a majority of all votes in the view: when nodes with a majority of all votes, in the view or not, have it. Where
the view has its quorum from two_node or from a node that started alone, or has none and the operator forced the write:
when every member of the view has it. So is what the operator forces while too few nodes for a majority are there.

While the list of votes itself changes by one node, a majority of the old list and one of the new one are both needed,
so that no two majorities that share nobody can ever decide.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from cib.replica_events import RoleChanged
from cib.replica_messages import Settled
from cib.version import ConfigurationVersion


class Pending(msgspec.Struct, frozen=True):
    """A change that waits for disks."""

    settled: Settled
    version: ConfigurationVersion
    forced: bool
    """The operator wanted it although the partition may not write configuration."""


class Acknowledgements:
    """Which member has which configuration version on disk in one term of a DC, and what waits for that."""

    def __init__(self) -> None:
        self._kept: dict[str, ConfigurationVersion] = {}
        self._refused: dict[str, str] = {}
        self._pending: list[Pending] = []

    @property
    def is_waiting(self) -> bool:
        """Whether a write waits."""
        return bool(self._pending)

    @property
    def has_refusals(self) -> bool:
        """Whether a member's disk refuses."""
        return bool(self._refused)

    def wait(self, settled: Settled, *, forced: bool) -> None:
        """Acknowledge this write when its version is kept."""
        if all(pending.settled.id != settled.id for pending in self._pending):
            self._pending.append(Pending(settled, settled.version.configuration, forced))

    def kept(self, node: str, version: ConfigurationVersion) -> None:
        """A node has this version, and so all before it, on disk."""
        self._kept[node] = max(version, self._kept.get(node, version))
        self._refused.pop(node, None)

    def forget_kept(self) -> None:
        """The DC may write from now on: what was kept counts anew, once it is confirmed."""
        self._kept.clear()

    def refused(self, node: str, reason: str) -> None:
        """A node's disk refuses."""
        self._refused[node] = reason

    def holders(self, version: ConfigurationVersion) -> set[str]:
        """Return the nodes that have this version or a later one on disk."""
        return {node for node, kept in self._kept.items() if kept >= version}

    def is_kept(self, version: ConfigurationVersion, role: RoleChanged, listed: Collection[str]) -> bool:
        """Say whether enough nodes have it; `listed` are the votes by the document."""
        return enough(self.holders(version), role, listed)

    def obstacle(self, role: RoleChanged, listed: Collection[str]) -> str:
        """Return why no change can be kept at present; empty when nothing stands against it."""
        able = set(role.members) - set(self._refused)
        if enough(able, role, listed):
            return ""
        needed, among = _lacking(able, role, listed)
        missing = [f"{node} ({self._refused.get(node, 'it is not in this partition')})" for node in among - able]
        return f"{needed} of {', '.join(sorted(among))} must keep it, and these can't: {', '.join(sorted(missing))}"

    def take_kept(self, role: RoleChanged, listed: Collection[str]) -> list[Pending]:
        """Take out the changes that may be acknowledged, oldest first."""
        # A partition that may not write must not promise that a change lasts, also not one that it got to know while it
        # still might: only what was forced in it is answered in it.
        answerable = [pending for pending in self._pending if pending.forced or role.config_writes]
        done = [pending for pending in answerable if self._is_answered(pending, role, listed)]
        self._pending = [pending for pending in self._pending if pending not in done]
        return done

    def _is_answered(self, pending: Pending, role: RoleChanged, listed: Collection[str]) -> bool:
        holders = self.holders(pending.version)
        if enough(holders, role, listed):
            return True
        # Too few can keep it, the operator wants it all the same: all who are there have it, and the answer says so.
        return pending.forced and bool(self.obstacle(role, listed)) and holders >= set(role.members)

    def take_all(self) -> list[Pending]:
        """Take out everything that waits (it cannot be kept any more)."""
        pending, self._pending = self._pending, []
        return pending


def enough(holders: set[str], role: RoleChanged, listed: Collection[str]) -> bool:
    """Say whether a change that these nodes have on disk survives."""
    if not role.majority:
        return holders >= set(role.members)
    return all(_majority(holders, votes) for votes in electorates(role.votes, listed))


def electorates(votes: Collection[str], listed: Collection[str]) -> list[set[str]]:
    """Return the sets of which a majority is needed each: the votes in force, and a list that differs by one node.

    A list that differs by more is no step of a change (those go one node at a time), but a document that was made for
    other nodes or is not filled in yet; then only the votes in force count.
    """
    in_force, wanted = set(votes), set(listed)
    if wanted and len(in_force ^ wanted) == 1:
        return [in_force, wanted]
    return [in_force]


def _lacking(able: set[str], role: RoleChanged, listed: Collection[str]) -> tuple[int, set[str]]:
    """Return how many of which nodes must keep a change that these can't keep alone."""
    if not role.majority:
        return len(role.members), set(role.members)
    among = next(votes for votes in electorates(role.votes, listed) if not _majority(able, votes))
    return len(among) // 2 + 1, among


def _majority(holders: set[str], votes: set[str]) -> bool:
    return 2 * len(holders & votes) > len(votes)


def vote_change_problem(before: Collection[str], after: Collection[str], votes: Collection[str]) -> str:
    """Return why the list of nodes may not change like this; empty when it may.

    Nodes that have a vote already may be entered freely; beyond that a change concerns one node, and the next one has
    to wait until it is in force.
    """
    old, new, in_force = set(before), set(after), set(votes)
    if old == new:
        return ""
    changed = sorted((new - in_force) | ((in_force & old) - new))
    if len(changed) <= 1:
        return ""
    return f"votes change one node at a time, this changes {', '.join(changed)}"
